"""Defects that show at single numbers of a registry: what a table, a switch or a range check has forgotten."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.ike.core.connection import ChildConfig
from conformance.ike.core.events import Refusal
from conformance.ike.core.proposals import child_proposals, parsed
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Address, Datagram
from conformance.wire import (
    CERT,
    CERTREQ,
    CP,
    KE,
    Delete,
    ExchangeType,
    Header,
    IDi,
    Message,
    NotifyType,
    Payload,
    Proposal,
    TrafficSelector,
    Transform,
    TSi,
    TSr,
    UnknownPayload,
    UnknownSelector,
)
from conformance.wire.registry import AttributeType, OpenEnum
from peers.reference.defects.registry import defect

EVERYWHERE = ("init", "auth", "info", "child")
ANSWERS = ("init-response", "auth-response")
OFFERS = ("init", "auth", "child")


def sweeps(registry: str, *places: str) -> tuple[str, ...]:
    """The purposes of a registry in some places, reduced and whole."""
    return tuple(f"sweep-{registry}-{place}{end}" for place in places for end in ("", "-whole"))


# --- tables that are too short ----------------------------------------------------------------------------------------


@defect(
    *sweeps("exchange-types", "info"), *sweeps("delete-protocols", "info"), *sweeps("ipcomp", "auth", "child"),
    *sweeps("certificates", "auth"), *sweeps("config-types", "auth", "info"), *sweeps("config-attributes", "auth"),
)  # fmt: skip
class DiesAtTheLastNumber(IkeSa):
    """Looks numbers up in tables whose last entry is missing, and dies of it."""

    def heard(self, message: Message, source: Address, destination: Address) -> None:
        found = [int(message.exchange)]
        found += [int(one.protocol) for one in message.all(Delete)]
        found += [int(one.encoding) for one in message.all(CERT)]
        found += [int(one.cfg_type) for one in message.all(CP)]
        found += [one.data[2] for one in message.notifies() if one.type == NotifyType.IPCOMP_SUPPORTED]
        attributes = [int(one.type) for each in message.all(CP) for one in each.attributes]
        if 0xFF in found or 0x7FFF in attributes:
            raise IndexError("behind the end of a table")
        super().heard(message, source, destination)


class _Switch(IkeSa):
    def forgets(self, message: Message) -> bool:
        raise NotImplementedError

    def check_critical(self, message: Message) -> None:
        if not message.is_response and self.forgets(message):
            raise Refusal(NotifyType.INVALID_SYNTAX, "no case for this number")
        super().check_critical(message)


class _SwitchOfResponses(IkeSa):
    def forgets(self, message: Message) -> bool:
        raise NotImplementedError

    def check_critical(self, message: Message) -> None:
        if message.is_response and self.forgets(message):
            raise Refusal(NotifyType.INVALID_SYNTAX, "no case for this number")
        super().check_critical(message)


@defect(*sweeps("payload-types", *ANSWERS), *sweeps("notify-types", *ANSWERS), *sweeps("notify-protocols", *ANSWERS))
class NoCaseInResponses(_SwitchOfResponses):
    """Gives up at a response with a number that is the last one before the private ones, or in a notify the last."""

    def forgets(self, message: Message) -> bool:
        payloads = any(isinstance(one, UnknownPayload) and one.type == 127 for one in message.payloads)
        return payloads or any(int(one.type) == 32768 or int(one.protocol) == 0xFF for one in message.notifies())


@defect(*sweeps("payload-types", *EVERYWHERE))
class NoCaseForPayloadType(_Switch):
    """Refuses what has a payload of the last type that is not private, critical or not."""

    def forgets(self, message: Message) -> bool:
        return any(isinstance(one, UnknownPayload) and one.type == 127 for one in message.payloads)


@defect(*sweeps("payload-types", *EVERYWHERE))
class CriticalUpTo126(IkeSa):
    """Knows nothing of critical payloads of higher types."""

    def check_critical(self, message: Message) -> None:
        kept = (one for one in message.payloads if not isinstance(one, UnknownPayload) or one.type < 127)
        super().check_critical(replace(message, payloads=tuple(kept)))


@defect(*sweeps("notify-types", *EVERYWHERE))
class NoCaseForNotifyType(_Switch):
    """Refuses what has a notify of one type."""

    def forgets(self, message: Message) -> bool:
        return any(int(one.type) == 32768 for one in message.notifies())


@defect(*sweeps("notify-protocols", *EVERYWHERE))
class NoCaseForNotifyProtocol(_Switch):
    """Refuses what has a notify of the last protocol."""

    def forgets(self, message: Message) -> bool:
        return any(int(one.protocol) == 0xFF for one in message.notifies())


@defect(*sweeps("certificate-requests", "auth"))
class NoCaseForEncoding(_Switch):
    """Refuses who asks for a certificate of the last encoding."""

    def forgets(self, message: Message) -> bool:
        return any(int(one.encoding) == 0xFF for one in message.all(CERTREQ))


# --- the frame --------------------------------------------------------------------------------------------------------


@defect(*sweeps("exchange-types", "auth", "child"))
class UnknownExchangeIsTheExpected(IkeSa):
    """Takes a request of an unknown exchange type for what is due now."""

    def handle(self, message: Message) -> Sequence[Payload]:
        if not message.exchange.known:
            due = (ExchangeType.IKE_AUTH, ExchangeType.CREATE_CHILD_SA)
            found = next(one for one in due if (self.state, one) in self.answers())
            message = replace(message, exchange=found)
        return super().handle(message)


@defect(*sweeps("exchange-types", "init"))
class AnyExchangeStarts(Endpoint):
    """Whatever has no responder SPI starts an IKE SA."""

    def unknown_spi(self, header: Header, datagram: Datagram) -> None:
        if any(header.spi_r):
            super().unknown_spi(header, datagram)
        else:
            self.init_requested(header, datagram.payload, datagram)


@defect(*sweeps("flags", "init"))
class DropsUndefinedFlags(Endpoint):
    """Does not speak with whoever sets an undefined flag."""

    def speaks(self, header: Header) -> bool:
        return super().speaks(header) and not header.flags & 0x80


@defect(*sweeps("groups", "init"))
class TakesUnknownGroup(IkeSa):
    """Takes a public value of an unknown group for one of its own."""

    def check_group(self, suite: object, ke: KE) -> None:
        if ke.method.known:
            super().check_group(suite, ke)  # type: ignore[arg-type]


@defect(*sweeps("id-types", "auth"))
class UnknownIdTypeIsTheExpected(IkeSa):
    """Takes a name of an unknown type for one of the type that it expects."""

    def handle_auth(self, message: Message) -> Sequence[Payload]:
        expected = self.connection.remote.identity.id_type
        read = [
            replace(one, id_type=expected) if isinstance(one, IDi) and not one.id_type.known else one
            for one in message.payloads
        ]
        return super().handle_auth(replace(message, payloads=tuple(read)))


# --- offers -----------------------------------------------------------------------------------------------------------


class _Generous(IkeSa):
    """Reads an offer as it would like to have it; ``mine`` is its own first proposal."""

    def read(self, one: Proposal, mine: Proposal) -> Proposal:
        raise NotImplementedError

    def choose_ike(self, proposals: Sequence[Proposal], group: object) -> Proposal:
        mine = parsed(self.connection.proposals)[0]
        return super().choose_ike([self.read(one, mine) for one in proposals], group)  # type: ignore[arg-type]

    def choose_child(self, config: ChildConfig, proposals: Sequence[Proposal], message: Message) -> Proposal:
        mine = child_proposals(config.proposals, b"", with_ke=message.exchange != ExchangeType.IKE_AUTH)[0]
        return super().choose_child(config, [self.read(one, mine) for one in proposals], message)


@defect(*sweeps("protocols", *OFFERS))
class UnknownProtocolIsMine(_Generous):
    """Takes a proposal of an unknown protocol for one of its own."""

    def read(self, one: Proposal, mine: Proposal) -> Proposal:
        return one if one.protocol.known else replace(one, protocol=mine.protocol)


@defect(*sweeps("transform-types", *OFFERS))
class PassesOverTransformTypes(_Generous):
    """Passes over transforms of unknown types."""

    def read(self, one: Proposal, mine: Proposal) -> Proposal:
        return replace(one, transforms=tuple(each for each in one.transforms if each.type.known))


@defect(
    *sweeps("encr", *OFFERS), *sweeps("prf", "init"), *sweeps("integ", *OFFERS), *sweeps("ke", "init", "child"),
    *sweeps("esn", "auth", "child"),
)  # fmt: skip
class UnknownAlgorithmIsMine(_Generous):
    """Takes an unknown algorithm for its own of that type."""

    def read(self, one: Proposal, mine: Proposal) -> Proposal:
        return replace(one, transforms=tuple(self._known(each, mine) for each in one.transforms))

    def _known(self, one: Transform, mine: Proposal) -> Transform:
        if not isinstance(one.id, OpenEnum) or one.id.known:
            return one
        return next((each for each in mine.transforms if each.type == one.type), one)


@defect("sweep-proposal-count-init", "sweep-proposal-count-auth", "sweep-proposal-count-child")
class ReadsTwoProposals(_Generous):
    """Has room for two proposals."""

    def choose_ike(self, proposals: Sequence[Proposal], group: object) -> Proposal:
        return super().choose_ike(proposals[:2], group)

    def choose_child(self, config: ChildConfig, proposals: Sequence[Proposal], message: Message) -> Proposal:
        return super().choose_child(config, proposals[:2], message)

    def read(self, one: Proposal, mine: Proposal) -> Proposal:
        return one


@defect("sweep-proposal-count-init", "sweep-proposal-count-auth")
class NoOfferIsAnyOffer(_Generous):
    """Where nothing is offered it takes what it would have liked."""

    def choose_ike(self, proposals: Sequence[Proposal], group: object) -> Proposal:
        return super().choose_ike(proposals or parsed(self.connection.proposals), group)

    def choose_child(self, config: ChildConfig, proposals: Sequence[Proposal], message: Message) -> Proposal:
        own = child_proposals(config.proposals, b"\1\2\3\4", with_ke=message.exchange != ExchangeType.IKE_AUTH)
        return super().choose_child(config, proposals or own, message)

    def read(self, one: Proposal, mine: Proposal) -> Proposal:
        return one


@defect("sweep-proposal-numbers-init", *sweeps("proposal-numbers", "auth", "child"))
class CountsByItself(IkeSa):
    """Numbers the proposal that it chooses by itself."""

    def choose_ike(self, proposals: Sequence[Proposal], group: object) -> Proposal:
        return replace(super().choose_ike(proposals, group), number=1)  # type: ignore[arg-type]

    def choose_child(self, config: ChildConfig, proposals: Sequence[Proposal], message: Message) -> Proposal:
        return replace(super().choose_child(config, proposals, message), number=1)


@defect("sweep-spi-size-init", "sweep-spi-size-auth", "sweep-spi-size-child")
class FourOctetsOfAnySpi(_Generous):
    """Copies four octets of the SPI of a proposal, and dies where it has 255."""

    def read(self, one: Proposal, mine: Proposal) -> Proposal:
        if len(one.spi) == 0xFF:
            raise IndexError("behind the end of a buffer")
        return one if one.protocol == 1 else replace(one, spi=one.spi[:4].rjust(4, b"\x01"))


@defect("sweep-transform-count-init", "sweep-transform-count-auth", "sweep-transform-count-child")
class ReadsEightTransforms(_Generous):
    """Has room for eight transforms in a proposal."""

    def read(self, one: Proposal, mine: Proposal) -> Proposal:
        return replace(one, transforms=one.transforms[:8])


@defect("sweep-selector-count-auth", "sweep-selector-count-child")
class ReadsFourSelectors(IkeSa):
    """Has room for four selectors."""

    def narrowed(self, offered: TSi | TSr, policy: tuple[TrafficSelector, ...]) -> tuple[TrafficSelector, ...]:
        return super().narrowed(replace(offered, selectors=offered.selectors[:4]), policy)


@defect(*(f"sweep-notify-count-{place}" for place in EVERYWHERE))
class RoomForFourNotifies(_Switch):
    """Refuses what has more notifies than four that it does not know."""

    def forgets(self, message: Message) -> bool:
        return sum(not one.type.known for one in message.notifies()) > 4


@defect(*sweeps("attributes", *OFFERS))
class PassesOverAttributes(_Generous):
    """Passes over attributes that it does not know."""

    def read(self, one: Proposal, mine: Proposal) -> Proposal:
        return replace(one, transforms=tuple(map(self._known, one.transforms)))

    def _known(self, one: Transform) -> Transform:
        return replace(one, attributes=tuple(each for each in one.attributes if each.type == AttributeType.KEY_LENGTH))


@defect(*sweeps("key-lengths", *OFFERS))
class AnyKeyLength(_Generous):
    """Takes a cipher whatever the length of its key."""

    def read(self, one: Proposal, mine: Proposal) -> Proposal:
        lengths = {each.id: each for each in mine.transforms}
        return replace(one, transforms=tuple(lengths.get(each.id, each) for each in one.transforms))


@defect(*sweeps("selector-types", "auth", "child"))
class UnknownSelectorIsAnything(IkeSa):
    """Takes a selector of an unknown type for everything that its policy allows."""

    def narrowed(self, offered: TSi | TSr, policy: tuple[TrafficSelector, ...]) -> tuple[TrafficSelector, ...]:
        if any(isinstance(one, UnknownSelector) for one in offered.selectors):
            return policy
        return super().narrowed(offered, policy)
