"""Defects of deletion."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.ike.core.child import ChildSa
from conformance.ike.core.sending import State
from conformance.ike.ikesa import IkeSa
from conformance.wire import Delete, Message, Payload, ProtocolID
from peers.reference.dataplane import Carried, DeviceHost
from peers.reference.defects.registry import defect


@defect(
    "info-delete-child", "info-delete-child-device-initiated", "info-delete-unknown", "info-delete-again",
    "info-delete-known-and-unknown", "info-delete-several", "info-delete-two-payloads", "info-delete-wrong-protocol",
    "info-delete-peer-spi", "info-delete-one-of-two",
)  # fmt: skip
class EchoesDelete(IkeSa):
    """Answers a deletion with the SPIs of the request."""

    def handle_informational(self, message: Message) -> Sequence[Payload]:
        super().handle_informational(message)
        return [one for one in message.all(Delete) if one.protocol != ProtocolID.IKE]


@defect("info-delete-child", "info-delete-child-device-initiated")
class ChildDeleteClosesIke(IkeSa):
    """Gives up the IKE SA with its last Child SA, without a word."""

    def drop_child(self, child: ChildSa) -> None:
        super().drop_child(child)
        if not self.children:
            self.close_after_response = "no Child SA is left"


@defect("info-delete-several", "info-delete-known-and-unknown")
class LooksAtFirstSpi(IkeSa):
    """Sees only the first SPI of a Delete payload."""

    def named(self, delete: Delete) -> list[ChildSa]:
        return super().named(replace(delete, spis=delete.spis[:1]))


@defect("info-delete-two-payloads", "info-delete-ike-and-child")
class LooksAtFirstDelete(IkeSa):
    """Sees only the first Delete payload of a request."""

    def handle_informational(self, message: Message) -> Sequence[Payload]:
        return super().handle_informational(replace(message, payloads=message.all(Delete)[:1]))


@defect("info-delete-one-of-two")
class DeletesSameSelectors(IkeSa):
    """Deletes all Child SAs with the selectors of the one that is named."""

    def named(self, delete: Delete) -> list[ChildSa]:
        found = super().named(delete)
        return [child for child in self.children if any(child.local_ts == one.local_ts for one in found)]


@defect("info-delete-wrong-protocol")
class IgnoresDeleteProtocol(IkeSa):
    """Looks at the SPI of a Delete payload and not at its protocol."""

    def named(self, delete: Delete) -> list[ChildSa]:
        return [child for child in self.children if child.spi_out in delete.spis]


@defect("info-delete-peer-spi")
class DeletesByEitherSpi(IkeSa):
    """Takes a Delete payload with either SPI of a Child SA."""

    def named(self, delete: Delete) -> list[ChildSa]:
        return [child for child in self.children if {child.spi_out, child.spi_in} & set(delete.spis)]


@defect("info-delete-unknown")
class DeletesAnyChild(IkeSa):
    """Deletes its first Child SA when it does not find the one that is named."""

    def named(self, delete: Delete) -> list[ChildSa]:
        return super().named(delete) or self.children[:1]


@defect("info-delete-ike", "info-delete-ike-device-initiated", "info-delete-ike-and-child")
class KeepsDeletedIke(IkeSa):
    """Answers the deletion of the IKE SA and keeps it."""

    def on_deleted(self) -> Sequence[Payload]:
        return []


@defect("info-delete-ike", "info-delete-ike-device-initiated")
class ListsChildrenOnDelete(IkeSa):
    """Lists the Child SAs in the response to the deletion of the IKE SA."""

    def on_deleted(self) -> Sequence[Payload]:
        spis = tuple(child.spi_in for child in self.children)
        return [*super().on_deleted(), Delete(ProtocolID.ESP, spis)]


@defect("info-delete-by-device")
class DeleteWithIkeSpi(IkeSa):
    """Puts its SPI into the Delete payload of the IKE SA."""

    def delete_request(self) -> Sequence[Payload]:
        return [Delete(ProtocolID.IKE, (self.own_spi,))]


@defect("info-delete-child-by-device")
class ListsPairOnDelete(IkeSa):
    """Lists both SPIs of a Child SA."""

    def child_delete_request(self, child: ChildSa) -> Sequence[Payload]:
        return [Delete(child.protocol, (child.spi_in, child.spi_out))]


@defect("info-delete-child-by-device")
class DeletesPeersSpi(IkeSa):
    """Names a Child SA by the SPI on which the peer receives."""

    def child_delete_request(self, child: ChildSa) -> Sequence[Payload]:
        return [Delete(child.protocol, (child.spi_out,))]


@defect("info-delete-crossing")
class AnswersCrossingDelete(IkeSa):
    """Names a Child SA in its response although it deletes it itself just now."""

    def on_child_deleted(self, child: ChildSa) -> bytes:
        super().on_child_deleted(child)
        return child.spi_in


@defect("info-delete-ike-crossing")
class IgnoresDeleteWhileClosing(IkeSa):
    """Answers nothing any more once it has asked for the deletion of the IKE SA."""

    def on_request(self, message: Message) -> None:
        if not self.closing:
            super().on_request(message)


@defect("info-delete-child")
class KeepsDeletedChild(IkeSa):
    """Names the SPI of a Child SA that the peer deletes, and keeps it."""

    def on_child_deleted(self, child: ChildSa) -> bytes:
        return child.spi_in


@defect("ike-rekey-old-numbering")
class KeepsReplacedIke(IkeSa):
    """Answers the deletion of an IKE SA that was rekeyed, and keeps it."""

    def on_deleted(self) -> Sequence[Payload]:
        return [] if self.state == State.REKEYED else super().on_deleted()


@defect("info-delete-one-of-two")
class SendsOnTheDeletedOne(DeviceHost):
    """Goes on sending on a Child SA whose receiving half it has closed."""

    def withdraw(self, one: Carried) -> None:
        self.sad.remove(one.inbound)


@defect("info-delete-one-of-two")
class ClosesThePolicy(DeviceHost):
    """Sends nothing more on the Child SAs that have the selectors of one that was deleted."""

    def withdraw(self, one: Carried) -> None:
        super().withdraw(one)
        for other in self.carried.values():
            if other.child.local_ts == one.child.local_ts:
                self.sad.remove(other.outbound)
