"""NULL authentication: where it is agreed on, and where nobody must get in by it (RFC 7619)."""

from conformance.ike.core.connection import Identity, NullAuth, Party
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import AUTH, AuthMethod, ExchangeType, IDi, IDr, IdType, Message
from peers.capabilities import Capability
from suites.connections import certificates, nobody
from suites.dut import Dut
from suites.ike_auth.initiating import begun
from suites.ike_auth.refusal import must_be_refused, must_be_refused_by
from suites.ike_auth.steps import must_be_accepted_by
from suites.purpose import purpose

NULL = (Capability.NULL_AUTH,)
ANONYMOUS = Party(Identity(IdType.NULL, b""), NullAuth())
SENDS = ("RFC7619-2.1-1", "RFC7619-2.2-1")
BINDS = ("RFC7619-2.1-1", "RFC7296-1.2-11")


def must_say_who(peer: Peer, message: Message, kind: type[IDi | IDr], *, null: bool) -> None:
    """The AUTH payload of the device is of the NULL method where that was agreed on, and of another one elsewhere."""
    method = peer.expect(message, AUTH).method
    expected = "an AUTH payload of the NULL method" if null else "an AUTH payload of another method"
    peer.check((method == AuthMethod.NULL) == null, expected, method, "RFC7619-2.1-1")
    identity = peer.expect(message, kind)
    empty = identity.id_type != IdType.NULL or not identity.data
    peer.check(empty, "ID_NULL without data", identity, "RFC7619-2.2-1")


def answered(peer: Peer, *, null: bool) -> None:
    """We initiate: the device proves itself, or not, and takes us."""
    sa = peer.sa()
    sa.init()
    answer = sa.auth()
    must_say_who(peer, answer, IDr, null=null)
    sa.must_be_established("RFC7619-2.1-1")
    sa.liveness()


@purpose("null-auth-both", *SENDS, role="responder", needs=NULL, connection=nobody(), ordinary=True)
def test_both(peer: Peer) -> None:
    """Nobody meets nobody: both AUTH payloads are MICs of the NULL method, with SK_pi and SK_pr."""
    answered(peer, null=True)


@purpose("null-auth-ours", *SENDS, role="responder", needs=NULL, connection=nobody(theirs=False), ordinary=True)
def test_ours(peer: Peer) -> None:
    """An initiator that is nobody is taken by a device that proves itself with its certificate."""
    answered(peer, null=False)


@purpose("null-auth-theirs", *SENDS, role="responder", needs=NULL, connection=nobody(ours=False), ordinary=True)
def test_theirs(peer: Peer) -> None:
    """A device that is nobody takes an initiator that proves itself with a certificate."""
    answered(peer, null=True)


@purpose("null-auth-initiator", *SENDS, role="initiator", needs=NULL, connection=nobody(), ordinary=True)
def test_initiator(peer: Peer, dut: Dut) -> None:
    """A device that initiates as nobody sends an AUTH payload of the NULL method, and takes ours."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    must_say_who(peer, request.message, IDi, null=True)
    sa.answer(request)
    must_be_accepted_by(sa, "RFC7619-2.1-1")


# --- the MIC ----------------------------------------------------------------------------------------------------------


def wrong_mics(sa: ScriptedSa) -> list[Bend]:
    """AUTH payloads of the NULL method that bind us to nothing; there must be keys."""
    assert sa.keys is not None
    octets = sa.signed_octets(sa.own_identity())
    other = sa.keys.sk_pr if sa.initiator else sa.keys.sk_pi
    right = sa.shared_key_mic(sa.keys.sk_pi if sa.initiator else sa.keys.sk_pr, octets)
    found = {
        "its last bit turned": right[:-1] + bytes((right[-1] ^ 1,)),
        "the key of the other side": sa.shared_key_mic(other, octets),
        "an empty key": sa.shared_key_mic(b"", octets),
        "zeros in place of the MIC": bytes(len(right)),
        "no data": b"",
    }
    return [with_mic(made, text) for text, made in found.items()]


def with_mic(made: bytes, text: str) -> Bend:
    """Another MIC in place of ours."""
    return bend.replace(AUTH, lambda _: AUTH(AuthMethod.NULL, made), f"NULL AUTH with {text}")


@purpose("null-auth-wrong-mic", *BINDS, role="responder", needs=NULL, connection=nobody())
def test_wrong_mic(peer: Peer) -> None:
    """A NULL AUTH payload whose MIC is wrong is refused: it would let somebody change messages on the way."""
    for number in range(5):
        sa = peer.sa(initial_contact=False)
        sa.init()
        bent = wrong_mics(sa)[number]
        peer.note(bent.text)
        must_be_refused(peer, sa, bent)


@purpose("null-auth-responder-wrong-mic", *BINDS, role="initiator", needs=NULL, connection=nobody())
def test_responder_wrong_mic(peer: Peer, dut: Dut) -> None:
    """A responder whose MIC is made with the wrong key is not taken, though it need not be anybody."""
    attempt = begun(peer, dut)
    attempt.sa.answer(attempt.request, bend=wrong_mics(attempt.sa)[1])
    must_be_refused_by(dut, peer, attempt)


# --- where it is not allowed ------------------------------------------------------------------------------------------


@purpose("null-auth-refused", "RFC7619-2-1", "RFC7619-2.4-1", role="responder", connection=certificates())
def test_refused(peer: Peer) -> None:
    """An initiator that must prove itself and sends a NULL AUTH payload gets AUTHENTICATION_FAILED."""
    for us in (ANONYMOUS, Party(peer.connection.local.identity, NullAuth())):
        sa = peer.sa(initial_contact=False, local=us)
        sa.init()
        peer.note(f"NULL AUTH as {us.identity}")
        must_be_refused(peer, sa)


@purpose("null-auth-responder-refused", "RFC7619-2-1", "RFC7619-2.4-1", role="initiator", connection=certificates())
def test_responder_refused(peer: Peer, dut: Dut) -> None:
    """A responder that must prove itself and answers with a NULL AUTH payload in its own name is not taken."""
    us = Party(peer.connection.local.identity, NullAuth())
    attempt = begun(peer, dut, local=us)
    attempt.sa.answer(attempt.request)
    must_be_refused_by(dut, peer, attempt)
