"""Names of RSASSA-PSS that nobody can mean, in AUTH and in a certificate (RFC 4055, sections 2.2 and 3.1).

Mask, salt and trailer are parameters of the name: who verifies counts with them before anything is authentic. What is
signed is something else each time, so that whoever takes it has verified nothing.
"""

from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from conformance.crypto.bundle import element
from conformance.crypto.pki import Key, new_key
from conformance.script.peer import Peer
from conformance.wire import CERT, CertEncoding
from peers.capabilities import Capability
from suites.certificates.forging import bent
from suites.certificates.naming import signed_as
from suites.certificates.paths import between, ours
from suites.certificates.roles import NOT_CREATED, TOLD, AsResponder, Shown, in_both, of_responder
from suites.certificates.urls import der, showing
from suites.connections import Setup, certificates
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


_RIGHT = _HASH + _mask(_MGF1 + _SHA256) + _salt(b"\x20")

NAMES: dict[str, bytes] = {
    "MGF1 without its hash": _HASH + _mask(_MGF1) + _salt(b"\x20"),
    "a salt of 2^31 - 1 octets": _HASH + _mask(_MGF1 + _SHA256) + _salt(b"\x7f\xff\xff\xff"),
    "a salt of -1 octets": _HASH + _mask(_MGF1 + _SHA256) + _salt(b"\xff"),
    "a salt as long as the modulus": _HASH + _mask(_MGF1 + _SHA256) + _salt(b"\x01\x00"),
    "a salt of 2^64 - 33 octets": _HASH + _mask(_MGF1 + _SHA256) + _salt(b"\0" + b"\xff" * 7 + b"\xdf"),
    "a salt of 2^1000 octets": _HASH + _mask(_MGF1 + _SHA256) + _salt(b"\x01" + bytes(125)),
    "a salt whose number has no octet": _HASH + _mask(_MGF1 + _SHA256) + _salt(b""),
    "a mask that nobody knows": _HASH + _mask(_MGF1[:-1] + b"\x7f" + _SHA256) + _salt(b"\x20"),
    "NULL in place of the hash of MGF1": _HASH + _mask(_MGF1 + b"\x05\x00") + _salt(b"\x20"),
    "no hash at all where one is announced": element(0xA0, b"") + _mask(_MGF1 + _SHA256) + _salt(b"\x20"),
    "a trailer that nobody has defined": _RIGHT + element(0xA3, element(_INTEGER, b"\x7f\xff\xff\xff")),
}
"""Parameters of RSASSA-PSS; where nothing else is said: SHA-256, MGF1 with SHA-256, a salt of 32 octets."""

FEW = tuple(NAMES)[:3]
"""Those that a device gets as initiator, where each takes longer."""


def name_of(parameters: bytes) -> bytes:
    """An AlgorithmIdentifier of RSASSA-PSS."""
    return element(_SEQUENCE, _PSS + element(_SEQUENCE, parameters))


def signed(parameters: bytes) -> Callable[[Key, bytes], bytes]:
    """AUTH under such a name, and a signature over something else."""

    def forge(key: Key, octets: bytes) -> bytes:
        assert isinstance(key, rsa.RSAPrivateKey)
        name = name_of(parameters)
        scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        return bytes((len(name),)) + name + key.sign(octets[::-1], scheme, hashes.SHA256())

    return forge


def certified(peer: Peer, parameters: bytes) -> Shown:
    """Our certificate says that its signature has such a name, and its issuer has an RSA key."""
    issuer = between(peer, key=new_key("rsa"))
    made = ours(peer, issuer)
    shown = signed_as(made, issuer, name_of(parameters)), der(issuer.certificate)
    certs = (CERT(CertEncoding.X509_SIGNATURE, one) for one in shown)
    return showing(peer, made, *certs, text="a certificate that is signed under an odd name")


Show = Callable[[Peer, bytes], Shown]


def each(
    identifier: str, *requirements: str, connection: Setup, needs: tuple[Capability, ...] = ()
) -> Callable[[Show], AsResponder]:
    """The device must refuse us under each of the names, in either role; as initiator it gets a few of them."""
    cited = (*requirements, NOT_CREATED)

    def register(show: Show) -> AsResponder:
        def first(peer: Peer) -> None:
            for text, parameters in NAMES.items():
                peer.note(text)
                shown = show(peer, parameters)
                sa = peer.sa(**shown.changes())
                sa.init()
                must_be_refused(peer, sa, shown.bent or bent(sa, signed(parameters)))

        def second(peer: Peer, dut: Dut) -> None:
            for text in FEW:
                peer.note(text)
                shown = show(peer, NAMES[text])
                attempt = begun(peer, dut, **shown.changes())
                attempt.sa.answer(attempt.request, bend=shown.bent or bent(attempt.sa, signed(NAMES[text])))
                must_be_refused_by(dut, peer, attempt)

        return in_both(
            show,
            purpose(identifier, *cited, TOLD, role="responder", connection=connection, needs=needs),
            purpose(of_responder(identifier), *cited, role="initiator", connection=connection, needs=needs),
            first,
            second,
        )

    return register


@each("cert-signature-names", "RFC7296-1.2-11", "RFC7427-3-3", connection=pss(), needs=(Capability.RFC7427,))
def test_in_auth(peer: Peer, parameters: bytes) -> Shown:
    """AUTH names RSASSA-PSS with parameters that make no sense: a salt of gigabytes, a mask without its hash."""
    return Shown()


@each("cert-path-names", "RFC5280-6.1.3-1", connection=certificates())
def test_in_certificate(peer: Peer, parameters: bytes) -> Shown:
    """Our certificate is signed under a name of RSASSA-PSS whose parameters make no sense."""
    return certified(peer, parameters)
