"""The aggregation of a country's month in DuckDB, beside ours.

    python aggregate.py STORE MONTH THREADS RUNS RESAMPLES

Reads the tests that count from the store into a table of DuckDB, which is not
timed, and then times two things: counts, mean and five quantiles of every
place, operator and technology, after a device-day has been made one value; and
the same for wards with resamples of devices, of one metric, because all of
them would take too long. Prints one line of JSON.
"""

import csv
import json
import os
import resource
import sqlite3
import statistics
import sys
import tempfile
import time

import duckdb

STORE, MONTH, THREADS, RUNS, RESAMPLES = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])

TESTS = """
SELECT area_code, COALESCE(district_code, ''), COALESCE(province_code, ''), operator, technology,
       technology != 'fixed', device, day, download_bits_per_second, upload_bits_per_second,
       idle_rtt_us, working_rtt_us, 60000000 / working_rtt_us
FROM verdicts LEFT JOIN areas ON code = area_code AND valid_from = area_valid_from
WHERE month = ? AND verdicts.synthetic = 1 AND counts_ward
"""
METRICS = ["download", "upload", "idle_rtt", "working_rtt", "responsiveness"]
PLACES = ["ward", "district", "province", None]


def load(db):
    store = sqlite3.connect(f"file:{STORE}?mode=ro", uri=True)
    file = tempfile.NamedTemporaryFile("w", suffix=".csv", delete=False, newline="")
    with file:
        csv.writer(file).writerows(store.execute(TESTS, [MONTH]))
    kinds = "'VARCHAR','VARCHAR','VARCHAR','VARCHAR','VARCHAR','BOOLEAN','VARCHAR','DATE'" + ",'BIGINT'" * 5
    names = ["ward", "district", "province", "operator", "technology", "mobile", "device", "day", *METRICS]
    columns = ", ".join(f"'{n}': {k}" for n, k in zip(names, kinds.split(",")))
    db.execute(f"CREATE TABLE tests AS SELECT * FROM read_csv('{file.name}', header=false, columns={{{columns}}})")
    os.unlink(file.name)
    return db.execute("SELECT count(*) FROM tests").fetchone()[0]


# A device, day, operator and technology is one value: the median of its tests.
def units(metric):
    return f"""SELECT ward, district, province, operator, technology, mobile, device,
                      median({metric}) AS value, count(*) AS tests
               FROM tests WHERE {metric} IS NOT NULL
               GROUP BY ward, district, province, operator, technology, mobile, device, day"""


def sets(places):
    keys = lambda place: [place] if place else []
    rows = [[*keys(p), *more] for p in places for more in
            (["operator", "technology"], ["technology"], ["operator", "mobile"], ["mobile"])]
    return ", ".join("(" + ", ".join(row) + ")" for row in rows)


FIGURE = """quantile_cont(value, [0.05, 0.25, 0.5, 0.75, 0.95]), avg(value), count(*), sum(tests),
            count(DISTINCT device)"""


def figures(db):
    rows = 0
    for metric in METRICS:
        sql = f"""SELECT ward, district, province, operator, technology, mobile, {FIGURE}
                  FROM ({units(metric)}) GROUP BY GROUPING SETS ({sets(PLACES)})"""
        rows += len(db.execute(sql).fetchall())
    return rows


# A device is in a draw as often as a Poisson number of mean 1 says, made from a hash.
TIMES = """CASE WHEN u < 0.367879 THEN 0 WHEN u < 0.735759 THEN 1 WHEN u < 0.919699 THEN 2
                WHEN u < 0.981012 THEN 3 WHEN u < 0.996340 THEN 4 ELSE 5 END"""


def resampled(db):
    metric = METRICS[0]
    sql = f"""
    WITH units AS ({units(metric)}),
    drawn AS (SELECT units.*, draw, hash(device, draw) / 18446744073709551616.0 AS u
              FROM units CROSS JOIN range({RESAMPLES}) AS draws(draw)),
    repeated AS (SELECT *, unnest(range({TIMES})) FROM drawn),
    of_draw AS (SELECT ward, operator, technology, mobile, draw,
                       quantile_disc(value, [0.05, 0.25, 0.5, 0.75, 0.95]) AS q, avg(value) AS mean
                FROM repeated GROUP BY GROUPING SETS
                ((ward, operator, technology, draw), (ward, technology, draw),
                 (ward, operator, mobile, draw), (ward, mobile, draw)))
    SELECT ward, operator, technology, mobile, quantile_disc(q[3], [0.025, 0.975]),
           quantile_disc(mean, [0.025, 0.975]) FROM of_draw GROUP BY ALL"""
    return len(db.execute(sql).fetchall())


def timed(what, db, runs):
    took = []
    for _ in range(runs):
        began = time.monotonic()
        rows = what(db)
        took.append(time.monotonic() - began)
    return statistics.median(took), rows


db = duckdb.connect()
db.execute(f"SET threads = {THREADS}")
tests = load(db)
seconds, rows = timed(figures, db, RUNS)
resampling, _ = timed(resampled, db, 1)
print(json.dumps({
    "version": duckdb.__version__, "tests": tests, "rows": rows, "seconds": seconds,
    "resamples": RESAMPLES, "resampling_seconds": resampling,
    "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
