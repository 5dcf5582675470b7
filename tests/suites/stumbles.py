"""A plugin for runs of the suites in which the first try of each purpose fails, as under load (``-p``)."""

import os
from typing import Any

import pytest

from suites import judge, verdicts
from suites.judge import PASS, Kind, Verdict

_tried: set[str] = set()


def pytest_configure(config: pytest.Config) -> None:
    kind = Kind(os.environ.get("STUMBLES", Kind.VIOLATION))

    def first_fails(purpose: Any, *arguments: Any) -> Verdict:
        found = judge.judge(purpose, *arguments)
        if found != PASS or purpose.id in _tried:
            return found
        _tried.add(purpose.id)
        return Verdict("fail", "expected haste, got nothing", "haste", "nothing", "RFC7296-1-4", kind)

    if not hasattr(config, "workerinput") or os.environ.get("STUMBLES_IN_WORKERS"):
        vars(verdicts)["judge"] = first_fails
