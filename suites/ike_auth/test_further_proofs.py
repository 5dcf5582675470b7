"""Several authentications of an initiator, one after the other (RFC 4739)."""

from dataclasses import replace

from conformance.ike.core.connection import Eap, Identity, Party
from conformance.ike.core.sending import State
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import Unexpected
from conformance.wire import AUTH, EAP, SA, EapCode, ExchangeType, IDi, Message, Notify, NotifyType, TSi, TSr
from peers.capabilities import Capability
from suites.connections import certificates, eap, proving
from suites.dut import Dut
from suites.eap.steps import auth_with, own_key, tampered
from suites.ike_auth.initiating import begun
from suites.ike_auth.refusal import child_on, must_be_gone, must_be_refused_by, must_not_succeed
from suites.ike_auth.steps import must_be_accepted_by
from suites.purpose import purpose

SERVES = (Capability.MULTIPLE_AUTH, Capability.EAP)
PROVES = (Capability.MULTIPLE_AUTH, Capability.EAP_PEER)
TWICE = proving(certificates(), eap())
DEVICE_TWICE = proving(certificates(), eap(device="initiator"), device="initiator")
EVERY, LAST = "RFC4739-2.1-5", "RFC4739-2.3-1"
FOLLOWS, SUPPORTED = NotifyType.ANOTHER_AUTH_FOLLOWS, NotifyType.MULTIPLE_AUTH_SUPPORTED


def holds_child(answer: Message) -> str:
    """What a response has of a Child SA, in words."""
    return ", ".join(kind.__name__ for kind in (SA, TSi, TSr) if answer.first(kind) is not None)


def must_be_bare(peer: Peer, notify: Notify, requirement: str) -> None:
    """A notify that says all by its type."""
    bare = not (notify.protocol or notify.spi or notify.data)
    peer.check(bare, f"N({notify.type.name}) without protocol, SPI and data", notify, requirement)


def proved_once(peer: Peer, sa: ScriptedSa) -> Message:
    """Everything up to the response that takes our first proof and waits for the next one."""
    with peer.preamble("the first authentication"):
        sa.init()
        answer = sa.auth(follow=False)
        if fatal(answer) is not None:
            raise Unexpected("a response that takes the first proof", answer)
    peer.check(not holds_child(answer), "no Child SA before the second proof", answer, LAST, bypass=True)
    return answer


def must_come_to_nothing(peer: Peer, sa: ScriptedSa, answer: Message, *, success: bool = False) -> None:
    """Whatever follows from here: no Success, unless EAP itself may succeed, no Child SA, and no IKE SA afterwards."""
    told = False
    while not told:
        found = answer.first(EAP)
        early = not success and found is not None and found.packet.code == EapCode.SUCCESS
        granted = early or holds_child(answer)
        peer.check(not granted, "neither Success nor Child SA", answer, EVERY, bypass=True)
        told = fatal(answer) is not None or (found is not None and found.packet.code == EapCode.FAILURE)
        try:
            answer = answer if told else sa.proceed(answer)
        except Unexpected:  # our side has nothing more to say, or the device has not
            break
    sa.pending = None
    must_be_gone(peer, sa, told=told)


def proving_then(peer: Peer, second: Party) -> ScriptedSa:
    """An IKE SA on which the second proof is another one."""
    return peer.sa(initial_contact=False, local=replace(peer.connection.local, further=(second,)))


# --- the device as responder ------------------------------------------------------------------------------------------


@purpose(
    "auth-twice", LAST, "RFC4739-2.1-1", EVERY, "RFC4739-3.1-1", role="responder", needs=SERVES, connection=TWICE,
    ordinary=True,
)  # fmt: skip
def test_twice(peer: Peer) -> None:
    """A certificate and then EAP: the Child SA comes with the end of the last authentication, not before."""
    sa = peer.sa()
    must_be_bare(peer, peer.expect_notify(sa.init(), SUPPORTED, "RFC4739-2.1-1"), "RFC4739-3.1-1")
    answer = sa.auth(follow=False)
    peer.expect(answer, AUTH)
    peer.check(not holds_child(answer), "no Child SA before the second proof", answer, LAST, bypass=True)
    answer = sa.proceed(answer)
    while peer.expect(answer, EAP, EVERY).packet.code == EapCode.REQUEST:
        peer.check(not holds_child(answer), "no Child SA before the second proof", answer, LAST, bypass=True)
        answer = sa.proceed(answer)
    peer.check(not holds_child(answer), "no Child SA before the last AUTH payload", answer, LAST, bypass=True)
    sa.conclude(sa.proceed(answer))
    sa.must_be_established(EVERY)
    peer.check(sa.children, "a Child SA", sa.problem or "none", LAST)
    sa.liveness()


@purpose("auth-twice-first-only", EVERY, "RFC7296-1.2-18", role="responder", needs=SERVES, connection=TWICE)
def test_first_only(peer: Peer) -> None:
    """Who proves the first of two things only, and says that it is all, is not let in."""
    once = replace(peer.connection.local, further=())
    must_not_succeed(peer, prepared(peer, once))
    sa = prepared(peer, peer.connection.local)
    bent = bend.order(
        lambda found: [one for one in found if getattr(one, "type", None) != FOLLOWS],
        "N(ANOTHER_AUTH_FOLLOWS) left out",
    )
    must_not_succeed(peer, sa, bent)


def prepared(peer: Peer, us: Party) -> ScriptedSa:
    """An IKE SA after IKE_SA_INIT."""
    sa = peer.sa(initial_contact=False, local=us)
    sa.init()
    return sa


@purpose("auth-twice-nothing-follows", EVERY, "RFC7296-1.2-18", role="responder", needs=SERVES, connection=TWICE)
def test_nothing_follows(peer: Peer) -> None:
    """After the first proof a request without an identity, or one that proves nothing, ends nothing well."""
    for number in range(2):
        sa = peer.sa(initial_contact=False)
        answer = proved_once(peer, sa)
        bent = (bend.drop(IDi), bend.append(auth_with(sa, own_key(sa))))[number]
        try:
            answer = sa.proceed(answer, bent)
        except Unexpected:  # silence is refusal enough
            sa.pending = None
            must_be_gone(peer, sa, told=False)
        else:
            must_come_to_nothing(peer, sa, answer)


@purpose("auth-twice-second-wrong", EVERY, "RFC7296-1.2-18", role="responder", needs=SERVES, connection=TWICE)
def test_second_wrong(peer: Peer) -> None:
    """A right certificate and then a wrong password let nobody in."""
    second = peer.connection.local.further[0]
    assert isinstance(second.auth, Eap)
    sa = proving_then(peer, replace(second, auth=replace(second.auth, secret=b"not this one")))
    must_come_to_nothing(peer, sa, proved_once(peer, sa))


@purpose("auth-twice-second-again", EVERY, "RFC7296-1.2-18", role="responder", needs=SERVES, connection=TWICE)
def test_second_again(peer: Peer) -> None:
    """The same proof twice is not two proofs."""
    sa = proving_then(peer, replace(peer.connection.local, further=()))
    must_come_to_nothing(peer, sa, proved_once(peer, sa))


@purpose("auth-twice-second-other", EVERY, "RFC4739-2.1-7", role="responder", needs=SERVES, connection=TWICE)
def test_second_other(peer: Peer) -> None:
    """The right password under the name of somebody whom the device does not know is not what was agreed on."""
    second = peer.connection.local.further[0]
    assert isinstance(second.auth, Eap)
    known = replace(second.auth, identity=second.auth.identity or str(second.identity))
    sa = proving_then(peer, replace(second, identity=Identity.of("stranger.ikespec.example"), auth=known))
    must_come_to_nothing(peer, sa, proved_once(peer, sa), success=True)


@purpose(
    "auth-twice-child-early", "RFC7296-1-5", LAST, "RFC7296-1.2-18", role="responder", needs=SERVES, connection=TWICE,
)  # fmt: skip
def test_child_early(peer: Peer) -> None:
    """CREATE_CHILD_SA between the two proofs makes no Child SA."""
    sa = peer.sa(initial_contact=False)
    proved_once(peer, sa)
    sa.state, sa.pending = State.ESTABLISHED, None
    made = child_on(sa)
    peer.check(made is None, "no Child SA before the second proof", made, "RFC7296-1-5", bypass=True)


# --- the device as initiator ------------------------------------------------------------------------------------------


@purpose(
    "auth-twice-initiator", "RFC4739-2.1-3", "RFC4739-2.1-2", "RFC4739-2.1-4", "RFC4739-2.1-6", "RFC4739-3.1-1",
    "RFC4739-3.2-1", role="initiator", needs=PROVES, connection=DEVICE_TWICE, ordinary=True,
)  # fmt: skip
def test_initiator(peer: Peer, dut: Dut) -> None:
    """A device that proves two things says so with the first one, and then who it is next."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    must_be_bare(peer, peer.expect_notify(request.message, SUPPORTED, "RFC4739-2.1-2"), "RFC4739-3.1-1")
    peer.expect(request.message, AUTH)
    must_be_bare(peer, peer.expect_notify(request.message, FOLLOWS, "RFC4739-2.1-3"), "RFC4739-3.2-1")
    sa.answer(request)
    request = sa.expect_request(ExchangeType.IKE_AUTH, requirement="RFC4739-2.1-4")
    peer.expect(request.message, IDi, "RFC4739-2.1-4")
    peer.check(request.message.first(AUTH) is None, "no AUTH payload before EAP", request, "RFC4739-2.1-6")
    sa.answer(request)
    sa.answer_auth()
    must_be_accepted_by(sa, "RFC4739-2.1-6")


@purpose("auth-twice-unsupported", "RFC4739-2.1-3", role="initiator", needs=PROVES, connection=DEVICE_TWICE)
def test_unsupported(peer: Peer, dut: Dut) -> None:
    """To a responder that has not said that it can do it the device does not say that another proof follows."""
    dut.initiate()
    sa = peer.respond_init(
        peer.expect_init(),
        bend.order(lambda found: [one for one in found if getattr(one, "type", None) != SUPPORTED], "not announced"),
    )
    try:
        request = sa.expect_request(ExchangeType.IKE_AUTH)
    except Unexpected:
        return  # it wants no responder that takes the first proof alone
    told = request.message.notify(FOLLOWS)
    peer.check(told is None, "no N(ANOTHER_AUTH_FOLLOWS)", request, "RFC4739-2.1-3")


@purpose(
    "auth-twice-responder-wrong", "RFC7296-1.2-11", "RFC7296-1.2-18", "RFC7296-2.16-1", role="initiator", needs=PROVES,
    connection=DEVICE_TWICE,
)  # fmt: skip
def test_responder_wrong(peer: Peer, dut: Dut) -> None:
    """A responder whose signature is wrong learns nothing of the second authentication."""
    attempt = begun(peer, dut)
    attempt.sa.answer(attempt.request, bend=bend.replace(AUTH, tampered, "the signature changed"))
    must_be_refused_by(dut, peer, attempt)
    later = [
        one for one in peer.inbox
        if one.sa is attempt.sa and one.message.exchange == ExchangeType.IKE_AUTH and not one.message.is_response
        and one.message.message_id > attempt.request.message.message_id
    ]  # fmt: skip
    shown = str(later[0]) if later else ""
    peer.check(not later, "no second authentication", shown, "RFC7296-1.2-11", bypass=True)
