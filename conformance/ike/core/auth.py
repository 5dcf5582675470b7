"""IKE_AUTH: who both are, the proof of it, and the first Child SA (RFC 7296, sections 1.2, 2.15, 2.21.2)."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import ClassVar, Self

from conformance.ike.core.connection import Uniqueness
from conformance.ike.core.events import Established, Refusal, Violation
from conformance.ike.core.proof import Proof, same_identity
from conformance.ike.core.receiving import Answer
from conformance.ike.core.sending import State, Timer
from conformance.ike.core.spine import UP
from conformance.wire import (
    AUTH,
    SA,
    ExchangeType,
    IDi,
    IDr,
    Message,
    Notify,
    NotifyType,
    Payload,
    TSi,
    TSr,
)

FATAL = (NotifyType.AUTHENTICATION_FAILED, NotifyType.INVALID_SYNTAX, NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD)
"""What ends an IKE SA without a Delete in IKE_AUTH and right after it (RFC 7296, section 2.21.2)."""


class AuthExchange(Proof):
    """IKE_AUTH in both roles. The exchange is there for the proof, hence the plain dependency.

    It is one request and one response, or more where an extension needs further rounds before the last (RFC 7296,
    section 2.16). Then the first request says who asks for what, and the first response who answers. ``first_child``
    names the Child SA that the initiator asks for, None: none. ``peer_identity`` is what the peer has proved.
    ``half_open_timeout`` is how long a responder waits for that, in seconds.
    """

    half_open_timeout: ClassVar[float] = 30.0

    peer_identity: IDi | IDr | None = None
    first_child: str | None = None
    initial_contact: bool = False
    after_auth: int | None = None
    """The message ID of the initiator's first request after IKE_AUTH; only the responder knows."""

    def pass_on(self, new: Self) -> None:
        """Who the peer is does not change."""
        super().pass_on(new)
        new.peer_identity, new.first_child = self.peer_identity, self.first_child

    # --- as initiator ---------------------------------------------------------------------------------------------

    def on_request(self, message: Message) -> None:
        """Answer a request, but leave one that came too early to its repetition."""
        if self.is_early(message):
            self.drop("a request before the IKE_AUTH response, which it may have overtaken")
        else:
            super().on_request(message)

    def is_early(self, message: Message) -> bool:
        """The responder is done with IKE_AUTH before the initiator, and its requests may overtake its response."""
        return self.initiator and self.state == State.HALF_OPEN

    def after_init(self) -> None:
        """Nothing comes between the two exchanges, unless an extension has something to do there."""
        self.start_auth()

    def start_auth(self) -> None:
        """Send the IKE_AUTH request."""
        self.open_exchange(
            ExchangeType.IKE_AUTH, lambda sa: sa.auth_request(), lambda sa, message: sa.on_auth_response(message)
        )

    def auth_request(self) -> Sequence[Payload]:
        """The payloads of the first request (RFC 7296, section 1.2)."""
        expected = self.peer_party().identity
        child = [] if self.first_child is None else self.first_child_request(self.first_child)
        return [
            *self.introduction(),
            *self.auth_notifies(),
            *self.certificate_requests(),
            IDr(expected.id_type, expected.data),
            *self.own_proof(),
            *child,
        ]

    def own_identity(self) -> IDi | IDr:
        """Our identity payload."""
        identity = self.own_party().identity
        return (IDi if self.initiator else IDr)(identity.id_type, identity.data)

    def introduction(self) -> list[Payload]:
        """Our identity and certificates: what our first message says."""
        return [self.own_identity(), *self.own_certificates()]

    def own_proof(self) -> list[Payload]:
        """Our AUTH payload."""
        return [self.prove(self.own_identity())]

    def auth_notifies(self) -> list[Notify]:
        """INITIAL_CONTACT of an initiator (RFC 7296, section 2.4)."""
        contact = [Notify(NotifyType.INITIAL_CONTACT)] if self.initiator and self.is_initial_contact() else []
        return [*super().auth_notifies(), *contact]

    def is_initial_contact(self) -> bool:
        """True if this is the only IKE SA with the peer, and we say so (RFC 7296, section 2.4)."""
        return self.connection.initial_contact and not any(
            one.state in UP for one in self.neighbours if one is not self
        )

    def auth_announced(self, message: Message) -> None:
        """INITIAL_CONTACT of an initiator."""
        super().auth_announced(message)
        if not self.initiator:
            self.initial_contact = message.notify(NotifyType.INITIAL_CONTACT) is not None

    def on_auth_response(self, message: Message) -> None:
        """Check who the responder is, then take the Child SA or learn why there is none (RFC 7296, section 1.2)."""
        identity = self.claimed = message.first(IDr) or self.claimed
        further = self.next_round(message)
        if further is not None:
            self.open_exchange(ExchangeType.IKE_AUTH, lambda sa: further, lambda sa, one: sa.on_auth_response(one))
            return
        error = self.refusal_in(message)
        due = self.proof_is_due() or (error is not None and error.type in FATAL)
        if identity is None or (message.first(AUTH) is None and due):
            if error is None:
                raise Violation("IKE_AUTH response without IDr and AUTH")
            self.failed(f"IKE_AUTH refused with {error.type}", error.type)
            return
        if due or message.first(AUTH) is not None:
            self.check_peer(identity, message)
        self.peer_identity = identity
        self.auth_announced(message)
        self.establish()
        if self.first_child is None:
            return
        if message.first(SA) is None:
            self.child_failed(error)
        else:
            self.take_child_response(message)

    # --- as responder ---------------------------------------------------------------------------------------------

    def timers(self) -> Iterator[Timer]:
        """Who does not say in time who he is will not do so any more."""
        if self.state == State.HALF_OPEN and not self.initiator:
            yield self.created + self.half_open_timeout, partial(self.close, "no IKE_AUTH in time")
        yield from super().timers()

    def answers(self) -> dict[tuple[State, ExchangeType], Answer]:
        """IKE_AUTH comes before anything else, to the responder."""
        found = super().answers()
        if not self.initiator:
            found[State.HALF_OPEN, ExchangeType.IKE_AUTH] = self.handle_auth
        return found

    def handle_auth(self, message: Message) -> Sequence[Payload]:
        """Answer an IKE_AUTH request, usually the only one. A wrong proof ends the IKE SA (section 2.21.2)."""
        self.after_auth = message.message_id + 1
        if self.takes_identity():
            self.claimed = message.first(IDi)
        first = self.opening = self.opening or message
        identity = self.claimed
        if identity is None:
            raise Refusal(NotifyType.INVALID_SYNTAX, "IKE_AUTH request without IDi", fatal=True)
        if first is message:
            self.identified(identity)
        further = self.answer_round(message)
        if further is not None:
            return further
        try:
            self.check_peer(identity, message)
            self.check_unique(identity, first)
            proof = [*(self.introduction() if first is message else ()), *self.own_proof()]
        except Violation as violation:
            raise Refusal(NotifyType.AUTHENTICATION_FAILED, str(violation), fatal=True) from None
        self.check_child_payloads(first)
        self.peer_identity = identity
        self.auth_announced(first)
        self.establish()
        proof += self.auth_notifies()
        if first.first(SA) is None:
            return proof
        try:
            return [*proof, *self.first_child_response(first)]
        except Refusal as refusal:
            return self.first_child_refused(proof, refusal)

    def check_unique(self, identity: IDi | IDr, message: Message) -> None:
        """Where an identity may have one IKE SA only, the older one stays. Raises Violation (RFC 7296, section 2.4)."""
        if self.connection.unique is not Uniqueness.KEEP or message.notify(NotifyType.INITIAL_CONTACT) is not None:
            return
        others = [one for one in self.neighbours if one is not self and one.state == State.ESTABLISHED]
        if any(isinstance(one, AuthExchange) and same_identity(one.peer_identity, identity) for one in others):
            raise Violation("there is an IKE SA of this identity already")

    def informed(self, message: Message) -> list[Payload]:
        """Right after IKE_AUTH the initiator may tell us that its response has failed (RFC 7296, section 2.21.2)."""
        if message.message_id == self.after_auth:
            told = next((one.type for one in message.notifies() if one.type in FATAL), None)
            if told is not None:
                self.close_after_response = f"the initiator refuses our IKE_AUTH response with {told.name}"
        return super().informed(message)

    def check_child_payloads(self, message: Message) -> None:
        """SA, TSi and TSr come together, or none of them where that is allowed."""
        missing = [kind.__name__ for kind in (SA, TSi, TSr) if message.first(kind) is None]
        if missing and not (len(missing) == 3 and self.allows_childless()):
            raise Refusal(NotifyType.INVALID_SYNTAX, f"IKE_AUTH request without {', '.join(missing)}", fatal=True)

    def first_child_refused(self, proof: list[Payload], refusal: Refusal) -> Sequence[Payload]:
        """Without a first Child SA the IKE SA is set up all the same (RFC 7296, section 1.2)."""
        return [*proof, refusal.notify()]

    def establish(self) -> None:
        """The IKE SA is up."""
        self.state = State.ESTABLISHED
        self.events.append(Established(self))
