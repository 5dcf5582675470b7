"""What can be wrong with the body of an EAP packet, from the definitions of all methods."""

from __future__ import annotations

from functools import lru_cache
from random import Random

from conformance.eap.errors import Discard
from conformance.eap.kind import split
from conformance.eap.layout import Body
from conformance.eap.registry import body_of
from conformance.eap.sweep import Variation, variations
from conformance.fuzz.mutation import Mutation
from conformance.fuzz.mutators.base import Arguments, Base
from conformance.fuzz.places import fitting, index_of, targets, with_payloads
from conformance.script.bend import Bend
from conformance.wire import EAP, EapPacket, Message


@lru_cache(maxsize=64)
def _variations(packet: EapPacket) -> tuple[Body, tuple[Variation, ...]]:
    body = body_of(packet)
    return body, tuple(variations(body))


def _expanded(packet: EapPacket) -> bytes:
    """The rest of an expanded type, which stands before the body; none where it is cut short."""
    try:
        return packet.data[: len(packet.data) - len(split(packet)[1])]
    except Discard:
        return b""


class EapBody(Base):
    """A field of the body of an EAP packet; MACs in it are not made again."""

    name = "eap"

    def draw(self, random: Random, message: Message) -> Mutation | None:
        """Any variation of any EAP packet that has a type."""
        found = [
            (name, one)
            for name, one in zip(targets(message), message.payloads, strict=True)
            if isinstance(one, EAP) and one.packet.type is not None
        ]
        if not found:
            return None
        name, payload = random.choice(found)
        body, choices = _variations(payload.packet)
        return self.mutation(name, type(body).__name__, random.randrange(len(choices)))

    def bend(self, mutation: Mutation) -> Bend:
        """Do it, where the body is of the class it was drawn for."""
        arguments = Arguments(mutation)
        kind, number = arguments.text(), arguments.number()

        def bent(message: Message) -> Message:
            at = index_of(message, mutation.target)
            old = message.payloads[at] if at is not None else None
            if at is None or not isinstance(old, EAP) or old.packet.type is None:
                return message
            body, choices = _variations(old.packet)
            if type(body).__name__ != kind or not choices:
                return message
            data = choices[number % len(choices)].change(body).encode()
            before = _expanded(old.packet)
            packet = EapPacket(old.packet.code, old.packet.identifier, old.packet.type, before + data)
            found = with_payloads(message, (*message.payloads[:at], EAP(packet), *message.payloads[at + 1 :]))
            return fitting(found, message)

        return Bend(f"{mutation.target}: {kind}, variation {number}", payloads=bent)
