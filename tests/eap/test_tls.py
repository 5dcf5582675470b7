"""EAP-TLS: our peer with our server, in both versions and with both engines, and frames that are wrong."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.eap.bend import EapBend, change, instead
from conformance.eap.conversation import Outcome
from conformance.eap.method import Decision
from conformance.eap.peer import EapPeer
from conformance.eap.server import EapServer
from conformance.eap.tls import EapTlsPeer, EapTlsServer
from conformance.eap.tls_frames import LENGTH, MORE, START, Frame, Piece, SizedPiece, TlsLimits, decode_frame
from conformance.tls import TlsBend, TlsVersion
from tests.eap.talk import agree, peer_of, server_of, talk
from tests.tls.pair import EXPIRED, client, leaf, pairs, server

each_pair = pytest.mark.parametrize(("one", "other", "version"), list(pairs()))
each_version = pytest.mark.parametrize("version", list(TlsVersion))


def both(version: TlsVersion = TlsVersion.TLS_1_3, size: int = 400) -> tuple[EapPeer, EapServer]:
    """A conversation with many fragments in both directions."""
    return peer_of(EapTlsPeer(client(versions=(version,)), size=size)), server_of(EapTlsServer(server(), size=size))


@each_pair
@pytest.mark.parametrize("size", [100, 65536])
def test_certificates_of_both_succeed(one: str, other: str, version: TlsVersion, size: int) -> None:
    ours = EapTlsPeer(client(engine=one, versions=(version,)), size=size)
    theirs = EapTlsServer(server(engine=other), size=size)
    peer, eap_server = peer_of(ours), server_of(theirs)
    packets = talk(peer, eap_server, 200)
    agree(peer, eap_server)
    assert len(peer.msk or b"") == len(peer.emsk or b"") == 64
    assert peer.msk != peer.emsk
    assert all(len(one) <= size + 10 for one in packets)
    assert ours.info == {"tls": str(version), "certificate": "CN=server"}
    assert theirs.info == {"tls": str(version), "certificate": "CN=client"}


@each_version
@pytest.mark.parametrize(
    ("of_client", "of_server"),
    [
        ({"leaf": None}, {}),
        ({"leaf": leaf("client", "another root")}, {}),
        ({"leaf": leaf("client", not_after=EXPIRED)}, {}),
        ({}, {"leaf": leaf("server", "another root")}),
        ({}, {"leaf": leaf("server", not_after=EXPIRED)}),
        ({}, {"leaf": leaf("elsewhere")}),
    ],
    ids=["no client's", "untrusted client's", "expired client's", "untrusted", "expired", "another name"],
)
def test_a_certificate_is_refused(version: TlsVersion, of_client: dict[str, Any], of_server: dict[str, Any]) -> None:
    ours, theirs = EapTlsPeer(client(versions=(version,), **of_client)), EapTlsServer(server(**of_server))
    peer, eap_server = peer_of(ours), server_of(theirs)
    talk(peer, eap_server)
    assert (peer.outcome, eap_server.outcome) == (Outcome.FAILURE, Outcome.FAILURE)
    assert peer.msk is None is eap_server.msk
    assert "failure" in ours.info


def test_success_is_protected_in_tls_1_3_only() -> None:
    for version, decision in ((TlsVersion.TLS_1_2, Decision.MAYBE), (TlsVersion.TLS_1_3, Decision.SUCCESS)):
        peer, eap_server = both(version)
        talk(peer, eap_server)
        assert peer.decision is decision


class WithoutCommitment(EapTlsServer):
    def opening(self) -> bytes:
        return b""


class WrongCommitment(EapTlsServer):
    def opening(self) -> bytes:
        return b"\0\0"


def test_a_peer_insists_on_the_commitment() -> None:
    peer, eap_server = peer_of(EapTlsPeer(client())), server_of(WithoutCommitment(server()))
    talk(peer, eap_server)
    assert peer.outcome is Outcome.ONGOING
    assert peer.notes[-1] == "SUCCESS too early"
    peer, eap_server = peer_of(EapTlsPeer(client())), server_of(WrongCommitment(server()))
    talk(peer, eap_server)
    assert peer.why == "2 octets of application data, expected the single 00 of RFC 9190"


class SaysLengthAlways(EapTlsPeer):
    """Other peers do, and may."""

    def begin_tls(self, frame: Frame) -> Frame:
        self.fragments.tells_length = lambda first: first  # type: ignore[method-assign]
        return super().begin_tls(frame)


def test_a_length_may_be_told_where_nobody_needs_it() -> None:
    for size in (300, 3000):
        peer, eap_server = peer_of(SaysLengthAlways(client(), size=size)), server_of(EapTlsServer(server()))
        talk(peer, eap_server)
        agree(peer, eap_server)


@pytest.mark.parametrize(
    ("bend", "why"),
    [
        (change(SizedPiece, total=70000), "TLS message of 70000 octets announced, more than 65536"),
        (change(SizedPiece, total=7), "octets, 7 were announced"),
        (change(SizedPiece, total=0), "octets, 0 were announced"),
        (instead(SizedPiece, Piece(MORE, b"\x16\x03\x01")), "first fragment without TLS message length"),
        (instead(Piece, SizedPiece(LENGTH | MORE, 9, b"x")), "TLS message length 9 after"),
    ],
)
def test_a_server_names_a_wrong_frame(bend: EapBend, why: str) -> None:
    peer, eap_server = both()
    peer.bend(bend)
    talk(peer, eap_server)
    assert why in eap_server.why
    assert eap_server.outcome is Outcome.FAILURE


def test_a_peer_names_a_wrong_frame() -> None:
    for bend, why in (
        (change(SizedPiece, total=70000), "TLS message of 70000 octets announced, more than 65536"),
        (instead(SizedPiece, Piece(0)), "no TLS data in a request"),
        (instead(SizedPiece, Piece(START)), "Start after the start"),
    ):
        peer, eap_server = both()
        eap_server.bend(bend)
        talk(peer, eap_server)
        assert peer.why == why
    peer, eap_server = both()
    eap_server.bend(change(Piece, flags=0))
    talk(peer, eap_server)
    assert peer.notes[-1] == "TLS without Start"


def test_data_is_no_acknowledgement() -> None:
    peer, eap_server = both()
    eap_server.bend(EapBend(of=Piece))
    eap_server.bend(change(Piece, data=b"x"))
    talk(peer, eap_server)
    assert peer.why == "1 octets of TLS where an acknowledgement was due"


@pytest.mark.parametrize(
    ("limits", "more", "why"),
    [
        (TlsLimits(fragments=20), Piece(MORE), "TLS message of more than 20 fragments"),
        (TlsLimits(octets=3000), Piece(MORE, bytes(300)), "TLS message of more than 3000 octets"),
    ],
)
def test_fragments_without_end_are_given_up(limits: TlsLimits, more: Piece, why: str) -> None:
    eap_server = server_of(EapTlsServer(server(), limits=limits))
    talk_with_endless(eap_server, more)
    assert eap_server.why == why


def talk_with_endless(eap_server: EapServer, more: Piece) -> None:
    """A peer that says who it is, and then sends fragments for ever."""
    peer = peer_of(EapTlsPeer(client()))
    packet = peer.receive(eap_server.start())
    packet = eap_server.receive(packet or b"")
    peer.bend(instead(None, SizedPiece(LENGTH | MORE, 2900, b"x")))
    packet = eap_server.receive(peer.receive(packet or b"") or b"")
    for _ in range(1000):
        if packet is None or eap_server.outcome is not Outcome.ONGOING:
            return
        identifier = bytes((packet[1],))
        body = b"\x0d" + more.encode()
        packet = eap_server.receive(b"\x02" + identifier + (len(body) + 4).to_bytes(2, "big") + body)
    raise AssertionError("endless")


def test_an_empty_message_does_not_go_to_and_fro() -> None:
    peer, eap_server = both()
    peer.bend(instead(SizedPiece, Piece(0)))
    talk(peer, eap_server)
    assert eap_server.why == "no TLS data where a part of the handshake was due"


@each_version
def test_the_records_of_either_side_can_be_bent(version: TlsVersion) -> None:
    short = TlsBend("the last record without its last octet", records=lambda found: [*found[:-1], found[-1][:-1]])
    for of_client, of_server in ((short, TlsBend()), (TlsBend(), short)):
        peer = peer_of(EapTlsPeer(client(versions=(version,), bend=of_client)))
        eap_server = server_of(EapTlsServer(server(bend=of_server)))
        talk(peer, eap_server)
        assert eap_server.outcome is Outcome.FAILURE or peer.outcome is Outcome.FAILURE


@given(st.binary(max_size=40))
def test_frames_are_what_was_read(data: bytes) -> None:
    if len(data) > (4 if data and data[0] & LENGTH else 0):
        assert decode_frame(data).encode() == data


frames = st.builds(Piece, st.integers(0, 255), st.binary(max_size=30)) | st.builds(
    SizedPiece, st.integers(0, 255), st.integers(0, 2**32 - 1), st.binary(max_size=30)
)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), frames), min_size=1, max_size=4))
def test_no_frame_of_any_kind_does_harm(hostile: list[tuple[bool, int, Frame]]) -> None:
    peer, eap_server = both()
    for of_peer, after, frame in hostile:
        side = peer if of_peer else eap_server
        for _ in range(after):
            side.bend(EapBend(of=Frame))
        side.bend(instead(Frame, frame))
    talk(peer, eap_server, 100)
    if (peer.outcome, eap_server.outcome) == (Outcome.SUCCESS, Outcome.SUCCESS):
        agree(peer, eap_server)


def test_a_bent_frame_keeps_its_class() -> None:
    assert replace(SizedPiece(total=5), data=b"x").encode() == b"\x80\0\0\0\x05x"
