"""The naive charging transaction that most prepaid engines do for every request, as pgbench's scripts."""

import psycopg

from talktime.store.engine import unavailable_if_locked

ACCOUNTS_COUNT = 10_000

_SCHEMA = """
CREATE TABLE naive_accounts (id bigint PRIMARY KEY, balance bigint NOT NULL);
CREATE TABLE naive_ledger (id bigserial PRIMARY KEY, account bigint NOT NULL, key text NOT NULL, amount bigint NOT NULL,
    UNIQUE (account, key));
INSERT INTO naive_accounts SELECT id, 1000000000000 FROM generate_series(1, 10000) AS id;
CREATE FUNCTION naive_charge(which bigint, amount bigint, key text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE has bigint;
BEGIN
    SELECT balance INTO has FROM naive_accounts WHERE id = which FOR UPDATE;
    IF has >= amount THEN
        INSERT INTO naive_ledger (account, key, amount) VALUES (which, key, naive_charge.amount);
        UPDATE naive_accounts SET balance = balance - naive_charge.amount WHERE id = which;
    END IF;
END $$;
"""
_VARIABLES = r"""\set account random(1, {accounts})
\set amount random(1, 1000)
\set key random(1, 1000000000000000)
"""
_FIVE_ROUND_TRIPS = """BEGIN;
SELECT balance FROM naive_accounts WHERE id = :account FOR UPDATE;
INSERT INTO naive_ledger (account, key, amount) VALUES (:account, :key, :amount);
UPDATE naive_accounts SET balance = balance - :amount WHERE id = :account;
COMMIT;
"""
_ONE_FUNCTION = "SELECT naive_charge(:account, :amount, :key::text);\n"

SCRIPTS = {
    "five_round_trips": _VARIABLES.format(accounts=ACCOUNTS_COUNT) + _FIVE_ROUND_TRIPS,
    "one_function": _VARIABLES.format(accounts=ACCOUNTS_COUNT) + _ONE_FUNCTION,
    "one_hot_row": _VARIABLES.format(accounts=1) + _FIVE_ROUND_TRIPS,
}


def prepare_naive(database_url: str) -> None:
    """Make the two tables of the naive transaction in an empty database."""
    with unavailable_if_locked(), psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_SCHEMA)
        connection.execute("VACUUM ANALYZE naive_accounts")
