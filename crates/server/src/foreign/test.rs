//! A test by a foreign protocol: what the site saw of it, signed and kept.

use jiff::{SignedDuration, Timestamp};
use metric::prefix::Prefix;
use metric::receipt::{ReceiptV1, SubtestRecord, Version, nonce_sha256};
use wire::native::spec;

use crate::peer::Peer;
use crate::session::Direction;
use crate::site::{Site, new_test_id, random_hex};

/// Name of the mode in receipts of foreign tests: their clients decide how
/// they measure, and the site only watches.
pub(crate) const MODE: &str = "foreign";

/// What the site saw.
#[derive(Debug)]
pub(crate) struct Test {
    protocol: &'static str,
    peer: Peer,
    started_at: Timestamp,
    download: Option<SubtestRecord>,
    upload: Option<SubtestRecord>,
}

impl Test {
    pub(crate) const fn new(protocol: &'static str, peer: Peer, started_at: Timestamp) -> Self {
        Self {
            protocol,
            peer,
            started_at,
            download: None,
            upload: None,
        }
    }

    /// Takes the record of a direction.
    pub(crate) fn put(&mut self, direction: Direction, record: SubtestRecord) {
        match direction {
            Direction::Download => self.download = Some(record),
            Direction::Upload => self.upload = Some(record),
        }
    }

    /// Signs the record and puts it into the site's spool.
    pub(crate) fn keep(self, site: &Site) {
        let day = self.started_at.strftime("%Y-%m-%d").to_string();
        let Some(receipt) = self.receipt(site) else {
            tracing::error!("Could not sign a foreign test");
            return;
        };
        tracing::info!(test.id = %receipt.test_id, protocol = receipt.protocol, "Saw a foreign test");
        if let Ok(line) = serde_json::to_string(&receipt) {
            site.append(format!("foreign/{day}.jsonl"), line);
        }
    }

    fn receipt(self, site: &Site) -> Option<ReceiptV1> {
        let issued_at = net::wall_clock();
        let days = i64::try_from(spec::RECEIPT_LIFETIME_DAYS).ok()?;
        let receipt = ReceiptV1 {
            receipt: Version::V1,
            test_id: new_test_id(self.started_at).ok()?,
            method: metric::METHOD,
            protocol: self.protocol.into(),
            mode: MODE.into(),
            audit: false,
            site: site.config().name.clone(),
            software: env!("CARGO_PKG_VERSION").into(),
            client_prefix: Prefix::of(self.peer.address),
            // A secret that nobody was told: nobody can submit the receipt as
            // a test of theirs.
            nonce_sha256: nonce_sha256(&random_hex().ok()?),
            started_at: self.started_at,
            issued_at: issued_at.max(self.started_at),
            expires_at: issued_at + SignedDuration::from_hours(24 * days),
            download: self.download,
            upload: self.upload,
            latency: None,
            key_id: String::new(),
            signature: String::new(),
        };
        receipt.sign(site.key()).ok()
    }
}
