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


def run(charon: Device, folder: Path, example: str, *first: str) -> "subprocess.CompletedProcess[str]":
    """``ikespec run`` with an example, in the tester's namespace, after another command there."""
    assert isinstance(charon, StrongSwan)
    place = charon._place
    assert isinstance(place, NetnsPlace)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "VICI": str(place.directory / "charon.vici")}

    def command(*words: str) -> "subprocess.CompletedProcess[str]":
        inside = ["ip", "netns", "exec", place.tester_namespace, *words]
        return subprocess.run(inside, env=environment, cwd=folder, capture_output=True, text=True, check=False)

    if first:
        done = command(*first, "--uri", f"unix://{environment['VICI']}")
        assert done.returncode == 0, done.stderr
    dut, out = str(ROOT / "docs/examples" / example), str(folder / "out")
    return command(sys.executable, "-m", "ikespec", "run", *SAMPLE, "--dut", dut, "--out", out)


@pytest.mark.peer
def test_a_device_file_with_commands(charon: Device, tmp_path: Path) -> None:
    done = run(charon, tmp_path, "swanctl.toml")
    assert done.returncode == 0 and f"{len(SAMPLE)} pass; 0 unexpected" in done.stdout, done.stdout + done.stderr
    log = (tmp_path / "out/evidence/auth-initiator/device.log").read_text()
    assert "CHILD_SA net{" in log


@pytest.mark.peer
def test_a_device_that_was_configured_by_hand(charon: Device, tmp_path: Path) -> None:
    conf = str(ROOT / "docs/examples/by-hand.swanctl.conf")
    done = run(charon, tmp_path, "by-hand.toml", "swanctl", "--load-all", "--clear", "--file", conf)
    assert done.returncode == 0 and f"{len(SAMPLE)} pass; 0 unexpected" in done.stdout, done.stdout + done.stderr
    log = (tmp_path / "out/evidence/auth-initiator/device.log").read_text()
    assert "'branch office' with pre-shared key successful" in log
