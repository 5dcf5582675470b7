"""What comes of every wrong field in the frames of TLS, in the pairs of EAP-TTLS and in the TLVs of PEAP."""

from collections import Counter
from collections.abc import Callable, Iterator
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.eap.avp import Avp, Avps, VendorAvp
from conformance.eap.bend import EapBend
from conformance.eap.conversation import Outcome
from conformance.eap.layout import Body, Length
from conformance.eap.peap import Binding, Bound, Extensions, Tlv
from conformance.eap.peap_server import PeapServer
from conformance.eap.peer import EapPeer
from conformance.eap.registry import body_of
from conformance.eap.server import EapServer
from conformance.eap.sweep import Variation, variations
from conformance.eap.tls import EapTlsPeer, EapTlsServer
from conformance.eap.tls_frames import FRAMES, Frame
from conformance.eap.tls_method import TlsPeer, TlsServer
from conformance.eap.tunnel import InnerBend, TunnelMethod
from conformance.wire import EapPacket
from conformance.wire.errors import WireError
from tests.eap.talk import peer_of, server_of, talk
from tests.eap.tunnels import WAYS, peer_method, server_method
from tests.tls.pair import client, server

FORMS = [*FRAMES, Avp, VendorAvp, Avps, Tlv, Binding, Extensions]
RATE = 8
"""One of so many variations is tried, always the same ones."""


def sample(name: str, found: Iterator[Variation]) -> Iterator[Variation]:
    return (one for one in found if crc32(f"{name} {one.text}".encode()) % RATE == 0)


@pytest.mark.parametrize("form", FORMS)
def test_every_body_has_spans_and_comes_back(form: type[Body]) -> None:
    example = form()
    assert sum(span.length for span in example.spans()) == len(example.encode())
    assert form.decode(example.encode()) == example
    assert not [span for span in example.spans() if isinstance(span.spec, Length) and getattr(example, span.name)]


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=30)
@given(data=st.binary(max_size=80))
def test_what_is_decoded_is_encoded_again(form: type[Body], data: bytes) -> None:
    try:
        body = form.decode(data)
    except WireError:
        return
    assert body.encode() == data


def judge(counts: Counter[str], text: str, peer: EapPeer, eap_server: EapServer) -> None:
    """Nobody succeeds alone but the server whose Success is lost on the peer, and who succeed together have one key."""
    counts["/".join(sorted({peer.outcome.value, eap_server.outcome.value}))] += 1
    if peer.outcome is Outcome.SUCCESS:
        assert eap_server.outcome is Outcome.SUCCESS, text
        assert peer.msk == eap_server.msk, text


def tls() -> tuple[EapPeer, EapServer]:
    return peer_of(EapTlsPeer(client(), size=600)), server_of(EapTlsServer(server(), size=600))


def test_no_wrong_frame_is_taken_for_another_key(record_property: Callable[[str, object], None]) -> None:
    counts: Counter[str] = Counter()
    frames = [body_of(EapPacket.decode(packet)) for packet in talk(*tls())]
    for at, example in enumerate(frames):
        if not isinstance(example, Frame):
            continue
        before = sum(isinstance(one, Frame) for one in frames[at % 2 : at : 2])
        for one in sample(str(at), variations(example)):
            peer, eap_server = tls()
            side = peer if at % 2 else eap_server
            side.bends += [*[EapBend(of=Frame)] * before, one.bend(type(example))]
            talk(peer, eap_server)
            judge(counts, one.text, peer, eap_server)
    assert sum(counts.values()) > 40
    record_property("variations of TLS frames tried", sum(counts.values()))


def tunnel(way: str) -> tuple[TlsPeer, TlsServer]:
    """Both sides. In PEAP the server insists on the binding, for whose TLV is bent may believe in it alone."""
    ours, theirs = peer_method(way, client(leaf=None)), server_method(way, server(trust=None))
    if isinstance(theirs, PeapServer):
        theirs.bound = Bound.DEMAND
    return ours, theirs


def inside(way: str, of: type[Body]) -> list[tuple[bool, Body]]:
    """The messages of a class in the tunnel of an ordinary conversation, and whether the peer sends them."""
    found: list[tuple[bool, Body]] = []
    ours, theirs = tunnel(way)
    for of_peer, side in ((True, ours), (False, theirs)):
        assert isinstance(side, TunnelMethod)

        def seen(body: Body, of_peer: bool = of_peer) -> Body:
            found.append((of_peer, body))
            return body

        side.inner_bends += [InnerBend("", seen, of)] * 20
    talk(peer_of(ours), server_of(theirs))
    return found


@pytest.mark.parametrize("way", WAYS)
def test_nothing_wrong_in_a_tunnel_is_taken_for_another_key(
    way: str, record_property: Callable[[str, object], None]
) -> None:
    counts: Counter[str] = Counter()
    of = Extensions if way.startswith("PEAP") else Avps
    examples = inside(way, of)
    assert examples
    for place, (of_peer, example) in enumerate(examples):
        before = sum(sender == of_peer for sender, _ in examples[:place])
        for one in sample(f"{way} {place}", variations(example)):
            ours, theirs = tunnel(way)
            sender = ours if of_peer else theirs
            assert isinstance(sender, TunnelMethod)
            sender.inner_bends += [
                *[InnerBend("", lambda body: body, of)] * before,
                InnerBend(one.text, one.change, of),
            ]
            peer, eap_server = peer_of(ours), server_of(theirs)
            talk(peer, eap_server)
            judge(counts, one.text, peer, eap_server)
    assert sum(counts.values()) > 8
    record_property("variations of messages in tunnels tried", sum(counts.values()))
