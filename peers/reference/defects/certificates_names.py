"""Defects of the comparison of certificates with identities (RFC 4945, section 3.1)."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from cryptography import x509

from conformance.ike.ikesa import IkeSa
from conformance.wire import IDi, IDr, IdType
from peers.reference.defects.registry import defect


def both(*rests: str) -> tuple[str, ...]:
    """The ids of purposes in both roles: what comes after ``cert-``."""
    return tuple(f"cert-{role}{rest}" for rest in rests for role in ("", "responder-"))


def names(certificate: x509.Certificate) -> Iterator[str]:
    """The texts of all alternative names of one certificate."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return
    yield from (str(one.value) for one in found)


def text_of(identity: IDi | IDr) -> str:
    """An identity as text."""
    if identity.id_type == IdType.IPV4_ADDR:
        return ".".join(map(str, identity.data))
    return identity.data.decode("utf-8", "replace")


class Also(IkeSa):
    """Takes a certificate for that of its peer for one more reason."""

    def certificate_matches(self, certificate: x509.Certificate, identity: IDi | IDr) -> bool:
        return super().certificate_matches(certificate, identity) or self.also(certificate, identity)

    def also(self, certificate: x509.Certificate, identity: IDi | IDr) -> bool:
        """The further reason."""
        raise NotImplementedError


@defect(*both("name-wildcard", "name-star", "mail-wildcard"))
class NamesArePatterns(Also):
    """Takes stars in names for patterns."""

    def also(self, certificate: x509.Certificate, identity: IDi | IDr) -> bool:
        return any(fnmatchcase(text_of(identity), one) for one in names(certificate))


@defect(*both("name-nul", "mail-nul"))
class NamesEndAtNul(Also):
    """Compares names as strings of C."""

    def also(self, certificate: x509.Certificate, identity: IDi | IDr) -> bool:
        return any(text_of(identity) == one.split("\0")[0] for one in names(certificate))


@defect(*both("name-longer", "name-nul", "mail-longer", "mail-nul"))
class NameMayGoOn(Also):
    """Compares names over the length of the identity."""

    def also(self, certificate: x509.Certificate, identity: IDi | IDr) -> bool:
        return any(one.startswith(text_of(identity)) for one in names(certificate))


@defect(*both("name-shorter", "name-empty", "mail-shorter"))
class NameMayEnd(Also):
    """Compares names over the length of what stands in the certificate."""

    def also(self, certificate: x509.Certificate, identity: IDi | IDr) -> bool:
        return any(text_of(identity).startswith(one) for one in names(certificate))


@defect(*both("name-parent", "name-leading-dot", "mail-domain"))
class DomainSpeaksForHosts(Also):
    """Takes a name for that of everybody below it."""

    def also(self, certificate: x509.Certificate, identity: IDi | IDr) -> bool:
        return any(text_of(identity).endswith(one) for one in names(certificate))


@defect(*both("name-mail", "name-uri", "mail-name", "address-text"))
class AnyTypeOfName(Also):
    """Compares the text with names of every type."""

    def also(self, certificate: x509.Certificate, identity: IDi | IDr) -> bool:
        return text_of(identity) in names(certificate)


@defect(*both("name-in-subject", "name-in-subject-beside", "address-in-subject"))
class FallsBackToCommonName(Also):
    """Takes the common name for an identity, too."""

    def also(self, certificate: x509.Certificate, identity: IDi | IDr) -> bool:
        found = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return text_of(identity) in [one.value for one in found]


@defect(*both("name-case", "mail-case"))
class NamesHaveCase(IkeSa):
    """Finds that upper and lower case are different."""

    def certificate_matches(self, certificate: x509.Certificate, identity: IDi | IDr) -> bool:
        return text_of(identity) in names(certificate)


@defect(*both("name-among-others"))
class FirstNameOnly(IkeSa):
    """Reads the first alternative name only."""

    def certificate_matches(self, certificate: x509.Certificate, identity: IDi | IDr) -> bool:
        return text_of(identity) == next(names(certificate), None)


@defect(*both("name-empty-subject"))
class SubjectDemanded(IkeSa):
    """Takes no certificate without a subject."""

    def certificate_matches(self, certificate: x509.Certificate, identity: IDi | IDr) -> bool:
        return bool(certificate.subject.rdns) and super().certificate_matches(certificate, identity)


@defect(*both("address-network", "address-mapped"))
class AddressAnywhere(Also):
    """Finds the octets of an address anywhere in the certificate, whose extensions it does not read."""

    def check_chain(self, chain: Sequence[x509.Certificate]) -> None:
        pass

    def also(self, certificate: x509.Certificate, identity: IDi | IDr) -> bool:
        return identity.id_type == IdType.IPV4_ADDR and identity.data in certificate.tbs_certificate_bytes


@defect(*both("dn-shorter", "dn-longer", "dn-order", "dn-wildcard"))
class PartsOfSubject(Also):
    """Takes a subject that has some part in common with the identity."""

    def also(self, certificate: x509.Certificate, identity: IDi | IDr) -> bool:
        parts = [x509.Name([one]).public_bytes()[2:] for one in certificate.subject.rdns]
        return identity.id_type == IdType.DER_ASN1_DN and any(one in identity.data for one in parts)


@defect(*both("address-neighbour"))
class NetworksOnly(Also):
    """Compares all but the last octet of addresses."""

    def also(self, certificate: x509.Certificate, identity: IDi | IDr) -> bool:
        try:
            found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return False
        ours = identity.data[:-1]
        return any(one.packed[:-1] == ours for one in found.get_values_for_type(x509.IPAddress))  # type: ignore[union-attr]


@defect(*both("dn-empty"))
class NoSubjectFitsAll(Also):
    """Has nothing against an identity where the certificate has no subject."""

    def also(self, certificate: x509.Certificate, identity: IDi | IDr) -> bool:
        return not list(certificate.subject)
