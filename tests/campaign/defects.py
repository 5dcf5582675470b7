"""How many of the defects for campaigns are found: ``python -m tests.campaign.defects [SECONDS] [--each] [--seed N]``.

The device has all of them at once; with ``--each`` there is one campaign for each, on a device that has this one only.
Seconds are those of one core. A finding is that of a defect if its replay happens on a device which has only this one,
and not on the correct one. ``--variants`` has no defects at all: a campaign on each correct variant finds nothing.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from peers.reference.defects.fuzz import all_fuzz_defects
from peers.reference.variants import all_variants
from suites.campaign.bench import Bench
from suites.campaign.both import rig
from suites.campaign.campaign import Campaign
from suites.campaign.findings import Finding
from suites.campaign.opening import Settings, open_campaign, open_store
from tests.campaign.inline import InlinePool


class Enough(Exception):  # noqa: N818 - it is none
    """The campaign has had its time."""


def run(folder: Path, model: str, seconds: float, seed: int = 1) -> Campaign:
    """A campaign on a device with these defects or variants, until it has used so many seconds of a core."""
    settings = Settings(f"reference:{model}", seed)
    store = open_store(settings, folder, resume=False)
    pool = InlinePool(rig(settings.dut, seed))
    campaign = open_campaign(settings, store, 1, pool=pool)
    until = time.process_time() + seconds

    def look() -> None:
        if time.process_time() > until:
            raise Enough

    try:
        with suppress(Enough):
            campaign.run(100 * seconds, look)
    finally:
        pool.close()
        store.close()
    return campaign


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was found, when, and how small it is; the number of defects that were."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seconds", type=float, nargs="?", default=60.0)
    parser.add_argument("--each", action="store_true")
    parser.add_argument("--variants", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    if given.variants:
        return accused(given.seconds, given.seed)
    names = list(all_fuzz_defects())
    found: dict[str, Finding] = {}
    for together in [[name] for name in names] if given.each else [names]:
        campaign = run(Path(tempfile.mkdtemp(prefix="ikespec-defects-")), "+".join(together), given.seconds, given.seed)
        known = campaign.known
        left = sum(not one.examined for one in known.findings.values())
        print(f"{len(known.findings)} findings, {left} of them not examined")
        print(f"{known.cases} cases in {given.seconds:.0f} s of one core, {known.seconds:.0f} s on the clock")
        found |= caught(known.findings.values(), together)
        for name in together:
            print(f"{name:32} {_told(found[name]) if name in found else '-'}", flush=True)
    small = sum(one.datagrams <= 3 for one in found.values())
    print(f"{len(found)} of {len(names)} found, {small} with at most 3 datagrams")
    return len(found)


def accused(seconds: float, seed: int) -> int:
    """Print what campaigns of so many seconds say of each correct variant; the number of variants that are accused."""
    count, cases = 0, 0
    for name in all_variants():
        known = run(Path(tempfile.mkdtemp(prefix="ikespec-variants-")), name, seconds, seed).known
        cases += known.cases
        for one in known.findings.values():
            print(f"{name:32} {one.title}: {json.dumps([case.to_json() for case in one.script])}", flush=True)
        count += bool(known.findings)
    print(f"{count} of {len(all_variants())} correct variants accused in {cases} cases")
    return count


def _told(one: Finding) -> str:
    return f"after {one.after:5.1f} s, {one.datagrams} datagrams, {one.replays} replays: {one.title}"


if __name__ == "__main__":
    main()
