"""What every device under test offers to the suites: the contract between a test purpose and an adapter.

A device is described by what it claims (`Capability`, the PICS of ISO/IEC 9646) and by how it is reached (`Pixit`), and
is driven by the few methods of `Device`. Everything that an adapter cannot do it says with `Unsupported`, so that a
purpose which needs it is *not applicable* for a stated reason.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from conformance.crypto import CryptoError
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
from conformance.net import Link
from conformance.net.http import WebServer
from conformance.net.web import WebLink
from peers.algorithms import MUSTS, Algorithms, Limits
from peers.credentials import USUAL, Credentials


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
    RSA = "rsa", "authenticates with an RSA certificate"
    RSA_PSS = "rsa-pss", "signs and accepts RSASSA-PSS (RFC 7427)"
    ECDSA = "ecdsa", "authenticates with an ECDSA certificate"
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
    AUTH_LIFETIME_CLIENT = "auth-lifetime-client", "authenticates again where AUTH_LIFETIME demands it (RFC 4478)"
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
    MULTIPLE_CHILDREN = "multiple-children", "several Child SAs under one IKE SA"
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
    UNIQUE_REPLACE = "unique-replace", "can be told to let a new IKE SA replace older ones of the same identity"
    UNIQUE_KEEP = "unique-keep", "can be told to refuse a new IKE SA of an identity that has one"
    BACKUP_GATEWAYS = "backup-gateways", "as initiator goes to another gateway where the first one is dead"
    GATEWAY_RETURN = "gateway-return", "goes back to the first gateway where that is back"
    TIMERS = "timers-configurable", "repeats its requests as a connection says, not at intervals of its own"
    DPD = "dpd", "checks liveness after a configured silence (RFC 7296, 2.4)"
    DPD_ON_DEMAND = "dpd-on-demand", "can be told to check liveness only where it has sent something (RFC 7296, 2.4)"
    LIST_SAS = "list-sas", "can list its SAs"
    ANY_IDENTITY = "any-identity", "can be told to take whoever has the secret or a certificate, under any name"
    IDENTITY_DOMAIN = "identity-domain", "lets in the hosts of a domain whose names it does not know one by one"
    IDENTITY_SUBJECT = (
        "identity-subject",
        "lets in whoever has a certificate with certain attributes in its subject (a certificate map)",
    )
    SEVERAL_CONNECTIONS = "several-connections", "has connections for several peers at once, each with its own key"
    LOG = "log", "its log can be read"
    DATA_PLANE = "data-plane", "really encrypts and decrypts packets"
    PATH_MTU = "path-mtu", "fragments what its SAs carry, and heeds ICMP reports of the path MTU (RFC 4301, 8.2)"
    DROP_COUNTERS = "drop-counters", "counts the packets that its IPsec drops"
    ECHO = "echo", "echoes what comes to TCP port 7 of its inner address"
    GRE = "gre", "carries packets in GRE over Child SAs in transport mode, as FlexVPN does it"
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


class DeviceError(Exception):
    """A device cannot be used: one line with which device, what happened, and what to do about it."""

    def __init__(self, device: str, problem: str, mend: str = "") -> None:
        self.device = device
        self.problem = problem
        self.mend = mend
        super().__init__(f"{device}: {problem}" + (f"; {mend}" if mend else ""))


class Unsupported(DeviceError):  # noqa: N818 - reads as a statement about the device
    """The device cannot do this; `capability` says what a purpose would have needed."""

    def __init__(self, capability: Capability, device: str = "device", detail: str = "") -> None:
        self.capability = capability
        super().__init__(device, f"does not support {capability} ({detail or capability.description})")


@dataclass(frozen=True, slots=True)
class Retransmission:
    """How a device repeats a request that nobody answers.

    First after ``timeout`` seconds, then after intervals each ``base`` times as long as the last, ``tries`` times.
    """

    timeout: float
    base: float
    tries: int

    def until(self, number: int) -> float:
        """Seconds from the request to its repetition with this number, the first one is 1."""
        return self.timeout * sum(self.base**at for at in range(number))

    @property
    def patience(self) -> float:
        """Seconds after which it gives up."""
        return self.until(self.tries + 1)


@dataclass(frozen=True, slots=True)
class Pixit:
    """How a device is reached: addresses, ports, inner networks, timers. All times in seconds.

    ``device_networks`` are prefixes behind the device, ``tester_networks`` those the scripted peer speaks for; inside
    each device network the first host address exists. ``response_timeout`` is how long the suites wait for any answer.
    ``retransmission`` is how it repeats its requests where no connection can say so, None: nobody knows.
    At ``tester_spare_name`` the device finds ``tester_spare``, None: it finds no names.
    ``half_open_timeout`` is how long it keeps an IKE SA whose IKE_AUTH never comes. ``tester_spare`` is a second IPv4
    address that the tester can send from, as a NAT may get one in mid-session, ``tester_spare6`` one of IPv6. Behind a
    real NAT the device sees the tester at ``tester_outer``, and has the address ``device_inner`` itself. ``algorithms``
    are those that it takes, ``credentials`` those that both know. From ``device_pool`` the device assigns inner
    addresses to us, from ``tester_pool`` we to it. ``eap`` are the EAP methods that it takes, in words of
    `conformance.eap`. At ``web_port`` of the tester's address the device finds over HTTP what certificates name.
    """

    device_address: str
    tester_address: str
    device_address6: str | None = None
    tester_address6: str | None = None
    device_ports: tuple[int, int] = (500, 4500)
    tester_ports: tuple[int, int] = (500, 4500)
    device_networks: tuple[str, ...] = ("10.2.0.0/24",)
    tester_networks: tuple[str, ...] = ("10.1.0.0/24",)
    response_timeout: float = 2.0
    retransmission: Retransmission | None = None
    half_open_timeout: float = 30.0
    tester_spare: str | None = None
    tester_spare6: str | None = None
    tester_spare_name: str | None = None
    tester_outer: str | None = None
    device_inner: str | None = None
    algorithms: Algorithms = MUSTS
    credentials: Credentials = USUAL
    device_pool: str | None = None
    tester_pool: str | None = None
    eap: tuple[str, ...] = ()
    web_port: int = 8880

    def swapped(self) -> "Pixit":
        """The same with the device in the tester's place: how a second device is reached that is the first one's peer.

        Only who has which address, port and network is exchanged; the timers stay.
        """
        return replace(
            self,
            device_address=self.tester_address,
            tester_address=self.device_address,
            device_address6=self.tester_address6,
            tester_address6=self.device_address6,
            device_ports=self.tester_ports,
            tester_ports=self.device_ports,
            device_networks=self.tester_networks,
            tester_networks=self.device_networks,
            device_pool=self.tester_pool,
            tester_pool=self.device_pool,
            tester_spare_name=None,
            tester_outer=None,
            device_inner=None,
        )


class SaState(StrEnum):
    """The life of an SA as a device reports it, coarse enough to be true of every implementation."""

    CONNECTING = "connecting"
    ESTABLISHED = "established"
    REKEYING = "rekeying"
    REKEYED = "rekeyed"
    DELETING = "deleting"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ChildStatus:
    """A Child SA of the device. SPIs are 4 octets, selectors are written as in `ChildConfig`, counters in octets.

    ``spi_in`` is the SPI that the device chose (packets to it carry it). A counter is None where the device has none.
    """

    name: str
    spi_in: bytes
    spi_out: bytes
    local_ts: tuple[str, ...] = ()
    remote_ts: tuple[str, ...] = ()
    mode: Mode = Mode.TUNNEL
    state: SaState = SaState.ESTABLISHED
    bytes_in: int | None = None
    bytes_out: int | None = None


@dataclass(frozen=True, slots=True)
class SaStatus:
    """An IKE SA of the device; SPIs are 8 octets, all zero while the responder's is not known yet."""

    spi_i: bytes
    spi_r: bytes
    state: SaState
    children: tuple[ChildStatus, ...] = ()


class RealNat(Protocol):
    """A NAT between tester and device that can be told to behave badly."""

    @property
    def behind(self) -> str:
        """``tester`` or ``device``."""

    def rebind(self, outer: str | None = None) -> None:
        """Drop all mappings; new ones get other ports, and another address if ``outer`` names one."""


@dataclass(frozen=True, slots=True)
class Death:
    """How a device ended, in words (``killed by SIGSEGV``); ``hung``: it was ended since it did nothing any more.

    ``reported``: it has not ended, but what was built into it to find faults has found one. ``backtrace`` are the
    frames where it ended, innermost first, as far as anybody knows.
    """

    words: str
    hung: bool = False
    reported: bool = False
    backtrace: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vitals:
    """What a device uses of its machine: octets of memory, and numbers of others.

    ``cpu`` is the time that its threads have computed so far, in seconds, ``waited`` the time for which they could have
    computed and others did, 0 where nobody knows.
    """

    memory: int
    descriptors: int = 0
    threads: int = 0
    cpu: float = 0.0
    waited: float = 0.0


HUNG = "its control interface does not answer: "
"""How an adapter begins to say that a device hangs; its `Device.condition` follows."""


class Device(ABC):
    """A device under test. A context manager: entering starts it, leaving stops it whatever happened.

    Methods that make the device act (`initiate`, `rekey_ike` ...) only give the order and return at once; what comes
    of it is seen on the link. All of them raise `Unsupported` where the adapter has no means, and `DeviceError` where
    the device is gone or refuses.
    """

    name: str
    """Short name, as used in reports and on the command line."""
    version: str = ""
    """The device's own version, empty until it is started."""
    backend: str = ""
    """Where and how it runs, in words (``netns, kernel-netlink with shim``)."""
    capabilities: frozenset[Capability] = frozenset()
    """The PICS: what the device claims. May depend on where it runs, so read it after `start`."""
    pixit: Pixit
    nat: RealNat | None = None
    """The real NAT between tester and device where there is one; known after `start`."""
    deviations_file: Path | None = None
    """The known deviations of this device (`peers.deviations`), if somebody wrote them down."""
    restarts: bool = True
    """Whether `stop` and `start` really end and start it, so that one that died or hangs comes back."""
    real_time: bool = True
    """Whether time really passes for it, so that one has to wait for what it does later."""
    described_in: Path | None = None
    """The device file, if there is one."""
    limits: Limits = Limits()
    """To which of its algorithms the suites shall keep."""

    @property
    def profile(self) -> Pixit:
        """The PIXIT with no more algorithms than `limits` allow; read it after `start`.

        Raises DeviceError where they name what the device does not take.
        """
        try:
            return replace(self.pixit, algorithms=self.pixit.algorithms.within(self.limits))
        except CryptoError as error:
            raise DeviceError(self.name, str(error)) from None

    @abstractmethod
    def start(self) -> None:
        """Start the device or connect to it; returns when it answers. Raises DeviceError."""

    @abstractmethod
    def stop(self) -> None:
        """Stop it and remove every trace of it on this host. Safe to call twice and after a failed start."""

    @abstractmethod
    def open_link(self, *, ipv6: bool = False) -> Link:
        """Open the link on which the scripted peer reaches the device; the caller closes it."""

    def open_web(self, server: WebServer) -> AbstractContextManager[object]:
        """Let the device reach this server at its address, which is one of the tester, inside of ``with``.

        Raises LinkError where it cannot be bound.
        """
        return WebLink(server)

    @abstractmethod
    def apply(self, connection: Connection) -> None:
        """Load the device's own view of a connection in place of whatever was loaded, and drop all SAs.

        A device may send a last Delete for a dropped SA, but not after this has returned: open the link afterwards, or
        throw away what has arrived on it. Starts a new section of the log. Raises Unsupported where the device cannot
        express the connection.
        """

    @abstractmethod
    def clear(self) -> None:
        """Forget connections, secrets and SAs; what `apply` says about a last Delete holds here too."""

    def initiate(self, child: str | None = None) -> None:
        """Open the IKE SA and the named Child SA (None: the connection's first one, or none when it is childless)."""
        raise Unsupported(Capability.INITIATOR, self.name)

    def provoke(self, source: str, target: str) -> None:
        """A host behind the device pings one behind us, for whom there must be a Child SA and is none."""
        raise Unsupported(Capability.ON_DEMAND, self.name)

    def rekey_ike(self) -> None:
        """Rekey the IKE SA now."""
        raise Unsupported(Capability.REKEY_IKE, self.name)

    def rekey_child(self, name: str) -> None:
        """Rekey the named Child SA now."""
        raise Unsupported(Capability.REKEY_CHILD, self.name)

    def reauthenticate(self) -> None:
        """Reauthenticate: replace the IKE SA by a new one with all its Child SAs."""
        raise Unsupported(Capability.REAUTH, self.name)

    def limit_authentication(self, seconds: float) -> None:
        """Demand of the peer that has opened the IKE SA that it authenticates again within so many seconds."""
        raise Unsupported(Capability.AUTH_LIFETIME_LATER, self.name)

    def redirect(self, gateway: str) -> None:
        """Send the peer of the IKE SA, of which it is the responder, to another gateway now (RFC 5685, section 5)."""
        raise Unsupported(Capability.REDIRECT_LATER, self.name)

    def delete_ike(self) -> None:
        """Delete the IKE SA now, telling the peer."""
        raise Unsupported(Capability.DELETE_IKE, self.name)

    def delete_child(self, name: str) -> None:
        """Delete the named Child SA now, telling the peer."""
        raise Unsupported(Capability.DELETE_CHILD, self.name)

    def list_sas(self) -> list[SaStatus]:
        """All IKE SAs that the device holds, with their Child SAs."""
        raise Unsupported(Capability.LIST_SAS, self.name)

    def ping(self, source: str, destination: str) -> bool:
        """Send an echo request from an inner address behind the device; whether the answer comes within a second.

        Returns only then, so somebody else must carry the packets meanwhile.
        """
        raise Unsupported(Capability.DATA_PLANE, self.name)

    def drops(self) -> int:
        """How many packets its IPsec has dropped so far, for whatever reason."""
        raise Unsupported(Capability.DROP_COUNTERS, self.name)

    def log(self) -> str:
        """What the device logged since the last `apply`; empty where its log cannot be read."""
        return ""

    def logged(self, mark: int = 0) -> tuple[str, int]:
        """What the log has since a mark of an earlier call, 0: since the last `apply`; and the next mark."""
        text = self.log()
        return text[mark:], len(text)

    @abstractmethod
    def alive(self) -> bool:
        """Whether the device still runs and answers its control interface; never raises."""

    def obituary(self) -> Death | None:
        """How the device has died since this was asked last; None if it has not, or if nobody can tell.

        Cheap: nothing is asked of the device. A death that the adapter has mended by itself is told here, too. Never
        raises.
        """
        return None

    def farewell(self) -> Death | None:
        """Stop the device; what it reports of itself only at its end, such as memory that it has leaked."""
        self.stop()
        return None

    def vitals(self) -> Vitals | None:
        """What the device uses of its machine, None where nobody knows. Cheap; never raises."""
        return None

    def kept(self) -> Mapping[str, int]:
        """How much it keeps, by the place where it does; empty where nobody can tell. Cheap; never raises."""
        return {}

    def coverage(self) -> bytes:
        """Which places of its code it has reached since this was asked last: an octet for each, not 0 where it has.

        Empty where it was not built to tell. Cheap; never raises.
        """
        return b""

    def condition(self) -> str:
        """What can be said from outside about a device that runs and does not answer, in words; never raises."""
        return ""

    def require(self, *needed: Capability) -> None:
        """Raise Unsupported for the first capability that the device does not claim."""
        for capability in needed:
            if capability not in self.capabilities:
                raise Unsupported(capability, self.name)

    def __enter__(self) -> Self:
        """Start the device; a failed start leaves nothing behind."""
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the device."""
        self.stop()


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
            wanted.add(Capability.ECDSA)
        elif isinstance(key, ed25519.Ed25519PublicKey):
            wanted.add(Capability.ED25519)
        elif isinstance(key, ed448.Ed448PublicKey):
            wanted.add(Capability.ED448)
    return wanted


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
        (Capability.OCSP_IN_IKE, connection.ocsp_in_ike),
        (Capability.ANY_IDENTITY, connection.any_identity),
        (Capability.IDENTITY_DOMAIN, connection.remote_domain),
        (Capability.IDENTITY_SUBJECT, connection.remote_subject),
        (Capability.SEVERAL_CONNECTIONS, connection.beside),
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
        if child.gre:
            wanted.add(Capability.GRE)
        if child.lifetime_packets is not None:
            wanted.add(Capability.LIFETIME_PACKETS)
        if child.lifetime_octets is not None:
            wanted.add(Capability.LIFETIME_OCTETS)
        if child.idle_timeout is not None:
            wanted.add(Capability.CHILD_IDLE)
    return frozenset(wanted)
