"""Certificates octet by octet: names with other strings, order, parts, and odd numbers and extensions."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from conformance.crypto.bundle import element
from conformance.crypto.dn import BMP_STRING, PRINTABLE_STRING, UTF8_STRING, Attribute, Parts, read, values, write
from conformance.crypto.pki import Authority, Key, Leaf, digest_for
from conformance.ike.core.connection import PublicKey
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable

COMMON_NAME: Final = bytes.fromhex("550403")
LOCALITY: Final = bytes.fromhex("550407")
ORGANIZATION: Final = bytes.fromhex("55040a")
UNIT: Final = bytes.fromhex("55040b")
_ALTERNATIVE_NAME: Final = bytes.fromhex("551d11")
_SERIAL, _ALGORITHM, _ISSUER, _SUBJECT, _EXTENSIONS = 1, 2, 3, 5, 7
"""Where these are among the fields of a TBSCertificate (RFC 5280, section 4.1)."""
_INTEGER, _BIT_STRING, _OCTETS, _OBJECT_IDENTIFIER, _SEQUENCE = 0x02, 0x03, 0x04, 0x06, 0x30

Rename = Callable[[Parts], Parts]


def our_name(peer: Peer) -> Parts:
    """Our distinguished name, from the root on."""
    auth = peer.connection.local.auth
    assert isinstance(auth, PublicKey)
    return read(auth.chain[0].subject.public_bytes())


def changed(name: Parts, change: Callable[[Attribute], Attribute]) -> Parts:
    """Each attribute of a name changed."""
    return tuple(tuple(map(change, part)) for part in name)


def common_name(name: Parts, change: Callable[[bytes], bytes]) -> Parts:
    """The octets of the common name changed. Raises NotApplicable where there is none."""
    if not any(one.type == COMMON_NAME for part in name for one in part):
        raise NotApplicable("our distinguished name has no common name")
    return changed(name, lambda one: replace(one, value=change(one.value)) if one.type == COMMON_NAME else one)


def other_case(one: Attribute) -> Attribute:
    """The text in the other case, where it is ASCII; a country stays."""
    return replace(one, value=one.value.swapcase()) if one.tag in (UTF8_STRING, PRINTABLE_STRING) else one


def more_blanks(one: Attribute) -> Attribute:
    """Blanks before, behind and between the words of an attribute that is longer than a country."""
    text = one.value.decode()
    return replace(one, value=f"  {text.replace(' ', '   ')} ".encode()) if len(text) > 2 else one


def other_string(one: Attribute) -> Attribute:
    """UTF8String for PrintableString and the reverse, as far as the text allows."""
    text = one.value.decode()
    if one.tag == PRINTABLE_STRING and len(text) > 2:
        return replace(one, tag=UTF8_STRING)
    plain = text.isascii() and text.replace(" ", "").replace(".", "").isalnum()
    return replace(one, tag=PRINTABLE_STRING) if one.tag == UTF8_STRING and plain else one


def two_octets(one: Attribute) -> Attribute:
    """A BMPString for an UTF8String."""
    return replace(one, tag=BMP_STRING, value=one.value.decode().encode("utf-16-be")) if one.tag == UTF8_STRING else one


def joined(name: Parts) -> Parts:
    """Two parts as one part of two attributes, which stay in their order (that of a SET OF is by their octets)."""
    for at, (upper, lower) in enumerate(pairwise(name)):
        both = (*name[:at], upper + lower, *name[at + 2 :])
        if [one for part in read(write(both)) for one in part] == [one for part in name for one in part]:
            return both
    raise NotApplicable("no two parts of the name stand in the order that they would have as one")


def glued(name: Parts, separator: bytes) -> Parts:
    """The last part within the text of the one before it, as both are written beside each other."""
    (upper,), (last,) = name[-2:]
    return (*name[:-2], (replace(upper, value=upper.value + separator + last.value),))


# --- certificates ---------------------------------------------------------------------------------------------------


def subject(made: Leaf, issuer: Authority, name: Parts) -> Leaf:
    """The same certificate of an authority with another subject."""
    return _with(made, _remade(made.certificate, issuer.key, _SUBJECT, write(name)))


def issued_by(made: Leaf, issuer: Authority, change: Rename) -> Leaf:
    """The same certificate of an authority, whose name is changed in it."""
    name = write(change(read(issuer.certificate.subject.public_bytes())))
    return _with(made, _remade(made.certificate, issuer.key, _ISSUER, name))


def numbered(made: Leaf, issuer: Authority, serial: bytes) -> bytes:
    """The same certificate, in DER, with these octets for its serial number; nobody needs to be able to read it."""
    return _made_anew(made.certificate, issuer.key, _SERIAL, element(_INTEGER, serial))


def signed_as(made: Leaf, issuer: Authority, algorithm: bytes) -> bytes:
    """The same certificate, in DER, that names another signature algorithm than the one by which it is signed."""
    return _made_anew(made.certificate, issuer.key, _ALGORITHM, algorithm, algorithm)


def named_twice(made: Leaf, issuer: Authority, first: x509.SubjectAlternativeName) -> bytes:
    """The same certificate, in DER, with one more subjectAltName in front of its other extensions."""
    tag, whole = 0xA3, _elements(made.certificate.tbs_certificate_bytes)[_EXTENSIONS]
    extension = element(_OBJECT_IDENTIFIER, _ALTERNATIVE_NAME) + element(_OCTETS, first.public_bytes())
    ((others,),) = (list(values(one)) for one in values(whole))
    extensions = element(_SEQUENCE, element(_SEQUENCE, extension) + others)
    return _made_anew(made.certificate, issuer.key, _EXTENSIONS, element(tag, extensions))


def _with(made: Leaf, certificate: x509.Certificate) -> Leaf:
    return Leaf(made.key, certificate, (certificate, *made.chain[1:]))


def _remade(certificate: x509.Certificate, key: Key, field: int, octets: bytes) -> x509.Certificate:
    """The certificate with other octets for a field."""
    return x509.load_der_x509_certificate(_made_anew(certificate, key, field, octets))


def _made_anew(certificate: x509.Certificate, key: Key, field: int, octets: bytes, algorithm: bytes = b"") -> bytes:
    """In DER, signed anew with the key of its issuer, by the same algorithm or one of another name."""
    fields = list(_elements(certificate.tbs_certificate_bytes))
    fields[field] = octets
    signed = element(_SEQUENCE, b"".join(fields))
    algorithm = algorithm or _elements(certificate.public_bytes(Encoding.DER))[1]
    signature = element(_BIT_STRING, b"\0" + _signature(key, signed))
    return element(_SEQUENCE, signed + algorithm + signature)


def _elements(sequence: bytes) -> list[bytes]:
    """The elements of a SEQUENCE, each with its header."""
    (content,) = values(sequence)
    found = []
    for one in values(content):
        whole = element(content[0], one)
        found.append(whole)
        content = content[len(whole) :]
    return found


def _signature(key: Key, octets: bytes) -> bytes:
    digest = digest_for(key)
    match key:
        case ec.EllipticCurvePrivateKey():
            assert digest is not None
            return key.sign(octets, ec.ECDSA(digest, deterministic_signing=True))
        case rsa.RSAPrivateKey():
            assert digest is not None
            return key.sign(octets, padding.PKCS1v15(), digest)
        case _:
            return key.sign(octets)  # type: ignore[call-arg]
