"""What the purposes about deletion share: which SPIs a message names, and whether a Child SA still exists."""

from conformance.ike.core.child import ChildSa
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable
from conformance.wire import Delete, Message, ProtocolID
from peers.capabilities import Capability
from peers.contract import SaState
from suites.dut import Dut
from suites.several import deleted_by_device


def deleted_spis(message: Message) -> list[str]:
    """The SPIs of all Delete payloads, in hexadecimal."""
    return [spi.hex() for delete in message.all(Delete) for spi in delete.spis]


def said(spis: list[str]) -> str:
    """SPIs as a report shows them."""
    return ", ".join(spis) or "none"


def child_must_live(peer: Peer, dut: Dut, sa: ScriptedSa, requirement: str) -> None:
    """The device must still have the first Child SA of ``sa``: it lists it, and names its SPI when we delete it.

    A device may answer every deletion by an empty response (RFC 7296, section 4). If it lists no SAs either, nothing
    can be proved. The Child SA is deleted afterwards.
    """
    child = sa.child
    name = f"Child SA {child.spi_out.hex()}"
    listed = Capability.LIST_SAS in dut.device.capabilities
    if listed:
        peer.check(_has(dut, child), f"{name} is still there", "it is not in its list of SAs", requirement)
    spis = deleted_spis(sa.delete_child(child))
    if not spis and not listed and not deleted_spis(peer.establish().delete_child()):
        raise NotApplicable("the device neither lists its Child SAs nor says which ones it deletes")
    got = f"SPIs deleted at our request: {said(spis)}"
    peer.check(child.spi_out.hex() in spis or (listed and not spis), f"{name} was still there", got, requirement)


def children_must_be_gone(peer: Peer, dut: Dut, sa: ScriptedSa, children: list[ChildSa], requirement: str) -> None:
    """The device must have closed these Child SAs: it does not list them, and deleted once more they are unknown.

    A device that names its own SPI only now has had it until now.
    """
    if Capability.LIST_SAS in dut.device.capabilities:
        if any(_has(dut, child) for child in children):
            peer.idle(peer.response_timeout / 4)
        left = [child.spi_out.hex() for child in children if _has(dut, child)]
        peer.check(not left, "the Child SAs are gone", f"{said(left)} in its list of SAs", requirement)
    if deleted_by_device(sa):  # a device may close an IKE SA that has no Child SA any more
        return
    again = deleted_spis(sa.informational(Delete(ProtocolID.ESP, tuple(child.spi_in for child in children))))
    left = [child.spi_out.hex() for child in children if child.spi_out.hex() in again]
    peer.check(not left, "the Child SAs were closed at the first Delete", f"{said(left)} still there", requirement)


def _has(dut: Dut, child: ChildSa) -> bool:
    """Whether the device lists a Child SA that it is not about to delete."""
    found = dut.child(child)
    return found is not None and found.state != SaState.DELETING
