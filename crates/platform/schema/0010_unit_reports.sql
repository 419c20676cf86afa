-- The month's report of each unit, as what was done to it, in order. The last
-- row says where it stands; a correction is a further row. Never changed.
CREATE TABLE unit_report_events (
    campaign_id  TEXT NOT NULL REFERENCES campaigns,
    month        TEXT NOT NULL,
    organisation TEXT NOT NULL,
    synthetic    INTEGER NOT NULL CHECK (synthetic IN (0, 1)),
    number       INTEGER NOT NULL, -- from 1
    at_us        INTEGER NOT NULL,
    who          TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('draft', 'submitted', 'returned', 'accepted')),
    note         TEXT,             -- why it was returned
    body         TEXT NOT NULL,    -- JSON: the figures as they were then, and what the unit wrote
    PRIMARY KEY (campaign_id, month, organisation, synthetic, number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER unit_report_events_are_never_changed BEFORE UPDATE ON unit_report_events
BEGIN SELECT RAISE(ABORT, 'reports are append-only'); END;
CREATE TRIGGER unit_report_events_are_never_deleted BEFORE DELETE ON unit_report_events
BEGIN SELECT RAISE(ABORT, 'reports are append-only'); END;
