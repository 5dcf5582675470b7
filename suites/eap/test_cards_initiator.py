"""SIM, AKA and AKA' with the device as peer: what it must not believe of its network, and how it says so."""

from collections.abc import Callable, Sequence
from typing import Any

from conformance.eap.aka_prime import AkaPrimeServer
from conformance.eap.aka_server import AkaServer
from conformance.eap.conversation import Conversation
from conformance.eap.layout import Body
from conformance.eap.server import EapServer
from conformance.eap.sim_server import SimServer
from conformance.eap.simaka import (
    AkaChallenge,
    AkaIdentity,
    AuthenticationReject,
    ClientError,
    ClientErrorCode,
    Message,
    Notice,
    SimStart,
    Told,
    Unable,
    mark,
    number,
)
from conformance.eap.simaka_attributes import At, AtCheckcode
from conformance.eap.simaka_server import SimAkaServer
from conformance.ike.core.connection import Connection
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.connections import eap
from suites.dut import Dut
from suites.eap.cases import Case, changed
from suites.eap.examples import (
    DEMANDED,
    REQUESTS,
    SKIPPED,
    adding,
    challenge,
    section,
    setting_of,
    without,
)
from suites.eap.preparing import Prepare, setting
from suites.eap.roles import AKA, AKA_PRIME, CARDS, SIM, Way, as_peer
from suites.eap.sweeping import Heard, approves, armed, heard
from suites.ike_auth.steps import must_be_accepted_by
from suites.purpose import purpose

TIER = "full"

USIMS = (AKA, AKA_PRIME)
UNPROVED = ("RFC7296-1.2-18", "RFC3748-4.2-3")


def with_servers(spoil: Callable[[Any], None], kind: type[SimAkaServer] = SimAkaServer) -> Prepare:
    """Something done to our servers of a kind."""

    def prepare(conversation: Conversation) -> None:
        assert isinstance(conversation, EapServer)
        for method in conversation.methods:
            if isinstance(method, kind):
                spoil(method)

    return prepare


def request(way: Way, text: str, change: Callable[[Any], Body]) -> Case:
    """Something done to our challenge, before its MAC is made."""
    return changed(REQUESTS[challenge(way)], text, change, asks=True)


def must_be_refused(
    peer: Peer,
    dut: Dut,
    case: Case,
    requirement: str,
    kind: type[Message] = ClientError,
    prepare: Prepare | None = None,
) -> None:
    """The device answers this with a message of this kind, and does not take us for its network."""
    peer.note(case.text)
    found = heard(peer, dut, armed(case, prepare or (lambda conversation: None)))
    must_end_with(peer, found, kind, case.text, requirement)


def must_end_with(peer: Peer, found: Heard, kind: type[Message], text: str, requirement: str) -> Message:
    """The last thing that the device has said is of this kind; it has answered no challenge and sent no AUTH."""
    convinced = found.proved or any(approves(one) for one in found.bodies)
    shown = ", ".join(type(one).__name__ for one in found.bodies)
    peer.check(not convinced, f"no answer to a challenge, and no AUTH, after {text}", shown, requirement, bypass=True)
    last = found.messages[-1] if found.messages else None
    peer.check(isinstance(last, kind), f"{kind.__name__} after {text}", last or "nothing", requirement)
    assert last is not None
    return last


def must_be_believed(peer: Peer, dut: Dut, prepare: Prepare, requirement: str) -> None:
    """So it is still our conversation, and the device comes to its end."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    sa.at_eap = prepare
    sa.answer_auth()
    must_be_accepted_by(sa, requirement)
    sa.delete()


# --- proofs of the network --------------------------------------------------------------------------------------------


@as_peer("eap-initiator-{}-mac", "RFC4187-9.4-1", "RFC4186-9.4-1", "RFC4187-10.15-1", "RFC4186-10.14-1", ways=CARDS)
def mac(peer: Peer, dut: Dut, way: Way) -> None:
    """A server of {way.title} whose MAC is wrong or absent knows no keys, and is told Client-Error."""
    requirement = section(way, "9.4-1", "9.4-1")
    must_be_refused(peer, dut, request(way, "a MAC of ones", setting_of(At.MAC, mac=b"\xff" * 16)), requirement)
    must_be_refused(peer, dut, request(way, "no MAC", without(At.MAC)), requirement)


@as_peer("eap-initiator-{}-rands", "RFC4186-10.9-2", "RFC4186-10.9-1", "RFC4186-6.3.1-1", ways=(SIM,))
def rands(peer: Peer, dut: Dut, way: Way) -> None:
    """One challenge, the same one twice, or one that is cut short, makes no key, whatever its MAC."""
    few = heard(peer, dut, setting(challenges=1))
    last = must_end_with(peer, few, ClientError, "a single challenge", "RFC4186-10.9-1")
    code = last.find(At.CLIENT_ERROR_CODE)
    fits = code is not None and code.number == ClientErrorCode.TOO_FEW_CHALLENGES
    peer.check(fits, "code 2: too few challenges", last, "RFC4186-10.9-1")
    again = heard(peer, dut, with_servers(repeats_challenges, SimServer))
    must_end_with(peer, again, ClientError, "the same challenge three times", "RFC4186-10.9-2")
    for text, change in (
        ("no AT_RAND", without(At.RAND)),
        ("AT_RAND of 20 octets", setting_of(At.RAND, rands=bytes(20))),
        ("AT_RAND of no octets", setting_of(At.RAND, rands=b"")),
    ):
        must_be_refused(peer, dut, request(way, text, change), "RFC4186-6.3.1-1")


def repeats_challenges(server: SimServer) -> None:
    """The same triplet each time."""
    make, known = server.register.triplet, {}

    def triplet(imsi: bytes, random: Any) -> tuple[bytes, bytes, bytes]:
        if imsi not in known:
            known[imsi] = make(imsi, random)
        return known[imsi]

    server.register.triplet = triplet  # type: ignore[method-assign]


@as_peer("eap-initiator-{}-version", "RFC4186-4.1-2", ways=(SIM,))
def version(peer: Peer, dut: Dut, way: Way) -> None:
    """The device finds version 1 among others, and says so where there is none: its keys hold the whole list."""

    def speaking(*versions: int) -> Prepare:
        told = b"".join(one.to_bytes(2, "big") for one in versions)
        return with_servers(lambda server: setattr(server, "versions", lambda: told))

    for spoken in ((1, 2), (7, 1)):
        must_be_believed(peer, dut, speaking(*spoken), "RFC4186-4.1-2")
    others: tuple[tuple[int, ...], ...] = ((2,), (0, 0xFFFF), ())
    for versions in others:
        text = f"versions {versions}"
        last = must_end_with(peer, heard(peer, dut, speaking(*versions)), ClientError, text, "RFC4186-4.1-2")
        code = last.find(At.CLIENT_ERROR_CODE)
        fits = not versions or (code is not None and code.number == ClientErrorCode.UNSUPPORTED_VERSION)
        peer.check(fits, "code 1: unsupported version", last, "RFC4186-4.1-2")


@as_peer("eap-initiator-{}-autn", "RFC4187-6.3.1-1", "RFC4187-9.4-1", ways=USIMS)
def autn(peer: Peer, dut: Dut, way: Way) -> None:
    """A network whose AUTN is wrong is rejected, although its MAC is right."""
    for text, value in (("AUTN of ones", b"\xff" * 16), ("AUTN whose MAC is of zeros", bytes(6) + b"\x80" + bytes(9))):
        case = request(way, text, setting_of(At.AUTN, autn=value))
        must_be_refused(peer, dut, case, "RFC4187-6.3.1-1", AuthenticationReject)


def behind(server: AkaServer) -> None:
    """The first number that this server uses is none at all."""
    for one in server.register.subscribers.values():
        one.sqn = -32


@as_peer("eap-initiator-{}-sequence", "RFC4187-6.3.1-2", "RFC4187-9.6-1", ways=USIMS)
def sequence(peer: Peer, dut: Dut, way: Way) -> None:
    """A challenge whose sequence number is 0 is not fresh: the device says where its card is, and then goes on."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    sa.at_eap = with_servers(behind, AkaServer)
    sa.answer_auth()
    server = sa.as_server.method if sa.as_server is not None else None
    assert isinstance(server, AkaServer)
    shown = f"an answer to the challenge; {server.info.get('error', 'no error')}"
    peer.check(server.resynchronised == 1, "AKA-Synchronization-Failure", shown, "RFC4187-6.3.1-2")
    must_be_accepted_by(sa, "RFC4187-9.6-1")


@as_peer("eap-initiator-{}-checkcode", "RFC4187-10.13-1", ways=USIMS)
def checkcode(peer: Peer, dut: Dut, way: Way) -> None:
    """A wrong AT_CHECKCODE says that somebody has changed what was asked before: the device goes no further.

    A device that does not know the attribute may skip it, and then has not sent it either.
    """
    wrong = AtCheckcode(checkcode=bytes(32 if way == AKA_PRIME else 20))
    case = request(way, "another checkcode", lambda body: adding(wrong)(without(At.CHECKCODE)(body)))
    found = heard(peer, dut, armed(case, setting(ask=True)))
    last = found.messages[-1] if found.messages else None
    if isinstance(last, AkaChallenge) and last.find(At.CHECKCODE) is None:
        peer.note("the device does not know AT_CHECKCODE")
        return
    must_end_with(peer, found, ClientError, case.text, "RFC4187-10.13-1")


# --- attributes that nobody knows -------------------------------------------------------------------------------------


@as_peer("eap-initiator-{}-skipped", "RFC4187-8.1-2", "RFC4186-8.1-2", ways=CARDS)
def skipped(peer: Peer, dut: Dut, way: Way) -> None:
    """An attribute of {way.title} that the device does not know, and that may be skipped, is skipped."""
    for first in (True, False):
        case = request(way, "an unknown attribute that may be skipped", adding(SKIPPED, first=first))
        must_be_believed(peer, dut, case.arm, section(way, "8.1-2", "8.1-2"))


@as_peer("eap-initiator-{}-demanded", "RFC4187-8.1-1", "RFC4186-8.1-1", ways=CARDS)
def demanded(peer: Peer, dut: Dut, way: Way) -> None:
    """An attribute of {way.title} that the device does not know, and that may not be skipped, is an error."""
    for first in (True, False):
        case = request(way, "an unknown attribute that may not be skipped", adding(DEMANDED, first=first))
        must_be_refused(peer, dut, case, section(way, "8.1-1", "8.1-1"))


# --- identities -------------------------------------------------------------------------------------------------------


def next_of(questions: list[At]) -> Body:
    """The next question of our server, where it has one."""
    if not questions:
        raise Unable("it has said who it is not")
    return mark(questions.pop(0))


def asking(*questions: At) -> Prepare:
    """Our server asks for the identity in this order, whatever it is told."""

    def spoil(server: SimAkaServer) -> None:
        left = list(questions)
        server.ask = True
        identify = server.identify
        server.identify = lambda: identify() and not left  # type: ignore[method-assign]
        server.question = lambda: next_of(left)  # type: ignore[method-assign]

    return with_servers(spoil)


@as_peer("eap-initiator-{}-identity-order", "RFC4187-4.1.5-7", "RFC4186-4.2.5-1", ways=CARDS)
def identity_order(peer: Peer, dut: Dut, way: Way) -> None:
    """Who has been asked for the permanent identity, or for any, is not asked for less, or for the same, thereafter."""
    for order in (
        (At.PERMANENT_ID_REQ, At.ANY_ID_REQ),
        (At.PERMANENT_ID_REQ, At.FULLAUTH_ID_REQ),
        (At.FULLAUTH_ID_REQ, At.ANY_ID_REQ),
        (At.ANY_ID_REQ, At.ANY_ID_REQ),
    ):
        text = " and then ".join(f"AT_{one}" for one in order)
        peer.note(text)
        must_end_with(peer, heard(peer, dut, asking(*order)), ClientError, text, section(way, "4.2.5-1", "4.1.5-7"))


@as_peer("eap-initiator-{}-identity-twice", "RFC4187-6.3.1-3", "RFC4187-9.1-1", "RFC4186-4.2.5-1", ways=CARDS)
def identity_twice(peer: Peer, dut: Dut, way: Way) -> None:
    """Two requests for the identity in one message cannot both be answered."""
    due = REQUESTS[SimStart if way == SIM else AkaIdentity]
    case = changed(due, "AT_FULLAUTH_ID_REQ beside another", adding(mark(At.FULLAUTH_ID_REQ)), asks=True)
    requirement = section(way, "4.2.5-1", "6.3.1-3")
    must_be_refused(peer, dut, case, requirement, prepare=asking(At.PERMANENT_ID_REQ))


# --- notifications ----------------------------------------------------------------------------------------------------


def telling(told: int) -> Prepare:
    """Our server notifies in place of any challenge."""
    return with_servers(lambda server: setattr(server, "start", lambda: server.notify(Told(told))))


@as_peer("eap-initiator-{}-failure-notified", "RFC4187-6.1-1", "RFC4186-6.1-1", ways=CARDS)
def failure_notified(peer: Peer, dut: Dut, way: Way) -> None:
    """A notification of failure before any challenge is answered, also where nobody knows its code; Failure follows."""
    for told in (Told.FAILURE, 0x4000 | 777):
        found = heard(peer, dut, telling(told))
        must_end_with(peer, found, Notice, f"the notification {told}", section(way, "6.1-1", "6.1-1"))


@as_peer("eap-initiator-{}-success-notified", *UNPROVED, "RFC4187-6.3.4-1", "RFC4186-6.3.4-1", ways=CARDS)
def success_notified(peer: Peer, dut: Dut, way: Way) -> None:
    """A notification of success before any challenge, and an EAP-Success after it, convince nobody."""
    for told in (Told.SUCCESS, 0xC000, 0xFFFF):
        peer.note(f"the notification {told}")
        found = heard(peer, dut, telling(told))
        shown = ", ".join(type(one).__name__ for one in found.bodies)
        requirement = section(way, "6.3.4-1", "6.3.4-1")
        peer.check(not found.proved, "no AUTH", shown, requirement, bypass=True)


# --- AKA' -------------------------------------------------------------------------------------------------------------


def offering(*functions: int) -> Prepare:
    """Our server's key derivation functions."""
    return setting(kdfs=list(functions), ask=False)


@as_peer("eap-initiator-{}-kdf", "RFC9048-3.2-2", ways=(AKA_PRIME,))
def kdf(peer: Peer, dut: Dut, way: Way) -> None:
    """A device that does not take the first function asks for its own, and for nothing else; then it goes on."""
    must_be_believed(peer, dut, offering(0xFFFE, 1), "RFC9048-3.2-2")
    wishes = heard(peer, dut, offering(0xFFFE, 0xFFFD, 1)).messages
    due = AkaChallenge(attributes=(number(At.KDF, 1),))
    fits = bool(wishes) and wishes[0].encode() == due.encode()
    peer.check(fits, "AT_KDF 1 and no other attribute", wishes[0] if wishes else "nothing", "RFC9048-3.2-2")


def refused_functions(peer: Peer, dut: Dut, functions: Sequence[int]) -> None:
    """The device rejects these functions."""
    text = f"the functions {list(functions)}"
    must_end_with(peer, heard(peer, dut, offering(*functions)), AuthenticationReject, text, "RFC9048-3.2-3")


@as_peer("eap-initiator-{}-kdf-none", "RFC9048-3.2-3", ways=(AKA_PRIME,))
def kdf_none(peer: Peer, dut: Dut, way: Way) -> None:
    """Functions that nobody knows, or a function twice, are answered as a wrong AUTN is."""
    for functions in ((0xFFFE,), (0xFFFE, 0xFFFD), (1, 1)):
        refused_functions(peer, dut, functions)


@as_peer("eap-initiator-{}-kdf-changed", "RFC9048-3.2-5", "RFC9048-3.2-6", ways=(AKA_PRIME,))
def kdf_changed(peer: Peer, dut: Dut, way: Way) -> None:
    """A second challenge whose functions are not the first ones behind the one that was asked for is not believed."""
    case = changed(REQUESTS[AkaChallenge], "other functions", shorter, number=2, asks=True)
    found = heard(peer, dut, armed(case, offering(0xFFFE, 1)))
    convinced = found.proved or any(
        isinstance(one, AkaChallenge) and one.find(At.RES) is not None for one in found.bodies
    )
    shown = ", ".join(type(one).__name__ for one in found.bodies)
    peer.check(not convinced, "no answer to the challenge, and no AUTH", shown, "RFC9048-3.2-5", bypass=True)


def shorter(body: Any) -> Body:
    """The last of the functions left out, as if the server had offered the one alone."""
    first = next(place for place, one in enumerate(body.attributes) if one.type == At.KDF)
    kept = (one for place, one in enumerate(body.attributes) if place <= first or one.type != At.KDF)
    return AkaChallenge(attributes=tuple(kept))


@as_peer("eap-initiator-{}-network", "RFC9048-3.1-2", "RFC9048-3.1-1", ways=(AKA_PRIME,))
def network(peer: Peer, dut: Dut, way: Way) -> None:
    """A network without a name is rejected: the keys are to be good for one network only."""
    nameless = with_servers(lambda server: setattr(server, "network", b""), AkaPrimeServer)
    must_end_with(peer, heard(peer, dut, nameless), AuthenticationReject, "an empty name", "RFC9048-3.1-2")
    case = request(way, "no AT_KDF_INPUT", without(At.KDF_INPUT))
    found = heard(peer, dut, case.arm)
    peer.check(not found.proved, "no AUTH", f"{len(found.bodies)} responses and AUTH", "RFC9048-3.1-2", bypass=True)


@as_peer("eap-initiator-{}-separation", "RFC9048-3.3-3", ways=(AKA_PRIME,))
def separation(peer: Peer, dut: Dut, way: Way) -> None:
    """A vector without the separation bit may have been taken from another network, and is rejected."""
    mixed = with_servers(lambda server: setattr(server, "amf", lambda: bytes(2)), AkaPrimeServer)
    must_end_with(peer, heard(peer, dut, mixed), AuthenticationReject, "AMF 0", "RFC9048-3.3-3")


# --- AKA' and AKA -----------------------------------------------------------------------------------------------------


def both_of_them(pixit: Pixit) -> Connection:
    """The device takes AKA' and AKA."""
    if AKA.name not in pixit.eap:
        raise NotApplicable("it has no EAP-AKA")
    return eap(AKA_PRIME.name, device="initiator", eap_changes={"methods": (AKA_PRIME.name, AKA.name)})(pixit)


def bidding_down(conversation: Conversation) -> None:
    """Our server has AKA alone, and AT_BIDDING says that it speaks AKA'."""
    assert isinstance(conversation, EapServer)
    conversation.methods = [one for one in conversation.methods if one.kind == AkaServer.kind]
    setting(speaks_prime=True)(conversation)


@purpose(
    "eap-initiator-aka-bidding", "RFC9048-4-1", role="initiator", needs=(Capability.EAP_PEER,),
    connection=both_of_them,
)  # fmt: skip
def test_initiator_aka_bidding(peer: Peer, dut: Dut) -> None:
    """A device that speaks AKA' ends an EAP-AKA whose AT_BIDDING says that the server does: somebody bids both down."""
    found = heard(peer, dut, bidding_down)
    last = found.messages[-1] if found.messages else None
    peer.check(isinstance(last, AuthenticationReject), "Authentication-Reject", last or "nothing", "RFC9048-4-1")
