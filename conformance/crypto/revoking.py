"""A maker of CRLs and OCSP responses for test PKIs, right or wrong on purpose. Times are UNIX time in seconds."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

from conformance.crypto.pki import Authority, Extension, Key, Leaf, digest_for, distinguished_name
from conformance.crypto.revocation import issuer_hashes

HOUR, DAY = 3600.0, 86400.0
REMOVED = x509.ReasonFlags.remove_from_crl


def at(seconds: float) -> datetime:
    """A time as certificates have it, in whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC)


def crl(
    issuer: Authority,
    now: float,
    revoked: Sequence[int] = (),
    *,
    reason: x509.ReasonFlags | None = None,
    begun: float = -HOUR,
    end: float = DAY,
    extensions: Sequence[Extension] = (),
    entry: Sequence[Extension] = (),
    key: Key | None = None,
    name: str = "",
    number: int | None = None,
) -> bytes:
    """A CRL, DER, with these serial numbers on it, for ``begun`` to ``end`` seconds from ``now``.

    ``entry`` are further extensions of each entry, ``extensions`` of the CRL. ``key`` and ``name`` are those of the
    issuer where it lies, ``number`` is the CRL's own, None: the time.
    """
    signer = key or issuer.key
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(distinguished_name(name) if name else issuer.certificate.subject)
        .last_update(at(now + begun))
        .next_update(at(now + end))
        .add_extension(x509.CRLNumber(int(now) if number is None else number), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    for one in extensions:
        builder = builder.add_extension(one.value, critical=one.critical)
    for number in revoked:
        listed = x509.RevokedCertificateBuilder().serial_number(number).revocation_date(at(now - HOUR))
        if reason is not None:
            listed = listed.add_extension(x509.CRLReason(reason), critical=False)
        for one in entry:
            listed = listed.add_extension(one.value, critical=one.critical)
        builder = builder.add_revoked_certificate(listed.build())
    return builder.sign(signer, digest_for(signer)).public_bytes(Encoding.DER)


def single(
    number: int,
    issuer: Authority,
    now: float,
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    *,
    reason: x509.ReasonFlags | None = None,
    begun: float = -HOUR,
    end: float | None = DAY,
) -> Mapping[str, object]:
    """What an OCSP response says about the certificate with this serial number; ``end`` None: any time."""
    name_hash, key_hash = issuer_hashes(issuer.certificate, hashes.SHA1())
    revoked = status is ocsp.OCSPCertStatus.REVOKED
    return {
        "issuer_name_hash": name_hash,
        "issuer_key_hash": key_hash,
        "serial_number": number,
        "algorithm": hashes.SHA1(),
        "cert_status": status,
        "this_update": at(now + begun),
        "next_update": None if end is None else at(now + end),
        "revocation_time": at(now - DAY) if revoked else None,
        "revocation_reason": reason if revoked else None,
    }


def response(said: Mapping[str, object], signer: Authority | Leaf, *, nonce: bytes | None = None) -> bytes:
    """An OCSP response, DER, signed by an authority or by a delegate, whose certificate then comes with it."""
    builder = ocsp.OCSPResponseBuilder().add_response_by_hash(**said)  # type: ignore[arg-type]
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, signer.certificate)
    if isinstance(signer, Leaf):
        builder = builder.certificates([signer.certificate])
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.sign(signer.key, digest_for(signer.key)).public_bytes(Encoding.DER)


def failure(status: ocsp.OCSPResponseStatus) -> bytes:
    """An OCSP response that says that there is none, DER."""
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)


def nonce_in(request: bytes) -> bytes | None:
    """The nonce of an OCSP request, None: it has none, or is no request."""
    try:
        found = ocsp.load_der_ocsp_request(request)
        return found.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
    except (ValueError, x509.ExtensionNotFound):
        return None


def points(*urls: str) -> Extension:
    """The extension that says where CRLs are (RFC 5280, section 4.2.1.13), one distribution point for each."""
    found = [x509.DistributionPoint([x509.UniformResourceIdentifier(one)], None, None, None) for one in urls]
    return x509.Extension(x509.CRLDistributionPoints.oid, False, x509.CRLDistributionPoints(found))


def responders(*urls: str) -> Extension:
    """The extension that says whom to ask by OCSP (RFC 5280, section 4.2.2.1)."""
    method = AuthorityInformationAccessOID.OCSP
    found = [x509.AccessDescription(method, x509.UniformResourceIdentifier(one)) for one in urls]
    return x509.Extension(x509.AuthorityInformationAccess.oid, False, x509.AuthorityInformationAccess(found))


def broken(signed: bytes) -> bytes:
    """The same with another last octet, which is one of the signature."""
    return signed[:-1] + bytes((signed[-1] ^ 1,))
