"""A device with connections for some peers, for any, and for just one: which of them counts (RFC 4301, section 4.4.3).

Which name a connection is for is said in three degrees: a name, a domain or parts of a subject, and any name at all.
"""

from dataclasses import replace

from conformance.crypto.pki import Authority, Leaf, new_key
from conformance.ike.core.connection import Connection, Identity, Party, PublicKey
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from conformance.wire import IdType
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.connections import authority, certificates, certified, eap, psk, second_authority
from suites.ike_auth.key_ring import PROVED, comes, peers_of
from suites.ike_auth.refusal import must_be_refused
from suites.ike_auth.some_peers import (
    ENTRY,
    HOST_KEY,
    KEYED,
    NETWORK,
    behind,
    come_and_go,
    gets_no_network,
    keyed,
    part,
)
from suites.purpose import purpose

DOMAIN = "branch.ikespec.example"
DOMAIN_KEY = b"the key of all hosts of the ikespec suites"


def called(one: Connection, name: str) -> Connection:
    """That connection as a peer of another name sees it."""
    return replace(one, local=replace(one.local, identity=Identity.of(name)))


# --- a domain, and a host of it ---------------------------------------------------------------------------------------


def domain(pixit: Pixit) -> Connection:
    """A host has a key of its own, all others of its domain have another one, and each kind has its network."""
    plain = psk()(pixit)
    host = keyed(behind(plain, part(pixit, 0), plain.name), f"host.{DOMAIN}", HOST_KEY)
    others = replace(
        keyed(behind(plain, part(pixit, 1), "domain"), f"other.{DOMAIN}", DOMAIN_KEY), remote_domain=DOMAIN
    )
    return replace(host, beside=(others,))


IN_DOMAIN = (*KEYED, Capability.IDENTITY_DOMAIN)


@purpose(
    "auth-domain", "RFC4301-4.4.3.1-1", *PROVED, NETWORK, role="responder", needs=IN_DOMAIN, connection=domain,
    ordinary=True,
)  # fmt: skip
def test_domain(peer: Peer) -> None:
    """Hosts of a domain get in with the key of the domain, one that has a connection of its own with its own key."""
    host, others = peers_of(peer)
    come_and_go(peer, (host, others, called(others, f"third.{DOMAIN}")), "RFC4301-4.4.3.1-1")


@purpose("auth-domain-outside", "RFC4301-4.4.3.1-1", *PROVED, role="responder", needs=IN_DOMAIN, connection=domain)
def test_domain_outside(peer: Peer) -> None:
    """Names that only look like those of the domain do not get in with its key."""
    others = peers_of(peer)[1]
    for name in (f"other.{DOMAIN}.stranger.example", f"other-{DOMAIN}", "other.example", f"other.{DOMAIN[1:]}"):
        peer.note(name)
        must_be_refused(peer, comes(peer, called(others, name)))


@purpose("auth-domain-keys", ENTRY, *PROVED, role="responder", needs=IN_DOMAIN, connection=domain)
def test_domain_keys(peer: Peer) -> None:
    """The key of a host serves no other one, and that of its domain does not serve the host which has its own."""
    host, others = peers_of(peer)
    must_be_refused(peer, comes(peer, others, local=replace(others.local, auth=host.local.auth)))
    must_be_refused(peer, comes(peer, host, local=replace(host.local, auth=others.local.auth)))


@purpose("auth-domain-network", NETWORK, "RFC7296-2.9-3", role="responder", needs=IN_DOMAIN, connection=domain)
def test_domain_network(peer: Peer) -> None:
    """A host of the domain does not get the network of the one that has a connection of its own, nor the reverse."""
    host, others = peers_of(peer)
    gets_no_network(peer, others, host)
    gets_no_network(peer, host, others)


# --- anybody, and somebody --------------------------------------------------------------------------------------------


def anybody(pixit: Pixit) -> Connection:
    """One peer has a key and a network; whoever else has a certificate gets in, too, with another network."""
    plain = psk()(pixit)
    us, device, trust = certified(pixit)
    somebody = behind(plain, part(pixit, 0), plain.name)
    anyone = replace(behind(plain, part(pixit, 1), "anybody"), local=us, remote=device, trust=trust, any_identity=True)
    return replace(somebody, beside=(anyone,))


ANYBODY = (*KEYED, Capability.ANY_IDENTITY)


def stranger(peer: Peer, anyone: Connection, name: str = "stranger.ikespec.example") -> Connection:
    """Somebody whom no connection names, with a certificate of the authority that the device trusts."""
    issuer = next((one for one in map(authority, ("ecdsa", "rsa")) if one.certificate in anyone.trust), None)
    if issuer is None:
        raise NotApplicable("the authority that the device trusts signs nothing for us")
    made = issuer.issue(name, sans=[name])
    return replace(anyone, local=Party(Identity.of(name), PublicKey(made.chain, made.key)), any_identity=False)


@purpose(
    "auth-anybody", ENTRY, *PROVED, NETWORK, role="responder", needs=ANYBODY, connection=anybody, ordinary=True,
)  # fmt: skip
def test_anybody(peer: Peer) -> None:
    """Whoever has a certificate gets in under any name, the one peer that is named with its own key and network."""
    somebody, anyone = peers_of(peer)
    come_and_go(peer, (somebody, stranger(peer, anyone), stranger(peer, anyone, "another.ikespec.example")), ENTRY)


@purpose("auth-anybody-key", ENTRY, *PROVED, role="responder", needs=ANYBODY, connection=anybody)
def test_anybody_key(peer: Peer) -> None:
    """Who has no name here does not get in with the key of the peer that has one."""
    somebody, _ = peers_of(peer)
    must_be_refused(peer, comes(peer, called(somebody, "stranger.ikespec.example")))


@purpose("auth-anybody-network", NETWORK, "RFC7296-2.9-3", role="responder", needs=ANYBODY, connection=anybody)
def test_anybody_network(peer: Peer) -> None:
    """The network of the one peer that is named goes to nobody else, not even under its name with a certificate."""
    somebody, anyone = peers_of(peer)
    gets_no_network(peer, stranger(peer, anyone), somebody)
    gets_no_network(peer, stranger(peer, anyone, str(somebody.local.identity)), somebody)


# --- parts of a subject -----------------------------------------------------------------------------------------------


def subject(unit: str, host: str, organization: str = "ikespec") -> str:
    """A subject with three attributes, the organization first on the wire."""
    return f"CN={host},OU={unit},O={organization}"


def wanted(unit: str) -> tuple[tuple[str, str], ...]:
    """What a connection for a unit says of subjects."""
    return ("O", "ikespec"), ("OU", unit), ("CN", "*")


def shown(made: Leaf) -> Party:
    """Whoever is called by the subject of this certificate."""
    name = Identity(IdType.DER_ASN1_DN, made.certificate.subject.public_bytes())
    return Party(name, PublicKey(made.chain, made.key))


def units(pixit: Pixit) -> Connection:
    """Two connections, for those in sales and in support, each with a network."""
    plain = certificates()(pixit)
    if pixit.credentials.ours is not None:
        raise NotApplicable("our certificate is made elsewhere")
    sales, support = (
        replace(
            behind(plain, part(pixit, number), name),
            local=shown(authority().issue(subject(unit, "first"))),
            remote_subject=wanted(unit),
        )
        for number, (name, unit) in enumerate(((plain.name, "sales"), ("support", "support")))
    )
    return replace(sales, beside=(support,))


BY_SUBJECT = (Capability.SEVERAL_CONNECTIONS, Capability.IDENTITY_SUBJECT)
SUBTREE = "RFC4301-4.4.3.1-2"


def of_unit(one: Connection, unit: str, host: str = "second", organization: str = "ikespec") -> Connection:
    """That connection for somebody of a unit."""
    return replace(one, local=shown(authority().issue(subject(unit, host, organization))))


@purpose(
    "auth-subject", SUBTREE, *PROVED, NETWORK, role="responder", needs=BY_SUBJECT, connection=units, ordinary=True,
)  # fmt: skip
def test_subject(peer: Peer) -> None:
    """Whoever has a certificate of one unit gets the network of that unit, whatever the name in it."""
    sales, support = peers_of(peer)
    come_and_go(peer, (sales, support, of_unit(sales, "sales"), of_unit(support, "support")), SUBTREE)


@purpose("auth-subject-other", SUBTREE, *PROVED, role="responder", needs=BY_SUBJECT, connection=units)
def test_subject_other(peer: Peer) -> None:
    """A certificate of another unit, of another organization, or with the unit in its name only, lets nobody in."""
    sales, _ = peers_of(peer)
    for one in (
        of_unit(sales, "accounting"),
        of_unit(sales, "sales", organization="somebody else"),
        replace(sales, local=shown(authority().issue("CN=sales,O=ikespec"))),
    ):
        peer.note(one.local.auth.chain[0].subject.rfc4514_string() if isinstance(one.local.auth, PublicKey) else "")
        must_be_refused(peer, comes(peer, one))


@purpose("auth-subject-network", NETWORK, "RFC7296-2.9-3", role="responder", needs=BY_SUBJECT, connection=units)
def test_subject_network(peer: Peer) -> None:
    """Nobody gets the network of another unit."""
    sales, support = peers_of(peer)
    gets_no_network(peer, sales, support)
    gets_no_network(peer, support, sales)


@purpose("auth-subject-claimed", *PROVED, "RFC7296-2.15-7", role="responder", needs=BY_SUBJECT, connection=units)
def test_subject_claimed(peer: Peer) -> None:
    """Who says that he is of one unit and shows a certificate of another one, or of a stranger, is not let in."""
    sales, support = peers_of(peer)
    assert isinstance(support.local.auth, PublicKey)
    must_be_refused(peer, comes(peer, replace(sales, local=replace(sales.local, auth=support.local.auth))))
    forged = Authority.create("a stranger").issue(subject("sales", "first"), key=new_key("ecdsa"))
    must_be_refused(peer, comes(peer, replace(sales, local=shown(forged))))


# --- authorities ------------------------------------------------------------------------------------------------------


def authorities(pixit: Pixit) -> Connection:
    """Two peers, and for each an authority that signs for it alone."""
    plain = certificates("ecdsa")(pixit)
    if pixit.credentials.ours is not None:
        raise NotApplicable("our certificate is made elsewhere")
    name = "second.ikespec.example"
    other = replace(
        behind(plain, part(pixit, 1), "second"),
        local=signed_by(second_authority(), name),
        trust=(second_authority().certificate,),
    )
    return replace(behind(plain, part(pixit, 0), plain.name), beside=(other,))


def signed_by(issuer: Authority, name: str) -> Party:
    """Somebody with a certificate of this authority."""
    made = issuer.issue(name, sans=[name])
    return Party(Identity.of(name), PublicKey(made.chain, made.key))


TWO = (Capability.SEVERAL_CONNECTIONS, Capability.ECDSA)
ANCHOR = "RFC4301-4.4.3.2-1"


@purpose("auth-authorities", ANCHOR, *PROVED, role="responder", needs=TWO, connection=authorities, ordinary=True)
def test_authorities(peer: Peer) -> None:
    """Each of two peers gets in with a certificate of the authority that its connection names."""
    come_and_go(peer, peers_of(peer), ANCHOR)


@purpose("auth-authorities-other", ANCHOR, *PROVED, role="responder", needs=TWO, connection=authorities)
def test_authorities_other(peer: Peer) -> None:
    """An authority that the device trusts for one peer does not speak for the other one."""
    first, second = peers_of(peer)
    for one, issuer in ((first, second_authority()), (second, authority("ecdsa"))):
        wrong = signed_by(issuer, str(one.local.identity))
        must_be_refused(peer, comes(peer, replace(one, local=wrong)))


# --- clients and branches ---------------------------------------------------------------------------------------------


def clients(pixit: Pixit) -> Connection:
    """A branch with a certificate, and beside it clients of any name that authenticate with EAP."""
    branch, client = certificates()(pixit), eap()(pixit)
    anyone = replace(behind(client, part(pixit, 1), "clients"), any_identity=True)
    return replace(behind(branch, part(pixit, 0), branch.name), beside=(anyone,))


MIXED = (Capability.SEVERAL_CONNECTIONS, Capability.ANY_IDENTITY, Capability.EAP)


def client_of(peer: Peer, name: str) -> Connection:
    """A client with EAP, called so in IKE."""
    return replace(called(peers_of(peer)[1], name), any_identity=False)


@purpose(
    "auth-clients", ENTRY, *PROVED, "RFC7296-2.16-3", role="responder", needs=MIXED, connection=clients, ordinary=True
)
def test_clients(peer: Peer) -> None:
    """Who leaves out AUTH is asked by EAP, and who has a certificate proves itself by that, at one device."""
    clients = (client_of(peer, name) for name in ("client.ikespec.example", "192.168.178.20"))
    come_and_go(peer, (peers_of(peer)[0], *clients), ENTRY)


@purpose("auth-clients-network", NETWORK, "RFC7296-2.9-3", role="responder", needs=MIXED, connection=clients)
def test_clients_network(peer: Peer) -> None:
    """A client does not get the network of the branch."""
    gets_no_network(peer, client_of(peer, "client.ikespec.example"), peers_of(peer)[0])
