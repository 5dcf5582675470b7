"""A scene: one conversation in the state that a case starts from, and what its messages are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conformance.ike.core.sending import State as SaState
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.trace import Entry
from conformance.script.verdict import Inconclusive
from conformance.wire import ExchangeType, Message
from peers.contract import Device
from suites.campaign.lanes import Lane
from suites.campaign.oracles.conversation import Conversation
from suites.invariants import Watch

if TYPE_CHECKING:
    from suites.campaign.states import State


class Unreachable(Exception):  # noqa: N818 - it is an outcome
    """A state could not be reached: one line that says where it ended."""


@dataclass(slots=True)
class Scene:
    """One conversation that has come to a state.

    Attributes:
        state: which.
        peer: our side; its trace begins with how the state was reached.
        device: the device, for orders.
        sa: the IKE SA that the state is about, None before there is one.
        response: the response of the device that the script has not gone on from: a cookie, a round of EAP.
        held: the request of the device that waits for our answer.
        rest: datagrams that are kept back, of a message whose first fragments have been sent.
        mark: how many entries of the trace tell how the state was reached.
        used: how many cases have been run in it.
        known: Child SAs that were there when the state was reached.
        come: how many messages of the device had come then.
        lost: whether an IKE SA that was up answers no more.
        watch: the invariants of the conversation, and ``conversation`` what only the whole of it shows.
        asked: whether a request of the device was held then.
        begun: our IKE SAs, the newest last.
        proofs: message IDs of the IKE_AUTH requests of cases before, whose answers may be late.
    """

    state: State
    peer: Peer
    device: Device
    sa: ScriptedSa | None = None
    response: Message | None = None
    held: Received | None = None
    rest: tuple[bytes, ...] = ()
    mark: int = 0
    used: int = 0
    known: int = 0
    come: int = 0
    asked: bool = False
    lost: bool = False
    begun: list[ScriptedSa] = field(default_factory=list)
    proofs: set[int] = field(default_factory=set)
    watch: Watch = field(init=False)
    conversation: Conversation = field(init=False)

    def __post_init__(self) -> None:
        self.watch, self.conversation = Watch(self.peer), Conversation(self.peer)

    @property
    def ike(self) -> ScriptedSa:
        """The IKE SA. Raises Unreachable where there is none."""
        if self.sa is None:
            raise Unreachable("there is no IKE SA")
        return self.sa

    def spis(self) -> list[bytes]:
        """The SPIs of all SAs but the IKE SA of the scene: of this conversation, then of those beside it."""
        lanes = self.peer.link.lanes.lanes if isinstance(self.peer.link, Lane) else ()
        beside = [one.peer for one in lanes if one.peer is not None and one.peer is not self.peer]
        found: list[bytes] = []
        for peer in (self.peer, *reversed(beside)):
            for sa in dict.fromkeys(peer.sas.values()):
                found += () if sa is self.sa else (sa.spi_r, sa.spi_i)
                found += (spi for child in sa.children for spi in (child.spi_out, child.spi_in))
        return list(dict.fromkeys(one for one in found if any(one)))

    @property
    def up(self) -> bool:
        """Whether the IKE SA is established, as we see it, and nothing of it is under way."""
        return self.sa is not None and self.sa.state is SaState.ESTABLISHED and not self.sa.closing

    def note(self, entries: Sequence[Entry]) -> None:
        """Let the oracles remember what went by, without a word about it."""
        list(self.watch.look(entries))
        list(self.conversation.look())

    def fresh(self) -> ScriptedSa:
        """A new IKE SA of ours; the script obeys nothing by itself on it."""
        self.sa = self.peer.sa()
        self.sa.obeying, self.sa.pacing = False, True
        self.begun.append(self.sa)
        return self.sa

    def established(self, *, child: str | None = "") -> ScriptedSa:
        """An IKE SA that we have opened. Raises Inconclusive if that does not work."""
        self.sa = self.peer.establish(child=child)
        self.begun.append(self.sa)
        self.sa.pacing = True
        return self.sa

    def opened(self) -> ScriptedSa:
        """An IKE SA after IKE_SA_INIT. Raises Inconclusive if that does not work."""
        self.sa = self.peer.sa()
        self.begun.append(self.sa)
        answer = self.sa.init()
        if self.sa.keys is None:
            raise Inconclusive(f"IKE_SA_INIT: {fatal(answer) or 'no keys'}")
        self.sa.pacing = True
        names = [config.name for config in self.peer.connection.children]
        self.sa.first_child = names[0] if names else None
        return self.sa

    def wait_for(
        self, order: Callable[[], None], exchange: ExchangeType, where: Callable[[Message], bool] | None = None
    ) -> Received:
        """Order something, and hold the request that the device sends then."""
        self.peer.ordered.append(lambda message: message.exchange is exchange)
        order()
        self.held = self.ike.expect_request(exchange, where=where)
        return self.held
