"""pgbench's naive charging transaction, in the same run: what most prepaid engines do for every request."""

import re
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import psycopg

ACCOUNTS_COUNT = 10_000
CLIENTS_COUNT = 32

_SCHEMA = """
DROP TABLE IF EXISTS naive_ledger, naive_accounts;
CREATE TABLE naive_accounts (id bigint PRIMARY KEY, balance bigint NOT NULL);
CREATE TABLE naive_ledger (id bigserial PRIMARY KEY, account bigint NOT NULL, key text NOT NULL, amount bigint NOT NULL,
    UNIQUE (account, key));
INSERT INTO naive_accounts SELECT id, 1000000000000 FROM generate_series(1, 10000) AS id;
CREATE OR REPLACE FUNCTION naive_charge(which bigint, amount bigint, key text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE has bigint;
BEGIN
    SELECT balance INTO has FROM naive_accounts WHERE id = which FOR UPDATE;
    IF has >= amount THEN
        INSERT INTO naive_ledger (account, key, amount) VALUES (which, key, naive_charge.amount);
        UPDATE naive_accounts SET balance = balance - naive_charge.amount WHERE id = which;
    END IF;
END $$;
"""
_FIVE_ROUND_TRIPS = r"""
\set account random(1, 10000)
\set amount random(1, 1000)
\set key random(1, 1000000000000000)
BEGIN;
SELECT balance FROM naive_accounts WHERE id = :account FOR UPDATE;
INSERT INTO naive_ledger (account, key, amount) VALUES (:account, :key, :amount);
UPDATE naive_accounts SET balance = balance - :amount WHERE id = :account;
COMMIT;
"""
_ONE_FUNCTION = r"""
\set account random(1, 10000)
\set amount random(1, 1000)
\set key random(1, 1000000000000000)
SELECT naive_charge(:account, :amount, :key::text);
"""


class Baseline(NamedTuple):
    """Transactions a second of the naive forms."""

    five_round_trips: float
    one_function: float


def measure(database_url: str, pgbench: str, seconds: int) -> Baseline:
    """Run both forms against the server for so many seconds each."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_SCHEMA)
        connection.execute("VACUUM ANALYZE naive_accounts")
    return Baseline(
        _transactions_a_second(database_url, pgbench, _FIVE_ROUND_TRIPS, seconds),
        _transactions_a_second(database_url, pgbench, _ONE_FUNCTION, seconds),
    )


def _transactions_a_second(database_url: str, pgbench: str, script: str, seconds: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "charge.sql"
        path.write_text(script)
        command = [pgbench, "-n", "-M", "prepared", "-c", str(CLIENTS_COUNT), "-j", "2", "-T", str(seconds)]
        done = subprocess.run([*command, "-f", str(path), database_url], capture_output=True, text=True, check=True)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    assert found is not None, done.stdout
    return float(found[1])
