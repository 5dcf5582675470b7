import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from conformance.net import Address, Datagram, LinkError, UdpLink
from conformance.net.sockets import bind

HOSTS = ["127.0.0.1", "::1"]


def open_or_skip(host: str, ports: tuple[int, ...] = (0, 0), netns: str | None = None) -> UdpLink:
    if host == "::1" and not _has_ipv6():
        pytest.skip("this host has no IPv6 loopback address")
    return UdpLink(host, ports, netns=netns)


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize("host", HOSTS)
def test_a_datagram_arrives_with_its_true_source_and_destination(host: str) -> None:
    with open_or_skip(host) as ours, open_or_skip(host) as device:
        for source in ours.addresses:
            for destination in device.addresses:
                sent = Datagram(source, destination, b"\x00\x00\x00\x00ike")
                ours.send(sent)
                assert device.receive(device.now() + 2) == sent


@pytest.mark.parametrize("host", HOSTS)
def test_a_new_source_port_opens_on_demand_and_receives(host: str) -> None:
    with open_or_skip(host) as ours, open_or_skip(host) as device:
        floated = ours.open(Address(host, 0))
        assert floated not in ours.addresses
        ours.close_port(floated)
        ours.send(Datagram(floated, device.addresses[0], b"floated"))
        seen = device.receive(device.now() + 2)
        assert seen is not None and seen.source == floated
        device.send(Datagram(seen.destination, seen.source, b"answer"))
        answer = ours.receive(ours.now() + 2)
        assert answer == Datagram(device.addresses[0], floated, b"answer")


def test_another_source_address_of_this_host_works_too() -> None:
    with UdpLink("127.0.0.1", (0,)) as ours, UdpLink("127.0.0.2", (0,)) as device:
        source = ours.open(Address("127.0.0.3", 0))
        ours.send(Datagram(source, device.addresses[0], b"moved"))
        seen = device.receive(device.now() + 2)
        assert seen is not None and seen.source == source and source.host == "127.0.0.3"


def test_receive_waits_until_its_deadline_and_no_longer() -> None:
    with UdpLink("127.0.0.1", (0,)) as link:
        begin = time.monotonic()
        assert link.receive(link.now() + 0.05) is None
        assert 0.045 <= time.monotonic() - begin < 1.0
        begin = time.monotonic()
        assert link.receive(link.now() - 5) is None
        assert time.monotonic() - begin < 0.2


def test_a_deadline_in_the_past_takes_what_is_already_there() -> None:
    with UdpLink("127.0.0.1", (0,)) as ours, UdpLink("127.0.0.1", (0,)) as device:
        ours.send(Datagram(ours.addresses[0], device.addresses[0], b"early"))
        time.sleep(0.01)
        seen = device.receive(0.0)
        assert seen is not None and seen.payload == b"early"


def test_the_clock_is_unix_time() -> None:
    with UdpLink("127.0.0.1", (0,)) as link:
        assert abs(link.now() - time.time()) < 1.0


def test_datagrams_of_any_size_come_whole_and_an_oversized_one_is_an_error() -> None:
    with UdpLink("127.0.0.1", (0,)) as ours, UdpLink("127.0.0.1", (0,)) as device:
        for size in (0, 1, 1500, 65507):
            ours.send(Datagram(ours.addresses[0], device.addresses[0], bytes(size)))
            seen = device.receive(device.now() + 2)
            assert seen is not None and len(seen.payload) == size
        with pytest.raises(LinkError, match="65508 octets are too many"):
            ours.send(Datagram(ours.addresses[0], device.addresses[0], bytes(65508)))


def test_a_closed_destination_disturbs_nothing() -> None:
    with UdpLink("127.0.0.1", (0,)) as ours, UdpLink("127.0.0.1", (0, 0)) as device:
        gone, alive = device.addresses
        device.close_port(gone)
        for _ in range(3):
            ours.send(Datagram(ours.addresses[0], gone, b"nobody"))
        assert ours.receive(ours.now() + 0.02) is None
        ours.send(Datagram(ours.addresses[0], alive, b"hello"))
        seen = device.receive(device.now() + 2)
        assert seen is not None and seen.payload == b"hello"


def test_a_port_in_use_is_named() -> None:
    with UdpLink("127.0.0.1", (0,)) as link, pytest.raises(LinkError) as caught:
        UdpLink("127.0.0.1", link.ports)
    assert str(caught.value) == f"cannot bind UDP 127.0.0.1:{link.ports[0]}: it is in use"


def test_an_ike_port_in_use_suggests_a_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: socket.socket, name: object) -> None:
        raise OSError(98, "Address already in use")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(LinkError, match=r"^cannot bind UDP 127\.0\.0\.1:500: .*another IKE daemon running\?$"):
        UdpLink("127.0.0.1")


def test_a_privileged_port_without_the_right_says_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: socket.socket, name: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(LinkError, match=r"127\.0\.0\.1:500: ports below 1024 need root or CAP_NET_BIND_SERVICE$"):
        UdpLink("127.0.0.1")


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("192.0.2.77", "no interface has this address"),
        ("vpn.example", "no numeric address"),
        ("0.0.0.0", "name one address"),
        ("::", "name one address"),
    ],
)
def test_an_unusable_address_is_told_in_one_line(host: str, told: str) -> None:
    with pytest.raises(LinkError, match=told) as caught:
        UdpLink(host, (0,))
    assert "\n" not in str(caught.value)


def test_nothing_stays_open_when_one_of_the_ports_fails() -> None:
    with UdpLink("127.0.0.1", (0, 0)) as link:
        first, second = link.addresses
        link.close_port(first)
        with pytest.raises(LinkError, match=str(second.port)):
            bind([first, second])
        link.open(first)


def test_wrong_destinations_are_errors_of_the_link() -> None:
    with UdpLink("127.0.0.1", (0,)) as link:
        for destination in (Address("::1", 500), Address("127.0.0.1", 70000)):
            with pytest.raises(LinkError, match="cannot send from"):
                link.send(Datagram(link.addresses[0], destination, b""))


def test_a_closed_link_says_so_and_closes_twice() -> None:
    link = UdpLink("127.0.0.1", (0,))
    link.close()
    link.close()
    with pytest.raises(LinkError, match="closed"):
        link.receive(link.now() + 10)
    with pytest.raises(LinkError, match="closed"):
        link.send(Datagram(link.addresses[0], link.addresses[0], b""))


@pytest.mark.parametrize("name", ["ikespec-no-such-namespace", "../etc", ""])
def test_a_missing_namespace_is_named(name: str) -> None:
    with pytest.raises(LinkError, match="namespace") as caught:
        UdpLink("127.0.0.1", (0,), netns=name)
    assert repr(name) in str(caught.value)


@pytest.fixture
def namespaces() -> Iterator[tuple[str, str]]:
    """Two namespaces joined by a cable, 10.203.0.1 and .2, fe80::1 and ::2; nothing of the host's network changes."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and the ip command")
    left, right = (f"ikespec-test-{os.getpid()}-{side}" for side in "ab")
    with ExitStack() as undo:
        for name in (left, right):
            added = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
            if added.returncode != 0:
                pytest.skip(f"cannot make a network namespace: {added.stderr.strip()}")
            undo.callback(subprocess.run, ["ip", "netns", "delete", name], check=False)
        run = ["ip", "-n", left, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", right]
        cabled = subprocess.run(run, capture_output=True, text=True)
        if cabled.returncode != 0:
            pytest.skip(f"cannot make a veth pair: {cabled.stderr.strip()}")
        for name, number in ((left, 1), (right, 2)):
            for words in (
                f"address add 10.203.0.{number}/24 dev cable",
                f"address add fe80::{number}/64 dev cable nodad",
                "link set cable up",
            ):
                subprocess.run(["ip", "-n", name, *words.split()], check=True, capture_output=True)
        yield left, right


def test_sockets_live_in_their_namespace(namespaces: tuple[str, str]) -> None:
    left, right = namespaces
    inode = Path("/proc/thread-self/ns/net").stat().st_ino
    with UdpLink("10.203.0.1", netns=left) as ours, UdpLink("10.203.0.2", netns=right) as device:
        assert ours.ports == (500, 4500)
        ours.send(Datagram(Address("10.203.0.1", 4501), device.addresses[1], b"through the cable"))
        seen = device.receive(device.now() + 10)
        assert seen is not None and seen.source == Address("10.203.0.1", 4501)
    assert Path("/proc/thread-self/ns/net").stat().st_ino == inode
    with pytest.raises(LinkError, match=f"10.203.0.9:500 in network namespace '{left}': no interface"):
        UdpLink("10.203.0.9", netns=left)


def test_link_local_addresses_need_no_zone_to_answer(namespaces: tuple[str, str]) -> None:
    left, right = namespaces
    with UdpLink("fe80::1%cable", netns=left) as ours, UdpLink("fe80::2%cable", netns=right) as device:
        ours.send(Datagram(Address("fe80::1", 500), Address("fe80::2", 500), b"request"))
        seen = device.receive(device.now() + 10)
        assert seen == Datagram(Address("fe80::1", 500), Address("fe80::2", 500), b"request")
        device.send(Datagram(seen.destination, seen.source, b"response"))
        assert ours.receive(ours.now() + 10) is not None
