"""Answers that are not the server's (RFC 2865, 3579): a false one goes before the true one, and must count for nothing.

Where the true answer is a refusal, a device that believes the false one lets somebody in. Where it is the permission,
anybody who can send a datagram could keep the user out.
"""

from conformance.radius import bend
from conformance.radius.bend import RadiusBend
from conformance.radius.packet import Code
from conformance.script.peer import Peer
from suites.aaa.steps import ASKS, SERVED, must_get_in, must_not_get_in
from suites.purpose import purpose
from suites.radius import Aaa

TIER = "full"

NOBODY = "RFC7296-1.2-18"


def must_not_let_in(peer: Peer, aaa: Aaa, wrong: RadiusBend, requirement: str) -> None:
    """A false Access-Accept before the true Access-Reject."""
    aaa.server.refusing = True
    aaa.server.false = wrong.only(Code.ACCESS_REJECT)
    must_not_get_in(peer, aaa, requirement)


def must_not_keep_out(peer: Peer, aaa: Aaa, wrong: RadiusBend, requirement: str) -> None:
    """A false Access-Reject before the true Access-Accept."""
    aaa.server.false = wrong.only(Code.ACCESS_ACCEPT)
    must_get_in(peer, requirement)


def must_not_break_off(peer: Peer, aaa: Aaa, wrong: RadiusBend, requirement: str) -> None:
    """A false Access-Reject before the true Access-Challenge."""
    aaa.server.false = wrong.only(Code.ACCESS_CHALLENGE)
    must_get_in(peer, requirement)


# --- a false permission -----------------------------------------------------------------------------------------------


@purpose(
    "aaa-false-accept-authenticator", "RFC2865-4.2-1", NOBODY, role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_accept_authenticator(peer: Peer, aaa: Aaa) -> None:
    """An Access-Accept with a wrong Response Authenticator lets nobody in."""
    must_not_let_in(peer, aaa, bend.wrong_authenticator(), "RFC2865-4.2-1")


@purpose(
    "aaa-false-accept-secret", "RFC2865-4.2-1", "RFC3579-3.1-5", NOBODY, role="responder", needs=ASKS,
    connection=SERVED,
)  # fmt: skip
def test_accept_secret(peer: Peer, aaa: Aaa) -> None:
    """An Access-Accept of somebody with another secret lets nobody in."""
    must_not_let_in(peer, aaa, bend.other_secret(), "RFC2865-4.2-1")


@purpose(
    "aaa-false-accept-proof", "RFC3579-3.1-5", "RFC3579-3.2-1", NOBODY, role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_accept_proof(peer: Peer, aaa: Aaa) -> None:
    """An Access-Accept with a wrong Message-Authenticator lets nobody in."""
    must_not_let_in(peer, aaa, bend.wrong_message_authenticator(), "RFC3579-3.1-5")


@purpose(
    "aaa-false-accept-unproved", "RFC3579-3.1-4", role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_accept_unproved(peer: Peer, aaa: Aaa) -> None:
    """An Access-Accept with EAP-Message, but without Message-Authenticator, lets nobody in."""
    must_not_let_in(peer, aaa, bend.without("Message-Authenticator"), "RFC3579-3.1-4")


@purpose(
    "aaa-false-accept-identifier", "RFC2865-4.2-1", NOBODY, role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_accept_identifier(peer: Peer, aaa: Aaa) -> None:
    """An Access-Accept with the Identifier of no request lets nobody in."""
    must_not_let_in(peer, aaa, bend.identifier(128), "RFC2865-4.2-1")


@purpose(
    "aaa-false-accept-cut", "RFC2865-3-2", NOBODY, role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_accept_cut(peer: Peer, aaa: Aaa) -> None:
    """An Access-Accept that is shorter than its Length lets nobody in."""
    longer = bend.octets(
        "with a Length of 8 octets more",
        lambda found: found[:2] + (len(found) + 8).to_bytes(2, "big") + found[4:],
    )
    must_not_let_in(peer, aaa, longer, "RFC2865-3-2")


# --- a false refusal --------------------------------------------------------------------------------------------------


@purpose(
    "aaa-false-reject-authenticator", "RFC2865-4.3-1", role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_reject_authenticator(peer: Peer, aaa: Aaa) -> None:
    """An Access-Reject with a wrong Response Authenticator keeps nobody out."""
    must_not_keep_out(peer, aaa, bend.wrong_authenticator(), "RFC2865-4.3-1")


@purpose(
    "aaa-false-reject-secret", "RFC2865-4.3-1", "RFC3579-3.1-5", role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_reject_secret(peer: Peer, aaa: Aaa) -> None:
    """An Access-Reject of somebody with another secret keeps nobody out."""
    must_not_keep_out(peer, aaa, bend.other_secret(), "RFC2865-4.3-1")


@purpose(
    "aaa-false-reject-proof", "RFC3579-3.1-5", "RFC3579-3.2-1", role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_reject_proof(peer: Peer, aaa: Aaa) -> None:
    """An Access-Reject with a wrong Message-Authenticator keeps nobody out."""
    must_not_keep_out(peer, aaa, bend.wrong_message_authenticator(), "RFC3579-3.1-5")


@purpose(
    "aaa-false-reject-unproved", "RFC3579-3.1-4", role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_reject_unproved(peer: Peer, aaa: Aaa) -> None:
    """An Access-Reject with EAP-Message, but without Message-Authenticator, keeps nobody out."""
    must_not_keep_out(peer, aaa, bend.without("Message-Authenticator"), "RFC3579-3.1-4")


@purpose(
    "aaa-false-reject-identifier", "RFC2865-4.2-1", role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_reject_identifier(peer: Peer, aaa: Aaa) -> None:
    """An Access-Reject with the Identifier of no request keeps nobody out."""
    must_not_keep_out(peer, aaa, bend.identifier(128), "RFC2865-4.2-1")


@purpose(
    "aaa-false-code", "RFC2865-3-7", role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_code(peer: Peer, aaa: Aaa) -> None:
    """An answer with a Code that nobody knows keeps nobody out."""
    wrong = bend.octets("with code 99", lambda found: bytes([99]) + found[1:])
    must_not_keep_out(peer, aaa, wrong, "RFC2865-3-7")


@purpose(
    "aaa-false-short", "RFC2865-3-2", role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_short(peer: Peer, aaa: Aaa) -> None:
    """A datagram of the first 12 octets of an answer keeps nobody out."""
    wrong = RadiusBend("the first 12 octets", sealed=lambda found: found[:12])
    must_not_keep_out(peer, aaa, wrong, "RFC2865-3-2")


@purpose(
    "aaa-false-challenge-authenticator", "RFC2865-4.3-1", "RFC2865-4.4-1", role="responder", needs=ASKS,
    connection=SERVED,
)  # fmt: skip
def test_challenge_authenticator(peer: Peer, aaa: Aaa) -> None:
    """An Access-Reject with a wrong Response Authenticator in the midst of EAP does not break it off."""
    must_not_break_off(peer, aaa, bend.wrong_authenticator(), "RFC2865-4.3-1")


@purpose(
    "aaa-false-challenge-proof", "RFC3579-3.1-5", "RFC3579-3.2-1", role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_challenge_proof(peer: Peer, aaa: Aaa) -> None:
    """An Access-Reject with a wrong Message-Authenticator in the midst of EAP does not break it off."""
    must_not_break_off(peer, aaa, bend.wrong_message_authenticator(), "RFC3579-3.1-5")
