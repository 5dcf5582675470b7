"""Defects of gateways with many clients: who has which address, and for how long."""

from typing import Self

from conformance.crypto import Random
from conformance.ike.core.connection import ChildConfig, Connection
from conformance.ike.core.events import Refusal
from conformance.ike.core.proof import same_identity
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Address
from conformance.wire import CP, CfgAttr, CfgAttribute, CfgType, Message, Payload, TrafficSelector
from peers.reference.defects.registry import defect

_A4 = CfgAttribute.INTERNAL_IP4_ADDRESS


@defect("cp-unique", "cp-dry", "cp-dry-wish", "cp-clients", "cp-clients6", "cp-lease-rekey")
class ForgetsOldLeases(IkeSa):
    """Knows only of the address that it has assigned last."""

    def taken_addresses(self) -> set[bytes]:
        found = [one.inner for one in self.neighbours if isinstance(one, IkeSa) and one.inner]
        return set(found[-1]) if found else set()


@defect("cp-dry", "cp-dry-wish", "cp-dry-retry", "cp-required-later")
class EndsWhenDry(IkeSa):
    """Forgets the IKE SA of a client that gets no address, or has not asked for one, without a word."""

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


@defect("cp-dry-returns", "cp-lease-many", "cp-lease-dead")
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


class _SharesWithinIdentity(_HoardingSa):
    def taken_addresses(self) -> set[bytes]:
        return super().taken_addresses() - self.hoard

    def assign(self, pool: str, wish: bytes = b"") -> bytes | None:
        known = [one for one in self.neighbours if isinstance(one, IkeSa)]
        same = (one for one in known if one is not self and same_identity(one.peer_identity, self.peer_identity))
        shared = next((one.inner[0] for one in same if one.inner), None)
        found = shared or super().assign(pool, wish)
        self.hoard.discard(found or b"")
        return found


@defect("cp-reauth", "cp-lease-rekey")
class ReleasesWithAnyIkeSa(_Hoarder):
    """Takes an address back with the first IKE SA of a client that ends, though another one goes on."""

    sa_class = _SharesWithinIdentity

    def forget(self, sa: IkeSa) -> None:
        super().forget(sa)
        self.hoard.update(sa.inner)


@defect("cp-clients-wish", "cp-dry-wish")
class GrantsWhatIsTaken(IkeSa):
    """Assigns the address that a client suggests, even if another one has it."""

    def assign(self, pool: str, wish: bytes = b"") -> bytes | None:
        return next(self.liked(pool, wish), None) or super().assign(pool)
