"""What a conversation has tried on a device: which fields of which payloads were sent how, and what became of it.

A message that was bent is compared with what it would have been: what differs was tried. Whether that was wrong, or
unusual and right, the verdict tells: a device that takes it passes or fails.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from typing import NamedTuple

from conformance.ipsec.ah import AhBend
from conformance.ipsec.esp import EspBend
from conformance.script.trace import Entry
from conformance.wire import Delete, ExchangeType, Message, Notify, NotifyType, Payload, ProtocolID


class How(StrEnum):
    """How a field was sent, beside what a correct peer would have sent."""

    RIGHT = "right"
    OTHER = "other"
    ABSENT = "absent"
    DOUBLED = "doubled"
    ADDED = "added"


class Fate(StrEnum):
    """What the device did about it: go on, or refuse, in words or in silence; empty where nobody can tell."""

    TAKEN = "taken"
    REFUSED = "refused"
    OPEN = ""


class Tried(NamedTuple):
    """One field, in one place, that was sent in one way. ``field`` is empty for a payload as a whole."""

    exchange: str
    payload: str
    field: str
    how: How
    fate: Fate


WHOLE = "message"
"""What stands for a payload where the octets were bent, and no field."""
KEEPALIVE = "NAT keepalive"
_FIRST_STATUS = 16384


@dataclass(slots=True)
class _Sent:
    """A message of ours, once however often it went out.

    ``heard``: the device has said something since. ``unasked``: a response to no request.
    """

    entry: Entry
    message: Message
    fate: Fate = Fate.OPEN
    heard: bool = False
    unasked: bool = False

    @property
    def wrong(self) -> str:
        """What is wrong with the whole of it although nothing was bent, empty: nothing."""
        if self.unasked:
            return "unasked"
        naked = not self.entry.encrypted and self.message.exchange != ExchangeType.IKE_SA_INIT
        return "unprotected" if naked else "contents" if self.fate is Fate.REFUSED or self.passed_over else ""

    @property
    def passed_over(self) -> bool:
        """Whether it is a request that got no answer though the device was there."""
        return self.fate is Fate.OPEN and self.heard and not self.message.is_response


def tried(entries: list[Entry]) -> list[Tried]:
    """What the entries of a trace show, each once, sorted."""
    found: set[Tried] = set()
    for one in _fates(entries):
        place = f"{one.message.exchange.name} {'response' if one.message.is_response else 'request'}"
        changed = list(_changed(one)) if one.entry.bent else [(WHOLE, one.wrong, How.OTHER)] if one.wrong else []
        fate = Fate.REFUSED if changed and one.fate is Fate.OPEN else one.fate
        touched = {payload for payload, _, _ in changed}
        found |= {Tried(place, payload, field, how, fate) for payload, field, how in changed}
        if fate is Fate.TAKEN:
            straight = {"header", *map(name, one.message.payloads)} - touched
            found |= {Tried(place, each, "", How.RIGHT, fate) for each in straight}
    for entry in entries:
        if entry.sent and entry.message is None and (entry.text == KEEPALIVE or entry.text.endswith(" octets")):
            what = (KEEPALIVE, "") if entry.text == KEEPALIVE else (WHOLE, "octets")
            found.add(Tried("no exchange", *what, How.OTHER, Fate.REFUSED))
    return sorted(found | _in_traffic(entries))


def written(found: list[Tried]) -> list[str]:
    """As they stand in a record; `read` reads one."""
    return ["|".join(one) for one in found]


def read(text: str) -> Tried:
    """What stands in a record. Raises ValueError."""
    exchange, payload, field, how, fate = text.split("|")
    return Tried(exchange, payload, field, How(how), Fate(fate))


def name(payload: Payload) -> str:
    """What a payload is called: by its class, a notify by its type."""
    if not isinstance(payload, Notify):
        return type(payload).__name__
    return f"N({payload.type.name})" if isinstance(payload.type, NotifyType) else "N(another)"


def _fates(entries: list[Entry]) -> Iterator[_Sent]:
    """Our IKE messages in order, with what the device has done about each.

    An answer is about the last message that could have had it: where one was ignored and the right one has followed,
    it is about that one.
    """
    asked: dict[tuple[bytes, int, int], _Sent] = {}
    answered: dict[bytes, _Sent] = {}
    order: list[_Sent] = []
    requests: set[tuple[bytes, int, int]] = set()
    quiet = 0  # the messages from here on have heard nothing from the device yet
    for entry in entries:
        message = entry.message
        if entry.datagram is None or message is None:
            continue
        key = (message.spi_i, int(message.exchange), message.message_id)
        if entry.sent:
            kept = answered.get(message.spi_i) if message.is_response else asked.get(key)
            if kept is not None and kept.message == message and kept.entry.bent == entry.bent:
                continue
            one = _Sent(entry, message, unasked=message.is_response and key not in requests)
            order.append(one)
            if message.is_response:
                answered[message.spi_i] = one
            else:
                asked[key] = one
        else:
            if not message.is_response:
                requests.add(key)
            for one in order[quiet:]:
                one.heard = True
            quiet = len(order)
            if entry.problem:
                continue
            _judge(asked.get(key) if message.is_response else None, message)
            before = answered.get(message.spi_i)
            if before is not None and (message.is_response or message.message_id > before.message.message_id):
                _judge(before, message)
    yield from order


def _judge(one: _Sent | None, answer: Message) -> None:
    if one is None or one.fate is not Fate.OPEN or answer.notify(NotifyType.COOKIE) is not None:
        return
    refuses = any(isinstance(each, Notify) and each.type < _FIRST_STATUS for each in answer.payloads)
    ends = not answer.is_response and any(
        isinstance(each, Delete) and each.protocol == ProtocolID.IKE for each in answer.payloads
    )
    one.fate = Fate.REFUSED if refuses or ends else Fate.TAKEN


def _changed(one: _Sent) -> Iterator[tuple[str, str, How]]:
    """What a bend has changed: payload, field, how. Where no value differs, the octets do."""
    straight, found = one.entry.straight, False
    if straight is not None:
        for each in _messages(straight, one.message):
            found = True
            yield each
    if not found:
        yield WHOLE, "octets", How.OTHER


def _messages(straight: Message, bent: Message) -> Iterator[tuple[str, str, How]]:
    for each in fields(Message):
        if each.name != "payloads" and getattr(straight, each.name) != getattr(bent, each.name):
            yield "header", each.name, How.OTHER
    before, after = _by_name(straight), _by_name(bent)
    for kind in {**before, **after}:
        olds, news = before.get(kind, []), after.get(kind, [])
        if len(news) != len(olds):
            yield kind, "", How.ABSENT if not news else _more(olds, news)
            continue
        for old, new in zip(olds, news, strict=True):
            for field in set(_fields(old, new, "")):
                yield kind, field, How.OTHER
    if not before.keys() ^ after.keys() and list(before) != list(after):
        yield WHOLE, "order of payloads", How.OTHER


def _more(olds: list[Payload], news: list[Payload]) -> How:
    """Another number of payloads than it would have been."""
    if len(news) < len(olds):
        return How.OTHER
    return How.DOUBLED if olds else How.ADDED


def _by_name(message: Message) -> dict[str, list[Payload]]:
    found: dict[str, list[Payload]] = {}
    for payload in message.payloads:
        found.setdefault(name(payload), []).append(payload)
    return found


def _fields(old: object, new: object, path: str) -> Iterator[str]:
    """The names of the fields in which two values differ, those of values inside after those that they are in."""
    if old == new:
        return
    if isinstance(old, tuple) and isinstance(new, tuple) and len(old) == len(new):
        for one, other in zip(old, new, strict=True):
            yield from _fields(one, other, path)
    elif is_dataclass(old) and is_dataclass(new) and type(old) is type(new):
        for each in fields(old):
            inner = f"{path}.{each.name}" if path else each.name
            yield from _fields(getattr(old, each.name), getattr(new, each.name), inner)
    else:
        yield path


def _in_traffic(entries: list[Entry]) -> set[Tried]:
    """What was wrong with packets of ours through Child SAs, and whether one came back before the next one of ours."""
    found: set[Tried] = set()
    waiting: list[Tried] = []
    for entry in entries:
        protocol = entry.text.split(" ")[0]
        if entry.message is not None or protocol not in ("ESP", "AH"):
            continue
        if entry.sent:
            found |= set(waiting)
            waiting = [Tried(protocol, protocol, field, How.OTHER, Fate.REFUSED) for field in _bent_fields(entry.bent)]
        else:
            found |= {one._replace(fate=Fate.TAKEN) for one in waiting}
            waiting = []
    found |= set(waiting)
    taken = {one[:3] for one in found if one.fate is Fate.TAKEN}
    return {one for one in found if one.fate is Fate.TAKEN or one[:3] not in taken}


def _bent_fields(bent: str) -> list[str]:
    """The fields that the text of a bent packet names (`conformance.script.traffic.said`)."""
    named = [word.split(" ")[0] for word in bent.split(", ")] if bent else []
    known = [word for word in named if word in _ESP_FIELDS]
    return known or ["a copy" if bent == "sent before" else "octets"] * bool(bent)


_ESP_FIELDS = {each.name for kind in (EspBend, AhBend) for each in fields(kind)}
