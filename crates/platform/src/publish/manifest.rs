//! The signed list of a month's files.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use metric::canonical;
use metric::key::{PublicKey, SiteKey, sha256_hex};
use metric::month::Month;
use serde::{Deserialize, Serialize};

/// Name of the file.
pub const MANIFEST: &str = "manifest.json";

/// What a published month says of itself. Members are only added.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Manifest {
    /// Version of the format of the folder.
    pub format: u16,
    /// The month.
    pub month: Month,
    /// Whether the tests are those of a simulation.
    pub synthetic: bool,
    /// Edition of the methodology.
    pub edition: u16,
    /// Software that wrote it, with its version.
    pub software: String,
    /// Each file: SHA-256, bytes, and rows where it is a table.
    pub files: BTreeMap<String, Listed>,
    /// SHA-256 of the auditor's file, where one was made: it links the days of
    /// a device and is not part of the open data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_sha256: Option<String>,
    /// The publication key, base64url.
    pub public_key: String,
    /// Ed25519 over the canonical form (RFC 8785) without this member, base64url.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub signature: String,
}

/// A file of the month.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Listed {
    /// SHA-256, 64 hex digits.
    pub sha256: String,
    /// Size.
    pub bytes: u64,
    /// Rows of the table in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

impl Listed {
    /// The entry of a file.
    pub(super) fn of(bytes: &[u8], rows: Option<usize>) -> Self {
        Self {
            sha256: sha256_hex(bytes),
            bytes: bytes.len() as u64,
            rows: rows.map(|rows| rows as u64),
        }
    }
}

/// Version of the format that this program writes.
pub(super) const FORMAT: u16 = 1;

impl Manifest {
    /// Signs it.
    ///
    /// # Errors
    ///
    /// When it cannot be written as canonical JSON, which its types exclude.
    pub(super) fn sign(mut self, key: &SiteKey) -> Result<Self> {
        self.public_key = key.public().to_string();
        self.signature = String::new();
        self.signature = key.sign(&canonical::to_bytes(&self)?);
        Ok(self)
    }

    /// Reads it, and checks its version and signature.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it.
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let manifest: Self = serde_json::from_slice(bytes).context("it is no manifest")?;
        ensure!(
            manifest.format == FORMAT,
            "its format is {}, this program reads {FORMAT}; use a newer one",
            manifest.format
        );
        let key = PublicKey::parse(&manifest.public_key).context("public_key is no Ed25519 key")?;
        let unsigned = Self {
            signature: String::new(),
            ..manifest.clone()
        };
        let message = canonical::to_bytes(&unsigned)?;
        ensure!(
            key.verifies(&message, &manifest.signature),
            "its signature does not hold: it was changed after it was signed"
        );
        Ok(manifest)
    }

    /// The name of the key that signed: 16 hex digits.
    pub fn key_id(&self) -> String {
        PublicKey::parse(&self.public_key).map_or_else(String::new, |key| key.id())
    }
}
