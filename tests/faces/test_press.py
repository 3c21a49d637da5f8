"""The press: what a hostile template can do to it, and to the machine."""

import pytest

from certificates.errors import RenderingError, TemplateError
from certificates.rendering.page_data import page_data
from hub.issuing.renditions.press import Job, Press
from tests.faces.test_typesetting import AT, face

LOOP = "#for a in range(9999) { for b in range(9999) { for c in range(9999) { } } }"


def job(template: str) -> Job:
    return Job(template, page_data(face()), "pdf", AT)


async def outcome(press: Press, template: str) -> str:
    try:
        await press.set(job(template))
    except TemplateError as error:
        return error.problems[0].message
    except RenderingError as error:
        return error.reason
    return "set"


async def test_a_template_that_loops_eats_or_reaches_out_ends_and_the_next_one_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("YIZHENG_MASTER_KEY", "not for workers")
    press = Press(own_fonts=None, workers=1, limit_seconds=1.5)
    try:
        assert await outcome(press, '#value("fine")') == "set"
        [worker] = press._idle
        with open(f"/proc/{worker._process.pid}/environ", "rb") as environment:  # noqa: ASYNC230, PTH123
            assert b"MASTER_KEY" not in environment.read()
        assert await outcome(press, LOOP) == "too_slow"
        assert worker._process.returncode is not None
        # On a busy machine the time is over before the memory is full.
        assert await outcome(press, "#range(1000000000).len()") in {"worker_died", "too_slow"}
        # The file is there and may be read as far as Typst is concerned: the process cannot open it.
        assert await outcome(press, '#read("base.typ")') == "a template reads no files and no packages"
        assert await outcome(press, '#import "@preview/cetz:0.2.0": *') == "a template reads no files and no packages"
        assert await outcome(press, '#value("fine")') == "set"
    finally:
        press.close()
    assert press._idle == []
