"""The last sequence numbers of an SA: none comes again (RFC 4303, sections 2.2 and 3.3.3).

Nobody waits for four thousand million packets, so the device is told where to go on counting.
"""

from contextlib import suppress
from itertools import dropwhile

from conformance.ike.core.child import ChildSa
from conformance.ike.core.sending import State
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import ExchangeType, Notify, NotifyType
from peers.capabilities import Capability
from suites.create_child_sa.answers import deleted, deletes_ike, requests
from suites.data_plane.steps import DATA, flows, sequence_numbers
from suites.dut import Dut
from suites.purpose import purpose

TIER = "full"

NEEDS = (DATA, Capability.SEQUENCE_PRESET)
NEVER = "RFC4303-3.3.3-1"
LAST = 0xFFFFFFFF
LEFT = 3
"""So many packets more can have numbers."""
REFUSED = Notify(NotifyType.NO_ADDITIONAL_SAS)


def worn_out(peer: Peer, dut: Dut, sa: ScriptedSa) -> ChildSa:
    """We ask for more answers than there are numbers left on a Child SA of 32 bits, which no number may come round."""
    flows(peer, sa.child)
    old = sa.child
    channel = peer.traffic.channel(old)
    if channel.inbound.esn:
        raise NotApplicable("the device's suite has extended sequence numbers")
    dut.count_from(LAST - LEFT + 1)
    for _ in range(2 * LEFT):
        if sa.state is not State.ESTABLISHED or old not in sa.children:
            break
        packet = sa.traffic.echo_request(old)
        sa.traffic.send(packet, old)
        with suppress(Unexpected):
            sa.traffic.answer(packet, timeout=peer.response_timeout / 4)
        refuse(sa)
    found = list(dropwhile(lambda one: one <= LAST - LEFT, sequence_numbers(peer, channel)))
    said = ", ".join(f"{one:#x}" for one in found)
    peer.check(found, f"packets from number {LAST - LEFT + 1:#x} on", "none", "RFC4303-2.2-1")
    peer.check(min(found) > LAST - LEFT, "no number that has come before", said, NEVER)
    peer.check(len(set(found)) == len(found), "each number once", said, NEVER)
    peer.traffic.must_not_leak("RFC4301-4.4.1-2")
    return old


def refuse(sa: ScriptedSa) -> None:
    """Refuse what the device asks for in place of the old SA, if we hold it."""
    request = sa.held
    if request is None or request.answered:
        return
    if request.message.exchange == ExchangeType.CREATE_CHILD_SA:
        sa.answer(request, REFUSED)
    else:
        sa.answer(request)


@purpose("data-sequence-end", NEVER, "RFC4303-2.2-1", role="responder", needs=NEEDS)
def test_end(peer: Peer, dut: Dut) -> None:
    """The device has three numbers left, and six packets to send: it rekeys, or stops; none has a number from before.

    When there is a new Child SA packets flow again, whoever has asked for it.
    """
    sa = peer.establish()
    old = worn_out(peer, dut, sa)
    if not sa.children or sa.child is old:
        if sa.rekey_child(old).notify(NotifyType.NO_ADDITIONAL_SAS) is not None:
            return  # it makes none but the first, as RFC 7296, section 1.3 lets it
        sa.finish()
    flows(peer, sa.child, NEVER)


@purpose("data-sequence-end-refused", NEVER, "RFC4301-4.4.1-2", role="responder", needs=NEEDS, canary=False)
def test_end_refused(peer: Peer, dut: Dut) -> None:
    """The same, and we refuse a rekey if it asks for one: no number comes round, nor does a packet in the clear."""
    sa = peer.establish()
    sa.hold(ExchangeType.CREATE_CHILD_SA)
    old = worn_out(peer, dut, sa)
    told = requests(peer, sa)
    if any(deletes_ike(one) or old.spi_out in deleted(one) for one in told):
        peer.note("it has ended the Child SA")
        return
    sa.must_be_up(NEVER)
