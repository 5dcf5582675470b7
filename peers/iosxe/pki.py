"""Certificates for a router: our authority pasted in PEM, its own certificate and key as PKCS #12 in base 64."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, pkcs12

from conformance.crypto.dn import ANY
from conformance.ike.core.connection import Connection, Party, PublicKey
from conformance.wire import AuthMethod
from peers.capabilities import Capability
from peers.contract import Unsupported
from peers.iosxe.algorithms import unsupported

OWN = "-OWN"
AUTHORITY = "-CA"
_PASSPHRASE = "ikespec-import"
"""Protects a key between us and the router, where SSH protects it already."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A command that asks for text: each of ``texts`` is ended by ``quit``; ``success`` is what it says then."""

    command: str
    texts: tuple[str, ...] = field(repr=False)
    success: str


@dataclass(frozen=True, slots=True)
class Trustpoint:
    """A trustpoint: the lines that make it, and the dialogue that fills it."""

    name: str
    lines: tuple[str, ...]
    dialogue: Dialogue


def method_of(auth: PublicKey) -> str:
    """``rsa-sig`` or ``ecdsa-sig``. Raises Unsupported for another key, and for a signature that has to be PSS."""
    if auth.pss or auth.method == AuthMethod.DIGITAL_SIGNATURE:
        raise Unsupported(Capability.RSA_PSS if auth.pss else Capability.RFC7427, "iosxe")
    key = auth.chain[0].public_key() if auth.chain else None
    if isinstance(key, rsa.RSAPublicKey):
        return "rsa-sig"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "ecdsa-sig"
    raise unsupported(f"it signs with RSA and ECDSA, not with {type(key).__name__}")


def subject_match(party: Party) -> str:
    """The line of a certificate map for a peer whose identity is the subject of its certificate."""
    auth = party.auth
    subject = auth.chain[0].subject if isinstance(auth, PublicKey) and auth.chain else None
    if subject is None or subject.public_bytes() != party.identity.data:
        raise unsupported("a distinguished name must be the subject of a certificate that is known")
    # IOS compares in lower case, with the attributes in the order of the certificate.
    words = ", ".join(f"{one.rfc4514_attribute_name}={one.value!s}" for one in subject).lower()
    if not words.isascii() or not words.isprintable() or "?" in words:
        raise unsupported("no certificate map can hold this distinguished name")
    return f"subject-name eq {words}"


def parts_match(wanted: Sequence[tuple[str, str]]) -> Iterator[str]:
    """The lines of a certificate map for whoever has these attributes in the subject; all must hold."""
    for attribute, value in wanted:
        if value != ANY:
            text = f"{attribute}={value}".lower()
            if not text.isascii() or not text.isprintable() or "?" in text:
                raise unsupported("no certificate map can hold these attributes")
            yield f"subject-name co {text}"


def trustpoints(wanted: Connection, prefix: str) -> Iterator[Trustpoint]:
    """Those that a connection needs: the peer's authorities, and what the router shows of itself."""
    if isinstance(wanted.remote.auth, PublicKey):
        for number, authority in enumerate(wanted.trust, 1):
            yield _authority(f"{prefix}{AUTHORITY}{number}", authority)
    if isinstance(wanted.local.auth, PublicKey):
        yield _own(f"{prefix}{OWN}", wanted.local.auth, wanted.trust)


def _authority(name: str, certificate: x509.Certificate) -> Trustpoint:
    pem = certificate.public_bytes(Encoding.PEM).decode().strip()
    return Trustpoint(
        name,
        ("enrollment terminal pem", "revocation-check none"),
        Dialogue(f"crypto pki authenticate {name}", (pem,), "certificate accepted"),
    )


def _own(name: str, auth: PublicKey, trust: tuple[x509.Certificate, ...]) -> Trustpoint:
    if auth.key is None or not auth.chain:
        raise unsupported("the router's own private key is not known")
    assert isinstance(auth.key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    # What every release reads: the older kinds of encryption and of MAC.
    sealed = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(2048)
        .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(SHA1())
        .build(_PASSPHRASE.encode())
    )
    # A router takes a certificate only with the authority above it.
    above = [*auth.chain[1:], *(one for one in trust if one.subject == auth.chain[-1].issuer)]
    data = pkcs12.serialize_key_and_certificates(name.encode(), auth.key, auth.chain[0], above or None, sealed)
    text = base64.encodebytes(data).decode().strip()
    command = f"crypto pki import {name} pkcs12 terminal password {_PASSPHRASE}"
    return Trustpoint(name, ("revocation-check none",), Dialogue(command, (text,), "success"))
