-- Who takes part: organisations in a tree, each with the time in which it
-- exists under its name. A code keeps its meaning; where a name or a parent
-- changes, a second row begins. `valid_from` = '' is the open start, `valid_to`
-- the first day no longer valid.
CREATE TABLE organisations (
    code         TEXT NOT NULL,
    valid_from   TEXT NOT NULL,
    valid_to     TEXT,
    kind         TEXT NOT NULL CHECK (kind IN ('committee', 'agency', 'party', 'front', 'school',
                                               'hospital', 'digital_team', 'operator')),
    name         TEXT NOT NULL, -- as printed in documents
    abbreviation TEXT,          -- as in the numbers of its documents
    parent       TEXT,          -- a code
    area_code    TEXT,          -- of the ward it governs or serves
    contact      TEXT NOT NULL, -- JSON: person, email, phone, address; what is not known is absent
    PRIMARY KEY (code, valid_from)
) STRICT, WITHOUT ROWID;

CREATE INDEX organisations_by_parent ON organisations (parent);

-- Every change made by hand, and by whom; never changed itself.
CREATE TABLE audit (
    number  INTEGER PRIMARY KEY,
    at_us   INTEGER NOT NULL,
    who     TEXT NOT NULL, -- 'console', or an account
    action  TEXT NOT NULL, -- 'organisations.import', 'report.submit', …
    subject TEXT NOT NULL, -- what was changed
    detail  TEXT NOT NULL  -- JSON
) STRICT;

CREATE INDEX audit_by_subject ON audit (subject);

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
