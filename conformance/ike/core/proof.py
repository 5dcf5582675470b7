"""The proof of identity in IKE_AUTH: what is signed, with what, and whether the peer's is right (RFC 7296, 2.15)."""

from ipaddress import ip_address, ip_network

from conformance.crypto.dn import fits
from conformance.ike.core.connection import Connection, Party, Psk, PublicKey
from conformance.ike.core.events import Violation
from conformance.ike.core.signatures import Signatures
from conformance.wire import AUTH, IDi, IDr, IdType, Message

_KEY_PAD = b"Key Pad for IKEv2"
_ADDRESSES = (IdType.IPV4_ADDR, IdType.IPV6_ADDR)


def identity_body(payload: IDi | IDr) -> bytes:
    """RestOfIDPayload: type, reserved octets and data, as they were on the wire (RFC 7296, section 2.15)."""
    return bytes((payload.id_type,)) + payload.reserved2.to_bytes(3, "big") + payload.data


def same_identity(one: IDi | IDr | None, other: IDi | IDr | None) -> bool:
    """True if both are the same identity, whatever the role of its owner."""
    if one is None or other is None:
        return False
    return (one.id_type, one.data) == (other.id_type, other.data)


class Proof(Signatures):
    """AUTH payloads of both kinds, made and checked. A signature is one of the two, hence the plain dependency."""

    def signed_octets(self, identity: IDi | IDr) -> bytes:
        """InitiatorSignedOctets or ResponderSignedOctets, by whose identity it is (RFC 7296, section 2.15)."""
        assert self.keys is not None
        if isinstance(identity, IDi):
            message, nonce, key = self.init_request_raw, self.nonce_r, self.keys.sk_pi
        else:
            message, nonce, key = self.init_response_raw, self.nonce_i, self.keys.sk_pr
        return message + nonce + self.keys.suite.prf_function(key, identity_body(identity))

    def own_identity(self) -> IDi | IDr:
        """Our identity payload."""
        identity = self.own_party().identity
        return (IDi if self.initiator else IDr)(identity.id_type, identity.data)

    def prove(self, identity: IDi | IDr) -> AUTH:
        """Our AUTH payload."""
        auth = self.own_credential()
        octets = self.signed_octets(identity)
        if isinstance(auth, Psk):
            return AUTH(auth.method, self.shared_key_mic(auth.secret, octets))
        if isinstance(auth, PublicKey):
            return self.sign(auth, octets)
        raise Violation(f"{type(auth).__name__} gives us nothing to prove it with")

    def shared_key_mic(self, secret: bytes, octets: bytes) -> bytes:
        """prf(prf(secret, "Key Pad for IKEv2"), octets) (RFC 7296, section 2.15)."""
        assert self.keys is not None
        prf = self.keys.suite.prf_function
        return prf(prf(secret, _KEY_PAD), octets)

    def check_peer(self, identity: IDi | IDr, message: Message) -> None:
        """Is the peer who it must be? Raises Violation with the reason."""
        expected = self.peer_party()
        if not self.identity_matches(expected, identity):
            raise Violation(f"identity {identity.data!r} is not {expected.identity}")
        auth = message.first(AUTH)
        if auth is None:
            raise Violation("no AUTH payload")
        octets, credential = self.signed_octets(identity), self.peer_credential()
        if isinstance(credential, Psk):
            self.check_shared_key(credential, auth, octets)
        elif isinstance(credential, PublicKey):
            self.check_signature(self.peer_public_key(identity, message), auth, octets)
        else:
            raise Violation(f"{type(credential).__name__} has given the peer nothing to prove it with")
        self.peer_proved = True

    def identity_matches(self, expected: Party, identity: IDi | IDr) -> bool:
        """True if the identity is the configured one, or any will do."""
        if self.connection.any_identity:
            return True
        exact = (identity.id_type, identity.data) == (expected.identity.id_type, expected.identity.data)
        return exact or self.is_among(self.connection, identity)

    def is_among(self, connection: Connection, identity: IDi | IDr) -> bool:
        """Whether a connection for several peers is for this one."""
        if identity.id_type == IdType.FQDN and connection.remote_domain:
            host, domain = identity.data.lower(), f".{connection.remote_domain}".lower().encode()
            return host.endswith(domain) and host != domain
        if identity.id_type in _ADDRESSES and connection.remote_network:
            network = ip_network(connection.remote_network)
            return len(identity.data) == network.max_prefixlen // 8 and ip_address(identity.data) in network
        subject = identity.id_type == IdType.DER_ASN1_DN and bool(connection.remote_subject)
        return subject and fits(identity.data, connection.remote_subject)

    def check_shared_key(self, expected: Psk, auth: AUTH, octets: bytes) -> None:
        """Check a shared key MIC."""
        if auth.method != expected.method:
            raise Violation(f"authentication method {auth.method}, expected {expected.method}")
        if not self.mic_is_valid(auth.data, self.shared_key_mic(expected.secret, octets)):
            raise Violation("the shared key MIC is wrong")

    def mic_is_valid(self, received: bytes, computed: bytes) -> bool:
        """Compare the MICs; constant time does not matter to a test peer."""
        return bool(received == computed)
