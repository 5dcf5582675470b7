"""The Encrypted payload: how messages of an IKE SA are protected (RFC 7296, section 3.14; RFC 5282; RFC 7383)."""

import struct
from dataclasses import dataclass

from conformance.crypto import IntegrityError, Random
from conformance.crypto.cipher import Cipher, KeyedCipher
from conformance.wire import SK, SKF, Message, PayloadType, WireError

_HEADER = struct.Struct(">8s8sBBBBII")
_GENERIC = struct.Struct(">BBH")
_FRAGMENT = struct.Struct(">HH")
_SK, _SKF = PayloadType.SK, PayloadType.SKF


@dataclass(frozen=True, slots=True)
class Fragment:
    """Where a protected message stands in a fragmented one: fragment ``number`` of ``total`` (RFC 7383, 2.5)."""

    number: int
    total: int


def padded(plaintext: bytes, block: int) -> bytes:
    """``plaintext`` with padding and Pad Length, a multiple of ``block`` octets (RFC 7296, section 3.14)."""
    missing = -(len(plaintext) + 1) % block
    return plaintext + bytes(missing + 1) if not missing else plaintext + bytes(missing) + bytes((missing,))


def overhead(scheme: Cipher, fragment: bool) -> int:
    """Octets that protection adds to a plaintext at most: IKE header, payload header, IV, padding and ICV."""
    skf = _FRAGMENT.size if fragment else 0
    return _HEADER.size + _GENERIC.size + skf + scheme.iv_size + scheme.block_size + scheme.icv_size


def associated_data(
    message: Message, inner: int, body_length: int, fragment: Fragment | None, clear: bytes = b""
) -> bytes:
    """What stands before the IV: IKE header, generic payload header and, in a fragment, its number and total.

    ``clear`` are encoded payloads between the two headers, the first of the type that the header names.
    """
    kind = _SKF if fragment else _SK
    length = _GENERIC.size + body_length + (_FRAGMENT.size if fragment else 0)
    total = message.length if message.length is not None else _HEADER.size + len(clear) + length
    header = _HEADER.pack(
        message.spi_i,
        message.spi_r,
        kind if message.next_payload is None else message.next_payload,
        message.version,
        message.exchange,
        message.flags,
        message.message_id,
        total,
    )
    tail = _FRAGMENT.pack(fragment.number, fragment.total) if fragment else b""
    return header + clear + _GENERIC.pack(inner, 0, length) + tail


def seal(
    message: Message,
    inner: int,
    text: bytes,
    scheme: Cipher,
    key: KeyedCipher,
    random: Random,
    fragment: Fragment | None = None,
    clear: bytes = b"",
) -> bytes:
    """The protected datagram: the header of ``message`` and an SK or SKF payload around ``text``.

    ``text`` is plaintext with its padding and Pad Length, ``inner`` the type of the first payload in it. ``message``
    contributes its header only, with the lies about length and next payload that it may hold. ``clear`` are encoded
    payloads in front of that payload, which are authenticated and not encrypted.
    """
    aad = associated_data(message, inner, scheme.iv_size + len(text) + scheme.icv_size, fragment, clear)
    iv = random(scheme.iv_size)
    return aad + iv + key.seal(iv, text, aad)


def unseal(raw: bytes, payload: SK | SKF, scheme: Cipher, key: KeyedCipher) -> bytes:
    """The plaintext of ``payload``, the last one of the datagram ``raw``, without padding.

    Raises IntegrityError when the ICV is wrong, or what is there is too short to be ciphertext, and WireError when the
    content is authentic but its Pad Length is more than there is.
    """
    body = payload.body
    if len(body) < scheme.iv_size + scheme.icv_size + 1:
        raise IntegrityError(f"Encrypted payload of {len(body)} octets cannot hold IV, Pad Length and ICV")
    aad = raw[: len(raw) - len(body)]
    text = key.open(body[: scheme.iv_size], body[scheme.iv_size :], aad)
    if not text or text[-1] >= len(text):
        raise WireError(len(text) - 1, "SK.pad_length", f"{text[-1] if text else '-'} in {len(text)} decrypted octets")
    return text[: -1 - text[-1]]
