"""The algorithms that RFC 8247 wants everywhere: each purpose completes a handshake with one suite.

A device that does not take an algorithm, as it is configured, is not judged for it.
"""

from functools import partial

from conformance import wire
from conformance.ike.core.proposals import groups
from conformance.script.peer import Peer
from conformance.script.verdict import Unexpected
from conformance.wire import SA, Encr, ExchangeType, KeMethod, Transform
from suites.choices import ENCR, INTEG, KE, PRF, aead, each, including
from suites.connections import usual
from suites.dut import Dut
from suites.ike_sa_init.steps import (
    ask_for_group,
    each_taken,
    group_of,
    handshake,
    is_encr,
    offer_only,
    our_groups,
    refused,
    those_with,
)
from suites.purpose import purpose

MODP = ("RFC3526-3-1", "RFC3526-4-1", "RFC3526-5-1", "RFC3526-6-1", "RFC3526-7-1")
ECP = ("RFC5903-7-1", "RFC5903-7-2", "RFC5903-7-3", "RFC5903-3.1-1", "RFC5903-3.2-1", "RFC5903-3.3-1")
CURVES = ("RFC8031-2-2", "RFC8031-3-1", "RFC8031-3.1-1")


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
    "init-each-group", "RFC7296-2.14-1", "RFC7296-3.4-1", "RFC7296-2.14-4", *MODP, *ECP, *CURVES, "RFC5114-2-1",
    role="responder", connection=usual(proposals=each(KE)),
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


@purpose(
    "init-each-prf", "RFC7296-2.13-3", "RFC7296-2.14-2", "RFC7296-2.15-1", role="responder",
    connection=usual(proposals=each(PRF)),
)  # fmt: skip
def test_each_prf(peer: Peer) -> None:
    """Both sides come to the same keys and proofs with each PRF, of another hash than the integrity algorithm, too."""
    _works(peer, "RFC7296-2.14-2")


@purpose("init-implicit-iv", "RFC8750-7-2", role="responder", connection=usual(proposals=aead))
def test_implicit_iv(peer: Peer) -> None:
    """Ciphers whose IV is the number of an ESP packet are offered for IKE, which has no such: none is chosen."""
    text = peer.connection.proposals[0]
    for kind in (Encr.AES_GCM_16_IIV, Encr.AES_CCM_8_IIV, Encr.CHACHA20_POLY1305_IIV):
        bits = None if kind == Encr.CHACHA20_POLY1305_IIV else 256
        other = Transform.of(kind, bits)
        refused(peer, offer_only(text, partial(put, other), why=kind.name), "RFC8750-7-2")


def put(other: Transform, one: Transform) -> Transform:
    """This cipher in place of a cipher."""
    return other if is_encr(one) else one


SIZES = {
    KeMethod.ECP_256: 64,
    KeMethod.ECP_384: 96,
    KeMethod.ECP_521: 132,
    KeMethod.CURVE25519: 32,
    KeMethod.CURVE448: 56,
    KeMethod.MODP_2048: 256,
    KeMethod.MODP_3072: 384,
    KeMethod.MODP_4096: 512,
    KeMethod.MODP_6144: 768,
    KeMethod.MODP_8192: 1024,
    KeMethod.MODP_2048_224: 256,
    KeMethod.MODP_2048_256: 256,
}
"""Octets of Key Exchange Data."""


def _each_asked(peer: Peer, dut: Dut, size: str, secret: str) -> None:
    """The device is told to use one of its groups after the other: its public value has the right size each time.

    With the last one it opens the IKE SA.
    """
    dut.initiate()
    request = peer.expect_init()
    wanted = [one for one in groups(peer.expect(request.message, SA).proposals) if one in our_groups(peer)]
    for group in wanted:
        if group_of(request) != group:
            peer.refuse_init(request, ask_for_group(group))
            request = peer.expect_init()
        found = peer.expect(request.message, wire.KE)
        right = found.method == group and len(found.data) == SIZES[group]
        peer.check(right, f"{SIZES[group]} octets of {group.name}", f"{len(found.data)} of {found.method}", size)
    sa = peer.respond_init(request, proposals=those_with(peer, wanted[-1]))
    try:
        sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    except Unexpected as missing:
        raise Unexpected(missing.expected, missing.got, secret) from None
    sa.must_be_established(secret)


@purpose("init-modp-initiator", *MODP, role="initiator", connection=usual(proposals=including(
    "modp2048-modp3072-modp4096-modp6144-modp8192")))  # fmt: skip
def test_modp_initiator(peer: Peer, dut: Dut) -> None:
    """An initiator with a MODP group comes to the same secret as we."""
    _each_asked(peer, dut, "RFC3526-3-1", "RFC3526-3-1")


@purpose("init-ecp-initiator", *ECP, role="initiator", connection=usual(proposals=including("ecp256-ecp384-ecp521")))
def test_ecp_initiator(peer: Peer, dut: Dut) -> None:
    """An initiator with an elliptic curve sends x and y, and comes to the same secret as we, which is x."""
    _each_asked(peer, dut, "RFC5903-7-2", "RFC5903-7-3")


@purpose("init-curve-initiator", "RFC8031-2-1", *CURVES, role="initiator", connection=usual(proposals=including(
    "x25519-x448")))  # fmt: skip
def test_curve_initiator(peer: Peer, dut: Dut) -> None:
    """An initiator with Curve25519 or Curve448 sends 32 or 56 octets, and comes to the same secret as we."""
    _each_asked(peer, dut, "RFC8031-3.1-1", "RFC8031-2-2")


@purpose("init-subgroup-initiator", "RFC5114-2-1", role="initiator", connection=usual(proposals=including(
    "modp2048s256-modp2048s224")))  # fmt: skip
def test_subgroup_initiator(peer: Peer, dut: Dut) -> None:
    """An initiator with one of the groups 23 and 24 comes to the same secret as we."""
    _each_asked(peer, dut, "RFC5114-2-1", "RFC5114-2-1")
