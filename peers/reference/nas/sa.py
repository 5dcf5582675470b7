"""The IKE SA of a gateway that leaves EAP to an AAA server (RFC 3579), and what it makes of what that grants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from conformance.eap.conversation import Outcome
from conformance.eap.server import EapServer
from conformance.ike.core.child import ChildSa
from conformance.ike.core.connection import Eap
from conformance.ike.core.events import Refusal
from conformance.ike.core.sending import State
from conformance.ike.extensions.eap_auth import eap_payload
from conformance.radius.packet import Packet
from conformance.wire import (
    EapCode,
    EapPacket,
    EapType,
    Message,
    Notify,
    NotifyType,
    Payload,
)
from peers.reference.nas.reaching import ReachingSa


class Relay(EapServer):
    """Asks for the identity, and leaves the rest to somebody else. ``key`` is the MSK that came with the permission.

    ``state`` is what the next request to the AAA server must repeat.
    """

    key: bytes | None = None
    state: tuple[bytes, ...] = ()

    @property
    def msk(self) -> bytes | None:
        """The key of a conversation that has ended well."""
        return self.key if self.outcome is Outcome.SUCCESS else None

    def objection(self, packet: EapPacket) -> str:
        """Why a packet is not passed on, empty where it is (RFC 3579, section 2.2)."""
        if packet.code != EapCode.RESPONSE:
            return f"packet with code {packet.code}"
        if packet.identifier != self.identifier:
            return f"response with Identifier {packet.identifier}, expected {self.identifier}"
        if self.identity is None and packet.type != EapType.IDENTITY:
            return f"response of type {packet.type} to the request for the identity"
        return ""


@dataclass(eq=False)
class Session:
    """What accounting tells of a user: it lasts through rekeys.

    Attributes:
        began: when it did; ``active`` is when something was last carried.
        identity: who the user is in IKE; ``origin`` is the address from which he came.
        until: when it ends, None: when it is ended.
        idle: seconds without traffic after which it ends, None: any.
        interim: seconds from one record to the next, None: none between the first and the last.
        cause: Acct-Terminate-Cause, once we end it ourselves.
        closed: why the newest of its IKE SAs to go has gone.
        counted: octets and packets, in and out, of each Child SA.
    """

    name: str
    user: bytes
    grant: Packet
    began: float
    active: float
    address: bytes | None = None
    identity: bytes = b""
    origin: str = ""
    until: float | None = None
    idle: float | None = None
    interim: float | None = None
    told: float = 0.0
    cause: int = 0
    closed: str = ""
    counted: dict[ChildSa, tuple[int, int, int, int]] = field(default_factory=dict)

    @property
    def totals(self) -> tuple[int, int, int, int]:
        """Octets in and out, packets in and out."""
        found = list(self.counted.values())
        return (
            sum(a for a, *_ in found),
            sum(one[1] for one in found),
            sum(one[2] for one in found),
            sum(one[3] for one in found),
        )


class GatewaySa(ReachingSa):
    """Passes EAP on, and waits with its response for what comes of it.

    Attributes:
        forwarded: an EAP packet that the AAA server has not got yet.
        preface: what stands before EAP in the first response, where that waits for the server.
        session_name: under which the AAA server hears of him, as soon as it does.
    """

    forwarded: EapPacket | None = None
    preface: Sequence[Payload] = ()
    session_name: str = ""
    session: Session | None = None

    def pass_on(self, new: Self) -> None:
        """A rekey begins no new session."""
        super().pass_on(new)
        new.grant, new.user, new.session = self.grant, self.user, self.session
        new.session_name = self.session_name

    def close(self, reason: str) -> None:
        """The session will have to say why."""
        if self.session is not None:
            self.session.closed = reason
        super().close(reason)

    @property
    def relay(self) -> Relay:
        """The conversation that is passed through."""
        assert isinstance(self.as_server, Relay)
        return self.as_server

    # --- towards the AAA server -----------------------------------------------------------------------------------

    def eap_server(self) -> EapServer:
        """Nobody here knows the user."""
        auth = self.peer_party().auth
        return Relay([], random=self.random) if isinstance(auth, Eap) and auth.aaa else super().eap_server()

    def first_round(self, message: Message) -> Sequence[Payload]:
        """Where nobody is asked for his name, the server gets that of IKE in its place (RFC 3579, section 2.1)."""
        found = super().first_round(message)
        auth = self.peer_party().auth
        if not isinstance(self.as_server, Relay) or not isinstance(auth, Eap) or auth.asked or self.claimed is None:
            return found
        self.preface, self.user, self.relay.identity = found[:-1], self.claimed.data, self.claimed.data
        self.forwarded = EapPacket(EapCode.RESPONSE, self.relay.identifier, EapType.IDENTITY, self.user)
        return []

    def further_round(self, server: EapServer, packet: EapPacket) -> Sequence[Payload]:
        """Let somebody else answer."""
        if not isinstance(server, Relay):
            return super().further_round(server, packet)
        if why := server.objection(packet):
            raise Refusal(NotifyType.AUTHENTICATION_FAILED, f"EAP: {why}", fatal=True)
        if server.identity is None:
            self.user = server.identity = packet.data
        self.forwarded = packet
        return []

    def process(self, message: Message) -> Sequence[Payload] | None:
        """No response as long as somebody else thinks about it."""
        found = super().process(message)
        if self.forwarded is None:
            return found
        self.asking = message
        return None

    # --- from the AAA server --------------------------------------------------------------------------------------

    def relay_request(self, packet: bytes, state: Sequence[bytes]) -> None:
        """EAP goes on."""
        self.relay.identifier, self.relay.state = packet[1], tuple(state)
        self._respond([eap_payload(packet)])

    def relay_success(self, packet: bytes, key: bytes | None, grant: Packet) -> None:
        """EAP has ended well."""
        self.relay.key, self.grant = key, grant
        self.relay.succeed()
        self._respond([eap_payload(packet)])

    def relay_refusal(self, packet: bytes | None, why: str) -> None:
        """It has not: pass on what the server says to it, or say it ourselves, but not in EAP."""
        self.close_after_response = why
        self._respond([eap_payload(packet) if packet else Notify(NotifyType.AUTHENTICATION_FAILED)])

    def _respond(self, payloads: Sequence[Payload]) -> None:
        request, self.asking = self.asking, None
        before, self.preface = self.preface, ()
        if request is not None and self.state != State.CLOSED:
            self.respond(request, [*before, *payloads])
