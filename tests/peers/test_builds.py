"""A daemon that somebody built: found below a folder, refused in one line, started, and heard when it dies."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.net.link import Address, Datagram
from peers.contract import DeviceError
from peers.places import core
from peers.places.build import Build, find
from peers.places.netns import NetnsPlace
from peers.registry import open_device
from peers.strongswan import settings
from peers.word import DeviceWord, parse
from suites.interop.matrix import members

PROGRAM = Path("/bin/true")


def charon_in(path: Path) -> Build:
    return find("strongswan", str(path), settings.BUILT, settings.SOURCE)


def put(path: Path, source: Path = PROGRAM) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, path)
    return path


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("strongswan:/opt/x", DeviceWord("strongswan", build="/opt/x")),
        ("strongswan+own:~/x:netns-nat:shim", DeviceWord("strongswan", "", "own", "netns-nat:shim", "~/x")),
        ("libreswan:./root", DeviceWord("libreswan", build="./root")),
        ("strongswan:netns", DeviceWord("strongswan", where="netns")),
    ],
)
def test_a_path_in_the_word_is_a_build(text: str, word: DeviceWord) -> None:
    assert parse(text) == word
    assert str(word) == text


def test_the_daemon_is_found_below_a_prefix_and_in_a_root(tmp_path: Path) -> None:
    prefix, root = tmp_path / "prefix", tmp_path / "root"
    charon = put(prefix / "libexec/ipsec/charon")
    assert charon_in(prefix) == Build(prefix, str(charon))
    systemd = put(prefix / "sbin/charon-systemd")
    assert charon_in(prefix).program == str(systemd)
    assert charon_in(charon) == Build(charon, str(charon))
    put(root / "usr/sbin/charon-systemd")
    put(root / "bin/sh")
    assert charon_in(root / "usr").root is None
    assert charon_in(root).root is None
    (root / "dev").mkdir()
    found = charon_in(root)
    assert (found.program, found.root, found.directory) == ("/usr/sbin/charon-systemd", root, "/usr/sbin")
    place = open_device(f"strongswan:{prefix}")._place  # type: ignore[attr-defined]
    assert place.build == f"build {prefix}"


def test_what_cannot_be_used_is_said_in_one_line(tmp_path: Path) -> None:
    put(tmp_path / "plain/libexec/ipsec/charon").chmod(0o644)
    script = put(tmp_path / "script/charon")
    script.write_text("#! /bin/sh\n")
    (tmp_path / "tree/src/charon").mkdir(parents=True)
    moved = put(tmp_path / "moved/libexec/ipsec/charon").parents[2]
    library = moved / "lib/ipsec/libstrongswan.so"
    library.parent.mkdir(parents=True)
    library.write_bytes(b"\0/nowhere/lib/ipsec/plugins\0")
    bare = put(tmp_path / "bare/libexec/ipsec/charon").parents[2]
    (bare / "lib/ipsec/plugins").mkdir(parents=True)
    (bare / "lib/ipsec/libstrongswan.so").write_bytes(f"\0{bare}/lib/ipsec/plugins\0".encode())
    (tmp_path / "empty").mkdir()
    complaints = {
        f"strongswan:{tmp_path}/none": "none does not exist",
        f"strongswan:{tmp_path}/empty": "there is no daemon in",
        f"libreswan:{tmp_path}/empty": "looked for libexec/ipsec/pluto, lib/ipsec/pluto, usr/libexec",
        f"strongswan:{tmp_path}/plain": "charon is not executable; chmod +x",
        f"strongswan:{script}": "is no program but a script, as libtool makes them",
        f"strongswan:{tmp_path}/tree": "is a tree in which it was built",
        f"strongswan:{moved}": "it looks for its plugins in /nowhere/lib/ipsec/plugins, which does not exist",
        f"strongswan:{bare}": "it was built without the plugin vici",
        f"strongswan:{PROGRAM}:docker": "a build of your own cannot run in 'docker'; known: netns,",
        f"strongswan@trixie:{PROGRAM}": "a build of your own is of no release; leave @trixie out",
        f"reference:{PROGRAM}": "nobody builds it",
        f"openiked:{PROGRAM}": "it needs PF_KEY",
        str(tmp_path / "empty"): "is a folder and no device file; say strongswan:/",
        str(PROGRAM): "is a program and no device file",
    }
    for spec, complaint in complaints.items():
        with pytest.raises(DeviceError) as caught:
            open_device(spec)
        assert complaint in str(caught.value), spec
        assert "\n" not in str(caught.value)


@pytest.mark.skipif(shutil.which("ldd") is None, reason="no ldd")
def test_missing_libraries_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "ldd"
    fake.write_text("#!/bin/sh\necho '\tlibcharon.so.0 => not found'\necho '\tlibc.so.6 => /lib/libc.so.6 (0x7f)'\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(DeviceError, match=r"charon lacks libcharon\.so\.0; install them, or set LD_LIBRARY_PATH"):
        charon_in(put(tmp_path / "charon"))


def test_two_builds_in_a_matrix_have_names_for_files() -> None:
    found = members(["strongswan:/opt/a", "strongswan:/opt/b", "reference"])
    assert [one.label for one in found] == ["strongswan-opt-a", "strongswan-opt-b", "reference"]
    assert found[0].spec == "strongswan:/opt/a"


# --- one that dies ----------------------------------------------------------------------------------------------------

_DAEMON = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
__attribute__((noinline)) int deep(volatile int *p) { return *p + 1; }
int main(int argc, char **argv) {
    struct sockaddr_in me = { .sin_family = AF_INET, .sin_port = htons(500) };
    char got[100], name[200];
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(s, (void *)&me, sizeof me)) return 3;
    FILE *up = fopen("up", "w"); fclose(up);
    for (;;) {
        if (recv(s, got, sizeof got, 0) < 1) continue;
        if (got[0] == 'u') fprintf(stderr, "a.c:1:2: runtime error: it is odd\n    #0 0x1 in odd a.c:1\n");
        if (got[0] == 's') return deep((int *)8L);
        if (got[0] == 'a') {
            char *path = strstr(getenv("ASAN_OPTIONS"), "log_path=") + 9;
            snprintf(name, sizeof name, "%s.1", path);
            FILE *f = fopen(name, "w");
            fprintf(f, "==1==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x1 at pc 0x2\n"
                       "    #0 0x2 in lost b.c:7\nSUMMARY: AddressSanitizer: heap-buffer-overflow b.c:7 in lost\n");
            fclose(f);
            abort();
        }
    }
}
"""


@pytest.mark.peer
@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
def test_a_daemon_is_heard_when_it_reports_and_when_it_dies(tmp_path: Path) -> None:
    (tmp_path / "daemon.c").write_text(_DAEMON)
    program = tmp_path / "daemon"
    subprocess.run(["cc", "-g", "-O0", "-o", str(program), str(tmp_path / "daemon.c")], check=True)
    place = NetnsPlace("strongswan", build="build of a test")
    try:
        place.open()

        def tell(what: bytes) -> None:
            link = place.open_link(ports=(500,))
            ours, its = Address(place.pixit.tester_address, 500), Address(place.pixit.device_address, 500)
            link.send(Datagram(ours, its, what))
            link.close()

        def life(what: bytes, *, end: bool) -> None:
            place.halt()
            (place.directory / "up").unlink(missing_ok=True)
            place.launch([str(program)], {})
            until(lambda: (place.directory / "up").exists())
            tell(what)
            until(lambda: not place.running() if end else "odd" in place.console())

        life(b"u", end=False)
        assert place.complaint() == "UndefinedBehaviorSanitizer: it is odd at odd (a.c:1)"
        assert place.complaint() == ""
        assert "#0 0x1 in odd" in place.testimony()
        place.turn_page()
        assert place.testimony() == ""
        life(b"a", end=True)
        assert place.epitaph("") == "killed by SIGABRT: AddressSanitizer: heap-buffer-overflow at lost (b.c:7)"
        life(b"s", end=True)
        assert place.epitaph("").startswith("killed by SIGSEGV")
        if core._PATTERN.read_text().startswith("|") or shutil.which("gdb") is None:
            assert "core" in place.testimony()
        else:
            assert place.epitaph("") == "killed by SIGSEGV at deep (daemon.c:7) < main (daemon.c:17)"
            assert "#0" in place.testimony()
            assert not list(place.directory.glob("core*"))
    finally:
        place.close()


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)
