"""Proofs that are right in themselves, by another method than the one for this peer (RFC 7296, section 2.15)."""

from dataclasses import replace

from conformance.ike.core.connection import Party, PublicKey
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from conformance.wire import AUTH, AuthMethod, ExchangeType, Notify, NotifyType
from suites.connections import certified, psk
from suites.dut import Dut
from suites.ike_auth.initiating import begun
from suites.ike_auth.refusal import must_be_refused, must_be_refused_by
from suites.ike_auth.steps import mixed, must_be_accepted_by, without_notify
from suites.ike_auth.test_initiator import refused_as
from suites.purpose import purpose

ENTRY = "RFC4301-4.4.3.4-1"
PROVED = (ENTRY, "RFC7296-1.2-11", "RFC7296-1.2-18")


def with_their_key(peer: Peer) -> Party:
    """We, with the shared key by which the device proves itself in place of our certificate."""
    return replace(peer.connection.local, auth=peer.connection.remote.auth)


def with_certificate(peer: Peer, dut: Dut) -> Party:
    """We, with a certificate that the device would trust if it wanted one. Raises NotApplicable."""
    if not isinstance(peer.connection.remote.auth, PublicKey) or not peer.connection.trust:
        raise NotApplicable("the device knows no authority")
    return replace(peer.connection.local, auth=certified(dut.pixit, "ecdsa")[0].auth)


@purpose("auth-mixed-key-for-certificate", *PROVED, role="responder", connection=mixed(our_certificate=True))
def test_key_for_certificate(peer: Peer) -> None:
    """The device proves itself by a shared key, and we are to have a certificate: that key does not prove us."""
    sa = peer.sa(local=with_their_key(peer))
    sa.init()
    must_be_refused(peer, sa)


@purpose("auth-mixed-certificate-for-key", *PROVED, role="responder", connection=mixed(our_certificate=False))
def test_certificate_for_key(peer: Peer, dut: Dut) -> None:
    """The device proves itself by a certificate, and we are to have a shared key: a certificate does not prove us.

    It is for our name, and of the authority that the device's own certificate is of.
    """
    sa = peer.sa(local=with_certificate(peer, dut))
    sa.init()
    must_be_refused(peer, sa)


@purpose("auth-mixed-responder-key-for-certificate", *PROVED, role="initiator", connection=mixed(our_certificate=True))
def test_responder_key_for_certificate(peer: Peer, dut: Dut) -> None:
    """The device initiates with a shared key, and wants a certificate of us: its own key does not prove us."""
    refused_as(peer, dut, with_their_key(peer))


@purpose("auth-mixed-responder-certificate-for-key", *PROVED, role="initiator", connection=mixed(our_certificate=False))
def test_responder_certificate_for_key(peer: Peer, dut: Dut) -> None:
    """The device initiates with a certificate, and wants a shared key of us: a certificate does not prove us."""
    refused_as(peer, dut, with_certificate(peer, dut))


@purpose("auth-responder-refuses", "RFC7296-1.2-18", "RFC7296-2.21.2-8", role="initiator", connection=psk())
def test_responder_refuses(peer: Peer, dut: Dut) -> None:
    """We answer N(AUTHENTICATION_FAILED) and go on as if nothing were wrong: the device has no IKE SA with us."""
    attempt = begun(peer, dut)
    attempt.sa.answer(attempt.request, Notify(NotifyType.AUTHENTICATION_FAILED))
    must_be_refused_by(dut, peer, attempt)


# --- keys on curves, of an initiator ----------------------------------------------------------------------------------

CURVES = ("RFC4754-7-1", "RFC4754-7-2", "RFC4754-8-1", "RFC4754-4-1", "RFC7427-3-1", "RFC8247-3.1-4")


def initiator_curve(peer: Peer, dut: Dut, method: AuthMethod, octets: int) -> None:
    """Where our response announces no hashes, the device that initiates signs with this method: r and s, padded."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init(), without_notify(NotifyType.SIGNATURE_HASH_ALGORITHMS))
    request = sa.expect_request(ExchangeType.IKE_AUTH, requirement="RFC8247-3.1-4")
    proof = peer.expect(request.message, AUTH, "RFC8247-3.1-4")
    peer.check(proof.method == method, f"{method.name} ({int(method)})", AuthMethod(proof.method).name, "RFC7427-3-1")
    peer.check(len(proof.data) == octets, f"{octets} octets of r and s", f"{len(proof.data)} octets", "RFC4754-7-2")
    sa.answer(request)
    must_be_accepted_by(sa, "RFC4754-7-1")


@purpose(
    "auth-initiator-ecdsa-classic", *CURVES, role="initiator", connection=mixed(our_certificate=False, kind="ecdsa")
)
def test_initiator_ecdsa_classic(peer: Peer, dut: Dut) -> None:
    """Without announced hashes the P-256 key of a device that initiates signs with method 9; we use a shared key."""
    initiator_curve(peer, dut, AuthMethod.ECDSA_256, 64)


@purpose(
    "auth-initiator-ecdsa-384-classic", *CURVES, role="initiator",
    connection=mixed(our_certificate=False, kind="ecdsa384"),
)  # fmt: skip
def test_initiator_ecdsa_384_classic(peer: Peer, dut: Dut) -> None:
    """Without announced hashes its P-384 key signs with method 10: r and s, 48 octets each."""
    initiator_curve(peer, dut, AuthMethod.ECDSA_384, 96)


@purpose(
    "auth-initiator-ecdsa-521-classic", *CURVES, role="initiator",
    connection=mixed(our_certificate=False, kind="ecdsa521"),
)  # fmt: skip
def test_initiator_ecdsa_521_classic(peer: Peer, dut: Dut) -> None:
    """Without announced hashes its P-521 key signs with method 11: r and s, 66 octets each."""
    initiator_curve(peer, dut, AuthMethod.ECDSA_521, 132)
