"""Defects that concern revocation: certificates that are taken though a CRL or an OCSP response is against them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from cryptography import x509
from cryptography.x509 import ocsp

from conformance.crypto.errors import CertificateError
from conformance.crypto.revocation import RevocationChecks, Status, lists_named_in, responders_named_in
from conformance.ike.ikesa import IkeSa
from conformance.net.fetching import WebClient
from peers.reference.defects.registry import defect


def both(kind: str, *names: str) -> list[str]:
    """The purposes of these names, in both roles."""
    return [f"cert-{role}{kind}-{name}" for name in names for role in ("", "responder-")]


def lists(*names: str) -> list[str]:
    """The purposes on CRLs of these names."""
    return both("crl", *names)


def responses(*names: str) -> list[str]:
    """The purposes on OCSP of these names."""
    return both("ocsp", *names)


def hostile(*names: str) -> list[str]:
    """The purposes on web servers of these names, which have no second role."""
    return [f"cert-{kind}-{name}" for name in names for kind in ("crl", "ocsp")]


class Lax(IkeSa):
    """Checks CRLs and OCSP responses in a way of its own."""

    checks: ClassVar[type[RevocationChecks]] = RevocationChecks

    def revocation_checks(self) -> RevocationChecks:
        return self.checks()


# --- what becomes of the status -------------------------------------------------------------------------------------


@defect(
    *lists("revoked", "revoked-among-others", "revoked-relaxed", "hold", "superseded", "second-point-revoked"),
    *lists("high-number-revoked", "shown-revoked", "anchor-revoked", "anchor-hold"),
    *responses("revoked", "revoked-relaxed", "hold", "high-number-revoked", "shown-revoked"),
)
class IgnoresRevocation(IkeSa):
    """Takes revoked certificates."""

    def check_revocation(self, chain: Sequence[x509.Certificate]) -> None:
        return None


@defect(
    *lists("expired", "signature", "none", "not-found", "dead", "cut", "not-der", "certificate", "empty"),
    *lists("anchor-signature", "anchor-signer", "anchor-expired"),
    *responses("unknown", "malformed-request", "internal-error", "try-later", "signature-required", "unauthorized"),
    *responses("not-der", "list", "empty", "not-found", "dead", "shown-unknown", "shown-not-der"),
    *hostile("silent", "slow", "endless", "huge", "held", "loop"),
)
class FailsOpen(IkeSa):
    """Takes certificates of unknown status whatever is demanded."""

    def tolerates_unknown(self) -> bool:
        return True


@defect(*lists("revoked-authority", "scope-users"), *responses("revoked-authority"))
class ChecksTheFirstOnly(IkeSa):
    """Does not ask whether the authorities between have been revoked."""

    def path(self, chain: Sequence[x509.Certificate]) -> Iterator[tuple[x509.Certificate, x509.Certificate]]:
        yield from list(super().path(chain))[:1]


@defect(*lists("good", "others", "number", "extension", "scope", "anchor-good"))
class FetchesNoLists(IkeSa):
    """Does not know where CRLs are."""

    def told_by_lists(self, certificate: x509.Certificate, issuer: x509.Certificate) -> Iterator[Status]:
        yield Status.UNKNOWN


@defect(*lists("anchor-renewed"))
class KeepsListsForEver(Lax):
    """Fetches each CRL once, and uses it when its nextUpdate has long passed."""

    class _Checks(RevocationChecks):
        def list_time(self, crl: x509.CertificateRevocationList, now: datetime) -> None:
            return None

    checks = _Checks
    kept: ClassVar[WeakKeyDictionary[WebClient, dict[str, bytes]]] = WeakKeyDictionary()

    def fetched(self, url: str, body: bytes | None = None, kind: str = "") -> bytes:
        kept = self.kept.setdefault(self.web, {}) if self.web is not None and body is None else {}
        return kept.setdefault(url, super().fetched(url, body, kind))


@defect(*lists("anchor-restored"))
class NeverForgives(IkeSa):
    """Takes no certificate that has ever been on a CRL."""

    seen: ClassVar[set[int]] = set()

    def told_by_lists(self, certificate: x509.Certificate, issuer: x509.Certificate) -> Iterator[Status]:
        found = list(super().told_by_lists(certificate, issuer))
        if Status.REVOKED in found:
            self.seen.add(certificate.serial_number)
        yield from [Status.REVOKED] if certificate.serial_number in self.seen else found


@defect(*responses("good", "delegate", "high-number"))
class AsksNoResponders(IkeSa):
    """Does not know whom to ask."""

    def told_by_responders(self, certificate: x509.Certificate, issuer: x509.Certificate) -> Iterator[Status]:
        yield Status.UNKNOWN


@defect(*responses("then-list", "then-list-revoked"))
class RespondersDecide(IkeSa):
    """Fetches the CRL of a certificate that names a responder, and does not believe it."""

    def told_by_lists(self, certificate: x509.Certificate, issuer: x509.Certificate) -> Iterator[Status]:
        for one in super().told_by_lists(certificate, issuer):
            yield Status.UNKNOWN if responders_named_in(certificate) else one


@defect(*lists("second-point"))
class FirstPointOnly(IkeSa):
    """Looks at the first distribution point only."""

    def told_by_lists(self, certificate: x509.Certificate, issuer: x509.Certificate) -> Iterator[Status]:
        for url in lists_named_in(certificate)[:1]:
            yield self.said_by_list(self.fetched(url), certificate, issuer)


# --- CRLs -----------------------------------------------------------------------------------------------------------


@defect(*lists("number"))
class NumbersInShort(Lax):
    """Compares the lower octets of serial numbers only."""

    class _Checks(RevocationChecks):
        def is_listed(self, crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> bool:
            return any((one.serial_number ^ certificate.serial_number) & 0xFFFFFFFF == 0 for one in crl)

    checks = _Checks


@defect(*lists("hold"), *responses("hold"))
class HoldIsNothing(Lax):
    """Takes who is revoked for a while only."""

    class _Checks(RevocationChecks):
        def is_listed(self, crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> bool:
            entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
            return entry is not None and self.reason(entry) != x509.ReasonFlags.certificate_hold

        def status(self, found: ocsp.OCSPSingleResponse) -> Status:
            on_hold = found.revocation_reason == x509.ReasonFlags.certificate_hold
            return Status.GOOD if on_hold else super().status(found)

    checks = _Checks


@defect(*lists("superseded"))
class OnlyCompromiseCounts(Lax):
    """Takes whose key is not compromised."""

    class _Checks(RevocationChecks):
        def is_listed(self, crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> bool:
            entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
            return entry is not None and self.reason(entry) == x509.ReasonFlags.key_compromise

    checks = _Checks


@defect(*lists("revoked-among-others"))
class ShortMemory(Lax):
    """Reads the first hundred entries of a CRL."""

    class _Checks(RevocationChecks):
        def is_listed(self, crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> bool:
            return certificate.serial_number in [one.serial_number for one in crl][:100]

    checks = _Checks


def without(name: str) -> type[RevocationChecks]:
    """The checks but for one."""
    return type("_Checks", (RevocationChecks,), {name: lambda self, *_: None})


@defect(*lists("expired", "shown-expired"))
class OldListsWillDo(Lax):
    """Takes CRLs whose nextUpdate has passed."""

    checks = without("list_time")


@defect(*lists("signature", "signer", "shown-signer", "other-anchor"))
class UnsignedLists(Lax):
    """Verifies no signatures of CRLs."""

    checks = without("list_signature")


@defect(*lists("name"))
class NamelessLists(Lax):
    """Does not ask of whom a CRL is, if its key is right."""

    checks = without("list_issuer")


@defect(*lists("issuer"))
class AnybodysLists(Lax):
    """Takes the CRL of any authority that it trusts."""

    class _Checks(RevocationChecks):
        def list_issuer(self, crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> None:
            return None

        def list_signature(self, crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> None:
            if crl.issuer == issuer.subject:
                super().list_signature(crl, issuer)

    checks = _Checks


@defect(*lists("no-signing"))
class AnyoneSignsLists(Lax):
    """Does not ask for cRLSign."""

    checks = without("list_signer")


@defect(*lists("critical", "delta"))
class UncriticalLists(Lax):
    """Overlooks critical extensions of a CRL."""

    class _Checks(RevocationChecks):
        def list_extensions(self, crl: x509.CertificateRevocationList) -> None:
            self.entry_extensions(crl)

    checks = _Checks


@defect(*lists("critical-entry"))
class UncriticalEntries(Lax):
    """Overlooks critical extensions of the entries of a CRL."""

    checks = without("entry_extensions")


@defect(*lists("extension"))
class NoStrangeExtensions(Lax):
    """Takes no CRL with an extension that it does not know, critical or not."""

    class _Checks(RevocationChecks):
        def list_extensions(self, crl: x509.CertificateRevocationList) -> None:
            super().list_extensions(crl)
            if any(isinstance(one.value, x509.UnrecognizedExtension) for one in crl.extensions):
                raise CertificateError("an extension that nobody knows")

    checks = _Checks


@defect(*lists("scope-authorities", "scope-attributes", "scope-users", "scope-place"))
class ListsForAll(Lax):
    """Does not ask for what a CRL is."""

    checks = without("list_scope")


@defect(*lists("scope-place"))
class ListsFromAnywhere(Lax):
    """Does not ask from where a CRL is."""

    checks = without("list_place")


@defect(*lists("scope"))
class NoScopes(Lax):
    """Takes no CRL with an issuingDistributionPoint, though it has looked nowhere else."""

    class _Checks(RevocationChecks):
        def list_scope(self, crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> None:
            if any(isinstance(one.value, x509.IssuingDistributionPoint) for one in crl.extensions):
                raise CertificateError("issuingDistributionPoint")

    checks = _Checks


@defect(*lists("reasons"))
class SomeReasonsWillDo(Lax):
    """Takes who is not on a CRL for some reasons only."""

    class _Checks(RevocationChecks):
        def covers_all_reasons(self, crl: x509.CertificateRevocationList) -> bool:
            return True

    checks = _Checks


# --- OCSP -----------------------------------------------------------------------------------------------------------


@defect(*responses("number", "shown-number"))
class AnyNumber(Lax):
    """Does not compare serial numbers."""

    class _Checks(RevocationChecks):
        def is_number_of(self, found: ocsp.OCSPSingleResponse, certificate: x509.Certificate) -> bool:
            return True

    checks = _Checks


@defect(*responses("issuer"))
class NumberOnly(Lax):
    """Compares nothing but serial numbers."""

    class _Checks(RevocationChecks):
        def is_issuer(self, found: ocsp.OCSPSingleResponse, issuer: x509.Certificate) -> bool:
            return True

    checks = _Checks


@defect(*responses("high-number", "high-number-revoked"), *lists("high-number-revoked"))
class SignedNumbers(Lax):
    """Reads the serial numbers of CRLs and responses with their leading zero, and those of certificates without."""

    class _Checks(RevocationChecks):
        def is_listed(self, crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> bool:
            return certificate.serial_number.bit_length() % 8 != 0 and super().is_listed(crl, certificate)

        def is_number_of(self, found: ocsp.OCSPSingleResponse, certificate: x509.Certificate) -> bool:
            return found.serial_number.bit_length() % 8 != 0 and super().is_number_of(found, certificate)

    checks = _Checks


@defect(*responses("expired", "shown-expired"))
class OldResponsesWillDo(Lax):
    """Takes responses whose nextUpdate has passed."""

    class _Checks(RevocationChecks):
        def response_time(self, found: ocsp.OCSPSingleResponse, now: datetime) -> None:
            if now < found.this_update_utc:
                super().response_time(found, now)

    checks = _Checks


@defect("cert-ocsp-not-yet")
class FutureResponsesWillDo(Lax):
    """Takes responses whose thisUpdate is still to come."""

    class _Checks(RevocationChecks):
        def response_time(self, found: ocsp.OCSPSingleResponse, now: datetime) -> None:
            if now >= found.this_update_utc:
                super().response_time(found, now)

    checks = _Checks


@defect(*responses("nonce"))
class ReplayedResponses(Lax):
    """Does not compare nonces."""

    checks = without("response_nonce")


@defect(*responses("signature", "signer", "shown-signature"))
class UnsignedResponses(Lax):
    """Verifies no signatures of OCSP responses."""

    checks = without("response_signature")


@defect(
    *responses("stranger", "itself", "delegate-usage", "delegate-no-usage", "delegate-other", "delegate-expired"),
    *responses("shown-itself"),
)
class AnyResponder(Lax):
    """Takes what anybody has signed whose certificate comes with the response."""

    checks = without("delegate")


@defect(*responses("stranger", "delegate-other"))
class AnyIssuerOfResponders(Lax):
    """Does not ask who has made a responder one."""

    class _Checks(RevocationChecks):
        def delegate_issuer(self, one: x509.Certificate, issuer: x509.Certificate) -> None:
            return None

        def delegate_usage(self, one: x509.Certificate) -> None:
            if one.subject != one.issuer:
                super().delegate_usage(one)

    checks = _Checks


@defect(*responses("itself", "shown-itself", "delegate-usage", "delegate-no-usage"))
class AnyUsageOfResponders(Lax):
    """Does not ask for OCSPSigning."""

    checks = without("delegate_usage")


@defect(*responses("delegate-expired"))
class OldResponders(Lax):
    """Takes responders whose certificates have expired."""

    checks = without("delegate_time")


@defect(*responses("delegate"))
class NoDelegates(Lax):
    """Takes responses of the authority itself only."""

    class _Checks(RevocationChecks):
        def delegate(self, *arguments: Any) -> None:
            raise CertificateError("signed by somebody else")

    checks = _Checks


@defect(*responses("no-end"))
class WantsAnEnd(Lax):
    """Takes no response that does not say when there will be another."""

    class _Checks(RevocationChecks):
        def response_time(self, found: ocsp.OCSPSingleResponse, now: datetime) -> None:
            if found.next_update_utc is None:
                raise CertificateError("no nextUpdate")
            super().response_time(found, now)

    checks = _Checks
