"""Peer and server of RFC 3748, packet by packet."""

from random import Random
from typing import ClassVar

import pytest

from conformance.eap.basic import ExpandedNak, Identity, Nak, Wanted
from conformance.eap.bend import EapBend, change, change_sealed, header, instead, octets
from conformance.eap.conversation import Conversation, Limits, Outcome
from conformance.eap.gtc import Gtc, GtcPeer, GtcServer
from conformance.eap.kind import NAK, Kind
from conformance.eap.layout import Raw
from conformance.eap.md5 import Md5, Md5Peer, Md5Server
from conformance.eap.method import PeerMethod
from conformance.eap.mschapv2 import Success
from conformance.eap.mschapv2_peer import Mschapv2Peer
from conformance.eap.mschapv2_server import Mschapv2Server
from conformance.eap.peer import EapPeer
from conformance.eap.registry import METHODS, body_of, by_kind
from conformance.eap.server import EapServer
from conformance.wire import EapCode, EapPacket, EapType
from tests.eap.talk import USERS, agree, peer_of, server_of, talk

REQUEST, RESPONSE = EapCode.REQUEST, EapCode.RESPONSE
VENDOR = Kind(9, 77)


class VendorPeer(GtcPeer):
    kind: ClassVar[Kind] = VENDOR


class VendorServer(GtcServer):
    kind: ClassVar[Kind] = VENDOR


def said(answer: bytes | None) -> EapPacket:
    assert answer is not None
    return EapPacket.decode(answer)


def test_identity_is_told_as_often_as_is_decent() -> None:
    peer = EapPeer(b"carol", [], random=Random(1).randbytes, limits=Limits(identities=2))
    for number in range(2):
        packet = said(peer.receive(EapPacket(REQUEST, number, EapType.IDENTITY, b"who?")))
        assert packet == EapPacket(RESPONSE, number, EapType.IDENTITY, b"carol")
    assert peer.receive(EapPacket(REQUEST, 2, EapType.IDENTITY)) is None
    assert (peer.outcome, peer.why) == (Outcome.FAILURE, "more than 2 requests for the identity")


def test_notifications_are_answered_until_there_are_too_many() -> None:
    peer = peer_of(Md5Peer("x"))
    for number in range(32):
        packet = said(peer.receive(EapPacket(REQUEST, number, EapType.NOTIFICATION, b"hello")))
        assert packet == EapPacket(RESPONSE, number, EapType.NOTIFICATION)
    assert peer.notices == [b"hello"] * 32
    assert peer.receive(EapPacket(REQUEST, 99, EapType.NOTIFICATION)) is None
    assert peer.why == "more than 32 notifications"


def test_a_notification_within_a_method_leaves_it_alone() -> None:
    peer, server = peer_of(Mschapv2Peer("eappassword")), server_of(Mschapv2Server(dict(USERS)), identity=b"carol")
    request = server.start()
    notification = EapPacket(REQUEST, 200, EapType.NOTIFICATION, b"hello")
    for _ in range(2):
        answer = peer.receive(request)
        assert said(peer.receive(notification)).type == EapType.NOTIFICATION
        assert answer is not None
        request = server.receive(answer) or b""
        notification = EapPacket(REQUEST, notification.identifier + 1, EapType.NOTIFICATION, b"hello")
    peer.received = EapPacket(RESPONSE, request[1])  # Success bears the Identifier of the last response
    peer.receive(request)
    agree(peer, server)


def test_a_retransmission_gets_the_same_answer() -> None:
    peer = peer_of(Mschapv2Peer("eappassword"))
    request = server_of(Mschapv2Server(dict(USERS)), identity=b"carol").start()
    first = peer.receive(request)
    assert first == peer.receive(request)
    assert peer.method is not None


@pytest.mark.parametrize("kind", [EapType.NAK, None])
def test_a_request_without_a_sensible_type_is_discarded(kind: EapType | None) -> None:
    peer = peer_of(Md5Peer("x"))
    assert peer.receive(EapPacket(REQUEST, 1, kind)) is None
    assert peer.outcome is Outcome.ONGOING
    assert len(peer.notes) == 1


@pytest.mark.parametrize("code", [0, 2, 5, 6, 255])
def test_other_codes_are_discarded(code: int) -> None:
    peer = peer_of(Md5Peer("x"))
    assert peer.receive(EapPacket(EapCode(code), 1, EapType.IDENTITY)) is None
    assert peer.outcome is Outcome.ONGOING


# --- Nak --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("methods", "types"),
    [((), b"\0"), ((Md5Peer("x"), GtcPeer("x")), b"\4\6"), ((VendorPeer("x"), GtcPeer("x")), b"\6\xfe")],
)
def test_legacy_nak(methods: tuple[PeerMethod, ...], types: bytes) -> None:
    packet = said(peer_of(*methods).receive(EapPacket(REQUEST, 5, EapType.TLS, b" ")))
    assert packet == EapPacket(RESPONSE, 5, EapType.NAK, types)


@pytest.mark.parametrize(
    ("methods", "wanted"),
    [((), (Wanted(),)), ((VendorPeer("x"), Md5Peer("x")), (Wanted(vendor=9, vendor_type=77), Wanted(vendor_type=4)))],
)
def test_expanded_nak(methods: tuple[PeerMethod, ...], wanted: tuple[Wanted, ...]) -> None:
    packet = said(peer_of(*methods).receive(Kind(311, 1).packet(REQUEST, 5, b"")))
    assert packet == NAK.packet(RESPONSE, 5, ExpandedNak(wanted).encode(), expanded=True)


def test_a_nak_leads_to_the_method_that_the_peer_wants() -> None:
    peer = peer_of(GtcPeer("eappassword"))
    server = server_of(Md5Server(USERS), VendorServer(USERS), GtcServer(USERS))
    talk(peer, server)
    agree(peer, server)


def test_the_octet_254_leads_to_an_expanded_type() -> None:
    peer = peer_of(VendorPeer("eappassword"))
    server = server_of(Md5Server(USERS), GtcServer(USERS), VendorServer(USERS))
    packets = talk(peer, server)
    agree(peer, server)
    assert packets[-2][4:12] == VENDOR.encode()


def test_a_legacy_method_may_be_asked_for_in_the_expanded_form() -> None:
    peer, server = peer_of(Md5Peer("eappassword")), server_of(Md5Server(USERS))
    server.expanded = True
    packets = talk(peer, server)
    agree(peer, server)
    assert packets[-2][4:12] == Kind(0, 4).encode()


def test_a_nak_that_wants_nothing_ends_in_failure() -> None:
    peer, server = peer_of(), server_of(Md5Server(USERS))
    assert said(talk(peer, server)[-1]).code == EapCode.FAILURE
    assert (peer.outcome, server.why) == (Outcome.FAILURE, "the peer wants nothing else")


def test_a_nak_within_a_method_is_discarded() -> None:
    server = server_of(Mschapv2Server(dict(USERS)), identity=b"carol")
    peer = peer_of(Mschapv2Peer("eappassword"))
    request = server.receive(peer.receive(server.start()) or b"")
    assert server.receive(EapPacket(RESPONSE, said(request).identifier, EapType.NAK, b"\4")) is None
    assert server.outcome is Outcome.ONGOING


# --- the end ----------------------------------------------------------------------------------------------------------


def test_success_without_a_method_is_no_success() -> None:
    peer = peer_of(Md5Peer("x"))
    peer.receive(EapPacket(REQUEST, 1, EapType.IDENTITY))
    peer.receive(EapPacket(EapCode.SUCCESS, 1))
    assert peer.outcome.name == "ONGOING"
    peer.receive(EapPacket(EapCode.FAILURE, 1))
    assert peer.outcome.name == "FAILURE"


def test_success_too_early_and_failure_too_late_are_forged() -> None:
    peer, server = peer_of(Mschapv2Peer("eappassword")), server_of(Mschapv2Server(dict(USERS)), identity=b"carol")
    request = server.start()
    answer = peer.receive(request)
    peer.receive(EapPacket(EapCode.SUCCESS, request[1]))
    assert peer.outcome.name == "ONGOING"
    request = server.receive(answer or b"") or b""
    peer.receive(request)
    peer.receive(EapPacket(EapCode.FAILURE, request[1]))
    assert peer.outcome.name == "ONGOING"
    peer.receive(EapPacket(EapCode.SUCCESS, request[1] ^ 1))
    assert peer.outcome.name == "ONGOING"
    peer.receive(EapPacket(EapCode.SUCCESS, request[1], data=b"x"))
    assert peer.outcome.name == "ONGOING"
    peer.receive(EapPacket(EapCode.SUCCESS, request[1]))
    assert peer.outcome.name == "SUCCESS"


def test_the_server_ignores_what_does_not_fit() -> None:
    server = server_of(Md5Server(USERS), identity=b"carol")
    number = server.start()[1]
    for packet in (
        EapPacket(RESPONSE, number ^ 1, EapType.MD5_CHALLENGE, Md5().encode()),
        EapPacket(RESPONSE, number, EapType.GTC, b"x"),
        EapPacket(RESPONSE, number, EapType.MD5_CHALLENGE, b"\x11x"),
        EapPacket(REQUEST, number, EapType.MD5_CHALLENGE, Md5().encode()),
        EapPacket(RESPONSE, number, None),
        EapPacket(EapCode.SUCCESS, number),
    ):
        assert server.receive(packet) is None
    assert (server.outcome, len(server.notes)) == (Outcome.ONGOING, 6)


def test_a_server_without_a_method_fails_at_once() -> None:
    server = server_of(identity=b"carol")
    assert said(server.start()).code == EapCode.FAILURE


def test_notices_come_before_the_method() -> None:
    peer = peer_of(Md5Peer("eappassword"))
    server = EapServer([Md5Server(USERS)], random=Random(1).randbytes, notices=[b"one", b"two"])
    talk(peer, server)
    agree(peer, server)
    assert peer.notices == [b"one", b"two"]


@pytest.mark.parametrize("side", ["peer", "server"])
def test_what_is_too_much_has_a_name(side: str) -> None:
    def fresh() -> Conversation:
        peer = EapPeer(b"x", [GtcPeer("x")], random=Random(1).randbytes, limits=Limits(octets=1000, packets=20))
        server = EapServer([GtcServer(USERS)], random=Random(1).randbytes, limits=peer.limits)
        server.start()
        return peer if side == "peer" else server

    one = fresh()
    assert isinstance(one, EapPeer | EapServer)
    one.receive(EapPacket(REQUEST, 1, EapType.GTC, bytes(2000)))
    assert (one.outcome.name, one.why) == ("FAILURE", "packet of 2005 octets, more than 1000")
    one = fresh()
    assert isinstance(one, EapPeer | EapServer)
    for number in range(21):
        one.receive(EapPacket(REQUEST, number, EapType.GTC))
    assert (one.outcome.name, one.why) == ("FAILURE", "more than 20 packets")


# --- bends ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bend", "due"),
    [
        (header(code=EapCode(9), identifier=3), b"\x09\x03\x00\x09\x06Who?"),
        (header(length=3), b"\x01\x07\x00\x03\x06Who?"),
        (header(type=EapType.TLS, data=b"!"), b"\x01\x07\x00\x06\x0d!"),
        (octets(lambda data: data + b"??", "longer"), b"\x01\x07\x00\x09\x06Who???"),
        (instead(Gtc, Gtc(b"Hm")), b"\x01\x07\x00\x07\x06Hm"),
        (instead(Gtc, Raw(b"\0")), b"\x01\x07\x00\x06\x06\0"),
        (header(length=9) | octets(lambda data: data[:6], "cut"), b"\x01\x07\x00\x09\x06W"),
    ],
)
def test_a_bend(bend: EapBend, due: bytes) -> None:
    server = server_of(GtcServer(USERS, prompt=b"Who?"), identity=b"carol")
    server.first_identifier = lambda: 7  # type: ignore[method-assign]
    with server.bending(bend):
        assert server.start() == due
    assert (server.bent, server.bends) == ([bend.text], [])


def test_a_bend_waits_for_its_body() -> None:
    peer, server = peer_of(Mschapv2Peer("eappassword")), server_of(Mschapv2Server(dict(USERS)))
    server.bend(change(Success, message=b"S=nothing"))
    talk(peer, server)
    assert peer.why == "wrong authenticator response"


def test_a_bend_that_does_not_come_into_play_is_dropped() -> None:
    peer, server = peer_of(Md5Peer("eappassword")), server_of(Md5Server(USERS))
    with server.bending(change_sealed(Success, id=1)):
        talk(peer, server)
    agree(peer, server)
    assert not server.bends
    assert not server.bent


# --- registry ---------------------------------------------------------------------------------------------------------


def test_every_method_is_found_by_its_type() -> None:
    assert {by_kind(entry.kind) is entry for entry in METHODS.values()} == {True}
    assert by_kind(Kind(9, 9)) is None


def test_every_body_of_a_conversation_is_read() -> None:
    packets = talk(peer_of(Mschapv2Peer("eappassword")), server_of(Md5Server(USERS), Mschapv2Server(dict(USERS))))
    names = [type(body_of(EapPacket.decode(packet))).__name__ for packet in packets]
    assert names == [
        "Identity", "Identity", "Md5", "Nak", "Challenge", "Response", "Success", "SuccessResponse", "Raw"
    ]  # fmt: skip
    assert body_of(EapPacket.decode(packets[1])) == Identity(b"carol")
    assert body_of(EapPacket.decode(packets[3])) == Nak(b"\x1a")
    assert body_of(EapPacket(REQUEST, 1, EapType.MD5_CHALLENGE, b"\x11x")) == Raw(b"\x11x")
