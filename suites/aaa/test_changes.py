"""Dynamic authorization beyond one request (RFC 5176): sessions that come back, several of them, and changes."""

from conformance.ike.core.sending import State
from conformance.radius import bend, grant
from conformance.radius.bend import RadiusBend
from conformance.radius.packet import Attribute
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable
from peers.capabilities import Capability
from suites.aaa.steps import (
    OBEYS,
    SERVED,
    answered,
    must_end,
    must_get_in,
    must_not_get_in,
    must_stay,
    named,
    refused_change,
    stopped,
)
from suites.connections import by_aaa
from suites.dut import Dut
from suites.purpose import purpose
from suites.radius import Aaa

TIER = "full"

CHANGES = (*OBEYS, Capability.SESSION_CHANGE)
UNSUPPORTED_SERVICE, INITIATED = 405, 507
AUTHORIZE_ONLY = 17
"""A Service-Type."""


# --- ended ------------------------------------------------------------------------------------------------------------


@purpose(
    "aaa-disconnect-twice", "RFC5176-3-1", "RFC5176-3.5-1", role="responder", needs=OBEYS, connection=SERVED,
    canary=False,
)  # fmt: skip
def test_twice(peer: Peer, aaa: Aaa) -> None:
    """A second Disconnect-Request for a session that the first one has ended gets a NAK."""
    sa = must_get_in(peer, "RFC5176-2.1-1")
    names = named(aaa, sa)
    answered(peer, aaa, aaa.ask(aaa.client.disconnect(*names)), "RFC5176-2.1-1", accepted=True)
    stopped(peer, aaa, str(names[1][1]))
    answered(peer, aaa, aaa.ask(aaa.client.disconnect(*names)), "RFC5176-3-1", accepted=False)


@purpose(
    "aaa-disconnect-half-open", "RFC5176-3-1", "RFC5176-2.1-1", role="responder", needs=OBEYS, connection=SERVED,
    canary=False,
)  # fmt: skip
def test_half_open(peer: Peer, aaa: Aaa) -> None:
    """A half-open IKE SA is nobody's session: a Disconnect-Request for a stranger gets a NAK, and it can become one."""
    sa = peer.sa()
    sa.init()
    peer.idle(0.3)
    told = aaa.ask(aaa.client.disconnect(("User-Name", "stranger")))
    answered(peer, aaa, told, "RFC5176-3-1", accepted=False)
    sa.auth()
    sa.must_be_established("RFC5176-3-1")


@purpose(
    "aaa-disconnect-return", "RFC5176-2.1-1", "RFC2866-5.5-3", "RFC2865-5.8-1", role="responder", needs=OBEYS,
    connection=SERVED, canary=False,
)  # fmt: skip
def test_return(peer: Peer, aaa: Aaa) -> None:
    """Whoever was disconnected can come back at once: the server is asked again, and what it says now counts."""
    sa = must_get_in(peer, "RFC5176-2.1-1")
    names = named(aaa, sa)
    before = len(aaa.requests())
    answered(peer, aaa, aaa.ask(aaa.client.disconnect(*names)), "RFC5176-2.1-1", accepted=True)
    must_end(peer, aaa, sa, "RFC5176-2.1-1")
    address = f"{aaa.server.pool.rpartition('.')[0]}.99"
    aaa.server.granted = grant.address(address)
    after = must_get_in(peer, "RFC5176-2.1-1")
    peer.check(len(aaa.requests()) > before, "the server asked again", "nothing asked", "RFC5176-2.1-1", bypass=True)
    got = ".".join(map(str, after.virtual_address or b""))
    peer.check(got == address, f"the address {address}", got, "RFC2865-5.8-1")
    session = aaa.session(after)
    peer.check(session != names[1][1], "another Acct-Session-Id", session, "RFC2866-5.5-3")


@purpose(
    "aaa-disconnect-bare", "RFC5176-2.1-1", role="responder", needs=OBEYS, connection=SERVED, canary=False,
)  # fmt: skip
def test_bare(peer: Peer, aaa: Aaa) -> None:
    """A Disconnect-Request without Message-Authenticator, which it need not have, is obeyed.

    A device may insist on one; then it must leave the session as it is.
    """
    sa = must_get_in(peer, "RFC5176-2.1-1")
    names = named(aaa, sa)
    aaa.client.authenticated = False
    told = aaa.ask(aaa.client.disconnect(*names))
    if told is None or not told.accepted:
        must_stay(sa, "RFC5176-2.1-1")
        raise NotApplicable("it insists on a Message-Authenticator")
    must_end(peer, aaa, sa, "RFC5176-2.1-1")


def two_sessions(peer: Peer, aaa: Aaa) -> tuple[ScriptedSa, ScriptedSa]:
    """Two sessions of one user. Raises NotApplicable where there can be one only."""
    one = must_get_in(peer, "RFC5176-2.1-1")
    aaa.session(one)
    other = must_get_in(peer, "RFC5176-2.1-1")
    aaa.session(other)
    if one.state is State.CLOSED:
        raise NotApplicable("it keeps one session of a user only")
    return one, other


@purpose(
    "aaa-disconnect-all", "RFC5176-3-2", role="responder", needs=OBEYS, connection=by_aaa(initial_contact=False),
    canary=False,
)  # fmt: skip
def test_all(peer: Peer, aaa: Aaa) -> None:
    """A Disconnect-Request with the User-Name of two sessions ends both of them, or is refused and ends none."""
    one, other = two_sessions(peer, aaa)
    assert aaa.auth.identity is not None
    told = aaa.ask(aaa.client.disconnect(("User-Name", aaa.auth.identity)))
    peer.check(told is not None, "an answer", "nothing", "RFC5176-3-2")
    assert told is not None
    for sa in (one, other):
        if told.accepted:
            must_end(peer, aaa, sa, "RFC5176-3-2")
        else:
            must_stay(sa, "RFC5176-3-2")


@purpose(
    "aaa-disconnect-one", "RFC5176-2.1-1", "RFC5176-3-1", role="responder", needs=OBEYS,
    connection=by_aaa(initial_contact=False), canary=False,
)  # fmt: skip
def test_one(peer: Peer, aaa: Aaa) -> None:
    """A Disconnect-Request with User-Name and Acct-Session-Id of one of two sessions of a user ends that one only."""
    one, other = two_sessions(peer, aaa)
    answered(peer, aaa, aaa.ask(aaa.client.disconnect(*named(aaa, other))), "RFC5176-2.1-1", accepted=True)
    must_end(peer, aaa, other, "RFC5176-2.1-1")
    must_stay(one, "RFC5176-3-1")


# --- changed ----------------------------------------------------------------------------------------------------------


def must_change_nothing(
    peer: Peer, aaa: Aaa, requirement: str, *further: Attribute, wrong: RadiusBend = bend.STRAIGHT
) -> int:
    """A CoA-Request with Session-Timeout 4 and that gets a NAK, and the session is there after 6 seconds.

    The value of Error-Cause is returned.
    """
    sa = must_get_in(peer, "RFC5176-2.2-1")
    request = aaa.client.change(*named(aaa, sa), *further, ("Session-Timeout", 4), bend=wrong)
    told = answered(peer, aaa, aaa.ask(request), requirement, accepted=False)
    ended = aaa.wait(lambda: sa.state is State.CLOSED, 6.0)
    peer.check(not ended, "the session as it was", "it is ended after 4 s", "RFC5176-2.3-8")
    must_stay(sa, "RFC5176-2.3-8")
    return told.error


@purpose(
    "aaa-change-strange", "RFC5176-2.3-6", "RFC5176-2.3-8", "RFC5176-2.3-7", role="responder", needs=CHANGES,
    connection=SERVED, canary=False, waits=6.0,
)  # fmt: skip
def test_strange(peer: Peer, aaa: Aaa) -> None:
    """A CoA-Request with an attribute that nobody knows beside one that it takes gets a NAK, and changes nothing."""
    must_change_nothing(peer, aaa, "RFC5176-2.3-6", wrong=bend.raw(223, b"ikespec"))


@purpose(
    "aaa-change-authorize-only", "RFC5176-3.2-1", "RFC5176-3.2-2", "RFC5176-2.3-8", role="responder", needs=CHANGES,
    connection=SERVED, canary=False, waits=6.0,
)  # fmt: skip
def test_authorize_only(peer: Peer, aaa: Aaa) -> None:
    """A CoA-Request for Authorize-Only never gets an ACK, and with a Session-Timeout beside it changes nothing."""
    error = must_change_nothing(peer, aaa, "RFC5176-3.2-1", ("Service-Type", 17), ("State", b"again"))
    peer.check(error in (401, UNSUPPORTED_SERVICE), "Error-Cause 405 (or 401)", error or "none", "RFC5176-3.2-2")


@purpose(
    "aaa-change-stateless", "RFC5176-3.3-1", "RFC5176-3.2-1", role="responder", needs=OBEYS, connection=SERVED,
    canary=False,
)  # fmt: skip
def test_stateless(peer: Peer, aaa: Aaa, dut: Dut) -> None:
    """A CoA-Request for Authorize-Only without a State gets a NAK."""
    sa = must_get_in(peer, "RFC5176-2.2-1")
    wanted = ("Service-Type", AUTHORIZE_ONLY)
    told = refused_change(peer, aaa, dut, sa, "RFC5176-3.3-1", *named(aaa, sa), wanted)
    peer.check(told.error != INITIATED, "a NAK that is a refusal", f"Error-Cause {told.error}", "RFC5176-3.3-1")
    must_stay(sa, "RFC5176-3.3-1")


@purpose(
    "aaa-locked", "RFC5176-2.1-1", "RFC7296-2.21.2-1", "RFC7296-1.2-18", role="responder", needs=OBEYS,
    connection=SERVED, canary=False,
)  # fmt: skip
def test_locked(peer: Peer, aaa: Aaa) -> None:
    """A user whose session was ended, and whom the server refuses now, does not come back; later he may again."""
    sa = must_get_in(peer, "RFC5176-2.1-1")
    answered(peer, aaa, aaa.ask(aaa.client.disconnect(*named(aaa, sa))), "RFC5176-2.1-1", accepted=True)
    must_end(peer, aaa, sa, "RFC5176-2.1-1")
    aaa.server.refusing = True
    must_not_get_in(peer, aaa, "RFC7296-1.2-18")
    must_get_in(peer, "RFC5176-2.1-1").liveness()


@purpose(
    "aaa-change-authorize", "RFC5176-3.2-3", "RFC5176-3.2-1", role="responder", needs=OBEYS, connection=SERVED,
    canary=False,
)  # fmt: skip
def test_authorize(peer: Peer, aaa: Aaa, dut: Dut) -> None:
    """A device that carries out Authorize-Only says so by a NAK with Error-Cause 507, and asks about the session.

    Its Access-Request has Service-Type Authorize-Only and our State, and an Access-Accept leaves the session alone.
    """
    sa = must_get_in(peer, "RFC5176-2.2-1")
    names = named(aaa, sa)
    before = len(aaa.requests())
    wanted = ("Service-Type", AUTHORIZE_ONLY), ("State", b"ask again")
    told = refused_change(peer, aaa, dut, sa, "RFC5176-3.2-1", *names, *wanted)
    if told.error != INITIATED:
        must_stay(sa, "RFC5176-3.2-1")
        raise NotApplicable(f"it does not carry out Authorize-Only: Error-Cause {told.error or 'none'}")
    service = told.packet.number("Service-Type")
    peer.check(service == AUTHORIZE_ONLY, "Service-Type Authorize-Only in the NAK", service or "none", "RFC5176-3.2-3")
    aaa.wait(lambda: len(aaa.requests()) > before, peer.response_timeout)
    asked = [one.packet for one in aaa.requests()[before:]]
    peer.check(asked, "an Access-Request about the session", "none", "RFC5176-3.2-3")
    service, states = asked[0].number("Service-Type"), asked[0].raw(24)
    peer.check(service == AUTHORIZE_ONLY, "Service-Type Authorize-Only", service or "none", "RFC5176-3.2-3")
    shown = ", ".join(one.hex() for one in states)
    peer.check(states == [b"ask again"], "the State of the CoA-Request", shown or "none", "RFC5176-3.2-3")
    must_stay(sa, "RFC5176-3.2-3")


@purpose(
    "aaa-change-again", "RFC5176-2.2-1", "RFC2865-5.27-1", role="responder", needs=CHANGES, connection=SERVED,
    waits=10.0, canary=False,
)  # fmt: skip
def test_again(peer: Peer, aaa: Aaa) -> None:
    """Of two changes the second one counts: after Session-Timeout 8 and then 600 the session is there after 10 s."""
    sa = must_get_in(peer, "RFC5176-2.2-1")
    names = named(aaa, sa)
    for seconds in (8, 600):
        told = aaa.ask(aaa.client.change(*names, ("Session-Timeout", seconds)))
        answered(peer, aaa, told, "RFC5176-2.2-1", accepted=True)
    ended = aaa.wait(lambda: sa.state is State.CLOSED, 10.0)
    peer.check(not ended, "the session", "it is ended after 8 s", "RFC2865-5.27-1")
    must_stay(sa, "RFC2865-5.27-1")


@purpose(
    "aaa-change-secret", "RFC5176-2.3-9", role="responder", needs=CHANGES, connection=SERVED, waits=6.0, canary=False,
)  # fmt: skip
def test_secret(peer: Peer, aaa: Aaa) -> None:
    """A CoA-Request of somebody with another secret gets no answer, and changes nothing."""
    sa = must_get_in(peer, "RFC5176-2.2-1")
    aaa.client.authenticated = False
    request = aaa.client.change(*named(aaa, sa), ("Session-Timeout", 4), bend=bend.other_secret())
    told = aaa.ask(request, 1.5)
    peer.check(told is None, "no answer", "; ".join(told.words) if told else "", "RFC5176-2.3-9", bypass=True)
    ended = aaa.wait(lambda: sa.state is State.CLOSED, 6.0)
    peer.check(not ended, "the session as it was", "it is ended after 4 s", "RFC5176-2.3-9", bypass=True)
    must_stay(sa, "RFC5176-2.3-9")


@purpose(
    "aaa-change-traffic", "RFC5176-2.2-1", role="responder", needs=(*CHANGES, Capability.DATA_PLANE),
    connection=SERVED,
)  # fmt: skip
def test_traffic(peer: Peer, aaa: Aaa) -> None:
    """A change amid traffic takes no packet: the pings before and behind it are answered through the same Child SA."""
    sa = must_get_in(peer, "RFC5176-2.2-1")
    spi = sa.child.spi_in
    sa.traffic.ping()
    told = aaa.ask(aaa.client.change(*named(aaa, sa), ("Session-Timeout", 600)))
    sa.traffic.ping()
    answered(peer, aaa, told, "RFC5176-2.2-1", accepted=True)
    sa.traffic.ping()
    same = sa.state is State.ESTABLISHED and [one.spi_in for one in sa.children] == [spi]
    peer.check(same, "the IKE SA and the Child SA as they were", sa.state.value, "RFC5176-2.2-1")
