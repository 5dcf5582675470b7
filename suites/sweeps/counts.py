"""How many there are of something: none, two, more than two, as many as a field can count.

A device may be out of room above 3000 octets (RFC 7296, section 2), so the largest messages may be refused. Of many the
last one is what the device takes, and it must be found there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from conformance.ike.core.selectors import selectors
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.wire import SA, Encr, Message, Notify, NotifyType, Proposal, Transform, TransformType, TSi, TSr
from suites.dut import Dut
from suites.sweeps.cases import Case, Cases, Due, Sweep
from suites.sweeps.proposals import chosen

MOST = 40
"""So many still fit into 3000 octets beside the rest."""
COUNTS = (0, 1, 2, 3, 20, MOST, 255)
UNKNOWN = 2000
"""The first of the numbers of ciphers that nobody has."""


def _due(number: int) -> Due:
    return Due.REFUSED if not number else Due.IGNORED if number <= MOST else Due.OPEN


def _bad(good: Proposal, number: int) -> Proposal:
    cipher = Transform(TransformType.ENCR, Encr(UNKNOWN + number))
    return replace(good, number=number, transforms=(cipher,))


def _proposals(due: Due, items: Sequence[int]) -> Bend:
    count = items[0]

    def other(sa: SA) -> SA:
        good = sa.proposals[0]
        bad = [_bad(good, number) for number in range(1, count)]
        return replace(sa, proposals=(*bad, replace(good, number=count)) if count else ())

    return bend.replace(SA, other, f"{count} proposals")


def _transforms(due: Due, items: Sequence[int]) -> Bend:
    def other(sa: SA) -> SA:
        return replace(sa, proposals=tuple(map(changed, sa.proposals)))

    def changed(good: Proposal) -> Proposal:
        if not items[0]:
            return replace(good, transforms=())
        more = [Transform(TransformType.ENCR, Encr(UNKNOWN + at)) for at in range(items[0] - len(good.transforms))]
        return replace(good, transforms=(*more, *good.transforms))

    return bend.replace(SA, other, f"{items[0]} transforms")


def _selectors(due: Due, items: Sequence[int]) -> Bend:
    outside = selectors(tuple(f"198.51.100.{at}/32" for at in range(max(items[0] - 1, 0))))

    def other(one: TSi | TSr) -> TSi | TSr:
        return replace(one, selectors=(*outside, one.selectors[-1]) if items[0] else ())

    return bend.replace(TSi, other, f"{items[0]} selectors") | bend.replace(TSr, other, f"{items[0]} selectors")


def _notifies(due: Due, items: Sequence[int]) -> Bend:
    more = [Notify(NotifyType(20000 + at)) for at in range(items[0])]
    return bend.order(lambda found: [*found, *more], f"{items[0]} unknown notifies more")


def _another(answer: Message, items: Sequence[int]) -> bool:
    found = chosen(answer)
    return found is not None and found.number != items[0]


def _counted(what: str) -> Cases:
    def cases(dut: Dut, number: int) -> Iterable[Case]:
        yield Case(number, f"{number} {what}", _due(number), number)

    return cases


def _few(dut: Dut, number: int) -> Iterable[Case]:
    """A device may bound how many notifies it reads."""
    yield Case(number, f"{number} unknown notifies", Due.IGNORED if number <= 8 else Due.OPEN, number)


def _numbered(due: Due, items: Sequence[int]) -> Bend:
    def other(sa: SA) -> SA:
        return replace(sa, proposals=tuple(replace(one, number=items[0]) for one in sa.proposals[:1]))

    return bend.replace(SA, other, f"a proposal with number {items[0]}")


def _numbers(dut: Dut, number: int) -> Iterable[Case]:
    """The first number is 1; what is made of others is open, but the answer has the same."""
    yield Case(number, f"a proposal with number {number}", Due.IGNORED if number == 1 else Due.OPEN, number)


def _spis(due: Due, items: Sequence[int]) -> Bend:
    def other(sa: SA) -> SA:
        return replace(sa, proposals=tuple(replace(one, spi=bytes(range(1, items[0] + 1))) for one in sa.proposals))

    return bend.replace(SA, other, f"SPIs of {items[0]} octets")


def spi_sizes(due: Due) -> Sweep:
    """The sweep over sizes of the SPI in a proposal; only an SA of ESP or AH has one of four octets."""

    def cases(dut: Dut, number: int) -> Iterable[Case]:
        yield Case(number, f"an SPI of {number} octets", due, number)

    numbers = (0, 1, 2, 3, 5, 7, 8, 9, 16, 128, 254, 255)
    return Sweep("spi-size", numbers, cases, _spis, ("RFC7296-3.3.1-8", "RFC7296-3.3.1-9"))


def _some(dut: Dut, number: int) -> Iterable[Case]:
    """A device may have room for a few selectors only."""
    yield Case(number, f"{number} selectors", Due.OPEN if number > 8 else _due(number), number)


PROPOSAL_NUMBERS = Sweep(
    "proposal-numbers",
    tuple(range(256)),
    _numbers,
    _numbered,
    ("RFC7296-3.3.1-6",),
    taken=_another,
    strict=True,
    always=(1,),
)
FEW_NUMBERS = replace(PROPOSAL_NUMBERS, numbers=(0, 1, 2, 255), always=())
"""What is chosen by another number than that of our offer stays half-open, and a device has room for a few of those."""
PROPOSALS = Sweep(
    "proposal-count",
    COUNTS,
    _counted("proposals"),
    _proposals,
    ("RFC7296-3.3.1-6", "RFC7296-2.7-3"),
    taken=_another,
    strict=True,
)
FEW_PROPOSALS = replace(PROPOSALS, numbers=(0, 3, 20, 255))
TRANSFORMS = Sweep(
    "transform-count", (0, 5, 6, 20, MOST, 255), _counted("transforms"), _transforms,
    ("RFC7296-3.3.6-1", "RFC7296-3.3.6-8"),
)  # fmt: skip
SELECTORS = Sweep("selector-count", (0, 1, 2, 3, 8, 17, 255), _some, _selectors, ("RFC7296-3.13-4", "RFC7296-2.9-6"))
NOTIFIES = Sweep("notify-count", (1, 2, 8, 20, 21, 100, 255, 1000), _few, _notifies, ("RFC7296-3.10.1-3",))
