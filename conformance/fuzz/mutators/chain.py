"""Mutators of the list of payloads: left out, doubled, moved, taken from other messages, unknown, in a loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from struct import pack

from conformance.fuzz import octets
from conformance.fuzz.chance import below, often, one_of
from conformance.fuzz.mutation import Mutation
from conformance.fuzz.mutators.base import Arguments, Base
from conformance.fuzz.numbers import corners
from conformance.fuzz.places import fitting, index_of, places, with_payloads
from conformance.script.bend import Bend
from conformance.wire import Message, Payload, PayloadType, UnknownPayload

_TYPES = [int(one) for one in PayloadType if one]


class Order(Base):
    """A payload left out, doubled, alone, or moved to another place."""

    name = "order"
    sizes = (1,)
    ONE = ("dropped", "doubled")
    KINDS = (*ONE, "first", "last", "swapped", "alone", "none", "reversed")

    def draw(self, random: Random, message: Message) -> Mutation | None:
        """Any payload."""
        names = places(message).names[1:]
        if not names:
            return None
        count = len(names)
        kind = one_of(random, (*self.KINDS, "dropped", "doubled", "swapped") if count > 1 else self.ONE)
        least, most = int(kind == "first"), count - (kind == "last")
        at, times = least + below(random, most - least), 0
        if kind == "doubled":
            times = often(random, (1, 1, 2), (9, 99))
        elif kind == "swapped":
            times = (at + 1 + below(random, count - 1)) % count
        return self.mutation(names[at], kind, times)

    def bend(self, mutation: Mutation) -> Bend:
        """Do it."""
        arguments = Arguments(mutation)
        kind, number = arguments.text(self.KINDS), min(arguments.number(), 999)

        def bent(message: Message) -> Message:
            at = index_of(message, mutation.target)
            if at is None:
                return message
            found = with_payloads(message, self.ordered(message.payloads, at, kind, number))
            grown = len(message.payloads[at].encode_body()) * number if number and kind == "doubled" else 0
            return fitting(found, message, grown)

        return Bend(f"{mutation.target} {kind}" + (f" {number}" if number else ""), payloads=bent)

    @staticmethod
    def ordered(found: tuple[Payload, ...], at: int, kind: str, number: int) -> tuple[Payload, ...]:
        """The payloads as they are sent."""
        before, one, after = found[:at], found[at], found[at + 1 :]
        if kind == "swapped":
            other = number % len(found)
            order = list(found)
            order[at], order[other] = order[other], order[at]
            return tuple(order)
        if kind == "dropped":
            return (*before, *after)
        if kind == "doubled":
            return (*before, *(one,) * (number + 1), *after)
        if kind in ("first", "last"):
            return (one, *before, *after) if kind == "first" else (*before, *after, one)
        if kind == "reversed":
            return found[::-1]
        return (one,) if kind == "alone" else ()


class Splice(Base):
    """A payload of another message put in, or in the place of one that is there.

    ``stock`` has the payloads to choose from, each as its type and its octets; `learn` adds those of a message.
    """

    name = "splice"
    KINDS = ("before", "instead", "last")
    STOCK = 512

    def __init__(self, stock: Sequence[tuple[int, bytes]] = ()) -> None:
        self.stock = list(stock)

    def learn(self, message: Message) -> None:
        """Take the payloads of a message into the stock; of a full stock the oldest goes."""
        for one in message.payloads:
            try:
                found = int(one.payload_type), one.encode_body()
            except (ValueError, OverflowError):
                continue
            if found not in self.stock and len(found[1]) <= 4096:
                self.stock = [*self.stock[-self.STOCK + 1 :], found]

    def draw(self, random: Random, message: Message) -> Mutation | None:
        """One of the stock, or of this message under another type."""
        if self.stock:
            kind, body = one_of(random, self.stock)
        elif message.payloads:
            at = below(random, len(message.payloads))
            kind, body = int(message.payloads[at].payload_type), places(message).body(at)
        else:
            return None
        if random.random() < 0.1:
            kind = one_of(random, _TYPES)
        if random.random() < 0.25:  # a payload that nobody expects there, and is not as it should be
            body = octets.do(*octets.draw(random, len(body)), body)
        names = places(message).names  # the header is one of them: at the end
        return self.mutation(one_of(random, names), one_of(random, self.KINDS), kind, body.hex())

    def bend(self, mutation: Mutation) -> Bend:
        """Put it in; at the end where there is no payload of that name."""
        arguments = Arguments(mutation)
        where, kind, body = arguments.text(self.KINDS), arguments.number(), arguments.octets()
        payload = UnknownPayload.make(kind & 0xFF, body)

        def bent(message: Message) -> Message:
            found, at = message.payloads, index_of(message, mutation.target)
            if at is None or where == "last":
                return fitting(with_payloads(message, (*found, payload)), message, len(body))
            rest = found[at + (where == "instead") :]
            return fitting(with_payloads(message, (*found[:at], payload, *rest)), message, len(body))

        return Bend(f"{payload.payload_type.notation} of another message, {where} {mutation.target}", payloads=bent)

    def simpler(self, mutation: Mutation) -> Iterator[Mutation]:
        """With fewer octets."""
        if len(mutation.arguments) == 3 and isinstance(body := mutation.arguments[2], str):
            size = len(body) // 2
            for kept in dict.fromkeys((0, 4, size // 2, size - 1)):
                if 0 <= kept < size:
                    yield self.with_argument(mutation, 2, body[: 2 * kept])


class Unknown(Base):
    """A payload of a type that nobody knows, critical or not, with any bits."""

    name = "unknown"
    sizes = (3,)

    def draw(self, random: Random, message: Message) -> Mutation | None:
        """Any type of a corner of the registry, at any place."""
        kind = one_of(random, corners(PayloadType, 8))
        flags = one_of(random, (0x80, 0x80, 0, 0x7F, 0xFF, 1))
        return self.mutation(
            "header", below(random, len(message.payloads) + 1), kind, flags, often(random, (0, 1, 4, 8), (64, 1024))
        )

    def bend(self, mutation: Mutation) -> Bend:
        """Put it in."""
        arguments = Arguments(mutation)
        at, kind, flags = arguments.number(), arguments.number() & 0xFF, arguments.number() & 0xFF
        payload = UnknownPayload.make(
            kind, bytes(min(arguments.number(), 2048)), critical=flags >= 0x80, reserved=flags & 0x7F
        )

        def bent(message: Message) -> Message:
            found = message.payloads
            return with_payloads(message, (*found[:at], payload, *found[at:]))

        said = "critical " if flags >= 0x80 else ""
        return Bend(f"{said}payload of type {kind}, {len(payload.body)} octets, at {at}", payloads=bent)


class Loop(Base):
    """A chain of payloads that goes on and on, nests in itself, or ends where its types say that it goes on."""

    name = "loop"
    sizes = (1,)
    KINDS = ("empty", "nested", "itself", "beyond")

    def draw(self, random: Random, message: Message) -> Mutation | None:
        """Any kind, any number of rounds, any type."""
        kind = one_of(random, corners(PayloadType, 8)) or 43
        return self.mutation(
            "header", one_of(random, self.KINDS), often(random, (1, 2, 16), (100, 255, 256, 1000, 4000)), kind
        )

    def bend(self, mutation: Mutation) -> Bend:
        """Make it."""
        arguments = Arguments(mutation)
        kind, times, number = arguments.text(self.KINDS), min(arguments.number(), 8000), arguments.number() & 0xFF

        def bent(message: Message) -> Message:
            return fitting(self.looped(message, kind, times, number), message, 4 * times)

        return Bend(f"payloads of type {number}, {kind}, {times} times", payloads=bent)

    @staticmethod
    def looped(message: Message, kind: str, times: int, number: int) -> Message:
        """The message with the loop at its end."""
        found = message.payloads
        if kind == "empty":
            rest = (bytes((number, 0, 0, 4)) * times)[4:-4] + (bytes((0, 0, 0, 4)) if times > 1 else b"")
            return with_payloads(
                message, (*found, UnknownPayload.make(number, rest, length=4, next_payload=number if rest else None))
            )
        if kind == "nested":
            body = pack(f"!{min(times, 512)}I", *range(number << 24 | 4 * min(times, 512), number << 24, -4))
            return with_payloads(message, (*found, UnknownPayload.make(number, body, next_payload=number)))
        length = 0 if kind == "itself" else None
        payload = UnknownPayload.make(number, bytes(4), length=length, next_payload=number)
        return with_payloads(message, (*found, payload))


class Bits(Base):
    """A bit or an octet of a payload, wherever it falls, and octets put in or taken out in the middle."""

    name = "bits"
    sizes = (1, 2)
    KINDS = ("turned", "set", "removed", "inserted", "repeated", "swapped")

    def draw(self, random: Random, message: Message) -> Mutation | None:
        """Any payload, any octet."""
        if not message.payloads:
            return None
        known = places(message)
        at = below(random, len(message.payloads))
        size = len(known.body(at))
        kind = one_of(random, (*self.KINDS, "turned", "set"))
        value = below(random, 8) if kind == "turned" else below(random, 256) if kind == "set" else 0
        if kind in ("removed", "inserted", "repeated", "swapped"):
            value = one_of(random, (1, 2, 3, 4, 8, 16))
        return self.mutation(known.names[at + 1], kind, below(random, max(1, size)), value)

    def bend(self, mutation: Mutation) -> Bend:
        """Do it; what comes of it is written as it is, with the length that it has."""
        arguments = Arguments(mutation)
        kind, at, value = arguments.text(self.KINDS), arguments.number(), arguments.number()

        def bent(message: Message) -> Message:
            index = index_of(message, mutation.target)
            if index is None:
                return message
            old = message.payloads[index]
            new = UnknownPayload.make(
                int(old.payload_type),
                touched(old.encode_body(), kind, at, value),
                critical=old.critical,
                reserved=old.reserved,
                length=old.length,
                next_payload=old.next_payload,
            )
            return with_payloads(message, (*message.payloads[:index], new, *message.payloads[index + 1 :]))

        return Bend(f"{mutation.target}: octet {at} {kind} {value}", payloads=bent)


def touched(data: bytes, kind: str, at: int, value: int) -> bytes:
    """Octets of which one is bent, or some from ``at`` on."""
    at = at % len(data) if data else 0
    size = min(value, 4096)
    if kind == "inserted":
        return data[:at] + bytes(size) + data[at:]
    if not data:
        return data
    if kind == "turned":
        return data[:at] + bytes((data[at] ^ 1 << value % 8,)) + data[at + 1 :]
    if kind == "set":
        return data[:at] + bytes((value & 0xFF,)) + data[at + 1 :]
    if kind == "removed":
        return data[:at] + data[at + size :]
    if kind == "repeated":
        return data[: at + size] + data[at : at + size] + data[at + size :]
    return data[:at] + data[at + size : at + 2 * size] + data[at : at + size] + data[at + 2 * size :]
