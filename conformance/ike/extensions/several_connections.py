"""A responder with connections for several peers, each with credentials and selectors of its own (RFC 4301, 4.4.3).

IKE_SA_INIT is the same with all of them. Which one it is, is known when the initiator says who it is in IKE_AUTH.
"""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network

from conformance.ike.core.connection import Connection
from conformance.ike.core.spine import Spine
from conformance.wire import IDi, IDr


class SeveralConnections(Spine):
    """Goes on with the connection for the identity that the initiator claims."""

    def identified(self, identity: IDi | IDr) -> None:
        """The initiator says who it is, and has proved nothing yet."""
        super().identified(identity)
        if self.connection.beside:
            self.connection = self.connection_for(identity)

    def connection_for(self, identity: IDi | IDr) -> Connection:
        """That for this identity; the first one where nobody has it, which then refuses the initiator."""
        first = replace(self.connection, beside=())
        known = sorted((first, *self.connection.beside), key=self.width)
        fitting = (one for is_for in self.degrees() for one in known if is_for(one, identity))
        return next(fitting, first)

    def degrees(self) -> tuple[Callable[[Connection, IDi | IDr], bool], ...]:
        """Ways in which a connection may be for an identity, that which counts most first."""
        return self.is_for, self.is_among, lambda one, identity: one.any_identity

    def width(self, one: Connection) -> int:
        """How many bits of an address a connection leaves open: the smaller of two networks goes before the larger."""
        network = ip_network(one.remote_network) if one.remote_network else None
        return network.max_prefixlen - network.prefixlen if network else 0

    def is_for(self, one: Connection, identity: IDi | IDr) -> bool:
        """Whether a connection is for this identity and no other."""
        if one.any_identity or one.remote_domain or one.remote_subject or one.remote_network:
            return False
        expected = one.remote.identity
        return (expected.id_type, expected.data) == (identity.id_type, identity.data)
