"""The connections that purposes ask for: small builders that read like the configuration they stand for.

Each builder returns a `Setup`: given how a device is reached, it makes *our* view of the connection; the device gets
the mirrored one. Keyword arguments replace fields of `Connection`; ``esp`` (proposals), ``local_ts``, ``remote_ts``,
``mode`` and ``child_lifetime`` are those of its Child SA. Algorithms are those that the device likes most,
unless ``proposals`` and ``esp`` name others, or a role (`suites.choices`).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from threading import RLock
from typing import Any, Literal

from cryptography import x509

from conformance.crypto.pki import Authority, Leaf, cached_key, key_info, new_key
from conformance.eap.making import OF_CARDS
from conformance.ike.core.connection import (
    Authorization,
    ChildConfig,
    Connection,
    Eap,
    Identity,
    NullAuth,
    Party,
    Psk,
    PublicKey,
)
from conformance.script.verdict import NotApplicable
from conformance.wire import IdType
from peers.capabilities import Capability
from peers.contract import Pixit, Unsupported
from peers.credentials import CARD, EAP_SECRET, IMSI, SECRET
from suites.choices import chosen, esp, own

Setup = Callable[[Pixit], Connection]
Role = Literal["initiator", "responder"]

_CHILD_FIELDS = {
    "esp": "proposals",
    "local_ts": "local_ts",
    "remote_ts": "remote_ts",
    "mode": "mode",
    "child_lifetime": "lifetime",
    "lifetime_packets": "lifetime_packets",
    "lifetime_octets": "lifetime_octets",
    "idle_timeout": "idle_timeout",
    "lifetime_jitter": "lifetime_jitter",
}


def authority(kind: str = "ecdsa") -> Authority:
    """The certificate authority that both sides trust, one for each kind of key (``rsa``, ``ecdsa``, ``ed25519``)."""
    with _MAKING:
        return _authority(kind)


def leaf(name: str, kind: str = "ecdsa") -> Leaf:
    """The key and certificate of one side."""
    with _MAKING:
        return _leaf(name, kind)


_MAKING = RLock()
"""Pairs of devices are tried side by side, and all must know the same authority."""


@lru_cache(maxsize=16)
def _authority(kind: str) -> Authority:
    return Authority.create(f"ikespec {kind} CA", kind=kind)


@lru_cache(maxsize=1)
def _second_authority() -> Authority:
    return Authority.create("ikespec second CA")


@lru_cache(maxsize=8)
def _second_leaf(name: str) -> Leaf:
    return _second_authority().issue(name, sans=[name], key=new_key("ecdsa"))


@lru_cache(maxsize=64)
def _leaf(name: str, kind: str) -> Leaf:
    return _authority(kind).issue(name, kind=kind, sans=[name])


def build(local: Party, remote: Party, pixit: Pixit, *, ipv6: bool = False, **changes: Any) -> Connection:
    """A connection between us and the device, with ``changes`` to its fields or those of its first Child SA."""
    child_changes = {name: changes.pop(word) for word, name in _CHILD_FIELDS.items() if word in changes}
    proposals = chosen(changes.pop("proposals", own), pixit.algorithms)
    esp_proposals = chosen(child_changes.pop("proposals", esp), pixit.algorithms)
    child = ChildConfig("net", esp_proposals, pixit.tester_networks[:1], pixit.device_networks[:1])
    ours, device = pixit.tester_address, pixit.device_address
    if ipv6:
        if pixit.tester_address6 is None or pixit.device_address6 is None:
            raise Unsupported(Capability.IPV6, detail="it has no IPv6 address")
        ours, device = pixit.tester_address6, pixit.device_address6
    connection = Connection(
        local=local,
        remote=remote,
        local_address=ours,
        remote_address=device,
        local_ports=pixit.tester_ports,
        remote_ports=pixit.device_ports,
        proposals=proposals,
        children=(replace(child, **child_changes),),
        retransmit_timeout=max(0.5, pixit.response_timeout / 4),
    )
    return replace(connection, **changes)


def changed(connection: Connection, changes: Mapping[str, Any]) -> Connection:
    """A connection with other fields, or other fields of all its Child SAs, by the words above."""
    of_children = {name: changes[word] for word, name in _CHILD_FIELDS.items() if word in changes}
    children = tuple(replace(one, **of_children) for one in connection.children)
    own = {word: value for word, value in changes.items() if word not in _CHILD_FIELDS}
    return replace(connection, **{"children": children, **own})


def usual(**changes: Any) -> Setup:
    """Both sides authenticate as they usually do: with a shared key, or with certificates if they have no such key."""

    def setup(pixit: Pixit) -> Connection:
        keyless = pixit.credentials.secret is None and pixit.credentials.ours is not None
        return (certificates if keyless else psk)(**changes)(pixit)

    return setup


def psk(*, secret: bytes | None = None, **changes: Any) -> Setup:
    """Both sides authenticate with a shared key, the one that they have or another one."""

    def setup(pixit: Pixit) -> Connection:
        local, remote = shared_key(pixit)
        if secret is not None:
            local, remote = (replace(one, auth=Psk(secret)) for one in (local, remote))
        return build(local, remote, pixit, **changes)

    return setup


def shared_key(pixit: Pixit) -> tuple[Party, Party]:
    """We and the device, with the shared key that both know."""
    agreed = pixit.credentials
    auth = Psk(SECRET if agreed.secret is None else agreed.secret)
    return Party(agreed.tester, auth), Party(agreed.device, auth)


def certified(pixit: Pixit, kind: str | None = None) -> tuple[Party, Party, tuple[x509.Certificate, ...]]:
    """We and the device, with certificates, and the authorities above them.

    They are made unless the device knows others; then the kind must be that of our key. Raises NotApplicable.
    """
    agreed = pixit.credentials
    if agreed.ours is None:
        kind = kind or "ecdsa"
        made = [leaf(str(name), kind) for name in (agreed.tester, agreed.device)]
        ours, device = (PublicKey((one.certificate,), one.key) for one in made)
        return Party(agreed.tester, ours), Party(agreed.device, device), (authority(kind).certificate,)
    if kind not in (None, agreed.kind):
        raise NotApplicable(f"our certificate has a key of the kind {agreed.kind}, not {kind}")
    return Party(agreed.tester, agreed.ours), Party(agreed.device, PublicKey(())), agreed.trust


def certificates(kind: str | None = None, **changes: Any) -> Setup:
    """Both sides authenticate with certificates; ``kind`` is that of our key as in `authority`, None: any."""

    def setup(pixit: Pixit) -> Connection:
        ours, device, trust = certified(pixit, kind)
        return build(ours, device, pixit, **{"trust": trust, **changes})

    return setup


def raw_keys(kind: str = "ecdsa", **changes: Any) -> Setup:
    """Both sides know the public key of the other, and show theirs in place of a certificate (RFC 7670)."""

    def setup(pixit: Pixit) -> Connection:
        agreed = pixit.credentials
        parties = []
        for name in (agreed.tester, agreed.device):
            with _MAKING:
                key = cached_key(kind, f"raw key of {name}")
            parties.append(Party(name, PublicKey((), key, raw=key_info(key))))
        return build(parties[0], parties[1], pixit, **changes)

    return setup


def two_certificates(**changes: Any) -> Setup:
    """The device has two certificates of two authorities, both of which we trust; we have one."""

    def setup(pixit: Pixit) -> Connection:
        ours, device, trust = certified(pixit, "ecdsa")
        assert isinstance(device.auth, PublicKey)
        if not device.auth.chain:
            raise NotApplicable("its certificates are made elsewhere")
        with _MAKING:
            made = _second_leaf(str(device.identity))
        auth = replace(device.auth, others=(PublicKey((made.certificate,), made.key),))
        above = (*trust, second_authority().certificate)
        return build(ours, replace(device, auth=auth), pixit, **{"trust": above, **changes})

    return setup


def second_authority() -> Authority:
    """The authority of the device's second certificate."""
    with _MAKING:
        return _second_authority()


def eap(*methods: str, device: Role = "responder", only: bool = False, **changes: Any) -> Setup:
    """The initiator authenticates with EAP, the responder with a certificate, or with ``only`` by the same method.

    ``device`` is the role of the device: as responder it is the EAP server and we are its peer. The method is the one
    of ``methods`` (without any: of all) that it likes most; ``eap_changes`` replace fields of `Eap`. Raises
    NotApplicable where there is none.
    """
    changes_of_eap = changes.pop("eap_changes", {})

    def setup(pixit: Pixit) -> Connection:
        agreed = pixit.credentials
        found = [one for one in pixit.eap if not methods or one in methods]
        if not found:
            raise NotApplicable(f"it has none of the EAP methods {', '.join(methods)}" if methods else "it has no EAP")
        us, them, trust = certified(pixit)
        secret = EAP_SECRET if agreed.eap_secret is None else agreed.eap_secret
        name = None if found[0] == "tls" else agreed.eap_identity  # its certificate says who it is
        if found[0] in OF_CARDS:
            name, secret = OF_CARDS[found[0]] + IMSI, CARD
        by_eap = Eap(tuple(found[:1]), secret, name)
        pair = [us, them]
        user = 0 if device == "responder" else 1
        for at in (0, 1) if only else (user,):
            shown = pair[at].auth
            assert isinstance(shown, PublicKey)
            auth = replace(by_eap, certificate=shown, **changes_of_eap)
            pair[at] = replace(pair[at], auth=auth if at == user else replace(auth, asked=False))
        return build(pair[0], pair[1], pixit, **{"trust": trust, **changes})

    return setup


AAA_POOL = "10.77.9.0/24"
"""From which an AAA server grants inner addresses where the device has no pool of its own."""


def by_aaa(method: str = "mschapv2", *, servers: int = 1, **changes: Any) -> Setup:
    """The device asks AAA servers of ours, which authenticate us with EAP; it has a certificate.

    ``eap_changes`` replace fields of `Eap`. Raises NotApplicable for a method whose server has no certificate.
    """
    changes_of_eap = changes.pop("eap_changes", {})

    def setup(pixit: Pixit) -> Connection:
        agreed = pixit.credentials
        us, them, trust = certified(pixit)
        assert isinstance(us.auth, PublicKey) and isinstance(them.auth, PublicKey)
        if method.split("-")[0] in ("tls", "ttls", "peap") and them.auth.key is None:
            raise NotApplicable("nobody has given us a certificate for the AAA server")
        secret = EAP_SECRET if agreed.eap_secret is None else agreed.eap_secret
        name = None if method == "tls" else agreed.eap_identity
        if method in OF_CARDS:
            name, secret = OF_CARDS[method] + IMSI, CARD
        auth = replace(Eap((method,), secret, name, certificate=us.auth, aaa=servers), **changes_of_eap)
        inner = {"remote_pool": pixit.device_pool or AAA_POOL, "local_ts": ("0.0.0.0/0",)}
        waits = {"retransmit_tries": 7}  # the device waits itself, for the server
        return build(replace(us, auth=auth), them, pixit, **{"trust": trust, **inner, **waits, **changes})

    return setup


def key_by_aaa(
    *,
    servers: int = 1,
    secret: bytes | None = None,
    theirs: bytes | None = None,
    name: Identity | None = None,
    **changes: Any,
) -> Setup:
    """The device asks AAA servers of ours for the shared key, by our identity, or by ``name`` in its place.

    ``secret`` is another key than the usual one, ``theirs`` one of the device's own.
    """

    def setup(pixit: Pixit) -> Connection:
        us, them = shared_key(pixit)
        assert isinstance(us.auth, Psk)
        ours = replace(us.auth, secret=us.auth.secret if secret is None else secret, aaa=servers)
        them = replace(them, auth=Psk(ours.secret if theirs is None else theirs))
        us = replace(
            us, auth=ours, identity=Identity.of(name) if isinstance(name, str) and name else name or us.identity
        )
        inner = {"remote_pool": pixit.device_pool or AAA_POOL, "local_ts": ("0.0.0.0/0",)}
        return build(us, them, pixit, **{**inner, "retransmit_tries": 7, **changes})

    return setup


def authorized(asks: Authorization, of: Setup | None = None) -> Setup:
    """The device asks an AAA server of ours about us once we have proved who we are, by a certificate or as ``of``."""

    def setup(pixit: Pixit) -> Connection:
        inner: dict[str, Any] = {"remote_pool": pixit.device_pool or AAA_POOL, "local_ts": ("0.0.0.0/0",)}
        found = (of or certificates(retransmit_tries=7, **inner))(pixit)
        return replace(found, authorization=asks)

    return setup


def nobody(*, ours: bool = True, theirs: bool = True, **changes: Any) -> Setup:
    """One side or both do not say who they are (RFC 7619); the other one has a certificate."""

    def setup(pixit: Pixit) -> Connection:
        anonymous = Party(Identity(IdType.NULL, b""), NullAuth())
        us, them, trust = (anonymous, anonymous, ()) if ours and theirs else certified(pixit)
        return build(anonymous if ours else us, anonymous if theirs else them, pixit, **{"trust": trust, **changes})

    return setup


def proving(first: Setup, *further: Setup, device: Role = "responder", **changes: Any) -> Setup:
    """The initiator proves what it proves in each of these connections, one after the other (RFC 4739).

    ``device`` is the role of the device.
    """

    def setup(pixit: Pixit) -> Connection:
        side = "local" if device == "responder" else "remote"
        found = first(pixit)
        others = tuple(getattr(one(pixit), side) for one in further)
        trust = tuple(dict.fromkeys(each for one in (first, *further) for each in one(pixit).trust))
        proved = replace(getattr(found, side), further=others)
        return replace(found, **{side: proved, "trust": trust, **changes})

    return setup


def two_children(**changes: Any) -> Setup:
    """Two Child SAs, each for a part of our network."""
    return several_children("net", "other", **changes)


def several_children(*names: str, **changes: Any) -> Setup:
    """A Child SA of each of these names, sixteen at most, each for sixteen addresses of our network."""

    def setup(pixit: Pixit) -> Connection:
        network = pixit.tester_networks[0].rpartition(".")[0]
        parts = [f"{network}.{16 * number}/28" for number in range(len(names))]
        ours = tuple(
            ChildConfig(name, esp(pixit.algorithms), (ts,), pixit.device_networks[:1])
            for name, ts in zip(names, parts, strict=True)
        )
        return usual(children=ours, **changes)(pixit)

    return setup
