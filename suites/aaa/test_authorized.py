"""Whom the AAA server is asked about once the peer has proved who he is, by which name, and whose word counts."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from conformance.ike.core.connection import Authorization, Connection, Identity
from conformance.ike.core.sending import State
from conformance.radius import bend, grant
from conformance.radius.packet import Attribute, Code
from conformance.script import bend as script
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Unexpected
from conformance.wire import AUTH, CfgAttribute, IdType
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.aaa.steps import PATIENCE, addresses, asking, assigned, must_get_in, must_not_get_in, patient
from suites.connections import AAA_POOL, Setup, authorized, by_aaa, key_by_aaa, psk
from suites.eap.steps import tampered
from suites.ike_auth.refusal import must_be_gone
from suites.purpose import purpose
from suites.radius import Aaa

TIER = "full"

ASKS = (Capability.AAA, Capability.AAA_AUTHORIZATION, Capability.CONFIGURABLE)
NOBODY = "RFC7296-1.2-18"
NAMED = "RFC2865-5.1-1"
DNS = CfgAttribute.INTERNAL_IP4_DNS
USER = authorized(Authorization(user="all"))


def called(name: str, kind: IdType | None = None) -> Setup:
    """We are called so, and have the shared key."""

    def setup(pixit: Pixit) -> Connection:
        inner: dict[str, Any] = {"remote_pool": pixit.device_pool or AAA_POOL, "local_ts": ("0.0.0.0/0",)}
        found = psk(retransmit_tries=7, **inner)(pixit)
        identity = Identity.of(name) if kind is None else Identity(kind, name.encode())
        return replace(found, local=replace(found.local, identity=identity))

    return setup


def asked(aaa: Aaa) -> list[str]:
    """The names that the server was asked about without EAP, each request once."""
    found = {one.packet.octets: one.packet for one in aaa.requests() if one.packet.eap is None}
    return [one.text("User-Name") for one in found.values()]


def must_ask(peer: Peer, aaa: Aaa, *names: str) -> ScriptedSa:
    """We get in, and the server is asked about these names, in any order, once each."""
    sa = must_get_in(peer, NAMED)
    found = asked(aaa)
    peer.check(sorted(found) == sorted(names), f"User-Name {' and '.join(names)}", " and ".join(found), NAMED)
    return sa


def must_ask_nobody(peer: Peer, aaa: Aaa, identity: Identity) -> None:
    """An identity that makes no name is refused, and the server is asked about nobody else."""
    sa = peer.sa(local=replace(peer.connection.local, identity=identity))
    sa.init()
    with suppress(Unexpected), patient(peer):
        sa.auth()
    sa.pending = None
    peer.check(sa.state is not State.ESTABLISHED, "no IKE SA", "an IKE SA", NOBODY, bypass=True)
    found = asked(aaa)
    peer.check(not found, "no Access-Request", ", ".join(found), NAMED, bypass=True)


# --- when it is asked -------------------------------------------------------------------------------------------------


@purpose("aaa-authz", NAMED, role="responder", needs=ASKS, connection=USER, ordinary=True)
def test_authorized(peer: Peer, aaa: Aaa) -> None:
    """Once we have proved who we are the server is asked about us, once, by our whole identity; then we are in."""
    must_ask(peer, aaa, str(peer.connection.local.identity)).liveness()


@purpose("aaa-authz-unproved", NOBODY, role="responder", needs=ASKS, connection=USER)
def test_unproved(peer: Peer, aaa: Aaa) -> None:
    """Whoever has not proved who he is makes nobody ask about him."""
    sa = peer.sa()
    sa.init()
    with suppress(Unexpected):
        sa.auth(script.replace(AUTH, tampered, "a wrong AUTH payload"))
    sa.pending = None
    found = asked(aaa)
    peer.check(not found, "no Access-Request", ", ".join(found), NOBODY)
    must_be_gone(peer, sa, told=False)


@purpose("aaa-authz-reject", "RFC3579-2.1-1", NOBODY, role="responder", needs=ASKS, connection=USER)
def test_reject(peer: Peer, aaa: Aaa) -> None:
    """An Access-Reject keeps us out, though our AUTH payload is right, and takes no address from the pool."""
    for _ in range(3):
        aaa.server.refusing = True
        must_not_get_in(peer, aaa, "RFC3579-2.1-1", quiet="RFC7296-2.21.2-1")
    must_get_in(peer, NOBODY)


@purpose("aaa-authz-challenge", "RFC2865-4.4-2", NOBODY, role="responder", needs=ASKS, connection=USER)
def test_challenge(peer: Peer, aaa: Aaa) -> None:
    """An Access-Challenge, which nobody can answer, keeps us out."""
    aaa.server.always = bend.code(Code.ACCESS_CHALLENGE).only(Code.ACCESS_ACCEPT)
    must_not_get_in(peer, aaa, "RFC2865-4.4-2", quiet="RFC7296-2.21.2-1")


@purpose(
    "aaa-authz-silence", NOBODY, "RFC7296-2.21.2-1", role="responder", needs=ASKS, connection=USER, waits=5.0,
)  # fmt: skip
def test_silence(peer: Peer, aaa: Aaa) -> None:
    """Where the server does not answer nobody gets in without its word, and we are told at last."""
    aaa.server.muted = True
    must_not_get_in(peer, aaa, NOBODY, quiet="RFC7296-2.21.2-1")


@purpose(
    "aaa-authz-false", "RFC2865-4.2-1", NOBODY, role="responder", needs=ASKS, connection=USER,
)  # fmt: skip
def test_false(peer: Peer, aaa: Aaa) -> None:
    """An Access-Accept with a wrong Response Authenticator before the true Access-Reject counts for nothing."""
    aaa.server.refusing = True
    aaa.server.false = bend.wrong_authenticator().only(Code.ACCESS_REJECT)
    must_not_get_in(peer, aaa, "RFC2865-4.2-1")


@purpose(
    "aaa-authz-late", "RFC2865-2.5-1", "RFC7296-2.1-2", role="responder", needs=ASKS, connection=USER, waits=3.0,
)  # fmt: skip
def test_late(peer: Peer, aaa: Aaa) -> None:
    """While the server thinks for 1.2 s our repetitions ask it nothing anew, and get one answer."""
    aaa.server.always = bend.late(1.2).only(Code.ACCESS_ACCEPT)
    with patient(peer, PATIENCE):
        must_get_in(peer, NAMED)
    same = {one.packet.octets for one in aaa.requests()}
    peer.check(len(same) == 1, "one request", f"{len(same)} different ones", "RFC2865-2.5-1")


@purpose(
    "aaa-authz-rekey", "RFC2865-5.8-1", NAMED, role="responder", needs=(*ASKS, Capability.REKEY_IKE), connection=USER,
)  # fmt: skip
def test_rekey(peer: Peer, aaa: Aaa) -> None:
    """A rekey asks about nobody; whoever comes back is asked about anew, and gets what is granted now."""
    sa = must_get_in(peer, NAMED)
    sa.rekey()
    peer.check(len(asked(aaa)) == 1, "no further Access-Request", len(asked(aaa)) - 1, NAMED)
    sa.rekeyed.delete()
    wanted = f"{aaa.server.pool.rpartition('.')[0]}.88"
    aaa.server.plain = grant.address(wanted)
    got = assigned(must_get_in(peer, NAMED))
    peer.check(got == wanted, f"INTERNAL_IP4_ADDRESS {wanted}", got, "RFC2865-5.8-1")


# --- by which name ----------------------------------------------------------------------------------------------------


def rule(words: str, name: str, kind: IdType | None = None) -> Setup:
    """It asks by this part of our name."""
    return authorized(Authorization(user=words), called(name, kind))


@purpose(
    "aaa-authz-host", NAMED, role="responder", needs=ASKS, connection=rule("fqdn:host", "router1.domain1.example"),
    ordinary=True,
)  # fmt: skip
def test_host(peer: Peer, aaa: Aaa) -> None:
    """The host of an FQDN is what stands before the first dot."""
    must_ask(peer, aaa, "router1")


@purpose(
    "aaa-authz-domain", NAMED, role="responder", needs=ASKS, connection=rule("fqdn:domain", "router1.domain1.example"),
    ordinary=True,
)  # fmt: skip
def test_domain(peer: Peer, aaa: Aaa) -> None:
    """The domain of an FQDN is all that stands behind the first dot."""
    must_ask(peer, aaa, "domain1.example")


@purpose(
    "aaa-authz-mail-user", NAMED, role="responder", needs=ASKS, connection=rule("email:user", "alice@example.org"),
    ordinary=True,
)  # fmt: skip
def test_mail_user(peer: Peer, aaa: Aaa) -> None:
    """The user of a mail address is what stands before the @."""
    must_ask(peer, aaa, "alice")


@purpose(
    "aaa-authz-mail-domain", NAMED, role="responder", needs=ASKS, connection=rule("email:domain", "alice@example.org"),
    ordinary=True,
)  # fmt: skip
def test_mail_domain(peer: Peer, aaa: Aaa) -> None:
    """The domain of a mail address is what stands behind the @."""
    must_ask(peer, aaa, "example.org")


@purpose(
    "aaa-authz-fixed", NAMED, role="responder", needs=ASKS, connection=rule("=everybody", "router1.domain1.example"),
    ordinary=True,
)  # fmt: skip
def test_fixed(peer: Peer, aaa: Aaa) -> None:
    """Where one name stands for everybody, it is asked about that."""
    must_ask(peer, aaa, "everybody")


@purpose(
    "aaa-authz-several", NAMED, role="responder", needs=ASKS,
    connection=rule("fqdn:host email:domain", "alice@example.org"), ordinary=True,
)  # fmt: skip
def test_several(peer: Peer, aaa: Aaa) -> None:
    """Of rules for several kinds of identities that of ours is taken."""
    must_ask(peer, aaa, "example.org")


BY_HOST = key_by_aaa(name=Identity.of("router1.domain1.example"), aaa_name="fqdn:host")


@purpose(
    "aaa-psk-host", NAMED, role="responder", needs=(*ASKS, Capability.AAA_KEYS),
    connection=BY_HOST, ordinary=True,
)  # fmt: skip
def test_key_host(peer: Peer, aaa: Aaa) -> None:
    """The key is asked for by the host of our FQDN, where the device is told so."""
    must_ask(peer, aaa, "router1")


@purpose("aaa-psk-nameless", NAMED, NOBODY, role="responder", needs=(*ASKS, Capability.AAA_KEYS), connection=BY_HOST)
def test_key_nameless(peer: Peer, aaa: Aaa) -> None:
    """For an FQDN without a domain no key is asked for by its host, and nobody comes in."""
    must_ask_nobody(peer, aaa, Identity.of("router1"))


@purpose("aaa-psk-other-kind", NAMED, NOBODY, role="responder", needs=(*ASKS, Capability.AAA_KEYS), connection=BY_HOST)
def test_key_other_kind(peer: Peer, aaa: Aaa) -> None:
    """A key ID that reads like an FQDN is none: where there is a rule for FQDNs only no key is asked for."""
    must_ask_nobody(peer, aaa, Identity(IdType.KEY_ID, b"router1.domain1.example"))


def distinguished(**fields: str) -> Identity:
    """A DN with these fields, by their words in `x509.oid.NameOID`."""
    found = [x509.NameAttribute(getattr(NameOID, word.upper()), value) for word, value in fields.items()]
    return Identity(IdType.DER_ASN1_DN, x509.Name(found).public_bytes())


UNIT = key_by_aaa(
    name=distinguished(common_name="spoke1", organizational_unit_name="Eng, West=1", organization_name="Example"),
    aaa_name="dn:organization-unit",
)


@purpose(
    "aaa-psk-dn", NAMED, role="responder", needs=(*ASKS, Capability.AAA_KEYS), connection=UNIT, ordinary=True,
)  # fmt: skip
def test_dn(peer: Peer, aaa: Aaa) -> None:
    """One field of a DN is the name, whole, with what would be a separator in its text."""
    must_ask(peer, aaa, "Eng, West=1")


@purpose("aaa-psk-dn-letters", NAMED, role="responder", needs=(*ASKS, Capability.AAA_KEYS), connection=key_by_aaa(
    name=distinguished(common_name="Füße", organization_name="Example"), aaa_name="dn:common-name"), ordinary=True,
)  # fmt: skip
def test_dn_letters(peer: Peer, aaa: Aaa) -> None:
    """A field with letters that are no ASCII is the name as it is."""
    must_ask(peer, aaa, "Füße")


@purpose("aaa-psk-dn-missing", NAMED, NOBODY, role="responder", needs=(*ASKS, Capability.AAA_KEYS), connection=UNIT)
def test_dn_missing(peer: Peer, aaa: Aaa) -> None:
    """For a DN without that field no key is asked for by another one, and nobody comes in."""
    must_ask_nobody(peer, aaa, distinguished(common_name="Eng", organization_name="Eng"))


# --- users and groups -------------------------------------------------------------------------------------------------

SPOKE = "spoke1.example.org"


def in_two_ways(**changes: Any) -> Setup:
    """It asks about the host as a user and about the domain as a group."""
    return authorized(Authorization(user="fqdn:host", group="fqdn:domain", **changes), called(SPOKE))


BOTH = in_two_ways()


def knowing(aaa: Aaa, user: list[Attribute], group: list[Attribute]) -> None:
    """What the server knows of both."""
    aaa.server.grants |= {"spoke1": user, "example.org": group}


@purpose("aaa-authz-both", NAMED, role="responder", needs=ASKS, connection=BOTH, ordinary=True)
def test_both(peer: Peer, aaa: Aaa) -> None:
    """It is asked about the user and about his group, by a part of the name each."""
    must_ask(peer, aaa, "spoke1", "example.org")


@purpose("aaa-authz-user-refused", "RFC3579-2.1-1", NOBODY, role="responder", needs=ASKS, connection=BOTH)
def test_user_refused(peer: Peer, aaa: Aaa) -> None:
    """A user who is rejected does not come in by his group."""
    aaa.server.unknown.add("spoke1")
    must_not_get_in(peer, aaa, "RFC3579-2.1-1", quiet="RFC7296-2.21.2-1")


@purpose("aaa-authz-group-refused", "RFC3579-2.1-1", NOBODY, role="responder", needs=ASKS, connection=BOTH)
def test_group_refused(peer: Peer, aaa: Aaa) -> None:
    """A user whose group is rejected does not come in by himself."""
    aaa.server.unknown.add("example.org")
    must_not_get_in(peer, aaa, "RFC3579-2.1-1", quiet="RFC7296-2.21.2-1")


def must_be_given(peer: Peer, address: str, *servers: str) -> None:
    """We get this address and these name servers."""
    sa = peer.sa()
    sa.init()
    answer = sa.auth(asking())
    sa.must_be_established()
    peer.check(assigned(sa) == address, f"INTERNAL_IP4_ADDRESS {address}", assigned(sa), "RFC2865-5.8-1")
    found = addresses(peer, answer, DNS, "RFC2548-2.7-1")
    peer.check(found == list(servers), f"INTERNAL_IP4_DNS {', '.join(servers)}", ", ".join(found), "RFC2548-2.7-1")


@purpose(
    "aaa-authz-merge", "RFC2865-5.8-1", "RFC2548-2.7-1", role="responder", needs=(*ASKS, Capability.AAA_DNS),
    connection=BOTH,
)  # fmt: skip
def test_merge(peer: Peer, aaa: Aaa) -> None:
    """What is granted to the user only and what is granted to his group only comes in one CFG_REPLY."""
    address = f"{aaa.server.pool.rpartition('.')[0]}.88"
    knowing(aaa, grant.address(address), grant.dns("10.77.9.1", "10.77.9.2"))
    must_be_given(peer, address, "10.77.9.1", "10.77.9.2")


@purpose(
    "aaa-authz-user-first", "RFC2865-5.8-1", "RFC2548-2.7-1", role="responder", needs=(*ASKS, Capability.AAA_DNS),
    connection=BOTH,
)  # fmt: skip
def test_user_first(peer: Peer, aaa: Aaa) -> None:
    """What is granted to both is as it is granted to the user."""
    pool = aaa.server.pool.rpartition(".")[0]
    knowing(
        aaa,
        [*grant.address(f"{pool}.88"), *grant.dns("10.77.9.1")],
        [*grant.address(f"{pool}.89"), *grant.dns("10.77.9.3")],
    )
    must_be_given(peer, f"{pool}.88", "10.77.9.1")


@purpose(
    "aaa-authz-group-first", "RFC2865-5.8-1", "RFC2548-2.7-1", role="responder", needs=(*ASKS, Capability.AAA_DNS),
    connection=in_two_ways(group_first=True),
)  # fmt: skip
def test_group_first(peer: Peer, aaa: Aaa) -> None:
    """Where the group goes before the user, what is granted to both is as it is granted to the group."""
    pool = aaa.server.pool.rpartition(".")[0]
    knowing(
        aaa,
        [*grant.address(f"{pool}.88"), *grant.dns("10.77.9.1")],
        [*grant.address(f"{pool}.89"), *grant.dns("10.77.9.3")],
    )
    must_be_given(peer, f"{pool}.89", "10.77.9.3")


# --- what comes with the proof ----------------------------------------------------------------------------------------

CACHED = authorized(Authorization(cached=True), key_by_aaa())
KEYED = (*ASKS, Capability.AAA_KEYS)


@purpose("aaa-authz-cached", "RFC2865-5.8-1", role="responder", needs=KEYED, connection=CACHED)
def test_cached(peer: Peer, aaa: Aaa) -> None:
    """Where that counts, the address that came along with the key is ours, and nothing further is asked."""
    wanted = f"{aaa.server.pool.rpartition('.')[0]}.88"
    aaa.server.plain = [*aaa.server.plain, *grant.address(wanted)]
    got = assigned(must_ask(peer, aaa, str(peer.connection.local.identity)))
    peer.check(got == wanted, f"INTERNAL_IP4_ADDRESS {wanted}", got, "RFC2865-5.8-1")


@purpose("aaa-authz-uncached", NAMED, role="responder", needs=(Capability.AAA, Capability.AAA_KEYS),
         connection=key_by_aaa())  # fmt: skip
def test_uncached(peer: Peer, aaa: Aaa) -> None:
    """Where it does not count, the address that came along with the key is nobody's."""
    unwanted = f"{aaa.server.pool.rpartition('.')[0]}.88"
    aaa.server.plain = [*aaa.server.plain, *grant.address(unwanted)]
    got = assigned(must_ask(peer, aaa, str(peer.connection.local.identity)))
    peer.check(got != unwanted, f"another address than {unwanted}", got, NAMED)


@purpose(
    "aaa-authz-eap-name", NAMED, "RFC2865-5.1-2", role="responder", needs=ASKS,
    connection=authorized(Authorization(user="all", group="eap:realm", cached=True), by_aaa()), canary=False,
)  # fmt: skip
def test_eap_name(peer: Peer, aaa: Aaa) -> None:
    """After EAP it is asked about the name that the server has given the user, and about the realm of that."""
    aaa.server.granted = [("User-Name", "somebody@realm.example")]
    must_ask(peer, aaa, "somebody@realm.example", "realm.example")
