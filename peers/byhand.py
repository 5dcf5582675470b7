"""Devices that somebody has configured by hand, once: does a connection fit to what they have?"""

from collections.abc import Iterator
from dataclasses import fields, replace

from conformance.crypto.suite import transforms
from conformance.ike.core.connection import ChildConfig, Connection, CookiePolicy, Eap, Mode, Party, Psk, PublicKey
from conformance.wire import TransformType
from peers.capabilities import Capability
from peers.contract import Device, Pixit, Unsupported

_KE = TransformType.KE
_OWN_AFFAIR = frozenset(
    {
        *("name", "trust", "initial_contact", "retransmit_timeout", "retransmit_base", "retransmit_tries"),
        *("local", "remote", "proposals", "children", "local_pool", "remote_pool", "mobike", "childless", "narrowing"),
        *("follows_redirects", "any_identity", "remote_domain", "remote_network", "remote_subject"),
        "tunnels",
    }
)
"""Fields that are the device's own affair, or are compared in their own way."""


def as_configured(device: Device, wanted: Connection) -> Connection:
    """The connection that a device has, as it is configured, for a purpose that wants one.

    Raises Unsupported, naming the first difference, where it has another one.
    """
    if difference := next(_differences(device, wanted), ""):
        problem = f"it is configured by hand, {difference}"
        raise Unsupported(Capability.CONFIGURABLE, device.name, problem)
    algorithms = device.profile.algorithms
    children = tuple(replace(one, proposals=(*algorithms.esp, *algorithms.ah)) for one in wanted.children)
    return replace(wanted, proposals=algorithms.ike, children=children)


def _differences(device: Device, wanted: Connection) -> Iterator[str]:
    pixit = device.profile
    yield from _authentication(pixit, wanted)
    usual = Connection(
        wanted.local,
        wanted.remote,
        proposals=(),
        children=(),
        local_ports=pixit.device_ports,
        remote_ports=pixit.tester_ports,
    )
    for one in fields(Connection):
        theirs = getattr(wanted, one.name)
        if one.name in ("local_address", "remote_address"):
            if theirs is not None and theirs not in _addresses(pixit, one.name):
                yield f"for other addresses than {theirs}"
        elif one.name not in _OWN_AFFAIR and theirs != getattr(usual, one.name):
            yield f"without {one.name} = {theirs.value if isinstance(theirs, CookiePolicy) else theirs}"
    features = (
        (Capability.MOBIKE, wanted.mobike),
        (Capability.CHILDLESS, wanted.childless),
        (Capability.REDIRECT, wanted.follows_redirects),
        (Capability.ANY_IDENTITY, wanted.any_identity),
        (Capability.IDENTITY_DOMAIN, wanted.remote_domain),
        (Capability.IDENTITY_NETWORK, wanted.remote_network),
        (Capability.IDENTITY_SUBJECT, wanted.remote_subject),
    )
    for capability, asked in features:
        if asked and capability not in device.capabilities:
            yield f"without {capability}"
    if wanted.tunnels:
        yield "without GRE"
    for pool, has in ((wanted.local_pool, pixit.device_pool), (wanted.remote_pool, pixit.tester_pool)):
        if pool != has and pool is not None:
            yield f"without the pool {pool}"
    if len(wanted.children) > 1:
        yield f"with one Child SA, not {len(wanted.children)}"
    mode = Mode.TUNNEL if Capability.TUNNEL in device.capabilities else Mode.TRANSPORT
    for child in wanted.children:
        # Who gets an inner address has the selectors that come with it.
        local = child.local_ts if wanted.remote_pool is not None else pixit.device_networks[:1]
        remote = child.remote_ts if wanted.local_pool is not None else pixit.tester_networks[:1]
        yield from _child(child, mode, local, remote)
        groups = {one.type == _KE for text in pixit.algorithms.esp for one in transforms(text)}
        if True not in groups and any(one.type == _KE for text in child.proposals for one in transforms(text)):
            yield "without a key exchange for Child SAs"


def _authentication(pixit: Pixit, wanted: Connection) -> Iterator[str]:
    agreed = pixit.credentials
    for party, identity, whose in ((wanted.local, agreed.device, "its"), (wanted.remote, agreed.tester, "our")):
        if party.identity != identity:
            yield f"with {whose} identity {identity}, not {party.identity}"
        if isinstance(party.auth, Psk) and agreed.secret is None:
            yield "without a shared key"
        if isinstance(party.auth, Psk) and party.auth.secret != agreed.secret:
            yield "with another shared key"
        if isinstance(party.auth, PublicKey):
            yield from _certificate(pixit, party)
        if isinstance(party.auth, Eap):
            yield from _eap(pixit, party.auth)
    by_eap = isinstance(wanted.local.auth, Eap) or isinstance(wanted.remote.auth, Eap)
    if type(wanted.local.auth) is not type(wanted.remote.auth) and not by_eap:
        yield "with the same sort of authentication for both sides"


def _eap(pixit: Pixit, wanted: Eap) -> Iterator[str]:
    if wanted.secret != pixit.credentials.eap_secret:
        yield "with another EAP user"


def _certificate(pixit: Pixit, party: Party) -> Iterator[str]:
    agreed = pixit.credentials
    if agreed.ours is None:
        yield "without certificates"
    elif isinstance(party.auth, PublicKey) and (party.auth.raw is None) != (agreed.ours.raw is None):
        yield "without raw public keys" if agreed.ours.raw is None else "with raw public keys only"
    elif party.identity == agreed.tester and party.auth != replace(agreed.ours, key=getattr(party.auth, "key", None)):
        yield "with other certificates"


def _addresses(pixit: Pixit, name: str) -> tuple[str | None, ...]:
    if name == "local_address":
        return (pixit.device_inner or pixit.device_address, pixit.device_address6)
    return (pixit.tester_outer or pixit.tester_address, pixit.tester_address6)


def _child(child: ChildConfig, mode: Mode, local: tuple[str, ...], remote: tuple[str, ...]) -> Iterator[str]:
    if child.mode is not mode:
        yield f"in {mode.value} mode"
    for theirs, has in ((child.local_ts, local), (child.remote_ts, remote)):
        if theirs != has:
            yield f"with the selectors {', '.join(has)}, not {', '.join(theirs)}"
    if child.lifetime is not None:
        yield f"without a lifetime of {child.lifetime:g} s"
