"""Defects that concern which signatures and keys are used (RFC 8247, section 3; RFC 7427; RFC 8420)."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from conformance.crypto.sigalg import SignatureAlgorithm
from conformance.ike.core.connection import PublicKey
from conformance.ike.core.events import Violation
from conformance.ike.ikesa import IkeSa
from conformance.wire import AUTH, AuthMethod, HashAlgorithm
from peers.reference.defects.certificates_names import both
from peers.reference.defects.registry import defect


@defect(*both("signature-sha1", "signature-ecdsa-sha1", "signature-pss-sha1"))
class TakesSha1(IkeSa):
    """Takes signatures with SHA-1 under the method Digital Signature."""

    def check_algorithm(self, algorithm: SignatureAlgorithm) -> None:
        return None


@defect(*both("hashes"))
class AnnouncesSha1(IkeSa):
    """Says that it takes signatures with SHA-1."""

    def signature_hashes(self) -> tuple[HashAlgorithm, ...]:
        return (*super().signature_hashes(), HashAlgorithm.SHA1)


@defect(*both("hashes-identity"))
class AnnouncesNoIdentity(IkeSa):
    """Verifies Ed25519, and does not say so."""

    def signature_hashes(self) -> tuple[HashAlgorithm, ...]:
        return tuple(one for one in super().signature_hashes() if one != HashAlgorithm.IDENTITY)


@defect(*both("hashes-sha1-only"))
class SignsWithSha1(IkeSa):
    """Signs with SHA-1 where nothing else is announced."""

    def signature_hash(self, auth: PublicKey) -> HashAlgorithm:
        alone = self.peer_hashes == (HashAlgorithm.SHA1,)
        return HashAlgorithm.SHA1 if alone else super().signature_hash(auth)


class _Renamed(IkeSa):
    """Names the algorithm of its signature in another form."""

    def signature(self, auth: PublicKey, method: AuthMethod, octets: bytes, digest: HashAlgorithm | None) -> bytes:
        data = super().signature(auth, method, octets, digest)
        if method != AuthMethod.DIGITAL_SIGNATURE:
            return data
        name = self.renamed(data[1 : 1 + data[0]])
        return bytes((len(name),)) + name + data[1 + data[0] :]

    def renamed(self, name: bytes) -> bytes:
        """The AlgorithmIdentifier in that form."""
        raise NotImplementedError


@defect(*both("signature-form"))
class OmitsNull(_Renamed):
    """Leaves out the parameters of RSA."""

    def renamed(self, name: bytes) -> bytes:
        return bytes((name[0], name[1] - 2)) + name[2:].removesuffix(b"\x05\x00") if name[-2:] == b"\5\0" else name


@defect(*both("signature-ecdsa-form"))
class AddsNull(_Renamed):
    """Gives ECDSA parameters of NULL."""

    def renamed(self, name: bytes) -> bytes:
        return bytes((name[0], name[1] + 2)) + name[2:] + b"\x05\x00"


@defect(*both("key-rsa-3072", "key-rsa-4096"))
class ShortKeysOnly(IkeSa):
    """Verifies with RSA keys of 2048 bits and no others."""

    def check_size(self, key: PublicKeyTypes) -> None:
        super().check_size(key)
        if isinstance(key, rsa.RSAPublicKey) and key.key_size > 2048:
            raise Violation("an RSA key that is too long")


@defect(*both("key-rsa-1024"))
class TakesShortKeys(IkeSa):
    """Takes RSA keys of any size."""

    def check_size(self, key: PublicKeyTypes) -> None:
        return None


@defect(*both("key-dsa"))
class TakesDss(IkeSa):
    """Knows the method DSS Digital Signature."""

    def check_signature(self, key: PublicKeyTypes, auth: AUTH, octets: bytes) -> None:
        if not isinstance(key, dsa.DSAPublicKey) or auth.method != AuthMethod.DSS_SIGNATURE:
            return super().check_signature(key, auth, octets)
        r, s = (int.from_bytes(part, "big") for part in (auth.data[:20], auth.data[20:]))
        try:
            key.verify(encode_dss_signature(r, s), octets, hashes.SHA1())
        except InvalidSignature:
            raise Violation("the signature is not accepted") from None
