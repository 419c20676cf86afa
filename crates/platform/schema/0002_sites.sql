-- The life of a site
--
-- A site asks to join (`pending`). An operator of the centre approves it
-- (`approved`), which registers its key in `keys`. While it sends heartbeats
-- and answers probes, clients are sent to it. It may be `suspended` here, or
-- go by itself (`left`); neither deletes anything. What it said and how it
-- answered is kept for a while and then forgotten, the oldest first.

CREATE TABLE sites (
    name                     TEXT PRIMARY KEY,
    public_key               TEXT NOT NULL UNIQUE,
    state                    TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'suspended', 'left')),
    city                     TEXT NOT NULL,
    province                 TEXT,
    country                  TEXT NOT NULL,
    asn                      INTEGER,
    operator                 TEXT,
    exchange                 TEXT,
    capacity_bits_per_second INTEGER NOT NULL,
    http_url                 TEXT,
    https_url                TEXT,
    ipv4_url                 TEXT,
    ipv6_url                 TEXT,
    joined_at_us             INTEGER NOT NULL,
    changed_at_us            INTEGER NOT NULL, -- last change of state
    approved_at_us           INTEGER,          -- NULL: has to be approved (again)
    last_notice_us           INTEGER NOT NULL  -- by the site's clock; notices only move it forward
) STRICT;

CREATE TABLE site_heartbeats (
    site                     TEXT NOT NULL REFERENCES sites,
    at_us                    INTEGER NOT NULL, -- when it was received
    health                   TEXT NOT NULL CHECK (health IN ('ok', 'full')),
    utilisation_percent      INTEGER NOT NULL,
    sent_bits_per_second     INTEGER NOT NULL,
    received_bits_per_second INTEGER NOT NULL,
    sessions                 INTEGER NOT NULL,
    version                  TEXT NOT NULL,
    PRIMARY KEY (site, at_us)
) STRICT, WITHOUT ROWID;

-- How a site answered the centre, per family of addresses.
CREATE TABLE site_probes (
    site   TEXT NOT NULL REFERENCES sites,
    at_us  INTEGER NOT NULL,
    family INTEGER NOT NULL CHECK (family IN (4, 6)),
    rtt_us INTEGER, -- NULL: did not answer
    why    TEXT,    -- why not
    PRIMARY KEY (site, family, at_us)
) STRICT, WITHOUT ROWID;
