"""The connections of the scenarios, and how that of one side differs from the other one's."""

from dataclasses import replace
from functools import lru_cache

from conformance.crypto.pki import Authority, Leaf
from conformance.ike.core.connection import ChildConfig, Connection, CookiePolicy, Party, PublicKey
from conformance.ike.core.proposals import of_type, parsed
from conformance.wire import AuthMethod, HashAlgorithm, TransformType
from peers.algorithms import Algorithms, written
from peers.contract import Pixit
from suites.choices import ENCR, PRF, esp, two
from suites.connections import Setup, authority, build, certificates, certified, psk, shared_key

MANY = 4
"""Child SAs of the scenario with many."""

_POOL, _POOL6 = "10.77.0.0/24", "fd77::/112"
_HASHES = {"sha256": HashAlgorithm.SHA2_256, "sha384": HashAlgorithm.SHA2_384, "sha512": HashAlgorithm.SHA2_512}


def signed(kind: str, *, method: AuthMethod | None = None, hash_: str | None = None, pss: bool = False) -> Setup:
    """Certificates on both sides, with signatures of a named kind."""

    def setup(pixit: Pixit) -> Connection:
        found = certificates(kind)(pixit)
        return replace(found, local=_signing(found.local), remote=_signing(found.remote))

    def _signing(party: Party) -> Party:
        assert isinstance(party.auth, PublicKey)
        chosen = None if hash_ is None else _HASHES[hash_]
        return replace(party, auth=replace(party.auth, method=method, hash=chosen, pss=pss))

    return setup


@lru_cache(maxsize=8)
def _intermediate() -> Authority:
    return Authority.create("ikespec intermediate CA", kind="ecdsa", issuer=authority("ecdsa"))


@lru_cache(maxsize=8)
def _issued(name: str) -> Leaf:
    return _intermediate().issue(name, kind="ecdsa", sans=[name])


def through_intermediate(pixit: Pixit) -> Connection:
    """Both know the root only; the intermediate authority's certificate comes with the message."""
    agreed = pixit.credentials
    ours, theirs = (
        Party(name, PublicKey((found.certificate, _intermediate().certificate), found.key))
        for name, found in ((name, _issued(str(name))) for name in (agreed.tester, agreed.device))
    )
    return build(ours, theirs, pixit, trust=(authority("ecdsa").certificate,))


def two_methods(pixit: Pixit) -> Connection:
    """The initiator signs, the responder has a shared key."""
    ours, _, trust = certified(pixit, "ecdsa")
    return build(ours, shared_key(pixit)[1], pixit, trust=trust)


def many(pixit: Pixit) -> Connection:
    """Several Child SAs: the first one between the inner hosts, the others between other parts of the networks."""
    local, remote = (one[0].rpartition(".")[0] for one in (pixit.tester_networks, pixit.device_networks))
    children = [
        ChildConfig(
            "net" if number == 0 else f"net{number + 1}",
            esp(pixit.algorithms),
            local_ts=(f"{local}.{number * 16}/28",),
            remote_ts=(f"{remote}.{number * 16}/28",),
        )
        for number in range(MANY)
    ]
    return replace(psk()(pixit), children=tuple(children))


def inner6(ipv6: bool) -> Setup:
    """Inner networks of IPv6; the outer family is that of the scenario."""

    def setup(pixit: Pixit) -> Connection:
        local, remote = (one[1:2] for one in (pixit.tester_networks, pixit.device_networks))
        return psk(local_ts=local, remote_ts=remote, ipv6=ipv6)(pixit)

    return setup


def wide(pixit: Pixit) -> Connection:
    """Selectors twice as wide as those of the responder."""
    local, remote = (one[0].replace(".0/24", ".0/23") for one in (pixit.tester_networks, pixit.device_networks))
    return psk(local_ts=(local,), remote_ts=(remote,), narrowing=True)(pixit)


def narrow(connection: Connection) -> Connection:
    """The responder's selectors as they usually are."""
    child = connection.children[0]
    local, remote = (tuple(one.replace("/23", "/24") for one in ts) for ts in (child.local_ts, child.remote_ts))
    return replace(connection, children=(replace(child, local_ts=local, remote_ts=remote),))


def three(algorithms: Algorithms) -> tuple[str, ...]:
    """The suite that both take is the second of three."""
    first, cipher = two(ENCR, apart=True)(algorithms)
    return cipher, first, two(PRF, apart=True)(algorithms)[1]


def second_only(connection: Connection) -> Connection:
    """The responder accepts only the second proposal for the IKE SA."""
    return replace(connection, proposals=connection.proposals[1:2])


def last_group_only(connection: Connection) -> Connection:
    """The responder accepts only the last key exchange method."""
    last = parsed(connection.proposals)[-1]
    unwanted = of_type(last, TransformType.KE)[:-1]
    return replace(connection, proposals=(written(one for one in last.transforms if one not in unwanted),))


def pool(pixit: Pixit) -> Connection:
    """The initiator has no inner network of its own: it gets an address from the responder."""
    return psk(local_ts=("0.0.0.0/0",), remote_pool=_POOL)(pixit)


def pool6(pixit: Pixit) -> Connection:
    """The same with IPv6 inside."""
    return psk(local_ts=("::/0",), remote_ts=pixit.device_networks[1:2], remote_pool6=_POOL6)(pixit)


def pools(pixit: Pixit) -> Connection:
    """Both at once."""
    wide, behind = ("0.0.0.0/0", "::/0"), pixit.device_networks[:2]
    return psk(local_ts=wide, remote_ts=behind, remote_pool=_POOL, remote_pool6=_POOL6)(pixit)


def asking_for_cookies(connection: Connection) -> Connection:
    """It asks everybody for a cookie."""
    return replace(connection, cookies=CookiePolicy.ALWAYS)


def responder_checks(connection: Connection) -> Connection:
    """It asks after its peer every second."""
    return replace(connection, dpd_delay=1.0)


def sends_away(connection: Connection) -> Connection:
    """It goes to no other gateway itself."""
    return replace(connection, follows_redirects=False)


def initiator_checks(connection: Connection) -> Connection:
    """It does not ask after its peer."""
    return replace(connection, dpd_delay=None)


def server(connection: Connection) -> Connection:
    """It answers, whatever the order."""
    return replace(connection, make_before_break=None)


def demanding(connection: Connection) -> Connection:
    """It demands another authentication after five seconds."""
    return replace(connection, auth_lifetime=5.0)


def only_gateway(connection: Connection) -> Connection:
    """It has no second gateway, and does not ask after its peer."""
    return replace(connection, backup_addresses=(), dpd_delay=None)
