"""Answering: what the hub asked is checked, looked up in the agent's own list, asked of the source, and signed."""

import json
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, get_args

from adapters.agent import PROBE
from adapters.egress import Egress, Target, networks
from adapters.errors import (
    DefinitionFaultError,
    DeniedError,
    FaultyAnswerError,
    SourceError,
    TimedOutError,
    TimeoutPhase,
    UnreachableError,
    UnreachableReason,
)
from adapters.guarded import Guarded
from adapters.port import Answer, Budget, Environment, Prepared
from adapters.registry import open_source
from hub.agent.config import AgentConfig, FolderSecrets
from hub.agent.errors import ConfigError
from hub.agent.wire import MAX_CONTENT_BYTES, Question
from hub.clock import Clock, rfc3339

_NOT_ALLOWED: Final = "not_allowed"


class Answering:
    """The agent's source, behind its guard: load windows, limits and breaker stand on this side as well."""

    def __init__(self, config: AgentConfig, *, clock: Clock) -> None:
        """Opens the adapter and checks every operation; nothing is reached. Raises: ConfigError naming the place."""
        definition = config.source
        self._limits = definition.limits
        try:
            environment = Environment(
                secrets=FolderSecrets(config.secrets_folder),
                egress=Egress(
                    frozenset(Target(host, port) for host, port in definition.targets), networks(config.networks)
                ),
                clock=clock,
            )
            source = open_source(definition.kind, definition.connection, environment)
            self.source = Guarded(source, definition.limits, windows=definition.windows, clock=clock)
        except DefinitionFaultError as error:
            raise ConfigError(f"/source{error.pointer} is not acceptable ({error.rule})") from None
        except ValueError:
            raise ConfigError("/networks takes networks such as 127.0.0.0/8") from None
        except ImportError as error:
            raise ConfigError(f"kind {definition.kind} needs {error.name}, which is not installed") from None
        self._operations = MappingProxyType(
            {name: self._prepared(name, operation) for name, operation in config.operations.items()}
        )

    async def answer(self, question: Question) -> bytes:
        """The content of an answer: rows as the adapter gave them, in ASCII JSON. Raises: SourceError."""
        budget = self._budget(question.budget)
        if question.operation == PROBE:
            probe = await self.source.probe(budget)
            if not probe.ok:
                raise error_of_code(probe.code)
            return _content(Answer(()))
        prepared = self._operations.get(question.operation)
        if prepared is None:
            raise DefinitionFaultError("/operation", _NOT_ALLOWED)
        if question.attempt > 1 and not prepared.safe:
            raise UnreachableError("agent_absent")
        return _content(await self.source.ask(prepared, question.params, budget=budget, context=question.context))

    async def close(self) -> None:
        """Give the source's connections back."""
        await self.source.close()

    def _prepared(self, name: str, operation: Mapping[str, Any]) -> Prepared:
        try:
            return self.source.prepare(operation)
        except DefinitionFaultError as error:
            raise ConfigError(f"/operations/{name}{error.pointer} is not acceptable ({error.rule})") from None

    def _budget(self, asked: Budget) -> Budget:
        """What the hub grants, never more than the department does."""
        own = self._limits
        return replace(
            asked,
            connect_seconds=min(asked.connect_seconds, own.connect_seconds),
            read_seconds=min(asked.read_seconds, own.read_seconds),
            total_seconds=min(asked.total_seconds, own.total_seconds),
            max_bytes=min(asked.max_bytes, own.max_bytes),
            max_rows=min(asked.max_rows, own.max_rows),
            max_depth=min(asked.max_depth, own.max_depth),
        )


def error_of_code(code: str) -> SourceError:
    """The error behind the code of a probe."""
    known: list[SourceError] = [UnreachableError(reason) for reason in get_args(UnreachableReason)]
    known += [TimedOutError(phase) for phase in get_args(TimeoutPhase)]
    known.append(DeniedError("denied"))
    found = next((error for error in known if error.code == code), None)
    return found or FaultyAnswerError(code.removeprefix("faulty_") or "probe")


def _content(answer: Answer) -> bytes:
    as_of = rfc3339(answer.as_of) if answer.as_of else None
    # ASCII only: no normalisation on the way may change what was signed.
    content = json.dumps({"rows": [dict(row) for row in answer.rows], "as_of": as_of}).encode()
    if len(content) > MAX_CONTENT_BYTES:
        raise FaultyAnswerError("too_large")
    return content
