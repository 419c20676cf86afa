//! One test, from session to receipt.

use std::time::Duration;

use metric::delay::Probes;
use metric::goodput::{Mode, StopReason};
use metric::receipt::{ReceiptV1, SubtestRecord};
use metric::submission::{Network, Observed, ObservedSubtest};
use metric::unit::{BitRate, Micros};
use wire::native::message::{DataNotice, SessionReply, SessionRequest, Subtest};
use wire::native::spec;

use crate::arrivals::Told;
use crate::beside::{Beside, Part};
use crate::http::Base;
use crate::latency::Latency;
use crate::trouble::Trouble;
use crate::{Error, direction, download, upload};

/// What a test is to be.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Mode of the method; the site's default when absent.
    pub mode: Option<String>,
    /// The access, if known.
    pub network: Option<Network>,
    /// Whether the person pays for data, or wants to save them.
    pub metered: bool,
    /// Whether loss is measured by a train of 5 s and 50 kB each way, if the
    /// site answers by UDP; never where `metered`.
    pub train: bool,
}

/// How far a test is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress<'a> {
    /// A site answers.
    Session {
        /// Its name.
        site: &'a str,
        /// What the test may cost; absent where the site does not say.
        data: Option<&'a DataNotice>,
        /// Whether it runs mode `full` for its audit.
        audit: bool,
    },
    /// Probes before any load.
    Idle,
    /// The download runs: rate of the last half second, time since its start.
    Download(BitRate, Micros),
    /// The upload runs: the same, by the site's counters.
    Upload(BitRate, Micros),
    /// The receipt is being fetched.
    Receipt,
    /// The same, and loss is measured by UDP.
    Loss,
}

/// What a test came to. What was not measured is absent.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The session it ran in.
    pub session: SessionReply,
    /// What the client saw.
    pub observed: Observed,
    /// The site's signed receipt; absent when the site could not be asked.
    pub receipt: Option<ReceiptV1>,
    /// Why a part is missing, the first that went wrong; `None` where all is well.
    pub trouble: Option<Trouble>,
}

impl Outcome {
    /// Whether both directions gave an estimate and the site signed.
    pub fn is_complete(&self) -> bool {
        let given = |subtest: &Option<ObservedSubtest>| {
            subtest
                .as_ref()
                .is_some_and(|s| s.goodput_bits_per_second.is_some())
        };
        self.receipt.is_some() && given(&self.observed.download) && given(&self.observed.upload)
    }

    /// Payload that went over the line, both ways: what the site signed, or
    /// what was seen here where that is more, as bytes still on their way when
    /// a direction ended are.
    pub fn used_bytes(&self) -> u64 {
        let signed = |record: Option<&SubtestRecord>| record.map_or(0, SubtestRecord::bytes);
        let seen = |subtest: &Option<ObservedSubtest>| subtest.as_ref().map_or(0, |s| s.bytes);
        let receipt = self.receipt.as_ref();
        let download = signed(receipt.and_then(|r| r.download.as_ref()));
        let upload = signed(receipt.and_then(|r| r.upload.as_ref()));
        download.max(seen(&self.observed.download)) + upload.max(seen(&self.observed.upload))
    }
}

/// Runs a test. Cancel by dropping the future.
///
/// # Errors
///
/// [`Error`] when no test could be begun. A test that breaks later is not an
/// error: its [`Outcome`] holds what was measured.
pub async fn run(
    base: &Base,
    plan: &Plan,
    tell: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Outcome, Error> {
    let request = SessionRequest {
        mode: plan.mode.clone(),
        network: plan.network,
        metered: plan.metered,
    };
    let (_, session) = base
        .post::<SessionReply>(spec::SESSION_PATH, None, &request)
        .await?;
    let mode = Mode::of_name(&session.mode).ok_or_else(|| {
        Error::Blocked(format!("mode {:?} is newer than this client", session.mode))
    })?;
    tell(Progress::Session {
        site: &session.site,
        data: session.data.as_ref(),
        audit: session.audit,
    });
    let mut latency = Latency::open(base, &session.token).await?;
    let mut probes = Beside::open(&latency, &session).await;
    let told = Told::open(base, &session).await?;
    tell(Progress::Idle);
    probes.begin(Part::Idle, session.parameters.idle_probes);
    let idle = latency.idle(&session.parameters).await;
    let downloading = |rate, at| tell(Progress::Download(rate, at));
    let load = download::run(base, &session, mode, &told, &downloading);
    probes.begin(Part::Download, u32::MAX);
    let (down, working_download) = latency.working(&session.parameters, load).await;
    probes.stop();
    let mut trouble = down.trouble;
    // A line that died is not asked to carry another direction.
    let line_lives = down.why != StopReason::Failed;
    let (mut up, mut working_upload) = (None, Probes::default());
    if line_lives {
        let uploading = |rate, at| tell(Progress::Upload(rate, at));
        let load = upload::run(base, &session, mode, &told, &uploading);
        probes.begin(Part::Upload, u32::MAX);
        let (ended, sample) = latency.working(&session.parameters, load).await;
        probes.stop();
        let ended = ended?;
        trouble = trouble.or(ended.seen.trouble);
        (up, working_upload) = (Some(ended), sample);
    }
    let train = plan.train && !plan.metered && trouble.is_none() && session.udp.is_some();
    tell(if train {
        Progress::Loss
    } else {
        Progress::Receipt
    });
    let (receipt, ()) = tokio::join!(receipt(base, &session), probes.finish(train));
    let receipt = receipt.and_then(|receipt| can_be_true(receipt, up.as_ref()));
    trouble = trouble.or_else(|| receipt.as_ref().err().copied());
    let receipt = receipt.ok();
    let signed = |pick: fn(&ReceiptV1) -> Option<&SubtestRecord>| pick(receipt.as_ref()?);
    let (seen_down, seen_up) = (
        signed(|receipt| receipt.download.as_ref()),
        signed(|receipt| receipt.upload.as_ref()),
    );
    let arrived = arrived(seen_down, &told, Subtest::Download);
    let down = direction::observed(mode, down, arrived.as_deref());
    let up = up.map(|ended| uploaded(mode, ended, seen_up, &told));
    let observed = Observed {
        download: begun(down),
        upload: up.and_then(begun),
        idle: sent(idle),
        working_download: sent(working_download),
        working_upload: sent(working_upload),
        ..probes.observed()
    };
    Ok(Outcome {
        session,
        observed,
        receipt,
        trouble,
    })
}

/// How long the receipt is asked for; with the time after which a silent line
/// counts as dead, a test whose line dies is over within 15 s.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Asks for the receipt until it is there, or will not be.
async fn receipt(base: &Base, session: &SessionReply) -> Result<ReceiptV1, Trouble> {
    let asked = tokio::time::timeout(LAST_WORDS, ask(base, session)).await;
    let receipt = asked.unwrap_or(Err(Trouble::Offline))?;
    // A receipt of another test is no receipt.
    if receipt.test_id == session.test_id {
        Ok(receipt)
    } else {
        Err(Trouble::SiteError)
    }
}

async fn ask(base: &Base, session: &SessionReply) -> Result<ReceiptV1, Trouble> {
    let path = format!("{}/{}/receipt", spec::SESSION_PATH, session.test_id);
    loop {
        let asked = base
            .post::<ReceiptV1>(&path, Some(&session.token), &())
            .await;
        match asked {
            Ok((_, receipt)) => return Ok(receipt),
            Err(error @ (Error::Refused(_) | Error::Blocked(_))) => return Err((&error).into()),
            // Another try may find the line, or the site, back.
            Err(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// A receipt that signs more upload than was ever sent, or comes from a site
/// that told so on the way, is not handed on.
/// Arrivals are counted in whole segments, which is a little more.
fn can_be_true(receipt: ReceiptV1, up: Option<&upload::Ended>) -> Result<ReceiptV1, Trouble> {
    let sent = up.map_or(0, upload::Ended::sent_bytes);
    let sum = |bins: &[u64]| bins.iter().fold(0, |sum: u64, &b| sum.saturating_add(b));
    let signed = receipt.upload.as_ref();
    let counted = signed.map_or(0, SubtestRecord::bytes);
    let arrived = signed.and_then(SubtestRecord::arrived).map_or(0, sum);
    let lied = up.is_some_and(|up| up.seen.trouble == Some(Trouble::SiteError));
    if !lied && counted <= sent && arrived <= sent.saturating_add(sent / 10 + (1 << 20)) {
        Ok(receipt)
    } else {
        Err(Trouble::SiteError)
    }
}

/// What had arrived, as the site signed it; what it told on the way stands in
/// only where there is no receipt, and then for nobody but this device.
fn arrived(signed: Option<&SubtestRecord>, told: &Told, subtest: Subtest) -> Option<Vec<u64>> {
    match signed {
        Some(signed) => signed.arrived().map(<[u64]>::to_vec),
        None => told.bins(subtest),
    }
}

/// The upload, counted by the site and nobody else.
fn uploaded(
    mode: Mode,
    ended: upload::Ended,
    signed: Option<&SubtestRecord>,
    told: &Told,
) -> ObservedSubtest {
    let mut seen = ended.seen;
    if let Some(upload) = signed {
        seen.bins_bytes = upload.complete_bins().to_vec();
    }
    let arrived = arrived(signed, told, Subtest::Upload);
    direction::observed(mode, seen, arrived.as_deref())
}

/// A direction that never carried a byte was not measured.
fn begun(subtest: ObservedSubtest) -> Option<ObservedSubtest> {
    (subtest.bytes > 0 || subtest.stop_reason != StopReason::Failed).then_some(subtest)
}

fn sent(probes: Probes) -> Option<Probes> {
    (probes.sent > 0).then_some(probes)
}
