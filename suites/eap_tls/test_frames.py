"""How TLS is cut into EAP packets: flags, total length, fragments and their acknowledgements (RFC 5216, 2.1.5 and 3).

Where RFC 5216 binds the sender only, a receiver may refuse or be lenient; it must not get confused by it.
"""

from dataclasses import replace

from conformance.eap.tls_frames import LENGTH, MORE, Frame, Piece
from suites.eap_tls.deviation import BentFragments, Deviation, FrameChange, framed, sized, unsized
from suites.eap_tls.making import Due, Row, purposes

TIER = "full"

WHOLE = 4000
"""Octets that hold any message of ours in one piece."""
HUGE = 0xFFFFFFFF


# --- changes ----------------------------------------------------------------------------------------------------------


def flagged(flags: int) -> FrameChange:
    """Further flags in each frame."""
    return lambda fragments, frame: replace(frame, flags=frame.flags | flags)  # type: ignore[type-var]


def told(total: int | None = None, *, more: int = 0) -> FrameChange:
    """Another total length in the first one of several fragments: this one, or so many octets more."""

    def change(fragments: BentFragments, frame: Frame) -> Frame:
        if not frame.flags & LENGTH:
            return frame
        return sized(frame, fragments.total_out + more if total is None else total)

    return change


def always_told(fragments: BentFragments, frame: Frame) -> Frame:
    """The total length in each frame."""
    return sized(frame, fragments.total_out)


def never_told(fragments: BentFragments, frame: Frame) -> Frame:
    """The total length in none."""
    return unsized(frame)


def told_anew(fragments: BentFragments, frame: Frame) -> Frame:
    """Another total length in the second fragment."""
    return sized(frame, fragments.total_out + 100) if fragments.place == 1 else frame


def doubled(fragments: BentFragments, frame: Frame) -> Frame:
    """The data of the second fragment once more behind it."""
    if fragments.place == 1 and fragments.once():
        fragments.outgoing = frame.data + fragments.outgoing
        fragments.note()
        return replace(frame, flags=frame.flags | MORE)  # type: ignore[type-var]
    return frame


def swapped(fragments: BentFragments, frame: Frame) -> Frame:
    """The rest of the message before this fragment."""
    if fragments.place == 0 and frame.flags & MORE and fragments.once():
        size = len(frame.data)
        found = fragments.outgoing + frame.data
        fragments.outgoing = found[size:]
        return replace(frame, data=found[:size])  # type: ignore[type-var]
    return frame


def lost(fragments: BentFragments, frame: Frame) -> Frame:
    """The second fragment without its data."""
    return replace(frame, data=b"") if fragments.place == 1 and fragments.once() else frame  # type: ignore[type-var]


def emptied(fragments: BentFragments, frame: Frame) -> Frame:
    """A fragment without data before the second one."""
    if fragments.place == 1 and fragments.once():
        fragments.outgoing = frame.data + fragments.outgoing
        return Piece(frame.flags | MORE)
    return frame


def unended(fragments: BentFragments, frame: Frame) -> Frame:
    """The last fragment says that more follows."""
    return replace(frame, flags=frame.flags | MORE)  # type: ignore[type-var]


# --- the tables -------------------------------------------------------------------------------------------------------

SUM = "RFC5216-3.1-2"
PARTS = "RFC5216-2.1.5-1"
FRAMES: tuple[tuple[str, str, str, FrameChange | None, Due], ...] = (
    ("fragments", "Messages of TLS in fragments of 200 octets are put together again.",
     PARTS, None, "accepted"),
    ("length-each", "The total length in each fragment, always the same, confuses nobody.",
     SUM, always_told, "either"),
    ("length-missing", "Fragments without a total length are refused, or put together all the same.",
     SUM, never_told, "either"),
    ("length-zero", "A total length of 0 for a message in fragments does not confuse the device.",
     SUM, told(0), "either"),
    ("length-less", "A total length that is one octet too small does not confuse the device.",
     SUM, told(more=-1), "either"),
    ("length-more", "A total length that is one octet too great does not confuse the device.",
     SUM, told(more=1), "either"),
    ("length-64k", "A total length of 65 537 octets does not confuse the device.",
     SUM, told(65537), "either"),
    ("length-4g", "The greatest total length is refused or ignored, and no memory is taken for it.",
     SUM, told(HUGE), "either"),
    ("length-anew", "Another total length in the second fragment does not confuse the device.",
     SUM, told_anew, "either"),
    ("fragment-empty", "A fragment without data among others does not confuse the device.",
     PARTS, emptied, "either"),
    ("fragment-doubled", "A fragment that is there twice makes another message, which nobody takes.",
     PARTS, doubled, "refused"),
    ("fragment-lost", "A message without the data of one fragment is not taken.",
     PARTS, lost, "refused"),
    ("fragment-order", "Fragments in another order make another message, which nobody takes.",
     PARTS, swapped, "refused"),
    ("fragment-last", "A last fragment that says that more follows is acknowledged, or taken by its length.",
     PARTS, unended, "either"),
)  # fmt: skip


def table(prefix: str) -> list[Row]:
    """The rows that are the same in both roles."""
    return [
        Row(f"{prefix}-{name}", title, (requirement,), framed(name.replace("-", " "), change), due)
        for name, title, requirement, change, due in FRAMES
    ]


WITH_LENGTH = framed("the L flag in messages of one piece", always_told, WHOLE)


def reserved(flags: int) -> Deviation:
    """Reserved flags in each frame."""
    return framed(f"flags {flags:02x} in each frame", flagged(flags), WHOLE)


purposes(__name__, "responder", [
    *table("eap-tls"),
    Row("eap-tls-flags", "Reserved flags in our responses are ignored.",
        ("RFC5216-3.2-1",), reserved(0x1F), "accepted"),
    Row("eap-tls-flag-start", "The flag of Start is a reserved one in a response, and ignored.",
        ("RFC5216-3.2-1",), reserved(0x20), "accepted"),
    Row("eap-tls-length-whole", "Messages in one piece may tell their length all the same.",
        ("RFC9190-2.1.9-2",), WITH_LENGTH, "accepted"),
])  # fmt: skip
purposes(__name__, "initiator", [
    *table("eap-tls-peer"),
    Row("eap-tls-peer-flags", "Reserved flags in our requests are ignored.",
        ("RFC5216-3.1-1",), reserved(0x1F), "accepted"),
    Row("eap-tls-peer-length-whole", "Messages in one piece may tell their length all the same.",
        ("RFC9190-2.1.9-2",), WITH_LENGTH, "accepted"),
])  # fmt: skip
