"""Defects of those who know peers by the addresses of a network."""

from ipaddress import IPv4Address, ip_address, ip_network

from conformance.ike.core.connection import Connection
from conformance.ike.ikesa import IkeSa
from conformance.wire import IDi, IDr, IdType
from peers.reference.defects.auth_some_peers import KeysOfAllWhoFit, NetworksOfAll
from peers.reference.defects.registry import defect


@defect("auth-ring-networks-nested")
class LargestNetworkFirst(IkeSa):
    """Goes on with the connection for the largest network in which an address is."""

    def width(self, one: Connection) -> int:
        return -super().width(one)


@defect("auth-ring-networks", "auth-ring-networks-nested")
class KnowsNoNetworks(IkeSa):
    """Knows no peer by its network."""

    def is_among(self, connection: Connection, identity: IDi | IDr) -> bool:
        return not connection.remote_network and super().is_among(connection, identity)


@defect("auth-ring-networks-keys")
class KeysOfAllNetworks(KeysOfAllWhoFit):
    """Tries the key of each network in which an address is, though there is an entry for just that."""


@defect("auth-ring-networks-outside")
class ReadsAddresses(IkeSa):
    """Reads an address in whatever somebody is called."""

    def is_among(self, connection: Connection, identity: IDi | IDr) -> bool:
        if not connection.remote_network or identity.id_type == IdType.IPV4_ADDR:
            return super().is_among(connection, identity)
        try:
            named = (
                IPv4Address(identity.data.decode())
                if identity.id_type == IdType.FQDN
                else ip_address(identity.data[-4:])
            )
        except ValueError:
            return False
        return named in ip_network(connection.remote_network)


@defect("auth-ring-networks-own")
class NetworksOfAllEntries(NetworksOfAll):
    """Gives whoever is in one of its networks what any entry allows."""
