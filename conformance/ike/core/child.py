"""A Child SA: the pair of ESP or AH SAs that an IKE SA negotiated, and the offer of one."""

from dataclasses import dataclass, field
from enum import Enum

from conformance.crypto.ke import KeyExchange
from conformance.crypto.suite import ChildSuite
from conformance.ike.core.connection import ChildConfig, Mode, over
from conformance.ike.core.keys import ChildKeys
from conformance.wire import KeMethod, Proposal, ProtocolID, TrafficSelector


class ChildState(Enum):
    """What goes on with a Child SA."""

    INSTALLED = "installed"
    REKEYING = "rekeying"
    DELETING = "deleting"
    DELETED = "deleted"


@dataclass(slots=True, eq=False)
class ChildSa:
    """A pair of SAs. ``initiator``: we sent the request that made it, so our packets use the initiator's keys.

    ``spi_in`` is the SPI that we chose and receive on, ``spi_out`` the peer's. ``nonces`` are those of the exchange
    that made it (Ni, Nr); they settle a collision of rekeys (RFC 7296, section 2.8.1). ``rekey_again`` is the instant
    before which a rekey that the peer refused is not tried again. ``no_tfc``: the peer wants no padding against traffic
    analysis there (section 1.3.1). ``sooner`` are the seconds by which it is rekeyed before its time, by chance.
    """

    config: ChildConfig
    protocol: ProtocolID
    spi_in: bytes
    spi_out: bytes
    suite: ChildSuite
    keys: ChildKeys = field(repr=False)
    initiator: bool
    local_ts: tuple[TrafficSelector, ...]
    remote_ts: tuple[TrafficSelector, ...]
    mode: Mode
    created: float
    nonces: tuple[bytes, bytes] = field(repr=False, default=(b"", b""))
    state: ChildState = ChildState.INSTALLED
    replaced_by: "ChildSa | None" = field(repr=False, default=None)
    rekey_again: float = 0.0
    no_tfc: bool = False
    sooner: float = 0.0

    def rekey_due(self) -> float | None:
        """When it must be rekeyed, None: never, or not now."""
        if self.config.lifetime is None or self.state != ChildState.INSTALLED or self.replaced_by is not None:
            return None
        return max(self.created + self.config.lifetime - self.sooner, self.rekey_again)

    def over_at(self) -> float | None:
        """When it is over, whether it was rekeyed or not, None: never (RFC 4301, section 4.4.2.1)."""
        lifetime = self.config.lifetime
        return None if lifetime is None or self.state != ChildState.INSTALLED else self.created + over(lifetime)

    def __str__(self) -> str:
        local, remote = (", ".join(map(str, ts)) for ts in (self.local_ts, self.remote_ts))
        return f"{self.config.name}{{{self.spi_in.hex()} in, {self.spi_out.hex()} out}} {local} === {remote}"


@dataclass(slots=True, eq=False)
class ChildOffer:
    """A Child SA that we asked for. ``rival`` is what the peer's own rekey made meanwhile (RFC 7296, 2.8.1).

    ``tried`` are the key exchange methods of its requests so far: none is tried twice.
    """

    config: ChildConfig
    spi: bytes
    proposals: tuple[Proposal, ...]
    nonce: bytes
    exchange: KeyExchange | None = None
    rekeys: ChildSa | None = None
    rival: ChildSa | None = None
    tried: set[KeMethod] = field(default_factory=set)
    local_ts: tuple[TrafficSelector, ...] = field(default=())
    remote_ts: tuple[TrafficSelector, ...] = field(default=())


def loses(own: tuple[bytes, bytes], rival: tuple[bytes, bytes]) -> bool:
    """True if the SA made with the nonces ``own`` is redundant: it has the lowest of the four (RFC 7296, 2.8.1).

    The comparison is octet by octet, and the end of a nonce is lower than any octet: that of Python's bytes.
    """
    return min(own) < min(rival)
