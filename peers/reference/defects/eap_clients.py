"""Defects of a gateway that has not heard of the clients that come with operating systems."""

from collections.abc import Sequence

from conformance.ike.core.events import Refusal
from conformance.ike.ikesa import IkeSa
from conformance.wire import CP, CfgAttribute, Message, NotifyType, Payload
from peers.reference.defects.registry import defect


@defect("eap-client-windows", "eap-client-apple")
class WantsNobodyWhoMoves(IkeSa):
    """Refuses whoever says that it speaks MOBIKE."""

    def first_round(self, message: Message) -> Sequence[Payload]:
        if message.notify(NotifyType.MOBIKE_SUPPORTED) is not None:
            raise Refusal(NotifyType.INVALID_SYNTAX, "MOBIKE", fatal=True)
        return super().first_round(message)


@defect("eap-client-apple", "eap-client-android")
class ServesWhatItIsAskedFor(IkeSa):
    """Assigns no address where it does not have all that is asked for."""

    def first_child_response(self, message: Message) -> list[Payload]:
        payload = message.first(CP)
        lacking = (CfgAttribute.INTERNAL_IP4_NETMASK, CfgAttribute.INTERNAL_DNS_DOMAIN)
        if payload is not None and any(one.type in lacking for one in payload.attributes):
            raise Refusal(NotifyType.INTERNAL_ADDRESS_FAILURE, "an attribute that it has nothing for")
        return super().first_child_response(message)
