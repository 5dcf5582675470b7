"""``pytest suites`` loads the plugin of the suites from here."""

from suites.again import pytest_runtestloop  # noqa: F401
from suites.interrupts import pytest_keyboard_interrupt, pytest_testnodeready  # noqa: F401
from suites.life import pytest_pyfunc_call  # noqa: F401
from suites.overtime import pytest_runtest_call, pytest_runtest_setup, pytest_runtest_teardown  # noqa: F401
from suites.plugin import (  # noqa: F401
    aaa,
    conversation,
    device,
    dut,
    peer,
    pytest_addoption,
    pytest_collection_finish,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_configure_node,
    pytest_terminal_summary,
    pytest_testnodedown,
    pytest_unconfigure,
    pytest_xdist_node_collection_finished,
)
from suites.verdicts import (  # noqa: F401
    pytest_runtest_logreport,
    pytest_runtest_makereport,
    pytest_runtest_protocol,
    pytest_sessionfinish,
    pytest_sessionstart,
)
