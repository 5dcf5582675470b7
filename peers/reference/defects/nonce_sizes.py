"""Defects about the size of nonces."""

from conformance.ike.ikesa import IkeSa
from conformance.wire import Nonce
from peers.reference.defects.registry import defect


@defect(
    "init-nonce-too-short",
    "child-nonce-too-short",
    "ike-rekey-nonce-too-short",
    "init-response-nonce-empty",
    "init-response-nonce-too-short",
    "child-response-nonce-too-short",
    "ike-rekey-response-nonce-too-short",
)
class TakesShortNonces(IkeSa):
    """Takes nonces of few octets, or none."""

    def bad_nonce(self, nonce: Nonce) -> str | None:
        return super().bad_nonce(nonce) if len(nonce.data) > 256 else None


@defect(
    "init-nonce-too-long",
    "child-nonce-too-long",
    "ike-rekey-nonce-too-long",
    "init-response-nonce-too-long",
    "child-response-nonce-too-long",
    "ike-rekey-response-nonce-too-long",
)
class TakesLongNonces(IkeSa):
    """Takes nonces of more than 256 octets."""

    def bad_nonce(self, nonce: Nonce) -> str | None:
        return super().bad_nonce(nonce) if len(nonce.data) < 16 else None
