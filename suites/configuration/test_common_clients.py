"""What clients of remote access that are in wide use send: a gateway that takes some of what they offer lets them in.

Their IKE_SA_INIT and IKE_AUTH requests are played with all proposals, notifies, Vendor IDs and attributes that they
have. How they prove who they are is the connection's: a shared key in place of EAP, which is no subject here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from itertools import islice, product
from operator import or_

from conformance.crypto.suite import implied_prfs, proposal
from conformance.ike.core.connection import Connection, Identity, Psk
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from conformance.wire import (
    AUTH,
    CERTREQ,
    CP,
    SA,
    CertEncoding,
    CfgAttr,
    CfgAttribute,
    IdType,
    Notify,
    NotifyType,
    Payload,
    ProtocolID,
    Transform,
    VendorID,
)
from peers.algorithms import Algorithms, written
from peers.contract import Pixit
from suites.choices import ESP, IKE, INTEG, PRF, Choice
from suites.configuration.clients import MANY
from suites.configuration.steps import IGNORED, INNER, assigned, narrowed, serving, wanting, well_formed
from suites.configuration.test_attributes import FLEXVPN
from suites.configuration.test_unity import FLEXVPN_CLIENT
from suites.connections import Setup
from suites.dut import Dut
from suites.ike_auth.test_selectors import refuses
from suites.purpose import purpose

D, N = CfgAttribute, NotifyType
TAKEN = "RFC7296-2.7-3"
EVERYTHING = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True, slots=True)
class Client:
    """One sort of client: proposals for IKE and ESP, and what stands in its two requests beside what they must have.

    ``init`` is behind the payloads of IKE_SA_INIT, ``front`` behind IDi, ``back`` at the end of IKE_AUTH. ``networks``
    are its selectors for both sides.
    """

    name: str
    identity: Identity
    ike: tuple[str, ...]
    esp: tuple[str, ...]
    asked: tuple[CfgAttr, ...]
    init: tuple[Payload, ...] = ()
    front: tuple[Payload, ...] = ()
    back: tuple[Payload, ...] = ()
    networks: tuple[str, ...] = EVERYTHING


def _asks(*kinds: int) -> tuple[CfgAttr, ...]:
    return tuple(CfgAttr(CfgAttribute(one)) for one in kinds)


def _vendor(text: str) -> VendorID:
    return VendorID(bytes.fromhex(text))


_AUTHORITIES = CERTREQ(CertEncoding.X509_SIGNATURE, bytes(range(20)) * 40)
"""The hashes of forty authorities, none of which the device knows."""

WINDOWS = Client(
    "Windows", Identity(IdType.IPV4_ADDR, bytes((192, 168, 1, 23))),
    ike=tuple(
        f"{cipher}-{prf}-{group}"
        for group in ("modp2048", "modp1024")
        for prf in ("prfsha1-sha1", "prfsha256-sha256", "prfsha384-sha384")
        for cipher in ("aes256", "3des", "aes128")
    ),
    esp=("aes256-sha1", "aes128-sha1", "3des-sha1"),
    asked=_asks(D.INTERNAL_IP4_ADDRESS, D.INTERNAL_IP4_DNS, D.INTERNAL_IP4_NBNS, 23456, D.INTERNAL_IP6_ADDRESS,
                D.INTERNAL_IP6_DNS, 23457),
    init=(
        _vendor("1e2b516905991c7d7c96fcbfb587e46100000009"), _vendor("fb1de3cdf341b7ea16b7e5be0855f120"),
        _vendor("26244d38eddb61b3172a36e3d0cfb819"), _vendor("01528bbbc00696121849ab9a1c5b2a5100000002"),
    ),
    front=(_AUTHORITIES, Notify(N.MOBIKE_SUPPORTED)),
)  # fmt: skip
APPLE = Client(
    "macOS and iOS", Identity.of("phone.ikespec.example"),
    ike=(
        "aes256-prfsha256-sha256-modp2048", "aes256-prfsha256-sha256-ecp256", "aes256-prfsha256-sha256-modp1536",
        "aes128-prfsha1-sha1-modp1024", "3des-prfsha1-sha1-modp1024",
    ),
    esp=("aes256-sha256", "aes128-sha1", "3des-sha1"),
    asked=_asks(D.INTERNAL_IP4_ADDRESS, D.INTERNAL_IP4_NETMASK, D.INTERNAL_IP4_DHCP, D.INTERNAL_IP4_DNS,
                D.INTERNAL_IP6_ADDRESS, D.INTERNAL_IP6_DHCP, D.INTERNAL_IP6_DNS, D.INTERNAL_DNS_DOMAIN),
    init=(Notify(N.REDIRECT_SUPPORTED),),
    front=(Notify(N.INITIAL_CONTACT), Notify(N.MOBIKE_SUPPORTED)),
    back=(Notify(N.ESP_TFC_PADDING_NOT_SUPPORTED), Notify(N.NON_FIRST_FRAGMENTS_ALSO)),
)  # fmt: skip
STRONGSWAN = Client(
    "Android and strongSwan", Identity(IdType.RFC822_ADDR, b"user@ikespec.example"),
    ike=(
        "aes128-aes192-aes256-prfsha256-prfsha384-prfsha512-sha256-sha384-sha512-ecp256-ecp384-ecp521-x25519-modp2048-"
        "modp3072-modp4096-modp8192",
        "aes128gcm16-aes256gcm16-chacha20poly1305-prfsha256-prfsha384-prfsha512-ecp256-ecp384-ecp521-x25519-modp2048-"
        "modp3072-modp4096-modp8192",
    ),
    esp=(
        "aes128gcm16-aes256gcm16-chacha20poly1305", "aes256-sha256", "aes128-sha256", "aes256-sha384", "aes256-sha512",
    ),
    asked=_asks(D.INTERNAL_IP4_ADDRESS, D.INTERNAL_IP6_ADDRESS, D.INTERNAL_IP4_DNS, D.INTERNAL_IP6_DNS),
    init=(Notify(N.REDIRECT_SUPPORTED),),
    front=(Notify(N.INITIAL_CONTACT), _AUTHORITIES),
    back=(
        Notify(N.ESP_TFC_PADDING_NOT_SUPPORTED), Notify(N.MOBIKE_SUPPORTED), Notify(N.NO_ADDITIONAL_ADDRESSES),
        Notify(N.EAP_ONLY_AUTHENTICATION), Notify(N.IKEV2_MESSAGE_ID_SYNC_SUPPORTED),
    ),
)  # fmt: skip
CISCO = Client(
    "FlexVPN", Identity(IdType.KEY_ID, b"spokes"),
    ike=(
        "aes256-aes192-aes128-prfsha512-prfsha384-prfsha256-prfsha1-sha512-sha384-sha256-sha1-ecp256-modp2048-ecp521-"
        "modp1536",
    ),
    esp=("aes256-sha1", "aes128-sha1", "aes256-sha256"),
    asked=(CfgAttr(D.INTERNAL_IP4_ADDRESS), *FLEXVPN),
    init=FLEXVPN_CLIENT,
    back=(
        Notify(N.INITIAL_CONTACT), Notify(N.SET_WINDOW_SIZE, (5).to_bytes(4, "big")),
        Notify(N.ESP_TFC_PADDING_NOT_SUPPORTED), Notify(N.NON_FIRST_FRAGMENTS_ALSO),
    ),
    networks=EVERYTHING[:1],
)  # fmt: skip


AT_MOST = 6
"""So many suites of a client the device is told to take."""


def singles(texts: tuple[str, ...], protocol: ProtocolID) -> Iterator[str]:
    """Each suite that is in these proposals, as a proposal of its own, with the PRF of its integrity algorithm."""
    for text in texts:
        kinds: dict[int, list[Transform]] = {}
        for one in proposal(text, 1, protocol).transforms:
            kinds.setdefault(one.type, []).append(one)
        for suite in product(*kinds.values()):
            prf, integrity = ([one for one in suite if one.type == kind] for kind in (PRF, INTEG))
            if not prf or not integrity or implied_prfs(integrity)[:1] == tuple(prf):
                yield written(suite)


def taken(client: Client, protocol: ProtocolID) -> Choice:
    """Of what the client offers some that the device takes. Raises NotApplicable."""

    def choice(algorithms: Algorithms) -> tuple[str, ...]:
        offered = singles(client.ike if protocol == IKE else client.esp, protocol)
        found = tuple(islice((one for one in offered if not algorithms.lacks(one, protocol)), AT_MOST))
        if not found:
            raise NotApplicable(f"the device takes nothing that {client.name} offers for {protocol.name}")
        return found

    return choice


def served(client: Client) -> Setup:
    """The device assigns addresses, and takes some of what this client offers. Raises NotApplicable."""

    def setup(pixit: Pixit) -> Connection:
        found = serving(proposals=taken(client, IKE), esp=taken(client, ESP), narrowing=True)(pixit)
        if not isinstance(found.local.auth, Psk):
            raise NotApplicable("it has no shared key for clients of any name")
        return found

    return setup


def request(client: Client) -> Bend:
    """What its IKE_AUTH request has in which place."""

    def arranged(payloads: list[Payload]) -> list[Payload]:
        own = [one for one in payloads if not isinstance(one, Notify)]
        return [own[0], *client.front, *own[1:], *client.back]

    return wanting(*client.asked) | bend.order(arranged, f"the payloads of {client.name}")


def lets_in(client: Client) -> object:
    """A purpose: this client gets in, with an address and a Child SA for it."""

    def test(peer: Peer, dut: Dut) -> None:
        child = replace(peer.connection.children[0], proposals=client.esp, local_ts=client.networks,
                        remote_ts=client.networks)  # fmt: skip
        ours = replace(peer.connection.local, identity=client.identity)
        sa = peer.sa(proposals=client.ike, children=(child,), local=ours)
        answer = sa.init(reduce(or_, map(bend.append, client.init)))
        peer.expect(answer, SA, TAKEN)
        answer = sa.auth(request(client))
        peer.expect(answer, AUTH, IGNORED)
        if refuses(dut, answer):
            return
        peer.expect(answer, SA, TAKEN)
        well_formed(peer, answer)
        peer.expect(answer, CP, "RFC7296-3.15.4-1")
        narrowed(peer, answer, *assigned(peer, answer))
        sa.must_be_up(TAKEN)

    word = client.name.split()[-1].lower()
    test.__doc__ = f"""A client of {client.name} comes with all that it offers and asks for: it gets an address.

    The device takes some of its proposals for IKE and ESP, and ignores what it does not know.
    """
    return purpose(
        f"cp-as-{word}", TAKEN, IGNORED, "RFC7296-2.9-13", "RFC7296-3.12-5", "RFC7296-3.15.4-1", role="responder",
        needs=INNER, connection=served(client), device=MANY, ordinary=True,
    )(test)  # fmt: skip


test_windows, test_apple, test_strongswan, test_flexvpn = map(lets_in, (WINDOWS, APPLE, STRONGSWAN, CISCO))
