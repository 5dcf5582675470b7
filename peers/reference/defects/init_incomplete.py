"""Defects of IKE_SA_INIT: what is missing is made up, and what gives no secret is computed with."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.crypto.ke import KeyExchange, key_exchange
from conformance.crypto.suite import IkeSuite
from conformance.ike.core.events import InvalidPublicValue
from conformance.ike.core.proposals import groups, of_type, parsed
from conformance.ike.ikesa import IkeSa
from conformance.wire import KE, SA, KeMethod, Message, Nonce, Payload, Proposal, TransformType, VendorID
from peers.reference.defects.registry import defect


@defect("init-incomplete")
class MakesUpWhatIsMissing(IkeSa):
    """Goes on with a nonce of zeros where a request has none."""

    def respond_init(self, message: Message, raw: bytes) -> None:
        if message.first(Nonce) is None:
            message = replace(message, payloads=(*message.payloads, Nonce(bytes(32))))
        super().respond_init(message, raw)


@defect("init-group-none")
class TakesNoGroup(IkeSa):
    """Takes the group NONE for its own one."""

    def choose_ike(self, proposals: Sequence[Proposal], group: KeMethod) -> Proposal:
        ours = parsed(self.connection.proposals)[0]
        bare = any(one.id == KeMethod.NONE for each in proposals for one in of_type(each, TransformType.KE))
        return ours if bare else super().choose_ike(proposals, group)


@defect("init-ecp-zeros")
class TakesZerosForAPoint(IkeSa):
    """Computes with the point at infinity where both coordinates are zero."""

    def respond_exchange(self, method: KeMethod, public: bytes) -> tuple[bytes, bytes]:
        if any(public):
            return super().respond_exchange(method, public)
        own = key_exchange(method, self.random).public
        return own, bytes(len(own) // 2)


@defect("init-response-off-curve", "init-response-ecp-zeros", "init-response-modp-one", "init-response-modp-last")
class TakesAnyPublicValueInResponse(IkeSa):
    """Goes on with whatever public value is in a response."""

    def shared_secret(self, exchange: KeyExchange, public: bytes) -> bytes:
        try:
            return super().shared_secret(exchange, public)
        except InvalidPublicValue:
            return bytes(32)


@defect("init-ke-and-cookie")
class CookieBringsFirstGroupBack(IkeSa):
    """Begins with its first group again when a cookie is asked for."""

    def request_init(self, group: KeMethod) -> None:
        super().request_init(group if self.cookie is None else groups(self.offered)[0])


@defect("init-cookie-other-group")
class TakesAnyGroupOfTheOffer(IkeSa):
    """Asks for no other group, and answers with a value of its own one."""

    misled: bool = False

    def check_group(self, suite: IkeSuite, ke: KE) -> None:
        self.misled = suite.ke != ke.method

    def respond_exchange(self, method: KeMethod, public: bytes) -> tuple[bytes, bytes]:
        if not self.misled:
            return super().respond_exchange(method, public)
        own = key_exchange(method, self.random).public
        return own, bytes(len(own))


@defect("init-offer-both-sorts")
class MixesCiphersOfBothSorts(IkeSa):
    """Offers all of its algorithms in one proposal."""

    def init_request(self) -> Sequence[Payload]:
        every = dict.fromkeys(one for each in self.offered for one in each.transforms)
        self.offered = (replace(self.offered[0], transforms=tuple(every)),)
        return super().init_request()


@defect("init-offer-both-sorts")
class KnowsItsFirstProposalOnly(IkeSa):
    """Takes no choice but that of its first proposal."""

    def is_our_offer(self, chosen: Sequence[Proposal]) -> bool:
        return chosen[0].number == 1 and super().is_our_offer(chosen)


@defect("init-response-vendor-id")
class WantsKnownVendors(IkeSa):
    """Does not go on with a responder whose Vendor ID it does not know."""

    def accept_init_response(self, message: Message) -> None:
        if message.first(VendorID) is not None:
            message = replace(message, payloads=tuple(one for one in message.payloads if not isinstance(one, SA)))
        super().accept_init_response(message)
