"""Sending a sweep: in groups where that is possible, by halves where a group is refused, one by one where it kills."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from conformance.script.peer import Peer
from conformance.script.sa import fatal
from conformance.script.verdict import Inconclusive, Unexpected
from conformance.wire import Message, NotifyType
from peers.contract import Device
from suites.dut import Dut
from suites.format.steps import serves_others
from suites.sweeps.cases import Case, Due, Sweep
from suites.sweeps.places import Place, Sending

LONGEST = {False: 10.0, True: 3600.0}
"""Seconds after which a reduced and a whole sweep end; what is left makes no whole one."""
BATCH = 16
"""Messages between two looks whether the device lives, if it answers nothing."""
NAMED = 4
"""So many cases of a group are told; of a longer one the first and the last."""

_deadly: WeakKeyDictionary[Device, dict[str, tuple[Case, ...]]] = WeakKeyDictionary()
"""By device and purpose the messages after which it was gone: when the purpose is tried again, it begins with those."""


@dataclass(slots=True)
class Run:
    """A sweep on a device. ``left`` says what there was no time for."""

    identifier: str
    sweep: Sweep
    place: Place
    peer: Peer
    dut: Dut
    late: list[tuple[Sending, tuple[Case, ...]]] = field(default_factory=list)
    unseen: list[Case] = field(default_factory=list)
    left: str = ""

    def go(self, *, whole: bool) -> None:
        """Send everything, what has killed the device before first of all and each alone."""
        suspects = _deadly.get(self.dut.device, {}).pop(self.identifier, ())
        for case in suspects:
            self.attempt((case,))
            self.must_live((case,))
        cases = (case for number in self.sweep.chosen(whole=whole) for case in self.sweep.cases(self.dut, number))
        for group in self.in_time(list(self.sweep.groups(cases)), LONGEST[whole]):
            self.attempt(group)
        self.must_live(self.unseen)
        serves_others(self.peer)
        if whole and self.left:
            raise Inconclusive(self.left)

    def in_time(self, groups: Sequence[tuple[Case, ...]], longest: float) -> Iterator[tuple[Case, ...]]:
        """One group after the other, as long as there is time."""
        until = self.peer.link.now() + longest
        for number, group in enumerate(groups):
            if self.peer.link.now() > until:
                self.left = f"no time for {len(groups) - number} of {len(groups)} messages"
                self.peer.note(self.left)
                return
            self.peer.note(told(group))
            yield group

    def attempt(self, group: tuple[Case, ...]) -> None:
        """Send a group in one message, and judge what comes."""
        if group[0].due is Due.IGNORED:
            self.must_be_ignored(group)
            return
        sending = self.send(group, wanted=False)
        if sending.answer is not None:
            self.unseen.clear()
            if len(group) > 1 and self.place.succeeded(sending.answer):  # which one was it?
                half = len(group) // 2
                self.attempt(group[:half])
                self.attempt(group[half:])
            self.judge(sending.answer, group)
            return
        self.late.append((sending, group))
        self.unseen += group
        if len(self.unseen) >= BATCH:
            self.must_live(self.unseen)

    def send(self, group: Sequence[Case], *, wanted: bool) -> Sending:
        """One message with the items of a group."""
        try:
            return self.place.send(self.sweep.put(group[0].due, [one.item for one in group]), wanted=wanted)
        except Inconclusive:  # what comes before it does not work any more
            self.must_live((*self.unseen, *group))
            raise

    def must_be_ignored(self, group: tuple[Case, ...]) -> None:
        """The exchange succeeds; if it does not, by halves. What is refused alone is tried twice: once is chance."""
        answer = None
        single = len(group) == 1
        for _ in range(2 if single and self.place.again else 1):
            answer = self.send(group, wanted=True).answer
            if answer is not None and self.place.succeeded(answer):
                self.unseen.clear()
                self.judge(answer, group)
                return
            if answer is None:
                self.must_live(group)
        if single or not self.place.again:
            got = answer if answer is not None else "nothing"
            self.peer.check(False, f"an ordinary answer to {told(group)}", got, self.sweep.requirements[0])
        half = len(group) // 2
        self.must_be_ignored(group[:half])
        self.must_be_ignored(group[half:])
        self.peer.note(f"refused together, and no one alone: {told(group)}")

    def judge(self, answer: Message, group: tuple[Case, ...]) -> None:
        """What an answer must not say."""
        due, refused, bypass = group[0].due, self.sweep.requirements[-1], self.sweep.bypass
        items = [one.item for one in group]
        if due in (Due.REFUSED, Due.CRITICAL):
            granted = self.place.succeeded(answer)
            self.peer.check(not granted, f"no success with {told(group)}", answer, refused, bypass=bypass)
        elif due is Due.IGNORED or (self.sweep.strict and self.place.succeeded(answer)):
            taken = self.sweep.taken(answer, items)
            self.peer.check(not taken, f"nothing taken of {told(group)}", answer, refused)
        if due is Due.CRITICAL:
            said = answer.notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD)
            right = said is None or said.data == bytes((group[0].number,))
            named = f"N(UNSUPPORTED_CRITICAL_PAYLOAD) names the type {group[0].number}"
            self.peer.check(right, named, answer, "RFC7296-2.5-12")
            self.peer.check(fatal(answer) is not None, f"an error for {told(group)}", answer, refused)

    def must_live(self, sent: Iterable[Case]) -> None:
        """After messages without an answer the device must show that it lives; else they are remembered."""
        cases = tuple(sent)
        self.unseen.clear()
        if not cases:
            return
        if lives(self.peer, self.dut):
            for sending, group in self.late:
                if sending.answer is not None:
                    self.judge(sending.answer, group)
            self.late.clear()
            return
        _deadly.setdefault(self.dut.device, {})[self.identifier] = cases
        raise Unexpected("the device goes on answering", f"nothing after {told(cases)}")


def lives(peer: Peer, dut: Dut) -> bool:
    """The IKE SA from before the purpose answers, or a new one is served."""
    canary = dut.guard.canary
    if canary is not None and canary.up:
        return canary.answers()
    try:
        serves_others(peer)
    except Unexpected:
        return False
    return True


def told(cases: Sequence[Case]) -> str:
    """Cases in words."""
    if len(cases) <= NAMED:
        return ", ".join(one.text for one in cases)
    return f"{cases[0].text} to {cases[-1].text} ({len(cases)} together)"
