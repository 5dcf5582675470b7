"""What purposes ask of a device's algorithms by role: *its suite*, *two of its groups*, *one that it does not take*.

A `Choice` makes the proposals of a connection out of what the device takes. Where that has not what the role needs, the
purpose is not applicable, and the reason names what is missing.
"""

from collections.abc import Callable
from functools import partial
from operator import eq

from conformance.crypto.keywords import keyword
from conformance.crypto.prf import prf, prfs
from conformance.crypto.suite import implied_prfs, proposal, transforms
from conformance.ike.core.connection import Connection
from conformance.ike.core.proposals import protocol_of
from conformance.script.verdict import NotApplicable
from conformance.wire import Encr, Esn, Prf, ProtocolID, Transform, TransformType
from peers.algorithms import KINDS, Algorithms, Fits, Suite, anything, combined, written

Choice = Callable[[Algorithms], tuple[str, ...]]
Wanted = Choice | tuple[str, ...]

ENCR, PRF, INTEG, KE = TransformType.ENCR, TransformType.PRF, TransformType.INTEG, TransformType.KE
IKE, ESP, AH = ProtocolID.IKE, ProtocolID.ESP, ProtocolID.AH
NO_BITS = (0, 1, 100, 65535)
"""Key lengths that no cipher has."""


def chosen(wanted: Wanted, algorithms: Algorithms) -> tuple[str, ...]:
    """The proposals that somebody asks for, by name or by role. Raises NotApplicable."""
    return wanted(algorithms) if callable(wanted) else wanted


def must_take(device: str, algorithms: Algorithms, connection: Connection) -> None:
    """Raise NotApplicable where a connection names what the device does not take."""
    named = [(text, IKE) for text in connection.proposals]
    named += [(text, protocol_of(text)) for child in connection.children for text in child.proposals]
    for text, protocol in named:
        if missing := algorithms.lacks(text, protocol):
            raise NotApplicable(f"{device} does not take {missing} for {protocol.name}")


def _suite(algorithms: Algorithms, protocol: ProtocolID, what: str, fits: Fits = anything, like: Suite = ()) -> Suite:
    """The suite that is most like another one, by default the device's first."""
    like = like or next(algorithms.suites(protocol), ())
    found = list(algorithms.suites(protocol, fits, like))
    if not found:
        raise NotApplicable(f"the device takes no {what} for {protocol.name}: {', '.join(algorithms.texts(protocol))}")
    return min(found, key=lambda one: len(set(like) - set(one)))


def _of(suite: Suite, kind: TransformType) -> Transform:
    return next(one for one in suite if one.type == kind)


def _only(kind: TransformType, fits: Fits) -> Fits:
    """A condition on the transforms of one type."""
    return lambda one: one.type != kind or fits(one)


def _joined(first: Suite, second: Suite, algorithms: Algorithms, protocol: ProtocolID) -> tuple[str, ...]:
    """Two suites as one proposal if they differ in one type only, else as two."""
    both = {one: None for pair in zip(first, second, strict=False) for one in pair}
    if len(both) == len(first) + 1 == len(second) + 1 and not algorithms.lacks(written(both), protocol):
        return (written(both),)
    return written(first), written(second)


# --- IKE SAs ----------------------------------------------------------------------------------------------------------


def own(algorithms: Algorithms) -> tuple[str, ...]:
    """The device's suite, that which it likes most."""
    return (written(_suite(algorithms, IKE, "suite")),)


def separate(algorithms: Algorithms) -> tuple[str, ...]:
    """A suite with a separate integrity algorithm."""
    what = "suite with a separate integrity algorithm"
    return (written(_suite(algorithms, IKE, what, _only(ENCR, lambda one: not combined(one)))),)


def aead(algorithms: Algorithms) -> tuple[str, ...]:
    """A suite with a combined-mode cipher."""
    return (written(_suite(algorithms, IKE, "suite with a combined-mode cipher", _only(ENCR, combined))),)


ECP = "ecp256-ecp384-ecp521"
"""The groups whose public values are points of a curve, in two coordinates (RFC 5903)."""

MODP = "modp2048-modp3072-modp4096-modp6144-modp8192-modp1536-modp1024"
"""The groups whose public values are numbers below a prime, the more usual ones first (RFC 2409, 3526)."""


def everything(algorithms: Algorithms) -> tuple[str, ...]:
    """All that the device takes."""
    return algorithms.ike


def in_blocks(algorithms: Algorithms) -> tuple[str, ...]:
    """A suite whose cipher works on blocks of 16 octets, which padding has to fill (RFC 7296, section 3.14)."""
    ciphers = _only(ENCR, lambda one: one.id in (Encr.AES_CBC, Encr.CAMELLIA_CBC))
    return (written(_suite(algorithms, IKE, "cipher with blocks of 16 octets", ciphers)),)


def including(words: str) -> Choice:
    """A suite with the algorithms that the purpose is about; several words of one kind: any of these."""
    named = transforms(words)

    def fits(one: Transform) -> bool:
        return one in named or all(one.type != other.type for other in named)

    return lambda algorithms: (written(_suite(algorithms, IKE, f"suite with {words}", fits)),)


def with_key_length(algorithms: Algorithms) -> tuple[str, ...]:
    """A suite whose cipher has keys of several lengths."""
    what = "cipher with keys of several lengths"
    return (written(_suite(algorithms, IKE, what, _only(ENCR, lambda one: one.key_length is not None))),)


def longest_prf(algorithms: Algorithms) -> tuple[str, ...]:
    """A suite whose PRF has the longest key that the device has to offer."""
    found = [one for one in algorithms.transforms(IKE) if one.type == PRF]
    longest = max((prf(Prf(one.id)).key_size for one in found if one.id in prfs()), default=0)
    return including("-".join(keyword(one) for one in found if prf(Prf(one.id)).key_size == longest))(algorithms)


def two(kind: TransformType, protocol: ProtocolID = IKE, *, apart: bool = False) -> Choice:
    """The device's suite, and one that has another transform of one type; in one proposal if that is all and may be."""

    def choice(algorithms: Algorithms) -> tuple[str, ...]:
        first = _suite(algorithms, protocol, "suite")

        def other(one: Transform) -> bool:
            # With another PRF goes the integrity algorithm that is like it: not everybody can separate the two.
            natural = kind != PRF or one.type != INTEG or implied_prfs((one,))[:1] != (_of(first, PRF),)
            return natural and (one.type != kind or one not in first)

        second = _suite(algorithms, protocol, f"second {KINDS[kind]}", other, first)
        return (written(first), written(second)) if apart else _joined(first, second, algorithms, protocol)

    return choice


def each(kind: TransformType) -> Choice:
    """A suite with each algorithm of one kind that the device takes."""

    def choice(algorithms: Algorithms) -> tuple[str, ...]:
        first = _suite(algorithms, IKE, "suite")
        found = []
        for named in (one for one in algorithms.transforms(IKE) if one.type == kind):
            suites = algorithms.suites(IKE, _only(kind, partial(eq, named)), first)
            having = [one for one in suites if named in one]
            found += [min(having, key=lambda one: len(set(first) - set(one)))] if having else []
        if not found:
            raise NotApplicable(f"the device takes no {KINDS[kind]} for IKE")
        return tuple(map(written, found))

    return choice


def two_key_lengths(algorithms: Algorithms) -> tuple[str, ...]:
    """One cipher with two lengths of its key."""
    for first in algorithms.suites():
        longer = _only(ENCR, partial(_other_length, _of(first, ENCR)))
        for second in algorithms.suites(IKE, longer, first):
            return _joined(first, second, algorithms, IKE)
    raise NotApplicable(f"the device takes no cipher with two lengths of its key: {', '.join(algorithms.ike)}")


def _key_lengths(algorithms: Algorithms) -> list[tuple[str, ...]]:
    """The suites with two lengths of the key of one cipher, shorter ones first."""
    found = [proposal(text, 1) for text in two_key_lengths(algorithms)]
    texts = [
        tuple(one for one in each.transforms if one.type != ENCR or one == cipher)
        for each in found
        for cipher in each.transforms
        if cipher.type == ENCR
    ]
    return [(written(one),) for one in sorted(texts, key=lambda one: _of(one, ENCR).key_length or 0)]


def shorter_key(algorithms: Algorithms) -> tuple[str, ...]:
    """The suite with the shortest key of a cipher that has several lengths of it."""
    return _key_lengths(algorithms)[0]


def longer_key(algorithms: Algorithms) -> tuple[str, ...]:
    """That suite with the longest key."""
    return _key_lengths(algorithms)[-1]


def two_ciphers_at_once(algorithms: Algorithms) -> tuple[str, ...]:
    """One proposal with two ciphers."""
    found = two_ciphers(algorithms)
    if len(found) > 1:
        raise NotApplicable(f"the device takes no two ciphers with the same of all else: {', '.join(found)}")
    return found


def _other_length(cipher: Transform, one: Transform) -> bool:
    return one.id == cipher.id and one != cipher


two_groups = two(KE)
two_prfs = two(PRF)
two_prfs_apart = two(PRF, apart=True)
two_ciphers = two(ENCR)


# --- Child SAs --------------------------------------------------------------------------------------------------------


def esp(algorithms: Algorithms) -> tuple[str, ...]:
    """The device's suite for ESP."""
    return (written(_suite(algorithms, ESP, "suite")),)


def ah(algorithms: Algorithms) -> tuple[str, ...]:
    """The device's suite for AH."""
    return (written(_suite(algorithms, AH, "suite")),)


def those(texts: tuple[str, ...], protocol: ProtocolID) -> Choice:
    """Of some suites, which the purpose is about, all that the device takes."""

    def choice(algorithms: Algorithms) -> tuple[str, ...]:
        found = tuple(text for text in texts if not algorithms.lacks(text, protocol))
        if not found:
            raise NotApplicable(f"the device takes none of {', '.join(texts)} for {protocol.name}")
        return found

    return choice


def esp_separate(algorithms: Algorithms) -> tuple[str, ...]:
    """A suite for ESP with a separate integrity algorithm."""
    return (written(_suite(algorithms, ESP, "suite with a separate integrity algorithm", _separate)),)


def esp_aead(algorithms: Algorithms) -> tuple[str, ...]:
    """A suite for ESP with a combined-mode cipher."""
    return (written(_suite(algorithms, ESP, "suite with a combined-mode cipher", _only(ENCR, combined))),)


def esp_esn(algorithms: Algorithms) -> tuple[str, ...]:
    """A suite for ESP with extended sequence numbers."""
    return (written(_suite(algorithms, ESP, "suite with extended sequence numbers", _extended)),)


def esp_separate_esn(algorithms: Algorithms) -> tuple[str, ...]:
    """A suite for ESP with a separate integrity algorithm and extended sequence numbers."""
    what = "suite with a separate integrity algorithm and extended sequence numbers"
    return (written(_suite(algorithms, ESP, what, lambda one: _separate(one) and _extended(one))),)


def esp_null(algorithms: Algorithms) -> tuple[str, ...]:
    """A suite for ESP without encryption."""
    return (written(_suite(algorithms, ESP, "suite without encryption", _only(ENCR, lambda one: one.id == Encr.NULL))),)


def esp_groups(number: int) -> Choice:
    """The device's suite for ESP with so many key exchange methods for the Child SA."""

    def choice(algorithms: Algorithms) -> tuple[str, ...]:
        suite = _suite(algorithms, ESP, "suite")
        found = dict.fromkeys((*(one for one in suite if one.type == KE), *algorithms.groups(ESP)))
        if len(found) < number:
            raise NotApplicable(f"the device takes no second {KINDS[KE]} for Child SAs")
        return (written(dict.fromkeys((*suite, *list(found)[:number]))),)

    return choice


def pfs_including(words: str) -> Choice:
    """The device's suite for ESP with one of these key exchange methods, which are what the purpose is about."""

    def choice(algorithms: Algorithms) -> tuple[str, ...]:
        found = [one for one in algorithms.groups(ESP) if one in transforms(words)]
        if not found:
            raise NotApplicable(f"the device takes none of {', '.join(words.split('-'))} for Child SAs")
        suite = [one for one in _suite(algorithms, ESP, "suite") if one.type != KE]
        return (written((*suite, found[0])),)

    return choice


def esp_several(algorithms: Algorithms) -> tuple[str, ...]:
    """Two suites for ESP as two proposals, of different sorts if it can be; one where the device has no other."""
    first = _suite(algorithms, ESP, "suite")
    others = list(algorithms.suites(ESP, _only(ENCR, lambda one: one not in first), first))
    return tuple(map(written, (first, *others[-1:])))


def with_pfs(choice: Choice) -> Choice:
    """Suites for ESP with a key exchange method, the one that the device likes most where they have none."""

    def more(algorithms: Algorithms) -> tuple[str, ...]:
        group = keyword(algorithms.groups(ESP)[0])
        return tuple(f"{text}-{group}" for text in choice(algorithms))

    return more


pfs = esp_groups(1)
pfs_two_groups = esp_groups(2)
pfs_ecp = pfs_including(ECP)


def _separate(one: Transform) -> bool:
    return one.type != ENCR or not (combined(one) or one.id == Encr.NULL)


def _extended(one: Transform) -> bool:
    return one.type != TransformType.ESN or one.id == Esn.YES
