"""The messages of which conversations for learning are made, and how their answers are abstracted.

Each message can be sent at any time, right or wrong as that may be: protected with the keys of the newest IKE SA, with
the message ID that is its turn. What needs keys or a Child SA that we do not have yet is not sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from conformance.script import bend
from conformance.script.message import Sent
from conformance.script.sa import ScriptedSa
from conformance.wire import (
    AUTH,
    SA,
    Delete,
    Encr,
    ExchangeType,
    Message,
    Notify,
    NotifyType,
    PayloadType,
    ProtocolID,
    TrafficSelector,
    Transform,
    TransformType,
    TSi,
    TSr,
    UnknownPayload,
    VendorID,
)

if TYPE_CHECKING:
    from suites.learning.talk import Talk

INFORMATIONAL = ExchangeType.INFORMATIONAL
UNSENT, SILENCE, AGAIN = "-", "silence", "the same again"
"""Answers that are none: nothing was sent, nothing came; and the octets of an earlier answer."""
MOST_CHILDREN = 2
"""More Child SAs than that are not made, or there would be a state for each number of them."""

Send = Callable[["Talk"], Sent | None]


@dataclass(frozen=True, slots=True)
class Letter:
    """A message. ``text`` says what it is; ``send`` sends it, and returns None where it cannot be sent."""

    name: str
    text: str
    send: Send


LETTERS: dict[str, Letter] = {}


def letter(name: str, text: str) -> Callable[[Send], Send]:
    """Add a message to the alphabet."""

    def add(send: Send) -> Send:
        LETTERS[name] = Letter(name, text, send)
        return send

    return add


# --- IKE_SA_INIT and IKE_AUTH -----------------------------------------------------------------------------------------


@letter("INIT", "IKE_SA_INIT for a new IKE SA; cookies and other groups are obeyed")
def _init(talk: Talk) -> Sent:
    talk.begin_ike()
    return talk.ike.begin(talk.ike.start_init)


@letter("INIT-FOREIGN", "IKE_SA_INIT for one more, with a cipher that nobody has; if it is refused, it is forgotten")
def _init_foreign(talk: Talk) -> Sent:
    sa = talk.peer.sa(initial_contact=False)
    return talk.aside(sa).begin(sa.start_init, bend.replace(SA, _foreign, "a cipher that nobody has"))


@letter("INIT-REPEAT", "the octets of our IKE_SA_INIT request once more, until the IKE SA is rekeyed")
def _init_repeat(talk: Talk) -> Sent | None:
    return talk.repeat(talk.sa, talk.init)


@letter("AUTH", "IKE_AUTH with the first Child SA")
def _auth(talk: Talk) -> Sent | None:
    return talk.step(_start_auth)


@letter("AUTH-WRONG", "IKE_AUTH, the last octet of AUTH wrong")
def _auth_wrong(talk: Talk) -> Sent | None:
    wrong = bend.replace(AUTH, lambda one: replace(one, data=one.data[:-1] + bytes((one.data[-1] ^ 1,))), "AUTH wrong")
    return talk.step(_start_auth, wrong)


@letter("AUTH-ELSEWHERE", "IKE_AUTH with traffic selectors that are not ours: documentation networks on both sides")
def _auth_elsewhere(talk: Talk) -> Sent | None:
    return talk.step(_start_auth, _elsewhere())


# --- CREATE_CHILD_SA --------------------------------------------------------------------------------------------------


@letter("CHILD", f"CREATE_CHILD_SA for another Child SA, if we have fewer than {MOST_CHILDREN}")
def _child(talk: Talk) -> Sent | None:
    if talk.sa is None or len(talk.sa.children) >= MOST_CHILDREN:
        return None
    return talk.step(lambda sa: sa.start_child("net"))


@letter("CHILD-FOREIGN", "CREATE_CHILD_SA with a cipher that nobody has")
def _child_foreign(talk: Talk) -> Sent | None:
    return talk.step(lambda sa: sa.start_child("net"), bend.replace(SA, _foreign, "a cipher that nobody has"))


@letter("CHILD-REKEY", "CREATE_CHILD_SA that rekeys the newest Child SA, which is deleted then; one that is not there")
def _child_rekey(talk: Talk) -> Sent | None:
    if talk.sa is not None and talk.sa.children:
        talk.sa.tidy = True
        return talk.step(lambda sa: sa.start_child_rekey(sa.children[-1]))
    unknown = Notify(NotifyType.REKEY_SA, b"", protocol=ProtocolID.ESP, spi=b"none")
    return talk.step(lambda sa: sa.start_child("net"), bend.insert(unknown))


@letter("IKE-REKEY", "CREATE_CHILD_SA that rekeys the IKE SA; a liveness check on the new one, which is used then")
def _ike_rekey(talk: Talk) -> Sent | None:
    if talk.sa is not None:
        talk.sa.tidy = False  # the old one stays, for messages of its own
    return talk.step(lambda sa: sa.start_rekey())


# --- INFORMATIONAL ----------------------------------------------------------------------------------------------------


@letter("LIVENESS", "an empty INFORMATIONAL request")
def _liveness(talk: Talk) -> Sent | None:
    return talk.send(INFORMATIONAL)


@letter("CHILD-DELETE", "Delete of the newest Child SA, or of one that is not there")
def _child_delete(talk: Talk) -> Sent | None:
    if talk.sa is None or not talk.sa.children:
        return talk.send(INFORMATIONAL, Delete(ProtocolID.ESP, (b"none",)))
    return talk.step(lambda sa: sa.start_child_delete(sa.children[-1]))


@letter("IKE-DELETE", "Delete of the IKE SA")
def _ike_delete(talk: Talk) -> Sent | None:
    return talk.send(INFORMATIONAL, Delete(ProtocolID.IKE))


@letter("OLD-LIVENESS", "an empty INFORMATIONAL request on the IKE SA that was rekeyed last")
def _old_liveness(talk: Talk) -> Sent | None:
    return talk.send(INFORMATIONAL, sa=talk.old)


@letter("OLD-DELETE", "Delete of the IKE SA that was rekeyed last")
def _old_delete(talk: Talk) -> Sent | None:
    return talk.send(INFORMATIONAL, Delete(ProtocolID.IKE), sa=talk.old)


@letter("OLD-REPEAT", "the octets of our last request on the IKE SA that was rekeyed last once more")
def _old_repeat(talk: Talk) -> Sent | None:
    return talk.repeat(talk.old, talk.last(talk.old))


# --- deviations -------------------------------------------------------------------------------------------------------


@letter("REPEAT", "the octets of our last request on the newest IKE SA that was answered once more")
def _repeat(talk: Talk) -> Sent | None:
    return talk.repeat(talk.sa, talk.last(talk.sa))


@letter("AHEAD", "an empty INFORMATIONAL request with a message ID that is not its turn yet")
def _ahead(talk: Talk) -> Sent | None:
    return talk.send(INFORMATIONAL, ahead=1)


@letter("CRITICAL", "an INFORMATIONAL request with an unknown critical payload")
def _critical(talk: Talk) -> Sent | None:
    return talk.send(INFORMATIONAL, UnknownPayload(200, b"ikespec", critical=True))


@letter("MALFORMED", "an INFORMATIONAL request, authentic, whose payloads inside make no sense")
def _malformed(talk: Talk) -> Sent | None:
    return talk.send(INFORMATIONAL, VendorID(b"ikespec", next_payload=int(PayloadType.NOTIFY)))


@letter("FORGED", "an empty INFORMATIONAL request with a wrong ICV")
def _forged(talk: Talk) -> Sent | None:
    return talk.send(INFORMATIONAL, bend=bend.flip_icv())


@letter("CLEAR", "a Delete of the IKE SA that is not protected")
def _clear(talk: Talk) -> Sent | None:
    sa = talk.sa
    if sa is None or sa.keys is None:
        return None
    bare = Message(
        sa.spi_i, sa.spi_r, INFORMATIONAL, sa.message(INFORMATIONAL, (), sa.next_id, response=False).flags,
        sa.next_id, (Delete(ProtocolID.IKE),),
    )  # fmt: skip
    return talk.peer.send_message(bare, sa.local, sa.remote)


def _start_auth(sa: ScriptedSa) -> None:
    sa.first_child = sa.connection.children[0].name if sa.connection.children else None
    sa.pacing = False
    sa.start_auth()


def _foreign(offered: SA) -> SA:
    """The same offer with a cipher that is not assigned."""

    def other(one: Transform) -> Transform:
        return Transform(TransformType.ENCR, Encr(999)) if one.type == TransformType.ENCR else one

    return replace(
        offered,
        proposals=tuple(replace(one, transforms=tuple(map(other, one.transforms))) for one in offered.proposals),
    )


def _elsewhere() -> bend.Bend:
    change = partial(replace, selectors=(TrafficSelector.net("203.0.113.0/24"),))
    return bend.replace(TSi, change, "other networks") | bend.replace(TSr, change, "other networks")


# --- answers ----------------------------------------------------------------------------------------------------------

_ORDER = ("SA", "KE", "Nonce", "IDr", "CERT", "AUTH", "EAP", "CP", "TSi", "TSr", "Delete")
_UNTOLD = ("CERT", "CERTREQ", "VendorID")


def abstract(message: Message) -> str:
    """A message in a few words that are the same each time: its payloads and errors in an order of ours.

    What a device announces (certificates, vendor IDs, status notifies but COOKIE) is left out: it depends on the
    configuration, and no state depends on it.
    """
    payloads = [type(one).__name__ for one in message.payloads if not isinstance(one, Notify)]
    told = sorted((one for one in payloads if one not in _UNTOLD), key=_place)
    notifies = sorted(_notify(one) for one in message.notifies() if _counts(one))
    return " ".join([*told, *notifies]) or "empty"


def _place(name: str) -> tuple[int, str]:
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER), name)


def _counts(one: Notify) -> bool:
    return one.type < NotifyType.INITIAL_CONTACT or one.type == NotifyType.COOKIE


def _notify(one: Notify) -> str:
    return f"N({one.type.name})"


def requests(found: Iterable[Message]) -> str:
    """What the device has asked of its own accord, in words.

    That it knows nothing of an IKE SA or Child SA it may say on another IKE SA, but not too often (RFC 7296, sections
    1.5 and 2.21.4). So that depends on the clock, not on a state, and is left out.
    """
    told = [(one.exchange.name, abstract(one)) for one in found]
    return "; ".join(f"asks {exchange} {words}" for exchange, words in told if words not in _NOW_AND_THEN)


_NOW_AND_THEN = ("N(INVALID_IKE_SPI)", "N(INVALID_SPI)")
