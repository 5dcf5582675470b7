"""IKE_SA_INIT: algorithms, nonces, key exchange, NAT detection (RFC 7296, sections 1.2, 2.6, 2.7, 2.14, 2.23)."""

from collections.abc import Sequence

from conformance.crypto import CryptoError
from conformance.crypto.ke import KeyExchange, key_exchange, respond
from conformance.crypto.suite import IkeSuite
from conformance.ike.core.connection import PublicKey
from conformance.ike.core.events import InvalidPublicValue, Refusal, Violation
from conformance.ike.core.keys import IkeKeys, derive_ike_keys, skeyseed
from conformance.ike.core.nat import NatTraversal
from conformance.ike.core.proposals import choose, groups, is_choice_of, parsed
from conformance.ike.core.sending import NO_SPI, State
from conformance.wire import (
    KE,
    SA,
    ExchangeType,
    HashAlgorithm,
    KeMethod,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Payload,
    Proposal,
    ProtocolID,
)

NONCE_SIZE = 32
MAX_ROUNDS = 6
"""Cookies and wrong groups make an initiator ask again, but not for ever (RFC 7296, section 2.6.1)."""

OUR_HASHES = (
    HashAlgorithm.SHA2_256,
    HashAlgorithm.SHA2_384,
    HashAlgorithm.SHA2_512,
    HashAlgorithm.IDENTITY,
)


def hashes(message: Message) -> tuple[HashAlgorithm, ...]:
    """The hash algorithms for signatures that the sender of ``message`` announces (RFC 7427, section 4)."""
    found = message.notify(NotifyType.SIGNATURE_HASH_ALGORITHMS)
    data = found.data if found else b""
    return tuple(HashAlgorithm(int.from_bytes(data[at : at + 2], "big")) for at in range(0, len(data) - 1, 2))


def nonce_problem(nonce: Nonce) -> str | None:
    """What is wrong with a nonce: it must have 16 to 256 octets (RFC 7296, section 3.9)."""
    return None if 16 <= len(nonce.data) <= 256 else f"nonce of {len(nonce.data)} octets, expected 16 to 256"


class InitExchange(NatTraversal):
    """The two IKE_SA_INIT messages in both roles."""

    exchange: KeyExchange | None = None
    cookie: bytes | None = None
    rounds: int = 0
    offered: tuple[Proposal, ...] = ()
    init_request_raw: bytes = b""
    init_response_raw: bytes = b""

    def choose_nonce(self) -> bytes:
        """A fresh nonce: at least 128 bits, and half of what a PRF takes as key (RFC 7296, section 2.10)."""
        return self.random(NONCE_SIZE)

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
            self.exchange = key_exchange(group, self.random)
        self.nonce_i = self.nonce_i or self.choose_nonce()
        self.open_exchange(ExchangeType.IKE_SA_INIT, self.init_request, self.on_init_response)
        assert self.pending is not None
        self.init_request_raw = self.pending.datagrams[0]

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

    def init_notifies(self) -> list[Notify]:
        """What both sides announce: NAT detection, fragmentation (RFC 7383), signature hashes (RFC 7427)."""
        found = self.nat_notifies()
        if self.supports_fragmentation and self.connection.fragment_size:
            found.append(Notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED))
        if self.signature_hashes():
            data = b"".join(int(one).to_bytes(2, "big") for one in self.signature_hashes())
            found.append(Notify(NotifyType.SIGNATURE_HASH_ALGORITHMS, data))
        if not self.initiator and self.connection.childless:
            found.append(Notify(NotifyType.CHILDLESS_IKEV2_SUPPORTED))
        return found

    def signature_hashes(self) -> tuple[HashAlgorithm, ...]:
        """The hash algorithms that we announce, none where no signature is expected."""
        wants = any(isinstance(party.auth, PublicKey) for party in (self.connection.local, self.connection.remote))
        return OUR_HASHES if wants else ()

    def on_init_response(self, message: Message) -> None:
        """COOKIE and INVALID_KE_PAYLOAD lead to another request, an error ends the attempt, else there are keys."""
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
        error = next((one for one in message.notifies() if one.type < 16384), None)
        if error is not None and message.first(SA) is None:
            self.failed(f"IKE_SA_INIT refused with {error.type}", error.type)
            return
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
        if (problem := nonce_problem(nonce)) is not None:
            raise Violation(problem)
        self.spi_r, self.nonce_r, self.init_response_raw = message.spi_r, nonce.data, self.last_raw
        self.agree(suite, self.shared_secret(self.exchange, ke.data), message)
        self.after_init()

    def is_our_offer(self, chosen: Sequence[Proposal]) -> bool:
        """True if SAr1 is one of our proposals with one transform of each type (RFC 7296, section 3.3.6)."""
        return len(chosen) == 1 and is_choice_of(chosen[0], self.offered)

    def shared_secret(self, exchange: KeyExchange, public: bytes) -> bytes:
        """g^ir. Raises InvalidPublicValue for a public value that RFC 6989 rejects."""
        try:
            return exchange.shared(public)
        except CryptoError as error:
            raise InvalidPublicValue(f"key exchange failed: {error}") from None

    def after_init(self) -> None:
        """The keys are there: an initiator goes on with IKE_AUTH."""

    # --- as responder -------------------------------------------------------------------------------------------

    def respond_init(self, message: Message, raw: bytes) -> None:
        """Answer an IKE_SA_INIT request that passed the cookie check. Raises Refusal; then the SA is forgotten."""
        self.check_critical(message)
        sa, ke, nonce = message.first(SA), message.first(KE), message.first(Nonce)
        if sa is None or ke is None or nonce is None:
            raise Refusal(NotifyType.INVALID_SYNTAX, "IKE_SA_INIT request without SA, KE or Nonce")
        if (problem := nonce_problem(nonce)) is not None:
            raise Refusal(NotifyType.INVALID_SYNTAX, problem)
        chosen = self.choose_ike(sa.proposals, ke.method)
        suite = IkeSuite.of(chosen)
        self.check_group(suite, ke)
        self.spi_i, self.nonce_i, self.nonce_r = message.spi_i, nonce.data, self.choose_nonce()
        public, shared = self.respond_exchange(suite.ke, ke.data)
        self.expected_id = 1
        payloads = self.init_response(chosen, public)
        self.respond(message, payloads)
        assert self.last_response is not None
        self.init_request_raw, self.init_response_raw = raw, self.last_response[0]
        self.agree(suite, shared, message)

    def check_group(self, suite: IkeSuite, ke: KE) -> None:
        """KEi must be of the selected group, else its sender is told which one that is (RFC 7296, section 1.2)."""
        if suite.ke != ke.method:
            raise Refusal(NotifyType.INVALID_KE_PAYLOAD, f"group {ke.method}", int(suite.ke).to_bytes(2, "big"))

    def respond_exchange(self, method: KeMethod, public: bytes) -> tuple[bytes, bytes]:
        """Our public value and g^ir. Raises Refusal for a public value that RFC 6989 rejects."""
        try:
            return respond(method, public, self.random)
        except CryptoError as error:
            raise Refusal(NotifyType.INVALID_SYNTAX, f"key exchange failed: {error}") from None

    def choose_ike(self, proposals: Sequence[Proposal], group: KeMethod) -> Proposal:
        """Choose one offered proposal (RFC 7296, section 2.7)."""
        acceptable = [one for one in proposals if one.protocol == ProtocolID.IKE and not one.spi]
        found = choose(acceptable, parsed(self.connection.proposals), group)
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
        ]

    # --- both ---------------------------------------------------------------------------------------------------

    def agree(self, suite: IkeSuite, shared: bytes, message: Message) -> None:
        """Derive the keys and take from the peer's message what it announces."""
        self.keys = self.derive(suite, shared)
        self.state = State.HALF_OPEN
        self.fragmenting = (
            self.supports_fragmentation
            and bool(self.connection.fragment_size)
            and message.notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED) is not None
        )
        self.peer_hashes = hashes(message)
        self.detect_nat(message)

    def derive(self, suite: IkeSuite, shared: bytes) -> IkeKeys:
        """SKEYSEED and what follows from it (RFC 7296, section 2.14)."""
        seed = skeyseed(suite, shared, self.nonce_i, self.nonce_r)
        return derive_ike_keys(suite, seed, self.nonce_i + self.nonce_r, self.spi_i, self.spi_r)
