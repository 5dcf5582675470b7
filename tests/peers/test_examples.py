"""The example of docs/adding-a-device.md works as it stands: a strongSwan driven by swanctl."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from peers.contract import Device
from peers.places.netns import NetnsPlace
from peers.strongswan.device import StrongSwan

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ("auth-initiator", "init-cookie-echo", "mid-request-again", "child-rekey-collision")


@pytest.mark.peer
def test_a_device_file_with_commands(charon: Device, tmp_path: Path) -> None:
    assert isinstance(charon, StrongSwan)
    place = charon._place
    assert isinstance(place, NetnsPlace)
    inside = ["ip", "netns", "exec", place.tester_namespace]
    command = [*inside, sys.executable, "-m", "ikespec", "run", *SAMPLE]
    command += ["--dut", str(ROOT / "docs/examples/swanctl.toml"), "--out", str(tmp_path / "out")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "VICI": str(place.directory / "charon.vici")}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and f"{len(SAMPLE)} pass; 0 unexpected" in done.stdout, done.stdout + done.stderr
    log = (tmp_path / "out/evidence/auth-initiator/device.log").read_text()
    assert "CHILD_SA net{" in log
