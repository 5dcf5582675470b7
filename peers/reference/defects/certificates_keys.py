"""Defects that concern the keys in certificates."""

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from conformance.ike.core.connection import PublicKey
from conformance.ike.core.events import Violation
from conformance.ike.ikesa import IkeSa
from conformance.wire import AUTH, IDi, IDr, Message
from peers.reference.defects.certificates_names import both
from peers.reference.defects.registry import defect


@defect(
    *both(
        "key-rsa-512", "key-rsa-tiny", "key-rsa-zero", "key-rsa-negative", "key-rsa-even", "key-rsa-exponent-one",
        "key-rsa-exponent-even", "key-rsa-exponent-huge", "key-rsa-huge", "key-rsa-empty", "key-none",
        "key-ec-off-curve", "key-ec-infinity", "key-ec-short", "key-ec-explicit", "key-ec-no-curve",
        "key-ed25519-short", "key-unknown",
    )
)  # fmt: skip
class TakesWhatItCannotCheck(IkeSa):
    """Goes on without a proof where it can make nothing of the certificate."""

    unchecked: bool = False

    def peer_public_key(self, identity: IDi | IDr, message: Message) -> PublicKeyTypes:
        try:
            return super().peer_public_key(identity, message)
        except Violation:
            own = self.own_party().auth
            assert isinstance(own, PublicKey) and own.key is not None
            self.unchecked = True
            return own.chain[0].public_key()

    def check_signature(self, key: PublicKeyTypes, auth: AUTH, octets: bytes) -> None:
        if not self.unchecked:
            super().check_signature(key, auth, octets)
