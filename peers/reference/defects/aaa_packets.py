"""Defects of what a gateway puts into packets of RADIUS, and of which EAP it passes on."""

from dataclasses import replace
from typing import Any

from conformance.net.link import Datagram
from conformance.radius.packet import Attribute
from conformance.wire import EAP, EapPacket, Payload, PayloadType, UnknownPayload, decode_payloads
from peers.reference.defects.registry import defect
from peers.reference.nas.gateway import Nas
from peers.reference.nas.sa import GatewaySa, Relay


@defect("aaa-attributes-filled")
class EmptyAttributes(Nas):
    """Sends an empty User-Name where it does not know who somebody is, and an empty State in place of none."""

    def about(self, sa: GatewaySa, packet: bytes) -> list[Attribute]:
        found = super().about(sa, packet)
        return found if any(name == "State" for name, _ in found) else [*found, ("State", b"")]


@defect("aaa-psk-password-hidden")
class PasswordInTheClear(Nas):
    """Does not hide its password."""

    def hide(self, packet: Any, password: bytes) -> bytes:
        return password.ljust(16, b"\0")


@defect("aaa-state-odd")
class StateOfText(Nas):
    """Takes an octet of zero for the end of the State."""

    def state(self, sa: GatewaySa) -> tuple[bytes, ...]:
        return tuple(one.partition(b"\0")[0] for one in super().state(sa))


@defect("aaa-eap-codes", "aaa-eap-identifiers")
class PassesEverythingOn(GatewaySa):
    """Passes on whatever the user sends in EAP."""

    class Server(Relay):
        def objection(self, packet: EapPacket) -> str:
            return ""

    def eap_server(self) -> Relay:
        return self.Server([], random=self.random)


@defect("aaa-eap-lengths")
class PassesAnyLengthOn(GatewaySa):
    """Does not look at the Length of what the user sends in EAP, and passes it on as it is."""

    def decode_inside(self, inner: int, plaintext: bytes) -> tuple[Payload, ...]:
        return tuple(map(self._as_it_is, decode_payloads(inner, plaintext, lenient=True)))

    def _as_it_is(self, one: Payload) -> Payload:
        if not isinstance(one, UnknownPayload) or one.type != PayloadType.EAP or len(one.body) < 4:
            return one
        told, length = int.from_bytes(one.body[2:4], "big"), len(one.body).to_bytes(2, "big")
        return EAP(replace(EapPacket.decode(one.body[:2] + length + one.body[4:]), length=told))


@defect("aaa-disconnect-padding")
class PaddingCounts(Nas):
    """Discards an order that is longer than it says."""

    def is_order(self, datagram: Datagram) -> bool:
        whole = len(datagram.payload) == int.from_bytes(datagram.payload[2:4], "big")
        return whole and super().is_order(datagram)
