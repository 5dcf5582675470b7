"""What a device may claim: the words of its PICS (ISO/IEC 9646), and which of them a connection asks for."""

from enum import StrEnum
from typing import Self

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from conformance.ike.core.connection import (
    Connection,
    CookiePolicy,
    Eap,
    Mode,
    NullAuth,
    Party,
    Psk,
    RedirectWhen,
    Uniqueness,
)


class Capability(StrEnum):
    """A feature that a device may claim; its value is the word used in device files and reports."""

    description: str

    def __new__(cls, word: str, description: str = "") -> Self:
        """Keep the one-line description beside the word."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.description = description
        return member

    INITIATOR = "initiator", "can be told to open an IKE SA"
    RESPONDER = "responder", "answers an IKE SA that the peer opens"
    CONFIGURABLE = "configurable", "takes any connection from the suites, not only one that was configured by hand"
    PSK = "psk", "authenticates with a shared key (RFC 7296, 2.15)"
    PSK_EACH_WAY = "psk-each-way", "has a shared key for each direction (RFC 7296, 2.15)"
    RSA = "rsa", "authenticates with an RSA certificate"
    RSA_PSS = "rsa-pss", "signs and accepts RSASSA-PSS (RFC 7427)"
    ECDSA = "ecdsa", "authenticates with an ECDSA certificate"
    ECDSA_384 = "ecdsa-384", "has ECDSA keys on P-384, too"
    ECDSA_521 = "ecdsa-521", "has ECDSA keys on P-521, too"
    ED25519 = "ed25519", "authenticates with an Ed25519 certificate (RFC 8420)"
    ED448 = "ed448", "authenticates with an Ed448 certificate (RFC 8420)"
    BRAINPOOL = "brainpool", "verifies ECDSA signatures with keys on Brainpool curves (RFC 5639, RFC 7427)"
    RFC7427 = "rfc7427", "announces hash algorithms and uses Digital Signature authentication"
    REAUTH = "reauth", "can be told to reauthenticate (RFC 7296, 2.8.3)"
    MAKE_BEFORE_BREAK = "make-before-break", "has a new IKE SA before it deletes the old one (RFC 7296, 2.8.3)"
    BREAK_BEFORE_MAKE = "break-before-make", "deletes the old IKE SA before it makes a new one (RFC 7296, 2.8.3)"
    REAUTH_LIFETIME = "reauth-lifetime", "authenticates again by itself after a configured time (RFC 7296, 2.8.3)"
    AUTH_LIFETIME = "auth-lifetime", "demands by AUTH_LIFETIME that the initiator authenticates again (RFC 4478)"
    AUTH_LIFETIME_LATER = "auth-lifetime-later", "can be told to demand that in the midst of a session (RFC 4478, 2)"
    AUTH_LIFETIME_CHANGE = (
        "auth-lifetime-change",
        "demands that in the midst of a session whose time an AAA server changes (RFC 4478, 2; RFC 5176)",
    )
    AUTH_LIFETIME_CLIENT = (
        "auth-lifetime-client",
        "authenticates again where AUTH_LIFETIME demands it, however soon (RFC 4478)",
    )
    COOKIE = "cookie", "asks for a cookie under load (RFC 7296, 2.6)"
    COOKIE_ALWAYS = "cookie-always", "can be told to ask for a cookie from the first request on"
    FRAGMENTATION = "fragmentation", "IKE fragmentation (RFC 7383)"
    IKE_PATH_MTU = "ike-path-mtu", "as initiator finds the path MTU for IKE by smaller and smaller fragments (RFC 7383)"
    MOBIKE = "mobike", "MOBIKE (RFC 4555)"
    NAT_T = "nat-t", "real NAT detection: hashes match where there is no NAT, and it moves to port 4500 where there is"
    FORCED_ENCAPSULATION = "forced-encapsulation", "can be told to use UDP encapsulation without a NAT"
    CHILDLESS = "childless", "IKE SA without a Child SA (RFC 6023)"
    CHILDLESS_INITIATOR = "childless-initiator", "opens an IKE SA without a Child SA where it is told to (RFC 6023)"
    CHILDLESS_REFUSAL = (
        "childless-refusal",
        "refuses an IKE SA without a Child SA where the connection does not allow it",
    )
    ON_DEMAND = "on-demand", "can be told to open an IKE SA only when a packet needs a Child SA (RFC 7296, 2.9)"
    MULTIPLE_CHILDREN = (
        "multiple-children",
        "several Child SAs under one IKE SA, with the same selectors, too (RFC 7296, 2.8)",
    )
    NARROWING = "narrowing", "narrows traffic selectors (RFC 7296, 2.9)"
    PFS = "pfs", "key exchange in CREATE_CHILD_SA for a Child SA"
    TUNNEL = "tunnel", "Child SAs in tunnel mode"
    TRANSPORT = "transport", "Child SAs in transport mode"
    AH = "ah", "Child SAs that use AH"
    ESN = "esn", "extended sequence numbers"
    IPCOMP = "ipcomp", "IP compression (RFC 7296, 2.22)"
    REKEY_IKE = "rekey-ike", "can be told to rekey the IKE SA"
    REKEY_CHILD = "rekey-child", "can be told to rekey a Child SA"
    DELETE_IKE = "delete-ike", "can be told to delete the IKE SA"
    DELETE_CHILD = "delete-child", "can be told to delete a Child SA"
    LIFETIME = "lifetime", "rekeys by itself when a configured lifetime ends"
    CHILD_LIFETIME = "child-lifetime", "rekeys a Child SA by itself when its configured lifetime ends"
    LIFETIME_PACKETS = "lifetime-packets", "rekeys a Child SA that has carried so many packets (RFC 4301, 4.4.2.1)"
    LIFETIME_OCTETS = "lifetime-octets", "rekeys a Child SA that has carried so many octets (RFC 4301, 4.4.2.1)"
    CHILD_IDLE = "child-idle", "deletes a Child SA that has carried nothing for a configured time (RFC 7296, 2.4)"
    IKE_LIMIT = "ike-limit", "as responder lets in no more IKE SAs than it is told to"
    CHILD_LIMIT = "child-limit", "has no more Child SAs in an IKE SA than it is told to (RFC 7296, 1.3)"
    PFS_DEMANDED = "pfs-demanded", "takes no Child SA without a key exchange where all its proposals have one"
    REOPENS = "reopens", "opens an IKE SA again where the peer has closed it or is lost"
    REOPENS_CHILD = "reopens-child", "asks for another Child SA where the peer has closed it, if it reopens at all"
    ANSWERS_ONLY = "answers-only", "can be told to rekey nothing by itself: what nobody else rekeys ends"
    ANSWERS_PACKETS = (
        "answers-only-packets",
        "then opens nothing for a packet either, before a peer comes or afterwards",
    )
    UNIQUE_REPLACE = "unique-replace", "can be told to let a new IKE SA replace older ones of the same identity"
    UNIQUE_KEEP = "unique-keep", "can be told to refuse a new IKE SA of an identity that has one"
    BACKUP_GATEWAYS = "backup-gateways", "as initiator goes to another gateway where the first one is dead"
    BACKUP_ON_REFUSAL = "backup-on-refusal", "goes to another gateway also where the first one refuses it"
    GATEWAY_RETURN = "gateway-return", "goes back to the first gateway where that is back"
    TIMERS = "timers-configurable", "repeats its requests as a connection says, not at intervals of its own"
    DPD = "dpd", "checks liveness after a configured silence (RFC 7296, 2.4)"
    DPD_ON_DEMAND = "dpd-on-demand", "can be told to check liveness only where it has sent something (RFC 7296, 2.4)"
    LIST_SAS = "list-sas", "can list its SAs"
    ANY_IDENTITY = "any-identity", "can be told to take whoever has the secret or a certificate, under any name"
    IDENTITY_DOMAIN = "identity-domain", "lets in the hosts of a domain whose names it does not know one by one"
    IDENTITY_NETWORK = "identity-network", "lets in whoever is called by an address of a network (RFC 4301, 4.4.3.1)"
    IDENTITY_SUBJECT = (
        "identity-subject",
        "lets in whoever has a certificate with certain attributes in its subject (a certificate map)",
    )
    SEVERAL_CONNECTIONS = "several-connections", "has connections for several peers at once, each with its own key"
    LOG = "log", "its log can be read"
    DATA_PLANE = "data-plane", "really encrypts and decrypts packets"
    PATH_MTU = "path-mtu", "fragments what its SAs carry, and heeds ICMP reports of the path MTU (RFC 4301, 8.2)"
    SEQUENCE_PRESET = "sequence-preset", "its next ESP packet can be given any sequence number (RFC 4303, 3.3.3)"
    DROP_COUNTERS = "drop-counters", "counts the packets that its IPsec drops"
    ECHO = "echo", "echoes what comes to TCP port 7 of its inner address"
    GRE = "gre", "has a GRE tunnel for IPv4 over a Child SA, as FlexVPN does it"
    GRE_TUNNELS = "gre-tunnels", "has GRE tunnels of every kind: several, keys, checksums, IPv6 (RFC 2890, RFC 7676)"
    IPV6 = "ipv6", "reachable over IPv6"
    EAP = "eap", "authenticates the initiator with EAP (RFC 7296, 2.16)"
    EAP_PEER = "eap-peer", "authenticates itself with EAP as initiator (RFC 7296, 2.16)"
    AAA = "aaa", "leaves EAP and addresses to a RADIUS server at the tester's address (RFC 2865, 3579)"
    AAA_KEYS = "aaa-keys", "asks that server for the shared key of a peer, by its identity (Tunnel-Password, RFC 2868)"
    AAA_AUTHORIZATION = (
        "aaa-authorization",
        "asks that server about peers that have proved who they are, by a part of their names, for users and groups",
    )
    ACCOUNTING = "accounting", "tells that server of its sessions (RFC 2866)"
    ACCOUNTING_INTERIM = (
        "accounting-interim",
        "tells of a running session as often as that server wants it (RFC 2869, 5.16)",
    )
    COA = "coa", "ends sessions when that server tells it to (RFC 5176)"
    COA_CLIENTS = "coa-clients", "obeys such orders from the address of that server only (RFC 5176, 6.1)"
    SESSION_CHANGE = "session-change", "changes Session-Timeout of a session when that server tells it to (RFC 5176)"
    SESSION_TIMEOUT = "session-timeout", "ends a session after the Session-Timeout that was granted (RFC 2865, 5.27)"
    IDLE_TIMEOUT = "idle-timeout", "ends a session without traffic after its Idle-Timeout (RFC 2865, 5.28)"
    AAA_DNS = "aaa-dns", "hands out the name servers that the AAA server grants (RFC 2548, 2.7)"
    AAA_ADDRESS6 = "aaa-address6", "hands out IPv6 addresses and name servers that the AAA server grants (RFC 6911)"
    AAA_NETMASK = "aaa-netmask", "hands out the netmask that the AAA server grants (RFC 2865, 5.9)"
    AAA_NBNS = "aaa-nbns", "hands out the NetBIOS name servers that the AAA server grants (RFC 2548, 2.7)"
    AAA_POOLS = "aaa-pools", "assigns addresses of the pool that the AAA server names (RFC 2869, 5.18)"
    AAA_ROUTES = "aaa-routes", "sends what is for networks that the AAA server names to the user (RFC 2865, 5.22)"
    AAA_FILTERS = "aaa-filters", "lets a user through as the filter says that the AAA server names (RFC 2865, 5.11)"
    CISCO_PAIRS = "cisco-pairs", "takes grants and names of sessions in AV pairs of Cisco's (ipsec:dns-servers)"
    MULTIPLE_AUTH = "multiple-auth", "authenticates an initiator several times, one after the other (RFC 4739)"
    NULL_AUTH = "null-auth", "takes nobody and is nobody where the connection says so (RFC 7619)"
    RAW_PUBLIC_KEYS = "raw-public-keys", "knows its peer by a raw public key, and is known by one (RFC 7670)"
    HASH_AND_URL = (
        "hash-and-url",
        "fetches certificates over HTTP by hash and URL, and shows its own so (RFC 7296, 3.6)",
    )
    CERTIFICATE_CHOICE = (
        "certificate-choice",
        "has several certificates for one identity, and chooses by what it is asked for (RFC 7296, 3.7)",
    )
    EAP_ONLY = "eap-only", "needs no other proof of the responder than a mutual EAP method (RFC 5998)"
    VIRTUAL_IP = "virtual-ip", "assigns or requests inner addresses (RFC 7296, 2.19)"
    VIRTUAL_IP6 = "virtual-ip6", "assigns or requests inner IPv6 addresses (RFC 7296, 3.15.3)"
    VIRTUAL_IPS = "virtual-ips", "assigns or requests inner addresses of both families at once"
    CONFIG_NBNS = "config-nbns", "tells those to whom it assigns addresses which NetBIOS name servers there are"
    CONFIG_DNS = "config-dns", "tells those to whom it assigns addresses which name servers there are"
    CONFIG_SUBNETS = "config-subnets", "tells those to whom it assigns addresses which networks are behind it"
    SPLIT_DNS = "split-dns", "tells which names its name servers are for (RFC 8598)"
    ENCRYPTED_DNS = "encrypted-dns", "tells of encrypted name servers (RFC 9464)"
    IPV6_LINK = "ipv6-link", "gives and takes virtual links with prefixes of IPv6 (RFC 5739)"
    ADDRESS_FAMILIES = "address-families", "tells which families of inner addresses it has (RFC 8983)"
    RESOLVER_DIGEST = "resolver-digest", "tells the digests of the keys of encrypted name servers (RFC 9464, 3.2)"
    PRIVATE_ATTRIBUTES = "private-attributes", "tells attributes of one maker, such as the banner of Cisco's clients"
    ROUTE_EXCHANGE = "route-exchange", "exchanges routes by CFG_SET and CFG_ACK, as FlexVPN does it"
    ROUTES_IN_AUTH = "routes-in-auth", "asks for routes in IKE_AUTH, and tells them there, as FlexVPN does it"
    ROUTE_UPDATES = "route-updates", "takes a CFG_SET for all routes that its peer has now, in place of earlier ones"
    CRL = "crl", "checks certificates by CRLs that it fetches over HTTP (RFC 5280, 6.3)"
    CRL_OF_ANCHOR = "crl-of-anchor", "checks by the CRL of a trust anchor, fetched when it likes (RFC 5280, 6.3)"
    CRL_IN_IKE = "crl-in-ike", "takes CRLs in CERT payloads (RFC 7296, 3.6)"
    OCSP = "ocsp", "checks certificates by OCSP over HTTP (RFC 6960)"
    OCSP_IN_IKE = "ocsp-in-ike", "asks for OCSP responses in IKE_AUTH, and sends them (RFC 4806)"
    PPK = "ppk", "post-quantum preshared keys (RFC 8784)"
    REDIRECT = "redirect", "goes to another gateway as initiator where its peer sends it (RFC 5685)"
    REDIRECT_INIT = "redirect-init", "sends initiators away in IKE_SA_INIT where its connection says so (RFC 5685, 3)"
    REDIRECT_AUTH = "redirect-auth", "sends initiators away in IKE_AUTH where its connection says so (RFC 5685, 6)"
    REDIRECT_LATER = "redirect-later", "can be told to send the peer of an IKE SA away (RFC 5685, 5)"
    RESUMPTION = "resumption", "session resumption (RFC 5723)"
    INTERMEDIATE = "intermediate", "IKE_INTERMEDIATE (RFC 9242)"
    MULTIPLE_KE = "multiple-ke", "additional key exchanges (RFC 9370)"
    ML_KEM = "ml-kem", "ML-KEM as a key exchange method"


_CURVES = {"secp384r1": Capability.ECDSA_384, "secp521r1": Capability.ECDSA_521}


def _authentication(party: Party) -> set[Capability]:
    if isinstance(party.auth, Psk):
        return {Capability.PSK}
    if isinstance(party.auth, Eap | NullAuth):
        return set()
    wanted = {Capability.RSA_PSS} if party.auth.pss else set()
    raw = [] if party.auth.raw is None else [load_der_public_key(party.auth.raw)]
    if raw:
        wanted.add(Capability.RAW_PUBLIC_KEYS)
    if party.auth.url:
        wanted.add(Capability.HASH_AND_URL)
    if party.auth.others:
        wanted.add(Capability.CERTIFICATE_CHOICE)
    for key in (*raw, *(one.public_key() for one in party.auth.chain[:1])):
        if isinstance(key, rsa.RSAPublicKey):
            wanted.add(Capability.RSA)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            wanted |= {Capability.ECDSA, _CURVES.get(key.curve.name, Capability.ECDSA)}
        elif isinstance(key, ed25519.Ed25519PublicKey):
            wanted.add(Capability.ED25519)
        elif isinstance(key, ed448.Ed448PublicKey):
            wanted.add(Capability.ED448)
    return wanted


def _two_keys(one: Party, other: Party) -> bool:
    return (
        isinstance(one.auth, Psk)
        and isinstance(other.auth, Psk)
        and not (one.auth.aaa or other.auth.aaa)
        and one.auth.secret != other.auth.secret
    )


_WHEN = ((RedirectWhen.INIT, Capability.REDIRECT_INIT), (RedirectWhen.AUTH, Capability.REDIRECT_AUTH))


def needs(connection: Connection) -> frozenset[Capability]:
    """The capabilities that a device must have to hold this connection at all."""
    wanted = _authentication(connection.local) | _authentication(connection.remote)
    by_eap = [isinstance(party.auth, Eap) for party in (connection.local, connection.remote)]
    asked_for = (
        (Capability.EAP_ONLY, all(by_eap)),
        (Capability.EAP_PEER, by_eap == [True, False]),
        (Capability.EAP, by_eap == [False, True]),
        (Capability.AAA, connection.by_aaa),
        (Capability.AAA_KEYS, isinstance(connection.remote.auth, Psk) and connection.remote.auth.aaa),
        (Capability.PSK_EACH_WAY, _two_keys(connection.local, connection.remote)),
        (Capability.AAA_AUTHORIZATION, connection.authorization),
        (Capability.AAA_POOLS, connection.named_pools),
        (Capability.AAA_FILTERS, connection.named_filters),
        (Capability.MULTIPLE_AUTH, connection.local.further or connection.remote.further),
        (Capability.NULL_AUTH, any(isinstance(one.auth, NullAuth) for one in (connection.local, connection.remote))),
        (Capability.HASH_AND_URL, connection.cert_lookup),
        (Capability.MOBIKE, connection.mobike),
        (Capability.CHILDLESS, connection.childless),
        (Capability.REDIRECT, connection.follows_redirects),
        *((claim, connection.redirect is not None and connection.redirect.when is when) for when, claim in _WHEN),
        (Capability.FORCED_ENCAPSULATION, connection.force_encapsulation),
        (Capability.COOKIE_ALWAYS, connection.cookies is CookiePolicy.ALWAYS),
        (Capability.MULTIPLE_CHILDREN, len(connection.children) > 1),
        (Capability.DPD, connection.dpd_delay is not None),
        (Capability.LIFETIME, connection.lifetime is not None),
        (Capability.DPD_ON_DEMAND, connection.dpd_on_demand),
        (Capability.REAUTH_LIFETIME, connection.reauth_lifetime is not None),
        (Capability.AUTH_LIFETIME, connection.auth_lifetime is not None),
        (Capability.MAKE_BEFORE_BREAK, connection.make_before_break is True),
        (Capability.BREAK_BEFORE_MAKE, connection.make_before_break is False),
        (Capability.UNIQUE_REPLACE, connection.unique is Uniqueness.REPLACE),
        (Capability.UNIQUE_KEEP, connection.unique is Uniqueness.KEEP),
        (Capability.BACKUP_GATEWAYS, connection.backup_addresses),
        (Capability.GATEWAY_RETURN, connection.return_after is not None),
        (Capability.VIRTUAL_IP, connection.local_pool or connection.remote_pool),
        (Capability.IPV6_LINK, connection.local_links or connection.remote_links),
        (Capability.VIRTUAL_IP6, connection.local_pool6 or connection.remote_pool6),
        (Capability.VIRTUAL_IPS, max(len(connection.local_pools), len(connection.remote_pools)) > 1),
        (Capability.CONFIG_DNS, connection.local_inner.dns),
        (Capability.CONFIG_NBNS, connection.local_inner.nbns),
        (Capability.CONFIG_SUBNETS, connection.local_inner.subnets),
        (Capability.SPLIT_DNS, connection.local_inner.domains),
        (Capability.ENCRYPTED_DNS, connection.local_inner.resolver),
        (Capability.PRIVATE_ATTRIBUTES, connection.local_inner.private),
        (Capability.ROUTE_EXCHANGE, connection.local_routes or connection.remote_routes),
        (Capability.ROUTES_IN_AUTH, connection.routes_in_auth),
        (Capability.OCSP_IN_IKE, connection.ocsp_in_ike),
        (Capability.ANY_IDENTITY, connection.any_identity),
        (Capability.IDENTITY_DOMAIN, connection.remote_domain),
        (Capability.IDENTITY_NETWORK, connection.remote_network),
        (Capability.IDENTITY_SUBJECT, connection.remote_subject),
        (Capability.SEVERAL_CONNECTIONS, connection.beside),
        (Capability.GRE, connection.tunnels),
        (Capability.GRE_TUNNELS, len(connection.tunnels) > 1 or not all(one.simple for one in connection.tunnels)),
        (Capability.IKE_LIMIT, connection.ike_sa_limit is not None),
        (Capability.CHILD_LIMIT, connection.child_sa_limit is not None),
        (Capability.REOPENS, connection.reopens),
        (Capability.ANSWERS_ONLY, connection.answers_only),
    )
    wanted |= {capability for capability, asked in asked_for if asked}
    for one in connection.beside:
        wanted |= needs(one)
    for child in connection.children:
        wanted.add(Capability.TRANSPORT if child.mode is Mode.TRANSPORT else Capability.TUNNEL)
        if all("esn" in proposal.split("-") for proposal in child.proposals):
            wanted.add(Capability.ESN)
        if child.lifetime is not None:
            wanted.add(Capability.CHILD_LIFETIME)
        if child.lifetime_packets is not None:
            wanted.add(Capability.LIFETIME_PACKETS)
        if child.lifetime_octets is not None:
            wanted.add(Capability.LIFETIME_OCTETS)
        if child.idle_timeout is not None:
            wanted.add(Capability.CHILD_IDLE)
    return frozenset(wanted)
