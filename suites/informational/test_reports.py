"""What a device says of its own accord about packets and messages of no SA (RFC 7296, sections 1.5, 2.1 and 2.21.4)."""

from conformance.ipsec.esp import EspBend
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Unexpected
from conformance.wire import FLAG_INITIATOR, SK, ExchangeType, Message, NotifyType, PayloadType
from suites.data_plane.steps import DATA, up
from suites.purpose import purpose

ONE_WAY, ONCE = "RFC7296-1.5-4", "RFC7296-2.1-13"
STRAYS = 10
"""ESP packets of no SA."""


def reported(sa: ScriptedSa, kind: NotifyType, requirement: str) -> Received:
    """The device's request with this notify, answered."""
    try:
        found = sa.expect_request(
            ExchangeType.INFORMATIONAL, where=lambda message: message.notify(kind) is not None
        )  # fmt: skip
    except Unexpected as nothing:
        raise Unexpected(f"a request with N({kind.name})", nothing.got, requirement) from None
    sa.answer(found)
    return found


@purpose("data-wrong-spi-reported", "RFC7296-2.21.4-9", role="responder", needs=(DATA,), canary=False)
def test_esp_reported(peer: Peer) -> None:
    """ESP comes whose SPI is of no SA, from a host with which there is an IKE SA: the device tells it there.

    The notification data are the SPI.
    """
    sa = up(peer)
    spi = b"\x7f" + peer.random(3)
    sa.traffic.send(sa.traffic.echo_request(), bend=EspBend(spi=spi))
    found = reported(sa, NotifyType.INVALID_SPI, "RFC7296-2.21.4-9")
    told = peer.expect_notify(found.message, NotifyType.INVALID_SPI)
    peer.check(told.data == spi, f"the SPI {spi.hex()} as data", told.data.hex(), "RFC7296-2.21.4-9")
    sa.must_be_up()


@purpose("info-suspicious-reported", "RFC7296-2.21.4-10", role="responder", canary=False)
def test_suspicious_reported(peer: Peer) -> None:
    """A message comes under SPIs that never were, from a host with which there is an IKE SA: it is told there."""
    sa = peer.establish()
    spis, inside = (peer.random(8), peer.random(8)), (SK(PayloadType(0), peer.random(64)),)
    stray = Message(*spis, ExchangeType.INFORMATIONAL, FLAG_INITIATOR, 7, inside)
    peer.send_message(stray, sa.local, sa.remote)
    reported(sa, NotifyType.INVALID_IKE_SPI, "RFC7296-2.21.4-10")
    sa.must_be_up()


@purpose("data-wrong-spi-told", ONE_WAY, ONCE, role="responder", needs=(DATA,), canary=False)
def test_esp_told(peer: Peer) -> None:
    """After the IKE SA has gone ten ESP packets of it come: what the device says then, which it need not, is right.

    The Initiator flag is set, the Response flag is not, and the SPI is what the notify names. It speaks less often than
    it is provoked.
    """
    sa = up(peer)
    old = [sa.traffic.make(sa.traffic.echo_request()) for _ in range(STRAYS)]
    spi = sa.child.spi_out
    sa.delete()
    peer.pause()
    mark = len(peer.inbox)
    for packet in old:
        sa.traffic.resend(packet)
        peer.pause()
    peer.idle(peer.response_timeout / 4)
    found = [one for one in peer.inbox[mark:] if one.message.notify(NotifyType.INVALID_SPI)]
    for one in found:
        flags = f"flags {one.message.flags:#04x}"
        peer.check(one.message.flags == FLAG_INITIATOR, "the Initiator flag alone", flags, ONE_WAY)
        told = peer.expect_notify(one.message, NotifyType.INVALID_SPI)
        peer.check(told.data == spi, f"the SPI {spi.hex()} as data", told.data.hex(), ONE_WAY)
    count = f"{len(found)} for {STRAYS} packets"
    peer.check(len(found) < STRAYS, "fewer messages than packets", count, ONCE)
