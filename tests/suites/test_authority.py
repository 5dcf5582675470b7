"""The authority of the suites is one, whoever asks for it at the same time."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from suites import connections


def test_all_who_ask_at_once_get_the_same() -> None:
    connections._authority.cache_clear()
    connections._leaf.cache_clear()
    barrier = Barrier(4)

    def ask(number: int) -> bytes:
        barrier.wait(10)
        made = connections.leaf("somebody.example", "rsa") if number % 2 else connections.authority("rsa")
        issuer = connections.authority("rsa").certificate
        if number % 2:
            made.certificate.verify_directly_issued_by(issuer)
        return issuer.fingerprint(issuer.signature_hash_algorithm)  # type: ignore[arg-type]

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(ask, range(4)))) == 1
