"""Certificates (RFC 7296, sections 1.2, 3.6 and 3.7)."""

from datetime import UTC, datetime
from typing import Any

from conformance.crypto.pki import Authority, Leaf, new_key
from conformance.crypto.x509 import CertificateError, load_certificate, matches_identity, validate_chain
from conformance.ike.core.connection import PublicKey
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.wire import CERT, CERTREQ, CertEncoding, Message
from suites.connections import certificates
from suites.ike_auth.refusal import must_be_refused
from suites.ike_auth.steps import (
    chained,
    in_our_name,
    mixed,
    mixed_keys,
    must_ask_for_certificates,
    must_succeed,
    ourselves,
    trusted,
)
from suites.purpose import purpose

_REFUSED = ("RFC7296-1.2-11", "RFC7296-1.2-18", "RFC7296-2.21.2-1")


def refused_with(peer: Peer, made: Leaf) -> None:
    """This certificate with its key and our usual identity is refused."""
    sa = peer.sa(local=ourselves(peer, chain=made.chain, key=made.key))
    sa.init()
    must_be_refused(peer, sa)


def ours(peer: Peer, issuer: Authority, **changes: Any) -> Leaf:
    """A certificate for our name, with a key of its own: a device may have the right one for our usual key already."""
    return in_our_name(peer, issuer, key=new_key("ecdsa"), **changes)


@purpose("auth-certificate-untrusted", *_REFUSED, role="responder", connection=certificates())
def test_untrusted(peer: Peer) -> None:
    """A certificate of an authority that the device does not know authenticates nobody."""
    refused_with(peer, ours(peer, Authority.create("a stranger")))


@purpose("auth-certificate-same-name", *_REFUSED, role="responder", connection=certificates())
def test_same_name(peer: Peer) -> None:
    """An authority that only has the name of the trusted one is another authority: the signature counts."""
    name = peer.connection.trust[0].subject.rfc4514_string()
    refused_with(peer, ours(peer, Authority.create(name, key=new_key("ecdsa"))))


@purpose("auth-certificate-brings-root", *_REFUSED, role="responder", connection=certificates())
def test_brings_root(peer: Peer) -> None:
    """A peer cannot bring the authority that it would like to be trusted by."""
    stranger = Authority.create("a stranger")
    made = ours(peer, stranger)
    refused_with(peer, Leaf(made.key, made.certificate, (made.certificate, stranger.certificate)))


@purpose("auth-certificate-expired", *_REFUSED, role="responder", connection=certificates())
def test_expired(peer: Peer) -> None:
    """A certificate that has expired authenticates nobody."""
    refused_with(peer, ours(peer, trusted(peer), not_after=datetime(2021, 1, 1, tzinfo=UTC)))


@purpose("auth-certificate-not-yet", *_REFUSED, role="responder", connection=certificates())
def test_not_yet(peer: Peer) -> None:
    """A certificate that is not valid yet authenticates nobody."""
    refused_with(peer, ours(peer, trusted(peer), not_before=datetime(2048, 1, 1, tzinfo=UTC)))


@purpose("auth-certificate-other-name", *_REFUSED, "RFC7296-2.15-7", role="responder", connection=certificates())
def test_other_name(peer: Peer) -> None:
    """A trusted certificate for another name does not make us who we say we are."""
    name = "stranger.ikespec.example"
    refused_with(peer, trusted(peer).issue(name, sans=[name]))


@purpose("auth-certificate-no-ca", *_REFUSED, role="responder", connection=certificates())
def test_no_ca(peer: Peer) -> None:
    """Whoever has an end-entity certificate cannot issue further ones.

    Ours is signed with the key of a certificate that a trusted authority issued, but not to a CA.
    """
    name = "ambitious.ikespec.example"
    user = trusted(peer).issue(name, sans=[name])
    refused_with(peer, ours(peer, Authority(name, user.key, user.certificate, user.chain)))


@purpose("auth-certificate-chain-broken", *_REFUSED, role="responder", canary=False, connection=chained(2))
def test_chain_broken(peer: Peer) -> None:
    """A chain without one of its intermediates leads to no trusted authority."""
    sa = peer.sa()
    sa.init()

    def first_only(message: list[Any]) -> list[Any]:
        found = [one for one in message if isinstance(one, CERT)]
        return [one for one in message if one not in found[1:]]

    must_be_refused(peer, sa, bend.order(first_only, "without the intermediate certificates"))


@purpose("auth-certificate-intermediate-expired", *_REFUSED, role="responder", connection=certificates())
def test_intermediate_expired(peer: Peer) -> None:
    """A chain is as good as its weakest link: here an intermediate has expired."""
    end = datetime(2021, 1, 1, tzinfo=UTC)
    refused_with(peer, ours(peer, Authority.create("an old intermediate", issuer=trusted(peer), not_after=end)))


@purpose("auth-certificates-any-order", "RFC7296-3.6-9", "RFC7296-3.6-6", role="responder", connection=chained(3))
def test_any_order(peer: Peer) -> None:
    """Four certificates; those after the first one come in reverse order."""
    sa = peer.sa()
    sa.init()

    def backwards(message: list[Any]) -> list[Any]:
        found = [one for one in message if isinstance(one, CERT)]
        at = message.index(found[0])
        others = [one for one in message if one not in found]
        return [*others[:at], found[0], *reversed(found[1:]), *others[at:]]

    sa.auth(bend.order(backwards, "intermediate certificates in reverse order"))
    must_succeed(peer, sa, "RFC7296-3.6-9")


def device_certificates(peer: Peer, answer: Message) -> None:
    """The device's first certificate is its own, and the others lead from there to the authority."""
    found = [load_certificate(one.data) for one in answer.all(CERT) if one.encoding == CertEncoding.X509_SIGNATURE]
    peer.check(found, "a certificate", answer, "RFC7296-3.6-1")
    name = peer.connection.remote.identity
    own = matches_identity(found[0], name.id_type, name.data)
    peer.check(own, f"the first certificate is that of {name}", found[0].subject.rfc4514_string())
    try:
        validate_chain(found, peer.connection.trust, datetime.fromtimestamp(peer.link.now(), UTC))
    except CertificateError as error:
        peer.check(False, "a chain up to the authority that we trust", error, "RFC7296-3.7-4")


@purpose(
    "auth-certificate-first", "RFC7296-1.2-7", "RFC7296-3.6-8", "RFC7296-3.6-3", "RFC7296-3.7-4",
    role="responder", ordinary=True, connection=chained(1),
)  # fmt: skip
def test_first(peer: Peer) -> None:
    """The device's first certificate verifies its AUTH; the intermediate that we need comes after it."""
    sa = peer.sa()
    sa.init()
    device_certificates(peer, sa.auth())
    must_succeed(peer, sa, "RFC7296-1.2-7")


@purpose("auth-certreq-responder", "RFC7296-3.7-2", "RFC7296-3.7-3", role="responder", connection=certificates())
def test_certreq_responder(peer: Peer) -> None:
    """CERTREQ in the IKE_SA_INIT response is a list of SHA-1 hashes over keys of authorities."""
    must_ask_for_certificates(peer, peer.sa().init())


@purpose("auth-certreq-unknown", "RFC7296-3.7-5", role="responder", connection=certificates())
def test_certreq_unknown(peer: Peer) -> None:
    """A CERTREQ that names an authority which the device has nothing from is no error."""
    sa = peer.sa()
    sa.init()
    sa.auth(bend.change(CERTREQ, data=peer.random(20)))
    must_succeed(peer, sa, "RFC7296-3.7-5")


@purpose("auth-certreq-absent", "RFC7296-1.2-6", "RFC7296-3.6-1", role="responder", connection=certificates())
def test_certreq_absent(peer: Peer) -> None:
    """Without CERTREQ the device authenticates all the same: it is optional."""
    sa = peer.sa()
    sa.init()
    sa.auth(bend.drop(CERTREQ))
    must_succeed(peer, sa)


@purpose(
    "auth-mixed-psk",
    "RFC7296-4-16",
    "RFC7296-2.15-8",
    role="responder",
    ordinary=True,
    connection=mixed(our_certificate=False),
)
def test_mixed_psk(peer: Peer) -> None:
    """A certificate authenticates the device, a shared key us."""
    sa = peer.sa()
    sa.init()
    sa.auth()
    must_succeed(peer, sa, "RFC7296-4-16")


@purpose(
    "auth-mixed-certificate",
    "RFC7296-4-4",
    "RFC7296-2.15-8",
    role="responder",
    ordinary=True,
    connection=mixed(our_certificate=True),
)
def test_mixed_certificate(peer: Peer) -> None:
    """A shared key authenticates the device, a certificate us."""
    sa = peer.sa()
    sa.init()
    sa.auth()
    must_succeed(peer, sa)


@purpose(
    "auth-mixed-keys",
    "RFC7296-4-4",
    "RFC7296-2.15-8",
    "RFC7427-4-3",
    role="responder",
    ordinary=True,
    connection=mixed_keys(),
)
def test_mixed_keys(peer: Peer) -> None:
    """We sign with ECDSA, the device with RSA: each side with what it has."""
    sa = peer.sa()
    sa.init()
    sa.auth()
    must_succeed(peer, sa)


@purpose("auth-certificate-garbage", *_REFUSED, "RFC7296-2.21-1", role="responder", connection=certificates())
def test_garbage(peer: Peer) -> None:
    """CERT payloads without a certificate in them are refused, and hurt nobody."""
    auth = peer.connection.local.auth
    assert isinstance(auth, PublicKey)
    whole = auth.chain[0]
    for text, data in (
        ("nothing", b""),
        ("no DER", b"\xff" * 64),
        ("half a certificate", ours(peer, trusted(peer)).certificate.tbs_certificate_bytes[:200]),
        ("endless DER", b"\x30\x84\xff\xff\xff\xff" + whole.tbs_certificate_bytes),
    ):
        sa = peer.sa(local=ourselves(peer, key=new_key("ecdsa")))
        sa.init()
        must_be_refused(peer, sa, bend.change(CERT, data=data, text=f"CERT with {text}"))
