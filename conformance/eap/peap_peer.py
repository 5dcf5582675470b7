"""The peer of PEAP version 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from conformance.eap.conversation import Conversation, Outcome
from conformance.eap.errors import Failed
from conformance.eap.layout import Body
from conformance.eap.method import Decision, PeerMethod
from conformance.eap.peap import (
    BINDING_REQUEST,
    BINDING_RESPONSE,
    FAILURE,
    SUCCESS,
    Extensions,
    Peap,
    result_tlv,
)
from conformance.eap.peer import EapPeer
from conformance.eap.tls_frames import TlsLimits
from conformance.eap.tls_method import FRAGMENT, TlsPeer
from conformance.tls import TlsConfig
from conformance.wire import EapCode, EapPacket


class PeapPeer(Peap, TlsPeer):
    """Authenticates itself by EAP in the tunnel; ``inner`` is that conversation.

    Args:
        config: of TLS.
        name: identity in the tunnel; the one outside may be anything.
        methods: of EAP in the tunnel.
        binds: answers a Crypto-Binding TLV.
    """

    expects = EapCode.REQUEST

    def __init__(
        self,
        config: TlsConfig,
        name: bytes,
        methods: Sequence[PeerMethod],
        *,
        binds: bool = True,
        size: int = FRAGMENT,
        limits: TlsLimits | None = None,
    ) -> None:
        super().__init__(config, size=size, limits=limits)
        self.name = name
        self.methods = methods
        self.binds = binds
        self.inner: EapPeer | None = None

    def inner_conversation(self) -> Conversation:
        """The peer in the tunnel."""
        if self.inner is None:
            self.inner = EapPeer(self.name, self.methods, random=self.random)
            self.at_inner(self.inner)
        return self.inner

    def take_inner(self, data: bytes) -> bytes:
        """The inner response, or what we think of the result."""
        packet = self.unwrap(data, self.identifier)
        if isinstance(packet, Extensions):
            return self.wrap(self.answer_result(packet))
        inner = self.inner_conversation()
        assert isinstance(inner, EapPeer)
        answer = inner.receive(packet)
        if inner.outcome is not Outcome.ONGOING or answer is None:
            raise Failed(f"inside: {inner.why or inner.notes[-1]}")
        return self.carry(answer)

    def answer_result(self, packet: Extensions) -> Extensions:
        """Agrees with the server's result, or not."""
        if packet.result is None:
            raise Failed("no Result TLV in the tunnel")
        tlvs: list[Body] = [result_tlv(FAILURE)]
        if packet.result == SUCCESS and self.agrees(packet.identifier):
            tlvs = [result_tlv(SUCCESS)]
            self.decision = Decision.SUCCESS
            if packet.binding is not None and self.binds:
                if not self.is_proof(packet.binding, BINDING_REQUEST):
                    raise Failed("wrong MAC of the Crypto-Binding TLV")
                tlvs.append(self.proof(replace(packet.binding, subtype=BINDING_RESPONSE)))
                self.bind_keys()
        self.done = True
        return Extensions(EapCode.RESPONSE, packet.identifier, tlvs=tuple(tlvs))

    def agrees(self, identifier: int) -> bool:
        """Whether the inner method could end with success here."""
        inner = self.inner_conversation()
        assert isinstance(inner, EapPeer)
        if inner.received is not None:
            inner.receive(EapPacket(EapCode.SUCCESS, inner.received.identifier))
        return inner.outcome is Outcome.SUCCESS
