"""Defects of a device that takes nobody, and others who prove who they are."""

from dataclasses import replace

from conformance.ike.core.connection import Connection, NullAuth
from conformance.ike.ikesa import IkeSa
from conformance.wire import AUTH, AuthMethod, IDi, IDr, Message
from peers.reference.defects.registry import defect


@defect("null-auth-claimed")
class NobodyByAnyName(IkeSa):
    """Takes a NULL AUTH payload from whoever is known, where it takes some."""

    def check_peer(self, identity: IDi | IDr, message: Message) -> None:
        auth = message.first(AUTH)
        if auth is None or auth.method != AuthMethod.NULL or isinstance(self.peer_party().auth, NullAuth):
            super().check_peer(identity, message)


@defect("null-auth-network")
class NetworksForNobody(IkeSa):
    """Gives nobody what others have."""

    def connection_for(self, identity: IDi | IDr) -> Connection:
        found = super().connection_for(identity)
        networks = tuple(ts for one in self.connection.every for child in one.children for ts in child.remote_ts)
        return replace(found, children=tuple(replace(one, remote_ts=networks) for one in found.children))


@defect("null-auth-contact")
class BelievesContactOfNobody(IkeSa):
    """Believes INITIAL_CONTACT of whoever is nobody: all others that are nobody go."""

    def believes_contact(self) -> bool:
        return True
