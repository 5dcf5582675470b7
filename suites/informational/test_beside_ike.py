"""What comes beside IKE, or of extensions that nobody has agreed on, changes nothing (RFC 7296, 2.4 and 3.10.1)."""

from ipaddress import ip_address

from conformance.ipsec import icmp
from conformance.net.link import Address, Datagram
from conformance.net.packets import ip_packet
from conformance.script.peer import Peer
from conformance.script.sa import fatal
from conformance.wire import ExchangeType, Notify, NotifyType
from suites.create_child_sa.answers import carries
from suites.dut import Dut
from suites.ike_auth.steps import must_be_accepted_by
from suites.purpose import purpose
from suites.several import deleted_by_device

NOT_DEAD, NOT_AGREED = "RFC7296-2.4-7", "RFC7296-3.10.1-3"
UNREACHABLE = (0, 1, 2, 3, 13)
"""Codes of ICMP (RFC 792, RFC 1812): network, host, protocol, port, and administratively prohibited."""


def unreachable(peer: Peer, source: Address, destination: Address, payload: bytes) -> None:
    """ICMP says, with each code, that a datagram of the device from ``source`` did not reach us."""
    quoted = ip_packet(Datagram(source, destination, payload))
    ends = (ip_address(destination.host).packed, ip_address(source.host).packed)
    six = len(ends[0]) == 16
    kind = icmp.UNREACHABLE6 if six else icmp.UNREACHABLE
    for code in (0, 1, 3, 4) if six else UNREACHABLE:
        peer.traffic.clear(icmp.message(*ends, kind, code, bytes(4) + quoted[:548]))
    peer.pause()


@purpose("info-icmp-unreachable", NOT_DEAD, role="responder")
def test_icmp(peer: Peer, dut: Dut) -> None:
    """ICMP says that the device's last response did not reach us, for whatever reason: IKE SA and Child SA stay.

    Anybody may send that.
    """
    sa = peer.establish()
    sa.liveness()
    assert sa.received is not None
    unreachable(peer, sa.remote, sa.local, sa.received.raw)
    sa.must_be_up(NOT_DEAD)
    peer.check(not deleted_by_device(sa), "no Delete for the IKE SA", "one", NOT_DEAD)
    carries(peer, dut, sa.child, NOT_DEAD)


@purpose("init-icmp-unreachable", NOT_DEAD, role="initiator")
def test_icmp_initiator(peer: Peer, dut: Dut) -> None:
    """ICMP says that the device's IKE_SA_INIT request did not reach us, and then our response comes: it goes on.

    A host that says so may just be starting.
    """
    dut.initiate()
    first = peer.expect_init()
    unreachable(peer, first.source, first.destination, first.raw)
    sa = peer.respond_init(first)
    request = sa.expect_request(ExchangeType.IKE_AUTH, requirement=NOT_DEAD)
    unreachable(peer, request.source, request.destination, request.raw)
    sa.answer(request)
    must_be_accepted_by(sa, NOT_DEAD)


FOREIGN = (
    Notify(NotifyType.TICKET_REQUEST),
    Notify(NotifyType.UPDATE_SA_ADDRESSES),
    Notify(NotifyType.ADDITIONAL_IP4_ADDRESS, bytes((203, 0, 113, 99))),
    Notify(NotifyType.NO_ADDITIONAL_ADDRESSES),
    Notify(NotifyType.QUICK_CRASH_DETECTION, bytes(16)),
)


@purpose("info-foreign-notifies", NOT_AGREED, role="responder")
def test_foreign(peer: Peer, dut: Dut) -> None:
    """Notifications of extensions that nobody has agreed on: a ticket, other addresses, a token.

    Each is answered without an error, and changes nothing.
    """
    sa = peer.establish()
    for notify in FOREIGN:
        answer = sa.informational(notify)
        peer.check(fatal(answer) is None, f"no error in answer to N({notify.type.name})", answer, NOT_AGREED)
    sa.must_be_up(NOT_AGREED)
    peer.check(not deleted_by_device(sa), "no Delete for the IKE SA", "one", NOT_AGREED)
    carries(peer, dut, sa.child, NOT_AGREED)
