"""Features that a device lacks, or has always on."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from conformance.crypto.ke import KeyExchange
from conformance.ike.core.child import ChildSa
from conformance.ike.core.connection import ChildConfig, Connection, CookiePolicy
from conformance.ike.core.events import Refusal
from conformance.ike.core.selectors import covered, narrow
from conformance.ike.core.sending import State
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Address
from conformance.wire import (
    CERT,
    CERTREQ,
    KE,
    CertEncoding,
    ExchangeType,
    KeMethod,
    Message,
    Notify,
    NotifyType,
    Payload,
    Proposal,
    TrafficSelector,
    TSi,
    TSr,
)
from peers.capabilities import Capability
from peers.reference.engine import ReferenceEngine
from peers.reference.variants.registry import variant


@variant("RFC 7296, 2.6: when to ask for a cookie is up to the responder")
class CookiesAlways(ReferenceEngine):
    """Asks for a cookie from the first request on."""

    def apply(self, connection: Connection) -> None:
        super().apply(replace(connection, cookies=CookiePolicy.ALWAYS))


@variant(
    "RFC 7296, 4: NAT traversal can be omitted",
    lacks=(Capability.NAT_T, Capability.FORCED_ENCAPSULATION),
)
class NoNatTraversal(IkeSa):
    """Neither detects NATs nor moves to port 4500."""

    def nat_notifies(self) -> list[Notify]:
        return []

    def detect_nat(self, message: Message) -> None:
        pass


@variant("RFC 7383, 2.3: fragmentation is used only where both ends announce it", lacks=(Capability.FRAGMENTATION,))
class NoFragmentation(IkeSa):
    """Does not know IKE fragmentation."""

    def can_fragment(self) -> bool:
        return False


@variant(
    "RFC 7296, 2.9: a responder that cannot accept what is offered says TS_UNACCEPTABLE", lacks=(Capability.NARROWING,)
)
class NoNarrowing(IkeSa):
    """Takes the selectors that are offered as a whole, or not at all."""

    def select(
        self, ts_i: TSi, ts_r: TSr, old: ChildSa | None
    ) -> tuple[ChildConfig, tuple[TrafficSelector, ...], tuple[TrafficSelector, ...]]:
        config, remote_ts, local_ts = super().select(ts_i, ts_r, old)
        whole = covered(_known(ts_i), remote_ts) and covered(_known(ts_r), local_ts)
        if not (self.connection.local_pools or self.connection.local_links) and not whole:
            raise Refusal(NotifyType.TS_UNACCEPTABLE, "what is offered is more than what is allowed")
        return config, remote_ts, local_ts


def _known(payload: TSi | TSr) -> list[TrafficSelector]:
    return [one for one in payload.selectors if isinstance(one, TrafficSelector)]


@variant("RFC 7296, 2.9: of what is offered a responder may take a subset that has the first selectors in it")
class NarrowsToFirst(IkeSa):
    """Takes the first selector of each side only, be it one host, one port or one protocol."""

    def narrowed(self, offered: TSi | TSr, policy: tuple[TrafficSelector, ...]) -> tuple[TrafficSelector, ...]:
        return narrow(_known(offered)[:1], policy) or super().narrowed(offered, policy)


@variant("RFC 7296, 2.7: a responder takes one of the proposals, whichever it likes")
class LastProposal(IkeSa):
    """Takes the last acceptable proposal."""

    def choose_ike(self, proposals: Sequence[Proposal], group: KeMethod) -> Proposal:
        return super().choose_ike(proposals[::-1], group)

    def choose_rekey(self, acceptable: Sequence[Proposal], ke: KE) -> Proposal:
        return super().choose_rekey(acceptable[::-1], ke)

    def choose_child(self, config: ChildConfig, proposals: Sequence[Proposal], message: Message) -> Proposal:
        return super().choose_child(config, proposals[::-1], message)


@variant(
    "RFC 7296, 3.3.6: a transform that was not configured may be refused",
    advice={
        "RFC7296-3.3.5-9": "takes the key length that was configured and no other",
        "RFC7296-3.3.5-8": "takes the key length that was configured and no other",
    },
)
class ExactKeys(IkeSa):
    """Takes no larger key than it is configured with."""

    def takes_longer_keys(self) -> bool:
        return False


@variant("RFC 4303, 2.2.1: extended sequence numbers are an option", lacks=(Capability.ESN,))
class NoEsn(ReferenceEngine):
    """Has no extended sequence numbers."""


@variant("RFC 7670, 4: raw public keys are known beforehand; 7296, 1.2: CERT and CERTREQ are optional")
class SilentAboutRawKeys(IkeSa):
    """Neither shows its raw public key nor asks for that of its peer."""

    def own_certificates(self) -> list[CERT]:
        return [one for one in super().own_certificates() if one.encoding != CertEncoding.RAW_PUBLIC_KEY]

    def certificate_requests(self) -> list[CERTREQ]:
        return [one for one in super().certificate_requests() if one.encoding != CertEncoding.RAW_PUBLIC_KEY]


@variant("RFC 7296, 2.23: an initiator can use port 4500 regardless of whether there is a NAT")
class FloatsAlways(IkeSa):
    """Goes on on port 4500 after IKE_SA_INIT, also where there is no NAT."""

    def detect_nat(self, message: Message) -> None:
        super().detect_nat(message)
        if self.initiator and self.local.port != self.connection.local_ports[1]:
            self.float_port()


@variant("RFC 7296, 2.23: an initiator can use port 4500 regardless of whether there is a NAT, even at the beginning")
class StartsOnPort4500(Endpoint):
    """Sends its IKE_SA_INIT request on port 4500 already."""

    def new_sa(self, *, initiator: bool, local: Address, remote: Address) -> IkeSa:
        if initiator:
            local = Address(local.host, self.connection.local_ports[1])
            remote = Address(remote.host, self.connection.remote_ports[1])
        return super().new_sa(initiator=initiator, local=local, remote=remote)


@variant("RFC 7296, 2.8: the end with the shorter lifetime rekeys, and may do so before it has to")
class EarlyLifetimes(ReferenceEngine):
    """Rekeys when four fifths of a lifetime are over."""

    def apply(self, connection: Connection) -> None:
        def sooner(lifetime: float | None) -> float | None:
            return None if lifetime is None else lifetime * 0.8

        children = tuple(replace(one, lifetime=sooner(one.lifetime)) for one in connection.children)
        super().apply(replace(connection, lifetime=sooner(connection.lifetime), children=children))


@variant("RFC 7296, 2.4: who answers has not failed", lacks=(Capability.BACKUP_ON_REFUSAL,), about=("session_life",))
class StaysWhereRefused(Endpoint):
    """Goes to another gateway where one does not answer, not where one refuses it."""

    def has_failed(self, sa: IkeSa) -> bool:
        return super().has_failed(sa) and sa.unanswered


@variant("RFC 5685, 3: where a new session begins after a redirect is not said", about=("redirect",))
class ComesBackToWhoServedIt(Endpoint):
    """Begins a new session at the gateway to which it was sent before, as long as that answers."""

    served: str | None = None

    def came_up(self, sa: IkeSa) -> None:
        super().came_up(sa)
        if sa.redirected_from is not None:
            self.served = sa.remote.host

    def gone(self, sa: IkeSa) -> None:
        if sa.unanswered:
            self.served = None
        super().gone(sa)

    def initiate(self, child: str | None = None) -> IkeSa:
        if self.served is None:
            return super().initiate(child)
        self.redirects.clear()
        return self.open(self.served, child or self.usual_child())


@variant("RFC 7296, 2.4: an endpoint may restart at any time, and then chooses anew")
class Restarts(ReferenceEngine):
    """Starts anew for each connection: other SPIs, nonces and keys each time."""

    def apply(self, connection: Connection) -> None:
        self.seed += 1
        super().apply(connection)


@variant("RFC 7296, 2.12: an endpoint may reuse its Diffie-Hellman exponentials, when is a private decision")
class ReusesExponentials(IkeSa):
    """Has one key pair for each group, in whichever role."""

    kept: ClassVar[dict[KeMethod, KeyExchange]] = {}

    def new_exchange(self, group: KeMethod) -> KeyExchange:
        if group not in self.kept:
            self.kept[group] = super().new_exchange(group)
        return self.kept[group]

    def answer_key_exchange(self, method: KeMethod, public: bytes, *, fatal: bool) -> tuple[bytes, bytes]:
        found = super().answer_key_exchange(method, public, fatal=fatal)  # a wrong value is refused as ever
        if method.name.startswith("ML_KEM"):  # there the answer is no public value, but a ciphertext
            return found
        own = self.new_exchange(method)
        return own.public, own.shared(public)


_WINDOW = 5


@variant("RFC 7296, 2.3: SET_WINDOW_SIZE lets the peer send several requests before the first one is answered")
class WindowOfFive(IkeSa):
    """Announces a window of five requests, and takes these in any order."""

    announced: bool = False
    answered: dict[int, list[bytes]]
    ahead: set[int]

    def prepare(self) -> None:
        super().prepare()
        self.answered, self.ahead = {}, set()

    def auth_notifies(self) -> list[Notify]:
        self.announced = True
        return [*super().auth_notifies(), Notify(NotifyType.SET_WINDOW_SIZE, _WINDOW.to_bytes(4, "big"))]

    def on_request(self, message: Message) -> None:
        number = message.message_id
        if number in self.answered:
            self.transmit(self.answered[number], *self.reply_path)
        elif (
            self.announced and self.state == State.ESTABLISHED and number in self.window() and number not in self.ahead
        ):
            self.ahead.add(number)
            payloads = self.process(message)
            while self.expected_id in self.ahead:
                self.ahead.remove(self.expected_id)
                self.expected_id += 1
            if payloads is not None:
                self.respond(message, payloads)
        else:
            super().on_request(message)

    def window(self) -> range:
        """The message IDs that the peer may use out of order: none before IKE_AUTH is over."""
        open_ = self.announced and self.state == State.ESTABLISHED
        return range(self.expected_id, self.expected_id + _WINDOW * open_)

    def respond(self, request: Message, payloads: Sequence[Payload]) -> None:
        super().respond(request, payloads)
        assert self.last_response is not None
        if request.exchange == ExchangeType.IKE_SA_INIT:
            return  # a repetition of that belongs to no window
        self.answered[request.message_id] = self.last_response
        self.answered = {one: kept for one, kept in self.answered.items() if one >= self.expected_id - _WINDOW}
