"""The reference device in this process and in one of its own."""

import re
from collections.abc import Iterator

import pytest

from peers.capabilities import Capability
from peers.contract import DeviceError
from peers.reference.defects import all_defects
from peers.reference.process import ReferenceProcess
from peers.reference.variants import all_variants
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


def test_variants_and_defects_make_one_device_together() -> None:
    with open_device("reference:cookie-not-first+slow+liveness-at-once") as device:
        verdict, _ = conduct(all_purposes()["init-cookie-echo"], device)
    assert verdict.verdict == "fail" and verdict.requirement == "RFC7296-2.6-9"


def test_no_word_means_a_variant_and_a_defect() -> None:
    """The one would hide the other, and a purpose that sees the defect would be tried on a correct device."""
    assert not all_variants().keys() & all_defects().keys()


def test_a_variant_says_what_it_lacks_and_how_it_is_reached() -> None:
    with open_device("reference:+no-fragmentation+very-slow") as device:
        assert Capability.FRAGMENTATION not in device.capabilities and device.pixit.response_timeout > 2.0
        verdict, _ = conduct(all_purposes()["frag-request"], device)
    assert verdict.verdict == "n/a"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("+lazy-delte", 'did you mean "lazy-delete"?'),
        ("accepts-wrong-auht", 'did you mean "accepts-wrong-auth"?'),
        ("+xyzzy", "ikespec list --variants"),
        ("+far-away+other-continent", "name one of them"),
    ],
)
def test_words_that_mean_no_device(kind: str, said: str) -> None:
    with pytest.raises(DeviceError, match=re.escape(said)):
        open_device(f"reference:{kind}")


def test_a_variant_over_real_sockets() -> None:
    with open_device("reference:process:+a-little-slow+more-notifies") as device:
        verdict, _ = conduct(all_purposes()["auth-initiator"], device)
    assert verdict.verdict == "pass", verdict.reason


@pytest.mark.parametrize("name", all_variants())
def test_every_variant_says_which_rfc_allows_it(name: str) -> None:
    assert re.match(r"RFC \d+, \d", all_variants()[name].allowed) and all_variants()[name].summary.endswith(".")
