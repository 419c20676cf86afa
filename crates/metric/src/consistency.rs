//! Untrusted in, [`Verified`] out: signature, key, validity, binding, and
//! whether what the client claims can be true given what the site saw.

use jiff::Timestamp;

use crate::bins::BIN;
use crate::goodput::{self, Estimate, Mode};
use crate::key::{Purpose, RegisteredKey};
use crate::receipt::{ReceiptV1, SubtestRecord};
use crate::submission::{ObservedSubtest, Submission};
use crate::unit::{BitRate, Micros};

/// A submission whose receipt holds and whose claims agree with it. Only
/// [`verify`] makes one, and the store takes nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    submission: Submission,
    purpose: Purpose,
    mode: Mode,
}

impl Verified {
    /// Mode the test was measured by.
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// What it was measured by.
    pub const fn law(&self) -> Law {
        Law {
            edition: self.submission.receipt.method,
            mode: self.mode,
        }
    }

    /// The checked submission.
    pub const fn submission(&self) -> &Submission {
        &self.submission
    }

    /// The signed receipt.
    pub const fn receipt(&self) -> &ReceiptV1 {
        &self.submission.receipt
    }

    /// What the key that signed may sign.
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }
}

/// Turns an untrusted submission into a [`Verified`] one.
///
/// `key_of` looks a key up by its id. The address prefix of the receipt is
/// enforced by the site on every connection; where a submission is sent from
/// says nothing, because a queue empties from wherever the phone is by then.
///
/// # Errors
///
/// [`Invalid`] says what fails; the caller counts it.
pub fn verify(
    submission: Submission,
    key_of: impl FnOnce(&str) -> Option<RegisteredKey>,
    now: Timestamp,
) -> Result<Verified, Invalid> {
    let receipt = &submission.receipt;
    let key = key_of(&receipt.key_id).ok_or(Invalid::UnknownKey)?;
    let checks = [
        (receipt.is_signed_by(&key.public_key), Invalid::Signature),
        (key.is_valid(receipt.issued_at), Invalid::KeyNotValid),
        (receipt.method <= crate::METHOD, Invalid::Method),
        (receipt.is_well_formed(), Invalid::Method),
        (now < receipt.expires_at, Invalid::Expired),
        (receipt.is_bound_to(&submission.nonce), Invalid::Nonce),
        (key.site == receipt.site, Invalid::KeyNotValid),
    ];
    if let Some((_, why)) = checks.into_iter().find(|(holds, _)| !holds) {
        return Err(why);
    }
    let mode = Mode::of_name(&receipt.mode).ok_or(Invalid::Method)?;
    let law = Law {
        edition: receipt.method,
        mode,
    };
    agree(law, &submission)?;
    Ok(Verified {
        submission,
        purpose: key.purpose,
        mode,
    })
}

/// Why a receipt was turned away.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// Nobody registered the key.
    #[error("the key that signed the receipt is not registered here")]
    UnknownKey,
    /// The key was not valid then, or belongs to another site.
    #[error("the key was not valid for this site when the receipt was signed")]
    KeyNotValid,
    /// The signature does not cover the members.
    #[error("the signature does not match: the receipt was altered")]
    Signature,
    /// Its time is over.
    #[error("the receipt has expired")]
    Expired,
    /// The nonce is not the tester's.
    #[error("the nonce does not belong to this receipt")]
    Nonce,
    /// The methodology is newer than this reader, or the parts disagree.
    #[error("the receipt follows a method that is not known here")]
    Method,
    /// The client claims what the site did not see.
    #[error("{0}")]
    Contradiction(Contradiction),
}

impl Invalid {
    /// The name in problems and counters.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::UnknownKey => "unknown_key",
            Self::KeyNotValid => "key_not_valid",
            Self::Signature => "signature",
            Self::Expired => "expired",
            Self::Nonce => "nonce",
            Self::Method => "method",
            Self::Contradiction(_) => "contradiction",
        }
    }
}

/// A claim that the site's own record does not allow.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("observed.{field}: {expected}")]
pub struct Contradiction {
    /// The member at fault, below `observed`.
    pub field: &'static str,
    /// What it may be.
    pub expected: &'static str,
}

/// Slack for what is on its way between kernel and program.
const SLACK_BYTES: u64 = 256 * 1024;

fn agree(law: Law, submission: &Submission) -> Result<(), Invalid> {
    let (receipt, observed) = (&submission.receipt, &submission.observed);
    if let Some(claim) = &observed.download {
        let seen = receipt
            .download
            .as_ref()
            .ok_or_else(|| not("download", "the site saw no download"))?;
        download_agrees(law, claim, seen)?;
    }
    if let Some(claim) = &observed.upload {
        let seen = receipt
            .upload
            .as_ref()
            .ok_or_else(|| not("upload", "the site saw no upload"))?;
        let computed = upload(law, seen).map(|e| e.goodput);
        require(
            same(claim.goodput_bits_per_second, computed),
            "upload.goodput_bits_per_second",
            "must follow from the bins of the receipt",
        )?;
    }
    let too_short = |(idle, least): (Micros, Micros)| idle.0 + 1_000 < least.0 / 2;
    let impossible = observed
        .idle_rtt()
        .zip(receipt.min_rtt())
        .is_some_and(too_short);
    require(
        !impossible,
        "idle",
        "must not be shorter than half the least round trip the site's kernel saw",
    )
}

fn download_agrees(law: Law, claim: &ObservedSubtest, seen: &SubtestRecord) -> Result<(), Invalid> {
    let computed = download(law, claim, seen).map(|e| e.goodput);
    require(
        same(claim.goodput_bits_per_second, computed),
        "download.goodput_bits_per_second",
        "must follow from what arrived, else from observed.download.bins_bytes",
    )?;
    let most = seen.bytes().saturating_add(seen.bytes() / 50 + SLACK_BYTES);
    require(
        claim.bytes <= most,
        "download.bytes",
        "must not exceed what the client's kernel acknowledged to the site",
    )?;
    let span = Micros(claim.bins_bytes.len() as u64 * BIN.0);
    require(
        span.0 <= seen.duration_us.0 + 1_000_000,
        "download.bins_bytes",
        "must not last longer than the site served it",
    )?;
    if seen.arrived().is_some() {
        // The site's own series: nothing of it is the client's claim.
        return Ok(());
    }
    let claimed = claimed_rate(law, claim);
    require(
        claimed.is_none_or(|(rate, length)| rate <= ceiling(seen, length)),
        "download.bins_bytes",
        "must not exceed the best span of that length in the receipt",
    )
}

/// Rate of the window that the claim is estimated from.
fn claimed_rate(law: Law, claim: &ObservedSubtest) -> Option<(BitRate, usize)> {
    let start = goodput::ramp_end(&claim.bins_bytes)?;
    let stop = goodput::stop_point_of(law.edition, law.mode, &claim.bins_bytes);
    let end = stop.map_or(claim.bins_bytes.len(), |(end, _)| end);
    let window = claim.bins_bytes.get(start..end)?;
    Some((rate(window)?, window.len()))
}

/// The highest rate a client can have received over a window of so many bins:
/// the site's best span of that length, with 10 % and a buffer's slack.
fn ceiling(seen: &SubtestRecord, length: usize) -> BitRate {
    let best = seen
        .bins_bytes
        .windows(length.min(seen.bins_bytes.len()).max(1))
        .filter_map(rate)
        .max()
        .map_or(0, |best| best.0);
    let slack = BitRate::over(SLACK_BYTES, Micros(length as u64 * BIN.0));
    let slack = slack.map_or(0, |slack| slack.0);
    BitRate(best.saturating_add(best / 10).saturating_add(slack))
}

fn rate(bins: &[u64]) -> Option<BitRate> {
    BitRate::over(goodput::sum(bins), Micros(bins.len() as u64 * BIN.0))
}

/// What a receipt says its test was measured by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Law {
    /// Edition of the method.
    pub edition: u16,
    /// Mode of the method.
    pub mode: Mode,
}

/// The centre's own estimate of a download: from what the site saw arrive;
/// where its kernel does not tell, from the client's bins.
///
/// What the client says has failed has no speed, even where its first bins
/// would give one.
pub fn download(law: Law, claim: &ObservedSubtest, seen: &SubtestRecord) -> Option<Estimate> {
    if claim.stop_reason == goodput::StopReason::Failed {
        return None;
    }
    let bins = seen.arrived().unwrap_or(&claim.bins_bytes);
    goodput::estimate_of(law.edition, law.mode, bins, seen.is_capped())
}

/// The centre's own estimate of an upload: from what arrived at the site;
/// where its kernel does not tell, from what its program read.
pub fn upload(law: Law, seen: &SubtestRecord) -> Option<Estimate> {
    let bins = seen.arrived().unwrap_or_else(|| seen.complete_bins());
    goodput::estimate_of(law.edition, law.mode, bins, seen.is_capped())
}

/// Whether a claimed and a computed rate are the same within 1 %.
const fn same(claimed: Option<BitRate>, computed: Option<BitRate>) -> bool {
    match (claimed, computed) {
        (Some(BitRate(claimed)), Some(BitRate(computed))) => {
            claimed.abs_diff(computed) <= computed / 100 + 1
        }
        (None, _) => true,
        (Some(_), None) => false,
    }
}

const fn not(field: &'static str, expected: &'static str) -> Invalid {
    Invalid::Contradiction(Contradiction { field, expected })
}

const fn require(holds: bool, field: &'static str, expected: &'static str) -> Result<(), Invalid> {
    if holds {
        Ok(())
    } else {
        Err(not(field, expected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SiteKey;
    use crate::receipt::Stop;
    use crate::submission::{App, Context, Observed, Version};

    const NONCE: &str = "00112233445566778899aabbccddeeff";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn key() -> SiteKey {
        SiteKey::from_seed(&[1; 32])
    }

    fn registered() -> RegisteredKey {
        RegisteredKey {
            public_key: key().public(),
            site: "demo".into(),
            purpose: Purpose::Measurement,
            valid_from: at("2024-01-01T00:00:00Z"),
            valid_to: None,
        }
    }

    fn record(mut record: SubtestRecord, per_bin: u64) -> SubtestRecord {
        record.bins_bytes = vec![per_bin; 120];
        record.duration_us = Micros(12_000_000);
        (record.srtt_us, record.retransmitted_bytes) = (vec![], vec![]);
        record.stop = Stop::Client;
        record
    }

    /// The golden receipt, with 12 s of 40 Mbit/s down and 20 Mbit/s up.
    fn receipt() -> ReceiptV1 {
        let golden = include_str!("../../../testdata/receipt/v1.json");
        let mut receipt: ReceiptV1 = serde_json::from_str(golden).unwrap();
        receipt.method = crate::METHOD;
        receipt.download = receipt.download.map(|r| record(r, 500_000));
        receipt.upload = receipt.upload.map(|r| record(r, 250_000));
        receipt
    }

    fn claim(per_bin: u64) -> ObservedSubtest {
        let bins_bytes = vec![per_bin; 110];
        let estimate = goodput::estimate(Mode::Full, &bins_bytes, false).unwrap();
        ObservedSubtest {
            bin_us: BIN,
            stop_reason: goodput::StopReason::Fixed,
            goodput_bits_per_second: Some(estimate.goodput),
            interval_bits_per_second: estimate.interval,
            p90_bits_per_second: Some(estimate.p90),
            mean_bits_per_second: Some(estimate.mean),
            bytes: bins_bytes.iter().sum(),
            duration_us: Micros(11_000_000),
            ramp_us: Some(estimate.ramp),
            startup_left_us: None,
            lag_share_per_mille: None,
            cpu_share_per_mille: None,
            tcp: vec![],
            bins_bytes,
        }
    }

    fn submission(receipt: ReceiptV1) -> Submission {
        Submission {
            submission: Version::V1,
            receipt: receipt.sign(&key()).unwrap(),
            nonce: NONCE.into(),
            observed: Observed {
                download: Some(claim(495_000)),
                upload: Some(claim(250_000)),
                ..Observed::default()
            },
            context: Context {
                measured_at: at("2024-11-08T02:00:00Z"),
                position: None,
                network: None,
                technology: None,
                operator: None,
                device: "0123456789".into(),
                unit: None,
                app: App {
                    name: "cli".into(),
                    version: "0.1.0".into(),
                },
                mock_location: None,
                roaming: None,
                mcc_mnc: None,
            },
        }
    }

    fn outcome(submission: Submission) -> Result<Purpose, &'static str> {
        let now = at("2024-11-08T03:00:00Z");
        let verified = verify(submission, |_| Some(registered()), now);
        verified.map(|v| v.purpose()).map_err(|e| e.name())
    }

    #[test]
    fn an_honest_submission_is_verified() {
        assert_eq!(outcome(submission(receipt())), Ok(Purpose::Measurement));
    }

    #[test]
    fn a_receipt_altered_after_signing_is_refused() {
        let mut altered = submission(receipt());
        altered.receipt.upload.as_mut().unwrap().bins_bytes[7] += 1;
        assert_eq!(outcome(altered), Err("signature"));
    }

    #[test]
    fn ten_times_the_speed_is_refused() {
        let claims = |download: ObservedSubtest| {
            let mut lie = submission(receipt());
            lie.observed.download = Some(download);
            outcome(lie)
        };
        let mut number_only = claim(500_000);
        number_only.goodput_bits_per_second = Some(BitRate(400_000_000));
        assert_eq!(claims(number_only), Err("contradiction"));
        assert_eq!(claims(claim(5_000_000)), Err("contradiction"));
        assert_eq!(claims(claim(560_000)), Err("contradiction"), "12 % more");
        assert_eq!(
            claims(claim(502_000)),
            Ok(Purpose::Measurement),
            "within a buffer"
        );
    }

    #[test]
    fn bytes_moved_into_the_window_do_not_help() {
        // The sum is what the site saw, but packed into half the time.
        let mut packed = claim(1_000_000);
        packed.bins_bytes = [vec![1_000_000; 8], vec![1_000_000; 46], vec![1; 56]].concat();
        let estimate = goodput::estimate(Mode::Full, &packed.bins_bytes, false).unwrap();
        packed.goodput_bits_per_second = Some(estimate.goodput);
        packed.bytes = packed.bins_bytes.iter().sum();
        let mut lie = submission(receipt());
        lie.observed.download = Some(packed);
        // The mean over the whole window is not above what the site saw.
        assert_eq!(outcome(lie), Ok(Purpose::Measurement));
    }

    #[test]
    fn an_upload_is_what_the_site_counted() {
        let mut lie = submission(receipt());
        lie.observed
            .upload
            .as_mut()
            .unwrap()
            .goodput_bits_per_second = Some(BitRate(200_000_000));
        assert_eq!(outcome(lie), Err("contradiction"));
    }

    #[test]
    fn a_direction_the_site_never_saw_is_refused() {
        let mut receipt = receipt();
        receipt.download = None;
        assert_eq!(outcome(submission(receipt)), Err("contradiction"));
    }

    #[test]
    fn a_round_trip_shorter_than_the_kernel_saw_is_refused() {
        let mut lie = submission(receipt());
        let probes = |us: u32| crate::delay::Probes {
            sent: 1,
            received: 1,
            rtt_us: vec![us],
        };
        lie.observed.idle = Some(probes(500));
        assert_eq!(
            outcome(lie.clone()),
            Err("contradiction"),
            "min_rtt is 8011 µs"
        );
        lie.observed.idle = Some(probes(8_000));
        assert_eq!(outcome(lie), Ok(Purpose::Measurement));
    }

    #[test]
    fn every_mode_is_verified_by_its_own_rule() {
        for mode in Mode::ALL {
            let mut receipt = receipt();
            receipt.mode = mode.name().into();
            assert_eq!(
                outcome(submission(receipt)),
                Ok(Purpose::Measurement),
                "{mode:?}"
            );
        }
        let mut unknown = receipt();
        unknown.mode = "warp".into();
        assert_eq!(outcome(submission(unknown)), Err("method"));
    }

    #[test]
    fn a_borrowed_receipt_is_refused() {
        let mut borrowed = submission(receipt());
        borrowed.nonce = "ffffffffffffffffffffffffffffffff".into();
        assert_eq!(outcome(borrowed), Err("nonce"));
    }

    #[test]
    fn time_is_checked() {
        let check = |now: &str, key: RegisteredKey| {
            let verified = verify(submission(receipt()), |_| Some(key), at(now));
            verified.map(|_| ()).map_err(|e| e.name())
        };
        assert_eq!(check("2024-12-08T02:00:31Z", registered()), Ok(()));
        assert_eq!(check("2024-12-08T02:00:32Z", registered()), Err("expired"));
        let retired = RegisteredKey {
            valid_to: Some(at("2024-11-08T02:00:00Z")),
            ..registered()
        };
        assert_eq!(check("2024-11-08T03:00:00Z", retired), Err("key_not_valid"));
        let elsewhere = RegisteredKey {
            site: "other".into(),
            ..registered()
        };
        assert_eq!(
            check("2024-11-08T03:00:00Z", elsewhere),
            Err("key_not_valid")
        );
    }

    #[test]
    fn an_unknown_key_signs_nothing() {
        let verified = verify(submission(receipt()), |_| None, at("2024-11-08T03:00:00Z"));
        assert_eq!(verified.unwrap_err(), Invalid::UnknownKey);
        let mut foreign = registered();
        foreign.public_key = SiteKey::from_seed(&[9; 32]).public();
        let verified = verify(
            submission(receipt()),
            |_| Some(foreign),
            at("2024-11-08T03:00:00Z"),
        );
        assert_eq!(verified.unwrap_err(), Invalid::Signature);
    }
}
