import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from peers.places import owner
from peers.places.owner import Owner, RunDirectory, process_start, sweep
from peers.places.process import start_daemon, stop_daemon


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(owner, "base_directory", lambda: tmp_path)
    return tmp_path


def _dead() -> Owner:
    """The owner that a process was which has ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        start = process_start(child.pid)
    assert start is not None
    return replace(Owner.this(), pid=child.pid, start=start)


def _leave(base: Path, who: Owner, processes: dict[int, int]) -> Path:
    path = base / f"{who.pid}-{who.start}-0"
    path.mkdir()
    (path / "owner.json").write_text(json.dumps({"owner": str(who), "namespaces": [], "processes": processes}))
    return path


def test_an_owner_is_read_as_it_was_written() -> None:
    this = Owner.this()
    assert Owner.parse(str(this)) == this
    assert not this.dead()
    assert Owner.parse("nonsense") is Owner.parse("1:x:2:3") is None


def test_only_what_is_certainly_dead_is_dead() -> None:
    this = Owner.this()
    assert _dead().dead()
    assert replace(this, start=this.start + 1).dead(), "another process got its number"
    assert replace(this, boot="another").dead(), "the machine was started anew"
    assert not replace(_dead(), namespace="1").dead(), "seen from elsewhere nobody can tell"


def test_leftovers_of_the_dead_are_removed_and_nothing_else(base: Path) -> None:
    orphan = subprocess.Popen(["sleep", "60"])
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        orphan_start, stranger_start = process_start(orphan.pid), process_start(stranger.pid)
        assert orphan_start is not None
        assert stranger_start is not None
        dead = _leave(base, _dead(), {orphan.pid: orphan_start, stranger.pid: stranger_start - 1})
        mine = RunDirectory()
        odd = base / "not-ours"
        odd.mkdir()
        assert sweep() == [dead.name]
        assert orphan.wait(5) == -9
        assert stranger.poll() is None, "the number was given to another process"
        assert mine.path.exists()
        assert odd.exists()
        mine.remove()
        assert not mine.path.exists()
    finally:
        orphan.kill()
        stranger.kill()
        orphan.wait()
        stranger.wait()


def test_a_run_directory_notes_and_ends_its_processes(base: Path, tmp_path: Path) -> None:
    run = RunDirectory()
    process = start_daemon(["sleep", "60"], {}, tmp_path / "out")
    run.note_process(process.pid)
    record = json.loads((run.path / "owner.json").read_text())
    assert record["processes"] == {str(process.pid): process_start(process.pid)}
    run.remove()
    assert process.wait(5) == -9
    run.remove()


def test_a_daemon_dies_with_its_starter(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys, threading\n"
        "from pathlib import Path\n"
        "from peers.places.process import start_daemon\n"
        "def work():\n"
        "    p = start_daemon(['sleep', '60'], {}, Path(sys.argv[1]))\n"
        "    print(p.pid, flush=True)\n"
        "t = threading.Thread(target=work); t.start(); t.join()\n"
        "input()\n"
    )
    arguments = [sys.executable, "-c", script, str(tmp_path / "out")]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        assert process_start(pid) is not None, "it outlives the thread that asked for it"
        assert os.getsid(pid) == pid, "Ctrl-C on the terminal does not reach it"
        starter.kill()
    for _ in range(200):
        if process_start(pid) is None:
            return
        time.sleep(0.01)
    pytest.fail("the daemon outlived its starter")


def test_a_daemon_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    stubborn = start_daemon(["sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done"], {}, tmp_path / "out")
    while "up" not in (tmp_path / "out").read_text():
        assert stubborn.poll() is None
    stop_daemon(stubborn, patience=0.1)
    assert stubborn.returncode == -9


def test_what_nobody_remembers_is_closed_at_the_end(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from peers.places.owner import close_at_exit, closed\n"
        "class Thing:\n"
        "    def __init__(self, name): self.name = name\n"
        "    def close(self): Path(sys.argv[1], self.name).write_text('')\n"
        "close_at_exit(Thing('forgotten'))\n"
        "thing = Thing('closed'); close_at_exit(thing); closed(thing)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["forgotten"]
