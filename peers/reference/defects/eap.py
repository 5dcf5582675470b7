"""Defects of EAP in IKE_AUTH (RFC 7296, section 2.16)."""

from collections.abc import Sequence

from conformance.ike.core.connection import Credential, Psk
from conformance.ike.ikesa import IkeSa
from conformance.wire import AUTH, AuthMethod, Message, Payload
from peers.reference.defects.registry import defect


@defect("eap-order")
class ChildSaBeforeTheEnd(IkeSa):
    """Sends the Child SA together with its first question."""

    def first_round(self, message: Message) -> Sequence[Payload]:
        return [*super().first_round(message), *self.first_child_response(message)]


@defect("eap-mschapv2")
class OwnKeyInsteadOfMsk(IkeSa):
    """Computes AUTH with SK_pi and SK_pr although the method has made a key."""

    def credential_of_eap(self, configured: Credential, of_initiator: bool) -> Credential:
        found = super().credential_of_eap(configured, of_initiator)
        assert self.keys is not None
        return Psk(self.keys.sk_pi if of_initiator else self.keys.sk_pr) if found is not configured else found


@defect("eap-md5", "eap-gtc")
class EmptyKeyWithoutMsk(IkeSa):
    """Computes AUTH with an empty key where the method has made none."""

    def credential_of_eap(self, configured: Credential, of_initiator: bool) -> Credential:
        found = super().credential_of_eap(configured, of_initiator)
        return Psk(b"") if found is not configured and self.eap is not None and self.eap.msk is None else found


@defect("eap-initiator")
class ProofBesideEap(IkeSa):
    """Says that it wants EAP by an AUTH payload without any proof."""

    def own_proof(self) -> list[Payload]:
        found = super().own_proof()
        return found or [self.shared_key_proof()]

    def shared_key_proof(self) -> Payload:
        return AUTH(AuthMethod.SHARED_KEY_MIC, bytes(32))
