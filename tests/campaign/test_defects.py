"""A campaign finds the defects that are written for campaigns, and makes their replays small."""

from pathlib import Path

import pytest

from peers.reference.defects.fuzz import all_fuzz_defects
from tests.campaign.defects import caught, run

SAMPLE = (
    "fuzz-payload-table", "fuzz-eap-length", "fuzz-keeps-strays", "fuzz-nonce-again", "fuzz-answers-in-the-clear",
    "fuzz-kept-after-failure",
)  # fmt: skip


def test_defects_are_found(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Five of six in ten seconds of a core; with ``--all-variants`` 22 of all of them in a minute."""
    whole = request.config.getoption("--all-variants")
    names = list(all_fuzz_defects()) if whole else list(SAMPLE)
    campaign = run(tmp_path, "+".join(names), 60 if whole else 10)
    found = caught(campaign.known.findings.values(), names)
    assert len(found) >= (22 if whole else 5), sorted(set(names) - set(found))
    assert all(one.datagrams <= 3 for one in found.values())
