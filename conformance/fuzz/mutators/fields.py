"""Mutators of single fields: lies, numbers, members of registries, octets, SPIs, substructures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from random import Random
from typing import Any

from conformance.fuzz import octets
from conformance.fuzz.chance import below, often, one_of
from conformance.fuzz.forms import encoded, form_of
from conformance.fuzz.mutation import Argument, Mutation
from conformance.fuzz.mutators.base import Arguments, Base
from conformance.fuzz.numbers import borders, corners
from conformance.fuzz.places import MOST, Place, changed, fitting, places
from conformance.script.bend import Bend
from conformance.wire import TRANSFORM_IDS, KeMethod, Lookup, Message, OpenEnum, Transform


class OneField(Base):
    """A mutator of one field of the header, of a payload or of a substructure; the first argument is the path."""

    def fits(self, place: Place) -> bool:
        """Whether it bends such a field."""
        raise NotImplementedError

    def arguments(self, random: Random, place: Place) -> tuple[Argument, ...]:
        """What it makes of the field."""
        raise NotImplementedError

    def draw(self, random: Random, message: Message) -> Mutation | None:
        """Any target that has such a field, then any of its fields, so that no long payload outweighs the others."""
        place = places(message).pick(random, self.name, self.fits)
        if place is None:
            return None
        return Mutation(self.name, place.target, (place.path, *self.arguments(random, place)))


@cache
def _numbers(registry: type[OpenEnum]) -> Lookup[OpenEnum]:
    return Lookup(registry)


def _as_it_was(old: Any, new: int) -> Any:
    """The new number as an enumeration value where the old one is such."""
    if isinstance(old, OpenEnum):
        return _numbers(type(old))[new]
    return bool(new) if isinstance(old, bool) else new


class ToNumber(OneField):
    """A mutator that writes a number."""

    sizes: tuple[int, ...] = (1,)

    def bend(self, mutation: Mutation) -> Bend:
        """Set the field."""
        arguments = Arguments(mutation)
        path, value = arguments.text(), arguments.number()

        def change(old: Any, owner: Any, name: str) -> Any:
            if isinstance(old, bytes | tuple):
                raise TypeError("no number stands there")
            # It may meet another definition than that it was drawn for, whose field is smaller.
            return _as_it_was(old, value & form_of(type(owner), name).highest)

        return Bend(
            f"{mutation.target}: {path} {value}",
            payloads=lambda message: changed(message, mutation.target, path, change),
        )


class Lie(ToNumber):
    """A length, count, size or next payload that is not true."""

    name = "lie"

    def fits(self, place: Place) -> bool:
        """Every lie of the definitions."""
        return place.form.lie and not (
            place.form.name == "length" and isinstance(getattr(place.owner, "value", 0), int)
        )

    def arguments(self, random: Random, place: Place) -> tuple[Argument, ...]:
        """A border of the field, or near what is true."""
        form = place.form
        if form.registry is not None:
            return (one_of(random, corners(form.registry, form.bits)),)
        return (one_of(random, borders(form.bits, place.true)),)


class Number(ToNumber):
    """A number that no registry names: reserved bits, versions, flags, message IDs, ports, fragment numbers."""

    name = "number"

    def fits(self, place: Place) -> bool:
        """Every number, and every value that can be one."""
        form = place.form
        plain = form.kind == "number" and not form.lie and form.registry is None and form.name != "id"
        return plain or (form.kind == "either" and isinstance(place.value, int))

    def arguments(self, random: Random, place: Place) -> tuple[Argument, ...]:
        """A border of the field, one bit of it, or near what is there."""
        form = place.form
        if form.bits <= 8 and random.random() < 0.3:
            return (below(random, 1 << form.bits),)
        if place.path == "message_id" and random.random() < 0.5:
            return (one_of(random, (place.true - 1, place.true + 1, 0, form.highest)) & form.highest,)
        return (one_of(random, borders(form.bits, place.true)),)


class Registered(ToNumber):
    """A number of a registry: assigned, beside an assigned one, of IKEv1, reserved, private."""

    name = "registry"
    sizes = ()

    def fits(self, place: Place) -> bool:
        """Every field with a registry, and transform identifiers."""
        form = place.form
        return form.kind == "number" and not form.lie and (form.registry is not None or form.name == "id")

    def arguments(self, random: Random, place: Place) -> tuple[Argument, ...]:
        """A corner of its registry."""
        form = place.form
        registry = form.registry or self.registry(place.owner)
        values = corners(registry, form.bits)
        found = one_of(random, values)
        return (found if found != place.value else one_of(random, values),)

    @staticmethod
    def registry(owner: Any) -> type[OpenEnum]:
        """That of a transform identifier."""
        return TRANSFORM_IDS.get(owner.type, KeMethod) if isinstance(owner, Transform) else KeMethod


class OctetString(OneField):
    """Octets that are empty, cut, longer, filled, turned, or a text that upsets."""

    name = "octets"
    sizes = (2,)

    def fits(self, place: Place) -> bool:
        """Every string of octets, and every value that can be one."""
        return place.form.kind == "octets" or (place.form.kind == "either" and isinstance(place.value, bytes))

    def arguments(self, random: Random, place: Place) -> tuple[Argument, ...]:
        """A deed and its number."""
        return octets.draw(random, len(place.value), fixed=place.form.size is not None)

    def bend(self, mutation: Mutation) -> Bend:
        """Do it."""
        arguments = Arguments(mutation)
        path, deed, number = arguments.text(), arguments.text(octets.DEEDS), arguments.number()
        grown = 0

        def change(old: Any, owner: Any, name: str) -> bytes:
            nonlocal grown
            if not isinstance(old, bytes):
                raise TypeError("no octets stand there")
            new = octets.do(deed, number, old)
            form = form_of(type(owner), name)
            grown = MOST if len(new) > 255 and name.startswith("spi") else len(new) - len(old)
            return old if form.size is not None and len(new) != form.size else new

        def bent(message: Message) -> Message:
            found = changed(message, mutation.target, path, change)
            return fitting(found, message, grown)

        return Bend(f"{mutation.target}: {path} {deed} {number}", payloads=bent)


class Spi(OneField):
    """An SPI that is another one: zero, turned by a bit, that of the other end, of the IKE SA, of another SA.

    Which other SAs there are is known when the message is sent: `among` says it then.
    """

    name = "spi"
    ANOTHER = "another"
    DRAWN = ("zero", "ones", "flipped", "initiator", "responder", "swapped", ANOTHER)
    GIVEN = "given"
    KINDS = (*DRAWN, GIVEN)

    def fits(self, place: Place) -> bool:
        """Fields whose name says that they are SPIs."""
        return place.form.name in ("spi", "spi_i", "spi_r") or (place.form.name == "spis" and bool(place.value))

    def arguments(self, random: Random, place: Place) -> tuple[Argument, ...]:
        """Which other one, and for a list or a bit a number."""
        return one_of(random, (*self.DRAWN, self.ANOTHER)), below(random, 64)

    @classmethod
    def among(cls, mutation: Mutation, spis: Sequence[bytes]) -> Mutation:
        """The mutation with what it takes of the SPIs that there are, of 8 and of 4 octets; any other as it is."""
        if mutation.mutator != cls.name or len(mutation.arguments) != 3 or mutation.arguments[1] != cls.ANOTHER:
            return mutation
        path, _, number = mutation.arguments
        assert isinstance(number, int)
        sized = [[one for one in spis if len(one) == size] for size in (8, 4)]
        chosen = [one[number % len(one)].hex() if one else "" for one in sized]
        return replace(mutation, arguments=(path, cls.GIVEN, number, *chosen)) if any(chosen) else mutation

    def bend(self, mutation: Mutation) -> Bend:
        """Put it there."""
        arguments = Arguments(mutation)
        path, kind, number = arguments.text(), arguments.text(self.KINDS), arguments.number()
        given = {len(one): one for one in (arguments.octets(), arguments.octets())} if kind == self.GIVEN else {}

        def bent(message: Message) -> Message:
            def change(old: Any, owner: Any, name: str) -> Any:
                if isinstance(old, tuple):
                    at = number % len(old) if old else 0
                    return (
                        *old[:at],
                        given.get(len(old[at])) or self.other(message, kind, number, old[at]),
                        *old[at + 1 :],
                    )
                return given.get(len(old)) or self.other(message, kind, number, old, name)

            return changed(message, mutation.target, path, change)

        return Bend(f"{mutation.target}: {path} {kind}", payloads=bent)

    @staticmethod
    def other(message: Message, kind: str, number: int, old: bytes, name: str = "") -> bytes:
        """The other SPI, of the size of the old one or, where there is none, of 4 or 8 octets."""
        size = len(old) or (8 if number & 1 else 4)
        if kind == "zero":
            return bytes(size)
        if kind == "ones":
            return b"\xff" * size
        if kind == "flipped":
            return octets.do("flipped", number, old or bytes(size))
        if kind in (Spi.ANOTHER, Spi.GIVEN):  # there is no other SA
            return bytes((0x80 | number & 0x7F,)) * size
        ours = kind == "initiator" or (kind == "swapped" and name != "spi_i")
        found = message.spi_i if ours else message.spi_r
        return found[:size].ljust(size, b"\0")


class Items(OneField):
    """Substructures left out, doubled, many times, in another order."""

    name = "items"
    sizes = (2,)
    ONE = ("left out", "copied")
    KINDS = (*ONE, "alone", "none", "reversed", "first", "last")

    def fits(self, place: Place) -> bool:
        """Every list of substructures."""
        return place.form.kind == "items" and bool(place.value)

    def arguments(self, random: Random, place: Place) -> tuple[Argument, ...]:
        """What happens, how often, and to which."""
        count = len(place.value)
        kind = one_of(random, self.KINDS if count > 1 else self.ONE)
        times = often(random, (1, 1, 2, 3), (7, 15, 31, 63, 127, 255, 256)) if kind == "copied" else 0
        least, most = int(kind == "first"), count - (kind == "last")  # the first one is the first already
        return kind, times, least + below(random, most - least)

    def bend(self, mutation: Mutation) -> Bend:
        """Do it."""
        arguments = Arguments(mutation)
        path, kind = arguments.text(), arguments.text(self.KINDS)
        times, number = min(arguments.number(), 1024), arguments.number()
        grown = 0

        def change(old: Any, owner: Any, name: str) -> tuple[Any, ...]:
            if not isinstance(old, tuple) or not old:
                raise TypeError("no substructures stand there")
            at = number % len(old)
            before, one, after = old[:at], old[at], old[at + 1 :]
            if kind == "copied":
                nonlocal grown
                if times > 3:
                    grown = MOST if len(old) + times > 255 else times * len(one if type(one) is bytes else encoded(one))
                return (*before, one, *(one,) * times, *after)
            return _arranged(kind, before, one, after)

        def bent(message: Message) -> Message:
            found = changed(message, mutation.target, path, change)
            return fitting(found, message, grown)

        said = f"{times} times more" if times else kind
        return Bend(f"{mutation.target}: {path} number {number} {said}", payloads=bent)


def _arranged(kind: str, before: tuple[Any, ...], one: Any, after: tuple[Any, ...]) -> tuple[Any, ...]:
    """A list of which one is left out, alone, or moved."""
    if kind == "left out":
        return (*before, *after)
    if kind == "first":
        return (one, *before, *after)
    if kind == "last":
        return (*before, *after, one)
    if kind == "reversed":
        return (*before, one, *after)[::-1]
    return (one,) if kind == "alone" else ()
