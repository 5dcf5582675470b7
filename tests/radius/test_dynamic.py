"""The client of dynamic authorization: its requests, and which answers it takes."""

from typing import Any

import pytest
from pyrad.packet import CoAPacket

from conformance.radius import bend, grant
from conformance.radius.dynamic import Asked, DynamicClient
from conformance.radius.packet import DICTIONARY, Attribute, Code, put

SECRET = b"testing123"
NAMED: list[Attribute] = [
    ("User-Name", "carol"),
    ("Acct-Session-Id", "7"),
    ("Framed-IP-Address", "10.0.0.7"),
    grant.session("L2L40A00001ZO2L40A00003ZH1194170000"),
]


def gateway(asked: Asked, code: Code, *given: Attribute, secret: bytes = SECRET) -> bytes:
    """What a gateway that uses pyrad answers, after it has verified the request."""
    [datagram] = asked.datagrams
    request: Any = CoAPacket(packet=datagram.octets, secret=SECRET, dict=DICTIONARY)
    assert request.VerifyCoARequest() and request.verify_message_authenticator()
    reply = request.CreateReply()
    reply.code, reply.secret = int(code), secret
    put(reply, given)
    octets: bytes = reply.ReplyPacket()
    return octets


@pytest.mark.parametrize("named", NAMED, ids=lambda one: one[0])
def test_a_session_is_named_in_each_form(named: Attribute) -> None:
    client = DynamicClient(SECRET)
    asked = client.disconnect(named)
    assert asked.packet.words[0] == "Disconnect-Request 1" and asked.packet.all(named[0]) == [named[1]]
    told = client.receive(gateway(asked, Code.DISCONNECT_ACK), asked)
    assert told and told.accepted and not told.faults and told.error == 0


def test_a_change_is_refused_with_a_cause() -> None:
    client = DynamicClient(SECRET)
    asked = client.change(grant.session("x"), grant.pair("sub-qos-policy-in", "slow", "ip"), ("Proxy-State", b"p"))
    answer = gateway(asked, Code.COA_NAK, ("Error-Cause", 503), ("Reply-Message", "No Matching Session"))
    told = client.receive(answer, asked)
    assert told and not told.accepted and told.error == 503 and not told.faults
    assert "Error-Cause = Session-Context-Not-Found" in told.words


@pytest.mark.parametrize(
    ("code", "cause", "faults"),
    [
        (Code.DISCONNECT_ACK, 503, ("Error-Cause 503 in an ACK",)),
        (Code.DISCONNECT_NAK, 201, ("Error-Cause 201 in a NAK",)),
        (Code.DISCONNECT_NAK, 404, ()),
        (Code.DISCONNECT_ACK, 201, ()),
    ],
)
def test_causes_belong_to_answers(code: Code, cause: int, faults: tuple[str, ...]) -> None:
    client = DynamicClient(SECRET)
    asked = client.disconnect(*NAMED)
    told = client.receive(gateway(asked, code, ("Error-Cause", cause)), asked)
    assert told and told.faults == faults


def test_what_is_no_answer_is_ignored_and_noted() -> None:
    client = DynamicClient(SECRET)
    asked, later = client.disconnect(NAMED[0]), client.disconnect(NAMED[0])
    for octets in (
        b"",
        bytes(20),
        gateway(later, Code.DISCONNECT_ACK),
        gateway(asked, Code.COA_ACK),
        gateway(asked, Code.DISCONNECT_ACK, secret=b"other"),
    ):
        assert client.receive(octets, asked) is None
    assert client.notes[2:] == [
        "Disconnect-ACK 2 to Disconnect-Request 1",
        "CoA-ACK 1 to Disconnect-Request 1",
        "wrong Response Authenticator",
    ]


def test_requests_are_bent_as_answers_are() -> None:
    client = DynamicClient(SECRET)
    asked = client.disconnect(NAMED[0], bend=bend.wrong_authenticator() | bend.doubled(1.0))
    [first, second] = asked.datagrams
    assert first.octets == second.octets != asked.packet.octets and second.delay == 1.0
    assert asked.said == "with a wrong Authenticator; twice"
    bare = client.disconnect(NAMED[0], bend=bend.without("Message-Authenticator"))
    assert bare.packet.authenticated is None
    unsaid = DynamicClient(SECRET, authenticated=False).disconnect(NAMED[0])
    assert unsaid.packet.authenticated is None
