"""Certificates: paths that hold, paths that break and the reason given, identities, the PKI maker."""

from datetime import UTC, datetime
from hashlib import sha1
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID
from hypothesis import given
from hypothesis import strategies as st

from conformance.crypto import CertificateError, UnsupportedAlgorithm
from conformance.crypto.pki import Authority, Leaf, cached_key, distinguished_name, new_key
from conformance.crypto.x509 import load_certificate, matches_identity, subject_key_hash, validate_chain
from conformance.wire import IdType

NOW = datetime(2026, 6, 1, tzinfo=UTC)
EARLY, LATE = datetime(2019, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)
FUTURE = datetime(2030, 1, 1, tzinfo=UTC)
IPSEC_IKE = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.17")
SERVER = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.1")
ROOT = Authority.create("root")


def problem_of(leaf: Leaf, *anchors: Authority, now: datetime = NOW) -> str:
    with pytest.raises(CertificateError) as caught:
        validate_chain(leaf.chain, [one.certificate for one in anchors], now)
    assert str(caught.value) == caught.value.problem
    return caught.value.problem


@pytest.mark.parametrize("kind", ["rsa", "ecdsa", "ecdsa384", "ed25519"])
def test_what_is_issued_again_is_the_same_to_the_octet(kind: str) -> None:
    """Two certificates with one serial number would be against RFC 5280, section 4.1.2.2."""
    root = Authority.create(f"{kind} root", kind=kind)
    assert root.certificate == Authority.create(f"{kind} root", kind=kind).certificate
    assert root.issue("somebody").certificate == root.issue("somebody").certificate


@pytest.mark.parametrize("kind", ["ecdsa", "ecdsa384", "ecdsa521", "rsa", "ed25519", "ed448"])
def test_direct_path(kind: str) -> None:
    root = Authority.create(f"{kind} root", kind=kind)
    leaf = root.issue("moon", kind=kind, sans=["moon.example"])
    assert validate_chain(leaf.chain, [ROOT.certificate, root.certificate], NOW) == root.certificate
    assert leaf.chain == (leaf.certificate,)


def test_path_over_intermediates_in_any_order() -> None:
    upper = Authority.create("upper", issuer=ROOT)
    lower = Authority.create("lower", issuer=upper)
    leaf = lower.issue("moon")
    assert leaf.chain == (leaf.certificate, lower.certificate, upper.certificate)
    for order in ((0, 1, 2), (0, 2, 1)):
        chain = [leaf.chain[place] for place in order]
        assert validate_chain(chain, [ROOT.certificate], NOW) == ROOT.certificate
    assert validate_chain(leaf.chain, [upper.certificate], NOW.replace(tzinfo=None)) == upper.certificate


def test_a_trusted_end_entity_needs_no_authority() -> None:
    leaf = ROOT.issue("pinned")
    assert validate_chain(leaf.chain, [leaf.certificate], NOW) == leaf.certificate


def test_expired() -> None:
    leaf = ROOT.issue("moon", not_before=EARLY, not_after=LATE)
    assert problem_of(leaf, ROOT) == "certificate CN=moon expired 2020-01-01"
    assert validate_chain(leaf.chain, [Authority.create("root", key=ROOT.key, not_before=EARLY).certificate], EARLY)


def test_not_yet_valid() -> None:
    leaf = ROOT.issue("moon", not_before=FUTURE)
    assert problem_of(leaf, ROOT) == "certificate CN=moon is not valid before 2030-01-01"


def test_the_last_second_is_valid() -> None:
    leaf = ROOT.issue("moon", not_after=NOW)
    assert validate_chain(leaf.chain, [ROOT.certificate], NOW) == ROOT.certificate


def test_expired_intermediate_and_anchor() -> None:
    expired = Authority.create("old", issuer=ROOT, not_before=EARLY, not_after=LATE)
    assert problem_of(expired.issue("moon"), ROOT) == "certificate CN=old expired 2020-01-01"
    root = Authority.create("old root", not_before=EARLY, not_after=LATE)
    assert problem_of(root.issue("moon"), root) == "certificate CN=old root expired 2020-01-01"


def test_unknown_issuer() -> None:
    stranger = Authority.create("stranger")
    expected = "certificate CN=moon was issued by CN=stranger, which is neither a trust anchor nor in the chain"
    assert problem_of(stranger.issue("moon"), ROOT) == expected
    with pytest.raises(CertificateError, match="no certificate"):
        validate_chain((), [ROOT.certificate], NOW)


def test_self_signed() -> None:
    lonely = Authority.create("lonely")
    leaf = Leaf(lonely.key, lonely.certificate, (lonely.certificate,))
    assert "may not sign: keyUsage" in problem_of(leaf, ROOT)
    impostor = Authority.create("stranger root")
    chain = impostor.issue("moon")
    with_root = Leaf(chain.key, chain.certificate, (*chain.chain, impostor.certificate))
    assert problem_of(with_root, ROOT) == "certificate CN=stranger root is self-signed and no trust anchor"


def test_same_name_but_another_key() -> None:
    rogue = Authority.create("root", key=new_key("ecdsa"))
    assert rogue.certificate.subject == ROOT.certificate.subject
    assert problem_of(rogue.issue("moon"), ROOT) == "certificate CN=moon is not signed by the key of CN=root"
    both = [ROOT.certificate, rogue.certificate]
    assert validate_chain(rogue.issue("moon").chain, both, NOW) == rogue.certificate


def test_issuer_without_the_ca_flag() -> None:
    middle = ROOT.issue("middle", key_usage=("digital_signature", "key_cert_sign"))
    fake = Authority("middle", middle.key, middle.certificate, middle.chain)
    problem = problem_of(fake.issue("moon"), ROOT)
    assert problem == "certificate CN=middle is no CA: the flag of basicConstraints is not set"


def test_issuer_without_key_cert_sign() -> None:
    middle = ROOT.issue("middle", ca=True, key_usage=("digital_signature",))
    fake = Authority("middle", middle.key, middle.certificate, middle.chain)
    problem = problem_of(fake.issue("moon"), ROOT)
    assert problem == "certificate CN=middle may not sign certificates: keyUsage without keyCertSign"


def test_issuer_without_basic_constraints() -> None:
    key = new_key("ecdsa")
    name = distinguished_name("ancient")
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(EARLY).not_valid_after(FUTURE)
    ancient = Authority("ancient", key, builder.sign(key, SHA256()))
    assert problem_of(ancient.issue("moon"), ancient) == "certificate CN=ancient is no CA: basicConstraints is missing"


def test_path_length() -> None:
    root = Authority.create("short root", path_length=0)
    assert validate_chain(root.issue("moon").chain, [root.certificate], NOW) == root.certificate
    middle = Authority.create("middle", issuer=root)
    problem = problem_of(middle.issue("moon"), root)
    assert problem == "certificate CN=short root allows 0 CAs below it, the path has 1"


@pytest.mark.parametrize(
    ("usage", "accepted"),
    [
        (("digital_signature",), True),
        (("content_commitment",), True),
        (None, True),
        (("key_encipherment",), False),
        ((), False),
    ],
)
def test_key_usage_of_the_end_entity(usage: tuple[str, ...] | None, accepted: bool) -> None:
    """RFC 4945, section 5.1.3.2."""
    leaf = ROOT.issue("moon", key_usage=usage)
    if accepted:
        assert validate_chain(leaf.chain, [ROOT.certificate], NOW) == ROOT.certificate
    else:
        assert problem_of(leaf, ROOT).startswith("certificate CN=moon may not sign")


@pytest.mark.parametrize(
    ("purposes", "accepted"),
    [
        ((), True),
        ((IPSEC_IKE,), True),
        ((SERVER, IPSEC_IKE), True),
        ((ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,), True),
        ((SERVER,), False),
    ],
)
def test_extended_key_usage(purposes: tuple[x509.ObjectIdentifier, ...], accepted: bool) -> None:
    """RFC 4945, section 5.1.3.12."""
    leaf = ROOT.issue("moon", extended_key_usage=purposes)
    if accepted:
        assert validate_chain(leaf.chain, [ROOT.certificate], NOW) == ROOT.certificate
    else:
        assert problem_of(leaf, ROOT).startswith("certificate CN=moon is not for IKE")


def test_unknown_critical_extension() -> None:
    odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.32473.1"), b"\x05\x00")
    problem = problem_of(ROOT.issue("moon", critical=[odd]), ROOT)
    assert problem == "certificate CN=moon has the critical extension 1.3.6.1.4.1.32473.1, which is not processed"


def test_malformed_extension() -> None:
    bad = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, b"\xff")
    assert "malformed extensions" in problem_of(ROOT.issue("moon", critical=[bad]), ROOT)
    assert not matches_identity(ROOT.issue("moon", critical=[bad]).certificate, IdType.FQDN, b"moon")


def test_circle_of_issuers_ends() -> None:
    first = Authority.create("first", issuer=Authority.create("second"))
    second = Authority.create("second", issuer=first)
    leaf = first.issue("moon")
    loop = Leaf(leaf.key, leaf.certificate, (leaf.certificate, first.certificate, second.certificate))
    assert "neither a trust anchor nor in the chain" in problem_of(loop, ROOT)


def test_a_thicket_of_issuers_ends() -> None:
    key = new_key("ecdsa")
    stranger = Authority.create("stranger", key=key)
    thicket = [Authority.create("thicket", issuer=stranger, key=key, path_length=n) for n in range(20)]
    thicket = [Authority.create("thicket", issuer=one, key=key, path_length=30 + n) for n, one in enumerate(thicket)]
    leaf = thicket[0].issue("moon")
    chain = (leaf.certificate, *(one.certificate for one in thicket))
    assert problem_of(Leaf(leaf.key, leaf.certificate, chain), ROOT).startswith(
        "no path from certificate CN=moon after"
    )


SANS = ["moon.example", "Carol@Example.org", "192.0.2.1", "2001:db8::1"]
WHOLE = ROOT.issue("moon", sans=SANS, extended_key_usage=(IPSEC_IKE,))


@given(st.data())
def test_bent_certificates_raise_nothing_else(data: st.DataObject) -> None:
    """Whatever loads as a certificate is accepted or refused with a reason."""
    der = bytearray(WHOLE.certificate.public_bytes(Encoding.DER))
    for place in data.draw(st.lists(st.integers(0, len(der) - 1), min_size=1, max_size=3)):
        der[place] = data.draw(st.integers(0, 255))
    try:
        bent = x509.load_der_x509_certificate(bytes(der))
    except (ValueError, x509.InvalidVersion):
        with pytest.raises(CertificateError, match="can be read"):
            load_certificate(bytes(der))
        return
    for chain, anchors in (((bent,), (ROOT.certificate,)), ((WHOLE.certificate, bent), (bent,))):
        try:
            assert validate_chain(chain, anchors, NOW) in anchors
        except CertificateError as error:
            assert error.problem
    for id_type in (IdType.FQDN, IdType.RFC822_ADDR, IdType.IPV4_ADDR, IdType.DER_ASN1_DN):
        matches_identity(bent, id_type, b"moon")


@pytest.mark.parametrize(
    ("id_type", "data", "expected"),
    [
        (IdType.FQDN, b"moon.example", True),
        (IdType.FQDN, b"MOON.example", True),
        (IdType.FQDN, b"sun.example", False),
        (IdType.FQDN, b"moon", False),
        (IdType.FQDN, b"\xff", False),
        (IdType.RFC822_ADDR, b"Carol@example.org", True),
        (IdType.RFC822_ADDR, b"carol@example.org", False),
        (IdType.RFC822_ADDR, b"moon.example", False),
        (IdType.IPV4_ADDR, ip_address("192.0.2.1").packed, True),
        (IdType.IPV4_ADDR, ip_address("192.0.2.2").packed, False),
        (IdType.IPV4_ADDR, ip_address("2001:db8::1").packed, False),
        (IdType.IPV4_ADDR, b"", False),
        (IdType.IPV6_ADDR, ip_address("2001:db8::1").packed, True),
        (IdType.IPV6_ADDR, ip_address("192.0.2.1").packed, False),
        (IdType.DER_ASN1_DN, distinguished_name("C=CH,O=ikespec,CN=moon").public_bytes(), True),
        (IdType.DER_ASN1_DN, distinguished_name("C=CH,O=ikespec,CN=sun").public_bytes(), False),
        (IdType.KEY_ID, b"moon.example", False),
        (IdType.DER_ASN1_GN, b"moon.example", False),
        (IdType(200), b"moon.example", False),
    ],
)
def test_identity(id_type: IdType, data: bytes, expected: bool) -> None:
    certificate = ROOT.issue("C=CH,O=ikespec,CN=moon", sans=SANS).certificate
    assert matches_identity(certificate, id_type, data) is expected


def test_common_name_is_no_identity() -> None:
    assert not matches_identity(ROOT.issue("moon.example").certificate, IdType.FQDN, b"moon.example")


def test_subject_key_hash() -> None:
    """RFC 7296, section 3.7."""
    spki = ROOT.certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert subject_key_hash(ROOT.certificate) == sha1(spki, usedforsecurity=False).digest()


@pytest.mark.parametrize("der", [b"", b"\x30\x03\x02\x01\x00", WHOLE.certificate.public_bytes(Encoding.DER)[:-1]])
def test_what_is_no_certificate(der: bytes) -> None:
    with pytest.raises(CertificateError, match="no certificate that can be read"):
        load_certificate(der)


def test_load_certificate() -> None:
    assert load_certificate(WHOLE.certificate.public_bytes(Encoding.DER)) == WHOLE.certificate


def test_pem_forms() -> None:
    middle = Authority.create("middle", issuer=ROOT)
    leaf = middle.issue("moon")
    assert x509.load_pem_x509_certificate(leaf.certificate_pem) == leaf.certificate
    assert tuple(x509.load_pem_x509_certificates(leaf.chain_pem)) == (leaf.certificate, middle.certificate)
    assert x509.load_pem_x509_certificate(ROOT.certificate_pem) == ROOT.certificate
    for pem, certificate in ((leaf.key_pem, leaf.certificate), (ROOT.key_pem, ROOT.certificate)):
        key = load_pem_private_key(pem, None)
        assert key.public_key() == certificate.public_key()


def test_keys_are_kept_by_kind_and_name() -> None:
    assert cached_key("rsa", "kept") is cached_key("rsa", "kept")
    assert Authority.create("kept", kind="rsa").key is cached_key("rsa", "kept")
    assert cached_key("ecdsa", "one") is not cached_key("ecdsa", "another")


@pytest.mark.parametrize(("kind", "bits"), [("rsa", 2048), ("ecdsa", 256), ("ecdsa384", 384), ("ecdsa521", 521)])
def test_kinds_of_keys(kind: str, bits: int) -> None:
    key = cached_key(kind, "kinds")
    assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    assert key.key_size == bits


def test_unknown_kind_is_named() -> None:
    with pytest.raises(UnsupportedAlgorithm, match="'dsa'"):
        new_key("dsa")


def test_the_same_request_has_the_same_serial_number() -> None:
    numbers = [
        ROOT.issue("moon", sans=[name]).certificate.serial_number for name in ("a.example", "a.example", "b.test")
    ]
    assert numbers[0] == numbers[1] != numbers[2]


# the PKI maker: extensions


def test_an_extension_takes_the_place_of_the_usual_one() -> None:
    other = x509.BasicConstraints(ca=False, path_length=None)
    made = Authority.create("a CA that is none", issuer=ROOT, extensions=[x509.Extension(other.oid, False, other)])
    found = made.certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (found.value.ca, found.critical) == (False, False)
    assert "flag of basicConstraints is not set" in problem_of(made.issue("moon"), ROOT)


def test_an_extension_is_left_out() -> None:
    made = Authority.create("a CA without", issuer=ROOT, without=[ExtensionOID.BASIC_CONSTRAINTS])
    assert "basicConstraints is missing" in problem_of(made.issue("moon"), ROOT)


def test_certificates_with_other_extensions_have_other_numbers() -> None:
    odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    made = [ROOT.issue("moon", extensions=found) for found in ([], [x509.Extension(odd.oid, False, odd)])]
    assert made[0].certificate.serial_number != made[1].certificate.serial_number


def test_a_subject_may_be_empty() -> None:
    assert not ROOT.issue("", sans=["moon"]).certificate.subject.rdns
