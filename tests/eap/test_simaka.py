"""EAP-SIM, EAP-AKA and EAP-AKA': our peer with our server."""

from dataclasses import replace
from random import Random

import pytest

from conformance.eap.aka_peer import AkaPeer
from conformance.eap.aka_prime import AkaPrimePeer, AkaPrimeServer
from conformance.eap.aka_server import AkaServer
from conformance.eap.bend import EapBend, instead
from conformance.eap.conversation import Outcome
from conformance.eap.layout import Body, Raw
from conformance.eap.registry import body_of
from conformance.eap.sim_peer import SimPeer
from conformance.eap.sim_server import SimServer
from conformance.eap.simaka import AkaChallenge, Message, Notice, SimChallenge, Told, number
from conformance.eap.simaka_attributes import At, AtIv, AtMac, AtPadding, Attribute, Clear, Counted
from conformance.eap.simaka_keys import Keys
from conformance.eap.simaka_peer import SimAkaPeer
from conformance.eap.simaka_server import SimAkaServer
from conformance.eap.subscriber import Register, Renewal, Subscriber, Usim
from conformance.wire import EapCode, EapPacket, EapType
from tests.eap.talk import agree, peer_of, server_of, talk

IMSI, K, OPC = b"232010000000000", bytes(range(16)), bytes(range(16, 32))
BOTH = [(SimPeer, SimServer), (AkaPeer, AkaServer), (AkaPrimePeer, AkaPrimeServer)]
both = pytest.mark.parametrize(("one", "other"), BOTH)


def card(k: bytes = K, sqn: int = 0) -> Usim:
    return Usim(IMSI, k, OPC, sqn, b"@realm.example")


def home() -> Register:
    return Register([Subscriber(IMSI, K, OPC)])


def run(peer: SimAkaPeer, server: SimAkaServer, seed: int = 1) -> tuple[Outcome, list[bytes]]:
    """The outcome, on which both agree, and the packets."""
    one, other = peer_of(peer, identity=b"?", seed=seed), server_of(server, seed=seed + 1)
    packets = talk(one, other)
    assert one.outcome is other.outcome, (one.why, one.notes, peer.info, other.why, other.notes)
    if one.outcome is Outcome.SUCCESS:
        agree(one, other)
        assert one.msk is not None
        assert len(one.msk) == 64 == len(one.emsk or b"")
    return one.outcome, packets


@both
@pytest.mark.parametrize("ask", [False, True])
@pytest.mark.parametrize("indications", [False, True])
def test_the_right_card_succeeds(
    one: type[SimAkaPeer], other: type[SimAkaServer], ask: bool, indications: bool
) -> None:
    peer = one(card(), result_indications=indications)
    outcome, _ = run(peer, other(home(), ask=ask, result_indications=indications))
    assert outcome is Outcome.SUCCESS
    assert peer.told == (Told.SUCCESS if indications else None)


@both
def test_the_wrong_card_fails(one: type[SimAkaPeer], other: type[SimAkaServer]) -> None:
    assert run(one(card(k=bytes(16))), other(home()))[0] is Outcome.FAILURE


@both
def test_a_stranger_fails(one: type[SimAkaPeer], other: type[SimAkaServer]) -> None:
    assert run(one(Usim(b"999990000000000", K, OPC)), other(home()))[0] is Outcome.FAILURE


@both
def test_pseudonyms_and_fast_reauthentication(one: type[SimAkaPeer], other: type[SimAkaServer]) -> None:
    usim, register = card(), home()
    lengths = []
    for turn in range(4):
        ways = {"pseudonyms": True, "reauthentication": turn != 2, "result_indications": turn == 1}
        peer = one(usim, result_indications=True)
        outcome, packets = run(peer, other(register, ask=turn % 2 == 1, **ways), seed=10 * turn)
        assert outcome is Outcome.SUCCESS
        assert (peer.renewal is not None) == (turn in (1, 2)), turn
        assert (IMSI in b"".join(packets)) == (turn == 0)
        lengths.append(len(packets))
    assert len(usim.pseudonyms) == len(usim.renewals) == 1


@both
def test_a_counter_that_is_too_small_leads_to_a_full_authentication(
    one: type[SimAkaPeer], other: type[SimAkaServer]
) -> None:
    usim, register = card(), home()
    run(one(usim), other(register, reauthentication=True))
    usim.renewals = {name: replace(found, counter=9) for name, found in usim.renewals.items()}
    peer = one(usim)
    assert run(peer, other(register, reauthentication=True), seed=5)[0] is Outcome.SUCCESS
    assert peer.counter is None


@both
def test_a_server_that_has_forgotten_a_pseudonym_asks_for_the_permanent_identity(
    one: type[SimAkaPeer], other: type[SimAkaServer]
) -> None:
    usim, register = card(), home()
    run(one(usim), other(register, pseudonyms=True, reauthentication=True))
    outcome, packets = run(one(usim), other(home()), seed=5)
    assert outcome is Outcome.SUCCESS
    assert IMSI in b"".join(packets)


@pytest.mark.parametrize(("one", "other"), BOTH[1:])
def test_a_card_that_is_ahead_is_followed(one: type[AkaPeer], other: type[AkaServer]) -> None:
    register = home()
    assert run(one(card(sqn=1 << 20)), other(register))[0] is Outcome.SUCCESS
    assert register.subscribers[IMSI].sqn == (1 << 20) + 32


def test_a_peer_that_keeps_its_secret_gives_up() -> None:
    usim = card()
    run(AkaPeer(usim), AkaServer(home(), pseudonyms=True))
    assert run(AkaPeer(usim, reveal=False), AkaServer(home()), seed=5)[0] is Outcome.FAILURE


def test_bidding_down_is_noticed() -> None:
    peer = AkaPeer(card(), speaks_prime=True)
    assert run(peer, AkaServer(home(), speaks_prime=True))[0] is Outcome.FAILURE
    assert peer.info["error"] == "both sides speak AKA'"


def test_another_key_derivation_function_is_negotiated() -> None:
    server = AkaPrimeServer(home(), kdfs=(7, 1))
    outcome, _ = run(AkaPrimePeer(card()), server)
    assert outcome is Outcome.SUCCESS
    assert server.kdfs == [1, 7, 1]
    assert run(AkaPrimePeer(card()), AkaPrimeServer(home(), kdfs=(7,)))[0] is Outcome.FAILURE


@pytest.mark.parametrize(("mine", "well"), [(b"WLAN", True), (b"WLAN:x", True), (b"HRPD", False)])
def test_the_name_of_the_network_is_compared(mine: bytes, well: bool) -> None:
    outcome, _ = run(AkaPrimePeer(card(), network=mine), AkaPrimeServer(home()))
    assert (outcome is Outcome.SUCCESS) == well


class Unseparated(AkaPrimeServer):
    """Uses vectors that are not for AKA'."""

    def amf(self) -> bytes:
        return bytes(2)


def test_the_separation_bit_is_demanded() -> None:
    assert run(AkaPrimePeer(card()), Unseparated(home()))[0] is Outcome.FAILURE


def test_challenges_that_repeat_are_refused() -> None:
    class Lazy(Register):
        def triplet(self, imsi: bytes, random: object) -> tuple[bytes, bytes, bytes]:
            return super().triplet(imsi, Random(7).randbytes)

    peer = SimPeer(card())
    assert run(peer, SimServer(Lazy(home().subscribers.values())))[0] is Outcome.FAILURE
    assert peer.info["error"] == "the same challenge twice"
    assert run(SimPeer(card(), challenges=3), SimServer(home(), challenges=2))[0] is Outcome.FAILURE


# --- strictness -------------------------------------------------------------------------------------------------------

FOREIGN = [
    (Attribute(77, value=bytes(2)), "AT_77, which does not belong here"),
    (Attribute(177, value=bytes(2)), ""),
    (number(At.CLIENT_ERROR_CODE, 0), "AT_CLIENT_ERROR_CODE, which does not belong here"),
    (AtMac(), "AT_MAC twice"),
    (AtIv(), "only one of AT_IV and AT_ENCR_DATA"),
    (Clear(attributes=(AtPadding(zeros=b"\0\0"),)), "only one of AT_IV and AT_ENCR_DATA"),
]


def adding(of: type[Message], *more: Body) -> EapBend:
    """The attributes besides."""

    def change(body: Body) -> Body:
        assert isinstance(body, Message)
        return replace(body, attributes=(*more, *body.attributes))

    return EapBend("more attributes", of, body=change)


@both
@pytest.mark.parametrize(("more", "error"), FOREIGN)
def test_what_does_not_belong_into_a_challenge(
    one: type[SimAkaPeer], other: type[SimAkaServer], more: Body, error: str
) -> None:
    method = one(card())
    peer, server = peer_of(method), server_of(other(home()))
    server.bend(adding(AkaChallenge if isinstance(method, AkaPeer) else SimChallenge, more))
    talk(peer, server)
    assert method.info.get("error", "") == error
    assert peer.outcome is server.outcome is (Outcome.FAILURE if error else Outcome.SUCCESS)


@both
@pytest.mark.parametrize(("padding", "size"), [(AtPadding(zeros=b"\0\1"), 8), (AtPadding(zeros=bytes(14)), 12)])
def test_bad_padding(one: type[SimAkaPeer], other: type[SimAkaServer], padding: AtPadding, size: int) -> None:
    method = one(card())
    peer, server = peer_of(method, identity=method.permanent_identity), server_of(other(home()))
    challenge = AkaChallenge if isinstance(method, AkaPeer) else SimChallenge
    server.bend(adding(challenge, AtIv(), Clear(attributes=(Counted(At.NEXT_PSEUDONYM, value=b"2" * size), padding))))
    talk(peer, server)
    assert method.info["error"] == "bad AT_PADDING"


@both
def test_a_failure_before_any_error_is_not_believed(one: type[SimAkaPeer], other: type[SimAkaServer]) -> None:
    method = one(card())
    peer, server = peer_of(method), server_of(other(home()))
    packet: bytes | None = server.start()
    for _ in range(2):
        answer = peer.receive(packet or b"")
        peer.receive(EapPacket(EapCode.FAILURE, (packet or b"xx")[1]))
        if peer.method is not None:
            assert peer.outcome is Outcome.ONGOING
        packet = server.receive(answer or b"")


@both
def test_after_a_notified_success_nothing_can_fail(one: type[SimAkaPeer], other: type[SimAkaServer]) -> None:
    method = one(card(), result_indications=True)
    peer, server = peer_of(method), server_of(other(home(), result_indications=True))
    peer.bend(instead(Notice, Raw(b"junk")))
    talk(peer, server)
    agree(peer, server)


class Denying(AkaServer):
    def admit(self) -> Told:
        return Told.NOT_SUBSCRIBED


def test_service_may_be_denied_after_authentication() -> None:
    method = AkaPeer(card())
    assert run(method, Denying(home()))[0] is Outcome.FAILURE
    assert (method.told, method.authenticated) == (Told.NOT_SUBSCRIBED, True)


@both
def test_an_identity_for_fast_reauthentication_is_used_once(one: type[SimAkaPeer], other: type[SimAkaServer]) -> None:
    usim, register = card(), home()
    run(one(usim), other(register, reauthentication=True))
    peer = peer_of(one(usim))
    answers = [peer.receive(EapPacket(EapCode.REQUEST, number, EapType.IDENTITY)) for number in (1, 2)]
    assert (answers[0] or b"")[5:] == (answers[1] or b"")[5:] == peer.identity
    assert not usim.renewals
    assert one(usim).identity_to_tell(b"") == one(usim).permanent_identity


def test_the_counter_comes_to_an_end() -> None:
    usim, register = card(), home()
    run(AkaPeer(usim), AkaServer(register, reauthentication=True))
    register.renewals = {name: replace(found, counter=0xFFFE) for name, found in register.renewals.items()}
    peer = AkaPeer(usim)
    assert run(peer, AkaServer(register, reauthentication=True), seed=5)[0] is Outcome.SUCCESS
    assert peer.counter == 0xFFFF
    assert not usim.renewals


@both
@pytest.mark.parametrize("ask", [False, True])
def test_a_vain_question_is_not_asked(one: type[SimAkaPeer], other: type[SimAkaServer], ask: bool) -> None:
    """An unknown pseudonym leads to the permanent identity, one for fast re-authentication to any other one."""
    usim = card()
    usim.pseudonyms[one.permanent] = other.pseudonym + b"gone"
    usim.renewals[one.permanent] = Renewal(other.fast + b"gone", Keys(*[bytes(16)] * 5))
    outcome, packets = run(one(usim), other(home(), ask=ask))
    assert outcome is Outcome.SUCCESS
    asked = [
        name.name
        for packet in packets[::2]
        for name in (At.ANY_ID_REQ, At.FULLAUTH_ID_REQ, At.PERMANENT_ID_REQ)
        if (body := body_of(EapPacket.decode(packet))) and isinstance(body, Message) and body.find(name)
    ]
    assert asked == (["ANY_ID_REQ"] if ask else []) + ["FULLAUTH_ID_REQ", "PERMANENT_ID_REQ"]


@pytest.mark.parametrize(("first", "second"), [((1, 7), (1,)), ((7, 1), (1, 7)), ((7, 1), (7, 1))])
def test_the_functions_may_not_change_unasked(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    class Fickle(AkaPrimeServer):
        def authenticate(self) -> Body:
            self.kdfs = list(second if self.vector else first)
            return super().authenticate()

        def take_challenge(self, message: AkaChallenge, packet: EapPacket) -> Body | None:
            return self.authenticate() if message.find(At.KDF) else super().take_challenge(message, packet)

    method = AkaPrimePeer(card(sqn=1 << 20 if first[0] == 1 else 0))
    assert run(method, Fickle(home()))[0] is Outcome.FAILURE
    assert method.info["error"].startswith("key derivation functions")
    assert not method.authenticated
