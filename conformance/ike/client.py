"""The client half of an endpoint: which IKE SA it opens, where, and what it opens in place of one that is gone."""

from conformance.ike.core.connection import Connection
from conformance.ike.core.sending import RETRY_DELAY
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Address
from conformance.wire.gateway import Gateway

MAX_REDIRECTS = 5
REDIRECT_LOOP_DETECT_PERIOD = 300.0
"""So often an endpoint lets itself be sent elsewhere within so many seconds (RFC 5685, section 7)."""


class Client:
    """Opens IKE SAs to the first gateway of a connection that answers.

    ``replacing`` are new IKE SAs with the old ones whose place they take, ``reopening`` old ones in whose place a new
    one will be opened once they are gone. ``gateway`` is the number of the gateway where we are, ``failures`` counts
    those that failed since the last one that did not. At ``back_at`` we look whether the first one is back.
    """

    connection: Connection
    now: float

    def __init__(self) -> None:
        """Nothing is open."""
        super().__init__()
        self.redirects: list[float] = []
        self.names: dict[str, str] = {}
        self.sent_away: set[IkeSa] = set()
        self.replacing: dict[IkeSa, IkeSa] = {}
        self.reopening: set[IkeSa] = set()
        self.gateway = self.failures = 0
        self.back_at: float | None = None

    # --- what the endpoint does -----------------------------------------------------------------------------------

    def new_sa(self, *, initiator: bool, local: Address, remote: Address) -> IkeSa:
        """An IKE SA of the class of this endpoint."""
        raise NotImplementedError

    def register(self, sa: IkeSa) -> None:
        """From now on datagrams with its SPI go to ``sa``."""
        raise NotImplementedError

    def collect(self, sa: IkeSa) -> None:
        """Take what an SA wants to send and has to tell, and act on it."""
        raise NotImplementedError

    def note(self, text: str) -> None:
        """Write to the log of this endpoint."""
        raise NotImplementedError

    # --- a new IKE SA ---------------------------------------------------------------------------------------------

    def initiate(self, child: str | None = None) -> IkeSa:
        """Start an IKE SA to the configured peer with the named Child SA, by default the first one."""
        connection = self.connection
        assert connection.local_address is not None and connection.remote_address is not None
        self.redirects.clear()
        self.gateway = self.failures = 0
        return self.open(connection.remote_address, child or self.usual_child())

    def opens_for_packets(self) -> bool:
        """Whether a packet that needs a Child SA makes us ask for it."""
        return not self.connection.answers_only

    def usual_child(self) -> str | None:
        """The Child SA with which an IKE SA begins, None: it begins without."""
        names = [config.name for config in self.connection.children]
        return names[0] if names and not self.connection.childless else None

    def open(self, host: str, child: str | None, redirected_from: str | None = None) -> IkeSa:
        """Start an IKE SA to the configured peer where it is now, perhaps since somebody has sent us there."""
        sa = self.made(host, child)
        sa.redirected_from = redirected_from
        self.started(sa)
        return sa

    def made(self, host: str, child: str | None) -> IkeSa:
        """An IKE SA to the configured peer that has said nothing yet."""
        connection = self.connection
        assert connection.local_address is not None
        local, remote = Address(connection.local_address, connection.local_ports[0]), connection.remote_ports[0]
        sa = self.new_sa(initiator=True, local=local, remote=Address(host, remote))
        sa.first_child = child
        return sa

    def started(self, sa: IkeSa) -> None:
        """It says its first word."""
        self.register(sa)
        sa.start_init()
        self.collect(sa)

    # --- redirects ------------------------------------------------------------------------------------------------

    def follow(self, sa: IkeSa, gateway: Gateway) -> None:
        """Go to another gateway, within limits: the same peer is expected there (RFC 5685, sections 3 and 7)."""
        self.sent_away.add(sa)
        self.redirects = [one for one in self.redirects if one > self.now - REDIRECT_LOOP_DETECT_PERIOD]
        host, here = self.resolve(gateway), self.connection.local_address
        if host is None or here is None or (":" in host) != (":" in here):
            self.note(f"redirected to {gateway}, which cannot be reached")
        elif len(self.redirects) >= MAX_REDIRECTS:
            self.note(f"redirected to {gateway}, too often")
        else:
            self.redirects.append(self.now)
            self.open(host, sa.first_child, sa.remote.host)

    def resolve(self, gateway: Gateway) -> str | None:
        """The address of a gateway, None where we do not know its name."""
        return gateway.host or self.names.get(str(gateway))

    # --- reauthentication -----------------------------------------------------------------------------------------

    def reauthenticate(self, sa: IkeSa) -> None:
        """Have a new IKE SA in place of this one, with all its Child SAs (RFC 7296, section 2.8.3)."""
        sa.renewing = True
        if self.makes_before_break():
            self.replace(sa, sa.remote.host)
        else:
            self.reopening.add(sa)
            sa.start_delete()
            self.collect(sa)

    def makes_before_break(self) -> bool:
        """Whether the new IKE SA comes first; that is what the RFC describes."""
        return self.connection.make_before_break is not False

    def replace(self, old: IkeSa, host: str) -> None:
        """Open an IKE SA that takes the place of ``old`` once it is up."""
        new = self.made(host, old.first_child or self.usual_child())
        self.replacing[new] = old
        self.started(new)

    # --- what becomes of it ---------------------------------------------------------------------------------------

    def came_up(self, sa: IkeSa) -> None:
        """An IKE SA is up: the one whose place it takes goes."""
        if not sa.client:
            return
        self.failures = 0
        old = self.replacing.pop(sa, None)
        if old is not None:
            old = newest(old)
            if sa.remote.host != old.remote.host:
                self.gateway = 0
            self.take_over(sa, old)
        self.back_at = None
        if self.gateway and self.connection.return_after is not None:
            self.back_at = self.now + self.connection.return_after

    def take_over(self, sa: IkeSa, old: IkeSa) -> None:
        """The new IKE SA gets the further Child SAs of the old one, which is deleted."""
        for name in dict.fromkeys(child.config.name for child in old.children):
            if name != sa.first_child:
                sa.start_child(name)
        old.start_delete()
        self.collect(old)

    def gone(self, sa: IkeSa) -> None:
        """An IKE SA is gone: perhaps another one comes in its place."""
        if sa in self.reopening:
            self.reopening.remove(sa)
            self.open(sa.remote.host, sa.first_child or self.usual_child())
        elif (old := self.replacing.pop(sa, None)) is not None:
            old = newest(old)
            old.renewing, old.renew_again = False, self.now + RETRY_DELAY
        elif self.is_missed(sa):
            self.open(sa.remote.host, sa.first_child or self.usual_child())
        elif self.has_failed(sa):
            self.next_gateway(sa)
        self.sent_away.discard(sa)

    def is_missed(self, sa: IkeSa) -> bool:
        """Whether an IKE SA shall be there always that the peer has closed, or that is lost since it is silent."""
        ours = self.connection.reopens and sa.client and sa.successor is None and sa not in self.sent_away
        closed = sa.peer_identity is not None and sa.close_after_response is not None
        return ours and (sa.unanswered or closed)

    def has_failed(self, sa: IkeSa) -> bool:
        """Whether the gateway of an IKE SA is to blame for its end: it does not answer, or has not let us in."""
        ours = sa.client and sa.successor is None and sa not in self.sent_away
        return ours and (sa.unanswered or sa.peer_identity is None)

    # --- several gateways -----------------------------------------------------------------------------------------

    @property
    def gateways(self) -> tuple[str, ...]:
        """Where the peer may be, the one that we like most first."""
        connection = self.connection
        return (*([connection.remote_address] if connection.remote_address else ()), *connection.backup_addresses)

    def next_gateway(self, sa: IkeSa) -> None:
        """Try the next gateway, if there is one that has not failed just now."""
        self.failures += 1
        if self.failures < len(self.gateways) or (len(self.gateways) > 1 and sa.peer_identity is not None):
            self.gateway = (self.gateway + 1) % len(self.gateways)
            self.open(self.gateways[self.gateway], sa.first_child)

    def look_back(self) -> None:
        """See whether the first gateway is back; it takes over if it is."""
        self.back_at = None
        here = next((one for one in reversed(self.clients()) if one.remote.host != self.gateways[0]), None)
        if here is not None:
            assert self.connection.return_after is not None
            self.back_at = self.now + self.connection.return_after + self.connection.patience()
            self.replace(here, self.gateways[0])

    def clients(self) -> list[IkeSa]:
        """The IKE SAs that we have opened and that are up, oldest first."""
        raise NotImplementedError


def newest(sa: IkeSa) -> IkeSa:
    """The IKE SA that rekeys have put in the place of this one."""
    while sa.successor is not None:
        sa = sa.successor
    return sa
