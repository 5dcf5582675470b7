"""Defects of configuration payloads after IKE_AUTH, of leases, and of traffic with inner addresses."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Self

from conformance.crypto import Random
from conformance.ike.core.connection import ChildConfig, Connection
from conformance.ike.core.events import Refusal
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.ipsec.flow import Flow
from conformance.ipsec.sad import InboundSa
from conformance.net.link import Address
from conformance.wire import (
    CP,
    CfgAttr,
    CfgAttribute,
    CfgType,
    Message,
    NotifyType,
    Payload,
    Proposal,
    TrafficSelector,
)
from peers.reference.defects.registry import defect

_A4 = CfgAttribute.INTERNAL_IP4_ADDRESS


@defect("cp-info-address", "cp-set-address", "cp-info-no-pool")
class AssignsLater(IkeSa):
    """Assigns an address to whoever asks for one later, whatever it has."""

    def informed(self, message: Message) -> list[Payload]:
        found = super().informed(message)
        payload = message.first(CP)
        if payload is not None and payload.cfg_type == CfgType.REQUEST and payload.attributes[:1]:
            return [CP(CfgType.REPLY, (CfgAttr(_A4, bytes((10, 77, 0, 199))),))]
        return found


@defect("cp-info-everything", "cp-info-reserved", "cp-info-dns")
class RefusesLaterRequests(IkeSa):
    """Takes every later request for malformed."""

    def informed(self, message: Message) -> list[Payload]:
        payload = message.first(CP)
        if payload is not None and payload.cfg_type == CfgType.REQUEST and payload.attributes:
            raise Refusal(NotifyType.INVALID_SYNTAX, "a request in an INFORMATIONAL exchange", fatal=True)
        return super().informed(message)


@defect("cp-info-empty", "cp-empty")
class TellsWithoutBeingAsked(IkeSa):
    """Assigns an address to those who ask for nothing."""

    def configuration_reply(self, asked: CP) -> CP:
        found = super().configuration_reply(asked)
        return found if asked.attributes else CP(CfgType.REPLY, (CfgAttr(_A4, bytes((10, 77, 0, 199))),))

    def first_child_response(self, message: Message) -> list[Payload]:
        payload = message.first(CP)
        found = super().first_child_response(self.with_a_wish(message))
        empty = payload is not None and not payload.attributes and bool(self.connection.local_pools)
        return [self.configuration_reply(CP(CfgType.REQUEST)), *found[1:]] if empty else found

    def with_a_wish(self, message: Message) -> Message:
        wanted = CP(CfgType.REQUEST, (CfgAttr(_A4),))
        payloads = (wanted if isinstance(one, CP) and not one.attributes else one for one in message.payloads)
        return replace(message, payloads=tuple(payloads))


@defect("cp-info-types")
class RepliesToReplies(IkeSa):
    """Answers every configuration payload in an INFORMATIONAL exchange with a CFG_REPLY."""

    def informed(self, message: Message) -> list[Payload]:
        found = super().informed(message)
        payload = message.first(CP)
        return found if payload is None or found else [self.configuration_reply(payload)]


@defect("cp-init")
class TellsInTheClear(IkeSa):
    """Says what it is in IKE_SA_INIT."""

    asked: CP | None = None

    def respond_init(self, message: Message, raw: bytes) -> None:
        self.asked = message.first(CP)
        super().respond_init(message, raw)

    def init_response(self, chosen: Proposal, public: bytes) -> Sequence[Payload]:
        found = super().init_response(chosen, public)
        return found if self.asked is None else [*found, self.configuration_reply(self.asked)]


class _Acknowledges(IkeSa):
    """Answers CFG_SET in a way of its own."""

    def acknowledge(self, pushed: CP) -> CP:
        raise NotImplementedError

    def informed(self, message: Message) -> list[Payload]:
        payload = message.first(CP)
        if payload is None or payload.cfg_type != CfgType.SET:
            return super().informed(message)
        return [*(one for one in super().informed(message) if not isinstance(one, CP)), self.acknowledge(payload)]


@defect("cp-set-subnets", "cp-set-reserved", "cp-set-malformed", "cp-set-many", "cp-set-address", "cp-client-set")
class AcknowledgesWithValues(_Acknowledges):
    """Sends what it was given back in CFG_ACK."""

    def acknowledge(self, pushed: CP) -> CP:
        return replace(pushed, cfg_type=CfgType.ACK)


@defect("cp-set-empty", "cp-set-subnets", "cp-client-set")
class AcknowledgesWhatItKnows(_Acknowledges):
    """Lists all that it would accept in CFG_ACK, whatever it was given."""

    def acknowledge(self, pushed: CP) -> CP:
        return CP(CfgType.ACK, (CfgAttr(CfgAttribute.INTERNAL_IP4_DNS), CfgAttr(CfgAttribute.INTERNAL_IP4_NBNS)))


@defect("cp-set-and-request", "cp-set-empty")
class AnswersSetWithSet(_Acknowledges):
    """Pushes its own configuration in the response to a CFG_SET."""

    def acknowledge(self, pushed: CP) -> CP:
        return CP(CfgType.SET, tuple(map(CfgAttr, (CfgAttribute.INTERNAL_IP4_SUBNET,))))


# --- leases -----------------------------------------------------------------------------------------------------------


@defect("cp-unique", "cp-dry", "cp-dry-wish")
class ForgetsOldLeases(IkeSa):
    """Knows only of the address that it has assigned last."""

    def taken_addresses(self) -> set[bytes]:
        found = [one.inner for one in self.neighbours if isinstance(one, IkeSa) and one.inner]
        return set(found[-1]) if found else set()


@defect("cp-dry", "cp-dry-wish", "cp-dry-retry")
class EndsWhenDry(IkeSa):
    """Forgets the IKE SA of a client for whom there is no address, without a word."""

    def first_child_response(self, message: Message) -> list[Payload]:
        try:
            return super().first_child_response(message)
        except Refusal:
            self.close("no address is free")
            raise


@defect("cp-dry", "cp-dry-wish")
class ChildWhenDry(IkeSa):
    """Makes a Child SA for a client for whom there is no address."""

    def first_child_response(self, message: Message) -> list[Payload]:
        try:
            return super().first_child_response(message)
        except Refusal as refusal:
            return [refusal.notify(), *self.make_child(message, None, (self.nonce_i, self.nonce_r))]


class _HoardingSa(IkeSa):
    hoard: set[bytes]


class _Hoarder(Endpoint):
    """Remembers addresses beyond the life of their IKE SAs."""

    def __init__(self, connection: Connection, random: Random, now: float) -> None:
        super().__init__(connection, random, now)
        self.hoard: set[bytes] = set()

    def new_sa(self, *, initiator: bool, local: Address, remote: Address) -> IkeSa:
        sa = super().new_sa(initiator=initiator, local=local, remote=remote)
        if isinstance(sa, _HoardingSa):
            sa.hoard = self.hoard
        return sa


class _KeepsAll(_HoardingSa):
    def taken_addresses(self) -> set[bytes]:
        return super().taken_addresses() | self.hoard

    def assignment(self, asked: CP) -> tuple[bytes, ...]:
        found = super().assignment(asked)
        self.hoard.update(found)
        return found


@defect("cp-dry-returns", "cp-lease-many")
class NeverGivesBack(_Hoarder):
    """Does not take addresses back from IKE SAs that have ended."""

    sa_class = _KeepsAll


class _KeepsThoseOfFailures(_HoardingSa):
    def taken_addresses(self) -> set[bytes]:
        return super().taken_addresses() | self.hoard

    def first_child_response(self, message: Message) -> list[Payload]:
        asked = message.first(CP)
        if asked is None or not self.connection.local_pools:
            return super().first_child_response(message)
        would = self.assignment(asked)
        try:
            return super().first_child_response(message)
        except Refusal:
            self.hoard.update(would)
            raise


@defect("cp-lease-failures")
class LeasesToFailures(_Hoarder):
    """Does not take an address back where the Child SA fails."""

    sa_class = _KeepsThoseOfFailures


class _RemembersAll(_HoardingSa):
    def assign(self, pool: str, wish: bytes = b"") -> bytes | None:
        found = None if wish in self.hoard else super().assign(pool, wish)
        self.hoard.update([found] if found else [])
        return found


@defect("cp-lease-again")
class RefusesThoseWhoComeBack(_Hoarder):
    """Has no address for a client that comes back and suggests the one that it had."""

    sa_class = _RemembersAll


@defect("cp-dry-retry")
class LendsWhatIsTaken(IkeSa):
    """Tells a client that asks later the address of another one."""

    def informed(self, message: Message) -> list[Payload]:
        found = super().informed(message)
        payload = message.first(CP)
        others = sorted(self.taken_addresses())
        if payload is None or self.inner or not others:
            return found
        return [CP(CfgType.REPLY, (CfgAttr(_A4, others[-1]),))]


@defect("cp-rekey-ike")
class ForgetsAddressInRekey(IkeSa):
    """Does not pass the address on to the IKE SA that replaces another."""

    def pass_on(self, new: Self) -> None:
        super().pass_on(new)
        new.inner = ()

    def peer_selectors(self, config: ChildConfig) -> tuple[TrafficSelector, ...]:
        return super().peer_selectors(config) if self.inner else (TrafficSelector.net("192.0.2.0/24"),)


# --- traffic ----------------------------------------------------------------------------------------------------------


@defect("cp-traffic-clients")
class TakesAnyInnerSource(InboundSa):
    """Does not look at who sends what comes through an SA."""

    def selects(self, flow: Flow) -> bool:
        return True


@defect("cp-traffic", "cp-traffic6")
class ForgetsInnerRoute(InboundSa):
    """Lets nothing through that comes from an inner address."""

    def selects(self, flow: Flow) -> bool:
        return not flow.source.startswith((bytes((10, 77)), b"\xfd\x77"))
