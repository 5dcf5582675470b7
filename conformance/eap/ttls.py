"""What both sides of EAP-TTLS share (RFC 5281; with TLS 1.3 RFC 9427)."""

from __future__ import annotations

from conformance.eap.kind import Kind
from conformance.eap.tunnel import TunnelMethod
from conformance.wire import EapType

KIND = Kind(0, EapType.TTLS)


class Ttls(TunnelMethod):
    """Base of both sides."""

    kind = KIND
    label = b"ttls keying material"
    version = 0

    def challenge(self, size: int) -> bytes:
        """The challenge that both sides take out of TLS, so that nobody can bring one along (section 11.1)."""
        assert self.engine is not None
        return self.engine.export(b"ttls challenge", None, size)
