"""Each method walked off its path: every packet that it has, in every state, in both directions."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from conformance.eap.avp import EAP_MESSAGE, USER_NAME, Avps, pair
from conformance.eap.basic import Identity
from conformance.eap.conversation import Conversation
from conformance.eap.layout import Body, Raw
from conformance.eap.method import ServerMethod
from conformance.eap.mschapv2 import Challenge
from conformance.eap.peap import FAILURE, SUCCESS, Extensions, result_tlv
from conformance.eap.registry import METHODS
from conformance.eap.server import EapServer
from conformance.eap.simaka import Message
from conformance.eap.sweep import Variation
from conformance.script.peer import Peer
from conformance.wire import EapCode, EapPacket, EapType
from suites.dut import Dut
from suites.eap import roles
from suites.eap.cases import Case, Layer, Said, order
from suites.eap.examples import REQUESTS, RESPONSES
from suites.eap.preparing import Prepare, preparation
from suites.eap.roles import NOBODY as UNPROVED
from suites.eap.roles import UNCONVINCED, Way, as_peer, as_server
from suites.eap.sweeping import LONGEST, each, must_not_convince, our_requests, our_responses, tried

TIER = "full"

NOBODY = (*UNPROVED, "RFC3748-4.2-2")
WAYS = (roles.MSCHAPV2, *roles.CARDS, roles.TTLS, *roles.TUNNELS, roles.PEAP)
ASKING = tuple(one for one in WAYS if one not in (roles.TTLS_PAP, roles.TTLS_CHAP))
"""With PAP and CHAP the server says nothing in the tunnel."""
TUNNELS = (roles.TTLS, *roles.TUNNELS, roles.PEAP)
"""Their servers may end without anything from the tunnel; with the others we do so after what is wrong."""
LONG = (roles.TTLS, roles.PEAP)
"""The walks of these are too long for the quick tier."""
MOST = 32
"""Steps off the path in the quick tier."""


def packets(way: Way, code: EapCode) -> list[Body]:
    """All that a method can say in one direction, and in the other one, which is never right; then nothing at all."""
    if way in roles.CARDS:
        kinds = {*METHODS[way.name].requests, *METHODS[way.name].responses, Message}
        table = REQUESTS if code == EapCode.REQUEST else RESPONSES
        return [*(one for kind, one in table.items() if kind in kinds), Raw()]
    name = way.name if way.name in METHODS else "identity"
    forms = dict.fromkeys((*METHODS[name].requests, *METHODS[name].responses))
    return [*(_filled(form) for form in forms), Raw()]


def _filled(form: type[Body]) -> Body:
    return Challenge(challenge=bytes(16), name=b"ikespec") if form is Challenge else form()


def through_tunnel(way: Way, due: Body, code: EapCode) -> list[tuple[str, Body]]:
    """What may come out of a tunnel at the wrong time."""
    if way == roles.PEAP:
        found: list[tuple[str, Body]] = [
            ("a result of success", Extensions(code, 0, tlvs=(result_tlv(SUCCESS),))),
            ("a result of failure", Extensions(code, 0, tlvs=(result_tlv(FAILURE),))),
            ("TLVs without a result", Extensions(code, 0)),
        ]
        if code == EapCode.REQUEST:  # others may be answered by an identity, or by a Nak, and go on
            return found
        return [
            *found,
            ("the identity", Raw(bytes((EapType.IDENTITY,)) + b"nobody")),
            ("a packet of no method", Raw(bytes((EapType(250), 0, 0)))),
        ]
    results = (EapCode.SUCCESS, EapCode.FAILURE) if code == EapCode.REQUEST else ()
    other = EapCode.RESPONSE if code == EapCode.REQUEST else EapCode.REQUEST
    return [
        ("no pair", Avps()),
        ("only a name", Avps((pair(USER_NAME, b"nobody"),))),
        ("an empty EAP-Message", Avps((pair(EAP_MESSAGE, b""),))),
        (
            "an identity in the wrong direction",
            _eap(EapPacket(other, 0, EapType.IDENTITY, Identity(b"nobody").encode())),
        ),
        ("a Nak", _eap(EapPacket(code, 0, EapType.NAK, b"\0"))),
        *((f"an inner {one.name}", _eap(EapPacket(one, 0))) for one in results),
    ]


def _eap(packet: EapPacket) -> Body:
    return Avps((pair(EAP_MESSAGE, packet.encode()),))


def _always(body: Body) -> Callable[[Body], Body]:
    return lambda _: body


def off_path(way: Way, said: Said) -> Iterator[Case]:
    """Each packet in place of each that was said, as long as it is another one."""
    code = EapCode.REQUEST if said.asks else EapCode.RESPONSE
    for number, due in enumerate(said.bodies, 1):
        for sent in packets(way, code):
            if type(sent) is not type(due):
                name = type(sent).__name__ if sent.encode() else "nothing"
                yield Case(
                    number, due, Variation(f"{name} in place of it", _always(sent)), Layer.METHOD, said.asks, said.asks
                )
    for number, due in enumerate(said.tunnel, 1):
        for text, sent in through_tunnel(way, due, code):
            if isinstance(due, Extensions) and isinstance(sent, Extensions) and sent.result == due.result:
                continue
            variation = Variation(f"{text} in place of it", _always(sent))
            yield Case(number, due, variation, Layer.TUNNEL, said.asks, wrong=True)
    if said.tunnel:
        for number, due in enumerate(said.inner, 1):
            for sent in packets(roles.MSCHAPV2, code):
                if type(sent) is not type(due):
                    text = f"{type(sent).__name__} in place of it"
                    yield Case(number, due, Variation(text, _always(sent)), Layer.INNER, said.asks)


@as_server("eap-states-{}", *NOBODY, ways=WAYS, canary=False)
def states(peer: Peer, way: Way) -> None:
    """Other packets of {way.title} where a certain one of ours is due let nobody in."""
    each(peer, *some(off_path(way, our_responses(peer))))


@as_server("eap-states-{}-whole", *NOBODY, ways=LONG, waits=20.0, canary=False)
def states_whole(peer: Peer, way: Way) -> None:
    """Every other packet of {way.title} where a certain one of ours is due lets nobody in."""
    each(peer, *off_path(way, our_responses(peer)))


@as_peer("eap-states-initiator-{}", *UNCONVINCED, ways=ASKING)
def states_initiator(peer: Peer, dut: Dut, way: Way) -> None:
    """Other packets of {way.title} where a certain one of ours is due convince nobody."""
    walk(peer, dut, way, some(off_path(way, our_requests(peer, dut, preparation(way)))))


@as_peer("eap-states-initiator-{}-whole", *UNCONVINCED, ways=LONG, waits=20.0)
def states_initiator_whole(peer: Peer, dut: Dut, way: Way) -> None:
    """Every other packet of {way.title} where a certain one of ours is due convinces nobody."""
    walk(peer, dut, way, list(off_path(way, our_requests(peer, dut, preparation(way)))))


def some(found: Iterable[Case]) -> list[Case]:
    """What fits into the quick tier: all, but of the walks with a tunnel."""
    return order(list(found))[:MOST]


def walk(peer: Peer, dut: Dut, way: Way, found: Sequence[Case]) -> None:
    """None of these convinces the device; without them it comes to its end."""
    for case in tried(peer, found, LONGEST[True]):
        must_not_convince(peer, dut, case, preparation(way) if way in TUNNELS else insisting(way, case))
    dut.initiate()
    peer.accept().delete()


def insisting(way: Way, case: Case) -> Prepare:
    """Our server says Success after what is wrong, whatever the device says to it."""

    def prepare(conversation: Conversation) -> None:
        preparation(way)(conversation)
        assert isinstance(conversation, EapServer)
        for method in conversation.methods:
            method.receive = _succeeding(method, case, conversation)  # type: ignore[assignment,method-assign]

    return prepare


def _succeeding(
    method: ServerMethod, case: Case, conversation: Conversation
) -> Callable[[bytes, EapPacket], Body | None]:
    receive = method.receive

    def ending(data: bytes, packet: EapPacket) -> Body | None:
        if not case.was_sent(conversation):
            return receive(data, packet)
        method.end(True)
        return None

    return ending
