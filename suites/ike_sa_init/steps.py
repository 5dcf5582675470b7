"""Steps that many purposes of IKE_SA_INIT share."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from conformance.ike.core.proposals import groups, parsed
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.mailbox import is_init_request
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Inconclusive, Unexpected
from conformance.wire import (
    KE,
    SA,
    Encr,
    ExchangeType,
    KeMethod,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Payload,
    Proposal,
    Transform,
)
from suites.dut import Dut


def normal(peer: Peer, answer: Message, requirement: str | None = None) -> Message:
    """The answer must be an IKE_SA_INIT response that makes an IKE SA: SA with one proposal, KE, Nr."""
    made = all(answer.first(kind) for kind in (SA, KE, Nonce)) and any(answer.spi_r)
    peer.check(made, "a response with SA, KE and Nr", answer, requirement)
    chosen = peer.expect(answer, SA)
    peer.check(len(chosen.proposals) == 1, "one proposal in SAr1", answer, "RFC7296-2.7-1")
    return answer


def handshake(
    peer: Peer, bent: Bend | None = None, requirement: str | None = None, sa: ScriptedSa | None = None
) -> Message:
    """IKE_SA_INIT, perhaps bent, must get the usual response, and IKE_AUTH must complete; returns that response.

    Our AUTH covers the request as it was sent, so the device must have kept it as it came.
    """
    sa = sa or peer.sa()
    answer = normal(peer, sa.init(bent), requirement)
    sa.auth()
    sa.must_be_established(requirement)
    return answer


def each_taken(peer: Peer, **changes: Any) -> Iterator[ScriptedSa]:
    """A half-open IKE SA with each of our proposals that the device takes. Raises Inconclusive if it takes none.

    ``changes`` are those of our connection.
    """
    taken = 0
    for one in peer.connection.proposals:
        sa = peer.sa(proposals=(one,), **changes)
        if sa.init().first(SA) is None:
            peer.note(f"the device does not take {one}")
            continue
        taken += 1
        yield sa
    if not taken:
        raise Inconclusive(f"the device takes none of {', '.join(peer.connection.proposals)} alone")


def finish(sa: ScriptedSa) -> None:
    """Complete a half-open IKE SA and delete it: a device may keep only a few for one address."""
    with suppress(Unexpected):
        sa.auth()
        sa.delete()


def no_sa_for(
    peer: Peer, bent: Bend | None, requirement: str, sa: ScriptedSa | None = None, *, awaited: bool = False
) -> Message | None:
    """The bent request must make no IKE SA: silence and any error will do. A whole correct handshake must succeed then.

    That and twice the time for it give a device with several threads the time to answer the bent request after all.
    Where the answer is ``awaited``, since it should come, that is as long as for any. Returns the answer to the bent
    request if there was one.
    """
    sa = sa or peer.sa()
    sent = sa.begin(sa.start_init, bent)
    started = peer.link.now()
    handshake(peer)
    with suppress(Unexpected):
        sa.response(sent, None if awaited else 2 * (peer.link.now() - started))
    answers = [one.message for one in peer.inbox if one.sa is sa and not one.message.notify(NotifyType.COOKIE)]
    for answer in answers:
        peer.check(answer.first(SA) is None, "no SA payload in the response", answer, requirement)
    return answers[0] if answers else None


def refused(
    peer: Peer,
    bent: Bend | None,
    requirement: str,
    *also: NotifyType,
    sa: ScriptedSa | None = None,
    awaited: bool = False,
) -> Message | None:
    """The bent request makes no IKE SA; if it is answered, then by N(NO_PROPOSAL_CHOSEN) or one of ``also``.

    Before there is an authenticated IKE SA a device may as well be silent (RFC 7296, section 2.21.1): an answer is
    waited for where it is ``awaited``.
    """
    answer = no_sa_for(peer, bent, requirement, sa, awaited=awaited)
    if answer is None:
        peer.note("no answer, which negotiates nothing either")
        return None
    kinds = (NotifyType.NO_PROPOSAL_CHOSEN, *also)
    said = any(answer.notify(kind) for kind in kinds)
    peer.check(said, "N(" + ") or N(".join(kind.name for kind in kinds) + ")", answer, "RFC7296-2.7-4")
    return answer


def is_cookie(one: Payload) -> bool:
    """True for N(COOKIE)."""
    return isinstance(one, Notify) and one.type == NotifyType.COOKIE


# --- proposals --------------------------------------------------------------------------------------------------------


def offer(*texts: str) -> Bend:
    """Offer these proposals, numbered from 1."""
    return bend.change(SA, f"offers {', '.join(texts)}", proposals=parsed(texts))


def offer_also(text: str, alter: Callable[[Transform], Transform | None], *extra: Transform, why: str) -> Bend:
    """Offer a proposal with altered or additional transforms as number 1, and the same without that as number 2."""
    good = parsed((text,))[0]
    return bend.change(SA, why, proposals=(altered(good, alter, *extra), replace(good, number=2)))


def offer_only(text: str, alter: Callable[[Transform], Transform | None], *extra: Transform, why: str) -> Bend:
    """Offer nothing but a proposal with altered or additional transforms; None leaves a transform out."""
    return bend.change(SA, why, proposals=(altered(parsed((text,))[0], alter, *extra),))


def altered(one: Proposal, alter: Callable[[Transform], Transform | None], *extra: Transform) -> Proposal:
    """A proposal with its transforms altered and others added."""
    kept = tuple(found for transform in one.transforms if (found := alter(transform)) is not None)
    return replace(one, transforms=(*kept, *extra))


def same(one: Transform) -> Transform:
    """Alter nothing."""
    return one


def is_encr(one: Transform) -> bool:
    """True for an encryption transform."""
    return isinstance(one.id, Encr)


def _off(ke: KE) -> KE:
    return replace(ke, data=ke.data[:-1] + bytes((ke.data[-1] ^ 1,)))


OFF_CURVE = bend.replace(KE, _off, "a point beside the curve")
"""A public value of the right size that is no point of its group's curve."""

ZEROS = bend.replace(KE, lambda ke: replace(ke, data=bytes(len(ke.data))), "a public value of zeros")
"""One that is nothing but zeros."""


# --- the device initiates ---------------------------------------------------------------------------------------------


def ask_for_group(group: KeMethod) -> Notify:
    """N(INVALID_KE_PAYLOAD): two octets with the group that is wanted."""
    return Notify(NotifyType.INVALID_KE_PAYLOAD, int(group).to_bytes(2, "big"))


def group_of(request: Received) -> KeMethod:
    """The group of the KE payload of a request."""
    ke = request.message.first(KE)
    if ke is None:
        raise Unexpected("KE in the request", str(request), "RFC7296-1.2-2")
    return ke.method


def our_groups(peer: Peer) -> list[KeMethod]:
    """The groups of our connection, the one of our KE payload first."""
    return groups(parsed(peer.connection.proposals))


def other_group(peer: Peer, request: Received) -> KeMethod:
    """A group of ours that the request offers beside the one of its KE payload."""
    sa, theirs = request.message.first(SA), group_of(request)
    offered = groups(sa.proposals if sa else ())
    others = [one for one in our_groups(peer) if one in offered and one != theirs]
    if not others:
        raise Inconclusive(f"the device offers {theirs.name} only, though it was configured with another group, too")
    return others[0]


def those_with(peer: Peer, group: KeMethod) -> tuple[str, ...]:
    """Our proposals with a group. Of several proposals each may have its own."""
    return tuple(text for text in peer.connection.proposals if group in groups(parsed((text,))))


def offers(message: Message) -> list[frozenset[Transform]]:
    """The offered proposals as sets of transforms: an initiator may rearrange them."""
    sa = message.first(SA)
    return [frozenset(one.transforms) for one in sa.proposals] if sa else []


def settle(peer: Peer, dut: Dut, first: Received) -> None:
    """Let the device react to our response to its ``first`` request, which it need not, or must not, accept.

    It may give up without a word, start anew, or go on waiting and repeat its request.
    """
    known = len(peer.inbox)

    def acts() -> bool:
        return any(one.sa is None or one.message.exchange == ExchangeType.IKE_AUTH for one in peer.inbox[known:])

    dut.watch(first.message.spi_i, acts)


def no_auth(peer: Peer, dut: Dut, first: Received, requirement: str) -> None:
    """The device must not go on with IKE_AUTH after the response to its ``first`` request."""
    settle(peer, dut, first)
    went_on = [str(one) for one in peer.inbox if one.message.exchange == ExchangeType.IKE_AUTH]
    peer.check(not went_on, "no IKE_AUTH request", "; ".join(went_on), requirement)
    others = [str(one) for one in peer.inbox if not is_init_request(one.message)]
    peer.check(not others, "no message about it but IKE_SA_INIT requests", "; ".join(others), "RFC7296-2.21-2")


def next_request(peer: Peer, last: Received) -> Received | None:
    """The next request of the device for the same IKE SA, if there is any."""
    spi = last.message.spi_i
    with suppress(Unexpected):
        return peer.wait(lambda found: found.message.spi_i == spi and is_init_request(found.message), "a next request")
    return None


def asked_for(peer: Peer) -> list[Received]:
    """The IKE_SA_INIT requests of the device that have got no response which makes an IKE SA, each once."""
    return [one for one in peer.inbox if one.sa is None and is_init_request(one.message)]


def asks_again(peer: Peer) -> None:
    """Wait until the device asks again, in the same words or in others, as long as an answer may take."""
    until = peer.link.now() + peer.response_timeout
    while peer.link.now() < until and sum(one.copies for one in asked_for(peer)) < 2:
        peer.idle(peer.response_timeout / 100)


def goes_on_if_it_asks(peer: Peer, requirement: str) -> None:
    """The true response to the last request of the device leads on, unless the device has given up meanwhile."""
    last = asked_for(peer)[-1]
    sa = peer.respond_init(last, proposals=those_with(peer, group_of(last)))
    copies = last.copies
    try:
        request = sa.expect_request(ExchangeType.IKE_AUTH)
    except Unexpected:
        peer.check(last.copies == copies, "IKE_AUTH after the true response", "the request again", requirement)
        peer.note("the device has given up")
        return
    sa.answer(request)
    sa.must_be_established(requirement)


def goes_no_further(peer: Peer, dut: Dut, how: Bend, requirement: str) -> None:
    """The device initiates, and must not go on to IKE_AUTH after our bent IKE_SA_INIT response."""
    dut.initiate()
    first = peer.expect_init()
    peer.respond_init(first, how)
    no_auth(peer, dut, first, requirement)
