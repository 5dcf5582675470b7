"""The Security Policy Database: what is protected, what may pass without, what must not pass (RFC 4301, section 4.4.1).

Policies are ordered and the first that selects a packet decides.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from conformance.ike.core.selectors import selectors
from conformance.ipsec.flow import Flow, flow_of, selected
from conformance.ipsec.ip import parse
from conformance.wire import TrafficSelector


class Action(Enum):
    """What a policy does with the packets it selects (RFC 4301, section 4.4.1)."""

    PROTECT = "protect"
    BYPASS = "bypass"
    DISCARD = "discard"


class Direction(Enum):
    """The way of a packet through the IPsec boundary."""

    OUT = "out"
    IN = "in"


@dataclass(frozen=True, slots=True)
class Policy:
    """An entry of the SPD. Selectors are as this side sees them, no selectors: any.

    ``directions`` are the ways it is for. Selectors for ports never match fragments that do not show them, unless they
    are OPAQUE (RFC 4301, section 7).
    """

    action: Action
    local: tuple[TrafficSelector, ...] = ()
    remote: tuple[TrafficSelector, ...] = ()
    name: str = ""
    directions: frozenset[Direction] = frozenset(Direction)

    @classmethod
    def of(cls, action: Action, local: Iterable[str] = (), remote: Iterable[str] = (), name: str = "") -> "Policy":
        """A policy from selectors as configurations write them. Raises SelectorError."""
        return cls(action, selectors(local), selectors(remote), name)

    def selects(self, flow: Flow, direction: Direction) -> bool:
        """The policy is for packets of this flow."""
        source, destination = (self.local, self.remote) if direction == Direction.OUT else (self.remote, self.local)
        return direction in self.directions and selected(flow, source, destination)


DISCARD_ALL = Policy(Action.DISCARD, name="default")
"""The nominal last entry (RFC 4301, section 5.2)."""


class Spd:
    """Ordered policies. What no policy selects is discarded."""

    def __init__(self, policies: Iterable[Policy] = ()) -> None:
        self.policies: list[Policy] = list(policies)

    def add(self, policy: Policy, position: int | None = None) -> None:
        """Adds a policy, at the end or at a position from the start."""
        self.policies.insert(len(self.policies) if position is None else position, policy)

    def remove(self, policy: Policy) -> None:
        """Takes a policy away; nothing happens when it is not there."""
        self.policies = [each for each in self.policies if each != policy]

    def find(self, flow: Flow, direction: Direction) -> Policy:
        """The first policy that selects the flow."""
        return next((each for each in self.policies if each.selects(flow, direction)), DISCARD_ALL)

    def lookup(self, packet: bytes, direction: Direction) -> Policy:
        """The policy for a packet. Raises MalformedPacket."""
        return self.find(flow_of(packet, parse(packet)), direction)
