"""Dynamic authorization (RFC 5176): whom a gateway obeys, which session it ends, and that it is ended."""

from conformance.net.link import Address
from conformance.radius import bend
from conformance.radius.bend import RadiusBend
from conformance.radius.grant import session as audit
from conformance.radius.ledger import STOP
from conformance.radius.packet import Attribute
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable
from peers.capabilities import Capability
from suites.aaa.steps import OBEYS, SERVED, answered, must_end, must_get_in, must_stay, named, refused_change
from suites.dut import Dut
from suites.purpose import purpose
from suites.radius import Aaa

TIER = "full"

NO_CONTEXT, UNKNOWN_NAS, UNSUPPORTED_SERVICE = 503, 403, 405
SOON = 1.5
"""Seconds in which an answer would come."""


def must_disconnect(peer: Peer, aaa: Aaa, sa: ScriptedSa, *names: Attribute, optional: bool = True) -> None:
    """The session that is named so must be ended: an ACK, the Delete, and a Stop.

    ``optional``: a device need not know this way to name one; then it must say so, and leave all as it is.
    """
    session = aaa.session(sa)
    told = aaa.ask(aaa.client.disconnect(*names))
    if optional and told is not None and not told.accepted:
        must_stay(sa, "RFC5176-2.1-1")
        raise NotApplicable(f"it does not find sessions by {names[0][0]}")
    answered(peer, aaa, told, "RFC5176-2.1-1", accepted=True)
    must_end(peer, aaa, sa, "RFC5176-2.1-1")
    aaa.wait(lambda: aaa.records(session)[-1].status == STOP, peer.response_timeout)
    last = aaa.records(session)[-1]
    peer.check(last.status == STOP, "Accounting-Request Stop", f"status {last.status}", "RFC2866-2-1")


def must_be_refused(peer: Peer, aaa: Aaa, sa: ScriptedSa, *names: Attribute, requirement: str = "RFC5176-3-1") -> None:
    """A request that names no session must be refused, and ends none."""
    told = aaa.ask(aaa.client.disconnect(*names))
    answered(peer, aaa, told, requirement, accepted=False)
    must_stay(sa, requirement)


def must_be_ignored(peer: Peer, aaa: Aaa, wrong: RadiusBend, requirement: str, *further: Attribute) -> None:
    """A request that is nobody's must get no answer, and ends nothing."""
    sa = must_get_in(peer, "RFC5176-2.1-1")
    request = aaa.client.disconnect(*named(aaa, sa), *further, bend=wrong)
    told = aaa.ask(request, SOON)
    stays = told is None or not told.accepted
    peer.check(stays, "no Disconnect-ACK", "; ".join(told.words) if told else "", requirement, bypass=True)
    must_stay(sa, requirement)
    peer.check(told is None, "no answer", "; ".join(told.words) if told else "", requirement)


# --- that which ends --------------------------------------------------------------------------------------------------


@purpose(
    "aaa-disconnect-session", "RFC5176-2.1-1", "RFC2866-2-1", role="responder", needs=OBEYS, connection=SERVED,
    ordinary=True, canary=False,
)  # fmt: skip
def test_session(peer: Peer, aaa: Aaa) -> None:
    """A Disconnect-Request with Acct-Session-Id ends that session, and no other."""
    sa = must_get_in(peer, "RFC5176-2.1-1")
    must_disconnect(peer, aaa, sa, ("Acct-Session-Id", aaa.session(sa)))


@purpose(
    "aaa-disconnect-user", "RFC5176-2.1-1", "RFC2866-2-1", role="responder",
    needs=OBEYS, connection=SERVED, canary=False,
)  # fmt: skip
def test_user(peer: Peer, aaa: Aaa) -> None:
    """A Disconnect-Request with User-Name ends the session of that user."""
    sa = must_get_in(peer, "RFC5176-2.1-1")
    assert aaa.auth.identity is not None
    must_disconnect(peer, aaa, sa, ("User-Name", aaa.auth.identity))


@purpose(
    "aaa-disconnect-address", "RFC5176-2.1-1", "RFC2866-2-1", role="responder",
    needs=OBEYS, connection=SERVED, canary=False,
)  # fmt: skip
def test_address(peer: Peer, aaa: Aaa) -> None:
    """A Disconnect-Request with Framed-IP-Address ends the session that has this address."""
    sa = must_get_in(peer, "RFC5176-2.1-1")
    must_disconnect(peer, aaa, sa, ("Framed-IP-Address", ".".join(map(str, sa.virtual_address or b""))))


@purpose(
    "aaa-disconnect", "RFC5176-2.1-1", "RFC5176-3.5-2", "RFC2866-2-1", role="responder",
    needs=OBEYS, connection=SERVED, canary=False,
)  # fmt: skip
def test_both(peer: Peer, aaa: Aaa) -> None:
    """A Disconnect-Request with User-Name and Acct-Session-Id of one session ends it."""
    sa = must_get_in(peer, "RFC5176-2.1-1")
    must_disconnect(peer, aaa, sa, *named(aaa, sa), optional=False)


@purpose(
    "aaa-disconnect-audit", "RFC5176-2.1-1", "RFC2866-2-1", role="responder",
    needs=(*OBEYS, Capability.CISCO_PAIRS), connection=SERVED,
)  # fmt: skip
def test_audit(peer: Peer, aaa: Aaa) -> None:
    """A Disconnect-Request with Cisco's audit-session-id ends that session."""
    sa = must_get_in(peer, "RFC5176-2.1-1")
    must_disconnect(peer, aaa, sa, audit(aaa.session(sa)))


@purpose(
    "aaa-disconnect-proxy", "RFC5176-3.1-1", role="responder",
    needs=OBEYS, connection=SERVED, canary=False,
)  # fmt: skip
def test_proxy(peer: Peer, aaa: Aaa) -> None:
    """Two Proxy-State of a request come back in the answer, unchanged and in order."""
    sa = must_get_in(peer, "RFC5176-2.1-1")
    states = [b"first", b"\0second"]
    request = aaa.client.disconnect(*named(aaa, sa), *(("Proxy-State", one) for one in states))
    told = aaa.ask(request)
    peer.check(told is not None, "an answer", "nothing", "RFC5176-2.1-1")
    assert told is not None
    shown = ", ".join(one.hex() for one in told.packet.raw(33))
    peer.check(told.packet.raw(33) == states, "both Proxy-State", shown or "none", "RFC5176-3.1-1")


@purpose(
    "aaa-disconnect-repeated", "RFC5176-2.3-3", role="responder",
    needs=OBEYS, connection=SERVED, canary=False,
)  # fmt: skip
def test_repeated(peer: Peer, aaa: Aaa) -> None:
    """The same Disconnect-Request again, when the session is gone, is known again: it gets its ACK once more."""
    sa = must_get_in(peer, "RFC5176-2.1-1")
    request = aaa.client.disconnect(*named(aaa, sa))
    answered(peer, aaa, aaa.ask(request), "RFC5176-2.1-1", accepted=True)
    must_end(peer, aaa, sa, "RFC5176-2.1-1")
    again = aaa.ask(request, SOON)
    if again is not None:  # who answers a repetition not at all has known it again, too
        answered(peer, aaa, again, "RFC5176-2.3-3", accepted=True)


# --- that which does not ----------------------------------------------------------------------------------------------


@purpose(
    "aaa-disconnect-unknown", "RFC5176-3-1", "RFC5176-3.5-1", role="responder",
    needs=OBEYS, connection=SERVED, canary=False,
)  # fmt: skip
def test_unknown(peer: Peer, aaa: Aaa) -> None:
    """A Disconnect-Request for a session that nobody has gets a NAK, and ends none."""
    sa = must_get_in(peer, "RFC5176-2.1-1")
    aaa.session(sa)
    must_be_refused(peer, aaa, sa, ("Acct-Session-Id", "ikespec-has-no-such-session"))


@purpose(
    "aaa-disconnect-unknown-user", "RFC5176-3-1", "RFC5176-3.5-1", role="responder",
    needs=OBEYS, connection=SERVED, canary=False,
)  # fmt: skip
def test_unknown_user(peer: Peer, aaa: Aaa) -> None:
    """A Disconnect-Request for a user whom nobody knows gets a NAK, and ends no session."""
    sa = must_get_in(peer, "RFC5176-2.1-1")
    aaa.session(sa)
    must_be_refused(peer, aaa, sa, ("User-Name", "stranger"))


@purpose(
    "aaa-disconnect-mismatch-session", "RFC5176-3-1", role="responder",
    needs=OBEYS, connection=SERVED, canary=False,
)  # fmt: skip
def test_mismatch_session(peer: Peer, aaa: Aaa) -> None:
    """A Disconnect-Request with our User-Name and the Acct-Session-Id of no session ends none: all must fit."""
    sa = must_get_in(peer, "RFC5176-2.1-1")
    aaa.session(sa)
    assert aaa.auth.identity is not None
    wrong = ("Acct-Session-Id", "ikespec-has-no-such-session")
    must_be_refused(peer, aaa, sa, ("User-Name", aaa.auth.identity), wrong)


@purpose(
    "aaa-disconnect-mismatch-user", "RFC5176-3-1", role="responder",
    needs=OBEYS, connection=SERVED, canary=False,
)  # fmt: skip
def test_mismatch_user(peer: Peer, aaa: Aaa) -> None:
    """A Disconnect-Request with our Acct-Session-Id and the name of somebody else ends nothing: all must fit."""
    sa = must_get_in(peer, "RFC5176-2.1-1")
    must_be_refused(peer, aaa, sa, ("User-Name", "stranger"), ("Acct-Session-Id", aaa.session(sa)))


@purpose(
    "aaa-disconnect-other-nas", "RFC5176-3-1", "RFC5176-3.5-1", role="responder",
    needs=OBEYS, connection=SERVED, canary=False,
)  # fmt: skip
def test_other_nas(peer: Peer, aaa: Aaa) -> None:
    """A Disconnect-Request with our Acct-Session-Id that is for another gateway ends nothing."""
    sa = must_get_in(peer, "RFC5176-2.1-1")
    must_be_refused(peer, aaa, sa, *named(aaa, sa), ("NAS-IP-Address", "198.51.100.77"))


@purpose(
    "aaa-disconnect-nobody", "RFC5176-3-3", role="responder",
    needs=OBEYS, connection=SERVED, canary=False,
)  # fmt: skip
def test_nobody(peer: Peer, aaa: Aaa) -> None:
    """A Disconnect-Request that names no session gets a NAK, and ends none."""
    sa = must_get_in(peer, "RFC5176-2.1-1")
    aaa.session(sa)
    must_be_refused(peer, aaa, sa, ("Reply-Message", "good bye"), requirement="RFC5176-3-3")


@purpose(
    "aaa-disconnect-strange", "RFC5176-2.3-6", role="responder",
    needs=OBEYS, connection=SERVED, canary=False,
)  # fmt: skip
def test_strange(peer: Peer, aaa: Aaa) -> None:
    """A Disconnect-Request with an attribute that nobody knows gets a NAK, and ends nothing: all are mandatory."""
    sa = must_get_in(peer, "RFC5176-2.1-1")
    request = aaa.client.disconnect(*named(aaa, sa), bend=bend.raw(223, b"ikespec"))
    answered(peer, aaa, aaa.ask(request), "RFC5176-2.3-6", accepted=False)
    must_stay(sa, "RFC5176-2.3-6")


# --- that which is nobody's -------------------------------------------------------------------------------------------


@purpose(
    "aaa-disconnect-secret", "RFC5176-2.3-9", role="responder",
    needs=OBEYS, connection=SERVED, canary=False,
)  # fmt: skip
def test_secret(peer: Peer, aaa: Aaa) -> None:
    """A Disconnect-Request of somebody with another secret gets no answer, and ends nothing."""
    aaa.client.authenticated = False
    must_be_ignored(peer, aaa, bend.other_secret(), "RFC5176-2.3-9")


@purpose(
    "aaa-disconnect-authenticator", "RFC5176-2.3-9", role="responder",
    needs=OBEYS, connection=SERVED, canary=False,
)  # fmt: skip
def test_authenticator(peer: Peer, aaa: Aaa) -> None:
    """A Disconnect-Request with a wrong Authenticator gets no answer, and ends nothing."""
    must_be_ignored(peer, aaa, bend.wrong_authenticator(), "RFC5176-2.3-9")


@purpose(
    "aaa-disconnect-proof", "RFC5176-3.4-1", role="responder",
    needs=OBEYS, connection=SERVED, canary=False,
)  # fmt: skip
def test_proof(peer: Peer, aaa: Aaa) -> None:
    """A Disconnect-Request with a wrong Message-Authenticator gets no answer, and ends nothing."""
    must_be_ignored(peer, aaa, bend.wrong_message_authenticator(), "RFC5176-3.4-1")


@purpose(
    "aaa-disconnect-old", "RFC5176-6.3-1", role="responder",
    needs=OBEYS, connection=SERVED, canary=False,
)  # fmt: skip
def test_old(peer: Peer, aaa: Aaa) -> None:
    """A Disconnect-Request of yesterday, by its Event-Timestamp, gets no answer, and ends nothing."""
    must_be_ignored(peer, aaa, bend.STRAIGHT, "RFC5176-6.3-1", ("Event-Timestamp", int(aaa.now()) - 86400))


@purpose(
    "aaa-disconnect-short", "RFC5176-2.3-5", role="responder",
    needs=OBEYS, connection=SERVED, canary=False,
)  # fmt: skip
def test_short(peer: Peer, aaa: Aaa) -> None:
    """A Disconnect-Request that is shorter than its Length gets no answer, and ends nothing."""
    longer = bend.octets(
        "with a Length of 8 octets more",
        lambda found: found[:2] + (len(found) + 8).to_bytes(2, "big") + found[4:],
    )
    must_be_ignored(peer, aaa, longer, "RFC5176-2.3-5")


@purpose(
    "aaa-disconnect-code", "RFC5176-2.3-2", role="responder",
    needs=OBEYS, connection=SERVED, canary=False,
)  # fmt: skip
def test_code(peer: Peer, aaa: Aaa) -> None:
    """A request with a Code that nobody knows gets no answer, and ends nothing."""
    wrong = bend.octets("with code 99", lambda found: bytes([99]) + found[1:])
    must_be_ignored(peer, aaa, wrong, "RFC5176-2.3-2")


@purpose(
    "aaa-disconnect-source", "RFC5176-6.1-1", role="responder", needs=(*OBEYS, Capability.COA_CLIENTS),
    connection=SERVED, canary=False,
)  # fmt: skip
def test_source(peer: Peer, aaa: Aaa) -> None:
    """A Disconnect-Request from an address that is no AAA server gets no answer, and ends nothing: it knows the secret.

    From the server's own address the same request is obeyed.
    """
    if aaa.pixit.tester_spare is None:
        raise NotApplicable("we have one address only")
    sa = must_get_in(peer, "RFC5176-2.1-1")
    names = named(aaa, sa)
    told = aaa.ask(aaa.client.disconnect(*names), SOON, Address(aaa.pixit.tester_spare, aaa.own.port))
    shown = "; ".join(told.words) if told else ""
    peer.check(told is None or not told.accepted, "no Disconnect-ACK", shown, "RFC5176-6.1-1", bypass=True)
    must_stay(sa, "RFC5176-6.1-1")
    peer.check(told is None, "no answer", shown, "RFC5176-6.1-1")
    answered(peer, aaa, aaa.ask(aaa.client.disconnect(*names)), "RFC5176-2.1-1", accepted=True)
    must_end(peer, aaa, sa, "RFC5176-2.1-1")


# --- changes ----------------------------------------------------------------------------------------------------------


@purpose(
    "aaa-change-timeout", "RFC5176-2.2-1", "RFC5176-3.5-2", "RFC5176-3.5-3", "RFC2865-5.27-1", role="responder",
    needs=(*OBEYS, Capability.SESSION_CHANGE), connection=SERVED, waits=6.0,
)  # fmt: skip
def test_change_timeout(peer: Peer, aaa: Aaa) -> None:
    """A CoA-Request with Session-Timeout 4 gets an ACK, and the session is ended when that is over."""
    sa = must_get_in(peer, "RFC5176-2.2-1")
    told = aaa.ask(aaa.client.change(*named(aaa, sa), ("Session-Timeout", 4)))
    answered(peer, aaa, told, "RFC5176-2.2-1", accepted=True)
    sa.must_be_up("RFC5176-2.2-1")
    must_end(peer, aaa, sa, "RFC2865-5.27-1", 12.0)


@purpose(
    "aaa-change-unknown", "RFC5176-3-1", "RFC5176-3.5-1", role="responder",
    needs=OBEYS, connection=SERVED, canary=False,
)  # fmt: skip
def test_change_unknown(peer: Peer, aaa: Aaa, dut: Dut) -> None:
    """A CoA-Request for a session that nobody has gets a NAK, and changes nothing."""
    sa = must_get_in(peer, "RFC5176-2.2-1")
    aaa.session(sa)
    nobody = (("User-Name", "stranger"), ("Acct-Session-Id", "ikespec-has-no-such-session"))
    refused_change(peer, aaa, dut, sa, "RFC5176-3-1", *nobody, ("Session-Timeout", 600))
    must_stay(sa, "RFC5176-3-1")


@purpose(
    "aaa-change-service", "RFC5176-2.2-2", "RFC5176-2.3-8", "RFC5176-2.2-3", role="responder",
    needs=OBEYS, connection=SERVED, canary=False,
)  # fmt: skip
def test_change_service(peer: Peer, aaa: Aaa, dut: Dut) -> None:
    """A CoA-Request for a service that nobody has gets a NAK, and the session stays as it was."""
    sa = must_get_in(peer, "RFC5176-2.2-1")
    strange = ("Service-Type", 10), ("Session-Timeout", 600)
    refusal = refused_change(peer, aaa, dut, sa, "RFC5176-2.2-2", *named(aaa, sa), *strange)
    must_stay(sa, "RFC5176-2.3-8")
    peer.check(refusal.error == UNSUPPORTED_SERVICE, "Error-Cause 405", refusal.error or "none", "RFC5176-2.2-3")
