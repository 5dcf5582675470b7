"""Ports, NAT detection, IPv6 (RFC 7296, sections 2.11 and 2.23)."""

from dataclasses import replace

from conformance.ike.core.nat import nat_hash
from conformance.net.link import Address
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from conformance.wire import ExchangeType, Message, Notify, NotifyType, Payload
from peers.capabilities import Capability
from suites.connections import usual
from suites.dut import Dut
from suites.ike_sa_init.steps import handshake, normal
from suites.purpose import purpose

SOURCE, DESTINATION = NotifyType.NAT_DETECTION_SOURCE_IP, NotifyType.NAT_DETECTION_DESTINATION_IP


def check_nat_detection(peer: Peer, message: Message, source: Address, destination: Address) -> None:
    """Both notifies must be there, and their digests must fit SPIs, addresses and ports of the message."""
    for kind, address, requirement in (
        (SOURCE, source, "RFC7296-2.23-12"),
        (DESTINATION, destination, "RFC7296-2.23-14"),
    ):
        peer.expect_notify(message, kind, "RFC7296-2.23-10")
        digests = [one.data for one in message.notifies() if one.type == kind]
        wanted = nat_hash(message.spi_i, message.spi_r, address)
        got = ", ".join(one.hex() for one in digests)
        peer.check(wanted in digests, f"the digest {wanted.hex()} of {address} in N({kind.name})", got, requirement)


def without_nat(dut: Dut) -> None:
    """Raise NotApplicable where a real NAT changes the addresses."""
    if dut.nat is not None:
        raise NotApplicable("there is a NAT between tester and device")


@purpose(
    "init-source-port",
    "RFC7296-2.11-2", "RFC7296-2.11-1", "RFC7296-2.11-3", "RFC7296-2.23-2", "RFC7296-2.23-3", "RFC7296-3.1-2",
    role="responder",
)  # fmt: skip
def test_source_port(peer: Peer) -> None:
    """A request from any port is answered to that port, from the port that it came to."""
    here = Address(peer.local.host, 31337)
    sa = peer.new_sa(peer.connection, initiator=True, local=here, remote=peer.remote)
    normal(peer, sa.init(), "RFC7296-2.11-1")
    answer = sa.received
    assert answer is not None
    peer.check(answer.destination == here, f"a response to {here}", str(answer.destination), "RFC7296-2.11-2")
    peer.check(answer.source == peer.remote, f"a response from {peer.remote}", str(answer.source), "RFC7296-2.11-3")


@purpose(
    "init-port-4500", "RFC7296-3.1-3", "RFC7296-2-4", "RFC7296-2.11-3", role="responder", needs=(Capability.NAT_T,)
)
def test_port_4500(peer: Peer) -> None:
    """The whole handshake works on port 4500, where each IKE message begins with four zero octets."""
    ours, theirs = peer.connection.local_ports[1], peer.connection.remote_ports[1]
    here, there = Address(peer.local.host, ours), Address(peer.remote.host, theirs)
    sa = peer.new_sa(peer.connection, initiator=True, local=here, remote=there)
    handshake(peer, sa=sa)
    answer = sa.received
    assert answer is not None
    peer.check(answer.source == there, f"a response from {there}", str(answer.source), "RFC7296-2.11-3")


@purpose(
    "init-nat-detection",
    "RFC7296-2.23-10", "RFC7296-2.23-12", "RFC7296-2.23-14",
    role="responder",
    needs=(Capability.NAT_T,),
)  # fmt: skip
def test_nat_detection(peer: Peer, dut: Dut) -> None:
    """The response carries both NAT detection digests, and they fit where there is no NAT."""
    without_nat(dut)
    answer = normal(peer, peer.sa().init())
    check_nat_detection(peer, answer, peer.remote, peer.local)


@purpose(
    "init-nat-detection-initiator",
    "RFC7296-2.23-10", "RFC7296-2.23-12", "RFC7296-2.23-14",
    role="initiator",
    needs=(Capability.NAT_T,),
)  # fmt: skip
def test_nat_detection_initiator(peer: Peer, dut: Dut) -> None:
    """The request carries both NAT detection digests, made with a responder SPI of zero."""
    without_nat(dut)
    dut.initiate()
    first = peer.expect_init()
    check_nat_detection(peer, first.message, first.source, first.destination)


@purpose(
    "init-nat-float",
    "RFC7296-2.23-21", "RFC7296-2.23-20", "RFC7296-2.23-4", "RFC7296-2-4",
    role="initiator",
    needs=(Capability.NAT_T,),
)  # fmt: skip
def test_nat_float(peer: Peer, dut: Dut) -> None:
    """An initiator whose peer is behind a NAT goes on on port 4500.

    The digest of our address does not fit, as if a NAT had changed it. IKE_AUTH must come from and to port 4500.
    """
    digest = peer.random(20)

    def behind_nat(one: Payload) -> Payload:
        return replace(one, data=digest) if isinstance(one, Notify) and one.type == SOURCE else one

    dut.initiate()
    sa = peer.respond_init(peer.expect_init(), bend.replace(Notify, behind_nat, "a source digest that does not fit"))
    auth = sa.expect_request(ExchangeType.IKE_AUTH)
    ports = (auth.source.port, auth.destination.port)
    translated = dut.nat is not None and dut.nat.behind == "device"
    wanted = (ports[0] if translated else peer.connection.remote_ports[1], peer.connection.local_ports[1])
    peer.check(ports == wanted, f"IKE_AUTH from port {wanted[0]} to {wanted[1]}", f"{ports[0]} to {ports[1]}")
    sa.answer(auth)
    sa.must_be_established()


@purpose(
    "init-ipv6",
    "RFC7296-2.11-4",
    role="responder",
    ordinary=True,
    needs=(Capability.IPV6,),
    connection=usual(ipv6=True),
)
def test_ipv6(peer: Peer) -> None:
    """The whole handshake works over IPv6."""
    handshake(peer)
