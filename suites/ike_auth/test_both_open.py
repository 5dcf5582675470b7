"""Both sides open an IKE SA at the same time: two IKE SAs with a Child SA each (RFC 7296, sections 1.4.1, 2.4, 2.8).

Gateways that both start at boot do this, and those that begin themselves when somebody else begins. Both IKE SAs are
legitimate. A device may close one as redundant, if it says so on it; what is closed takes only its own Child SA along.
"""

from collections.abc import Callable

from conformance.ike.core.child import ChildSa
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Unexpected
from conformance.wire import ExchangeType, Notify, NotifyType
from peers.capabilities import Capability
from suites.create_child_sa.answers import carries, deleted, requests
from suites.dut import Dut
from suites.purpose import purpose
from suites.several import deleted_by_device

CLOSES, TELLS, LIVES = "RFC7296-1.4.1-9", "RFC7296-2.4-18", "RFC7296-2.4-9"
BOTH = (Capability.RESPONDER, Capability.INITIATOR)
REST = 5.0
"""Seconds after which the number of IKE SAs must have come to rest."""
REOPENED = 3
"""IKE SAs that a device may open again, while it makes up its mind."""

Open = Callable[[Peer, Dut], tuple[ScriptedSa, ScriptedSa | None]]


# --- how both are opened ----------------------------------------------------------------------------------------------


def one_after_the_other(
    peer: Peer, dut: Dut, contact: tuple[bool, bool] = (False, False)
) -> tuple[ScriptedSa, ScriptedSa | None]:
    """The device's IKE_SA_INIT request waits for our answer until ours is through: ours, and the device's.

    The device may give up its own meanwhile. ``contact``: INITIAL_CONTACT stands in our request, and in our response.
    """
    dut.initiate()
    first = peer.expect_init()
    ours = peer.establish(initial_contact=contact[0])
    theirs = peer.respond_init(first)
    said = bend.append(Notify(NotifyType.INITIAL_CONTACT)) if contact[1] else None
    return ours, theirs if authenticated(theirs, said) else None


def interleaved(peer: Peer, dut: Dut) -> tuple[ScriptedSa, ScriptedSa | None]:
    """One message of each after the other; the device's is finished first."""
    dut.initiate()
    first = peer.expect_init()
    ours = peer.sa(initial_contact=False)
    with peer.preamble("both begin"):
        ours.init()
        theirs = peer.respond_init(first)
        up = authenticated(theirs)
        ours.auth()
        ours.must_be_established()
    return ours, theirs if up else None


def authenticated(theirs: ScriptedSa, bent: bend.Bend | None = None) -> bool:
    """Answer the device's IKE_AUTH request. False: it has given up its own IKE SA, as it has another one by now."""
    peer = theirs.peer
    try:
        request = theirs.expect_request(ExchangeType.IKE_AUTH)
    except Unexpected:
        peer.note("the device does not go on with its own IKE SA")
        return False
    theirs.answer(request, bend=bent)
    with peer.preamble("IKE_AUTH of the device"):
        theirs.must_be_established()
        peer.check(theirs.children, "a Child SA", theirs.problem)
    peer.pause()
    return True


# --- what must come of it ---------------------------------------------------------------------------------------------


def come_to_rest(peer: Peer, sas: list[ScriptedSa]) -> None:
    """Let the device do what it likes for a while: what it opens again is answered and joins ``sas``."""
    until = peer.link.now() + REST
    for reopened in range(REOPENED + 1):
        try:
            first = peer.expect_init(max(until - peer.link.now(), 0.0))
        except Unexpected:
            return
        peer.check(reopened < REOPENED, "no more IKE SAs", f"{reopened + 1} that are opened again", TELLS)
        again = peer.respond_init(first)
        if authenticated(again):
            sas.append(again)


def says_contact(sa: ScriptedSa) -> bool:
    """Whether a side has said that this IKE SA is the only one: others may be forgotten without a word."""
    entries = (one.message for one in sa.peer.trace.entries if one.message is not None)
    return any(one.spi_i == sa.spi_i and one.notify(NotifyType.INITIAL_CONTACT) for one in entries)


def living(peer: Peer, sas: list[ScriptedSa]) -> list[tuple[ScriptedSa, ChildSa]]:
    """The IKE SAs that the device has not deleted, with their Child SAs, which it must have.

    What is older than one with INITIAL_CONTACT may be gone without a Delete payload.
    """
    found: list[tuple[ScriptedSa, ChildSa]] = []
    for number, sa in enumerate(sas):
        if deleted_by_device(sa) or not sa.children:
            continue
        try:
            sa.must_be_up(LIVES)
        except Unexpected:
            if not any(says_contact(other) for other in sas[number + 1 :]):
                raise
            peer.note("the device has forgotten one because of INITIAL_CONTACT")
            continue
        lost = [one for one in requests(peer, sa) if sa.child.spi_out in deleted(one)]
        peer.check(not lost, "the Child SA stays with its IKE SA", "; ".join(map(str, lost)), CLOSES)
        found.append((sa, sa.child))
    return found


def must_work(peer: Peer, dut: Dut, alive: list[tuple[ScriptedSa, ChildSa]]) -> None:
    """Each Child SA is there and takes our packets, and what the device sends comes through one that lives."""
    for sa, child in alive:
        if Capability.LIST_SAS in dut.device.capabilities:
            peer.check(dut.child(child), "the device has the Child SA", "it does not list it", CLOSES)
        mark = len(peer.traffic.arrived)
        carries(peer, dut, child, CLOSES)
        used = {one.channel.child for one in peer.traffic.arrived[mark:] if one.channel is not None}
        dead = used - {one for _, one in alive}
        text = ", ".join(one.spi_in.hex() for one in dead)
        peer.check(not dead, "packets on a Child SA that lives", f"some on {text}", CLOSES)
        sa.must_be_up(LIVES)


def both(peer: Peer, dut: Dut, opened: Open, delete_ours: bool) -> None:
    """Two IKE SAs, or what the device leaves of them, work; we delete one of two, and the other one works."""
    ours, theirs = opened(peer, dut)
    sas = [ours] if theirs is None else [ours, theirs]
    if opened is interleaved:
        sas.reverse()
    come_to_rest(peer, sas)
    alive = living(peer, sas)
    peer.check(alive, "one IKE SA at least that stays", "the device has deleted all", CLOSES)
    must_work(peer, dut, alive)
    doomed = ours if delete_ours else theirs
    if doomed is None or len(alive) < 2 or all(sa is not doomed for sa, _ in alive):
        return
    sas.remove(doomed)
    doomed.delete()
    come_to_rest(peer, sas)
    alive = living(peer, sas)
    peer.check(alive, "the other IKE SA stays", "the device has deleted it as well", CLOSES)
    must_work(peer, dut, alive)


@purpose("auth-both-open", CLOSES, LIVES, TELLS, role="initiator", needs=BOTH, waits=2 * REST)
def test_theirs_deleted(peer: Peer, dut: Dut) -> None:
    """We open an IKE SA while the device's own waits for an answer; both work, then ours without the device's."""
    both(peer, dut, one_after_the_other, delete_ours=False)


@purpose("auth-both-open-responder", CLOSES, LIVES, TELLS, role="responder", needs=BOTH, waits=2 * REST, canary=False)
def test_ours_deleted(peer: Peer, dut: Dut) -> None:
    """We open an IKE SA while the device's own waits for an answer; both work, then the device's without ours."""
    both(peer, dut, one_after_the_other, delete_ours=True)


@purpose("auth-both-open-interleaved", CLOSES, LIVES, TELLS, role="initiator", needs=BOTH, waits=2 * REST)
def test_interleaved(peer: Peer, dut: Dut) -> None:
    """Both open an IKE SA, message by message; both work, then ours without the device's."""
    both(peer, dut, interleaved, delete_ours=False)


@purpose(
    "auth-both-open-interleaved-responder", CLOSES, LIVES, TELLS, role="responder", needs=BOTH, waits=2 * REST,
    canary=False,
)  # fmt: skip
def test_interleaved_ours_deleted(peer: Peer, dut: Dut) -> None:
    """Both open an IKE SA, message by message; both work, then the device's without ours."""
    both(peer, dut, interleaved, delete_ours=True)


@purpose("auth-both-open-contact", CLOSES, LIVES, TELLS, role="initiator", needs=BOTH, waits=2 * REST)
def test_contact(peer: Peer, dut: Dut) -> None:
    """Ours, with INITIAL_CONTACT, is finished while the device's own waits: that was no IKE SA yet. Both work."""
    both(peer, dut, lambda peer, dut: one_after_the_other(peer, dut, (True, False)), delete_ours=False)


@purpose("auth-both-open-contact-both", CLOSES, LIVES, TELLS, role="initiator", needs=BOTH, waits=2 * REST)
def test_contact_both(peer: Peer, dut: Dut) -> None:
    """INITIAL_CONTACT stands in ours and in our answer to the device's: at least the last one stays and works."""
    both(peer, dut, lambda peer, dut: one_after_the_other(peer, dut, (True, True)), delete_ours=False)
