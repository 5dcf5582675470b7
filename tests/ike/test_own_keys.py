"""What an IKE SA shows of its key: raw keys, one of several certificates, hashes and URLs."""

from dataclasses import replace
from random import Random

from conformance.crypto.x509 import subject_key_hash
from conformance.ike.core.connection import Connection, PublicKey
from conformance.ike.extensions.hash_and_url import hash_of
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Address
from conformance.wire import CERT, CERTREQ, CertEncoding
from peers.reference.device import PIXIT
from suites.certificates.urls import der
from suites.connections import certificates, raw_keys, two_certificates

EXAMPLE = bytes.fromhex(
    "3059301306072a8648ce3d020106082a8648ce3d03010703420004cb28e0999b9c7715fd0a80d8e47a77079716cbbf917dd72e97566ea1c0"
    "66957c2b57c0235fb7489768d058ff4911c20fdbe71e3699d91339afbb903ee17255dc"
)
"""The ECDSA key of RFC 7670, appendix A.1."""


def sa(connection: Connection) -> IkeSa:
    """An initiator that has sent nothing yet."""
    local, remote = Address("192.0.2.1", 500), Address("192.0.2.2", 500)
    return IkeSa(connection, initiator=True, local=local, remote=remote, random=Random(1).randbytes, now=0.0)


def test_a_raw_key_is_shown_as_in_the_example_of_rfc_7670() -> None:
    found = raw_keys()(PIXIT)
    found = replace(found, local=replace(found.local, auth=PublicKey((), raw=EXAMPLE)))
    [shown] = sa(found).own_certificates()
    assert shown.encode_body().hex().startswith("0f3059301306072a8648ce3d0201") and shown.data == EXAMPLE
    assert sa(found).certificate_requests() == [CERTREQ(CertEncoding.RAW_PUBLIC_KEY, b"")]


def test_of_several_certificates_the_one_that_is_asked_for_is_shown() -> None:
    connection = two_certificates()(PIXIT).mirrored()
    for number, authority in enumerate(connection.trust):
        asked = sa(connection)
        asked.init_requests = (CERTREQ(CertEncoding.X509_SIGNATURE, bytes(20) + subject_key_hash(authority)),)
        auth = connection.local.auth
        assert isinstance(auth, PublicKey)
        wanted = (auth, *auth.others)[number]
        assert asked.own_credential() == wanted
        assert asked.own_certificates() == [CERT(CertEncoding.X509_SIGNATURE, der(wanted.chain[0]))]


def test_a_url_is_shown_to_whom_fetches_only() -> None:
    found = certificates()(PIXIT)
    auth = found.local.auth
    assert isinstance(auth, PublicKey)
    found = replace(found, local=replace(found.local, auth=replace(auth, url="http://192.0.2.1/")))
    shown = sa(found)
    assert shown.own_certificates()[0].encoding == CertEncoding.X509_SIGNATURE
    shown.peer_looks_up = True
    digest = hash_of(der(auth.chain[0]))
    where = f"http://192.0.2.1/{digest.hex()}".encode()
    assert shown.own_certificates() == [CERT(CertEncoding.HASH_URL_X509, digest + where)]
