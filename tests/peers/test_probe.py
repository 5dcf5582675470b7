"""A probe of real daemons finds the configuration that they have, and run takes the file that it writes."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from peers.contract import Device
from peers.devicefile import read_device
from peers.libreswan.device import Libreswan
from peers.places.netns import NetnsPlace
from peers.strongswan.device import StrongSwan
from suites.connections import psk
from tests.probe.asking import accepted

pytestmark = pytest.mark.peer
ROOT = Path(__file__).resolve().parents[2]
IKE = ("aes256-aes128-sha256-sha384-modp2048-ecp256", "aes256gcm16-prfsha512-ecp384-ecp521", "aes128-sha1-modp2048")
ESP = ("aes256gcm16-ecp384", "aes256-sha256-modp2048")


def command(device: Device, folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """``ikespec`` in the tester's namespace."""
    assert isinstance(device, StrongSwan | Libreswan)
    place = device._place
    assert isinstance(place, NetnsPlace)
    inside = ["ip", "netns", "exec", place.tester_namespace, sys.executable, "-m", "ikespec", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(inside, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=100)


def probe_and_run(device: Device, folder: Path, ike: tuple[str, ...], esp: tuple[str, ...]) -> str:
    """What the probe shows; the file has the configuration, and two purposes pass with it."""
    wanted = psk(proposals=ike, esp=esp)(device.profile).mirrored()
    device.apply(replace(wanted, half_open_limit=100, narrowing=True))
    secret = ("--psk", "a shared key of the ikespec suites", "--identity", "tester.ikespec.example")
    done = command(device, folder, "probe", device.pixit.device_address, *secret, "-o", "device.toml")
    assert done.returncode == 0, done.stdout + done.stderr
    found = read_device(folder / "device.toml")
    assert accepted(found.pixit.algorithms.ike) == accepted(ike)
    assert set(found.pixit.algorithms.esp) == set(esp)
    assert found.pixit.device_networks == wanted.children[0].local_ts
    assert found.pixit.credentials.device == wanted.local.identity
    ran = command(device, folder, "run", "auth-initial-contact", "init-no-proposal", "--dut", "device.toml")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return done.stdout


def test_strongswan(charon: Device, tmp_path: Path) -> None:
    shown = probe_and_run(charon, tmp_path, IKE, ESP)
    assert "cipher: aes256 aes128 aes256gcm16  (its own order)" in shown
    assert "signature hashes: SHA2_256" in shown
    assert not charon.list_sas()


def test_libreswan(pluto: Device, tmp_path: Path) -> None:
    shown = probe_and_run(pluto, tmp_path, IKE[:2], ESP[:1])
    assert "authentication: works" in shown
