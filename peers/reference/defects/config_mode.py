"""Defects of configuration payloads."""

from dataclasses import replace

from conformance.ike.core.connection import ChildConfig
from conformance.ike.core.events import Refusal
from conformance.ike.ikesa import IkeSa
from conformance.wire import CP, CfgAttr, CfgAttribute, CfgType, Message, NotifyType, Payload, TrafficSelector
from peers.reference.defects.registry import defect


@defect("auth-cfg-address")
class KeepsWideSelectors(IkeSa):
    """Assigns an address, and lets the Child SA be for all that was asked for."""

    def peer_selectors(self, config: ChildConfig) -> tuple[TrafficSelector, ...]:
        return (TrafficSelector.net("0.0.0.0/0"),)


@defect("auth-cfg-address", "auth-cfg-unknown-attribute", "eap-client-apple", "eap-client-android")
class ForeignAddress(IkeSa):
    """Assigns an address that is not of its pool."""

    def assign(self, pool: str, wish: bytes = b"") -> bytes | None:
        return bytes((192, 0, 2, 77)) if "." in pool else bytes.fromhex("20010db8" + "00" * 11 + "77")


@defect("auth-cfg-address")
class ReplyBehindSa(IkeSa):
    """Puts the configuration at the end."""

    def first_child_response(self, message: Message) -> list[Payload]:
        found = super().first_child_response(message)
        return [*(one for one in found if not isinstance(one, CP)), *(one for one in found if isinstance(one, CP))]


@defect("auth-cfg-address")
class TwoAddresses(IkeSa):
    """Returns one more address than was asked for."""

    def configuration_reply(self, asked: CP) -> CP:
        found = super().configuration_reply(asked)
        return replace(found, attributes=(*found.attributes[:1], *found.attributes))


@defect("auth-cfg-address")
class AddressWithMask(IkeSa):
    """Returns an address with its netmask in one attribute."""

    def address_attribute(self, address: bytes) -> CfgAttr:
        found = super().address_attribute(address)
        return replace(found, value=found.value + b"\xff\xff\xff\0")


@defect("auth-cfg-unknown-attribute", "eap-client-windows")
class RefusesUnknownAttributes(IkeSa):
    """Refuses the Child SA for an attribute that it does not know."""

    def first_child_response(self, message: Message) -> list[Payload]:
        payload = message.first(CP)
        if payload is not None and any(one.type not in tuple(CfgAttribute) for one in payload.attributes):
            raise Refusal(NotifyType.INTERNAL_ADDRESS_FAILURE, "an attribute of unknown type")
        return super().first_child_response(message)


@defect("auth-cfg-not-asked")
class AssignsUnasked(IkeSa):
    """Assigns an address to those, too, who do not ask for one."""

    def first_child_response(self, message: Message) -> list[Payload]:
        if message.first(CP) is None and self.connection.local_pools:
            asked = CP(CfgType.REQUEST, (CfgAttr(CfgAttribute.INTERNAL_IP4_ADDRESS),))
            self.inner = self.assignment(asked)
            return [self.configuration_reply(asked), *self.make_child(message, None, (self.nonce_i, self.nonce_r))]
        return super().first_child_response(message)


@defect("auth-cfg-not-asked")
class FatalWithoutAddress(IkeSa):
    """Ends the IKE SA of those who do not ask for an address."""

    def first_child_response(self, message: Message) -> list[Payload]:
        if message.first(CP) is None and self.connection.local_pools:
            self.close("no request for an address")
        return super().first_child_response(message)


@defect("auth-cfg-request")
class AsksForNothing(IkeSa):
    """Waits for an address that it has not asked for."""

    def configuration_request(self) -> list[CP]:
        return []


@defect("auth-cfg-request")
class AsksWithoutAddress(IkeSa):
    """Asks for a name server only."""

    def configuration_request(self) -> list[CP]:
        found = super().configuration_request()
        return [replace(one, attributes=(CfgAttr(CfgAttribute.INTERNAL_IP4_DNS),)) for one in found]


@defect("auth-cfg-request")
class AsksBehindSa(IkeSa):
    """Puts the request for an address at the end."""

    def first_child_request(self, name: str) -> list[Payload]:
        found = super().first_child_request(name)
        return [*(one for one in found if not isinstance(one, CP)), *(one for one in found if isinstance(one, CP))]


@defect("auth-cfg-request")
class SetsReservedBit(IkeSa):
    """Sets the reserved bit of configuration attributes."""

    def configuration_request(self) -> list[CP]:
        found = super().configuration_request()
        return [replace(one, attributes=tuple(replace(each, reserved=1) for each in one.attributes)) for one in found]
