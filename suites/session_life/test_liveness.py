"""Who is alive, and what is cleaned up after who is not (RFC 7296, section 2.4)."""

from collections.abc import Callable

from conformance.ipsec.esp import EspBend
from conformance.script import bend
from conformance.script.message import Received, says_nothing
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Unexpected
from conformance.wire import ExchangeType, NotifyType
from peers.capabilities import Capability
from suites.connections import usual
from suites.create_child_sa.answers import carries, kept, successor
from suites.data_plane.steps import flows
from suites.dut import Dut
from suites.purpose import purpose
from suites.session_life.steps import settled
from suites.several import deleted_by_device

CHECKS = (Capability.DPD,)
WITH_TRAFFIC = (Capability.DPD, Capability.DATA_PLANE)
DELAY = 1.0
EVERY = {"dpd_delay": DELAY}
PATIENCE = 5 * DELAY
"""Seconds within which a device that checks after a second of silence must have done so."""
FRESH_ONLY = "RFC7296-2.4-20"
DEAD, ALL_GO = "RFC7296-2.1-8", "RFC7296-2.4-21"


def checked(sa: ScriptedSa, requirement: str, timeout: float = PATIENCE) -> Received:
    """A liveness check of the device on this IKE SA, held."""
    return sa.expect_request(
        ExchangeType.INFORMATIONAL, timeout=timeout, where=says_nothing, requirement=requirement
    )  # fmt: skip


def dead(peer: Peer, dut: Dut, sa: ScriptedSa) -> None:
    """We answer no liveness check until the device must have given up."""
    own = dut.retransmission
    settled(peer, sa)
    with peer.preamble("a liveness check"):
        checked(sa, "RFC7296-2.4-9")
    peer.idle(1.1 * own.patience + 1)


def meanwhile(peer: Peer, sa: ScriptedSa, comes: Callable[[], object]) -> None:
    """Nothing but this ``comes``, five times a second: the device checks whether we live all the same."""
    mark = len(peer.inbox)
    for _ in range(int(PATIENCE / 0.2)):
        comes()
        peer.idle(0.2)
        if any(one.sa is sa and says_nothing(one.message) and not one.message.is_response for one in peer.inbox[mark:]):
            return
    raise Unexpected(f"a liveness check within {PATIENCE:g} s", "none, though nothing fresh has come", FRESH_ONLY)


@purpose("dpd-forged-traffic", FRESH_ONLY, role="responder", needs=WITH_TRAFFIC, device=EVERY, waits=PATIENCE)
def test_forged_traffic(peer: Peer) -> None:
    """ESP packets with a wrong ICV come five times a second: they show no life, so liveness is checked."""
    sa = settled(peer, peer.establish())
    flows(peer)
    sent = sa.traffic.make(sa.traffic.echo_request(), bend=EspBend(flip=0))
    meanwhile(peer, sa, lambda: sa.traffic.resend(sent, bent="no sign of life"))
    sa.must_be_up()


@purpose("dpd-forged-messages", FRESH_ONLY, role="responder", needs=CHECKS, device=EVERY, waits=PATIENCE)
def test_forged_messages(peer: Peer) -> None:
    """IKE messages with a wrong ICV, and such in the clear, come all the time: they show no life, liveness is checked.

    Anybody who has seen the SPIs can send them, for ever, to keep the device from learning that we are gone.
    """
    sa = settled(peer, peer.establish())

    def forge() -> None:
        sa.send(ExchangeType.INFORMATIONAL, bend=bend.flip_icv())
        clear = sa.message(ExchangeType.INFORMATIONAL, (), sa.next_id, response=False)
        peer.send_message(clear, sa.local, sa.remote)

    meanwhile(peer, sa, forge)
    sa.must_be_up()


@purpose("dpd-replayed-traffic", FRESH_ONLY, role="responder", needs=WITH_TRAFFIC, device=EVERY, waits=PATIENCE)
def test_replayed_traffic(peer: Peer) -> None:
    """A good ESP packet comes again and again: it is not fresh, anybody can do that, so liveness is checked."""
    sa = settled(peer, peer.establish())
    packet = sa.traffic.echo_request()
    sent = sa.traffic.send(packet)
    sa.traffic.answer(packet)
    meanwhile(peer, sa, lambda: sa.traffic.resend(sent))


@purpose("dpd-rekeyed", "RFC7296-2.8-9", "RFC7296-2.4-19", role="responder", needs=CHECKS, device=EVERY, waits=PATIENCE)
def test_rekeyed(peer: Peer) -> None:
    """After a rekey the device checks liveness on the new IKE SA."""
    new = settled(peer, successor(peer, peer.establish()))
    new.answer(checked(new, "RFC7296-2.4-19"))
    new.must_be_up()


@purpose("dpd-crossing", "RFC7296-2.4-9", "RFC7296-2.4-8", role="responder", needs=CHECKS, device=EVERY, waits=PATIENCE)
def test_crossing(peer: Peer) -> None:
    """Both check at once: the device answers ours while its own is not answered yet."""
    sa = settled(peer, peer.establish())
    asked = checked(sa, "RFC7296-2.4-19")
    sa.response(sa.begin(sa.start_liveness))
    sa.answer(asked)
    sa.must_be_up("RFC7296-2.4-8")


@purpose(
    "dpd-outage", "RFC7296-2.4-8", "RFC7296-2.1-7", role="responder", needs=CHECKS, device=EVERY, waits=PATIENCE + 3
)
def test_outage(peer: Peer, dut: Dut) -> None:
    """An outage that ends before the device gives up changes nothing: the second copy of its check is answered.

    The SAs are the same, and carry packets.
    """
    sa = peer.establish()
    child = sa.child
    carries(peer, dut, child)
    settled(peer, sa)
    asked = checked(sa, "RFC7296-2.4-19")
    peer.idle(dut.retransmission.until(1) + 0.5)
    peer.check(asked.copies > 1, "the request repeated", f"{asked.copies} copy", "RFC7296-2.1-7")
    sa.answer(asked)
    sa.must_be_up("RFC7296-2.4-8", "the IKE SA survives an outage")
    carries(peer, dut, child, "RFC7296-2.4-8")


@purpose(
    "dpd-exhausted-children", ALL_GO, DEAD, role="responder", needs=WITH_TRAFFIC, device=EVERY, waits=12, canary=False
)
def test_exhausted_children(peer: Peer, dut: Dut) -> None:
    """When the device has given us up, its Child SAs are gone, too: what comes on them reaches nobody.

    Nothing goes out in the clear either. With a new IKE SA packets pass again.
    """
    sa = peer.establish()
    child = sa.child
    flows(peer, child)
    dead(peer, dut, sa)
    packet = sa.traffic.echo_request(child)
    sa.traffic.send(packet, child)
    peer.idle(peer.response_timeout / 2)
    channel = peer.traffic.channel(child)
    came = [one for one in peer.traffic.arrived if one.channel is channel and one.time > peer.link.now() - 1]
    peer.check(not came, "nothing through the Child SA of a dead peer", came[0] if came else "", ALL_GO)
    peer.traffic.must_not_leak("RFC4301-4.4.1-2")
    new = peer.establish(initial_contact=False)
    flows(peer, new.child, ALL_GO)


@purpose("dpd-exhausted-silent", DEAD, role="responder", needs=CHECKS, device=EVERY, waits=12)
def test_exhausted_again(peer: Peer, dut: Dut) -> None:
    """Given up by the device, we come back with a new IKE SA and without INITIAL_CONTACT, and have all that we had."""
    sa = peer.establish()
    dead(peer, dut, sa)
    sa.must_be_gone(DEAD)
    new = peer.establish(initial_contact=False)
    new.must_be_up(DEAD)
    carries(peer, dut, new.child, DEAD)


@purpose(
    "dpd-initiator-dead", DEAD, "RFC7296-2.4-8", role="initiator", needs=CHECKS, device=EVERY, waits=12
)  # fmt: skip
def test_initiator_dead(peer: Peer, dut: Dut) -> None:
    """The device has opened the IKE SA and checks whether we live: we do not, and it may be told to open another."""
    dut.initiate()
    sa = peer.accept()
    dead(peer, dut, sa)
    sa.must_be_gone(DEAD)
    peer.forget()
    dut.initiate()
    new = peer.accept()
    new.must_be_up(DEAD)
    carries(peer, dut, new.child, DEAD)


@purpose(
    "dpd-on-demand", "RFC7296-2.4-19", role="responder", needs=(*WITH_TRAFFIC, Capability.DPD_ON_DEMAND),
    connection=usual(), device={"dpd_delay": DELAY, "dpd_on_demand": True}, waits=8,
)  # fmt: skip
def test_on_demand(peer: Peer) -> None:
    """A device that checks on demand asks nothing while nobody sends, and asks once it has sent and hears nothing."""
    sa = settled(peer, peer.establish())
    mark = len(peer.inbox)
    peer.idle(3 * DELAY)
    early = [one for one in peer.inbox[mark:] if one.sa is sa and not one.message.is_response]
    peer.check(not early, "no liveness check where nobody sends", early[0] if early else "", "RFC7296-2.4-19")
    flows(peer)
    sa.answer(checked(sa, "RFC7296-2.4-19"))
    sa.must_be_up()


IDLE = 2.0


@purpose(
    "idle-child", "RFC7296-2.4-16", "RFC7296-1.4.1-3", role="responder", needs=(Capability.CHILD_IDLE,),
    device={"idle_timeout": IDLE}, waits=IDLE + 2,
)  # fmt: skip
def test_idle(peer: Peer, dut: Dut) -> None:
    """A Child SA that carries nothing is deleted after the idle time, with a Delete of its SPI.

    The IKE SA stays, or is deleted as well, as nothing needs it. What needs the Child SA again makes another one.
    """
    sa = peer.establish()
    idle_end(peer, sa)
    if ended(peer, sa):
        return
    if sa.create_child().notify(NotifyType.NO_ADDITIONAL_SAS) is not None:
        return  # it makes none but the first, as RFC 7296, section 1.3 lets it
    carries(peer, dut, sa.child, "RFC7296-2.4-16")


def ended(peer: Peer, sa: ScriptedSa) -> bool:
    """Whether the device has deleted the IKE SA, too; otherwise that must be there."""
    kept(peer, sa, "RFC7296-2.4-16")
    return deleted_by_device(sa)


def idle_end(peer: Peer, sa: ScriptedSa) -> float:
    """The device deletes the Child SA, and by the SPI on which it receives; when."""
    child = sa.child
    found = sa.expect_request(
        ExchangeType.INFORMATIONAL, timeout=IDLE * 3 + 4, where=lambda one: not says_nothing(one),
        requirement="RFC7296-2.4-16",
    )  # fmt: skip
    spis = [spi for one in found.message.payloads for spi in getattr(one, "spis", ())]
    peer.check(spis == [child.spi_out], f"a Delete of {child.spi_out.hex()}", found.message, "RFC7296-1.4.1-3")
    sa.answer(found)
    return found.time


@purpose(
    "idle-child-traffic", "RFC7296-2.4-16", role="responder", needs=(Capability.CHILD_IDLE, Capability.DATA_PLANE),
    device={"idle_timeout": IDLE}, waits=4 * IDLE,
)  # fmt: skip
def test_idle_traffic(peer: Peer) -> None:
    """A ping every half of the idle time keeps the Child SA; after the last one it goes."""
    sa = peer.establish()
    for _ in range(4):
        peer.idle(IDLE / 2)
        flows(peer, requirement="RFC7296-2.4-16")
    last = peer.link.now()
    ended = idle_end(peer, sa)
    peer.check(ended - last > IDLE / 2, f"{IDLE:g} s after the last packet", f"{ended - last:.1f} s", "RFC7296-2.4-16")
    must_not_carry(peer, sa)


def must_not_carry(peer: Peer, sa: ScriptedSa) -> None:
    """Nothing comes in the clear in place of what is gone."""
    kept(peer, sa, "RFC7296-2.4-16")
    peer.traffic.must_not_leak("RFC4301-4.4.1-2")


@purpose(
    "idle-child-initiator", "RFC7296-2.4-16", role="initiator", needs=(Capability.CHILD_IDLE,),
    device={"idle_timeout": IDLE}, waits=IDLE + 2,
)  # fmt: skip
def test_idle_initiator(peer: Peer, dut: Dut) -> None:
    """The same where the device has opened the IKE SA; told to, it makes the Child SA again."""
    dut.initiate()
    sa = peer.accept()
    idle_end(peer, sa)
    if ended(peer, sa):
        return
    with peer.preamble("the device makes the Child SA again"):
        dut.initiate("net")
        sa.answer(sa.expect_request(ExchangeType.CREATE_CHILD_SA))
    peer.pause()
    sa.liveness()
    carries(peer, dut, sa.child, "RFC7296-2.4-16")
