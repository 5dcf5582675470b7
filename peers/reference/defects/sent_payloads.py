"""Defects that the invariants see in conversations about something else: payloads and their order."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.ike.ikesa import IkeSa
from conformance.ipsec.ip import ICMP
from conformance.wire import (
    AUTH,
    CP,
    EAP,
    KE,
    SA,
    Delete,
    EapCode,
    EapPacket,
    EapType,
    Encr,
    Esn,
    ExchangeType,
    Integ,
    KeMethod,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Payload,
    Prf,
    Proposal,
    ProtocolID,
    Selector,
    TrafficSelector,
    Transform,
    TSi,
    TSr,
)
from peers.reference.defects.registry import defect


class Rewriting(IkeSa):
    """Writes the payloads of its messages in its own way."""

    def rewritten(self, payloads: list[Payload], exchange: ExchangeType, *, response: bool) -> list[Payload]:
        """The payloads as they are sent."""
        raise NotImplementedError

    def message(
        self, exchange: ExchangeType, payloads: Sequence[Payload], message_id: int, *, response: bool
    ) -> Message:
        written = self.rewritten(list(payloads), exchange, response=response)
        return super().message(exchange, written, message_id, response=response)


@defect("info-delete-child")
class MarksAuthCritical(Rewriting):
    """Marks its AUTH payload as critical."""

    def rewritten(self, payloads: list[Payload], exchange: ExchangeType, *, response: bool) -> list[Payload]:
        return [replace(one, critical=True) if isinstance(one, AUTH) else one for one in payloads]


@defect("info-delete-child")
class SaysTheNonceTwice(Rewriting):
    """Sends its nonce twice."""

    def rewritten(self, payloads: list[Payload], exchange: ExchangeType, *, response: bool) -> list[Payload]:
        return payloads + [one for one in payloads if isinstance(one, Nonce)]


@defect("info-delete-child")
class SelectorsBeforeAuth(Rewriting):
    """Puts its selectors in front of AUTH."""

    def rewritten(self, payloads: list[Payload], exchange: ExchangeType, *, response: bool) -> list[Payload]:
        if exchange != ExchangeType.IKE_AUTH:
            return payloads
        return sorted(payloads, key=lambda one: not isinstance(one, TSi | TSr))


@defect("info-delete-child")
class DetectsNatFirst(Rewriting):
    """Puts NAT detection in front of everything else."""

    def rewritten(self, payloads: list[Payload], exchange: ExchangeType, *, response: bool) -> list[Payload]:
        def first(one: Payload) -> bool:
            return isinstance(one, Notify) and one.type.name.startswith("NAT_DETECTION")

        return sorted(payloads, key=lambda one: not first(one)) if self.keys is None else payloads


@defect("info-delete-child")
class SaysWindowInOneOctet(Rewriting):
    """Announces its window in one octet."""

    def rewritten(self, payloads: list[Payload], exchange: ExchangeType, *, response: bool) -> list[Payload]:
        if exchange != ExchangeType.IKE_AUTH:
            return payloads
        return [*payloads, Notify(NotifyType.SET_WINDOW_SIZE, b"\x01")]


@defect("info-delete-child")
class NamesAnSpiWithoutNeed(Rewriting):
    """Names its IKE SPI in N(SET_WINDOW_SIZE)."""

    def rewritten(self, payloads: list[Payload], exchange: ExchangeType, *, response: bool) -> list[Payload]:
        if exchange != ExchangeType.IKE_AUTH:
            return payloads
        return [*payloads, Notify(NotifyType.SET_WINDOW_SIZE, bytes((0, 0, 0, 1)), ProtocolID.IKE, self.own_spi)]


@defect("info-delete-child")
class OffersCompressionAnytime(Rewriting):
    """Says N(IPCOMP_SUPPORTED) in answers that have no SA payload."""

    def rewritten(self, payloads: list[Payload], exchange: ExchangeType, *, response: bool) -> list[Payload]:
        if exchange != ExchangeType.INFORMATIONAL:
            return payloads
        return [*payloads, Notify(NotifyType.IPCOMP_SUPPORTED, b"\x12\x34\x02")]


@defect("info-delete-child")
class ShortIpcompData(Rewriting):
    """Leaves out the transform in N(IPCOMP_SUPPORTED)."""

    def rewritten(self, payloads: list[Payload], exchange: ExchangeType, *, response: bool) -> list[Payload]:
        if exchange != ExchangeType.IKE_AUTH:
            return payloads
        return [*payloads, Notify(NotifyType.IPCOMP_SUPPORTED, b"\x12\x34")]


@defect("data-delete-child")
class NamesAnotherProtocolInDelete(Rewriting):
    """Answers the deletion of a Child SA of ESP as if it were one of AH."""

    def rewritten(self, payloads: list[Payload], exchange: ExchangeType, *, response: bool) -> list[Payload]:
        return [
            replace(one, protocol=ProtocolID.AH) if isinstance(one, Delete) and response else one for one in payloads
        ]


@defect("lifetime-octets-hard")
class NamesTheIkeSaInDelete(Rewriting):
    """Deletes the IKE SA by its SPI."""

    def rewritten(self, payloads: list[Payload], exchange: ExchangeType, *, response: bool) -> list[Payload]:
        ike = [isinstance(one, Delete) and one.protocol == ProtocolID.IKE for one in payloads]
        deletes = Delete(ProtocolID.IKE, (self.own_spi,))
        return [deletes if named else one for one, named in zip(payloads, ike, strict=True)]


@defect("cp-address-twice")
class FillsReservedOfConfiguration(Rewriting):
    """Sets a reserved bit behind the type of its CP payload."""

    def rewritten(self, payloads: list[Payload], exchange: ExchangeType, *, response: bool) -> list[Payload]:
        return [replace(one, reserved2=1) if isinstance(one, CP) else one for one in payloads]


@defect("auth-ts-icmp", "auth-ts-icmp-initiator")
class WritesIcmpTheOtherWayRound(Rewriting):
    """Writes the type of ICMP into the lower eight bits of a port, the code into the upper ones."""

    def rewritten(self, payloads: list[Payload], exchange: ExchangeType, *, response: bool) -> list[Payload]:
        return [
            replace(one, selectors=_swapped(one.selectors)) if isinstance(one, TSi | TSr) else one for one in payloads
        ]


def _swapped(selectors: tuple[Selector, ...]) -> tuple[Selector, ...]:
    def other(port: int) -> int:
        return port >> 8 | (port & 255) << 8

    return tuple(
        replace(one, start_port=other(one.start_port), end_port=other(one.end_port))
        if isinstance(one, TrafficSelector) and one.protocol == ICMP
        else one
        for one in selectors
    )


# --- SA and KE --------------------------------------------------------------------------------------------------------


class Offering(Rewriting):
    """Writes its offers in its own way."""

    def written(self, proposals: tuple[Proposal, ...]) -> tuple[Proposal, ...]:
        """The proposals as they are sent."""
        raise NotImplementedError

    def concerns(self, exchange: ExchangeType, *, response: bool) -> bool:
        """Whether the SA payload of such a message is written so: by default those of requests."""
        return not response

    def rewritten(self, payloads: list[Payload], exchange: ExchangeType, *, response: bool) -> list[Payload]:
        if not self.concerns(exchange, response=response):
            return payloads
        return [SA(self.written(one.proposals)) if isinstance(one, SA) else one for one in payloads]


def _with(proposals: tuple[Proposal, ...], *more: Transform) -> tuple[Proposal, ...]:
    return tuple(replace(one, transforms=(*one.transforms, *more)) for one in proposals)


@defect("info-delete-ike-device-initiated")
class NumbersProposalsByTwo(Offering):
    """Numbers its proposals 1, 3, 5."""

    def written(self, proposals: tuple[Proposal, ...]) -> tuple[Proposal, ...]:
        numbered = [*proposals, replace(proposals[-1], number=len(proposals) + 1)]
        return tuple(replace(one, number=2 * at + 1) for at, one in enumerate(numbered))


@defect("info-delete-ike-device-initiated")
class OffersAnotherProtocol(Offering):
    """Offers a proposal for AH in IKE_SA_INIT beside that for IKE."""

    def concerns(self, exchange: ExchangeType, *, response: bool) -> bool:
        return exchange == ExchangeType.IKE_SA_INIT and not response

    def written(self, proposals: tuple[Proposal, ...]) -> tuple[Proposal, ...]:
        integrity = (Transform.of(Integ.HMAC_SHA2_256_128), Transform.of(Esn.NO))
        return (*proposals, Proposal(len(proposals) + 1, ProtocolID.AH, integrity, b""))


@defect("info-delete-child")
class NamesItsSpiInTheFirstChoice(Offering):
    """Puts its IKE SPI into the proposal that it chooses in IKE_SA_INIT."""

    def concerns(self, exchange: ExchangeType, *, response: bool) -> bool:
        return exchange == ExchangeType.IKE_SA_INIT and response

    def written(self, proposals: tuple[Proposal, ...]) -> tuple[Proposal, ...]:
        return tuple(replace(one, spi=self.own_spi) for one in proposals)


@defect("child-rekey-by-device")
class OffersNoneAlone(Offering):
    """Offers NONE as the only group of a Child SA that is rekeyed."""

    def concerns(self, exchange: ExchangeType, *, response: bool) -> bool:
        return exchange == ExchangeType.CREATE_CHILD_SA and not response

    def written(self, proposals: tuple[Proposal, ...]) -> tuple[Proposal, ...]:
        return _with(proposals, Transform.of(KeMethod.NONE))


@defect("info-delete-ike-device-initiated")
class OffersPrfWithKeyLength(Offering):
    """Offers a PRF with a Key Length beside the usual one."""

    def concerns(self, exchange: ExchangeType, *, response: bool) -> bool:
        return exchange == ExchangeType.IKE_SA_INIT and not response

    def written(self, proposals: tuple[Proposal, ...]) -> tuple[Proposal, ...]:
        return _with(proposals, Transform.of(Prf.HMAC_SHA2_512, 512))


@defect("info-delete-ike-device-initiated")
class OffersAesWithoutKeyLength(Offering):
    """Offers AES without a Key Length beside the usual one."""

    def written(self, proposals: tuple[Proposal, ...]) -> tuple[Proposal, ...]:
        return _with(proposals, Transform.of(Encr.AES_GCM_16))


@defect("info-delete-ike-device-initiated")
class OffersTwoKeyLengthsAtOnce(Offering):
    """Offers two key lengths in one transform."""

    def written(self, proposals: tuple[Proposal, ...]) -> tuple[Proposal, ...]:
        both = Transform.of(Encr.AES_GCM_16, 128).attributes + Transform.of(Encr.AES_GCM_16, 256).attributes
        return _with(proposals, replace(Transform.of(Encr.AES_GCM_16), attributes=both))


@defect("info-delete-ike-device-initiated")
class SaysKeyLengthTwice(Offering):
    """Says one key length twice in a transform."""

    def written(self, proposals: tuple[Proposal, ...]) -> tuple[Proposal, ...]:
        twice = Transform.of(Encr.AES_GCM_16, 256).attributes * 2
        return _with(proposals, replace(Transform.of(Encr.AES_GCM_16), attributes=twice))


@defect("info-delete-ike-device-initiated")
class PutsAnotherGroupFirst(Offering):
    """Offers another group first than that of its public value."""

    def concerns(self, exchange: ExchangeType, *, response: bool) -> bool:
        return exchange == ExchangeType.IKE_SA_INIT and not response

    def written(self, proposals: tuple[Proposal, ...]) -> tuple[Proposal, ...]:
        group = Transform.of(KeMethod.MODP_8192)
        return tuple(replace(one, transforms=(group, *one.transforms)) for one in proposals)


@defect("info-delete-ike-device-initiated")
class ShowsAValueWithoutAGroup(Rewriting):
    """Sends a public value with an offer for a Child SA that has no group."""

    def rewritten(self, payloads: list[Payload], exchange: ExchangeType, *, response: bool) -> list[Payload]:
        if exchange != ExchangeType.IKE_AUTH or response:
            return payloads
        return [*payloads, KE(KeMethod.CURVE25519, bytes(32))]


@defect("child-rekey")
class OneNonceForEverything(IkeSa):
    """Has one nonce for all exchanges."""

    def choose_nonce(self) -> bytes:
        return bytes(range(32))


# --- EAP --------------------------------------------------------------------------------------------------------------


class RewritingEap(Rewriting):
    """Writes its EAP packets in its own way."""

    def packet(self, packet: EapPacket) -> EapPacket:
        """The packet as it is sent."""
        raise NotImplementedError

    def rewritten(self, payloads: list[Payload], exchange: ExchangeType, *, response: bool) -> list[Payload]:
        return [EAP(self.packet(one.packet)) if isinstance(one, EAP) else one for one in payloads]


@defect("eap-sim-mac")
class EapFailureWithText(RewritingEap):
    """Sends a word behind EAP-Failure."""

    def packet(self, packet: EapPacket) -> EapPacket:
        return replace(packet, data=b"no") if packet.code == EapCode.FAILURE else packet


@defect("eap-initiator-packets")
class EapOtherIdentifier(RewritingEap):
    """Answers EAP requests with an identifier of its own."""

    def packet(self, packet: EapPacket) -> EapPacket:
        return replace(packet, identifier=packet.identifier ^ 0x80) if packet.code == EapCode.RESPONSE else packet


@defect("eap-initiator-packets")
class EapNotifiesInPlaceOfIdentity(RewritingEap):
    """Answers a request for its identity with the type of a notification."""

    def packet(self, packet: EapPacket) -> EapPacket:
        return replace(packet, type=EapType.NOTIFICATION) if packet.type == EapType.IDENTITY else packet
