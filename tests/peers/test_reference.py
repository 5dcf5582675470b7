"""The reference device in this process and in one of its own."""

from collections.abc import Iterator

import pytest

from peers.contract import DeviceError
from peers.reference.process import ReferenceProcess
from peers.registry import open_device
from suites.conduct import all_purposes, conduct

SAMPLE = ("auth-initiator", "auth-certificate-untrusted", "child-rekey-collision", "mid-request-again")


@pytest.fixture(scope="module")
def process() -> Iterator[ReferenceProcess]:
    with ReferenceProcess() as device:
        yield device


@pytest.mark.parametrize("identifier", SAMPLE)
def test_purposes_pass_over_real_sockets(process: ReferenceProcess, identifier: str) -> None:
    verdict, peer = conduct(all_purposes()[identifier], process)
    assert verdict.verdict == "pass", f"{verdict.reason}\n{peer.trace.transcript() if peer else ''}"


def test_orders_that_make_no_sense_are_refused(process: ReferenceProcess) -> None:
    process.clear()
    with pytest.raises(DeviceError, match="no connection is loaded"):
        process.initiate()
    assert process.list_sas() == [] and process.alive()


def test_a_dead_process_is_noticed() -> None:
    device = ReferenceProcess()
    with device:
        assert device._process is not None
        device._process.kill()
        device._process.wait()
        assert not device.alive()
        with pytest.raises(DeviceError, match="has ended"):
            device.clear()


def test_a_defect_by_name() -> None:
    with open_device("reference:cookie-not-first") as device:
        verdict, _ = conduct(all_purposes()["init-cookie-echo"], device)
    assert verdict.verdict == "fail" and verdict.requirement == "RFC7296-2.6-9"
