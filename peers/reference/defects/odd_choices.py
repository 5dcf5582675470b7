"""Defects of devices that take odd choices and offers for good ones, or make them."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.ike.core.child import ChildOffer
from conformance.ike.core.connection import ChildConfig
from conformance.ike.core.sending import State
from conformance.ike.ikesa import IkeSa
from conformance.wire import (
    Delete,
    ExchangeType,
    KeMethod,
    Message,
    Payload,
    Proposal,
    ProtocolID,
    TSi,
    TSr,
)
from peers.reference.defects.registry import defect

MOST = 8


@defect("init-sar-number", "init-sar-two-proposals", "init-sar-protocol")
class ReadsTransformsOnly(IkeSa):
    """Compares the algorithms of SAr1 with its own, and nothing else."""

    def is_our_offer(self, chosen: Sequence[Proposal]) -> bool:
        one = replace(chosen[0], number=self.offered[0].number, protocol=ProtocolID.IKE)
        return super().is_our_offer([one])


@defect("auth-responder-other-exchange")
class TakesAnyExchange(IkeSa):
    """Looks for the message ID of a response and not for its exchange type."""

    def on_response(self, message: Message) -> None:
        if self.pending is not None and self.state == State.HALF_OPEN:
            message = replace(message, exchange=self.pending.message.exchange)
        super().on_response(message)


@defect("init-proposal-protocol")
class ReadsNoProtocols(IkeSa):
    """Chooses by algorithms alone, whatever the proposal is for."""

    def choose_ike(self, proposals: Sequence[Proposal], group: KeMethod) -> Proposal:
        chosen = super().choose_ike([replace(one, protocol=ProtocolID.IKE) for one in proposals], group)
        return replace(chosen, protocol=proposals[0].protocol)


@defect("init-many-proposals", "init-many-transforms")
class ReadsTheFirstFew(IkeSa):
    """Has room for a few proposals, and for a few transforms in each."""

    def choose_ike(self, proposals: Sequence[Proposal], group: KeMethod) -> Proposal:
        short = [replace(one, transforms=one.transforms[: 3 * MOST]) for one in proposals[:MOST]]
        return super().choose_ike(short, group)


@defect("child-ah-or-esp")
class OneProtocolOnly(IkeSa):
    """Looks no further than the first proposal for a Child SA."""

    def choose_child(self, config: ChildConfig, proposals: Sequence[Proposal], message: Message) -> Proposal:
        return super().choose_child(config, proposals[:1], message)


@defect("child-spi-zero")
class SendsToZero(IkeSa):
    """Takes any four octets for an SPI."""

    def takes_spi(self, spi: bytes) -> bool:
        return len(spi) == 4


@defect("child-new-by-device")
class CallsItARekey(IkeSa):
    """Names its first Child SA where it asks for a second one."""

    def child_request(self, offer: ChildOffer) -> Sequence[Payload]:
        asked = super().child_request(offer)
        return asked if offer.rekeys or not self.children else [self.rekey_notify(self.children[0]), *asked]


@defect("child-response-other-selectors")
class ChecksNoSelectors(IkeSa):
    """Takes the selectors of a response whatever they are."""

    def check_selectors(self, offer: ChildOffer, ts_i: TSi, ts_r: TSr) -> None:
        return


@defect("info-delete-answered-oddly")
class TakesOffence(IkeSa):
    """Forgets an IKE SA whose peer answers a Delete by something else than expected."""

    def on_response(self, message: Message) -> None:
        pending = self.pending
        asked = pending is not None and any(isinstance(one, Delete) for one in pending.message.payloads)
        super().on_response(message)
        if asked and message.exchange == ExchangeType.INFORMATIONAL and message.notifies():
            self.close("an odd answer")
