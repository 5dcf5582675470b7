"""Milenage, the algorithm set of 3GPP TS 35.206, and its use for GSM (TS 55.205).

K and OPc, 16 octets each, belong to a subscriber. Names of functions are those of the specification.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB


def xor(one: bytes, other: bytes) -> bytes:
    """Both as long as the shorter one."""
    return bytes(left ^ right for left, right in zip(one, other, strict=False))


def _aes(key: bytes, block: bytes) -> bytes:
    cipher = Cipher(AES(key), ECB()).encryptor()
    return cipher.update(block) + cipher.finalize()


def opc_of(k: bytes, op: bytes) -> bytes:
    """OPc of a subscriber from the OP of the operator."""
    return xor(_aes(k, op), op)


@dataclass(frozen=True, slots=True)
class Milenage:
    """All functions for one K, OPc and RAND."""

    k: bytes
    opc: bytes
    rand: bytes

    def _temp(self) -> bytes:
        return _aes(self.k, xor(self.rand, self.opc))

    def _out1(self, sqn: bytes, amf: bytes) -> bytes:
        turned = xor((sqn + amf) * 2, self.opc)
        turned = turned[8:] + turned[:8]
        return xor(_aes(self.k, xor(self._temp(), turned)), self.opc)

    def _out(self, rotation: int, constant: int) -> bytes:
        turned = xor(self._temp(), self.opc)
        turned = turned[rotation:] + turned[:rotation]
        return xor(_aes(self.k, xor(turned, bytes(15) + bytes((constant,)))), self.opc)

    def f1(self, sqn: bytes, amf: bytes) -> bytes:
        """MAC-A, 8 octets: the network's proof."""
        return self._out1(sqn, amf)[:8]

    def f1_star(self, sqn: bytes, amf: bytes) -> bytes:
        """MAC-S, 8 octets: the USIM's proof in a resynchronisation."""
        return self._out1(sqn, amf)[8:]

    def f2(self) -> bytes:
        """RES, 8 octets."""
        return self._out(0, 1)[8:]

    def f3(self) -> bytes:
        """CK, 16 octets."""
        return self._out(4, 2)

    def f4(self) -> bytes:
        """IK, 16 octets."""
        return self._out(8, 4)

    def f5(self) -> bytes:
        """AK, 6 octets, which hides SQN in AUTN."""
        return self._out(0, 1)[:6]

    def f5_star(self) -> bytes:
        """AK, 6 octets, which hides SQN in AUTS."""
        return self._out(12, 8)[:6]

    def sres(self) -> bytes:
        """SRES of GSM, 4 octets: the first way of TS 55.205."""
        return xor(self.f2()[:4], self.f2()[4:])

    def kc(self) -> bytes:
        """Kc of GSM, 8 octets."""
        ck, ik = self.f3(), self.f4()
        return xor(xor(ck[:8], ck[8:]), xor(ik[:8], ik[8:]))
