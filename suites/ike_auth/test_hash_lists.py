"""N(SIGNATURE_HASH_ALGORITHMS) in forms that nobody expects (RFC 7427, section 4)."""

from dataclasses import replace

from conformance.crypto.sign import signature_algorithm
from conformance.ike.core.signatures import hashes
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import fatal
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import AUTH, AuthMethod, ExchangeType, HashAlgorithm, Message, Notify, NotifyType
from peers.capabilities import Capability
from suites.connections import certificates
from suites.dut import Dut
from suites.ike_auth.refusal import answer_of, control
from suites.ike_auth.steps import mixed, must_be_accepted_by, must_succeed, ourselves
from suites.purpose import purpose

_KNOWN = HashAlgorithm.SHA2_256
_ONE = int(_KNOWN).to_bytes(2, "big")
_UNKNOWN = bytes.fromhex("00007f00ffff")
LISTS = {
    "numbers that nobody knows before and behind a known one": _UNKNOWN + _ONE + _UNKNOWN,
    "a known one twice": _ONE * 2,
    "an octet behind a known one": _ONE + b"\0",
    "numbers that nobody knows": _UNKNOWN,
    "an octet": _ONE[1:],
    "nothing": b"",
}
"""Octets of the list, by what they are."""


def listing(text: str, data: bytes) -> Bend:
    """This list in place of ours."""
    kind = NotifyType.SIGNATURE_HASH_ALGORITHMS
    return bend.replace(Notify, lambda one: replace(one, data=data) if one.type == kind else one, f"a list of {text}")


@purpose(
    "auth-signature-hash-lists-odd", "RFC7427-4-2", "RFC7427-4-5", role="responder",
    needs=(Capability.RFC7427,), connection=certificates("rsa"),
)  # fmt: skip
def test_hash_lists_odd(peer: Peer) -> None:
    """Whatever list of hashes we send, the device signs with one that stands in it, by an older method, or not at all.

    Lists that hold a known hash among others, twice or with an octet too many, and such that hold none. A device may
    also refuse the IKE_SA_INIT with such a list.
    """
    for text, data in LISTS.items():
        sa = peer.sa()
        if fatal(sa.init(listing(text, data))) is not None:
            peer.note(f"{text}: it refuses that")
            control(peer)
            continue
        found = answer_of(peer, sa).first(AUTH)
        if found is None or found.method != AuthMethod.DIGITAL_SIGNATURE:
            continue
        used = signature_algorithm(found.data)
        fits = _ONE in data and used.hash == _KNOWN
        peer.check(fits, f"no signature but with {_KNOWN.name}, and that if it is listed: {text}", used, "RFC7427-4-2")
        sa.delete()


def signed_for(peer: Peer, dut: Dut, text: str, data: bytes) -> None:
    """Our IKE_SA_INIT response has this list: the device signs with a hash of it, or in an older way.

    It may give up where there is none that it knows.
    """
    dut.initiate()
    sa = peer.respond_init(peer.expect_init(), listing(text, data))
    try:
        request = sa.expect_request(ExchangeType.IKE_AUTH)
    except Unexpected:
        if _ONE in data:
            raise
        peer.note("it gives up")
        return
    found = request.message.first(AUTH)
    if found is not None and found.method == AuthMethod.DIGITAL_SIGNATURE:
        used = signature_algorithm(found.data)
        fits = _ONE in data and used.hash == _KNOWN
        peer.check(fits, f"no signature but with {_KNOWN.name}, and that if it is listed", used, "RFC7427-4-2")
    sa.answer(request)
    must_be_accepted_by(sa)


OF_DEVICE = ("RFC7427-4-2", "RFC7427-3-1")
RSA_OF_DEVICE = mixed(our_certificate=False, kind="rsa")


@purpose(
    "auth-responder-hash-lists-odd", *OF_DEVICE, role="initiator", needs=(Capability.RFC7427,),
    connection=RSA_OF_DEVICE,
)  # fmt: skip
def test_responder_odd(peer: Peer, dut: Dut) -> None:
    """Our response lists a known hash twice, among numbers that nobody knows: the device signs with that hash."""
    signed_for(peer, dut, "a known one twice among numbers that nobody knows", _UNKNOWN + _ONE + _UNKNOWN + _ONE)


@purpose(
    "auth-responder-hash-lists-unknown", *OF_DEVICE, role="initiator", needs=(Capability.RFC7427,),
    connection=RSA_OF_DEVICE,
)  # fmt: skip
def test_responder_unknown(peer: Peer, dut: Dut) -> None:
    """Our response lists numbers that nobody knows: the device signs in an older way, or not at all."""
    signed_for(peer, dut, "numbers that nobody knows", _UNKNOWN)


# --- what the device's own list says ----------------------------------------------------------------------------------

LISTED = ("RFC7427-4-6", "RFC7427-3-3")
SHA2 = (HashAlgorithm.SHA2_256, HashAlgorithm.SHA2_384, HashAlgorithm.SHA2_512)


def listed(peer: Peer, message: Message) -> list[HashAlgorithm]:
    """The hashes of SHA-2 that a message of the device announces. Raises NotApplicable where there are none."""
    found = [one for one in hashes(message) if one in SHA2]
    if not found:
        raise NotApplicable("it announces no hash of SHA-2")
    peer.note("it announces " + ", ".join(one.name for one in found))
    return found


def each_verified(peer: Peer, *, pss: bool) -> None:
    """We sign with each hash that the device announces, and it lets us in."""
    first = peer.sa()
    for digest in listed(peer, first.init()):
        sa = peer.sa(local=ourselves(peer, hash=digest, pss=pss))
        sa.init()
        sa.auth()
        must_succeed(peer, sa, LISTED[0])
        sa.delete()


@purpose(
    "auth-signature-announced", *LISTED, role="responder", needs=(Capability.RFC7427,), connection=certificates("rsa")
)
def test_announced(peer: Peer) -> None:
    """We sign with RSA and each of the hashes that the device announces, one after the other: it takes them all."""
    each_verified(peer, pss=False)


@purpose(
    "auth-rsa-pss-announced", *LISTED, role="responder", needs=(Capability.RFC7427, Capability.RSA_PSS),
    connection=certificates("rsa"),
)  # fmt: skip
def test_pss_announced(peer: Peer) -> None:
    """The same with RSASSA-PSS, whose mask and salt are as large as the hash."""
    each_verified(peer, pss=True)


@purpose(
    "auth-responder-signature-announced", *LISTED, role="initiator", needs=(Capability.RFC7427,),
    connection=certificates("rsa"),
)  # fmt: skip
def test_responder_announced(peer: Peer, dut: Dut) -> None:
    """The device initiates, and we sign with the weakest hash that its request announces."""
    dut.initiate()
    first = peer.expect_init()
    sa = peer.respond_init(first, local=ourselves(peer, hash=min(listed(peer, first.message))))
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    must_be_accepted_by(sa, LISTED[0])
