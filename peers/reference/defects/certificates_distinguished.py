"""Defects of the comparison of distinguished names (RFC 5280, section 7.1; RFC 4945, section 3.1.5)."""

from collections.abc import Callable, Sequence

from cryptography import x509

from conformance.crypto.dn import WORDS, Parts, read
from conformance.crypto.x509 import CertificateError, Checks
from conformance.ike.ikesa import IkeSa
from conformance.wire import IDi, IDr, IdType, Message, Payload
from peers.reference.defects.certificates_names import Also, both
from peers.reference.defects.certificates_paths import Lax
from peers.reference.defects.registry import defect


class Compares(Also):
    """Takes a subject for the identity of its peer for one more reason."""

    def also(self, certificate: x509.Certificate, identity: IDi | IDr) -> bool:
        if identity.id_type != IdType.DER_ASN1_DN:
            return False
        return self.alike(read(certificate.subject.public_bytes()), read(identity.data))

    def alike(self, subject: Parts, identity: Parts) -> bool:
        """The further reason, for two names from the root on."""
        raise NotImplementedError


class ComparesBoth(Compares, Lax):
    """Compares issuers in that way, too."""

    def certificate_checks(self) -> Checks:
        return _Alike(self.alike)


class _Alike(Checks):
    def __init__(self, alike: Callable[[Parts, Parts], bool]) -> None:
        self.alike = alike

    def named(self, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
        subject, name = (read(one.public_bytes()) for one in (issuer.subject, certificate.issuer))
        return super().named(certificate, issuer) or self.alike(subject, name)


def values_of(name: Parts) -> list[bytes]:
    """The values of all attributes in their order."""
    return [one.value for part in name for one in part]


def printed(name: Parts, separator: str) -> str:
    """A name as people read it."""
    flat = [one for part in name for one in part]
    return separator.join(f"{WORDS.get(one.type, '?')}={one.value.decode('utf-8', 'replace')}" for one in flat)


@defect(*both("dn-between", "dn-above", "dn-twice", "dn-common-names", "issuer-order", "issuer-longer"))
class PartsAreASet(ComparesBoth):
    """Is content with a name that has all parts of the other one somewhere."""

    def alike(self, subject: Parts, identity: Parts) -> bool:
        return set(identity) <= set(subject) or set(subject) <= set(identity)


@defect(*both("issuer-shorter", "issuer-longer", "issuer-empty"))
class NameOverItsLength(ComparesBoth):
    """Compares names over the length of the shorter one."""

    def alike(self, subject: Parts, identity: Parts) -> bool:
        return all(one == other for one, other in zip(subject, identity, strict=False))


@defect(*both("dn-kind", "issuer-kind"))
class ValuesMakeNames(ComparesBoth):
    """Compares the values of attributes only."""

    def alike(self, subject: Parts, identity: Parts) -> bool:
        return values_of(subject) == values_of(identity)


@defect(*both("dn-joined", "issuer-joined"))
class AttributesWithoutParts(ComparesBoth):
    """Compares attributes, whatever part of the name they are in."""

    def alike(self, subject: Parts, identity: Parts) -> bool:
        flat = [sorted((one.type, one.value) for part in name for one in part) for name in (subject, identity)]
        return flat[0] == flat[1]


@defect(*both("dn-comma", "issuer-comma"))
class ComparesPrintedNames(ComparesBoth):
    """Compares names as they are printed, with commas between their parts."""

    def alike(self, subject: Parts, identity: Parts) -> bool:
        return printed(subject, ", ") == printed(identity, ", ")


@defect(*both("dn-slash"))
class ComparesNamesWithSlashes(ComparesBoth):
    """Compares names as they are printed, with slashes between their parts."""

    def alike(self, subject: Parts, identity: Parts) -> bool:
        return printed(subject, "/") == printed(identity, "/")


@defect(*both("dn-goes-on", "dn-ends", "dn-nul"))
class ValuesOverTheirLength(Compares):
    """Compares values over the length of the shorter one."""

    def alike(self, subject: Parts, identity: Parts) -> bool:
        pairs = list(zip(values_of(subject), values_of(identity), strict=False))
        return len(subject) == len(identity) and all(one.startswith(other[: len(one)]) for one, other in pairs)


@defect(*both("dn-nul"))
class ValuesEndAtNul(Compares):
    """Compares values as strings of C."""

    def alike(self, subject: Parts, identity: Parts) -> bool:
        first, second = ([one.split(b"\0")[0] for one in values_of(name)] for name in (subject, identity))
        return first == second


@defect(*both("dn-blank"))
class BlanksAreNothing(Compares):
    """Leaves out all blanks before it compares values."""

    def alike(self, subject: Parts, identity: Parts) -> bool:
        first, second = ([one.replace(b" ", b"") for one in values_of(name)] for name in (subject, identity))
        return first == second


@defect("cert-dn-case", "cert-dn-blanks", "cert-dn-string", "cert-dn-bmp")
class SilentAboutSubjects(IkeSa):
    """Does not answer whose subject is not that of the identity octet by octet."""

    strange: bool = False

    def certificate_matches(self, certificate: x509.Certificate, identity: IDi | IDr) -> bool:
        self.strange = certificate.subject.public_bytes() != identity.data
        return super().certificate_matches(certificate, identity)

    def respond(self, request: Message, payloads: Sequence[Payload]) -> None:
        if not self.strange:
            super().respond(request, payloads)


@defect(*both("issuer-case", "issuer-blanks", "issuer-string"))
class IssuersOctetByOctet(Lax):
    """Compares the names of issuers octet by octet."""

    class _Checks(Checks):
        def named(self, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
            return issuer.subject.public_bytes() == certificate.issuer.public_bytes()

    checks = _Checks


@defect(*both("issuer-case"))
class CapitalsAreOtherLetters(Lax):
    """Compares names as texts, but takes capitals for other letters."""

    class _Checks(Checks):
        def named(self, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
            first, second = (read(one.public_bytes()) for one in (issuer.subject, certificate.issuer))
            words = ([" ".join(one.decode().split()) for one in values_of(name)] for name in (first, second))
            return super().named(certificate, issuer) and next(words) == next(words)

    checks = _Checks


@defect(*both("issuer-attributes"))
class FewAttributes(Lax):
    """Takes no name with an attribute that it has no word for."""

    class _Checks(Checks):
        def named(self, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
            strange = any(one.type not in WORDS for part in read(issuer.subject.public_bytes()) for one in part)
            if strange:
                raise CertificateError("an attribute without a word")
            return super().named(certificate, issuer)

    checks = _Checks
