"""Proposals from keywords, and the algorithms that a chosen proposal means (RFC 7296, sections 2.7 and 3.3)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from conformance.crypto.cipher import Cipher, cipher
from conformance.crypto.errors import CryptoError
from conformance.crypto.keywords import keyword, transform
from conformance.crypto.prf import PrfFunction, prf
from conformance.wire import Encr, Esn, Integ, KeMethod, Prf, Proposal, ProtocolID, Transform, TransformType

_PRF_OF_INTEG: dict[int, Prf] = {
    Integ.HMAC_MD5_96: Prf.HMAC_MD5,
    Integ.HMAC_MD5_128: Prf.HMAC_MD5,
    Integ.HMAC_SHA1_96: Prf.HMAC_SHA1,
    Integ.HMAC_SHA1_160: Prf.HMAC_SHA1,
    Integ.HMAC_SHA2_256_128: Prf.HMAC_SHA2_256,
    Integ.HMAC_SHA2_384_192: Prf.HMAC_SHA2_384,
    Integ.HMAC_SHA2_512_256: Prf.HMAC_SHA2_512,
    Integ.AES_XCBC_96: Prf.AES128_XCBC,
    Integ.AES_CMAC_96: Prf.AES128_CMAC,
}


@lru_cache(maxsize=512)
def transforms(text: str) -> tuple[Transform, ...]:
    """The transforms of keywords joined by ``-``, in their order: ``aes128gcm16-prfsha256-x25519``.

    Raises CryptoError naming the first word that is none.
    """
    return tuple(transform(word) for word in text.split("-"))


def implied_prfs(found: Iterable[Transform]) -> tuple[Transform, ...]:
    """The PRFs that integrity transforms stand for where none is named."""
    integs = (one.id for one in found if one.type == TransformType.INTEG)
    return tuple(Transform.of(_PRF_OF_INTEG[one]) for one in integs if one in _PRF_OF_INTEG)


@lru_cache(maxsize=512)
def proposal(text: str, number: int = 1, protocol: ProtocolID = ProtocolID.IKE, spi: bytes = b"") -> Proposal:
    """The proposal of keywords, its transforms ordered by type, without doubles.

    For IKE the PRFs follow from the integrity words where no word names one. For ESP and AH sequence numbers are not
    extended unless a word says so. Raises CryptoError for a bad word, and for IKE when no PRF can be told.
    """
    found = dict.fromkeys(transforms(text))
    kinds = {one.type for one in found}
    if protocol == ProtocolID.IKE and TransformType.PRF not in kinds:
        derived = implied_prfs(found)
        if not derived:
            raise CryptoError(f"IKE proposal {text!r} names no pseudorandom function and no integrity to take it from")
        found |= dict.fromkeys(derived)
    elif protocol in (ProtocolID.ESP, ProtocolID.AH) and TransformType.ESN not in kinds:
        found[Transform.of(Esn.NO)] = None
    return Proposal(number, protocol, tuple(sorted(found, key=lambda one: one.type)), spi)


@lru_cache(maxsize=512)
def keywords(one: Proposal) -> str:
    """The keywords of a proposal, the inverse of `proposal`: cipher, integrity, PRF, key exchange.

    ``noesn`` is left out where it is the only choice, the PRF is always named.
    """
    order = {TransformType.INTEG: 1.5}
    listed = sorted(one.transforms, key=lambda each: order.get(each.type, float(each.type)))
    plain = [each.id for each in listed if each.type == TransformType.ESN] == [Esn.NO]
    return "-".join(keyword(each) for each in listed if not (plain and each.type == TransformType.ESN))


@dataclass(frozen=True, slots=True)
class IkeSuite:
    """The algorithms of an IKE SA. ``additional`` are the key exchanges of RFC 9370 in the order of their types."""

    encr: Encr
    key_bits: int | None
    integ: Integ
    prf: Prf
    ke: KeMethod
    additional: tuple[KeMethod, ...] = ()
    cipher: Cipher = field(repr=False, compare=False, kw_only=True)
    prf_function: PrfFunction = field(repr=False, compare=False, kw_only=True)

    @classmethod
    def of(cls, chosen: Proposal) -> "IkeSuite":
        """The suite of a chosen proposal.

        Raises CryptoError when it lacks a cipher, a PRF or a key exchange method or has several transforms of one
        type, UnsupportedAlgorithm for what cannot be computed here.
        """
        return _ike_suite(chosen.transforms)


@dataclass(frozen=True, slots=True)
class ChildSuite:
    """The algorithms of a Child SA.

    ``esn``: sequence numbers are extended. ``ke`` is NONE without perfect forward secrecy. AH has the cipher NULL.
    """

    protocol: ProtocolID
    encr: Encr
    key_bits: int | None
    integ: Integ
    esn: bool
    ke: KeMethod
    additional: tuple[KeMethod, ...] = ()
    cipher: Cipher = field(repr=False, compare=False, kw_only=True)

    @classmethod
    def of(cls, chosen: Proposal) -> "ChildSuite":
        """The suite of a chosen proposal; the same errors as `IkeSuite.of`, and one for AH without integrity."""
        return _child_suite(chosen.protocol, chosen.transforms)


def _single(chosen: tuple[Transform, ...]) -> dict[int, Transform]:
    found = {int(one.type): one for one in chosen}
    if len(found) != len(chosen):
        raise CryptoError("several transforms of one type in a chosen proposal")
    return found


def _need(found: dict[int, Transform], kind: TransformType) -> Transform:
    if kind not in found:
        raise CryptoError(f"a chosen proposal without a transform of type {kind}")
    return found[kind]


def _additional(found: dict[int, Transform]) -> Iterator[KeMethod]:
    for kind in range(TransformType.ADDKE1, TransformType.ADDKE7 + 1):
        if kind in found and found[kind].id != KeMethod.NONE:
            yield KeMethod(found[kind].id)


def _integ(found: dict[int, Transform]) -> Integ:
    return Integ(found[TransformType.INTEG].id) if TransformType.INTEG in found else Integ.NONE


@lru_cache(maxsize=256)
def _ike_suite(chosen: tuple[Transform, ...]) -> IkeSuite:
    found = _single(chosen)
    encryption = _need(found, TransformType.ENCR)
    function = Prf(_need(found, TransformType.PRF).id)
    encr, bits, integ = Encr(encryption.id), encryption.key_length, _integ(found)
    return IkeSuite(
        encr,
        bits,
        integ,
        function,
        KeMethod(_need(found, TransformType.KE).id),
        tuple(_additional(found)),
        cipher=cipher(encr, bits, integ),
        prf_function=prf(function),
    )


@lru_cache(maxsize=256)
def _child_suite(protocol: ProtocolID, chosen: tuple[Transform, ...]) -> ChildSuite:
    found = _single(chosen)
    integ = _integ(found)
    if protocol == ProtocolID.AH:
        if integ == Integ.NONE:
            raise CryptoError("AH without an integrity algorithm")
        encr, bits = Encr.NULL, None
    else:
        encryption = _need(found, TransformType.ENCR)
        encr, bits = Encr(encryption.id), encryption.key_length
    return ChildSuite(
        protocol,
        encr,
        bits,
        integ,
        TransformType.ESN in found and found[TransformType.ESN].id == Esn.YES,
        KeMethod(found[TransformType.KE].id) if TransformType.KE in found else KeMethod.NONE,
        tuple(_additional(found)),
        cipher=cipher(encr, bits, integ),
    )
