"""Each family of ciphers for ESP: what an offer says of it, IVs, ICVs, keys with salt; and traffic that proves them.

Traffic that both sides can read has the right keys, salts and ICV lengths. What is left to see are sizes and IVs.
"""

from itertools import pairwise

from conformance.ipsec.ip import UDP, parse
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.traffic import Arrived
from conformance.script.verdict import NotApplicable
from conformance.wire import SA, AttributeType, Encr, ExchangeType, Integ, ProtocolID, Transform, TransformType
from suites.choices import ESP, those
from suites.connections import Setup, usual
from suites.data_plane.sizes import sizes
from suites.data_plane.steps import DATA, each_suite
from suites.dut import Dut
from suites.purpose import purpose

GCM = ("aes128gcm16", "aes192gcm16", "aes256gcm16", "aes128gcm12", "aes256gcm12", "aes128gcm8", "aes256gcm8")
GMAC = ("aes128gmac", "aes256gmac")
CHACHA = ("chacha20poly1305",)
CTR = ("aes128ctr-sha256", "aes256ctr-sha256", "aes128ctr-sha1")
CBC = ("aes128-sha256", "aes192-sha384", "aes256-sha512")
PACKETS = 12
FAR_APART = 20
"""Bits that two IVs of 128 differ in at least. Of random ones half do; less than this once in 10^15 pairs."""


def esp_of(words: tuple[str, ...]) -> Setup:
    """A connection with those of these suites for ESP that the device takes."""
    return usual(esp=those(words, ESP))


def iv_of(sa: ScriptedSa, found: Arrived) -> bytes:
    """The IV of an ESP packet, behind SPI and sequence number."""
    outer = parse(found.wire)
    at = outer.payload_at + (8 if outer.protocol == UDP else 0) + 8
    return found.wire[at : at + sa.child.suite.cipher.iv_size]


def ivs(sa: ScriptedSa, octets: int, size: str) -> list[bytes]:
    """The IVs of some packets of the device, each so long."""
    found = [iv_of(sa, sa.traffic.ping(requirement=size)) for _ in range(PACKETS)]
    sa.peer.check({*map(len, found)} == {octets}, f"IVs of {octets} octets", found[0].hex(), size)
    return found


def carries(sa: ScriptedSa, size: str, unique: str, icv: str, *, random: str = "") -> None:
    """Traffic passes, packets are as long as they must be, and no IV comes twice; ``random``: nor is it a counter."""
    found = ivs(sa, 16 if random else 8, size)
    once = len(set(found)) == len(found)
    sa.peer.check(once, "another IV in each packet", ", ".join(one.hex() for one in found), unique)
    near = min((int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count() for a, b in pairwise(found))
    if random:
        sa.peer.check(near >= FAR_APART, "IVs that look random", f"two that differ in {near} bits", random)
    sizes(sa.peer, sa, (28, 61, 1000), icv)


def everything_carries(peer: Peer, size: str, unique: str, icv: str, *, random: str = "") -> None:
    """The same for each of our suites that the device takes."""
    for _, sa in each_suite(peer):
        carries(sa, size, unique, icv, random=random)


def opened(peer: Peer, dut: Dut) -> tuple[ScriptedSa, list[Transform]]:
    """An IKE SA of the device's with its Child SA, and the transforms that it has offered for ESP."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    offer = peer.expect(request.message, SA)
    sa.answer(request)
    with peer.preamble("a Child SA"):
        sa.must_be_established()
        sa.liveness()  # a kernel may have to load a cipher first
        sa.traffic.ping()
    return sa, [each for one in offer.proposals if one.protocol == ProtocolID.ESP for each in one.transforms]


def lengths(offered: list[Transform], kind: Encr) -> list[int | None]:
    """The Key Length attributes of a cipher in an offer, None for one without."""
    found = [one for one in offered if one.type == TransformType.ENCR and one.id == kind]
    return [next((int(a.value) for a in one.attributes if a.type == AttributeType.KEY_LENGTH), None) for one in found]


def names_keys(peer: Peer, offered: list[Transform], kinds: tuple[Encr, ...], requirement: str) -> None:
    """Each transform of these ciphers says how long its key is."""
    for kind in kinds:
        found = lengths(offered, kind)
        right = all(one in (128, 192, 256) for one in found)
        peer.check(right, f"Key Length 128, 192 or 256 with {kind.name}", found, requirement)


GCMS = (Encr.AES_GCM_16, Encr.AES_GCM_12, Encr.AES_GCM_8)
RULES_GCM = ("RFC4106-3.1-1", "RFC4106-3.1-2", "RFC4106-6-1")
RULES_GMAC = ("RFC4543-3.1-1", "RFC4543-3.1-2", "RFC4543-3.5-1")
RULES_CHACHA = ("RFC7634-2-2", "RFC7634-2-1", "RFC7634-2-3")
RULES_CTR = ("RFC3686-3.1-1", "RFC3686-3.1-2", "RFC3686-5.1-1")
RULES_CBC = ("RFC3602-3-1", "RFC3602-3-3", "RFC4868-2.3-1")


@purpose(
    "data-gcm", *RULES_GCM, "RFC4106-2-1", "RFC4106-8.1-1", "RFC4106-4-1", "RFC8221-5-6", role="responder",
    needs=(DATA,), connection=esp_of(GCM),
)  # fmt: skip
def test_gcm(peer: Peer) -> None:
    """AES-GCM with each key and ICV: an IV of 8 octets that never comes twice, and a salt behind the key."""
    everything_carries(peer, *RULES_GCM)


@purpose(
    "data-gcm-initiator", *RULES_GCM, "RFC4106-8.3-1", "RFC4106-8.1-1", "RFC8221-5-6", role="initiator", needs=(DATA,),
    connection=esp_of(GCM),
)  # fmt: skip
def test_gcm_initiator(peer: Peer, dut: Dut) -> None:
    """The same where the device asks for it; its offer says how long the keys are."""
    sa, offered = opened(peer, dut)
    names_keys(peer, offered, GCMS, "RFC4106-8.3-1")
    carries(sa, *RULES_GCM)


@purpose(
    "data-gmac", *RULES_GMAC, "RFC4543-5.3-1", "RFC4543-3-1", role="responder", needs=(DATA,), connection=esp_of(GMAC)
)
def test_gmac(peer: Peer) -> None:
    """AES-GMAC, which protects and hides nothing: an IV of 8 octets that never comes twice, an ICV of 16."""
    for _, sa in each_suite(peer):
        found = sa.traffic.ping(requirement="RFC4543-3-1")
        readable = found.inner is not None and found.inner in found.wire
        peer.check(readable, "the inner packet as it is", found.wire.hex(), "RFC4543-3-1")
        carries(sa, *RULES_GMAC)


@purpose(
    "data-gmac-initiator", *RULES_GMAC, "RFC4543-5.2-1", "RFC4543-5.3-1", role="initiator", needs=(DATA,),
    connection=esp_of(GMAC),
)  # fmt: skip
def test_gmac_initiator(peer: Peer, dut: Dut) -> None:
    """The same where the device asks for it; its offer says how long the keys are."""
    sa, offered = opened(peer, dut)
    names_keys(peer, offered, (Encr.NULL_AUTH_AES_GMAC,), "RFC4543-5.2-1")
    carries(sa, *RULES_GMAC)


@purpose("data-chacha", *RULES_CHACHA, "RFC8221-5-7", role="responder", needs=(DATA,), connection=esp_of(CHACHA))
def test_chacha(peer: Peer) -> None:
    """ChaCha20-Poly1305: an IV of 8 octets that never comes twice, a salt behind the key, an ICV of 16 octets."""
    everything_carries(peer, *RULES_CHACHA)


@purpose(
    "data-chacha-initiator", *RULES_CHACHA, "RFC7634-4-1", "RFC7634-4-2", "RFC8221-5-7", role="initiator",
    needs=(DATA,), connection=esp_of(CHACHA),
)  # fmt: skip
def test_chacha_initiator(peer: Peer, dut: Dut) -> None:
    """The same where the device asks for it; its key has one length, and there is no integrity algorithm beside it."""
    sa, offered = opened(peer, dut)
    found = lengths(offered, Encr.CHACHA20_POLY1305)
    peer.check(found == [None] * len(found), "no Key Length with ChaCha20-Poly1305", found, "RFC7634-4-1")
    beside = [one.id for one in offered if one.type == TransformType.INTEG and one.id != Integ.NONE]
    peer.check(not beside, "no integrity algorithm but NONE", beside, "RFC7634-4-2")
    carries(sa, *RULES_CHACHA)


@purpose(
    "data-ctr", *RULES_CTR, "RFC3686-3.3-1", "RFC3686-2.3-1", role="responder", needs=(DATA,), connection=esp_of(CTR)
)
def test_ctr(peer: Peer) -> None:
    """AES-CTR with an integrity algorithm: an IV of 8 octets that never comes twice, and a nonce behind the key."""
    everything_carries(peer, *RULES_CTR)


@purpose(
    "data-ctr-initiator", *RULES_CTR, "RFC3686-5.2-1", "RFC3686-3.3-1", "RFC3686-2.3-1", role="initiator",
    needs=(DATA,), connection=esp_of(CTR),
)  # fmt: skip
def test_ctr_initiator(peer: Peer, dut: Dut) -> None:
    """The same where the device asks for it; its offer says how long the keys are, and has integrity with it."""
    sa, offered = opened(peer, dut)
    names_keys(peer, offered, (Encr.AES_CTR,), "RFC3686-5.2-1")
    integrity = [one.id for one in offered if one.type == TransformType.INTEG]
    peer.check(integrity and Integ.NONE not in integrity, "an integrity algorithm", integrity, "RFC3686-3.3-1")
    carries(sa, *RULES_CTR)


@purpose(
    "data-cbc", *RULES_CBC, "RFC3602-3-2", "RFC3602-2.4-1", "RFC4868-2.1.1-1", "RFC8221-5-4", "RFC8221-6-5",
    "RFC3602-2.3-1", role="responder", needs=(DATA,), connection=esp_of(CBC),
)  # fmt: skip
def test_cbc(peer: Peer) -> None:
    """AES-CBC with HMAC-SHA-2 of each size: random IVs of 16 octets, whole blocks, and half of the digest as ICV."""
    everything_carries(peer, *RULES_CBC, random="RFC3602-3-2")


@purpose(
    "data-cbc-initiator", *RULES_CBC, "RFC3602-3-2", "RFC3602-5.3-1", "RFC4868-2.1.1-1", "RFC8221-5-4", "RFC8221-6-5",
    "RFC3602-2.3-1", role="initiator",
    needs=(DATA,), connection=esp_of(CBC),
)  # fmt: skip
def test_cbc_initiator(peer: Peer, dut: Dut) -> None:
    """The same where the device asks for it; its offer says how long the keys are."""
    sa, offered = opened(peer, dut)
    if not lengths(offered, Encr.AES_CBC):
        raise NotApplicable("the device offers no AES-CBC")
    names_keys(peer, offered, (Encr.AES_CBC,), "RFC3602-5.3-1")
    carries(sa, *RULES_CBC, random="RFC3602-3-2")


OTHERS = {
    "RFC8221-5-3": ("null-sha256", "null-sha1"),
    "RFC8221-5-5": ("aes128ccm8", "aes256ccm8"),
    "RFC8221-6-3": ("aes128-sha1",),
    "RFC8221-6-4": ("aes128-aesxcbc",),
    "RFC8221-6-5": ("aes128-sha256",),
    "RFC8221-6-6": ("aes256-sha512",),
}
"""What else RFC 8221 wants, by requirement."""


def one_passes(peer: Peer, dut: Dut, requirement: str) -> None:
    """A Child SA that the device has asked for with such a suite carries packets of whatever size."""
    sa, _ = opened(peer, dut)
    sizes(peer, sa, (28, 61, 1000), requirement)


@purpose(
    "data-null-initiator", "RFC8221-5-3", "RFC4303-3.2.1-1", role="initiator", needs=(DATA,),
    connection=esp_of(OTHERS["RFC8221-5-3"]),
)  # fmt: skip
def test_null_initiator(peer: Peer, dut: Dut) -> None:
    """A Child SA of the device's without encryption."""
    one_passes(peer, dut, "RFC8221-5-3")


@purpose("data-ccm-initiator", "RFC8221-5-5", role="initiator", needs=(DATA,), connection=esp_of(OTHERS["RFC8221-5-5"]))
def test_ccm_initiator(peer: Peer, dut: Dut) -> None:
    """A Child SA of the device's with AES-CCM and an ICV of 8 octets."""
    one_passes(peer, dut, "RFC8221-5-5")


@purpose(
    "data-sha1-initiator", "RFC8221-6-3", role="initiator", needs=(DATA,), connection=esp_of(OTHERS["RFC8221-6-3"])
)
def test_sha1_initiator(peer: Peer, dut: Dut) -> None:
    """A Child SA of the device's with HMAC-SHA-1, of which 96 bits are the ICV."""
    one_passes(peer, dut, "RFC8221-6-3")


@purpose(
    "data-xcbc-initiator", "RFC8221-6-4", role="initiator", needs=(DATA,), connection=esp_of(OTHERS["RFC8221-6-4"])
)
def test_xcbc_initiator(peer: Peer, dut: Dut) -> None:
    """A Child SA of the device's with AES-XCBC, of which 96 bits are the ICV."""
    one_passes(peer, dut, "RFC8221-6-4")


@purpose(
    "data-sha512-initiator", "RFC8221-6-6", role="initiator", needs=(DATA,), connection=esp_of(OTHERS["RFC8221-6-6"])
)
def test_sha512_initiator(peer: Peer, dut: Dut) -> None:
    """A Child SA of the device's with HMAC-SHA-2-512, of which 256 bits are the ICV."""
    one_passes(peer, dut, "RFC8221-6-6")


@purpose(
    "data-mandatory", *OTHERS, role="responder", needs=(DATA,),
    connection=esp_of(tuple(word for words in OTHERS.values() for word in words)),
)  # fmt: skip
def test_mandatory(peer: Peer) -> None:
    """What else is to be implemented for ESP, as far as the device takes it, carries packets of whatever size."""
    for words, sa in each_suite(peer):
        requirement = next(one for one, known in OTHERS.items() if words in known)
        sizes(peer, sa, (28, 61, 1000), requirement)
