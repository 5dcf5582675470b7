"""A campaign on a scheduler with three workers, of which one is killed: nothing is lost, and all agree."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from suites.campaign.campaign import Campaign, NoDevice, Pace
from suites.campaign.corpus import Corpus
from suites.campaign.findings import Finding
from suites.campaign.knowledge import Knowledge
from suites.campaign.schedule import Schedule
from suites.campaign.store import Store, StoreError
from suites.campaign.workers import AHEAD
from tests.campaign.fake import SOURCES, STATES, rig

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")

from suites.campaign.cluster import RESOURCE, ClusterPool  # noqa: E402


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with distributed.LocalCluster(
        n_workers=3,
        threads_per_worker=1,
        processes=True,
        resources={RESOURCE: 1},
        dashboard_address=None,
        memory_limit=0,
    ) as cluster:
        yield cluster.scheduler_address


def campaign(folder: Path, address: str, word: str, batch: int = 16) -> tuple[Campaign, Store]:
    store = Store(folder)
    pool = ClusterPool(address, rig(word))
    return Campaign(Knowledge(Schedule(1, STATES, SOURCES, Corpus())), store, pool, Pace(batch, False)), store


def test_a_worker_that_is_killed_loses_nothing(tmp_path: Path, address: str) -> None:
    diary = tmp_path / "diary"
    made, store = campaign(tmp_path / "out", address, f"overflow+rule+slow@{diary}")
    killed: list[int] = []

    def kill_one() -> None:
        if not killed and made.known.cases > 300:
            with distributed.Client(address) as client:
                killed.append(min(client.run(os.getpid).values()))
            os.kill(killed[0], signal.SIGKILL)

    made.run(12, kill_one)
    made.pool.close()
    store.close()
    assert killed and made.known.cases > 1000
    kinds = {one.problem.oracle for one in made.known.findings.values()}
    assert kinds == {"death", "requirement"} and len(made.known.findings) == 2
    assert all(one.examined and one.happened == 10 for one in made.known.findings.values())
    ran = [line for line in diary.read_text().splitlines() if line != "closed" and not line.endswith("fresh")]
    assert sum(count > 1 for count in Counter(ran).values()) <= 3 * AHEAD * 16  # what was under way
    assert diary.read_text().splitlines().count("closed") >= 2


def deadly(finding: Finding) -> bool:
    """Whether its script has what kills the worker that runs it."""
    lies = [one for case in finding.script for step in case.steps for one in step.mutations]
    return any(one.mutator == "flip" and one.arguments[0] == 7 for one in lies)


def test_a_case_that_kills_its_workers_is_found(tmp_path: Path, address: str) -> None:
    """The scheduler blames a job when four workers have died of it, and may blame one that waited there each time, too.

    Eight workers are started again one after the other, so on a busy machine this takes minutes.
    """
    made, store = campaign(tmp_path, address, "deadly", 2)

    def stop() -> None:
        if any(map(deadly, made.known.findings.values())):
            raise NoDevice("enough")

    with pytest.raises(NoDevice, match="enough"):
        made.run(900, stop)
    made.pool.close()
    store.close()
    assert {one.problem.symptom for one in made.known.findings.values()} == {"the worker that ran it was lost"}


def test_no_device_and_no_scheduler(tmp_path: Path, address: str) -> None:
    made, store = campaign(tmp_path, address, "absent")
    with pytest.raises(NoDevice, match="fake: is not there"):
        made.run(20)
    made.pool.close()
    store.close()
    with pytest.raises(StoreError, match=r"--scheduler tcp://127\.0\.0\.1:9: "):
        ClusterPool("tcp://127.0.0.1:9", rig(""))
