//! The server's side of IRTT 0.9 (isochronous round-trip tester), as its
//! client speaks it on the wire: open, echo, close, each with a keyed hash
//! where a key is shared. Integers are little-endian.

pub mod message;
pub mod params;
pub mod server;

/// Constants of the protocol.
pub mod spec {
    /// UDP port of a server.
    pub const PORT: u16 = 2112;
    /// What every packet begins with.
    pub const MAGIC: [u8; 3] = [0x14, 0xa7, 0x5b];
    /// Flag: opens a connection, or answers that.
    pub const OPEN: u8 = 1;
    /// Flag: from the server.
    pub const REPLY: u8 = 2;
    /// Flag: closes the connection.
    pub const CLOSE: u8 = 4;
    /// Flag: a keyed hash of 16 octets follows the flags.
    pub const HMAC: u8 = 8;
    /// Length of magic and flags, octets.
    pub const HEAD_LEN: usize = 4;
    /// Length of the keyed hash (HMAC-MD5), octets.
    pub const HMAC_LEN: usize = 16;
    /// Length of a connection's token, octets.
    pub const TOKEN_LEN: usize = 8;
    /// Version of the protocol.
    pub const VERSION: i64 = 1;
}
