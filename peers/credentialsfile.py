"""The tables of a device file that say who is who and with what: identities, secrets, certificates."""

from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from conformance.crypto.pki import distinguished_name
from conformance.crypto.x509 import matches_identity
from conformance.ike.core.connection import Identity, PublicKey
from conformance.wire import IdType
from peers.credentials import DEVICE_NAME, OUR_NAME, SECRET, USUAL, Credentials, kind_of_key
from peers.tomlfile import Table, nearest

_T = TypeVar("_T")
_PREFIXES = {
    "fqdn": IdType.FQDN,
    "email": IdType.RFC822_ADDR,
    "ipv4": IdType.IPV4_ADDR,
    "ipv6": IdType.IPV6_ADDR,
    "dn": IdType.DER_ASN1_DN,
    "keyid": IdType.KEY_ID,
}
KINDS = ("rsa", "ecdsa", "ed25519")


def read_credentials(identities: Table, secrets: Table, certificates: Table) -> Credentials:
    """The credentials of a device file; what it does not say is as the suites have it. Raises TomlError."""
    if not (identities.keys or secrets.keys or certificates.keys):
        return USUAL
    ours = _ours(certificates)
    found = Credentials(
        tester=_identity(identities, "tester", OUR_NAME),
        device=_identity(identities, "device", DEVICE_NAME),
        secret=_secret(secrets) if secrets.keys or ours is not None else SECRET,
        ours=ours,
        trust=_trust(certificates),
        eap_identity=secrets.text("eap_identity") if "eap_identity" in secrets.keys else None,
        eap_secret=secrets.text("eap_password").encode() if "eap_password" in secrets.keys else None,
        any_identity=secrets.flag("any_identity"),
    )
    if found.any_identity and found.secret is None:
        raise secrets.error("any_identity", "there is no shared key for it")
    if found.eap_identity is not None and found.eap_secret is None:
        raise secrets.error("eap_identity", "there is no eap_password for it")
    if ours is not None:
        _check(found, certificates)
    return found


# --- identities -------------------------------------------------------------------------------------------------------


def _identity(table: Table, key: str, usual: str) -> Identity:
    text = table.text(key, usual)
    try:
        return identity_of(text)
    except ValueError as error:
        raise table.error(key, str(error)) from None


def identity_of(text: str) -> Identity:
    """An identity as people write it: an address, a mail address, a domain name, a DN, or after the word for its type.

    ``fqdn:``, ``email:``, ``ipv4:``, ``ipv6:``, ``dn:`` and ``keyid:`` come before text, or before ``0x`` and octets in
    hexadecimal. Raises ValueError.
    """
    prefix, colon, rest = text.partition(":")
    kind = _PREFIXES.get(prefix.lower()) if colon else None
    if kind is None:
        if colon and prefix.isalpha() and not _is_address(text):
            hint = nearest(prefix, _PREFIXES) or f"known: {', '.join(_PREFIXES)}"
            raise ValueError(f'there is no type "{prefix}" of identities; {hint}')
        if "=" in text:
            return Identity(IdType.DER_ASN1_DN, _distinguished(text))
        return Identity.of(text)
    if rest.lower().startswith("0x"):
        try:
            return Identity(kind, bytes.fromhex(rest[2:]))
        except ValueError:
            raise ValueError("expected octets in hexadecimal after 0x") from None
    if kind == IdType.DER_ASN1_DN:
        return Identity(kind, _distinguished(rest))
    if kind in (IdType.IPV4_ADDR, IdType.IPV6_ADDR):
        return _address(kind, rest)
    return Identity(kind, rest.encode())


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _address(kind: IdType, text: str) -> Identity:
    version = 4 if kind == IdType.IPV4_ADDR else 6
    try:
        address = ip_address(text)
    except ValueError:
        address = None
    if address is None or address.version != version:
        raise ValueError(f"expected an IPv{version} address after its type")
    return Identity(kind, address.packed)


def _distinguished(text: str) -> bytes:
    try:
        if "=" in text:
            return distinguished_name(text).public_bytes()
    except ValueError:
        pass
    raise ValueError("expected a distinguished name such as CN=router,O=example")


# --- secrets ----------------------------------------------------------------------------------------------------------


def _secret(table: Table) -> bytes | None:
    """The shared key: text, octets in hexadecimal, or the octets of a file without the end of its last line."""
    given = [key for key in ("psk", "psk_hex", "psk_file") if key in table.keys]
    if len(given) > 1:
        raise table.error(given[1], f"there is {given[0]}, too: give one of them")
    if "psk" in given:
        return table.text("psk").encode()
    if "psk_hex" in given:
        text = table.text("psk_hex")
        try:
            found = bytes.fromhex(text.lower().removeprefix("0x"))
        except ValueError:
            raise table.error("psk_hex", "expected octets in hexadecimal") from None
        if not found:
            raise table.error("psk_hex", "expected at least one octet")
        return found
    if "psk_file" in given:
        path = table.file("psk_file")
        found = _octets(table, "psk_file", path).removesuffix(b"\n").removesuffix(b"\r")
        if not found:
            raise table.error("psk_file", f"{path} is empty")
        return found
    return None


# --- certificates -----------------------------------------------------------------------------------------------------


def _ours(table: Table) -> PublicKey | None:
    """Our chain, the end entity first, and our key."""
    if not table.keys:
        return None
    chain = _pem(table, "certificate", x509.load_pem_x509_certificates, "certificates")
    key = _pem(table, "key", lambda data: load_pem_private_key(data, None), "a private key without a passphrase")
    if _spki(key.public_key()) != _spki(chain[0].public_key()):
        raise table.error("key", "is not the key of the first certificate in the file certificate")
    if kind_of_key(key) not in KINDS:
        raise table.error("key", f"expected a key of the kinds {', '.join(KINDS)}")
    return PublicKey(tuple(chain), key)


def _trust(table: Table) -> tuple[x509.Certificate, ...]:
    """The authorities above the device's certificate, or that certificate itself."""
    if not table.keys:
        return ()
    given = [key for key in ("authority", "device") if key in table.keys]
    if not given:
        raise table.error("authority", "expected the file of the device's authority, or as device of its certificate")
    found = [one for key in given for one in _pem(table, key, x509.load_pem_x509_certificates, "certificates")]
    return tuple(found)


def _check(found: Credentials, table: Table) -> None:
    """The certificate must speak for the identity."""
    assert found.ours is not None
    if not matches_identity(found.ours.chain[0], found.tester.id_type, found.tester.data):
        names = found.ours.chain[0].subject.rfc4514_string()
        raise table.error("certificate", f"the certificate of {names} does not speak for identities.tester")


def _pem(table: Table, key: str, load: Callable[[bytes], _T], what: str) -> _T:
    path = table.file(key)
    try:
        return load(_octets(table, key, path))
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise table.error(key, f"{path} does not hold {what} in PEM") from None


def _octets(table: Table, key: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise table.error(key, f"{path} cannot be read: {error.strerror}") from None


def _spki(key: object) -> bytes:
    data = getattr(key, "public_bytes", None)
    return data(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) if data is not None else b""
