"""The anti-replay window (RFC 4303 section 3.4.3 and appendix A; its bitmap is that of RFC 6479)."""

from conformance.ipsec.errors import Replayed, TooOld

_WORD = 64
_SPACE = 1 << 32


class ReplayWindow:
    """Which of the last ``size`` sequence numbers were accepted, ``top`` is the highest (T in the RFC).

    The bits stand in a ring of words, so that advancing clears the words it passes and shifts nothing (RFC 6479). One
    word more than the window needs keeps its size exact. ``size`` may be any number from 1; RFC 4303 wants 32 at least
    and 64 by default.
    """

    __slots__ = ("_bits", "_words", "esn", "size", "top")

    def __init__(self, size: int = 64, *, esn: bool = False, top: int = 0) -> None:
        if size < 1:
            raise ValueError(f"a replay window of {size} packets")
        self.size = size
        self.esn = esn
        self.top = top
        self._words = (size + _WORD - 1) // _WORD + 1
        self._bits = [0] * self._words

    def expand(self, low: int) -> int:
        """The whole sequence number of which a packet carries ``low`` (RFC 4303, appendix A2.2).

        Negative for one from before the first subspace; `check` calls it too old.
        """
        if not self.esn:
            return low
        top_high, top_low = self.top >> 32, self.top & 0xFFFFFFFF
        bottom = top_low - self.size + 1
        if bottom >= 0:
            high = top_high if low >= bottom else top_high + 1
        else:
            high = top_high - 1 if low >= bottom + _SPACE else top_high
        return (high << 32) + low

    def check(self, sequence: int) -> None:
        """Raises TooOld or Replayed for a number that must not be accepted; changes nothing."""
        if sequence > self.top:
            return
        if sequence <= self.top - self.size or sequence <= 0:
            raise TooOld(f"sequence number {sequence}, the window is {self.top - self.size + 1} to {self.top}")
        if self._bits[sequence // _WORD % self._words] >> sequence % _WORD & 1:
            raise Replayed(f"sequence number {sequence} was accepted before")

    def accept(self, sequence: int) -> None:
        """Notes a checked number whose packet proved authentic, and moves the window if it is the highest."""
        word = sequence // _WORD
        if sequence > self.top:
            last = self.top // _WORD
            for passed in range(last + 1, min(word, last + self._words) + 1):
                self._bits[passed % self._words] = 0
            self.top = sequence
        self._bits[word % self._words] |= 1 << sequence % _WORD
