-- The series of each test in few bytes (metric::series): bins as they were
-- counted at the receiver, and the kernel's account beside them. Derived from
-- `tests`, whose receipt stays what was signed; so that other editions of the
-- estimator can be run over old tests without reading their JSON again.
-- `audit` says that the site drew the test to hold the adaptive modes against.
CREATE TABLE series (
    test_id   BLOB PRIMARY KEY REFERENCES tests,
    synthetic INTEGER NOT NULL CHECK (synthetic IN (0, 1)),
    month     TEXT NOT NULL,
    method    INTEGER NOT NULL, -- edition of the receipt
    mode      TEXT NOT NULL,
    audit     INTEGER NOT NULL CHECK (audit IN (0, 1)),
    series    BLOB NOT NULL
) STRICT;
