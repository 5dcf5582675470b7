"""Defects of devices that trust a container to hold something: they crash, or make up what is missing."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.ike.core.child import ChildOffer
from conformance.ike.core.connection import ChildConfig
from conformance.ike.core.proposals import child_proposals, parsed
from conformance.ike.ikesa import IkeSa
from conformance.net.link import NON_ESP_MARKER, Datagram
from conformance.wire import (
    CERTREQ,
    CP,
    SA,
    Delete,
    KeMethod,
    Message,
    Payload,
    Proposal,
    ProtocolID,
    TSi,
    TSr,
    UnknownPayload,
    VendorID,
    WireError,
    decode_message,
)
from peers.reference.defects.combined import CrashesAndRestarts, Fragile
from peers.reference.defects.registry import defect


def is_empty(one: Payload) -> bool:
    """Whether a payload is a container without contents."""
    match one:
        case SA(proposals=proposals):
            return not all(each.transforms for each in proposals) or not proposals
        case TSi(selectors=selectors) | TSr(selectors=selectors):
            return not selectors
        case Delete(protocol=protocol, spis=spis):
            return protocol != ProtocolID.IKE and not spis
        case CP(attributes=attributes):
            return not attributes
        case CERTREQ(data=data) | VendorID(data=data) | UnknownPayload(body=data):
            return not data
    return False


class _DiesOfNothing(Fragile):
    def deliver(self, message: Message) -> None:
        if any(map(is_empty, message.payloads)):
            self.killed = True
        else:
            super().deliver(message)


@defect(
    "format-header-only",
    "format-init-empty",
    "format-init-bare-payloads",
    "format-auth-empty",
    "format-auth-empty-is-no-error",
    "format-child-empty",
    "format-info-empty",
    "format-info-bare-payloads",
)
class CrashesOnEmptyContainers(CrashesAndRestarts):
    """Crashes at a container with nothing in it, or a header with nothing behind it, and is there again at once."""

    sa_class = _DiesOfNothing

    def receive(self, datagram: Datagram, now: float) -> None:
        super().receive(datagram, now)
        raw = datagram.payload.removeprefix(NON_ESP_MARKER)
        try:
            message = decode_message(raw)
        except WireError:
            return
        if len(raw) == 28 or any(map(is_empty, message.payloads)):
            self.restart()


@defect("format-init-empty", "format-auth-empty", "format-child-empty")
class TakesNothingForAnything(IkeSa):
    """Takes an offer without proposals or transforms for one of all that it has."""

    def choose_ike(self, proposals: Sequence[Proposal], group: KeMethod) -> Proposal:
        usual = parsed(self.connection.proposals)[0]
        bare = not proposals or not proposals[0].transforms
        return usual if bare else super().choose_ike(proposals, group)

    def choose_child(self, config: ChildConfig, proposals: Sequence[Proposal], message: Message) -> Proposal:
        if proposals and proposals[0].transforms:
            return super().choose_child(config, proposals, message)
        return child_proposals(config.proposals, b"\1\2\3\4", with_ke=False)[0]


@defect("format-only-padding")
class NothingInsideIsEmpty(IkeSa):
    """Takes an Encrypted payload without contents for an empty request, whatever its Next Payload says."""

    def decode_inside(self, inner: int, plaintext: bytes) -> tuple[Payload, ...]:
        return super().decode_inside(inner if plaintext else 0, plaintext)


@defect("format-response-auth-empty", "format-response-auth-no-selectors", "format-response-child-empty")
class TakesNothingForConsent(IkeSa):
    """Goes on with what it has asked for itself where the response says nothing."""

    def take_child(self, offer: ChildOffer, message: Message) -> None:
        def filled(one: Payload) -> Payload:
            match one:
                case SA(proposals=()):
                    return SA((replace(offer.proposals[0], spi=b"\1\2\3\4"),))
                case TSi(selectors=()):
                    return TSi(self.own_selectors(offer.config))
                case TSr(selectors=()):
                    return TSr(self.peer_selectors(offer.config))
            return one

        super().take_child(offer, replace(message, payloads=tuple(map(filled, message.payloads))))
