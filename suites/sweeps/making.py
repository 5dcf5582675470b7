"""Purposes of a table: each row in each of its places, a few numbers for the full tier and all of them for the slow."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from conformance.script.peer import Peer
from suites.connections import Setup, usual
from suites.dut import Dut
from suites.purpose import purpose
from suites.sweeps.cases import Sweep
from suites.sweeps.engine import Run
from suites.sweeps.places import Place

WAITS = {False: 1.0, True: 20.0}
"""Seconds that a reduced and a whole sweep take on a real device, about."""

ORDINARY = usual()


@dataclass(frozen=True, slots=True)
class Row:
    """A sweep with the places of its numbers, the sentence that tells of it, and what connection it needs."""

    sweep: Sweep
    places: tuple[type[Place], ...]
    text: str
    connection: Setup = ORDINARY


def purposes(module: str, rows: Sequence[Row]) -> None:
    """Put the purposes of a table into a module."""
    for row in rows:
        for place in row.places:
            for whole in (False, True) if row.sweep.many else (False,):
                _make(module, row, place, whole=whole)


def _make(module: str, row: Row, place: type[Place], *, whole: bool) -> None:
    base = f"sweep-{row.sweep.registry}-{place.name}"
    identifier = f"{base}-whole" if whole else base
    test = _test(identifier, row.sweep, place, whole=whole)
    test.__name__ = test.__qualname__ = f"test_{identifier.replace('-', '_')}"
    test.__module__ = module
    test.__doc__ = f"{'All' if whole else 'Some' if row.sweep.many else 'Few and many'} {row.text} in {place.text}."
    mark = purpose(
        identifier,
        *row.sweep.requirements,
        role=place.role,
        needs=place.needs,
        connection=row.connection,
        waits=WAITS[whole],
        family=base,
    )
    vars(sys.modules[module])[test.__name__] = mark(test)


def _test(identifier: str, sweep: Sweep, place: type[Place], *, whole: bool) -> Callable[..., None]:
    def test(peer: Peer, dut: Dut) -> None:
        Run(identifier, sweep, place(peer, dut), peer, dut).go(whole=whole)

    return test
