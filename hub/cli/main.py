"""`yizheng`: the groups of commands. Heavy imports stand inside the commands, so that `--help` is quick."""

import sys

import typer
from typer._click.exceptions import UsageError  # the command parser that typer carries

from hub.cli import (
    agent,
    archive,
    backup,
    bulk,
    case,
    catalogue,
    catalogue_search,
    certificate,
    certificate_type,
    closure,
    collect,
    conformance,
    dead_end,
    debt,
    demand,
    event,
    grant,
    holder,
    initialise,
    interface,
    key,
    ledger,
    proposal,
    scenario,
    serve,
    source,
    staff,
    stand_in,
    subject,
    task,
    token,
    trust,
    verify,
    verify_exports,
    witness,
    worker,
)
from hub.cli.common import Exit

app = typer.Typer(
    name="yizheng",
    help="一证 — one ID in; the hub fetches the rest. 以一证通办代替层层证明。",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("init")(initialise.init)
app.command("serve")(serve.serve)
app.command("worker")(worker.worker)
app.command("check")(serve.check)
app.command("backup")(backup.backup)
app.command("closure")(closure.closure)
app.command("restore")(backup.restore)
app.add_typer(collect.app, name="collect")
app.command("conformance", context_settings=conformance.HANDED_ON)(conformance.conformance)
app.command("token")(token.token)
app.command("verify")(verify.verify)
app.command("export-trust")(verify_exports.export_trust)
app.command("export-proof")(verify_exports.export_proof)
app.command("search")(catalogue_search.search)
app.add_typer(catalogue_search.app, name="catalogue")
app.add_typer(demand.app, name="demand")
app.add_typer(debt.app, name="debt")
app.add_typer(dead_end.app, name="dead-end")
app.add_typer(task.app, name="task")
app.add_typer(event.app, name="event")
app.add_typer(case.app, name="case")
app.add_typer(ledger.app, name="ledger")
app.add_typer(certificate.app, name="certificate")
app.add_typer(archive.app, name="archive")
app.add_typer(staff.app, name="staff")
app.add_typer(certificate_type.app, name="type")
app.add_typer(subject.app, name="subject")
app.add_typer(holder.app, name="holder")
app.add_typer(source.app, name="source")
app.add_typer(agent.app, name="agent")
app.add_typer(interface.app, name="interface")
app.add_typer(grant.app, name="grant")
app.add_typer(bulk.app, name="bulk")
app.add_typer(proposal.app, name="proposal")
app.add_typer(scenario.app, name="scenario")
app.add_typer(stand_in.app, name="stand-in")
app.add_typer(key.app, name="key")
app.add_typer(trust.app, name="trust")
app.add_typer(witness.app, name="witness")
app.add_typer(proposal.clock, name="clock")
for _name in catalogue.GROUPS:
    app.add_typer(catalogue.group(_name), name=_name)


def run() -> None:
    """Entry point; a wrong call exits with 64 (usage), never with a verdict's code."""
    command = typer.main.get_command(app)
    try:
        code = command.main(standalone_mode=False)
    except UsageError as error:
        error.show()
        sys.exit(Exit.USAGE)
    except typer.Abort:
        sys.exit(130)
    # Outside its standalone mode the parser catches an exit and answers its code.
    sys.exit(code if isinstance(code, int) else Exit.OK)
