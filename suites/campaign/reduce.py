"""Making a finding smaller: cases, then messages, then mutations, payloads and octets are left out as far as it goes.

This is delta debugging (Zeller and Hildebrandt, 2002): parts of a list are left out, large ones first, as long as what
is left still shows the same. Every question costs a replay on a fresh device, so none is asked twice and there is an
end to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from conformance.fuzz.mutation import Mutation
from suites.campaign.case import Step
from suites.campaign.findings import Script, script_json

_T = TypeVar("_T")
MOST_PASSES = 4
"""So often everything is tried again that could not be left out before."""
MOST_SIMPLER = 12
"""So often a mutation becomes simpler: a number that can always be smaller by one would take forever."""
MOST_ALONE = 16
"""Of so many datagrams of one message each is tried alone."""
_HEADER = 4
"""Octets of the generic header of a payload (RFC 7296, 3.2)."""

Simpler = Callable[[Mutation], Iterator[Mutation]]


class Reducer:
    """Asks whether a script still shows what it should.

    Attributes:
        replays: how many times that was tried.
        most: how many times it may be tried; then whatever was reached stays.
    """

    def __init__(self, still: Callable[[Script], int | None], simpler: Simpler, most: int = 400) -> None:
        """``still`` runs a script: how many datagrams showed it, None for what does not show it.

        ``simpler`` knows simpler mutations, the simplest first.
        """
        self._still, self._simpler, self.most = still, simpler, most
        self._known: dict[str, int | None] = {}
        self.replays = 0

    def reduce(self, script: Script) -> Script:
        """The smallest script that was found; the one that is given is taken to show it."""
        before: Script = ()
        for _ in range(MOST_PASSES):
            if before == script or self.replays >= self.most:
                break
            before = script
            script = self._without(script, lambda cases: cases)
            for at in range(len(script)):
                script = self._steps(script, at)
            for at, case in enumerate(script):
                for number in range(len(case.steps)):
                    script = self._step(script, at, number)
        return script

    def _steps(self, script: Script, at: int) -> Script:
        """Fewer messages in one of its cases; one that sends none is kept, for it still reaches its state."""
        case = script[at]

        def with_steps(steps: tuple[Step, ...]) -> Script:
            return _put(script, at, replace(case, steps=steps))

        found = self._without(case.steps, with_steps)
        return with_steps(found)

    def _step(self, script: Script, at: int, number: int) -> Script:
        """Less in one message."""

        def with_step(step: Step) -> Script:
            case = script[at]
            return _put(script, at, replace(case, steps=_put(case.steps, number, step)))

        step = script[at].steps[number]
        step = self._first(step, [replace(step, content="")] if step.content else [], with_step)
        mutations = self._without(step.mutations, lambda kept: with_step(replace(step, mutations=kept)))
        step = replace(step, mutations=mutations)
        for place in range(len(step.mutations)):
            step = self._mutation(step, place, with_step)
        if step.content and step.kind != "octets":
            step = self._payloads(step, with_step)
        if step.content:
            step = self._octets(step, with_step)
        return with_step(self._alone(step, with_step))

    def _alone(self, step: Step, with_step: Callable[[Step], Script]) -> Step:
        """One datagram of a message that is sent in several, if it is the one that matters."""
        script = with_step(step)
        sent = self._took(script)
        if sent is None or sent <= sum(len(case.steps) for case in script):
            return step
        alone = (Mutation("datagram", "datagram", ("alone", at, 0)) for at in range(min(sent, MOST_ALONE)))
        candidates = [replace(step, mutations=(*step.mutations, one)) for one in alone]
        return self._first(step, candidates, with_step)

    def _mutation(self, step: Step, place: int, with_step: Callable[[Step], Script]) -> Step:
        """A simpler mutation in place of one, a few times."""
        for _ in range(MOST_SIMPLER):
            mutation = step.mutations[place]
            simpler = [replace(step, mutations=_put(step.mutations, place, one)) for one in self._simpler(mutation)]
            found = self._first(step, simpler, with_step)
            if found == step:
                break
            step = found
        return step

    def _payloads(self, step: Step, with_step: Callable[[Step], Script]) -> Step:
        """Fewer payloads in what replaces those of a message."""
        payloads = payloads_of(step.content)
        if payloads is None:
            return step
        kept = self._without(payloads, lambda some: with_step(replace(step, content=content_of(some))))
        return replace(step, content=content_of(kept))

    def _octets(self, step: Step, with_step: Callable[[Step], Script]) -> Step:
        """Fewer octets: the end is left out first, by halves."""
        head, _, digits = step.content.rpartition(":")
        prefix = f"{head}:" if head else ""
        octets = bytes.fromhex(digits)
        cut = len(octets) // 2
        while cut:
            shorter = replace(step, content=prefix + octets[: len(octets) - cut].hex())
            if len(octets) > cut and self._shows(with_step(shorter)):
                octets, step = octets[: len(octets) - cut], shorter
            cut = min(cut // 2, len(octets) // 2)
        return step

    def _first(self, step: Step, candidates: Sequence[Step], with_step: Callable[[Step], Script]) -> Step:
        """The first of the candidates that still shows it, else the step itself."""
        return next((one for one in candidates if self._shows(with_step(one))), step)

    def _without(self, parts: tuple[_T, ...], script: Callable[[tuple[_T, ...]], Script]) -> tuple[_T, ...]:
        """As few of the parts as possible."""
        size = len(parts)
        while size:
            at = 0
            while at < len(parts):
                kept = parts[:at] + parts[at + size :]
                tried = script(kept)
                if tried and self._shows(tried):
                    parts = kept
                else:
                    at += size
            size = min(size // 2, len(parts) // 2) if size > 1 else 0
        return parts

    def _shows(self, script: Script) -> bool:
        return self._took(script) is not None

    def _took(self, script: Script) -> int | None:
        """How many datagrams showed it; None: it is not shown, or nobody may ask any more."""
        key = script_json(script)
        if key not in self._known:
            if self.replays >= self.most:
                return None
            self.replays += 1
            self._known[key] = self._still(script)
        return self._known[key]


def _put(items: tuple[_T, ...], at: int, item: _T) -> tuple[_T, ...]:
    return (*items[:at], item, *items[at + 1 :])


def payloads_of(content: str) -> tuple[tuple[int, bytes], ...] | None:
    """The payloads of a chain by type, without their headers' first octet; None if it is no chain that fits."""
    kind_text, _, digits = content.partition(":")
    try:
        kind, octets = int(kind_text, 16), bytes.fromhex(digits)
    except ValueError:
        return None
    found = []
    while kind and octets:
        length = int.from_bytes(octets[2:4], "big")
        if len(octets) < _HEADER or not _HEADER <= length <= len(octets):
            return None
        found.append((kind, octets[1:length]))
        kind, octets = octets[0], octets[length:]
    return tuple(found) if not octets else None


def content_of(payloads: Sequence[tuple[int, bytes]]) -> str:
    """Inverse of `payloads_of`, with next payloads as they must be."""
    kinds = [kind for kind, _ in payloads] or [0]
    following = (*kinds[1:], 0)
    chain = b"".join(bytes((after,)) + body for after, (_, body) in zip(following, payloads, strict=False))
    return f"{kinds[0]:02x}:{chain.hex()}"
