"""What the purposes of redirects have in common: the second gateway, and how the device arrives there."""

from typing import Any

from conformance.ike.core.sending import State
from conformance.net.link import NAT_KEEPALIVE, Address, Datagram
from conformance.script.message import Received, rekeys_ike
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import ExchangeType, Nonce, Notify, NotifyType, ProtocolID
from conformance.wire.gateway import Gateway
from suites.connections import Setup, usual
from suites.create_child_sa.answers import carries, deletes_ike, deletion
from suites.dut import Dut

GOES = "RFC5685-3-8"
PATIENCE = 3
"""A device may first take leave of the old gateway, or wait a moment: so many times the time of an answer."""


def following(**changes: Any) -> Setup:
    """A connection whose initiator follows redirects."""
    return usual(follows_redirects=True, **changes)


def second(peer: Peer, dut: Dut) -> str:
    """The address of the second gateway, which is ours as well. Raises NotApplicable without one.

    A NAT keepalive from each of its ports, which nobody heeds (RFC 3948, section 2.3), lets our link listen there.
    """
    there = dut.pixit.tester_spare6 if over_ipv6(dut) else dut.pixit.tester_spare
    if there is None or dut.nat is not None:  # the spare address of a NAT is not ours
        raise NotApplicable("the tester has one address only")
    for port in dut.pixit.tester_ports:
        source = Address(there, port)
        peer.link.send(Datagram(source, Address(peer.remote.host, dut.pixit.device_ports[1]), NAT_KEEPALIVE))
    return there


def first(dut: Dut) -> str:
    """The address at which the device looks for us."""
    if over_ipv6(dut):
        assert dut.pixit.tester_address6 is not None
        return dut.pixit.tester_address6
    return dut.pixit.tester_outer or dut.pixit.tester_address


def over_ipv6(dut: Dut) -> bool:
    """Whether the two speak with each other over IPv6."""
    return dut.connection.local_address is not None and ":" in dut.connection.local_address


def redirect(gateway: str, nonce: bytes = b"") -> Notify:
    """A REDIRECT to this address or name."""
    return Notify(NotifyType.REDIRECT, Gateway.of(gateway).encode(nonce))


def nonce_of(request: Received) -> bytes:
    """The nonce of an IKE_SA_INIT request."""
    found = request.message.first(Nonce)
    assert found is not None
    return found.data


def send_away(peer: Peer, request: Received, gateway: str) -> None:
    """Answer an IKE_SA_INIT request with a good REDIRECT."""
    peer.refuse_init(request, redirect(gateway, nonce_of(request)))


def must_be_plain(peer: Peer, notify: Notify, requirement: str) -> None:
    """A notify that is about no SA has neither protocol nor SPI."""
    fields = (notify.protocol, notify.spi)
    peer.check(fields == (ProtocolID.NONE, b""), "Protocol ID 0 and no SPI", fields, requirement)


def must_announce(peer: Peer, request: Received) -> None:
    """The first IKE_SA_INIT request says that its sender follows."""
    notify = peer.expect_notify(request.message, NotifyType.REDIRECT_SUPPORTED, "RFC5685-3-1")
    must_be_plain(peer, notify, "RFC5685-9.1-1")


def asked(peer: Peer, dut: Dut) -> Received:
    """The device initiates: its IKE_SA_INIT request, in which it says that it follows."""
    dut.initiate()
    request = peer.expect_init()
    must_announce(peer, request)
    return request


def arrival(peer: Peer, where: str, origin: str, requirement: str = GOES) -> Received:
    """The IKE_SA_INIT request of the device at the gateway to which ``origin`` has sent it; says who that was."""
    seen: list[str] = []
    while True:
        try:
            found = peer.expect_init(peer.response_timeout * PATIENCE)
        except Unexpected as nothing:
            got = f"requests at {', '.join(seen)}" if seen else nothing.got
            raise Unexpected(f"an IKE_SA_INIT request at {where}", got, requirement) from None
        if found.destination.host == where:
            break
        seen.append(found.destination.host)  # a repetition that crossed our answer
    must_name(peer, found, origin)
    return found


def must_name(peer: Peer, request: Received, origin: str) -> None:
    """The IKE_SA_INIT request says that ``origin`` has sent the device."""
    notify = peer.expect_notify(request.message, NotifyType.REDIRECTED_FROM, "RFC5685-3-9")
    must_be_plain(peer, notify, "RFC5685-9.3-1")
    expected = Gateway.of(origin)
    whole = notify.data.startswith(expected.encode()[:2]) and len(notify.data) == len(expected.encode())
    peer.check(whole, "type, length and address, and nothing else", notify, "RFC5685-9.3-2")
    peer.check(notify.data == expected.encode(), f"REDIRECTED_FROM {origin}", notify, "RFC5685-3-10")


def served(peer: Peer, dut: Dut, request: Received, requirement: str = GOES) -> ScriptedSa:
    """The device gets what it came for: an IKE SA and a Child SA that carries packets."""
    sa = peer.respond_init(request)
    sa.answer_auth()
    up = sa.state is State.ESTABLISHED and sa.children
    peer.check(up, "IKE_AUTH and a Child SA with the gateway", sa.problem or sa.state.value, requirement)
    peer.pause()
    sa.liveness()
    carries(peer, dut, sa.child, requirement)
    return sa


def rekeyed_by(peer: Peer, dut: Dut, sa: ScriptedSa) -> ScriptedSa:
    """The device rekeys the IKE SA, and so is the initiator of the new one, which is returned."""
    dut.rekey_ike()
    with peer.preamble("the device rekeys the IKE SA"):
        sa.answer(sa.expect_request(ExchangeType.CREATE_CHILD_SA, where=rekeys_ike))
        new = sa.rekeyed
        deletion(sa, deletes_ike)
        new.liveness()
    return new


def must_stay(peer: Peer, where: str, requirement: str, seconds: float = 0.0, *, bypass: bool = False) -> None:
    """The device has opened nothing at ``where`` so far, and does not within so many seconds."""
    peer.pause()
    peer.idle(seconds)
    came = [one for one in peer.inbox if one.sa is None and one.destination.host == where]
    peer.check(not came, f"no IKE_SA_INIT request at {where}", came[0] if came else "", requirement, bypass=bypass)
