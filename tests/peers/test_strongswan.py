"""The adapter against a real charon."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.ike.core.connection import CookiePolicy
from conformance.net import Link
from conformance.wire import SA, ExchangeType, Message, NotifyType, decode_message
from peers.capabilities import Capability
from peers.contract import Device, DeviceError, SaState, Unsupported
from peers.places.owner import Owner, base_directory, sweep
from peers.registry import open_device
from peers.strongswan.device import StrongSwan
from tests.peers.conftest import started
from tests.peers.connections import device_view
from tests.peers.messages import ask

pytestmark = pytest.mark.peer
WORDS = device_view().proposals[0]


@pytest.fixture
def link(charon: Device) -> Iterator[Link]:
    charon.apply(device_view())
    link = charon.open_link()
    yield link
    link.close()


def _answered(answer: Message | None) -> bool:
    return answer is not None and answer.first(SA) is not None


def _asked_for_cookie(answer: Message | None) -> bool:
    return answer is not None and answer.notify(NotifyType.COOKIE) is not None


def test_it_says_what_it_is(charon: Device) -> None:
    assert charon.version[0].isdigit()
    assert charon.alive()
    assert charon.backend.startswith("netns, ")
    assert {Capability.INITIATOR, Capability.RESPONDER, Capability.PSK, Capability.IPV6} <= charon.capabilities


def test_it_responds(charon: Device, link: Link) -> None:
    answer = ask(charon, link, WORDS)
    assert answer is not None
    assert answer.is_response
    assert _answered(answer)
    [sa] = charon.list_sas()
    assert (sa.spi_i, sa.spi_r) == (answer.spi_i, answer.spi_r)
    assert sa.state is SaState.CONNECTING
    assert "IKE_SA_INIT response 0" in charon.log()


def test_it_initiates(charon: Device, link: Link) -> None:
    charon.initiate()
    arrived = link.receive(link.now() + 2.0)
    assert arrived is not None
    request = decode_message(arrived.payload)
    assert request.exchange == ExchangeType.IKE_SA_INIT
    assert not request.is_response
    [sa] = charon.list_sas()
    assert (sa.spi_i, sa.spi_r) == (request.spi_i, bytes(8))


def test_it_responds_over_ipv6(charon: Device) -> None:
    charon.apply(device_view())
    link = charon.open_link(ipv6=True)
    try:
        assert _answered(ask(charon, link, WORDS, ipv6=True))
    finally:
        link.close()


def test_applying_again_leaves_nothing(charon: Device, link: Link) -> None:
    for _ in range(5):
        assert _answered(ask(charon, link, WORDS))
    assert len(charon.list_sas()) == 5
    charon.apply(device_view())
    assert charon.list_sas() == []
    assert "IKE_SA_INIT" not in charon.log(), "the log starts anew"


def test_after_clear_it_does_not_respond(charon: Device, link: Link) -> None:
    charon.clear()
    answer = ask(charon, link, WORDS)
    assert answer is not None
    assert answer.notify(NotifyType.NO_PROPOSAL_CHOSEN) is not None


def test_many_half_open_sas_are_all_answered_without_cookies(charon: Device, link: Link) -> None:
    charon.apply(device_view(cookies=CookiePolicy.NEVER))
    assert all(_answered(ask(charon, link, WORDS)) for _ in range(20))


def test_cookies_under_load_and_never_afterwards(charon: Device, link: Link) -> None:
    charon.apply(device_view(half_open_limit=3))
    answers = [ask(charon, link, WORDS) for _ in range(5)]
    assert [_asked_for_cookie(answer) for answer in answers] == [False, False, False, True, True]
    charon.apply(device_view(half_open_limit=3))
    assert _answered(ask(charon, link, WORDS)), "charon asks for ten more seconds unless it starts anew"


def test_cookies_from_the_first_request(charon: Device, link: Link) -> None:
    charon.apply(device_view(cookies=CookiePolicy.ALWAYS))
    assert charon.list_sas() == []
    assert _asked_for_cookie(ask(charon, link, WORDS))


def test_retransmission_timers_are_those_of_the_connection(charon: Device, link: Link) -> None:
    charon.apply(device_view(retransmit_timeout=0.2, retransmit_base=1.0, retransmit_tries=2))
    charon.initiate()
    begin = link.now()
    times = []
    while (arrived := link.receive(begin + 1.5)) is not None:
        assert decode_message(arrived.payload).exchange == ExchangeType.IKE_SA_INIT
        times.append(link.now() - begin)
    assert len(times) == 3
    assert times[2] - times[0] == pytest.approx(0.4, abs=0.15)
    assert charon.list_sas() == [], "it has given up"


def test_what_it_refuses_is_one_line(charon: Device) -> None:
    with pytest.raises(DeviceError) as caught:
        charon.apply(device_view(proposals=("aes128-nonsense",)))
    assert "strongswan: refuses load-conn: " in str(caught.value)
    with pytest.raises(DeviceError, match="listens on ports"):
        charon.apply(device_view(local_ports=(1500, 14500)))
    with pytest.raises(DeviceError, match="refuses initiate"):
        charon.apply(device_view())
        charon.initiate("no-such-child")


def test_orders_before_a_connection_are_refused() -> None:
    device = open_device("strongswan:netns")
    assert not device.alive()
    with pytest.raises(DeviceError, match="is not started"):
        device.apply(device_view())


def test_a_crash_is_seen_and_mended_by_the_next_apply(charon: Device, link: Link) -> None:
    os.kill(_daemon(charon), signal.SIGSEGV)
    end = time.monotonic() + 5
    while charon.alive() and time.monotonic() < end:
        time.sleep(0.01)
    assert not charon.alive()
    with pytest.raises(DeviceError, match="has crashed or hangs"):
        charon.list_sas()
    charon.apply(device_view())
    assert charon.alive()
    assert _answered(ask(charon, link, WORDS))


def _daemon(device: Device) -> int:
    """The process of a device's charon: the only one in its namespace."""
    assert isinstance(device, StrongSwan)
    listed = subprocess.run(["ip", "netns", "pids", device.namespace], capture_output=True, text=True, check=True)
    [pid] = listed.stdout.split()
    return int(pid)


def test_user_space_esp_claims_less() -> None:
    with started("strongswan:netns", data_plane="libipsec") as device:
        assert Capability.DATA_PLANE in device.capabilities
        assert Capability.TRANSPORT not in device.capabilities
        with pytest.raises(Unsupported, match="transport"):
            child = device_view().children[0]
            device.apply(device_view(children=(replace(child, mode=type(child.mode).TRANSPORT),)))


_KILLED = """
import os, signal
from peers.registry import open_device
from peers.strongswan.device import StrongSwan
from tests.peers.connections import device_view
device = open_device("strongswan:netns")
device.start()
device.apply(device_view())
print(device._place.directory, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_leftovers_of_a_killed_run_are_removed_at_the_next_start(charon: Device) -> None:
    done = subprocess.run([sys.executable, "-c", _KILLED], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    directory = Path(done.stdout.strip())
    pid = directory.name.split("-")[0]
    namespaces = [Path(f"/run/netns/ikespec-{pid}-0-{side}") for side in "td"]
    assert directory.exists()
    assert all(path.exists() for path in namespaces)
    sweep()
    assert not directory.exists()
    assert not any(path.exists() for path in namespaces)
    assert charon.alive(), "our own is still there"


_INTERRUPTED = """
import time
from peers.registry import open_device
from peers.strongswan.device import StrongSwan
with open_device("strongswan:netns") as device:
    print("up", flush=True)
    time.sleep(60)
"""


def test_an_interrupt_leaves_nothing(charon: Device) -> None:
    arguments = [sys.executable, "-c", _INTERRUPTED]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "up\n"
        run.send_signal(signal.SIGINT)
        run.communicate()
    assert not [path for path in base_directory().iterdir() if path.name.startswith(f"{run.pid}-")]
    assert not list(Path("/run/netns").glob(f"ikespec-{run.pid}-*"))


def test_stopping_leaves_nothing_and_may_be_repeated() -> None:
    with started("strongswan:netns") as device:
        mine = [path for path in base_directory().iterdir() if path.name.startswith(f"{Owner.this().pid}-")]
        device.stop()
        device.stop()
        left = [path for path in mine if path.exists()]
        assert len(left) == len(mine) - 1
        assert not device.alive()
