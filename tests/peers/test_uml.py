"""strongSwan in a virtual machine of its own: no privileges, kernel ESP, a cable that is a socket pair."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.ipsec.ip import ICMP, checksum, header, parse
from conformance.net import Datagram, IpPacket
from peers.capabilities import Capability
from peers.contract import Device
from peers.places.owner import base_directory, sweep
from peers.places.rootfs import cache_directory
from suites.conduct import all_purposes, conduct
from tests.peers.conftest import started
from tests.peers.connections import device_view

pytestmark = [pytest.mark.peer, pytest.mark.xdist_group("uml")]


@pytest.fixture(scope="module")
def guest() -> Iterator[Device]:
    with started("strongswan:uml") as device:
        yield device


@pytest.mark.parametrize("identifier", ["auth-initiator", "child-rekey-collision", "auth-certificate-untrusted"])
def test_purposes_pass(guest: Device, identifier: str) -> None:
    verdict, peer = conduct(all_purposes()[identifier], guest)
    assert verdict.verdict == "pass", f"{verdict.reason}\n{peer.trace.transcript() if peer else ''}"


def test_an_sa_that_no_daemon_can_delete_is_gone_before_the_next_purpose(guest: Device) -> None:
    assert conduct(all_purposes()["child-spi-zero"], guest)[0].verdict == "fail"  # it sends with an SPI of 0
    verdict, peer = conduct(all_purposes()["auth-ts-packet"], guest)
    assert verdict.verdict == "pass", f"{verdict.reason}\n{peer.trace.transcript() if peer else ''}"


def test_pings_that_wanted_a_child_sa_end_before_the_next_purpose(guest: Device) -> None:
    guest.apply(device_view())
    guest.provoke("10.2.0.1", "10.1.0.9")
    found = "cat /proc/[0-9]*/comm 2>/dev/null | grep -qx ping"
    shell = guest._place.shell  # type: ignore[attr-defined]
    assert shell().run(found).status == 0
    guest.apply(device_view())
    assert shell().run(found).status == 1


def test_it_claims_what_a_kernel_with_esp_can_do(guest: Device) -> None:
    assert {Capability.DATA_PLANE, Capability.TRANSPORT, Capability.ESN, Capability.NAT_T} <= guest.capabilities


def test_a_host_behind_the_device_answers_over_the_cable(guest: Device) -> None:
    guest.apply(device_view())
    link = guest.open_link()
    ours, theirs = bytes((10, 91, 0, 1)), bytes((10, 2, 0, 1))
    body = bytes((8, 0, 0, 0, 0, 7, 0, 1)) + b"x" * 3000
    body = body[:2] + checksum(body).to_bytes(2, "big") + body[4:]
    link.send_packet(IpPacket(header(ours, theirs, ICMP, len(body)) + body))  # type: ignore[attr-defined]
    until = link.now() + 2
    reply = link.receive(until)
    while isinstance(reply, Datagram):  # a late Delete of the SA of the test before
        reply = link.receive(until)
    assert isinstance(reply, IpPacket)
    head = parse(reply.data)
    assert (head.protocol, head.length) == (ICMP, 20 + len(body)) and reply.payload[0] == 0  # in fragments, both ways
    guest.initiate()
    request = link.receive(link.now() + 2)
    assert isinstance(request, Datagram) and request.destination == ("10.91.0.1", 500)
    link.close()


def test_the_root_may_lie_in_a_folder_with_a_blank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a blank").mkdir()
    (tmp_path / "a blank" / "ikespec").symlink_to(cache_directory())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a blank"))
    with started("strongswan:uml") as device:
        assert device.alive()


_RUN_FOREVER = """
import time
from peers.registry import open_device
device = open_device("strongswan:uml")
device.start()
print("ready", flush=True)
time.sleep(600)
"""


def _guests(owner: int) -> list[str]:
    found = subprocess.run(["pgrep", "-f", f"umid=guest-{owner}-"], capture_output=True, text=True, check=False)
    return found.stdout.split()


def test_nothing_is_left_of_a_killed_run() -> None:
    run = subprocess.Popen([sys.executable, "-c", _RUN_FOREVER], stdout=subprocess.PIPE, text=True, env=os.environ)
    assert run.stdout is not None and run.stdout.readline() == "ready\n"
    assert _guests(run.pid)
    run.send_signal(signal.SIGKILL)
    run.wait()
    run.stdout.close()
    sweep()
    assert not _guests(run.pid)
    assert not list(base_directory().glob(f"{run.pid}-*"))
