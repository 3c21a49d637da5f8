"""Life events by words: their code, a part of their title, or how it sounds. They are few, and each is looked at."""

from collections.abc import Iterable

from catalog.life_events.values import LifeEvent
from catalog.text import fold, sounds


def meant(events: Iterable[LifeEvent], said: str) -> list[LifeEvent]:
    """Those that answer what was typed; one named by its code is meant alone."""
    found = list(events)
    return [event for event in found if event.code == said] or [event for event in found if _answers(event, said)]


def called(title: str, said: str) -> bool:
    """Whether that is the whole of a Chinese title: as it is written, spoken, or by its initials."""
    wanted, written = _tight(said), _tight(title)
    spoken, initials = next(iter(sounds(title)), ("", ""))
    return bool(wanted) and (wanted == written or (len(initials) == len(written) and wanted in {spoken, initials}))


def _answers(event: LifeEvent, said: str) -> bool:
    wanted = _tight(said)
    if not wanted:
        return False
    heard = (spoken for full_and_first in sounds(event.title_zh) for spoken in full_and_first)
    return any(wanted in _tight(title) for title in (event.title_zh, event.title_en)) or any(
        spoken.startswith(wanted) for spoken in heard
    )


def _tight(text: str) -> str:
    return fold(text).replace(" ", "")
