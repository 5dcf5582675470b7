"""A plugin for runs of the suites: the daemon gets a signal at the end of a purpose, ``ASSASSIN=ID:SIGSEGV``."""

import os
import signal
from collections.abc import Generator

import pytest

from suites.purpose import purpose_of
from suites.session import SESSION


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    done = yield
    victim, _, name = os.environ["ASSASSIN"].partition(":")
    purpose = purpose_of(pyfuncitem.function)
    if purpose is not None and purpose.id == victim:
        place = vars(pyfuncitem.config.stash[SESSION].device)["_place"]
        os.kill(place._process.pid, signal.Signals[name])
    return done
