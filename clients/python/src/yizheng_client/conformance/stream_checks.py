"""What is looked at in a stream of evidence: the same answer, requirement by requirement, and going on with it."""

from typing import Final

import httpx2

from yizheng_client.conformance.report import Check, same, want
from yizheng_client.conformance.subject import HubUnder
from yizheng_client.jose import read_json, write_json
from yizheng_client.streaming import EVENT_STREAM, event_of


def _stream(hub: HubUnder) -> None:
    """Under the key of the earlier pull, so that nothing is asked again."""
    whole, path = hub.pulled(), hub.case_path("/evidence")
    body = write_json({"purpose": hub.told.purpose})
    found = _events(hub.streamed("POST", path, body, key=hub.evidence_key))
    items = [(id_, read_json(data)) for name, id_, data in found if name == "item"]
    shown = read_json(whole)["requirements"]
    want(all(item in shown for _, item in items) and len(items) == len(shown), "other items than the answer has")
    same([name for name, _, _ in found if name != "item"], ["request", "end"], "events beside the items")
    want(found[-1] == ("end", "end", whole), "the end is not the answer that came without a stream")
    again = f"/api/v1/evidence-requests/{hub.evidence_id}/events"
    rest = _events(hub.streamed("GET", again, last=items[0][0]))
    same([id_ for name, id_, _ in rest if name == "item"], [id_ for id_, _ in items[1:]], "items behind the first")
    same(hub.streamed("GET", again, last="end").status_code, 204, "status behind the end")


def _events(answer: httpx2.Response) -> list[tuple[str, str, bytes]]:
    same(answer.status_code, 200, "status")
    same(answer.headers.get("content-type", "").partition(";")[0], EVENT_STREAM, "content type")
    return [event for event in map(event_of, answer.content.split(b"\n\n")) if event[0]]


STREAM_CHECK: Final = Check(
    "E6",
    "intake-developer.md §3 As it comes",
    "a stream tells the same answer by items, goes on behind Last-Event-ID, and ends",
    _stream,
)
