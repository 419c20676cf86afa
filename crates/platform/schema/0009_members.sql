-- Members of units: people with a daily duty.
--
-- A member comes by the link of its unit (then nothing is known but a device's
-- pseudonym) or by a roster (then with a name, and the device follows when the
-- member opens the personal link and agrees). What is counted is one number for
-- each member and day, in the transaction that stores a test: never where, what
-- or when within the day. `member_days` know nothing of tests.
CREATE TABLE unit_codes (
    code          TEXT PRIMARY KEY, -- in links and QR codes
    campaign_id   TEXT NOT NULL REFERENCES campaigns,
    organisation  TEXT NOT NULL,    -- a code of `organisations`
    made_at_us    INTEGER NOT NULL,
    revoked_at_us INTEGER
) STRICT;

CREATE INDEX unit_codes_by_unit ON unit_codes (campaign_id, organisation);

CREATE TABLE members (
    member_id      TEXT PRIMARY KEY,
    campaign_id    TEXT NOT NULL REFERENCES campaigns,
    organisation   TEXT NOT NULL,
    number         INTEGER NOT NULL, -- within the unit; never used again
    source         TEXT NOT NULL CHECK (source IN ('link', 'roster')),
    staff_code     TEXT,             -- of a roster, unique in its unit
    name           TEXT,
    email          TEXT,
    personal_code  TEXT UNIQUE,      -- in the personal link of a roster's member
    device         TEXT,             -- pseudonym; NULL until the member has agreed
    token_sha256   TEXT UNIQUE,      -- what the member shows to use its rights
    opt_out        TEXT NOT NULL UNIQUE, -- in e-mails; can only end them
    enrolled_at_us INTEGER NOT NULL,
    UNIQUE (campaign_id, organisation, number),
    UNIQUE (campaign_id, organisation, staff_code),
    UNIQUE (campaign_id, device)
) STRICT;

CREATE INDEX members_by_device ON members (device) WHERE device IS NOT NULL;

-- What a member agreed to, purpose by purpose, and when it was taken back.
CREATE TABLE consents (
    member_id       TEXT NOT NULL REFERENCES members ON DELETE CASCADE,
    purpose         TEXT NOT NULL CHECK (purpose IN ('duty', 'reminder_email')),
    edition         INTEGER NOT NULL, -- of the text that was agreed to
    given_at_us     INTEGER NOT NULL,
    withdrawn_at_us INTEGER,
    PRIMARY KEY (member_id, purpose, given_at_us)
) STRICT, WITHOUT ROWID;

CREATE TABLE member_days (
    member_id TEXT NOT NULL REFERENCES members ON DELETE CASCADE,
    synthetic INTEGER NOT NULL CHECK (synthetic IN (0, 1)),
    day       TEXT NOT NULL,
    tests     INTEGER NOT NULL,
    PRIMARY KEY (member_id, synthetic, day)
) STRICT, WITHOUT ROWID;

-- What remains of members who were erased: sums of a unit and month.
CREATE TABLE erased_days (
    campaign_id  TEXT NOT NULL REFERENCES campaigns,
    organisation TEXT NOT NULL,
    month        TEXT NOT NULL,
    synthetic    INTEGER NOT NULL,
    members      INTEGER NOT NULL,
    member_days  INTEGER NOT NULL,
    tests        INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, organisation, month, synthetic)
) STRICT, WITHOUT ROWID;

-- The last number given to a member of a unit.
CREATE TABLE member_numbers (
    campaign_id  TEXT NOT NULL REFERENCES campaigns,
    organisation TEXT NOT NULL,
    last         INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, organisation)
) STRICT, WITHOUT ROWID;

-- Which reminder went out, so that none goes out twice. The key names what it
-- was about; no address.
CREATE TABLE reminders (
    kind    TEXT NOT NULL CHECK (kind IN ('duty', 'report')),
    subject TEXT NOT NULL, -- a member, or campaign/month/unit/days
    day     TEXT NOT NULL,
    sent_at_us INTEGER NOT NULL,
    PRIMARY KEY (kind, subject, day)
) STRICT, WITHOUT ROWID;
