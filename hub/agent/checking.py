"""`yizheng agent check`: each step from here to the hub and to the source, with who must act when it fails."""

from dataclasses import asdict, dataclass

from adapters.errors import DefinitionFaultError
from adapters.port import Budget
from hub.agent.answering import Answering
from hub.agent.config import AgentConfig, FolderSecrets
from hub.agent.errors import AgentError, LinkError
from hub.agent.link import HubLink
from hub.agent.program import load_signer
from hub.agent.version import VERSION
from hub.clock import Clock, new_id, utc_now
from hub.registry.connections import secret_names

_ADVICE = {
    "agent": "the operator of this agent must act 由代理运维处理",
    "hub": "the operator of the hub must act 由中枢运维处理",
    "source": "the department's administrator of the source must act 由数据源管理员处理",
}

_WHY = {
    "unreachable_egress": "its address lies in a private network: name that network under `networks`",
    "unreachable_dns": "the name of its host is not known here",
    "unreachable_refused": "nothing answers at its host and port",
    "unreachable_tls": "its certificate does not hold",
    "unreachable_outside_window": "outside the hours under `windows`",
    "denied": "it refuses the user or the password",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One step. `who` and `advice` are empty when it is well."""

    ok: bool
    what: str
    who: str = ""
    advice: str = ""

    def as_json(self) -> dict[str, object]:
        """For `--json`."""
        return asdict(self)


async def checked(config: AgentConfig, *, clock: Clock = utc_now) -> list[Finding]:
    """Try the steps in order; those of the hub end with the first that fails."""
    return [*await _hub(config, clock), *await _source(config, clock)]


async def _hub(config: AgentConfig, clock: Clock) -> list[Finding]:
    found: list[Finding] = []
    try:
        link = HubLink(config.hub, signer=load_signer(config), clock=clock)
    except AgentError as error:
        return [_failed(error)]
    try:
        await link.keys()
        found.append(Finding(ok=True, what=f"the hub at {config.hub.url} shows a pinned key"))
        await link.sign_in()
        found.append(Finding(ok=True, what=f"the hub knows {config.hub.client_id}"))
        beat = {"instance": new_id(), "version": VERSION, "wait_seconds": 0.0, "take": False, "check": True}
        await link.poll(config.source.code, beat)
        found.append(Finding(ok=True, what=f"it is the agent of {config.source.code}"))
    except LinkError as error:
        found.append(_failed(error))
    finally:
        await link.close()
    return found


async def _source(config: AgentConfig, clock: Clock) -> list[Finding]:
    try:
        answering = Answering(config, clock=clock)
    except AgentError as error:
        return [_failed(error)]
    found = [Finding(ok=True, what=f"operations: {', '.join(config.operations) or 'none'}")]
    missing = _secrets(config)
    if missing:
        await answering.close()
        return [*found, *missing]
    limits = config.source.limits
    try:
        probe = await answering.source.probe(Budget(limits.connect_seconds, limits.read_seconds, limits.total_seconds))
    finally:
        await answering.close()
    if probe.ok:
        found.append(Finding(ok=True, what=f"the source answers in {probe.seconds * 1000:.0f} ms"))
    else:
        who = "agent" if probe.code.startswith(("definition", "unreachable_egress")) else "source"
        why = _WHY.get(probe.code, "")
        what = f"the source does not answer: {probe.code}{why and f' ({why})'}"
        found.append(Finding(ok=False, what=what, who=who, advice=_ADVICE[who]))
    return found


def _secrets(config: AgentConfig) -> list[Finding]:
    """A file for each secret that is named, which only this user can read."""
    secrets = FolderSecrets(config.secrets_folder)
    named = secret_names(config.source.connection) | secret_names(config.write_back)
    found = []
    for name in sorted(named):
        try:
            secrets.secret(name)
        except DefinitionFaultError as error:
            path = config.secrets_folder / name
            wrong = "can be read by others: chmod 600, its folder 700" if error.rule == "mode" else "is not there"
            found.append(Finding(ok=False, what=f"secret:{name}: {path} {wrong}", who="agent", advice=_ADVICE["agent"]))
    return found


def _failed(error: AgentError) -> Finding:
    return Finding(ok=False, what=error.what, who=error.who, advice=_ADVICE[error.who])
