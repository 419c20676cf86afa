-- Problem areas: where an operator's network stays below the limit, with what
-- was done about it. An area keeps its id while months pass.
CREATE TABLE problems (
    problem_id TEXT PRIMARY KEY,
    synthetic  INTEGER NOT NULL CHECK (synthetic IN (0, 1)),
    operator   TEXT NOT NULL,
    technology TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('opened', 'handed_over', 'answered', 're_measured', 'closed')),
    body       TEXT NOT NULL -- JSON: cells, months, evidence
) STRICT;

CREATE INDEX problems_by_operator ON problems (operator, technology, synthetic);

-- What happened to a problem area, in order; never changed.
CREATE TABLE problem_events (
    problem_id TEXT NOT NULL REFERENCES problems,
    number     INTEGER NOT NULL,
    at_us      INTEGER NOT NULL,
    event      TEXT NOT NULL,
    note       TEXT NOT NULL,
    body       TEXT NOT NULL, -- JSON: the evidence then
    PRIMARY KEY (problem_id, number)
) STRICT, WITHOUT ROWID;
