"""What failed unexpectedly is tried again at the end of a run, alone: when no other device of ours takes its time."""

from collections.abc import Generator
from typing import Any

import pytest

from suites.judge import Kind
from suites.purpose import purpose_of
from suites.session import SESSION, Session, is_worker

CERTAIN = (Kind.CRASH, Kind.HANG, Kind.BYPASS, Kind.FLAW)
"""What is never excused by a later try: once is enough. Nor is what is under embargo: nothing says what it was."""


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """After all purposes, try those again that failed unexpectedly, ``--retry`` times at most."""
    done = yield
    ours = session.config.stash.get(SESSION, None)
    if ours is None or ours.results is None or is_worker(session.config):
        return done
    every, unjudged = (session.config.getoption(name) for name in ("--retry", "--retry-inconclusive"))
    for number in range(max(every, unjudged)):
        wanted = _wanted(ours, everything=number < every)
        if wanted:
            _try_again(session, wanted)
    return done


def _wanted(ours: Session, *, everything: bool) -> set[str]:
    """What is tried again: what is inconclusive, or everything that is unexpected."""
    assert ours.results is not None
    records = [one for one in ours.results.records.values() if everything or one["verdict"] == "inconclusive"]
    uncertain = [one for one in records if one["kind"] not in CERTAIN and not one["embargo"]]
    return {one["purpose"] for one in uncertain if one["unexpected"]}


def _try_again(session: pytest.Session, wanted: set[str]) -> None:
    ours = session.config.stash[SESSION]
    assert ours.results is not None
    ours.earlier = {name: earlier_tries(ours.results.records[name]) for name in wanted}
    # Under pytest-xdist only the workers have collected.
    items = session.items if session.items else session.perform_collect()
    chosen = [item for item in items if _name(item) in wanted]
    for item, following in zip(chosen, [*chosen[1:], None], strict=True):
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


def earlier_tries(record: dict[str, Any]) -> list[dict[str, Any]]:
    """What a record says of its earlier tries, and of its last one."""
    kept = ("verdict", "kind", "reason", "requirement", "evidence", "duration")
    earlier = record["earlier"]
    return [*earlier, {name: record[name] for name in kept}]


def _name(item: pytest.Item) -> str:
    purpose = purpose_of(getattr(item, "function", None))
    return purpose.id if purpose else ""
