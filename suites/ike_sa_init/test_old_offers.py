"""The default offer of routers that have been running for ten years (RFC 7296, section 2.7; RFC 8247)."""

from conformance.crypto.keywords import keyword
from conformance.crypto.suite import keywords
from conformance.ike.core.proposals import groups, parsed
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from conformance.wire import SA
from suites.choices import IKE, those
from suites.connections import usual
from suites.ike_sa_init.steps import normal, refused
from suites.purpose import purpose

OLD = (
    "aes256-aes192-aes128-prfsha512-prfsha384-prfsha256-prfsha1-prfmd5-sha512-sha384-sha256-sha1-md5-modp1536-modp1024",
)
"""One proposal in falling strength, with a KE payload of group 5."""
BEST = ("aes256-sha512-modp1536", "aes256-sha384-modp1536", "aes256-sha256-modp1536")


@purpose("init-old-offer", "RFC7296-2.7-3", "RFC7296-2.7-4", "RFC8247-2.4-3", "RFC8247-2.4-4", role="responder")
def test_refused(peer: Peer) -> None:
    """AES with SHA-2, SHA-1 and MD5, and groups 5 and 2, as old routers offer it: a device that was not told refuses.

    However good the cipher is, none of these groups is what it is configured for.
    """
    known = {one for one in groups(parsed(peer.connection.proposals)) if one in groups(parsed(OLD))}
    if known:
        names = " and ".join(one.name for one in known)
        raise NotApplicable(f"the device was told to take {names}")
    refused(peer, None, "RFC7296-2.7-3", sa=peer.sa(proposals=OLD))


@purpose(
    "init-old-offer-taken", "RFC7296-2.7-3", "RFC7296-2.7-5", "RFC7296-1.2-4", role="responder",
    connection=usual(proposals=those(BEST, IKE)),
)  # fmt: skip
def test_taken(peer: Peer) -> None:
    """A device that takes AES-256 with SHA-2 and group 5 finds that in the offer, and takes nothing else."""
    sa = peer.sa(proposals=OLD)
    chosen = peer.expect(normal(peer, sa.init(), "RFC7296-2.7-3"), SA).proposals[0]
    told = {one for each in parsed(peer.connection.proposals) for one in each.transforms}
    beyond = [keyword(one) for one in chosen.transforms if one not in told]
    peer.check(not beyond, "nothing that it was not told to take", keywords(chosen), "RFC7296-2.7-3")
    sa.auth()
    sa.must_be_established("RFC7296-2.7-3")
