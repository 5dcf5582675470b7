"""ECDSA keys on Brainpool curves, for which only RFC 7427 has a way to sign (RFC 5639; RFC 7427, sections 3 and 5)."""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from conformance.crypto.pki import Leaf
from conformance.script.peer import Peer
from conformance.wire import AUTH, AuthMethod
from peers.capabilities import Capability
from suites.certificates.roles import accepted, taken_or_refused
from suites.certificates.test_strength import Sign, not_used
from suites.connections import certificates
from suites.ike_auth.steps import in_our_name, trusted

_EC = certificates("ecdsa")
_CLAIMED = (Capability.RFC7427, Capability.BRAINPOOL)


def on(peer: Peer, curve: ec.EllipticCurve) -> Leaf:
    """Our certificate by the authority that the device trusts, with a new key on this curve."""
    return in_our_name(peer, trusted(peer), key=ec.generate_private_key(curve))


@accepted("cert-key-brainpool-256", "RFC7427-3-2", "RFC7427-3-3", connection=_EC, needs=_CLAIMED)
def test_256(peer: Peer) -> Leaf:
    """Our key is on brainpoolP256r1."""
    return on(peer, ec.BrainpoolP256R1())


@accepted("cert-key-brainpool-384", "RFC7427-3-2", "RFC7427-3-3", connection=_EC, needs=_CLAIMED)
def test_384(peer: Peer) -> Leaf:
    """Our key is on brainpoolP384r1."""
    return on(peer, ec.BrainpoolP384R1())


@accepted("cert-key-brainpool-512", "RFC7427-3-2", "RFC7427-3-3", connection=_EC, needs=_CLAIMED)
def test_512(peer: Peer) -> Leaf:
    """Our key is on brainpoolP512r1."""
    return on(peer, ec.BrainpoolP512R1())


@taken_or_refused("cert-key-brainpool", "RFC7427-5-1", connection=_EC, needs=(Capability.RFC7427,))
def test_any(peer: Peer) -> Leaf:
    """Our key is on brainpoolP256r1, and the signature is right: the device takes it, or refuses it as any other."""
    return on(peer, ec.BrainpoolP256R1())


@not_used("cert-key-brainpool-method", "RFC4754-4-1", connection=_EC)
def test_method(peer: Peer) -> tuple[Leaf | None, Sign | None]:
    """Our key is on brainpoolP256r1, and we sign by the method ECDSA-256 (9), for the NIST curve of that size."""
    key = ec.generate_private_key(ec.BrainpoolP256R1())

    def sign(octets: bytes) -> AUTH:
        r, s = decode_dss_signature(key.sign(octets, ec.ECDSA(hashes.SHA256())))
        return AUTH(AuthMethod.ECDSA_256, r.to_bytes(32, "big") + s.to_bytes(32, "big"))

    return in_our_name(peer, trusted(peer), key=key), sign
