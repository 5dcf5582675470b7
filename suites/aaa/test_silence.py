"""Servers that do not answer, are late, or say it twice (RFC 2865, 3579)."""

from contextlib import suppress

from conformance.radius import bend
from conformance.radius.bend import RadiusBend
from conformance.radius.packet import Code
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import EAP, EapCode, Message
from peers.capabilities import Capability
from peers.credentials import AAA_SECOND_SECRET
from suites.aaa.steps import ASKS, PATIENCE, SERVED, must_get_in, must_not_get_in, patient, up_to_result
from suites.connections import by_aaa
from suites.purpose import purpose
from suites.radius import Aaa, Request

TIER = "full"


@purpose(
    "aaa-silence", "RFC3579-2.1-2", "RFC3579-2.1-3", "RFC7296-2.21.2-1", role="responder", needs=ASKS,
    connection=SERVED, waits=5.0,
)  # fmt: skip
def test_silence(peer: Peer, aaa: Aaa) -> None:
    """Where the server does not answer, nobody comes in, and no EAP-Success is made up; we are told at last."""
    aaa.server.muted = True
    must_not_get_in(peer, aaa, "RFC3579-2.1-2", quiet="RFC7296-2.21.2-1")


@purpose(
    "aaa-silence-up", "RFC7296-2.4-8", "RFC3579-2.1-2", role="responder",
    needs=(*ASKS, Capability.REKEY_CHILD, Capability.REKEY_IKE), connection=by_aaa(initial_contact=False), waits=5.0,
)  # fmt: skip
def test_silence_up(peer: Peer, aaa: Aaa) -> None:
    """Where the server falls silent, who is in stays in, through rekeys of both SAs; nobody else gets in.

    Once it speaks again the next one gets in.
    """
    sa = must_get_in(peer, "RFC3579-2.1-2")
    aaa.wait(lambda: bool(aaa.find(sa)), peer.response_timeout)
    aaa.server.muted = True
    sa.rekey_child()
    sa.rekey()
    after, other = sa.rekeyed, peer.sa()
    answer: Message | None = None
    with suppress(Unexpected), patient(peer):
        answer = up_to_result(peer, other)
    other.pending = None
    found = answer.first(EAP) if answer is not None else None
    admitted = found is not None and found.packet.code == EapCode.SUCCESS
    peer.check(not admitted, "no EAP-Success", answer or "", "RFC3579-2.1-2", bypass=True)
    after.must_be_up("RFC7296-2.4-8")
    aaa.be_honest()
    must_get_in(peer, "RFC3579-2.1-2")


@purpose(
    "aaa-repeated", "RFC2865-2.5-1", "RFC2865-4.1-6", role="responder", needs=ASKS, connection=SERVED, waits=5.0,
)  # fmt: skip
def test_repeated(peer: Peer, aaa: Aaa) -> None:
    """A request that nobody answers is repeated as it was: the same octets from the same port."""
    aaa.server.muted = True
    sa = peer.sa()
    with patient(peer), suppress(Unexpected):
        up_to_result(peer, sa)
    first = aaa.requests()
    peer.check(first, "an Access-Request", "none")
    again = [one for one in first if same_question(one, first[0])]
    if len(again) < 2:
        raise NotApplicable("it does not repeat its requests")
    aaa.be_honest()
    for one in again[1:]:
        same = (one.packet.octets, one.source) == (first[0].packet.octets, first[0].source)
        peer.check(same, "the same octets from the same port", f"{one.packet.words} from {one.source}", "RFC2865-2.5-1")


def same_question(one: Request, other: Request) -> bool:
    """Whether both pass the same EAP packet on to the same server."""
    return one.packet.eap == other.packet.eap and one.destination == other.destination


@purpose(
    "aaa-late", "RFC2865-2.5-1", "RFC7296-2.1-2", role="responder", needs=ASKS, connection=SERVED, waits=3.0,
)  # fmt: skip
def test_late(peer: Peer, aaa: Aaa) -> None:
    """While the server thinks for 1.2 s, our repetitions in IKE ask it nothing anew; then its answer counts."""
    aaa.server.always = bend.late(1.2).only(Code.ACCESS_ACCEPT)
    with patient(peer, PATIENCE):
        must_get_in(peer, "RFC2865-2.5-1")
    last = aaa.requests()[-1].packet
    same = {one.packet.octets for one in aaa.requests() if one.packet.eap == last.eap}
    peer.check(len(same) == 1, "one request for one EAP packet", f"{len(same)} different ones", "RFC2865-2.5-1")


@purpose("aaa-doubled", "RFC2865-4.2-1", role="responder", needs=ASKS, connection=SERVED)
def test_doubled(peer: Peer, aaa: Aaa) -> None:
    """Each answer a second time, which answers nothing any more, does no harm."""
    aaa.server.always = bend.doubled(0.01)
    sa = must_get_in(peer, "RFC2865-4.2-1")
    peer.idle(0.1)
    sa.must_be_up("RFC2865-4.2-1")


@purpose(
    "aaa-stale", "RFC2865-4.2-1", "RFC2865-4.1-7", role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_stale(peer: Peer, aaa: Aaa) -> None:
    """The Access-Accept of another attempt, under the Identifier of this one's request, lets nobody in."""
    must_get_in(peer, "RFC2865-4.2-1").delete()
    accepts = [one.octets for one in aaa.server.events if one.way == "out" and one.octets[0] == Code.ACCESS_ACCEPT]
    aaa.server.refusing = True
    old = accepts[-1]
    replayed = RadiusBend("an Access-Accept from before", sealed=lambda found: old[:1] + found[1:2] + old[2:])
    aaa.server.false = replayed.only(Code.ACCESS_REJECT)
    must_not_get_in(peer, aaa, "RFC2865-4.2-1")


# --- two servers ------------------------------------------------------------------------------------------------------


@purpose(
    "aaa-failover", "RFC3579-2.1-2", "RFC2865-2.5-2", role="responder", needs=ASKS, connection=by_aaa(servers=2),
    waits=12.0,
)  # fmt: skip
def test_failover(peer: Peer, aaa: Aaa) -> None:
    """Where the first server is silent the second one is asked, at once or at the next attempt, and lets us in.

    Until then nothing is made up.
    """
    aaa.server.muted = True
    problem = ""
    for _ in range(3):
        try:
            with patient(peer, PATIENCE):
                must_get_in(peer, "RFC3579-2.1-2")
            break
        except Unexpected as refused:
            problem = str(refused)
            peer.note(f"not yet: {problem}")
    else:
        if not aaa.requests(server=1):
            raise NotApplicable("it does not ask its second server")
        raise Unexpected("an IKE SA by the second server", problem, "RFC3579-2.1-2")
    asked = aaa.requests(server=1)
    peer.check(asked, "the second server asked", "nobody, but we are in", "RFC3579-2.1-2", bypass=True)


@purpose(
    "aaa-false-accept-second", "RFC2865-4.2-1", "RFC3579-3.1-5", "RFC7296-1.2-18", role="responder", needs=ASKS,
    connection=by_aaa(servers=2),
)  # fmt: skip
def test_accept_second(peer: Peer, aaa: Aaa) -> None:
    """An Access-Accept in the place of the first server's answer, with the secret of the second one, lets nobody in."""
    aaa.server.refusing = True
    aaa.server.false = bend.other_secret(AAA_SECOND_SECRET).only(Code.ACCESS_REJECT)
    must_not_get_in(peer, aaa, "RFC2865-4.2-1")


@purpose(
    "aaa-false-reject-second", "RFC2865-4.3-1", role="responder", needs=ASKS, connection=by_aaa(servers=2),
)  # fmt: skip
def test_reject_second(peer: Peer, aaa: Aaa) -> None:
    """An Access-Reject in the place of the first server's answer, with the secret of the second, keeps nobody out."""
    aaa.server.false = bend.other_secret(AAA_SECOND_SECRET).only(Code.ACCESS_ACCEPT)
    must_get_in(peer, "RFC2865-4.3-1")


@purpose(
    "aaa-reject-final", "RFC3579-2.1-1", role="responder", needs=ASKS, connection=by_aaa(servers=2),
)  # fmt: skip
def test_reject_final(peer: Peer, aaa: Aaa) -> None:
    """The Access-Reject of the first server counts: nobody asks the second one for another opinion."""
    aaa.server.refusing = True
    must_not_get_in(peer, aaa, "RFC3579-2.1-1")
    asked = aaa.requests(server=1)
    peer.check(not asked, "nothing asked of the second server", asked[0].packet.words if asked else "", "RFC3579-2.1-1")
