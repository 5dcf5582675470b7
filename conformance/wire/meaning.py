"""What the bytes in payloads mean: identities, names, addresses, attributes, as text for people.

Everything here takes any bytes: what cannot be read is shown in hexadecimal.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Interface, ip_address

from conformance.wire.registry import CertEncoding, CfgAttribute, IdType

_SHOWN = 64
_NAME_OIDS = {
    "2.5.4.3": "CN",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "1.2.840.113549.1.9.1": "emailAddress",
    "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID",
}
_SEQUENCE, _SET, _OID = 0x30, 0x31, 0x06


def hex_text(data: bytes) -> str:
    """Hexadecimal, cut after 64 bytes with the size behind it."""
    if len(data) <= _SHOWN:
        return data.hex()
    return f"{data[:_SHOWN].hex()}... ({len(data)} bytes)"


def printable(text: str) -> str:
    """Text of a peer among words of ours: a question mark for each character that cannot be printed.

    Line ends, control characters and changes of the direction of writing would let it say what is ours to say.
    """
    return text if text.isprintable() else "".join([one if one.isprintable() else "?" for one in text])


def plain_text(data: bytes) -> str | None:
    """The text that `data` is, None unless it is printable UTF-8."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


def text_or_hex(data: bytes) -> str:
    """Printable text as it is, anything else in hexadecimal."""
    text = plain_text(data)
    return hex_text(data) if text is None else text


def address_text(data: bytes) -> str:
    """An IPv4 or IPv6 address; hexadecimal for any other size."""
    return str(ip_address(data)) if len(data) in (4, 16) else hex_text(data)


def identity_text(id_type: int, data: bytes) -> str:
    """The identity of an ID payload as people write it (RFC 7296 section 3.5)."""
    match id_type:
        case IdType.IPV4_ADDR | IdType.IPV6_ADDR:
            return address_text(data)
        case IdType.FQDN | IdType.RFC822_ADDR | IdType.KEY_ID:
            return text_or_hex(data)
        case IdType.DER_ASN1_DN:
            return name_text(data)
        case IdType.NULL if not data:
            return "NULL"
    return hex_text(data)


def name_text(data: bytes) -> str:
    """A DER distinguished name as ``CN=moon, O=Example``, in the order of the encoding."""
    try:
        parts = []
        for tag, name in _der_values(data):
            if tag != _SEQUENCE:
                return hex_text(data)
            for _, relative in _der_values(name):
                parts += [_attribute_text(pair) for _, pair in _der_values(relative)]
    except ValueError:
        return hex_text(data)
    return ", ".join(parts)


def _attribute_text(pair: bytes) -> str:
    """``CN=moon`` from the content of an AttributeTypeAndValue. ValueError for anything else."""
    (tag, oid), (_, value) = _der_values(pair)
    if tag != _OID:
        raise ValueError("no object identifier")
    dotted = oid_text(oid)
    return f"{_NAME_OIDS.get(dotted, dotted)}={text_or_hex(value)}"


def oid_text(content: bytes) -> str:
    """The dotted form of an object identifier from the bytes after tag and length. ValueError if cut short."""
    numbers: list[int] = []
    number = 0
    for byte in content[:_SHOWN]:
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(number)
            number = 0
    if not numbers or number:
        raise ValueError("no object identifier")
    top = min(numbers[0] // 40, 2)
    return ".".join(str(each) for each in [top, numbers[0] - 40 * top, *numbers[1:]])


def _der_values(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each DER value in `data`. ValueError where the lengths do not fit."""
    start = 0
    while start < len(data):
        if len(data) - start < 2:
            raise ValueError("cut short")
        tag, size = data[start], data[start + 1]
        start += 2
        if size & 0x80:
            octets = size & 0x7F
            if not 1 <= octets <= 3 or start + octets > len(data):
                raise ValueError("bad length")
            size = int.from_bytes(data[start : start + octets], "big")
            start += octets
        if start + size > len(data):
            raise ValueError("cut short")
        yield tag, data[start : start + size]
        start += size


def algorithm_oid(data: bytes) -> str | None:
    """The object identifier of a DER AlgorithmIdentifier (RFC 7427 section 3), None if there is none."""
    try:
        _, content = next(_der_values(data))
        tag, oid = next(_der_values(content))
        return oid_text(oid) if tag == _OID else None
    except (ValueError, StopIteration):
        return None


def certificate_fields(encoding: int, data: bytes) -> dict[str, str]:
    """Subject, issuer and validity of a certificate, hash and URL of a reference, hexadecimal of anything else."""
    if encoding == CertEncoding.X509_SIGNATURE:
        return _x509_fields(data) or {"data": hex_text(data)}
    if encoding in (CertEncoding.HASH_URL_X509, CertEncoding.HASH_URL_BUNDLE) and len(data) > 20:
        return {"sha1": data[:20].hex(), "url": text_or_hex(data[20:])}
    return {"data": hex_text(data)}


def _x509_fields(data: bytes) -> dict[str, str] | None:
    from cryptography import x509  # only transcripts need it, and it is slow to import

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # peers may send oddities the parser warns of
            certificate = x509.load_der_x509_certificate(data)
            return {
                "subject": printable(certificate.subject.rfc4514_string()),
                "issuer": printable(certificate.issuer.rfc4514_string()),
                "serial": f"{certificate.serial_number:x}",
                "not_before": certificate.not_valid_before_utc.isoformat(),
                "not_after": certificate.not_valid_after_utc.isoformat(),
            }
    except Exception:  # a hostile certificate may fail in any way the parser knows
        return None


def configuration_text(kind: int, value: bytes) -> str:
    """The value of a configuration attribute (RFC 7296 section 3.15.1, RFC 8598, RFC 9464)."""
    if not value:
        return ""
    reader = _CONFIGURATION.get(kind)
    try:
        return hex_text(value) if reader is None else reader(value)
    except ValueError:
        return hex_text(value)


def _subnet4(value: bytes) -> str:
    if len(value) != 8:
        raise ValueError("8 bytes are due")
    return str(IPv4Network((IPv4Address(value[:4]), str(IPv4Address(value[4:]))), strict=False))


def _prefix6(value: bytes) -> str:
    if len(value) != 17:
        return address_text(value)
    return str(IPv6Interface((IPv6Address(value[:16]), value[16])))


def _numbers(value: bytes) -> str:
    if len(value) % 2:
        raise ValueError("pairs of bytes are due")
    kinds = [int.from_bytes(value[at : at + 2], "big") & 0x7FFF for at in range(0, len(value), 2)]
    return ", ".join([str(CfgAttribute(kind)) for kind in kinds])


def _seconds(value: bytes) -> str:
    if len(value) != 4:
        raise ValueError("4 bytes are due")
    return f"{int.from_bytes(value, 'big')} s"


_CONFIGURATION: dict[int, Callable[[bytes], str]] = {
    CfgAttribute.INTERNAL_IP4_ADDRESS: address_text,
    CfgAttribute.INTERNAL_IP4_NETMASK: address_text,
    CfgAttribute.INTERNAL_IP4_DNS: address_text,
    CfgAttribute.INTERNAL_IP4_NBNS: address_text,
    CfgAttribute.INTERNAL_IP4_DHCP: address_text,
    CfgAttribute.APPLICATION_VERSION: text_or_hex,
    CfgAttribute.INTERNAL_IP6_ADDRESS: _prefix6,
    CfgAttribute.INTERNAL_IP6_DNS: address_text,
    CfgAttribute.INTERNAL_IP6_DHCP: address_text,
    CfgAttribute.INTERNAL_IP4_SUBNET: _subnet4,
    CfgAttribute.SUPPORTED_ATTRIBUTES: _numbers,
    CfgAttribute.INTERNAL_IP6_SUBNET: _prefix6,
    CfgAttribute.P_CSCF_IP4_ADDRESS: address_text,
    CfgAttribute.P_CSCF_IP6_ADDRESS: address_text,
    CfgAttribute.TIMEOUT_PERIOD_FOR_LIVENESS_CHECK: _seconds,
    CfgAttribute.INTERNAL_DNS_DOMAIN: text_or_hex,
}
