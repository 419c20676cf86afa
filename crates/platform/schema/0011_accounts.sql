-- Who may sign in. A password is stored as argon2id says it (PHC string), a
-- token as its SHA-256. An account comes by an invitation, is disabled and
-- never deleted, because the audit trail names it.
CREATE TABLE accounts (
    account_id      INTEGER PRIMARY KEY,
    email           TEXT NOT NULL UNIQUE, -- in small letters
    name            TEXT NOT NULL,
    role            TEXT NOT NULL CHECK (role IN ('office', 'coordinator', 'reader')),
    organisation    TEXT,                 -- the coordinator's unit
    password        TEXT,                 -- NULL until the invitation was taken up
    failures        INTEGER NOT NULL DEFAULT 0,
    locked_until_us INTEGER,
    made_at_us      INTEGER NOT NULL,
    disabled_at_us  INTEGER,
    CHECK ((role = 'coordinator') = (organisation IS NOT NULL))
) STRICT;

CREATE TABLE invitations (
    token_sha256  TEXT PRIMARY KEY,
    account_id    INTEGER NOT NULL REFERENCES accounts,
    expires_at_us INTEGER NOT NULL,
    used_at_us    INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    token_sha256  TEXT PRIMARY KEY,
    account_id    INTEGER NOT NULL REFERENCES accounts,
    made_at_us    INTEGER NOT NULL,
    used_at_us    INTEGER NOT NULL,
    expires_at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_account ON sessions (account_id);

-- Addresses under which a campaign's consolidated table is read by a shared
-- sheet that cannot sign in.
CREATE TABLE sheet_links (
    token_sha256  TEXT PRIMARY KEY,
    campaign_id   TEXT NOT NULL REFERENCES campaigns,
    made_at_us    INTEGER NOT NULL,
    revoked_at_us INTEGER
) STRICT, WITHOUT ROWID;
