"""What the purposes of EAP have in common."""

from collections.abc import Callable
from dataclasses import replace

from conformance.eap.making import peer_method
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import Inconclusive, Unexpected
from conformance.wire import (
    AUTH,
    EAP,
    SA,
    AuthMethod,
    EapCode,
    EapPacket,
    ExchangeType,
    IDr,
    Message,
    PayloadType,
    TSi,
    TSr,
    UnknownPayload,
)
from suites.ike_auth.refusal import NOT_CREATED, answers, control, must_be_gone

KEYED = ("mschapv2", "tls", "ttls", "peap", "aka", "aka-prime", "sim")
"""The methods that make a key."""


# --- bends ------------------------------------------------------------------------------------------------------------


def packet(change: Callable[[EapPacket], EapPacket], text: str) -> Bend:
    """Another EAP packet in place of ours."""
    return bend.replace(EAP, lambda one: EAP(change(one.packet)), text)


def fields(text: str = "", **values: object) -> Bend:
    """Fields of our EAP packet: ``fields(identifier=7)``."""
    said = text or "an EAP packet with " + ", ".join(f"{name} {value}" for name, value in values.items())
    return packet(lambda one: replace(one, **values), said)  # type: ignore[arg-type]


def octets(data: bytes, text: str) -> Bend:
    """Any octets in place of our EAP packet."""
    return bend.replace(EAP, lambda _: UnknownPayload(PayloadType.EAP, data), text)


def auth_with(sa: ScriptedSa, secret: bytes) -> AUTH:
    """Our AUTH payload, a shared key MIC of any key."""
    return AUTH(AuthMethod.SHARED_KEY_MIC, sa.shared_key_mic(secret, sa.signed_octets(sa.own_identity())))


def proof(sa: ScriptedSa, secret: bytes, text: str) -> Bend:
    """That AUTH payload in place of what we would send."""
    made = auth_with(sa, secret)
    return bend.order(lambda found: [*(one for one in found if not isinstance(one, AUTH | EAP)), made], text)


def own_key(sa: ScriptedSa) -> bytes:
    """SK_pi, which everybody knows who has been there since IKE_SA_INIT."""
    assert sa.keys is not None
    return sa.keys.sk_pi


# --- the device as responder ------------------------------------------------------------------------------------------


def asked(peer: Peer, sa: ScriptedSa, bent: Bend | None = None) -> Message:
    """Ask for EAP: the response must prove who the device is, and ask. It holds no Child SA yet."""
    sa.init()
    answer = sa.auth(bent, follow=False)
    peer.expect(answer, EAP, "RFC7296-2.16-4")
    peer.expect(answer, IDr, "RFC7296-2.16-4")
    peer.expect(answer, AUTH, "RFC7296-2.16-1")
    nothing_yet(peer, answer)
    return answer


def nothing_yet(peer: Peer, answer: Message) -> None:
    """Before the end no response holds a Child SA."""
    early = [kind.__name__ for kind in (SA, TSi, TSr) if answer.first(kind) is not None]
    peer.check(not early, "no Child SA before EAP has ended", ", ".join(early), "RFC7296-2.16-4", bypass=True)


def succeeded(peer: Peer, sa: ScriptedSa) -> Message:
    """All rounds up to the Success, which is what is returned; our proof is still to come."""
    answer = asked(peer, sa)
    with peer.preamble("EAP"):
        while peer.expect(answer, EAP).packet.code != EapCode.SUCCESS:
            answer = sa.proceed(answer)
            nothing_yet(peer, answer)
    return answer


def until_method(peer: Peer, sa: ScriptedSa, number: int = 1) -> Message:
    """The rounds up to the request of the method with this number, which is returned unanswered.

    What asks for a method that our side does not have is answered by a Nak.
    """
    answer, seen = asked(peer, sa), 0
    auth, means = sa.means(sa.own_party())
    ours = {peer_method(one, means).kind.type for one in auth.methods}
    with peer.preamble("EAP"):
        while True:
            found = peer.expect(answer, EAP).packet
            seen += found.code == EapCode.REQUEST and found.type in ours
            if seen == number:
                return answer
            if found.code != EapCode.REQUEST:
                raise Inconclusive(f"the method has fewer than {number} requests")
            answer = sa.proceed(answer)


def must_be_up(peer: Peer, sa: ScriptedSa, requirement: str | None = None) -> None:
    """The IKE SA is up, with its Child SA, and answers."""
    sa.must_be_established(requirement)
    peer.check(sa.children, "a Child SA", sa.problem or "none")
    sa.liveness()


def must_get_nothing(
    peer: Peer, sa: ScriptedSa, answer: Message, bent: Bend | None = None, *, requirement: str = NOT_CREATED
) -> Message:
    """Our next round, bent, must not let us in: no Success, no proof, no Child SA, and no IKE SA afterwards.

    The device may say so by a Failure, by an error, or ask again, also from the beginning, with the proof of itself
    that belongs there; silence breaks a recommendation only.
    """
    try:
        answer = sa.proceed(answer, bent)
    except Unexpected as silent:
        sa.pending = None
        must_be_gone(peer, sa, told=False)
        raise Unexpected("an EAP-Failure or an error notify", silent.got, "RFC7296-2.21.2-1") from None
    found = answer.first(EAP)
    asks = found is not None and found.packet.code == EapCode.REQUEST
    kinds = (SA, TSi, TSr) if asks else (AUTH, SA, TSi, TSr)
    granted = [kind.__name__ for kind in kinds if answer.first(kind) is not None]
    peer.check(not granted, "no proof and no Child SA", ", ".join(granted), requirement, bypass=True)
    success = found is not None and found.packet.code == EapCode.SUCCESS
    peer.check(not success, "no EAP-Success", answer, requirement, bypass=True)
    ended = fatal(answer) is not None or (found is not None and found.packet.code == EapCode.FAILURE)
    sa.pending = None
    must_be_gone(peer, sa, told=ended)
    return answer


def must_not_come_back(peer: Peer, sa: ScriptedSa, key: bytes, words: str) -> None:
    """After the end of an attempt that has failed an AUTH payload made with this key must not let us in."""
    sa.pending = None
    peer.note(f"after the end AUTH with {words}")
    sent = sa.send(ExchangeType.IKE_AUTH, auth_with(sa, key))
    control(peer)
    for one in answers(peer, sa, sent):
        granted = [kind.__name__ for kind in (AUTH, SA, TSi, TSr) if one.message.first(kind) is not None]
        peer.check(not granted, "no proof and no Child SA", ", ".join(granted), NOT_CREATED, bypass=True)
    sa.pending = None
    must_be_gone(peer, sa, told=True)


def tampered(one: AUTH) -> AUTH:
    """The AUTH payload with its last octet changed."""
    return AUTH(one.method, one.data[:-1] + bytes((one.data[-1] ^ 1,)))
