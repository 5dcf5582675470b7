"""How large packets become: the arithmetic of ESP and AH, in octets (RFC 4303 section 2, RFC 4302 section 2).

The sizes are exact, for every cipher, mode and encapsulation; no packet is made for them.
"""

from dataclasses import dataclass
from math import lcm

from conformance.crypto.cipher import Cipher
from conformance.ike.core.connection import Mode
from conformance.ipsec import ah
from conformance.ipsec.sad import OutboundSa
from conformance.wire import ProtocolID

_IP = {4: 20, 6: 40}
_ESP_HEADER, _ESP_TRAILER, _UDP_HEADER = 8, 2, 8
_LARGEST = {4: 65535, 6: 65575}


@dataclass(frozen=True, slots=True)
class Gre:
    """GRE before IPsec (RFC 2784, RFC 2890): the IP version that delivers it, and its optional fields."""

    version: int = 4
    key: bool = False
    checksum: bool = False
    sequence: bool = False

    @property
    def size(self) -> int:
        """Octets of the GRE header, without the IP header before it."""
        return 4 + 4 * (self.key + self.checksum + self.sequence)


@dataclass(frozen=True, slots=True)
class Encapsulation:
    """A way to protect packets: ``version`` is that of the packets on the wire.

    ``headers`` are the octets of the IP header in transport mode where it has options or extension headers, 0 for a
    plain one. ``tfc`` as in `SaParameters`. With ``gre`` the packets go into GRE first; transport mode then protects
    the GRE packet.
    """

    cipher: Cipher
    mode: Mode = Mode.TUNNEL
    version: int = 4
    protocol: ProtocolID = ProtocolID.ESP
    udp: bool = False
    gre: Gre | None = None
    headers: int = 0
    tfc: int = 0

    @classmethod
    def of(cls, sa: OutboundSa) -> "Encapsulation":
        """That of an SA, for packets with plain headers."""
        chosen = sa.parameters
        version = 4 if len(sa.source) == 4 else 6
        return cls(sa.cipher, chosen.mode, version, sa.protocol, chosen.udp is not None, tfc=chosen.tfc)

    @property
    def fixed(self) -> int:
        """Octets that every packet grows by: all but padding and what it has of its own (IP header, GRE)."""
        if self.protocol == ProtocolID.AH:
            return ah.header_size(self.cipher.icv_size, self.version)
        iv = 0 if self.cipher.implicit_iv else self.cipher.iv_size
        return _UDP_HEADER * self.udp + _ESP_HEADER + iv + _ESP_TRAILER + self.cipher.icv_size

    @property
    def alignment(self) -> int:
        """What the octets from payload to Next Header are filled up to a multiple of; 1 for AH."""
        return 1 if self.protocol == ProtocolID.AH else lcm(self.cipher.block_size, 4)

    @property
    def _outside(self) -> int:
        """Octets of the IP header on the wire."""
        return self.headers or _IP[self.version]

    @property
    def _added(self) -> int:
        """Octets between the wire's IP header and the inner packet that belong to what is protected."""
        if self.gre is None:
            return 0
        return self.gre.size + (_IP[self.gre.version] if self.mode == Mode.TUNNEL else 0)

    def _protected(self, size: int) -> int:
        """Octets of payload that ESP or AH gets of an inner packet of ``size`` octets."""
        if self.mode == Mode.TRANSPORT and self.gre is None:
            return size - self._outside
        return size + self._added

    def size(self, inner: int) -> int:
        """Octets on the wire for an inner packet of ``inner`` octets, IP headers included in both."""
        payload = self._protected(inner)
        if self.protocol == ProtocolID.ESP:
            payload = max(payload, self.tfc)
        padding = -(payload + _ESP_TRAILER) % self.alignment
        return self._outside + self.fixed + payload + padding

    def overhead(self, inner: int) -> int:
        """Octets that an inner packet of this size grows by."""
        return self.size(inner) - inner

    def largest(self, mtu: int) -> int:
        """The largest inner packet that needs at most ``mtu`` octets on the wire; 0 where none fits."""
        mtu = min(mtu, _LARGEST[self.version])
        room = mtu - self._outside - self.fixed + _ESP_TRAILER * (self.protocol == ProtocolID.ESP)
        if self.protocol == ProtocolID.ESP:
            room = room // self.alignment * self.alignment - _ESP_TRAILER
        if room < max(self.tfc, 0):
            return 0
        return max(room - self._protected(0), 0)

    @property
    def worst(self) -> int:
        """The most that any inner packet grows by, TFC padding left aside."""
        return self._outside + self.fixed + self.alignment - 1 + self._protected(0)
