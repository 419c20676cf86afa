-- Edition 2 of the ledger, and figures that are kept.
--
-- `mobilised` says whether a unit with a duty asked for the test; `trace_shape`
-- is a hash by which a copied trace is known, NULL where it has too little shape.
ALTER TABLE verdicts ADD COLUMN mobilised INTEGER NOT NULL DEFAULT 0 CHECK (mobilised IN (0, 1));
ALTER TABLE verdicts ADD COLUMN trace_shape INTEGER;

CREATE INDEX verdicts_by_shape ON verdicts (trace_shape) WHERE trace_shape IS NOT NULL;
-- What a device counts with: never many rows, because there is a cap.
CREATE INDEX verdicts_that_count ON verdicts (device, month) WHERE counts_ward;
CREATE INDEX verdicts_by_month ON verdicts (month, synthetic);

-- Where a test lies in an edition of the areas that is not that of its day:
-- written before its position expires, or later from its cell (`coarse`).
CREATE TABLE placements (
    test_id         BLOB NOT NULL REFERENCES tests,
    area_code       TEXT NOT NULL,
    area_valid_from TEXT NOT NULL,
    coarse          INTEGER NOT NULL CHECK (coarse IN (0, 1)),
    PRIMARY KEY (test_id, area_code, area_valid_from)
) STRICT, WITHOUT ROWID;

CREATE INDEX placements_by_area ON placements (area_code, area_valid_from);

-- Figures as they are shown, one row for each place and period. `stale` is set
-- by a new test and cleared when the row is computed again.
CREATE TABLE figures (
    level     TEXT NOT NULL CHECK (level IN ('ward', 'district', 'province', 'country')),
    place     TEXT NOT NULL, -- an area's key, a code, or 'vn'
    period    TEXT NOT NULL, -- '2024-11', '2024-W46', '2024-11-08', '2024-Q4', '2024-11/12m'
    synthetic INTEGER NOT NULL CHECK (synthetic IN (0, 1)),
    edition   INTEGER NOT NULL,
    stale     INTEGER NOT NULL DEFAULT 0 CHECK (stale IN (0, 1)),
    body      TEXT NOT NULL, -- JSON
    PRIMARY KEY (period, synthetic, level, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX figures_by_place ON figures (place, synthetic);

-- Correlation of tests of one device, pooled over similar wards, as it was when
-- the period was last computed as a whole.
CREATE TABLE correlations (
    period    TEXT NOT NULL,
    synthetic INTEGER NOT NULL CHECK (synthetic IN (0, 1)),
    body      TEXT NOT NULL, -- JSON
    PRIMARY KEY (period, synthetic)
) STRICT, WITHOUT ROWID;
