"""How many of the defects for campaigns one campaign finds: ``python -m tests.campaign.defects [SECONDS]``.

The device has all of them at once. A finding is that of a defect if its replay happens on a device which has only this
one, and not on the correct one.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from peers.reference.defects.fuzz import all_fuzz_defects
from suites.campaign.bench import Bench
from suites.campaign.campaign import Campaign
from suites.campaign.findings import Finding
from suites.campaign.opening import Settings, open_campaign, open_store
from suites.campaign.running import rig
from suites.campaign.workers import LocalPool


class Enough(Exception):  # noqa: N818 - it is none
    """The worker has had its time."""


def run(folder: Path, names: Iterable[str], seconds: float, seed: int = 1) -> Campaign:
    """A campaign on a device with these defects, until its worker has used so many seconds of a core."""
    settings = Settings(f"reference:{'+'.join(names)}", seed)
    store = open_store(settings, folder, resume=False)
    pool = LocalPool(rig(settings.dut, seed), 1)
    campaign = open_campaign(settings, store, 1, pool=pool)

    def look() -> None:
        if used(pool.pids()[0]) > seconds:
            raise Enough

    try:
        with suppress(Enough):
            campaign.run(10 * seconds, look)
    finally:
        pool.close()
        store.close()
    return campaign


def used(pid: int) -> float:
    """Seconds of a core that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def caught(findings: Iterable[Finding], names: Iterable[str]) -> dict[str, Finding]:
    """Which defects they are, each by the smallest finding that shows it."""
    found: dict[str, Finding] = {}
    listed = sorted((one for one in findings if one.examined and one.happened), key=lambda one: one.datagrams)
    guilty = [one for one in listed if not _shown(Bench(rig("reference", 1)), one)]
    for name in names:
        bench = Bench(rig(f"reference:{name}", 1))
        wanted = all_fuzz_defects()[name].oracle
        first = next((one for one in guilty if one.problem.oracle == wanted and _shown(bench, one)), None)
        if first is not None:
            found[name] = first
        bench.close()
    return found


def _shown(bench: Bench, finding: Finding) -> bool:
    """Whether anything is wrong when the script of a finding is replayed."""
    return any(bench.run(case, fresh=at == 0).outcome.problems for at, case in enumerate(finding.script))


def main(seconds: float) -> int:
    """Print what was found, when, and how small it is; the number of defects that were."""
    names = list(all_fuzz_defects())
    started = time.monotonic()
    campaign = run(Path(tempfile.mkdtemp(prefix="ikespec-defects-")), names, seconds)
    known = campaign.known
    print(f"{known.cases} cases in {seconds:.0f} s of one core, {time.monotonic() - started:.0f} s on the clock")
    found = caught(known.findings.values(), names)
    for name in names:
        one = found.get(name)
        told = (
            f"after {one.after:5.1f} s, {one.datagrams} datagrams, {one.replays} replays: {one.title}" if one else "-"
        )
        print(f"{name:32} {told}")
    small = sum(one.datagrams <= 3 for one in found.values())
    print(f"{len(found)} of {len(names)} found, {small} with at most 3 datagrams")
    return len(found)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0)
