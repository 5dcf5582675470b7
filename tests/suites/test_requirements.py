"""The catalogue of requirements: what ships with the suites, and what the loader refuses."""

import re
import time
from pathlib import Path

import pytest

from suites import requirements
from suites.requirements import Binds, Catalogue, CatalogueError, Level, Requirement, RequirementError, Words, load
from suites.requirements.catalogue import _read

ENTRY = """[[requirement]]
id = "RFC7296-2.6-1"
section = "2.6"
level = "MUST"
words = "key word"
binds = "both"
text = "Each endpoint chooses a unique SPI."
"""


def write(folder: Path, text: str, name: str = "rfc7296.toml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


# what ships


def test_the_shipped_catalogue_covers_the_rfcs() -> None:
    rfcs = {requirement.rfc for requirement in load()}
    assert rfcs >= {4754, 6023, 6989, 7296, 7383, 7427, 8031, 8247, 8420}


NORMATIVE_SECTIONS = """
    1 1.2 1.3 1.3.1 1.3.2 1.3.3 1.4 1.4.1 1.5 2 2.1 2.2 2.3 2.4 2.5 2.6 2.6.1 2.7 2.8 2.8.1 2.8.2 2.8.3 2.9 2.9.2 2.10
    2.11 2.12 2.13 2.14 2.15 2.16 2.17 2.18 2.19 2.20 2.21 2.21.1 2.21.2 2.21.3 2.21.4 2.22 2.23 2.23.1 2.24 2.25 2.25.1
    2.25.2 3 3.1 3.2 3.3 3.3.1 3.3.2 3.3.3 3.3.4 3.3.5 3.3.6 3.4 3.5 3.6 3.7 3.8 3.9 3.10 3.10.1 3.11 3.12 3.13 3.13.1
    3.14 3.15 3.15.1 3.15.3 3.15.4 3.16 4 5 5.1
"""


def test_every_normative_section_of_rfc_7296_has_requirements() -> None:
    covered = {section.removeprefix("RFC7296-") for section in load().by_section if section.startswith("RFC7296-")}
    assert set(NORMATIVE_SECTIONS.split()) <= covered


@pytest.mark.parametrize(
    ("identifier", "level", "binds"),
    [
        ("RFC7296-1.2-14", Level.MUST, Binds.INITIATOR),
        ("RFC7296-2.1-1", Level.MUST_NOT, Binds.RESPONDER),
        ("RFC7296-2.6-6", Level.SHOULD, Binds.RESPONDER),
        ("RFC7296-2.6-9", Level.MUST, Binds.INITIATOR),
        ("RFC7296-2.8-6", Level.SHOULD_NOT, Binds.BOTH),
        ("RFC7296-4-8", Level.MAY, Binds.RESPONDER),
        ("RFC7383-2.6-5", Level.MUST, Binds.RECEIVER),
        ("RFC6989-2.3-1", Level.SHOULD, Binds.RECEIVER),
    ],
)
def test_levels_are_those_of_the_text(identifier: str, level: Level, binds: Binds) -> None:
    requirement = load().get(identifier)
    assert (requirement.level, requirement.binds) == (level, binds)


@pytest.mark.parametrize(
    ("identifier", "words"),
    [
        ("RFC7296-2.21-1", "indicative"),  # a general rule
        ("RFC7296-2.21-4", "indicative"),
        ("RFC7296-2.9-4", "indicative"),  # the responder ignores it
        ("RFC7296-2.23.1-7", "indicative"),
        ("RFC7296-2.23.1-8", "indicative"),
        ("RFC7296-2.25-7", "indicative"),
        ("RFC7296-2.8.1-5", "indicative"),  # should, in small letters
        ("RFC7296-2.1-11", "indicative"),  # a robust responder will
        ("RFC7296-2.1-12", "indicative"),
        ("RFC7296-1.4-4", "key word"),
        ("RFC7296-2.6-13", "key word"),
        ("RFC7296-2.11-2", "key word"),
        ("RFC7296-4-15", "key word"),  # a list under a sentence with MUST
        ("RFC8247-2.1-1", "key word"),  # a table of requirement levels
    ],
)
def test_words_are_those_of_the_text(identifier: str, words: str) -> None:
    assert load().get(identifier).words == words


def test_most_sections_do_not_have_more_key_words_than_the_rfc() -> None:
    """311 words in capitals stand in the sections of RFC 7296 that demand something; some say two things at once."""
    said = [one for one in load() if one.rfc == 7296 and one.words is Words.KEY_WORD and one.level.rank == 0]
    assert 280 <= len(said) <= 320
    assert 180 <= sum(one.rfc == 7296 and one.mandatory and one.words is Words.INDICATIVE for one in load()) <= 230


def test_an_indicative_statement_says_so_to_the_reader() -> None:
    assert load().get("RFC7296-2.21-4").demand == "MUST (indicative)"
    assert load().get("RFC7296-1.4-4").demand == "MUST"


def test_texts_are_sentences_without_key_words_in_capitals() -> None:
    shouting = re.compile(r"\b(MUST|SHOULD|SHALL|RECOMMENDED|OPTIONAL|MAY)\b")
    assert [requirement.id for requirement in load() if shouting.search(requirement.text)] == []


def test_no_statement_is_made_twice_in_a_section() -> None:
    for section, members in load().by_section.items():
        texts = [requirement.text for requirement in members]
        assert len(set(texts)) == len(texts), section


def test_the_shipped_catalogue_is_read_once_and_fast() -> None:
    assert load() is load()
    fastest = min(_timed() for _ in range(3))
    assert fastest < 0.25, "a reading takes about 30 ms, this is far off"


def _timed() -> float:
    start = time.process_time()
    _read(Path(requirements.__file__).parent)
    return time.process_time() - start


# the catalogue


def test_an_entry_becomes_a_requirement(tmp_path: Path) -> None:
    catalogue = load(write(tmp_path, ENTRY + 'untestable = "needs two peers"\n'))
    assert list(catalogue) == [
        Requirement(
            id="RFC7296-2.6-1",
            section="2.6",
            level=Level.MUST,
            words=Words.KEY_WORD,
            binds=Binds.BOTH,
            text="Each endpoint chooses a unique SPI.",
            untestable="needs two peers",
        )
    ]
    (requirement,) = catalogue
    assert (requirement.rfc, requirement.mandatory, requirement.testable) == (7296, True, False)
    assert "RFC7296-2.6-1" in catalogue
    assert len(catalogue) == 1


def test_files_are_ordered_by_the_number_of_the_rfc(tmp_path: Path) -> None:
    write(tmp_path, ENTRY.replace("7296", "10000"), "rfc10000.toml")
    write(tmp_path, ENTRY)
    assert [requirement.rfc for requirement in load(tmp_path)] == [7296, 10000]


def test_sections_keep_the_order_of_the_file(tmp_path: Path) -> None:
    second = ENTRY.replace("2.6-1", "2.6-2").replace("unique", "new")
    other = ENTRY.replace("2.6", "A.1")
    catalogue = load(write(tmp_path, ENTRY + other + second))
    assert list(catalogue.by_section) == ["RFC7296-2.6", "RFC7296-A.1"]
    assert [requirement.id for requirement in catalogue.by_section["RFC7296-2.6"]] == ["RFC7296-2.6-1", "RFC7296-2.6-2"]


@pytest.mark.parametrize(
    ("wanted", "nearest"),
    [
        ("RFC7296-2.6-7", "RFC7296-2.6-1"),
        ("RFC7926-2.6-1", "RFC7296-2.6-1"),
        ("nonsense", None),
    ],
)
def test_an_unknown_identifier_names_the_nearest(tmp_path: Path, wanted: str, nearest: str | None) -> None:
    with pytest.raises(RequirementError) as caught:
        load(write(tmp_path, ENTRY)).get(wanted)
    assert caught.value.nearest == nearest
    assert isinstance(caught.value, KeyError)
    expected = f"no requirement '{wanted}'" + (f", did you mean {nearest}?" if nearest else "")
    assert str(caught.value) == expected


def test_an_identifier_is_used_once() -> None:
    requirement = Requirement("RFC7296-2.6-1", "2.6", Level.MUST, Words.KEY_WORD, Binds.BOTH, "One.")
    with pytest.raises(CatalogueError, match=r"RFC7296-2\.6-1: .*not taken"):
        Catalogue([requirement, requirement])


# what the loader refuses


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('level = "MUST"', 'level = "WILL"', "level: 'WILL', expected one of MUST, MUST NOT, SHOULD, SHOULD NOT, MAY"),
        ('level = "MUST"', "level = 1", "level: 1, expected one of MUST, MUST NOT, SHOULD, SHOULD NOT, MAY"),
        ('level = "MUST"\n', "", "level: None, expected a value, the key is missing"),
        ('"key word"', '"capitals"', "words: 'capitals', expected one of key word, indicative"),
        ('words = "key word"\n', "", "words: None, expected a value, the key is missing"),
        ('"both"', '"all"', "binds: 'all', expected one of initiator, responder, both, sender, receiver"),
        (
            "unique SPI.",
            "unique SPI",
            "text: 'Each endpoint chooses a unique SPI', expected a sentence with a full stop",
        ),
        ("unique SPI.", "unique\\nSPI.", "text: 'Each endpoint chooses a unique\\nSPI.', expected one line of text"),
        ('"Each endpoint chooses a unique SPI."', '""', "text: '', expected one line of text"),
        ('section = "2.6"', 'section = "2.06"', "section: '2.06', expected a section number such as 2.6.1 or A.1"),
        ('section = "2.6"', 'section = "2.7"', "id: 'RFC7296-2.6-1', expected RFC7296-2.7-1"),
        ("2.6-1", "2.6-2", "id: 'RFC7296-2.6-2', expected RFC7296-2.6-1"),
        ("RFC7296", "RFC7383", "id: 'RFC7383-2.6-1', expected RFC7296-2.6-1"),
        ("text =", 'reason = "x"\ntext =', "reason: 'x', expected no other keys than id, section, level, words"),
        ("text =", 'untestable = ""\ntext =', "untestable: '', expected one line of text"),
    ],
)
def test_a_wrong_entry_is_named_in_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        load(write(tmp_path, ENTRY.replace(old, new)))
    error = str(caught.value)
    assert error.startswith("rfc7296.toml: entry 1 (RFC")
    assert message in error
    assert "\n" not in error


def test_an_entry_without_an_id_is_named_by_its_position(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"^rfc7296\.toml: entry 2: id: None, expected a value"):
        load(write(tmp_path, ENTRY + '[[requirement]]\nsection = "2.6"\n'))


def test_an_identifier_given_twice_in_a_file(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"entry 2 \(RFC7296-2.6-1\): id: .*expected RFC7296-2.6-2"):
        load(write(tmp_path, ENTRY + ENTRY))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("rfc7296.toml", "[[requirement", r"^rfc7296\.toml: not TOML: "),
        ("rfc7296.toml", "title = 'x'\n" + ENTRY, "key 'title', expected nothing but"),
        ("rfc7296.toml", "", "expected a list of"),
        ("rfc7296.toml", "requirement = [1]", "expected a list of"),
        ("rfc7296.toml", "[requirement]\nid = 'x'", "expected a list of"),
        ("ikev2.toml", ENTRY, r"^ikev2\.toml: file name, expected one like rfc7296\.toml"),
        ("readme.txt", ENTRY, "no files, expected at least one"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(CatalogueError, match=message):
        load(write(tmp_path, text, name))
