"""Child SAs: the first one of IKE_AUTH, further ones, rekeying (RFC 7296, sections 1.2, 1.3, 2.8, 2.9)."""

from collections.abc import Iterator, Sequence
from functools import partial

from conformance.crypto.suite import ChildSuite
from conformance.ike.core.child import ChildOffer, ChildSa, ChildState, loses
from conformance.ike.core.connection import ChildConfig, Mode
from conformance.ike.core.events import ChildUp, InvalidPublicValue, Refusal, Violation
from conformance.ike.core.keys import derive_child_keys
from conformance.ike.core.narrowing import Narrowing
from conformance.ike.core.proposals import child_proposals, choose, groups, is_choice_of
from conformance.ike.core.selectors import ranges
from conformance.ike.core.sending import RETRY_DELAY, State, Timer
from conformance.ike.core.spine import UP
from conformance.wire import (
    KE,
    SA,
    Delete,
    ExchangeType,
    KeMethod,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Payload,
    Proposal,
    ProtocolID,
    TrafficSelector,
    TSi,
    TSr,
)


class ChildExchange(Narrowing):
    """Making and replacing Child SAs in both roles. ``offer`` is what a request of ours under way asks for.

    ``provoked_by`` are the selectors of the packet that has asked for the first Child SA, source and destination, None:
    none has. ``single``: the peer wants one SA for each pair of addresses.

    No Child SA is made without narrowing, hence the plain dependency.
    """

    offer: ChildOffer | None = None
    provoked_by: tuple[TrafficSelector, TrafficSelector] | None = None
    single: bool = False

    def timers(self) -> Iterator[Timer]:
        """Rekey Child SAs that are old."""
        for child in self.children:
            due = child.rekey_due() if self.is_idle() and self.renews() else None
            if due is not None:
                yield due, partial(self.start_child_rekey, child)
            end = None if self.is_closing() or self.state not in UP else child.over_at()
            if end is not None:
                yield end, partial(self.expire_child, child)
        yield from super().timers()

    def expire_child(self, child: ChildSa) -> None:
        """A Child SA is over that nobody has rekeyed, or that the rekey has left: the IKE SA ends as well (2.8)."""
        if child.replaced_by is None:
            self.start_delete()
        else:
            self.start_child_delete(child)

    def children_pending(self) -> bool:
        """True while a Child SA is being made or deleted by us."""
        return self.offer is not None or any(child.state == ChildState.DELETING for child in self.children)

    def child_config(self, name: str) -> ChildConfig:
        """The configuration of a Child SA by its name. Raises KeyError."""
        for config in self.connection.children:
            if config.name == name:
                return config
        raise KeyError(f"connection {self.connection.name} has no child {name!r}")

    def choose_child_spi(self) -> bytes:
        """A fresh SPI of four octets above the reserved 0 to 255 (RFC 4303, section 2.1)."""
        spi = self.random(4)
        taken = any(child.spi_in == spi for child in self.children)
        return spi if not taken and int.from_bytes(spi, "big") > 255 else self.choose_child_spi()

    # --- as initiator of the exchange -----------------------------------------------------------------------------

    def make_offer(self, config: ChildConfig, *, with_ke: bool, rekeys: ChildSa | None = None) -> ChildOffer:
        """Decide what to ask for. A rekey asks for the selectors of the old SA (RFC 7296, section 2.9.2)."""
        spi = self.choose_child_spi()
        proposals = child_proposals(config.proposals, spi, with_ke=with_ke)
        group = next(iter(groups(proposals)), None)
        exchange = self.new_exchange(group) if group is not None else None
        nonce = self.choose_nonce() if with_ke else self.nonce_i
        offer = ChildOffer(config, spi, proposals, nonce, exchange, rekeys)
        first = () if rekeys is not None else self.packet_selectors()
        offer.local_ts = (*first[:1], *(rekeys.local_ts if rekeys else self.own_selectors(config)))
        offer.remote_ts = (*first[1:], *(rekeys.remote_ts if rekeys else self.peer_selectors(config)))
        if self.single and first:
            offer.local_ts, offer.remote_ts = first[:1], first[1:]
        return offer

    def packet_selectors(self) -> tuple[TrafficSelector, ...]:
        """What goes in front of the selectors of both sides: those of the packet that has asked, ours first (2.9)."""
        return self.provoked_by or ()

    def child_failed(self, error: Notify | None) -> None:
        """Where the peer wants one pair of addresses for an SA, ask for that of the packet (RFC 7296, section 2.9)."""
        super().child_failed(error)
        wants = error is not None and error.type == NotifyType.SINGLE_PAIR_REQUIRED
        if wants and self.provoked_by is not None and not self.single and self.state == State.ESTABLISHED:
            self.single = True
            self.start_child(self.connection.children[0].name)

    def offer_payloads(self, offer: ChildOffer) -> list[Payload]:
        """SA, TSi, TSr and the mode of an offer."""
        mode = [Notify(NotifyType.USE_TRANSPORT_MODE)] if offer.config.mode == Mode.TRANSPORT else []
        return [*mode, SA(offer.proposals), TSi(offer.local_ts), TSr(offer.remote_ts)]

    def first_child_request(self, name: str) -> list[Payload]:
        """What IKE_AUTH carries for the first Child SA."""
        self.offer = self.make_offer(self.child_config(name), with_ke=False)
        return self.offer_payloads(self.offer)

    def start_child(self, name: str, group: KeMethod | None = None) -> None:
        """Ask for another Child SA (RFC 7296, section 1.3.1)."""
        self.request_child(self.make_offer(self.child_config(name), with_ke=True), group)

    def start_child_rekey(self, child: ChildSa) -> None:
        """Ask for a Child SA that replaces ``child`` (RFC 7296, section 1.3.3)."""
        child.state = ChildState.REKEYING
        self.request_child(self.make_offer(child.config, with_ke=True, rekeys=child))

    def request_child(self, offer: ChildOffer, group: KeMethod | None = None) -> None:
        """Send a CREATE_CHILD_SA request for ``offer``."""
        if group is not None:
            offer.exchange = self.new_exchange(group)
        if offer.exchange is not None:
            offer.tried.add(offer.exchange.method)
        self.open_exchange(
            ExchangeType.CREATE_CHILD_SA,
            lambda sa: sa.child_request(offer),
            lambda sa, message: sa.on_child_response(offer, message),
        )

    def child_request(self, offer: ChildOffer) -> Sequence[Payload]:
        """The payloads of a CREATE_CHILD_SA request."""
        self.offer = offer
        sa, selectors_ = self.offer_payloads(offer)[:-2], self.offer_payloads(offer)[-2:]
        rekey = [self.rekey_notify(offer.rekeys)] if offer.rekeys else []
        ke = [KE(offer.exchange.method, offer.exchange.public)] if offer.exchange else []
        return [*rekey, *self.child_notifies(), *sa, Nonce(offer.nonce), *ke, *selectors_]

    def rekey_notify(self, child: ChildSa) -> Notify:
        """REKEY_SA names the SA by the SPI on which its sender receives (RFC 7296, section 1.3.3)."""
        return Notify(NotifyType.REKEY_SA, b"", child.protocol, child.spi_in)

    def on_child_response(self, offer: ChildOffer, message: Message) -> None:
        """Take the answer to a CREATE_CHILD_SA request."""
        self.offer = None
        error = self.refusal_in(message)
        if error is None and message.first(SA) is not None:
            try:
                self.take_child(offer, message)
            except Violation as problem:
                if offer.rekeys is not None:
                    self.rekey_failed(offer.rekeys, None)
                self.disown(offer, problem)
                raise
        elif error is not None and error.type == NotifyType.INVALID_KE_PAYLOAD and offer.exchange is not None:
            self.request_child(offer, self.child_group(offer, error.data))
        else:
            if offer.rekeys is not None:
                self.rekey_failed(offer.rekeys, error)
            self.child_failed(error)

    def rekey_failed(self, child: ChildSa, error: Notify | None) -> None:
        """The peer did not rekey ``child``: it stays for now, unless the peer does not have it (section 2.25)."""
        if child.state == ChildState.REKEYING:
            child.state = ChildState.INSTALLED
            child.rekey_again = self.now + RETRY_DELAY
        if error is not None and error.type == NotifyType.CHILD_SA_NOT_FOUND:
            self.lost_child(child)

    def lost_child(self, child: ChildSa) -> None:
        """The peer has lost ``child``: drop it silently, and ask for a new one if it has none (section 2.25)."""
        if child in self.children:
            self.drop_child(child)
            if child.replaced_by is None:
                self.start_child(child.config.name)

    def child_group(self, offer: ChildOffer, data: bytes) -> KeMethod:
        """The group that INVALID_KE_PAYLOAD asks for (RFC 7296, section 1.3)."""
        group = KeMethod(int.from_bytes(data, "big"))
        if group not in groups(offer.proposals) or group in offer.tried:
            raise Violation(f"INVALID_KE_PAYLOAD asks for {data.hex()}, which was not offered or was tried already")
        return group

    def take_child_response(self, message: Message) -> None:
        """Take the Child SA of an IKE_AUTH response."""
        offer, self.offer = self.offer, None
        assert offer is not None
        try:
            self.take_child(offer, message)
        except Violation as problem:
            self.disown(offer, problem)
            raise

    def disown(self, offer: ChildOffer, problem: Violation) -> None:
        """Delete what the peer has made for a response that we cannot take (RFC 7296, section 2.21).

        An invalid public value ends the IKE SA, and with it everything.
        """
        if not isinstance(problem, InvalidPublicValue):
            protocol = ProtocolID(offer.proposals[0].protocol)
            self.open_exchange(ExchangeType.INFORMATIONAL, lambda sa: [Delete(protocol, (offer.spi,))], self.ignore)

    def take_child(self, offer: ChildOffer, message: Message) -> None:
        """Check the responder's choice, install the Child SA and settle what it replaces."""
        sa, ts_i, ts_r = message.first(SA), message.first(TSi), message.first(TSr)
        if sa is None or ts_i is None or ts_r is None:
            raise Violation("response without SA, TSi or TSr")
        self.check_choice(offer, sa)
        transport = message.notify(NotifyType.USE_TRANSPORT_MODE) is not None
        if transport:
            ts_i, ts_r = self.local_selectors(ts_i), self.remote_selectors(ts_r)
        self.check_selectors(offer, ts_i, ts_r)
        chosen = sa.proposals[0]
        nonces, shared = self.child_secrets(offer, ChildSuite.of(chosen), message)
        if transport and offer.config.mode != Mode.TRANSPORT:
            raise Violation("USE_TRANSPORT_MODE was not asked for")
        child = self.install(
            offer.config, chosen, offer.spi, nonces, shared,
            initiator=True, transport=transport,
            local_ts=ranges(ts_i.selectors), remote_ts=ranges(ts_r.selectors),
        )  # fmt: skip
        child.no_tfc = message.notify(NotifyType.ESP_TFC_PADDING_NOT_SUPPORTED) is not None
        self.events.append(ChildUp(self, child, offer.rekeys))
        self.settle(offer, child)

    def check_choice(self, offer: ChildOffer, sa: SA) -> None:
        """The responder must have taken one of the offered suites (RFC 7296, section 3.3.6)."""
        if len(sa.proposals) != 1 or not is_choice_of(sa.proposals[0], offer.proposals):
            raise Violation("the responder's proposal is none of those offered")
        if len(sa.proposals[0].spi) != 4:
            raise Violation(f"SPI of {len(sa.proposals[0].spi)} octets, expected 4")

    def child_secrets(
        self, offer: ChildOffer, suite: ChildSuite, message: Message
    ) -> tuple[tuple[bytes, bytes], bytes]:
        """The two nonces and the shared secret (empty without PFS) of a Child SA that we asked for."""
        if message.exchange == ExchangeType.IKE_AUTH:
            return (self.nonce_i, self.nonce_r), b""
        nonce, ke = message.first(Nonce), message.first(KE)
        if nonce is None or (problem := self.bad_nonce(nonce)) is not None:
            raise Violation("response without Nonce" if nonce is None else problem)
        if suite.ke == KeMethod.NONE:
            return (offer.nonce, nonce.data), b""
        if ke is None or offer.exchange is None or ke.method != suite.ke or ke.method != offer.exchange.method:
            raise Violation(f"the KE payload does not fit the chosen group {suite.ke.name}")
        return (offer.nonce, nonce.data), self.shared_secret(offer.exchange, ke.data)

    def settle(self, offer: ChildOffer, child: ChildSa) -> None:
        """After our rekey: delete the old SA, or our new one if it lost against the peer's (RFC 7296, 2.8.1)."""
        old = offer.rekeys
        if old is None:
            return
        rival = offer.rival
        if rival is not None and rival.state != ChildState.DELETED and self.rekey_lost(child, rival):
            self.start_child_delete(child)
        elif old.state != ChildState.DELETED:
            old.replaced_by = child
            self.start_child_delete(old)

    def rekey_lost(self, own: ChildSa, rival: ChildSa) -> bool:
        """True if our rekey is the redundant one."""
        return loses(own.nonces, rival.nonces)

    # --- as responder of the exchange -----------------------------------------------------------------------------

    def first_child_response(self, message: Message) -> list[Payload]:
        """What the IKE_AUTH response carries for the first Child SA. Raises Refusal."""
        return self.make_child(message, None, (self.nonce_i, self.nonce_r))

    def handle_child(self, message: Message) -> Sequence[Payload]:
        """Answer a CREATE_CHILD_SA request for a Child SA."""
        if self.ike_rekey_pending():
            raise Refusal(NotifyType.TEMPORARY_FAILURE, "the IKE SA is being rekeyed")
        nonce = self.nonce_of(message)
        old = self.rekeyed_child(message.notify(NotifyType.REKEY_SA))
        own = self.choose_nonce()
        payloads = self.make_child(message, old, (nonce, own))
        at = next(index for index, one in enumerate(payloads) if isinstance(one, SA))
        return [*payloads[: at + 1], Nonce(own), *payloads[at + 1 :]]

    def nonce_of(self, message: Message) -> bytes:
        """The nonce of a CREATE_CHILD_SA request (RFC 7296, section 1.3.1). Raises Refusal."""
        nonce = message.first(Nonce)
        problem = "no Nonce" if nonce is None else self.bad_nonce(nonce)
        if nonce is None or problem is not None:
            raise Refusal(NotifyType.INVALID_SYNTAX, problem or "", fatal=True)
        return nonce.data

    def rekeyed_child(self, notify: Notify | None) -> ChildSa | None:
        """The Child SA that REKEY_SA names (RFC 7296, section 2.25.1)."""
        if notify is None:
            return None
        named = (notify.protocol, notify.spi)
        child = next((one for one in self.children if (one.protocol, one.spi_out) == named), None)
        if child is None:
            raise Refusal(
                NotifyType.CHILD_SA_NOT_FOUND,
                f"no Child SA {notify.spi.hex()}",
                spi=notify.spi,
                protocol=notify.protocol,
            )
        if child.state == ChildState.DELETING:
            raise Refusal(NotifyType.TEMPORARY_FAILURE, f"Child SA {notify.spi.hex()} is being deleted")
        return child

    def make_child(self, message: Message, old: ChildSa | None, nonces: tuple[bytes, bytes]) -> list[Payload]:
        """Choose, install, and return SA, KE, TSi, TSr and mode. ``nonces`` are Ni and Nr. Raises Refusal."""
        sa, ts_i, ts_r = message.first(SA), message.first(TSi), message.first(TSr)
        if sa is None or ts_i is None or ts_r is None:
            raise Refusal(NotifyType.INVALID_SYNTAX, "request without SA, TSi or TSr", fatal=True)
        asked = message.notify(NotifyType.USE_TRANSPORT_MODE) is not None
        config, remote_ts, local_ts = self.select_transport(ts_i, ts_r, old) if asked else self.select(ts_i, ts_r, old)
        chosen = self.choose_child(config, sa.proposals, message)
        suite, spi = ChildSuite.of(chosen), self.choose_child_spi()
        public, shared = self.child_key_exchange(suite, message)
        transport = config.mode == Mode.TRANSPORT and asked
        child = self.install(
            config, chosen, spi, nonces, shared,
            initiator=False, transport=transport, local_ts=local_ts, remote_ts=remote_ts,
        )  # fmt: skip
        child.no_tfc = message.notify(NotifyType.ESP_TFC_PADDING_NOT_SUPPORTED) is not None
        if old is not None:
            old.replaced_by = child
            if self.offer is not None and self.offer.rekeys is old:
                self.offer.rival = child
        self.events.append(ChildUp(self, child, old))
        mode = [Notify(NotifyType.USE_TRANSPORT_MODE)] if transport else []
        ke = [KE(suite.ke, public)] if public else []
        return [*mode, SA((self.child_answer(chosen, spi, sa),)), *ke, TSi(remote_ts), TSr(local_ts)]

    def child_answer(self, chosen: Proposal, spi: bytes, offered: SA) -> Proposal:
        """What we return of the offer: the proposal that we chose, with our own SPI (RFC 7296, section 2.7)."""
        return Proposal(chosen.number, chosen.protocol, chosen.transforms, spi)

    def choose_child(self, config: ChildConfig, proposals: Sequence[Proposal], message: Message) -> Proposal:
        """Choose one offered proposal; its SPI is the one we send to."""
        with_ke = message.exchange != ExchangeType.IKE_AUTH
        ours = child_proposals(config.proposals, b"", with_ke=with_ke)
        acceptable = [one for one in proposals if self.takes_spi(one.spi)]
        ke = message.first(KE)
        found = choose(acceptable, ours, ke.method if ke else None, at_least=self.takes_longer_keys())
        if found is None:
            raise Refusal(NotifyType.NO_PROPOSAL_CHOSEN, "no ESP or AH proposal in common")
        return found[1]

    def takes_spi(self, spi: bytes) -> bool:
        """Whether the peer may receive on this SPI: zero is never sent (RFC 4303, section 2.1)."""
        return len(spi) == 4 and any(spi)

    def child_key_exchange(self, suite: ChildSuite, message: Message) -> tuple[bytes, bytes]:
        """Our public value and the shared secret, both empty without PFS. Raises Refusal for another group."""
        ke = message.first(KE)
        if suite.ke == KeMethod.NONE:
            return b"", b""
        if ke is None or ke.method != suite.ke:
            raise Refusal(NotifyType.INVALID_KE_PAYLOAD, "another group", int(suite.ke).to_bytes(2, "big"))
        return self.answer_key_exchange(suite.ke, ke.data, fatal=True)

    # --- both -----------------------------------------------------------------------------------------------------

    def install(
        self,
        config: ChildConfig,
        chosen: Proposal,
        spi: bytes,
        nonces: tuple[bytes, bytes],
        shared: bytes,
        *,
        initiator: bool,
        transport: bool,
        local_ts: tuple[TrafficSelector, ...],
        remote_ts: tuple[TrafficSelector, ...],
    ) -> ChildSa:
        """Derive the keys and keep the Child SA. ``spi`` is ours, that of ``chosen`` the peer's, nonces Ni and Nr."""
        assert self.keys is not None
        suite = ChildSuite.of(chosen)
        keys = derive_child_keys(self.keys, suite, shared, nonces[0] + nonces[1])
        mode = Mode.TRANSPORT if transport else Mode.TUNNEL
        child = ChildSa(
            config, ProtocolID(chosen.protocol), spi, chosen.spi, suite, keys, initiator,
            local_ts, remote_ts, mode, self.now, nonces,
        )  # fmt: skip
        child.sooner = self.jitter(config.lifetime_jitter)
        self.children.append(child)
        return child

    def jitter(self, most: float) -> float:
        """Up to so many seconds, by chance: both ends shall not rekey at once (RFC 7296, section 2.8.1)."""
        return most * int.from_bytes(self.random(2), "big") / 0xFFFF if most else 0.0
