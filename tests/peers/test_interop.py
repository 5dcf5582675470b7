"""Real devices against each other and against the reference device, through the relay."""

from dataclasses import replace
from pathlib import Path

import pytest

from conformance.net.pcapng import read_pcapng
from peers.capabilities import Capability
from peers.contract import DeviceError
from peers.places.netns import PIXIT
from peers.registry import open_device
from suites.interop.matrix import Matrix, Member, select
from suites.interop.record import Record, Verdict
from suites.interop.scenarios import SCENARIOS
from tests.peers.conftest import started

pytestmark = pytest.mark.peer
CORE = ("auth-psk", "auth-rsa", "child-many", "rekey-child-responder", "rekey-ike-initiator", "nat-initiator", "ipv6")


def run(tmp_path: Path, specs: tuple[str, str], *patterns: str) -> dict[tuple[str, str], Record]:
    devices = [Member(spec.partition(":")[0], spec) for spec in specs]
    try:
        found = list(Matrix(devices, select(SCENARIOS, patterns), tmp_path).run([]))
    except DeviceError as error:
        pytest.skip(str(error))
    return {(one.initiator, one.scenario): one for one in found}


@pytest.mark.parametrize(
    "specs",
    [
        ("strongswan:uml", "reference:live"),
        ("reference:live", "libreswan:uml"),
        ("strongswan:uml", "libreswan:uml"),
        ("strongswan:netns", "reference:live"),
    ],
)
def test_two_implementations_come_together(tmp_path: Path, specs: tuple[str, str]) -> None:
    found = run(tmp_path, specs, *CORE)
    # Where charon protects packets itself it fakes a NAT, and does not take part in what needs to find a real one.
    assert {key: one.reason for key, one in found.items() if one.verdict is not Verdict.PASS} == {}
    assert all(one.traffic for one in found.values()) == ("strongswan:netns" not in specs or _has_data_plane())


@pytest.mark.parametrize("specs", [("reference:live", "reference:live"), ("strongswan:netns", "reference:live")])
def test_one_device_sends_another_to_a_third(tmp_path: Path, specs: tuple[str, str]) -> None:
    devices = [Member(f"{number} {spec.partition(':')[0]}", spec) for number, spec in enumerate(specs)]
    try:
        found = list(Matrix(devices, select(SCENARIOS, ("redirect-init", "redirect-later")), tmp_path).run([]))
    except DeviceError as error:
        pytest.skip(str(error))
    assert {one.verdict for one in found} <= {Verdict.PASS, Verdict.NOT_APPLICABLE}
    assert sum(one.verdict is Verdict.PASS for one in found) >= 3


def test_where_addresses_are_translated_everybody_finds_a_nat(tmp_path: Path) -> None:
    found = run(tmp_path, ("strongswan:netns", "reference:process"), "auth-psk", "nat-initiator", "rekey-ike-responder")
    assert {one.verdict for one in found.values()} <= {Verdict.PASS, Verdict.NOT_APPLICABLE}
    record = found["reference", "auth-psk"]
    assert record.verdict is Verdict.PASS
    assert record.evidence is not None
    assert any(one.datagram.source.port == 4500 for one in read_pcapng(tmp_path / record.evidence / "capture.pcapng"))


def _has_data_plane() -> bool:
    with started("strongswan:netns") as device:
        return Capability.DATA_PLANE in device.capabilities


def test_between_kernels_packets_are_esp_and_unchanged(tmp_path: Path) -> None:
    record = run(tmp_path, ("strongswan:uml", "reference:live"), "auth-psk")["strongswan", "auth-psk"]
    assert record.verdict is Verdict.PASS
    assert record.evidence is not None
    transcript = (tmp_path / record.evidence / "transcript.txt").read_text()
    assert f"--> {PIXIT.device_address} > {PIXIT.tester_address}  ESP, " in transcript
    assert "IKE_AUTH request 1: IDi" in transcript, "our keys open it"
    datagrams = [one.datagram for one in read_pcapng(tmp_path / record.evidence / "capture.pcapng")]
    assert {one.source.port for one in datagrams} == {500}, "no NAT was found where there is none"


@pytest.mark.parametrize("spec", ["strongswan:netns", "strongswan:uml"])
def test_a_place_may_have_its_addresses_swapped(spec: str) -> None:
    with started(spec, swapped=True) as device:
        assert replace(device.pixit, algorithms=PIXIT.algorithms, eap=PIXIT.eap) == PIXIT.swapped()
        assert device.pixit.device_address == PIXIT.tester_address
        link = device.open_link()
        link.close()


def test_docker_and_files_ignore_what_they_cannot_choose() -> None:
    assert open_device("strongswan:docker", swapped=True).name == "strongswan"
