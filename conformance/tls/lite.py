"""TLS by tlslite-ng, pure Python: slower by tenths of a second for each handshake, but each message can be bent."""

import errno
from collections.abc import Iterator
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from tlslite import tlsconnection
from tlslite.constants import AlertDescription, CipherSuite, ContentType, HandshakeType
from tlslite.errors import TLSLocalAlert, TLSRemoteAlert
from tlslite.handshakesettings import HandshakeSettings
from tlslite.mathtls import PRF_1_2, PRF_1_2_SHA384, HKDF_expand_label, derive_secret, secureHash
from tlslite.messages import Certificate, Message
from tlslite.tlsconnection import TLSConnection
from tlslite.utils.keyfactory import parsePEMKey
from tlslite.x509 import X509
from tlslite.x509certchain import X509CertChain

from conformance.crypto.errors import CertificateError
from conformance.crypto.x509 import load_certificate, name_text, validate_chain
from conformance.tls.engine import TlsConfig, TlsEngine, TlsError, TlsVersion, readable

_CHUNK = 1 << 16
_WANTS_READ = 0


class _Buffers:
    """The socket that tlslite-ng asks for: two buffers, and "would block" where the first one is empty."""

    def __init__(self) -> None:
        self.incoming = bytearray()
        self.outgoing = bytearray()

    def send(self, data: bytes) -> int:
        self.outgoing += data
        return len(data)

    def sendall(self, data: bytes) -> None:
        self.outgoing += data

    def recv(self, size: int) -> bytes:
        if not self.incoming:
            raise BlockingIOError(errno.EWOULDBLOCK, "nothing has come")
        data = bytes(self.incoming[:size])
        del self.incoming[:size]
        return data

    def close(self) -> None:
        pass


def _derive_secret(secret: Any, label: Any, hashes: Any, algorithm: Any) -> Any:
    """RFC 8446, section 7.1: the exporter's secret ends with the server's Finished.

    tlslite-ng 0.8 goes on to the client's CertificateVerify, which nobody notices as long as the client has no
    certificate. `_Connection` leaves the right transcript with the wrong one.
    """
    if label == b"exp master":
        hashes = getattr(hashes, "until_server_finished", hashes)
    return derive_secret(secret, label, hashes, algorithm)


tlsconnection.derive_secret = _derive_secret


class _Connection(TLSConnection):  # type: ignore[misc]  # tlslite-ng has no types
    """tlslite-ng with its messages bent on their way out and the certificates judged when they come."""

    def __init__(self, buffers: _Buffers, config: TlsConfig) -> None:
        super().__init__(buffers)
        self.config = config
        self.ignoreAbruptClose = True
        self.closeSocket = False

    def _sendMsg(self, msg: Any, randomizeFirstBlock: bool = True, update_hashes: bool = True) -> Iterator[Any]:  # noqa: N802, N803
        sent = self._bent(msg) if update_hashes else msg
        if sent is msg or sent.data:
            yield from super()._sendMsg(sent, randomizeFirstBlock, update_hashes)
        if update_hashes:
            self._send_beside(sent)

    def _queue_message(self, msg: Any) -> None:
        sent = self._bent(msg)
        super()._queue_message(sent)
        if self.config.bend.beside:
            for _ in self._queue_flush():
                pass
            self._send_beside(sent)
        if not self._client and msg.write()[0] == HandshakeType.finished:
            self._remember_transcript()

    def _send_beside(self, msg: Any) -> None:
        beside = self.config.bend.beside
        if beside is not None and msg.contentType == ContentType.handshake:
            for kind, content in beside(bytes(msg.write())):
                self.inject(kind, content)

    def inject(self, kind: int, content: bytes) -> None:
        """Sends any record, protected as others are at this moment."""
        for _ in super()._sendMsg(Message(kind, bytearray(content)), False, False):
            pass

    def _bent(self, msg: Any) -> Any:
        bend = self.config.bend.message
        if bend is None or msg.contentType != ContentType.handshake:
            return msg
        return Message(ContentType.handshake, bytearray(bend(bytes(msg.write()))))

    def _getMsg(self, expectedType: Any, secondaryType: Any = None, constructorType: Any = None) -> Iterator[Any]:  # noqa: N802, N803
        for found in super()._getMsg(expectedType, secondaryType, constructorType):
            if isinstance(found, Certificate):
                problem = self._judge(found.cert_chain)
                if problem:
                    yield from self._sendError(AlertDescription.certificate_unknown, problem)
            if self._client and secondaryType == HandshakeType.finished and not isinstance(found, int):
                self._remember_transcript()
            yield found

    def _remember_transcript(self) -> None:
        self._handshake_hash.until_server_finished = self._handshake_hash.copy()

    def _judge(self, chain: Any) -> str:
        """What is wrong with the certificates of the other side; nothing where they are taken."""
        trust = self.config.trust
        if trust is None:
            return ""
        if not chain or not chain.x509List:
            return "no certificate" if trust.required else ""
        try:
            shown = [load_certificate(bytes(one.bytes)) for one in chain.x509List]
            purpose = ExtendedKeyUsageOID.SERVER_AUTH if self.config.client else ExtendedKeyUsageOID.CLIENT_AUTH
            validate_chain(shown, trust.anchors, self.config.now, purpose)
        except CertificateError as problem:
            return str(problem)
        if not trust.names(shown[0]):
            return f"certificate {name_text(shown[0].subject)} does not speak for {trust.name}"
        return ""


class LiteEngine(TlsEngine):
    """tlslite-ng over memory buffers. It validates no chain; here `conformance.crypto.x509` does."""

    def __init__(self, config: TlsConfig) -> None:
        super().__init__(config)
        self._buffers = _Buffers()
        self._connection = _Connection(self._buffers, config)
        self._work = self._run(config)

    def _run(self, config: TlsConfig) -> Iterator[int]:
        """Everything that this side does, with a pause wherever it has read all that has come."""
        yield from self._handshake(config)
        self.done = True
        while not self._connection.closed:
            for found in self._connection.readAsync(_CHUNK, 1):
                if isinstance(found, bytes):
                    self._plain += found
                else:
                    yield found

    def _handshake(self, config: TlsConfig) -> Iterator[int]:
        settings = HandshakeSettings()
        settings.minVersion = _pair(min(config.versions))
        settings.maxVersion = _pair(max(config.versions))
        settings.ticket_count = 0
        # A client compresses its certificate even where the server has not offered to take that.
        settings.certificate_compression_send = settings.certificate_compression_receive = []
        chain = key = None
        if config.leaf:
            chain = X509CertChain([_lite(one) for one in config.leaf.chain])
            key = parsePEMKey(config.leaf.key_pem.decode(), private=True)
        if config.client:
            yield from self._connection.handshakeClientCert(chain, key, settings=settings, async_=True)
        else:
            yield from self._connection.handshakeServerAsync(
                certChain=chain, privateKey=key, reqCert=config.trust is not None, settings=settings
            )

    @property
    def version(self) -> TlsVersion | None:
        """The version that was agreed on."""
        major, minor = self._connection.version
        return TlsVersion(major << 8 | minor) if self.done else None

    @property
    def peer_chain(self) -> tuple[x509.Certificate, ...]:
        """The certificates as they came."""
        session = self._connection.session
        chain = session and (session.serverCertChain if self.config.client else session.clientCertChain)
        return readable(bytes(one.bytes) for one in chain.x509List) if chain else ()

    def export(self, label: bytes, context: bytes | None, size: int) -> bytes:
        """Keying material; tlslite-ng's own exporter knows no context."""
        session = self._connection.session
        sha384 = session.cipherSuite in CipherSuite.sha384PrfSuites
        if self.version == TlsVersion.TLS_1_3:
            digest = "sha384" if sha384 else "sha256"
            secret = derive_secret(session.exporterMasterSecret, bytearray(label), None, digest)
            hashed = secureHash(bytearray(context or b""), digest)
            return bytes(HKDF_expand_label(secret, b"exporter", hashed, size, digest))
        seed = bytes(self._connection._clientRandom + self._connection._serverRandom)
        if context is not None:
            seed += len(context).to_bytes(2, "big") + context
        prf = PRF_1_2_SHA384 if sha384 else PRF_1_2
        return bytes(prf(session.masterSecret, bytearray(label), bytearray(seed), size))

    def _advance(self, data: bytes) -> None:
        self._buffers.incoming += data
        try:
            if _WANTS_READ not in self._work:
                self.error = TlsError("the other side has closed TLS", 0, remote=True)
        except TLSRemoteAlert as alert:
            self.error = TlsError(f"alert {alert}", alert.description, remote=True)
        except TLSLocalAlert as alert:
            self.error = TlsError(str(alert.message or alert), alert.description)
        except Exception as problem:  # a parser in pure Python fails in every way on what is hostile
            self.error = TlsError(f"{type(problem).__name__}: {problem}")

    def _write(self, data: bytes) -> None:
        for _ in self._connection.writeAsync(data):
            pass

    def inject(self, kind: int, content: bytes) -> bytes:
        """A record of any content type, protected as others are at this moment; the handshake does not know of it."""
        self._connection.inject(kind, content)
        return self._flight()

    def _finish(self) -> None:
        next(iter(self._connection.closeAsync()), None)

    def _drain(self) -> bytes:
        data = bytes(self._buffers.outgoing)
        self._buffers.outgoing.clear()
        return data


def _pair(version: TlsVersion) -> tuple[int, int]:
    return version >> 8, version & 0xFF


def _lite(certificate: x509.Certificate) -> Any:
    found = X509()
    found.parseBinary(bytearray(certificate.public_bytes(Encoding.DER)))
    return found
