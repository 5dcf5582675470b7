"""Defects of CREATE_CHILD_SA: SPIs, protocols, key lengths and selectors that cannot be are taken for others."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

from conformance.crypto.suite import IkeSuite
from conformance.ike.core.child import ChildOffer, ChildSa
from conformance.ike.core.connection import ChildConfig
from conformance.ike.core.proposals import child_proposals
from conformance.ike.ikesa import IkeSa
from conformance.wire import (
    SA,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Payload,
    Proposal,
    ProtocolID,
    Selector,
    TrafficSelector,
    TransformType,
    TSi,
    TSr,
)
from peers.reference.defects.registry import defect


@defect("child-rekey-other-protocol")
class LooksAtTheSpiOnly(IkeSa):
    """Finds the Child SA of REKEY_SA by its SPI, under whatever protocol."""

    def rekeyed_child(self, notify: Notify | None) -> ChildSa | None:
        found = next((one for one in self.children if notify is not None and one.spi_out == notify.spi), None)
        return super().rekeyed_child(replace(notify, protocol=found.protocol) if notify and found else notify)


@defect("child-rekey-other-protocol")
class CopiesTheProtocol(IkeSa):
    """Says the protocol of a REKEY_SA again in its answer, and dies of one that no answer may have."""

    def rekeyed_child(self, notify: Notify | None) -> ChildSa | None:
        if notify is not None and notify.protocol not in (ProtocolID.AH, ProtocolID.ESP):
            raise AssertionError(f"protocol {int(notify.protocol)} in a notify of ours")
        return super().rekeyed_child(notify)


@defect("ike-rekey-without-nonce")
class RekeysWithoutNonce(IkeSa):
    """Goes on with a nonce of zeros where the request to rekey the IKE SA has none."""

    def handle_rekey(self, message: Message) -> Sequence[Payload]:
        if message.first(Nonce) is None:
            message = replace(message, payloads=(*message.payloads, Nonce(bytes(32))))
        return super().handle_rekey(message)


def whole(sa: SA) -> SA:
    """Proposals with SPIs of eight octets, filled up or cut."""
    return SA(tuple(replace(one, spi=one.spi[:8].ljust(8, b"\1")) for one in sa.proposals))


@defect("ike-rekey-spi")
class FillsUpSpis(IkeSa):
    """Fills an SPI up with octets of its own."""

    def handle_rekey(self, message: Message) -> Sequence[Payload]:
        filled = tuple(whole(one) if isinstance(one, SA) else one for one in message.payloads)
        return super().handle_rekey(replace(message, payloads=filled))


@defect("ike-rekey-response-spi")
class FillsUpSpisInResponses(IkeSa):
    """Does the same with the SPI of a response."""

    def on_rekey_response(self, new: Self, proposals: tuple[Proposal, ...], *others: Any) -> None:
        exchange, message, *tried = others
        filled = tuple(whole(one) if isinstance(one, SA) else one for one in message.payloads)
        super().on_rekey_response(new, proposals, exchange, replace(message, payloads=filled), *tried)


@defect("ike-rekey-other-cipher")
class KeepsItsCipher(IkeSa):
    """Protects a rekeyed IKE SA with the cipher of the old one."""

    def derive_heir(self, new: Self, suite: IkeSuite, shared: bytes) -> None:
        assert self.keys is not None
        old = self.keys.suite
        super().derive_heir(
            new, replace(suite, encr=old.encr, key_bits=old.key_bits, integ=old.integ, cipher=old.cipher), shared
        )


@defect("ike-rekey-other-group")
class CutsSecretOfOtherGroup(IkeSa):
    """Leaves out the last octet of the secret of another group than the old one."""

    def derive_heir(self, new: Self, suite: IkeSuite, shared: bytes) -> None:
        assert self.keys is not None
        super().derive_heir(new, suite, shared if suite.ke == self.keys.suite.ke else shared[:-1])


class _ReadsOffers(IkeSa):
    """Reads the offer of a Child SA as something else before it chooses."""

    def read(self, one: Proposal) -> Proposal:
        raise NotImplementedError

    def choose_child(self, config: ChildConfig, proposals: Sequence[Proposal], message: Message) -> Proposal:
        return super().choose_child(config, [self.read(one) for one in proposals], message)


@defect("child-spi-size")
class CutsSpis(_ReadsOffers):
    """Takes four octets for the SPI, of however many."""

    def read(self, one: Proposal) -> Proposal:
        return replace(one, spi=one.spi[:4].ljust(4, b"\1"))


@defect("child-key-length-missing", "child-key-length-odd")
class GuessesKeyLength(_ReadsOffers):
    """Takes a cipher with whatever key length for the configured one."""

    def read(self, one: Proposal) -> Proposal:
        ours = child_proposals(self.connection.children[0].proposals, b"", with_ke=False)[0]
        ciphers = {each.id: each for each in ours.transforms if each.type == TransformType.ENCR}
        known = tuple(
            ciphers.get(each.id, each) if each.type == TransformType.ENCR else each for each in one.transforms
        )
        return replace(one, transforms=known)


@defect("child-ts-backwards")
class TurnsSelectorsRound(IkeSa):
    """Takes the smaller one of two ends for the beginning."""

    def make_child(self, message: Message, old: ChildSa | None, nonces: tuple[bytes, bytes]) -> list[Payload]:
        turned = tuple(
            TSi(tuple(map(_turned, one.selectors))) if isinstance(one, TSi) else one for one in message.payloads
        )
        return super().make_child(replace(message, payloads=turned), old, nonces)


def _turned(one: Selector) -> Selector:
    if not isinstance(one, TrafficSelector):
        return one
    (start, end), ports = sorted((one.start, one.end)), sorted((one.start_port, one.end_port))
    return replace(one, start=start, end=end, start_port=ports[0], end_port=ports[1])


@defect("child-response-without-ts")
class MissingSelectorsAreItsOwn(IkeSa):
    """Takes its own selectors for those of a response that has none."""

    def take_child(self, offer: ChildOffer, message: Message) -> None:
        more: list[Payload] = [] if message.first(TSi) is not None else [TSi(offer.local_ts)]
        more += [] if message.first(TSr) is not None else [TSr(offer.remote_ts)]
        super().take_child(offer, replace(message, payloads=(*message.payloads, *more)))


@defect("child-new-by-device-refused")
class ForgetsRefusedIkeSa(IkeSa):
    """Forgets the IKE SA when the peer wants no second Child SA."""

    def child_failed(self, error: Notify | None) -> None:
        super().child_failed(error)
        if error is not None and self.children:
            self.close("the peer refuses a Child SA")


@defect("ike-rekey-refused-device")
class ForgetsIkeSaThatIsNotRekeyed(IkeSa):
    """Forgets the IKE SA when the peer does not want another one."""

    def rekey_refused(self, error: NotifyType) -> None:
        super().rekey_refused(error)
        self.close("the peer refuses to rekey")


@defect("child-new-by-device-refused")
class EndsRefusedIkeSa(IkeSa):
    """Deletes the IKE SA when the peer wants no second Child SA."""

    def child_failed(self, error: Notify | None) -> None:
        super().child_failed(error)
        if error is not None and self.children:
            self.start_delete()


class _AssumesItsOffer(IkeSa):
    """Reads what it has offered in place of one part of the choice."""

    def read(self, chosen: Proposal, offered: Proposal) -> Proposal:
        raise NotImplementedError

    def take_child(self, offer: ChildOffer, message: Message) -> None:
        sa = message.first(SA)
        assert sa is not None
        read = SA((self.read(sa.proposals[0], offer.proposals[0]),))
        super().take_child(
            offer, replace(message, payloads=tuple(read if one is sa else one for one in message.payloads))
        )


@defect("child-response-other-protocol")
class AssumesProtocol(_AssumesItsOffer):
    """Does not look at the protocol of the choice."""

    def read(self, chosen: Proposal, offered: Proposal) -> Proposal:
        return replace(chosen, protocol=offered.protocol)


@defect("child-response-other-integrity", "child-response-other-esn")
class ChecksCipherOnly(_AssumesItsOffer):
    """Compares the cipher of the choice with its offer, and nothing else."""

    def read(self, chosen: Proposal, offered: Proposal) -> Proposal:
        ours = {one.type: one for one in reversed(offered.transforms)}
        kept = (one if one.type == TransformType.ENCR else ours.get(one.type, one) for one in chosen.transforms)
        return replace(chosen, transforms=tuple(kept))
