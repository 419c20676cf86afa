-- The life of a row
--
-- A submission arrives. If anything about it does not hold it is refused, and
-- all that remains is a count in `rejections`. If it holds, one transaction
-- writes three rows: `tests` (what was signed and said, never changed again),
-- `positions` (where, until it expires) and `verdicts` (what follows from the
-- two by one edition of the methodology). Everything public is computed from
-- `verdicts` and `rejections`; `verdicts` can be deleted and rebuilt.
--
-- Times are microseconds since 1970 UTC (`_us`); days and months are Vietnam's.
-- `valid_from` = '' is the open start: the area existed before records begin.
-- NULL says "not known" or "not measured"; zero is a measured zero.

-- Public keys of sites. A key is never deleted: old receipts name it.
CREATE TABLE keys (
    key_id        TEXT PRIMARY KEY,
    public_key    TEXT NOT NULL,
    site          TEXT NOT NULL,
    purpose       TEXT NOT NULL CHECK (purpose IN ('measurement', 'simulation')),
    valid_from_us INTEGER NOT NULL,
    valid_to_us   INTEGER
) STRICT;

-- One row per import of areas.
CREATE TABLE area_editions (
    edition        INTEGER PRIMARY KEY,
    imported_at_us INTEGER NOT NULL,
    sha256         TEXT NOT NULL
) STRICT;

-- Administrative areas through time. Codes are reused, so the key has two
-- parts. An official area replaces an approximate one of the same code and time.
CREATE TABLE areas (
    code          TEXT NOT NULL,
    valid_from    TEXT NOT NULL,
    valid_to      TEXT,
    name          TEXT NOT NULL,
    full_name     TEXT NOT NULL,
    kind          TEXT NOT NULL,
    district_code TEXT,
    province_code TEXT,
    approximate   INTEGER NOT NULL CHECK (approximate IN (0, 1)),
    edition       INTEGER NOT NULL REFERENCES area_editions,
    geometry      TEXT NOT NULL,
    PRIMARY KEY (code, valid_from)
) STRICT, WITHOUT ROWID;

-- Who measures where, and how many tests each area owes a month.
CREATE TABLE campaigns (
    campaign_id  TEXT PRIMARY KEY,
    name         TEXT NOT NULL,
    quota_tests  INTEGER NOT NULL CHECK (quota_tests > 0),
    rule         TEXT NOT NULL CHECK (rule IN ('raw', 'qualified')),
    deadline_day INTEGER CHECK (deadline_day BETWEEN 1 AND 28),
    legal_bases  TEXT NOT NULL
) STRICT;

CREATE TABLE campaign_areas (
    campaign_id TEXT NOT NULL REFERENCES campaigns,
    code        TEXT NOT NULL,
    valid_from  TEXT NOT NULL,
    PRIMARY KEY (campaign_id, code, valid_from)
) STRICT, WITHOUT ROWID;

CREATE INDEX campaigns_by_area ON campaign_areas (code, valid_from);

-- Which operator holds which addresses; the newest edition is in use.
CREATE TABLE operator_tables (
    edition        INTEGER PRIMARY KEY,
    imported_at_us INTEGER NOT NULL,
    operators_csv  TEXT NOT NULL,
    prefixes_csv   TEXT NOT NULL
) STRICT;

-- Verified tests, append-only. `context` is without the position; `body` is the
-- answer as it was given, so that a repeated submission gets the same bytes.
CREATE TABLE tests (
    test_id        BLOB PRIMARY KEY CHECK (length(test_id) = 16),
    received_at_us INTEGER NOT NULL,
    key_id         TEXT NOT NULL REFERENCES keys,
    synthetic      INTEGER NOT NULL CHECK (synthetic IN (0, 1)),
    receipt        TEXT NOT NULL,
    observed       TEXT NOT NULL,
    context        TEXT NOT NULL,
    body           TEXT NOT NULL
) STRICT;

CREATE TRIGGER tests_are_never_changed BEFORE UPDATE ON tests
BEGIN SELECT RAISE(ABORT, 'tests are append-only'); END;
CREATE TRIGGER tests_are_never_deleted BEFORE DELETE ON tests
BEGIN SELECT RAISE(ABORT, 'tests are append-only'); END;

-- The one table with positions. A row is deleted when it expires; what was
-- derived from it stays in `verdicts` with the edition of the areas.
CREATE TABLE positions (
    test_id         BLOB PRIMARY KEY REFERENCES tests,
    latitude_e7     INTEGER NOT NULL,
    longitude_e7    INTEGER NOT NULL,
    accuracy_metres INTEGER NOT NULL CHECK (accuracy_metres > 0),
    expires_at_us   INTEGER NOT NULL
) STRICT;

CREATE INDEX positions_by_expiry ON positions (expires_at_us);

-- What follows from a test: derived, rebuildable.
CREATE TABLE verdicts (
    test_id                  BLOB PRIMARY KEY REFERENCES tests,
    edition                  INTEGER NOT NULL, -- of the methodology
    synthetic                INTEGER NOT NULL CHECK (synthetic IN (0, 1)),
    measured_at_us           INTEGER NOT NULL,
    day                      TEXT NOT NULL,
    month                    TEXT NOT NULL,
    area_code                TEXT NOT NULL, -- '' when in no known area
    area_valid_from          TEXT NOT NULL,
    area_edition             INTEGER REFERENCES area_editions,
    operator                 TEXT NOT NULL, -- an operator's id, or 'unknown'
    operator_source          TEXT NOT NULL CHECK (operator_source IN ('address', 'declared', 'unknown')),
    asn                      INTEGER,
    technology               TEXT NOT NULL,
    mobile                   INTEGER NOT NULL CHECK (mobile IN (0, 1)),
    h3_res8                  INTEGER,
    h3_res9                  INTEGER,
    device                   TEXT NOT NULL,
    state                    TEXT NOT NULL,
    reasons                  TEXT NOT NULL, -- JSON list of codes
    counts_quota_raw         INTEGER NOT NULL,
    counts_quota             INTEGER NOT NULL,
    counts_ward              INTEGER NOT NULL,
    counts_operator          INTEGER NOT NULL,
    counts_country           INTEGER NOT NULL,
    download_bits_per_second INTEGER,
    upload_bits_per_second   INTEGER,
    idle_rtt_us              INTEGER,
    working_rtt_us           INTEGER
) STRICT;

CREATE INDEX verdicts_by_area ON verdicts (area_code, area_valid_from, month, synthetic);
CREATE INDEX verdicts_by_device ON verdicts (device, measured_at_us);

-- What was not stored, and why: counters with nothing personal. The day is that
-- of the refusal; the area is that of the claimed position, '' when there is none.
CREATE TABLE rejections (
    day             TEXT NOT NULL,
    month           TEXT NOT NULL,
    synthetic       INTEGER NOT NULL CHECK (synthetic IN (0, 1)),
    area_code       TEXT NOT NULL,
    area_valid_from TEXT NOT NULL,
    code            TEXT NOT NULL,
    why             TEXT NOT NULL,
    field           TEXT NOT NULL,
    count           INTEGER NOT NULL,
    PRIMARY KEY (month, synthetic, area_code, area_valid_from, day, code, why, field)
) STRICT, WITHOUT ROWID;
