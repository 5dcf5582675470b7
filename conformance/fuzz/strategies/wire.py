"""Strategies of messages, payloads and all that they hold.

They are the makers of `conformance.fuzz.making` with a random source that Hypothesis owns: so the definitions are read
in one place only, and what Hypothesis finds is made smaller by it.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.fuzz import making
from conformance.fuzz.forms import encoded
from conformance.fuzz.making import Taste, names
from conformance.fuzz.making.bodies import body, packet
from conformance.fuzz.making.near import near
from conformance.fuzz.making.packets import fragments as made_fragments
from conformance.fuzz.making.values import notify, value
from conformance.fuzz.mutation import Mutation
from conformance.fuzz.mutators import draw
from conformance.fuzz.mutators.der import Der
from conformance.wire import (
    SKF,
    Attribute,
    EapPacket,
    ExchangeType,
    Message,
    Notify,
    NotifyType,
    Payload,
    Proposal,
    Selector,
    TrafficSelector,
    Transform,
    UnknownPayload,
    UnknownSelector,
)

T = TypeVar("T")


def made(make: Callable[[Random], T]) -> SearchStrategy[T]:
    """What a maker makes."""
    return st.randoms(use_true_random=False).map(make)


def messages(kind: Taste = "valid", exchange: ExchangeType | None = None) -> SearchStrategy[Message]:
    """Messages as they are before encryption."""
    return made(lambda random: making.message(random, kind, exchange))


def mutations(message: Message) -> SearchStrategy[Mutation]:
    """Lies about a message, at any of the places where one can be bent."""
    return made(lambda random: draw(random, message))


def datagrams(kind: Taste = "near") -> SearchStrategy[bytes]:
    """Messages in the clear, as octets."""
    return made(lambda random: making.datagram(random, kind))


def values(cls: type[T], kind: Taste = "valid") -> SearchStrategy[T]:
    """Values of a class of the wire, right or with one lie; garbage is not among the values: see `encodings`.

    Raises:
        ValueError: garbage is asked for.
    """
    if kind == "garbage":
        raise ValueError(f"garbage of {cls.__name__} is no value, expected valid or near")
    if kind == "valid":
        return made(lambda random: value(random, cls))
    return made(lambda random: near(random, value(random, cls)))


def encodings(cls: type[Any], kind: Taste) -> SearchStrategy[bytes]:
    """The octets of such values (of a payload: of a message with nothing else); garbage: some octets."""
    return st.binary(max_size=200) if kind == "garbage" else values(cls, kind).map(encoded)


def payloads(kind: Taste = "valid", cls: type[Payload] | None = None) -> SearchStrategy[Payload]:
    """Payloads of a class, or of all that may stand anywhere; garbage: any octets under its type."""
    if kind == "garbage":
        return made(lambda random: _garbage(random, cls))
    if kind == "valid":
        return made(lambda random: making.payload(random, cls))
    return made(lambda random: near(random, making.payload(random, cls)))


def _garbage(random: Random, cls: type[Payload] | None) -> UnknownPayload:
    number = int(making.payload(random, cls).payload_type)
    return UnknownPayload(number, random.randbytes(random.randrange(100)))


def transforms(kind: Taste = "valid") -> SearchStrategy[Transform]:
    """Transforms, their attributes included."""
    return values(Transform, kind)


def proposals(kind: Taste = "valid") -> SearchStrategy[Proposal]:
    """Proposals with transforms that may stand together."""
    return values(Proposal, kind)


def attributes(kind: Taste = "valid") -> SearchStrategy[Attribute]:
    """Attributes of transforms."""
    return values(Attribute, kind)


def selectors(kind: Taste = "valid") -> SearchStrategy[Selector]:
    """Traffic selectors of addresses, labels and unknown types."""
    return values(TrafficSelector, kind) | values(UnknownSelector, kind)


def notifies(kind: Taste = "valid", type: NotifyType | None = None) -> SearchStrategy[Notify]:  # noqa: A002
    """Notifies of a type or of all types, with data of the form that its RFC gives."""

    def make(random: Random) -> Notify:
        found = value(random, Notify) if type is None else notify(random, type)
        return found if kind == "valid" else near(random, found)

    return made(make)


def certificates(kind: Taste = "valid") -> SearchStrategy[bytes]:
    """DER of certificates; with one element bent; any octets that begin like one."""
    if kind == "valid":
        return made(names.certificate)
    if kind == "near":
        return made(lambda random: Der.any_bent(random, names.certificate(random)))
    return st.binary(max_size=300).map(lambda data: b"\x30\x82" + data)


def identities(id_type: int) -> SearchStrategy[bytes]:
    """The data of identities of a type."""
    return made(lambda random: names.identity(random, id_type))


def eap_packets(kind: Taste = "valid") -> SearchStrategy[EapPacket]:
    """EAP packets of all methods; garbage: methods without sense in them."""
    if kind == "valid":
        return made(packet)
    if kind == "near":
        return made(lambda random: near(random, packet(random)))
    return made(lambda random: EapPacket(packet(random).code, 1, packet(random).type, random.randbytes(30)))


def eap_bodies(cls: type[Any]) -> SearchStrategy[Any]:
    """Bodies and attributes of EAP of a class."""
    return made(lambda random: body(random, cls))


def fragments(kind: Taste = "valid") -> SearchStrategy[tuple[SKF, ...]]:
    """The Encrypted Fragment payloads of a message."""
    return made(lambda random: made_fragments(random, kind))
