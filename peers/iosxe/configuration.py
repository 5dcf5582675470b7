"""The vendor-neutral connection as configuration of IOS XE.

There are two forms. Where the selectors of the Child SAs say which packets they carry, a static tunnel interface has an
access list as its policy (IOS XE 16.12 and later); its IPsec profile is ``responder-only`` until the order to initiate
comes, since a tunnel interface opens its IKE SA by itself. Where everything goes through the tunnel (GRE, inner
addresses of a pool, selectors ``0.0.0.0/0``), it is FlexVPN: a Virtual-Template answers, and the order to initiate adds
a tunnel interface of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address, ip_network

from conformance.ike.core.connection import ChildConfig, Connection, CookiePolicy, Mode, Party, Psk, PublicKey
from conformance.ike.core.selectors import selector
from conformance.wire import AuthMethod, IdType
from peers.capabilities import Capability
from peers.contract import Pixit, Unsupported
from peers.iosxe import algorithms
from peers.iosxe.algorithms import unsupported
from peers.iosxe.pki import AUTHORITY, OWN, method_of, parts_match, subject_match
from peers.iosxe.settings import Router
from peers.iosxe.words import access, domain, identity, matched, shared_key

EVERYTHING = "0.0.0.0/0"
_SHORTEST_LIFETIME = 120
_DPD = (10, 3600)
_KEEPALIVE = (5, 3600)
_MTU = (68, 1500)
_COOKIES = (1, 1000)


@dataclass(frozen=True, slots=True)
class Block:
    """A line of the global configuration with the lines of the mode that it opens."""

    header: str
    lines: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join((self.header, *(f" {line}" for line in self.lines)))


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a router is told for a connection, in an order in which nothing names what is not there yet.

    ``options`` are settings that a router has once. ``initiator`` comes when the order to initiate comes. ``pings``
    are the inner addresses whose packets call for a Child SA, by its name.
    """

    blocks: tuple[Block, ...]
    options: tuple[str, ...]
    initiator: tuple[Block, ...]
    pings: dict[str, str]
    needs_aaa: bool = False

    def __str__(self) -> str:
        return "\n".join(str(block) for block in self.blocks)


def configuration(wanted: Connection, pixit: Pixit, router: Router) -> Configuration:
    """What to tell the router. Raises Unsupported where IOS has no words for something."""
    return _Writer(wanted, pixit, router).written()


_SAID = frozenset(
    {
        *("name", "local", "remote", "proposals", "children", "trust", "local_address", "remote_address"),
        *("local_ports", "remote_ports", "local_pool", "remote_pool", "fragment_size", "cookies", "half_open_limit"),
        *("mobike", "childless", "force_encapsulation", "initial_contact", "dpd_delay", "keepalive", "lifetime"),
        *("retransmit_timeout", "retransmit_base", "retransmit_tries", "local_inner", "remote_inner"),
        *("local_routes", "remote_routes", "any_identity", "remote_domain", "remote_subject", "tunnels"),
    }
)
"""Fields that are written or refused below, or are the router's own affair."""


@dataclass(frozen=True, slots=True)
class _Writer:
    wanted: Connection
    pixit: Pixit
    router: Router

    @property
    def name(self) -> str:
        return self.router.prefix

    @property
    def tester(self) -> str:
        return self.wanted.remote_address or self.pixit.tester_address

    @property
    def device(self) -> str:
        return self.wanted.local_address or self.pixit.device_address

    @property
    def ipv6(self) -> bool:
        return ip_address(self.tester).version == 6

    @property
    def gre(self) -> bool:
        return bool(self.wanted.tunnels)

    def written(self) -> Configuration:
        self._refuse()
        flexible = self._flexible()
        answering, asking = (self._flexvpn(), self._dial()) if flexible else (self._by_policy(), self._unlock())
        return Configuration(
            blocks=(*self._ike(), *self._pool(), *self._profile(flexible), *self._ipsec(flexible), *answering),
            options=tuple(self._options()),
            initiator=tuple(asking),
            pings={child.name: _inside(child.remote_ts[0], self.pixit) for child in self.wanted.children},
            needs_aaa=self._authorizes(),
        )

    def _refuse(self) -> None:
        """Complain about what no line of a configuration would say."""
        wanted = self.wanted
        for one in fields(Connection):
            if one.name not in _SAID and getattr(wanted, one.name) != one.default:
                raise unsupported(f"without {one.name}")
        if wanted.local_ports != self.pixit.device_ports:
            raise unsupported(f"it listens on ports {self.pixit.device_ports}, not {wanted.local_ports}")
        for capability, asked in (
            (Capability.MOBIKE, wanted.mobike),
            (Capability.CHILDLESS, wanted.childless or not wanted.children),
            (Capability.FORCED_ENCAPSULATION, wanted.force_encapsulation),
            (Capability.COOKIE_ALWAYS, wanted.cookies is CookiePolicy.ALWAYS),
        ):
            if asked:
                raise Unsupported(capability, "iosxe")
        if not wanted.initial_contact:
            raise unsupported("it says INITIAL_CONTACT, whatever it is told")
        for child in wanted.children:
            if (child.mode is Mode.TRANSPORT) != self.gre:
                raise Unsupported(Capability.TRANSPORT, "iosxe", "a tunnel interface has it around GRE only")
        if len(wanted.children) > 1 and self.gre:
            raise Unsupported(Capability.MULTIPLE_CHILDREN, "iosxe", "a tunnel with GRE has one")

    def _flexible(self) -> bool:
        """Whether a Virtual-Template answers, which takes the selectors that the peer likes."""
        pools = self.wanted.local_pool is not None or self.wanted.remote_pool is not None
        open_wide = all((*child.local_ts, *child.remote_ts) == (EVERYTHING,) * 2 for child in self.wanted.children)
        return pools or self.gre or open_wide or self.router.selectors == "any"

    # --- IKE

    def _options(self) -> Iterator[str]:
        wanted = self.wanted
        if wanted.fragment_size:
            size = _within(wanted.fragment_size, _MTU, "an MTU for fragments")
            yield f"crypto ikev2 fragmentation mtu {size}"
        else:
            yield "no crypto ikev2 fragmentation"
        if wanted.cookies is CookiePolicy.UNDER_LOAD:
            yield f"crypto ikev2 cookie-challenge {_within(wanted.half_open_limit, _COOKIES, 'a limit for cookies')}"
        else:
            yield "no crypto ikev2 cookie-challenge"

    def _ike(self) -> Iterator[Block]:
        names = []
        for number, text in enumerate(self.wanted.proposals, 1):
            names.append(f"{self.name}-{number}")
            yield Block(f"crypto ikev2 proposal {names[-1]}", algorithms.ike(text))
        yield Block(
            f"crypto ikev2 policy {self.name}",
            (f"match address local {self.device}", *(f"proposal {one}" for one in names)),
        )
        local, remote = _proof(self.wanted.local), _proof(self.wanted.remote)
        if isinstance(local, Psk) or isinstance(remote, Psk):
            yield Block(f"crypto ikev2 keyring {self.name}", (f"peer {self.name}", *self._peer(local, remote)))
        if self._by_certificate_map():
            wanted = self.wanted
            lines = tuple(parts_match(wanted.remote_subject)) if wanted.remote_subject else ()
            yield Block(f"crypto pki certificate map {self.name} 10", lines or (subject_match(wanted.remote),))

    def _peer(self, local: Psk | PublicKey, remote: Psk | PublicKey) -> Iterator[str]:
        """The lines of a peer in a key ring: as initiator the router finds its key by address, else by identity."""
        mask = "" if self.ipv6 else " 255.255.255.255"
        yield f" address {self.tester}{'/128' if self.ipv6 else mask}"
        theirs = self.wanted.remote.identity
        if self.wanted.remote_domain:
            yield f" identity {domain(self.wanted.remote_domain)}"
        elif theirs.id_type != IdType.DER_ASN1_DN and not self.wanted.any_identity:
            yield f" identity {identity(theirs)}"
        if isinstance(local, Psk) and isinstance(remote, Psk) and local.secret == remote.secret:
            yield f" pre-shared-key {shared_key(local.secret)}"
            return
        for whose, auth in (("local", local), ("remote", remote)):
            if isinstance(auth, Psk):
                yield f" pre-shared-key {whose} {shared_key(auth.secret)}"

    def _matched(self) -> str:
        if self.wanted.remote_domain:
            return domain(self.wanted.remote_domain)
        return "any" if self.wanted.any_identity else matched(self.wanted.remote.identity)

    def _by_certificate_map(self) -> bool:
        remote = self.wanted.remote
        named = bool(self.wanted.remote_subject) or remote.identity.id_type == IdType.DER_ASN1_DN
        return named and isinstance(remote.auth, PublicKey)

    def _profile(self, flexible: bool) -> Iterator[Block]:
        wanted = self.wanted
        lines = [
            f"match certificate {self.name}"
            if self._by_certificate_map()
            else f"match identity remote {self._matched()}",
            f"identity local {_own(wanted.local)}",
            f"authentication remote {_method(_proof(wanted.remote))}",
            f"authentication local {_method(_proof(wanted.local))}",
        ]
        if isinstance(wanted.local.auth, Psk) or isinstance(wanted.remote.auth, Psk):
            lines.append(f"keyring local {self.name}")
        if isinstance(wanted.local.auth, PublicKey):
            lines.append(f"pki trustpoint {self.name}{OWN} sign")
        if isinstance(wanted.remote.auth, PublicKey):
            lines += [f"pki trustpoint {self.name}{AUTHORITY}{at} verify" for at in range(1, len(wanted.trust) + 1)]
        if wanted.lifetime is not None:
            lines.append(f"lifetime {_lifetime(wanted.lifetime)}")
        if wanted.dpd_delay is not None:
            delay = _within(wanted.dpd_delay, _DPD, "a time for DPD", Capability.DPD)
            lines.append(f"dpd {delay} 2 periodic")
        if wanted.keepalive is not None:
            lines.append(f"nat keepalive {_within(wanted.keepalive, _KEEPALIVE, 'an interval of NAT keepalives')}")
        if self._authorizes():
            kind = "psk" if isinstance(wanted.remote.auth, Psk) else "cert"
            lines.append(f"aaa authorization group {kind} list {self.name} {self.name}")
        if flexible:
            lines.append(f"virtual-template {self.router.number}")
        yield Block(f"crypto ikev2 profile {self.name}", (*lines, *self.router.profile_lines))

    def _authorizes(self) -> bool:
        """Whether there is something that only an authorization policy can say."""
        wanted = self.wanted
        return wanted.local_pool is not None or bool(wanted.local_routes or wanted.remote_routes)

    def _pool(self) -> Iterator[Block]:
        if not self._authorizes():
            return
        lines = []
        if self.wanted.local_pool is not None:
            pool = IPv4Network(self.wanted.local_pool)
            first, last = pool[1], pool[-2] if pool.num_addresses > 2 else pool[-1]
            yield Block(f"ip local pool {self.name} {first} {last}")
            lines.append(f"pool {self.name}")
        yield Block(f"aaa authorization network {self.name} local")
        inner = self.wanted.local_inner
        lines += [f"dns {' '.join(inner.dns[:2])}"] if inner.dns else []
        lines += ["route set interface", *map(_remote_route, self.wanted.local_routes)]
        lines += ["route accept any"] if self.wanted.remote_routes else []
        lines += self.router.authorization_lines
        yield Block(f"crypto ikev2 authorization policy {self.name}", tuple(lines))

    # --- IPsec

    def _ipsec(self, flexible: bool) -> Iterator[Block]:
        children = self.wanted.children
        texts = tuple(dict.fromkeys(text for child in children for text in child.proposals))
        if any(set(child.proposals) != set(children[0].proposals) for child in children):
            raise unsupported("all Child SAs of a tunnel have the same transform sets")
        mode = "transport" if children[0].mode is Mode.TRANSPORT else "tunnel"
        names = []
        for number, line in enumerate(algorithms.transform_sets(texts), 1):
            names.append(f"{self.name}-{number}")
            yield Block(f"crypto ipsec transform-set {names[-1]} {line}", (f"mode {mode}",))
        lines = [f"set transform-set {' '.join(names)}"]
        lifetimes = {child.lifetime for child in children}
        if len(lifetimes) > 1:
            raise Unsupported(Capability.LIFETIME, "iosxe", "one for each Child SA of a tunnel")
        if (lifetime := lifetimes.pop()) is not None:
            lines.append(f"set security-association lifetime seconds {_lifetime(lifetime)}")
        if group := algorithms.pfs(texts):
            lines.append(f"set pfs group{group}")
        lines.append(f"set ikev2-profile {self.name}")
        # A tunnel interface opens its IKE SA by itself; but a responder that never asks cannot rekey either.
        if not flexible and lifetime is None and self.wanted.lifetime is None:
            lines.append("responder-only")
        yield Block(f"crypto ipsec profile {self.name}", tuple(lines))

    def _tunnel_mode(self) -> str:
        if self.gre:
            return "tunnel mode gre ipv6" if self.ipv6 else "tunnel mode gre ip"
        if not self.ipv6:
            return "tunnel mode ipsec ipv4"
        inner = (network for child in self.wanted.children for network in _networks(child))
        return "tunnel mode ipsec ipv6" + (" v4-overlay" if any(isinstance(one, IPv4Network) for one in inner) else "")

    def _interface(self, kind: str, *more: str, address: str = "") -> Block:
        header = f"interface {kind}{self.router.number}" + (" type tunnel" if kind == "Virtual-Template" else "")
        return Block(
            header,
            (
                f"description {self.name}",
                address or f"ip unnumbered {self.router.behind}",
                f"tunnel source {self.router.interface}",
                self._tunnel_mode(),
                *more,
                f"tunnel protection ipsec profile {self.name}",
            ),
        )

    def _flexvpn(self) -> Iterator[Block]:
        yield self._interface("Virtual-Template")

    def _dial(self) -> Iterator[Block]:
        """The tunnel interface of an initiator, with routes into it."""
        wanted = self.wanted
        if self.router.selectors == "any" and not (wanted.local_pool or wanted.remote_pool):
            named = [text for child in wanted.children for text in (*child.local_ts, *child.remote_ts) if not self.gre]
            if any(text != EVERYTHING for text in named):
                return
        address = "ip address negotiated" if wanted.remote_pool is not None else ""
        yield self._interface("Tunnel", f"tunnel destination {self.tester}", address=address)
        yield from self._routes()

    def _by_policy(self) -> Iterator[Block]:
        lines = [line for child in self.wanted.children for line in access(child)]
        networks = [one for child in self.wanted.children for one in _networks(child)]
        if self.ipv6 or any(isinstance(one, IPv6Network) for one in networks):
            raise Unsupported(Capability.IPV6, "iosxe", "selectors in an access list are written for IPv4 only")
        yield Block(f"ip access-list extended {self.name}", tuple(lines))
        yield self._interface(
            "Tunnel", f"tunnel destination {self.tester}", f"tunnel protection ipsec policy ipv4 {self.name}"
        )
        yield from self._routes()

    def _unlock(self) -> Iterator[Block]:
        """What lets a tunnel interface initiate; that it goes down and up makes it forget how it failed before."""
        yield Block(f"crypto ipsec profile {self.name}", ("no responder-only",))
        yield Block(f"interface Tunnel{self.router.number}", ("shutdown", "no shutdown"))

    def _routes(self) -> Iterator[Block]:
        """The networks of the tester lie behind the tunnel, except those that hold its own address or ours."""
        texts = dict.fromkeys(text.partition("[")[0] for child in self.wanted.children for text in child.remote_ts)
        networks = [] if self.gre else [*texts]
        if not networks or EVERYTHING in networks:
            networks = list(self.pixit.tester_networks)
        for text in networks:
            network = ip_network(text) if "-" not in text else None
            keep = (ip_address(self.tester), ip_address(self.device), *_addresses(self.router.host))
            if isinstance(network, IPv4Network) and not any(one in network for one in keep):
                where = f"{network.network_address} {network.netmask} Tunnel{self.router.number}"
                yield Block(f"ip route {where} name {self.name}")


def _addresses(host: str) -> list[IPv4Address]:
    try:
        return [IPv4Address(host)]
    except ValueError:
        return []


def _networks(child: ChildConfig) -> Iterator[IPv4Network | IPv6Network]:
    for text in (*child.local_ts, *child.remote_ts):
        yield ip_network(text.partition("[")[0].partition("-")[0], strict=False)


def _inside(text: str, pixit: Pixit) -> str:
    """An address within a selector; with one that holds everything, within the tester's network."""
    one = selector(pixit.tester_networks[0] if text.startswith(EVERYTHING) else text)
    first = ip_address(one.start)
    return str(first if one.start == one.end else first + 1)


def _proof(party: Party) -> Psk | PublicKey:
    if party.further or not isinstance(party.auth, Psk | PublicKey):
        raise unsupported("it takes a shared key or a certificate of each side, once")
    if isinstance(party.auth, Psk) and party.auth.method != AuthMethod.SHARED_KEY_MIC:
        raise unsupported(f"it has no {party.auth.method!s}")
    return party.auth


def _method(auth: Psk | PublicKey) -> str:
    return "pre-share" if isinstance(auth, Psk) else method_of(auth)


def _own(party: Party) -> str:
    if party.identity.id_type == IdType.DER_ASN1_DN:
        if isinstance(party.auth, Psk):
            raise unsupported("a distinguished name goes with a certificate only")
        return "dn"
    return identity(party.identity)


def _lifetime(seconds: float) -> int:
    if seconds < _SHORTEST_LIFETIME:
        raise Unsupported(Capability.LIFETIME, "iosxe", f"none below {_SHORTEST_LIFETIME} s, not {seconds:g} s")
    return round(seconds)


def _within(value: float, limits: tuple[int, int], what: str, capability: Capability = Capability.CONFIGURABLE) -> int:
    if not limits[0] <= value <= limits[1] or value != int(value):
        raise Unsupported(capability, "iosxe", f"{what} from {limits[0]} to {limits[1]}, not {value:g}")
    return int(value)


def _remote_route(prefix: str) -> str:
    """The line that announces a network."""
    network = ip_network(prefix)
    if network.version == 6:
        return f"route set remote ipv6 {network}"
    return f"route set remote ipv4 {network.network_address} {network.netmask}"
