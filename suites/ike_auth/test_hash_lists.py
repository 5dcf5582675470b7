"""N(SIGNATURE_HASH_ALGORITHMS) in forms that nobody expects (RFC 7427, section 4)."""

from dataclasses import replace

from conformance.crypto.sign import signature_algorithm
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import fatal
from conformance.wire import AUTH, AuthMethod, HashAlgorithm, Notify, NotifyType
from peers.capabilities import Capability
from suites.connections import certificates
from suites.ike_auth.refusal import answer_of, control
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
