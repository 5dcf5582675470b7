"""Other people's EAP: hostapd and FreeRADIUS as servers, eapol_test as the peer."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from threading import Thread

import pytest

from conformance.eap.subscriber import Register, UmtsAnswer, Usim
from tests.eap.radius import SECRET

PACKAGES = {
    "hostapd": "hostapd",
    "eapol_test": "eapoltest",
    "freeradius": "freeradius",
    "radclient": "freeradius-utils",
}
HEX = r"((?:[0-9a-f]{2} ?)+)"


def program(name: str) -> str:
    """Where it is; skips the test where it is not."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"needs Debian's {PACKAGES[name]}")
    return found


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextmanager
def daemon(command: list[str], log: Path, ready: str) -> Iterator[None]:
    """A server in the foreground, until its log says that it is ready; ended with the block."""
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            end = time.monotonic() + 20
            while ready not in log.read_text(errors="replace"):
                assert process.poll() is None, log.read_text(errors="replace")[-1000:]
                assert time.monotonic() < end, f"{command[0]} is not ready"
                time.sleep(0.02)
            yield
        finally:
            process.terminate()


# --- hostapd ----------------------------------------------------------------------------------------------------------

HOSTAPD = """driver=none
interface=none0
radius_server_clients={run}/clients
radius_server_auth_port={port}
eap_server=1
eap_user_file={run}/users
server_id=hostapd
eap_sim_db=unix:{run}/register
eap_sim_id=3
eap_sim_aka_result_ind={indications}
logger_stdout=-1
logger_stdout_level=0
"""
USERS = """"md5" MD5 "eappassword"
"gtc" GTC "eappassword"
"mschapv2" MSCHAPV2 "eappassword"
"any" MSCHAPV2,MD5,GTC "eappassword"
"0"* AKA
"2"* AKA
"4"* AKA
"1"* SIM
"3"* SIM
"5"* SIM
"6"* AKA'
"7"* AKA'
"8"* AKA'
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its port, and its log if that has keys."""

    port: int
    log: Path

    def key(self, words: str) -> bytes:
        """The last key in the log behind some words."""
        return last_key(self.log.read_text(errors="replace"), words)


def last_key(log: str, words: str) -> bytes:
    found = re.findall(rf"{words}[^\n]*hexdump\(len=\d+\): {HEX}", log)
    assert found, f"no {words} in the log"
    return bytes.fromhex(found[-1])


def answer_hostapd(line: str, register: Register, random: Random) -> str:
    """What a home register answers in the words of hlr_auc_gw."""
    verb, imsi, *rest = line.split()
    name = imsi.encode()
    if verb == "SIM-REQ-AUTH":
        triplets = [register.triplet(name, random.randbytes) for _ in range(int(rest[0]))]
        return f"SIM-RESP-AUTH {imsi} " + " ".join(f"{kc.hex()}:{s.hex()}:{rand.hex()}" for rand, s, kc in triplets)
    if verb == "AKA-REQ-AUTH":
        found = register.vector(name, random.randbytes)
        words = (found.rand, found.autn, found.ik, found.ck, found.xres)
        return f"AKA-RESP-AUTH {imsi} " + " ".join(one.hex() for one in words)
    register.resynchronise(name, bytes.fromhex(rest[1]), bytes.fromhex(rest[0]))
    return ""


def serve_register(path: Path, register: Register) -> None:
    """Answers hostapd in a thread, as long as the tests run."""
    one = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    one.bind(str(path))
    random = Random(3)

    def serve() -> None:
        while True:
            data, origin = one.recvfrom(2000)
            answer = answer_hostapd(data.decode().strip("\0\n "), register, random)
            if answer:
                one.sendto(answer.encode(), origin)

    Thread(target=serve, daemon=True).start()


@contextmanager
def hostapd(run: Path, register: Register, *, indications: bool) -> Iterator[Server]:
    """hostapd as a RADIUS server with all methods, whose cards are in a register of ours."""
    found, port = program("hostapd"), free_port()
    (run / "clients").write_text(f"127.0.0.1/32\t{SECRET.decode()}\n")
    (run / "users").write_text(USERS)
    (run / "hostapd.conf").write_text(HOSTAPD.format(run=run, port=port, indications=int(indications)))
    serve_register(run / "register", register)
    log = run / "hostapd.log"
    with daemon([found, "-dd", "-K", str(run / "hostapd.conf")], log, "AP-ENABLED"):
        yield Server(port, log)


# --- FreeRADIUS -------------------------------------------------------------------------------------------------------

RADIUSD = """
logdir = {run}
run_dir = {run}
pidfile = {run}/pid
libdir = /usr/lib/freeradius
security {{
    allow_vulnerable_openssl = yes
}}
client localhost {{
    ipaddr = 127.0.0.1
    secret = {secret}
    proto = udp
}}
"""

FREERADIUS = """
modules {{
    eap {{
        default_eap_type = mschapv2
        md5 {{
        }}
        gtc {{
            auth_type = PAP
        }}
        mschapv2 {{
        }}
    }}
    mschap {{
    }}
    pap {{
    }}
}}
server default {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {port}
    }}
    authorize {{
        update control {{
            Cleartext-Password := "eappassword"
        }}
        eap
    }}
    authenticate {{
        eap
        Auth-Type MS-CHAP {{
            mschap
        }}
        Auth-Type PAP {{
            pap
        }}
    }}
}}
"""


@contextmanager
def radiusd(run: Path, purpose: str) -> Iterator[Server]:
    """FreeRADIUS with modules and a server of our own, which listens on ``port``."""
    found, port = program("freeradius"), free_port()
    text = (RADIUSD + purpose).format(run=run, port=port, secret=SECRET.decode())
    (run / "radiusd.conf").write_text(text)
    log = run / "freeradius.log"
    with daemon([found, "-f", "-l", "stdout", "-x", "-d", str(run)], log, "Ready to process"):
        yield Server(port, log)


def freeradius(run: Path) -> AbstractContextManager[Server]:
    """FreeRADIUS as a server of EAP."""
    return radiusd(run, FREERADIUS)


# --- eapol_test -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ran:
    """What eapol_test did."""

    succeeded: bool
    log: str

    def key(self, words: str) -> bytes:
        """The last key in the log behind some words."""
        return last_key(self.log, words)


def answer_eapol_test(line: str, usim: Usim) -> str:
    """What a card answers in the words of its control interface; empty where the line asks nothing."""
    asked = re.search(r"CTRL-REQ-SIM-(\d+):(GSM|UMTS)-AUTH:(\S+)", line)
    if asked is None:
        return ""
    parts = [bytes.fromhex(one) for one in asked[3].split(":")[: 3 if asked[2] == "GSM" else 2]]
    if asked[2] == "GSM":
        answers = [usim.gsm(rand) for rand in parts]
        return f"CTRL-RSP-SIM-{asked[1]}:GSM-AUTH:" + ":".join(f"{kc.hex()}:{sres.hex()}" for sres, kc in answers)
    found = usim.umts(*parts) or UmtsAnswer()
    words = f"AUTH:{found.ik.hex()}:{found.ck.hex()}:{found.res.hex()}" if found.res else f"AUTS:{found.auts.hex()}"
    return f"CTRL-RSP-SIM-{asked[1]}:UMTS-{words if found.res or found.auts else 'FAIL'}"


def eapol_test(run: Path, port: int, lines: str, *options: str, usim: Usim | None = None) -> Ran:
    """One run of eapol_test against a server on loopback; with a card of ours where the method needs one."""
    control = f"ctrl_interface={run}/control\nexternal_sim=1\n" if usim else ""
    (run / "conf").write_text(
        f"{control}network={{\nkey_mgmt=IEEE8021X\neapol_flags=0\n{lines}\n}}\n".replace("; ", "\n")
    )
    command = [program("eapol_test"), "-c", str(run / "conf"), "-a127.0.0.1", f"-p{port}", f"-s{SECRET.decode()}"]
    command += ["-t8", *options, *(["-W"] if usim else [])]
    with (run / "log").open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            if usim:
                serve_card(run, usim, process)
            succeeded = process.wait(15) == 0
        finally:
            process.kill()
    return Ran(succeeded, (run / "log").read_text(errors="replace"))


def serve_card(run: Path, usim: Usim, process: subprocess.Popen[bytes]) -> None:
    """Answers eapol_test until it ends."""
    path, end = run / "control" / "test", time.monotonic() + 5
    while not path.exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind(str(run / "card"))
        one.connect(str(path))
        one.settimeout(0.1)
        one.send(b"ATTACH")
        while process.poll() is None:
            try:
                answer = answer_eapol_test(one.recv(4096).decode(), usim)
                if answer:
                    one.send(answer.encode())
            except OSError:
                continue
