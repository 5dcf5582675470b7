"""Defects of a device that finds the SAs of a peer among those of all peers."""

from collections.abc import Sequence

from conformance.ike.core.child import ChildSa
from conformance.ike.ikesa import IkeSa
from conformance.wire import Delete, Message, Notify, Payload, ProtocolID
from peers.reference.defects.registry import defect


class Everybody(IkeSa):
    """Looks for Child SAs on all IKE SAs."""

    def all_of_us(self) -> list["Everybody"]:
        """This IKE SA, and then all others."""
        return [self, *(one for one in self.neighbours if isinstance(one, Everybody) and one is not self)]

    def drop_child(self, child: ChildSa) -> None:
        owner = next((one for one in self.all_of_us() if child in one.children), self)
        super(Everybody, owner).drop_child(child)


@defect("info-delete-other-peer")
class DeletesForAnybody(Everybody):
    """Finds the Child SA that a Delete payload names by its SPI, whosever it is."""

    def named(self, delete: Delete) -> list[ChildSa]:
        return [child for one in self.all_of_us() for child in IkeSa.named(one, delete)]


@defect("info-delete-other-peer")
class FindsTheIkeSaByTheDelete(Everybody):
    """Deletes the IKE SA whose SPI stands in a Delete payload, as in IKEv1, whoever sends it."""

    def handle_informational(self, message: Message) -> Sequence[Payload]:
        spis = {spi for one in message.all(Delete) if one.protocol == ProtocolID.IKE for spi in one.spis}
        for one in self.all_of_us():
            if one is not self and one.own_spi in spis:
                one.close("deleted by its SPI")
        return super().handle_informational(message)


@defect("child-rekey-other-peer")
class RekeysForAnybody(Everybody):
    """Finds the Child SA of REKEY_SA by its SPI, whosever it is, and drops it for the new one."""

    def rekeyed_child(self, notify: Notify | None) -> ChildSa | None:
        for one in self.all_of_us():
            found = [child for child in one.children if notify is not None and child.spi_out == notify.spi]
            if one is not self and found:
                one.drop_child(found[0])
                return None
        return super().rekeyed_child(notify)
