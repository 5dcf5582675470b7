"""How a device learns whether a certificate is revoked: nothing says in which order it asks, or whether it asks."""

from collections.abc import Iterator
from itertools import chain
from typing import ClassVar
from weakref import WeakKeyDictionary

from cryptography import x509

from conformance.crypto.errors import CertificateError
from conformance.crypto.revocation import RevocationChecks, Status, lists_named_in, responders_named_in
from conformance.ike.extensions.revocation import MOST_POINTS
from conformance.ike.ikesa import IkeSa
from conformance.net.fetching import WebClient
from peers.capabilities import Capability
from peers.reference.variants.registry import variant


@variant(
    "RFC 4945, 5.2: an option may disable revocation information of some kinds",
    lacks=(Capability.CRL, Capability.CRL_OF_ANCHOR, Capability.CRL_IN_IKE, Capability.OCSP, Capability.OCSP_IN_IKE),
)
class NoRevocation(IkeSa):
    """Knows neither CRLs nor OCSP."""

    def told_by_peer(self, certificate: x509.Certificate, issuer: x509.Certificate) -> Iterator[Status]:
        yield Status.UNKNOWN

    def told_by_responders(self, certificate: x509.Certificate, issuer: x509.Certificate) -> Iterator[Status]:
        yield Status.UNKNOWN

    def told_by_lists(self, certificate: x509.Certificate, issuer: x509.Certificate) -> Iterator[Status]:
        yield Status.UNKNOWN


@variant("RFC 6960, 2.2 and RFC 5280, 6.3.3: no source of revocation information comes before the other")
class ListsFirst(IkeSa):
    """Fetches CRLs, and asks responders about what they do not tell."""

    def told_by_responders(self, certificate: x509.Certificate, issuer: x509.Certificate) -> Iterator[Status]:
        return chain(
            super().told_by_lists(certificate, issuer),
            super().told_by_responders(certificate, issuer),
        )

    def told_by_lists(self, certificate: x509.Certificate, issuer: x509.Certificate) -> Iterator[Status]:
        return iter(())


@variant("RFC 6960, 2.2: whether another source is asked where a responder knows nothing is up to the client")
class StopsAtUnknown(IkeSa):
    """Looks for no CRL of a certificate that names a responder."""

    def told_by_lists(self, certificate: x509.Certificate, issuer: x509.Certificate) -> Iterator[Status]:
        if not responders_named_in(certificate):
            yield from super().told_by_lists(certificate, issuer)


@variant(
    "RFC 6960, 4.2.2.2.1: whether a responder may be revoked is up to the client where its certificate says nothing"
)
class ChecksResponders(IkeSa):
    """Believes a responder of an authority only where its certificate says that it need not be checked."""

    class _Checks(RevocationChecks):
        def delegate_usage(self, one: x509.Certificate) -> None:
            super().delegate_usage(one)
            if not any(extension.oid == x509.OCSPNoCheck.oid for extension in one.extensions):
                raise CertificateError("nobody tells whether the responder is revoked")

    def revocation_checks(self) -> RevocationChecks:
        return self._Checks()


@variant("RFC 5280, 6.3.3 (a): a CRL is kept in a local cache until its nextUpdate")
class KeepsLists(IkeSa):
    """Fetches a CRL only where it has none that tells anything."""

    kept: ClassVar[WeakKeyDictionary[WebClient, dict[str, bytes]]] = WeakKeyDictionary()

    def told_by_lists(self, certificate: x509.Certificate, issuer: x509.Certificate) -> Iterator[Status]:
        kept = self.kept.setdefault(self.web, {}) if self.web is not None else {}
        for url in lists_named_in(certificate)[:MOST_POINTS]:
            found = self.said_by_list(kept.get(url, b""), certificate, issuer)
            if found is Status.UNKNOWN:
                fetched = self.fetched(url)
                found = self.said_by_list(fetched, certificate, issuer)
                if found is not Status.UNKNOWN:
                    kept[url] = fetched
            yield found
