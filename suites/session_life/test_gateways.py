"""A client with several gateways: the first is dead, the second answers, the first is back."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.ike.core.connection import Connection, Identity
from conformance.script.message import Received, says_nothing
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import ExchangeType, Notify, NotifyType
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.connections import usual
from suites.create_child_sa.answers import carries
from suites.dut import Dut
from suites.ike_auth.initiating import Attempt
from suites.ike_auth.refusal import must_be_refused_by
from suites.purpose import purpose
from suites.redirect.steps import first, second
from suites.session_life.steps import answered, must_go, settled

NEXT = (Capability.BACKUP_GATEWAYS,)
FAILED, DEAD = "RFC7296-2.4-8", "RFC7296-2.1-8"
ENOUGH = 4
"""A device may try a gateway several times before it goes to another: so many times its patience."""
AGAIN = 4.0


def two_gateways(**changes: Any) -> Callable[[Pixit], Connection]:
    """We have two addresses, and the device is told both."""

    def setup(pixit: Pixit) -> Connection:
        if pixit.tester_spare is None:
            raise NotApplicable("the tester has one address only")
        return usual(backup_addresses=(pixit.tester_spare,), **changes)(pixit)

    return setup


TWO = two_gateways()


def at(peer: Peer, where: str, seconds: float, requirement: str) -> Received:
    """The first IKE_SA_INIT request at this gateway; those at others get no answer."""
    until, elsewhere = peer.link.now() + seconds, 0
    while True:
        try:
            found = peer.expect_init(until - peer.link.now())
        except Unexpected as nothing:
            got = f"{elsewhere} requests elsewhere" if elsewhere else nothing.got
            raise Unexpected(f"an IKE_SA_INIT request at {where} within {seconds:.0f} s", got, requirement) from None
        if found.destination.host == where:
            return found
        elsewhere += 1


def patience(dut: Dut) -> float:
    """Seconds within which the device goes on to the next gateway."""
    return ENOUGH * dut.retransmission.patience


def at_second(peer: Peer, dut: Dut, requirement: str) -> ScriptedSa:
    """The device comes to the second gateway, and has there what it wants."""
    sa = answered(peer, at(peer, second(peer, dut), patience(dut), requirement), requirement)
    carries(peer, dut, sa.child, requirement)
    return sa


@purpose("backup-first", FAILED, role="initiator", needs=NEXT, connection=TWO, ordinary=True)
def test_first(peer: Peer, dut: Dut) -> None:
    """Both gateways are there: the device goes to the first one, and stays."""
    second(peer, dut)
    dut.initiate()
    request = peer.expect_init()
    peer.check(request.destination.host == first(dut), f"a request to {first(dut)}", request, FAILED)
    sa = answered(peer, request, FAILED)
    peer.idle(peer.response_timeout)
    came = [one for one in peer.inbox if one.sa is None and not one.message.is_response]
    peer.check(not came, "no request to the second gateway", came[0] if came else "", FAILED)
    carries(peer, dut, sa.child, FAILED)


@purpose("backup-silent", FAILED, "RFC7296-2.1-7", role="initiator", needs=NEXT, connection=TWO, waits=10)
def test_silent(peer: Peer, dut: Dut) -> None:
    """The first gateway does not answer: after some repetitions the device goes to the second one."""
    second(peer, dut)
    dut.initiate()
    request = peer.expect_init()
    sa = at_second(peer, dut, FAILED)
    peer.check(request.copies > 1, "the request repeated before", f"{request.copies} copy", "RFC7296-2.1-7")
    sa.must_be_up(FAILED)


@purpose(
    "backup-refused", FAILED, role="initiator", needs=(*NEXT, Capability.BACKUP_ON_REFUSAL), connection=TWO, waits=10
)
def test_refused(peer: Peer, dut: Dut) -> None:
    """The first gateway lets the device not in, and says so under keys: it goes to the second one."""
    second(peer, dut)
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH), Notify(NotifyType.AUTHENTICATION_FAILED))
    at_second(peer, dut, FAILED)


@purpose(
    "backup-dead", DEAD, FAILED, role="initiator", needs=(*NEXT, Capability.DPD), connection=TWO,
    device={"dpd_delay": 1.0}, waits=12,
)  # fmt: skip
def test_dead(peer: Peer, dut: Dut) -> None:
    """The first gateway dies in the midst of a session: the device notices, and goes on at the second one.

    Nothing goes out in the clear meanwhile.
    """
    second(peer, dut)
    dut.initiate()
    old = peer.accept()
    carries(peer, dut, old.child)
    silent(peer, dut, old)
    at_second(peer, dut, DEAD)
    peer.traffic.must_not_leak("RFC4301-4.4.1-2")


def silent(peer: Peer, dut: Dut, sa: ScriptedSa) -> None:
    """From now on the gateway of this IKE SA says nothing."""
    settled(peer, sa)
    with peer.preamble("a liveness check"):
        sa.expect_request(ExchangeType.INFORMATIONAL, timeout=10, where=says_nothing)
    peer.idle(dut.retransmission.patience)


@purpose(
    "backup-dead-twice", DEAD, FAILED, role="initiator", needs=(*NEXT, Capability.DPD), connection=TWO,
    device={"dpd_delay": 1.0}, waits=24,
)  # fmt: skip
def test_dead_twice(peer: Peer, dut: Dut) -> None:
    """The second gateway dies as well, and the first one is back: the device goes round and is served there."""
    second(peer, dut)
    dut.initiate()
    silent(peer, dut, peer.accept())
    silent(peer, dut, at_second(peer, dut, DEAD))
    sa = answered(peer, at(peer, first(dut), patience(dut), DEAD), DEAD)
    carries(peer, dut, sa.child, DEAD)


@purpose("backup-other-identity", "RFC7296-2.15-1", role="initiator", needs=NEXT, connection=TWO, waits=10)
def test_other_identity(peer: Peer, dut: Dut) -> None:
    """At the second gateway answers somebody with another name: it is not who the device wants, dead gateway or not."""
    dut.looks_at_identities()
    there = second(peer, dut)
    dut.initiate()
    other = replace(peer.connection.local, identity=Identity.of("gateway.other.example"))
    sa = peer.respond_init(at(peer, there, patience(dut), FAILED), local=other)
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    sa.answer(request)
    must_be_refused_by(dut, peer, Attempt(sa, request, None))


@purpose(
    "backup-return", FAILED, "RFC7296-2.4-18", role="initiator", needs=(*NEXT, Capability.GATEWAY_RETURN),
    connection=TWO, device={"return_after": AGAIN}, waits=20,
)  # fmt: skip
def test_return(peer: Peer, dut: Dut) -> None:
    """The first gateway is back: the device opens its session there again, and deletes that at the second one."""
    second(peer, dut)
    dut.initiate()
    with peer.preamble("the device goes to the second gateway"):
        there = at_second(peer, dut, FAILED)
    back = answered(peer, at(peer, first(dut), AGAIN + patience(dut), FAILED), FAILED)
    must_go(peer, there, "RFC7296-2.4-18")
    carries(peer, dut, back.child, FAILED)
    back.must_be_up(FAILED)


@purpose(
    "backup-return-in-vain", FAILED, role="initiator", needs=(*NEXT, Capability.GATEWAY_RETURN), connection=TWO,
    device={"return_after": AGAIN}, waits=20,
)  # fmt: skip
def test_return_in_vain(peer: Peer, dut: Dut) -> None:
    """The device looks for the first gateway, which is still dead: its session at the second one goes on."""
    second(peer, dut)
    dut.initiate()
    with peer.preamble("the device goes to the second gateway"):
        there = at_second(peer, dut, FAILED)
    at(peer, first(dut), AGAIN + patience(dut), FAILED)
    peer.idle(1.1 * dut.retransmission.patience)
    there.must_be_up(FAILED, "the session at the second gateway")
    carries(peer, dut, there.child, FAILED)
