"""IKE_SA_INIT: algorithms, nonces, key exchange, NAT detection (RFC 7296, sections 1.2, 2.6, 2.7, 2.14, 2.23)."""

from collections.abc import Sequence

from conformance.crypto.ke import KeyExchange
from conformance.crypto.suite import IkeSuite
from conformance.ike.core.events import Refusal, Rejected, Violation
from conformance.ike.core.keys import IkeKeys, derive_ike_keys, skeyseed
from conformance.ike.core.proposals import choose, groups, is_choice_of, parsed
from conformance.ike.core.sending import NO_SPI, State
from conformance.ike.core.spine import Spine
from conformance.wire import (
    KE,
    SA,
    ExchangeType,
    KeMethod,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Payload,
    Proposal,
    ProtocolID,
)

MAX_ROUNDS = 6
"""Cookies and wrong groups make an initiator ask again, but not for ever (RFC 7296, section 2.6.1)."""


class InitExchange(Spine):
    """The two IKE_SA_INIT messages in both roles."""

    exchange: KeyExchange | None = None
    cookie: bytes | None = None
    rounds: int = 0
    offered: tuple[Proposal, ...] = ()

    # --- as initiator -------------------------------------------------------------------------------------------

    def start_init(self) -> None:
        """Send the IKE_SA_INIT request."""
        self.offered = parsed(self.connection.proposals)
        self.request_init(groups(self.offered)[0])

    def request_init(self, group: KeMethod) -> None:
        """Send, or send again after COOKIE or INVALID_KE_PAYLOAD: always message 0 and the same SPI (2.6, 1.2)."""
        self.next_id = 0
        self.rounds += 1
        if self.exchange is None or self.exchange.method != group:
            self.exchange = self.new_exchange(group)
        self.nonce_i = self.nonce_i or self.choose_nonce()
        self.open_exchange(
            ExchangeType.IKE_SA_INIT, lambda sa: sa.init_request(), lambda sa, message: sa.on_init_response(message)
        )
        assert self.pending is not None
        self.init_request_raw = b"".join(self.pending.datagrams[:1])

    def init_request(self) -> Sequence[Payload]:
        """The payloads of the request; a cookie comes first (RFC 7296, section 2.6)."""
        assert self.exchange is not None
        cookie = [Notify(NotifyType.COOKIE, self.cookie)] if self.cookie is not None else []
        return [
            *cookie,
            SA(self.offered),
            KE(self.exchange.method, self.exchange.public),
            Nonce(self.nonce_i),
            *self.init_notifies(),
        ]

    def on_init_response(self, message: Message) -> None:
        """COOKIE and INVALID_KE_PAYLOAD lead to another request; unless it is an error, there are keys."""
        if message.first(SA) is None and self.led_elsewhere(message):
            return
        if self.rounds >= MAX_ROUNDS and message.first(SA) is None:
            raise Violation(f"no progress after {self.rounds} IKE_SA_INIT requests")
        cookie = message.notify(NotifyType.COOKIE)
        wrong_group = message.notify(NotifyType.INVALID_KE_PAYLOAD)
        assert self.exchange is not None
        if cookie is not None:
            if not 1 <= len(cookie.data) <= 64:
                raise Violation(f"COOKIE of {len(cookie.data)} octets, expected 1 to 64")
            self.cookie = cookie.data
            self.request_init(self.exchange.method)
        elif wrong_group is not None:
            self.request_init(self.other_group(wrong_group.data))
        else:
            self.accept_init_response(message)

    def other_group(self, data: bytes) -> KeMethod:
        """The group that INVALID_KE_PAYLOAD asks for: two octets, and one that we offered (RFC 7296, section 1.2)."""
        group = KeMethod(int.from_bytes(data, "big"))
        if len(data) != 2 or group not in groups(self.offered):
            raise Violation(f"INVALID_KE_PAYLOAD asks for {data.hex()}, which was not offered")
        return group

    def accept_init_response(self, message: Message) -> None:
        """Check the responder's choice and derive the keys."""
        error = self.refusal_in(message)
        if error is not None:
            raise Rejected(f"IKE_SA_INIT refused with {error.type}", error.type)
        sa, ke, nonce = message.first(SA), message.first(KE), message.first(Nonce)
        if sa is None or ke is None or nonce is None:
            raise Violation("IKE_SA_INIT response without SA, KE or Nonce")
        if message.spi_r == NO_SPI:
            raise Violation("IKE_SA_INIT response with a responder SPI of zero")
        if not self.is_our_offer(sa.proposals):
            raise Violation("the responder's proposal is none of those offered")
        assert self.exchange is not None
        suite = IkeSuite.of(sa.proposals[0])
        if ke.method != self.exchange.method or suite.ke != ke.method:
            raise Violation(f"KE payload of group {ke.method}, chosen {suite.ke}")
        if (problem := self.bad_nonce(nonce)) is not None:
            raise Violation(problem)
        self.spi_r, self.nonce_r, self.init_response_raw = message.spi_r, nonce.data, self.last_raw
        self.agree(suite, self.shared_secret(self.exchange, ke.data), message)
        self.after_init()

    def is_our_offer(self, chosen: Sequence[Proposal]) -> bool:
        """True if SAr1 is one of our proposals with one transform of each type (RFC 7296, section 3.3.6)."""
        return len(chosen) == 1 and is_choice_of(chosen[0], self.offered)

    # --- as responder -------------------------------------------------------------------------------------------

    def respond_init(self, message: Message, raw: bytes) -> None:
        """Answer an IKE_SA_INIT request that passed the cookie check. Raises Refusal; then the SA is forgotten."""
        self.check_critical(message)
        sa, ke, nonce = message.first(SA), message.first(KE), message.first(Nonce)
        if sa is None or ke is None or nonce is None:
            raise Refusal(NotifyType.INVALID_SYNTAX, "IKE_SA_INIT request without SA, KE or Nonce")
        if (problem := self.bad_nonce(nonce)) is not None:
            raise Refusal(NotifyType.INVALID_SYNTAX, problem)
        self.admit(message)
        chosen = self.choose_ike(sa.proposals, ke.method)
        suite = IkeSuite.of(chosen)
        self.check_group(suite, ke)
        self.spi_i, self.nonce_i, self.nonce_r = message.spi_i, nonce.data, self.choose_nonce()
        public, shared = self.respond_exchange(suite.ke, ke.data)
        self.expected_id = 1
        payloads = self.init_response(chosen, public)
        self.respond(message, payloads)
        assert self.last_response is not None
        self.init_request_raw, self.init_response_raw = raw, b"".join(self.last_response[:1])
        self.agree(suite, shared, message)

    def check_group(self, suite: IkeSuite, ke: KE) -> None:
        """KEi must be of the selected group, else its sender is told which one that is (RFC 7296, section 1.2)."""
        if suite.ke != ke.method:
            raise Refusal(NotifyType.INVALID_KE_PAYLOAD, f"group {ke.method}", int(suite.ke).to_bytes(2, "big"))

    def respond_exchange(self, method: KeMethod, public: bytes) -> tuple[bytes, bytes]:
        """Our public value and g^ir. Raises Refusal for a public value that RFC 6989 rejects."""
        return self.answer_key_exchange(method, public, fatal=False)

    def choose_ike(self, proposals: Sequence[Proposal], group: KeMethod) -> Proposal:
        """Choose one offered proposal (RFC 7296, section 2.7)."""
        acceptable = [one for one in proposals if one.protocol == ProtocolID.IKE and not one.spi]
        ours = parsed(self.connection.proposals)
        found = choose(acceptable, ours, group, at_least=self.takes_longer_keys())
        if found is None:
            raise Refusal(NotifyType.NO_PROPOSAL_CHOSEN, "no IKE proposal in common")
        return found[1]

    def init_response(self, chosen: Proposal, public: bytes) -> Sequence[Payload]:
        """The payloads of the response."""
        return [
            SA((chosen,)),
            KE(IkeSuite.of(chosen).ke, public),
            Nonce(self.nonce_r),
            *self.init_notifies(),
            *self.certificate_requests(),
        ]

    # --- both ---------------------------------------------------------------------------------------------------

    def agree(self, suite: IkeSuite, shared: bytes, message: Message) -> None:
        """Derive the keys and take from the peer's message what it announces."""
        self.keys = self.derive(suite, shared)
        self.state = State.HALF_OPEN
        self.init_announced(message)

    def derive(self, suite: IkeSuite, shared: bytes) -> IkeKeys:
        """SKEYSEED and what follows from it (RFC 7296, section 2.14)."""
        seed = skeyseed(suite, shared, self.nonce_i, self.nonce_r)
        return derive_ike_keys(suite, seed, self.nonce_i + self.nonce_r, self.spi_i, self.spi_r)
