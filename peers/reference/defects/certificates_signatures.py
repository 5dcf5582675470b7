"""Defects of the verification of signatures (RFC 8017, sections 8 and 9; FIPS 186-5, section 6.4)."""

import re
from hashlib import sha1, sha256, sha384

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from conformance.ike.core.events import Violation
from conformance.ike.ikesa import IkeSa
from conformance.wire import AUTH, AuthMethod, IDi, IDr, Message
from peers.reference.defects.certificates_names import both
from peers.reference.defects.registry import defect

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

_PSS = bytes.fromhex("2a864886f70d01010a")
_SALT = re.compile(rb"\xa2[\x03-\x06]\x02[\x01-\x04](.{1,4})", re.DOTALL)
_MEMORY = 1 << 20

_OF_DIGEST, _DIGEST_INFO = 19, 51
"""Octets of a DigestInfo of SHA-256 before its digest, and in all."""


def signature_of(auth: AUTH) -> bytes:
    """The signature behind the name of the algorithm."""
    return auth.data[1 + auth.data[0] :]


def right(key: PublicKeyTypes, signature: bytes, octets: bytes) -> bool:
    """True for a signature with ECDSA and SHA-256."""
    assert isinstance(key, ec.EllipticCurvePublicKey)
    try:
        key.verify(signature, octets, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


class AlsoTakes(IkeSa):
    """Takes signatures for one more reason."""

    def check_signature(self, key: PublicKeyTypes, auth: AUTH, octets: bytes) -> None:
        try:
            super().check_signature(key, auth, octets)
        except Violation:
            if not self.also(key, signature_of(auth), octets):
                raise

    def also(self, key: PublicKeyTypes, signature: bytes, octets: bytes) -> bool:
        """The further reason."""
        raise NotImplementedError


@defect(
    *both(
        "signature-garbage-behind", "signature-garbage-inside", "signature-no-digest-info", "signature-block-type",
        "signature-filling", "signature-other-digest-info", "signature-sha1-inside", "signature-long",
        "signature-pss-named-rsa",
    )
)  # fmt: skip
class FindsDigestAnywhere(AlsoTakes):
    """Looks for the digest anywhere in the encoded message, and reads no more octets than the modulus has."""

    def also(self, key: PublicKeyTypes, signature: bytes, octets: bytes) -> bool:
        if not isinstance(key, rsa.RSAPublicKey):
            return False
        size, numbers = key.key_size // 8, key.public_numbers()
        block = pow(int.from_bytes(signature[:size], "big"), numbers.e, numbers.n).to_bytes(size, "big")
        digests = (sha256(octets).digest(), sha384(octets).digest(), sha1(octets, usedforsecurity=False).digest())
        return any(one in block for one in digests)


@defect(*both("signature-digest-short", "signature-digest-none"))
class ComparesDigestsAsFarAsTheyGo(AlsoTakes):
    """Takes the length of the digest from where it stands in the signature, and compares no more."""

    def also(self, key: PublicKeyTypes, signature: bytes, octets: bytes) -> bool:
        if not isinstance(key, rsa.RSAPublicKey):
            return False
        size, numbers = key.key_size // 8, key.public_numbers()
        block = pow(int.from_bytes(signature[:size], "big"), numbers.e, numbers.n).to_bytes(size, "big")
        info = block[block.index(b"\0", 2) + 1 :]
        return len(info) < _DIGEST_INFO and sha256(octets).digest().startswith(info[_OF_DIGEST:])


@defect(*both("signature-one", "signature-absent"))
class SmallNumbersAreSignatures(AlsoTakes):
    """Takes nothing, and the number 1, for a signature of everybody."""

    def also(self, key: PublicKeyTypes, signature: bytes, octets: bytes) -> bool:
        return int.from_bytes(signature, "big") < 2


@defect(*both("signature-zero"))
class ZeroIsASignature(AlsoTakes):
    """Takes zeros for a signature of everybody."""

    def also(self, key: PublicKeyTypes, signature: bytes, octets: bytes) -> bool:
        return signature != b"" and int.from_bytes(signature, "big") == self.zero(key)

    def zero(self, key: PublicKeyTypes) -> int:
        """The number that it takes."""
        return 0


@defect(*both("signature-zero"))
class ModulusIsASignature(ZeroIsASignature):
    """Takes the modulus for a signature of everybody."""

    def zero(self, key: PublicKeyTypes) -> int:
        return key.public_numbers().n if isinstance(key, rsa.RSAPublicKey) else -1


@defect(*both("signature-leading-zero"))
class SignaturesWithoutZeros(IkeSa):
    """Reads a signature as a number, and wants it as long as the modulus afterwards."""

    def check_signature(self, key: PublicKeyTypes, auth: AUTH, octets: bytes) -> None:
        if isinstance(key, rsa.RSAPublicKey) and signature_of(auth)[:1] == b"\0":
            raise Violation("the signature is too short")
        super().check_signature(key, auth, octets)


@defect(*both("signature-names"))
class TrustsSalt(IkeSa):
    """Makes room for the salt that a name of RSASSA-PSS tells of, before anything else, and dies where it has none."""

    def check_signature(self, key: PublicKeyTypes, auth: AUTH, octets: bytes) -> None:
        name = auth.data[1:][: auth.data[0]] if auth.data else b""
        if _PSS in name and _salt(name) > _MEMORY:
            raise MemoryError("no room for the salt")
        super().check_signature(key, auth, octets)


@defect(*both("path-names"))
class TrustsSaltOfIssuer(IkeSa):
    """The same with the signatures of certificates."""

    def peer_public_key(self, identity: IDi | IDr, message: Message) -> PublicKeyTypes:
        for one in self.shown_certificates(message):
            if _PSS in one and _salt(one) > _MEMORY:
                raise MemoryError("no room for the salt")
        return super().peer_public_key(identity, message)


def _salt(octets: bytes) -> int:
    """Where a salt of RSASSA-PSS is told of, the first one; 0: nowhere."""
    found = _SALT.search(octets)
    return int.from_bytes(found[1], "big", signed=True) if found else 0


@defect(*both("signature-salt-short", "signature-salt-none", "signature-salt-long"))
class SaltOfAnySize(AlsoTakes):
    """Finds out by itself how long the salt is."""

    def also(self, key: PublicKeyTypes, signature: bytes, octets: bytes) -> bool:
        if not isinstance(key, rsa.RSAPublicKey):
            return False
        scheme = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
        try:
            key.verify(signature, octets, scheme, hashes.SHA256())
        except InvalidSignature:
            return False
        return True


@defect(*both("signature-r-zero", "signature-s-zero", "signature-order", "signature-r-high", "signature-s-high"))
class NumbersOutOfRange(AlsoTakes):
    """Computes with r and s whatever they are."""

    def also(self, key: PublicKeyTypes, signature: bytes, octets: bytes) -> bool:
        r, s = (one % _ORDER for one in decode_dss_signature(signature))
        return not r or not s or right(key, encode_dss_signature(r, s), octets)


@defect(*both("signature-r-negative"))
class NegativeNumbers(AlsoTakes):
    """Computes with r and s as signed numbers, and with what is left of them by the order of the curve."""

    def also(self, key: PublicKeyTypes, signature: bytes, octets: bytes) -> bool:
        at, found = 2, []
        while at < len(signature):
            end = at + 2 + signature[at + 1]
            found.append(int.from_bytes(signature[at + 2 : end], "big", signed=True) % _ORDER)
            at = end
        return right(key, encode_dss_signature(*found), octets)


@defect(*both("signature-swapped"))
class OrderOfNumbers(AlsoTakes):
    """Tries r and s in both orders."""

    def also(self, key: PublicKeyTypes, signature: bytes, octets: bytes) -> bool:
        r, s = decode_dss_signature(signature)
        return right(key, encode_dss_signature(s, r), octets)


@defect(*both("signature-ecdsa-short"))
class NumbersOfFullSize(IkeSa):
    """Wants as many octets of DER for r and s as the order of the curve has."""

    def check_signature(self, key: PublicKeyTypes, auth: AUTH, octets: bytes) -> None:
        if auth.method == AuthMethod.DIGITAL_SIGNATURE and isinstance(key, ec.EllipticCurvePublicKey):
            identifier = 1 + auth.data[0]
            if min(decode_dss_signature(auth.data[identifier:])) >> 248 == 0:
                raise Violation("r or s is too short")
        super().check_signature(key, auth, octets)


@defect(*both("signature-ecdsa-padded"))
class NumbersWithoutZeros(IkeSa):
    """Cuts zeros off the signature of method 9 and halves what is left."""

    def check_signature(self, key: PublicKeyTypes, auth: AUTH, octets: bytes) -> None:
        if auth.method == AuthMethod.ECDSA_256:
            size = len(auth.data) // 2
            numbers = (auth.data[:size].lstrip(b"\0"), auth.data[size:].lstrip(b"\0"))
            auth = AUTH(auth.method, b"".join(numbers))
        super().check_signature(key, auth, octets)
