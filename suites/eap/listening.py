"""What the device says in EAP in an ordinary conversation, packet by packet, and what is encrypted in it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from conformance.eap.conversation import Conversation
from conformance.eap.layout import Body
from conformance.eap.peer import EapPeer
from conformance.eap.registry import body_of
from conformance.eap.server import EapServer
from conformance.eap.simaka import Message, Protected
from conformance.ike.core.sending import State
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Unexpected
from conformance.wire import EAP, EapCode, EapPacket, EapType, summary
from conformance.wire import Message as IkeMessage
from suites.dut import Dut
from suites.eap.preparing import Prepare, plainly
from suites.eap.steps import asked
from suites.eap.sweeping import begun, further_requests, leave, part

ROUNDS = 60
"""Rounds that a conversation may take, fragments among them."""
SHOWN = 16
"""Octets of Type-Data that a verdict says."""
BEFORE = (EapType.IDENTITY, EapType.NOTIFICATION, EapType.NAK)
"""What is no method."""


@dataclass(slots=True)
class Listened:
    """A conversation as our side has heard it.

    Attributes:
        packets: of the device, as they came.
        clear: what was encrypted in a message of SIM or AKA, by the place of its packet.
        conversation: our side.
        up: it has led to an IKE SA.
    """

    packets: list[EapPacket] = field(default_factory=list)
    clear: dict[int, Message] = field(default_factory=dict)
    conversation: Conversation | None = None
    up: bool = False

    @property
    def of_method(self) -> list[EapPacket]:
        """Those of a method that our side has: any other it has answered by a Nak."""
        assert isinstance(self.conversation, EapPeer | EapServer)
        ours = {one.kind.type for one in self.conversation.methods}
        return [one for one in self.packets if one.type in ours]

    @property
    def bodies(self) -> list[Body]:
        """What these say."""
        return [body_of(one) for one in self.of_method]

    @property
    def messages(self) -> list[Message]:
        """Those of SIM and AKA."""
        return [one for one in self.bodies if isinstance(one, Message)]

    @property
    def shown(self) -> str:
        """All of it, for a verdict; of long packets the beginning."""
        short = (replace(one, data=one.data[:SHOWN]) for one in self.packets)
        return "; ".join(summary(EAP(one)) + (f" {one.data.hex()}" if one.data else "") for one in short)

    def prepare(self, conversation: Conversation) -> None:
        """Hear what comes to our side."""
        self.conversation = conversation
        conversation.take = self._hearing(conversation.take)  # type: ignore[method-assign,assignment]
        assert isinstance(conversation, EapPeer | EapServer)
        for method in conversation.methods:
            if isinstance(method, Protected):
                method.open = self._opening(method.open)  # type: ignore[method-assign,assignment]

    def _hearing(self, take: Callable[[EapPacket], bytes | None]) -> Callable[[EapPacket], bytes | None]:
        def hearing(packet: EapPacket) -> bytes | None:
            self.packets.append(packet)
            return take(packet)

        return hearing

    def _opening(self, opened: Callable[[Message], Message]) -> Callable[[Message], Message]:
        def opening(message: Message) -> Message:
            found = self.clear[len(self.packets) - 1] = opened(message)
            return found

        return opening


def served(peer: Peer, prepare: Prepare = plainly, ask: Callable[[Peer, ScriptedSa], IkeMessage] = asked) -> Listened:
    """The device as the server, to whatever end that comes; an IKE SA is deleted again.

    ``ask`` gets the first request of EAP.
    """
    heard = Listened()
    sa = peer.sa(initial_contact=False)

    def both(conversation: Conversation) -> None:
        prepare(conversation)
        heard.prepare(conversation)

    sa.at_eap = both
    answer = ask(peer, sa)
    with suppress(Unexpected):
        for _ in range(ROUNDS):
            found = answer.first(EAP)
            if found is None:
                break
            if found.packet.code == EapCode.FAILURE:
                heard.packets.append(found.packet)  # our side of IKE would take it for the end, and raise
                break
            answer = sa.proceed(answer)
            if found.packet.code == EapCode.SUCCESS:
                sa.conclude(answer)
                break
    heard.up = bool(sa.children) and sa.state is State.ESTABLISHED and not sa.problem
    if heard.up:
        sa.delete()
    elif not heard.packets or heard.packets[-1].code != EapCode.FAILURE:
        leave(sa)
    return heard


def asking(peer: Peer, dut: Dut, prepare: Prepare = plainly) -> Listened:
    """The device as the peer, to whatever end that comes; an IKE SA is deleted again."""
    heard = Listened()
    with peer.preamble("IKE_SA_INIT"):
        sa, request = begun(peer, dut)

    def both(conversation: Conversation) -> None:
        prepare(conversation)
        heard.prepare(conversation)

    sa.at_eap = both
    for _ in further_requests(peer, dut, sa, request, ROUNDS):
        pass  # what the device says in them is heard beside this
    heard.up = bool(sa.children) and sa.state is State.ESTABLISHED and not sa.problem
    part(peer, dut, sa)
    return heard
