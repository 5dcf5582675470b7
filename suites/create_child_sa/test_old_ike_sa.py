"""An IKE SA that is being replaced begins nothing more (RFC 7296, section 1.3.2)."""

from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Unexpected
from conformance.wire import ExchangeType, Message, NotifyType
from peers.capabilities import Capability
from suites.create_child_sa.answers import connected, successor
from suites.create_child_sa.device_rekeys import ike_rekey
from suites.dut import Dut
from suites.purpose import purpose

NOT_THERE = "RFC7296-1.3.2-4"
NEEDS = (Capability.REKEY_CHILD,)


def is_rekey(message: Message) -> bool:
    """A request to rekey a Child SA."""
    asks = message.exchange == ExchangeType.CREATE_CHILD_SA and not message.is_response
    return asks and message.notify(NotifyType.REKEY_SA) is not None


def next_rekey(peer: Peer, *sas: ScriptedSa) -> Received:
    """The device's next request to rekey a Child SA, on whichever of these IKE SAs it comes."""
    return peer.wait(
        lambda one: any(one.sa is sa for sa in sas) and one.protected and is_rekey(one.message),
        "a request to rekey the Child SA",
    )


@purpose("ike-rekey-old-quiet", NOT_THERE, role="initiator", needs=NEEDS)
def test_old_quiet(peer: Peer, dut: Dut) -> None:
    """We rekey the IKE SA and let the old one be; the device, told to rekey its Child SA, asks on the new one.

    It may wait until we have deleted the old one.
    """
    sa = connected(peer, dut)
    sa.tidy = False
    with peer.preamble("our rekey of the IKE SA"):
        new = successor(peer, sa)
    peer.pause()
    dut.rekey_child()
    try:
        request = next_rekey(peer, sa, new)
    except Unexpected:
        sa.delete()
        with peer.preamble("the device rekeys its Child SA"):
            request = next_rekey(peer, sa, new)
    peer.check(request.sa is new, "a request on the new IKE SA", request, NOT_THERE)
    new.answer(request)


@purpose(
    "ike-rekey-old-quiet-device", NOT_THERE, role="initiator", needs=(*NEEDS, Capability.REKEY_IKE),
)  # fmt: skip
def test_old_quiet_device(peer: Peer, dut: Dut) -> None:
    """While the device waits for our answer to its rekey of the IKE SA it is told to rekey its Child SA as well.

    It does so on the new IKE SA, or not at all.
    """
    sa, request = ike_rekey(peer, dut)
    dut.rekey_child()
    sa.liveness()
    sa.answer(request)
    new = sa.rekeyed
    try:
        found = next_rekey(peer, sa, new)
    except Unexpected:
        peer.note("the device does not rekey the Child SA any more")
    else:
        peer.check(found.sa is new, "a request on the new IKE SA", found, NOT_THERE)
        new.answer(found)
    again = [one for one in peer.inbox if one.sa is sa and is_rekey(one.message)]
    peer.check(not again, "no CREATE_CHILD_SA request on the old IKE SA", "; ".join(map(str, again)), NOT_THERE)
