"""TLS by OpenSSL that resumes sessions (RFC 5077; RFC 8446, section 2.2; RFC 9190, section 2.1.2)."""

from dataclasses import dataclass

from OpenSSL import SSL

from conformance.tls.engine import TlsConfig
from conformance.tls.openssl import OpensslEngine


@dataclass(slots=True)
class Memory:
    """What one side remembers from one conversation to the next: a server in its context, a client the session."""

    context: SSL.Context | None = None
    session: SSL.Session | None = None


class ResumingEngine(OpensslEngine):
    """Offers the session that it remembers, or takes those that it has given; it remembers its last one."""

    options = OpensslEngine.options & ~SSL.OP_NO_TICKET
    cache = SSL.SESS_CACHE_BOTH

    def __init__(self, config: TlsConfig, memory: Memory) -> None:
        self.memory = memory
        super().__init__(config)
        if config.client and memory.session is not None:
            self._connection.set_session(memory.session)

    def _context(self, config: TlsConfig) -> SSL.Context:
        if self.memory.context is None:
            self.memory.context = super()._context(config)
            self.memory.context.set_session_id(b"ikespec")
        return self.memory.context

    def _advance(self, data: bytes) -> None:
        super()._advance(data)
        if self.done and not self.error:
            self.memory.session = self._connection.get_session()

    @property
    def resumed(self) -> bool:
        """Whether an earlier session goes on."""
        return bool(SSL._lib.SSL_session_reused(self._connection._ssl))  # type: ignore[attr-defined]
