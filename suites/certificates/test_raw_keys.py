"""Raw public keys in CERT payloads (RFC 7670): the right one, a stranger's, and octets that are no key."""

from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from conformance.crypto.bundle import element
from conformance.crypto.pki import Authority, Key, key_info, new_key
from conformance.ike.core.connection import PublicKey
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.wire import AUTH, CERT, CERTREQ, AuthMethod, CertEncoding, ExchangeType, Message
from peers.capabilities import Capability
from suites.certificates.roles import (
    NOT_CREATED,
    TOLD,
    AsResponder,
    Make,
    Shown,
    accepted,
    in_both,
    of_responder,
    refused,
)
from suites.certificates.test_keys import ABSURD
from suites.certificates.test_payloads import after_first
from suites.connections import Setup, certificates, raw_keys
from suites.dut import Dut
from suites.ike_auth.refusal import must_be_refused
from suites.ike_auth.steps import in_our_name, must_be_accepted_by, must_succeed, ourselves
from suites.purpose import purpose

TIER = "full"

RAW, OLD_RSA, X509 = CertEncoding.RAW_PUBLIC_KEY, CertEncoding.RAW_RSA_KEY, CertEncoding.X509_SIGNATURE
NEEDS = (Capability.RAW_PUBLIC_KEYS,)
UNKNOWN = ("RFC7670-4-1", "RFC7296-1.2-11")
"""A key that nobody has made known authenticates nobody."""


# --- the right keys -------------------------------------------------------------------------------------------------


def must_show_its_key(peer: Peer, message: Message) -> None:
    """What the device says with its own raw key: how it shows it, how it signs, and what it asks for."""
    known = peer.connection.remote.auth
    assert isinstance(known, PublicKey) and known.raw is not None
    for request in (one for one in message.all(CERTREQ) if one.encoding == RAW):
        peer.check(not request.data, "no authority in the CERTREQ", request.data.hex(), "RFC7670-3-2")
    shown = [one.data for one in message.all(CERT) if one.encoding == RAW]
    if shown:
        peer.check(shown[0] == known.raw, f"its key {known.raw.hex()}", shown[0].hex(), "RFC7670-3-1")
    else:
        peer.note("it does not show its key, which we know")
    auth = peer.expect(message, AUTH)
    peer.check(auth.method == AuthMethod.DIGITAL_SIGNATURE, "a Digital Signature", auth.method, "RFC7670-1-1")


def known_key(identifier: str, kind: str) -> Callable[[Callable[[Peer], None]], AsResponder]:
    """Both sides know the key of the other, which is of this kind, and nothing else."""

    def first(peer: Peer) -> None:
        sa = peer.sa()
        sa.init()
        must_show_its_key(peer, sa.auth())
        must_succeed(peer, sa, "RFC7670-3-1")

    def second(peer: Peer, dut: Dut) -> None:
        dut.initiate()
        sa = peer.respond_init(peer.expect_init())
        request = sa.expect_request(ExchangeType.IKE_AUTH)
        must_show_its_key(peer, request.message)
        sa.answer(request)
        must_be_accepted_by(sa, "RFC7670-3-1")

    def register(written: Callable[[Peer], None]) -> AsResponder:
        cited, setup = ("RFC7670-3-1", "RFC7670-3-2", "RFC7670-3-3", "RFC7670-1-1"), raw_keys(kind)
        return in_both(
            written,
            purpose(identifier, *cited, role="responder", needs=NEEDS, ordinary=True, connection=setup),
            purpose(of_responder(identifier), *cited, role="initiator", needs=NEEDS, connection=setup),
            first,
            second,
        )

    return register


@known_key("cert-raw-ecdsa", "ecdsa")
def test_ecdsa(peer: Peer) -> None:
    """Both know the ECDSA key of the other: that is all that it takes."""


@known_key("cert-raw-rsa", "rsa")
def test_rsa(peer: Peer) -> None:
    """Both know the RSA key of the other: that is all that it takes."""


@known_key("cert-raw-ed25519", "ed25519")
def test_ed25519(peer: Peer) -> None:
    """Both know the Ed25519 key of the other: that is all that it takes."""


@purpose("cert-raw-request-absent", "RFC7296-1.2-6", role="responder", needs=NEEDS, connection=raw_keys())
def test_request_absent(peer: Peer) -> None:
    """Without CERTREQ the device authenticates all the same: it is optional."""
    sa = peer.sa()
    sa.init()
    sa.auth(bend.drop(CERTREQ))
    must_succeed(peer, sa, "RFC7296-1.2-6")


@accepted("cert-raw-and-certificate", "RFC4945-3.3.10.5-1", "RFC7296-3.6-3", connection=raw_keys(), needs=NEEDS)
def test_and_certificate(peer: Peer) -> Shown:
    """Behind our key comes a certificate of somebody else by an authority that nobody knows: it does no harm."""
    name = "somebody.ikespec.example"
    other = Authority.create("a stranger").issue(name, sans=[name])
    behind = [CERT(X509, other.certificate.public_bytes(Encoding.DER))]
    return Shown(bent=after_first(CERT, behind, "a certificate of somebody else behind our key"))


# --- keys of others -------------------------------------------------------------------------------------------------


def stranger(identifier: str, connection: Setup | None = None) -> Callable[[Make], AsResponder]:
    """We sign with a key that is not ours, and the device refuses us in either role."""
    return refused(identifier, *UNKNOWN, connection=connection or raw_keys(), needs=() if connection else NEEDS)


def signed_by(peer: Peer, key: Key, bent: Bend | None = None) -> Shown:
    """We sign with this key and show it, unless our message is bent."""
    return Shown(ourselves(peer, chain=(), key=key, raw=key_info(key)), bent)


def showing(*payloads: CERT, text: str) -> Bend:
    """These CERT payloads in place of ours, which is one."""
    return bend.replace(CERT, lambda _: payloads[0], text) | after_first(CERT, payloads[1:], text)


def our_key(peer: Peer) -> bytes:
    """The raw key that the device knows for ours."""
    auth = peer.connection.local.auth
    assert isinstance(auth, PublicKey) and auth.raw is not None
    return auth.raw


@stranger("cert-raw-stranger")
def test_stranger(peer: Peer) -> Shown:
    """A key of the right kind, with a right signature, that nobody knows."""
    return signed_by(peer, new_key("ecdsa"))


@stranger("cert-raw-other-kind")
def test_other_kind(peer: Peer) -> Shown:
    """A key of another kind that nobody knows."""
    return signed_by(peer, new_key("ecdsa384"))


@stranger("cert-raw-signature")
def test_signature(peer: Peer) -> Shown:
    """The right key is shown, which everybody may know, but another one has signed."""
    return signed_by(peer, new_key("ecdsa"), showing(CERT(RAW, our_key(peer)), text="the key that the device knows"))


@stranger("cert-raw-two-first")
def test_two_first(peer: Peer) -> Shown:
    """Two keys are shown, a stranger's first and then the right one; the stranger signs."""
    key = new_key("ecdsa")
    pair = (CERT(RAW, key_info(key)), CERT(RAW, our_key(peer)))
    return signed_by(peer, key, showing(*pair, text="the key of a stranger, and the right one"))


@stranger("cert-raw-two-last")
def test_two_last(peer: Peer) -> Shown:
    """Two keys are shown, the right one first and then that of a stranger, who signs."""
    key = new_key("ecdsa")
    pair = (CERT(RAW, our_key(peer)), CERT(RAW, key_info(key)))
    return signed_by(peer, key, showing(*pair, text="the right key, and that of a stranger"))


@stranger("cert-raw-of-device")
def test_of_device(peer: Peer) -> Shown:
    """We show the device's own key and sign with it: it knows that one, but not as ours."""
    theirs = peer.connection.remote.auth
    assert isinstance(theirs, PublicKey) and theirs.key is not None
    return signed_by(peer, theirs.key)  # type: ignore[arg-type]


@stranger("cert-raw-untrusted")
def test_untrusted(peer: Peer) -> Shown:
    """In place of a raw key comes a certificate for our name by an authority that nobody knows."""
    made = in_our_name(peer, Authority.create("a stranger"), key=new_key("ecdsa"))
    return Shown(ourselves(peer, chain=made.chain, key=made.key, raw=None))


@stranger("cert-raw-as-certificate")
def test_as_certificate(peer: Peer) -> Shown:
    """The key of a stranger, labelled as an X.509 certificate."""
    key = new_key("ecdsa")
    return signed_by(peer, key, showing(CERT(X509, key_info(key)), text="a key labelled as a certificate"))


@stranger("cert-raw-old")
def test_old(peer: Peer) -> Shown:
    """The key of a stranger in the encoding 11 of RFC 5996, which is an RSAPublicKey."""
    return old_rsa_key(peer)


def old_rsa_key(peer: Peer) -> Shown:
    """We show an RSA key as RFC 5996 had it, and sign with it."""
    key = new_key("rsa")
    data = key.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    return signed_by(peer, key, showing(CERT(OLD_RSA, data), text="an RSAPublicKey"))


# --- where the device expects a certificate ---------------------------------------------------------------------------


@stranger("cert-raw-for-certificate", certificates())
def test_for_certificate(peer: Peer) -> Shown:
    """A device that trusts an authority gets a raw key in place of a certificate."""
    return signed_by(peer, new_key("ecdsa"))


@stranger("cert-raw-old-for-certificate", certificates())
def test_old_for_certificate(peer: Peer) -> Shown:
    """A device that trusts an authority gets a raw RSA key of encoding 11 in place of a certificate."""
    return old_rsa_key(peer)


@stranger("cert-raw-before-certificate", certificates())
def test_before_certificate(peer: Peer) -> Shown:
    """The raw key of a stranger, who signs, and behind it our certificate, which everybody may know."""
    return beside_certificate(peer, first=True)


@stranger("cert-raw-behind-certificate", certificates())
def test_behind_certificate(peer: Peer) -> Shown:
    """Our certificate, which everybody may know, and behind it the raw key of a stranger, who signs."""
    return beside_certificate(peer, first=False)


def beside_certificate(peer: Peer, *, first: bool) -> Shown:
    """Our certificate and the raw key of a stranger, who signs."""
    auth, key = peer.connection.local.auth, new_key("ecdsa")
    assert isinstance(auth, PublicKey)
    pair = [CERT(X509, auth.chain[0].public_bytes(Encoding.DER)), CERT(RAW, key_info(key))]
    ordered = pair[::-1] if first else pair
    return signed_by(peer, key, showing(*ordered, text="our certificate and the raw key of a stranger"))


# --- what is no key ---------------------------------------------------------------------------------------------------

_KEY = key_info(new_key("ecdsa"))
MALFORMED = {
    "nothing": b"",
    "half a header": b"\x30",
    "the first half of a key": _KEY[: len(_KEY) // 2],
    "a length of four gigabytes": b"\x30\x84\xff\xff\xff\xff",
    "a length without an end": b"\x30\x80" + _KEY[2:],
    "no DER": b"\xff" * 91,
    "a deep nest": b"\x30\x82\x01\x00" + b"\x30\x80" * 128,
    "a key of unused bits": element(0x30, _KEY[2:23] + element(0x03, b"\x09" + _KEY[26:])),
    "zeros": bytes(2000),
}
"""Octets that are no SubjectPublicKeyInfo."""


def no_keys(
    identifier: str, found: Callable[[Peer], Sequence[tuple[str, bytes]]], connection: Setup
) -> Callable[[Callable[[Peer], None]], Callable[[Peer], None]]:
    """Each of these octets is shown in turn as a key, behind a signature of a stranger, and refused."""

    def register(written: Callable[[Peer], None]) -> Callable[[Peer], None]:
        def test(peer: Peer) -> None:
            for text, data in found(peer):
                shown = signed_by(peer, new_key("ecdsa"), showing(CERT(RAW, data), text=f"{text} as a key"))
                sa = peer.sa(local=shown.party)
                sa.init()
                must_be_refused(peer, sa, shown.bent)

        test.__name__, test.__module__, test.__doc__ = written.__name__, written.__module__, written.__doc__
        needs = () if connection is _BY_CERTIFICATE else NEEDS
        cited = (*UNKNOWN, NOT_CREATED, TOLD)
        return purpose(identifier, *cited, role="responder", connection=connection, needs=needs)(test)

    return register


_BY_CERTIFICATE = certificates()


def absurd_keys(peer: Peer) -> list[tuple[str, bytes]]:
    """The keys that are absurd in one of their numbers."""
    return [(name, make(peer)) for name, make in ABSURD.items()]


@no_keys("cert-raw-malformed", lambda peer: list(MALFORMED.items()), raw_keys())
def test_malformed(peer: Peer) -> None:
    """What is shown as a raw key is none: empty, cut off, too long, nested, of a length without end."""


@no_keys("cert-raw-absurd", absurd_keys, raw_keys())
def test_absurd(peer: Peer) -> None:
    """What is shown as a raw key has absurd numbers: moduli, exponents, points, curves."""


@no_keys("cert-raw-malformed-for-certificate", lambda peer: list(MALFORMED.items()), _BY_CERTIFICATE)
def test_malformed_for_certificate(peer: Peer) -> None:
    """A device that trusts an authority gets what is no raw key either."""


@no_keys("cert-raw-absurd-for-certificate", absurd_keys, _BY_CERTIFICATE)
def test_absurd_for_certificate(peer: Peer) -> None:
    """A device that trusts an authority gets raw keys with absurd numbers."""


@stranger("cert-raw-trailing")
def test_trailing(peer: Peer) -> Shown:
    """Behind the key of a stranger stands the right one, in the same payload."""
    key = new_key("ecdsa")
    return signed_by(peer, key, showing(CERT(RAW, key_info(key) + our_key(peer)), text="two keys in one payload"))


@stranger("cert-raw-leading")
def test_leading(peer: Peer) -> Shown:
    """Behind the right key stands that of a stranger, who signs, in the same payload."""
    key = new_key("ecdsa")
    return signed_by(peer, key, showing(CERT(RAW, our_key(peer) + key_info(key)), text="two keys in one payload"))


@stranger("cert-raw-empty")
def test_empty(peer: Peer) -> Shown:
    """A CERT payload for a raw key without any octet, behind the signature of a stranger."""
    return signed_by(peer, new_key("ecdsa"), showing(CERT(RAW, b""), text="no key at all"))


@stranger("cert-raw-huge")
def test_huge(peer: Peer) -> Shown:
    """An RSA key of 24576 bits, each use of which takes long, behind the signature of a stranger."""
    return signed_by(
        peer, new_key("ecdsa"), showing(CERT(RAW, ABSURD["rsa-huge"](peer)), text="an RSA key of 24576 bits")
    )
