"""Raw public keys, which both sides have agreed on before, in place of certificates (RFC 7670)."""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_public_key

from conformance.ike.core.connection import Credential, PublicKey
from conformance.ike.core.events import Violation
from conformance.ike.core.spine import Spine
from conformance.wire import CERT, CERTREQ, CertEncoding, IDi, IDr, Message

RAW = CertEncoding.RAW_PUBLIC_KEY


class RawPublicKeys(Spine):
    """CERT and CERTREQ payloads of encoding 15 (RFC 7670, section 3)."""

    def certificate_requests(self) -> list[CERTREQ]:
        """No authority stands above a raw key, so none is named."""
        wanted = [CERTREQ(RAW, b"")] if _raw(self.connection.remote.auth) is not None else []
        return [*super().certificate_requests(), *wanted]

    def own_certificates(self) -> list[CERT]:
        """Our key instead of a chain."""
        own = _raw(self.own_party().auth)
        return super().own_certificates() if own is None else [CERT(RAW, own)]

    def peer_public_key(self, identity: IDi | IDr, message: Message) -> PublicKeyTypes:
        """The key that we have agreed on; where the peer shows one, the first must be that."""
        known = _raw(self.peer_party().auth)
        if known is None:
            return super().peer_public_key(identity, message)
        shown = self.shown_keys(message)
        if shown and shown[0] != known:
            raise Violation("the raw public key is not the one that we have agreed on")
        return self.load_key(known)

    def shown_keys(self, message: Message) -> list[bytes]:
        """The raw keys in a message."""
        return [one.data for one in message.all(CERT) if one.encoding == RAW]

    def load_key(self, info: bytes) -> PublicKeyTypes:
        """The key of a SubjectPublicKeyInfo. Raises Violation."""
        try:
            return load_der_public_key(info)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise Violation(f"no public key that can be used: {error}") from None


def _raw(auth: Credential) -> bytes | None:
    return auth.raw if isinstance(auth, PublicKey) else None
