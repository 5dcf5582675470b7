"""Defects of rekeying the IKE SA, from either side."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Self

from conformance.crypto.ke import KeyExchange, respond
from conformance.crypto.suite import IkeSuite
from conformance.ike.core import keys
from conformance.ike.core.keys import derive_ike_keys
from conformance.ike.core.proposals import choose, without
from conformance.ike.ikesa import IkeSa
from conformance.wire import (
    FLAG_INITIATOR,
    KE,
    SA,
    Delete,
    KeMethod,
    Message,
    Nonce,
    NotifyType,
    Payload,
    Proposal,
    ProtocolID,
    Transform,
    TransformType,
    TSi,
    TSr,
)
from peers.reference.defects.registry import defect

# --- both sides -------------------------------------------------------------------------------------------------------


@defect("ike-rekey", "ike-rekey-device-new-initiator")
class KeepsMessageIds(IkeSa):
    """Goes on counting on the new IKE SA where the old one was."""

    def make_heir(self, *, initiator: bool) -> Self:
        new = super().make_heir(initiator=initiator)
        new.next_id, new.expected_id = self.next_id + 1, self.expected_id
        return new


@defect("ike-rekey-old-numbering", "ike-rekey-device-deletes")
class RestartsOldIke(IkeSa):
    """Starts anew at message 0 on the old IKE SA, too."""

    def inherit(self, new: Self) -> None:
        super().inherit(new)
        self.next_id = self.expected_id = 0
        self.last_response = None


@defect(
    "ike-rekey-inherits",
    "ike-rekey-again",
    "ike-rekey-collision",
    "ike-rekey-collision-at-once",
    "ike-rekey-collision-lost",
)
class LeavesChildrenBehind(IkeSa):
    """Lets the Child SAs die with the old IKE SA."""

    def inherit(self, new: Self) -> None:
        super().inherit(new)
        new.children = []


@defect("ike-rekey-flags", "ike-rekey-device-new-initiator")
class KeepsInitiatorFlag(IkeSa):
    """Sets the Initiator flag as on the first IKE SA."""

    first_role: bool | None = None

    def make_heir(self, *, initiator: bool) -> Self:
        new = super().make_heir(initiator=initiator)
        assert isinstance(new, KeepsInitiatorFlag)
        new.first_role = self.initiator if self.first_role is None else self.first_role
        return new

    def flags(self, *, response: bool) -> int:
        found = super().flags(response=response)
        if self.first_role is None:
            return found
        return found | FLAG_INITIATOR if self.first_role else found & ~FLAG_INITIATOR


@defect("ike-rekey-again")
class KeepsSkD(IkeSa):
    """Keeps SK_d of the old IKE SA, and changes the other keys."""

    def derive_heir(self, new: Self, suite: IkeSuite, shared: bytes) -> None:
        super().derive_heir(new, suite, shared)
        assert self.keys is not None and new.keys is not None
        new.keys = replace(new.keys, sk_d=self.keys.sk_d)


@defect("ike-rekey-other-prf")
class ExpandsWithOldPrf(IkeSa):
    """Expands SKEYSEED with the PRF of the old IKE SA."""

    def derive_heir(self, new: Self, suite: IkeSuite, shared: bytes) -> None:
        super().derive_heir(new, suite, shared)
        assert self.keys is not None
        seed = keys.skeyseed_of_rekey(self.keys, shared, new.nonce_i, new.nonce_r)
        old = replace(suite, prf=self.keys.suite.prf, prf_function=self.keys.suite.prf_function)
        new.keys = derive_ike_keys(old, seed, new.nonce_i + new.nonce_r, new.spi_i, new.spi_r)


@defect("ike-rekey-other-prf")
class SeedsWithNewPrf(IkeSa):
    """Makes SKEYSEED with the PRF of the new IKE SA."""

    def derive_heir(self, new: Self, suite: IkeSuite, shared: bytes) -> None:
        super().derive_heir(new, suite, shared)
        assert self.keys is not None
        seed = suite.prf_function(self.keys.sk_d, shared + new.nonce_i + new.nonce_r)
        new.keys = derive_ike_keys(suite, seed, new.nonce_i + new.nonce_r, new.spi_i, new.spi_r)


@defect("ike-rekey", "ike-rekey-again")
class SeedsWithoutSkD(IkeSa):
    """Makes SKEYSEED as in the initial exchange, without the old SK_d."""

    def derive_heir(self, new: Self, suite: IkeSuite, shared: bytes) -> None:
        super().derive_heir(new, suite, shared)
        seed = keys.skeyseed(suite, shared, new.nonce_i, new.nonce_r)
        new.keys = derive_ike_keys(suite, seed, new.nonce_i + new.nonce_r, new.spi_i, new.spi_r)


# --- the peer rekeys --------------------------------------------------------------------------------------------------


@defect("ike-rekey")
class AnswersWithOldIkeSpi(IkeSa):
    """Names its old SPI in the response."""

    def handle_rekey(self, message: Message) -> Sequence[Payload]:
        found = super().handle_rekey(message)
        old = [replace(one.proposals[0], spi=self.own_spi) for one in found if isinstance(one, SA)]
        return [SA(tuple(old)) if isinstance(one, SA) else one for one in found]


@defect("ike-rekey-without-ke", "ike-rekey-group-none")
class RekeysIkeWithoutKe(IkeSa):
    """Rekeys the IKE SA without a key exchange if the peer sends no KEi."""

    def handle_rekey(self, message: Message) -> Sequence[Payload]:
        sa, nonce = message.first(SA), message.first(Nonce)
        if message.first(KE) is not None or sa is None or nonce is None:
            return super().handle_rekey(message)
        offered = sa.proposals[0]
        chosen = Proposal(offered.number, offered.protocol, without(offered, TransformType.KE).transforms, offered.spi)
        new = self.make_heir(initiator=False)
        new.spi_i, new.nonce_i, new.nonce_r = chosen.spi, nonce.data, self.choose_nonce()
        assert self.keys is not None
        self.derive_heir(new, self.keys.suite, b"")
        self.adopt(new)
        return [SA((replace(chosen, spi=new.own_spi),)), Nonce(new.nonce_r)]


@defect("ike-rekey-wrong-group")
class TakesAnyRekeyGroup(IkeSa):
    """Goes on with the group of KEi though its choice is another one."""

    def rekey_secrets(self, suite: IkeSuite, ke: KE) -> tuple[bytes, bytes]:
        return respond(ke.method, ke.data, self.random)


@defect("ike-rekey-no-proposal")
class RekeysToAnySuite(IkeSa):
    """Takes every algorithm that it supports for the new IKE SA, whatever is configured."""

    def choose_rekey(self, acceptable: Sequence[Proposal], ke: KE) -> Proposal:
        found = choose(acceptable, acceptable, ke.method)
        assert found is not None
        return found[1]


# --- the device rekeys ------------------------------------------------------------------------------------------------


class BendsRekeyRequest(IkeSa):
    """Changes something in its request to rekey the IKE SA."""

    def rekey_request(self, new: Self, proposals: tuple[Proposal, ...], exchange: KeyExchange) -> Sequence[Payload]:
        return self.bent(list(super().rekey_request(new, proposals, exchange)))

    def bent(self, payloads: list[Payload]) -> list[Payload]:
        """The request as it goes out."""
        raise NotImplementedError


@defect("ike-rekey-by-device")
class RekeysWithOldIkeSpi(BendsRekeyRequest):
    """Names its old SPI in the request."""

    def bent(self, payloads: list[Payload]) -> list[Payload]:
        return [
            SA(tuple(replace(each, spi=self.own_spi) for each in one.proposals)) if isinstance(one, SA) else one
            for one in payloads
        ]


@defect("ike-rekey-by-device")
class OffersGroupNone(BendsRekeyRequest):
    """Offers to rekey the IKE SA without a key exchange."""

    def bent(self, payloads: list[Payload]) -> list[Payload]:
        none = Transform.of(KeMethod.NONE)
        return [
            SA(tuple(replace(each, transforms=(*each.transforms, none)) for each in one.proposals))
            if isinstance(one, SA)
            else one
            for one in payloads
        ]


@defect("ike-rekey-by-device")
class RekeysIkeWithSelectors(BendsRekeyRequest):
    """Puts the selectors of its first Child SA into the request."""

    def bent(self, payloads: list[Payload]) -> list[Payload]:
        child = self.children[0]
        return [*payloads, TSi(child.local_ts), TSr(child.remote_ts)]


@defect("ike-rekey-by-device")
class RekeysIkeWithoutKei(BendsRekeyRequest):
    """Leaves out KEi."""

    def bent(self, payloads: list[Payload]) -> list[Payload]:
        return [one for one in payloads if not isinstance(one, KE)]


@defect("ike-rekey-device-deletes", "ike-rekey-collision")
class KeepsOldIke(IkeSa):
    """Does not delete the IKE SA that it has replaced."""

    def settle_rekey(self, new: Self) -> None:
        self.inherit(new)


@defect("ike-rekey-device-deletes")
class DeletesOldIkeBySpi(IkeSa):
    """Names the SPI of the IKE SA in its Delete payload."""

    def delete_request(self) -> Sequence[Payload]:
        return [Delete(ProtocolID.IKE, (self.own_spi,))]


@defect("ike-rekey-device-deletes")
class TalksOnOldIke(IkeSa):
    """Goes on sending requests on the IKE SA that it has deleted."""

    def on_delete_response(self, message: Message) -> None:
        self.start_liveness_with_delete()

    def start_liveness_with_delete(self) -> None:
        """One more deletion."""
        self.start_delete()


@defect("ike-rekey-temporary-failure")
class RetriesIkeRekeyAtOnce(IkeSa):
    """Repeats the rekey of the IKE SA at once that was refused for the moment."""

    def rekey_refused(self, error: NotifyType) -> None:
        super().rekey_refused(error)
        self.start_rekey()
