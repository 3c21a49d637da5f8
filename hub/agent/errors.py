"""What keeps an agent from working, with whoever must act: the department's operator of the agent, or the hub's."""

from typing import Literal

Who = Literal["agent", "hub", "source"]


class AgentError(Exception):
    """Root. `what` says what is wrong, in words; no secret and no value of a record."""

    def __init__(self, what: str, who: Who) -> None:
        super().__init__(what)
        self.what = what
        self.who = who


class ConfigError(AgentError):
    """The agent's own files cannot be used."""

    def __init__(self, what: str) -> None:
        super().__init__(what, "agent")


class LinkError(AgentError):
    """The hub cannot be talked to. `code` is stable, for logs; `final` when trying again will not help by itself."""

    def __init__(self, code: str, what: str, who: Who, *, final: bool = False) -> None:
        super().__init__(what, who)
        self.code = code
        self.final = final
