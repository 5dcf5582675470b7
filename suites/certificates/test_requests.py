"""CERTREQ payloads that ask for one certificate or another, or for nothing that there is (RFC 7296, section 3.7)."""

from collections.abc import Callable, Sequence

from cryptography import x509

from conformance.crypto.x509 import CertificateError, load_certificate, subject_key_hash
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import fatal
from conformance.wire import CERT, CERTREQ, CertEncoding, ExchangeType, Message
from peers.capabilities import Capability
from suites.certificates.roles import AsResponder, in_both, of_responder
from suites.certificates.test_payloads import UNKNOWN, after_first
from suites.connections import Setup, certificates, two_certificates
from suites.dut import Dut
from suites.ike_auth.refusal import answer_of, must_be_a_refusal
from suites.ike_auth.steps import must_be_accepted_by, must_succeed
from suites.purpose import purpose

Ask = Callable[[Peer], Bend]
"""What we ask the device for: in IKE_AUTH, or in our IKE_SA_INIT response."""

X509 = CertEncoding.X509_SIGNATURE
CHOOSES = "RFC7296-3.7-4"
NO_ERROR = "RFC7296-3.7-5"
MANY = 30
"""So many authorities fit into an IKE_SA_INIT response that every device must take: 1280 octets (section 2)."""


def asked(
    identifier: str, *requirements: str, shows: int | None = None, connection: Setup | None = None
) -> Callable[[Ask], AsResponder]:
    """The device is asked, and authenticates itself; it ``shows`` a certificate of the authority with this number.

    As responder it is asked in our IKE_AUTH request, as initiator in our IKE_SA_INIT response. Without a ``connection``
    it has two certificates.
    """
    several = connection is None
    setup, needs = connection or two_certificates(), (Capability.CERTIFICATE_CHOICE,) if several else ()

    def first(peer: Peer, bent: Bend) -> None:
        sa = peer.sa()
        sa.init()
        answer = sa.auth(bent)
        must_succeed(peer, sa, requirements[0])
        must_come_from(peer, answer, shows)

    def second(peer: Peer, dut: Dut, bent: Bend) -> None:
        dut.initiate()
        sa = peer.respond_init(peer.expect_init(), bent)
        request = sa.expect_request(ExchangeType.IKE_AUTH)
        must_come_from(peer, request.message, shows)
        sa.answer(request)
        must_be_accepted_by(sa, requirements[0])

    def register(ask: Ask) -> AsResponder:
        return in_both(
            ask,
            purpose(identifier, *requirements, role="responder", connection=setup, needs=needs),
            purpose(of_responder(identifier), *requirements, role="initiator", connection=setup, needs=needs),
            lambda peer: first(peer, ask(peer)),
            lambda peer, dut: second(peer, dut, ask(peer)),
        )

    return register


def must_come_from(peer: Peer, message: Message, number: int | None) -> None:
    """The device's certificate was issued by this one of the authorities that we trust; None: by any."""
    shown = [one.data for one in message.all(CERT) if one.encoding == X509]
    peer.check(shown or number is None, "a certificate", message, CHOOSES)
    if number is None or not shown:
        return
    try:
        issuer = load_certificate(shown[0]).issuer
    except CertificateError as error:
        peer.check(False, "a certificate that can be read", error, "RFC7296-3.6-3")
        return
    wanted = peer.connection.trust[number].subject
    expected = f"a certificate of {wanted.rfc4514_string()}, as asked for"
    peer.check(issuer == wanted, expected, f"one of {issuer.rfc4514_string()}", CHOOSES)


# --- what we ask for ------------------------------------------------------------------------------------------------


def hashes(*authorities: x509.Certificate) -> bytes:
    """The hashes of these authorities."""
    return b"".join(map(subject_key_hash, authorities))


def naming(data: bytes, text: str) -> Bend:
    """One CERTREQ payload with this in it."""
    return bend.change(CERTREQ, data=data, text=text)


def between_strangers(peer: Peer, data: bytes) -> Bend:
    """Three CERTREQ payloads: two name strangers, this stands in the one between them."""
    before, behind = (CERTREQ(X509, peer.random(20)) for _ in range(2))
    return naming(data, "asking in the second of three") | bend.insert(before) | bend.append(behind)


def others(encodings: Sequence[CertEncoding], data: bytes) -> Bend:
    """Behind the right CERTREQ payload others for these encodings."""
    numbers = ", ".join(str(int(one)) for one in encodings)
    return after_first(CERTREQ, [CERTREQ(one, data) for one in encodings], f"for the encodings {numbers}, too")


# --- a device with two certificates -----------------------------------------------------------------------------------


@asked("cert-choice-first", CHOOSES, shows=0)
def test_first(peer: Peer) -> Bend:
    """The device has certificates of two authorities, and is asked for that of the first one."""
    return naming(hashes(peer.connection.trust[0]), "for the first authority")


@asked("cert-choice-second", CHOOSES, shows=1)
def test_second(peer: Peer) -> Bend:
    """The device has certificates of two authorities, and is asked for that of the second one."""
    return naming(hashes(peer.connection.trust[1]), "for the second authority")


@asked("cert-choice-many", CHOOSES, shows=1)
def test_many(peer: Peer) -> Bend:
    """Thirty authorities are named, the last one of which issued the device's second certificate."""
    return naming(peer.random(20 * (MANY - 1)) + hashes(peer.connection.trust[1]), f"{MANY} authorities")


@asked("cert-choice-between", "RFC4945-3.2.8.3-1", CHOOSES, shows=1)
def test_between(peer: Peer) -> Bend:
    """Three CERTREQ payloads: the authority of the second certificate stands in the one between two of strangers."""
    return between_strangers(peer, hashes(peer.connection.trust[1]))


@asked("cert-choice-other-encodings", "RFC4945-3.2.8.1-1", CHOOSES, shows=1)
def test_other_encodings(peer: Peer) -> Bend:
    """The first authority is named for encodings that are unknown, the second one for X.509 certificates."""
    first, second = (hashes(one) for one in peer.connection.trust)
    return naming(second, "for the second authority") | others(UNKNOWN, first)


@asked("cert-choice-both", NO_ERROR)
def test_both(peer: Peer) -> Bend:
    """Both authorities are named, the second one before the first: the device takes whichever it likes."""
    return naming(hashes(*peer.connection.trust[::-1]), "for both authorities")


@asked("cert-choice-none", NO_ERROR)
def test_none(peer: Peer) -> Bend:
    """An authority is named that has issued neither certificate: it may show one of them all the same."""
    return naming(peer.random(20), "for a stranger")


@asked("cert-choice-empty", NO_ERROR)
def test_empty(peer: Peer) -> Bend:
    """No authority is named: the device takes whichever certificate it likes."""
    return naming(b"", "no authority")


@purpose(
    "cert-choice-again", CHOOSES, role="responder",
    connection=two_certificates(), needs=(Capability.CERTIFICATE_CHOICE,),
)  # fmt: skip
def test_again(peer: Peer) -> None:
    """Four IKE SAs one after the other ask for the one certificate and the other in turn: each gets its own."""
    for number in (1, 0, 1, 0):
        sa = peer.sa()
        sa.init()
        answer = sa.auth(naming(hashes(peer.connection.trust[number]), f"for authority {number + 1}"))
        must_succeed(peer, sa, CHOOSES)
        must_come_from(peer, answer, number)
        sa.delete()


# --- a device with one ----------------------------------------------------------------------------------------------


@asked("cert-request-doubled", "RFC4945-3.2.8.3-1", NO_ERROR, connection=certificates())
def test_doubled(peer: Peer) -> Bend:
    """The same CERTREQ payload twice, with the same authority twice in each."""
    return naming(hashes(peer.connection.trust[0]) * 2, "the same authority twice") | bend.double(CERTREQ)


@asked("cert-request-stranger", NO_ERROR, connection=certificates())
def test_stranger(peer: Peer) -> Bend:
    """An authority is named that the device has nothing from: that is no error."""
    return naming(peer.random(20), "for a stranger")


@asked("cert-request-url-alone", NO_ERROR, "RFC4945-3.2.8.1-1", connection=certificates())
def test_url_alone(peer: Peer) -> Bend:
    """The right authority is named for certificates by hash and URL alone, which is no error where there are none."""
    return bend.change(CERTREQ, encoding=CertEncoding.HASH_URL_X509, text="for hash and URL alone")


def as_initiator(identifier: str, *requirements: str) -> Callable[[Ask], Callable[[Peer, Dut], None]]:
    """What there is for a device as responder already: it is the initiator, and asked in our IKE_SA_INIT response."""

    def register(ask: Ask) -> Callable[[Peer, Dut], None]:
        def test(peer: Peer, dut: Dut) -> None:
            dut.initiate()
            sa = peer.respond_init(peer.expect_init(), ask(peer))
            sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
            must_be_accepted_by(sa, requirements[0])

        test.__name__, test.__module__, test.__doc__ = ask.__name__, ask.__module__, ask.__doc__
        return purpose(identifier, *requirements, role="initiator", connection=certificates())(test)

    return register


@as_initiator("cert-responder-request-absent", "RFC7296-1.2-6")
def test_responder_absent(peer: Peer) -> Bend:
    """Our IKE_SA_INIT response asks for no certificate: the device authenticates itself all the same."""
    return bend.drop(CERTREQ)


@as_initiator("cert-responder-request-empty", NO_ERROR)
def test_responder_empty(peer: Peer) -> Bend:
    """CERTREQ in our IKE_SA_INIT response names no authority."""
    return naming(b"", "no authority")


@as_initiator("cert-responder-request-many", NO_ERROR, "RFC7296-3.7-2")
def test_responder_many(peer: Peer) -> Bend:
    """CERTREQ in our IKE_SA_INIT response names thirty authorities, the right one the last of them."""
    return naming(peer.random(20 * (MANY - 1)) + hashes(peer.connection.trust[0]), f"{MANY} authorities")


@as_initiator("cert-responder-request-several", "RFC4945-3.2.8.3-1", NO_ERROR)
def test_responder_several(peer: Peer) -> Bend:
    """Three CERTREQ payloads in our IKE_SA_INIT response: the right authority stands in the second one."""
    return between_strangers(peer, hashes(peer.connection.trust[0]))


@as_initiator("cert-responder-request-encodings", "RFC4945-3.2.8.1-1", NO_ERROR)
def test_responder_encodings(peer: Peer) -> Bend:
    """Behind the right CERTREQ come three for encodings that are unknown."""
    return others(UNKNOWN, peer.random(20))


@purpose("cert-request-ragged", NO_ERROR, "RFC7296-2.21.2-1", role="responder", connection=certificates())
def test_ragged(peer: Peer) -> None:
    """Hashes of authorities that are too short or too long, in turn.

    A device may take them for what it does not know, or refuse the message; it says so, and is none the worse.
    """
    right = hashes(peer.connection.trust[0])
    for data in (right[:1], right[:-1], right + right[:1], right * 3 + right[:-1], right[1:] + right):
        sa = peer.sa()
        sa.init()
        answer = answer_of(peer, sa, naming(data, f"hashes of {len(data)} octets"))
        if fatal(answer) is None:
            must_succeed(peer, sa, "RFC7296-2.21.2-1")
            sa.delete()
        else:
            must_be_a_refusal(peer, sa, answer)


# --- what the device asks us for --------------------------------------------------------------------------------------

_NO_LIST = ("RFC4945-3.2.3-2", "RFC4945-3.2.3-1")


def no_list_asked(peer: Peer, message: Message) -> None:
    """It has not asked for a CRL; who does gets none and must live with that."""
    asked = [one for one in message.all(CERTREQ) if one.encoding == CertEncoding.CRL]
    peer.check(not asked, "no CERTREQ for a CRL", message, "RFC4945-3.2.3-1")


@purpose("cert-request-no-list", *_NO_LIST, role="responder", ordinary=True, connection=certificates())
def test_no_list(peer: Peer) -> None:
    """Whatever the device asks for in IKE_SA_INIT, it lives without a CRL, and best asks for none."""
    sa = peer.sa()
    opening = sa.init()
    sa.auth()
    must_succeed(peer, sa, "RFC4945-3.2.3-2")
    no_list_asked(peer, opening)


@purpose("cert-responder-request-no-list", *_NO_LIST, role="initiator", connection=certificates())
def test_no_list_of_responder(peer: Peer, dut: Dut) -> None:
    """Whatever the device asks for in IKE_AUTH, it lives without a CRL, and best asks for none."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    sa.answer(request)
    must_be_accepted_by(sa, "RFC4945-3.2.3-2")
    no_list_asked(peer, request.message)
