"""Defects of a server of EAP that knows its peers by IKE."""

from collections.abc import Sequence

from conformance.ike.core.events import Refusal
from conformance.ike.ikesa import IkeSa
from conformance.wire import IDi, IdType, Message, NotifyType, Payload
from peers.reference.defects.registry import defect


@defect("eap-id-ipv4", "eap-id-ipv6", "eap-id-key-id", "eap-id-dn", "eap-client-windows", "eap-client-android")
class EapByDomainNamesOnly(IkeSa):
    """Has EAP for peers only that are called by a domain name in IKE."""

    def first_round(self, message: Message) -> Sequence[Payload]:
        identity = message.first(IDi)
        if identity is not None and identity.id_type != IdType.FQDN:
            raise Refusal(NotifyType.AUTHENTICATION_FAILED, "no domain name", fatal=True)
        return super().first_round(message)
