"""Traffic through Child SAs, against the reference device and against one that leaks."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from conformance.ike.core.connection import Mode
from conformance.ipsec.esp import EspBend
from conformance.ipsec.ip import parse
from conformance.net.keylog import ESP_TABLE
from conformance.net.link import Address, Datagram
from conformance.net.memory import MemoryLink
from conformance.net.pcapng import read_pcapng
from conformance.script import inner
from conformance.script.peer import Peer
from conformance.script.traffic import said
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import TrafficSelector
from peers.reference.device import PIXIT
from peers.reference.engine import ReferenceEngine
from peers.reference.model import model
from suites import evidence
from suites.connections import psk

START = 1_790_000_000.0


def conversation(kind: str = "", **changes: object) -> tuple[Peer, ReferenceEngine]:
    ours = psk(**changes)(PIXIT)  # type: ignore[arg-type]
    engine = model(kind).engine(1, START)
    engine.apply(ours.mirrored())
    return Peer(MemoryLink(engine, START), ours, Random(7).randbytes), engine


@pytest.fixture
def peer() -> Iterator[Peer]:
    yield conversation()[0]


def test_every_kind_of_packet_is_answered(peer: Peer) -> None:
    sa = peer.establish()
    channel = sa.traffic.channel()
    assert (channel.ours, channel.theirs) == ("10.1.0.1", "10.2.0.1")
    for packet in (
        inner.ping(channel.ours, channel.theirs, size=300),
        inner.udp(channel.ours, channel.theirs),
        inner.udp(channel.ours, channel.theirs, dport=9),
        inner.tcp(channel.ours, channel.theirs, "S"),
        inner.tcp(channel.ours, channel.theirs, "S", dport=9),
    ):
        found = sa.traffic.ask(packet)
        assert found.channel is channel and found.packet == found.inner and not found.problem
    assert [one.sequence for one in sa.traffic.arrived] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("size", [1500, 4000, 20000])
def test_large_packets_are_put_together(peer: Peer, size: int) -> None:
    sa = peer.establish()
    packet = sa.traffic.echo_request(size=size)
    found = sa.traffic.ask(packet)
    assert found.packet is not None and len(found.packet) == len(packet)
    assert found.inner is not None and parse(found.inner).fragment
    assert not [one for one in sa.traffic.arrived if not one.taken]


def test_fragments_outside_are_seen() -> None:
    peer, engine = conversation()
    sa = peer.establish()
    assert engine.host is not None
    engine.host.fragment_first = False
    found = sa.traffic.ping(size=2000)
    assert len(found.pieces) == 2 and max(found.pieces) <= 1500 and found.packet == found.inner
    assert "in fragments of" in peer.trace.transcript()


def test_what_is_bent_stands_in_the_trace(peer: Peer) -> None:
    sa = peer.establish()
    with sa.traffic.silence():
        sa.traffic.send(sa.traffic.echo_request(), bend=EspBend(sequence=9, flip=-1))
    assert "bent: sequence 9, flip -1\n" in peer.trace.transcript()
    assert said(EspBend(spi=b"\1\2\3\4")) == "spi 01020304" and said(None) == ""


def test_an_answer_disproves_silence(peer: Peer) -> None:
    sa = peer.establish()
    with pytest.raises(Unexpected, match="no answer"), sa.traffic.silence():
        sa.traffic.send(sa.traffic.echo_request())


def test_a_leak_disproves_silence_and_is_named() -> None:
    peer, _ = conversation("leaks-in-the-clear")
    sa = peer.establish()
    with pytest.raises(Unexpected, match=r"ICMP 10.2.0.1 > 10.1.0.1 echo reply"), sa.traffic.silence():
        sa.traffic.send(sa.traffic.echo_request())
    with pytest.raises(Unexpected, match="nothing in the clear"):
        sa.traffic.must_not_leak()
    assert "in the clear: ICMP 10.2.0.1" in peer.trace.transcript()


def test_an_answer_to_an_address_outside_of_all_selectors_disproves_silence() -> None:
    peer, _ = conversation("ignores-selectors")
    sa = peer.establish()
    with pytest.raises(Unexpected, match="no answer"), sa.traffic.silence():
        sa.traffic.send(inner.ping("10.9.0.1", "10.2.0.1"))


def test_what_cannot_be_opened_is_kept_with_its_problem(peer: Peer) -> None:
    sa = peer.establish()
    sa.traffic.ping()
    stray = Datagram(Address(sa.remote.host, 4500), Address(sa.local.host, 4500), b"\x12\x34\x56\x78" + bytes(40))
    peer._take(stray, peer.link.now())
    assert "no SA for the SPI 12345678" in sa.traffic.arrived[-1].problem
    assert sa.traffic.arrived[-1].channel is None


def test_the_newest_child_is_the_default(peer: Peer) -> None:
    sa = peer.establish()
    old = sa.child
    sa.tidy = False
    sa.rekey_child()
    new = sa.children[1]
    assert sa.traffic.channel().child is new and sa.traffic.channel(old).child is old
    assert sa.traffic.ping(old).channel is sa.traffic.channel(old)  # nothing has come on the new one
    assert sa.traffic.ping(new).channel is sa.traffic.channel(new)
    assert sa.traffic.ping(old).channel is sa.traffic.channel(new)
    sa.tidy = True
    sa.delete_child(old)
    with sa.traffic.silence():
        sa.traffic.send(sa.traffic.echo_request(old), old)


def test_traffic_follows_its_ike_sa() -> None:
    peer, _ = conversation(force_encapsulation=True)
    sa = peer.establish()
    assert sa.traffic.channel().outbound.parameters.udp == (4500, 4500)
    assert sa.traffic.ping().wire[9] == 17
    sa.rekey()
    sa.finish()
    heir = sa.rekeyed
    heir.local = Address(heir.local.host, 4711)
    heir.liveness()
    found = heir.traffic.ping()
    assert found.wire[22:24] == (4711).to_bytes(2, "big")


def test_the_device_counts(peer: Peer) -> None:
    peer, engine = conversation()
    sa = peer.establish()
    for _ in range(3):
        sa.traffic.ping(size=72)
    (status,) = engine.list_sas()[0].children
    assert (status.bytes_in, status.bytes_out) == (312, 312)  # 102 octets of a packet and trailer, padded to 104


def test_a_link_without_packets_is_a_reason() -> None:
    peer, _ = conversation()
    sa = peer.establish()

    class OnlyUdp:
        now, send, receive, close = peer.link.now, peer.link.send, peer.link.receive, peer.link.close

    peer.link = OnlyUdp()
    with pytest.raises(NotApplicable, match="UDP only"):
        sa.traffic.ping()


def test_host_of() -> None:
    assert inner.host_of((TrafficSelector.net("10.1.0.0/24"),)) == "10.1.0.1"
    assert inner.host_of((TrafficSelector.net("192.0.2.7/32"),)) == "192.0.2.7"
    assert inner.host_of((TrafficSelector.net("fd01::/64"),)) == "fd01::1"


def test_answers() -> None:
    asked = inner.ping("fd01::1", "fd02::1", ident=3, sequence=4, size=9)
    peer, _ = conversation(local_ts=("fd01::/64",), remote_ts=("fd02::/64",), mode=Mode.TUNNEL)
    found = peer.establish().traffic.ask(asked)
    assert found.packet is not None and inner.answers(asked)(found.packet)
    assert not inner.answers(inner.ping("fd01::1", "fd02::1", ident=3, sequence=5, size=9))(found.packet)
    assert not inner.answers(asked)(asked)


def test_evidence_has_packets_and_keys(peer: Peer, tmp_path: Path) -> None:
    sa = peer.establish()
    sa.traffic.ping()
    evidence.write(tmp_path, peer, "")
    lines = (tmp_path / ESP_TABLE).read_text().splitlines()
    assert len(lines) == 2 and all("AES-GCM with 16 octet ICV" in line for line in lines)
    assert {sa.child.spi_in.hex(), sa.child.spi_out.hex()} == {line.split('"')[7][2:] for line in lines}
    assert "echo reply" in (tmp_path / "transcript.txt").read_text()
    assert (tmp_path / "capture.pcapng").stat().st_size > 0 and len(list(read_pcapng(tmp_path / "capture.pcapng"))) == 4
