"""What atheris is given to run takes all that the generators make; the script says what it needs."""

from __future__ import annotations

from random import Random

import pytest

from tests.fuzz import guided


@pytest.mark.parametrize("part", guided.PARTS)
def test_targets_raise_nothing(part: str) -> None:
    target, seed = guided.PARTS[part]
    for number in range(150):
        random = Random(number)
        data = bytearray(seed(random))
        for _ in range(number % 4):
            data[random.randrange(len(data))] = random.randrange(256)
        target(bytes(data))
    target(b"")


def test_without_a_part_it_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    assert guided.main(["guided"]) == 2
    assert "decoder|eap|esp|certificates" in capsys.readouterr().out


def test_without_atheris_it_is_left_out(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guided, "atheris", None)
    assert guided.main(["guided", "eap"]) == 0
    assert "not installed" in capsys.readouterr().out
