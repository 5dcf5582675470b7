"""Rekeying the IKE SA with CREATE_CHILD_SA, and its collisions (RFC 7296, sections 1.3.2, 2.8.2, 2.18, 2.25.2)."""

from collections.abc import Iterator, Sequence
from typing import Self

from conformance.crypto.ke import KeyExchange
from conformance.crypto.suite import IkeSuite
from conformance.ike.core.child import loses
from conformance.ike.core.connection import over
from conformance.ike.core.events import InvalidPublicValue, Refusal, Rekeyed, SuccessorCreated, Violation
from conformance.ike.core.keys import derive_ike_keys, skeyseed_of_rekey
from conformance.ike.core.proposals import choose, groups, is_choice_of, parsed
from conformance.ike.core.sending import RETRY_DELAY, State, Timer
from conformance.ike.core.spine import Spine
from conformance.wire import KE, SA, ExchangeType, KeMethod, Message, Nonce, NotifyType, Payload, Proposal, ProtocolID


class IkeRekey(Spine):
    """Rekeying an IKE SA in both roles.

    ``heir`` is the successor that our own request under way will make, ``rival`` the one that the peer's request made
    meanwhile. ``successor`` is the one that took over the Child SAs. ``rekey_again`` is the instant before which a
    rekey that the peer refused is not tried again.
    """

    heir: Self | None = None
    rival: Self | None = None
    successor: Self | None = None
    rekey_again: float = 0.0

    def make_heir(self, *, initiator: bool) -> Self:
        """A new IKE SA with all that a rekey does not change; its message IDs start at 0 (RFC 7296, section 2.18)."""
        new = type(self)(
            self.connection,
            initiator=initiator,
            local=self.local,
            remote=self.remote,
            random=self.random,
            now=self.now,
        )
        new.state = State.ESTABLISHED
        self.pass_on(new)
        return new

    def inherit(self, new: Self) -> None:
        """The successor takes over the Child SAs and what waits for its turn; this SA only waits for its deletion.

        The last request on it is the Delete (RFC 7296, section 2.8).
        """
        new.children, self.children = self.children, []
        new.queue.extend(self.queue)
        self.queue.clear()
        self.successor, self.state = new, State.REKEYED
        self.events.append(Rekeyed(self, new))

    def derive_heir(self, new: Self, suite: IkeSuite, shared: bytes) -> None:
        """The keys of the successor (RFC 7296, section 2.18)."""
        assert self.keys is not None
        seed = skeyseed_of_rekey(self.keys, shared, new.nonce_i, new.nonce_r)
        new.keys = derive_ike_keys(suite, seed, new.nonce_i + new.nonce_r, new.spi_i, new.spi_r)
        self.events.append(SuccessorCreated(self, new))

    def rekey_due(self) -> float | None:
        """When the IKE SA must be rekeyed, None: never, or not now."""
        lifetime = self.connection.lifetime
        if lifetime is None or not self.renews() or not self.is_idle():
            return None
        return max(self.created + lifetime, self.rekey_again)

    def timers(self) -> Iterator[Timer]:
        """Rekey an IKE SA that is old."""
        if (due := self.rekey_due()) is not None:
            yield due, self.start_rekey
        end = self.over_at()
        if end is not None:
            yield end, self.start_delete
        yield from super().timers()

    def over_at(self) -> float | None:
        """When the IKE SA is over if nobody has rekeyed it, None: never, or it is ending (RFC 7296, section 2.8)."""
        lifetime = self.connection.lifetime
        if lifetime is None or self.state != State.ESTABLISHED or self.is_closing():
            return None
        return self.created + over(lifetime)

    # --- as initiator of the exchange -----------------------------------------------------------------------------

    def start_rekey(self: Self, group: KeMethod | None = None, tried: frozenset[KeMethod] = frozenset()) -> None:
        """Ask for a new IKE SA in place of this one (RFC 7296, section 1.3.2); ``tried`` were refused before."""
        new = self.make_heir(initiator=True)
        self.heir = new
        proposals = parsed(self.connection.proposals, ProtocolID.IKE, new.own_spi)
        exchange = self.new_exchange(group or groups(proposals)[0])
        new.nonce_i = self.choose_nonce()
        self.open_exchange(
            ExchangeType.CREATE_CHILD_SA,
            lambda sa: sa.rekey_request(new, proposals, exchange),
            lambda sa, message: sa.on_rekey_response(new, proposals, exchange, message, tried),
        )

    def rekey_request(self, new: Self, proposals: tuple[Proposal, ...], exchange: KeyExchange) -> Sequence[Payload]:
        """The payloads of the request."""
        return [SA(proposals), Nonce(new.nonce_i), KE(exchange.method, exchange.public)]

    def on_rekey_response(
        self,
        new: Self,
        proposals: tuple[Proposal, ...],
        exchange: KeyExchange,
        message: Message,
        tried: frozenset[KeMethod] = frozenset(),
    ) -> None:
        """Take the answer: make the successor, or give up."""
        self.heir = None
        sa, ke, nonce = message.first(SA), message.first(KE), message.first(Nonce)
        error = self.refusal_in(message)
        if error is not None and error.type == NotifyType.INVALID_KE_PAYLOAD:
            tried |= {exchange.method}
            self.start_rekey(self.rekey_group(proposals, tried, error.data), tried)
            return
        if error is not None:
            self.rekey_refused(error.type)
            return
        if sa is None or ke is None or nonce is None:
            raise Violation("CREATE_CHILD_SA response without SA, KE or Nonce")
        self.check_rekey_choice(proposals, sa)
        chosen = sa.proposals[0]
        suite = IkeSuite.of(chosen)
        problem = self.bad_nonce(nonce)
        if problem is not None or len(chosen.spi) != 8 or ke.method != suite.ke or ke.method != exchange.method:
            raise Violation(problem or f"SPI of {len(chosen.spi)} octets or KE payload of group {ke.method}")
        new.spi_r, new.nonce_r = chosen.spi, nonce.data
        self.derive_heir(new, suite, self.shared_secret(exchange, ke.data))
        self.settle_rekey(new)

    def check_rekey_choice(self, proposals: tuple[Proposal, ...], sa: SA) -> None:
        """The responder must have taken one of the offered suites (RFC 7296, section 3.3.6)."""
        if len(sa.proposals) != 1 or not is_choice_of(sa.proposals[0], proposals):
            raise Violation("the responder's proposal is none of those offered")

    def on_violation(self, problem: Violation | Refusal) -> None:
        """Try again later, but end an IKE SA whose peer sends invalid public values (RFC 6989, section 2.5)."""
        super().on_violation(problem)
        self.rekey_again = self.now + RETRY_DELAY
        if isinstance(problem, InvalidPublicValue) and self.state == State.ESTABLISHED:
            self.start_delete()

    def rekey_group(self, proposals: tuple[Proposal, ...], tried: frozenset[KeMethod], data: bytes) -> KeMethod:
        """The group that INVALID_KE_PAYLOAD asks for (RFC 7296, section 1.3)."""
        group = KeMethod(int.from_bytes(data, "big"))
        if group not in groups(proposals) or group in tried:
            raise Violation(f"INVALID_KE_PAYLOAD asks for {data.hex()}, which was not offered or was tried already")
        return group

    def rekey_refused(self, error: NotifyType) -> None:
        """The peer did not rekey for us; if its own rekey is complete, that one counts, else we try again later."""
        self.rekey_again = self.now + RETRY_DELAY
        if self.rival is not None and self.successor is None:
            self.inherit(self.rival)
        self.failed(f"rekeying of the IKE SA refused with {error.name}", error)

    def settle_rekey(self, new: Self) -> None:
        """After our rekey: who inherits, and which SA do we delete? (RFC 7296, section 2.8.2)"""
        rival = self.rival
        if rival is not None and rival.state != State.CLOSED and self.ike_rekey_lost(new, rival):
            self.inherit(rival)
            new.start_delete()
        else:
            self.inherit(new)
            self.start_delete()

    def ike_rekey_lost(self, own: Self, rival: Self) -> bool:
        """True if the successor that we asked for is the redundant one."""
        return loses((own.nonce_i, own.nonce_r), (rival.nonce_i, rival.nonce_r))

    # --- as responder of the exchange -----------------------------------------------------------------------------

    def handle_rekey(self, message: Message) -> Sequence[Payload]:
        """Answer a request to rekey this IKE SA."""
        self.check_rekey_allowed()
        sa, ke, nonce = message.first(SA), message.first(KE), message.first(Nonce)
        if sa is None or ke is None or nonce is None or (problem := self.bad_nonce(nonce)) is not None:
            why = problem if sa and ke and nonce else "request without SA, KE or Nonce"
            raise Refusal(NotifyType.INVALID_SYNTAX, why or "", fatal=True)
        acceptable = [one for one in sa.proposals if one.protocol == ProtocolID.IKE and len(one.spi) == 8]
        chosen = self.choose_rekey(acceptable, ke)
        suite = IkeSuite.of(chosen)
        public, shared = self.rekey_secrets(suite, ke)
        new = self.make_heir(initiator=False)
        new.spi_i, new.nonce_i, new.nonce_r = chosen.spi, nonce.data, self.choose_nonce()
        self.derive_heir(new, suite, shared)
        self.adopt(new)
        answer = Proposal(chosen.number, chosen.protocol, chosen.transforms, new.own_spi)
        return [SA((answer,)), Nonce(new.nonce_r), KE(suite.ke, public)]

    def choose_rekey(self, acceptable: Sequence[Proposal], ke: KE) -> Proposal:
        """Choose one offered proposal for the new IKE SA. Raises Refusal."""
        ours = parsed(self.connection.proposals)
        found = choose(acceptable, ours, ke.method, at_least=self.takes_longer_keys())
        if found is None:
            raise Refusal(NotifyType.NO_PROPOSAL_CHOSEN, "no IKE proposal in common")
        return found[1]

    def rekey_secrets(self, suite: IkeSuite, ke: KE) -> tuple[bytes, bytes]:
        """Our public value and the shared secret. Raises Refusal for another group than the chosen one."""
        if suite.ke != ke.method:
            raise Refusal(NotifyType.INVALID_KE_PAYLOAD, "another group", int(suite.ke).to_bytes(2, "big"))
        return self.answer_key_exchange(suite.ke, ke.data, fatal=True)

    def check_rekey_allowed(self) -> None:
        """While something else is under way the peer must wait (RFC 7296, section 2.25). Raises Refusal."""
        if self.is_closing() or self.state == State.REKEYED or self.children_pending():
            raise Refusal(NotifyType.TEMPORARY_FAILURE, "another exchange is under way")

    def adopt(self, new: Self) -> None:
        """The peer's rekey is complete for us, unless our own is under way: then the nonces decide later."""
        if self.heir is not None:
            self.rival = new
        else:
            self.inherit(new)

    def ike_rekey_pending(self) -> bool:
        """True while this IKE SA is being rekeyed by us, or has been rekeyed."""
        return self.heir is not None or self.state == State.REKEYED

    def on_deleted(self) -> Sequence[Payload]:
        """The peer deletes this SA: if it never saw our own rekey, its successor counts (RFC 7296, section 2.8.2)."""
        if self.rival is not None and self.successor is None:
            self.inherit(self.rival)
        self.heir = None
        return super().on_deleted()
