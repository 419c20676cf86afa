"""Copies the verdicts of a store under other devices, so that a month of a
million need not be simulated test by test.

    python copies.py STORE TIMES

Afterwards there are TIMES as many verdicts, each copy with an id and a device
of its own and rates and delays that differ by up to a quarter; nothing is left
to chance. Only for the bench: a copied verdict has no test behind it, so the
store can no longer be rebuilt.
"""

import hashlib
import sqlite3
import sys

STORE, TIMES = sys.argv[1], int(sys.argv[2])
VALUES = ["download_bits_per_second", "upload_bits_per_second", "idle_rtt_us", "working_rtt_us"]


def copied(id, k):
    return hashlib.sha256(id + bytes([k])).digest()[:16]


def jittered(value, id, k):
    if value is None:
        return None
    return int(value * (0.8 + 0.45 * copied(id, k)[0] / 255))


store = sqlite3.connect(STORE)
store.create_function("copied", 2, copied, deterministic=True)
store.create_function("jittered", 3, jittered, deterministic=True)
columns = [row[1] for row in store.execute("PRAGMA table_info(verdicts)")]
first = store.execute("SELECT max(rowid) FROM verdicts").fetchone()[0]
for k in range(1, TIMES):
    def written(column):
        if column == "test_id":
            return f"copied(test_id, {k})"
        if column == "device":
            return f"device || '-{k}'"
        if column == "trace_shape":
            return "NULL"
        return f"jittered({column}, test_id, {k})" if column in VALUES else column

    chosen = ", ".join(map(written, columns))
    store.execute(f"INSERT INTO verdicts SELECT {chosen} FROM verdicts WHERE rowid <= {first}")
store.execute("DELETE FROM figures")
store.commit()
print(store.execute("SELECT count(*) FROM verdicts").fetchone()[0])
