"""What the purposes on NATs share: digests that do not fit, NATs on either side, orders that make the device speak."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_address
from itertools import pairwise

from conformance.net.link import NAT_KEEPALIVE, Address
from conformance.net.nat import DeviceNat, Mappings, Nat
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.trace import Entry
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import ExchangeType, Notify, NotifyType, Payload
from peers.contract import RealNat
from suites.create_child_sa.answers import deletes_ike
from suites.dut import Dut

SOURCE, DESTINATION = NotifyType.NAT_DETECTION_SOURCE_IP, NotifyType.NAT_DETECTION_DESTINATION_IP
INSIDE, INSIDE6 = "192.168.1.2", "fd00:1::2"
"""The scripted peer behind a NAT of ours."""
OUTSIDE = "198.51.100.7"
"""The device as it is seen from outside when a NAT of ours stands in front of it."""


# --- digests ----------------------------------------------------------------------------------------------------------


def is_digest(payload: Payload) -> bool:
    """True for both NAT detection notifies."""
    return isinstance(payload, Notify) and payload.type in (SOURCE, DESTINATION)


def mismatch(*kinds: NotifyType) -> Bend:
    """These digests fit no address, as if a NAT had changed it on the way."""

    def change(one: Notify) -> Notify:
        return replace(one, data=one.data[::-1]) if one.type in kinds else one

    names = " and ".join(kind.name for kind in kinds)
    return bend.replace(Notify, change, f"{names} that fits no address")


def without_detection() -> Bend:
    """A message without NAT detection."""
    return bend.order(lambda found: [one for one in found if not is_digest(one)], "without NAT detection")


def several_sources(*, matching: bool) -> Bend:
    """Three source digests, of which the middle one may be the right one."""

    def change(found: list[Payload]) -> list[Payload]:
        changed: list[Payload] = []
        for one in found:
            if isinstance(one, Notify) and one.type == SOURCE:
                right = one.data if matching else bytes(reversed(one.data))
                wrong = [bytes(octet ^ mask for octet in one.data) for mask in (0x55, 0xAA)]
                changed += [replace(one, data=data) for data in (wrong[0], right, wrong[1])]
            else:
                changed.append(one)
        return changed

    return bend.order(change, f"three source digests, {'one' if matching else 'none'} of which fits")


def opened(peer: Peer, requirement: str, bent: Bend | None = None) -> ScriptedSa:
    """An IKE SA after IKE_SA_INIT, which must succeed."""
    sa = peer.sa()
    answer = sa.init(bent)
    peer.check(sa.keys is not None, "an IKE_SA_INIT response with SA, KE, Nr", answer, requirement)
    return sa


def established_behind(peer: Peer, *kinds: NotifyType) -> ScriptedSa:
    """An IKE SA whose IKE_SA_INIT request had digests that do not fit; IKE_AUTH goes to port 4500."""
    sa = opened(peer, "RFC7296-2.23-16", mismatch(*kinds))
    sa.float_port()
    sa.auth()
    sa.must_be_established("RFC7296-2.23-16")
    return sa


# --- NATs of ours -----------------------------------------------------------------------------------------------------


def behind_nat(peer: Peer, dut: Dut) -> Mappings | RealNat:
    """From now on the scripted peer has an inner address and a NAT in front of it. Call it before anything is sent.

    Where the tester is behind a real one, that is used.
    """
    if dut.nat is not None and dut.nat.behind == "tester":
        return dut.nat
    outer = peer.local.host
    mappings = Mappings(outer, note=peer.note)
    peer.link = Nat(peer.link, mappings).inside()
    inner = INSIDE6 if ip_address(outer).version == 6 else INSIDE
    peer.connection = replace(peer.connection, local_address=inner)
    return mappings


def forward_ports(peer: Peer, mappings: Mappings | RealNat) -> None:
    """The peer's NAT lets the device in on the usual ports; a real one always does."""
    if not isinstance(mappings, Mappings):
        return
    assert peer.connection.local_address is not None
    for port in peer.connection.local_ports:
        mappings.forward(peer.link, Address(peer.connection.local_address, port), port)


def device_behind_nat(peer: Peer, dut: Dut, *, forwarding: bool) -> Mappings | RealNat:
    """From now on the device is behind a NAT; with ``forwarding`` one of ours lets us in on the usual ports.

    Where the device is behind a real one, that is used.
    """
    if dut.nat is not None and dut.nat.behind == "device":
        return dut.nat
    device = peer.remote.host
    mappings = Mappings(OUTSIDE, note=peer.note)
    peer.link = DeviceNat(peer.link, mappings)
    if forwarding:
        for port in peer.connection.remote_ports:
            mappings.forward(peer.link, Address(device, port), port)
    peer.connection = replace(peer.connection, remote_address=OUTSIDE)
    return mappings


@contextmanager
def two_homes(peer: Peer) -> Iterator[tuple[Peer, Peer]]:
    """The peer and another one with the same inner address, behind one NAT. Both write into one trace."""
    nat = Nat(peer.link, Mappings(peer.local.host, note=peer.note))
    peer.connection = replace(peer.connection, local_address=INSIDE, initial_contact=False)
    peer.link = nat.inside()
    other = Peer(nat.inside(), peer.connection, peer.random, peer.response_timeout)
    other.trace, other.begun = peer.trace, peer.begun
    try:
        yield peer, other
    finally:
        peer.sas.update(other.sas)  # for the keys in the evidence


# --- the device speaks ------------------------------------------------------------------------------------------------


def own_request(
    dut: Dut, sa: ScriptedSa, requirement: str, *, at: Address | None = None, bypass: bool = False
) -> Received:
    """The device is told to delete the IKE SA: its request must come to where we are, by default ``sa.local``.

    ``bypass``: if it goes elsewhere, somebody who could not authenticate himself has led it there.
    """
    sa.peer.pause()
    here, there = at or sa.local, sa.remote
    dut.delete_ike()
    try:
        found = sa.expect_request(ExchangeType.INFORMATIONAL, where=deletes_ike)
    except Unexpected as missing:
        raise Unexpected(missing.expected, missing.got, requirement) from None
    came = f"{found.source} > {found.destination}"
    right = found.destination == here and found.source == there
    sa.peer.check(right, f"its request from {there} to {here}", came, requirement, bypass=bypass)
    sa.answer(found)
    return found


def settle(peer: Peer) -> None:
    """What the device may have to say by itself gets its answer, before its path to us changes."""
    peer.idle(peer.response_timeout / 10)


def must_stay(sa: ScriptedSa, requirement: str) -> None:
    """All requests of the device after IKE_SA_INIT, those that nobody has ordered included, came to port 4500."""
    peer = sa.peer
    usual = peer.connection.local_ports[1]
    own = [one for one in peer.inbox if one.sa is sa and one.protected and not one.message.is_response]
    others = [f"{one} at port {one.destination.port}" for one in own if one.destination.port != usual]
    peer.check(not others, f"its requests at port {usual}", "; ".join(others), requirement)


def keepalives(peer: Peer) -> list[Entry]:
    """What came from the device that is no longer than a keepalive, or is one."""
    entries = [one for one in peer.trace.entries if one.datagram is not None and not one.sent]
    return [one for one in entries if one.datagram is not None and len(one.datagram.payload) < 4]


def must_keep_alive(peer: Peer, sa: ScriptedSa) -> None:
    """Within the time without traffic that the connection says, keepalives come between the ports of ESP in UDP."""
    assert peer.connection.keepalive is not None
    mark = len(keepalives(peer))
    peer.idle(peer.connection.keepalive + 2.0)
    found = [one.datagram for one in keepalives(peer)[mark:] if one.datagram is not None]
    if not found and longest_silence(peer) < peer.connection.keepalive:
        raise NotApplicable("the device needs no keepalive: it says something else in time")
    peer.check(found, "a NAT keepalive", "nothing", "RFC3948-4-3")
    octets = {one.payload.hex() for one in found}
    peer.check(octets == {"ff"}, "one octet 0xff", ", ".join(octets), "RFC3948-2.3-4")
    ends = {(one.source, one.destination) for one in found}
    text = ", ".join(f"{source} > {destination}" for source, destination in ends)
    peer.check(ends == {(sa.remote, sa.local)}, f"from {sa.remote} to {sa.local}", text, "RFC3948-2.3-1")


def longest_silence(peer: Peer) -> float:
    """The longest time, in seconds, in which the device has sent nothing."""
    times = [one.time for one in peer.trace.entries if one.datagram is not None and not one.sent]
    return max((later - earlier for earlier, later in pairwise([*times, peer.link.now()])), default=0.0)


def send_keepalive(peer: Peer, source: Address, destination: Address) -> None:
    """A NAT keepalive of ours."""
    peer.send_raw(NAT_KEEPALIVE, source, destination)
