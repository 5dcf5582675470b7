"""How a device learns whether a certificate is revoked: nothing says in which order it asks, or whether it asks."""

from collections.abc import Iterator
from itertools import chain
from typing import ClassVar
from weakref import WeakKeyDictionary

from cryptography import x509

from conformance.crypto.revocation import Status
from conformance.ike.ikesa import IkeSa
from conformance.net.fetching import WebClient
from peers.contract import Capability
from peers.reference.variants.registry import variant


@variant(
    "RFC 4945, 5.2: an option may disable revocation information of some kinds",
    lacks=(Capability.CRL, Capability.CRL_IN_IKE, Capability.OCSP, Capability.OCSP_IN_IKE),
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


@variant("RFC 5280, 6.3: CRLs are kept in a local cache")
class KeepsLists(IkeSa):
    """Fetches each CRL once."""

    kept: ClassVar[WeakKeyDictionary[WebClient, dict[str, bytes]]] = WeakKeyDictionary()

    def fetched(self, url: str, body: bytes | None = None, kind: str = "") -> bytes:
        if self.web is None or body is not None:
            return super().fetched(url, body, kind)
        kept = self.kept.setdefault(self.web, {})
        if not kept.get(url):
            kept[url] = super().fetched(url)
        return kept[url]
