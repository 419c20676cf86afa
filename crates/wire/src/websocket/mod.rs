//! WebSocket framing (RFC 6455), as much as measuring needs: no extensions,
//! bulk payload counted instead of kept.

pub mod decoder;
pub mod encode;
pub mod growing;

/// Constants of RFC 6455.
pub mod spec {
    /// The only version there is (§4.1).
    pub const VERSION: &str = "13";
    /// What the accept key is made with (§1.3).
    pub const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    /// Longest header: 2 bytes, 8 of length, 4 of mask (§5.2).
    pub const MAX_HEADER: usize = 14;
    /// Longest payload of a control frame (§5.5).
    pub const MAX_CONTROL: u64 = 125;
    /// Normal closure (§7.4.1).
    pub const CLOSE_NORMAL: u16 = 1000;
}

/// Kinds of frame (§5.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Opcode {
    /// Goes on with a fragmented message.
    Continuation,
    /// UTF-8.
    Text,
    /// Bytes.
    Binary,
    /// The end of the connection.
    Close,
    /// Is answered by a pong.
    Ping,
    /// Answers a ping.
    Pong,
}

impl Opcode {
    const fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0,
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }

    const fn of_bits(bits: u8) -> Option<Self> {
        match bits {
            0 => Some(Self::Continuation),
            1 => Some(Self::Text),
            2 => Some(Self::Binary),
            8 => Some(Self::Close),
            9 => Some(Self::Ping),
            10 => Some(Self::Pong),
            _ => None,
        }
    }

    const fn is_control(self) -> bool {
        self.bits() >= 8
    }
}

/// `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` (§4.2.2).
pub fn accept_key(key: &str) -> String {
    use base64::Engine as _;
    use sha1::Digest as _;
    let digest = sha1::Sha1::digest(format!("{key}{}", spec::GUID));
    base64::engine::general_purpose::STANDARD.encode(digest)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_accept_key_of_the_specification() {
        let accept = super::accept_key("dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
