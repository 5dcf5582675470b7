"""What all tests share: where none may be skipped, what is tried twice, how much of it is tried, figures."""

import os
from collections import Counter
from collections.abc import Generator
from itertools import filterfalse
from zlib import crc32

import pytest
from hypothesis import HealthCheck, settings

from suites.options import shard_of

MUST_RUN = bool(os.environ.get("IKESPEC_NO_SKIP"))
"""Set in CI: a skipped test is a failed one there, and Hypothesis tries the same each time, others elsewhere."""

settings.register_profile("ikespec", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=MUST_RUN)
settings.load_profile("ikespec")  # a loaded machine is no defect
MAX_FLAKY = 8
"""So many tests may pass at their second try only: two cores are shared with daemons there."""


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


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options for what takes long."""
    parser.addoption("--all-variants", action="store_true", help="all pairs of variants and defects, not a sample")
    parser.addoption("--part", default="1/1", metavar="K/N", help="of what grows with the suites, only a part of N")


def pytest_configure(config: pytest.Config) -> None:
    """Say at once what is no part."""
    try:
        shard_of(config.getoption("--part"), "--part")
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep to the part that is asked for, and try once more what fails with a real daemon and, in CI, whatever fails.

    A defect fails again.
    """
    part, count = shard_of(config.getoption("--part"), "--part")

    def of_another_part(item: pytest.Item) -> bool:
        return item.get_closest_marker("grows") is not None and crc32(item.nodeid.encode()) % count != part - 1

    config.hook.pytest_deselected(items=list(filter(of_another_part, items)))
    items[:] = filterfalse(of_another_part, items)
    for item in items:
        if (MUST_RUN or item.get_closest_marker("peer")) and not item.get_closest_marker("flaky"):
            item.add_marker(pytest.mark.flaky(reruns=1))


def _rerun(config: pytest.Config) -> list[str]:
    """Return what was tried again, each once."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return sorted({report.nodeid for report in reporter.stats.get("rerun", ())}) if reporter else []


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail where too much passed only when it was tried again."""
    if session.exitstatus == pytest.ExitCode.OK and len(_rerun(session.config)) > MAX_FLAKY:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that tests have recorded, added up."""
    figures: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport) and report.when == "call":
                figures.update({name: value for name, value in report.user_properties if isinstance(value, int)})
    for name, value in figures.items():
        terminalreporter.write_line(f"{name} {value}")
    again = _rerun(terminalreporter.config)
    for name in again:
        terminalreporter.write_line(f"tried again: {name}")
    if len(again) > MAX_FLAKY:
        terminalreporter.write_line(f"{len(again)} tests were tried again, more than {MAX_FLAKY}: that is no chance")
