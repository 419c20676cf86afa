-- Reminders on a member's own device (Web Push). A subscription is an address
-- at the browser's push service and the keys for it; it goes with the consent,
-- with the member, and when the service says that it is gone.
CREATE TABLE push_subscriptions (
    member_id  TEXT PRIMARY KEY REFERENCES members ON DELETE CASCADE,
    endpoint   TEXT NOT NULL,
    p256dh     TEXT NOT NULL, -- the browser's public key, base64url
    auth       TEXT NOT NULL, -- its secret, base64url
    made_at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One more purpose.
CREATE TABLE consents_with_push (
    member_id       TEXT NOT NULL REFERENCES members ON DELETE CASCADE,
    purpose         TEXT NOT NULL CHECK (purpose IN ('duty', 'reminder_email', 'reminder_push')),
    edition         INTEGER NOT NULL, -- of the text that was agreed to
    given_at_us     INTEGER NOT NULL,
    withdrawn_at_us INTEGER,
    PRIMARY KEY (member_id, purpose, given_at_us)
) STRICT, WITHOUT ROWID;
INSERT INTO consents_with_push SELECT * FROM consents;
DROP TABLE consents;
ALTER TABLE consents_with_push RENAME TO consents;
