"""Payloads in clear in front of the Encrypted payload: authenticated, not encrypted (RFC 7296, 3.14; RFC 5282, 5.1)."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.ike.core import protection
from conformance.ike.core.protection import Fragment
from conformance.script.bend import Bend, Piece
from conformance.script.sa import ScriptedSa
from conformance.wire import Message, Payload, PayloadType, encode_payloads


def sealed_beside(
    sa: ScriptedSa,
    message: Message,
    inner: int,
    text: bytes,
    clear: Sequence[Payload],
    fragment: Fragment | None = None,
) -> bytes:
    """A protected datagram of ``text`` with payloads in clear in front of its SK or SKF payload."""
    assert sa.keys is not None
    first, octets = encode_payloads(clear, last_next=PayloadType.SKF if fragment else PayloadType.SK)
    scheme = sa.keys.suite.cipher
    padded = protection.padded(text, scheme.block_size)
    header = replace(message, next_payload=first)
    return protection.seal(header, inner, padded, scheme, sa.own_key, sa.random, fragment, octets)


def beside(sa: ScriptedSa, *clear: Payload) -> Bend:
    """Payloads in clear in front of the Encrypted payload of a message, or in front of its first fragment."""
    seen: list[Message] = []
    pieces: list[Piece] = []

    def see(message: Message) -> Message:
        seen.append(message)
        return message

    def keep(found: list[Piece]) -> list[Piece]:
        pieces[:] = found
        return found

    def again(found: list[bytes]) -> list[bytes]:
        inner, _ = encode_payloads(seen[-1].payloads)
        fragment, text = pieces[0]
        return [sealed_beside(sa, seen[-1], inner, text, clear, fragment), *found[1:]]

    said = ", ".join(f"payload type {int(one.payload_type)}" for one in clear)
    return Bend(f"{said} in clear in front of the Encrypted payload", payloads=see, fragments=keep, datagrams=again)
