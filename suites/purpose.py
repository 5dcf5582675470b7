"""Test purposes: one thing that is checked, with its identifier, its requirements, and what it needs of the device."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from conformance.net.http import WebServer
from peers.capabilities import Capability
from suites.connections import Role, Setup, usual
from suites.invariants.names import check

Test = TypeVar("Test", bound=Callable[..., None])

TIERS = ("quick", "full", "slow")
"""Each has all of those before it.

The first has what waits for nothing and is about IKE and what it carries. The second adds what waits a little, and what
goes on beneath IKE and behind the device: TLS, smart cards, raw keys, certificates that are malformed or fetched,
RADIUS. The third is everything.
"""

PATIENCE = 10.0
"""Seconds that a purpose of the full tier may wait."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """A test purpose.

    ``requirements`` are ids of the catalogue; the first one is broken when a purpose fails without naming another.
    ``role`` is that of the device in the exchange that is tested. ``needs`` are capabilities without which it is not
    applicable. ``setup`` makes our connection, ``device`` changes fields of the device's mirrored view of it. ``waits``
    is real time in seconds that the purpose must let pass; one that waits belongs to the full tier, or to the slow one.
    ``depth`` is the first tier that has its module, which says so by a constant of the name ``TIER``.

    An ordinary handshake with this connection comes before each purpose where the device is the responder
    (`suites.guard`). ``ordinary``: that handshake itself is what is tested, so it says nothing about the purpose.
    ``family`` is what all have in common that are made of one text for several methods.
    ``canary``: its IKE SA must live through the purpose; where the device would remember too much of it, the handshake
    comes afterwards. ``web`` prepares a web server at the tester's address, None: there is none.
    ``without`` are the names of the invariants (`suites.invariants`) that what it sends may break.
    """

    id: str
    requirements: tuple[str, ...]
    role: Role
    needs: frozenset[Capability] = frozenset()
    setup: Setup = field(default=usual(), repr=False)
    device: Mapping[str, Any] = field(default_factory=dict, repr=False)
    waits: float = 0.0
    ordinary: bool = False
    canary: bool = True
    family: str = ""
    web: Callable[[WebServer], None] | None = field(default=None, repr=False)
    without: frozenset[str] = frozenset()
    depth: str = "quick"

    @property
    def tier(self) -> str:
        """The first of `TIERS` that has it."""
        return max("slow" if self.waits > PATIENCE else "full" if self.waits else "quick", self.depth, key=TIERS.index)


def purpose(
    identifier: str,
    *requirements: str,
    role: Role,
    needs: tuple[Capability, ...] = (),
    connection: Setup | None = None,
    device: Mapping[str, Any] | None = None,
    waits: float = 0.0,
    ordinary: bool = False,
    canary: bool = True,
    family: str = "",
    web: Callable[[WebServer], None] | None = None,
    without: tuple[str, ...] = (),
) -> Callable[[Test], Test]:
    """Make a test function a test purpose. Its docstring's first line is the title, the rest says what is sent and why.

    The function gets the fixtures ``peer`` (`conformance.script.peer.Peer`), ``dut`` (`suites.dut.Dut`), and where an
    AAA server is asked ``aaa`` (`suites.radius.Aaa`).
    """
    if not requirements:
        raise ValueError(f"purpose {identifier} cites no requirement")
    base = {Capability.INITIATOR if role == "initiator" else Capability.RESPONDER}
    made = Purpose(
        identifier,
        requirements,
        role,
        frozenset(base | set(needs)),
        connection or usual(),
        dict(device or {}),
        waits,
        ordinary,
        canary,
        family,
        web,
        check(without),
    )

    def mark(test: Test) -> Test:
        depth = vars(sys.modules[test.__module__]).get("TIER", TIERS[0])
        test.__purpose__ = replace(made, depth=depth)  # type: ignore[attr-defined]
        return test

    return mark


def purpose_of(function: object) -> Purpose | None:
    """The purpose of a test function, None if it is an ordinary one."""
    found = getattr(function, "__purpose__", None)
    return found if isinstance(found, Purpose) else None


def parts(purposes: Sequence[Purpose], number: int) -> list[list[Purpose]]:
    """Deal purposes out into parts that take about as long, the same ones in every process.

    A purpose takes what it waits and a fifth of a second for its messages. Neighbours come into different parts, so
    that each part has something of every subject.
    """
    dealt: list[list[Purpose]] = [[] for _ in range(number)]
    taken = [0.0] * number
    for purpose in sorted(purposes, key=lambda one: (-one.waits, one.id)):
        part = taken.index(min(taken))
        dealt[part].append(purpose)
        taken[part] += purpose.waits + 0.2
    return dealt
