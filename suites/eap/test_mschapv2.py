"""MSCHAPv2 off its path: what proves nothing, or comes where something else is due, in both roles."""

from dataclasses import replace

from conformance.eap.layout import Body
from conformance.eap.mschapv2 import (
    Challenge,
    ChangePassword,
    ErrorCode,
    Failure,
    FailureResponse,
    FailureText,
    Response,
    Success,
    SuccessResponse,
)
from conformance.eap.sweep import Variation
from conformance.script.peer import Peer
from peers.capabilities import Capability
from suites.connections import eap
from suites.dut import Dut
from suites.eap import cases
from suites.eap.cases import Case
from suites.eap.sweeping import each, must_not_convince, our_requests
from suites.purpose import purpose

SERVER, PEER = (Capability.EAP,), (Capability.EAP_PEER,)
SERVES, ASKS = eap("mschapv2"), eap("mschapv2", device="initiator")
NOBODY = ("RFC7296-1.2-18", "RFC7296-2.16-2")
UNCONVINCED = ("RFC3748-4.2-5", "RFC3748-4.2-3", "RFC7296-1.2-18")


def instead(number: int, due: Body, sent: Body, text: str) -> Case:
    """Another body where one is due, as the method's packet with this number."""
    return cases.instead(due, sent, text, number=number, asks=isinstance(due, Challenge | Success))


# --- the device as responder ------------------------------------------------------------------------------------------


@purpose("eap-mschapv2-no-response", *NOBODY, role="responder", needs=SERVER, connection=SERVES)
def test_no_response(peer: Peer) -> None:
    """What answers the challenge by something else than a response, approval above all, is not let in."""
    due = Response(name=b"somebody")
    each(
        peer,
        instead(1, due, SuccessResponse(), "approval"),
        instead(1, due, Success(message=b"S=" + b"0" * 40), "a Success request of our own"),
        instead(1, due, ChangePassword(), "a new password nobody has asked for"),
        instead(1, due, Challenge(challenge=bytes(16)), "a challenge of our own"),
        instead(1, due, FailureResponse(), "a Failure response"),
    )


@purpose("eap-mschapv2-no-approval", *NOBODY, role="responder", needs=SERVER, connection=SERVES)
def test_no_approval(peer: Peer) -> None:
    """A peer that does not approve of the server's proof has no Success, whatever it says in its place."""
    due = SuccessResponse()
    each(
        peer,
        instead(2, due, FailureResponse(), "a Failure response"),
        instead(2, due, ChangePassword(), "a new password nobody has asked for"),
        instead(2, due, Challenge(challenge=bytes(16)), "a challenge of our own"),
    )


# --- the device as initiator ------------------------------------------------------------------------------------------


def none_convinces(peer: Peer, dut: Dut, *cases: Case) -> None:
    """The device approves of none of these, and does not go on to AUTH; without them it comes to its end."""
    our_requests(peer, dut)
    for case in cases:
        peer.note(case.text)
        must_not_convince(peer, dut, case)
    our_requests(peer, dut)


def proof(text: str, message: bytes) -> Case:
    """Another authenticator response."""
    right = Success(message=b"S=" + b"F" * 40 + b" M=")
    return Case(2, right, Variation(text, lambda body: replace(body, message=message)), asks=True)  # type: ignore[type-var]


@purpose("eap-mschapv2-proof-wrong", *UNCONVINCED, role="initiator", needs=PEER, connection=ASKS)
def test_proof_wrong(peer: Peer, dut: Dut) -> None:
    """A server whose authenticator response is wrong, cut short or absent does not know the password."""
    none_convinces(
        peer,
        dut,
        proof("40 zeros in place of the digits", b"S=" + b"0" * 40 + b" M="),
        proof("40 letters that are no digits", b"S=" + b"Z" * 40 + b" M="),
        proof("one digit only", b"S=0 M="),
        proof("no digits", b"S= M="),
        proof("no S=", b"M=welcome"),
        proof("an empty message", b""),
        proof("a very long message", b"S=" + b"0" * 4000),
    )


@purpose("eap-mschapv2-success-first", *UNCONVINCED, role="initiator", needs=PEER, connection=ASKS)
def test_success_first(peer: Peer, dut: Dut) -> None:
    """A Success request in place of the challenge has proved nothing, nor has a Failure."""
    due = Challenge(challenge=bytes(16), name=b"ikespec")
    none_convinces(
        peer,
        dut,
        instead(1, due, Success(message=b"S=" + b"0" * 40), "a Success request"),
        instead(1, due, Success(message=b"S="), "a Success request without digits"),
        instead(1, due, Failure(message=FailureText().encode()), "a Failure request"),
    )


def refusal(text: FailureText | bytes) -> Case:
    """A Failure request in place of the proof."""
    message = text if isinstance(text, bytes) else text.encode()
    return instead(
        2,
        Success(message=b"S="),
        Failure(message=message),
        f"a Failure that reads {message[:40].decode() or 'nothing'}",
    )


@purpose("eap-mschapv2-refused", *UNCONVINCED, role="initiator", needs=PEER, connection=ASKS)
def test_refused(peer: Peer, dut: Dut) -> None:
    """A Failure of any kind and form is no proof of the server: wrong password, again, expired, nonsense."""
    challenge = bytes(range(16))
    none_convinces(
        peer,
        dut,
        refusal(FailureText(message=b"no")),
        refusal(FailureText(retry=True, challenge=challenge)),
        refusal(FailureText(ErrorCode.PASSWD_EXPIRED, challenge=challenge)),
        refusal(b"E=691 R=1 C=00 V=3"),
        refusal(b"E=99999999999999999999 R=9 C= V=-1 M="),
        refusal(b"%s%n" * 100),
        refusal(b"E=648 R=1 C=" + b"0" * 4000),
        refusal(b""),
        instead(2, Success(message=b"S="), Challenge(challenge=challenge), "another challenge"),
    )
