"""What sanitizers, debuggers and charon write of a fault, and what is made of it."""

from pathlib import Path

import pytest

from peers.places import sanitizers
from peers.places.frames import places, told
from peers.places.lastwords import last_words

ASAN = """\
=================================================================
==77==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000012 at pc 0x55f3 bp 0x7ffd sp 0x7ffe
READ of size 1 at 0x602000000012 thread T3
    #0 0x7f00 in __interceptor_memcpy ../../../../src/libsanitizer/sanitizer_common/interceptors.inc:799
    #1 0x55f3 in chunk_copy src/utils/chunk.c:40:5
    #2 0x55f5 in parse (/opt/x/lib/ipsec/libcharon.so.0+0x2160)
    #3 0x7f01 in start_thread nptl/pthread_create.c:442

0x602000000012 is located 2 bytes inside of 10-byte region
freed by thread T0 here:
    #0 0x7f02 in __interceptor_free ../../../../src/libsanitizer/asan/asan_malloc_linux.cpp:52
    #1 0x55f5 in main main.c:7

SUMMARY: AddressSanitizer: heap-use-after-free src/utils/chunk.c:40 in chunk_copy
Shadow bytes around the buggy address:
  0x0c047fff7fb0: 00 00
==77==ABORTING
"""
UBSAN = """\
src/collections/array.c:488:10: runtime error: null pointer passed as argument 2, which is declared to never be null
    #0 0x7f69 in array_bsearch src/collections/array.c:488
    #1 0x7f6a in add_type src/crypto/proposal.c:130

"""
LSAN = """\
=================================================================
==9==ERROR: LeakSanitizer: detected memory leaks

Direct leak of 40 byte(s) in 1 object(s) allocated from:
    #0 0x7f4a in __interceptor_malloc ../../../../src/libsanitizer/asan/asan_malloc_linux.cpp:69
    #1 0x55f4 in host_create src/networking/host.c:10

SUMMARY: AddressSanitizer: 40 byte(s) leaked in 1 allocation(s).
"""
TSAN = """\
==================
WARNING: ThreadSanitizer: data race (pid=12)
  Write of size 4 at 0x7b0400000000 by thread T1:
    #0 checkin src/ike_sa_manager.c:20:3 (charon+0x4a2b)
    #1 process_job src/processor.c:262 (charon+0x4a2c)

  Previous read of size 4 at 0x7b0400000000 by main thread:
    #0 main main.c:3 (charon+0x1)

SUMMARY: ThreadSanitizer: data race src/ike_sa_manager.c:20:3 in checkin
==================
"""
SEGV = """\
AddressSanitizer:DEADLYSIGNAL
=================================================================
==8==ERROR: AddressSanitizer: SEGV on unknown address 0x000000000010 (pc 0x7f7f bp 0x7f7e sp 0x7f7d T6)
==8==The signal is caused by a READ memory access.
    #0 0x7f7f in install_internal src/sa/child_sa.c:909
SUMMARY: AddressSanitizer: SEGV src/sa/child_sa.c:909 in install_internal
==8==ABORTING
"""
LEAK_DETECTIVE = """\
40 bytes total, 1 allocations, 40 bytes average:
  /usr/lib/libstrongswan.so.0 @ 0x7f00 (host_create+0x1) [0x7f01]
One leak detected, 3 suppressed by whitelist
"""
GDB = """\
#0  __pthread_kill_implementation (threadid=<optimized out>, signo=6) at ./nptl/pthread_kill.c:44
#1  0x00007fe4 in __GI_abort () at ./stdlib/abort.c:79
#2  0x0000562f in segv_handler (signal=<optimized out>) at src/charon/charon.c:179
#3  <signal handler called>
#4  0x00007fe5 in install_internal (this=0x1, initiator=false) at ../../src/sa/child_sa.c:909
#5  0x00007fe6 in ?? () from /usr/lib/ipsec/libcharon.so.0
#6  0x00007fe7 in ?? () from /usr/lib/ipsec/libcharon.so.0
#7  0x00007fe8 in start_thread (arg=<optimized out>) at ./nptl/pthread_create.c:442
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ASAN, "AddressSanitizer: heap-use-after-free, READ at chunk_copy (chunk.c:40) < parse (libcharon.so.0)"),
        (
            UBSAN,
            "UndefinedBehaviorSanitizer: null pointer passed as argument 2, which is declared to never be null"
            " at array_bsearch (array.c:488) < add_type (proposal.c:130)",
        ),
        (UBSAN.partition("    #")[0], "declared to never be null at array.c:488:10"),
        (LSAN, "LeakSanitizer: detected memory leaks at host_create (host.c:10)"),
        (TSAN, "ThreadSanitizer: data race at checkin (ike_sa_manager.c:20) < process_job (processor.c:262)"),
        (SEGV, "AddressSanitizer: SEGV, READ at install_internal (child_sa.c:909)"),
        (LEAK_DETECTIVE, "leak detective: One leak detected"),
    ],
)
def test_a_report_is_told_in_one_line(text: str, words: str) -> None:
    (report,) = sanitizers.reports("it starts\n" + text + "it goes on\n")
    assert words in report.words
    assert "\n" not in report.words
    assert "it goes on" not in report.text or "runtime error" in report.text
    assert sanitizers.complete(text)


def test_several_reports_are_kept_apart() -> None:
    found = list(sanitizers.reports(UBSAN + ASAN + LSAN))
    assert [one.words.partition(":")[0] for one in found] == [
        "UndefinedBehaviorSanitizer", "AddressSanitizer", "LeakSanitizer",
    ]  # fmt: skip
    assert "chunk_copy" in found[1].text
    assert "host_create" not in found[1].text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "No leaks detected, 3 suppressed by whitelist\n",
        "==9==LeakSanitizer has encountered a fatal error.\n",
        "==9==ERROR: LeakSanitizer: has encountered a fatal error\n",
        "received AddressSanitizer notify\n",
    ],
)
def test_what_is_no_report(text: str) -> None:
    assert list(sanitizers.reports(text)) == []
    assert sanitizers.complete(text)


def test_one_that_is_being_written_is_not_complete() -> None:
    assert not sanitizers.complete(ASAN.partition("SUMMARY")[0])
    assert not sanitizers.complete(LSAN + ASAN.partition("    #1")[0])


def test_the_options_of_whoever_started_us_win_but_for_the_place() -> None:
    given = {"UBSAN_OPTIONS": "halt_on_error=1:log_path=/elsewhere"}
    found = sanitizers.environment("/run/x", given)
    assert found["UBSAN_OPTIONS"].endswith("halt_on_error=0:halt_on_error=1:log_path=/elsewhere:log_path=/run/x/ubsan")
    assert "halt_on_error=1" in found["ASAN_OPTIONS"]
    assert len({one.rpartition("log_path=")[2] for one in found.values()}) == len(found)


def test_what_was_written_is_found_and_removed(tmp_path: Path) -> None:
    (tmp_path / "asan.12").write_text(ASAN)
    (tmp_path / "leaks").write_text(LEAK_DETECTIVE)
    (tmp_path / "charon.log").write_text(UBSAN)
    (tmp_path / "tsan.1").mkdir()
    assert sanitizers.written(tmp_path) == ASAN + LEAK_DETECTIVE
    sanitizers.remove(tmp_path)
    assert sanitizers.written(tmp_path) == sanitizers.written(tmp_path / "none") == ""
    assert (tmp_path / "charon.log").exists()


def test_a_backtrace_begins_below_the_handler_of_the_signal() -> None:
    assert places(GDB) == ["install_internal (child_sa.c:909)", "libcharon.so.0"]
    assert told(GDB) == " at install_internal (child_sa.c:909) < libcharon.so.0"
    assert told("no core: they go to /usr/share/apport/apport") == ""


CHARON = """\
10[DMN] thread 10 received 11
10[LIB]  dumping 11 stack frame addresses:
10[LIB]   /lib/x86_64-linux-gnu/libc.so.6 @ 0x7fe4d2a48000 [0x7fe4d2a84050]
10[LIB]     -> libc_sigaction.c:?
10[LIB]   /opt/x/lib/ipsec/libcharon.so.0 @ 0x7fe4d2c34000 [0x7fe4d2c5ed71]
10[LIB]     -> /src/b/../strongswan/src/libcharon/sa/child_sa.c:909 (discriminator 4)
10[LIB]     -> ./nptl/./nptl/pthread_create.c:442
10[DMN] killing ourself, received critical signal
"""


def test_last_words_of_a_daemon() -> None:
    assert last_words(CHARON) == "SIGSEGV at child_sa.c:909"
    assert last_words(CHARON, ASAN).startswith("AddressSanitizer: heap-use-after-free")
    assert last_words("", "free(): invalid pointer\n") == "free(): invalid pointer"
    assert last_words("all is well") == ""
