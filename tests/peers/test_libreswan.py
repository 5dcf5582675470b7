"""The adapter against a real pluto."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.ike.core.connection import CookiePolicy
from conformance.net import Link
from conformance.wire import SA, ExchangeType, Message, NotifyType, decode_message
from peers.capabilities import Capability
from peers.contract import Device, DeviceError, SaState, Unsupported
from peers.libreswan.device import Libreswan
from peers.places.owner import base_directory, sweep
from peers.registry import open_device
from tests.peers.conftest import started
from tests.peers.connections import child_view, device_view
from tests.peers.messages import ask

pytestmark = pytest.mark.peer
WORDS = device_view().proposals[0]


@pytest.fixture
def link(pluto: Device) -> Iterator[Link]:
    pluto.apply(device_view())
    link = pluto.open_link()
    yield link
    link.close()


def _answered(answer: Message | None) -> bool:
    return answer is not None and answer.first(SA) is not None


def _asked_for_cookie(answer: Message | None) -> bool:
    return answer is not None and answer.notify(NotifyType.COOKIE) is not None


def test_it_says_what_it_is(pluto: Device) -> None:
    assert pluto.version[0].isdigit()
    assert pluto.backend in ("netns, kernel", "netns, shim")
    assert pluto.alive()
    assert (Capability.DATA_PLANE in pluto.capabilities) == pluto.backend.endswith("kernel")
    assert Capability.ED25519 not in pluto.capabilities


def test_it_responds_and_logs(pluto: Device, link: Link) -> None:
    answer = ask(pluto, link, WORDS)
    assert answer is not None
    [sa] = pluto.list_sas()
    assert (sa.spi_i, sa.spi_r, sa.state) == (answer.spi_i, answer.spi_r, SaState.CONNECTING)
    assert "sent IKE_SA_INIT reply" in pluto.log()
    assert "emitting" not in pluto.log(), "the noise of the debug log"
    pluto.apply(device_view())
    assert pluto.list_sas() == []
    assert "sent IKE_SA_INIT reply" not in pluto.log()


def test_it_responds_over_ipv6(pluto: Device) -> None:
    pixit = pluto.pixit
    pluto.apply(device_view(local_address=pixit.device_address6, remote_address=pixit.tester_address6))
    link = pluto.open_link(ipv6=True)
    try:
        assert _answered(ask(pluto, link, WORDS, ipv6=True))
    finally:
        link.close()


def test_it_initiates(pluto: Device, link: Link) -> None:
    pluto.initiate()
    arrived = link.receive(link.now() + 2.0)
    assert arrived is not None
    request = decode_message(arrived.payload)
    assert (request.exchange, request.is_response) == (ExchangeType.IKE_SA_INIT, False)
    assert [sa.spi_i for sa in pluto.list_sas()] == [request.spi_i]


def test_nothing_is_left_by_clear(pluto: Device, link: Link) -> None:
    assert _answered(ask(pluto, link, WORDS))
    pluto.clear()
    assert pluto.list_sas() == []
    answer = ask(pluto, link, WORDS)
    assert answer is None or answer.first(SA) is None
    with pytest.raises(DeviceError, match="has no connection"):
        pluto.initiate()


def test_connections_are_changed_without_a_new_process(pluto: Device) -> None:
    assert isinstance(pluto, Libreswan)
    pluto.apply(device_view())
    before = _daemon(pluto)
    for number in range(4):
        pluto.apply(device_view(proposals=("aes256-sha512-ecp384",) if number % 2 else (WORDS,)))
        pluto.clear()
    assert _daemon(pluto) == before


def test_cookies(pluto: Device, link: Link) -> None:
    pluto.apply(device_view(cookies=CookiePolicy.ALWAYS))
    answer = ask(pluto, link, WORDS)
    assert _asked_for_cookie(answer), "from the first request on"
    assert answer is not None
    assert _answered(ask(pluto, link, WORDS)) is False
    pluto.apply(device_view(cookies=CookiePolicy.UNDER_LOAD, half_open_limit=3))
    answers = [ask(pluto, link, WORDS) for _ in range(5)]
    assert [_asked_for_cookie(one) for one in answers] == [False, False, False, True, True]
    pluto.apply(device_view(cookies=CookiePolicy.NEVER))
    assert all(_answered(ask(pluto, link, WORDS)) for _ in range(15))


def test_retransmission_timers_are_those_of_the_connection(pluto: Device, link: Link) -> None:
    pluto.apply(device_view(retransmit_timeout=0.2, retransmit_tries=2))
    pluto.initiate()
    begin = link.now()
    times = []
    while (arrived := link.receive(begin + 1.5)) is not None:
        assert decode_message(arrived.payload).exchange == ExchangeType.IKE_SA_INIT
        times.append(link.now() - begin)
    assert len(times) == 3
    assert times[1] - times[0] == pytest.approx(0.2, abs=0.1)
    assert pluto.list_sas() == [], "it has given up"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"proposals": ("aes128gcm16-prfsha256-mlkem768",)}, "it has no ML_KEM_768"),
        ({"proposals": ("aes128-sha256-prfsha1-x25519",)}, "one word stands for the integrity algorithm and the PRF"),
        ({"proposals": ("nonsense",)}, "nonsense"),
        ({"children": (child_view(proposals=("aes128gcm16-x25519-ecp256",)),)}, "the same key exchange"),
        ({"children": (child_view(local_ts=("10.2.0.1-10.2.0.9",)),)}, "one prefix"),
    ],
)
def test_what_it_cannot_express_is_not_applicable(pluto: Device, change: dict[str, object], complaint: str) -> None:
    with pytest.raises(Unsupported, match=complaint):
        pluto.apply(device_view(**change))


def test_what_it_refuses_is_one_line(pluto: Device) -> None:
    with pytest.raises(DeviceError, match="listens on ports"):
        pluto.apply(device_view(local_ports=(1500, 14500)))
    pluto.apply(device_view())
    with pytest.raises(DeviceError, match="there is no Child SA 'no-such-child'"):
        pluto.initiate("no-such-child")
    with pytest.raises(DeviceError, match="has no established IKE SA"):
        pluto.rekey_ike()
    with pytest.raises(DeviceError, match="libreswan: refuses the connection: ") as caught:
        pluto.apply(device_view(children=(child_view(remote_ts=("10.1.0.0/99",)),)))
    assert "\n" not in str(caught.value)


def test_orders_before_a_connection_are_refused() -> None:
    device = open_device("libreswan:netns")
    assert not device.alive()
    with pytest.raises(DeviceError, match="is not started"):
        device.apply(device_view())


def _daemon(device: Device) -> int:
    """The process of a device's pluto."""
    assert isinstance(device, Libreswan)
    listed = subprocess.run(["ip", "netns", "pids", device.namespace], capture_output=True, text=True, check=True)
    [pid] = [int(pid) for pid in listed.stdout.split() if Path(f"/proc/{pid}/comm").read_text() == "pluto\n"]
    return pid


@pytest.mark.parametrize("ended_by", [signal.SIGSEGV, signal.SIGSTOP])
def test_a_crash_or_a_hang_is_seen_and_mended_by_the_next_apply(
    pluto: Device, link: Link, ended_by: signal.Signals
) -> None:
    os.kill(_daemon(pluto), ended_by)
    end = time.monotonic() + 5
    while pluto.alive() and time.monotonic() < end:
        time.sleep(0.01)
    assert not pluto.alive()
    with pytest.raises(DeviceError, match="has crashed"):
        pluto.list_sas()
    pluto.apply(device_view())
    assert pluto.alive()
    assert _answered(ask(pluto, link, WORDS))


def test_two_side_by_side(pluto: Device, link: Link) -> None:
    with started("libreswan:netns") as other:
        other.apply(device_view(proposals=("aes256-sha512-ecp384",)))
        assert _answered(ask(pluto, link, WORDS))
        assert other.list_sas() == []
        assert len(pluto.list_sas()) == 1
        place = other._place  # type: ignore[attr-defined]
        directory = place.directory
    assert not directory.exists()
    assert pluto.alive()


_KILLED = """
import os, signal
from peers.registry import open_device
from tests.peers.connections import child_view, device_view
device = open_device("libreswan:netns")
device.start()
device.apply(device_view())
print(device._place.directory, flush=True)
os.kill(os.getpid(), signal.{signal})
"""


@pytest.mark.parametrize("ended_by", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_ends_early_leaves_nothing(pluto: Device, ended_by: signal.Signals) -> None:
    script = _KILLED.format(signal=ended_by.name)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    directory = Path(done.stdout.strip().splitlines()[-1])
    assert directory.parent == base_directory(), done.stderr
    sweep()
    pid = directory.name.split("-")[0]
    assert not directory.exists()
    assert not list(Path("/run/netns").glob(f"ikespec-{pid}-*"))
    assert pluto.alive(), "our own is still there"
