"""Purposes made from tables: what our side does otherwise, what may come of it, and in which role of the device."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from conformance.script.peer import Peer
from peers.capabilities import Capability
from suites.connections import Role, eap
from suites.dut import Dut
from suites.eap_tls.conduct import (
    may_believe,
    may_take,
    must_believe,
    must_not_believe,
    must_refuse,
    must_take,
)
from suites.eap_tls.deviation import Deviation
from suites.ike_auth.refusal import NOT_CREATED
from suites.purpose import purpose

Due = Literal["refused", "unwise", "accepted", "either"]
TOLD = "RFC7296-2.21.2-1"


@dataclass(frozen=True, slots=True)
class Row:
    """One deviation of ours, and what is due.

    Attributes:
        id: of the purpose.
        title: what is sent, and what must come of it; more lines may tell why.
        requirements: the strongest one first; that is the broken one where what is ``accepted`` is refused.
        deviation: what is wrong, or what makes it for the device under test.
        due: ``refused``: nobody is let in. ``unwise``: nobody should be, by the first requirement. ``accepted``: it is
            taken all the same. ``either``: refused, or taken with the same keys on both sides, which is to say that the
            device is not confused.
        method: the EAP method that carries it.
        ordinary: nothing is wrong, so that an ordinary handshake says nothing about it.
    """

    id: str
    title: str
    requirements: tuple[str, ...]
    deviation: Deviation | Callable[[Peer], Deviation]
    due: Due = "refused"
    method: str = "tls"
    ordinary: bool = False

    def made(self, peer: Peer) -> Deviation:
        """The deviation for this device."""
        return self.deviation if isinstance(self.deviation, Deviation) else self.deviation(peer)


def purposes(module: str, role: Role, rows: Sequence[Row]) -> None:
    """Put the purposes of a table into a module; ``role`` is that of the device."""
    for row in rows:
        test = _as_responder(row) if role == "responder" else _as_initiator(row)
        test.__name__ = test.__qualname__ = f"test_{row.id.replace('-', '_')}"
        test.__module__, test.__doc__ = module, row.title
        first = (NOT_CREATED,) if row.due == "refused" else ()
        last = (NOT_CREATED,) if row.due == "either" else ()
        told = (TOLD,) if role == "responder" and row.due != "accepted" else ()
        mark = purpose(
            row.id,
            *dict.fromkeys((*first, *row.requirements, *last, *told)),
            role=role,
            needs=(Capability.EAP if role == "responder" else Capability.EAP_PEER,),
            connection=eap(row.method, device=role),
            ordinary=row.ordinary,
        )
        vars(sys.modules[module])[test.__name__] = mark(test)


def _as_responder(row: Row) -> Callable[..., None]:
    def test(peer: Peer) -> None:
        deviation = row.made(peer)
        match row.due:
            case "accepted":
                must_take(peer, deviation, row.requirements[0])
            case "either":
                may_take(peer, deviation)
            case "unwise":
                must_refuse(peer, deviation, row.requirements[0])
            case "refused":
                must_refuse(peer, deviation)

    return test


def _as_initiator(row: Row) -> Callable[..., None]:
    def test(peer: Peer, dut: Dut) -> None:
        deviation = row.made(peer)
        match row.due:
            case "accepted":
                must_believe(peer, dut, deviation, row.requirements[0])
            case "either":
                may_believe(peer, dut, deviation)
            case "unwise":
                must_not_believe(peer, dut, deviation, row.requirements[0])
            case "refused":
                must_not_believe(peer, dut, deviation)

    return test
