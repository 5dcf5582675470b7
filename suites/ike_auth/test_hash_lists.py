"""N(SIGNATURE_HASH_ALGORITHMS) in forms that nobody expects (RFC 7427, section 4)."""

from dataclasses import replace

from conformance.crypto.sign import signature_algorithm
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import fatal
from conformance.script.verdict import Unexpected
from conformance.wire import AUTH, AuthMethod, ExchangeType, HashAlgorithm, Notify, NotifyType
from peers.capabilities import Capability
from suites.connections import certificates
from suites.dut import Dut
from suites.ike_auth.refusal import answer_of, control
from suites.ike_auth.steps import mixed, must_be_accepted_by
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


WELL_FORMED = (
    "numbers that nobody knows before and behind a known one", "a known one twice", "numbers that nobody knows",
)  # fmt: skip


@purpose(
    "auth-responder-hash-lists-odd", "RFC7427-4-2", "RFC7427-3-1", role="initiator", needs=(Capability.RFC7427,),
    connection=mixed(our_certificate=False, kind="rsa"),
)  # fmt: skip
def test_responder_hash_lists_odd(peer: Peer, dut: Dut) -> None:
    """Such lists in our IKE_SA_INIT response: the device signs with a hash of the list, or in an older way.

    Numbers that nobody knows, with and without a known one, and one twice. A device may also give up where there is no
    hash that it knows.
    """
    for text in WELL_FORMED:
        data = LISTS[text]
        dut.initiate()
        sa = peer.respond_init(peer.expect_init(), listing(text, data))
        try:
            request = sa.expect_request(ExchangeType.IKE_AUTH)
        except Unexpected:
            if _ONE in data:
                raise
            peer.note(f"it gives up at {text}")
            return
        found = request.message.first(AUTH)
        if found is not None and found.method == AuthMethod.DIGITAL_SIGNATURE:
            used = signature_algorithm(found.data)
            fits = _ONE in data and used.hash == _KNOWN
            peer.check(fits, f"no signature but with {_KNOWN.name}, and that if it is listed: {text}", used)
        sa.answer(request)
        must_be_accepted_by(sa)
        sa.delete()
