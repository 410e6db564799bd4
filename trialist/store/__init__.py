"""Chapter 6, where it is kept: each call one transaction, nothing acknowledged is ever lost.

In reading order: moves (what a message does to a trial), leases (who is alive), ledger (looks at sealed data), memory;
then for SQL: schema, records, statements, migrations, faults, connect, sqlite (transactions), coordinators, trials,
revisions, looks, sql (the calls); and open.
"""

from trialist.store.open import open_store

__all__ = ["open_store"]
