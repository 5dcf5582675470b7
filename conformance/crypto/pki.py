"""A maker of test PKIs: authorities, intermediates and end-entity certificates, right or wrong on purpose."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from conformance.crypto.errors import UnsupportedAlgorithm

NOT_BEFORE = datetime(2020, 1, 1, tzinfo=UTC)
NOT_AFTER = datetime(2049, 12, 31, tzinfo=UTC)
KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
)
_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "ecdsa": ec.SECP256R1,
    "ecdsa256": ec.SECP256R1,
    "ecdsa384": ec.SECP384R1,
    "ecdsa521": ec.SECP521R1,
}
_RSA_BITS = {"rsa": 2048, "rsa2048": 2048, "rsa3072": 3072, "rsa4096": 4096}

Key = CertificateIssuerPrivateKeyTypes
Extension = x509.Extension[x509.ExtensionType]


def new_key(kind: str) -> Key:
    """A new private key: ``rsa`` (2048), ``rsa3072``, ``rsa4096``, ``ecdsa`` (P-256), ``ecdsa384``, ``ecdsa521``,
    ``ed25519`` or ``ed448``. Raises UnsupportedAlgorithm for another kind.
    """
    if kind in _CURVES:
        return ec.generate_private_key(_CURVES[kind]())
    if kind in _RSA_BITS:
        return rsa.generate_private_key(65537, _RSA_BITS[kind])
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind == "ed448":
        return ed448.Ed448PrivateKey.generate()
    raise UnsupportedAlgorithm(f"key of kind {kind!r}")


@lru_cache(maxsize=64)
def cached_key(kind: str, name: str) -> Key:
    """The key that this process has for a name; RSA keys take long to make."""
    return new_key(kind)


def key_info(key: Key) -> bytes:
    """The SubjectPublicKeyInfo of a key, DER."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _pem(key: Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate with its private key. ``chain`` is the certificate and the intermediates above it, no root."""

    key: Key = field(repr=False)
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]

    @property
    def key_pem(self) -> bytes:
        """The private key, PKCS#8 without a password."""
        return _pem(self.key)

    @property
    def certificate_pem(self) -> bytes:
        """The certificate alone."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def chain_pem(self) -> bytes:
        """The certificate and its intermediates."""
        return b"".join(one.public_bytes(Encoding.PEM) for one in self.chain)


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority, a root or an intermediate. ``chain`` is empty for a root."""

    name: str
    key: Key = field(repr=False)
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()

    @classmethod
    def create(
        cls,
        name: str,
        kind: str = "ecdsa",
        not_before: datetime = NOT_BEFORE,
        not_after: datetime = NOT_AFTER,
        issuer: "Authority | None" = None,
        *,
        path_length: int | None = None,
        key: Key | None = None,
        extensions: Sequence[Extension] = (),
        without: Collection[x509.ObjectIdentifier] = (),
    ) -> "Authority":
        """Make a root, or under ``issuer`` an intermediate.

        ``name`` becomes the common name, or is a whole DN where it has a ``=`` (``C=CH,O=ikespec,CN=root``). Keys are
        kept by kind and name for this process; for a second authority of the same name give a ``key`` of its own.
        ``extensions`` take the place of those of the same type or stand beside the others, those ``without`` are left
        out.
        """
        own = key or cached_key(kind, name)
        usages = ("key_cert_sign", "crl_sign")
        changes = tuple(extensions), tuple(without)
        request = _Request(name, own, not_before, not_after, True, path_length, usages, (), (), *changes)
        certificate = _certify(request, issuer)
        return cls(name, own, certificate, (certificate, *issuer.chain) if issuer else ())

    def issue(
        self,
        name: str,
        kind: str = "ecdsa",
        sans: Sequence[str | x509.GeneralName] = (),
        not_before: datetime = NOT_BEFORE,
        not_after: datetime = NOT_AFTER,
        ca: bool = False,
        key_usage: Collection[str] | None = ("digital_signature",),
        *,
        extended_key_usage: Sequence[x509.ObjectIdentifier] = (),
        critical: Sequence[x509.ExtensionType] = (),
        key: Key | None = None,
        extensions: Sequence[Extension] = (),
        without: Collection[x509.ObjectIdentifier] = (),
        serial: int | None = None,
    ) -> Leaf:
        """Issue an end-entity certificate.

        ``sans`` are addresses, mail addresses and domain names, told apart by their look, or general names.
        ``key_usage`` are names of `KEY_USAGES`, None leaves the extension out. ``critical`` are further extensions
        that are marked critical. Keys are kept, and ``extensions`` and ``without`` mean the same, as in `create`.
        Without ``serial`` the content decides about the serial number.
        """
        own = key or cached_key(kind, name)
        names = tuple(_general_name(one) if isinstance(one, str) else one for one in sans)
        changes = (*extensions, *(x509.Extension(one.oid, True, one) for one in critical)), tuple(without)
        request = _Request(
            name, own, not_before, not_after, ca, None, key_usage, names, tuple(extended_key_usage), *changes
        )
        certificate = _certify(request, self, serial)
        return Leaf(own, certificate, (certificate, *self.chain))

    @property
    def key_pem(self) -> bytes:
        """The private key, PKCS#8 without a password."""
        return _pem(self.key)

    @property
    def certificate_pem(self) -> bytes:
        """The certificate of the authority alone."""
        return self.certificate.public_bytes(Encoding.PEM)


@dataclass(frozen=True, slots=True)
class _Request:
    name: str
    key: Key
    not_before: datetime
    not_after: datetime
    ca: bool
    path_length: int | None
    key_usage: Collection[str] | None
    sans: tuple[x509.GeneralName, ...] = ()
    extended_key_usage: tuple[x509.ObjectIdentifier, ...] = ()
    extensions: tuple[Extension, ...] = ()
    without: tuple[x509.ObjectIdentifier, ...] = ()


def distinguished_name(text: str) -> x509.Name:
    """A DN from its text (RFC 4514), or from a bare common name; nothing is the empty DN."""
    if "=" in text or not text:
        return x509.Name.from_rfc4514_string(text)
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.RFC822Name(text) if "@" in text else x509.DNSName(text)


def _serial(request: _Request, issuer: x509.Name, issuer_key: Key) -> int:
    """A serial number that the content decides: the same request makes the same certificate number."""
    content = repr([getattr(request, one.name) for one in fields(request) if one.name != "key"]).encode()
    octets = issuer.public_bytes() + key_info(issuer_key) + key_info(request.key) + content
    return int.from_bytes(sha256(octets).digest()[:15], "big") | 1


def digest_for(key: Key) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None:
    """The hash with which a key signs certificates, None where it has one of its own."""
    if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size > 256:
        return hashes.SHA384() if key.curve.key_size == 384 else hashes.SHA512()
    return hashes.SHA256()


def _certify(request: _Request, issuer: Authority | None, serial: int | None = None) -> x509.Certificate:
    subject = distinguished_name(request.name)
    issuer_name = issuer.certificate.subject if issuer else subject
    issuer_key = issuer.key if issuer else request.key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(request.key.public_key())
        .serial_number(serial or _serial(request, issuer_name, issuer_key))
        .not_valid_before(request.not_before)
        .not_valid_after(request.not_after)
    )
    for extension in _extensions(request, issuer_key):
        builder = builder.add_extension(extension.value, critical=extension.critical)
    # Made again it is the same to the octet: two certificates with one number are against RFC 5280, 4.1.2.2.
    same = True if isinstance(issuer_key, ec.EllipticCurvePrivateKey) else None
    return builder.sign(issuer_key, digest_for(issuer_key), ecdsa_deterministic=same)


def _extensions(request: _Request, issuer_key: Key) -> list[Extension]:
    found: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=request.ca, path_length=request.path_length), True),
        (x509.SubjectKeyIdentifier.from_public_key(request.key.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False),
    ]
    if request.key_usage is not None:
        usage = {one: one in request.key_usage for one in KEY_USAGES}
        found.append((x509.KeyUsage(**usage, encipher_only=False, decipher_only=False), True))
    if request.sans:
        found.append((x509.SubjectAlternativeName(request.sans), False))
    if request.extended_key_usage:
        found.append((x509.ExtendedKeyUsage(request.extended_key_usage), False))
    replaced = {one.oid for one in request.extensions} | set(request.without)
    kept = [x509.Extension(one.oid, critical, one) for one, critical in found if one.oid not in replaced]
    return [*kept, *request.extensions]
