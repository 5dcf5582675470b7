"""The sequence number of an outbound SA in Linux, set over netlink (``XFRM_MSG_NEWAE``), which iproute2 cannot do."""

from ipaddress import ip_address

_ESP = 50
CHECK = "command -v perl >/dev/null"
"""Whether there is an interpreter for the script: a small image may have none."""
_PERL = r"""
use Socket; socket(S, 16, 3, 6) or die "no netlink: $!"; bind(S, pack("SSLL", 16, 0, 0, 0)) or die "$!";
my ($to, $spi, $proto, $family, $last) = @ARGV;
my $id = pack("a16 H8 S C x", pack("H*", $to), $spi, $family, $proto) . pack("a16 L L", "", 0, 0);
for my $words (1 .. 128) {
  my $bitmap = pack("L6 x" . 4 * $words, $words, $last, 0, 0, 0, 0);
  my $body = $id . pack("S S L3", 16, 10, $last, 0, 0) . pack("S S", 4 + length $bitmap, 23) . $bitmap;
  send(S, pack("L S S L L", 16 + length $body, 30, 0x105, $words, 0) . $body, 0) or die "$!";
  recv(S, my $answer, 4096, 0); my $error = -unpack("x16 l", $answer);
  exit 0 unless $error; $! = $error; die "refused: $!" if $error != 22;
}
die "refused, whatever the size of the window";
"""
"""An SA with a large window has its state beside a bitmap, whose size must be the right one: all are tried."""


def script(address: str, spi: bytes, sequence: int) -> str:
    """The command after which the next ESP packet to ``address`` with this SPI has this number."""
    found = ip_address(address)
    family = 2 if found.version == 4 else 10
    words = (found.packed.ljust(16, b"\0").hex(), spi.hex(), _ESP, family, sequence - 1)
    return f"perl -e '{_PERL}' " + " ".join(map(str, words))
