"""The vendor-neutral connection in the words of iked.conf: one policy, which makes one IKE SA and one Child SA."""

import re
from itertools import product
from math import ceil

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from conformance.ike.core.connection import (
    ChildConfig,
    Connection,
    Eap,
    Identity,
    NullAuth,
    Party,
    Psk,
    PublicKey,
    Uniqueness,
)
from conformance.ike.core.selectors import selector
from conformance.wire import AuthMethod, HashAlgorithm, IdType
from peers.capabilities import Capability
from peers.contract import Pixit, Unsupported
from peers.openiked import algorithms
from peers.openiked.algorithms import unsupported

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LOOKS_LIKE_AN_ADDRESS = re.compile(r"[0-9.]+")
_QUOTABLE = re.compile(r"[ !#-\[\]-~]+")
_SELECTOR = re.compile(r"(?P<net>[^\[\]-]+)(\[(?P<protocol>[\w-]+)(/(?P<port>\d+))?\])?")
_SOONEST, _LATEST = 0.85, 0.95
"""It rekeys between these parts of a lifetime."""
_POLICY = "ikespec"
_DYNAMIC = "dynamic"
"""In place of a selector: the address that is assigned."""
NOTHING = "set passive\n"
"""A configuration without any policy."""
_CURVES = {
    AuthMethod.ECDSA_256: "ecdsa256",
    AuthMethod.ECDSA_384: "ecdsa384",
    AuthMethod.ECDSA_521: "ecdsa521",
}


def configuration(connection: Connection, pixit: Pixit, *, active: bool = False) -> str:
    """The content of iked.conf. With ``active`` it opens the IKE SA by itself after two seconds. Raises Unsupported."""
    return _globals(connection) + policy(connection, pixit, active=active)


def _globals(connection: Connection) -> str:
    no = {True: "", False: "no"}
    return (
        f"set {no[connection.fragment_size > 0]}fragmentation\n"
        f"set {no[connection.mobike]}mobike\n"
        f"set {no[connection.unique is Uniqueness.REPLACE]}enforcesingleikesa\n"
        "set dpd_check_interval 0\n" + _users(connection)
    )


def _users(connection: Connection) -> str:
    auth = connection.remote.auth
    if not isinstance(auth, Eap):
        return ""
    name = str(connection.remote.identity) if auth.identity is None else auth.identity
    try:
        secret = auth.secret.decode("ascii")
    except UnicodeDecodeError:
        raise unsupported("a password that is no ASCII") from None
    if not all(_QUOTABLE.fullmatch(text) for text in (name, secret)):
        raise unsupported(f"a name or password with quotes, backslashes or octets that cannot be printed: {name!r}")
    return f'user "{name}" "{secret}"\n'


def policy(connection: Connection, pixit: Pixit, *, active: bool = False) -> str:
    """The policy, on one line. Raises Unsupported."""
    child = only_child(connection)
    protocol, clauses = algorithms.child(child.proposals)
    words = [
        f'ikev2 "{_POLICY}" {"active" if active else "passive"} {child.mode.value} {protocol}',
        _flows(child, connection),
        f"local {connection.local_address or pixit.device_address}",
        f"peer {connection.remote_address or pixit.tester_address}",
        algorithms.ike(connection.proposals),
        clauses,
        f'srcid "{identity(connection.local.identity)}"',
        "" if connection.any_identity else f'dstid "{identity(connection.remote.identity)}"',
        f"ikelifetime {_seconds(connection.lifetime)}",
        f"lifetime {_seconds(child.lifetime)} bytes {_octets(child.lifetime_octets)}",
        _authentication(connection),
        _pools(connection),
    ]
    return " ".join(word for word in words if word) + "\n"


def only_child(connection: Connection) -> ChildConfig:
    """The Child SA of a connection. Raises Unsupported where there is not exactly one."""
    if len(connection.children) > 1:
        raise Unsupported(Capability.MULTIPLE_CHILDREN, "openiked", "a policy makes one Child SA of all its flows")
    if not connection.children:
        raise unsupported("a connection without any Child SA")
    return connection.children[0]


def identity(value: Identity) -> str:
    """An identity so that it is taken for what it is: iked guesses the type. Raises Unsupported."""
    text = str(value)
    if value.id_type in (IdType.IPV4_ADDR, IdType.IPV6_ADDR):
        return text
    if value.id_type == IdType.FQDN and _PLAIN.fullmatch(text) and not _LOOKS_LIKE_AN_ADDRESS.fullmatch(text):
        return text
    parts = text.split("@")
    if value.id_type == IdType.RFC822_ADDR and len(parts) == 2 and all(_PLAIN.fullmatch(part) for part in parts):
        return text
    raise unsupported(f"an identity of type {value.id_type} that reads {text!r}")


def _flows(child: ChildConfig, connection: Connection) -> str:
    found = {side: [_flow(one) for one in texts] for side, texts in (("l", child.local_ts), ("r", child.remote_ts))}
    protocols = {protocol for flows in found.values() for _, protocol, _ in flows}
    if len(protocols) > 1:
        raise unsupported("one protocol for all selectors, not " + " and ".join(map(str, sorted(protocols))))
    [protocol] = protocols
    words = [f"proto {protocol}"] if protocol else []
    # Dynamic ones would offer 0.0.0.0 alone, of which a gateway that narrows (RFC 7296, 2.9) can leave nothing.
    ours = ["0.0.0.0/0"] if connection.remote_pools else [f"{net}{port}" for net, _, port in found["l"]]
    theirs = [_DYNAMIC] if connection.local_pools else [f"{net}{port}" for net, _, port in found["r"]]
    pairs = [pair for pair in product(ours, theirs) if _DYNAMIC in pair or len({":" in one for one in pair}) == 1]
    if not pairs:
        raise unsupported("flows within one address family, not from " + " to ".join((*ours, *theirs)))
    words += [f"from {source} to {destination}" for source, destination in pairs]
    return " ".join(words)


def _flow(text: str) -> tuple[str, int, str]:
    match = _SELECTOR.fullmatch(text)
    if match is None:
        raise unsupported(f"a prefix and at most one port as a selector, not {text}")
    protocol = selector(text).protocol
    return match["net"], protocol, f" port {match['port']}" if match["port"] else ""


def _seconds(lifetime: float | None) -> int:
    """Zero: never."""
    return 0 if lifetime is None else max(1, ceil(lifetime / _SOONEST))


def _octets(lifetime: int | None) -> int:
    """Zero: any number. So many are enough, while a time is never cut short."""
    return 0 if lifetime is None else ceil(lifetime / _LATEST)


def _authentication(connection: Connection) -> str:
    ours, theirs = connection.local, connection.remote
    if isinstance(ours.auth, Psk) and isinstance(theirs.auth, Psk):
        if ours.auth.secret != theirs.auth.secret:
            raise unsupported("one shared key serves both directions, two were configured")
        if not ours.auth.secret:
            raise unsupported("a shared key without any octet")
        return f"psk 0x{ours.auth.secret.hex()}"
    if isinstance(theirs.auth, Eap) and isinstance(ours.auth, PublicKey):
        if "mschapv2" not in theirs.auth.methods:
            raise Unsupported(Capability.EAP, "openiked", f"has no EAP-{theirs.auth.methods[0]}")
        _method(ours)
        return 'eap "mschap-v2"'
    words = {_method(one) for one in (ours, theirs)}
    if len(words) > 1:
        raise unsupported("both sides authenticate in the same way: " + " and ".join(sorted(words)))
    return words.pop()


def _method(party: Party) -> str:
    auth = party.auth
    if isinstance(auth, Psk):
        return "psk"
    if isinstance(auth, Eap | NullAuth):
        raise Unsupported(Capability.EAP_PEER if isinstance(auth, Eap) else Capability.NULL_AUTH, "openiked")
    key = auth.chain[0].public_key() if auth.chain else None
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise Unsupported(Capability.ED25519, "openiked", f"cannot authenticate with a {type(key).__name__}")
    if auth.pss:
        raise Unsupported(Capability.RSA_PSS, "openiked")
    if auth.hash not in (None, HashAlgorithm.SHA2_256):
        raise unsupported(f"signatures with {auth.hash}: it knows SHA2-256 only")
    if auth.method == AuthMethod.RSA_SIGNATURE:
        return "rsa"
    if auth.method == AuthMethod.DIGITAL_SIGNATURE:
        return "rfc7427"
    return _CURVES.get(auth.method, "") if auth.method is not None else ""


def _pools(connection: Connection) -> str:
    if connection.remote_pool6 is not None:
        raise Unsupported(Capability.VIRTUAL_IP6, "openiked", "it asks for IPv4 addresses only")
    if connection.remote_pool is not None:
        return "request address any iface lo"
    inner = connection.local_inner
    told = {"address": connection.local_pools, "name-server": inner.dns, "protected-subnet": inner.subnets}
    return " ".join(f"config {word} {one}" for word, values in told.items() for one in values)


def public_key(connection: Connection) -> PublicKey | None:
    """How the device authenticates, if it is by a signature."""
    return connection.local.auth if isinstance(connection.local.auth, PublicKey) else None


def acquirable(connection: Connection) -> bool:
    """Whether traffic opens the IKE SA as well.

    iked finds the policy of a packet by IPv4 addresses and nothing else; a selector for everything tells no address
    that a packet could have; and where the peer demands another group, it begins anew only with an active policy.
    """
    child = only_child(connection)
    texts = (*child.local_ts, *child.remote_ts)
    plain = all("[" not in text and ":" not in text and not text.endswith("/0") for text in texts)
    pools = connection.remote_pools or connection.local_pools
    return plain and not pools and algorithms.has_one_group(connection.proposals)
