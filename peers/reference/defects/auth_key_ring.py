"""Defects of a device with connections for several peers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Self

from conformance.ike.core.connection import Connection, Psk
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.wire import AUTH, IDi, IDr, Message, Payload
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


@defect("auth-ring-rekeyed")
class RekeyedIsOfTheFirst(IkeSa):
    """Forgets with a rekey of the IKE SA which peer it is of, and looks at its first connection from then on."""

    ring: Connection | None = None

    def connection_for(self, identity: IDi | IDr) -> Connection:
        self.ring = self.connection
        return super().connection_for(identity)

    def pass_on(self, new: Self) -> None:
        super().pass_on(new)
        new.connection = self.ring or self.connection


@defect("auth-ring-two-names")
class SelectorsOfTheLastName(IkeSa):
    """Takes the first identity of a request for who the peer is, and the last one for what it may have."""

    names: Sequence[IDi] = ()

    def handle_auth(self, message: Message) -> Sequence[Payload]:
        self.names = message.all(IDi)
        return super().handle_auth(message)

    def connection_for(self, identity: IDi | IDr) -> Connection:
        found = super().connection_for(identity)
        return replace(found, children=super().connection_for(self.names[-1]).children) if self.names else found


# --- who has come back ------------------------------------------------------------------------------------------------


class Contacts(Endpoint):
    """Ends IKE SAs because another one says INITIAL_CONTACT."""

    def means(self, other: IkeSa, sa: IkeSa) -> bool:
        """Whether the INITIAL_CONTACT of ``sa`` is for the other one."""
        raise NotImplementedError

    def initial_contact(self, sa: IkeSa) -> None:
        for other in list(self.sas.values()):
            if sa.initial_contact and other is not sa and self.means(other, sa):
                other.close("INITIAL_CONTACT")
                self.collect(other)


@defect("contact-others")
class ContactOfTheAddress(Contacts):
    """Takes INITIAL_CONTACT for all IKE SAs with the address of the peer."""

    def means(self, other: IkeSa, sa: IkeSa) -> bool:
        return other.remote.host == sa.remote.host


@defect("contact-homonym")
class ContactOfTheName(Contacts):
    """Compares names without their types where INITIAL_CONTACT comes."""

    def means(self, other: IkeSa, sa: IkeSa) -> bool:
        one, two = other.peer_identity, sa.peer_identity
        return one is not None and two is not None and one.data == two.data
