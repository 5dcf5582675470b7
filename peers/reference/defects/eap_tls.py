"""Defects of TLS within EAP, the device as server (RFC 5216, RFC 9190)."""

from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

from conformance.eap.conversation import Limits
from conformance.eap.errors import Failed
from conformance.eap.method import Method, ServerMethod
from conformance.eap.server import EapServer
from conformance.eap.tls_frames import LENGTH, MORE, Fragments, Piece, SizedPiece, TlsLimits
from conformance.eap.tls_method import TlsMethod, TlsServer
from conformance.ike.core.connection import Psk
from conformance.ike.ikesa import IkeSa
from conformance.tls import Trust
from conformance.wire import AUTH, EapCode, EapPacket
from peers.reference.defects.registry import defect

IN_EACH_VERSION = (
    "finished-wrong", "finished-empty", "finished-none", "finished-twice", "verify-wrong", "verify-empty",
    "verify-algorithm", "verify-none", "no-certificate", "data-early", "hello-twice", "last-alert", "ccs-wrong",
    "sweep", "sweep-more",
)  # fmt: skip
OF_VERSION_12 = ("no-client-key-exchange", "ccs-none", "ccs-early", "ccs-twice", "values")
FRAMES = ("length-missing", "length-zero", "length-less", "length-more", "length-64k", "length-4g", "length-anew",
          "fragment-doubled", "fragment-lost", "fragment-order")  # fmt: skip
OTHERS = ("alert-first", "alert-amid", "alert-closing", "nothing-first", "nothing-amid", "version-none", "version-old")
CERTIFICATES = ("untrusted", "self-signed", "no-authority", "not-below", "other-key")


# --- TLS has failed ---------------------------------------------------------------------------------------------------


@defect(
    *(f"eap-tls-12-{one}" for one in (*IN_EACH_VERSION, *OF_VERSION_12)),
    *(f"eap-tls-13-{one}" for one in IN_EACH_VERSION),
    *(f"eap-tls-{one}" for one in (*FRAMES, *OTHERS)),
    *(f"eap-tls-certificate-{one}" for one in CERTIFICATES),
    "eap-tls-13-shares-x25519", "eap-tls-13-shares-p256", "eap-tls-13-shares-ffdhe",
)  # fmt: skip
class SucceedsAfterTlsFailure(IkeSa):
    """Says Success where TLS has failed."""

    class Server(EapServer):
        def give_up(self, why: str) -> bytes:
            return succeeding(self) if isinstance(self.chosen, TlsServer) else super().give_up(why)

    server_class = Server


def succeeding(server: EapServer) -> bytes:
    """Success, wherever the conversation is."""
    server.succeed()
    return server.emit_result(EapCode.SUCCESS, server.result_identifier())


class Shaped(EapServer):
    """Does otherwise in TLS."""

    def begin_method(self, method: ServerMethod) -> bytes:
        if isinstance(method, TlsServer):
            self.shape(method)
        return super().begin_method(method)

    def shape(self, method: TlsServer) -> None:
        """Makes the method what it should not be."""
        raise NotImplementedError


# --- certificates -----------------------------------------------------------------------------------------------------


@defect("eap-tls-certificate-none", "eap-tls-13-certificate-none")
class NeedsNoCertificate(IkeSa):
    """Lets a client in that shows no certificate."""

    class Server(Shaped):
        def shape(self, method: TlsServer) -> None:
            trust = method.config.trust
            method.config = replace(method.config, trust=trust and replace(trust, required=False))

    server_class = Server


@defect("eap-tls-certificate-other-name")
class TakesAnyCertifiedUser(IkeSa):
    """Takes the certificate of anybody below its authority for that of the user."""

    class Server(Shaped):
        def shape(self, method: TlsServer) -> None:
            trust = method.config.trust
            method.config = replace(method.config, trust=trust and Trust(trust.anchors))

    server_class = Server


class _OtherTime(Shaped):
    years: ClassVar[int]

    def shape(self, method: TlsServer) -> None:
        method.config = replace(method.config, now=method.config.now + timedelta(days=366 * self.years))


@defect("eap-tls-certificate-not-yet")
class ClockAhead(IkeSa):
    """Judges certificates in TLS by a clock that is two years ahead."""

    class Server(_OtherTime):
        years = 2

    server_class = Server


@defect("eap-tls-certificate-expired")
class ClockBehind(IkeSa):
    """Judges certificates in TLS by the time at which they began."""

    class Server(Shaped):
        def shape(self, method: TlsServer) -> None:
            trust = method.config.trust
            assert trust is not None
            began = max(one.not_valid_before_utc for one in trust.anchors)
            method.config = replace(method.config, now=began + timedelta(days=1))

    server_class = Server


@defect("eap-tls-certificate-use")
class MindsNoUse(IkeSa):
    """Says Success to a client whose certificate is good for servers only."""

    class Server(EapServer):
        def give_up(self, why: str) -> bytes:
            purpose = "error 26 "  # of OpenSSL: unsuitable purpose
            return succeeding(self) if purpose in why else super().give_up(why)

    server_class = Server


# --- frames -----------------------------------------------------------------------------------------------------------


class Forgetful(Fragments):
    """Forgets short fragments when another one comes."""

    def take(self, frame: Piece | SizedPiece) -> bytes | None:
        """Ordinary fragments are longer."""
        if len(self.incoming) < 600:
            self.incoming.clear()
            self.total = None
            return super().take(Piece(frame.flags & MORE, frame.data))
        return super().take(frame)

    def miss_total(self) -> None:
        """Needs none."""


class Hoarding(Fragments):
    """Needs no total length."""

    def miss_total(self) -> None:
        """Needs none."""


@defect("eap-tls-fragments")
class ForgetsShortFragments(IkeSa):
    """Forgets what came before the last fragment, unless it was long."""

    class Server(Shaped):
        def shape(self, method: TlsServer) -> None:
            method.fragments = Forgetful(method.fragments.size, method.fragments.limits)

    server_class = Server


@defect("eap-tls-fragments-endless")
class PutsTogetherWithoutEnd(IkeSa):
    """Puts fragments together as long as they come."""

    class Server(Shaped):
        def shape(self, method: TlsServer) -> None:
            self.limits = Limits(packets=10**6)
            method.fragments = Hoarding(method.fragments.size, TlsLimits(10**9, 10**6))

    server_class = Server


class _Odd(EapServer):
    """Fails, or says Success, where something is odd about a response."""

    fails: ClassVar[bool] = True
    seen: bool = False

    def run(self, data: bytes, packet: EapPacket) -> bytes:
        if not isinstance(self.chosen, TlsServer) or not data or not self.odd(data[0], data, self.chosen):
            return super().run(data, packet)
        if self.fails:
            raise Failed("something is odd")
        return succeeding(self)

    def odd(self, flags: int, data: bytes, method: TlsServer) -> bool:
        """Whether this response is the one."""
        raise NotImplementedError


@defect("eap-tls-flags", "eap-tls-flag-start")
class MindsReservedFlags(IkeSa):
    """Refuses a client that sets reserved flags."""

    class Server(_Odd):
        def odd(self, flags: int, data: bytes, method: TlsServer) -> bool:
            return bool(flags & ~(LENGTH | MORE))

    server_class = Server


@defect("eap-tls-length-whole")
class MindsNeedlessLength(IkeSa):
    """Refuses a message in one piece that tells its length."""

    class Server(_Odd):
        def odd(self, flags: int, data: bytes, method: TlsServer) -> bool:
            return flags & (LENGTH | MORE) == LENGTH and not method.fragments.incoming

    server_class = Server


@defect("eap-tls-length-each", "eap-tls-fragment-empty", "eap-tls-fragment-last")
class TakesOddFramesForTheEnd(IkeSa):
    """Says Success to a fragment that need not be as it is."""

    class Server(_Odd):
        fails = False

        def odd(self, flags: int, data: bytes, method: TlsServer) -> bool:
            again = bool(flags & LENGTH) and bool(method.fragments.incoming)
            whole = len(method.fragments.incoming) + len(data) - 1 == method.fragments.total
            return again or data == bytes((MORE,)) or bool(flags & MORE and whole)

    server_class = Server


@defect("eap-tls-certificate-huge", "eap-tls-certificate-below")
class MindsSize(IkeSa):
    """Says Success to the second message of a client where that is longer than usual."""

    class Server(_Odd):
        fails = False

        def odd(self, flags: int, data: bytes, method: TlsServer) -> bool:
            self.seen = self.seen or not data[1:]
            return self.seen and len(data) + len(method.fragments.incoming) > 1000

    server_class = Server


# --- hellos and last words --------------------------------------------------------------------------------------------


@defect(
    "eap-tls-version-unknown", "eap-tls-version-later", "eap-tls-12-session-unknown", "eap-tls-12-ticket-unknown",
    "eap-tls-13-early-data", "eap-tls-13-post-handshake", "eap-tls-12-group",
)  # fmt: skip
class TakesOddHellosForTheEnd(IkeSa):
    """Says Success to a ClientHello in which something is new to it."""

    class Server(_Odd):
        fails = False
        odds: ClassVar[tuple[bytes, ...]] = (
            b"\x7f\x1c\x3a\x3a", b"\x03\x05", b"nobody knows this session", bytes.fromhex("00230060") + bytes(96),
            bytes.fromhex("000a000400020017"), bytes.fromhex("002a0000"), bytes.fromhex("00310000"),
        )  # fmt: skip

        def odd(self, flags: int, data: bytes, method: TlsServer) -> bool:
            hello = b"\x16\x03" in data[:6]
            return hello and any(one in data for one in self.odds)

    server_class = Server


@defect("eap-tls-12-last-data", "eap-tls-12-last-hello", "eap-tls-13-last-data", "eap-tls-13-last-key-update")
class ForgetsItsKey(IkeSa):
    """Says Success to whatever comes at the end, and forgets the key where that is not empty."""

    class Server(EapServer):
        def run(self, data: bytes, packet: EapPacket) -> bytes:
            method = self.chosen
            if isinstance(method, TlsServer) and method.engine is not None and method.engine.done and data[1:]:
                method.msk = bytes(64)
                return succeeding(self)
            return super().run(data, packet)

    server_class = Server


# --- keys -------------------------------------------------------------------------------------------------------------


@defect("eap-tls-12", "eap-tls-13", "eap-tls-peer-12", "eap-tls-peer-13")
class OtherLabel(IkeSa):
    """Makes the MSK with a label of its own."""

    def credential_of_eap(self, configured: object, of_initiator: bool) -> object:  # type: ignore[override]
        found = super().credential_of_eap(configured, of_initiator)  # type: ignore[arg-type]
        method = self.eap.method if self.eap is not None else None
        if found is configured or not isinstance(method, TlsMethod) or method.engine is None:
            return found
        return Psk(method.engine.export(b"ikespec", None, 64))


@defect("eap-tls-12-key-of-13", "eap-tls-13-key-of-12")
class TakesEitherLabel(IkeSa):
    """Takes AUTH payloads whose key is made as another version of TLS makes it, too."""

    def check_shared_key(self, expected: Psk, auth: AUTH, octets: bytes) -> None:
        method: Method | None = self.eap.method if self.eap is not None else None
        if isinstance(method, TlsMethod) and method.engine is not None:
            for label, context in ((b"client EAP encryption", None), (b"EXPORTER_EAP_TLS_Key_Material", b"\x0d")):
                if auth.data == self.shared_key_mic(method.engine.export(label, context, 128)[:64], octets):
                    return
        super().check_shared_key(expected, auth, octets)
