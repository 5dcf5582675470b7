import json
import struct
import subprocess
from pathlib import Path
from shutil import which

import pytest

from conformance.ipsec.ip import checksum
from conformance.net import Address, Datagram
from conformance.net.packets import LARGEST_PAYLOAD, ip_packet, udp_datagram
from conformance.net.pcapng import CaptureError, PcapngWriter, read_pcapng

SMALL = Datagram(Address("10.91.0.1", 500), Address("10.91.0.2", 500), b"request")
SIXTH = Datagram(Address("2001:db8::1", 4500), Address("2001:db8::2", 4500), b"\0\0\0\0response")
TIME = 1_790_000_000.123456


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    with PcapngWriter(path) as writer:
        writer.datagram(TIME, SMALL, "bent: the nonce twice, ü")
        writer.datagram(TIME + 1, SIXTH, None)
    first, second = read_pcapng(path)
    assert (first.datagram, first.comments) == (SMALL, ("bent: the nonce twice, ü",))
    assert (second.datagram, second.comments) == (SIXTH, ())
    assert first.time == pytest.approx(TIME, abs=1e-6) and second.time == pytest.approx(TIME + 1, abs=1e-6)


@pytest.mark.parametrize("digits", [6, 9])
def test_the_resolution_is_kept(tmp_path: Path, digits: int) -> None:
    path = tmp_path / "x.pcapng"
    with PcapngWriter(path, digits=6 if digits == 6 else 9) as writer:
        writer.datagram(1.000000007, SMALL)
    (one,) = read_pcapng(path)
    assert one.time == (1.0 if digits == 6 else 1.000000007)


def test_everything_written_is_in_the_file_before_close(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    writer = PcapngWriter(path)
    for count in range(1, 4):
        writer.datagram(TIME, SMALL)
        assert len(list(read_pcapng(path))) == count
    writer.close()


def test_a_file_cut_anywhere_gives_the_packets_before_the_cut(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.pcapng", tmp_path / "cut.pcapng"
    with PcapngWriter(whole) as writer:
        for _ in range(3):
            writer.datagram(TIME, SMALL, "note")
    data = whole.read_bytes()
    counts = []
    for size in range(4, len(data) + 1):
        cut.write_bytes(data[:size])
        counts.append(len(list(read_pcapng(cut))))
    assert counts == sorted(counts) and set(counts) == {0, 1, 2, 3} and counts.count(3) == 1


@pytest.mark.parametrize("data", [b"", b"\xd4\xc3\xb2\xa1" + bytes(20)])
def test_another_kind_of_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(data)
    with pytest.raises(CaptureError, match="no pcapng file"):
        list(read_pcapng(path))


def test_a_block_of_impossible_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    PcapngWriter(path).close()
    path.write_bytes(path.read_bytes() + struct.pack("<III", 6, 4, 4))
    with pytest.raises(CaptureError, match="a block of 4 octets"):
        list(read_pcapng(path))


@pytest.mark.parametrize("datagram", [SMALL, SIXTH])
def test_lengths_and_checksums_are_correct(datagram: Datagram) -> None:
    packet = ip_packet(datagram, 7)
    assert udp_datagram(packet) == datagram
    if packet[0] >> 4 == 4:
        assert checksum(packet[:20]) == 0
        assert struct.unpack_from("!H", packet, 2)[0] == len(packet)
        pseudo, udp = packet[12:20] + b"\0\x11", packet[20:]
    else:
        assert struct.unpack_from("!H", packet, 4)[0] == len(packet) - 40
        pseudo, udp = packet[8:40] + b"\0\x11", packet[40:]
    assert checksum(pseudo + struct.pack("!H", len(udp)) + udp) == 0


def test_a_checksum_of_zero_is_sent_as_all_ones() -> None:
    for word in range(0x10000):
        datagram = Datagram(SMALL.source, SMALL.destination, struct.pack("!H", word))
        stored = ip_packet(datagram)[26:28]
        assert stored != b"\0\0"
        if stored == b"\xff\xff":
            return
    pytest.fail("no payload of two octets makes the checksum zero")


def test_an_oversized_payload_is_cut_and_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    with PcapngWriter(path) as writer:
        writer.datagram(TIME, Datagram(SMALL.source, SMALL.destination, bytes(70000)), "large")
    (one,) = read_pcapng(path)
    assert len(one.datagram.payload) == LARGEST_PAYLOAD
    assert one.comments == ("large; cut: 70000 octets do not fit into a UDP datagram",)


def test_a_huge_comment_is_cut_between_characters(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    with PcapngWriter(path) as writer:
        writer.datagram(TIME, SMALL, "ü" * 40000 + "\udc80")
    (one,) = read_pcapng(path)
    assert set(one.comments[0]) == {"ü"} and len(one.comments[0]) > 32000


def test_mixed_families_and_names_are_refused() -> None:
    with pytest.raises(ValueError, match="two address families"):
        ip_packet(Datagram(SMALL.source, SIXTH.destination, b""))
    with pytest.raises(ValueError, match=r"vpn\.example"):
        ip_packet(Datagram(Address("vpn.example", 500), SMALL.destination, b""))


def test_packets_that_are_no_whole_udp_datagram_are_none() -> None:
    packet = ip_packet(SMALL)
    assert udp_datagram(packet[:-1]) is None
    assert udp_datagram(packet[:6] + b"\x20\x00" + packet[8:]) is None
    assert udp_datagram(packet[:9] + b"\x32" + packet[10:]) is None
    assert udp_datagram(b"") is None


def test_tshark_reads_it_with_correct_checksums_and_comments(tmp_path: Path) -> None:
    if which("tshark") is None:
        pytest.skip("tshark is not installed")
    path = tmp_path / "x.pcapng"
    with PcapngWriter(path) as writer:
        writer.datagram(TIME, SMALL, "first")
        writer.datagram(TIME, SIXTH, "second")
    fields = [
        "frame.time_epoch",
        "frame.comment",
        "ip.checksum.status",
        "udp.checksum.status",
        "udp.payload",
        "ipv6.src",
    ]
    command = ["tshark", "-r", str(path), "-T", "json", "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
    command += [argument for field in fields for argument in ("-e", field)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    first, second = (one["_source"]["layers"] for one in json.loads(done.stdout))
    assert first["frame.comment"] == ["first"] and second["frame.comment"] == ["second"]
    assert first["ip.checksum.status"] == ["1"] and first["udp.checksum.status"] == ["1"]
    assert second["udp.checksum.status"] == ["1"] and second["ipv6.src"] == ["2001:db8::1"]
    assert first["frame.time_epoch"][0].startswith("1790000000.123456")


def test_scapy_reads_it(tmp_path: Path) -> None:
    utils = pytest.importorskip("scapy.utils")
    inet = pytest.importorskip("scapy.layers.inet")
    path = tmp_path / "x.pcapng"
    with PcapngWriter(path) as writer:
        writer.datagram(TIME, SMALL, "first")
    (packet,) = utils.rdpcap(str(path))
    assert packet[inet.IP].src == "10.91.0.1" and bytes(packet[inet.UDP].payload) == b"request"
