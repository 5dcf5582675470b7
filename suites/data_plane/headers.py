"""Headers between the IP header and AH or ESP, and whether a device takes what stands behind them."""

from collections.abc import Callable
from dataclasses import dataclass

from conformance.ipsec import ah
from conformance.ipsec.ah import AhBend
from conformance.ipsec.ip import DESTINATION, HOP_BY_HOP, parse, with_checksum, with_length
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.traffic import SentPacket
from conformance.script.verdict import NotApplicable
from suites.data_plane.steps import discarded, unanswered

ATTEMPTS = 2
EXTENSIONS = {"hop-by-hop": HOP_BY_HOP, "destination": DESTINATION}
"""IPv6 extension headers that carry options."""


@dataclass(frozen=True, slots=True)
class Extra:
    """IPv4 options, or an IPv6 extension header of type ``protocol``, whose first octet is that of what follows.

    ``changed`` is what a router makes of ``sent``, of the same length; ``mistaken`` is what they are for the ICV of who
    takes a mutable one for immutable, or the reverse.
    """

    name: str
    sent: bytes
    changed: bytes
    mistaken: bytes
    protocol: int | None = None


def in_front(wire: bytes, extra: bytes, protocol: int | None) -> bytes:
    """A packet with options, or an extension header of this type, behind its fixed IP header; lengths are right."""
    if protocol is None:
        head = bytes((0x45 + len(extra) // 4,)) + wire[1:20] + extra
        return with_length(head + wire[20:], len(head))
    return with_length(wire[:6] + bytes((protocol,)) + wire[7:40] + extra + wire[40:], 40)


def sealed(sent: SentPacket, extra: bytes, protocol: int | None, seen: bytes | None = None) -> bytes:
    """An AH packet with headers in front of AH, and the ICV for that; ``seen`` is what it takes them for instead."""
    sa, plain = sent.channel.outbound, parse(sent.wire).payload_at
    wire = in_front(sent.wire, extra, protocol)
    at = plain + len(extra)
    behind = at + ah.header_size(sa.cipher.icv_size, wire[0] >> 4)
    bend = AhBend(sequence=sent.sequence)
    packet = ah.encapsulate(sa, wire[:at], wire[at], wire[behind:], sent.channel.keeper().now, bend)
    if seen is None:
        return packet
    start, end = at + 12, at + 12 + sa.cipher.icv_size
    covered = ah.immutable(packet[:start] + bytes(end - start) + packet[end:], at)
    high = (sent.sequence >> 32).to_bytes(4, "big") if sa.esn else b""
    icv = sa.keyed.seal(b"", b"", covered[:plain] + seen + covered[at:], high)
    return packet[:start] + icv + packet[end:]


def on_the_way(wire: bytes, changed: bytes) -> bytes:
    """A packet whose options or extension header a router has changed, with the checksum that IPv4 needs."""
    fixed = 20 if wire[0] >> 4 == 4 else 40
    end = fixed + len(changed)
    head = wire[:fixed] + changed
    return (with_checksum(head) if fixed == 20 else head) + wire[end:]


def arrives(sa: ScriptedSa, made: Callable[[SentPacket], bytes], said: str) -> bool:
    """Whether a ping gets an answer when it goes as ``made`` makes it, at the second attempt at the latest."""
    for _ in range(ATTEMPTS):
        asked = sa.traffic.echo_request()
        sent = sa.traffic.make(asked)
        sa.traffic.resend(sent, made(sent), said)
        if not unanswered(sa.peer, [asked]):
            return True
    return False


def some(peer: Peer, found: list[bool]) -> None:
    """At least one packet with such a header was taken. A device may drop the others by policy."""
    if not any(found):
        raise NotApplicable("the device drops every packet with such a header, whatever its ICV")


def must_cover(peer: Peer, sa: ScriptedSa, extra: Extra, requirement: str) -> bool:
    """The ICV covers it: changed on the way, it is refused. False: the device drops what has such a header.

    That is so if it takes it neither with the right ICV nor with that of who does not cover it.
    """
    if not arrives(sa, lambda sent: sealed(sent, extra.sent, extra.protocol), extra.name):
        wrong = arrives(sa, lambda sent: sealed(sent, extra.sent, extra.protocol, extra.mistaken), f"{extra.name} as 0")
        peer.check(not wrong, f"{extra.name} covered by the ICV", "an answer where it is not", requirement)
        peer.note(f"{extra.name}: dropped, whatever the ICV is")
        return False
    sent = sa.traffic.make(sa.traffic.echo_request())
    with discarded(sa, requirement):
        wire = on_the_way(sealed(sent, extra.sent, extra.protocol), extra.changed)
        sa.traffic.resend(sent, wire, f"{extra.name} changed on the way")
    return True


def must_pass_over(peer: Peer, sa: ScriptedSa, extra: Extra, requirement: str) -> bool:
    """The ICV does not cover it: changed on the way, it is taken. False: the device drops what has such a header.

    That is so if it takes it neither unchanged nor with the ICV of who covers it.
    """

    def on_its_way(sent: SentPacket) -> bytes:
        return on_the_way(sealed(sent, extra.sent, extra.protocol), extra.changed)

    if arrives(sa, on_its_way, f"{extra.name} changed on the way"):
        return True
    wrong = arrives(sa, lambda sent: sealed(sent, extra.sent, extra.protocol), extra.name) or arrives(
        sa, lambda sent: sealed(sent, extra.sent, extra.protocol, extra.mistaken), f"{extra.name} covered"
    )
    peer.check(not wrong, f"{extra.name} taken as zeros", "an answer only if it does not change", requirement)
    peer.note(f"{extra.name}: dropped, whatever the ICV is")
    return False
