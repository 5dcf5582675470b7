"""What is wrong with our side of TLS in one conversation, as values: frames, records, messages, certificates, the end.

Each is a `Deviation`. It takes our method and gives the method that takes part in its place, and it notes when it has
come into play: a conversation that never came so far says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from conformance.crypto.pki import Leaf
from conformance.eap.layout import Body
from conformance.eap.sweep import Variation
from conformance.eap.tls import EapTlsPeer
from conformance.eap.tls_frames import LENGTH, Fragments, Frame, Piece, SizedPiece
from conformance.eap.tls_method import TlsMethod
from conformance.tls import TlsBend, TlsConfig, TlsEngine, TlsVersion
from conformance.tls.messages import read_message
from conformance.wire import EapPacket

Note = Callable[[str], None]
Shape = Callable[[TlsMethod, Note], TlsMethod]

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23
"""Content types of records."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """One thing that our side does otherwise.

    Attributes:
        text: what, in words.
        shape: does it to our method.
        version: the only one that we speak then; None: those that we always speak.
        within: the messages of the handshake are ours to bend, by an engine that a device may not get on with.
        at_once: it is in play from the beginning, before the other side has said that it speaks the version.
    """

    text: str
    shape: Shape
    version: TlsVersion | None = None
    within: bool = False
    at_once: bool = False

    def method(self, found: TlsMethod, note: Note) -> TlsMethod:
        """The method that takes part in place of ours."""
        if self.version is not None:
            found.config = replace(found.config, versions=(self.version,))
        return self.shape(found, note)


def configured(text: str, version: TlsVersion | None = None, **changes: Any) -> Deviation:
    """Another configuration of TLS; in play from the beginning."""

    def shape(found: TlsMethod, note: Note) -> TlsMethod:
        note(text)
        found.config = replace(found.config, **changes)
        return found

    return Deviation(text, shape, version, at_once=True)


def straight(version: TlsVersion | None) -> Deviation:
    """Nothing wrong, by the engine that could bend its messages."""
    return configured("nothing wrong", version, engine="lite")


def speaking(version: TlsVersion) -> Deviation:
    """One version of TLS and nothing wrong."""
    return configured(f"{version} alone", version)


def showing(leaf: Leaf | None, text: str, version: TlsVersion | None = None) -> Deviation:
    """Another certificate, or none."""
    return configured(text, version, leaf=leaf)


# --- frames -----------------------------------------------------------------------------------------------------------

FRAGMENT = 200
"""Octets of TLS in a fragment of ours: even a short ClientHello comes in two, and the rounds stay few."""


class BentFragments(Fragments):
    """Fragments of which some are changed on their way out.

    Attributes:
        number: of the frame with data that is about to leave, counted from 0 in the conversation.
        place: of that frame in its message.
        total: octets of that message.
    """

    def __init__(self, size: int, found: Fragments, change: FrameChange, note: Callable[[], None]) -> None:
        super().__init__(size, found.limits, found.version)
        self.change = change
        self.note = note
        self.number = self.place = self.total_out = 0
        self.over = False

    def load(self, message: bytes) -> Frame:
        """The first frame of a message."""
        self.place, self.total_out = 0, len(message)
        return super().load(message)

    def next(self) -> Frame:
        """The next frame, changed."""
        frame = super().next()
        if not frame.data:
            return frame
        bent = self.change(self, frame)
        self.number += 1
        self.place += 1
        if bent != frame:
            self.note()
        return bent

    def once(self) -> bool:
        """True the first time."""
        before, self.over = self.over, True
        return not before


FrameChange = Callable[[BentFragments, Frame], Frame]
"""Takes what sends the frame, and the frame."""


def framed(text: str, change: FrameChange | None = None, size: int = FRAGMENT) -> Deviation:
    """TLS in fragments of ``size`` octets, some of them changed."""

    def shape(found: TlsMethod, note: Note) -> TlsMethod:
        if change is None:
            note(text)
        straight: FrameChange = lambda fragments, frame: frame  # noqa: E731
        found.fragments = BentFragments(size, found.fragments, change or straight, lambda: note(text))
        return found

    return Deviation(text, shape)


def sized(frame: Frame, total: int) -> SizedPiece:
    """The frame with this total length."""
    return SizedPiece(frame.flags | LENGTH, total, frame.data)


def unsized(frame: Frame) -> Piece:
    """The frame without total length."""
    return Piece(frame.flags & ~LENGTH, frame.data)


# --- records and messages ---------------------------------------------------------------------------------------------


RecordsChange = Callable[[list[bytes]], Sequence[bytes]]
"""Takes the records of a flight, and gives those that leave."""


def bent(text: str, version: TlsVersion | None, **hooks: Any) -> Deviation:
    """TLS with a bend; each hook of `TlsBend` is made from a function that also takes the `Note`."""

    def shape(found: TlsMethod, note: Note) -> TlsMethod:
        made = {name: hook(lambda: note(text)) for name, hook in hooks.items()}
        found.config = replace(found.config, bend=TlsBend(text, **made))
        return found

    return Deviation(text, shape, version, within="records" not in hooks)


def records(text: str, change: RecordsChange, version: TlsVersion | None = None) -> Deviation:
    """The records of each flight, rearranged."""

    def hook(note: Callable[[], None]) -> RecordsChange:
        def changed(found: list[bytes]) -> Sequence[bytes]:
            other = change(list(found))
            if list(other) != found:
                note()
            return other

        return changed

    return bent(text, version, records=hook)


def message(
    text: str, of: type[Body], version: TlsVersion, change: Callable[[Any], Body | bytes], *, once: bool = True
) -> Deviation:
    """The first handshake message of a class, or each of them, changed before it is in the transcript."""

    def hook(note: Callable[[], None]) -> Callable[[bytes], bytes]:
        over = False

        def changed(octets: bytes) -> bytes:
            nonlocal over
            body = read_message(octets, version)
            if over or not isinstance(body, of):
                return octets
            over = once
            other = change(body)
            made = other.encode() if isinstance(other, Body) else other
            if made != octets:  # a length may happen to be the right one
                note()
            return made

        return changed

    return bent(text, version, message=hook)


def varied(of: type[Body], version: TlsVersion, one: Variation) -> Deviation:
    """One variation of a handshake message."""
    return message(f"{of.__name__}: {one.text}", of, version, one.change)


def beside(text: str, of: type[Body], version: TlsVersion, *more: tuple[int, bytes] | int) -> Deviation:
    """Records behind the first handshake message of a class: content type and content; a type alone repeats it."""

    def hook(note: Callable[[], None]) -> Callable[[bytes], Sequence[tuple[int, bytes]]]:
        over = False

        def following(octets: bytes) -> Sequence[tuple[int, bytes]]:
            nonlocal over
            if over or not isinstance(read_message(octets, version), of):
                return ()
            over = True
            note()
            return [(one, octets) if isinstance(one, int) else one for one in more]

        return following

    return bent(text, version, beside=hook)


# --- the end ----------------------------------------------------------------------------------------------------------


def lite(config: TlsConfig) -> TlsConfig:
    """The configuration with the engine that can send anything."""
    return replace(config, engine="lite")


class LastWord(EapTlsPeer):
    """Says something through TLS where its last response should be empty."""

    def __init__(self, config: TlsConfig, note: Callable[[], None], kind: int, content: bytes) -> None:
        super().__init__(lite(config))
        self.note = note
        self.words = kind, content

    def answer(self, message: bytes, engine: TlsEngine) -> Frame:
        """As usual, but for the last response."""
        frame = super().answer(message, engine)
        if engine.error or frame.data or self.fragments.pending or not engine.done:
            return frame
        self.note()
        return self.fragments.load(engine.inject(*self.words))


def last_word(text: str, version: TlsVersion, kind: int, content: bytes) -> Deviation:
    """As the client: a record in place of the empty response at the end."""
    return Deviation(text, lambda found, note: LastWord(found.config, lambda: note(text), kind, content), version, True)


class Mute(EapTlsPeer):
    """Sends an alert in the clear, or anything else, instead of what is due with this number."""

    def __init__(self, config: TlsConfig, note: Callable[[], None], number: int, instead: bytes) -> None:
        super().__init__(config)
        self.note = note
        self.number = number
        self.instead = instead

    def receive(self, data: bytes, packet: EapPacket) -> Frame:
        """As usual, until it is its turn."""
        frame = super().receive(data, packet)
        if not frame.data and self.engine is not None and not self.engine.done:
            return frame
        self.number -= 1
        if self.number:
            return frame
        self.note()
        self.fragments.forget()
        return self.fragments.load(self.instead)


def instead_of(number: int, text: str, octets: bytes, version: TlsVersion | None = None) -> Deviation:
    """As the client: these octets in place of our flight with this number, counted from 1; the last one is empty."""
    return Deviation(text, lambda found, note: Mute(found.config, lambda: note(text), number, octets), version)


def alert(number: int, level: int = 2) -> bytes:
    """The record of an alert in the clear."""
    return bytes((ALERT, 3, 3, 0, 2, level, number))
