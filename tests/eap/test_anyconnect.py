"""AnyConnect-EAP: our peer with our server, and documents that are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.eap.anyconnect import AnyConnectPeer, AnyConnectServer, Document, Step, read, write
from conformance.eap.bend import instead
from conformance.eap.conversation import Outcome
from conformance.eap.errors import Failed
from conformance.eap.peer import EapPeer
from conformance.eap.server import EapServer
from conformance.wire import EapPacket, EapType
from tests.eap.talk import peer_of, server_of, talk

NUMBER = 77


def both(password: str = "eappassword") -> tuple[EapPeer, EapServer]:
    users = {"carol": "eappassword"}
    return peer_of(AnyConnectPeer(NUMBER, "carol", password)), server_of(AnyConnectServer(NUMBER, users))


def test_six_documents_lead_to_success_without_a_key() -> None:
    peer, server = both()
    packets = [EapPacket.decode(one) for one in talk(peer, server)]
    assert (peer.outcome, server.outcome) == (Outcome.SUCCESS, Outcome.SUCCESS), (peer.why, server.why)
    assert peer.msk is None is server.msk
    expanded = [one for one in packets if one.type == EapType.EXPANDED]
    assert [read(one.data[7:]).get("type") for one in expanded] == [str(step) for step in Step]
    assert {one.data[:7] for one in expanded} == {bytes((0, 0, 9, 0, 0, 0, NUMBER))}


def test_a_wrong_password_fails() -> None:
    peer, server = both("wrong")
    talk(peer, server)
    assert (peer.outcome, server.outcome) == (Outcome.FAILURE, Outcome.FAILURE)
    assert server.why == "wrong name or password"


@pytest.mark.parametrize(
    ("xml", "why"),
    [
        (write(Step.ACK).xml, "document 'ack', expected 'init'"),
        (b"<config-auth/>", "document None, expected 'init'"),
        (b"", "malformed document"),
        (b"<config-auth type='init'>", "malformed document"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><config-auth type='init'>&b;</config-auth>", "document with a declaration"),
        (b"<?xml version='1.0' encoding='utf-16'?><a/>", "malformed document"),
        (b"<?xml version='1.0' encoding='none'?><a/>", "malformed document"),
        (b"<a>" * 9000, "malformed document"),
    ],
)
def test_a_server_names_what_is_no_document(xml: bytes, why: str) -> None:
    peer, server = both()
    peer.bend(instead(Document, Document(xml)))
    talk(peer, server)
    assert why in server.why


def test_the_ack_comes_last() -> None:
    for step in (Step.AUTH_REQUEST, Step.COMPLETE):
        peer, server = both()
        server.bend(instead(Document, write(step)))
        talk(peer, server)
        assert peer.outcome is Outcome.FAILURE


@given(st.binary(max_size=60))
def test_any_octets_are_a_document_or_a_failure(data: bytes) -> None:
    for octets in (data, write(Step.INIT).xml[:-3] + data):
        try:
            read(octets)
        except Failed as problem:
            assert str(problem)
