"""Defects of a device that is asked for its certificate (RFC 7296, section 3.7)."""

from collections.abc import Sequence

from conformance.crypto.x509 import subject_key_hash
from conformance.ike.core.connection import Credential
from conformance.ike.core.events import Refusal, Violation
from conformance.ike.ikesa import IkeSa
from conformance.wire import CERT, CERTREQ, CertEncoding, Message, NotifyType
from peers.reference.defects.certificates_names import both
from peers.reference.defects.registry import defect

X509 = CertEncoding.X509_SIGNATURE


@defect(
    *both("choice-second", "choice-many", "choice-between", "choice-other-encodings"),
    "cert-choice-again",
)  # fmt: skip
class AlwaysFirstCertificate(IkeSa):
    """Shows its first certificate whatever it is asked for."""

    def asked_for(self, auth: Credential) -> Credential:
        return auth


@defect(*both("choice-first"), "cert-choice-again")
class AlwaysLastCertificate(IkeSa):
    """Shows its last certificate whatever it is asked for."""

    def asked_for(self, auth: Credential) -> Credential:
        others = getattr(auth, "others", ())
        return others[-1] if others else auth


@defect(*both("choice-between"))
class FirstRequestOnly(IkeSa):
    """Looks at the first CERTREQ only."""

    def requests(self) -> list[CERTREQ]:
        return super().requests()[:1]


@defect(*both("choice-many"))
class FewAuthorities(IkeSa):
    """Looks at the first ten authorities only."""

    def requests(self) -> list[CERTREQ]:
        return [CERTREQ(one.encoding, one.data[:200]) for one in super().requests()]


@defect(*both("choice-other-encodings"))
class AnyEncodingAsked(IkeSa):
    """Takes requests for whatever encoding as if they were for X.509 certificates."""

    def requests(self) -> list[CERTREQ]:
        opening = self.opening.all(CERTREQ) if self.opening is not None else ()
        return list(self.init_requests if self.initiator else opening)


@defect(*both("choice-second"))
class SignsWithOther(IkeSa):
    """Shows the certificate that it is asked for, but signs with its first key in any case."""

    def own_credential(self) -> Credential:
        found = super().own_credential()
        return self.own_party().auth if getattr(self.own_party().auth, "others", ()) else found


class _Choosy(IkeSa):
    """Gives up where it does not like what it is asked for."""

    def displeased(self, found: Sequence[CERTREQ]) -> bool:
        """Whether it gives up."""
        raise NotImplementedError

    def own_certificates(self) -> list[CERT]:
        asked = self.init_requests if self.initiator else self.opening.all(CERTREQ) if self.opening else ()
        if self.displeased(asked):
            raise self.refusal()
        return super().own_certificates()

    def refusal(self) -> Violation | Refusal:
        """How it gives up."""
        text = "no certificate that anybody asks for"
        return Violation(text) if self.initiator else Refusal(NotifyType.AUTHENTICATION_FAILED, text, fatal=True)


@defect(*both("request-url-alone"))
class MustBeAskedAsUsual(_Choosy):
    """Gives up where it is asked for certificates in other encodings alone."""

    def displeased(self, found: Sequence[CERTREQ]) -> bool:
        return bool(found) and all(one.encoding != CertEncoding.X509_SIGNATURE for one in found)


@defect(
    *both("choice-none", "choice-empty", "request-stranger"),
    "cert-responder-request-absent", "cert-responder-request-empty",
)  # fmt: skip
class MustBeAskedFor(_Choosy):
    """Gives up where nobody asks for one of its certificates."""

    def displeased(self, found: Sequence[CERTREQ]) -> bool:
        known = {subject_key_hash(one) for one in self.connection.trust}
        return not any(one.data[at : at + 20] in known for one in found for at in range(0, len(one.data), 20))


@defect(*both("request-doubled"), "cert-responder-request-many")
class OneAuthorityOnly(_Choosy):
    """Gives up where more than one authority is named."""

    def displeased(self, found: Sequence[CERTREQ]) -> bool:
        return any(len(one.data) > 20 for one in found)


@defect(*both("request-doubled"), "cert-responder-request-several", "cert-responder-request-encodings")
class OneRequestOnly(_Choosy):
    """Gives up where there is more than one CERTREQ."""

    def displeased(self, found: Sequence[CERTREQ]) -> bool:
        return len(found) > 1


@defect(*both("choice-both"))
class OrderOfAuthorities(_Choosy):
    """Gives up where the first authority that is named is not that of its first certificate."""

    def displeased(self, found: Sequence[CERTREQ]) -> bool:
        return any(one.data[:20] != subject_key_hash(self.connection.trust[0]) for one in found[:1])


@defect("cert-request-ragged")
class SilentAboutRagged(IkeSa):
    """Does not answer a request with hashes of odd lengths."""

    def on_request(self, message: Message) -> None:
        if not any(len(one.data) % 20 for one in message.all(CERTREQ)):
            super().on_request(message)


@defect("cert-request-no-list", "cert-responder-request-no-list")
class AsksForLists(IkeSa):
    """Asks for a CRL in a CERTREQ."""

    def certificate_requests(self) -> list[CERTREQ]:
        found = super().certificate_requests()
        return [*found, *(CERTREQ(CertEncoding.CRL, one.data) for one in found[:1])]
