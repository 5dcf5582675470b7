"""What an IKE SA tells its owner: values that happen, in order. The errors that end an exchange."""

from dataclasses import dataclass
from typing import Protocol

from conformance.ike.core.child import ChildSa
from conformance.wire import Notify, NotifyType, ProtocolID
from conformance.wire.gateway import Gateway


class Refusal(Exception):  # noqa: N818 - not an error of ours
    """We refuse the peer's request: the response carries this notify (RFC 7296, section 2.21)."""

    def __init__(
        self,
        kind: NotifyType,
        why: str,
        data: bytes = b"",
        *,
        spi: bytes = b"",
        protocol: ProtocolID = ProtocolID.NONE,
        fatal: bool = False,
    ) -> None:
        """``why`` is for logs; ``fatal`` closes the IKE SA after the response went out."""
        super().__init__(f"{kind.name}: {why}")
        self.kind, self.why, self.data, self.fatal = kind, why, data, fatal
        self.spi, self.protocol = spi, protocol

    def notify(self) -> Notify:
        """The notify payload of the response."""
        return Notify(self.kind, self.data, self.protocol, self.spi)


class Violation(Exception):  # noqa: N818
    """The peer's message breaks the protocol or does not prove who it is; the exchange has failed."""


class Rejected(Violation):
    """The peer refuses our request with an error notify of this ``kind``."""

    def __init__(self, why: str, kind: NotifyType) -> None:
        """``why`` is for logs."""
        super().__init__(why)
        self.kind = kind


class InvalidPublicValue(Violation):
    """The peer's public value fails a test of RFC 6989."""


class Owner(Protocol):
    """The IKE SA that an event is about, by its two SPIs of eight octets."""

    spi_i: bytes
    spi_r: bytes


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened on an IKE SA."""

    sa: Owner


@dataclass(frozen=True, slots=True)
class Established(Event):
    """IKE_AUTH, or the rekeying that made this IKE SA, is complete."""


@dataclass(frozen=True, slots=True)
class SuccessorCreated(Event):
    """A rekey made another IKE SA; whether it survives a collision is not known yet."""

    successor: Owner


@dataclass(frozen=True, slots=True)
class Rekeyed(Event):
    """The IKE SA has a successor, which took over the Child SAs."""

    successor: Owner


@dataclass(frozen=True, slots=True)
class ChildUp(Event):
    """A Child SA is in use."""

    child: ChildSa
    replaces: ChildSa | None = None


@dataclass(frozen=True, slots=True)
class ChildDown(Event):
    """A Child SA was deleted."""

    child: ChildSa


@dataclass(frozen=True, slots=True)
class ExchangeFailed(Event):
    """The peer answered one of our requests with an error, or wrongly."""

    reason: str
    notify: NotifyType | None = None


@dataclass(frozen=True, slots=True)
class Dropped(Event):
    """A datagram was ignored, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class ReauthenticationDue(Event):
    """We should open a new IKE SA in place of this one (RFC 7296, section 2.8.3)."""


@dataclass(frozen=True, slots=True)
class Redirected(Event):
    """The peer has sent us to another gateway (RFC 5685)."""

    gateway: Gateway


@dataclass(frozen=True, slots=True)
class Closed(Event):
    """The IKE SA is gone."""

    reason: str
