"""Every device with every other one, in both directions, through every scenario."""

import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, replace
from datetime import date
from fnmatch import fnmatchcase
from itertools import combinations, product
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from conformance.script.words import one_line
from peers.capabilities import Capability
from peers.contract import Device, DeviceError
from peers.deviations import Deviation, about, find
from peers.registry import open_device
from peers.tomlfile import nearest
from peers.word import parse
from suites.interop.pair import Outcome, Pair
from suites.interop.record import InteropFolder, Record, Verdict
from suites.interop.scenario import Scenario
from suites.known import read_known

Opener = Callable[..., Device]


@dataclass(frozen=True, slots=True)
class Member:
    """A device of the matrix: its name there, and what it is opened by."""

    label: str
    spec: str


@dataclass(frozen=True, slots=True)
class _Turn:
    """A scenario that is to be run, with the side of the pair that opens, and what came of it before."""

    initiator: int
    scenario: Scenario
    earlier: tuple[Record, ...] = ()


def members(words: Sequence[str]) -> list[Member]:
    """The devices that the words on the command line mean; one that is named twice meets itself.

    Where no place is said, it is one where packets really flow if this machine has it. Raises DeviceError.
    """
    found: list[Member] = []
    for word in words:
        short = Path(word).stem if word.endswith(".toml") else word.partition(":")[0]
        unique = sum(one.partition(":")[0] == short for one in words) == 1
        label = short if unique or word.endswith(".toml") else re.sub("[:/]+", "-", word)
        number = 1 + sum(one.label == label or one.label.startswith(f"{label}#") for one in found)
        found.append(Member(label if number == 1 else f"{label}#{number}", _placed(word)))
    return found


def _placed(word: str) -> str:
    if word.endswith(".toml"):
        return word
    device = parse(word)
    name, place = device.name, device.where
    if name == "reference" and place != "process" and not place.startswith(("process:", "live")):
        return f"reference:live:{place}".rstrip(":")
    if name in ("strongswan", "libreswan") and not place and not device.build:
        from peers.places.rootfs import rootfs_problem
        from peers.places.uml import uml_problem

        if rootfs_problem(device.suite) is None and uml_problem() is None:
            return f"{word}:uml"
    return word


class Matrix:
    """Starts each device once or twice, as one peer of the other must have other addresses, and uses it for all."""

    def __init__(self, devices: Sequence[Member], scenarios: Sequence[Scenario], folder: Path, *,
                 opener: Opener = open_device, today: date | None = None, at_once: int = 2,
                 retry: int = 0) -> None:  # fmt: skip
        self.members, self.scenarios, self.folder = list(devices), list(scenarios), folder
        self._opener = opener
        self._today = today or date.today()
        self._retry = retry
        self._slots = threading.Semaphore(at_once)
        self._devices: dict[tuple[int, bool], Device] = {}
        self._locks: defaultdict[tuple[int, bool], threading.Lock] = defaultdict(threading.Lock)
        self._done: SimpleQueue[Record] = SimpleQueue()
        self._stop = threading.Event()
        self._deviations: dict[int, tuple[Deviation, ...]] = {}

    @property
    def total(self) -> int:
        """How many results there will be."""
        return len(self.members) * (len(self.members) - 1) * len(self.scenarios)

    def run(self, command: Sequence[str]) -> Iterator[Record]:
        """Run everything; yields the results as they come. Raises DeviceError where a device cannot be started."""
        with ExitStack() as stack:
            self._start(stack)
            results = InteropFolder(self.folder, command, self.total, self._described())
            results.open()
            stack.callback(self._stop.set)
            pairs = list(combinations(range(len(self.members)), 2))
            with ThreadPoolExecutor(max_workers=len(pairs)) as pool:
                jobs = [pool.submit(self._pair, indices) for indices in pairs]
                try:
                    for _ in range(self.total):
                        record = self._next(jobs)
                        results.add(record)
                        yield record
                finally:
                    self._stop.set()
            results.finish()

    def _next(self, jobs: list[Future[None]]) -> Record:
        """The next result of any pair. Raises what ended a pair."""
        while True:
            try:
                return self._done.get(timeout=0.2)
            except Empty:
                for job in jobs:
                    if job.done():
                        job.result()

    def _start(self, stack: ExitStack) -> None:
        """Start all devices, side by side: the first of a pair as it is, the second with swapped addresses."""
        last = len(self.members) - 1
        wanted = [(index, swapped) for index in range(last + 1) for swapped in (False, True)
                  if (index < last if not swapped else index > 0)]  # fmt: skip
        lock = threading.Lock()

        def start(which: tuple[int, bool]) -> None:
            device = self._opener(self.members[which[0]].spec, swapped=which[1])
            with lock:
                stack.callback(device.stop)
                self._devices[which] = device
            device.start()

        with ThreadPoolExecutor(max_workers=4) as pool:
            for done in [pool.submit(start, which) for which in wanted]:
                done.result()
        for (index, _), device in self._devices.items():
            path = device.deviations_file
            self._deviations[index] = read_known(path) if path is not None else ()

    def _described(self) -> list[dict[str, Any]]:
        found = []
        for index, member in enumerate(self.members):
            device = next(one for (number, _), one in self._devices.items() if number == index)
            about = {"name": device.name, "version": device.version, "backend": device.backend}
            found.append({"label": member.label, **about, "capabilities": sorted(device.capabilities)})
        return found

    def _pair(self, indices: tuple[int, int]) -> None:
        """Both directions between two devices, once nobody else uses them."""
        one, other = (indices[0], False), (indices[1], True)
        with ExitStack() as stack:
            for lock in (self._locks[one], self._locks[other], self._slots):
                stack.enter_context(lock)
            if self._stop.is_set():
                return
            left = [_Turn(initiator, scenario) for initiator, scenario in product((0, 1), self.scenarios)]
            while left and not self._stop.is_set():
                for lost in self._until_lost(indices, (self._devices[one], self._devices[other]), left):
                    lost.stop()
                    lost.start()

    def _until_lost(self, indices: tuple[int, int], devices: tuple[Device, Device], left: list[_Turn]) -> list[Device]:
        """Run what is ``left``, until a device does not answer any more; returns those that must start anew."""
        with closing(Pair(*devices)) as pair:
            while left and not self._stop.is_set():
                turn = left.pop(0)
                outcome = pair.run(turn.scenario, turn.initiator)
                record = self._record(pair, turn, indices, outcome)
                if record.unexpected and len(turn.earlier) < self._retry:
                    left.insert(0, replace(turn, earlier=(*turn.earlier, record)))
                else:
                    self._done.put(record)
                if outcome.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
                    lost = [one for one in devices if one.restarts and not one.alive()]
                    if lost:
                        return lost
        return []

    def _record(self, pair: Pair, turn: _Turn, indices: tuple[int, int], outcome: Outcome) -> Record:
        initiator, scenario = turn.initiator, turn.scenario
        ours, theirs = indices[initiator], indices[1 - initiator]
        known = None
        if outcome.verdict is Verdict.FAIL and not outcome.died:
            known = self._known(scenario, ours, "initiator", pair.devices[initiator], outcome.reason) or self._known(
                scenario, theirs, "responder", pair.devices[1 - initiator], outcome.reason
            )
        unexpected = outcome.verdict is Verdict.INCONCLUSIVE or (outcome.verdict is Verdict.FAIL and known is None)
        labels = self.members[ours].label, self.members[theirs].label
        evidence = None
        if outcome.verdict is not Verdict.NOT_APPLICABLE and outcome.recording is not None:
            again = f"-try-{len(turn.earlier) + 1}" if turn.earlier else ""
            evidence = f"evidence/{labels[0]}-{labels[1]}/{scenario.id}{again}".replace("#", "-")
            ends = [pair.devices[side].pixit for side in (initiator, 1 - initiator)]
            addresses = [(one.device_address6 or "") if scenario.ipv6 else one.device_address for one in ends]
            outcome.recording.write(self.folder / evidence, outcome.logs, addresses)
        return Record(
            scenario=scenario.id,
            title=scenario.title,
            subject=scenario.subject,
            initiator=labels[0],
            responder=labels[1],
            verdict=outcome.verdict,
            reason=one_line(outcome.reason),
            started=round(outcome.started, 3),
            duration=round(outcome.seconds, 3),
            steps=tuple(asdict(one) for one in outcome.steps),
            traffic=all(Capability.DATA_PLANE in one.capabilities for one in pair.devices),
            decrypted=bool(outcome.recording and outcome.recording.sas),
            known=known,
            unexpected=unexpected,
            flaky=bool(turn.earlier) and not unexpected,
            earlier=tuple(
                {"verdict": one.verdict.value, "reason": one.reason, "evidence": one.evidence} for one in turn.earlier
            ),
            evidence=evidence,
        )

    def _known(self, scenario: Scenario, index: int, role: str, device: Device, got: str) -> dict[str, Any] | None:
        """The known deviation of a device, written for the scenario or for the scenario in this role."""
        for purpose in (scenario.purpose, f"{scenario.purpose}-{role}"):
            spoken = about(self._deviations[index], purpose, device.version, self._today, device.backend)
            found = find(spoken, None, got)
            if found is not None:
                until = found.until.isoformat() if found.until else None
                why = {"reason": found.reason, "until": until, "reference": found.reference}
                return {"device": self.members[index].label, **why}
        return None


def select(scenarios: Sequence[Scenario], patterns: Sequence[str], without: Sequence[str] = ()) -> list[Scenario]:
    """The scenarios whose identifier fits one of the patterns, by default all, and none of ``without``.

    Raises DeviceError for a pattern that fits nothing, and where nothing is left.
    """
    known = {one.id: one for one in scenarios}
    for option, words in (("--scenario", patterns), ("--without", without)):
        for word in words:
            if not any(fnmatchcase(one, word) for one in known):
                hint = nearest(word, known) or "see ikespec interop --list"
                raise DeviceError("interop", f"{option}: no scenario fits {word!r}", hint)
    left = [one for one in known if not any(fnmatchcase(one, pattern) for pattern in without)]
    found = [known[one] for one in left if not patterns or any(fnmatchcase(one, pattern) for pattern in patterns)]
    if not found:
        raise DeviceError("interop", "no scenario is left", "see ikespec interop --list")
    return found
