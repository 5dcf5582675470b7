"""EAP-TLS with TLS 1.2 and 1.3 (RFC 5216, RFC 9190)."""

from __future__ import annotations

from conformance.eap.errors import Failed
from conformance.eap.kind import Kind
from conformance.eap.method import Decision
from conformance.eap.tls_method import TlsPeer, TlsServer
from conformance.tls import TlsVersion
from conformance.wire import EapType

KIND = Kind(0, EapType.TLS)
COMMITMENT = b"\0"
"""What a server of TLS 1.3 says through the tunnel when it has accepted the peer (RFC 9190 section 2.1.1)."""


class EapTlsPeer(TlsPeer):
    """Shows its certificate, and demands the one of the server."""

    kind = KIND

    def finished(self) -> None:
        """In TLS 1.2 the server's Finished is the last word; in TLS 1.3 it says later whether it accepts us."""
        assert self.engine is not None
        if self.engine.version == TlsVersion.TLS_1_2:
            self.decision = Decision.MAYBE

    def take_inner(self, data: bytes) -> bytes:
        """The protected indication of success."""
        if not self.is_commitment(data):
            raise Failed(f"{len(data)} octets of application data, expected the single 00 of RFC 9190")
        self.decision = Decision.SUCCESS
        return b""

    def is_commitment(self, data: bytes) -> bool:
        """Whether the server has committed itself to success."""
        assert self.engine is not None
        return self.engine.version == TlsVersion.TLS_1_3 and data == COMMITMENT


class EapTlsServer(TlsServer):
    """Demands the certificate of the peer."""

    kind = KIND

    def opening(self) -> bytes:
        """The commitment to success."""
        assert self.engine is not None
        return COMMITMENT if self.engine.version == TlsVersion.TLS_1_3 else b""

    def take_inner(self, data: bytes) -> bytes:
        """Success, once the peer has acknowledged the last of our flights."""
        if data:
            raise Failed(f"{len(data)} octets of application data in EAP-TLS")
        self.end(True)
        return b""
