"""Making a root file system without installing anything, and the shell that is kept open."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest import mock

import pytest

from peers.contract import DeviceError
from peers.places import rootfs
from peers.places.shell import PipeShell

needs_apt = pytest.mark.skipif(rootfs.rootfs_problem() is not None, reason="this is no Debian or Ubuntu")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(rootfs.CACHE_VARIABLE, str(tmp_path))
    return tmp_path / "ikespec"


def _archive(folder: Path, name: str, files: dict[str, str]) -> None:
    """A package as apt-get would have fetched it."""
    tree = folder / name
    (tree / "DEBIAN").mkdir(parents=True)
    control = f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: nobody <n@example.org>\nDescription: x\n"
    (tree / "DEBIAN" / "control").write_text(control)
    for file, content in files.items():
        (tree / file).parent.mkdir(parents=True, exist_ok=True)
        (tree / file).write_text(content)
    command = ["dpkg-deb", "--build", "--root-owner-group", str(tree), str(folder / f"{name}_1_all.deb")]
    subprocess.run(command, check=True, capture_output=True)
    shutil.rmtree(tree)


@pytest.fixture
def fetched() -> Iterator[mock.Mock]:
    """In place of apt-get: two packages, one of which still has /bin."""

    def fetch(name: str, packages: list[str], scratch: Path, suite: str) -> list[Path]:
        folder = scratch / "archives"
        _archive(folder, "one", {"bin/tool": "the tool", "etc/one.conf": "x"})
        _archive(folder, "two", {"usr/lib/two": "the library"})
        return sorted(folder.glob("*.deb"))

    with mock.patch.object(rootfs, "_download", side_effect=fetch) as fetched:
        yield fetched


@needs_apt
def test_it_is_made_once_and_whole(cache: Path, fetched: mock.Mock, capfd: pytest.CaptureFixture[str]) -> None:
    assert rootfs.existing_root("one", ("one",)) is None
    root = rootfs.root_file_system("one", ("one",))
    assert root.parent == cache
    assert (root / "usr/bin/tool").read_text() == "the tool"
    assert (root / "bin").is_symlink()
    assert (root / "bin/tool").exists()
    assert (root / rootfs.PACKAGE_LIST).read_text() == "one_1_all\ntwo_1_all\n"
    assert all((root / folder).is_dir() for folder in ("dev", "proc", "run", "tmp"))
    assert sorted(path.name for path in cache.iterdir()) == [root.name, "one.lock"], "nothing else is left"
    assert rootfs.root_file_system("one", ("one",)) == root == rootfs.existing_root("one", ("one",))
    assert fetched.call_count == 1
    assert rootfs.root_file_system("one", ("one", "more")) != root
    assert fetched.call_count == 2


@needs_apt
def test_each_release_has_its_own(cache: Path, fetched: mock.Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rootfs, "_KEYRING", cache.parent)
    roots = {suite: rootfs.root_file_system("one", ("one",), suite) for suite in ("", *rootfs.SUITES)}
    assert len(set(roots.values())) == 4
    assert all(roots[suite].name.startswith(f"one@{suite}-") for suite in rootfs.SUITES)
    assert rootfs.existing_root("one", ("one",), "trixie") == roots["trixie"]
    assert [call.args[3] for call in fetched.call_args_list] == ["", *rootfs.SUITES]


def test_a_release_is_fetched_by_its_own_lists_and_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rootfs, "_mirror", lambda: "http://mirror.example/debian")
    monkeypatch.setattr(rootfs, "_KEYRING", tmp_path / "keys.gpg")
    asked: list[tuple[str, object]] = []

    def apt(command: Sequence[str], options: dict[str, object]) -> None:
        asked.append((command[0], options["Dir::Etc::sourcelist"]))
        assert options["Dir::State::lists"] == tmp_path / "lists"
        assert options["Dir::Etc::sourceparts"] == "/dev/null"

    monkeypatch.setattr(rootfs, "_apt", apt)
    assert rootfs._download("one", ("one",), tmp_path, "trixie") == []
    assert asked == [(word, tmp_path / "sources.list") for word in ("update", "install")], "lists of this host are none"
    line = f"deb [signed-by={tmp_path}/keys.gpg] http://mirror.example/debian trixie main\n"
    assert (tmp_path / "sources.list").read_text() == line


@pytest.mark.parametrize(
    ("targets", "mirror"),
    [
        ("http://a.example/debian-security/ Debian\nhttp://b.example/mirror/ Debian\n", "http://b.example/mirror"),
        ("http://c.example/node \nhttp://d.example/debian/ $(ORIGIN)\n", "http://d.example/debian"),
        ("http://archive.ubuntu.com/ubuntu/ Ubuntu\n", "http://deb.debian.org/debian"),
        ("", "http://deb.debian.org/debian"),
    ],
)
def test_a_release_comes_from_where_this_host_gets_debian(targets: str, mirror: str) -> None:
    with mock.patch.object(subprocess, "run", return_value=mock.Mock(stdout=targets)):
        assert rootfs._mirror() == mirror


def test_without_the_keys_of_debian_a_release_cannot_be_had(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rootfs, "_KEYRING", cache / "none.gpg")
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    with pytest.raises(DeviceError, match=r"one@trixie: cannot make .*: the package debian-archive-keyring is missing"):
        rootfs.root_file_system("one", ("one",), "trixie")


@needs_apt
def test_several_at_once_make_one(cache: Path, fetched: mock.Mock) -> None:
    threads = [threading.Thread(target=rootfs.root_file_system, args=("one", ("one",))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fetched.call_count == 1


@needs_apt
def test_what_a_killed_run_left_is_removed(cache: Path, fetched: mock.Mock) -> None:
    cache.mkdir()
    left = cache / "one-0123456789ab.new"
    left.mkdir()
    rootfs.root_file_system("one", ("one",))
    assert not left.exists()


@needs_apt
def test_a_failure_leaves_nothing_and_is_one_line(cache: Path) -> None:
    with pytest.raises(DeviceError) as caught:
        rootfs.root_file_system("one", ("there-is-no-such-package-1f3a",))
    assert "cannot fetch the packages of its root file system: E: " in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in cache.iterdir()] == ["one.lock"]


@needs_apt
def test_a_damaged_archive_is_named(cache: Path) -> None:
    def fetch(name: str, packages: list[str], scratch: Path, suite: str) -> list[Path]:
        path = scratch / "archives" / "bad_1_all.deb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("no archive")
        return [path]

    with (
        mock.patch.object(rootfs, "_download", side_effect=fetch),
        pytest.raises(DeviceError, match=r"cannot unpack bad_1_all.deb: "),
    ):
        rootfs.root_file_system("one", ("one",))
    assert [path.name for path in cache.iterdir()] == ["one.lock"]


def test_without_apt_the_remedy_is_docker(cache: Path) -> None:
    with (
        mock.patch.object(shutil, "which", return_value=None),
        pytest.raises(
            DeviceError, match=r"apt-get is missing: this is no Debian or Ubuntu; use Docker: --dut one:docker"
        ),
    ):
        rootfs.root_file_system("one", ("one",))


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(rootfs.CACHE_VARIABLE, str(tmp_path / "file"))
    with pytest.raises(DeviceError, match="Not a directory; set XDG_CACHE_HOME"):
        rootfs.root_file_system("one", ("one",))


@pytest.fixture
def shell() -> Iterator[PipeShell]:
    shell = PipeShell("device", ["/bin/sh"])
    yield shell
    shell.close()


def test_a_shell_answers_again_and_again(shell: PipeShell) -> None:
    assert shell.run("echo one; echo two >&2").output == "one\ntwo\n"
    assert shell.run("printf 'without an end'; exit_status() { return 7; }; exit_status").output == "without an end"
    assert shell.run("exit_status").status == 7
    assert shell.run("cat").output == "", "it has no input"
    assert len(shell.run("seq 100000").output.splitlines()) == 100000


def test_a_shell_that_hangs_or_ends_is_closed(shell: PipeShell) -> None:
    with pytest.raises(DeviceError, match="does not answer its control program"):
        shell.run("sleep 60", patience=0.1)
    assert shell.closed
    with pytest.raises(ProcessLookupError):
        os.kill(shell.pid, 0)
    with pytest.raises(DeviceError, match="its shell is closed"):
        shell.run("true")
    other = PipeShell("device", ["/bin/sh"])
    with pytest.raises(DeviceError, match="its shell has ended"):
        other.run("exit 3")
    with pytest.raises(DeviceError, match="cannot start /no/such/shell"):
        PipeShell("device", ["/no/such/shell"])
