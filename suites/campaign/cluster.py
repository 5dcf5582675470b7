"""Workers on many machines, by dask.distributed: each has a device, which is a resource that a job needs.

The campaign itself stays one process with one corpus and one set of findings, whatever workers join and leave. A job
whose worker has died is given to another one by the scheduler.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from distributed import Client, KilledWorker
from distributed import wait as wait_for

from peers.contract import DeviceError
from suites.campaign.bench import Batch, Bench, Rig
from suites.campaign.store import StoreError
from suites.campaign.workers import AHEAD, GRACE, STARTS, Finished, Job, Lost, News, Reply, Unusable, perform

RESOURCE = "device"
"""What a worker must offer: ``dask worker ADDRESS --nthreads 1 --resources device=1``."""
_LOOK_EVERY = 1.0
"""Seconds between two looks at who is there."""

_benches: dict[tuple[str, int], Bench] = {}


def run_job(rig: Rig, job: Job) -> Reply:
    """What a worker does: the device stays for the next job. Raises DeviceError."""
    bench = _benches.get((rig.word, rig.seed))
    if bench is None:
        bench = _benches[rig.word, rig.seed] = Bench(rig)
    return perform(bench, job)


def stop_devices() -> None:
    """Stop the devices of a worker."""
    while _benches:
        _benches.popitem()[1].close()


class ClusterPool:
    """The workers of a scheduler."""

    def __init__(self, address: str, rig: Rig) -> None:
        """Connect. Raises StoreError where nobody answers."""
        self._rig = rig
        try:
            self._client = Client(address, timeout=10)
        except (OSError, ValueError) as error:
            raise StoreError(f"--scheduler {address}: {error}") from None
        self._jobs: dict[Any, tuple[Job, float]] = {}
        self._count, self._looked = 0, 0.0
        self._failures = 0
        self._unusable = False

    def workers(self) -> int:
        """How many have a device; at least one until it is known that none can be had."""
        if time.monotonic() - self._looked > _LOOK_EVERY:
            self._looked = time.monotonic()
            there = self._client.scheduler_info(n_workers=-1)["workers"].values()
            self._count = sum(bool(one.get("resources", {}).get(RESOURCE)) for one in there)
        return 0 if self._unusable else max(1, self._count)

    def room(self) -> int:
        """How many jobs may be given to it now."""
        return AHEAD * self.workers() - len(self._jobs)

    def submit(self, job: Job) -> None:
        """Give it a job."""
        future = self._client.submit(run_job, self._rig, job, resources={RESOURCE: 1}, pure=False)
        self._jobs[future] = job, time.monotonic()

    def wait(self, seconds: float) -> list[News]:
        """What has happened, at the latest after so many seconds."""
        if not self._jobs:
            time.sleep(seconds)
            return []
        with suppress(TimeoutError):
            wait_for(list(self._jobs), timeout=max(seconds, 0.01), return_when="FIRST_COMPLETED")
        news: list[News] = []
        for future in [one for one in self._jobs if one.done()]:
            job, _ = self._jobs.pop(future)
            news += self._news(job, future)
        return news + self._late()

    def _news(self, job: Job, future: Any) -> list[News]:
        try:
            reply = future.result()  # a worker that dies now takes along what it has done already
        except DeviceError as error:
            self._failures += 1
            if self._failures >= STARTS * self.workers():
                self._unusable = True
                return [Unusable(" ".join(str(error).split()))]
            self.submit(job)
            return []
        except KilledWorker:
            return [Lost(job, "a worker was lost: it died, again and again")]
        except Exception as error:  # whatever the cluster says of it
            return [Lost(job, f"a worker was lost: {type(error).__name__}: {error}")]
        self._failures = 0
        return [Finished(job, reply)]

    def _late(self) -> list[News]:
        """Jobs that take longer than they may: their workers are started again."""
        news: list[News] = []
        processing: dict[str, Any] | None = None
        for future, (job, since) in list(self._jobs.items()):
            cases = len(job.cases) if isinstance(job, Batch) else 1
            patience = 2 * (self._rig.limit + GRACE) if cases == 1 else cases * self._rig.limit + GRACE
            if isinstance(job, Batch) and time.monotonic() - since > AHEAD * patience:
                processing = self._client.processing() if processing is None else processing
                guilty = [address for address, keys in processing.items() if future.key in keys]
                del self._jobs[future]
                future.cancel()
                if guilty:
                    self._client.restart_workers(guilty, raise_for_error=False)
                news.append(Lost(job, f"a worker was silent for {AHEAD * patience:.0f} s"))
        return news

    def close(self) -> None:
        """Let the devices be stopped; the workers stay."""
        for future in self._jobs:
            future.cancel()
        self._jobs.clear()
        with suppress(Exception):  # a worker may be gone
            self._client.run(stop_devices, on_error="ignore")
        self._client.close(timeout=5)
