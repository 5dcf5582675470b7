"""The triplets of GSM that charon has in place of a card and of a register, for its plugin eap-simaka-sql."""

import sqlite3
from contextlib import closing
from pathlib import Path

from conformance.eap.making import OF_CARDS
from conformance.eap.subscriber import CHALLENGES, Usim
from peers.credentials import CARD, IMSI

_TABLES = """
CREATE TABLE triplets (id TEXT, rand BLOB, sres BLOB, kc BLOB, used INTEGER DEFAULT 0);
CREATE TABLE quintuplets (id TEXT, rand BLOB, autn BLOB, ck BLOB, ik BLOB, res BLOB, used INTEGER DEFAULT 0);
"""
_KEY = 16


def write(path: Path) -> None:
    """A new database with the answers of the suites' card to all challenges that our server has."""
    path.unlink(missing_ok=True)
    card = Usim(IMSI.encode(), CARD[:_KEY], CARD[_KEY:])
    rows = [(OF_CARDS["sim"] + IMSI, rand, *card.gsm(rand)) for rand in CHALLENGES]
    with closing(sqlite3.connect(path)) as database:
        database.executescript(_TABLES)
        database.executemany("INSERT INTO triplets (id, rand, sres, kc) VALUES (?, ?, ?, ?)", rows)
        database.commit()
