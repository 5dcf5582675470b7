"""Tests that need a real peer skip with the reason where there is none, except where none may be skipped."""

import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("ikespec", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ikespec")  # a loaded machine is no defect

MUST_RUN = bool(os.environ.get("IKESPEC_NO_SKIP"))
"""Set in CI: a skipped test is a failed one there."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail what is skipped, where nothing may be."""
    report = yield
    if MUST_RUN and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} must run here: {reason}"
    return report
