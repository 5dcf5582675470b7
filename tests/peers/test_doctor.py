import io
import sys
from importlib.metadata import PackageNotFoundError
from unittest import mock

from ikespec.doctor import Finding, diagnose, print_findings


def test_everything_is_looked_at_and_nothing_is_left() -> None:
    findings = diagnose()
    seen = {one.what for one in findings}
    assert {"Python", "Python packages", "privileges", "network namespaces", "TUN device", "Docker"} <= seen
    assert all(one.seen and one.means for one in findings)
    assert all(one.mend for one in findings if not one.ok)
    python = next(one for one in findings if one.what == "Python")
    assert python.ok


def test_a_missing_package_is_found_before_it_is_used() -> None:
    def version(name: str) -> str:
        if name == "vici":
            raise PackageNotFoundError(name)
        return "1"

    with mock.patch("ikespec.doctor.version", version):
        findings = diagnose()
    packages = findings[1]
    assert not packages.ok
    assert packages.mend == f"{sys.executable} -m pip install vici"
    assert "network namespaces" not in {one.what for one in findings}


def test_plain_lines_for_a_pipe() -> None:
    out = io.StringIO()
    print_findings([Finding("one", True, "there", "use", "x"), Finding("three", False, "gone", "use", "get it")], out)
    assert out.getvalue() == "one    ok  there (use)\nthree  no  gone (use)\n           mend: get it\n"


def test_a_table_for_a_terminal() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    print_findings([Finding("three", False, "gone [/dev/x]", "use", "get it")], out)
    text = out.getvalue()
    assert "gone [/dev/x]" in text, "brackets are text, not markup"
    assert "mend: get it" in text
