"""Bundles of certificates and CRLs, as a hash and URL may name one (RFC 7296, section 3.6: CertificateBundle)."""

from collections.abc import Iterator, Sequence

from conformance.crypto.errors import CertificateError

SEQUENCE, CERTIFICATE, LIST = 0x30, 0xA0, 0xA1
MOST = 64
"""So many members are looked at."""


def element(tag: int, content: bytes) -> bytes:
    """One DER element."""
    if len(content) < 128:
        return bytes((tag, len(content))) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes((tag, 128 | len(length))) + length + content


def bundle(certificates: Sequence[bytes], lists: Sequence[bytes] = ()) -> bytes:
    """A bundle of certificates and CRLs, each in DER."""
    members = [*(element(CERTIFICATE, one) for one in certificates), *(element(LIST, one) for one in lists)]
    return element(SEQUENCE, b"".join(members))


def certificates_of(data: bytes) -> list[bytes]:
    """The certificates of a bundle, each in DER and not looked at. Raises CertificateError."""
    whole = list(_elements(data))
    if len(whole) != 1 or whole[0][0] != SEQUENCE:
        raise CertificateError("a bundle that is no SEQUENCE")
    members = list(_elements(whole[0][1]))
    if any(tag not in (CERTIFICATE, LIST) for tag, _ in members):
        raise CertificateError("a bundle with something else than certificates and CRLs")
    return [content for tag, content in members if tag == CERTIFICATE]


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The elements of DER one after the other: tag and content."""
    at = number = 0
    while at < len(data):
        number += 1
        if number > MOST:
            raise CertificateError(f"a bundle of more than {MOST} members")
        size, begin = _length(data, at + 1)
        if begin + size > len(data):
            raise CertificateError("a bundle that ends too early")
        yield data[at], data[begin : begin + size]
        at = begin + size


def _length(data: bytes, at: int) -> tuple[int, int]:
    """The length that stands at an offset, and where the content begins."""
    first = data[at] if at < len(data) else 0x80
    if first < 0x80:
        return first, at + 1
    octets = first & 0x7F
    if not 1 <= octets <= 4 or at + 1 + octets > len(data):
        raise CertificateError("a length in a bundle that cannot be read")
    return int.from_bytes(data[at + 1 : at + 1 + octets], "big"), at + 1 + octets
