"""Lifetimes by time, packets and octets, and their ends (RFC 7296, section 2.8; RFC 4301, section 4.4.2.1)."""

from functools import partial

from conformance.ike.core.connection import over
from conformance.ike.core.sending import State
from conformance.ipsec.esp import EspBend
from conformance.script.message import Received, rekeys_child
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Inconclusive, Unexpected
from conformance.wire import ExchangeType, Notify, NotifyType
from peers.capabilities import Capability
from suites.create_child_sa.answers import carries, connected, deleted, deletes_child, deletes_ike, deletion, requests
from suites.data_plane.steps import flows
from suites.data_plane.test_drops import paddings
from suites.dut import Dut
from suites.purpose import purpose

TIMED, AGED = (Capability.LIFETIME,), (Capability.CHILD_LIFETIME,)
SECONDS = 3.0
LATEST = 12.0
"""Seconds within which a lifetime of three seconds has had its effect on any device."""
OWN, ENDS, CLOSES = "RFC7296-2.8-11", "RFC7296-2.8-1", "RFC7296-2.8-4"
SOFT_AND_HARD = "RFC4301-4.4.2.1-4"
PACKETS, OCTETS, SIZE = 20, 40_000, 1000
COUNTED = (Capability.LIFETIME_PACKETS, Capability.DATA_PLANE)
WEIGHED = (Capability.LIFETIME_OCTETS, Capability.DATA_PLANE)
REFUSED = Notify(NotifyType.NO_ADDITIONAL_SAS)


def asked(sa: ScriptedSa, timeout: float, requirement: str) -> Received:
    """The device's request to rekey the Child SA, held."""
    return sa.expect_request(
        ExchangeType.CREATE_CHILD_SA, timeout=timeout, where=rekeys_child, requirement=requirement
    )  # fmt: skip


@purpose("child-lifetime", OWN, "RFC7296-2.8-5", role="initiator", needs=AGED, device={"child_lifetime": SECONDS},
         waits=LATEST)  # fmt: skip
def test_child(peer: Peer, dut: Dut) -> None:
    """The device rekeys a Child SA whose time is over by itself, deletes the old one, and packets pass all the time."""
    sa = connected(peer, dut)
    old = sa.child
    carries(peer, dut, old)
    request = asked(sa, LATEST, OWN)
    carries(peer, dut, old, "RFC7296-2.8-5")
    sa.answer(request)
    gone = deletion(sa, deletes_child, "RFC7296-2.8-5")
    peer.check(deleted(gone) == [old.spi_out], "a Delete of the old Child SA", gone, "RFC7296-2.8-5")
    carries(peer, dut, sa.child, OWN)


def refuse_all(peer: Peer, sa: ScriptedSa, until: float) -> None:
    """Refuse what the device asks for in place of an old SA, until it ends that or the time is over."""
    while sa.state is State.ESTABLISHED and sa.children and peer.link.now() < until:
        try:
            request = sa.expect_request(ExchangeType.CREATE_CHILD_SA, timeout=min(1.0, until - peer.link.now()))
        except Unexpected:
            continue
        sa.answer(request, REFUSED)


@purpose("child-lifetime-hard", ENDS, CLOSES, role="initiator", needs=AGED, device={"child_lifetime": SECONDS},
         waits=LATEST)  # fmt: skip
def test_child_hard(peer: Peer, dut: Dut) -> None:
    """We refuse each rekey of a Child SA whose time is over: it ends all the same, with a Delete, and carries nothing.

    The IKE SA may end with it, which the RFC demands where nothing else replaces the SA.
    """
    sa = connected(peer, dut)
    old = sa.child
    refuse_all(peer, sa, peer.link.now() + over(SECONDS) + SECONDS + LATEST / 2)
    told = old not in sa.children
    if Capability.DATA_PLANE in dut.device.capabilities:
        unused(peer, sa, old)
    peer.check(told, "a Delete of the Child SA, or of the IKE SA, when its time is over", "none", CLOSES)


@purpose("child-lifetime-replaced", ENDS, "RFC7296-2.8-5", role="responder", needs=AGED,
         device={"child_lifetime": SECONDS}, waits=LATEST + SECONDS)  # fmt: skip
def test_child_replaced(peer: Peer, dut: Dut) -> None:
    """We rekey a Child SA and never delete the old one: it ends with its time, the IKE SA and the new one live on.

    The device rekeys the new one when it is due. That it rekeys the old one, too, is told and not judged: no text
    forbids it, and it is we who should have deleted that.
    """
    sa = connected(peer, dut)
    old, sa.tidy = sa.child, False
    with peer.preamble("our rekey"):
        sa.rekey_child()
    carries(peer, dut, sa.children[-1])
    peer.ordered.append(rekeys_child)
    peer.idle(over(SECONDS) + SECONDS)
    named = [one.notify(NotifyType.REKEY_SA) for one in requests(peer, sa)]
    if any(one is not None and one.spi == old.spi_out for one in named):
        peer.note("it rekeys what we have replaced")
    sa.must_be_up(ENDS)
    carries(peer, dut, sa.children[-1], "RFC7296-2.8-5")
    if Capability.DATA_PLANE in dut.device.capabilities:
        with sa.traffic.silence(ENDS):
            sa.traffic.send(sa.traffic.echo_request(old), old)


AGED_SECONDS, JITTER = 9.0, 4.0
"""After how many seconds the device rekeys a Child SA, and how much sooner it may."""
REKEYS = 7


@purpose("child-lifetime-jitter", "RFC7296-2.8.1-1", role="initiator", needs=AGED,
         device={"child_lifetime": AGED_SECONDS, "lifetime_jitter": JITTER}, waits=AGED_SECONDS * REKEYS)  # fmt: skip
def test_jitter(peer: Peer, dut: Dut) -> None:
    """The device rekeys its Child SA seven times, always after another while: two ends shall not do so at once.

    Even if it counts in whole seconds, of five that it may choose from it takes the same one seven times by no chance.
    """
    sa = connected(peer, dut)
    spans, since = list[float](), peer.link.now()
    for _ in range(REKEYS):
        with peer.preamble("the device rekeys by itself"):
            request = asked(sa, over(AGED_SECONDS) + LATEST, OWN)
        spans.append(request.time - since)
        since = peer.link.now()
        sa.answer(request)
        deletion(sa, deletes_child)
    said = ", ".join(f"{one:.2f} s" for one in spans)
    peer.check(max(spans) - min(spans) > JITTER / 20, "times that differ", said, "RFC7296-2.8.1-1")


FOR_MINUTES = 240.0
"""Seconds for which the peer says again and again that it cannot just now."""
LONG = 20.0


@purpose("ike-lifetime-put-off", "RFC7296-2.25-5", role="initiator", needs=TIMED, device={"lifetime": LONG},
         waits=FOR_MINUTES)  # fmt: skip
def test_ike_put_off(peer: Peer, dut: Dut) -> None:
    """We answer each rekey of the IKE SA with TEMPORARY_FAILURE for four minutes: the device closes the IKE SA.

    A peer that never can has another view of the state than the device has.
    """
    sa = connected(peer, dut)
    until = peer.link.now() + FOR_MINUTES
    put_off = 0
    while sa.state is State.ESTABLISHED and peer.link.now() < until:
        try:
            request = sa.expect_request(ExchangeType.CREATE_CHILD_SA, timeout=min(5.0, until - peer.link.now()))
        except Unexpected:
            continue
        sa.answer(request, Notify(NotifyType.TEMPORARY_FAILURE))
        put_off += 1
    if not put_off:
        raise Inconclusive(f"the device did not rekey its IKE SA, whose lifetime is {LONG:g} s")
    closed = sa.state is not State.ESTABLISHED
    peer.check(closed, "the IKE SA closed by the device", f"it is up after {put_off} refusals", "RFC7296-2.25-5")


def unused(peer: Peer, sa: ScriptedSa, old: object) -> None:
    """What comes on the old SA reaches nobody any more, and nothing goes out in the clear in its place."""
    channel = next(one for one in peer.traffic.channels.values() if one.child is old)
    peer.idle(peer.response_timeout / 2)  # a slow device has more to do than to take our answer
    mark = len(peer.traffic.arrived)
    sa.traffic.send(sa.traffic.echo_request(channel.child), channel.child)
    peer.idle(peer.response_timeout / 2)
    came = [one for one in peer.traffic.arrived[mark:] if one.channel is channel]
    peer.check(not came, "nothing through the old Child SA", came[0] if came else "", ENDS)
    peer.traffic.must_not_leak("RFC4301-4.4.1-2")


@purpose("ike-lifetime-hard", CLOSES, ENDS, "RFC7296-2.4-18", role="initiator", needs=AGED,
         device={"lifetime": SECONDS}, waits=LATEST)  # fmt: skip
def test_ike_hard(peer: Peer, dut: Dut) -> None:
    """We refuse each rekey of an IKE SA whose time is over: the device closes it, and says so with a Delete."""
    sa = connected(peer, dut)
    refuse_all(peer, sa, peer.link.now() + over(SECONDS) + SECONDS + LATEST / 2)
    told = any(one.sa is sa and not one.message.is_response and deletes_ike(one.message) for one in peer.inbox)
    sa.state = State.ESTABLISHED
    sa.must_be_gone(CLOSES)
    peer.check(told, "a Delete of the IKE SA", "it is gone without a word", "RFC7296-2.4-18")


# --- packets and octets -----------------------------------------------------------------------------------------------


def until_rekeyed(peer: Peer, sa: ScriptedSa, limit: int, size: int, requirement: str) -> Received:
    """Ping until the device rekeys the Child SA, at most so often."""
    for number in range(limit):
        peer.traffic.ping(size=size)
        peer.idle(0.02)
        found = [one for one in peer.inbox if one.sa is sa and one.message.notify(NotifyType.REKEY_SA) is not None]
        if found:
            peer.note(f"after {number + 1} pings")
            break
    return asked(sa, peer.response_timeout, requirement)


def rekeyed_by_volume(peer: Peer, sa: ScriptedSa, limit: int, size: int, requirement: str) -> None:
    """The device replaces a Child SA that has carried enough, and packets pass on the new one."""
    peer.ordered.append(rekeys_child)
    old = sa.child
    sa.answer(until_rekeyed(peer, sa, limit, size, requirement))
    gone = deletion(sa, deletes_child, "RFC7296-2.8-5")
    peer.check(deleted(gone) == [old.spi_out], "a Delete of the old Child SA", gone, "RFC7296-2.8-5")
    flows(peer, sa.child, requirement)


@purpose("lifetime-packets", SOFT_AND_HARD, "RFC7296-2.8-10", role="responder", needs=COUNTED,
         device={"lifetime_packets": PACKETS})  # fmt: skip
def test_packets(peer: Peer) -> None:
    """After so many packets the device rekeys the Child SA, before it is over."""
    rekeyed_by_volume(peer, peer.establish(), PACKETS + 4, 56, SOFT_AND_HARD)


@purpose("lifetime-octets", "RFC4301-4.4.2.1-1", SOFT_AND_HARD, role="responder", needs=WEIGHED,
         device={"lifetime_octets": OCTETS})  # fmt: skip
def test_octets(peer: Peer) -> None:
    """After so many octets the device rekeys the Child SA, before it is over."""
    rekeyed_by_volume(peer, peer.establish(), OCTETS // SIZE + 4, SIZE, "RFC4301-4.4.2.1-1")


@purpose("lifetime-octets-initiator", "RFC4301-4.4.2.1-1", SOFT_AND_HARD, role="initiator", needs=WEIGHED,
         device={"lifetime_octets": OCTETS})  # fmt: skip
def test_octets_initiator(peer: Peer, dut: Dut) -> None:
    """The same where the device has opened the IKE SA."""
    dut.initiate()
    rekeyed_by_volume(peer, peer.accept(), OCTETS // SIZE + 4, SIZE, "RFC4301-4.4.2.1-1")


@purpose("lifetime-octets-padding", "RFC4301-4.4.2.1-2", role="responder", needs=WEIGHED,
         device={"lifetime_octets": OCTETS})  # fmt: skip
def test_octets_padding(peer: Peer) -> None:
    """What is encrypted counts: much padding wears a Child SA out long before the data in it would."""
    sa = peer.establish()
    peer.ordered.append(rekeys_child)
    sizes = paddings(sa, sa.traffic.echo_request())
    padding = bytes(range(1, sizes[-1] + 1))
    for number in range(OCTETS // (84 + len(padding)) + 10):
        packet = sa.traffic.echo_request()
        ask = partial(sa.traffic.send, packet, bend=EspBend(padding=padding))
        ask()
        sa.traffic.answer(packet, again=ask)
        peer.idle(0.02)
        if any(one.sa is sa and one.message.notify(NotifyType.REKEY_SA) is not None for one in peer.inbox):
            peer.note(f"after {number + 1} pings")
            break
    sa.answer(asked(sa, peer.response_timeout, "RFC4301-4.4.2.1-2"))
    deletion(sa, deletes_child)
    flows(peer, sa.child)


@purpose("lifetime-both", "RFC4301-4.4.2.1-1", OWN, role="responder", needs=(*WEIGHED, *AGED),
         device={"lifetime_octets": 100 * OCTETS, "child_lifetime": SECONDS}, waits=LATEST)  # fmt: skip
def test_both(peer: Peer, dut: Dut) -> None:
    """There is a lifetime in octets, far away, and one in seconds: the first that ends counts."""
    sa = peer.establish()
    flows(peer)
    sa.answer(asked(sa, LATEST, "RFC4301-4.4.2.1-1"))
    deletion(sa, deletes_child, "RFC7296-2.8-5")
    flows(peer, sa.child, OWN)


def ended_by_volume(peer: Peer, sa: ScriptedSa, limit: int, size: int, hard: int) -> None:
    """We refuse the rekeys, and go on: at the latest after ``hard`` pings more the SA carries nothing any more.

    A Delete is answered when no ping is under way: what the device does with one while it deletes is not the point.
    """
    sa.hold(ExchangeType.CREATE_CHILD_SA, ExchangeType.INFORMATIONAL)
    old, lost = sa.child, 0
    for number in range(limit):
        packet = sa.traffic.echo_request(old, size=size)
        sa.traffic.send(packet, old)
        try:
            sa.traffic.answer(packet, timeout=peer.response_timeout / 4)
            lost = 0
        except Unexpected:
            lost += 1
        if lost == 3:
            peer.note(f"no answer to three pings, the last was the {number + 1}th")
            break
        request = sa.held
        if request is not None and request.message.exchange == ExchangeType.CREATE_CHILD_SA:
            sa.answer(request, REFUSED)
        elif request is not None:
            sa.answer(request)
            if deletes_ike(request.message) or old.spi_out in deleted(request.message):
                break
    else:
        raise Unexpected(f"an end of the Child SA after {hard} pings", f"{limit} are answered", ENDS)
    unused(peer, sa, old)


@purpose("lifetime-packets-hard", ENDS, SOFT_AND_HARD, role="responder", needs=COUNTED,
         device={"lifetime_packets": PACKETS}, canary=False)  # fmt: skip
def test_packets_hard(peer: Peer) -> None:
    """We refuse to rekey, and send on: after some packets more nothing passes, in either direction."""
    sa = peer.establish()
    ended_by_volume(peer, sa, int(over(PACKETS)) + 20, 56, int(over(PACKETS)))


@purpose("lifetime-octets-hard", ENDS, SOFT_AND_HARD, role="responder", needs=WEIGHED,
         device={"lifetime_octets": OCTETS}, canary=False)  # fmt: skip
def test_octets_hard(peer: Peer) -> None:
    """The same with octets."""
    sa = peer.establish()
    ended_by_volume(peer, sa, int(over(OCTETS)) // SIZE + 20, SIZE, int(over(OCTETS)) // SIZE)
