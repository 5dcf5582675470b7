"""Defects of rekeying Child SAs, from either side, and of deleting what was replaced."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.ike.core.child import ChildOffer, ChildSa, ChildState
from conformance.ike.core.connection import ChildConfig
from conformance.ike.core.events import Refusal
from conformance.ike.core.selectors import host
from conformance.ike.ikesa import IkeSa
from conformance.wire import (
    SA,
    Delete,
    KeMethod,
    Message,
    Notify,
    NotifyType,
    Payload,
    ProtocolID,
    TrafficSelector,
    TSi,
    TSr,
)
from peers.reference.defects.registry import defect

Selectors = tuple[TrafficSelector, ...]

# --- the peer rekeys --------------------------------------------------------------------------------------------------


@defect("child-rekey", "child-rekey-wider", "eap-client-windows-rekey")
class NarrowsOnRekey(IkeSa):
    """Narrows a rekeyed Child SA to the first address of each side."""

    def select(self, ts_i: TSi, ts_r: TSr, old: ChildSa | None) -> tuple[ChildConfig, Selectors, Selectors]:
        config, remote, local = super().select(ts_i, ts_r, old)
        return (config, (host(remote[0].start),), (host(local[0].start),)) if old else (config, remote, local)


@defect("child-rekey-delete", "child-parallel")
class DeletesNewestChild(IkeSa):
    """Deletes the newest Child SA, whichever is named."""

    def named(self, delete: Delete) -> list[ChildSa]:
        return self.children[-1:] if super().named(delete) else []


@defect(
    "child-rekey-delete",
    "child-ts-unacceptable",
    "child-rekey-refused",
    "child-delete-while-rekeying",
    "child-delete-while-ike-rekey",
    "ike-rekey-inherits",
)
class AnswersDeletesEmpty(IkeSa):
    """Deletes a Child SA and does not name the other half."""

    def handle_informational(self, message: Message) -> Sequence[Payload]:
        super().handle_informational(message)
        return []


@defect("child-rekey-delete")
class ForgetsChildOnRekey(IkeSa):
    """Forgets the old Child SA as soon as the peer has rekeyed it, without waiting for its deletion."""

    def make_child(self, message: Message, old: ChildSa | None, nonces: tuple[bytes, bytes]) -> list[Payload]:
        made = super().make_child(message, old, nonces)
        if old is not None:
            self.drop_child(old)
        return made


@defect(
    *("child-rekey-unknown", "child-rekey-own-spi", "child-rekey-twice"),
    *("child-rekey-late-closed", "child-rekey-collision-late"),
)
class RekeysNothing(IkeSa):
    """Takes a rekey of a Child SA that it does not have as a request for a new one."""

    def rekeyed_child(self, notify: Notify | None) -> ChildSa | None:
        try:
            return super().rekeyed_child(notify)
        except Refusal as refusal:
            if refusal.kind != NotifyType.CHILD_SA_NOT_FOUND:
                raise
            return None


@defect("child-rekey-unknown")
class NotFoundWithoutSpi(IkeSa):
    """Does not say which Child SA it has not found."""

    def rekeyed_child(self, notify: Notify | None) -> ChildSa | None:
        try:
            return super().rekeyed_child(notify)
        except Refusal as refusal:
            raise Refusal(refusal.kind, refusal.why) from None


@defect(
    *("child-rekey-unknown", "child-rekey-own-spi", "child-rekey-twice"),
    *("child-rekey-late-closed", "child-rekey-collision-late"),
)
class NotFoundIsNoProposal(IkeSa):
    """Answers NO_PROPOSAL_CHOSEN to a rekey of a Child SA that it does not have."""

    def rekeyed_child(self, notify: Notify | None) -> ChildSa | None:
        try:
            return super().rekeyed_child(notify)
        except Refusal as refusal:
            raise Refusal(NotifyType.NO_PROPOSAL_CHOSEN, refusal.why) from None


@defect("child-rekey-own-spi")
class RekeysByEitherSpi(IkeSa):
    """Finds the Child SA to rekey by the SPI of either direction."""

    def rekeyed_child(self, notify: Notify | None) -> ChildSa | None:
        wanted = notify.spi if notify else b""
        found = next((one for one in self.children if wanted and wanted in (one.spi_in, one.spi_out)), None)
        return found or super().rekeyed_child(notify)


@defect("child-rekey-refused")
class RefusedRekeyEndsChild(IkeSa):
    """Forgets the Child SA that it refuses to rekey."""

    def process(self, message: Message) -> Sequence[Payload] | None:
        found = super().process(message)
        rekey = message.notify(NotifyType.REKEY_SA)
        if rekey is not None and not any(isinstance(one, SA) for one in found or ()):
            for child in [one for one in self.children if one.spi_out == rekey.spi]:
                self.drop_child(child)
        return found


# --- the device rekeys ------------------------------------------------------------------------------------------------


@defect("child-rekey-by-device")
class RekeysByPeerSpi(IkeSa):
    """Names the Child SA by the SPI on which it sends."""

    def rekey_notify(self, child: ChildSa) -> Notify:
        return replace(super().rekey_notify(child), spi=child.spi_out)


@defect("child-rekey-by-device")
class RekeysWithoutProtocol(IkeSa):
    """Leaves the protocol of N(REKEY_SA) zero."""

    def rekey_notify(self, child: ChildSa) -> Notify:
        return replace(super().rekey_notify(child), protocol=ProtocolID.NONE)


@defect("child-rekey-by-device")
class RekeysWithData(IkeSa):
    """Repeats the SPI as notification data."""

    def rekey_notify(self, child: ChildSa) -> Notify:
        return replace(super().rekey_notify(child), data=child.spi_in)


@defect("child-rekey-by-device", "child-invalid-ke-retry")
class RekeysAsIfNew(IkeSa):
    """Asks for a new Child SA without saying that it replaces one."""

    def child_request(self, offer: ChildOffer) -> Sequence[Payload]:
        found = super().child_request(offer)
        return [one for one in found if not isinstance(one, Notify) or one.type != NotifyType.REKEY_SA]


@defect("child-rekey-by-device")
class OffersNarrowerRekey(IkeSa):
    """Asks for the first address of each side in a rekey."""

    def make_offer(self, config: ChildConfig, *, with_ke: bool, rekeys: ChildSa | None = None) -> ChildOffer:
        offer = super().make_offer(config, with_ke=with_ke, rekeys=rekeys)
        if rekeys is not None:
            offer.local_ts, offer.remote_ts = (host(offer.local_ts[0].start),), (host(offer.remote_ts[0].start),)
        return offer


@defect("child-rekey-device-deletes", "child-rekey-collision")
class KeepsRekeyedChild(IkeSa):
    """Does not delete what it has replaced."""

    def settle(self, offer: ChildOffer, child: ChildSa) -> None:
        if offer.rival is not None and self.rekey_lost(child, offer.rival):
            super().settle(offer, child)


@defect("child-rekey-device-deletes")
class DeletesBothDirections(IkeSa):
    """Names the SPIs of both directions."""

    def child_delete_request(self, child: ChildSa) -> Sequence[Payload]:
        return [Delete(child.protocol, (child.spi_in, child.spi_out))]


@defect("child-rekey-device-deletes")
class DeletesByPeerSpi(IkeSa):
    """Names the SPI on which it sends."""

    def child_delete_request(self, child: ChildSa) -> Sequence[Payload]:
        return [Delete(child.protocol, (child.spi_out,))]


@defect("child-temporary-failure")
class RetriesChildAtOnce(IkeSa):
    """Repeats a rekey at once that was refused for the moment."""

    def rekey_failed(self, child: ChildSa, error: Notify | None) -> None:
        super().rekey_failed(child, error)
        if error is not None and error.type == NotifyType.TEMPORARY_FAILURE:
            self.start_child_rekey(child)


@defect("child-not-found")
class KeepsLostChild(IkeSa):
    """Goes on using a Child SA that the peer does not have."""

    def lost_child(self, child: ChildSa) -> None:
        child.state = ChildState.INSTALLED


@defect("child-not-found")
class DeletesLostChild(IkeSa):
    """Deletes what the peer does not have before it asks for a new one."""

    def lost_child(self, child: ChildSa) -> None:
        self.start_child_delete(child)
        self.start_child(child.config.name)


@defect("child-no-additional", "child-temporary-failure")
class RefusalForgetsIke(IkeSa):
    """Forgets the IKE SA without a Delete payload when a rekey is refused."""

    def child_failed(self, error: Notify | None) -> None:
        super().child_failed(error)
        self.close("a rekey was refused")


@defect("child-invalid-ke-retry")
class KeepsRefusedGroup(IkeSa):
    """Repeats with the same group after INVALID_KE_PAYLOAD."""

    def child_group(self, offer: ChildOffer, data: bytes) -> KeMethod:
        assert offer.exchange is not None
        return offer.exchange.method


@defect("child-invalid-ke-unoffered")
class TakesUnofferedGroup(IkeSa):
    """Takes the group from INVALID_KE_PAYLOAD without looking into its own offer."""

    def child_group(self, offer: ChildOffer, data: bytes) -> KeMethod:
        return KeMethod(int.from_bytes(data, "big"))


@defect("child-unknown-error")
class IgnoresUnknownErrors(IkeSa):
    """Takes unknown error notifies for status notifies."""

    def refusal_in(self, message: Message) -> Notify | None:
        found = super().refusal_in(message)
        return None if found is not None and found.type.name == str(int(found.type)) else found
