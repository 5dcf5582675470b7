"""New places in the code of a program that was built to tell them keep a case, and lead to what lies deep."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from importlib import resources
from pathlib import Path
from random import Random

import pytest

from peers.places import coverage
from suites.campaign.case import Case, Outcome, Step
from suites.campaign.code import Code
from suites.campaign.corpus import CODE, Corpus, features, worth

PARSER = r"""
#include <stdio.h>
#include <string.h>

static int deep(const char *message)
{
    if (message[0] == 'I')
        if (message[1] == 'K')
            if (message[2] == 'E')
                if (message[3] == '2')
                    return 1;
    return 0;
}

int main(void)
{
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        puts(strlen(line) == 5 && deep(line) ? "found" : "refused");
        fflush(stdout);
    }
    return 0;
}
"""
"""It answers a line at a time; all but one are answered alike."""


LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class Program:
    """The parser, as it runs."""

    def __init__(self, folder: Path) -> None:
        given = os.environ | coverage.environment(str(folder))
        self.process = subprocess.Popen(
            [folder / "parser"], env=given, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, line: str) -> str:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        self.process.communicate(timeout=30)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder where the parser was built."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs gcc")
    folder = tmp_path_factory.mktemp("built")
    (folder / "parser.c").write_text(PARSER)
    (folder / "coverage.c").write_text(resources.files("peers.shim").joinpath("coverage.c").read_text())
    library = [compiler, "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-O2", "-o", "libikespec-coverage.so"]
    subprocess.run([*library, "coverage.c"], cwd=folder, check=True)
    program = [compiler, "-O0", "-fsanitize-coverage=trace-pc", "-o", "parser", "parser.c"]
    subprocess.run([*program, "-L.", f"-Wl,-rpath,{folder}", "-likespec-coverage"], cwd=folder, check=True)
    return folder


@pytest.fixture
def program(built: Path) -> Iterator[Program]:
    coverage.taken(built)
    started = Program(built)
    yield started
    started.end()


def test_a_place_is_new_once(built: Path, program: Program) -> None:
    code = Code(partial(coverage.taken, built))
    assert program("") == "refused" and code.fresh()
    assert program("") == "refused" and code.fresh() == ()
    assert program("IxE2") == "refused" and code.fresh()
    assert program("IxE2") == "refused" and code.fresh() == ()
    assert program("IKE2") == "found" and len(code.fresh()) > 2


def test_a_place_has_the_same_number_in_the_next_process(built: Path, program: Program) -> None:
    assert program("IKE2") == "found"
    program.end()
    first = coverage.taken(built)
    assert any(first) and not any(coverage.taken(built))
    again = Program(built)
    assert again("IKE2") == "found"
    again.end()
    assert coverage.taken(built) == first


def test_who_was_not_built_to_tell_tells_nothing(tmp_path: Path) -> None:
    assert coverage.taken(tmp_path) == b"" and Code(partial(coverage.taken, tmp_path)).fresh() == ()


def test_all_places_of_a_case_count_as_one_behaviour() -> None:
    case = Case("up", 1, (Step("liveness"),))
    found = features(case, Outcome(("OK",), code=(3, 77)))
    assert {(CODE, "3"), (CODE, "77")} < set(found) and worth(found) == 3
    assert worth([(CODE, "3"), (CODE, "77")]) == 1 and worth([]) == 0


def searched(built: Path, program: Program, random: Random, *, tries: int, guided: bool) -> bool:
    """Whether what lies deep was found by changing one character at a time of what was worth keeping."""
    code, corpus = Code(partial(coverage.taken, built)), Corpus()
    corpus.keep(Case("up", 0, (Step("octets", content="aaaa"),)), 1)
    for seed in range(1, tries):
        entry = corpus.pick(random, "up")
        assert entry is not None
        text, at = entry.case.steps[0].content, random.randrange(4)
        text = text[:at] + random.choice(LETTERS) + text[at + 1 :]
        case, answer = Case("up", seed, (Step("octets", content=text),)), program(text)
        if answer == "found":
            return True
        new = corpus.new(features(case, Outcome((answer,), code=code.fresh() if guided else ())))
        corpus.credit("up", entry.id, worth(new))
        if new:
            corpus.keep(case, worth(new))
    return False


def test_what_lies_deep_is_found_by_its_places_alone(built: Path, program: Program) -> None:
    assert searched(built, program, Random(7296), tries=4000, guided=True)
    assert not searched(built, program, Random(7296), tries=400, guided=False)
