"""What an endpoint says of its own accord about packets that it cannot process (RFC 7296, sections 1.5 and 2.21.4)."""

from conformance.crypto import Random
from conformance.ike.core.sending import NO_SPI
from conformance.ike.ikesa import IkeSa
from conformance.net.link import NON_ESP_MARKER, Address, Datagram
from conformance.wire import FLAG_INITIATOR, ExchangeType, Message, Notify, NotifyType, encode_message

PAUSE = 1.0
"""Seconds between two reports to the same host: who provokes them shall not make us talk without end."""

MAX_HOSTS = 1000


class Reporting:
    """Reports to the sender of a wayward packet, over an IKE SA with it if there is one.

    ``reported`` says when each host was told something last.
    """

    now: float
    random: Random

    def __init__(self) -> None:
        """Nobody has been told anything."""
        super().__init__()
        self.reported: dict[str, float] = {}

    def established(self) -> list[IkeSa]:
        """The IKE SAs that are up, oldest first."""
        raise NotImplementedError

    def collect(self, sa: IkeSa) -> None:
        """Take what an SA wants to send and has to tell, and act on it."""
        raise NotImplementedError

    def emit(self, datagram: Datagram) -> None:
        """Send a datagram that belongs to no IKE SA."""
        raise NotImplementedError

    def may_report(self, host: str) -> bool:
        """Once per packet, and not too often (RFC 7296, sections 2.1 and 2.21.4)."""
        last = self.reported.get(host)
        return last is None or self.now - last >= PAUSE

    def remember_report(self, host: str) -> None:
        """Somebody has been told something."""
        if len(self.reported) >= MAX_HOSTS:
            self.reported.clear()
        self.reported[host] = self.now

    def over(self, source: Address) -> IkeSa | None:
        """The newest IKE SA with that host that can take a report, None: there is none."""
        found = [sa for sa in self.established() if sa.remote.host == source.host and not sa.is_closing()]
        return found[-1] if found else None

    def report(self, source: Address, notify: Notify) -> bool:
        """Tell that host over an IKE SA; False: there is none, or it was told something a moment ago."""
        sa = self.over(source)
        if sa is None or not self.may_report(source.host):
            return False
        self.remember_report(source.host)
        sa.now = self.now
        sa.open_exchange(ExchangeType.INFORMATIONAL, lambda _: [notify], sa.ignore)
        self.collect(sa)
        return True

    def stray_esp(self, source: Address, destination: Address, spi: bytes, *, marked: bool) -> None:
        """An ESP or AH packet has come whose SPI nobody knows; ``marked``: on a port that IKE shares with ESP."""
        notify = Notify(NotifyType.INVALID_SPI, spi)
        if self.report(source, notify) or not self.may_report(source.host):
            return
        self.remember_report(source.host)
        raw = encode_message(self.one_way(notify))
        self.emit(Datagram(destination, source, (NON_ESP_MARKER if marked else b"") + raw))

    def one_way(self, notify: Notify) -> Message:
        """A message of no exchange: the Initiator flag alone, and SPIs that mean nothing (RFC 7296, section 1.5)."""
        return Message(NO_SPI, NO_SPI, ExchangeType.INFORMATIONAL, FLAG_INITIATOR, 0, (notify,))
