"""The vendor-neutral description of a connection, as one side sees it.

The same value configures the scripted peer, the reference device and, through its adapter, every device under test.
Algorithms are written in the keywords that the field knows (``aes128gcm16-prfsha256-x25519``), traffic selectors as
prefixes with an optional protocol and port (``10.2.0.0/24[tcp/80]``).
"""

from dataclasses import dataclass, field, replace
from enum import Enum
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from conformance.wire import AuthMethod, HashAlgorithm, IdType


@dataclass(frozen=True, slots=True)
class Identity:
    """An IKE identity: what ID payloads carry (RFC 7296, section 3.5)."""

    id_type: IdType
    data: bytes

    @classmethod
    def of(cls, text: str) -> "Identity":
        """Read an identity the way VPN configurations write it: an address, a mail address, or a domain name."""
        try:
            address = ip_address(text)
        except ValueError:
            kind = IdType.RFC822_ADDR if "@" in text else IdType.FQDN
            return cls(kind, text.encode())
        return cls(IdType.IPV4_ADDR if address.version == 4 else IdType.IPV6_ADDR, address.packed)

    def __str__(self) -> str:
        if self.id_type in (IdType.IPV4_ADDR, IdType.IPV6_ADDR) and len(self.data) in (4, 16):
            return str(ip_address(self.data))
        if self.id_type == IdType.DER_ASN1_DN:
            return "DN:" + self.data.hex()
        return self.data.decode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True)
class Psk:
    """Authentication by a shared key (RFC 7296, section 2.15). ``method``: another one may have the same syntax.

    ``aaa``: the responder does not have the key, but asks so many AAA servers at the initiator's address for it.
    """

    secret: bytes = field(repr=False)
    method: AuthMethod = AuthMethod.SHARED_KEY_MIC
    aaa: int = 0


@dataclass(frozen=True, slots=True)
class NullAuth:
    """No authentication: nobody says who he is (RFC 7619)."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Authentication by a signature.

    ``chain`` is the end-entity certificate followed by its intermediates. ``key`` is the private key and is known for
    one's own side only. ``raw`` takes the place of a chain: the SubjectPublicKeyInfo in DER that both have agreed on
    (RFC 7670). ``url`` with the SHA-1 of a certificate in hexadecimal behind it is where each of the chain is found,
    empty: nowhere. ``others`` are what the same party may show and sign with in place of this one, where the peer asks
    for a certificate of another authority (RFC 7296, section 3.7).

    ``method`` None lets RFC 7427 decide when both sides announce it and falls back to the classic method of the key;
    ``hash`` None takes the strongest hash that the peer announced.
    """

    chain: tuple[x509.Certificate, ...]
    key: PrivateKeyTypes | None = field(default=None, repr=False)
    method: AuthMethod | None = None
    hash: HashAlgorithm | None = None
    pss: bool = False
    raw: bytes | None = None
    url: str = ""
    others: "tuple[PublicKey, ...]" = ()


@dataclass(frozen=True, slots=True)
class Eap:
    """Authentication by EAP (RFC 7296, section 2.16).

    ``methods`` are words of `conformance.eap`, most preferred first: what the server offers, and what the peer takes.
    ``identity`` is the name in EAP, None: that of IKE; ``asked``: the server asks for it. ``secret`` is the password or
    key of the method. ``certificate`` is what this side shows in a method that uses TLS. ``aaa``: the responder leaves
    all of it to an AAA server at the initiator's address (RFC 3579), or to the first of so many that answers.
    ``indications``: in SIM and AKA both sides want to be told protected that the other one is content. ``renewals``: in
    SIM and AKA the server hands out an identity for fast re-authentication, and takes it the next time.
    """

    methods: tuple[str, ...]
    secret: bytes = field(default=b"", repr=False)
    identity: str | None = None
    asked: bool = True
    certificate: PublicKey | None = None
    aaa: int = 0
    indications: bool = False
    renewals: bool = False


Credential = Psk | PublicKey | Eap | NullAuth


@dataclass(frozen=True, slots=True)
class Authorization:
    """What a responder asks an AAA server at the initiator's address about who has proved who he is, as FlexVPN does.

    ``user`` and ``group`` say what of his identity it asks about, None: it does not. ``cached``: what the server has
    granted along with the key or at the end of EAP counts, too. Of what is granted in several ways that for the user
    counts, then what is cached, then that for the group, or with ``group_first`` that before both.

    What it asks about is ``all`` of the identity, or a part of it for each kind of identity: ``fqdn:host``,
    ``fqdn:domain``, ``email:user``, ``email:domain``, ``eap:user``, ``eap:realm``, ``dn:common-name``, ``dn:country``,
    ``dn:locality``, ``dn:state``, ``dn:organization``, ``dn:organization-unit``, ``dn:domain``, with blanks between
    them; or the same name for everybody, with ``=`` before it.
    """

    user: str | None = None
    group: str | None = None
    cached: bool = False
    group_first: bool = False


@dataclass(frozen=True, slots=True)
class Party:
    """One end of a connection: who it is and how it proves that.

    Where the initiator uses EAP, the responder has a `PublicKey`, or EAP as well: then it proves itself by the method
    alone (RFC 5998). ``further`` is what an initiator proves after that, one after the other (RFC 4739).
    """

    identity: Identity
    auth: Credential
    further: tuple["Party", ...] = ()


class Mode(Enum):
    """How a Child SA carries packets (RFC 7296, section 1.3.1: USE_TRANSPORT_MODE)."""

    TUNNEL = "tunnel"
    TRANSPORT = "transport"


@dataclass(frozen=True, slots=True)
class ChildConfig:
    """A Child SA that a connection may hold. Lifetimes in seconds, None: the side never rekeys by itself.

    ``lifetime_packets`` and ``lifetime_octets`` are what either of its SAs may carry before the side rekeys it. With
    all three there is more before an SA is over, whether replaced or not (RFC 4301, section 4.4.2.1): `over`.
    ``idle_timeout`` are the seconds without a packet after which the side deletes it, None: never. A rekey is sooner by
    up to ``lifetime_jitter`` seconds, by chance (RFC 7296, section 2.8.1).
    """

    name: str
    proposals: tuple[str, ...]
    local_ts: tuple[str, ...] = ("10.1.0.0/24",)
    remote_ts: tuple[str, ...] = ("10.2.0.0/24",)
    mode: Mode = Mode.TUNNEL
    lifetime: float | None = None
    lifetime_packets: int | None = None
    lifetime_octets: int | None = None
    idle_timeout: float | None = None
    lifetime_jitter: float = 0.0

    def mirrored(self) -> "ChildConfig":
        """The same Child SA as the other side describes it."""
        return replace(self, local_ts=self.remote_ts, remote_ts=self.local_ts)


@dataclass(frozen=True, slots=True)
class GreTunnel:
    """A GRE tunnel of both sides (RFC 2784, RFC 2890), whatever Child SA protects it.

    It ends at ``local`` and ``remote``, addresses of one family; the networks of the other side are reached through it.
    ``key``, ``checksum`` and ``sequence`` say which optional fields both sides write and expect.
    """

    local: str
    remote: str
    local_networks: tuple[str, ...] = ()
    remote_networks: tuple[str, ...] = ()
    key: int | None = None
    checksum: bool = False
    sequence: bool = False

    @property
    def simple(self) -> bool:
        """IPv4 in IPv4, in a header without optional fields."""
        bare = self.key is None and not self.checksum and not self.sequence
        return bare and not any(":" in one for one in (self.local, *self.local_networks, *self.remote_networks))

    def mirrored(self) -> "GreTunnel":
        """The same tunnel as the other side describes it."""
        return replace(
            self,
            local=self.remote,
            remote=self.local,
            local_networks=self.remote_networks,
            remote_networks=self.local_networks,
        )


@dataclass(frozen=True, slots=True)
class InnerNetwork:
    """What a responder tells of its network beside an inner address (RFC 7296, section 3.15.1).

    ``dns`` are addresses of name servers of either family, ``nbns`` those of NetBIOS, ``domains`` the names that only
    name servers inside know (RFC 8598), ``resolver`` the name under which they do DNS over TLS, if they do (RFC 9464),
    ``subnets`` the prefixes behind it.
    ``resolver_key`` is the SubjectPublicKeyInfo of the resolver's certificate, whose digest is told to whoever asks.
    ``private`` are attributes of one maker by their numbers, such as the banner of Cisco's clients, each as often as it
    is to be sent.
    """

    dns: tuple[str, ...] = ()
    nbns: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    resolver: str = ""
    resolver_key: bytes = b""
    subnets: tuple[str, ...] = ()
    private: tuple[tuple[int, bytes], ...] = ()


def over(lifetime: float) -> float:
    """When an SA is over whose replacement is due after so many seconds, packets or octets, and fails."""
    return lifetime * 1.5 + 5


class Uniqueness(Enum):
    """What a new IKE SA of an identity means for an older one of the same identity (RFC 7296, section 2.4)."""

    NOTIFIED = "notified"
    """Nothing, unless the initiator says INITIAL_CONTACT."""
    REPLACE = "replace"
    """The older one is deleted."""
    KEEP = "keep"
    """The new one is refused."""


class CookiePolicy(Enum):
    """When a responder asks for a cookie (RFC 7296, section 2.6)."""

    NEVER = "never"
    UNDER_LOAD = "under-load"
    ALWAYS = "always"


class RedirectWhen(Enum):
    """In which exchange a responder sends initiators away (RFC 5685, sections 3 and 6)."""

    INIT = "ike_sa_init"
    AUTH = "ike_auth"


@dataclass(frozen=True, slots=True)
class Redirection:
    """Where a responder sends initiators: the address or name of another gateway, or of one among ``others``."""

    gateway: str
    when: RedirectWhen = RedirectWhen.INIT
    others: tuple[str, ...] = ()

    @property
    def gateways(self) -> tuple[str, ...]:
        """All of them."""
        return (self.gateway, *self.others)


class Revocation(Enum):
    """What a side asks before it takes a certificate (RFC 5280, section 6.3; RFC 6960)."""

    OFF = "off"
    """Nothing, or what it always asks."""
    RELAXED = "relaxed"
    """That the certificate is not known to be revoked."""
    STRICT = "strict"
    """That each certificate below the trust anchor is known not to be revoked."""


@dataclass(frozen=True, slots=True)
class Connection:
    """One side's configuration of an IKE SA and its Child SAs.

    ``trust`` are the certificate authorities that this side accepts for the other. ``fragment_size`` is the largest IP
    datagram in octets that IKE fragmentation produces (RFC 7383), 0 switches fragmentation off. ``fragment_probes`` are
    the smaller sizes that whoever begins an exchange tries in turn where no response comes: path MTU discovery.
    ``dpd_delay`` is the silence in seconds after which liveness is checked, None: never. ``lifetime`` in seconds as in
    `ChildConfig`. ``keepalive`` is the time in seconds without a packet after which a side behind a NAT sends a NAT
    keepalive, None: never. The ports are those for plain IKE and for IKE and ESP in UDP (RFC 3948).
    ``half_open_limit`` is the number of half-open IKE SAs from which `CookiePolicy.UNDER_LOAD` asks for cookies.

    ``local_pool`` is an IPv4 prefix (``10.77.0.0/24``) from which this side assigns an inner address to the initiator,
    ``remote_pool`` one from which the other side does: then this side, as initiator, asks for an address (RFC 7296,
    section 2.19); ``local_pool6`` and ``remote_pool6`` are the same of IPv6. The addresses of a pool of IPv4 are the
    hosts of its prefix, all but the first and the last address. Of ``local_links`` and ``remote_links``,
    prefixes of IPv6, each client gets one of 64 bits for a virtual link (RFC 5739). Whoever gets the address has the
    selectors that it asks for in its Child SAs (``0.0.0.0/0``), and the responder narrows them to the address.
    ``local_inner`` is what this side says of its network to whoever asks for an address, ``remote_inner`` what it asks
    for.
    ``local_routes`` are prefixes that this side announces when the IKE SA is up, as FlexVPN does it, ``remote_routes``
    those of the other side: whoever expects some takes them. With ``routes_in_auth`` this side asks for those of the
    other by CFG_REQUEST in IKE_AUTH, and tells its own there to whoever asks, in place of a CFG_SET. With ``narrowing``
    this side narrows selectors that are wider than its own; without it, it may. With ``cert_lookup`` it fetches
    certificates of the other that come by hash and URL, and says so (RFC 7296, section 3.6).

    ``revocation`` is what this side asks of the other's certificates. With ``ocsp_in_ike`` it asks for an OCSP response
    in IKE_AUTH, and sends one where it is asked (RFC 4806).

    The responder demands by AUTH_LIFETIME that the initiator authenticates again within ``auth_lifetime`` seconds
    (RFC 4478), the initiator does so by itself after ``reauth_lifetime``. With ``make_before_break`` it has the new IKE
    SA before it deletes the old one, without it afterwards, None: as it likes. ``unique`` is what this side does about
    several IKE SAs of one identity. ``dpd_on_demand``: liveness is checked only where something has been sent.

    The initiator goes to one of ``backup_addresses``, in their order, where the peer at ``remote_address`` does not
    answer any more, and after ``return_after`` seconds there looks whether the first one is back.

    With ``any_identity`` this side lets in whoever proves itself as ``remote`` does (with its secret, or with a
    certificate of ``trust``), under any name: so a gateway has many clients.

    With ``remote_domain`` that holds for the hosts of a domain (``example.org``: whoever is called something before
    ``.example.org``), with ``remote_network`` for whoever is called by an address of this prefix, where of several
    connections the one with the longest prefix counts, with ``remote_subject`` for whoever is called by a distinguished
    name with these attributes in this order (``("O", "example"), ("OU", "branch"), ("CN", "*")``), where ``*`` is any
    value.

    ``beside`` are connections with other peers that it has at the same time, at the same address and with the same
    proposals: as responder it goes on with that for the identity that the initiator claims. One for just this identity
    goes before those for some, and these before one for any.

    ``authorization`` is what it asks about who has proved who he is; ``aaa_name`` by which name it asks an AAA server
    for a shared key (`Authorization`). ``named_pools`` are IPv4 prefixes from which it assigns addresses where that
    server names them; ``named_filters`` are prefixes on its side, all that a user for whom the filter is named reaches.

    ``tunnels`` are the GRE tunnels between the two sides.

    As responder it has no more IKE SAs than ``ike_sa_limit`` at once, and none of its IKE SAs has more Child SAs than
    ``child_sa_limit``; None: as many as it likes. With ``reopens`` it opens an IKE SA that it has opened once again
    when the peer has closed it or is lost, and a Child SA that the peer has closed. With ``answers_only`` it opens
    nothing and rekeys nothing by itself: what nobody else rekeys is over when its time is.

    With ``follows_redirects`` the initiator says that it may be sent to another gateway, and goes there; with
    ``redirect`` the responder sends it (RFC 5685).
    """

    local: Party
    remote: Party
    name: str = "ikespec"
    proposals: tuple[str, ...] = field(kw_only=True)
    children: tuple[ChildConfig, ...] = field(kw_only=True)
    trust: tuple[x509.Certificate, ...] = ()
    local_address: str | None = None
    remote_address: str | None = None
    local_ports: tuple[int, int] = (500, 4500)
    remote_ports: tuple[int, int] = (500, 4500)
    fragment_size: int = 1280
    fragment_probes: tuple[int, ...] = ()
    mobike: bool = False
    force_encapsulation: bool = False
    childless: bool = False
    initial_contact: bool = True
    cookies: CookiePolicy = CookiePolicy.UNDER_LOAD
    half_open_limit: int = 10
    dpd_delay: float | None = None
    keepalive: float | None = 20.0
    lifetime: float | None = None
    retransmit_timeout: float = 1.0
    retransmit_base: float = 1.5
    retransmit_tries: int = 3
    local_pool: str | None = None
    remote_pool: str | None = None
    local_pool6: str | None = None
    remote_pool6: str | None = None
    local_links: str | None = None
    remote_links: str | None = None
    local_inner: InnerNetwork = InnerNetwork()
    remote_inner: InnerNetwork = InnerNetwork()
    local_routes: tuple[str, ...] = ()
    remote_routes: tuple[str, ...] = ()
    routes_in_auth: bool = False
    narrowing: bool = False
    revocation: Revocation = Revocation.OFF
    ocsp_in_ike: bool = False
    authorization: Authorization | None = None
    aaa_name: str = "all"
    named_pools: tuple[tuple[str, str], ...] = ()
    named_filters: tuple[tuple[str, str], ...] = ()
    auth_lifetime: float | None = None
    reauth_lifetime: float | None = None
    make_before_break: bool | None = None
    unique: Uniqueness = Uniqueness.NOTIFIED
    dpd_on_demand: bool = False
    backup_addresses: tuple[str, ...] = ()
    return_after: float | None = None
    follows_redirects: bool = False
    redirect: Redirection | None = None
    cert_lookup: bool = False
    any_identity: bool = False
    remote_domain: str = ""
    remote_network: str = ""
    remote_subject: tuple[tuple[str, str], ...] = ()
    beside: tuple["Connection", ...] = ()
    tunnels: tuple[GreTunnel, ...] = ()
    ike_sa_limit: int | None = None
    child_sa_limit: int | None = None
    reopens: bool = False
    answers_only: bool = False

    @property
    def every(self) -> tuple["Connection", ...]:
        """All connections of the device: this one, and those beside it."""
        return (self, *self.beside)

    @property
    def every_tunnel(self) -> tuple[GreTunnel, ...]:
        """The GRE tunnels of all of them."""
        return tuple(tunnel for one in self.every for tunnel in one.tunnels)

    def patience(self) -> float:
        """Seconds after which a request that got no response has failed."""
        waits = (self.retransmit_base**tries for tries in range(self.retransmit_tries + 1))
        return self.retransmit_timeout * sum(waits)

    @property
    def local_pools(self) -> tuple[str, ...]:
        """From where this side assigns inner addresses, one prefix for each family."""
        return tuple(one for one in (self.local_pool, self.local_pool6) if one is not None)

    @property
    def remote_pools(self) -> tuple[str, ...]:
        """From where the other side does."""
        return tuple(one for one in (self.remote_pool, self.remote_pool6) if one is not None)

    @property
    def by_aaa(self) -> bool:
        """Whether this side asks another server who may come in, and with which address."""
        return self.aaa_servers > 0

    @property
    def aaa_servers(self) -> int:
        """How many AAA servers this side has at the other one's address."""
        asked = self.remote.auth.aaa if isinstance(self.remote.auth, Eap | Psk) else 0
        return asked or int(self.authorization is not None)

    def mirrored(self) -> "Connection":
        """The configuration that the other side needs to match this one.

        Private keys stay with their owner: a `PublicKey` of the other side keeps its chain only where it has a key of
        its own, so mirror a connection whose two parties both hold their keys.
        """
        return replace(
            self,
            local=self.remote,
            remote=self.local,
            local_address=self.remote_address,
            remote_address=self.local_address,
            local_ports=self.remote_ports,
            remote_ports=self.local_ports,
            local_pool=self.remote_pool,
            remote_pool=self.local_pool,
            local_pool6=self.remote_pool6,
            remote_pool6=self.local_pool6,
            local_links=self.remote_links,
            remote_links=self.local_links,
            local_inner=self.remote_inner,
            remote_inner=self.local_inner,
            local_routes=self.remote_routes,
            remote_routes=self.local_routes,
            children=tuple(child.mirrored() for child in self.children),
            beside=tuple(one.mirrored() for one in self.beside),
            tunnels=tuple(one.mirrored() for one in self.tunnels),
        )
