"""What a gateway puts into packets of RADIUS, and which EAP it passes on (RFC 2865, section 5; RFC 3579, 2.2)."""

from dataclasses import replace

from conformance.radius.bend import RadiusBend
from conformance.radius.packet import Code, attributes
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import EapCode
from peers.capabilities import Capability
from suites.aaa.steps import ASKS, OBEYS, SERVED, TELLS, answered, must_end, must_get_in, named, patient
from suites.connections import key_by_aaa
from suites.eap.steps import packet, until_method
from suites.ike_auth.refusal import must_be_gone
from suites.purpose import purpose
from suites.radius import Aaa

TIER = "full"

EAP_MESSAGE, USER_PASSWORD = 79, 2
KEYS = (Capability.AAA, Capability.AAA_KEYS)
BLOCK, MOST = 16, 128
STATE = bytes(range(256))[:253]
"""A State of any octets, as long as it may be."""


@purpose(
    "aaa-attributes-filled", "RFC2865-5-4", role="responder", needs=TELLS, connection=SERVED,
)  # fmt: skip
def test_filled(peer: Peer, aaa: Aaa) -> None:
    """No attribute of any request of the gateway is empty: what it does not know it leaves out. EAP-Start may be."""
    sa = must_get_in(peer, "RFC2865-5-4")
    aaa.session(sa)
    for code in (Code.ACCESS_REQUEST, Code.ACCOUNTING_REQUEST):
        for one in aaa.requests(code):
            empty = [kind for kind, value in attributes(one.packet.octets) if not value and kind != EAP_MESSAGE]
            peer.check(not empty, "no empty attribute", f"empty ones of type {empty}", "RFC2865-5-4")


@purpose(
    "aaa-psk-password-hidden", "RFC2865-5.2-1", role="responder", needs=KEYS, connection=key_by_aaa(),
)  # fmt: skip
def test_password_hidden(peer: Peer, aaa: Aaa) -> None:
    """The password with which a gateway asks is padded to blocks of 16 octets, and hidden by the secret."""
    must_get_in(peer, "RFC2868-3.5-1")
    found = [value for one in aaa.requests() for value in one.packet.raw(USER_PASSWORD)]
    if not found:
        raise NotApplicable("it asks without a password")
    for one in aaa.requests():
        for value in one.packet.raw(USER_PASSWORD):
            fits = value and not len(value) % BLOCK and len(value) <= MOST
            peer.check(fits, "a multiple of 16 octets up to 128", len(value), "RFC2865-5.2-1")
            clear = one.packet.password
            text = clear is not None and clear.isascii() and clear != value
            peer.check(text, "a password that is hidden by the secret", value.hex(), "RFC2865-5.2-1")


@purpose("aaa-state-odd", "RFC2865-5.24-2", "RFC2865-5.24-1", role="responder", needs=ASKS, connection=SERVED)
def test_state_odd(peer: Peer, aaa: Aaa) -> None:
    """A State of any octets, zeros and all, as long as an attribute can be, comes back as it was."""
    begin = aaa.server.begin

    def odd(server: object) -> bytes:
        state = begin(server)  # type: ignore[arg-type]
        longer = STATE[: len(STATE) - len(state)] + state
        aaa.server.conversations[longer] = aaa.server.conversations.pop(state)
        return longer

    aaa.server.begin = odd  # type: ignore[method-assign]
    must_get_in(peer, "RFC2865-5.24-2").liveness()


def must_not_be_passed_on(peer: Peer, aaa: Aaa, bent: Bend, requirement: str) -> None:
    """An EAP packet of ours that is wrong so does not come to the server."""
    sa = peer.sa()
    answer = until_method(peer, sa)
    mark = len(aaa.requests())
    try:
        with patient(peer):
            sa.proceed(answer, bent)
    except Unexpected:
        sa.pending = None
    told = [one.packet.eap for one in aaa.requests()[mark:] if one.packet.eap]
    shown = "; ".join(one.hex() for one in told if one)
    peer.check(not told, f"nothing asked about {bent.text}", shown, requirement)
    must_be_gone(peer, sa, told=False)


@purpose("aaa-eap-codes", "RFC3579-2.2-1", role="responder", needs=ASKS, connection=SERVED)
def test_codes(peer: Peer, aaa: Aaa) -> None:
    """A Request, a Success and a code that does not exist, from the user, are not passed on to the server."""
    for code in (EapCode.REQUEST, EapCode.SUCCESS, EapCode(0), EapCode(200)):
        bent = packet(lambda one, code=code: replace(one, code=code), f"our response with code {int(code)}")  # type: ignore[misc]
        must_not_be_passed_on(peer, aaa, bent, "RFC3579-2.2-1")


@purpose("aaa-eap-lengths", "RFC3579-2.2-1", role="responder", needs=ASKS, connection=SERVED)
def test_lengths(peer: Peer, aaa: Aaa) -> None:
    """An EAP packet whose Length is greater than what there is, is not passed on to the server."""
    for length in (1000, 65535):
        bent = packet(lambda one, length=length: replace(one, length=length), f"an EAP packet of Length {length}")  # type: ignore[misc]
        must_not_be_passed_on(peer, aaa, bent, "RFC3579-2.2-1")


@purpose("aaa-eap-identifiers", "RFC3579-2.2-2", role="responder", needs=ASKS, connection=SERVED)
def test_identifiers(peer: Peer, aaa: Aaa) -> None:
    """A response with another Identifier than that of the request is not passed on to the server."""
    for by in (1, 128):
        bent = packet(lambda one, by=by: replace(one, identifier=(one.identifier + by) & 0xFF), f"Identifier +{by}")  # type: ignore[misc]
        must_not_be_passed_on(peer, aaa, bent, "RFC3579-2.2-2")


@purpose(
    "aaa-disconnect-padding", "RFC5176-2.3-4", role="responder", needs=OBEYS, connection=SERVED, canary=False,
)  # fmt: skip
def test_disconnect_padding(peer: Peer, aaa: Aaa) -> None:
    """Octets behind the Length of a Disconnect-Request are padding: it counts as if they were not there."""
    sa = must_get_in(peer, "RFC5176-2.1-1")
    padded = RadiusBend("with 7 octets behind it", sealed=lambda found: found + b"\xff" * 7)
    told = aaa.ask(aaa.client.disconnect(*named(aaa, sa), bend=padded))
    answered(peer, aaa, told, "RFC5176-2.3-4", accepted=True)
    must_end(peer, aaa, sa, "RFC5176-2.3-4")
