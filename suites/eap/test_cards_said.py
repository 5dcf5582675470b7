"""What a server and a peer of SIM, AKA and AKA' say when all is well, and how a server says that it is not."""

from conformance.eap.aka_prime import AkaPrimeServer
from conformance.eap.conversation import Conversation
from conformance.eap.layout import Body
from conformance.eap.peer import EapPeer
from conformance.eap.server import EapServer
from conformance.eap.simaka import (
    AkaIdentity,
    AuthenticationReject,
    ClientError,
    Message,
    Notice,
    SynchronizationFailure,
    Told,
)
from conformance.eap.simaka_attributes import At
from conformance.eap.simaka_peer import SimAkaPeer
from conformance.eap.simaka_server import SimAkaServer
from conformance.ike.core.connection import Eap
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from conformance.wire import EapCode, EapType
from suites.dut import Dut
from suites.eap import listening
from suites.eap.cases import instead
from suites.eap.examples import RESPONSES, challenge, section, setting_of
from suites.eap.listening import Listened
from suites.eap.preparing import Prepare, plainly
from suites.eap.roles import AKA_PRIME, CARDS, SIM, Way, as_peer, as_server
from suites.eap.sweeping import armed
from suites.eap.test_cards import USIMS, proof
from suites.eap.test_cards_initiator import asking, behind, request, telling, with_servers

TIER = "full"

SEPARATED = 0x80
"""In the AMF of an AUTN."""
UNKNOWN = {"sim": b"3nobody", "aka": b"2nobody", "aka-prime": b"7nobody"}
"""Pseudonyms that no server has given."""
NOBODY = {"sim": b"1999990000000009", "aka": b"0999990000000009", "aka-prime": b"6999990000000009"}
"""Permanent identities that no operator has."""
PROTECTED = {"indications": True}
QUESTIONS = (At.ANY_ID_REQ, At.FULLAUTH_ID_REQ, At.PERMANENT_ID_REQ)


def must_be_encrypted_aright(peer: Peer, messages: list[Message]) -> None:
    """AT_IV is there with AT_ENCR_DATA only, and never the same."""
    seen: list[bytes] = []
    for one in messages:
        iv, hidden = one.find(At.IV), one.find(At.ENCR_DATA)
        peer.check((iv is None) == (hidden is None), "AT_IV with AT_ENCR_DATA only", one, "RFC4187-10.12-1")
        if iv is not None:
            peer.check(iv.iv not in seen, "another AT_IV", one, "RFC4187-10.12-2")
            seen.append(iv.iv)


def one_of(peer: Peer, heard: Listened, kind: type[Message], requirement: str) -> Message:
    """The first message of a kind, which must be there."""
    found = next((one for one in heard.messages if isinstance(one, kind)), None)
    peer.check(found is not None, kind.__name__, heard.shown, requirement)
    assert found is not None
    return found


# --- the device as server ---------------------------------------------------------------------------------------------


@as_server(
    "eap-{}-requests", "RFC4187-9.3-1", "RFC4186-9.3-1", "RFC4186-4.1-1", "RFC4186-6.2-1", "RFC4187-6.2-2",
    "RFC4187-10.12-1", "RFC4187-10.12-2", "RFC9048-3.2-1", "RFC9048-3.3-2", ways=CARDS, ordinary=True,
)  # fmt: skip
def requests(peer: Peer, way: Way) -> None:
    """A server of {way.title} sends what its messages must have, and notifies success to nobody who did not want it."""
    twice = [listening.served(peer), listening.served(peer)]
    for heard in twice:
        sent = one_of(peer, heard, challenge(way), section(way, "9.3-1", "9.3-1"))
        both = sent.find(At.RAND) is not None and sent.find(At.MAC) is not None
        peer.check(both, "AT_RAND and AT_MAC", sent, section(way, "9.3-1", "9.3-1"))
        told = [one for one in heard.messages if isinstance(one, Notice)]
        peer.check(not told, "no notification", told, section(way, "6.2-1", "6.2-2"))
        if way == SIM:
            start = next((one for one in heard.messages if one.find(At.VERSION_LIST) is not None), None)
            peer.check(start is not None, "AT_VERSION_LIST in SIM/Start", heard.shown, "RFC4186-4.1-1")
        elif way == AKA_PRIME:
            peer.check(sent.find(At.KDF) is not None, "AT_KDF", sent, "RFC9048-3.2-1")
            autn = sent.find(At.AUTN)
            set_ = autn is not None and autn.autn[6] & SEPARATED
            peer.check(set_, "AUTN with the separation bit", sent, "RFC9048-3.3-2")
        peer.check(heard.up, "an IKE SA", heard.shown, section(way, "9.3-1", "9.3-1"))
    must_be_encrypted_aright(peer, [one for heard in twice for one in heard.messages])


@as_server("eap-{}-identity-asked", "RFC4187-4.1.4-1", ways=USIMS, ordinary=True)
def identity_asked(peer: Peer, way: Way) -> None:
    """A server does not rely on what was said before the method, and begins with AKA-Identity."""
    heard = listening.served(peer)
    first = heard.messages[0] if heard.messages else None
    peer.check(isinstance(first, AkaIdentity), "AKA-Identity first", first or "nothing", "RFC4187-4.1.4-1")


def called(name: bytes, method: bytes | None = None) -> Prepare:
    """We say this name before the method; and ``method`` within it, whatever we are asked for."""

    def prepare(conversation: Conversation) -> None:
        assert isinstance(conversation, EapPeer)

        def tell() -> bytes:
            conversation.identity = name
            return name

        conversation.tell_identity = tell  # type: ignore[method-assign]
        for one in conversation.methods:
            if isinstance(one, SimAkaPeer) and method is not None:
                one.choose_identity = lambda asked: method  # type: ignore[method-assign]

    return prepare


@as_server(
    "eap-{}-name-unknown", "RFC4187-4.1.4-2", "RFC4187-4.1.7-2", "RFC4186-4.2.4-1", ways=CARDS, canary=False,
)  # fmt: skip
def name_unknown(peer: Peer, way: Way) -> None:
    """A server of {way.title} that does not know a pseudonym asks for more, and challenges whom it knows then.

    It does not hear the pseudonym if it asks for no name in EAP, since IKE has told one (RFC 7296, 3.16).
    """
    heard = listening.served(peer, called(UNKNOWN[way.name]))
    asked = [one for one in heard.messages if any(one.find(kind) is not None for kind in QUESTIONS)]
    if not asked and not any(one.type == EapType.IDENTITY for one in heard.packets):
        raise NotApplicable("it asks for no name")
    peer.check(asked, "a request for the identity", heard.shown, section(way, "4.2.4-1", "4.1.4-2"))
    peer.check(heard.up, "a challenge, and an IKE SA", heard.shown, section(way, "4.2.4-1", "4.1.7-2"))


@as_server("eap-{}-nobody", "RFC4187-4.1.7-1", "RFC4187-6.1-3", "RFC3748-2-2", ways=USIMS, canary=False)
def nobody(peer: Peer, way: Way) -> None:
    """Who gives no valid identity when asked for the permanent one is notified of a general failure, which follows."""
    heard = listening.served(peer, called(UNKNOWN[way.name], NOBODY[way.name]))
    asked = [one for one in heard.messages if one.find(At.PERMANENT_ID_REQ) is not None]
    if not asked:
        raise NotApplicable("it does not ask for the permanent identity")
    told = one_of(peer, heard, Notice, "RFC4187-4.1.7-1").find(At.NOTIFICATION)
    code = told.number if told is not None else "none"
    peer.check(code == Told.FAILURE, f"the notification {int(Told.FAILURE)}", code, "RFC4187-4.1.7-1")
    failed = heard.packets[-1].code == EapCode.FAILURE
    peer.check(failed, "EAP-Failure after it", heard.packets[-1], "RFC4187-6.1-3")


def polite(conversation: Conversation) -> None:
    """We acknowledge a notification of failure whatever we have said before."""
    assert isinstance(conversation, EapPeer)
    for one in conversation.methods:
        if isinstance(one, SimAkaPeer):
            one.answer_early_notice = lambda told, message: Notice()  # type: ignore[method-assign]


@as_server(
    "eap-{}-error-notified", "RFC4187-6.3.3-1", "RFC4187-6.1-2", "RFC4187-6.1-3", "RFC4187-6.1-4", "RFC4187-9.10-1",
    "RFC4186-6.3.2-2", ways=CARDS, canary=False,
)  # fmt: skip
def error_notified(peer: Peer, way: Way) -> None:
    """An answer with a wrong MAC gets one notification of failure, and the EAP-Failure after our answer to that."""
    case = proof(way, "a MAC of ones", setting_of(At.MAC, mac=b"\xff" * 16))
    heard = listening.served(peer, armed(case, polite))
    requirement = section(way, "6.3.2-2", "6.3.3-1")
    notices = [one for one in heard.messages if isinstance(one, Notice)]
    peer.check(notices, "a notification before the EAP-Failure", heard.shown, requirement)
    peer.check(len(notices) == 1, "one notification", heard.shown, section(way, "6.3.2-2", "6.1-2"))
    found = notices[0].find(At.NOTIFICATION)
    told = Told(found.number if found is not None else 0)
    peer.check(not told.success, "a code of failure", told, requirement)
    proved = notices[0].find(At.MAC) is not None
    peer.check(proved != told.before, "AT_MAC where the code has no P bit", notices[0], "RFC4187-9.10-1")
    last = heard.packets[-1]
    peer.check(last.code == EapCode.FAILURE, "EAP-Failure at the end", last, section(way, "6.3.2-2", "6.1-3"))


@as_server("eap-{}-success-insisted", "RFC4187-6.2-3", ways=USIMS, eap_changes=PROTECTED)
def success_insisted(peer: Peer, way: Way) -> None:
    """Whatever answers a notification of success, EAP-Success is next; our answer is Client-Error."""
    plain = listening.served(peer)
    if not any(isinstance(one, Notice) for one in plain.messages):
        raise NotApplicable("it does not notify success")
    case = instead(RESPONSES[Notice], RESPONSES[ClientError], "Client-Error in answer to success")
    heard = listening.served(peer, armed(case, plainly))
    peer.check(heard.packets[-1].code == EapCode.SUCCESS, "EAP-Success", heard.shown, "RFC4187-6.2-3")


# --- the device as peer -----------------------------------------------------------------------------------------------


def own_name(peer: Peer) -> str:
    """The device's permanent identity."""
    auth = peer.connection.remote.auth
    assert isinstance(auth, Eap) and auth.identity is not None
    return auth.identity


@as_peer(
    "eap-initiator-{}-responses", "RFC4187-4.1.5-1", "RFC4187-4.1.5-4", "RFC4187-9.2-1", "RFC4187-10.5-1",
    "RFC4187-6.2-1", "RFC4187-10.12-1", "RFC4187-6.3.4-2", "RFC9048-5.3.1-1", "RFC4186-9.4-2", ways=CARDS,
    ordinary=True,
)  # fmt: skip
def responses(peer: Peer, dut: Dut, way: Way) -> None:
    """A device without a pseudonym says its permanent identity as it is when it is asked for it, or for a full one.

    Its answer to the challenge has AT_MAC, and nothing that our server has not offered; after it a Success is believed.
    """
    for question, requirement in ((At.PERMANENT_ID_REQ, "4.1.5-1"), (At.FULLAUTH_ID_REQ, "4.1.5-4")):
        heard = listening.asking(peer, dut, asking(question))
        told = [one for one in heard.messages if one.find(At.IDENTITY) is not None]
        if any(isinstance(one, ClientError) for one in heard.messages):
            raise NotApplicable("it does not tell its permanent identity")
        peer.check(told, "AT_IDENTITY", heard.shown, section(way, "9.4-2", "9.2-1"))
        name = told[0].find(At.IDENTITY).value.decode(errors="backslashreplace")
        if question == At.FULLAUTH_ID_REQ and name[:1] != own_name(peer)[:1]:
            peer.note(f"the device has a pseudonym: {name}")
            continue
        peer.check(name == own_name(peer), f"the identity {own_name(peer)}", name, section(way, "9.4-2", requirement))
        answer = one_of(peer, heard, challenge(way), section(way, "9.4-2", "6.3.4-2"))
        peer.check(answer.find(At.MAC) is not None, "AT_MAC", answer, section(way, "9.4-2", "6.3.4-2"))
        unasked = answer.find(At.RESULT_IND)
        peer.check(unasked is None, "no AT_RESULT_IND that we have not sent", answer, section(way, "9.4-2", "6.2-1"))
        must_be_encrypted_aright(peer, heard.messages)
        prime = "RFC9048-5.3.1-1" if way == AKA_PRIME else section(way, "9.4-2", "6.3.4-2")
        peer.check(heard.up, "an IKE SA with the keys of that identity", heard.shown, prime)


@as_peer("eap-initiator-{}-identity-four", "RFC4187-4.1.5-6", "RFC4186-4.2.5-2", ways=CARDS)
def identity_four(peer: Peer, dut: Dut, way: Way) -> None:
    """The device answers three requests for its identity, and no fourth one."""
    heard = listening.asking(peer, dut, asking(*QUESTIONS, At.PERMANENT_ID_REQ))
    told = [one for one in heard.messages if one.find(At.IDENTITY) is not None]
    peer.check(len(told) <= 3, "three identities at most", heard.shown, section(way, "4.2.5-2", "4.1.5-6"))
    peer.check(not heard.up, "no IKE SA", heard.shown, section(way, "4.2.5-2", "4.1.5-6"))


@as_peer("eap-initiator-{}-autn-first", "RFC4187-9.3-2", ways=USIMS)
def autn_first(peer: Peer, dut: Dut, way: Way) -> None:
    """Where AUTN is wrong and the MAC, too, the device rejects the network: it looks at AUTN first."""

    def change(body: Body) -> Body:
        return setting_of(At.MAC, mac=b"\xff" * 16)(setting_of(At.AUTN, autn=b"\xff" * 16)(body))

    heard = listening.asking(peer, dut, request(way, "AUTN and MAC of ones", change).arm)
    last = heard.messages[-1] if heard.messages else None
    peer.check(isinstance(last, AuthenticationReject), "Authentication-Reject", last or "nothing", "RFC4187-9.3-2")


@as_peer("eap-initiator-{}-client-error", "RFC4187-9.9-1", ways=USIMS)
def client_error(peer: Peer, dut: Dut, way: Way) -> None:
    """Client-Error says why by AT_CLIENT_ERROR_CODE, and has neither a MAC nor anything that is encrypted."""
    case = request(way, "a MAC of ones", setting_of(At.MAC, mac=b"\xff" * 16))
    heard = listening.asking(peer, dut, case.arm)
    found = one_of(peer, heard, ClientError, "RFC4187-9.9-1")
    kinds = [getattr(one, "type", None) for one in found.attributes]
    peer.check(kinds == [At.CLIENT_ERROR_CODE], "AT_CLIENT_ERROR_CODE alone", found, "RFC4187-9.9-1")


@as_peer("eap-initiator-{}-resynchronised", "RFC9048-3.2-7", ways=(AKA_PRIME,))
def resynchronised(peer: Peer, dut: Dut, way: Way) -> None:
    """AKA-Synchronization-Failure has the AT_KDF of the challenge once more."""
    heard = listening.asking(peer, dut, with_servers(behind, AkaPrimeServer))
    failure = one_of(peer, heard, SynchronizationFailure, "RFC9048-3.2-7")
    named = [one.number for one in failure.all(At.KDF)]
    peer.check(named == [1], "AT_KDF 1", named, "RFC9048-3.2-7")


@as_peer(
    "eap-initiator-{}-success-unannounced", "RFC4187-6.3.4-3", "RFC3748-4.2-3", ways=USIMS, eap_changes=PROTECTED,
)  # fmt: skip
def success_unannounced(peer: Peer, dut: Dut, way: Way) -> None:
    """Where both sides want protected results, a Success that no notification has announced is not believed."""

    def silent(server: SimAkaServer) -> None:
        server.accept = lambda message: server.end(True)  # type: ignore[method-assign]

    heard = listening.asking(peer, dut, with_servers(silent))
    answer = one_of(peer, heard, challenge(way), "RFC4187-6.3.4-3")
    if answer.find(At.RESULT_IND) is None:
        raise NotApplicable("it wants no protected results")
    peer.check(not heard.up, "no IKE SA", heard.shown, "RFC4187-6.3.4-3", bypass=True)


@as_peer("eap-initiator-{}-failure-then-success", "RFC4187-6.3.4-4", "RFC3748-4.2-3", ways=USIMS)
def failure_then_success(peer: Peer, dut: Dut, way: Way) -> None:
    """After a notification of failure no Success is believed."""

    def forgetful(server: SimAkaServer) -> None:
        server.take_notice = lambda message, packet: server.end(True)  # type: ignore[method-assign]

    def prepare(conversation: Conversation) -> None:
        assert isinstance(conversation, EapServer)
        telling(Told.FAILURE)(conversation)
        with_servers(forgetful)(conversation)

    heard = listening.asking(peer, dut, prepare)
    peer.check(not heard.up, "no IKE SA", heard.shown, "RFC4187-6.3.4-4", bypass=True)


@as_peer("eap-initiator-{}-other-network", "RFC9048-3.1-3", ways=(AKA_PRIME,))
def other_network(peer: Peer, dut: Dut, way: Way) -> None:
    """A device that takes the name of another network has keys for that name; or it rejects the network."""
    named = with_servers(lambda server: setattr(server, "network", b"ikespec:another:network"), AkaPrimeServer)
    heard = listening.asking(peer, dut, named)
    last = heard.messages[-1] if heard.messages else None
    fits = heard.up or isinstance(last, AuthenticationReject)
    peer.check(fits, "keys for that name, or Authentication-Reject", heard.shown, "RFC9048-3.1-3")
