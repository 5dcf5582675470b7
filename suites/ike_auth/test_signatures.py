"""Signatures of both peers: RSA, ECDSA, Ed25519, and how RFC 7427 names them."""

from conformance.crypto.pki import new_key
from conformance.crypto.sigalg import Scheme, SignatureAlgorithm
from conformance.crypto.sign import sign, signature_algorithm
from conformance.ike.core.connection import PublicKey
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.verdict import Unexpected
from conformance.wire import AUTH, AuthMethod, ExchangeType, HashAlgorithm, Message, NotifyType
from peers.capabilities import Capability
from suites.connections import certificates
from suites.dut import Dut
from suites.ike_auth.refusal import answer_of, must_be_refused
from suites.ike_auth.steps import (
    announcing,
    mixed,
    must_be_accepted_by,
    must_succeed,
    ourselves,
    pss,
    with_pss,
    without_notify,
)
from suites.purpose import purpose

_SHA2 = (HashAlgorithm.SHA2_256, HashAlgorithm.SHA2_384, HashAlgorithm.SHA2_512)
_ED25519, _ED448 = bytes.fromhex("300506032b6570"), bytes.fromhex("300506032b6571")


def algorithm(peer: Peer, answer: Message) -> SignatureAlgorithm:
    """The algorithm of the device's signature, which must be one of RFC 7427."""
    proof = peer.expect(answer, AUTH)
    method = AuthMethod(proof.method)
    peer.check(method == AuthMethod.DIGITAL_SIGNATURE, "Digital Signature (14)", method.name, "RFC7427-3-7")
    return signature_algorithm(proof.data)


def digital_signature(peer: Peer, *schemes: Scheme) -> None:
    """Both announce hashes, both sign; the device's signature is one of ``schemes`` with an announced hash."""
    sa = peer.sa()
    sa.init()
    answer = sa.auth()
    must_succeed(peer, sa)
    found = algorithm(peer, answer)
    peer.check(found.scheme in schemes, " or ".join(one.value for one in schemes), found)
    allowed = _SHA2 if found.scheme not in (Scheme.ED25519, Scheme.ED448) else (HashAlgorithm.IDENTITY,)
    peer.check(found.hash in allowed, "a hash that we announced", found, "RFC7427-4-2")


@purpose(
    "auth-rsa", "RFC7427-3-2", "RFC7427-3-3", "RFC7427-3-5", "RFC7427-3-7", "RFC7427-4-2", "RFC8247-3.1-5",
    "RFC8247-3.2-2", "RFC8247-3.1.1-1",
    role="responder", ordinary=True, needs=(Capability.RFC7427,), connection=certificates("rsa"),
)  # fmt: skip
def test_rsa(peer: Peer) -> None:
    """Both sides sign with RSA keys under the method Digital Signature, by RSASSA-PSS or by PKCS #1 v1.5."""
    digital_signature(peer, Scheme.RSA, Scheme.PSS)


@purpose(
    "auth-rsa-pss", "RFC7427-3-2", "RFC7427-3-3", "RFC7427-3-7", "RFC8247-3.2-5", "RFC8247-3.2-7", role="responder",
    ordinary=True,
    needs=(Capability.RFC7427,), connection=pss(),
)  # fmt: skip
def test_rsa_pss(peer: Peer) -> None:
    """Both sides sign with RSASSA-PSS; hash, mask and salt stand in the AlgorithmIdentifier."""
    digital_signature(peer, Scheme.PSS)


@purpose(
    "auth-rsa-pss-accepted", "RFC7427-3-3", "RFC7427-4-3", role="responder",
    needs=(Capability.RFC7427, Capability.RSA_PSS), connection=certificates("rsa"),
)  # fmt: skip
def test_rsa_pss_accepted(peer: Peer) -> None:
    """We sign with RSASSA-PSS where the device uses what it likes: the two directions are independent."""
    sa = peer.sa(local=with_pss(peer.connection.local))
    sa.init()
    sa.auth()
    must_succeed(peer, sa, "RFC7427-3-3")


@purpose(
    "auth-ecdsa", "RFC7427-3-2", "RFC7427-3-3", "RFC7427-3-7", "RFC7427-4-2", "RFC8247-3.2-8", role="responder",
    ordinary=True,
    needs=(Capability.RFC7427,), connection=certificates("ecdsa"),
)  # fmt: skip
def test_ecdsa(peer: Peer) -> None:
    """Both sides sign with ECDSA on P-256 under the method Digital Signature."""
    digital_signature(peer, Scheme.ECDSA)


@purpose(
    "auth-ecdsa-384", "RFC7427-3-2", "RFC7427-3-3", "RFC7427-3-7", "RFC7427-3-8", role="responder", ordinary=True,
    needs=(Capability.RFC7427,), connection=certificates("ecdsa384"),
)  # fmt: skip
def test_ecdsa_384(peer: Peer) -> None:
    """Both sides sign with ECDSA on P-384 under the method Digital Signature."""
    digital_signature(peer, Scheme.ECDSA)


@purpose(
    "auth-ecdsa-521", "RFC7427-3-2", "RFC7427-3-3", "RFC7427-3-7", "RFC7427-3-8", role="responder", ordinary=True,
    needs=(Capability.RFC7427,), connection=certificates("ecdsa521"),
)  # fmt: skip
def test_ecdsa_521(peer: Peer) -> None:
    """Both sides sign with ECDSA on P-521 under the method Digital Signature."""
    digital_signature(peer, Scheme.ECDSA)


@purpose(
    "auth-ed448", "RFC8420-A.2-1", "RFC7427-3-2", "RFC8420-2-3", "RFC8420-2-1", role="responder", ordinary=True,
    needs=(Capability.RFC7427,), connection=certificates("ed448"),
)  # fmt: skip
def test_ed448(peer: Peer) -> None:
    """Both sides sign with Ed448, whose AlgorithmIdentifier has no parameters."""
    digital_signature(peer, Scheme.ED448)
    must_be_named(peer, _ED448, "RFC8420-A.2-1")


@purpose(
    "auth-ed25519", "RFC8420-A.1-1", "RFC7427-3-2", "RFC7427-3-7", "RFC8420-2-1", "RFC8420-2-3", role="responder",
    ordinary=True,
    needs=(Capability.RFC7427,), connection=certificates("ed25519"),
)  # fmt: skip
def test_ed25519(peer: Peer) -> None:
    """Both sides sign with Ed25519, whose AlgorithmIdentifier has no parameters."""
    digital_signature(peer, Scheme.ED25519)
    must_be_named(peer, _ED25519, "RFC8420-A.1-1")


def must_be_named(peer: Peer, name: bytes, requirement: str) -> None:
    """The AlgorithmIdentifier of the device's signature has these octets."""
    proof = next(one.message for one in reversed(peer.inbox) if one.message.first(AUTH)).first(AUTH)
    assert proof is not None
    peer.check(proof.data[1 : 1 + proof.data[0]] == name, name.hex(), proof.data[:9].hex(), requirement)


@purpose(
    "auth-ed25519-unannounced", "RFC8420-2-2", "RFC7427-4-2", role="responder",
    needs=(Capability.RFC7427,), connection=certificates("ed25519"),
)  # fmt: skip
def test_ed25519_unannounced(peer: Peer) -> None:
    """A device with an Ed25519 key does not sign for a peer that did not announce the Identity hash."""
    sa = peer.sa()
    sa.init(announcing(*_SHA2))
    answer = answer_of(peer, sa)
    peer.check(answer.first(AUTH) is None, "no Ed25519 signature", answer)
    peer.expect_notify(answer, NotifyType.AUTHENTICATION_FAILED, "RFC7296-2.21.2-1")


@purpose(
    "auth-signature-hash-list", "RFC7427-3-6", "RFC7427-4-2", "RFC7427-4-1", "RFC7427-4-5", "RFC7427-4-4",
    "RFC8247-3.2-4", role="responder",
    needs=(Capability.RFC7427,), connection=certificates("rsa"),
)  # fmt: skip
def test_hash_list(peer: Peer) -> None:
    """The device signs with a hash that we announce: we name one only, each time another one."""
    for digest in _SHA2:
        sa = peer.sa()
        sa.init(announcing(digest))
        answer = answer_of(peer, sa)
        if answer.first(AUTH) is None and digest != HashAlgorithm.SHA2_256:
            peer.expect_notify(answer, NotifyType.AUTHENTICATION_FAILED, "RFC7296-2.21.2-1")
            continue
        found = algorithm(peer, answer)
        peer.check(found.hash == digest, f"a signature with {digest.name}", found)
        must_succeed(peer, sa)


@purpose(
    "auth-rsa-classic",
    "RFC8247-3.1-1",
    "RFC7427-3-1",
    "RFC7296-3.8-1",
    "RFC7296-3.8-3",
    role="responder",
    connection=mixed(our_certificate=False, kind="rsa"),
)
def test_rsa_classic(peer: Peer) -> None:
    """Without N(SIGNATURE_HASH_ALGORITHMS) from us an RSA key signs with method 1; we use a shared key."""
    sa = peer.sa()
    sa.init(without_notify(NotifyType.SIGNATURE_HASH_ALGORITHMS))
    answer = sa.auth()
    method = AuthMethod(peer.expect(answer, AUTH, "RFC8247-3.1-1").method)
    broken = "RFC7427-3-1" if method == AuthMethod.DIGITAL_SIGNATURE else "RFC8247-3.1-1"
    peer.check(method == AuthMethod.RSA_SIGNATURE, "RSA Digital Signature (1)", method.name, broken)
    must_succeed(peer, sa, "RFC7296-3.8-1")


@purpose("auth-rsa-sha1", "RFC7296-3.8-2", role="responder", connection=certificates("rsa"))
def test_rsa_sha1(peer: Peer) -> None:
    """Method 1 with SHA-1 is accepted, its default: a device should still do so."""
    sa = peer.sa(local=ourselves(peer, method=AuthMethod.RSA_SIGNATURE))
    sa.init(without_notify(NotifyType.SIGNATURE_HASH_ALGORITHMS))
    answer = sa.auth()
    peer.expect(answer, AUTH, "RFC7296-3.8-2")
    must_succeed(peer, sa, "RFC7296-3.8-2")


@purpose(
    "auth-ecdsa-classic", "RFC4754-7-1", "RFC4754-7-2", "RFC4754-8-1", "RFC4754-4-1", "RFC7427-3-1", "RFC8247-3.1-4",
    role="responder", ordinary=True, connection=certificates("ecdsa"),
)  # fmt: skip
def test_ecdsa_classic(peer: Peer) -> None:
    """Without announced hashes a P-256 key signs with method 9: r and s, 32 octets each."""
    sa = peer.sa(local=ourselves(peer, method=AuthMethod.ECDSA_256))
    sa.init(without_notify(NotifyType.SIGNATURE_HASH_ALGORITHMS))
    proof = peer.expect(sa.auth(), AUTH, "RFC8247-3.1-4")
    method = AuthMethod(proof.method)
    peer.check(method == AuthMethod.ECDSA_256, "ECDSA-256 (9)", method.name, "RFC7427-3-1")
    peer.check(len(proof.data) == 64, "64 octets of r and s", f"{len(proof.data)} octets", "RFC4754-7-2")
    must_succeed(peer, sa, "RFC4754-7-1")


def classic_curve(peer: Peer, method: AuthMethod, octets: int) -> None:
    """Without announced hashes the device's key signs with this method: r and s, as long as the curve is."""
    sa = peer.sa(local=ourselves(peer, method=method))
    sa.init(without_notify(NotifyType.SIGNATURE_HASH_ALGORITHMS))
    proof = peer.expect(sa.auth(), AUTH, "RFC8247-3.1-4")
    peer.check(proof.method == method, f"{method.name} ({int(method)})", AuthMethod(proof.method).name, "RFC7427-3-1")
    peer.check(len(proof.data) == octets, f"{octets} octets of r and s", f"{len(proof.data)} octets", "RFC4754-7-2")
    must_succeed(peer, sa, "RFC4754-7-1")


@purpose(
    "auth-ecdsa-384-classic", "RFC4754-7-1", "RFC4754-7-2", "RFC4754-4-1", "RFC7427-3-1", "RFC8247-3.1-4",
    role="responder", ordinary=True, connection=certificates("ecdsa384"),
)  # fmt: skip
def test_ecdsa_384_classic(peer: Peer) -> None:
    """Without announced hashes a P-384 key signs with method 10: r and s, 48 octets each."""
    classic_curve(peer, AuthMethod.ECDSA_384, 96)


@purpose(
    "auth-ecdsa-521-classic", "RFC4754-7-1", "RFC4754-7-2", "RFC4754-4-1", "RFC7427-3-1", "RFC8247-3.1-4",
    role="responder", ordinary=True, connection=certificates("ecdsa521"),
)  # fmt: skip
def test_ecdsa_521_classic(peer: Peer) -> None:
    """Without announced hashes a P-521 key signs with method 11: r and s, 66 octets each."""
    classic_curve(peer, AuthMethod.ECDSA_521, 132)


@purpose(
    "auth-signature-wrong", "RFC7296-1.2-11", "RFC7296-1.2-18", "RFC7296-2.21.2-1", role="responder",
    connection=certificates("rsa"),
)  # fmt: skip
def test_wrong(peer: Peer) -> None:
    """A signature with one wrong bit authenticates nobody."""
    sa = peer.sa()
    sa.init()
    wrong = bend.replace(AUTH, lambda one: AUTH(one.method, one.data[:-1] + bytes((one.data[-1] ^ 1,))), "bit flipped")
    must_be_refused(peer, sa, wrong)


@purpose(
    "auth-signature-other-hash", "RFC7427-3-3", "RFC7296-1.2-11", role="responder", needs=(Capability.RFC7427,),
    connection=certificates("rsa"),
)  # fmt: skip
def test_other_hash(peer: Peer) -> None:
    """The AlgorithmIdentifier decides: a signature with SHA-256 under the name of SHA-384 is wrong."""
    sa = peer.sa()
    sa.init()
    auth = peer.connection.local.auth
    assert isinstance(auth, PublicKey) and auth.key is not None
    octets = sa.signed_octets(sa.own_identity())
    made = [
        sign(auth.key, AuthMethod.DIGITAL_SIGNATURE, octets, hash=one)
        for one in (HashAlgorithm.SHA2_384, HashAlgorithm.SHA2_256)
    ]
    name, value = made[0][: 1 + made[0][0]], made[1][1 + made[1][0] :]
    must_be_refused(peer, sa, bend.change(AUTH, data=name + value, text="SHA-256 under the name of SHA-384"))


@purpose(
    "auth-signature-identifier", "RFC7427-3-2", "RFC7296-1.2-11", "RFC7296-2.21.2-1", role="responder",
    needs=(Capability.RFC7427,), connection=certificates("rsa"),
)  # fmt: skip
def test_identifier(peer: Peer) -> None:
    """A broken AlgorithmIdentifier is refused: one that goes beyond the end, no DER, an unknown algorithm, nothing.

    The signature behind it is right each time.
    """

    def lengths(one: AUTH, length: int) -> AUTH:
        return AUTH(one.method, bytes((length,)) + one.data[1:])

    def inside(one: AUTH, identifier: bytes) -> AUTH:
        return AUTH(one.method, bytes((len(identifier),)) + identifier + one.data[1 + one.data[0] :])

    for text, change in (
        ("length 255", lambda one: lengths(one, 255)),
        ("no DER", lambda one: inside(one, b"\xff" * 15)),
        ("inner length beyond the end", lambda one: inside(one, bytes.fromhex("307f06092a864886f70d01010b0500"))),
        ("unknown OID", lambda one: inside(one, bytes.fromhex("300b06092a864886f70d01017f"))),
        ("no data at all", lambda one: AUTH(one.method, b"")),
    ):
        sa = peer.sa()
        sa.init()
        must_be_refused(peer, sa, bend.replace(AUTH, change, f"AlgorithmIdentifier: {text}"))


@purpose(
    "auth-signature-zero", "RFC7296-1.2-11", "RFC7296-1.2-18", "RFC7296-2.21.2-1", role="responder",
    connection=certificates("ecdsa"),
)  # fmt: skip
def test_zero(peer: Peer) -> None:
    """An ECDSA signature of zeros fits every key where r and s are not checked: as DER, as 64 octets, and none."""
    name = bytes.fromhex("0c300a06082a8648ce3d040302")
    for method, data in (
        (AuthMethod.DIGITAL_SIGNATURE, name + bytes.fromhex("3006020100020100")),
        (AuthMethod.DIGITAL_SIGNATURE, name),
        (AuthMethod.ECDSA_256, bytes(64)),
        (AuthMethod.ECDSA_256, b""),
    ):
        sa = peer.sa()
        sa.init()
        must_be_refused(peer, sa, bend.change(AUTH, method=method, data=data))


# --- the device initiates ---------------------------------------------------------------------------------------------


@purpose(
    "auth-initiator-signature", "RFC7427-3-7", "RFC7427-3-2", "RFC7427-3-6", "RFC7427-4-2", role="initiator",
    needs=(Capability.RFC7427,), connection=certificates("rsa"),
)  # fmt: skip
def test_initiator_signature(peer: Peer, dut: Dut) -> None:
    """The device that initiates signs under method 14, with the one hash that our response announced.

    It may give up where it does not know that hash; with SHA2-256 it must go on.
    """
    for digest in (HashAlgorithm.SHA2_384, HashAlgorithm.SHA2_256):
        dut.initiate()
        sa = peer.respond_init(peer.expect_init(), announcing(digest))
        try:
            request = sa.expect_request(ExchangeType.IKE_AUTH)
        except Unexpected:
            if digest == HashAlgorithm.SHA2_256:
                raise
            peer.note(f"the device gives up where {digest.name} alone is announced")
            continue
        found = algorithm(peer, request.message)
        peer.check(found.hash == digest, f"a signature with {digest.name}", found, "RFC7427-3-6")
        sa.answer(request)
        must_be_accepted_by(sa)
        return


@purpose(
    "auth-initiator-classic",
    "RFC7427-3-1",
    "RFC7296-3.8-1",
    role="initiator",
    connection=mixed(our_certificate=False, kind="rsa"),
)
def test_initiator_classic(peer: Peer, dut: Dut) -> None:
    """Where our response announces no hashes, the device that initiates signs with method 1."""
    dut.initiate()
    silent = without_notify(NotifyType.SIGNATURE_HASH_ALGORITHMS)
    sa = peer.respond_init(peer.expect_init(), silent)
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    method = AuthMethod(peer.expect(request.message, AUTH).method)
    peer.check(method == AuthMethod.RSA_SIGNATURE, "RSA Digital Signature (1)", method.name, "RFC7427-3-1")
    sa.answer(request)
    must_be_accepted_by(sa)


@purpose(
    "auth-certificate-other-key", "RFC7296-1.2-11", "RFC7296-1.2-7", "RFC7296-2.21.2-1", role="responder",
    connection=certificates("ecdsa"),
)  # fmt: skip
def test_other_key(peer: Peer) -> None:
    """Our certificate in the hands of somebody who does not have its key is worth nothing."""
    sa = peer.sa(local=ourselves(peer, key=new_key("ecdsa")))
    sa.init()
    must_be_refused(peer, sa)
