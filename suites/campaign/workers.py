"""Worker processes of this machine: each has a device of its own, takes jobs, and is replaced when it dies."""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import connection, get_context
from multiprocessing.context import ForkServerContext
from multiprocessing.sharedctypes import RawValue
from typing import Any, Protocol

from peers.contract import DeviceError
from suites.campaign.bench import Batch, Bench, Done, Examine, Examined, Rig

Job = Batch | Examine
Reply = Done | Examined

AHEAD = 2
"""Jobs that wait at a worker or run there, so that it need not wait for the next one."""
GRACE = 30.0
"""Seconds that a worker may be silent beyond what a case may take: it may have to start its device."""
STARTS = 3
"""So often in a row a worker may fail to bring its device up."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A job is done."""

    job: Job
    reply: Reply


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker that ran a job has died, or was ended; ``at`` is the number of its case then, -1 outside of one."""

    job: Job
    words: str
    at: int = -1


@dataclass(frozen=True, slots=True)
class Unusable:
    """A worker has no device and will get none: why, in one line."""

    words: str


News = Finished | Lost | Unusable


class Pool(Protocol):
    """Whoever runs jobs."""

    def room(self) -> int:
        """How many jobs may be given to it now."""

    def submit(self, job: Job) -> None:
        """Give it a job."""

    def wait(self, seconds: float) -> list[News]:
        """What has happened, at the latest after so many seconds."""

    def workers(self) -> int:
        """How many there are."""

    def close(self) -> None:
        """Let the devices be stopped."""


@dataclass(slots=True)
class _Worker:
    """One process with the jobs that it has, the first of which it runs."""

    process: Any
    link: Any
    at: Any
    beat: Any
    jobs: deque[Job] = field(default_factory=deque)
    failures: int = 0


class LocalPool:
    """So many worker processes of this machine."""

    def __init__(self, rig: Rig, count: int) -> None:
        """Start them."""
        self._rig = rig
        self._context = _context()
        self._waiting: deque[Job] = deque()
        self._gone: list[News] = []
        self._workers: list[_Worker] = []
        for _ in range(count):
            self._workers.append(self._start())

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        at, beat = RawValue("i", -1), RawValue("d", time.monotonic())
        process = self._context.Process(target=work, args=(theirs, self._rig, at, beat), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours, at, beat)

    def room(self) -> int:
        """How many jobs may be given to it now."""
        return sum(AHEAD - len(one.jobs) for one in self._workers) - len(self._waiting)

    def workers(self) -> int:
        """How many there are."""
        return len(self._workers)

    def pids(self) -> list[int]:
        """Their processes."""
        return [one.process.pid for one in self._workers]

    def submit(self, job: Job) -> None:
        """Give it a job: the worker with the fewest gets it."""
        self._waiting.append(job)
        self._hand_out()

    def _hand_out(self) -> None:
        while self._waiting and self._workers:
            worker = min(self._workers, key=lambda one: len(one.jobs))
            if len(worker.jobs) >= AHEAD:
                return
            job = self._waiting.popleft()
            worker.jobs.append(job)
            with suppress(OSError):  # it has died, which is seen soon
                worker.link.send(job)

    def wait(self, seconds: float) -> list[News]:
        """What has happened, at the latest after so many seconds; one piece of news of each worker."""
        news, self._gone = self._gone, []
        ready = connection.wait([one.link for one in self._workers], 0 if news else seconds)
        for worker in list(self._workers):
            if worker.link in ready:
                news += self._hear(worker)
            elif time.monotonic() - worker.beat.value > self._rig.limit + GRACE and worker.jobs:
                news += self._bury(worker, f"it was silent for {self._rig.limit + GRACE:.0f} s")
        self._hand_out()
        return news

    def _hear(self, worker: _Worker) -> list[News]:
        try:
            said = worker.link.recv()
        except (EOFError, OSError):
            return self._bury(worker, "it died")
        if isinstance(said, str):
            worker.failures += 1
            if worker.failures < STARTS:
                return []
            self._workers.remove(worker)
            self._end(worker)
            self._requeue(worker)
            return [Unusable(said)]
        worker.failures = 0
        return [Finished(worker.jobs.popleft(), said)]

    def _bury(self, worker: _Worker, words: str) -> list[News]:
        """A worker has died: another takes its place, its jobs come again but for the one that it ran."""
        self._end(worker)
        code = worker.process.exitcode
        how = f"killed by {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
        news: list[News] = []
        if worker.jobs:
            news.append(Lost(worker.jobs.popleft(), f"a worker was lost: {words} ({how})", worker.at.value))
        self._requeue(worker)
        self._workers[self._workers.index(worker)] = self._start()
        return news

    def _requeue(self, worker: _Worker) -> None:
        self._waiting.extendleft(reversed(worker.jobs))
        worker.jobs.clear()

    def _ask(self, worker: _Worker) -> None:
        """Tell a worker to end, which it needs time for: it stops its device."""
        if worker.process.is_alive():
            with suppress(ProcessLookupError):
                os.kill(worker.process.pid, signal.SIGTERM)

    def _end(self, worker: _Worker, patience: float = 10.0) -> None:
        """End a worker: it is asked first."""
        process = worker.process
        self._ask(worker)
        process.join(patience)
        worker.link.close()
        if process.is_alive():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        process.join(5)

    def close(self) -> None:
        """Let the devices be stopped."""
        for worker in self._workers:
            self._ask(worker)
        for worker in self._workers:
            self._end(worker)
        self._workers.clear()


def _context() -> ForkServerContext:
    """Processes are forked from a server that knows our modules and has no threads: they start at once."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["suites.campaign.workers", "suites.campaign.both"])
    return context


class Stopped(BaseException):
    """A worker was told to end."""


def work(link: Any, rig: Rig, at: Any, beat: Any) -> None:
    """What a worker process does until its link is closed or it is told to end."""
    os.setsid()  # Ctrl-C on the terminal is for the campaign, which ends its workers
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def show(number: int) -> None:
        at.value, beat.value = number, time.monotonic()

    bench = Bench(rig, show)
    try:
        signal.signal(signal.SIGTERM, _stop)
        while True:
            job = link.recv()
            show(-1)
            _do(bench, job, link)
            show(-1)
    except (EOFError, OSError, Stopped):
        pass
    finally:
        bench.close()


def _do(bench: Bench, job: Job, link: Any) -> None:
    for _ in range(STARTS):
        try:
            link.send(perform(bench, job))
            return
        except DeviceError as error:
            link.send(" ".join(str(error).split()))
            time.sleep(0.5)


def perform(bench: Bench, job: Job) -> Reply:
    """Do a job. Raises DeviceError."""
    return bench.examine(job) if isinstance(job, Examine) else bench.batch(job)


def _stop(number: int, frame: Any) -> None:
    signal.signal(number, signal.SIG_IGN)  # said once is enough: the device is being stopped
    raise Stopped
