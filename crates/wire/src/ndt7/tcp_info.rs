//! The kernel's account of a connection as ndt7 writes it (m-lab/tcp-info
//! `LinuxTCPInfo`), from the bytes of `struct tcp_info`.

use serde::{Deserialize, Serialize};

/// Bytes of `struct tcp_info` that are read: Linux 4.19's.
pub const LEAST_BYTES: usize = 216;

/// Every member is a whole number: a fraction would end the client's test.
/// Absent where the kernel is too old to tell.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[allow(
    missing_docs,
    reason = "the names are those of include/uapi/linux/tcp.h"
)]
pub struct TcpInfo {
    pub state: u8,
    #[serde(rename = "CAState")]
    pub ca_state: u8,
    pub retransmits: u8,
    pub probes: u8,
    pub backoff: u8,
    pub options: u8,
    #[serde(rename = "WScale")]
    pub wscale: u8,
    pub app_limited: u8,
    #[serde(rename = "RTO")]
    pub rto: u32,
    #[serde(rename = "ATO")]
    pub ato: u32,
    #[serde(rename = "SndMSS")]
    pub snd_mss: u32,
    #[serde(rename = "RcvMSS")]
    pub rcv_mss: u32,
    pub unacked: u32,
    pub sacked: u32,
    pub lost: u32,
    pub retrans: u32,
    pub fackets: u32,
    pub last_data_sent: u32,
    pub last_ack_sent: u32,
    pub last_data_recv: u32,
    pub last_ack_recv: u32,
    #[serde(rename = "PMTU")]
    pub pmtu: u32,
    pub rcv_ss_thresh: u32,
    #[serde(rename = "RTT")]
    pub rtt: u32,
    #[serde(rename = "RTTVar")]
    pub rtt_var: u32,
    pub snd_ss_thresh: u32,
    pub snd_cwnd: u32,
    #[serde(rename = "AdvMSS")]
    pub adv_mss: u32,
    pub reordering: u32,
    #[serde(rename = "RcvRTT")]
    pub rcv_rtt: u32,
    pub rcv_space: u32,
    pub total_retrans: u32,
    pub pacing_rate: i64,
    pub max_pacing_rate: i64,
    pub bytes_acked: i64,
    pub bytes_received: i64,
    pub segs_out: u32,
    pub segs_in: u32,
    pub notsent_bytes: u32,
    #[serde(rename = "MinRTT")]
    pub min_rtt: u32,
    pub data_segs_in: u32,
    pub data_segs_out: u32,
    pub delivery_rate: i64,
    pub busy_time: i64,
    #[serde(rename = "RWndLimited")]
    pub rwnd_limited: i64,
    pub snd_buf_limited: i64,
    pub delivered: u32,
    #[serde(rename = "DeliveredCE")]
    pub delivered_ce: u32,
    pub bytes_sent: i64,
    pub bytes_retrans: i64,
    #[serde(rename = "DSackDups", default, skip_serializing_if = "Option::is_none")]
    pub dsack_dups: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reord_seen: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rcv_ooo_pack: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snd_wnd: Option<u32>,
    /// µs since the subtest began.
    #[serde(default)]
    pub elapsed_time: i64,
}

impl TcpInfo {
    /// Reads the structure; `None` when it is shorter than [`LEAST_BYTES`].
    pub fn decode(raw: &[u8]) -> Option<Self> {
        if raw.len() < LEAST_BYTES {
            return None;
        }
        let byte = |at: usize| raw.get(at).copied();
        // Rates without a limit are all ones; as the reference server does,
        // they are written as −1, since its clients read signed numbers.
        let long = |at: usize| Some(i64::from_ne_bytes(*raw.get(at..)?.first_chunk()?));
        let word = |at: usize| Some(u32::from_ne_bytes(*raw.get(at..)?.first_chunk()?));
        Some(Self {
            state: byte(0)?,
            ca_state: byte(1)?,
            retransmits: byte(2)?,
            probes: byte(3)?,
            backoff: byte(4)?,
            options: byte(5)?,
            wscale: byte(6)?,
            app_limited: byte(7)? & 1,
            rto: word(8)?,
            ato: word(12)?,
            snd_mss: word(16)?,
            rcv_mss: word(20)?,
            unacked: word(24)?,
            sacked: word(28)?,
            lost: word(32)?,
            retrans: word(36)?,
            fackets: word(40)?,
            last_data_sent: word(44)?,
            last_ack_sent: word(48)?,
            last_data_recv: word(52)?,
            last_ack_recv: word(56)?,
            pmtu: word(60)?,
            rcv_ss_thresh: word(64)?,
            rtt: word(68)?,
            rtt_var: word(72)?,
            snd_ss_thresh: word(76)?,
            snd_cwnd: word(80)?,
            adv_mss: word(84)?,
            reordering: word(88)?,
            rcv_rtt: word(92)?,
            rcv_space: word(96)?,
            total_retrans: word(100)?,
            pacing_rate: long(104)?,
            max_pacing_rate: long(112)?,
            bytes_acked: long(120)?,
            bytes_received: long(128)?,
            segs_out: word(136)?,
            segs_in: word(140)?,
            notsent_bytes: word(144)?,
            min_rtt: word(148)?,
            data_segs_in: word(152)?,
            data_segs_out: word(156)?,
            delivery_rate: long(160)?,
            busy_time: long(168)?,
            rwnd_limited: long(176)?,
            snd_buf_limited: long(184)?,
            delivered: word(192)?,
            delivered_ce: word(196)?,
            bytes_sent: long(200)?,
            bytes_retrans: long(208)?,
            dsack_dups: word(216),
            reord_seen: word(220),
            rcv_ooo_pack: word(224),
            snd_wnd: word(228),
            elapsed_time: 0,
        })
    }
}

/// BBR's account (`TCP_CC_INFO`, `struct tcp_bbr_info`).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BbrInfo {
    /// Bandwidth, byte/s.
    #[serde(rename = "BW")]
    pub bandwidth: i64,
    /// Least round trip, µs.
    #[serde(rename = "MinRTT")]
    pub min_rtt: u32,
    /// Pacing gain, in 256ths.
    pub pacing_gain: u32,
    /// Gain of the congestion window, in 256ths.
    pub cwnd_gain: u32,
    /// µs since the subtest began.
    #[serde(default)]
    pub elapsed_time: i64,
}

impl BbrInfo {
    /// Reads the structure; `None` when it is shorter than its five words.
    pub fn decode(raw: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_ne_bytes(*raw.get(at..)?.first_chunk()?));
        let (low, high) = (word(0)?, word(4)?);
        Some(Self {
            bandwidth: (u64::from(high) << 32 | u64::from(low)).cast_signed(),
            min_rtt: word(8)?,
            pacing_gain: word(12)?,
            cwnd_gain: word(16)?,
            elapsed_time: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn members_are_where_the_kernel_puts_them() {
        let mut raw = [0; 232];
        raw[68..72].copy_from_slice(&5432_u32.to_ne_bytes());
        raw[112..120].copy_from_slice(&[0xff; 8]);
        raw[128..136].copy_from_slice(&77_u64.to_ne_bytes());
        raw[228..232].copy_from_slice(&9_u32.to_ne_bytes());
        let info = TcpInfo::decode(&raw).unwrap();
        assert_eq!((info.rtt, info.bytes_received), (5432, 77));
        assert_eq!((info.max_pacing_rate, info.snd_wnd), (-1, Some(9)));
        let json = serde_json::to_value(info).unwrap();
        assert_eq!(json["RTT"], 5432);
        for name in [
            "RTTVar",
            "MinRTT",
            "BytesAcked",
            "BytesSent",
            "BytesRetrans",
            "BusyTime",
            "RWndLimited",
            "SndBufLimited",
            "ElapsedTime",
            "SndMSS",
            "PMTU",
            "DSackDups",
            "RcvOooPack",
        ] {
            assert!(json[name].is_i64() || json[name].is_u64(), "{name}");
        }
        assert_eq!(TcpInfo::decode(&raw[..216]).unwrap().snd_wnd, None);
        assert_eq!(TcpInfo::decode(&raw[..215]), None);
    }

    #[test]
    fn startup_has_its_gain() {
        let raw: Vec<u8> = [1, 1, 4321, 739, 739_u32]
            .iter()
            .flat_map(|w| w.to_ne_bytes())
            .collect();
        let info = BbrInfo::decode(&raw).unwrap();
        assert_eq!(info.bandwidth, (1 << 32) + 1);
        assert_eq!((info.min_rtt, info.pacing_gain), (4321, 739));
        assert_eq!(BbrInfo::decode(&raw[..19]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_or_refused(raw in proptest::collection::vec(any::<u8>(), 0..260)) {
            prop_assert_eq!(TcpInfo::decode(&raw).is_some(), raw.len() >= LEAST_BYTES);
            let _ = BbrInfo::decode(&raw);
        }
    }
}
