"""Names of RSASSA-PSS that nobody can mean, in AUTH and in a certificate (RFC 4055, sections 2.2 and 3.1).

Mask, salt and trailer are parameters of the name: who verifies counts with them before anything is authentic. What is
signed is something else each time, so that whoever takes it has verified nothing.
"""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from conformance.crypto.bundle import element
from conformance.crypto.pki import Key, new_key
from conformance.script.peer import Peer
from conformance.wire import CERT, CertEncoding
from suites.certificates.forging import Forge, forged
from suites.certificates.naming import signed_as
from suites.certificates.paths import between, ours
from suites.certificates.roles import TOLD, Shown
from suites.certificates.urls import der, showing
from suites.connections import certificates
from suites.dut import Dut
from suites.ike_auth.initiating import begun
from suites.ike_auth.refusal import must_be_refused, must_be_refused_by
from suites.ike_auth.steps import pss
from suites.purpose import purpose

TIER = "full"

_SEQUENCE, _INTEGER = 0x30, 0x02
_PSS, _MGF1 = bytes.fromhex("06092a864886f70d01010a"), bytes.fromhex("06092a864886f70d010108")
_SHA256 = bytes.fromhex("300d06096086480165030402010500")
_HASH = element(0xA0, _SHA256)


def _mask(content: bytes) -> bytes:
    return element(0xA1, element(_SEQUENCE, content))


def _salt(octets: bytes) -> bytes:
    return element(0xA2, element(_INTEGER, octets))


_SHA256_MASK = _mask(_MGF1 + _SHA256)

NAMES = (
    _HASH + _mask(_MGF1) + _salt(b"\x20"),  # MGF1 without its hash
    _HASH + _SHA256_MASK + _salt(b"\x7f\xff\xff\xff"),  # a salt of 2^31 - 1 octets
    _HASH + _SHA256_MASK + _salt(b"\xff"),  # one of -1 octets
    _HASH + _SHA256_MASK + _salt(b"\x01\x00"),  # one as long as a modulus of 2048 bits
    _HASH + _SHA256_MASK + _salt(b"\0" + b"\xff" * 7 + b"\xdf"),  # one of 2^64 - 33 octets
    _HASH + _SHA256_MASK + _salt(b"\x01" + bytes(125)),  # one of 2^1000 octets
    _HASH + _SHA256_MASK + _salt(b""),  # one whose number has no octet
    _HASH + _mask(_MGF1[:-1] + b"\x7f" + _SHA256) + _salt(b"\x20"),  # a mask that nobody knows
    _HASH + _mask(_MGF1 + b"\x05\x00") + _salt(b"\x20"),  # NULL in place of its hash
    element(0xA0, b"") + _SHA256_MASK + _salt(b"\x20"),  # nothing in place of the hash
    _HASH + _SHA256_MASK + _salt(b"\x20") + element(0xA3, element(_INTEGER, b"\x7f\xff\xff\xff")),  # a trailer
)
"""Parameters of RSASSA-PSS; where nothing else is said: SHA-256, MGF1 with SHA-256, a salt of 32 octets."""


def name_of(parameters: bytes) -> bytes:
    """An AlgorithmIdentifier of RSASSA-PSS."""
    return element(_SEQUENCE, _PSS + element(_SEQUENCE, parameters))


def signed(parameters: bytes) -> Forge:
    """AUTH under such a name, and a signature over something else."""

    def forge(key: Key, octets: bytes) -> bytes:
        assert isinstance(key, rsa.RSAPrivateKey)
        name = name_of(parameters)
        scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        return bytes((len(name),)) + name + key.sign(octets[::-1], scheme, hashes.SHA256())

    return forge


@forged(
    "cert-signature-names", "RFC7296-1.2-11", "RFC7427-3-3", connection=pss(),
    also=tuple(map(signed, NAMES[1:])),
)  # fmt: skip
def test_in_auth(key: Key, octets: bytes) -> bytes:
    """AUTH names RSASSA-PSS with parameters that make no sense: a salt of gigabytes, a mask without its hash."""
    return signed(NAMES[0])(key, octets)


def certified(peer: Peer, parameters: bytes) -> Shown:
    """Our certificate says that its signature has such a name, and its issuer has an RSA key."""
    issuer = between(peer, key=new_key("rsa"))
    made = ours(peer, issuer)
    shown = signed_as(made, issuer, name_of(parameters)), der(issuer.certificate)
    certs = (CERT(CertEncoding.X509_SIGNATURE, one) for one in shown)
    return showing(peer, made, *certs, text="a certificate that is signed under an odd name")


PATH = ("RFC5280-6.1.3-1", "RFC7296-1.2-18")


@purpose("cert-path-names", *PATH, TOLD, role="responder", connection=certificates())
def test_in_certificate(peer: Peer) -> None:
    """Our certificate is signed under a name of RSASSA-PSS whose parameters make no sense."""
    for parameters in NAMES:
        shown = certified(peer, parameters)
        sa = peer.sa(**shown.changes())
        sa.init()
        must_be_refused(peer, sa, shown.bent)


@purpose("cert-responder-path-names", *PATH, role="initiator", connection=certificates())
def test_in_certificate_of_responder(peer: Peer, dut: Dut) -> None:
    """Our certificate is signed under a name of RSASSA-PSS whose parameters make no sense."""
    for parameters in NAMES[:3]:
        shown = certified(peer, parameters)
        attempt = begun(peer, dut, **shown.changes())
        attempt.sa.answer(attempt.request, bend=shown.bent)
        must_be_refused_by(dut, peer, attempt)
