"""Key material of an IKE SA and of its Child SAs (RFC 7296, sections 2.14, 2.17 and 2.18)."""

from dataclasses import dataclass, field

from conformance.crypto.cipher import KeyedCipher
from conformance.crypto.suite import ChildSuite, IkeSuite
from conformance.wire import Prf

_FIXED_KEY_PRFS = frozenset({Prf.AES128_XCBC, Prf.AES128_CMAC})


@dataclass(frozen=True, slots=True)
class IkeKeys:
    """The seven keys SK_* of an IKE SA and the two ciphers that they make, all octet strings as prf+ gave them."""

    suite: IkeSuite
    sk_d: bytes = field(repr=False)
    sk_ai: bytes = field(repr=False)
    sk_ar: bytes = field(repr=False)
    sk_ei: bytes = field(repr=False)
    sk_er: bytes = field(repr=False)
    sk_pi: bytes = field(repr=False)
    sk_pr: bytes = field(repr=False)
    from_initiator: KeyedCipher = field(repr=False)
    from_responder: KeyedCipher = field(repr=False)


def skeyseed(suite: IkeSuite, shared: bytes, nonce_i: bytes, nonce_r: bytes) -> bytes:
    """SKEYSEED of an initial exchange; ``shared`` is g^ir (RFC 7296, section 2.14).

    A PRF with a fixed key length of 64 bits from each nonce takes the first eight octets of both.
    """
    key = nonce_i[:8] + nonce_r[:8] if suite.prf in _FIXED_KEY_PRFS else nonce_i + nonce_r
    return suite.prf_function(key, shared)


def skeyseed_of_rekey(old: IkeKeys, shared: bytes, nonce_i: bytes, nonce_r: bytes) -> bytes:
    """SKEYSEED of a rekeyed IKE SA: it uses the PRF and the SK_d of the old one (RFC 7296, section 2.18)."""
    return old.suite.prf_function(old.sk_d, shared + nonce_i + nonce_r)


def derive_ike_keys(suite: IkeSuite, seed: bytes, nonces: bytes, spi_i: bytes, spi_r: bytes) -> IkeKeys:
    """Expand SKEYSEED to SK_d, SK_ai, SK_ar, SK_ei, SK_er, SK_pi, SK_pr; ``nonces`` is Ni | Nr (section 2.14)."""
    prf, cipher = suite.prf_function, suite.cipher
    size, integ, encr = prf.key_size, cipher.integ_key_size, cipher.key_size
    material = prf.plus(seed, nonces + spi_i + spi_r, 3 * size + 2 * integ + 2 * encr)
    parts, start = [], 0
    for length in (size, integ, integ, encr, encr, size, size):
        parts.append(material[start : start + length])
        start += length
    sk_d, sk_ai, sk_ar, sk_ei, sk_er, sk_pi, sk_pr = parts
    forward, backward = cipher.keyed(sk_ei, sk_ai), cipher.keyed(sk_er, sk_ar)
    return IkeKeys(suite, sk_d, sk_ai, sk_ar, sk_ei, sk_er, sk_pi, sk_pr, forward, backward)


@dataclass(frozen=True, slots=True)
class ChildKeys:
    """Keys of a pair of ESP or AH SAs: from the initiator of the exchange that made them, and from its responder."""

    encr_i: bytes = field(repr=False)
    integ_i: bytes = field(repr=False)
    encr_r: bytes = field(repr=False)
    integ_r: bytes = field(repr=False)


def derive_child_keys(keys: IkeKeys, suite: ChildSuite, shared: bytes, nonces: bytes) -> ChildKeys:
    """KEYMAT = prf+(SK_d, [g^ir |] Ni | Nr), cut as RFC 7296, section 2.17 says; ``shared`` is empty without PFS."""
    encr, integ = suite.cipher.key_size, suite.cipher.integ_key_size
    material = keys.suite.prf_function.plus(keys.sk_d, shared + nonces, 2 * (encr + integ))
    half = encr + integ
    return ChildKeys(material[:encr], material[encr:half], material[half : half + encr], material[half + encr :])
