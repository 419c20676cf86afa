//! `OpenSpeedTest` (openspeedtest/Speed-Test): the two paths that its page uses.

/// Numbers and paths.
pub mod spec {
    /// Name in receipts.
    pub const PROTOCOL: &str = "openspeedtest";
    /// GET: a file of [`DOWNLOAD_BYTES`]. HEAD: an empty answer.
    pub const DOWNLOAD_PATH: &str = "/downloading";
    /// POST: any body; GET, HEAD: an empty answer.
    pub const UPLOAD_PATH: &str = "/upload";
    /// Size of the file that the project ships.
    pub const DOWNLOAD_BYTES: u64 = 30 * 1024 * 1024;
}
