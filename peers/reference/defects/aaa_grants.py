"""Defects of what a gateway makes of what an AAA server has granted."""

from collections.abc import Iterable, Sequence

from conformance.ike.core.sending import State
from conformance.radius.packet import Packet
from conformance.wire import CP, CfgAttr, CfgAttribute, CfgType, ExchangeType, Message, Payload
from peers.reference.defects.registry import defect
from peers.reference.nas.gateway import Nas
from peers.reference.nas.merging import bare
from peers.reference.nas.sa import GatewaySa


@defect("aaa-netmask")
class NoNetmask(GatewaySa):
    """Hands out no netmask."""

    def netmask(self) -> list[CfgAttr]:
        return []


@defect("aaa-address-wish")
class WishesFirst(GatewaySa):
    """Gives the user the address that he would like to have."""

    def assignment(self, asked: CP) -> tuple[bytes, ...]:
        wishes = [one.value for one in asked.attributes if len(one.value) == 4]
        return tuple(wishes) or super().assignment(asked)


@defect("aaa-address-unasked")
class PushesAddresses(GatewaySa):
    """Tells of the address that was granted, whether somebody has asked for one or not."""

    def respond(self, request: Message, payloads: Sequence[Payload]) -> None:
        granted = self.granted_address()
        told = any(isinstance(one, CP) for one in payloads) or self.state != State.ESTABLISHED
        if granted is not None and not told and request.exchange == ExchangeType.IKE_AUTH:
            payloads = [*payloads, CP(CfgType.REPLY, (CfgAttr(CfgAttribute.INTERNAL_IP4_ADDRESS, granted),))]
        super().respond(request, payloads)


@defect("aaa-address-again")
class GrantsOnce(Nas):
    """Hands out an address that was granted, and no second time."""

    def accepted(self, sa: GatewaySa, answer: Packet) -> None:
        super().accepted(sa, answer)
        used: list[bytes] = self.__dict__.setdefault("_used", [])
        given = answer.raw(8)
        if any(one in used for one in given):
            sa.grant = bare(answer)
        used += given


@defect("aaa-address6", "aaa-address6-pair")
class NoSix(GatewaySa):
    """Hands out addresses of its own where IPv6 is asked for."""

    def granted_address6(self) -> bytes | None:
        return None


@defect("aaa-nbns", "aaa-nbns-pair")
class LastNetbiosServerOnly(GatewaySa):
    """Tells of the last NetBIOS name server only."""

    def netbios_servers(self) -> list[CfgAttr]:
        return super().netbios_servers()[-1:]


@defect("aaa-dns-more")
class MakesAddresses(GatewaySa):
    """Reads what is no address as 0.0.0.0."""

    def packed(self, texts: Iterable[str]) -> list[bytes]:
        return [found[0] if (found := super(MakesAddresses, self).packed([one])) else bytes(4) for one in texts]


@defect("aaa-pool", "aaa-pool-unknown")
class OnePool(GatewaySa):
    """Takes all addresses from the same pool, whatever is named."""

    def granted_pool(self) -> str | None:
        return None


@defect("aaa-pool-beside")
class PoolsFirst(GatewaySa):
    """Takes an address of the pool that is named, whatever address is granted beside it."""

    def granted_address(self) -> bytes | None:
        return None


@defect("aaa-routes", "aaa-routes-many")
class FirstNetworkOnly(GatewaySa):
    """Tells of the first network that was granted."""

    def networks(self) -> list[CfgAttr]:
        return super().networks()[:1]


@defect("aaa-routes-accepted", "aaa-flow-limit")
class LimitsUnread(GatewaySa):
    """Does not read what limits a user."""

    def words(self, name: str) -> list[str]:
        return [] if name in ("ipsec:route-accept", "ipsec:ipsec-flow-limit") else super().words(name)
