"""`yizheng holder`: what a message gateway would send to people who sign in on trial, for whoever tries the hub out."""

from typing import TYPE_CHECKING

import typer

from hub.cli.common import Exit, HomeOption, JsonOption, fail, show, with_hub

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.citizens.trial import Notice
    from hub.runtime import Hub

app = typer.Typer(help="Holders who sign in 本人登录", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Holders who sign in 本人登录"""


@app.command("notices")
def notices(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Codes sent by the trial sign-in in the last five minutes, newest first; numbers masked. 试用登录验证码"""

    async def work(hub: "Hub") -> "Sequence[Notice] | None":
        return await hub.citizens.trial.notices() if hub.citizens.trial.on else None

    found = with_hub(home, work)
    if found is None:
        fail(
            "the trial sign-in is not on",
            "it is for trying out: the sample city, or YIZHENG_TRIAL_SIGN_IN=on with a local public_url",
            Exit.REFUSED,
        )
    sent = [{"id_number": item.number, "code": item.code, "sent_at": item.sent_at.isoformat()} for item in found]
    lines = [f"{item['id_number']:<20} {item['code']}  {item['sent_at']}" for item in sent]
    show({"notices": sent}, as_json=as_json, text="\n".join(lines) or "nobody has asked for a code")
