"""Path MTU discovery by IKE: the initiator of an exchange tries smaller and smaller fragments (RFC 7383, 2.5.2)."""

from itertools import pairwise

from conformance.ipsec import icmp
from conformance.net.link import PacketLink
from conformance.net.packets import ip_packet
from conformance.script.message import Received, rekeys_ike
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import SKF, ExchangeType
from peers.capabilities import Capability
from suites.choices import everything
from suites.connections import certificates
from suites.create_child_sa.answers import deletes_ike, deletion
from suites.dut import Dut
from suites.fragmentation.narrow import NarrowPath, on_narrow_path
from suites.fragmentation.split import received_fragments
from suites.nat.paths import PATIENT
from suites.purpose import purpose

NEEDS = (Capability.FRAGMENTATION, Capability.IKE_PATH_MTU)
REKEYS = (*NEEDS, Capability.REKEY_IKE)
DEVICE = {"fragment_size": 600, "fragment_probes": (400, 250)}
"""Where the device begins, and what it tries then."""
WIDTH = 420
LATER = {"fragment_size": 600, "fragment_probes": (400,)}
ALL = certificates(proposals=everything)
EVERYWHERE, DOWN, ANEW = "RFC7383-2.5.2-2", "RFC7383-2.5.2-3", "RFC7383-2.5.2-4"
ON, STOPS, HEEDS, GROWS, KNOWN = (
    *("RFC7383-2.5.2-5", "RFC7383-2.5.2-6", "RFC7383-2.5.2-7", "RFC7383-2.5.2-8"),
    "RFC7383-2.5.1-2",
)


def begun(peer: Peer, dut: Dut, limit: int) -> tuple[ScriptedSa, NarrowPath]:
    """The device opens an IKE SA; from its IKE_AUTH request on the path carries datagrams of ``limit`` octets."""
    path = on_narrow_path(peer)
    dut.initiate()
    first = peer.expect_init()
    path.limit = limit
    return peer.respond_init(first), path


def probed(peer: Peer, dut: Dut, sa: ScriptedSa, path: NarrowPath, requirement: str) -> Received:
    """The IKE_AUTH request arrives after fragments that were too large; each further set has more of them."""
    try:
        request = sa.expect_request(ExchangeType.IKE_AUTH, timeout=dut.retransmission.patience)
    except Unexpected as missing:
        must_grow(peer, path)
        raise Unexpected(missing.expected, missing.got, requirement) from None
    if not path.lost:
        raise NotApplicable(f"the device's request comes in datagrams of at most {path.limit} octets from the start")
    must_grow(peer, path)
    return request


def must_grow(peer: Peer, path: NarrowPath) -> None:
    """The sets that were lost, and the one that has arrived, each have more fragments than the one before."""
    arrived = [message.payloads[-1] for message, _ in received_fragments(peer, ExchangeType.IKE_AUTH)]
    totals = path.totals() + [one.total for one in arrived[-1:] if isinstance(one, SKF)]
    text = ", ".join(map(str, totals))
    peer.check(totals == sorted(totals), "sets of more and more fragments", text, DOWN)
    sizes = [max(one.size for one in path.lost if one.total == total) for total in dict.fromkeys(path.totals())]
    alike = f"datagrams of {', '.join(map(str, sizes))} octets"
    peer.check(len(set(sizes)) == len(sizes), "another total for another size", alike, GROWS)
    named = {total: {one.size for one in path.lost if one.total == total and one.number == 1} for total in totals}
    mixed = {total: found for total, found in named.items() if len(found) > 1}
    peer.check(not mixed, "one size of fragments for each total", mixed, GROWS)


@purpose(
    "frag-probe-down", DOWN, GROWS, role="initiator", needs=NEEDS, connection=certificates(), device=DEVICE, waits=5.0
)
def test_down(peer: Peer, dut: Dut) -> None:
    """The path carries 420 octets: after some tries the device's IKE_AUTH request comes in smaller fragments."""
    sa, path = begun(peer, dut, WIDTH)
    sa.answer(probed(peer, dut, sa, path, DOWN))
    sa.must_be_established(DOWN)


@purpose(
    "frag-probe-timers",
    ANEW,
    ON,
    role="initiator",
    needs=NEEDS,
    connection=certificates(**PATIENT),
    device=DEVICE,
    waits=12.0,
)
def test_timers(peer: Peer, dut: Dut) -> None:
    """Nothing arrives: each probe is repeated at intervals that begin anew, and the smallest one goes on and on.

    When the path opens again, the exchange completes.
    """
    sa, path = begun(peer, dut, 0)
    until = peer.link.now() + 3 * dut.retransmission.patience
    while peer.link.now() < until and (len(set(path.totals())) < 3 or len(path.times(path.totals()[-1])) < 3):
        peer.idle(0.2)
    totals = path.totals()
    peer.check(len(totals) >= 3, "three sets of fragments, each smaller than the last", totals, DOWN)
    first, *later = ([b - a for a, b in pairwise(times)] for times in map(path.times, totals))
    for gaps in later:
        if first and gaps:
            text = f"{gaps[0]:.1f} s, those of the first were {', '.join(f'{one:.1f}' for one in first)} s"
            peer.check(
                gaps[0] < 1.3 * first[0], "the first interval of a probe as short as the first of all", text, ANEW
            )
    count = len(path.times(totals[-1]))
    peer.check(count >= 3, "the smallest fragments sent three times and more", f"{count} times", ON)
    path.limit = None
    try:
        sa.answer(sa.expect_request(ExchangeType.IKE_AUTH, timeout=dut.retransmission.patience))
    except Unexpected as missing:
        raise Unexpected(missing.expected, missing.got, ON) from None
    sa.must_be_established(ON)


@purpose("frag-probe-later", EVERYWHERE, KNOWN, role="initiator", needs=REKEYS, connection=ALL, device=LATER, waits=5.0)
def test_later(peer: Peer, dut: Dut) -> None:
    """The path becomes narrow when the IKE SA is up: the device probes again, and then knows what fits.

    Its first rekey request is repeated in smaller fragments, the second one comes in such from the start.
    """
    sa, path = begun(peer, dut, 620)
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    sa.must_be_established()
    sa.must_be_up()
    path.limit = WIDTH
    new = rekeyed(peer, dut, sa, EVERYWHERE)
    if not path.lost:
        raise NotApplicable("the device's request to rekey fits into the path")
    before = len(path.lost)
    rekeyed(peer, dut, new, KNOWN)
    peer.check(len(path.lost) == before, "no more fragments that are too large", len(path.lost) - before, KNOWN)


def rekeyed(peer: Peer, dut: Dut, sa: ScriptedSa, requirement: str) -> ScriptedSa:
    """The device rekeys the IKE SA."""
    dut.rekey_ike()
    try:
        request = sa.expect_request(ExchangeType.CREATE_CHILD_SA, where=rekeys_ike, timeout=dut.retransmission.patience)
    except Unexpected as missing:
        raise Unexpected(missing.expected, missing.got, requirement) from None
    sa.answer(request)
    deletion(sa, deletes_ike)
    return sa.rekeyed


@purpose(
    "frag-probe-told", STOPS, HEEDS, role="initiator", needs=NEEDS, connection=certificates(), device=DEVICE, waits=2.0
)
def test_told(peer: Peer, dut: Dut) -> None:
    """A router says what the path carries: the device repeats nothing larger, and sends fragments that fit."""
    if not isinstance(peer.link, PacketLink):
        raise NotApplicable("the link to this device carries UDP only, and so no ICMP")
    sa, path = begun(peer, dut, WIDTH)
    until = peer.link.now() + peer.response_timeout
    while not path.lost and peer.pump(until):
        pass
    peer.pause()
    if not path.lost:
        raise NotApplicable(f"the device's request comes in datagrams of at most {WIDTH} octets from the start")
    before = len(path.lost)
    peer.traffic.clear(icmp.too_big(ip_packet(path.lost[0].datagram), WIDTH))
    request = sa.expect_request(ExchangeType.IKE_AUTH, timeout=dut.retransmission.patience)
    more = len(path.lost) - before
    peer.check(not more, "no fragment larger than the path", f"{more} of them", STOPS)
    sa.answer(request)
    sa.must_be_established(HEEDS)
