"""What all methods that run TLS have in common: EAP-TLS, EAP-TTLS, PEAP (RFC 5216, 9190, 5281, 9427).

The handshake, its fragments and keys are here. What goes through the tunnel then is up to the method: `opening` is
what a side says as soon as it has finished its handshake, `take_inner` answers what comes out of the tunnel.
"""

from __future__ import annotations

from typing import ClassVar

from conformance.crypto.x509 import name_text
from conformance.eap.errors import Discard, Failed
from conformance.eap.method import Decision, Method, PeerMethod, ServerMethod
from conformance.eap.tls_frames import START, VERSION, Fragments, Frame, Piece, SizedPiece, TlsLimits, decode_frame
from conformance.tls import TlsConfig, TlsEngine, TlsVersion, start
from conformance.wire import EapPacket

FRAGMENT = 1024
"""Default of the most octets of TLS in one packet: fits into IKE_AUTH without fragmentation of IP."""

_KEY_SIZE = 64
_LABEL_1_3 = b"EXPORTER_EAP_TLS_Key_Material"


class TlsMethod(Method):
    """Base of both sides.

    Attributes:
        engine: TLS, once it has begun.
        fragments: what carries it.
    """

    label: ClassVar[bytes] = b"client EAP encryption"
    """Of the keys in TLS 1.2."""
    version: ClassVar[int | None] = None
    """Of the method, in the flags, where it has one."""

    def __init__(self, config: TlsConfig, *, size: int = FRAGMENT, limits: TlsLimits | None = None) -> None:
        super().__init__()
        self.config = config
        self.fragments = Fragments(size, limits or TlsLimits(), self.version or 0)
        self.engine: TlsEngine | None = None

    # --- frames ---------------------------------------------------------------------------------------------------

    def assemble(self, frame: Piece | SizedPiece) -> bytes | Frame:
        """The TLS message that a frame completes, or else the frame that answers it.

        Raises:
            Failed: the frame comes where it cannot, or does not fit to those before it.
        """
        if frame.flags & START and self.takes_start():
            raise Failed("Start after the start")
        if self.fragments.pending:
            return self.next_fragment(frame)
        message = self.fragments.take(frame)
        return self.acknowledgement() if message is None else message

    def takes_start(self) -> bool:
        """Whether the S flag means anything to this side."""
        return True

    def next_fragment(self, frame: Frame) -> Frame:
        """The next fragment of ours, for the one before it was acknowledged."""
        if frame.data:
            raise Failed(f"{len(frame.data)} octets of TLS where an acknowledgement was due")
        return self.fragments.next()

    def acknowledgement(self) -> Frame:
        """Asks for the next fragment (RFC 5216 section 2.1.5)."""
        return Piece(self.fragments.version)

    def is_right_version(self, frame: Frame) -> bool:
        """Whether the other side means our version of the method; EAP-TLS has none, its bits are reserved."""
        return self.version is None or frame.flags & VERSION == self.version

    # --- keys -----------------------------------------------------------------------------------------------------

    def derive(self) -> None:
        """The keys, as soon as this side has finished its handshake."""
        material = self.export(self.label, 2 * _KEY_SIZE)
        self.msk, self.emsk = material[:_KEY_SIZE], material[_KEY_SIZE:]
        assert self.engine is not None
        self.info["tls"] = str(self.engine.version)
        if self.engine.peer_chain:
            self.info["certificate"] = name_text(self.engine.peer_chain[0].subject)

    def export(self, label: bytes, size: int) -> bytes:
        """Keying material: in TLS 1.3 with a label for all methods and the type as context (RFC 9190 section 2.3)."""
        assert self.engine is not None
        if self.engine.version == TlsVersion.TLS_1_3:
            return self.engine.export(_LABEL_1_3, bytes((self.kind.number,)), size)
        return self.engine.export(label, None, size)

    # --- the tunnel -----------------------------------------------------------------------------------------------

    def protect(self, data: bytes) -> bytes:
        """The records of application data."""
        assert self.engine is not None
        return self.engine.send(data) if data else b""

    def opening(self) -> bytes:
        """What this side says of its own accord, right behind the end of its handshake."""
        return b""


class TlsPeer(TlsMethod, PeerMethod):
    """The peer's side: the TLS client."""

    def receive(self, data: bytes, packet: EapPacket) -> Frame:
        """The next frame."""
        frame = decode_frame(data)
        if self.engine is None:
            return self.begin_tls(frame)
        found = self.assemble(frame)
        return found if isinstance(found, Frame) else self.answer(found, self.engine)

    def begin_tls(self, frame: Frame) -> Frame:
        """The ClientHello; a server that offers a later version of the method takes ours (RFC 5281 section 9.1)."""
        if not frame.flags & START:
            raise Discard("TLS without Start")
        self.engine = start(self.config)
        return self.fragments.load(self.engine.step())

    def answer(self, message: bytes, engine: TlsEngine) -> Frame:
        """What TLS, and the tunnel if there is one by now, say to a message."""
        before = engine.done
        if not message and not before:
            raise Failed("no TLS data in a request")
        out = engine.step(message)
        if engine.error:
            return self.give_up(out, str(engine.error))
        if engine.done and not before:
            self.derive()
            self.finished()
            out += self.protect(self.opening())
        inner = engine.received()
        if inner:
            out += self.protect(self.take_inner(inner))
        return self.fragments.load(out)

    def finished(self) -> None:
        """The handshake is over as far as this side can see."""

    def take_inner(self, data: bytes) -> bytes:
        """Answers what has come through the tunnel."""
        raise NotImplementedError

    def give_up(self, out: bytes, why: str) -> Frame:
        """TLS has failed: send what it has to say, and wait for the Failure."""
        self.info["failure"] = why
        self.done, self.decision = True, Decision.FAIL
        return self.fragments.load(out)


class TlsServer(TlsMethod, ServerMethod):
    """The server's side: the TLS server."""

    def start(self) -> Frame:
        """Start."""
        self.engine = start(self.config)
        return Piece(START | self.fragments.version)

    def takes_start(self) -> bool:
        """In a response the flag is one of those that are reserved (RFC 5216 section 3.2)."""
        return False

    def receive(self, data: bytes, packet: EapPacket) -> Frame | None:
        """The next frame."""
        frame = decode_frame(data)
        if not self.is_right_version(frame):
            raise Failed(f"version {frame.flags & VERSION} of {self.kind}, expected {self.version}")
        found = self.assemble(frame)
        assert self.engine is not None
        return found if isinstance(found, Frame) else self.answer(found, self.engine)

    def answer(self, message: bytes, engine: TlsEngine) -> Frame | None:
        """What TLS, and the tunnel if there is one by now, say to a message."""
        if engine.error:
            raise Failed(str(engine.error))
        before = engine.done
        out = engine.step(message) if message else b""
        if engine.error:
            return self.give_up(out, str(engine.error))
        if not engine.done:
            if not out:
                raise Failed("no TLS data where a part of the handshake was due")
            return self.fragments.load(out)
        if not before:
            self.derive()
            out += self.protect(self.opening())
        inner = engine.received()
        if inner or before:
            inner = self.take_inner(inner)
            if self.done:
                return None
            out += self.protect(inner)
        return self.fragments.load(out)

    def take_inner(self, data: bytes) -> bytes:
        """Answers what has come through the tunnel, perhaps nothing; or ends the method."""
        raise NotImplementedError

    def give_up(self, out: bytes, why: str) -> Frame:
        """TLS has failed: an alert of ours goes out before the Failure."""
        self.info["failure"] = why
        if not out:
            raise Failed(why)
        return self.fragments.load(out)
