"""EAP as clients of certain makers ask for it, and in the fragments of IKE."""

from conformance.script import bend
from conformance.script.peer import Peer
from conformance.wire import CERTREQ, EAP, CertEncoding, EapCode, IDr
from peers.capabilities import Capability
from suites.connections import eap
from suites.dut import Dut
from suites.eap.steps import asked, must_be_up
from suites.ike_auth.steps import must_be_accepted_by
from suites.purpose import purpose

MANY, HASH = 60, 20
"""Authorities that a client knows, and octets of the hash of each."""


@purpose(
    "eap-many-authorities", "RFC7296-2.16-2", "RFC7296-1.2-6", "RFC7296-3.7-1", role="responder",
    needs=(Capability.EAP,), connection=eap(), ordinary=True,
)  # fmt: skip
def test_many_authorities(peer: Peer) -> None:
    """An initiator without IDr that trusts sixty authorities, that of the device the last one, is authenticated.

    So Windows asks, which lists all that it knows and does not say to whom it wants to talk.
    """
    sa = peer.sa()
    sa.init()
    unknown = CERTREQ(CertEncoding.X509_SIGNATURE, peer.random(HASH * (MANY - 1)))
    long = bend.replace(CERTREQ, lambda one: CERTREQ(one.encoding, unknown.data + one.data), f"{MANY} authorities")
    sa.auth(bend.drop(IDr) | long)
    must_be_up(peer, sa)


@purpose(
    "eap-in-fragments", "RFC7296-2.16-5", "RFC7383-2.5-1", role="responder",
    needs=(Capability.EAP, Capability.FRAGMENTATION),
    connection=eap("tls", "ttls", "peap", fragment_size=400), ordinary=True,
)  # fmt: skip
def test_in_fragments(peer: Peer) -> None:
    """Rounds of EAP that come in several fragments of IKE are put together like any other request."""
    sa = peer.sa()
    answer = asked(peer, sa)
    split = 0
    while peer.expect(answer, EAP, "RFC7296-2.16-11").packet.code == EapCode.REQUEST:
        answer = sa.proceed(answer)
        split += sa.last_sent is not None and len(sa.last_sent.datagrams) > 1
    peer.check(split, "a round of ours in fragments", "none")
    sa.conclude(sa.proceed(answer))
    must_be_up(peer, sa)


@purpose(
    "eap-initiator-unasked", "RFC7296-2.16-2", "RFC7296-2.16-5", role="initiator", needs=(Capability.EAP_PEER,),
    connection=eap(device="initiator", eap_changes={"asked": False, "identity": None}), ordinary=True,
)  # fmt: skip
def test_initiator_unasked(peer: Peer, dut: Dut) -> None:
    """A server that begins with its method and does not ask for the name, which IDi has told, is answered."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    sa.answer_auth()
    must_be_accepted_by(sa, "RFC7296-2.16-2")
