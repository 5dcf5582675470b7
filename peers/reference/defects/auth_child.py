"""Defects of IKE_AUTH: the first Child SA."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from conformance.ike.core.child import ChildOffer, ChildSa
from conformance.ike.core.connection import ChildConfig, Mode
from conformance.ike.core.events import Refusal
from conformance.ike.core.sending import State
from conformance.ike.ikesa import IkeSa
from conformance.wire import (
    CP,
    SA,
    CfgType,
    ExchangeType,
    KeMethod,
    Message,
    Notify,
    NotifyType,
    Payload,
    Proposal,
    TrafficSelector,
    Transform,
    TSi,
    TSr,
)
from peers.reference.defects.registry import defect


@defect("auth-ts-narrow")
class AcceptsWideSelectors(IkeSa):
    """Takes the selectors as they were offered, whatever its policy is."""

    def narrowed(self, offered: TSi | TSr, policy: tuple[TrafficSelector, ...]) -> tuple[TrafficSelector, ...]:
        return tuple(one for one in offered.selectors if isinstance(one, TrafficSelector))


@defect("auth-ts-first-policy")
class FirstPolicyWins(IkeSa):
    """Takes the first policy that allows anything, not the one that allows the initiator's first selectors."""

    def allows_first(self, config: ChildConfig, ts_i: TSi, ts_r: TSr) -> bool:
        return True


@defect("auth-ts-subset", "auth-ts-first", "auth-ts-others", "auth-ts-port-range")
class WidensSelectors(IkeSa):
    """Returns its policy, and more, even where it was offered less."""

    def narrowed(self, offered: TSi | TSr, policy: tuple[TrafficSelector, ...]) -> tuple[TrafficSelector, ...]:
        return (TrafficSelector.net("0.0.0.0/0"),)


@defect("auth-ts-first")
class IgnoresFirstSelector(IkeSa):
    """Narrows to the last address that fits."""

    def narrowed(self, offered: TSi | TSr, policy: tuple[TrafficSelector, ...]) -> tuple[TrafficSelector, ...]:
        found = super().narrowed(offered, policy)[-1:]
        return tuple(TrafficSelector(one.type, 0, 0, 65535, one.end, one.end) for one in found)


@defect("auth-ts-others", "auth-ts-families")
class FirstSelectorOnly(IkeSa):
    """Looks at the first selector only."""

    def narrowed(self, offered: TSi | TSr, policy: tuple[TrafficSelector, ...]) -> tuple[TrafficSelector, ...]:
        return super().narrowed(type(offered)(offered.selectors[:1]), policy)


@defect("auth-ts-unknown-type")
class EchoesSelectors(IkeSa):
    """Returns the selectors as they came."""

    def make_child(self, message: Message, old: ChildSa | None, nonces: tuple[bytes, bytes]) -> list[Payload]:
        made = super().make_child(message, old, nonces)
        asked = [one for one in message.payloads if isinstance(one, TSi | TSr)]
        return [*(one for one in made if not isinstance(one, TSi | TSr)), *asked]


@defect("auth-child-ts", "auth-child-no-proposal", "auth-transport-declined")
class ChildFailureKillsIke(IkeSa):
    """Gives the IKE SA up when the first Child SA fails."""

    def first_child_refused(self, proof: list[Payload], refusal: Refusal) -> Sequence[Payload]:
        raise Refusal(refusal.kind, refusal.why, fatal=True)

    def make_child(self, message: Message, old: ChildSa | None, nonces: tuple[bytes, bytes]) -> list[Payload]:
        asked = message.notify(NotifyType.USE_TRANSPORT_MODE) is not None
        if asked and all(one.mode != Mode.TRANSPORT for one in self.connection.children):
            raise Refusal(NotifyType.NO_PROPOSAL_CHOSEN, "transport mode")
        return super().make_child(message, old, nonces)


@defect("auth-transport-declined", "auth-transport-unasked")
class TransportModeAlways(IkeSa):
    """Says yes to transport mode whatever was asked for and whatever it installs."""

    def make_child(self, message: Message, old: ChildSa | None, nonces: tuple[bytes, bytes]) -> list[Payload]:
        return [Notify(NotifyType.USE_TRANSPORT_MODE), *super().make_child(message, old, nonces)]


@defect("auth-transport-accepted")
class ForgetsTransportMode(IkeSa):
    """Installs transport mode without telling."""

    def make_child(self, message: Message, old: ChildSa | None, nonces: tuple[bytes, bytes]) -> list[Payload]:
        made = super().make_child(message, old, nonces)
        return [one for one in made if one != Notify(NotifyType.USE_TRANSPORT_MODE)]


@defect("auth-sa-one-suite")
class ReturnsWholeChildProposal(IkeSa):
    """Returns the proposal with all transforms that it was offered."""

    def child_answer(self, chosen: Proposal, spi: bytes, offered: SA) -> Proposal:
        whole = next(one for one in offered.proposals if one.number == chosen.number)
        return Proposal(chosen.number, chosen.protocol, whole.transforms, spi)


@defect("auth-sa-one-suite")
class RenumbersProposal(IkeSa):
    """Numbers its answer as it likes."""

    def child_answer(self, chosen: Proposal, spi: bytes, offered: SA) -> Proposal:
        return Proposal(chosen.number + 1, chosen.protocol, chosen.transforms, spi)


@defect("auth-no-ke", "auth-request-format")
class KeTransformInAuth(IkeSa):
    """Negotiates a group for the first Child SA."""

    def child_answer(self, chosen: Proposal, spi: bytes, offered: SA) -> Proposal:
        group = Transform.of(KeMethod.CURVE25519)
        return Proposal(chosen.number, chosen.protocol, (*chosen.transforms, group), spi)

    def make_offer(self, config: ChildConfig, *, with_ke: bool, rekeys: ChildSa | None = None) -> ChildOffer:
        return super().make_offer(config, with_ke=True, rekeys=rekeys)


@defect("auth-no-cfg-reply")
class UnaskedCfgReply(IkeSa):
    """Configures everybody."""

    def first_child_response(self, message: Message) -> list[Payload]:
        return [CP(CfgType.REPLY, ()), *super().first_child_response(message)]


@defect("auth-ts-missing")
class SelectorsByPolicy(IkeSa):
    """Puts in its own policy where a request has no selectors, and its own proposals where it has none."""

    def check_child_payloads(self, message: Message) -> None:
        pass

    def first_child_response(self, message: Message) -> list[Payload]:
        missing = [TSi((TrafficSelector.net("0.0.0.0/0"),)), TSr((TrafficSelector.net("0.0.0.0/0"),))]
        payloads = [*message.payloads, *(one for one in missing if message.first(type(one)) is None)]
        whole = Message(message.spi_i, message.spi_r, message.exchange, message.flags, message.message_id,
                        tuple(payloads))  # fmt: skip
        return super().first_child_response(whole)


@defect("auth-childless")
class RejectsChildless(IkeSa):
    """Announces childless IKE SAs and refuses them."""

    def check_child_payloads(self, message: Message) -> None:
        if message.first(SA) is None:
            raise Refusal(NotifyType.INVALID_SYNTAX, "no SA payload", fatal=True)


@defect("auth-childless", "auth-initiator-childless")
class ChildlessInTransportMode(IkeSa):
    """Says that it wants transport mode, for no Child SA at all."""

    def auth_notifies(self) -> list[Notify]:
        return [*super().auth_notifies(), Notify(NotifyType.USE_TRANSPORT_MODE)]


@defect("auth-initiator-childless-unannounced")
class ChildlessWithoutLeave(IkeSa):
    """Opens IKE SAs without a Child SA wherever it is told to."""

    def after_init(self) -> None:
        self.start_auth()


@defect("auth-childless-unasked")
class ChildlessAlways(IkeSa):
    """Leaves the Child SA out although it was asked for one."""

    def first_child_response(self, message: Message) -> list[Payload]:
        return []


@defect("auth-childless-refused")
class ChildlessUnannounced(IkeSa):
    """Sets up childless IKE SAs without having announced that."""

    def check_child_payloads(self, message: Message) -> None:
        pass


@defect("auth-child-failed")
class ChildFailureFailsAuth(IkeSa):
    """Reports a refused Child SA as an authentication failure."""

    def child_failed(self, error: Notify | None) -> None:
        failure = Notify(NotifyType.AUTHENTICATION_FAILED)
        self.open_exchange(ExchangeType.INFORMATIONAL, lambda sa: [failure], self.ignore)


@defect("auth-child-failed")
class ChildFailureForgetsIke(IkeSa):
    """Forgets the IKE SA without a word when its first Child SA was refused."""

    def child_failed(self, error: Notify | None) -> None:
        self.state = State.HALF_OPEN
        self.failed("no Child SA")


@defect("auth-responder-sa-not-offered", "auth-responder-sa-two")
class TrustsChildChoice(IkeSa):
    """Takes the first of the algorithms that the responder says it chose, whatever was offered."""

    def check_choice(self, offer: ChildOffer, sa: SA) -> None:
        pass

    def take_child(self, offer: ChildOffer, message: Message) -> None:
        def single(one: Payload) -> Payload:
            return SA(tuple(map(first_transforms, one.proposals))) if isinstance(one, SA) else one

        super().take_child(offer, replace(message, payloads=tuple(map(single, message.payloads))))


def first_transforms(one: Proposal) -> Proposal:
    """The proposal with the first transform of each type."""
    first = {transform.type: transform for transform in reversed(one.transforms)}
    return Proposal(one.number, one.protocol, tuple(first.values()), one.spi)


@defect("auth-transport-not-granted")
class TransportAnyway(IkeSa):
    """Installs transport mode because it has asked for it."""

    def install(self, config: ChildConfig, *arguments: Any, **named: Any) -> ChildSa:
        return super().install(config, *arguments, **{**named, "transport": config.mode == Mode.TRANSPORT})


@defect("auth-responder-wider-ts", "auth-responder-other-ts")
class InstallsForeignSelectors(IkeSa):
    """Installs the selectors that the responder returns."""

    def check_selectors(self, offer: ChildOffer, ts_i: TSi, ts_r: TSr) -> None:
        pass
