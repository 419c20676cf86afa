//! The series of a test in few bytes, so that another estimator can be run
//! over old tests: bins as they are counted at the receiver, and the kernel's
//! account beside them.
//!
//! Lossless, and total on any input. One byte of version; for each direction
//! (download, upload) a byte of flags and its columns; numbers are LEB128
//! varints, neighbours differ little, so bins and round trips are stored as
//! zigzag differences. Described in docs/METHODOLOGY.md, "The method as data".

use crate::receipt::{ReceiptV1, SubtestRecord, TcpRecord};
use crate::submission::Observed;
use crate::unit::Micros;

/// The series of one test; a direction that was not measured is absent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Series {
    /// The download.
    pub download: Option<DirectionSeries>,
    /// The upload.
    pub upload: Option<DirectionSeries>,
}

/// The series of one direction.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DirectionSeries {
    /// Payload bytes per complete bin at the receiver, in order of time: the
    /// client's for download, the site's for upload.
    pub bins_bytes: Vec<u64>,
    /// Bytes per complete bin that had arrived at the receiving host; empty
    /// where the kernel does not tell, and in edition 1.
    pub arrived_bytes: Vec<u64>,
    /// Whether the site ended the direction at a cap.
    pub is_capped: bool,
    /// Length of the direction by the site's clock.
    pub duration_us: Micros,
    /// Mean smoothed RTT, one per bin of the site; empty where the kernel does
    /// not tell.
    pub srtt_us: Vec<u32>,
    /// Bytes the site sent again, one per bin of the site; empty likewise.
    pub retransmitted_bytes: Vec<u64>,
    /// Each connection at its end, in order of arrival.
    pub streams: Vec<StreamSeries>,
}

/// One connection at its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StreamSeries {
    /// Bytes, of the kind that the site counts.
    pub bytes: u64,
    /// The kernel's account.
    pub tcp: Option<TcpRecord>,
}

impl Series {
    /// The series of a test from what its site signed and its client saw.
    pub fn of(receipt: &ReceiptV1, observed: &Observed) -> Self {
        let seen = observed.download.as_ref();
        let download = receipt.download.as_ref().zip(seen);
        Self {
            download: download
                .map(|(record, seen)| DirectionSeries::of(record, seen.bins_bytes.clone())),
            upload: receipt
                .upload
                .as_ref()
                .map(|record| DirectionSeries::of(record, record.complete_bins().to_vec())),
        }
    }

    /// The series as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        for direction in [&self.download, &self.upload] {
            match direction {
                None => out.push(0),
                Some(direction) => direction.encode(&mut out),
            }
        }
        out
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] for anything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut input = Input { bytes, at: 0 };
        if input.byte()? != VERSION {
            return Err(input.unreadable("version 1"));
        }
        let series = Self {
            download: DirectionSeries::decode(&mut input)?,
            upload: DirectionSeries::decode(&mut input)?,
        };
        if input.at == bytes.len() {
            Ok(series)
        } else {
            Err(input.unreadable("the end"))
        }
    }
}

impl DirectionSeries {
    /// What the method looks at: what had arrived, or else what was counted.
    pub fn measured(&self) -> &[u64] {
        if self.arrived_bytes.is_empty() {
            &self.bins_bytes
        } else {
            &self.arrived_bytes
        }
    }

    /// A direction of which nothing but its bins is known.
    #[cfg(test)]
    pub(crate) fn of_bins(bins_bytes: Vec<u64>, is_capped: bool) -> Self {
        Self {
            duration_us: Micros(bins_bytes.len() as u64 * crate::bins::BIN.0),
            bins_bytes,
            arrived_bytes: vec![],
            is_capped,
            srtt_us: vec![],
            retransmitted_bytes: vec![],
            streams: vec![],
        }
    }

    fn of(record: &SubtestRecord, bins_bytes: Vec<u64>) -> Self {
        let streams = record.streams.iter();
        Self {
            bins_bytes,
            arrived_bytes: record.arrived().unwrap_or_default().to_vec(),
            is_capped: record.is_capped(),
            duration_us: record.duration_us,
            srtt_us: record.srtt_us.clone(),
            retransmitted_bytes: record.retransmitted_bytes.clone(),
            streams: streams
                .map(|stream| StreamSeries {
                    bytes: stream.bytes,
                    tcp: stream.tcp,
                })
                .collect(),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(PRESENT | if self.is_capped { CAPPED } else { 0 });
        put(out, self.duration_us.0);
        put_differences(out, self.bins_bytes.iter().copied());
        put_differences(out, self.arrived_bytes.iter().copied());
        put_differences(out, self.srtt_us.iter().map(|&srtt| u64::from(srtt)));
        put(out, self.retransmitted_bytes.len() as u64);
        for &bytes in &self.retransmitted_bytes {
            put(out, bytes); // mostly zero, so differences would cost more
        }
        put(out, self.streams.len() as u64);
        for stream in &self.streams {
            stream.encode(out);
        }
    }

    fn decode(input: &mut Input<'_>) -> Result<Option<Self>, Unreadable> {
        let flags = input.byte()?;
        if flags == 0 {
            return Ok(None);
        }
        if flags & !CAPPED != PRESENT {
            return Err(input.unreadable("known flags"));
        }
        Ok(Some(Self {
            is_capped: flags & CAPPED != 0,
            duration_us: Micros(input.number()?),
            bins_bytes: input.differences(Ok::<_, Unreadable>)?,
            arrived_bytes: input.differences(Ok::<_, Unreadable>)?,
            srtt_us: input.differences(u32::try_from)?,
            retransmitted_bytes: input.list(Input::number)?,
            streams: input.list(StreamSeries::decode)?,
        }))
    }
}

impl StreamSeries {
    fn encode(&self, out: &mut Vec<u8>) {
        put(out, self.bytes);
        let Some(tcp) = self.tcp else {
            return out.push(0);
        };
        out.push(PRESENT);
        put(out, u64::from(tcp.min_rtt_us));
        put(out, u64::from(tcp.srtt_us));
        put(out, tcp.bytes_retransmitted);
        put(out, tcp.busy_us);
        put(out, tcp.rwnd_limited_us);
        put(out, tcp.sndbuf_limited_us);
    }

    fn decode(input: &mut Input<'_>) -> Result<Self, Unreadable> {
        let bytes = input.number()?;
        let tcp = match input.byte()? {
            0 => None,
            PRESENT => Some(TcpRecord {
                min_rtt_us: input.small()?,
                srtt_us: input.small()?,
                bytes_retransmitted: input.number()?,
                busy_us: input.number()?,
                rwnd_limited_us: input.number()?,
                sndbuf_limited_us: input.number()?,
            }),
            _ => return Err(input.unreadable("known flags")),
        };
        Ok(Self { bytes, tcp })
    }
}

/// Bytes that are no series.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("byte {at} of a series: expected {expected}")]
pub struct Unreadable {
    /// Position of the byte after which it failed.
    pub at: usize,
    /// What should have been there.
    pub expected: &'static str,
}

fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// Writes the length, then each number as its difference to the one before.
fn put_differences(out: &mut Vec<u8>, numbers: impl ExactSizeIterator<Item = u64>) {
    put(out, numbers.len() as u64);
    let mut before = 0;
    for number in numbers {
        put(out, zigzag(number.wrapping_sub(before)));
        before = number;
    }
}

/// A difference in two's complement, small for small ones of either sign.
const fn zigzag(difference: u64) -> u64 {
    (difference << 1) ^ (difference.cast_signed() >> 63).cast_unsigned()
}

const fn unzigzag(number: u64) -> u64 {
    (number >> 1) ^ (number & 1).wrapping_neg()
}

/// Bytes being read.
struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Input<'_> {
    const fn unreadable(&self, expected: &'static str) -> Unreadable {
        Unreadable {
            at: self.at,
            expected,
        }
    }

    fn byte(&mut self) -> Result<u8, Unreadable> {
        let byte = self.bytes.get(self.at).copied();
        self.at += 1;
        byte.ok_or_else(|| self.unreadable("another byte"))
    }

    fn number(&mut self) -> Result<u64, Unreadable> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if part << shift >> shift != part {
                return Err(self.unreadable("a number of 64 bits"));
            }
            number |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(self.unreadable("a number of at most ten bytes"))
    }

    fn small(&mut self) -> Result<u32, Unreadable> {
        let number = self.number()?;
        u32::try_from(number).map_err(|_| self.unreadable("a number of 32 bits"))
    }

    /// As many items as the length says; every item takes a byte at least, so
    /// a length beyond the input is refused before anything is reserved.
    fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, Unreadable>,
    ) -> Result<Vec<T>, Unreadable> {
        let length = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        if length > self.bytes.len().saturating_sub(self.at) {
            return Err(self.unreadable("a list that fits"));
        }
        (0..length).map(|_| item(self)).collect()
    }

    fn differences<T, E>(
        &mut self,
        of: impl Fn(u64) -> Result<T, E>,
    ) -> Result<Vec<T>, Unreadable> {
        let mut before = 0_u64;
        self.list(|input| {
            before = before.wrapping_add(unzigzag(input.number()?));
            of(before).map_err(|_| input.unreadable("a number of 32 bits"))
        })
    }
}

const VERSION: u8 = 1;
const PRESENT: u8 = 1;
const CAPPED: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;
    use proptest::prelude::*;

    #[test]
    fn the_golden_bytes_still_read() {
        let golden = include_str!("../../../testdata/method/series.txt").trim_end();
        let bytes: Vec<u8> = (0..golden.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&golden[at..at + 2], 16).unwrap())
            .collect();
        let series = Series {
            download: Some(DirectionSeries {
                bins_bytes: vec![0, 120_034, 119_000, 500_000],
                arrived_bytes: vec![0, 121_000, 119_000, 499_034],
                is_capped: true,
                duration_us: Micros(412_345),
                srtt_us: vec![8_120, 8_300, 8_299, 20_000, 20_000],
                retransmitted_bytes: vec![0, 0, 1_448, 0, 0],
                streams: vec![StreamSeries {
                    bytes: 739_034,
                    tcp: Some(TcpRecord {
                        min_rtt_us: 8_011,
                        srtt_us: 8_300,
                        bytes_retransmitted: 1_448,
                        busy_us: 400_000,
                        rwnd_limited_us: 0,
                        sndbuf_limited_us: 3,
                    }),
                }],
            }),
            upload: Some(DirectionSeries {
                streams: vec![StreamSeries {
                    bytes: 0,
                    tcp: None,
                }],
                ..DirectionSeries::of_bins(vec![], false)
            }),
        };
        assert_eq!(series.encode(), bytes);
        assert_eq!(Series::decode(&bytes), Ok(series));
    }

    /// A direction of 130 bins about a rate, with noise of radio: 15 %, and
    /// loss in one bin of three.
    fn noisy(megabits: f64, streams: u64, chance: &mut Chance) -> DirectionSeries {
        let level = megabits * 1e6 / 8.0 / 10.0;
        let bins = |chance: &mut Chance, level: f64, log_sd: f64| -> Vec<u64> {
            (0..130)
                .map(|_| crate::unit::floor_u64(level * chance.factor(log_sd)))
                .collect()
        };
        let bins_bytes = bins(chance, level, 0.15);
        let lost = |chance: &mut Chance| {
            let bytes = crate::unit::floor_u64(level * 0.01 * chance.unit());
            if chance.happens(0.3) { bytes } else { 0 }
        };
        let bytes = bins_bytes.iter().sum::<u64>();
        let tcp = TcpRecord {
            min_rtt_us: 18_311,
            srtt_us: 47_200,
            bytes_retransmitted: bytes / 400,
            busy_us: 12_998_213,
            rwnd_limited_us: 120_331,
            sndbuf_limited_us: 80_213,
        };
        DirectionSeries {
            srtt_us: bins(chance, 40_000.0, 0.1)
                .iter()
                .map(|&srtt| u32::try_from(srtt).unwrap())
                .collect(),
            retransmitted_bytes: (0..130).map(|_| lost(chance)).collect(),
            streams: vec![
                StreamSeries {
                    bytes: bytes / streams,
                    tcp: Some(tcp),
                };
                usize::try_from(streams).unwrap()
            ],
            arrived_bytes: bins(chance, level, 0.15),
            duration_us: Micros(13_000_211),
            is_capped: false,
            bins_bytes,
        }
    }

    #[test]
    fn a_full_test_of_a_fast_noisy_line_takes_four_kibibytes_at_most() {
        for (seed, megabits, streams) in
            [(1, 300.0, 4), (2, 300.0, 16), (3, 940.0, 16), (4, 20.0, 4)]
        {
            let mut chance = Chance::of(&[seed]);
            let series = Series {
                download: Some(noisy(megabits, streams, &mut chance)),
                upload: Some(noisy(megabits, streams, &mut chance)),
            };
            let length = series.encode().len();
            println!("{megabits} Mbit/s, {streams} streams: {length} bytes");
            assert!((1_000..=4_096).contains(&length), "{megabits}: {length}");
        }
    }

    #[test]
    fn an_endless_list_is_refused_before_it_is_made() {
        let bytes = [&[VERSION, PRESENT, 0][..], &[0xff; 9], &[1]].concat();
        let refused = Series::decode(&bytes).unwrap_err();
        assert_eq!(refused.expected, "a list that fits");
    }

    fn tcp() -> impl Strategy<Value = TcpRecord> {
        (any::<[u32; 2]>(), any::<[u64; 4]>()).prop_map(|([min_rtt_us, srtt_us], n)| TcpRecord {
            min_rtt_us,
            srtt_us,
            bytes_retransmitted: n[0],
            busy_us: n[1],
            rwnd_limited_us: n[2],
            sndbuf_limited_us: n[3],
        })
    }

    fn direction() -> impl Strategy<Value = DirectionSeries> {
        let stream = (any::<u64>(), proptest::option::of(tcp()))
            .prop_map(|(bytes, tcp)| StreamSeries { bytes, tcp });
        let column = || proptest::collection::vec(any::<u64>(), 0..40);
        (
            (column(), column()),
            any::<(bool, u64)>(),
            proptest::collection::vec(any::<u32>(), 0..40),
            column(),
            proptest::collection::vec(stream, 0..20),
        )
            .prop_map(
                |((bins_bytes, arrived_bytes), (is_capped, us), srtt_us, again, streams)| {
                    DirectionSeries {
                        bins_bytes,
                        arrived_bytes,
                        is_capped,
                        duration_us: Micros(us),
                        srtt_us,
                        retransmitted_bytes: again,
                        streams,
                    }
                },
            )
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(
            download in proptest::option::of(direction()),
            upload in proptest::option::of(direction()),
        ) {
            let series = Series { download, upload };
            prop_assert_eq!(Series::decode(&series.encode()), Ok(series));
        }

        #[test]
        fn any_bytes_are_taken_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Series::decode(&bytes);
            let _ = Series::decode(&[&[VERSION, PRESENT][..], &bytes].concat());
        }

        #[test]
        fn what_is_cut_off_is_refused(direction in direction(), cut in any::<prop::sample::Index>()) {
            let bytes = Series { download: Some(direction), upload: None }.encode();
            prop_assert!(Series::decode(&bytes[..cut.index(bytes.len())]).is_err());
        }
    }
}
