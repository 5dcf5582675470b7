"""The Peer Authorization Database: who may speak for which addresses (RFC 4301, section 4.4.3)."""

from collections.abc import Iterable
from dataclasses import dataclass

from conformance.ike.core.connection import Identity
from conformance.ike.core.selectors import contains, selectors
from conformance.wire import IdType, TrafficSelector


@dataclass(frozen=True, slots=True)
class PadEntry:
    """Peers, and the addresses that they may name in the traffic selectors of a Child SA.

    ``data`` is a name, an address, an address range's first and last address one after the other, or a key identifier,
    by ``id_type``. A domain name that starts with a dot and a mail address that starts with an at sign stand for all
    that end so, a distinguished name for itself and all below it, empty ``data`` for every identity of the type; a key
    identifier is matched whole (RFC 4301, section 4.4.3.1). ``selectors`` empty: no addresses are allowed.
    """

    id_type: IdType
    data: bytes
    selectors: tuple[TrafficSelector, ...] = ()

    @classmethod
    def of(cls, peer: str, allowed: Iterable[str] = ()) -> "PadEntry":
        """From an identity as configurations write it, ``.example.com`` and ``10.0.0.1-10.0.0.9`` included.

        Raises SelectorError for selectors that cannot be read.
        """
        first, dash, last = peer.partition("-")
        low, high = Identity.of(first), Identity.of(last)
        if dash and low.id_type == high.id_type and low.id_type in (IdType.IPV4_ADDR, IdType.IPV6_ADDR):
            return cls(low.id_type, low.data + high.data, selectors(allowed))
        whole = Identity.of(peer)
        return cls(whole.id_type, whole.data, selectors(allowed))

    def matches(self, identity: Identity) -> bool:
        """The entry is for this identity."""
        if identity.id_type != self.id_type:
            return False
        if not self.data:
            return True
        if self.id_type in (IdType.FQDN, IdType.RFC822_ADDR):
            theirs, ours = identity.data.lower(), self.data.lower()
            return theirs.endswith(ours) if ours[:1] in (b".", b"@") else theirs == ours
        if self.id_type in (IdType.IPV4_ADDR, IdType.IPV6_ADDR) and len(self.data) == 2 * len(identity.data):
            half = len(identity.data)
            return self.data[:half] <= identity.data <= self.data[half:]
        if self.id_type == IdType.DER_ASN1_DN:
            # The relative names follow each other, from the root on, so a prefix of whole ones is a tree above.
            return _content(identity.data).startswith(_content(self.data))
        return identity.data == self.data

    def allows(self, asserted: Iterable[TrafficSelector]) -> bool:
        """Each of the selectors lies within one that is allowed (RFC 4301, section 4.4.3.3)."""
        return all(any(contains(whole, one) for whole in self.selectors) for one in asserted)


def _content(der: bytes) -> bytes:
    """What is in a DER structure, behind its tag and length; no DER: as it is."""
    if len(der) < 2 or der[0] != 0x30:
        return der
    return der[2 + (der[1] & 0x7F) :] if der[1] & 0x80 else der[2:]


class Pad:
    """Ordered entries; the first that matches an identity counts."""

    def __init__(self, entries: Iterable[PadEntry] = ()) -> None:
        self.entries: list[PadEntry] = list(entries)

    def find(self, identity: Identity) -> PadEntry | None:
        """The entry for a peer, None: it is not authorized to do anything."""
        return next((each for each in self.entries if each.matches(identity)), None)

    def authorizes(self, identity: Identity, asserted: Iterable[TrafficSelector]) -> bool:
        """The peer may have a Child SA for these remote selectors."""
        entry = self.find(identity)
        return entry is not None and entry.allows(asserted)
