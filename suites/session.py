"""What one process of a run holds, and how a run is given up."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from conformance.script.words import one_line
from peers.contract import Device
from peers.deviations import Deviation
from suites.dut import Dut
from suites.ending import Ending
from suites.evidence import Allowance
from suites.gate import Gate
from suites.inquest import Inquest
from suites.record import ResultsFolder


@dataclass(slots=True)
class Session:
    """What one process of a run holds: the device, once a purpose needs it, and the results folder.

    ``results`` and ``embargoed`` are the folders that this process writes: all records, and the full ones of purposes
    under embargo. ``duts`` are those of the purposes that are not judged yet, ``earlier`` the earlier tries of those
    that are tried again. ``allowance`` is how much evidence is kept, of which ``evidence_left`` octets are left for the
    rest of the run. ``stopped`` is why the run was given up, empty if it was not, ``gone`` why the device cannot
    be used any more. ``gate`` is what ordinary handshakes
    before the purposes have shown, ``inquest`` remembers for the case that the device dies. ``sigterm`` is
    what SIGTERM did before the run.
    """

    folder: Path
    device: Device | None = None
    results: ResultsFolder | None = None
    embargoed: ResultsFolder | None = None
    deviations: tuple[Deviation, ...] = ()
    private: dict[str, tuple[str, str]] = field(default_factory=dict)
    duts: dict[str, Dut] = field(default_factory=dict)
    allowance: Allowance = field(default_factory=Allowance)
    evidence_left: int = 0
    earlier: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    ending: Ending | None = None
    stopped: str = ""
    gone: str = ""
    gate: Gate = field(default_factory=Gate)
    inquest: Inquest | None = None
    sigterm: Any = None

    def begin(self, count: int) -> None:
        """So many purposes will run: their results take the place of earlier ones, unless there are none.

        Raises OSError.
        """
        if self.results is None or not count:
            return
        for one in (self.results, self.embargoed):
            if one is not None:
                one.begin()
        self.results.selected(count)

    def allow(self, allowance: Allowance, share: int = 1) -> None:
        """Keep this much evidence, of which each of ``share`` processes has its part."""
        self.allowance, self.evidence_left = allowance, allowance.run // share

    def next_allowance(self) -> Allowance:
        """What the next purpose may keep."""
        return replace(self.allowance, purpose=min(self.allowance.purpose, max(0, self.evidence_left)))


RARELY = (100_000, 20, 20)
"""New objects before garbage is searched among them, and how often that is done before it is among older ones.

Most of what purposes make needs no search for cycles; as often as Python does it by itself it takes a sixth of a run.
"""

SESSION = pytest.StashKey[Session]()


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is a worker of pytest-xdist."""
    return hasattr(config, "workerinput")


def subject(item: pytest.Item) -> str:
    """The subject of a purpose: the folder that it stands in."""
    return item.path.parent.name


def stop_run(config: pytest.Config, why: str) -> NoReturn:
    """Give the run up with exit code 2; ``why`` is one line. What was judged so far stays."""
    line = one_line(why)
    config.stash[SESSION].stopped = line
    if is_worker(config):
        config.workeroutput["ikespec_stopped"] = line  # type: ignore[attr-defined]
    pytest.exit(line, returncode=2)
