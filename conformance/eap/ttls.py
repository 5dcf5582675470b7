"""What both sides of EAP-TTLS share (RFC 5281; with TLS 1.3 RFC 9427)."""

from __future__ import annotations

from conformance.eap.avp import AnyAvp, Avps
from conformance.eap.errors import Failed
from conformance.eap.kind import Kind
from conformance.eap.tunnel import TunnelMethod
from conformance.wire import EapType
from conformance.wire.errors import WireError

KIND = Kind(0, EapType.TTLS)


class Ttls(TunnelMethod):
    """Base of both sides."""

    kind = KIND
    label = b"ttls keying material"
    version = 0

    def read_pairs(self, data: bytes) -> Avps:
        """The pairs that came through the tunnel.

        Raises:
            Failed: they are malformed, or one is not known and must be (section 10.1).
        """
        try:
            found = Avps.decode(data)
        except WireError as error:
            raise Failed(f"pairs in the tunnel: {error}") from None
        if unknown := self.demanding(found):
            raise Failed(f"pair {unknown[0].code} of vendor {unknown[0].vendor}, which is not known")
        return found

    def demanding(self, avps: Avps) -> list[AnyAvp]:
        """The pairs because of which nothing can go on."""
        return avps.demanding

    def challenge(self, size: int) -> bytes:
        """The challenge that both sides take out of TLS, so that nobody can bring one along (section 11.1)."""
        assert self.engine is not None
        return self.engine.export(b"ttls challenge", None, size)
