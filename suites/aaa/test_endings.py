"""How sessions end, and what accounting tells of it (RFC 2866), and what it must not tell."""

from contextlib import suppress

from conformance.ike.core.sending import State
from conformance.ipsec.esp import EspBend
from conformance.radius import bend
from conformance.radius.bend import RadiusBend
from conformance.radius.ledger import STOP
from conformance.radius.packet import Code
from conformance.script import bend as script
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import AUTH, EAP, ExchangeType
from peers.capabilities import Capability
from suites.aaa.steps import (
    OBEYS,
    SERVED,
    TELLS,
    must_come_again,
    must_end,
    must_get_in,
    must_have,
    named,
    stopped,
    told,
    up_to_result,
)
from suites.connections import by_aaa
from suites.dut import Dut
from suites.eap.steps import tampered
from suites.purpose import purpose
from suites.radius import Aaa

TIER = "full"

SHORT = 3


def must_say(peer: Peer, aaa: Aaa, session: str, *causes: str) -> None:
    """The Stop of a session must come, once, and have one of these causes if it has any."""
    last = stopped(peer, aaa, session)
    number = [one.status for one in aaa.records(session)].count(STOP)
    peer.check(number == 1, "one Stop", number, "RFC2866-2-1")
    must_have(aaa, session, "Acct-Terminate-Cause")
    wanted = f"Acct-Terminate-Cause {' or '.join(causes)}"
    peer.check(last.cause in causes, wanted, last.cause, "RFC2866-5.10-1")


@purpose(
    "aaa-end-timeout", "RFC2866-5.10-1", "RFC2866-2-1", role="responder", needs=(*TELLS, Capability.SESSION_TIMEOUT),
    connection=SERVED, waits=SHORT + 2.0,
)  # fmt: skip
def test_timeout(peer: Peer, aaa: Aaa) -> None:
    """The Stop of a session whose Session-Timeout is over says so."""
    aaa.server.granted = [("Session-Timeout", SHORT)]
    sa = must_get_in(peer, "RFC2866-2-1")
    session = aaa.session(sa)
    must_end(peer, aaa, sa, "RFC2865-5.27-1", SHORT + 8.0)
    must_say(peer, aaa, session, "Session-Timeout")


@purpose(
    "aaa-end-idle", "RFC2866-5.10-1", "RFC2866-2-1", role="responder", needs=(*TELLS, Capability.IDLE_TIMEOUT),
    connection=SERVED, waits=SHORT + 2.0,
)  # fmt: skip
def test_idle(peer: Peer, aaa: Aaa) -> None:
    """The Stop of a session that was idle for too long says so."""
    aaa.server.granted = [("Idle-Timeout", SHORT)]
    sa = must_get_in(peer, "RFC2866-2-1")
    session = aaa.session(sa)
    must_end(peer, aaa, sa, "RFC2865-5.28-1", SHORT + 8.0)
    must_say(peer, aaa, session, "Idle-Timeout")


@purpose(
    "aaa-end-disconnect", "RFC2866-5.10-1", "RFC2866-2-1", role="responder", needs=OBEYS, connection=SERVED,
    canary=False,
)  # fmt: skip
def test_disconnect(peer: Peer, aaa: Aaa) -> None:
    """The Stop of a session that a Disconnect-Request has ended does not say that the user wanted it."""
    sa = must_get_in(peer, "RFC2866-2-1")
    names = named(aaa, sa)
    aaa.ask(aaa.client.disconnect(*names))
    must_end(peer, aaa, sa, "RFC5176-2.1-1")
    must_say(peer, aaa, str(names[1][1]), "Admin-Reset", "NAS-Request")


@purpose(
    "aaa-end-operator", "RFC2866-5.10-1", "RFC2866-2-1", role="responder", needs=(*TELLS, Capability.DELETE_IKE),
    connection=SERVED, canary=False,
)  # fmt: skip
def test_operator(peer: Peer, aaa: Aaa, dut: Dut) -> None:
    """The Stop of a session that the device itself is told to end does not say that the user wanted it."""
    sa = must_get_in(peer, "RFC2866-2-1")
    session = aaa.session(sa)
    dut.delete_ike()
    must_end(peer, aaa, sa, "RFC2866-2-1")
    must_say(peer, aaa, session, "Admin-Reset", "NAS-Request")


@purpose(
    "aaa-end-lost", "RFC2866-2-1", "RFC2866-5.10-1", role="responder", needs=(*TELLS, Capability.DPD),
    connection=SERVED, device={"dpd_delay": 1.0, "retransmit_tries": 2}, waits=8.0, canary=False,
)  # fmt: skip
def test_lost(peer: Peer, aaa: Aaa, dut: Dut) -> None:
    """Of a user who answers no liveness check any more a Stop comes, and it does not say that he wanted it."""
    sa = must_get_in(peer, "RFC2866-2-1")
    session = aaa.session(sa)
    sa.close("gone without a word")
    aaa.wait(lambda: aaa.records(session)[-1].status == STOP, 1.2 * dut.retransmission.patience + 8.0)
    must_say(peer, aaa, session, "Lost-Carrier", "Lost-Service", "NAS-Error", "NAS-Request")


@purpose(
    "aaa-end-unheard", "RFC5176-2.1-1", "RFC2866-2-1", role="responder", needs=OBEYS, connection=SERVED,
    device={"retransmit_tries": 2}, waits=6.0, canary=False,
)  # fmt: skip
def test_unheard(peer: Peer, aaa: Aaa, dut: Dut) -> None:
    """Where nobody answers the Delete, a session that a Disconnect-Request ends is over all the same, and is told of.

    The answer to the request may come before that or after it.
    """
    sa = must_get_in(peer, "RFC2866-2-1")
    names = named(aaa, sa)
    session = str(names[1][1])
    sa.hold(ExchangeType.INFORMATIONAL)
    request = aaa.client.disconnect(*names)
    answer = aaa.ask(request, 1.2 * dut.retransmission.patience + 4.0)
    peer.check(answer is not None and answer.accepted, "a Disconnect-ACK", answer or "nothing", "RFC5176-2.1-1")
    aaa.wait(lambda: aaa.records(session)[-1].status == STOP, 1.2 * dut.retransmission.patience + 4.0)
    stopped(peer, aaa, session)


@purpose(
    "aaa-end-replaced", "RFC2866-2-1", "RFC2866-5.5-3", role="responder", needs=TELLS, connection=SERVED, canary=False,
)  # fmt: skip
def test_replaced(peer: Peer, aaa: Aaa) -> None:
    """Of a session that INITIAL_CONTACT ends, since its user has begun anew, a Stop comes; the new one is running.

    A device may keep the older one (RFC 7296, 2.4).
    """
    sa = must_get_in(peer, "RFC2866-2-1")
    session = aaa.session(sa)
    after = peer.sa(initial_contact=True)
    after.init()
    after.auth()
    after.must_be_established("RFC2866-2-1")
    new = aaa.session(after)
    peer.check(new != session, "another Acct-Session-Id", new, "RFC2866-5.5-3")
    try:
        sa.must_be_gone("RFC2866-2-1")
    except Unexpected:
        raise NotApplicable("it keeps the older IKE SA") from None
    stopped(peer, aaa, session)
    after.must_be_up("RFC2866-2-1")
    peer.check(STOP not in [one.status for one in aaa.records(new)], "no Stop of the new session", new, "RFC2866-2-1")


# --- what is told -----------------------------------------------------------------------------------------------------


@purpose("aaa-acct-name", "RFC2865-5.1-2", role="responder", needs=TELLS, connection=SERVED)
def test_name(peer: Peer, aaa: Aaa) -> None:
    """Whom the Access-Accept calls by another name than he has given, of him is told under that name."""
    aaa.server.granted = [("User-Name", "somebody-else")]
    sa = must_get_in(peer, "RFC2866-2-1")
    session = aaa.session(sa)
    sa.delete()
    stopped(peer, aaa, session)
    for one in aaa.records(session):
        peer.check(one.user == "somebody-else", "User-Name somebody-else", one.user or "none", "RFC2865-5.1-2")


@purpose("aaa-acct-address", "RFC2865-5.8-1", "RFC2866-2-1", role="responder", needs=TELLS, connection=SERVED)
def test_address(peer: Peer, aaa: Aaa) -> None:
    """The Stop has the inner address of the session, or none: it can be given to somebody else, who gets it at once."""
    sa = must_get_in(peer, "RFC2866-2-1")
    session = aaa.session(sa)
    address = ".".join(map(str, sa.virtual_address or b""))
    sa.delete()
    last = stopped(peer, aaa, session)
    peer.check(last.address in (address, ""), f"Framed-IP-Address {address}", last.address, "RFC2865-5.8-1")
    aaa.server.granted = [("Framed-IP-Address", address)]
    after = must_get_in(peer, "RFC2865-5.8-1")
    again = ".".join(map(str, after.virtual_address or b""))
    peer.check(again == address, f"the address {address} again", again, "RFC2865-5.8-1")


@purpose("aaa-acct-contents", "RFC2866-4.1-3", role="responder", needs=TELLS, connection=SERVED)
def test_contents(peer: Peer, aaa: Aaa) -> None:
    """No Accounting-Request has a password, a State or a Reply-Message, though the server has given two of them."""
    aaa.server.always = bend.adding(("Reply-Message", "good morning"), ("State", b"again")).only(Code.ACCESS_ACCEPT)
    sa = must_get_in(peer, "RFC2866-2-1")
    session = aaa.session(sa)
    sa.delete()
    stopped(peer, aaa, session)
    for packet in told(aaa, session):
        found = [kind for kind in (2, 3, 18, 24) if packet.raw(kind)]
        peer.check(not found, "neither password nor State nor Reply-Message", packet.words, "RFC2866-4.1-3")


@purpose(
    "aaa-acct-named-before", "RFC2866-5.5-4", "RFC5176-3-4", role="responder", needs=OBEYS, connection=SERVED,
)  # fmt: skip
def test_named_before(peer: Peer, aaa: Aaa) -> None:
    """The Acct-Session-Id of the Access-Requests is that under which the session is told of."""
    sa = must_get_in(peer, "RFC2866-2-1")
    session = aaa.session(sa)
    for one in aaa.requests():
        names = [value.decode(errors="replace") for value in one.packet.raw(44)]
        peer.check(names in ([session], []), f"Acct-Session-Id {session}", ", ".join(names), "RFC2866-5.5-4")
        there = names or one.packet.raw(50)
        peer.check(there, "Acct-Session-Id or Acct-Multi-Session-Id", one.packet.words, "RFC5176-3-4")


@purpose(
    "aaa-acct-pairs", "RFC2866-5.5-1", role="responder", needs=(*TELLS, Capability.CISCO_PAIRS), connection=SERVED,
)  # fmt: skip
def test_pairs(peer: Peer, aaa: Aaa) -> None:
    """Start and Stop of a gateway of Cisco's say who the user is in IKE, whence he comes, and an audit-session-id."""
    sa = must_get_in(peer, "RFC2866-2-1")
    session = aaa.session(sa)
    sa.delete()
    stopped(peer, aaa, session)
    found = [one.pairs for one in told(aaa, session)]
    if not any(found):
        raise NotApplicable("it tells no pairs")
    for pairs in found:
        who = pairs.get("isakmp-phase1-id", "none")
        name = str(peer.connection.local.identity)
        peer.check(who == name, f"isakmp-phase1-id={name}", who, "RFC2866-5.5-1")
        whence = pairs.get("isakmp-initator-ip") or pairs.get("isakmp-initiator-ip", "none")
        here = str(peer.connection.local_address)
        peer.check(whence == here, f"the address of the initiator {here}", whence, "RFC2866-5.5-1")
    names = {pairs.get("audit-session-id", "") for pairs in found}
    peer.check(len(names) == 1 and all(names), "one audit-session-id", ", ".join(names) or "none", "RFC2866-5.5-1")


@purpose("aaa-acct-unproved", "RFC2866-2-1", role="responder", needs=TELLS, connection=SERVED)
def test_unproved(peer: Peer, aaa: Aaa) -> None:
    """Of somebody whom the server accepts, but whose AUTH payload is wrong, no session is told."""
    known = set(aaa.server.ledger.sessions)
    sa = peer.sa()
    answer = up_to_result(peer, sa)
    peer.expect(answer, EAP)
    with suppress(Unexpected):
        sa.proceed(answer, script.replace(AUTH, tampered, "a wrong AUTH payload"))
    peer.idle(1.0)
    new = set(aaa.server.ledger.sessions) - known
    peer.check(not new, "no Accounting-Request", ", ".join(new), "RFC2866-2-1")


@purpose(
    "aaa-acct-beside", "RFC2866-5.5-3", "RFC2866-5.5-1", "RFC2866-2-1", role="responder", needs=TELLS,
    connection=by_aaa(initial_contact=False), canary=False,
)  # fmt: skip
def test_beside(peer: Peer, aaa: Aaa) -> None:
    """Of two sessions of one user at the same time each is told by itself, and the end of one is not that of both."""
    one = must_get_in(peer, "RFC2866-2-1")
    first = aaa.session(one)
    other = must_get_in(peer, "RFC2866-2-1")
    second = aaa.session(other)
    peer.check(first != second, "another Acct-Session-Id", second, "RFC2866-5.5-3")
    if one.state is State.CLOSED:
        raise NotApplicable("it keeps one session of a user only")
    one.delete()
    stopped(peer, aaa, first)
    peer.idle(0.5)
    states = [record.status for record in aaa.records(second)]
    peer.check(STOP not in states, "no Stop of the other session", states, "RFC2866-5.5-1")
    other.must_be_up("RFC2866-2-1")
    other.delete()
    stopped(peer, aaa, second)


# --- what is counted --------------------------------------------------------------------------------------------------

CARRIES = (*TELLS, Capability.DATA_PLANE)


@purpose("aaa-acct-dropped", "RFC2866-5.3-1", role="responder", needs=CARRIES, connection=SERVED)
def test_dropped(peer: Peer, aaa: Aaa) -> None:
    """Forged packets, and one that comes twice, are not what the user has sent: the Stop counts two pings only."""
    sa = must_get_in(peer, "RFC2866-2-1")
    session = aaa.session(sa)
    sa.traffic.ping()
    packet = sa.traffic.echo_request()
    sent = sa.traffic.send(packet)
    sa.traffic.answer(packet)
    for _ in range(5):
        sa.traffic.resend(sent)
        sa.traffic.send(sa.traffic.echo_request(), bend=EspBend(flip=0))
    sa.traffic.ping()
    sa.delete()
    counted = stopped(peer, aaa, session).counters[2]
    must_have(aaa, session, "Acct-Input-Packets")
    peer.check(counted == 3, "3 packets of input", counted, "RFC2866-5.3-1")


@purpose(
    "aaa-acct-sum", "RFC2866-5.3-1", "RFC2866-5.5-1", role="responder",
    needs=(*CARRIES, Capability.REKEY_CHILD, Capability.REKEY_IKE), connection=SERVED,
)  # fmt: skip
def test_sum(peer: Peer, aaa: Aaa) -> None:
    """Through a rekey of the Child SA and one of the IKE SA the counters go on: the Stop has the sum of all."""
    sa = must_get_in(peer, "RFC2866-2-1")
    session = aaa.session(sa)
    sa.traffic.ping()
    old = sa.child
    sa.rekey_child(old)
    sa.delete_child(old)
    sa.traffic.ping()
    sa.rekey()
    after = sa.rekeyed
    after.traffic.ping()
    after.delete()
    counted = stopped(peer, aaa, session).counters[2]
    must_have(aaa, session, "Acct-Input-Packets")
    peer.check(counted == 3, "3 packets of input", counted, "RFC2866-5.3-1")


# --- acknowledgements that are none -----------------------------------------------------------------------------------


def must_be_none(peer: Peer, aaa: Aaa, wrong: RadiusBend, requirement: str) -> None:
    """Such an acknowledgement is none: the record comes again."""
    must_come_again(peer, aaa, wrong, requirement)
    aaa.be_honest()
    peer.idle(1.0)


@purpose(
    "aaa-acct-short", "RFC2866-3-3", role="responder", needs=TELLS, connection=SERVED, waits=3.0,
)  # fmt: skip
def test_short(peer: Peer, aaa: Aaa) -> None:
    """An acknowledgement that is shorter than its Length is none."""
    longer = bend.octets(
        "with a Length of 8 octets more",
        lambda found: found[:2] + (len(found) + 8).to_bytes(2, "big") + found[4:],
    )
    must_be_none(peer, aaa, longer, "RFC2866-3-3")


@purpose(
    "aaa-acct-identifier", "RFC2866-4.2-1", role="responder", needs=TELLS, connection=SERVED, waits=3.0,
)  # fmt: skip
def test_identifier(peer: Peer, aaa: Aaa) -> None:
    """An acknowledgement with the Identifier of no request is none."""
    must_be_none(peer, aaa, bend.identifier(128), "RFC2866-4.2-1")


@purpose(
    "aaa-acct-code", "RFC2866-4.2-1", role="responder", needs=TELLS, connection=SERVED, waits=3.0,
)  # fmt: skip
def test_code(peer: Peer, aaa: Aaa) -> None:
    """An Access-Accept acknowledges no record."""
    wrong = bend.octets("as Access-Accept", lambda found: bytes([Code.ACCESS_ACCEPT]) + found[1:])
    must_be_none(peer, aaa, wrong, "RFC2866-4.2-1")


@purpose(
    "aaa-acct-padding", "RFC2866-3-2", role="responder", needs=TELLS, connection=SERVED, waits=7.0,
)  # fmt: skip
def test_padding(peer: Peer, aaa: Aaa) -> None:
    """Octets behind the Length of an acknowledgement are padding: the record does not come again."""
    usual, padded = bend.STRAIGHT, RadiusBend("with 7 octets behind it", sealed=lambda found: found + b"\xff" * 7)
    said = []
    for wrong in (usual, padded):
        aaa.server.always = wrong.only(Code.ACCOUNTING_RESPONSE)
        sa = must_get_in(peer, "RFC2866-2-1")
        session = aaa.session(sa)
        peer.idle(3.0)
        said.append(len(told(aaa, session)))
        with suppress(Unexpected):  # a device may have given the session up
            sa.delete()
    peer.check(said[1] <= said[0], f"the record {said[0]} times, as without them", f"{said[1]} times", "RFC2866-3-2")
