-- Numbers of others. Each import is a source with its provenance; what it holds
-- is never part of a figure, a quota or open data of ours.
CREATE TABLE import_sources (
    source_id      INTEGER PRIMARY KEY,
    kind           TEXT NOT NULL CHECK (kind IN ('official', 'ndt7', 'librespeed', 'ookla')),
    file_name      TEXT NOT NULL,
    sha256         TEXT NOT NULL,
    imported_at_us INTEGER NOT NULL,
    provenance     TEXT NOT NULL, -- who published it, and where
    mapping        TEXT NOT NULL, -- as it was given; '' where there is none
    rows           INTEGER NOT NULL,
    UNIQUE (kind, sha256)
) STRICT;

-- Official counts of an area and a month.
CREATE TABLE official_counts (
    source_id       INTEGER NOT NULL REFERENCES import_sources,
    row             INTEGER NOT NULL, -- of the file
    area_code       TEXT NOT NULL,
    area_valid_from TEXT NOT NULL,
    month           TEXT NOT NULL,
    operator        TEXT NOT NULL, -- an operator's id, or 'all'
    tests           INTEGER NOT NULL CHECK (tests >= 0),
    PRIMARY KEY (source_id, area_code, area_valid_from, month, operator)
) STRICT, WITHOUT ROWID;

CREATE INDEX official_counts_by_area ON official_counts (area_code, area_valid_from, month);

-- Tests of other tools: no address, no position, only what follows from them.
CREATE TABLE foreign_tests (
    source_id                INTEGER NOT NULL REFERENCES import_sources,
    row                      INTEGER NOT NULL, -- of the file
    measured_at_us           INTEGER NOT NULL,
    month                    TEXT NOT NULL,
    area_code                TEXT NOT NULL, -- '' when in no known area
    area_valid_from          TEXT NOT NULL,
    operator                 TEXT NOT NULL, -- an operator's id, or 'unknown'
    mobile                   INTEGER CHECK (mobile IN (0, 1)),
    download_bits_per_second INTEGER,
    upload_bits_per_second   INTEGER,
    rtt_us                   INTEGER,
    PRIMARY KEY (source_id, row)
) STRICT, WITHOUT ROWID;

CREATE INDEX foreign_tests_by_area ON foreign_tests (area_code, area_valid_from, month);
