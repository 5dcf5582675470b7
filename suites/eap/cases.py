"""What is wrong with one packet of a method, and whether it still proves something.

What proves something must be there for a device to believe it. Where a variation leaves those octets as they are, in
their place, nobody is accused who is content with them; such a variation only must not kill the device.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Any

from conformance.eap.avp import (
    CHAP_CHALLENGE,
    CHAP_PASSWORD,
    MS_CHAP2_RESPONSE,
    MS_CHAP2_SUCCESS,
    MS_CHAP_CHALLENGE,
    USER_PASSWORD,
    AnyAvp,
    Avps,
)
from conformance.eap.bend import EapBend
from conformance.eap.conversation import Conversation
from conformance.eap.gtc import Gtc
from conformance.eap.layout import Body, Raw
from conformance.eap.md5 import Md5
from conformance.eap.mschapv2 import Response, Success, SuccessResponse
from conformance.eap.peap import Extensions
from conformance.eap.peer import EapPeer
from conformance.eap.server import EapServer
from conformance.eap.simaka import Message
from conformance.eap.simaka_attributes import AtAutn, AtMac, AtRand, AtRes
from conformance.eap.sweep import Variation, variations
from conformance.eap.tunnel import InnerBend, TunnelMethod

SAMPLE = 16
"""Variations of a reduced sweep."""

WHOLE = (slice(None),)
PROOFS: dict[type[Body], Sequence[slice]] = {
    Md5: (slice(1, 17),),
    Response: (slice(1), slice(5, 21), slice(29, 53)),
    SuccessResponse: (slice(1),),
    Success: (slice(1), slice(4, 46)),
}
"""The octets of a body that prove something: a hash, and the code that says what it is."""

ATTRIBUTES: dict[type[Body], Sequence[slice]] = {
    AtMac: (slice(2), slice(4, 20)),
    AtRes: (slice(1), slice(4, None)),
    AtAutn: (slice(1), slice(4, 20)),
    AtRand: (slice(1), slice(4, None)),
}
"""Likewise of the attributes of SIM and AKA: they may stand anywhere behind the subtype."""

PAIRS: dict[int, Sequence[slice]] = {
    USER_PASSWORD: WHOLE,
    CHAP_PASSWORD: WHOLE,
    CHAP_CHALLENGE: WHOLE,
    MS_CHAP_CHALLENGE: WHOLE,
    MS_CHAP2_RESPONSE: (slice(1), slice(2, 18), slice(26, 50)),
    MS_CHAP2_SUCCESS: (slice(43),),
}
"""Likewise of the data of pairs within TTLS."""
RESULT = b"\x03\0\x02\0\x01"
"""The end of the type, and the rest, of a Result TLV that says success."""


class Layer(Enum):
    """Where the packet is."""

    METHOD = "the method"
    TUNNEL = "the tunnel of the method"
    INNER = "the method within the tunnel"


@dataclass(frozen=True, slots=True)
class Case:
    """One variation of one of our packets.

    Attributes:
        number: of the packet of the method, or of the message in the tunnel, counted from 1; None: the next one that is
            of the class of ``body``.
        body: what is due there, as an example.
        variation: what happens to it.
        layer: where it is.
        asks: it is a request: we are the server.
        wrong: whatever it is, it is not what must be there.
    """

    number: int | None
    body: Body
    variation: Variation
    layer: Layer = Layer.METHOD
    asks: bool = False
    wrong: bool = False

    @property
    def text(self) -> str:
        """What is wrong."""
        where = "" if self.layer is Layer.METHOD else f" in {self.layer.value}"
        return f"{type(self.body).__name__}{where}: {self.variation.text}"

    def arm(self, conversation: Conversation) -> None:
        """The conversation will send it, whatever the values of its other fields are this time."""
        of = type(self.body) if self.number is None else None
        bend = EapBend(self.text, of, number=self.number, body=self.variation.change)
        if self.layer is Layer.METHOD:
            conversation.bend(bend)
        for method in tunnels(conversation):
            if self.layer is Layer.TUNNEL:
                method.inner_bends.append(InnerBend(self.text, self.variation.change, of, self.number))
            elif self.layer is Layer.INNER:
                method.at_inner = lambda inner: inner.bend(bend)

    def was_sent(self, conversation: Conversation | None) -> bool:
        """Whether it has been."""
        if conversation is None:
            return False
        if self.layer is Layer.METHOD:
            return self.text in conversation.bent
        if self.layer is Layer.TUNNEL:
            return any(one.info.get("bent") == self.text for one in tunnels(conversation))
        return any(self.text in inner.bent for inner in inners(conversation))

    @property
    def proves_nothing(self) -> bool:
        """Whether the octets that prove something are not what they should be."""
        if self.wrong:
            return True
        bent = self.variation.change(self.body).encode()
        if isinstance(self.body, Gtc | Md5) and self.asks:
            return False
        if isinstance(self.body, Gtc):  # the password is all of it; zeros behind it may be the end of a string
            return bent.rstrip(b"\0") != self.body.encode()
        if isinstance(self.body, Message):
            same = bent[:1] == self.body.encode()[:1]
            parts = [one for one in self.body.attributes if type(one) in ATTRIBUTES]
            return bool(parts) and not (
                same and all(stands(one.encode(), ATTRIBUTES[type(one)], bent) for one in parts)
            )
        if isinstance(self.body, Avps):
            return any(not _in_pairs(one, bent) for one in self.body.items)
        if isinstance(self.body, Extensions):
            return not self.asks and RESULT not in bent
        straight = self.body.encode()
        return any(straight[place] != bent[place] for place in PROOFS.get(type(self.body), ()))

    @property
    def approvable(self) -> bool:
        """Whether who gets it may take us for the server because of it: it is our proof, and right."""
        return isinstance(self.body, Success | Message) and not self.proves_nothing


def instead(due: Body, sent: Body, text: str, **where: Any) -> Case:
    """Another body where one is due: the first such one, or that of a ``number``."""
    return Case(where.pop("number", None), due, Variation(f"{text} in place of it", lambda _: sent), **where)


def changed(due: Body, text: str, change: Callable[[Any], Body], **where: Any) -> Case:
    """Something done to a body."""
    return Case(where.pop("number", None), due, Variation(text, change), **where)


def stands(part: bytes, slices: Sequence[slice], bent: bytes, first: int = 3) -> bool:
    """Whether the octets of a part that prove something stand somewhere."""
    return any(
        all(bent[at:][place] == part[place] if place.stop else bent[at:][place][: len(part[place])] == part[place]
            for place in slices)
        for at in range(first, len(bent))
    )  # fmt: skip


def _in_pairs(pair: Body, bent: bytes) -> bool:
    """Whether the data of a pair, as far as they prove something, stand behind its code."""
    if not isinstance(pair, AnyAvp) or pair.code not in PAIRS or (pair.vendor and pair.code < 11):
        return True
    data = pair.data.rstrip(b"\0") if pair.code == USER_PASSWORD else pair.data
    code = pair.code.to_bytes(4, "big")
    places = [at + size for at in range(len(bent)) if bent[at : at + 4] == code for size in (8, 12)]
    return any(all(bent[at : at + len(data)][place] == data[place] for place in PAIRS[pair.code]) for at in places)


def tunnels(conversation: Conversation) -> list[TunnelMethod]:
    """The methods of a conversation that have a tunnel."""
    assert isinstance(conversation, EapPeer | EapServer)
    found = [conversation.method, *conversation.methods]
    return [one for one in dict.fromkeys(found) if isinstance(one, TunnelMethod)]


def inners(conversation: Conversation) -> list[Conversation]:
    """The conversations within tunnels, as far as they have begun."""
    found = [getattr(one, "inner", None) for one in tunnels(conversation)]
    return [one for one in found if isinstance(one, Conversation)]


@dataclass(frozen=True, slots=True)
class Said:
    """What one side has said of a method in an ordinary conversation."""

    bodies: Sequence[Body]
    tunnel: Sequence[Body]
    inner: Sequence[Body]
    asks: bool

    @classmethod
    def of(cls, conversation: Conversation) -> "Said":
        """All that our side has said."""
        through = [body for one in tunnels(conversation) for body in one.said_inside]
        inner = [body for one in inners(conversation) for body in one.said]
        bodies = () if tunnels(conversation) else tuple(conversation.said)
        return cls(bodies, tuple(through), tuple(inner), isinstance(conversation, EapServer))

    def cases(self, make: Callable[[Body], Iterator[Variation]] = variations) -> list[Case]:
        """All variations of it; frames of TLS apart, and what within a tunnel has no fields."""
        return [
            Case(number, body, one, layer, self.asks)
            for layer, bodies in zip(Layer, (self.bodies, self.tunnel, self.inner), strict=True)
            for number, body in enumerate(bodies, 1)
            if not isinstance(body, Raw)
            for one in make(body)
        ]


def sample(found: Sequence[Case], size: int = SAMPLE) -> list[Case]:
    """Some of them, the same ones each time: of each packet, of what proves nothing and of what might be taken."""

    def kind(one: Case) -> tuple[str, int, str]:
        word = "z content" if not one.proves_nothing else "a bit" if one.text.endswith("turned") else "b form"
        return word, one.number or 0, one.layer.name

    chosen = []
    kinds = sorted({kind(one) for one in found})
    for each in kinds:
        alike = [one for one in found if kind(one) == each]
        chosen += Random(f"sweep {each}").sample(alike, min(len(alike), max(1, size // len(kinds))))
    return chosen


def order(found: Sequence[Case]) -> list[Case]:
    """All of them, what proves nothing first, then the rest mixed: there may not be the time for everything."""
    mixed = Random("sweep").sample(found, len(found))
    return sorted(mixed, key=lambda one: not one.proves_nothing)
