"""Defects of a device with connections for some peers, for any, and for just one."""

from dataclasses import replace

from cryptography import x509

from conformance.ike.core.connection import Connection, Credential, Psk
from conformance.ike.ikesa import IkeSa
from conformance.wire import AUTH, AuthMethod, IDi, IDr, IdType
from peers.reference.defects.registry import defect


class WithOtherConnections(IkeSa):
    """Goes on with other connections than it should."""

    def known(self) -> tuple[Connection, ...]:
        """All that there are, also when one has been chosen."""
        found: tuple[Connection, ...] = self.__dict__.setdefault("_known", ())
        return found

    def connection_for(self, identity: IDi | IDr) -> Connection:
        self.__dict__["_known"] = (replace(self.connection, beside=()), *self.connection.beside)
        return super().connection_for(identity)


@defect("auth-domain", "auth-subject", "auth-anybody", "auth-authorities", "auth-clients")
class KnowsExactNamesOnly(IkeSa):
    """Knows no peers but the one of its first connection."""

    def connection_for(self, identity: IDi | IDr) -> Connection:
        return replace(self.connection, beside=(), remote_domain="", remote_subject=())


@defect("auth-domain-outside")
class EndsOfNames(IkeSa):
    """Takes whatever ends like the domain for one of its hosts."""

    def is_among(self, connection: Connection, identity: IDi | IDr) -> bool:
        domain = connection.remote_domain.encode()
        ends = identity.id_type == IdType.FQDN and bool(domain) and identity.data.endswith(domain)
        return ends or super().is_among(connection, identity)


@defect("auth-domain-keys")
class KeysOfAllWhoFit(WithOtherConnections):
    """Tries the key of each connection that a name fits to."""

    def check_shared_key(self, expected: Psk, auth: AUTH, octets: bytes) -> None:
        among = [one.remote.auth for one in self.known() if self.claimed and self.is_among(one, self.claimed)]
        keys = [one for one in among if isinstance(one, Psk)]
        right = (one for one in keys if self.shared_key_mic(one.secret, octets) == auth.data)
        super().check_shared_key(next(right, expected), auth, octets)


@defect("auth-domain-network", "auth-anybody-network", "auth-subject-network", "auth-clients-network")
class NetworksOfAll(IkeSa):
    """Gives each peer what any connection allows."""

    def connection_for(self, identity: IDi | IDr) -> Connection:
        found = super().connection_for(identity)
        networks = tuple(ts for one in self.connection.every for child in one.children for ts in child.remote_ts)
        return replace(found, children=tuple(replace(one, remote_ts=networks) for one in found.children))


@defect("auth-anybody-key")
class AnyProofOfAnyConnection(WithOtherConnections):
    """Takes the proof of any of its connections for any name."""

    def peer_credential(self) -> Credential:
        message = self.opening
        auth = None if message is None else message.first(AUTH)
        for one in self.known():
            keyed = isinstance(one.remote.auth, Psk)
            if auth is not None and keyed == (auth.method == AuthMethod.SHARED_KEY_MIC):
                return one.remote.auth
        return super().peer_credential()

    def connection_for(self, identity: IDi | IDr) -> Connection:
        found = super().connection_for(identity)
        return replace(found, trust=tuple(dict.fromkeys(each for one in self.known() for each in one.trust)))


@defect("auth-subject-other")
class AnySubject(IkeSa):
    """Looks at no attribute of a subject but the last one."""

    def is_among(self, connection: Connection, identity: IDi | IDr) -> bool:
        return identity.id_type == IdType.DER_ASN1_DN and bool(connection.remote_subject)


@defect("auth-subject-claimed")
class BelievesClaimedSubjects(IkeSa):
    """Does not compare the name that a peer claims with that in its certificate."""

    def certificate_matches(self, certificate: x509.Certificate, identity: IDi | IDr) -> bool:
        return True


@defect("auth-authorities-other")
class AuthoritiesOfAll(IkeSa):
    """Trusts for each peer all authorities that it knows for any."""

    def connection_for(self, identity: IDi | IDr) -> Connection:
        found = super().connection_for(identity)
        trust = (each for one in self.connection.every for each in one.trust)
        return replace(found, trust=tuple(dict.fromkeys(trust)))


@defect("auth-two-keys", "auth-two-keys-initiator", "auth-example-keys", "auth-example-keys-initiator")
class OneKeyForBothWays(IkeSa):
    """Proves itself by the key of its peer."""

    def own_credential(self) -> Credential:
        theirs = self.connection.remote.auth
        return theirs if isinstance(theirs, Psk) else super().own_credential()


@defect("auth-two-keys-other", "auth-two-keys-initiator-other")
class OwnKeyCountsToo(IkeSa):
    """Takes either of the two keys of a connection from its peer."""

    def check_shared_key(self, expected: Psk, auth: AUTH, octets: bytes) -> None:
        ours = self.connection.local.auth
        right = isinstance(ours, Psk) and self.shared_key_mic(ours.secret, octets) == auth.data
        super().check_shared_key(ours if right and isinstance(ours, Psk) else expected, auth, octets)
