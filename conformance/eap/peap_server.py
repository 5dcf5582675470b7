"""The server of PEAP version 0."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from conformance.eap.conversation import Conversation, Outcome
from conformance.eap.errors import Failed
from conformance.eap.layout import Body
from conformance.eap.method import Method, ServerMethod
from conformance.eap.peap import (
    BINDING_REQUEST,
    BINDING_RESPONSE,
    FAILURE,
    SUCCESS,
    Binding,
    Bound,
    Extensions,
    Peap,
    result_tlv,
)
from conformance.eap.server import EapServer
from conformance.eap.tls_frames import TlsLimits
from conformance.eap.tls_method import FRAGMENT, TlsServer
from conformance.tls import TlsConfig, TlsVersion
from conformance.wire import EapCode


class InnerServer(EapServer):
    """The server in the tunnel: its packets have the Identifiers of those that carry them, for theirs is left out."""

    outer: Method

    def first_identifier(self) -> int:
        """That of the packet outside."""
        return self.outer.identifier

    def next_identifier(self) -> int:
        """That of the packet outside."""
        return self.outer.identifier


class PeapServer(Peap, TlsServer):
    """Authenticates the peer by EAP in the tunnel; ``inner`` is that conversation.

    Args:
        config: of TLS; it needs no certificate of the peer.
        methods: of EAP in the tunnel, in this order.
        bound: whether it asks for the proof that tunnel and inner method have the same ends.
    """

    expects = EapCode.RESPONSE

    def __init__(
        self,
        config: TlsConfig,
        methods: Callable[[], Sequence[ServerMethod]],
        *,
        bound: Bound = Bound.ASK,
        size: int = FRAGMENT,
        limits: TlsLimits | None = None,
    ) -> None:
        super().__init__(config, size=size, limits=limits)
        self.methods = methods
        self.bound = bound
        self.inner: InnerServer | None = None
        self.told: int | None = None

    def inner_conversation(self) -> Conversation:
        """The server in the tunnel."""
        assert self.inner is not None
        return self.inner

    def opening(self) -> bytes:
        """In TLS 1.3 the first inner request; in TLS 1.2 the peer is still to see our Finished."""
        assert self.engine is not None
        return self.first_request() if self.engine.version == TlsVersion.TLS_1_3 else b""

    def first_request(self) -> bytes:
        """Asks for the identity in the tunnel."""
        self.inner = InnerServer(self.methods(), random=self.random)
        self.inner.outer = self
        self.at_inner(self.inner)
        return self.carry(self.inner.start())

    def take_inner(self, data: bytes) -> bytes:
        """The next inner request, the result, or the end."""
        if self.inner is None:
            if data:
                raise Failed(f"{len(data)} octets in the tunnel before any request")
            return self.first_request()
        packet = self.unwrap(data, self.inner.identifier)
        if self.told is not None:
            self.take_result(packet)
            return b""
        if isinstance(packet, Extensions):
            raise Failed("a result in the tunnel that nobody asked for")
        answer = self.inner.receive(packet)
        if answer is None:
            raise Failed(f"inside: {self.inner.notes[-1]}")
        if self.inner.outcome is Outcome.ONGOING:
            return self.carry(answer)
        self.told = SUCCESS if self.inner.outcome is Outcome.SUCCESS else FAILURE
        return self.wrap(self.result(self.told))

    def result(self, status: int) -> Extensions:
        """The result, with our half of the proof."""
        tlvs: list[Body] = [result_tlv(status)]
        if status == SUCCESS and self.bound is not Bound.NO:
            tlvs.append(self.proof(Binding(subtype=BINDING_REQUEST, nonce=self.random(32))))
        return Extensions(EapCode.REQUEST, self.identifier, tlvs=tuple(tlvs))

    def take_result(self, packet: object) -> None:
        """The end: only if both say so is it success."""
        if not isinstance(packet, Extensions) or packet.result is None:
            raise Failed("no Result TLV in the tunnel")
        if (self.told, packet.result) != (SUCCESS, SUCCESS):
            self.end(False)
            return
        binding = packet.binding if self.bound is not Bound.NO else None
        if binding is not None:
            if not self.is_proof(binding, BINDING_RESPONSE):
                raise Failed("wrong MAC of the Crypto-Binding TLV")
            self.bind_keys()
        elif self.bound is Bound.DEMAND:
            raise Failed("no Crypto-Binding TLV")
        self.end(True)
