//! Parameters of a connection: pairs of a type (varint) and a value (zigzag
//! varint). A value of zero is left out. A server may only restrict them.

use super::spec;

/// What the client asks for and the server grants.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Params {
    /// Version of the protocol.
    pub version: i64,
    /// Length of the test, ns.
    pub duration_ns: i64,
    /// Time between two requests, ns.
    pub interval_ns: i64,
    /// Length of a packet, octets; 0 for the least.
    pub length: i64,
    /// What the server tells of received packets: 1 count, 2 window, 3 both.
    pub received_stats: i64,
    /// When it takes times: 1 sending, 2 receiving, 3 both, 4 between the two.
    pub stamp_at: i64,
    /// Of which clock: 1 wall, 2 monotonic, 3 both.
    pub clock: i64,
    /// DSCP of the replies.
    pub dscp: i64,
}

/// Type of the parameter that asks for a fill of the payload; its value is a
/// string, which is never granted here.
const SERVER_FILL: u64 = 9;

/// Why bytes are no parameters.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Malformed {
    /// A varint ends too early or is too long.
    #[error("a number is cut or too long")]
    Number,
    /// A type that is not known, whose length is therefore not known either.
    #[error("parameter {0} is not known")]
    Unknown(u64),
    /// A value that nobody can mean.
    #[error("parameter {0} is out of range")]
    OutOfRange(u64),
}

impl Params {
    /// Reads parameters.
    ///
    /// # Errors
    ///
    /// [`Malformed`].
    pub fn decode(mut bytes: &[u8]) -> Result<Self, Malformed> {
        let mut params = Self::default();
        while !bytes.is_empty() {
            let kind = uvarint(&mut bytes)?;
            if kind == SERVER_FILL {
                let length = usize::try_from(uvarint(&mut bytes)?).ok();
                let rest = length.and_then(|length| bytes.get(length..));
                bytes = rest.ok_or(Malformed::OutOfRange(kind))?;
                continue;
            }
            let value = unzigzag(uvarint(&mut bytes)?);
            if value < 0 {
                return Err(Malformed::OutOfRange(kind));
            }
            *params.member(kind).ok_or(Malformed::Unknown(kind))? = value;
        }
        Ok(params)
    }

    /// Writes the parameters that are not zero, in order of their types.
    pub fn encode(mut self) -> Vec<u8> {
        let mut out = Vec::with_capacity(32);
        for kind in 1..SERVER_FILL {
            let value = self.member(kind).map_or(0, |value| *value);
            if value != 0 {
                put_uvarint(&mut out, kind);
                put_uvarint(&mut out, zigzag(value));
            }
        }
        out
    }

    const fn member(&mut self, kind: u64) -> Option<&mut i64> {
        Some(match kind {
            1 => &mut self.version,
            2 => &mut self.duration_ns,
            3 => &mut self.interval_ns,
            4 => &mut self.length,
            5 => &mut self.received_stats,
            6 => &mut self.stamp_at,
            7 => &mut self.clock,
            8 => &mut self.dscp,
            _ => return None,
        })
    }

    /// Whether the count of received packets is told.
    pub const fn has_count(&self) -> bool {
        self.received_stats & 1 != 0
    }

    /// Whether the window of received packets is told.
    pub const fn has_window(&self) -> bool {
        self.received_stats & 2 != 0
    }

    /// How many times of one clock are told.
    const fn stamps(&self) -> usize {
        match self.stamp_at {
            1 | 2 | 4 => 1,
            3 => 2,
            _ => 0,
        }
    }

    /// Length of the fields that the server fills, octets.
    pub const fn fields_len(&self) -> usize {
        let clocks = (self.clock & 1 != 0) as usize + (self.clock & 2 != 0) as usize;
        let count = if self.has_count() { 4 } else { 0 };
        let window = if self.has_window() { 8 } else { 0 };
        count + window + 8 * clocks * self.stamps()
    }

    /// What of this a server grants that allows no shorter interval, no longer
    /// packet and no longer test, and that sets no DSCP.
    #[must_use]
    pub fn restricted(self, limits: &Limits) -> Self {
        let at_most = |value: i64, most: i64| if value == 0 { most } else { value.min(most) };
        Self {
            version: spec::VERSION,
            duration_ns: at_most(self.duration_ns, limits.max_duration_ns),
            interval_ns: self.interval_ns.max(limits.min_interval_ns),
            length: self.length.min(limits.max_length),
            received_stats: self.received_stats.min(3),
            stamp_at: self.stamp_at.min(4),
            clock: self.clock.min(3),
            dscp: 0,
        }
    }
}

/// What a server allows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Shortest time between two requests, ns.
    pub min_interval_ns: i64,
    /// Longest packet, octets.
    pub max_length: i64,
    /// Longest test, ns.
    pub max_duration_ns: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            min_interval_ns: 10_000_000,
            max_length: 1472,
            max_duration_ns: 120_000_000_000,
        }
    }
}

fn uvarint(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0_u64;
    for at in 0..10 {
        let (&byte, rest) = bytes.split_first().ok_or(Malformed::Number)?;
        *bytes = rest;
        let part = u64::from(byte & 0x7f);
        // The tenth octet holds one bit.
        if at == 9 && part > 1 {
            return Err(Malformed::Number);
        }
        value |= part << (7 * at);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Malformed::Number)
}

fn put_uvarint(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// From a client asked for `-i 20ms -d 60ms -l 100`.
    const CAPTURED: &[u8] = &[
        0x01, 0x02, 0x02, 0x80, 0x9c, 0x9c, 0x39, 0x03, 0x80, 0xb4, 0x89, 0x13, 0x04, 0xc8, 0x01,
        0x05, 0x06, 0x06, 0x06, 0x07, 0x06,
    ];

    fn captured() -> Params {
        Params {
            version: 1,
            duration_ns: 60_000_000,
            interval_ns: 20_000_000,
            length: 100,
            received_stats: 3,
            stamp_at: 3,
            clock: 3,
            dscp: 0,
        }
    }

    #[test]
    fn a_captured_request_is_read_and_written() {
        assert_eq!(Params::decode(CAPTURED), Ok(captured()));
        assert_eq!(captured().encode(), CAPTURED);
        assert_eq!(captured().fields_len(), 44);
    }

    #[test]
    fn fields_follow_the_parameters() {
        let of = |received_stats, stamp_at, clock| {
            Params {
                received_stats,
                stamp_at,
                clock,
                ..Params::default()
            }
            .fields_len()
        };
        assert_eq!(of(0, 0, 1), 0);
        assert_eq!(of(1, 4, 3), 20);
        assert_eq!(of(2, 2, 2), 16);
    }

    #[test]
    fn parameters_are_restricted_and_never_widened() {
        let limits = Limits::default();
        let asked = Params {
            interval_ns: 1_000_000,
            length: 60_000,
            duration_ns: 0,
            dscp: 46,
            ..captured()
        };
        let granted = asked.restricted(&limits);
        assert_eq!(granted.interval_ns, 10_000_000);
        assert_eq!(granted.length, 1472);
        assert_eq!(granted.duration_ns, 120_000_000_000);
        assert_eq!(granted.dscp, 0);
        assert_eq!(captured().restricted(&limits), captured());
    }

    #[test]
    fn a_fill_is_passed_over_and_the_unknown_refused() {
        let fill = [&[9, 4][..], b"rand", &[1, 2]].concat();
        assert_eq!(Params::decode(&fill).unwrap().version, 1);
        assert_eq!(Params::decode(&[9, 200, 1]), Err(Malformed::OutOfRange(9)));
        assert_eq!(Params::decode(&[10, 2]), Err(Malformed::Unknown(10)));
        assert_eq!(Params::decode(&[1, 1]), Err(Malformed::OutOfRange(1)));
        assert_eq!(Params::decode(&[1]), Err(Malformed::Number));
        assert_eq!(Params::decode(&[0xff; 11]), Err(Malformed::Number));
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(values in proptest::array::uniform8(0_i64..i64::MAX)) {
            let [version, duration_ns, interval_ns, length, received_stats, stamp_at, clock, dscp] = values;
            let params = Params { version, duration_ns, interval_ns, length, received_stats, stamp_at, clock, dscp };
            prop_assert_eq!(Params::decode(&params.encode()), Ok(params));
        }

        #[test]
        fn zigzag_is_undone(value: i64) {
            prop_assert_eq!(unzigzag(zigzag(value)), value);
        }

        #[test]
        fn any_bytes_are_taken_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(params) = Params::decode(&bytes) {
                let granted = params.restricted(&Limits::default());
                prop_assert!(granted.fields_len() <= 44);
            }
        }
    }
}
