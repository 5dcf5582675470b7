"""The algorithms that RFC 8247 wants everywhere: each purpose completes a handshake with one suite.

A device that does not take an algorithm, as it is configured, is not judged for it.
"""

from conformance.script.peer import Peer
from suites.choices import ENCR, INTEG, KE, each, including
from suites.connections import usual
from suites.ike_sa_init.steps import each_taken, handshake
from suites.purpose import purpose


@purpose(
    "init-aes128-sha256-modp2048",
    "RFC8247-2.1-2", "RFC8247-2.2-1", "RFC8247-2.3-1", "RFC8247-2.4-1",
    role="responder", ordinary=True,
    connection=usual(proposals=("aes128-sha256-modp2048",)),
)  # fmt: skip
def test_aes128_sha256_modp2048(peer: Peer) -> None:
    """The suite that every implementation has: AES-CBC-128, HMAC-SHA2-256 as PRF and integrity, group 14."""
    handshake(peer)


@purpose(
    "init-aes256-sha256-modp2048", "RFC8247-2.1-2", role="responder", ordinary=True,
    connection=usual(proposals=("aes256-sha256-modp2048",)),
)  # fmt: skip
def test_aes256_sha256_modp2048(peer: Peer) -> None:
    """AES-CBC with keys of 256 bits."""
    handshake(peer)


@purpose(
    "init-aes128-sha1-modp2048", "RFC8247-2.2-3", "RFC8247-2.3-3", role="responder", ordinary=True,
    connection=usual(proposals=("aes128-sha1-modp2048",)),
)  # fmt: skip
def test_aes128_sha1_modp2048(peer: Peer) -> None:
    """HMAC-SHA1 as PRF and, cut to 96 bits, as integrity algorithm."""
    handshake(peer)


@purpose(
    "init-aes128-sha512-ecp256", "RFC8247-2.2-2", "RFC8247-2.3-2", "RFC8247-2.4-2", role="responder", ordinary=True,
    connection=usual(proposals=("aes128-sha512-ecp256",)),
)  # fmt: skip
def test_aes128_sha512_ecp256(peer: Peer) -> None:
    """HMAC-SHA2-512 as PRF and integrity algorithm, group 19."""
    handshake(peer)


@purpose(
    "init-aes128gcm16", "RFC8247-2.1-4", role="responder", ordinary=True,
    connection=usual(proposals=including("aes128gcm16")),
)  # fmt: skip
def test_aes128gcm16(peer: Peer) -> None:
    """AES-GCM with keys of 128 bits."""
    handshake(peer)


@purpose(
    "init-aes256gcm16", "RFC8247-2.1-4", role="responder", ordinary=True,
    connection=usual(proposals=including("aes256gcm16")),
)  # fmt: skip
def test_aes256gcm16(peer: Peer) -> None:
    """AES-GCM with keys of 256 bits."""
    handshake(peer)


@purpose(
    "init-chacha20poly1305", "RFC8247-2.1-3", role="responder", ordinary=True,
    connection=usual(proposals=including("chacha20poly1305")),
)  # fmt: skip
def test_chacha20poly1305(peer: Peer) -> None:
    """ChaCha20-Poly1305 (RFC 7634)."""
    handshake(peer)


@purpose(
    "init-aes128ccm8", "RFC8247-2.1-5", role="responder", ordinary=True,
    connection=usual(proposals=including("aes128ccm8")),
)  # fmt: skip
def test_aes128ccm8(peer: Peer) -> None:
    """AES-CCM with an ICV of eight octets, as small devices want it."""
    handshake(peer)


@purpose(
    "init-aesxcbc", "RFC7296-2.14-5", "RFC8247-2.2-4", "RFC8247-2.3-4", role="responder", ordinary=True,
    connection=usual(proposals=including("aesxcbc-prfaesxcbc")),
)  # fmt: skip
def test_aesxcbc(peer: Peer) -> None:
    """AES-XCBC as PRF, keyed with half of each nonce, and as integrity algorithm."""
    handshake(peer)


@purpose("init-x25519", "RFC8031-2-1", role="responder", ordinary=True, connection=usual(proposals=including("x25519")))
def test_x25519(peer: Peer) -> None:
    """Group 31, Curve25519."""
    handshake(peer)


def _works(peer: Peer, requirement: str) -> None:
    """The IKE SA comes up with each of our proposals that the device takes, and answers."""
    for sa in each_taken(peer):
        sa.auth()
        sa.must_be_established(requirement)
        sa.must_be_up(requirement)
        sa.delete()


@purpose(
    "init-each-group", "RFC7296-2.14-1", "RFC7296-3.4-1", "RFC7296-2.14-4", role="responder",
    connection=usual(proposals=each(KE)),
)  # fmt: skip
def test_each_group(peer: Peer) -> None:
    """Both sides come to the same secret with each key exchange method that the device takes."""
    _works(peer, "RFC7296-2.14-1")


@purpose(
    "init-each-cipher", "RFC7296-2.14-2", "RFC7296-2.14-6", "RFC7296-3.14-7", "RFC7296-2.13-6", role="responder",
    connection=usual(proposals=each(ENCR)),
)  # fmt: skip
def test_each_cipher(peer: Peer) -> None:
    """Both sides read each other with each cipher that the device takes for IKE, and each length of its key."""
    _works(peer, "RFC7296-2.14-2")


@purpose(
    "init-each-integrity", "RFC7296-2.14-2", "RFC7296-3.14-10", "RFC7296-2.13-3", role="responder",
    connection=usual(proposals=each(INTEG)),
)  # fmt: skip
def test_each_integrity(peer: Peer) -> None:
    """Both sides find each other's messages whole with each integrity algorithm that the device takes for IKE."""
    _works(peer, "RFC7296-3.14-10")
