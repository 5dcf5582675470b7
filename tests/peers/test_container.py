"""strongSwan in containers. Builds the image the first time (10 to 60 s)."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from conformance.ike.core.connection import CookiePolicy
from conformance.net import Datagram
from conformance.wire import SA, ExchangeType, NotifyType, decode_message
from peers.contract import Device, SaState
from peers.places.container import sweep_docker
from peers.places.owner import base_directory, sweep
from tests.peers.conftest import started
from tests.peers.connections import device_view
from tests.peers.messages import ask
from tests.peers.relay import Relay

pytestmark = pytest.mark.peer
WORDS = device_view().proposals[0]


@pytest.fixture(scope="module")
def container() -> Iterator[Device]:
    with started("strongswan:docker") as device:
        yield device


@pytest.fixture(scope="module")
def other_container() -> Iterator[Device]:
    with started("strongswan:docker") as device:
        yield device


def _names(pid: int) -> list[str]:
    """Containers and networks of a process."""
    client = docker.from_env()
    try:
        found = [*client.containers.list(all=True), *client.networks.list()]
        return [thing.name for thing in found if thing.name.startswith(f"ikespec-{pid}-")]
    finally:
        client.close()


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
        assert "IKE_SA_INIT response 0" in container.log()
        container.initiate()
        arrived = link.receive(link.now() + 2.0)
        assert isinstance(arrived, Datagram)
        assert decode_message(arrived.payload).exchange == ExchangeType.IKE_SA_INIT
        assert arrived.source.host == container.pixit.device_address
    finally:
        link.close()


def test_it_responds_over_ipv6(container: Device) -> None:
    if container.pixit.device_address6 is None:
        pytest.skip("this Docker daemon has no IPv6")
    container.apply(device_view())
    link = container.open_link(ipv6=True)
    try:
        assert ask(container, link, WORDS, ipv6=True) is not None
    finally:
        link.close()


def test_settings_that_need_a_new_process(container: Device) -> None:
    container.apply(device_view(cookies=CookiePolicy.ALWAYS))
    link = container.open_link()
    try:
        answer = ask(container, link, WORDS)
        assert answer is not None
        assert answer.notify(NotifyType.COOKIE) is not None
        container.apply(device_view())
        answer = ask(container, link, WORDS)
        assert answer is not None
        assert answer.first(SA) is not None
    finally:
        link.close()


def test_two_containers_side_by_side(container: Device, other_container: Device) -> None:
    assert container.pixit.device_address != other_container.pixit.device_address
    container.apply(device_view())
    other_container.apply(device_view().mirrored())
    relay = Relay(container, other_container)
    try:
        container.initiate()

        def established() -> bool:
            sas = container.list_sas() + other_container.list_sas()
            return [sa.state for sa in sas] == [SaState.ESTABLISHED] * 2 and all(len(sa.children) == 1 for sa in sas)

        assert relay.until(established), container.log()[-2000:]
    finally:
        relay.close()


_KILLED = """
import os, signal
from peers.registry import open_device
device = open_device("strongswan:docker")
device.start()
print(device._place.directory, flush=True)
os.kill(os.getpid(), {signal})
"""


def _run(ended_by: signal.Signals) -> tuple[int, Path]:
    script = _KILLED.format(signal=int(ended_by))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode in (-ended_by, 1), done.stderr
    directory = Path(done.stdout.strip())
    return int(directory.name.split("-")[0]), directory


def test_leftovers_of_a_killed_run_are_removed_at_the_next_start(container: Device) -> None:
    pid, directory = _run(signal.SIGKILL)
    client = docker.from_env()
    try:
        sweep_docker(client)
        sweep()
    finally:
        client.close()
    assert _names(pid) == []
    assert not directory.exists()
    assert container.alive(), "our own is still there"
    assert _names(os.getpid())


def test_an_interrupt_leaves_nothing(container: Device) -> None:
    pid, directory = _run(signal.SIGINT)
    assert _names(pid) == []
    assert not directory.exists()
    assert [path for path in base_directory().iterdir() if path.name.startswith(f"{os.getpid()}-")]
