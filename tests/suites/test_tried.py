"""What a conversation has tried on a device: fields, how they were sent, and what became of them."""

from dataclasses import replace

import pytest

from conformance.net.link import Address, Datagram
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.trace import Entry
from conformance.wire import KE, ExchangeType, KeMethod, Message, Nonce, Notify, NotifyType, VendorID
from peers.reference.device import ReferenceDevice
from suites.conduct import all_purposes, conduct
from suites.tried import Fate, How, Tried, read, tried, written

HERE, THERE = Address("192.0.2.1", 500), Address("192.0.2.2", 500)
ASK = Message(
    exchange=ExchangeType.CREATE_CHILD_SA,
    spi_i=b"i" * 8,
    spi_r=b"r" * 8,
    message_id=3,
    flags=8,
    payloads=(Nonce(data=bytes(32)), KE(method=KeMethod(14), data=b"k")),
)
PLACE = "CREATE_CHILD_SA request"


def sent(bent: Bend | None = None, message: Message = ASK) -> Entry:
    made = Entry(0.0, "message", sent=True, datagram=Datagram(HERE, THERE, b""), message=message, encrypted=True)
    if bent is not None:
        made.message, made.straight, made.bent = bent.payloads(message), message, bent.text
    return made


def came(*payloads: Notify, number: int = 3) -> Entry:
    answer = replace(ASK, message_id=number, payloads=payloads, flags=0x20)
    return Entry(1.0, "message", datagram=Datagram(THERE, HERE, b""), message=answer)


REFUSAL = Notify(NotifyType.INVALID_SYNTAX)


@pytest.mark.parametrize(
    ("bent", "payload", "field", "how"),
    [
        (bend.drop(KE), "KE", "", How.ABSENT),
        (bend.double(Nonce), "Nonce", "", How.DOUBLED),
        (bend.insert(VendorID(b"x")), "VendorID", "", How.ADDED),
        (bend.change(KE, data=b"zz"), "KE", "data", How.OTHER),
        (bend.change(Nonce, length=3), "Nonce", "length", How.OTHER),
        (bend.header(message_id=9), "header", "message_id", How.OTHER),
        (bend.order(lambda found: found[::-1]), "message", "order of payloads", How.OTHER),
        (bend.flip_icv(), "message", "octets", How.OTHER),
    ],
)
def test_what_a_bend_has_changed(bent: Bend, payload: str, field: str, how: How) -> None:
    assert tried([sent(bent)]) == [Tried(PLACE, payload, field, how, Fate.REFUSED)]


def test_the_rest_of_a_bent_message_that_is_taken_is_right() -> None:
    assert tried([sent(bend.change(KE, data=b"zz")), came()]) == [
        Tried(PLACE, "KE", "data", How.OTHER, Fate.TAKEN),
        Tried(PLACE, "Nonce", "", How.RIGHT, Fate.TAKEN),
        Tried(PLACE, "header", "", How.RIGHT, Fate.TAKEN),
    ]


def test_the_answer_is_about_what_was_sent_last() -> None:
    """A wrong request is passed over, the right one with the same message ID gets the response."""
    found = tried([sent(bend.drop(KE)), sent(), came()])
    assert Tried(PLACE, "KE", "", How.ABSENT, Fate.REFUSED) in found
    assert Tried(PLACE, "KE", "", How.RIGHT, Fate.TAKEN) in found


def test_errors_refuse_and_what_is_repeated_counts_once() -> None:
    wrong = Tried(PLACE, "KE", "data", How.OTHER, Fate.REFUSED)
    bent = sent(bend.change(KE, data=b"zz"))
    assert tried([bent, bent, came(REFUSAL)]) == [wrong]
    assert tried([sent(), came(REFUSAL)]) == [Tried(PLACE, "message", "contents", How.OTHER, Fate.REFUSED)]
    assert tried([sent()]) == [], "nobody knows what would have become of it"
    assert tried([sent(), came(number=2)]) == [Tried(PLACE, "message", "contents", How.OTHER, Fate.REFUSED)]


def test_what_is_wrong_with_a_whole_message() -> None:
    naked = replace(sent(), encrypted=False)
    assert tried([naked]) == [Tried(PLACE, "message", "unprotected", How.OTHER, Fate.REFUSED)]
    answer = sent(message=replace(ASK, flags=0x28))
    place = "CREATE_CHILD_SA response"
    assert tried([answer]) == [Tried(place, "message", "unasked", How.OTHER, Fate.REFUSED)]
    keepalive = Entry(0.0, "message", "NAT keepalive", sent=True, datagram=Datagram(HERE, THERE, b""))
    assert tried([keepalive]) == [Tried("no exchange", "NAT keepalive", "", How.OTHER, Fate.REFUSED)]


def test_a_record_holds_what_was_tried() -> None:
    found = tried([sent(bend.change(KE, data=b"zz")), came()])
    assert [read(one) for one in written(found)] == found
    with pytest.raises(ValueError):
        read("a|b|c|d|e")


@pytest.mark.parametrize(
    ("purpose", "wanted"),
    [
        ("init-modp-range", Tried("IKE_SA_INIT request", "KE", "data", How.OTHER, Fate.REFUSED)),
        ("data-replay", Tried("ESP", "ESP", "a copy", How.OTHER, Fate.REFUSED)),
        ("data-tfc", Tried("ESP", "ESP", "tfc", How.OTHER, Fate.TAKEN)),
        ("data-ah-reserved", Tried("AH", "AH", "reserved", How.OTHER, Fate.TAKEN)),
        ("auth-psk-wrong", Tried("IKE_AUTH request", "message", "contents", How.OTHER, Fate.REFUSED)),
    ],
)
def test_purposes_on_the_reference(purpose: str, wanted: Tried) -> None:
    with ReferenceDevice("") as device:
        _, peer = conduct(all_purposes()[purpose], device)
    assert peer is not None
    assert wanted in tried(peer.trace.entries)
