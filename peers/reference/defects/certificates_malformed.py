"""Defects that concern extensions which cannot be read."""

from collections.abc import Sequence

from cryptography import x509

from conformance.ike.ikesa import IkeSa
from conformance.wire import IDi, IDr
from peers.reference.defects.certificates_names import both
from peers.reference.defects.registry import defect


@defect(
    *both(
        "malformed-constraints", "malformed-key-usage", "malformed-extended-usage", "malformed-names",
        "malformed-name-constraints", "malformed-policies", "malformed-policy-constraints", "malformed-crl-points",
        "malformed-authority-key", "malformed-subject-key", "malformed-access", "malformed-any-policy",
        "malformed-issuer-names", "malformed-freshest",
    )
)  # fmt: skip
class SkipsWhatItCannotRead(IkeSa):
    """Goes on without the extensions of a certificate if one of them cannot be read."""

    def readable(self, certificate: x509.Certificate) -> bool:
        """All extensions can be read."""
        try:
            return bool(list(certificate.extensions))
        except ValueError:
            return False

    def check_chain(self, chain: Sequence[x509.Certificate]) -> None:
        if all(map(self.readable, chain)):
            super().check_chain(chain)

    def certificate_matches(self, certificate: x509.Certificate, identity: IDi | IDr) -> bool:
        return not self.readable(certificate) or super().certificate_matches(certificate, identity)
