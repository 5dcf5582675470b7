"""Defects of a device that has forgotten IKEv1."""

from conformance.ike.endpoint import Endpoint
from conformance.net.link import NON_ESP_MARKER, Datagram
from peers.reference.defects.registry import defect


def _version_1(datagram: Datagram) -> bytes | None:
    """The message without its marker if it is one of IKEv1."""
    raw = datagram.payload.removeprefix(NON_ESP_MARKER)
    return raw if len(raw) >= 28 and raw[17] >> 4 == 1 else None


@defect("format-ikev1")
class HangsOnVersion1(Endpoint):
    """Hangs for ever on a message of IKEv1."""

    dead = False

    def receive(self, datagram: Datagram, now: float) -> None:
        self.dead = self.dead or _version_1(datagram) is not None
        if not self.dead:
            super().receive(datagram, now)


@defect("format-ikev1-spi")
class ClosesForVersion1(Endpoint):
    """Takes IKEv1 under the SPI of one of its IKE SAs for a peer that has gone back to it."""

    def receive(self, datagram: Datagram, now: float) -> None:
        raw = _version_1(datagram)
        for sa in list(self.sas.values()):
            if raw is not None and sa.spi_i == raw[:8]:
                sa.close("gone back to IKEv1")
        super().receive(datagram, now)
