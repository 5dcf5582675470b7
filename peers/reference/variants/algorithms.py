"""Worlds of algorithms in which devices live."""

from conformance.ike.core.connection import PublicKey
from conformance.ike.core.events import Violation
from conformance.ike.ikesa import IkeSa
from conformance.wire import HashAlgorithm
from peers.algorithms import MUSTS, Algorithms
from peers.capabilities import Capability
from peers.reference.engine import ReferenceEngine
from peers.reference.variants.registry import variant

_CHOICE = "RFC 7296, 3.3.4: which algorithms are configured is up to the device"


@variant(
    "RFC 8247, 2 and RFC 8221, 5: AES-CBC, HMAC-SHA2-256 and group 14 are what everybody must have",
    lacks=(Capability.ESN,),
    pixit={"algorithms": MUSTS},
)
class MustAlgorithms(ReferenceEngine):
    """Takes the algorithms that RFC 8247 and RFC 8221 demand, and no other."""


@variant(
    _CHOICE,
    lacks=(Capability.ESN,),
    pixit={"algorithms": Algorithms(ike=("aes128-sha1-modp2048",), esp=("aes128-sha1",), ah=("sha1",))},
)
class OldRouter(ReferenceEngine):
    """Takes AES-CBC-128 with SHA-1 and group 14, as routers have it that have been in service for years."""


@variant(
    _CHOICE,
    pixit={
        "algorithms": Algorithms(
            ike=("aes256-sha384-ecp384",), esp=("aes256-sha384-noesn-esn",), ah=("sha384-noesn-esn",)
        )
    },
)
class StrongAlgorithms(ReferenceEngine):
    """Takes AES-CBC-256 with SHA-384 and group 20."""


@variant(
    _CHOICE,
    pixit={
        "algorithms": Algorithms(
            ike=("chacha20poly1305-prfsha512-x448",), esp=("chacha20poly1305-noesn-esn",), ah=("sha512-noesn-esn",)
        )
    },
)
class ChaCha(ReferenceEngine):
    """Takes ChaCha20-Poly1305 with PRF-HMAC-SHA2-512 and Curve448."""


@variant("RFC 8247, 3.2: SHA2-256 is the one hash for signatures that everybody must have")
class SignsWithSha256(IkeSa):
    """Signs with SHA2-256 where its key leaves a choice, and with nothing for a peer that does not announce that."""

    def signature_hash(self, auth: PublicKey) -> HashAlgorithm:
        found = super().signature_hash(auth)
        if found == HashAlgorithm.IDENTITY:
            return found
        if HashAlgorithm.SHA2_256 not in self.peer_hashes:
            raise Violation("the peer did not announce SHA2-256")
        return HashAlgorithm.SHA2_256
