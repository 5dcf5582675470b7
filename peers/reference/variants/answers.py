"""What a device answers: what it may refuse, and where it may be silent."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from conformance.ike.core.child import ChildOffer
from conformance.ike.core.events import Refusal, Violation
from conformance.ike.core.sending import State, Timer
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import NON_ESP_MARKER, Datagram
from conformance.wire import (
    SA,
    Delete,
    ExchangeType,
    Header,
    Message,
    Notify,
    NotifyType,
    Payload,
    ProtocolID,
    TSi,
    TSr,
    UnknownPayload,
    WireError,
    decode_payloads,
    encode_payloads,
)
from peers.capabilities import Capability
from peers.reference.variants.own_requests import Talkative
from peers.reference.variants.registry import variant

_REKEYING = (Capability.REKEY_IKE, Capability.REKEY_CHILD, Capability.REAUTH, Capability.LIFETIME)

_NEVER_NAMED = {
    "RFC7296-1.4.1-6": "normally the response names the other half; section 4 lets it be empty all the same",
    "RFC7296-2.25.1-6": "as usual is empty here",
    "RFC7296-2.25.2-7": "as usual is empty here",
}


class NoMoreSas(IkeSa):
    """Refuses every CREATE_CHILD_SA."""

    def handle_create_child_sa(self, message: Message) -> Sequence[Payload]:
        if self.state in (State.ESTABLISHED, State.REKEYED):
            raise Refusal(NotifyType.NO_ADDITIONAL_SAS, "no CREATE_CHILD_SA here")
        return super().handle_create_child_sa(message)


@variant(
    "RFC 7296, 1.3: NO_ADDITIONAL_SAS refuses any CREATE_CHILD_SA; 4: the ability to rekey can be omitted",
    lacks=(*_REKEYING, Capability.MULTIPLE_CHILDREN, Capability.PFS),
)
class RefusesCreateChild(NoMoreSas):
    """Refuses every CREATE_CHILD_SA."""


@variant(
    "RFC 7296, 4: a minimal implementation refuses CREATE_CHILD_SA and answers every INFORMATIONAL request empty",
    lacks=(
        *_REKEYING, Capability.MULTIPLE_CHILDREN, Capability.PFS, Capability.DELETE_IKE, Capability.DELETE_CHILD,
        Capability.DPD, Capability.VIRTUAL_IP, Capability.ROUTE_EXCHANGE,
    ),
    advice=_NEVER_NAMED,
)  # fmt: skip
class MinimalResponder(NoMoreSas):
    """Is the minimal implementation of RFC 7296, section 4."""

    def handle_informational(self, message: Message) -> Sequence[Payload]:
        super().handle_informational(message)
        return []


@variant(
    "RFC 7296, 4: a minimal implementation may answer any INFORMATIONAL request with an empty response",
    lacks=(Capability.ROUTE_EXCHANGE,),
    advice=_NEVER_NAMED,
)
class EmptyInformational(IkeSa):
    """Answers every INFORMATIONAL request with an empty response, also where it deletes a Child SA."""

    def handle_informational(self, message: Message) -> Sequence[Payload]:
        super().handle_informational(message)
        return []


@variant(
    "RFC 7296, 1.3.1: NO_ADDITIONAL_SAS; 4: several Child SAs in one IKE SA can be omitted",
    lacks=(Capability.MULTIPLE_CHILDREN,),
)
class OneChild(IkeSa):
    """Has one Child SA in an IKE SA, which can be rekeyed."""

    def handle_child(self, message: Message) -> Sequence[Payload]:
        if self.children and message.notify(NotifyType.REKEY_SA) is None:
            raise Refusal(NotifyType.NO_ADDITIONAL_SAS, "one Child SA is enough")
        return super().handle_child(message)


@variant(
    "RFC 7296, 1.3: any CREATE_CHILD_SA may be refused; NO_ADDITIONAL_SAS is also for rekeys of the IKE SA",
    lacks=(Capability.REKEY_IKE,),
)
class RekeysNoIkeSa(IkeSa):
    """Refuses every rekey of an IKE SA."""

    def handle_rekey(self, message: Message) -> Sequence[Payload]:
        raise Refusal(NotifyType.NO_ADDITIONAL_SAS, "no further IKE SAs here")


@variant(
    "RFC 7296, 2.25.2: what comes on an IKE SA that is being deleted should be answered, which is no MUST",
    advice=dict.fromkeys(
        ("RFC7296-2.25.2-5", "RFC7296-2.25.2-3", "RFC7296-2.8.2-3", "RFC7296-2.25-1", "RFC7296-1.4.1-6"),
        "that is what it does not follow",
    ),
)
class SilentWhileClosing(IkeSa):
    """Answers nothing but liveness checks on an IKE SA that it is deleting."""

    def process(self, message: Message) -> Sequence[Payload] | None:
        if not self.closing or not message.payloads:
            return super().process(message)
        if any(one.protocol == ProtocolID.IKE for one in message.all(Delete)):
            self.close("both have deleted it")
        return None


@variant(
    "RFC 7296, 2.21.1: before there is an IKE SA, answering an error is a trade-off",
    advice={"RFC7296-2.21.1-3": "it prefers silence to help"},
)
class SilentInit(Endpoint):
    """Does not answer IKE_SA_INIT requests that it cannot accept."""

    def refuse(self, header: Header, datagram: Datagram, *payloads: Payload) -> None:
        unhelpful = {NotifyType.NO_PROPOSAL_CHOSEN, NotifyType.INVALID_SYNTAX}
        if not any(isinstance(one, Notify) and one.type in unhelpful for one in payloads):
            super().refuse(header, datagram, *payloads)


@variant("RFC 7296, 2.6 and 3.1: that the responder SPI of a first request is zero binds who sends it")
class OverlooksTheResponderSpi(Endpoint):
    """Takes any IKE_SA_INIT request for a first one, whatever its responder SPI."""

    def unknown_spi(self, header: Header, datagram: Datagram) -> None:
        if header.exchange == ExchangeType.IKE_SA_INIT and not header.message_id:
            self.init_requested(header, datagram.payload.removeprefix(NON_ESP_MARKER), datagram)
        else:
            super().unknown_spi(header, datagram)


@variant("RFC 7296, 1.5 and 2.5: nobody says in which exchange IKEv1 is told that it is not spoken")
class TellsVersion(Endpoint):
    """Answers IKEv1 with INVALID_MAJOR_VERSION, in an INFORMATIONAL exchange of IKEv2."""

    def speaks(self, header: Header) -> bool:
        return header.version >> 4 == 2

    def refuse(self, header: Header, datagram: Datagram, *payloads: Payload) -> None:
        if header.version >> 4 == 1:
            header = header._replace(exchange=ExchangeType.INFORMATIONAL)
        super().refuse(header, datagram, *payloads)


@variant(
    "RFC 7296, 2.21.2: AUTHENTICATION_FAILED should be said, but before there is an IKE SA nothing must be",
    advice={"RFC7296-2.21.2-1": "that is what it does not follow"},
)
class SilentAuth(IkeSa):
    """Does not answer an IKE_AUTH request whose sender it cannot authenticate."""

    def respond(self, request: Message, payloads: Sequence[Payload]) -> None:
        failed = any(isinstance(one, Notify) and one.type == NotifyType.AUTHENTICATION_FAILED for one in payloads)
        if not failed:
            super().respond(request, payloads)
        elif self.close_after_response is not None:
            self.close(self.close_after_response)


@variant(
    "RFC 7296, 2.21.2: before there is an IKE SA nothing must be said, nor to what is malformed",
    advice={"RFC7296-2.21.2-1": "that is what it does not follow"},
)
class SilentMalformedAuth(IkeSa):
    """Does not answer an IKE_AUTH request that is malformed, or has nothing where there must be something."""

    def invalid_syntax(self, message: Message, error: WireError) -> None:
        if self.state == State.HALF_OPEN:
            self.close(f"malformed request: {error}")
        else:
            super().invalid_syntax(message, error)

    def process(self, message: Message) -> Sequence[Payload] | None:
        if self.state != State.HALF_OPEN or not any(map(_is_empty, message.payloads)):
            return super().process(message)
        self.close("a request with an empty payload")
        return None


def _is_empty(one: Payload) -> bool:
    if isinstance(one, SA):
        return not one.proposals or any(not each.transforms for each in one.proposals)
    return isinstance(one, TSi | TSr) and not one.selectors


@variant("RFC 7296, 3.13: that a Traffic Selector payload ends with its last selector binds who sends it")
class ReadsAsManyAsCounted(IkeSa):
    """Reads as many selectors as the count says, and passes over what is behind them."""

    def decode_inside(self, inner: int, plaintext: bytes) -> tuple[Payload, ...]:
        try:
            return super().decode_inside(inner, plaintext)
        except WireError:
            found = decode_payloads(inner, plaintext, lenient=True)
            if encode_payloads(found) != (inner, plaintext):
                raise
            return super().decode_inside(*encode_payloads([_as_counted(one) for one in found]))


def _as_counted(one: Payload) -> Payload:
    if not isinstance(one, UnknownPayload) or one.type not in (TSi.payload_type, TSr.payload_type):
        return one
    end = 4
    for _ in range(sum(one.body[:1])):
        end += int.from_bytes(one.body[end + 2 : end + 4], "big")
    return replace(one, body=one.body[:end])


@variant(
    "RFC 7296, 2.21.4: a request outside of any IKE SA may be answered, and need not be",
    advice={"RFC7296-2.21.4-10": "says nothing over another IKE SA either"},
)
class SilentOutside(Endpoint):
    """Says nothing to messages of IKE SAs that it does not know."""

    def unknown_spi(self, header: Header, datagram: Datagram) -> None:
        self.note(f"no IKE SA for what comes from {datagram.source.host}")


@variant(
    "RFC 7296, 1.4.1: either end may delete an IKE SA at any time; 1.3.1 advises against it",
    advice={"RFC7296-1.3.1-14": "that is what it does not follow"},
)
class DeletesAfterErrors(Talkative):
    """Deletes an IKE SA, with a Delete payload, after each error on it that is no reason to try again."""

    def respond(self, request: Message, payloads: Sequence[Payload]) -> None:
        super().respond(request, payloads)
        again = {NotifyType.INVALID_KE_PAYLOAD, NotifyType.TEMPORARY_FAILURE}
        if any(isinstance(one, Notify) and one.type.is_error and one.type not in again for one in payloads):
            self.speak_at = self.now

    def speak(self) -> None:
        self.start_delete()


@variant(
    "RFC 7296, 2.21.2: INVALID_SYNTAX in the exchange right after IKE_AUTH ends the IKE SA without a Delete",
    about=("ike_auth",),
)
class EndsBySyntax(IkeSa):
    """Ends an IKE SA by INVALID_SYNTAX where the first Child SA is not what it has offered."""

    in_auth: bool = False
    ending: bool = False

    def take_child_response(self, message: Message) -> None:
        self.in_auth = True
        try:
            super().take_child_response(message)
        finally:
            self.in_auth = False

    def disown(self, offer: ChildOffer, problem: Violation) -> None:
        self.ending = self.in_auth
        if not self.ending:
            super().disown(offer, problem)
            return
        told = Notify(NotifyType.INVALID_SYNTAX)
        self.open_exchange(ExchangeType.INFORMATIONAL, lambda sa: [told], lambda sa, _: sa.close(str(problem)))

    def process(self, message: Message) -> Sequence[Payload] | None:
        return None if self.ending else super().process(message)


@variant(
    "RFC 7296, 2.21.2: after AUTHENTICATION_FAILED there is no IKE SA; how soon its keys go is not said",
    advice={"RFC7296-2.21.2-10": "it goes later"},
)
class Lingers(IkeSa):
    """Answers INFORMATIONAL requests empty for 6 s after it has refused its peer; nothing else is possible then."""

    until: float | None = None

    def close(self, reason: str) -> None:
        if self.state == State.HALF_OPEN and self.keys is not None and self.until is None:
            self.until, self.state = self.now + 6.0, State.HALF_OPEN
            self.pending = None
        else:
            super().close(reason)

    def timers(self) -> Iterator[Timer]:
        if self.until is not None:
            yield self.until, partial(self.close, "refused")
        yield from super().timers()

    def process(self, message: Message) -> Sequence[Payload] | None:
        if self.until is None:
            return super().process(message)
        return [] if message.exchange == ExchangeType.INFORMATIONAL else None
