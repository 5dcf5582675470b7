"""What a user of a gateway reaches, and what reaches him, as an AAA server has it: filters by name, and routes."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address, ip_network

from conformance.ike.core.connection import ChildConfig
from conformance.ike.core.selectors import narrow, selector
from conformance.wire import TrafficSelector
from peers.reference.nas.granted import GrantedSa

CLASSES = ((128, 8), (192, 16), (224, 24))
"""First octets of addresses below these have prefixes of so many bits where none is said (RFC 2865, section 5.22)."""


class ReachingSa(GrantedSa):
    """Makes Child SAs for what was granted and no more."""

    def peer_selectors(self, config: ChildConfig) -> tuple[TrafficSelector, ...]:
        """The address of the user, and the networks behind him."""
        routes = self.granted_networks() if self.inner else ()
        return (*super().peer_selectors(config), *(selector(str(one)) for one in routes))

    def own_selectors(self, config: ChildConfig) -> tuple[TrafficSelector, ...]:
        """What of our side the filters let the user reach, all of it where none is named."""
        ours, names = super().own_selectors(config), self.all_of("Filter-Id")
        if not names:
            return ours
        known = dict(self.connection.named_filters)
        return narrow(ours, [selector(known[one]) for one in names if one in known])

    def granted_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks of Framed-Route and Framed-IPv6-Route; what cannot be read, or leads elsewhere, is left out."""
        found = map(self.granted_network, self.all_of("Framed-Route", "Framed-IPv6-Route"))
        return tuple(dict.fromkeys(one for one in found if one is not None))

    def granted_network(self, text: str) -> IPv4Network | IPv6Network | None:
        """The network of one, ``10.1.0.0/16 0.0.0.0 1``, whose gateway is the user (RFC 2865, 5.22; RFC 3162, 2.5)."""
        words = text.split()
        try:
            network, gateway = self.written_prefix(words[0]), ip_address(words[1])
        except (ValueError, IndexError):
            return None
        to_him = not int(gateway) or gateway.packed in self.inner
        return network if to_him and network.version == gateway.version else None

    def written_prefix(self, text: str) -> IPv4Network | IPv6Network:
        """A prefix, whose length an IPv4 address of class A, B or C may leave out. Raises ValueError."""
        if "/" in text or ":" in text:
            return ip_network(text, strict=False)
        first = IPv4Address(text).packed[0]
        bits = next((bits for end, bits in CLASSES if first < end), 32)
        return ip_network(f"{text}/{bits}", strict=False)
