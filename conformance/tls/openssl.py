"""TLS by OpenSSL, for conversations in which nothing is wrong with the handshake messages."""

from datetime import UTC
from typing import ClassVar

from cryptography import x509
from OpenSSL import SSL, crypto

from conformance.crypto.errors import CertificateError
from conformance.crypto.x509 import load_certificate, name_text
from conformance.tls.engine import TlsConfig, TlsEngine, TlsError, TlsVersion, readable

_CHUNK = 1 << 16
_OP_LEGACY_SERVER_CONNECT = 0x04
_CB_ALERT, _CB_READ = 0x4000, 0x04
_MODE_NO_AUTO_CHAIN = 0x08  # only those certificates are shown that were given


class OpensslEngine(TlsEngine):
    """Memory buffers around OpenSSL. It judges the chain by itself, within the handshake and at `TlsConfig.now`."""

    # Devices without RFC 5746 are met (strongSwan's libtls is one): nothing is renegotiated here. A client that
    # began to renegotiate would export another key than the one that both have agreed on.
    options: ClassVar[int] = SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION | _OP_LEGACY_SERVER_CONNECT
    cache: ClassVar[int] = SSL.SESS_CACHE_OFF

    def __init__(self, config: TlsConfig) -> None:
        super().__init__(config)
        if config.bend.within:
            raise ValueError("OpenSSL's handshake messages cannot be bent, LiteEngine's can")
        self._alert: int | None = None
        self._remote = False
        self._refusal = ""
        self._connection = SSL.Connection(self._context(config), None)
        if config.client:
            self._connection.set_connect_state()
        else:
            self._connection.set_accept_state()

    def _context(self, config: TlsConfig) -> SSL.Context:
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_min_proto_version(min(config.versions))
        context.set_max_proto_version(max(config.versions))
        context.set_options(self.options)
        context.set_mode(_MODE_NO_AUTO_CHAIN)
        context.set_session_cache_mode(self.cache)
        context.set_info_callback(self._note_alert)
        if config.leaf:
            context.use_certificate(config.leaf.certificate)
            for above in config.leaf.chain[1:]:
                context.add_extra_chain_cert(above)
            context.use_privatekey(config.leaf.key)  # type: ignore[arg-type]  # the kinds of keys differ by version
        if config.trust:
            mode = SSL.VERIFY_PEER
            if config.trust.required:
                mode |= SSL.VERIFY_FAIL_IF_NO_PEER_CERT
            store = context.get_cert_store()
            assert store is not None
            for anchor in config.trust.anchors:
                store.add_cert(crypto.X509.from_cryptography(anchor))
            store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
            store.set_time(config.now.astimezone(UTC).replace(tzinfo=None))
            context.set_verify(mode, self._judge)
        return context

    def _judge(self, _connection: SSL.Connection, shown: crypto.X509, error: int, depth: int, good: int) -> bool:
        try:
            certificate = load_certificate(_der(shown))
        except CertificateError as problem:
            self._refusal = self._refusal or str(problem)
            return False
        name = name_text(certificate.subject)
        if not good:
            self._refusal = self._refusal or f"certificate {name}: error {error} of OpenSSL's verification"
            return False
        trust = self.config.trust
        if depth == 0 and trust and not trust.names(certificate):
            self._refusal = f"certificate {name} does not speak for {trust.name}"
            return False
        return True

    def _note_alert(self, _connection: SSL.Connection, where: int, value: int) -> None:
        if where & _CB_ALERT:
            self._alert = value & 0xFF
            self._remote = bool(where & _CB_READ)

    @property
    def version(self) -> TlsVersion | None:
        """The version that was agreed on."""
        number = self._connection.get_protocol_version()
        return TlsVersion(number) if self.done else None

    @property
    def peer_chain(self) -> tuple[x509.Certificate, ...]:
        """The certificates as they came."""
        own = self._connection.get_peer_certificate()
        chain = [_der(one) for one in self._connection.get_peer_cert_chain() or []]
        return readable(chain if own is None or _der(own) in chain else [_der(own), *chain])

    def export(self, label: bytes, context: bytes | None, size: int) -> bytes:
        """Keying material."""
        return self._connection.export_keying_material(label, size, context)

    def _advance(self, data: bytes) -> None:
        if data:
            self._connection.bio_write(data)
        try:
            if not self.done:
                self._connection.do_handshake()
                self.done = True
            while True:
                self._plain += self._connection.recv(_CHUNK)
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.error = TlsError("the other side has closed TLS", 0, remote=True)
        except SSL.Error as error:
            self.error = TlsError(self._refusal or _reason(error), self._alert, remote=self._remote)

    def _write(self, data: bytes) -> None:
        self._connection.send(data)

    def _finish(self) -> None:
        self._connection.shutdown()

    def _drain(self) -> bytes:
        drained = bytearray()
        try:
            while True:
                drained += self._connection.bio_read(_CHUNK)
        except SSL.WantReadError:
            return bytes(drained)


def _der(certificate: crypto.X509) -> bytes:
    return crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)


def _reason(error: SSL.Error) -> str:
    """The last entry of OpenSSL's queue of errors, in its words."""
    queue = error.args[0] if error.args else ()
    return str(queue[-1][-1]) if isinstance(queue, list) and queue else type(error).__name__
