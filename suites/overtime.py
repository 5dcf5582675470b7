"""``--timeout``: a purpose that takes longer than that, beside what it waits by design, is inconclusive."""

import signal
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import pytest

from conformance.script.verdict import Inconclusive
from suites.purpose import Purpose, purpose_of

LEAST = 1.0
"""Seconds between two reminders at least: one that comes while the first one is still dealt with would go astray."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """While the device is made ready."""
    with _limited(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """During the conversation, and what is looked at after it."""
    with _limited(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """While what is left behind is deleted; what is not by then stays."""
    with suppress(Inconclusive), _limited(item):
        return (yield)
    return None


@contextmanager
def _limited(item: pytest.Item) -> Iterator[None]:
    """Raises Inconclusive inside once the time is over, and again when as much has passed: somebody may have caught it.

    Only in the main thread, where signals arrive.
    """
    purpose: Purpose | None = purpose_of(getattr(item, "function", None))
    limit = item.config.getoption("--timeout")
    if purpose is None or not limit or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise Inconclusive(f"it takes more than {limit:g} s (--timeout)")

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, limit + purpose.waits, max(limit, LEAST))
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
