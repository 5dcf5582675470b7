"""Messages as a script sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from conformance.net.link import Address
from conformance.wire import SA, ExchangeType, Message, Notify, NotifyType, ProtocolID, VendorID, summary_message

if TYPE_CHECKING:
    from conformance.script.sa import ScriptedSa


@dataclass(slots=True, eq=False)
class Received:
    """A message from the device with its decrypted payloads.

    ``protected``: it came encrypted and authentic. ``problem``: why our own side ignores it, empty if it does not.
    ``taken``: a wait of the script has returned it. ``answered``: a request that has got its answer; ``reply`` is that
    answer where the script had no hand in it. ``copies`` counts how often the device has sent it. ``again``: it is a
    request that had been answered before. ``refusal``: what an IKE_SA_INIT request was refused with.
    """

    message: Message
    raw: bytes
    source: Address
    destination: Address
    time: float
    sa: ScriptedSa | None = None
    protected: bool = False
    problem: str = ""
    taken: bool = False
    answered: bool = False
    copies: int = 1
    again: bool = False
    refusal: Sent | None = None
    reply: Sent | None = None

    def __str__(self) -> str:
        return summary_message(self.message) + (f" ({self.problem})" if self.problem else "")


@dataclass(frozen=True, slots=True)
class Sent:
    """A message of ours with its datagrams (IKE messages without marker), as they went out.

    ``straight`` is what it was before it was bent, None where it was not.
    """

    message: Message
    datagrams: tuple[bytes, ...]
    bent: str = ""
    encrypted: bool = False
    straight: Message | None = None


def rekeys_ike(message: Message) -> bool:
    """True for a CREATE_CHILD_SA request that is about the IKE SA itself, and not about a Child SA."""
    sa = message.first(SA)
    return sa is not None and any(one.protocol == ProtocolID.IKE for one in sa.proposals)


def rekeys_child(message: Message) -> bool:
    """True for a CREATE_CHILD_SA request that is about a Child SA."""
    return not rekeys_ike(message)


def says_nothing(message: Message) -> bool:
    """True for an INFORMATIONAL message without effect: a liveness check or its answer (RFC 7296, section 2.4).

    Status notifies and Vendor IDs may stand in any message.
    """
    status = (
        isinstance(one, VendorID) or (isinstance(one, Notify) and one.type >= NotifyType.INITIAL_CONTACT)
        for one in message.payloads
    )
    return message.exchange == ExchangeType.INFORMATIONAL and all(status)
