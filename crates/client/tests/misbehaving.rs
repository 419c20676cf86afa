//! Lines that die, sites that restart and sites that lie: each has a name, and
//! none gives a number that looks right and is wrong.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod sites;

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use client::{Error, Outcome, Trouble};
use metric::goodput::StopReason;
use metric::submission::ObservedSubtest;
use sites::{Fault, Site, TEST, World, count, echo, http, pump, receipt, run};
use wire::native::message::UploadCount;

const A_WHILE: Duration = Duration::from_millis(1_200);

/// Checks that a part was begun and is kept, and is no speed.
#[track_caller]
fn is_incomplete(subtest: Option<&ObservedSubtest>) {
    let subtest = subtest.expect("what was measured is kept");
    assert!(subtest.bytes > 0, "{subtest:?}");
    assert_eq!(subtest.goodput_bits_per_second, None);
    assert_eq!(subtest.stop_reason, StopReason::Failed);
}

#[track_caller]
fn is_measured(subtest: Option<&ObservedSubtest>) {
    assert!(
        subtest.is_some_and(|s| s.goodput_bits_per_second.is_some()),
        "{subtest:?}"
    );
}

#[track_caller]
fn ended(outcome: &Outcome, trouble: Trouble) {
    assert_eq!(outcome.trouble, Some(trouble));
    assert!(!outcome.is_complete());
}

struct Honest;
impl Site for Honest {}

#[test]
fn an_honest_site_is_no_trouble() {
    let outcome = run(Honest).unwrap();
    assert_eq!(outcome.trouble, None);
    assert!(outcome.is_complete(), "{outcome:?}");
}

struct DiesIdle;
impl Site for DiesIdle {
    fn latency(&self, stream: TcpStream, world: &World) {
        echo(stream, world, 5);
    }
}

#[test]
fn a_line_that_dies_while_idle() {
    let outcome = run(DiesIdle).unwrap();
    ended(&outcome, Trouble::Offline);
    let idle = outcome.observed.idle.as_ref().unwrap();
    assert_eq!((idle.sent, idle.received), (20, 5));
    assert_eq!(outcome.observed.idle_rtt(), None, "most were lost");
    assert_eq!(
        (outcome.observed.download, outcome.observed.upload),
        (None, None)
    );
    assert_eq!(outcome.receipt, None);
}

struct DiesInDownload(Fault);
impl Site for DiesInDownload {
    fn download(&self, stream: TcpStream, world: &World) {
        if let Some(stream) = pump(stream, world, A_WHILE) {
            world.strike(self.0);
            world.lose(stream);
        }
    }
}

#[test]
fn a_line_that_dies_in_the_download() {
    let outcome = run(DiesInDownload(Fault::Silent)).unwrap();
    ended(&outcome, Trouble::Offline);
    is_incomplete(outcome.observed.download.as_ref());
    assert!(
        outcome.observed.idle_rtt().is_some(),
        "what came before stands"
    );
    assert_eq!((outcome.observed.upload, outcome.receipt), (None, None));
}

#[test]
fn a_site_that_restarts_in_the_download() {
    let outcome = run(DiesInDownload(Fault::Restarted)).unwrap();
    ended(&outcome, Trouble::Cut);
    is_incomplete(outcome.observed.download.as_ref());
    assert_eq!((outcome.observed.upload, outcome.receipt), (None, None));
}

struct DiesInUpload(Fault);
impl Site for DiesInUpload {
    fn upload(&self, stream: TcpStream, world: &World) {
        if let Some(stream) = count(stream, world, A_WHILE, |count| vec![count]) {
            world.strike(self.0);
            world.lose(stream);
        }
    }
}

#[test]
fn a_line_that_dies_in_the_upload() {
    let outcome = run(DiesInUpload(Fault::Silent)).unwrap();
    ended(&outcome, Trouble::Offline);
    is_measured(outcome.observed.download.as_ref());
    is_incomplete(outcome.observed.upload.as_ref());
    assert_eq!(outcome.receipt, None);
}

#[test]
fn a_site_that_restarts_in_the_upload() {
    let outcome = run(DiesInUpload(Fault::Restarted)).unwrap();
    ended(&outcome, Trouble::Cut);
    is_measured(outcome.observed.download.as_ref());
    is_incomplete(outcome.observed.upload.as_ref());
    assert_eq!(outcome.receipt, None);
}

struct RestartsIdle;
impl Site for RestartsIdle {
    fn latency(&self, _: TcpStream, world: &World) {
        world.strike(Fault::Restarted);
    }
}

#[test]
fn a_site_that_restarts_while_idle_no_longer_knows_the_test() {
    let outcome = run(RestartsIdle).unwrap();
    ended(&outcome, Trouble::SiteError);
    assert_eq!((outcome.observed.download, outcome.receipt), (None, None));
}

struct Portal(&'static str, &'static str);
impl Site for Portal {
    fn answer(&self, kind: &str) -> Option<String> {
        (kind == self.0).then(|| http(self.1, "text/html", "<h1>Đăng nhập Wi-Fi</h1>"))
    }

    fn receipt(&self) -> String {
        "<h1>Đăng nhập Wi-Fi</h1>".into()
    }
}

#[test]
fn a_portal_that_comes_after_the_session() {
    for status in ["200 OK", "302 Found"] {
        assert!(matches!(
            run(Portal("latency", status)),
            Err(Error::Blocked(_))
        ));
    }
}

#[test]
fn a_portal_that_comes_in_the_middle() {
    let outcome = run(Portal("download", "302 Found")).unwrap();
    ended(&outcome, Trouble::Blocked);
    assert!(outcome.observed.idle_rtt().is_some());
    assert_eq!((outcome.observed.download, outcome.receipt), (None, None));
}

#[test]
fn a_portal_that_comes_before_the_receipt() {
    let outcome = run(Portal("nothing", "")).unwrap();
    ended(&outcome, Trouble::Blocked);
    is_measured(outcome.observed.download.as_ref());
    assert_eq!(outcome.receipt, None);
}

/// Sends these bytes in the middle of a download that was fine until then.
struct Garbage(&'static [u8]);
impl Site for Garbage {
    fn download(&self, stream: TcpStream, world: &World) {
        if let Some(mut stream) = pump(stream, world, A_WHILE) {
            let _ = stream.write_all(self.0);
            pump(stream, world, Duration::MAX);
        }
    }
}

#[test]
fn garbage_is_no_payload() {
    let reserved: &[u8] = &[0xf2, 0x05];
    let masked: &[u8] = &[0x82, 0x81, 1, 2, 3, 4, 5];
    let endless: &[u8] = &[0x82, 0x7f, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    let html: &[u8] = b"<html>502 Bad Gateway</html>";
    for garbage in [reserved, masked, endless, html] {
        let outcome = run(Garbage(garbage)).unwrap();
        ended(&outcome, Trouble::SiteError);
        is_incomplete(outcome.observed.download.as_ref());
        assert_eq!(outcome.observed.upload, None);
    }
}

struct IgnoresCap;
impl Site for IgnoresCap {
    const SESSION: (&'static str, u64) = ("full", 1_000_000);
}

#[test]
fn a_site_that_sends_beyond_its_own_cap() {
    let outcome = run(IgnoresCap).unwrap();
    ended(&outcome, Trouble::SiteError);
    is_incomplete(outcome.observed.download.as_ref());
}

struct Counts(fn(UploadCount) -> Vec<UploadCount>);
impl Site for Counts {
    fn upload(&self, stream: TcpStream, world: &World) {
        count(stream, world, Duration::MAX, self.0);
    }
}

#[test]
fn a_site_that_lies_about_the_upload() {
    let more = |count: UploadCount| {
        let bytes = count.bytes * 3 + 10_000_000;
        vec![UploadCount { bytes, ..count }]
    };
    let twice = |count| vec![count, count];
    let ahead = |count: UploadCount| {
        let bin = count.bin + 100;
        vec![UploadCount { bin, ..count }]
    };
    let lies: [fn(UploadCount) -> Vec<UploadCount>; 3] = [more, twice, ahead];
    for lie in lies {
        let outcome = run(Counts(lie)).unwrap();
        ended(&outcome, Trouble::SiteError);
        is_measured(outcome.observed.download.as_ref());
        let upload = outcome
            .observed
            .upload
            .and_then(|up| up.goodput_bits_per_second);
        assert_eq!(upload, None);
    }
}

struct Signs(&'static str, u64);
impl Site for Signs {
    fn receipt(&self) -> String {
        receipt(self.0, Some(self.1))
    }
}

#[test]
fn a_receipt_over_more_than_was_sent_is_not_handed_on() {
    let outcome = run(Signs(TEST, 1 << 50)).unwrap();
    ended(&outcome, Trouble::SiteError);
    assert_eq!(outcome.receipt, None);
    let told = outcome.observed.upload.unwrap();
    assert!(
        told.bytes < 1 << 40,
        "what was told on the way could be true"
    );
}

#[test]
fn a_receipt_of_another_test_is_none() {
    let outcome = run(Signs("0192e6a1-7c5a-7d3e-9f00-2b6f1c5e8a12", 1)).unwrap();
    ended(&outcome, Trouble::SiteError);
    assert_eq!(outcome.receipt, None);
}
