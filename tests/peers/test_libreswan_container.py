"""libreswan in a container. Builds the image the first time (15 to 60 s)."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from conformance.crypto.pki import Authority
from conformance.ike.core.connection import CookiePolicy, Identity, Party, PublicKey
from conformance.net import Datagram
from conformance.wire import SA, ExchangeType, NotifyType, decode_message
from peers.contract import Device, DeviceError
from peers.places.container import sweep_docker
from peers.places.owner import sweep
from tests.peers.conftest import started
from tests.peers.connections import device_view
from tests.peers.messages import ask

pytestmark = pytest.mark.peer
WORDS = device_view().proposals[0]


@pytest.fixture(scope="module")
def container() -> Iterator[Device]:
    with started("libreswan:docker") as device:
        yield device


def test_it_responds_and_initiates(container: Device) -> None:
    assert container.alive()
    assert container.backend.startswith("docker, ")
    container.apply(device_view())
    link = container.open_link()
    try:
        answer = ask(container, link, WORDS)
        assert answer is not None
        assert answer.first(SA) is not None
        assert container.list_sas()[0].spi_r == answer.spi_r
        assert "sent IKE_SA_INIT reply" in container.log()
        container.initiate()
        arrived = link.receive(link.now() + 2.0)
        assert isinstance(arrived, Datagram)
        assert decode_message(arrived.payload).exchange == ExchangeType.IKE_SA_INIT
        assert arrived.source.host == container.pixit.device_address
        container.apply(device_view(cookies=CookiePolicy.ALWAYS))
        answer = ask(container, link, WORDS)
        assert answer is not None
        assert answer.notify(NotifyType.COOKIE) is not None
    finally:
        link.close()


def test_certificates_reach_its_database(container: Device) -> None:
    authority = Authority.create("root", "ecdsa")
    leaf = authority.issue("device.example", kind="ecdsa", sans=["device.example"])
    party = Party(Identity.of("device.example"), PublicKey((leaf.certificate,), leaf.key))
    container.apply(device_view(local=party, remote=party, trust=(authority.certificate,)))
    assert "loaded private key matching left certificate" in container.log()


def test_a_crash_is_seen_and_mended_by_the_next_apply(container: Device) -> None:
    container.apply(device_view())
    place = container._place  # type: ignore[attr-defined]
    place.shell().run(f"kill -SEGV $(cat {place.inside}/daemon.pid)")
    assert not container.alive()
    with pytest.raises(DeviceError, match="has crashed"):
        container.list_sas()
    container.apply(device_view())
    assert container.alive()


_KILLED = """
import os, signal
from peers.registry import open_device
device = open_device("libreswan:docker")
device.start()
print(device._place.directory, flush=True)
os.kill(os.getpid(), {signal})
"""


@pytest.mark.parametrize("ended_by", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_ends_early_leaves_nothing(container: Device, ended_by: signal.Signals) -> None:
    script = _KILLED.format(signal=int(ended_by))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    directory = Path(done.stdout.strip())
    pid = directory.name.split("-")[0]
    assert pid.isdigit(), done.stderr
    assert int(pid) != os.getpid()
    client = docker.from_env()
    try:
        sweep_docker(client)
        sweep()
        found = [*client.containers.list(all=True), *client.networks.list()]
        assert not [thing.name for thing in found if thing.name.startswith(f"ikespec-{pid}-")]
    finally:
        client.close()
    assert not directory.exists()
    assert container.alive(), "our own is still there"
