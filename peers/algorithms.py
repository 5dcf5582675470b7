"""Which algorithms a device takes: that part of its PICS, in the keywords of `conformance.crypto.keywords`."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from conformance.crypto import CryptoError
from conformance.crypto.cipher import ciphers
from conformance.crypto.integ import integrities
from conformance.crypto.ke import ke_methods
from conformance.crypto.keywords import keyword
from conformance.crypto.prf import prfs
from conformance.crypto.suite import implied_prfs, proposal
from conformance.wire import Encr, KeMethod, ProtocolID, Transform, TransformType

Suite = tuple[Transform, ...]
"""One transform of each type that a suite has, ordered by type."""
Fits = Callable[[Transform], bool]
_KE = TransformType.KE
KINDS = {
    TransformType.ENCR: "cipher",
    TransformType.PRF: "PRF",
    TransformType.INTEG: "integrity algorithm",
    TransformType.KE: "key exchange method",
    TransformType.ESN: "extended sequence numbers",
}
"""What the types of transforms are called."""


def anything(one: Transform) -> bool:
    """Every transform will do."""
    return True


@dataclass(frozen=True, slots=True)
class Limits:
    """Proposals in place of all that a device takes, as `Algorithms` has them; empty: all."""

    ike: tuple[str, ...] = ()
    esp: tuple[str, ...] = ()
    ah: tuple[str, ...] = ()

    @property
    def named(self) -> list[tuple[str, ProtocolID]]:
        """Each proposal with its protocol."""
        lists = ((self.ike, ProtocolID.IKE), (self.esp, ProtocolID.ESP), (self.ah, ProtocolID.AH))
        return [(text, protocol) for texts, protocol in lists for text in texts]

    def check(self) -> None:
        """Raise CryptoError for a word that is no algorithm, or none for this protocol, and for an incomplete suite."""
        for text, protocol in self.named:
            complete(text, protocol)


@dataclass(frozen=True, slots=True)
class Algorithms:
    """What a device takes for IKE SAs, and for Child SAs with ESP and with AH.

    Each entry is a proposal, the most preferred one first. Several words of one kind mean that each goes with all the
    others: ``aes128-aes256-sha256-ecp256`` are two suites. Child SAs with a key exchange of their own take the groups
    that their entry names, and those of the IKE SAs where it names none. ``refused`` are words for what the device must
    refuse whatever goes with it; one that takes any configuration refuses all that it is not configured with.
    """

    ike: tuple[str, ...]
    esp: tuple[str, ...]
    ah: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    def texts(self, protocol: ProtocolID) -> tuple[str, ...]:
        """The entries for a protocol."""
        return {ProtocolID.IKE: self.ike, ProtocolID.ESP: self.esp, ProtocolID.AH: self.ah}[protocol]

    def suites(self, protocol: ProtocolID = ProtocolID.IKE, fits: Fits = anything, like: Suite = ()) -> Iterator[Suite]:
        """One suite of each entry that has any whose transforms all fit; it takes what it can from ``like``."""
        for entry in _entries(self.texts(protocol), protocol):
            kinds = [[one for one in found if fits(one)] for found in entry.values()]
            if all(kinds):
                yield _natural(tuple(next((one for one in found if one in like), found[0]) for found in kinds), kinds)

    def groups(self, protocol: ProtocolID) -> tuple[Transform, ...]:
        """The key exchange methods for Child SAs, or for IKE SAs."""
        named = dict.fromkeys(one for entry in _entries(self.texts(protocol), protocol) for one in entry.get(_KE, ()))
        return tuple(named) or (self.groups(ProtocolID.IKE) if protocol != ProtocolID.IKE else ())

    def transforms(self, protocol: ProtocolID) -> tuple[Transform, ...]:
        """All that the suites for a protocol are made of, each once."""
        entries = _entries(self.texts(protocol), protocol)
        found = (one for entry in entries for kind in entry.values() for one in kind)
        return tuple(dict.fromkeys((*found, *self.groups(protocol))))

    def lacks(self, text: str, protocol: ProtocolID = ProtocolID.IKE) -> str:
        """What of a proposal the device does not take, in words; empty if it takes every suite of it."""
        return _lacks(self, text, protocol)

    def within(self, limits: Limits) -> "Algorithms":
        """No more than that. Raises CryptoError for a bad word, and for what is not among them."""
        if limits == Limits():
            return self
        for text, protocol in limits.named:
            complete(text, protocol)
            if missing := self.lacks(text, protocol):
                raise CryptoError(f"does not take {missing} for {protocol.name}")
        return Algorithms(limits.ike or self.ike, limits.esp or self.esp, limits.ah or self.ah, self.refused)

    def having(self, has: Callable[[Transform, ProtocolID], bool]) -> "Algorithms":
        """Those of the algorithms that something has for a protocol; entries that lose all of one kind are left out."""

        def kept(protocol: ProtocolID) -> Iterator[str]:
            for entry in _entries(self.texts(protocol), protocol):
                found = [[one for one in kind if has(one, protocol)] for kind in entry.values()]
                if all(found):
                    yield written(one for kind in found for one in kind)

        ike, esp, ah = (tuple(kept(one)) for one in (ProtocolID.IKE, ProtocolID.ESP, ProtocolID.AH))
        return Algorithms(ike, esp, ah, self.refused)

    def common(self, other: "Algorithms") -> "Algorithms":
        """What both have, in the order of this one."""
        return self.having(lambda one, protocol: one in other.transforms(protocol))


_NEEDED = {
    ProtocolID.IKE: {TransformType.ENCR, TransformType.PRF, TransformType.INTEG, TransformType.KE},
    ProtocolID.ESP: {TransformType.ENCR, TransformType.INTEG, TransformType.ESN},
    ProtocolID.AH: {TransformType.INTEG, TransformType.ESN},
}


def complete(text: str, protocol: ProtocolID) -> None:
    """Raise CryptoError unless a proposal has all that its suites need, and nothing else."""
    found = _by_type(proposal(text, 1, protocol).transforms)
    aead = {combined(one) for one in found.get(TransformType.ENCR, ())}
    if len(aead) > 1:
        raise CryptoError(f"{text!r} has ciphers with and without integrity of their own: write two suites")
    needed = _NEEDED[protocol] - ({TransformType.INTEG} if aead == {True} else set())
    allowed = needed | ({_KE} if protocol != ProtocolID.IKE else set())
    if missing := needed - set(found):
        raise CryptoError(f"{text!r} has no {' and no '.join(KINDS[one] for one in sorted(missing))}")
    if wrong := set(found) - allowed:
        names = ", ".join(keyword(one) for kind in sorted(wrong) for one in found[kind])
        raise CryptoError(f"{text!r} has {names}, which has no place in {protocol.name} with such a cipher")


def combined(one: Transform) -> bool:
    """True for a cipher that needs no integrity algorithm beside it."""
    return isinstance(one.id, Encr) and any(word in one.id.name for word in ("GCM", "CCM", "GMAC", "POLY1305"))


def written(suite: Iterable[Transform]) -> str:
    """The keywords of a suite, without what goes without saying: the PRF of its integrity algorithm, no ESN."""
    found = _by_type(tuple(suite))
    implied = implied_prfs(found.get(TransformType.INTEG, ()))
    if found.get(TransformType.PRF) == implied:
        del found[TransformType.PRF]
    order = (TransformType.ENCR, TransformType.INTEG, TransformType.PRF, TransformType.KE, TransformType.ESN)
    words = [keyword(one) for kind in order for one in found.get(kind, ())]
    return "-".join(words if words[-1:] != ["noesn"] or "esn" in words else words[:-1])


def computable(one: Transform) -> bool:
    """Whether the reference implementation has a transform."""
    known: dict[TransformType, Iterable[int]] = {
        TransformType.ENCR: ciphers(),
        TransformType.PRF: prfs(),
        TransformType.INTEG: integrities(),
        TransformType.KE: ke_methods(),
    }
    return one.type not in known or one.id in known[one.type]


def _natural(suite: Suite, choice: Iterable[Iterable[Transform]]) -> Suite:
    """The suite with the PRF that goes with its integrity algorithm, where there is the choice."""
    implied = implied_prfs(suite)
    if not any(implied[0] in found for found in choice if implied):
        return suite
    return tuple(implied[0] if one.type == TransformType.PRF else one for one in suite)


@lru_cache(maxsize=1024)
def _lacks(algorithms: Algorithms, text: str, protocol: ProtocolID) -> str:
    """`Algorithms.lacks`, once for each device and proposal: every connection is asked about all of its own."""
    entries = _entries(algorithms.texts(protocol), protocol)
    wanted = _by_type(proposal(text, 1, protocol).transforms)
    known = set(algorithms.transforms(protocol))
    if protocol != ProtocolID.IKE and not any(_KE in entry for entry in entries):
        entries = tuple(entry | {_KE: algorithms.groups(protocol)} if _KE in wanted else entry for entry in entries)
    missing = [keyword(one) for found in wanted.values() for one in found if one not in known]
    if missing:
        implied = {keyword(one) for one in implied_prfs(wanted.get(TransformType.INTEG, ()))}
        return " and ".join([one for one in missing if one not in implied] or missing)
    whole = all(any(_has(entry, suite) for entry in entries) for suite in product(*wanted.values()))
    return "" if whole else f"the combination {text}"


def _by_type(found: Suite) -> dict[TransformType, tuple[Transform, ...]]:
    kinds = dict.fromkeys(TransformType(one.type) for one in found)
    return {kind: tuple(one for one in found if one.type == kind) for kind in kinds}


@lru_cache(maxsize=256)
def _entries(texts: tuple[str, ...], protocol: ProtocolID) -> tuple[dict[TransformType, tuple[Transform, ...]], ...]:
    return tuple(_by_type(proposal(text, 1, protocol).transforms) for text in texts)


def _has(entry: dict[TransformType, tuple[Transform, ...]], suite: Suite) -> bool:
    """Whether a suite has just the types of the entry, each with one of its transforms; a group may be left out."""
    kinds = {one.type for one in suite}
    return all(one in entry.get(TransformType(one.type), ()) for one in suite) and set(entry) - kinds <= {_KE}


_AEAD = (
    "aes128gcm16-aes256gcm16-chacha20poly1305-aes192gcm16-aes128gcm12-aes256gcm12-aes128gcm8-aes256gcm8-"
    "aes128ccm16-aes256ccm16-aes128ccm12-aes256ccm12-aes128ccm8-aes256ccm8"
)
_PLAIN = "aes128-aes256-aes192-aes128ctr-aes256ctr-camellia128-camellia256-3des"
_INTEG = "sha256-sha384-sha512-sha1-aesxcbc-aescmac"
_PRF = "prfsha256-prfsha384-prfsha512-prfsha1-prfaesxcbc-prfaescmac"
_GROUPS = (
    "x25519-ecp256-ecp384-ecp521-modp2048-modp3072-modp4096-x448-modp6144-modp8192-ecp256bp-ecp384bp-ecp512bp-"
    "modp1536-modp1024-modp2048s256-modp2048s224"
    # Not every release of the library has it.
    + "".join(
        f"-{keyword(Transform.of(one))}" for one in (KeMethod.ML_KEM_768, KeMethod.ML_KEM_1024) if one in ke_methods()
    )
)
ALL = Algorithms(
    ike=(f"{_AEAD}-{_PRF}-{_GROUPS}", f"{_PLAIN}-{_INTEG}-{_PRF}-{_GROUPS}"),
    esp=(f"{_AEAD}-aes128gmac-aes256gmac-noesn-esn", f"{_PLAIN}-null-{_INTEG}-noesn-esn"),
    ah=(f"{_INTEG}-noesn-esn",),
)
"""All that the suites speak, in the order in which they like to."""
MUSTS = Algorithms(ike=("aes128-aes256-sha256-modp2048",), esp=("aes128-aes256-sha256",), ah=("sha256",))
"""What RFC 8247 and RFC 8221 demand of everybody with a separate integrity algorithm: the guess about a stranger."""
