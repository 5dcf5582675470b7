"""A pool without processes: each job is done where it is given, so that what it costs is what this process costs."""

from collections import deque

from suites.campaign.bench import Bench, Rig
from suites.campaign.workers import Finished, Job, News, perform


class InlinePool:
    """One worker, which is this process. No job waits long: it is done when somebody asks for news."""

    def __init__(self, rig: Rig) -> None:
        """Nothing is started yet."""
        self.bench = Bench(rig)
        self._jobs: deque[Job] = deque()

    def room(self) -> int:
        """How many jobs may be given to it now."""
        return 1 - len(self._jobs)

    def submit(self, job: Job) -> None:
        """Give it a job."""
        self._jobs.append(job)

    def wait(self, seconds: float) -> list[News]:
        """Do the next job."""
        if not self._jobs:
            return []
        job = self._jobs.popleft()
        return [Finished(job, perform(self.bench, job))]

    def workers(self) -> int:
        """How many there are."""
        return 1

    def close(self) -> None:
        """Let the device be stopped."""
        self.bench.close()
