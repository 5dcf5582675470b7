"""A conversation that was written down says all that the conversation itself says."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from conformance.script import transcript
from conformance.script.trace import Trace
from conformance.wire import SKF, describe
from peers.reference.device import ReferenceDevice
from suites.conduct import all_purposes, conduct

PURPOSES = ("format-sa-length", "format-inner-length", "format-ts-count", "frag-reordered", "auth-signature-rsa",
            "child-rekey", "data-set-up", "auth-bad-icv", "init-request-spi-zero")  # fmt: skip


@pytest.fixture(scope="module")
def device() -> Iterator[ReferenceDevice]:
    with ReferenceDevice() as device:
        yield device


def written(trace: Trace) -> dict[str, Any]:
    """The trace as it comes back from a file."""
    found: dict[str, Any] = json.loads(json.dumps(trace.to_json("ours", "device")))
    return found


@pytest.mark.parametrize("purpose", [name for name in PURPOSES if name in all_purposes()])
def test_every_message_comes_back(device: ReferenceDevice, purpose: str) -> None:
    _, peer = conduct(all_purposes()[purpose], device)
    assert peer is not None
    tree = written(peer.trace)
    assert tree["schema"] == transcript.SCHEMA and len(tree["entries"]) == len(peer.trace.entries)
    messages = 0
    for one, entry in zip(tree["entries"], peer.trace.entries, strict=True):
        if entry.message is not None and not one.get("part"):
            assert transcript.payload_trees(one) == [describe(payload) for payload in entry.message.payloads]
            messages += 1
        if entry.datagram is not None:
            assert bytes.fromhex(one["bytes"]) == entry.datagram.payload
    assert messages
    assert transcript.text(tree) == peer.trace.transcript()


def test_a_message_in_fragments_is_written_once(device: ReferenceDevice) -> None:
    _, peer = conduct(all_purposes()["frag-reordered"], device)
    assert peer is not None
    sent = [one for one in written(peer.trace)["entries"] if one.get("sent") and ", fragment " in one["summary"]]
    assert len(sent) > 1 and "content" in sent[0]
    assert all(one["part"] and "content" not in one for one in sent[1:])
    assert "another part" in transcript.payload_trees(sent[1])[0]["name"]
    assert not any(isinstance(payload, SKF) for one in peer.trace.entries if one.sent and one.message
                   for payload in one.message.payloads)  # fmt: skip


def test_schema_1_had_trees() -> None:
    entry = {"kind": "message", "t": 0.5, "src": "a:500", "dst": "b:500", "summary": "IKE_AUTH request 1: IDi",
             "payloads": [{"name": "IDi", "fields": {"id": "me"}, "children": []}]}  # fmt: skip
    told = transcript.text({"schema": 1, "entries": [entry]})
    assert told == "   0.5000  <-- a:500 > b:500  IKE_AUTH request 1: IDi\n" + " " * 17 + "IDi  id: me\n"


@pytest.mark.parametrize("content", [None, 7, [], [33], [33, "zz"], [33, 5], [1, "", 2], {"a": 1}])
def test_damaged_content_is_said_not_raised(content: object) -> None:
    entry = {"kind": "message", "t": 0.0, "src": "a", "sent": True, "content": content}
    assert transcript.payload_trees(entry)[0]["name"] == "unreadable"
    assert "unreadable" in transcript.text({"entries": [entry]})
