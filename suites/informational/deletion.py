"""What the purposes about deletion share: which SPIs a message names, and whether a Child SA still exists."""

from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Inconclusive
from conformance.wire import Delete, Message, ProtocolID


def deleted_spis(message: Message) -> list[str]:
    """The SPIs of all Delete payloads, in hexadecimal."""
    return [spi.hex() for delete in message.all(Delete) for spi in delete.spis]


def child_must_live(peer: Peer, sa: ScriptedSa, requirement: str) -> None:
    """The device must still have the first Child SA of ``sa``: it answers a correct deletion with its SPI.

    A device may answer every deletion by an empty response (RFC 7296, section 4): if it does so for a new Child SA,
    too, nothing is proved. Raises Inconclusive then. The Child SA is deleted afterwards.
    """
    child = sa.child
    spis = deleted_spis(sa.delete_child(child))
    if not spis and not deleted_spis(peer.establish().delete_child()):
        raise Inconclusive("the device never says which Child SAs it deletes")
    peer.check(child.spi_out.hex() in spis, f"Child SA {child.spi_out.hex()} was still there", spis, requirement)


def children_must_be_gone(peer: Peer, sa: ScriptedSa, pairs: list[tuple[bytes, bytes]], requirement: str) -> None:
    """The device must have closed these ESP SAs, given as our and its inbound SPIs.

    Deleted once more they are unknown: a device that names its own SPI only now has had them until now.
    """
    again = deleted_spis(sa.informational(Delete(ProtocolID.ESP, tuple(ours for ours, _ in pairs))))
    left = [theirs.hex() for _, theirs in pairs if theirs.hex() in again]
    peer.check(not left, "the Child SAs were closed at the first Delete", f"{', '.join(left)} still there", requirement)
