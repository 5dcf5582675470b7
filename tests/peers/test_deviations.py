from datetime import date
from pathlib import Path

import pytest

from peers.deviations import Deviation, about, compare_versions, find, load_deviations, load_private
from peers.libreswan.device import Libreswan
from peers.openiked.device import OpenIked
from peers.strongswan.device import StrongSwan
from peers.tomlfile import TomlError
from suites.invariants import INVARIANTS
from suites.known import read_known, read_reasons

GOOD = """\
[[deviation]]
purpose = "init-cookie-*"
requirement = "RFC7296-2.6-9"
reason = "drops the request"
reference = "RFC 7296, 2.6"
versions = "<=5.9.8"
until = 2027-06-30

[[deviation]]
purpose = "auth-late"
got = "IKE_AUTH response*"
reason = "answers twice"
reference = "RFC 7296, 2.1"
versions = [">=5.9", "!=6.0.1"]
"""


def _write(folder: Path, text: str) -> Path:
    path = folder / "deviations.toml"
    path.write_text(text)
    return path


def test_a_deviation_excuses_its_purpose_until_its_day(tmp_path: Path) -> None:
    known = load_deviations(_write(tmp_path, GOOD), ["init-cookie-echo", "auth-late"])
    (excused,) = about(known, "init-cookie-echo", "5.9.8", date(2027, 6, 29))
    assert excused.reason == "drops the request"
    assert not about(known, "init-cookie-echo", "5.9.8", date(2027, 6, 30))
    assert not about(known, "init-cookie-echo", "5.9.9", date(2027, 1, 1))
    assert not about(known, "init-other", "5.9.8", date(2027, 1, 1))
    assert not about(known, "init-cookie-echo", "", date(2027, 1, 1)), "an unknown version is no excuse"


@pytest.mark.parametrize(
    ("requirement", "got", "explained"),
    [
        ("RFC7296-2.6-9", "IKE_SA_INIT response 0: N(COOKIE)", True),
        ("RFC7296-2.6-8", "IKE_SA_INIT response 0: N(COOKIE)", False),
        ("RFC7296-2.6-9", "nothing", False),
        (None, "IKE_SA_INIT response 0: N(COOKIE)", False),
    ],
)
def test_a_deviation_explains_one_requirement_with_one_symptom(requirement: str, got: str, explained: bool) -> None:
    one = Deviation("init-cookie-echo", "r", "f", requirement="RFC7296-2.6-9", got="*N(COOKIE)*")
    assert (find([one], requirement, got) is one) is explained


def test_what_is_fixed_excuses_nothing_from_there_on(tmp_path: Path) -> None:
    path = _write(
        tmp_path, '[[deviation]]\npurpose = "a"\ngot = "*"\nreason = "r"\nreference = "f"\nfixed_in = "6.0.1"\n'
    )
    known, today = load_deviations(path), date(2026, 1, 1)
    assert [one for one in ("5.9.8", "6.0", "6.0.1", "6.1.0") if about(known, "a", one, today)] == ["5.9.8", "6.0"]


def test_the_reason_of_a_private_one_is_elsewhere(tmp_path: Path) -> None:
    entry = '[[deviation]]\npurpose = "a"\nrequirement = "RFC7296-2.6-9"\nprivate = true\n'
    (known,) = load_deviations(_write(tmp_path, entry))
    assert known.private and not known.reason and not known.reference
    with pytest.raises(TomlError, match=r"deviation\.reason = "):
        load_deviations(_write(tmp_path, entry + 'reason = "so that everybody knows"\n'))
    reasons = _write(tmp_path, '[[deviation]]\npurpose = "a"\nreason = "it leaks"\nreference = "mail of yesterday"\n')
    assert load_private(reasons) == {"a": ("it leaks", "mail of yesterday")}


def test_all_conditions_on_the_version_must_hold(tmp_path: Path) -> None:
    known = load_deviations(_write(tmp_path, GOOD))
    today = date(2030, 1, 1)
    assert [v for v in ("5.8", "5.9", "6.0", "6.0.1", "6.0.2") if about(known, "auth-late", v, today)] == [
        "5.9",
        "6.0",
        "6.0.2",
    ]


@pytest.mark.parametrize(
    ("older", "newer"),
    [("5.9.8", "5.9.14"), ("5.9", "5.9.1"), ("6.0.0rc1", "6.0.0"), ("6.0.0beta2", "6.0.0rc1"), ("4.10", "5.0")],
)
def test_versions_in_order(older: str, newer: str) -> None:
    assert compare_versions(older, newer) < 0 < compare_versions(newer, older)


def test_versions_that_are_the_same() -> None:
    assert compare_versions("5.9", "5.9.0") == compare_versions("5.9.8", "5.9.8") == 0


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            ('reason = "drops', 'raeson = "drops'),
            'line 1: deviation.reason is missing: expected text in quotes; is it "raeson"?',
        ),
        (("until = 2027-06-30", 'until = "soon"'), 'line 7: deviation.until = "soon": expected a date without quotes'),
        (('"<=5.9.8"', '"about 5"'), 'line 6: deviation.versions = "about 5": expected conditions such as'),
        (('"answers twice"', "3"), "line 12: deviation.reason = 3: expected text in quotes"),
        (
            ('"auth-late"', '"auth-lat"'),
            'line 10: deviation.purpose = "auth-lat": there is no such purpose; did you mean',
        ),
        (("until = ", "untill = "), "line 7: deviation.untill = 2027-06-30: unknown key"),
        (
            ('requirement = "RFC7296-2.6-9"\n', ""),
            "deviation.requirement is missing: name the requirement that is broken",
        ),
        (("until = 2027-06-30", 'fixed_in = "soon"'), 'line 7: deviation.fixed_in = "soon": expected a version'),
        (("until = 2027-06-30", "private = 1"), "line 7: deviation.private = 1: expected true or false"),
        (("[[deviation]]", "[[deviatoin]]"), "line 1: deviatoin = [{"),
        (('reference = "RFC 7296, 2.6"', "reference ="), "line 5: Invalid value at column 12"),
    ],
)
def test_every_mistake_is_named_with_its_line(tmp_path: Path, change: tuple[str, str], complaint: str) -> None:
    path = _write(tmp_path, GOOD.replace(*change, 1))
    if "deviatoin" in change[1]:
        path.write_text(path.read_text().split("\n\n")[0])
    with pytest.raises(TomlError) as caught:
        load_deviations(path, ["init-cookie-echo", "auth-late"])
    text = str(caught.value)
    assert text.startswith(str(path))
    assert complaint in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("key", "word", "complaint"),
    [
        ("purpose", "init-cookie-ecko", 'there is no such purpose; did you mean "init-cookie-echo"?'),
        ("purpose", "interop-auth-psk-bystander", 'there is no such purpose; did you mean "interop-auth-psk-'),
        ("requirement", "RFC7296-2.6-99", 'there is no such requirement; did you mean "RFC7296-2.6-9"?'),
        ("invariant", "reserve", 'there is no such invariant; did you mean "reserved"?'),
    ],
)
@pytest.mark.parametrize("private", [False, True])
def test_what_a_deviation_names_must_exist(tmp_path: Path, key: str, word: str, complaint: str, private: bool) -> None:
    given = {"purpose": "init-cookie-*", "requirement": "RFC7296-2.6-9", key: word}
    lines = [f'{name} = "{value}"' for name, value in given.items()]
    lines += ["private = true"] if private else ['reason = "r"', 'reference = "f"']
    path = _write(tmp_path, "\n".join(["[[deviation]]", *lines, ""]))
    with pytest.raises(TomlError) as caught:
        read_known(path)
    line = lines.index(f'{key} = "{word}"') + 2
    assert str(caught.value).startswith(f'{path}, line {line}: deviation.{key} = "{word}": {complaint}')


def test_a_reason_is_that_of_a_purpose(tmp_path: Path) -> None:
    path = _write(tmp_path, '[[deviation]]\npurpose = "init-cookie-ecko"\nreason = "r"\nreference = "f"\n')
    with pytest.raises(TomlError, match=r'line 2: deviation\.purpose = "init-cookie-ecko": there is no such purpose'):
        read_reasons(path)


def test_the_same_deviation_twice_is_a_mistake(tmp_path: Path) -> None:
    first = GOOD.split("\n\n")[0]
    with pytest.raises(TomlError, match=r"line 10: .*listed twice"):
        load_deviations(_write(tmp_path, f"{first}\n\n{first}\n"))


def test_a_missing_file_and_one_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(TomlError, match="cannot be read: No such file"):
        load_deviations(tmp_path / "none.toml")
    (tmp_path / "deviations.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(TomlError, match="is not UTF-8 text"):
        load_deviations(tmp_path / "deviations.toml")


def test_the_shipped_file_is_valid() -> None:
    for path in (StrongSwan.deviations_file, Libreswan.deviations_file, OpenIked.deviations_file):
        for deviation in read_known(path):
            assert deviation.private or (deviation.reason and deviation.reference)
            assert not deviation.invariant or deviation.requirement in INVARIANTS[deviation.invariant].requirements


def test_a_deviation_may_be_known_in_one_place_only(tmp_path: Path) -> None:
    path = tmp_path / "known.toml"
    path.write_text(
        '[[deviation]]\npurpose = "nat-x"\ngot = "*"\nreason = "r"\nreference = "f"\nwhere = "*device behind a NAT*"\n'
    )
    known = load_deviations(path)
    assert about(known, "nat-x", "4.10", date(2026, 1, 1), "netns, device behind a NAT, shim")
    assert not about(known, "nat-x", "4.10", date(2026, 1, 1), "netns, shim")


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "deviations.toml"
    path.write_text(GOOD, encoding="utf-8-sig")
    assert load_deviations(path, ["init-cookie-echo", "auth-late"])
