"""Distinguished names: which subject is ours, and which name of an issuer is that of an authority (RFC 5280, 7.1).

A device may compare our identity with the subject octet by octet, or as texts (RFC 4945, section 3.1.5). Names of
issuers and subjects it compares as texts.
"""

from dataclasses import replace

from conformance.crypto.dn import Attribute, Parts
from conformance.crypto.pki import Leaf, new_key
from conformance.ike.core.connection import PublicKey
from conformance.script.peer import Peer
from suites.certificates.naming import (  # fmt: skip
    COMMON_NAME,
    LOCALITY,
    ORGANIZATION,
    UNIT,
    Rename,
    changed,
    common_name,
    glued,
    issued_by,
    joined,
    more_blanks,
    other_case,
    other_string,
    our_name,
    subject,
    two_octets,
)
from suites.certificates.paths import between, ours
from suites.certificates.roles import accepted, certificate, refused, taken_or_refused
from suites.ike_auth.steps import distinguished, trusted

TIER = "full"

_SUBJECT = ("RFC4945-3.1.5-2", "RFC4945-3.1.5-1")
_MATCH = ("RFC4945-3.1.5-2", "RFC5280-7.1-2")
_ISSUER = ("RFC5280-6.1.3-3", "RFC5280-7.1-2")
_TEXTS = ("RFC5280-7.1-1", "RFC5280-6.1.3-3")
_MORE = Attribute(UNIT, b"more")


# --- our subject, by its parts ----------------------------------------------------------------------------------------


def parts(peer: Peer) -> list[str]:
    """Our distinguished name, the most special part first."""
    auth = peer.connection.local.auth
    assert isinstance(auth, PublicKey)
    return [one.rfc4514_string() for one in reversed(list(auth.chain[0].subject.rdns))]


@refused("cert-dn-shorter", *_SUBJECT, connection=distinguished())
def test_dn_shorter(peer: Peer) -> Leaf:
    """A subject without the last of our parts, the common name, belongs to somebody else."""
    return certificate(peer, trusted(peer), subject=",".join(parts(peer)[1:]))


@refused("cert-dn-longer", *_SUBJECT, connection=distinguished())
def test_dn_longer(peer: Peer) -> Leaf:
    """A subject that has all of our parts and one more belongs to somebody else."""
    return certificate(peer, trusted(peer), subject=",".join(["CN=more", *parts(peer)]))


@refused("cert-dn-order", *_SUBJECT, connection=distinguished())
def test_dn_order(peer: Peer) -> Leaf:
    """A subject with our parts in reverse order belongs to somebody else."""
    return certificate(peer, trusted(peer), subject=",".join(reversed(parts(peer))))


@refused("cert-dn-wildcard", *_SUBJECT, connection=distinguished())
def test_dn_wildcard(peer: Peer) -> Leaf:
    """A star for our common name, and our parts for the rest: a subject is no pattern."""
    return certificate(peer, trusted(peer), subject=",".join(["CN=*", *parts(peer)[1:]]))


@refused("cert-dn-empty", *_SUBJECT, connection=distinguished())
def test_dn_empty(peer: Peer) -> Leaf:
    """A certificate without a subject, which has a domain name instead, is not that of whoever has one."""
    return certificate(peer, trusted(peer), "tester.ikespec.example", subject="")


# --- our subject, octet by octet --------------------------------------------------------------------------------------


def named(peer: Peer, name: Parts) -> Leaf:
    """A certificate of the authority that the device trusts, with this subject."""
    issuer = trusted(peer)
    return subject(issuer.issue("CN=tester", key=new_key("ecdsa")), issuer, name)


@refused("cert-dn-between", *_MATCH, connection=distinguished())
def test_dn_between(peer: Peer) -> Leaf:
    """A subject with all of our parts and one more among them belongs to somebody else."""
    name = our_name(peer)
    return named(peer, (*name[:-1], (_MORE,), *name[-1:]))


@refused("cert-dn-above", *_MATCH, connection=distinguished())
def test_dn_above(peer: Peer) -> Leaf:
    """A subject that ends with all of our parts, and begins with one more, belongs to somebody else."""
    return named(peer, ((_MORE,), *our_name(peer)))


@refused("cert-dn-twice", *_MATCH, connection=distinguished())
def test_dn_twice(peer: Peer) -> Leaf:
    """A subject with all of our parts, the last one twice, belongs to somebody else."""
    name = our_name(peer)
    return named(peer, (*name, name[-1]))


@refused("cert-dn-common-names", *_MATCH, connection=distinguished())
def test_dn_common_names(peer: Peer) -> Leaf:
    """A subject with another common name before ours belongs to somebody else."""
    name = our_name(peer)
    return named(peer, (*name[:-1], (Attribute(COMMON_NAME, b"somebody"),), name[-1]))


@refused("cert-dn-kind", *_MATCH, connection=distinguished())
def test_dn_kind(peer: Peer) -> Leaf:
    """A subject with the text of our common name as that of a locality, one bit off, belongs to somebody else."""
    name = our_name(peer)
    return named(peer, changed(name, lambda one: replace(one, type=LOCALITY) if one.type == COMMON_NAME else one))


@refused("cert-dn-joined", *_MATCH, connection=distinguished())
def test_dn_joined(peer: Peer) -> Leaf:
    """A subject with a part of two attributes where we have two parts of one belongs to somebody else."""
    return named(peer, joined(our_name(peer)))


@refused("cert-dn-comma", *_MATCH, connection=distinguished())
def test_dn_comma(peer: Peer) -> Leaf:
    """What reads like two of our parts is the text of one of them, with a comma and a word in it."""
    return named(peer, glued(our_name(peer), b", CN="))


@refused("cert-dn-slash", *_MATCH, connection=distinguished())
def test_dn_slash(peer: Peer) -> Leaf:
    """What reads like two of our parts where slashes stand between them is the text of one of them."""
    return named(peer, glued(our_name(peer), b"/CN="))


@refused("cert-dn-goes-on", *_MATCH, connection=distinguished())
def test_dn_goes_on(peer: Peer) -> Leaf:
    """A common name that begins with ours and goes on belongs to somebody else."""
    return named(peer, common_name(our_name(peer), lambda text: text + b".stranger.example"))


@refused("cert-dn-ends", *_MATCH, connection=distinguished())
def test_dn_ends(peer: Peer) -> Leaf:
    """A common name that is the beginning of ours belongs to somebody else."""
    return named(peer, common_name(our_name(peer), lambda text: text[:-1]))


@refused("cert-dn-nul", *_MATCH, connection=distinguished())
def test_dn_nul(peer: Peer) -> Leaf:
    """A common name goes on after a NUL."""
    return named(peer, common_name(our_name(peer), lambda text: text + b"\0.stranger.example"))


@refused("cert-dn-blank", *_MATCH, connection=distinguished())
def test_dn_blank(peer: Peer) -> Leaf:
    """A common name that is ours with a blank in it, where we have none, belongs to somebody else."""
    return named(peer, common_name(our_name(peer), lambda text: text[:2] + b" " + text[2:]))


# --- our subject, written otherwise: compared octet by octet, or as a text --------------------------------------------


def written(peer: Peer, change: Rename) -> Leaf:
    """A certificate with our name, each attribute written in another way."""
    return named(peer, change(our_name(peer)))


@taken_or_refused("cert-dn-case", "RFC4945-3.1.5-2", connection=distinguished())
def test_dn_case(peer: Peer) -> Leaf:
    """A subject that is ours in the other case: the device takes it for ours or refuses it."""
    return written(peer, lambda name: changed(name, other_case))


@taken_or_refused("cert-dn-blanks", "RFC4945-3.1.5-2", connection=distinguished())
def test_dn_blanks(peer: Peer) -> Leaf:
    """A subject that is ours with more blanks: the device takes it for ours or refuses it."""
    return written(peer, lambda name: changed(name, more_blanks))


@taken_or_refused("cert-dn-string", "RFC4945-3.1.5-2", connection=distinguished())
def test_dn_string(peer: Peer) -> Leaf:
    """A subject that is ours with strings of other types: the device takes it for ours or refuses it."""
    return written(peer, lambda name: changed(name, other_string))


@taken_or_refused("cert-dn-bmp", "RFC4945-3.1.5-2", connection=distinguished())
def test_dn_bmp(peer: Peer) -> Leaf:
    """A subject that is ours in BMPString, which nobody needs to read: the device takes it for ours or refuses it."""
    return written(peer, lambda name: changed(name, two_octets))


# --- the issuer -------------------------------------------------------------------------------------------------------


def under(peer: Peer, change: Rename) -> Leaf:
    """A certificate for us of a new authority, whose name in it is changed."""
    issuer = between(peer)
    return issued_by(ours(peer, issuer), issuer, change)


@accepted("cert-issuer-case", *_TEXTS)
def test_issuer_case(peer: Peer) -> Leaf:
    """Our certificate names its issuer in the other case."""
    return under(peer, lambda name: changed(name, other_case))


@accepted("cert-issuer-blanks", *_TEXTS)
def test_issuer_blanks(peer: Peer) -> Leaf:
    """Our certificate names its issuer with more blanks before, behind and between the words."""
    return under(peer, lambda name: changed(name, more_blanks))


@accepted("cert-issuer-string", *_TEXTS)
def test_issuer_string(peer: Peer) -> Leaf:
    """Our certificate names its issuer by a PrintableString where that has an UTF8String."""
    return under(peer, lambda name: changed(name, other_string))


@accepted("cert-issuer-attributes", "RFC5280-4.1.2.4-1", "RFC5280-6.1.3-3")
def test_issuer_attributes(peer: Peer) -> Leaf:
    """The name of the issuer has all attributes that everybody must read, two of them in one part."""
    word = peer.random(6).hex()
    name = f"CN=between {word}+2.5.4.5=7,ST=Zurich,2.5.4.46=one,OU=tests,O=ikespec,C=CH,DC=ikespec,DC=example"
    return ours(peer, between(peer, name=name))


@refused("cert-issuer-shorter", *_ISSUER)
def test_issuer_shorter(peer: Peer) -> Leaf:
    """Our certificate names its issuer without the last part, and has its key and signature."""
    return under(peer, lambda name: name[:-1])


@refused("cert-issuer-longer", *_ISSUER)
def test_issuer_longer(peer: Peer) -> Leaf:
    """Our certificate names its issuer with one more part, and has its key and signature."""
    return under(peer, lambda name: (*name, (_MORE,)))


@refused("cert-issuer-order", *_ISSUER)
def test_issuer_order(peer: Peer) -> Leaf:
    """Our certificate names its issuer with the parts in reverse order."""
    return under(peer, lambda name: name[::-1])


@refused("cert-issuer-kind", *_ISSUER)
def test_issuer_kind(peer: Peer) -> Leaf:
    """Our certificate names its issuer with the text of the organization as that of a unit."""
    return under(
        peer, lambda name: changed(name, lambda one: replace(one, type=UNIT) if one.type == ORGANIZATION else one)
    )


@refused("cert-issuer-joined", *_ISSUER)
def test_issuer_joined(peer: Peer) -> Leaf:
    """Our certificate names its issuer with one part of two attributes, where that has two parts."""
    return under(peer, joined)


@refused("cert-issuer-comma", *_ISSUER)
def test_issuer_comma(peer: Peer) -> Leaf:
    """What reads like two parts of the name of the issuer is the text of one of them, with a comma and a word in it."""
    return under(peer, lambda name: glued(name, b", CN="))


@refused("cert-issuer-empty", *_ISSUER)
def test_issuer_empty(peer: Peer) -> Leaf:
    """Our certificate names nobody as its issuer, and is signed with the key of an authority."""
    return under(peer, lambda name: ())
