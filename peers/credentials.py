"""Who is who and with what: identities, the shared key, and certificates, as a device is configured with them."""

from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from conformance.ike.core.connection import Identity, PublicKey

OUR_NAME = "tester.ikespec.example"
DEVICE_NAME = "device.ikespec.example"
SECRET = b"a shared key of the ikespec suites"
EAP_IDENTITY = "tester"
EAP_SECRET = b"a password of the ikespec suites"
AAA_SECRET = b"a secret of the AAA server"
AAA_SECOND_SECRET = b"another secret of the second AAA server"
AAA_PASSWORD = b"cisco"
"""With which a gateway asks about names that are no users of their own; it proves nothing."""
AAA_PORTS = (1812, 1813, 3799)
"""Authentication and accounting at the AAA server, dynamic authorization at the device."""
AAA_SECOND_PORTS = (2812, 2813)
"""Authentication and accounting at a second AAA server."""
IMSI = "001010000000001"
CARD = bytes(range(16)) + bytes(range(16, 32))
"""K and OPc of the USIM of that subscriber."""

_KINDS: dict[type, str] = {
    rsa.RSAPrivateKey: "rsa",
    ec.EllipticCurvePrivateKey: "ecdsa",
    ed25519.Ed25519PrivateKey: "ed25519",
    ed448.Ed448PrivateKey: "ed448",
}


def kind_of_key(key: PrivateKeyTypes) -> str:
    """``rsa``, ``ecdsa``, ``ed25519``, ``ed448``, or the name of another class of keys."""
    return next((word for kind, word in _KINDS.items() if isinstance(key, kind)), type(key).__name__)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What both sides must agree on before they meet. None: nothing of this sort is agreed on.

    ``ours`` is our certificate with its chain and key; ``trust`` are the authorities of the device's certificate, or
    that itself. ``eap_identity`` and ``eap_secret`` are the name (None: that of IKE) and password of an EAP user.
    ``any_identity``: the device is meant to let in whoever has the secret, under any name.
    """

    tester: Identity
    device: Identity
    secret: bytes | None = field(default=None, repr=False)
    ours: PublicKey | None = None
    trust: tuple[x509.Certificate, ...] = ()
    eap_identity: str | None = None
    eap_secret: bytes | None = field(default=None, repr=False)
    any_identity: bool = False

    @property
    def kind(self) -> str:
        """The kind of our key, empty without one."""
        return kind_of_key(self.ours.key) if self.ours is not None and self.ours.key is not None else ""


USUAL = Credentials(
    Identity.of(OUR_NAME), Identity.of(DEVICE_NAME), SECRET, eap_identity=EAP_IDENTITY, eap_secret=EAP_SECRET
)
"""Those of the suites, where nobody has named others; they make certificates for a device that takes any."""
