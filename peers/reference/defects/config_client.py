"""Defects of those who ask for inner addresses."""

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from conformance.ike.core.child import ChildOffer, ChildSa
from conformance.ike.core.connection import ChildConfig
from conformance.ike.core.events import Refusal, Violation
from conformance.ike.ikesa import IkeSa
from conformance.wire import CP, SA, CfgAttr, CfgAttribute, CfgType, Message, NotifyType, Payload, TrafficSelector
from peers.reference.dataplane import Carried, DeviceHost
from peers.reference.defects.registry import defect

_A4 = CfgAttribute.INTERNAL_IP4_ADDRESS


class _Asks(IkeSa):
    """Asks for more than it should."""

    also: ClassVar[tuple[CfgAttr, ...]]

    def configuration_wanted(self) -> list[CfgAttr]:
        return [*super().configuration_wanted(), *self.also]


@defect("cp-client-request", "cp-client-request6", "cp-client-request-both")
class AsksWithMask(_Asks):
    """Suggests a netmask."""

    also = (CfgAttr(CfgAttribute.INTERNAL_IP4_NETMASK, b"\xff\xff\xff\0"),)


@defect("cp-client-request", "cp-client-request6")
class AsksForDomainsAlone(_Asks):
    """Asks for domains without name servers."""

    also = (CfgAttr(CfgAttribute.INTERNAL_DNS_DOMAIN),)


@defect("cp-client-request")
class SaysWhatItSupports(_Asks):
    """Lists what it supports in its request."""

    also = (CfgAttr(CfgAttribute.SUPPORTED_ATTRIBUTES, b"\0\1"),)


@defect("cp-client-request-both")
class AsksForOneFamily(IkeSa):
    """Asks for an IPv4 address, though it needs one of IPv6 as well."""

    def configuration_request(self) -> list[CP]:
        found = super().configuration_request()
        return [replace(one, attributes=one.attributes[:1]) for one in found]


class _RefusesReply(IkeSa):
    """Gives up for something in the reply that it should ignore."""

    def is_wrong(self, payload: CP, message: Message) -> bool:
        raise NotImplementedError

    def take_child_response(self, message: Message) -> None:
        payload = message.first(CP)
        if payload is not None and self.connection.remote_pools and self.is_wrong(payload, message):
            self.start_delete()
            return
        super().take_child_response(message)


@defect(
    "cp-client-more", "cp-client-subnets", "cp-client-unknown", "cp-client-banner", "cp-client-empty",
    "cp-client-netmask", "cp-client-second", "cp-client-domains", "cp-client-anchor", "cp-client-domain-hostile",
    "cp-client-resolver", "cp-client-unity-banner", "cp-client-unity-save-password", "cp-client-unity-default-domain",
    "cp-client-unity-split-dns", "cp-client-unity-split-include", "cp-client-unity-local-lan", "cp-client-unity-pfs",
    "cp-client-unity-backup-servers",
)  # fmt: skip
class TakesOnlyWhatItAsked(_RefusesReply):
    """Gives up where the reply has more than it has asked for."""

    def is_wrong(self, payload: CP, message: Message) -> bool:
        return len(payload.attributes) > 1


@defect("cp-client-reserved")
class InsistsOnReservedOfReply(_RefusesReply):
    """Gives up where something reserved is set in the reply."""

    def is_wrong(self, payload: CP, message: Message) -> bool:
        return payload.reserved2 != 0 or any(one.reserved for one in payload.attributes)


@defect("cp-client-behind-sa")
class InsistsOnOrderOfReply(_RefusesReply):
    """Gives up where CP stands behind SA."""

    def is_wrong(self, payload: CP, message: Message) -> bool:
        kinds = [type(one) for one in message.payloads]
        return kinds.index(CP) > kinds.index(SA)


@defect(
    "cp-client-none", "cp-client-no-attribute", "cp-client-no-value", "cp-client-type-set", "cp-client-type-request",
    "cp-client-type-5", "cp-client-short",
)  # fmt: skip
class NeedsNoAddress(IkeSa):
    """Goes on without the address that it has asked for."""

    def addresses_in(self, message: Message) -> tuple[bytes, ...]:
        try:
            return super().addresses_in(message)
        except Violation:
            return ()


@defect("cp-client-long", "cp-client-short6", "cp-client-prefix6", "cp-client-huge")
class ForgetsIkeSaForOddAddress(IkeSa):
    """Forgets an IKE SA for whose address there is something odd, without a word."""

    def addresses_in(self, message: Message) -> tuple[bytes, ...]:
        try:
            return super().addresses_in(message)
        except Violation:
            self.close("an odd address")
            raise


@defect("cp-client-dry", "cp-client-required")
class ForgetsIkeSaWithoutAddress(IkeSa):
    """Forgets an IKE SA that has no Child SA, without a word."""

    def child_failed(self, error: object) -> None:
        self.close("no Child SA")


@defect("cp-client-unasked")
class RefusesWhatItHasNotAsked(IkeSa):
    """Forgets an IKE SA whose responder sends a configuration unasked, without a word."""

    def take_child_response(self, message: Message) -> None:
        if message.first(CP) is not None and not self.connection.remote_pools:
            self.close("a configuration that was not asked for")
        else:
            super().take_child_response(message)


@defect("cp-client-unasked")
class TakesWhatItHasNotAsked(IkeSa):
    """Uses an address that it has not asked for."""

    def take_child_response(self, message: Message) -> None:
        super().take_child_response(message)
        found = [each.value for one in message.all(CP) for each in one.attributes if each.type == _A4]
        if found and not self.connection.remote_pools:
            self.children[-1].local_ts = (TrafficSelector.net("192.0.2.77/32"),)


@defect("cp-client-rekey")
class RekeysWithoutAddress(IkeSa):
    """Offers its own network in place of its inner address when it rekeys."""

    def make_offer(self, config: ChildConfig, *, with_ke: bool, rekeys: ChildSa | None = None) -> ChildOffer:
        offer = super().make_offer(config, with_ke=with_ke, rekeys=rekeys)
        if rekeys is not None and self.inner:
            offer.local_ts = (TrafficSelector.net("10.2.0.0/24"),)
        return offer


@defect("cp-client-asked")
class AssignsToItsGateway(IkeSa):
    """Assigns an address to a gateway that asks for one."""

    def informed(self, message: Message) -> list[Payload]:
        found = super().informed(message)
        if message.first(CP) is None or not self.initiator:
            return found
        return [CP(CfgType.REPLY, (CfgAttr(_A4, bytes((10, 77, 0, 199))),))]


@defect("cp-client-asked")
class RefusesItsGateway(IkeSa):
    """Ends the IKE SA when it is asked for something."""

    def informed(self, message: Message) -> list[Payload]:
        if message.first(CP) is not None and self.initiator:
            raise Refusal(NotifyType.INVALID_SYNTAX, "a request of the gateway", fatal=True)
        return super().informed(message)


@defect("cp-client-traffic")
class HasNoInnerAddress(DeviceHost):
    """Does not answer at the inner address that it was assigned."""

    def assigned(self, sas: Iterable[IkeSa]) -> frozenset[bytes]:
        return frozenset()


@defect("cp-client-traffic-foreign")
class InstallsWiderThanAgreed(DeviceHost):
    """Lets a Child SA for its inner address carry what is for any of its addresses."""

    def bring(self, child: ChildSa, sa: IkeSa, udp: tuple[int, int] | None, now: float) -> Carried:
        return super().bring(replace(child, local_ts=(TrafficSelector.net("0.0.0.0/0"),)), sa, udp, now)


@defect("cp-client-subnets-traffic")
class TakesWhatIsNamed(DeviceHost):
    """Lets the Child SA carry what comes from anywhere, as the gateway has named more networks."""

    def bring(self, child: ChildSa, sa: IkeSa, udp: tuple[int, int] | None, now: float) -> Carried:
        return super().bring(replace(child, remote_ts=(TrafficSelector.net("0.0.0.0/0"),)), sa, udp, now)


@defect("cp-client-reauth")
class AsksOnceOnly(IkeSa):
    """Does not ask for an address again when it reauthenticates."""

    def configuration_request(self) -> list[CP]:
        known = any(isinstance(one, IkeSa) and one is not self and one.inner for one in self.neighbours)
        return [] if known else super().configuration_request()
