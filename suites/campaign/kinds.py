"""The messages that a case may send, by name: each correct in itself, bent by the mutations of a step.

A kind sends and waits for nothing. What the device answers is taken by our side as usual, so that the next step goes on
from there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from conformance.ike.core.child import ChildSa
from conformance.ike.ikesa import IkeSa
from conformance.net.link import NON_ESP_MARKER, Address
from conformance.script.bend import Bend, datagrams, order
from conformance.script.message import Received
from conformance.script.sa import ScriptedSa
from conformance.wire import (
    CP,
    FLAG_INITIATOR,
    CfgAttr,
    CfgAttribute,
    CfgType,
    Delete,
    ExchangeType,
    Message,
    Notify,
    NotifyType,
    Payload,
    ProtocolID,
    VendorID,
)
from suites.campaign.scene import Scene, Unreachable

Send = Callable[[Scene, Bend], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A message that may be sent: what it is in words, and how."""

    name: str
    text: str
    send: Send


KINDS: dict[str, Kind] = {}


def _kind(name: str, text: str) -> Callable[[Send], Send]:
    def register(send: Send) -> Send:
        KINDS[name] = Kind(name, text, send)
        return send

    return register


def _step(name: str, text: str, start: Callable[[ScriptedSa], None]) -> None:
    """A request that begins an exchange of the IKE SA."""
    KINDS[name] = Kind(name, text, lambda scene, bend: _begin(scene.ike, partial(start, scene.ike), bend))


def _begin(sa: ScriptedSa, start: Callable[[], None], bend: Bend) -> None:
    # What was not answered is over for us, and its message ID is free: one request at a time (RFC 7296, section 2.3).
    if sa.pending is not None:
        sa.next_id, sa.pending = sa.pending.message.message_id, None
    sa.queue.clear()
    sa.begin(start, bend)


def _child(sa: ScriptedSa) -> ChildSa:
    if not sa.children:
        raise Unreachable("there is no Child SA")
    return sa.children[0]


def _asks(name: str, text: str, *payloads: Payload) -> None:
    """An INFORMATIONAL request with these payloads."""
    _step(name, text, lambda sa: sa.open_exchange(ExchangeType.INFORMATIONAL, lambda _: payloads, sa.ignore))


# --- IKE_SA_INIT ------------------------------------------------------------------------------------------------------


@_kind("init", "an IKE_SA_INIT request for another IKE SA")
def _init(scene: Scene, bend: Bend) -> None:
    sa = scene.fresh()
    _begin(sa, sa.start_init, bend)


@_kind("init-cookie", "the IKE_SA_INIT request again, as the device's answer asks for it")
def _init_cookie(scene: Scene, bend: Bend) -> None:
    response = scene.response
    if response is None:
        raise Unreachable("the device has asked for no cookie")
    scene.ike.rounds = 0  # it may be asked again and again
    _begin(scene.ike, partial(IkeSa.on_init_response, scene.ike, response), bend)


@_kind("init-again", "the octets of the IKE_SA_INIT request again")
def _init_again(scene: Scene, bend: Bend) -> None:
    sa = scene.ike
    sa.transmit(tuple(bend.datagrams([bend.ciphertext(sa.init_request_raw)])), scene.peer.local, scene.peer.remote)


@_kind("stray", "an INFORMATIONAL request of an IKE SA that nobody knows")
def _stray(scene: Scene, bend: Bend) -> None:
    random = scene.peer.random
    scene.peer.send_message(Message(random(8), random(8), ExchangeType.INFORMATIONAL, FLAG_INITIATOR, 1), bend=bend)


# --- IKE_AUTH ---------------------------------------------------------------------------------------------------------

_step("auth", "the IKE_AUTH request, the first one where there are several", lambda sa: sa.start_auth())


@_kind("eap", "the next IKE_AUTH request, after what the device has answered")
def _eap(scene: Scene, bend: Bend) -> None:
    response = scene.response
    if response is None:
        raise Unreachable("the device has not begun EAP")
    scene.response = None
    _begin(scene.ike, partial(IkeSa.on_auth_response, scene.ike, response), bend)


@_kind("auth-again", "the payloads of the first IKE_AUTH request once more, as the next request")
def _auth_again(scene: Scene, bend: Bend) -> None:
    sa = scene.ike
    payloads = _sent_before(scene, ExchangeType.IKE_AUTH)
    _begin(sa, lambda: sa.open_exchange(ExchangeType.IKE_AUTH, lambda _: payloads, sa.ignore), bend)


def _sent_before(scene: Scene, exchange: ExchangeType) -> Sequence[Payload]:
    for entry in scene.peer.trace.entries:
        message = entry.message
        if entry.sent and message is not None and message.exchange is exchange and len(message.payloads) > 2:
            return message.payloads
    raise Unreachable(f"we have sent no {exchange.name}")


# --- an IKE SA that is up ---------------------------------------------------------------------------------------------

_step("liveness", "an empty INFORMATIONAL request", lambda sa: sa.start_liveness())
_step("create-child", "CREATE_CHILD_SA for another Child SA", lambda sa: sa.start_child(_name(sa)))
_step("rekey-child", "CREATE_CHILD_SA that rekeys a Child SA", lambda sa: sa.start_child_rekey(_child(sa)))
_step("rekey", "CREATE_CHILD_SA that rekeys the IKE SA", lambda sa: sa.start_rekey())
_step("delete", "the deletion of the IKE SA", lambda sa: sa.start_delete())
_step("delete-child", "the deletion of a Child SA", lambda sa: sa.start_child_delete(_child(sa)))
_asks(
    "notify", "an INFORMATIONAL request with a status notify that nobody knows", Notify(NotifyType(40961), b"ikespec")
)
_asks(
    "configuration",
    "an INFORMATIONAL request that asks for the application's version",
    CP(CfgType.REQUEST, (CfgAttr(CfgAttribute.APPLICATION_VERSION),)),
)
_asks("delete-nothing", "the deletion of a Child SA that is not there", Delete(ProtocolID.ESP, (b"\xee" * 4,)))


def start_large(sa: ScriptedSa) -> None:
    """An INFORMATIONAL request that has to go in several fragments; unknown Vendor IDs are ignored."""
    payloads = [VendorID(bytes((at,)) * 255) for at in range(12)]
    sa.open_exchange(ExchangeType.INFORMATIONAL, lambda _: payloads, sa.ignore)


_step("large", "an INFORMATIONAL request of several fragments", start_large)


def _name(sa: ScriptedSa) -> str:
    if not sa.connection.children:
        raise Unreachable("the connection has no Child SA")
    return sa.connection.children[0].name


@_kind("response", "an INFORMATIONAL response that nobody has asked for")
def _response(scene: Scene, bend: Bend) -> None:
    scene.ike.send(ExchangeType.INFORMATIONAL, response=True, bend=bend)


@_kind("repeat", "the octets of our last request again")
def _repeat(scene: Scene, bend: Bend) -> None:
    sent = scene.ike.last_sent
    if sent is None:
        raise Unreachable("we have asked for nothing")
    sa = scene.ike
    sa.transmit(tuple(bend.datagrams([bend.ciphertext(raw) for raw in sent.datagrams])), sa.local, sa.remote)


@_kind("clear-liveness", "an INFORMATIONAL request of the IKE SA in the clear")
def _clear_liveness(scene: Scene, bend: Bend) -> None:
    _in_the_clear(scene, bend)


@_kind("clear-delete", "the deletion of the IKE SA in the clear")
def _clear_delete(scene: Scene, bend: Bend) -> None:
    _in_the_clear(scene, bend, Delete(ProtocolID.IKE))


@_kind("clear-error", "INVALID_IKE_SPI as a response in the clear")
def _clear_error(scene: Scene, bend: Bend) -> None:
    _in_the_clear(scene, bend, Notify(NotifyType.INVALID_IKE_SPI), response=True)


def _in_the_clear(scene: Scene, bend: Bend, *payloads: Payload, response: bool = False) -> None:
    sa = scene.ike
    message = sa.message(ExchangeType.INFORMATIONAL, payloads, sa.next_id, response=response)
    scene.peer.send_message(message, sa.local, sa.remote, bend)


# --- what the device has asked for ------------------------------------------------------------------------------------


@_kind("answer", "the right answer to the request of the device")
def _answer(scene: Scene, bend: Bend) -> None:
    held = _held(scene)
    if held.sa is None:
        scene.sa = scene.peer.respond_init(held, bend)
        scene.begun.append(scene.sa)
    else:
        held.sa.answer(held, bend=bend)


@_kind("refuse", "an answer to the request of the device that refuses it")
def _refuse(scene: Scene, bend: Bend) -> None:
    _say(scene, bend, Notify(NotifyType.NO_PROPOSAL_CHOSEN))


@_kind("ask-cookie", "COOKIE as an answer to the IKE_SA_INIT request of the device")
def _ask_cookie(scene: Scene, bend: Bend) -> None:
    _say(scene, bend, Notify(NotifyType.COOKIE, scene.peer.random(16)))


@_kind("empty", "an answer without payloads to the request of the device")
def _empty(scene: Scene, bend: Bend) -> None:
    if scene.held is None or scene.held.sa is None:
        _say(scene, bend)
        return
    sa, held = scene.held.sa, _held(scene)
    sa.send(held.message.exchange, message_id=held.message.message_id, response=True, bend=bend)


def _say(scene: Scene, bend: Bend, *payloads: Payload) -> None:
    held = _held(scene)
    if held.sa is None:
        scene.peer.refuse_init(held, *payloads, bend=bend)
    else:
        held.sa.answer(held, *payloads, bend=bend)


def _held(scene: Scene) -> Received:
    if scene.held is None:
        raise Unreachable("the device has asked for nothing")
    held, scene.held = scene.held, None
    return held


# --- fragments and octets ---------------------------------------------------------------------------------------------


@_kind("rest", "the fragments that were kept back")
def _rest(scene: Scene, bend: Bend) -> None:
    sa = scene.ike
    sa.transmit(tuple(bend.datagrams([bend.ciphertext(raw) for raw in scene.rest])), sa.local, sa.remote)
    scene.peer.flush()


_BALLAST = order(lambda found: [*found, *(VendorID(bytes((at,)) * 255) for at in range(8))], "with eight Vendor IDs")


def first_fragments(scene: Scene, start: Callable[[ScriptedSa], None]) -> None:
    """Send a request, made large, but for its last fragment. Raises Unreachable where it is only one datagram."""
    found: list[bytes] = []

    def keep(raw: list[bytes]) -> list[bytes]:
        found.extend(raw)
        return raw[:-1]

    _begin(scene.ike, partial(start, scene.ike), _BALLAST | datagrams(keep, "without the last fragment"))
    if len(found) < 2:
        raise Unreachable("the message has one fragment")
    scene.rest = (found[-1],)


def send_octets(scene: Scene, octets: bytes, bend: Bend) -> None:
    """Send a datagram that is nothing else, to where the IKE SA lives."""
    sa = scene.sa
    source, target = (sa.local, sa.remote) if sa is not None else (scene.peer.local, scene.peer.remote)
    marker = NON_ESP_MARKER if _encapsulated(scene, source, target) else b""
    for raw in bend.datagrams([bend.ciphertext(octets)]):
        scene.peer.send_raw(marker + raw, source, target)


def _encapsulated(scene: Scene, source: Address, target: Address) -> bool:
    connection = scene.peer.connection
    return source.port == connection.local_ports[1] or target.port == connection.remote_ports[1]
