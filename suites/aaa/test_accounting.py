"""What a gateway tells of its sessions (RFC 2866, 2869)."""

from itertools import pairwise

from conformance.ike.core.sending import State
from conformance.radius import bend
from conformance.radius.ledger import INTERIM, START, STOP
from conformance.radius.packet import Code, Packet
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Unexpected
from peers.capabilities import Capability
from suites.aaa.steps import SERVED, TELLS, must_come_again, must_get_in, must_have, patient, stopped, told
from suites.connections import by_aaa
from suites.purpose import purpose
from suites.radius import Aaa

TIER = "full"

CARRIES = (*TELLS, Capability.DATA_PLANE)
USER_REQUEST = "User-Request"
BEGINNING, DELAY = 5.0, 10.0
"""Seconds in which a session has begun, and by which an interim record may be late."""
COUNTED = ("Acct-Input-Octets", "Acct-Output-Octets", "Acct-Input-Packets", "Acct-Output-Packets")


def must_be_plausible(peer: Peer, aaa: Aaa, session: str) -> None:
    """Nothing in the records of a session is impossible."""
    found = [one for one in aaa.server.ledger.faults() if session in one]
    peer.check(not found, "records that can be true", "; ".join(found), "RFC2866-5.3-1")


@purpose(
    "aaa-acct-start", "RFC2866-2-1", "RFC2866-5.5-2", "RFC2866-4.1-1", "RFC2866-3-1", role="responder", needs=TELLS,
    connection=SERVED, ordinary=True,
)  # fmt: skip
def test_start(peer: Peer, aaa: Aaa) -> None:
    """Once we are in, a Start of our session comes: with a name, from a gateway that says who it is, and proved."""
    sa = must_get_in(peer, "RFC2866-2-1")
    session = aaa.session(sa)
    packet = told(aaa, session)[0]
    peer.check(session, "Acct-Session-Id", "none", "RFC2866-5.5-2")
    named = packet.raw(4) or packet.raw(32) or packet.raw(95)
    peer.check(named, "NAS-IP-Address, NAS-IPv6-Address or NAS-Identifier", packet.words, "RFC2866-4.1-1")
    peer.check(packet.sealed, "a right Request Authenticator", packet.words, "RFC2866-3-1")


@purpose(
    "aaa-acct-eap", "RFC3579-3.3-2", role="responder", needs=TELLS, connection=SERVED,
)  # fmt: skip
def test_eap(peer: Peer, aaa: Aaa) -> None:
    """An Accounting-Request has neither EAP-Message nor Message-Authenticator."""
    sa = must_get_in(peer, "RFC2866-2-1")
    for packet in told(aaa, aaa.session(sa)):
        free = not packet.raw(79) and not packet.raw(80)
        peer.check(free, "neither EAP-Message nor Message-Authenticator", packet.words, "RFC3579-3.3-2")


@purpose(
    "aaa-acct-stop", "RFC2866-2-1", "RFC2866-5.5-1", "RFC2866-5.7-1", "RFC2866-5.10-1", role="responder", needs=TELLS,
    connection=SERVED, waits=2.2,
)  # fmt: skip
def test_stop(peer: Peer, aaa: Aaa) -> None:
    """When we delete the IKE SA after two seconds a Stop comes; if it says why and for how long it was, it is true."""
    sa = must_get_in(peer, "RFC2866-2-1")
    session = aaa.session(sa)
    peer.idle(2.0)
    sa.delete()
    last = stopped(peer, aaa, session)
    must_be_plausible(peer, aaa, session)
    lasted = last.counters[-1]
    if told(aaa, session)[-1].all("Acct-Session-Time"):
        peer.check(1 <= lasted <= 4, "Acct-Session-Time of about 2 s", f"{lasted} s", "RFC2866-5.7-1")
    right = last.cause in (USER_REQUEST, "")
    peer.check(right, f"Acct-Terminate-Cause {USER_REQUEST}", last.cause, "RFC2866-5.10-1")
    early = [one.status for one in aaa.records(session)[:-1] if one.cause]
    peer.check(not early, "a cause in the Stop only", str(early), "RFC2866-5.10-1")


@purpose(
    "aaa-acct-counters", "RFC2866-5.3-1", role="responder", needs=CARRIES, connection=SERVED,
)  # fmt: skip
def test_counters(peer: Peer, aaa: Aaa) -> None:
    """After three pings the Stop counts three packets of ours and three to us, and octets that may be theirs."""
    sa = must_get_in(peer, "RFC2866-2-1")
    session = aaa.session(sa)
    for _ in range(3):
        sa.traffic.ping()
    sa.delete()
    octets_in, octets_out, packets_in, packets_out, _ = stopped(peer, aaa, session).counters
    must_have(aaa, session, *COUNTED)
    must_be_plausible(peer, aaa, session)
    peer.check(packets_in == 3, "3 packets of input", packets_in, "RFC2866-5.3-1")
    peer.check(3 <= packets_out <= 12, "3 packets of output, and perhaps dummies", packets_out, "RFC2866-5.3-1")
    for octets, packets, way in ((octets_in, packets_in, "input"), (octets_out, packets_out, "output")):
        peer.check(60 <= octets <= packets * 1500, f"octets of 3 pings, {way}", octets, "RFC2866-5.3-1")


@purpose(
    "aaa-acct-interim", "RFC2869-5.16-1", "RFC2866-5.5-1", role="responder",
    needs=(*TELLS, Capability.ACCOUNTING_INTERIM), connection=SERVED, waits=62.0,
)  # fmt: skip
def test_interim(peer: Peer, aaa: Aaa) -> None:
    """With Acct-Interim-Interval 60 a record of the running session comes after a minute, or a little later.

    A gateway may add a random delay (RFC 2869, 2.1), and tell more as soon as the session has begun.
    """
    aaa.server.granted = [("Acct-Interim-Interval", 60)]
    sa = must_get_in(peer, "RFC2866-2-1")
    session = aaa.session(sa)

    def later() -> list[tuple[int, float]]:
        first, *others = aaa.records(session)
        return [(one.status, one.at - first.at) for one in others if one.at - first.at > BEGINNING]

    aaa.wait(lambda: bool(later()), 60 + DELAY + 2.0)
    found = later()
    right = bool(found) and found[0][0] == INTERIM and 55 <= found[0][1] <= 60 + DELAY
    shown = ", ".join(f"status {status} after {after:.0f} s" for status, after in found)
    peer.check(right, "an interim record after 60 s", shown, "RFC2869-5.16-1")
    must_be_plausible(peer, aaa, session)


@purpose("aaa-acct-class", "RFC2865-5.25-2", "RFC2865-5.25-1", role="responder", needs=TELLS, connection=SERVED)
def test_class(peer: Peer, aaa: Aaa) -> None:
    """Two values of Class, one with octets that are no text, come back in Start and Stop, unchanged."""
    values = (b"gold", b"\xff\0\x01")
    aaa.server.granted = [("Class", one) for one in values]
    sa = must_get_in(peer, "RFC2866-2-1")
    session = aaa.session(sa)
    sa.delete()
    stopped(peer, aaa, session)
    for one in aaa.records(session):
        shown = ", ".join(value.hex() for value in one.classes)
        peer.check(one.classes == values, "Class as it was granted", shown or "none", "RFC2865-5.25-1")


@purpose(
    "aaa-acct-rekey", "RFC2866-5.5-1", "RFC2866-2-1", role="responder", needs=(*TELLS, Capability.REKEY_IKE),
    connection=SERVED,
)  # fmt: skip
def test_rekey(peer: Peer, aaa: Aaa) -> None:
    """A rekey of the IKE SA is no end of the session, and no beginning of another one."""
    sa = must_get_in(peer, "RFC2866-2-1")
    session = aaa.session(sa)
    known = set(aaa.server.ledger.sessions)
    sa.rekey()
    after: ScriptedSa = sa.rekeyed
    peer.idle(1.0)
    states = [one.status for one in aaa.records(session)]
    peer.check(STOP not in states and states.count(START) == 1, "one Start and no Stop", str(states), "RFC2866-5.5-1")
    new = set(aaa.server.ledger.sessions) - known
    peer.check(not new, "no other session", ", ".join(new), "RFC2866-5.5-1")
    after.delete()
    stopped(peer, aaa, session)


@purpose(
    "aaa-acct-two", "RFC2866-5.5-3", "RFC2866-5.5-1", role="responder", needs=TELLS, connection=SERVED,
)  # fmt: skip
def test_two(peer: Peer, aaa: Aaa) -> None:
    """The next session of the same user has another name than the one before."""
    sa = must_get_in(peer, "RFC2866-2-1")
    first = aaa.session(sa)
    sa.delete()
    stopped(peer, aaa, first)
    second = aaa.session(must_get_in(peer, "RFC2866-2-1"))
    peer.check(first != second, "another Acct-Session-Id", second, "RFC2866-5.5-3")
    faults = [one for one in aaa.server.ledger.faults() if first in one or second in one]
    peer.check(not faults, "records that can be true", "; ".join(faults), "RFC2866-5.5-3")


# --- a server that does not acknowledge -------------------------------------------------------------------------------


def must_be_said_again(peer: Peer, aaa: Aaa, session: str, *, found: int = 2, seconds: float = 12.0) -> list[Packet]:
    """The Start of a session comes again: if it was changed under another Identifier, else as it was."""
    aaa.wait(lambda: len(told(aaa, session)) >= found, seconds)
    said = told(aaa, session)
    peer.check(len(said) >= found, "the record once more", f"{len(said)} times", "RFC2866-2-2")
    for one, other in pairwise(said):
        same = one.octets[20:] == other.octets[20:]
        right = (one.identifier == other.identifier) == same
        what = "the same Identifier for the same record, another one for one that was changed"
        peer.check(right, what, f"{one.identifier} and {other.identifier}", "RFC2866-4.1-2")
    return said


def lives_or_is_deleted(aaa: Aaa, sa: ScriptedSa) -> None:
    """A session of which nobody wants to know may be ended, but properly."""
    aaa.be_honest()
    try:
        sa.must_be_up("RFC2866-2-2")
    except Unexpected:
        if sa.state is not State.CLOSED:
            raise


@purpose(
    "aaa-acct-unanswered", "RFC2866-4.1-2", "RFC2866-2-2", "RFC2866-5.2-1", role="responder", needs=TELLS,
    connection=SERVED, waits=6.0,
)  # fmt: skip
def test_unanswered(peer: Peer, aaa: Aaa) -> None:
    """A Start that is not acknowledged comes again, and says if at all truly how late it is."""
    aaa.server.always = bend.silence().only(Code.ACCOUNTING_RESPONSE)
    with patient(peer):  # a device may hold its response back until the record is acknowledged
        sa = must_get_in(peer, "RFC2866-2-1")
    session = aaa.session(sa)
    first = told(aaa, session)[0]
    began = next(one.at for one in aaa.requests(Code.ACCOUNTING_REQUEST) if one.packet.octets == first.octets)
    must_be_said_again(peer, aaa, session)
    for one in aaa.requests(Code.ACCOUNTING_REQUEST):
        if one.packet.text("Acct-Session-Id") == session and one.packet.raw(41):
            late, truth = one.packet.number("Acct-Delay-Time"), one.at - began
            peer.check(abs(late - truth) < 2, f"Acct-Delay-Time of {truth:.0f} s", f"{late} s", "RFC2866-5.2-1")
    lives_or_is_deleted(aaa, sa)


@purpose(
    "aaa-acct-false", "RFC2866-4.2-1", "RFC2866-2-2", role="responder", needs=TELLS, connection=SERVED, waits=3.0,
)  # fmt: skip
def test_false(peer: Peer, aaa: Aaa) -> None:
    """An acknowledgement with a wrong Authenticator is none: the record comes again."""
    sa = must_come_again(peer, aaa, bend.wrong_authenticator(), "RFC2866-4.2-1")
    lives_or_is_deleted(aaa, sa)


@purpose(
    "aaa-acct-tls", "RFC2866-2-1", "RFC2866-5.5-1", role="responder", needs=TELLS, connection=by_aaa("tls"),
)  # fmt: skip
def test_tls(peer: Peer, aaa: Aaa) -> None:
    """The session of a user with a certificate is told of in the same way, from its beginning to its end."""
    sa = must_get_in(peer, "RFC2866-2-1")
    session = aaa.session(sa)
    sa.delete()
    stopped(peer, aaa, session)
    must_be_plausible(peer, aaa, session)
