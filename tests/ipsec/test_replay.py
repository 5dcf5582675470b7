"""The anti-replay window against a set that forgets nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.ipsec.errors import IpsecError, Replayed, TooOld
from conformance.ipsec.replay import ReplayWindow


class Plain:
    """The text of RFC 4303, section 3.4.3, with sets and without bounds."""

    def __init__(self, size: int) -> None:
        self.size, self.seen = size, {0}

    def verdict(self, sequence: int) -> type[IpsecError] | None:
        if sequence <= max(self.seen) - self.size or sequence <= 0:
            return TooOld
        return Replayed if sequence in self.seen else None


@given(
    st.integers(1, 300),
    st.lists(st.one_of(st.integers(-1, 700), st.integers(0, 5000), st.integers(0, 2**32 - 1)), max_size=80),
)
def test_window_of_any_size(size: int, numbers: list[int]) -> None:
    window, plain = ReplayWindow(size), Plain(size)
    for number in numbers:
        expected = plain.verdict(number)
        if expected is None:
            window.check(number)
            window.accept(number)
            plain.seen.add(number)
        else:
            with pytest.raises(expected):
                window.check(number)
        assert window.top == max(plain.seen)


def test_the_edges_of_the_window() -> None:
    window = ReplayWindow(64)
    window.accept(164)
    with pytest.raises(TooOld):
        window.check(100)
    window.check(101)
    with pytest.raises(Replayed):
        window.check(164)
    with pytest.raises(TooOld):
        ReplayWindow(64).check(0)


def test_what_was_not_accepted_does_not_move_the_window() -> None:
    window = ReplayWindow(32)
    window.check(2**31)
    assert window.top == 0
    window.check(1)


def nearest(top: int, size: int, low: int) -> int:
    """The only number with this low half from the left edge of the window to 2**32 - 1 further (appendix A2.2)."""
    bottom = top - size + 1
    return bottom + (low - bottom) % 2**32


@given(
    st.integers(0, 2**64 - 2**33),
    st.integers(1, 4096),
    st.one_of(st.integers(0, 2**32 - 1), st.integers(0, 5000), st.integers(2**32 - 5000, 2**32 - 1)),
)
def test_higher_half_of_extended_sequence_numbers(top: int, size: int, low: int) -> None:
    window = ReplayWindow(size, esn=True, top=top)
    assert window.expand(low) == nearest(top, size, low)


@pytest.mark.parametrize(
    ("top", "low", "expected"),
    [
        (0x5_0000_1000, 0x0FFF, 0x5_0000_0FFF),  # case A, inside the window
        (0x5_0000_1000, 0x0FC1, 0x5_0000_0FC1),  # its left edge
        (0x5_0000_1000, 0x0FC0, 0x6_0000_0FC0),  # left of it: the next subspace
        (0x5_0000_0003, 0xFFFF_FFFF, 0x4_FFFF_FFFF),  # case B, the window spans two subspaces
        (0x5_0000_0003, 0x0000_0010, 0x5_0000_0010),
        (0x5_FFFF_FFFF, 0x0000_0000, 0x6_0000_0000),
        (0x5_0000_0003, 0xFFFF_FFC4, 0x4_FFFF_FFC4),  # the left edge, in the subspace before
        (0x5_0000_0003, 0xFFFF_FFC3, 0x5_FFFF_FFC3),
        (0, 1, 1),
    ],
)
def test_cases_of_appendix_a(top: int, low: int, expected: int) -> None:
    assert ReplayWindow(64, esn=True, top=top).expand(low) == expected


def test_the_window_across_two_subspaces() -> None:
    window = ReplayWindow(64, esn=True, top=2**32 - 2)
    for low, whole in ((0xFFFFFFFF, 2**32 - 1), (0, 2**32), (1, 2**32 + 1), (0xFFFFFFF0, 2**32 - 16)):
        assert window.expand(low) == whole
        window.check(whole)
        window.accept(whole)
        with pytest.raises(Replayed):
            window.check(whole)


def test_before_the_first_subspace_there_is_nothing() -> None:
    window = ReplayWindow(64, esn=True)
    with pytest.raises(TooOld):
        window.check(window.expand(0xFFFFFFFF))


def test_no_window_without_packets() -> None:
    with pytest.raises(ValueError, match="0 packets"):
        ReplayWindow(0)
