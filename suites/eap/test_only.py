"""EAP as the only proof of a responder: what must not be enough, in both roles (RFC 5998, sections 3 and 4)."""

from conformance.crypto.pki import Authority
from conformance.eap.conversation import Conversation
from conformance.eap.gtc import GtcPeer, GtcServer
from conformance.eap.md5 import Md5Peer, Md5Server
from conformance.eap.method import PeerMethod, ServerMethod
from conformance.eap.mschapv2_peer import Mschapv2Peer
from conformance.eap.mschapv2_server import Mschapv2Server
from conformance.eap.peer import EapPeer
from conformance.eap.server import EapServer
from conformance.ike.core.connection import Connection, Eap, Party, PublicKey
from conformance.ike.extensions.eap_auth import SAFE
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable
from conformance.wire import AUTH, EAP, EapCode, EapType, Message
from peers.capabilities import Capability
from suites.connections import eap
from suites.dut import Dut
from suites.eap import listening
from suites.eap.roles import NOBODY
from suites.eap.steps import fields, tampered
from suites.eap.sweeping import begun as first_request
from suites.eap.sweeping import next_request, part
from suites.eap.test_server import must_keep_silent
from suites.ike_auth.initiating import begun
from suites.ike_auth.steps import in_our_name
from suites.purpose import purpose

NEEDS = (Capability.EAP_ONLY,)
PEER = (Capability.EAP_ONLY, Capability.EAP_PEER)
SERVED = eap(*SAFE, only=True)
ASKED = eap(*SAFE, device="initiator", only=True)
PROVED = "RFC5998-3-5"
UNSAFE = (EapType.MD5_CHALLENGE, EapType.GTC, EapType.MSCHAPV2)
"""Methods that make no key, or do not prove enough of the server."""


def secret(connection: Connection) -> tuple[bytes, str]:
    """Name and password of whoever is the peer of EAP, for any method that has some."""
    found = next(one.auth for one in (connection.local, connection.remote) if isinstance(one.auth, Eap))
    return (found.identity or "ikespec").encode(), found.secret.decode(errors="replace")


def signing(peer: Peer) -> Party:
    """Us, with the certificate that we show within the method. Raises NotApplicable where there is none."""
    auth = peer.connection.local.auth
    assert isinstance(auth, Eap)
    if auth.certificate is None or auth.certificate.key is None:
        raise NotApplicable("we have no certificate")
    return Party(peer.connection.local.identity, auth.certificate)


# --- the device as initiator ------------------------------------------------------------------------------------------


@purpose(
    "eap-only-initiator-signature-wrong", PROVED, "RFC7296-1.2-11", "RFC7296-1.2-18", role="initiator", needs=PEER,
    connection=ASKED,
)  # fmt: skip
def test_signature_wrong(peer: Peer, dut: Dut) -> None:
    """A responder that signs, although nobody needed it, and signs wrong, is not asked for the method any more."""
    attempt = begun(peer, dut, local=signing(peer))
    must_keep_silent(peer, dut, attempt, bend.replace(AUTH, tampered, "the signature changed"), PROVED)


@purpose(
    "eap-only-initiator-untrusted", PROVED, "RFC7296-1.2-11", "RFC7296-1.2-18", role="initiator", needs=PEER,
    connection=ASKED,
)  # fmt: skip
def test_untrusted(peer: Peer, dut: Dut) -> None:
    """A responder that signs with a certificate of an unknown authority is not better off than one that does not."""
    made = in_our_name(peer, Authority.create("a stranger"))
    us = Party(peer.connection.local.identity, PublicKey(made.chain, made.key))
    must_keep_silent(peer, dut, begun(peer, dut, local=us), None, PROVED)


def asking_by(connection: Connection, number: int) -> tuple[str, ServerMethod]:
    """One of our servers of methods that are not safe."""
    name, password = secret(connection)
    users = {name: password}
    servers = (Md5Server(users), GtcServer(users), Mschapv2Server(users))
    return UNSAFE[number].name, servers[number]


@purpose(
    "eap-only-initiator-unsafe", "RFC5998-3-7", "RFC5998-3-6", "RFC5998-4-1", role="initiator", needs=PEER,
    connection=ASKED,
)  # fmt: skip
def test_unsafe(peer: Peer, dut: Dut) -> None:
    """A responder that has not signed, and asks by a method that is not safe, gets no answer of that method.

    Whatever the device says instead, we end with a Success: it has seen nothing that could make one, and does not
    prove itself.
    """
    for number in range(len(UNSAFE)):
        with peer.preamble("IKE_SA_INIT"):
            sa, request = first_request(peer, dut)
        title, method = asking_by(peer.connection, number)
        peer.note(f"our server has {title} only")

        def only(conversation: Conversation, method: ServerMethod = method) -> None:
            assert isinstance(conversation, EapServer)
            conversation.methods = [method]

        sa.at_eap = only
        bent, rounds = None, 0
        while bent is None or rounds < 2:
            sa.answer(request, bend=bent)
            rounds += bent is not None
            found = next_request(peer, dut, sa, request)
            if found is None:
                break
            request = found
            proved = request.message.first(AUTH) is not None
            peer.check(not proved, f"no AUTH payload after {title}", request, "RFC5998-3-7", bypass=True)
            told = request.message.first(EAP)
            of_method = told is not None and told.packet.type == UNSAFE[number]
            peer.check(not of_method, f"no answer by {title}", request, "RFC5998-3-6", bypass=True)
            if told is None or told.packet.type != EapType.IDENTITY:
                bent = fields("EAP-Success in place of the method", code=EapCode.SUCCESS, type=None, data=b"")
        part(peer, dut, sa)


# --- the device as responder ------------------------------------------------------------------------------------------


def unsigned(peer: Peer, sa: ScriptedSa) -> Message:
    """Ask for EAP alone: what the device asks first, whether it signs or not."""
    sa.init()
    answer = sa.auth(follow=False)
    peer.expect(answer, EAP, "RFC7296-2.16-4")
    return answer


def answering_by(connection: Connection, number: int) -> tuple[str, PeerMethod]:
    """One of our peers of methods that are not safe."""
    _, password = secret(connection)
    peers = (Md5Peer(password), GtcPeer(password), Mschapv2Peer(password))
    return UNSAFE[number].name, peers[number]


@purpose("eap-only-unsafe", *NOBODY, "RFC5998-3-7", role="responder", needs=NEEDS, connection=SERVED)
def test_unsafe_peer(peer: Peer) -> None:
    """A peer that has needed no signature, and wants a method that is not safe, does not get in by that."""
    for number in range(len(UNSAFE)):
        title, method = answering_by(peer.connection, number)
        peer.note(f"our peer wants {title}")

        def only(conversation: Conversation, method: PeerMethod = method) -> None:
            assert isinstance(conversation, EapPeer)
            conversation.methods = (method,)

        heard = listening.served(peer, only, unsigned)
        by_it = any(one.type == UNSAFE[number] for one in heard.packets)
        success = heard.up or (bool(heard.packets) and heard.packets[-1].code == EapCode.SUCCESS)
        peer.check(not (by_it and success), f"no EAP-Success by {title}", heard.shown, "RFC5998-3-7", bypass=True)
