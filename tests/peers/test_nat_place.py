"""The place with a real NAT: what the device sees of the tester, and the other way round."""

import os
import shutil
from collections.abc import Iterator

import pytest

from conformance.net import Address, Datagram, UdpLink
from peers.contract import DeviceError
from peers.places.nat import INNER, Behind, NatPlace
from peers.places.netns import PIXIT
from peers.places.place import DataPlane

_MISSING = [command for command in ("ip", "nft", "conntrack") if shutil.which(command) is None]
needs_nat = pytest.mark.skipif(os.geteuid() != 0 or bool(_MISSING), reason="needs root, nftables and conntrack")


@pytest.fixture(params=list(Behind))
def place(request: pytest.FixtureRequest) -> Iterator[NatPlace]:
    made = NatPlace("test", DataPlane.SHIM, behind=request.param)
    try:
        made.open()
        yield made
    finally:
        made.close()


def ends(place: NatPlace) -> tuple[Address, Address, Address]:
    """The tester, the device, and the outer address of the NAT, all with port 500."""
    pixit = place.pixit
    device = Address(pixit.device_inner or pixit.device_address, 500)
    outer = PIXIT.tester_address if place.behind is Behind.TESTER else PIXIT.device_address
    return Address(pixit.tester_address, 500), device, Address(outer, 500)


@needs_nat
def test_addresses_and_ports_are_translated_and_rebound(place: NatPlace) -> None:
    tester, device, outer = ends(place)
    ours, theirs = place.open_link(), UdpLink(device.host, (500,), netns=place.device_namespace)
    try:
        inside, outside = (ours, theirs) if place.behind is Behind.TESTER else (theirs, ours)
        here, there = (tester, device) if place.behind is Behind.TESTER else (device, tester)
        assert here.host == INNER
        seen = []
        for _ in range(2):
            inside.send(Datagram(here, there, b"x"))
            found = outside.receive(outside.now() + 2.0)
            assert isinstance(found, Datagram)
            seen.append(found.source)
            assert place.nat is not None
            place.nat.rebind()
        assert {one.host for one in seen} == {outer.host}
        assert seen[0].port in range(20000, 21000) and seen[1].port in range(30000, 31000)
    finally:
        ours.close()
        theirs.close()


@needs_nat
def test_the_usual_ports_are_forwarded(place: NatPlace) -> None:
    tester, device, outer = ends(place)
    ours, theirs = place.open_link(), UdpLink(device.host, (500,), netns=place.device_namespace)
    try:
        inside, outside = (ours, theirs) if place.behind is Behind.TESTER else (theirs, ours)
        there = device if place.behind is Behind.TESTER else tester
        outside.send(Datagram(there, outer, b"x"))
        found = inside.receive(inside.now() + 2.0)
        assert isinstance(found, Datagram) and found.source == there
        inside.send(Datagram(found.destination, there, b"y"))
        back = outside.receive(outside.now() + 2.0)
        assert isinstance(back, Datagram) and back.source == outer
    finally:
        ours.close()
        theirs.close()


def test_a_missing_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda command: None)
    with pytest.raises(DeviceError, match="apt-get install nftables conntrack"):
        NatPlace("test").open()
