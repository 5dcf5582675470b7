"""Defects of IKE_AUTH: proofs and identities."""

from collections.abc import Sequence
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from conformance.crypto.dn import read
from conformance.ike.core.connection import Party, Psk
from conformance.ike.ikesa import IkeSa
from conformance.net.link import NON_ESP_MARKER
from conformance.wire import (
    AUTH,
    IDi,
    IdType,
    Message,
    NotifyType,
    Payload,
    TSr,
    UnknownPayload,
    VendorID,
    decode_message,
    encode_message,
)
from conformance.wire.payloads import IDr
from peers.reference.defects.registry import defect
from peers.reference.variants.answers import Lingers


@defect("auth-psk")
class AuthOverOwnNonce(IkeSa):
    """Signs its own nonce instead of the peer's."""

    def signed_octets(self, identity: IDi | IDr) -> bytes:
        if isinstance(identity, IDi):
            return super().signed_octets(identity)
        kept, self.nonce_i = self.nonce_i, self.nonce_r
        octets = super().signed_octets(identity)
        self.nonce_i = kept
        return octets


@defect(
    "auth-psk-wrong",
    "auth-psk-bit",
    "auth-responder-psk-bit",
    "auth-wrong-nonce",
    "auth-init-tampered",
    "auth-replayed",
    "auth-method-unknown",
    "auth-method-mismatch",
    "auth-signature-wrong",
    "auth-signature-other-hash",
    "auth-signature-identifier",
    "auth-certificate-other-key",
    "auth-wrong-responder-auth",
    "auth-responder-init-tampered",
    "auth-responder-signature-wrong",
    "auth-signature-zero",
    "auth-reflected",
    "sweep-auth-methods-auth",
    "sweep-auth-methods-auth-whole",
)
class AcceptsWrongAuth(IkeSa):
    """Takes every AUTH payload as proof."""

    def check_shared_key(self, expected: Psk, auth: AUTH, octets: bytes) -> None:
        pass

    def check_signature(self, key: PublicKeyTypes, auth: AUTH, octets: bytes) -> None:
        pass


@defect("auth-psk-bit", "auth-responder-psk-bit")
class ComparesWhatIsThere(IkeSa):
    """Compares as many octets of the MIC as the peer has sent."""

    def mic_is_valid(self, received: bytes, computed: bytes) -> bool:
        return computed.startswith(received)


@defect("auth-method-mismatch", "sweep-auth-methods-auth", "sweep-auth-methods-auth-whole")
class IgnoresAuthMethod(IkeSa):
    """Checks the MIC whatever the method says."""

    def check_shared_key(self, expected: Psk, auth: AUTH, octets: bytes) -> None:
        super().check_shared_key(expected, AUTH(type(auth.method)(2), auth.data), octets)


@defect("auth-prf")
class ShortIdentityKey(IkeSa):
    """Uses 32 octets of SK_pi and SK_pr whatever the PRF is."""

    def signed_octets(self, identity: IDi | IDr) -> bytes:
        assert self.keys is not None
        whole = self.keys
        self.keys = replace(whole, sk_pi=whole.sk_pi[:32], sk_pr=whole.sk_pr[:32])
        octets = super().signed_octets(identity)
        self.keys = whole
        return octets


@defect("auth-response-format", "auth-request-format")
class ReservedIdNotZero(IkeSa):
    """Leaves what was in memory in the reserved octets of its identity."""

    def own_identity(self) -> IDi | IDr:
        return replace(super().own_identity(), reserved2=0x2A)


@defect("auth-missing")
class MissingAuthAccepted(IkeSa):
    """Takes a request without AUTH as authenticated."""

    def check_peer(self, identity: IDi | IDr, message: Message) -> None:
        if message.first(AUTH) is not None:
            super().check_peer(identity, message)


@defect("auth-without-id")
class AuthIgnoresId(IkeSa):
    """Leaves the identity out of what is signed."""

    def signed_octets(self, identity: IDi | IDr) -> bytes:
        octets = super().signed_octets(identity)
        assert self.keys is not None
        return octets[: -self.keys.suite.prf_function.output_size]


@defect("auth-init-verbatim", "auth-responder-init-verbatim")
class AuthOverReencoded(IkeSa):
    """Signs what it has understood of the peer's IKE_SA_INIT message in place of the octets."""

    def signed_octets(self, identity: IDi | IDr) -> bytes:
        request, response = self.init_request_raw, self.init_response_raw
        if self.initiator:
            self.init_response_raw = understood(response)
        else:
            self.init_request_raw = understood(request)
        octets = super().signed_octets(identity)
        self.init_request_raw, self.init_response_raw = request, response
        return octets


def understood(raw: bytes) -> bytes:
    """The message without Vendor IDs and unknown payloads."""
    message = decode_message(raw)
    known = [one for one in message.payloads if not isinstance(one, UnknownPayload | VendorID)]
    return encode_message(replace(message, payloads=tuple(known)))


@defect("auth-port-4500")
class SignsMarker(IkeSa):
    """Takes the non-ESP marker of port 4500 for a part of what is signed."""

    def signed_octets(self, identity: IDi | IDr) -> bytes:
        floated = self.local.port == self.connection.local_ports[1]
        return (NON_ESP_MARKER if floated else b"") + super().signed_octets(identity)


@defect("auth-psk-64", "auth-psk-65", "auth-psk-129")
class PskTruncated(IkeSa):
    """Uses the first 32 octets of a shared key."""

    def shared_key_mic(self, secret: bytes, octets: bytes) -> bytes:
        return super().shared_key_mic(secret[:32], octets)


@defect("auth-psk-octets")
class PskEndsAtZero(IkeSa):
    """Takes a shared key for a C string."""

    def shared_key_mic(self, secret: bytes, octets: bytes) -> bytes:
        return super().shared_key_mic(secret.split(b"\0")[0], octets)


@defect("auth-unknown-identity", "auth-wrong-responder-id")
class AcceptsAnyIdentity(IkeSa):
    """Does not look at the identity."""

    def identity_matches(self, expected: Party, identity: IDi | IDr) -> bool:
        return True


@defect("auth-id-email", "auth-id-key-id", "auth-id-ipv4", "auth-id-ipv6")
class IdTypeFqdnOnly(IkeSa):
    """Knows domain names only."""

    def identity_matches(self, expected: Party, identity: IDi | IDr) -> bool:
        return identity.id_type == IdType.FQDN and super().identity_matches(expected, identity)


@defect("auth-id-prefix")
class ComparesIdPrefix(IkeSa):
    """Compares as many octets of the identity as the peer has sent."""

    def identity_matches(self, expected: Party, identity: IDi | IDr) -> bool:
        return expected.identity.data.startswith(identity.data)


@defect("auth-id-long", "auth-responder-id-long")
class KnowsBeginOfIdentity(IkeSa):
    """Compares as many octets of the identity as it knows."""

    def identity_matches(self, expected: Party, identity: IDi | IDr) -> bool:
        return identity.data.startswith(expected.identity.data)


@defect("auth-psk-65", "auth-psk-129")
class PskOfOneBlock(IkeSa):
    """Uses as much of a shared key as HMAC takes without hashing it first."""

    def shared_key_mic(self, secret: bytes, octets: bytes) -> bytes:
        return super().shared_key_mic(secret[:64], octets)


@defect("auth-id-type-differs", "auth-id-type-unusual")
class IgnoresIdType(IkeSa):
    """Compares the data of an identity without its type."""

    def identity_matches(self, expected: Party, identity: IDi | IDr) -> bool:
        return bool(expected.identity.data == identity.data)


@defect("auth-id-address-length", "auth-id-no-dn")
class WhoCannotBeReadIsAnybody(IkeSa):
    """Finds its peer in an address of a wrong length, and in a distinguished name that is none."""

    def identity_matches(self, expected: Party, identity: IDi | IDr) -> bool:
        sizes = {IdType.IPV4_ADDR: 4, IdType.IPV6_ADDR: 16}
        strange = len(identity.data) != sizes.get(identity.id_type, len(identity.data))
        if identity.id_type == IdType.DER_ASN1_DN:
            try:
                read(identity.data)
            except ValueError:
                strange = True
        return strange or super().identity_matches(expected, identity)


@defect("auth-id-reserved")
class ZeroesIdReserved(IkeSa):
    """Takes the RESERVED octets of an identity for zero when it computes what is signed."""

    def signed_octets(self, identity: IDi | IDr) -> bytes:
        return super().signed_octets(replace(identity, reserved2=0))


@defect("auth-idr-absent")
class DemandsIdr(IkeSa):
    """Answers only those who ask for its identity."""

    def check_peer(self, identity: IDi | IDr, message: Message) -> None:
        if not self.initiator and message.first(IDr) is None:
            from conformance.ike.core.events import Violation

            raise Violation("no IDr")
        super().check_peer(identity, message)


@defect("auth-idr-other")
class WhoeverYouWant(IkeSa):
    """Answers under the identity that it was asked for."""

    def handle_auth(self, message: Message) -> Sequence[Payload]:
        asked = message.first(IDr)
        return [asked if asked and isinstance(one, IDr) else one for one in super().handle_auth(message)]


@defect("auth-id-dn")
class NamesInExtensionOnly(IkeSa):
    """Knows the identities of certificates that stand in the subject alternative name."""

    def identity_matches(self, expected: Party, identity: IDi | IDr) -> bool:
        return identity.id_type != IdType.DER_ASN1_DN and super().identity_matches(expected, identity)


@defect("auth-responder-auth-missing")
class TrustsSilentResponder(IkeSa):
    """Takes a response without AUTH as that of the responder that it wanted."""

    def on_auth_response(self, message: Message) -> None:
        if message.first(IDr) is not None and message.first(AUTH) is None:
            self.establish()
        else:
            super().on_auth_response(message)


@defect("auth-initiator")
class ForgetsTsr(IkeSa):
    """Asks for a Child SA without saying what it is for on the other side."""

    def auth_request(self) -> Sequence[Payload]:
        return [one for one in super().auth_request() if not isinstance(one, TSr)]


@defect("auth-responder-refuses")
class RefusalIsNoRefusal(IkeSa):
    """Sets the IKE SA up although the responder refuses it."""

    def on_auth_response(self, message: Message) -> None:
        if message.notify(NotifyType.AUTHENTICATION_FAILED) is not None:
            self.establish()
        else:
            super().on_auth_response(message)


@defect("auth-refused-gone")
class KeepsRefused(Lingers):
    """Answers on an IKE SA that it has refused."""
