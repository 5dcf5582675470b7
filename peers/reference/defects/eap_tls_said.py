"""Defects of what EAP-TLS says when all is well, in both roles, and of how its server says that it is not."""

from dataclasses import replace

from conformance.eap.errors import Failed
from conformance.eap.method import Method
from conformance.eap.tls import EapTlsPeer
from conformance.eap.tls_frames import Frame, SizedPiece
from conformance.eap.tls_method import TlsMethod, TlsServer
from conformance.tls import TlsBend, TlsVersion
from conformance.tls.messages import ClientHello, Extension, read_message
from peers.reference.defects.eap_methods import WithOtherMethods
from peers.reference.defects.registry import defect


@defect("eap-tls-frames", "eap-tls-peer-frames")
class TellsNoLength(WithOtherMethods):
    """Never says how long the message is that it cuts into fragments."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, TlsMethod):
            method.fragments.tells_length = lambda first: False  # type: ignore[method-assign]


@defect("eap-tls-13-frames", "eap-tls-peer-13-frames")
class TellsLengthAlways(WithOtherMethods):
    """Says how long each message is, in one piece or several."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, TlsMethod):
            method.fragments.tells_length = lambda first: first  # type: ignore[method-assign]


@defect("eap-tls-peer-13-frames")
class OffersSharedKey(WithOtherMethods):
    """Offers a shared key in TLS that is of no earlier session."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, EapTlsPeer):
            method.config = replace(method.config, bend=TlsBend("a shared key", message=with_shared_key))


def with_shared_key(octets: bytes) -> bytes:
    """A ClientHello with pre_shared_key, whose age of 0 says that no ticket is behind it (RFC 8446, section 4.2.11)."""
    body = read_message(octets, TlsVersion.TLS_1_3)
    if not isinstance(body, ClientHello):
        return octets
    identities = b"\0\x07ikespec" + bytes(4)
    data = len(identities).to_bytes(2, "big") + identities + b"\0\x21\x20" + bytes(32)
    return replace(body, extensions=(*body.extensions, Extension(41, data=data))).encode()


@defect("eap-tls-frames")
class BeginsWithLength(WithOtherMethods):
    """Sends a Start that has data."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, TlsServer):
            start = method.start

            def starting() -> Frame:
                return SizedPiece(start().flags | 0x80, 5, b"hello")

            method.start = starting  # type: ignore[method-assign]


@defect("eap-tls-12-alert", "eap-tls-13-alert")
class FailsWithoutAlert(WithOtherMethods):
    """Says EAP-Failure at once where TLS has an alert to send."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, TlsServer):

            def give_up(out: bytes, why: str) -> Frame:
                raise Failed(why)

            method.give_up = give_up  # type: ignore[method-assign]
