"""OpenIKED in a virtual machine: every order that it takes, seen on the wire and in its own list."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.ike.core.connection import ChildConfig
from peers.capabilities import Capability
from peers.contract import Device, DeviceError, Unsupported
from peers.registry import open_device
from suites.conduct import all_purposes, conduct
from tests.peers.conftest import started
from tests.peers.connections import device_view

pytestmark = [pytest.mark.peer, pytest.mark.xdist_group("openiked")]
_CONNECTION = device_view(
    proposals=("aes128-sha256-x25519",), children=(ChildConfig("net", ("aes128-sha1",)).mirrored(),)
)


@pytest.fixture(scope="module")
def iked() -> Iterator[Device]:
    with started("openiked:uml") as device:
        yield device


@pytest.mark.parametrize(
    "identifier",
    [
        "auth-initiator",
        "auth-certificate-expired",
        "child-rekey-by-device",
        "data-set-up",
        "data-delete-child-device",
    ],
)
def test_purposes_pass(iked: Device, identifier: str) -> None:
    verdict, peer = conduct(all_purposes()[identifier], iked)
    assert verdict.verdict == "pass", f"{verdict.reason}\n{peer.trace.transcript() if peer else ''}"


def test_it_says_what_it_cannot_hold(iked: Device) -> None:
    assert Capability.MULTIPLE_CHILDREN not in iked.capabilities
    with pytest.raises(Unsupported, match="multiple-children"):
        iked.apply(device_view(children=(ChildConfig("a", ("aes128-sha1",)), ChildConfig("b", ("aes128-sha1",)))))
    with pytest.raises(Unsupported, match="it has no CAMELLIA_CBC"):
        iked.apply(device_view(proposals=("camellia128-sha256-x25519",), children=_CONNECTION.children))


def test_it_forgets_an_sa_that_is_half_open(iked: Device) -> None:
    iked.apply(_CONNECTION)
    link = iked.open_link()
    iked.initiate()
    assert link.receive(link.now() + 2) is not None
    assert len(iked.list_sas()) == 1 and "IKE_SA_INIT" in iked.log()
    iked.apply(_CONNECTION)
    assert not iked.list_sas() and "send IKE_SA_INIT" not in iked.log()
    link.close()


def test_a_death_is_told_and_mended(iked: Device) -> None:
    iked.apply(_CONNECTION)
    iked._place.shell().run("pkill -KILL iked")  # type: ignore[attr-defined]
    end = time.monotonic() + 3
    while iked.alive() and time.monotonic() < end:
        time.sleep(0.05)
    iked.apply(_CONNECTION)
    death = iked.obituary()
    assert death is not None and not death.hung and "SIGKILL" in death.words
    assert iked.alive() and iked.obituary() is None


def test_it_runs_nowhere_but_in_a_virtual_machine() -> None:
    with pytest.raises(DeviceError, match="PF_KEY"):
        open_device("openiked:netns")


def test_the_deviations_can_be_read(iked: Device) -> None:
    assert iked.deviations_file is not None and Path(iked.deviations_file).exists() and iked.version
