"""The Encrypted payload of an authentic message: its IV and its padding (RFC 7296, section 3.14)."""

from conformance.crypto import IntegrityError
from conformance.ike.core import protection
from conformance.script.sa import ScriptedSa
from conformance.wire import SK, PayloadType, WireError
from suites.invariants.broken import Findings

_START = {PayloadType.SK: 32, PayloadType.SKF: 36}
_NEXT = 16
_CBC_IV = 16


class Protected:
    """The IVs that were used under each key."""

    def __init__(self) -> None:
        """None yet."""
        self._ivs: dict[tuple[bytes, bytes], bytes] = {}

    def came(self, raw: bytes, sa: ScriptedSa, found: Findings) -> None:
        """An authentic message; where another payload stands before the Encrypted one it is left alone."""
        start = _START.get(PayloadType(raw[_NEXT]))
        if start is None or sa.keys is None:
            return
        size = sa.keys.suite.cipher.iv_size
        if size:
            iv = raw[start : start + size]
            fresh = self._ivs.setdefault((sa.own_spi, iv), raw) == raw
            rule = "RFC7296-3.14-4" if size >= _CBC_IV else "RFC5282-3.1-2"
            found.must("iv", rule, fresh, "an IV that was not used before", iv.hex())
        if not sa.keys.suite.cipher.aead:  # there padding need align nothing (RFC 5282, section 3)
            _padding(raw, start, sa, found)


def _padding(raw: bytes, start: int, sa: ScriptedSa, found: Findings) -> None:
    assert sa.keys is not None
    scheme, body = sa.keys.suite.cipher, raw[start:]
    try:
        plain = protection.unseal(raw, SK(PayloadType(0), body), scheme, sa.peer_key)
    except (WireError, IntegrityError):
        return
    size, block = len(body) - scheme.iv_size - scheme.icv_size - 1 - len(plain), scheme.block_size
    expected, got = "no more padding than fills the last block", f"{size} octets with blocks of {block}"
    found.must("padding", "RFC7296-3.14-8", size < max(block, 1), expected, got)
