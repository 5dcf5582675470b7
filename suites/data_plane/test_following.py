"""A peer behind a NAT that gets another address or port: ESP must follow, and IKE with it (RFC 7296, section 2.23).

If IKE follows alone, liveness checks are answered and the peer sees no reason to give up, while ESP goes astray for
hours. A forced digest of ours stands for the NAT.
"""

from collections.abc import Callable

from conformance.ipsec.esp import EspBend
from conformance.net.link import Address
from conformance.net.packets import udp_datagram
from conformance.script.message import rekeys_child
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.traffic import Arrived
from conformance.script.verdict import NotApplicable
from conformance.wire import ExchangeType
from peers.capabilities import Capability
from suites.connections import usual
from suites.create_child_sa.answers import deletes_child, deletion
from suites.data_plane.steps import DATA, TWICE, flows, moved, recorded, up
from suites.dut import Dut
from suites.nat.steps import own_request, settle
from suites.purpose import purpose

NAT, DELETES = Capability.NAT_T, Capability.DELETE_IKE
FOLLOW = "RFC7296-2.23-25"
OURS = usual(force_encapsulation=True)
DEVICE = {"force_encapsulation": False}

Speak = Callable[[ScriptedSa], object]


def other_host(dut: Dut) -> str:
    """Our second address."""
    if dut.pixit.tester_spare is None:
        raise NotApplicable("the tester has one address only")
    return dut.pixit.tester_spare


def goes_to(found: Arrived) -> Address | None:
    """Where ESP in UDP went, None: it came without UDP."""
    datagram = udp_datagram(found.wire)
    return datagram.destination if datagram else None


def follows(peer: Peer, dut: Dut, speak: Speak, *, host: str | None = None, port: int = 0) -> None:
    """After ``speak`` from another host or port, the device's ESP and requests go there, and on a new Child SA, too.

    It may take a moment: the part of a device that sees the packet may have to tell the other one. The SA is the same
    as before: a packet that has come on it is not accepted a second time.
    """
    sa = up(peer)
    known = udp_datagram(recorded(sa).wire)
    settle(peer)
    old, here = sa.child, Address(host or sa.local.host, sa.local.port + port)
    sa.local = here
    speak(sa)
    esp = reached(peer, here)
    if known is not None:
        with sa.traffic.silence(TWICE, bypass=True):
            peer.send_raw(known.payload, sa.local, sa.remote)
    ike: Address | None = here
    rekeys = Capability.REKEY_CHILD in dut.device.capabilities
    if rekeys:
        dut.rekey_child()
        request = sa.expect_request(ExchangeType.CREATE_CHILD_SA, where=rekeys_child, requirement=FOLLOW)
        ike = request.destination
    right = esp == ike == here
    peer.check(right, f"ESP and requests to {here}", f"ESP to {esp}, a request to {ike}", FOLLOW)
    if rekeys:
        sa.answer(request)
        deletion(sa, deletes_child, FOLLOW)
        peer.pause()
        peer.check(sa.child is not old, "a new Child SA", sa.problem or "the old one alone", "RFC7296-2.8-5")
        moved(peer, sa.child, FOLLOW)
        esp = reached(peer, here)
        peer.check(esp == here, f"ESP of the new Child SA to {here}", esp, FOLLOW)
    sa.must_be_up(FOLLOW)


def reached(peer: Peer, here: Address) -> Address | None:
    """Where the device's ESP goes, once that is ``here`` or has had time enough."""
    for _ in range(3):
        found = goes_to(flows(peer, requirement=FOLLOW))
        if found == here:
            break
        settle(peer)
    return found


def must_stay(peer: Peer, dut: Dut, sa: ScriptedSa, elsewhere: Address) -> None:
    """The device's packets must still come to where we are, and none to where somebody else has spoken from."""
    settle(peer)
    own_request(dut, sa, FOLLOW, bypass=True)
    astray = [str(one) for one in peer.inbox if one.destination == elsewhere]
    astray += [str(one) for one in peer.traffic.arrived if goes_to(one) == elsewhere]
    peer.check(not astray, f"nothing at {elsewhere}", "; ".join(astray), FOLLOW, bypass=True)


def ike_speaks(sa: ScriptedSa) -> None:
    """One authentic IKE request."""
    sa.liveness()
    sa.peer.pause()


def esp_speaks(sa: ScriptedSa) -> None:
    """One authentic ESP packet."""
    sa.traffic.send(sa.traffic.echo_request())
    settle(sa.peer)


@purpose("data-address-change", TWICE, FOLLOW, role="responder", needs=(DATA, NAT), connection=OURS, device=DEVICE)
def test_port(peer: Peer, dut: Dut) -> None:
    """The peer's NAT gives it another port; after an IKE message from there the device's ESP and requests go there."""
    follows(peer, dut, ike_speaks, port=1)


@purpose("data-address-change-host", TWICE, FOLLOW, role="responder", needs=(DATA, NAT), connection=OURS, device=DEVICE)
def test_host(peer: Peer, dut: Dut) -> None:
    """The peer's NAT gets another address; after an IKE message from there the device's ESP and requests go there."""
    follows(peer, dut, ike_speaks, host=other_host(dut))


@purpose("data-address-change-both", TWICE, FOLLOW, role="responder", needs=(DATA, NAT), connection=OURS, device=DEVICE)
def test_both(peer: Peer, dut: Dut) -> None:
    """Another address and port; after an IKE message from there the device's ESP and requests go there."""
    follows(peer, dut, ike_speaks, host=other_host(dut), port=1)


@purpose("data-address-change-esp", TWICE, FOLLOW, role="responder", needs=(DATA, NAT), connection=OURS, device=DEVICE)
def test_esp_port(peer: Peer, dut: Dut) -> None:
    """Another port; after an ESP packet from there the device's ESP and requests go there: both are packets."""
    follows(peer, dut, esp_speaks, port=1)


@purpose(
    "data-address-change-esp-host", TWICE, FOLLOW, role="responder", needs=(DATA, NAT), connection=OURS, device=DEVICE
)
def test_esp_host(peer: Peer, dut: Dut) -> None:
    """Another address; after an ESP packet from there the device's ESP and requests go there."""
    follows(peer, dut, esp_speaks, host=other_host(dut))


@purpose(
    "data-address-change-esp-both", TWICE, FOLLOW, role="responder", needs=(DATA, NAT), connection=OURS, device=DEVICE
)
def test_esp_both(peer: Peer, dut: Dut) -> None:
    """Another address and port; after an ESP packet from there the device's ESP and requests go there."""
    follows(peer, dut, esp_speaks, host=other_host(dut), port=1)


@purpose(
    "data-address-change-forged", FOLLOW, role="responder", needs=(DATA, NAT, DELETES), connection=OURS, device=DEVICE
)
def test_forged(peer: Peer, dut: Dut) -> None:
    """An ESP packet from another port whose integrity check fails does not move the peer."""
    sa = up(peer)
    settle(peer)
    here, elsewhere = sa.local, Address(sa.local.host, sa.local.port + 1)
    sa.local = elsewhere
    sa.traffic.send(sa.traffic.echo_request(), bend=EspBend(flip=-1))
    sa.local = here
    must_stay(peer, dut, sa, elsewhere)


@purpose(
    "data-address-change-replayed", FOLLOW, role="responder", needs=(DATA, NAT, DELETES), connection=OURS, device=DEVICE
)
def test_replayed(peer: Peer, dut: Dut) -> None:
    """An old ESP packet again, from another port, does not move the peer: anybody may have recorded it."""
    sa = up(peer)
    sent = sa.traffic.send(sa.traffic.echo_request())
    sa.traffic.answer(sent.inner)
    sa.traffic.ping()
    datagram = udp_datagram(sent.wire)
    if datagram is None:
        raise NotApplicable("ESP goes without UDP")
    settle(peer)
    elsewhere = Address(sa.local.host, sa.local.port + 1)
    peer.send_raw(datagram.payload, elsewhere, sa.remote)
    must_stay(peer, dut, sa, elsewhere)
