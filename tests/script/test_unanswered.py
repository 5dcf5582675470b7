"""What a trace says was sent last: so that a device's end can be told with it."""

from conformance.net.link import Address, Datagram
from conformance.script.trace import Entry, Trace

OURS, ITS = Address("10.0.0.1", 500), Address("10.0.0.2", 500)


def sent(payload: bytes, **said: object) -> Entry:
    return Entry(0.0, "message", sent=True, datagram=Datagram(OURS, ITS, payload), **said)  # type: ignore[arg-type]


def heard(payload: bytes) -> Entry:
    return Entry(0.0, "message", datagram=Datagram(ITS, OURS, payload))


def test_all_since_the_other_side_spoke_without_repetitions() -> None:
    trace = Trace()
    assert trace.unanswered() == ""
    for entry in (sent(b"a"), heard(b"b")):
        trace.add(entry)
    trace.note(0.0, "a remark is no frame")
    assert trace.unanswered() == "frame 1, 1 octets that are no message of IKE"
    for entry in (sent(b"cc", bent="cut"), sent(b"ddd"), sent(b"cc"), sent(b"e"), sent(b"ff")):
        trace.add(entry)
    assert trace.unanswered() == (
        "frame 3, 2 octets that are no message of IKE (cut), then frame 4, 3 octets that are no message of IKE, "
        "then frame 6, 1 octets that are no message of IKE, and 1 more"
    )
