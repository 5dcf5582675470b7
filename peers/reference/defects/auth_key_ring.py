"""Defects of a device with connections for several peers."""

from dataclasses import replace

from conformance.ike.core.connection import Connection, Psk
from conformance.ike.ikesa import IkeSa
from conformance.wire import AUTH, IDi, IDr
from peers.reference.defects.registry import defect


@defect("auth-ring", "auth-ring-mixed", "auth-ring-kinds")
class FirstConnectionOnly(IkeSa):
    """Goes on with its first connection, whoever the initiator is."""

    def connection_for(self, identity: IDi | IDr) -> Connection:
        return self.connection


@defect("auth-ring-other-key", "auth-ring-kinds-other")
class AnyKeyOfTheRing(IkeSa):
    """Tries all keys that it has, and takes whoever has one of them for whom he says that he is."""

    ring: tuple[Psk, ...] = ()

    def connection_for(self, identity: IDi | IDr) -> Connection:
        self.ring = tuple(one.remote.auth for one in self.connection.every if isinstance(one.remote.auth, Psk))
        return super().connection_for(identity)

    def check_shared_key(self, expected: Psk, auth: AUTH, octets: bytes) -> None:
        fitting = (one for one in self.ring if self.shared_key_mic(one.secret, octets) == auth.data)
        super().check_shared_key(next(fitting, expected), auth, octets)


@defect("auth-ring-stranger")
class AnyNameInTheRing(IkeSa):
    """Lets in under any name whoever has the key of its first connection."""

    def identity_matches(self, expected: object, identity: IDi | IDr) -> bool:
        return True


@defect("auth-ring-mixed-other")
class AnyKeyInPlaceOfCertificates(IkeSa):
    """Takes the shared key of its first connection from those, too, who should have a certificate."""

    def connection_for(self, identity: IDi | IDr) -> Connection:
        found = super().connection_for(identity)
        key = self.connection.remote.auth
        if isinstance(found.remote.auth, Psk) or not isinstance(key, Psk):
            return found
        return replace(found, remote=replace(found.remote, auth=key))


@defect("auth-ring-selectors")
class SelectorsOfAll(IkeSa):
    """Gives each peer what any of them may have."""

    def connection_for(self, identity: IDi | IDr) -> Connection:
        found = super().connection_for(identity)
        networks = tuple(ts for one in self.connection.every for child in one.children for ts in child.remote_ts)
        return replace(found, children=tuple(replace(one, remote_ts=networks) for one in found.children))


@defect("dpd-one-of-several")
class TimesOfTheFirst(IkeSa):
    """Has the times of its first connection for all peers."""

    def connection_for(self, identity: IDi | IDr) -> Connection:
        return replace(super().connection_for(identity), dpd_delay=self.connection.dpd_delay)
