"""The reference device without a link: an `Endpoint` that takes a device's orders."""

from random import Random

from conformance.ike.child import ChildSa, ChildState
from conformance.ike.connection import Connection
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.ike.sa import State
from conformance.net.link import Datagram
from peers.contract import ChildStatus, DeviceError, SaState, SaStatus

_STATES = {
    State.NEW: SaState.CONNECTING,
    State.HALF_OPEN: SaState.CONNECTING,
    State.ESTABLISHED: SaState.ESTABLISHED,
    State.REKEYED: SaState.REKEYED,
    State.CLOSED: SaState.DELETING,
}
_CHILD_STATES = {
    ChildState.INSTALLED: SaState.ESTABLISHED,
    ChildState.REKEYING: SaState.REKEYING,
    ChildState.DELETING: SaState.DELETING,
    ChildState.DELETED: SaState.DELETING,
}


class ReferenceEngine:
    """Holds one endpoint at a time; `apply` replaces it. Random octets come from ``seed``, so all is repeatable."""

    def __init__(self, endpoint_class: type[Endpoint], seed: int, now: float) -> None:
        """An engine without a connection."""
        self.endpoint_class, self.seed, self.now = endpoint_class, seed, now
        self.endpoint: Endpoint | None = None

    # --- orders -----------------------------------------------------------------------------------------------------

    def apply(self, connection: Connection) -> None:
        """Start anew with a connection."""
        self.endpoint = self.endpoint_class(connection, Random(self.seed).randbytes, self.now)

    def clear(self) -> None:
        """Forget everything."""
        self.endpoint = None

    def initiate(self, child: str | None = None) -> None:
        """Open an IKE SA."""
        self._endpoint().initiate(child)

    def rekey_ike(self) -> None:
        """Rekey the newest IKE SA."""
        sa = self._sa()
        sa.start_rekey()
        self._endpoint().collect(sa)

    def rekey_child(self, name: str) -> None:
        """Rekey a Child SA."""
        sa = self._sa()
        sa.start_child_rekey(self._child(name))
        self._endpoint().collect(sa)

    def delete_ike(self) -> None:
        """Delete the newest IKE SA."""
        sa = self._sa()
        sa.start_delete()
        self._endpoint().collect(sa)

    def delete_child(self, name: str) -> None:
        """Delete a Child SA."""
        sa = self._sa()
        sa.start_child_delete(self._child(name))
        self._endpoint().collect(sa)

    def list_sas(self) -> list[SaStatus]:
        """All IKE SAs."""
        sas = self.endpoint.sas.values() if self.endpoint else ()
        return [
            SaStatus(sa.spi_i, sa.spi_r, _STATES[sa.state], tuple(_child_status(child) for child in sa.children))
            for sa in sas
        ]

    def log(self) -> str:
        """The log since `apply`."""
        return "".join(f"{time:.6f} {text}\n" for time, text in self.endpoint.log) if self.endpoint else ""

    def _endpoint(self) -> Endpoint:
        if self.endpoint is None:
            raise DeviceError("reference", "no connection is loaded", "apply one first")
        return self.endpoint

    def _sa(self) -> IkeSa:
        found = self._endpoint().established()
        if not found:
            raise DeviceError("reference", "there is no established IKE SA")
        return found[-1]

    def _child(self, name: str) -> ChildSa:
        found = [child for child in self._sa().children if child.config.name == name]
        if not found:
            raise DeviceError("reference", f"there is no Child SA {name!r}")
        return found[-1]

    # --- `conformance.net.memory.Engine` ----------------------------------------------------------------------------

    def receive(self, datagram: Datagram, now: float) -> None:
        """Take a datagram."""
        self.now = now
        if self.endpoint is not None:
            self.endpoint.receive(datagram, now)

    def drain(self) -> list[Datagram]:
        """The datagrams to send."""
        return self.endpoint.drain() if self.endpoint else []

    def next_timer(self) -> float | None:
        """When there is something to do."""
        return self.endpoint.next_timer() if self.endpoint else None

    def tick(self, now: float) -> None:
        """See the time."""
        self.now = now
        if self.endpoint is not None:
            self.endpoint.tick(now)


def _child_status(child: ChildSa) -> ChildStatus:
    return ChildStatus(
        child.config.name,
        child.spi_in,
        child.spi_out,
        tuple(map(str, child.local_ts)),
        tuple(map(str, child.remote_ts)),
        child.mode,
        _CHILD_STATES[child.state],
    )
