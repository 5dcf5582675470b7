"""Which signatures and keys are used, and which are not any more (RFC 8247, section 3; RFC 7427; RFC 8420)."""

from collections.abc import Callable
from functools import lru_cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from conformance.crypto.errors import CryptoError
from conformance.crypto.modp import modp_group
from conformance.crypto.pki import Key, Leaf
from conformance.crypto.sigalg import Scheme, SignatureAlgorithm, encode_algorithm
from conformance.crypto.sign import signature_algorithm
from conformance.ike.core.connection import Party, PublicKey
from conformance.ike.core.signatures import hashes as announced
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Unexpected
from conformance.wire import AUTH, AuthMethod, ExchangeType, HashAlgorithm, KeMethod, Message, NotifyType
from peers.capabilities import Capability
from suites.certificates.long_keys import long_key
from suites.certificates.roles import TOLD, AsResponder, accepted, in_both, of_responder
from suites.connections import Setup, certificates
from suites.dut import Dut
from suites.ike_auth.refusal import answer_of, is_taken_by
from suites.ike_auth.steps import (
    announcing,
    in_our_name,
    must_be_accepted_by,
    must_succeed,
    ourselves,
    pss,
    trusted,
)
from suites.purpose import purpose

_RSA, _PSS, _EC, _ED = certificates("rsa"), pss(), certificates("ecdsa"), certificates("ed25519")
_NO_SHA1 = ("RFC8247-3.2-1", "RFC8247-3.2-9")


def under(algorithm: SignatureAlgorithm, signature: bytes) -> bytes:
    """The data of AUTH: the name of the algorithm and the signature."""
    name = encode_algorithm(algorithm)
    return bytes((len(name),)) + name + signature


# --- what the device says and signs -----------------------------------------------------------------------------------


Look = Callable[[Peer, Message], None]
"""What must be right in a message of the device."""


def shown_by_device(
    identifier: str, *requirements: str, connection: Setup, opening: bool = False
) -> Callable[[Look], AsResponder]:
    """An ordinary handshake, in either role, and what is looked at in the device's IKE_AUTH, or the ``opening``."""

    def responder(peer: Peer, look: Look) -> None:
        sa = peer.sa()
        first = sa.init()
        look(peer, first if opening else answer_of(peer, sa))
        if not opening:
            must_succeed(peer, sa)

    def initiator(peer: Peer, dut: Dut, look: Look) -> None:
        dut.initiate()
        first = peer.expect_init()
        if opening:
            look(peer, first.message)
        sa = peer.respond_init(first)
        request = sa.expect_request(ExchangeType.IKE_AUTH)
        if not opening:
            look(peer, request.message)
        sa.answer(request)
        must_be_accepted_by(sa)

    def register(look: Look) -> AsResponder:
        needs = (Capability.RFC7427,)
        return in_both(
            look,
            purpose(identifier, *requirements, role="responder", ordinary=True, connection=connection, needs=needs),
            purpose(of_responder(identifier), *requirements, role="initiator", connection=connection, needs=needs),
            lambda peer: responder(peer, look),
            lambda peer, dut: initiator(peer, dut, look),
        )

    return register


@shown_by_device("cert-hashes", "RFC8247-3.2-1", connection=_EC, opening=True)
def test_hashes(peer: Peer, opening: Message) -> None:
    """The device does not announce SHA-1 for signatures."""
    found = announced(opening)
    peer.check(HashAlgorithm.SHA1 not in found, "no SHA-1 among the hashes", [one.name for one in found])


@shown_by_device("cert-hashes-identity", "RFC8420-3-2", "RFC8420-2-1", connection=_ED, opening=True)
def test_identity(peer: Peer, opening: Message) -> None:
    """A device that is to verify Ed25519 announces the Identity hash, or nobody can sign for it."""
    found = announced(opening)
    peer.check(HashAlgorithm.IDENTITY in found, "Identity (5) among the hashes", [one.name for one in found])


def preferred(peer: Peer, message: Message) -> None:
    """The AlgorithmIdentifier of the device's signature has the form that its specification prefers."""
    proof = peer.expect(message, AUTH)
    peer.check(proof.method == AuthMethod.DIGITAL_SIGNATURE, "Digital Signature (14)", proof.method)
    name = proof.data[1 : 1 + proof.data[0]]
    try:
        wanted = encode_algorithm(signature_algorithm(proof.data))
    except CryptoError as error:
        raise Unexpected("an AlgorithmIdentifier", str(error), "RFC7427-3-4") from None
    peer.check(name == wanted, wanted.hex(), name.hex(), "RFC7427-3-4")


@shown_by_device("cert-signature-form", "RFC7427-3-4", connection=_RSA)
def test_form(peer: Peer, message: Message) -> None:
    """The AlgorithmIdentifier of the device's RSA signature has the form that is preferred: parameters are NULL."""
    preferred(peer, message)


@shown_by_device("cert-signature-ecdsa-form", "RFC7427-3-4", connection=_EC)
def test_ecdsa_form(peer: Peer, message: Message) -> None:
    """The AlgorithmIdentifier of the device's ECDSA signature has the form that is preferred: no parameters."""
    preferred(peer, message)


def no_sha1_in(peer: Peer, message: Message) -> None:
    """Whatever the device signs with, it is not SHA-1 under the method Digital Signature."""
    proof = message.first(AUTH)
    if proof is None or proof.method != AuthMethod.DIGITAL_SIGNATURE:
        peer.note("no signature of RFC 7427")
        return
    found = signature_algorithm(proof.data)
    peer.check(found.hash != HashAlgorithm.SHA1, "no signature with SHA-1", found, "RFC8247-3.2-1")


@purpose("cert-hashes-sha1-only", *_NO_SHA1, role="responder", connection=_RSA, needs=(Capability.RFC7427,))
def test_sha1_only(peer: Peer) -> None:
    """We announce SHA-1 alone: the device signs by an older method, or not at all."""
    sa = peer.sa()
    sa.init(announcing(HashAlgorithm.SHA1))
    no_sha1_in(peer, answer_of(peer, sa))


@purpose("cert-responder-hashes-sha1-only", *_NO_SHA1, role="initiator", connection=_RSA, needs=(Capability.RFC7427,))
def test_sha1_only_of_responder(peer: Peer, dut: Dut) -> None:
    """Our IKE_SA_INIT response announces SHA-1 alone: the device signs by an older method, or gives up."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init(), announcing(HashAlgorithm.SHA1))

    def asked() -> list[Message]:
        return [one.message for one in peer.inbox if one.sa is sa and one.message.exchange == ExchangeType.IKE_AUTH]

    dut.watch(sa.spi_i, asked)
    for message in asked():
        no_sha1_in(peer, message)


# --- keys -----------------------------------------------------------------------------------------------------------


def of_size(peer: Peer, bits: int) -> Leaf:
    """Our certificate by the authority that the device trusts, with an RSA key of this size."""
    return in_our_name(peer, trusted(peer), key=long_key(bits))


@accepted("cert-key-rsa-3072", "RFC8247-3.1.1-2", connection=_RSA)
def test_rsa_3072(peer: Peer) -> Leaf:
    """Our certificate has an RSA key of 3072 bits."""
    return of_size(peer, 3072)


@accepted("cert-key-rsa-4096", "RFC8247-3.1.1-2", connection=_RSA)
def test_rsa_4096(peer: Peer) -> Leaf:
    """Our certificate has an RSA key of 4096 bits."""
    return of_size(peer, 4096)


Sign = Callable[[bytes], AUTH]
Make = Callable[[Peer], tuple[Leaf | None, Sign | None]]
"""Our certificate with its key, None: the usual one, and what signs where that is nothing ordinary."""


def not_used(identifier: str, *requirements: str, connection: Setup = _RSA) -> Callable[[Make], AsResponder]:
    """The device must or should not take our key or signature, in either role. Who takes it lets in nobody else."""

    def responder(peer: Peer, make: Make) -> None:
        party, sign = shown(peer, make)
        sa = peer.sa(local=party)
        sa.init()
        answer = answer_of(peer, sa, signed(sa, sign))
        peer.check(answer.first(AUTH) is None, "a refusal", "AUTH of the device", requirements[0])
        peer.expect_notify(answer, NotifyType.AUTHENTICATION_FAILED, TOLD)

    def initiator(peer: Peer, dut: Dut, make: Make) -> None:
        party, sign = shown(peer, make)
        dut.initiate()
        sa = peer.respond_init(peer.expect_init(), local=party)
        sa.answer(sa.expect_request(ExchangeType.IKE_AUTH), bend=signed(sa, sign))
        peer.check(not is_taken_by(dut, peer, sa), "a refusal", "an IKE SA that is up", requirements[0])

    def register(make: Make) -> AsResponder:
        return in_both(
            make,
            purpose(identifier, *requirements, TOLD, role="responder", connection=connection),
            purpose(of_responder(identifier), *requirements, role="initiator", connection=connection),
            lambda peer: responder(peer, make),
            lambda peer, dut: initiator(peer, dut, make),
        )

    return register


def shown(peer: Peer, make: Make) -> tuple[Party, Sign | None]:
    """Us with another certificate, and what signs in place of our key."""
    made, sign = make(peer)
    if made is None:
        return peer.connection.local, sign
    return (ourselves(peer, chain=made.chain) if sign else ourselves(peer, chain=made.chain, key=made.key)), sign


def signed(sa: ScriptedSa, sign: Sign | None) -> Bend | None:
    """Our AUTH payload by this."""
    if sign is None:
        return None
    return bend.replace(AUTH, lambda _: sign(sa.signed_octets(sa.own_identity())), "another signature")


@not_used("cert-key-rsa-1024", "RFC8247-3.1.1-4")
def test_rsa_1024(peer: Peer) -> tuple[Leaf | None, Sign | None]:
    """Our certificate has an RSA key of 1024 bits."""
    return in_our_name(peer, trusted(peer), key=_short_key()), None


@lru_cache(maxsize=1)
def _short_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 1024)


@not_used("cert-key-dsa", "RFC8247-3.1-3")
def test_dsa(peer: Peer) -> tuple[Leaf | None, Sign | None]:
    """Our certificate has a DSA key, and we sign with it by the method DSS Digital Signature (3)."""
    group = modp_group(KeMethod.MODP_1024_160)
    assert group.q is not None
    secret = int.from_bytes(peer.random(19), "big") | 1
    numbers = dsa.DSAPublicNumbers(pow(group.g, secret, group.p), dsa.DSAParameterNumbers(group.p, group.q, group.g))
    key = dsa.DSAPrivateNumbers(secret, numbers).private_key()

    def sign(octets: bytes) -> AUTH:
        r, s = decode_dss_signature(key.sign(octets, hashes.SHA1()))
        return AUTH(AuthMethod.DSS_SIGNATURE, r.to_bytes(20, "big") + s.to_bytes(20, "big"))

    return in_our_name(peer, trusted(peer), key=key), sign


# --- SHA-1 ----------------------------------------------------------------------------------------------------------


Forge = Callable[[Key, bytes], bytes]


def not_signed(identifier: str, *requirements: str, connection: Setup) -> Callable[[Forge], AsResponder]:
    """The device must not take this right signature of ours: from our private key and the octets, the data of AUTH."""

    def register(forge: Forge) -> AsResponder:
        def make(peer: Peer) -> tuple[Leaf | None, Sign | None]:
            auth = peer.connection.local.auth
            assert isinstance(auth, PublicKey) and auth.key is not None
            key: Key = auth.key  # type: ignore[assignment]
            return None, lambda octets: AUTH(AuthMethod.DIGITAL_SIGNATURE, forge(key, octets))

        make.__name__, make.__doc__, make.__module__ = forge.__name__, forge.__doc__, forge.__module__
        return not_used(identifier, *requirements, connection=connection)(make)

    return register


@not_signed("cert-signature-sha1", *_NO_SHA1, connection=_RSA)
def test_sha1(key: Key, octets: bytes) -> bytes:
    """A signature that is right, under the name of sha1WithRSAEncryption."""
    assert isinstance(key, rsa.RSAPrivateKey)
    made = key.sign(octets, padding.PKCS1v15(), hashes.SHA1())
    return under(SignatureAlgorithm(Scheme.RSA, HashAlgorithm.SHA1), made)


@not_signed("cert-signature-ecdsa-sha1", *_NO_SHA1, connection=_EC)
def test_ecdsa_sha1(key: Key, octets: bytes) -> bytes:
    """A signature that is right, under the name of ecdsa-with-sha1."""
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return under(SignatureAlgorithm(Scheme.ECDSA, HashAlgorithm.SHA1), key.sign(octets, ec.ECDSA(hashes.SHA1())))


@not_signed("cert-signature-pss-sha1", "RFC8247-3.2-10", "RFC8247-3.2-1", connection=_PSS)
def test_pss_sha1(key: Key, octets: bytes) -> bytes:
    """A signature that is right, under the name of RSASSA-PSS with empty parameters, which mean SHA-1."""
    assert isinstance(key, rsa.RSAPrivateKey)
    scheme = padding.PSS(padding.MGF1(hashes.SHA1()), 20)
    algorithm = SignatureAlgorithm(Scheme.PSS, HashAlgorithm.SHA1, HashAlgorithm.SHA1, 20)
    return under(algorithm, key.sign(octets, scheme, hashes.SHA1()))
