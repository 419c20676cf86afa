//! The river's mouth: what gets in, what does not, and what is counted.

use jiff::SignedDuration;
use metric::month::Month;
use metric::receipt::Counted;
use metric::submission::{Network, Submission};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::fixture::{
    BEN_NGHE, Place, at, draft, moved, position, signed, signed_by, simulation_key,
};
use crate::store::verdict::AreaMonth;
use crate::table::Rule;
use metric::area::AreaKey;

fn november() -> Month {
    "2024-11".parse().unwrap()
}

fn ben_nghe() -> AreaMonth {
    AreaMonth {
        area: AreaKey {
            code: "26740".into(),
            valid_from: None,
        },
        month: november(),
        synthetic: false,
    }
}

#[track_caller]
fn accepted(place: &Place, body: &[u8]) -> Value {
    match place.collect(body) {
        Ok(Appended::New(body)) => serde_json::from_str(&body).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Refused with this problem and member, nothing stored, counted once.
#[track_caller]
fn refused(body: &[u8], name: &str, why: Option<&str>, field: Option<&str>) {
    let place = Place::new();
    let Err(Failure::Refused(refused)) = place.collect(body) else {
        panic!("not refused")
    };
    let got = (
        refused.problem.name(),
        refused.why,
        refused.field.as_deref(),
    );
    assert_eq!(got, (name, why, field), "{refused:?}");
    assert!(!refused.detail.is_empty());
    assert_eq!(
        place.store.test_body(draft(1).receipt.test_id).unwrap(),
        None
    );
    let counted = place.store.rejections(november(), false).unwrap();
    assert_eq!(counted.into_iter().collect::<Vec<_>>(), [(name.into(), 1)]);
}

fn refused_draft(change: impl FnOnce(&mut Submission), name: &str, field: &str) {
    let mut submission = draft(1);
    change(&mut submission);
    refused(&signed(submission), name, None, Some(field));
}

#[track_caller]
fn refused_receipt(body: &[u8], why: &str, field: &str) {
    refused(body, "receipt_invalid", Some(why), Some(field));
}

/// The signed draft with one member replaced behind the signature's back.
fn edited(pointer: &str, value: Value) -> Vec<u8> {
    let mut document: Value = serde_json::from_slice(&signed(draft(1))).unwrap();
    *document.pointer_mut(pointer).unwrap() = value;
    serde_json::to_vec(&document).unwrap()
}

#[test]
fn an_honest_test_is_accepted_and_told_where_and_what() {
    let place = Place::new();
    let answer = accepted(&place, &signed(draft(1)));
    let want = json!({
        "test_id": "00000000-0000-0000-0000-000000000001",
        "state": "accepted", "reasons": [],
        "counts_for": ["quota", "ward", "operator", "country"],
        "edition": metric::EDITION, "synthetic": false,
        "measured_at": "2024-11-08T02:00:00.123Z", "received_at": "2024-11-08T02:01:30Z",
        "area": {"code": "26740", "valid_from": null, "valid_to": "2025-07-01",
                 "name": "Bến Nghé", "full_name": "Phường Bến Nghé", "approximate": true},
        "operator": "viettel", "technology": "4g",
        "download_bits_per_second": 48_000_000, "upload_bits_per_second": 20_000_000,
        "download_limited_by": "unknown", "upload_limited_by": "unknown",
        "idle_rtt_us": 24_000, "site": "demo",
    });
    assert_eq!(answer, want);
    let counts = place
        .store
        .quota_counts(&ben_nghe(), Rule::Qualified)
        .unwrap();
    assert_eq!((counts.raw, counts.qualified, counts.devices), (1, 1, 1));
}

#[test]
fn the_same_test_again_gets_the_same_answer_and_counts_once() {
    let place = Place::new();
    let body = signed(draft(1));
    let Ok(Appended::New(first)) = place.collect(&body) else {
        panic!("not stored")
    };
    let later = at("2025-03-01T00:00:00Z"); // long after the receipt expired
    let again = collect(&place.store, &place.tables(), later, &body).unwrap();
    assert_eq!(again, Appended::Known(first.clone()));
    assert_eq!(place.collect(&body).unwrap(), Appended::Known(first));
    let counts = place.store.quota_counts(&ben_nghe(), Rule::Raw).unwrap();
    assert_eq!(counts.raw, 1);
    let counted = place.store.rejections(november(), false).unwrap();
    assert_eq!(counted.get("duplicate"), Some(&1));
}

#[test]
fn a_forged_receipt_is_refused() {
    let upload = json!(250_001);
    let forged = edited("/receipt/upload/bins_bytes/50", upload);
    refused_receipt(&forged, "signature", "receipt.signature");
    let site = edited("/receipt/site", json!("other"));
    refused_receipt(&site, "signature", "receipt.signature");
}

#[test]
fn a_claim_of_ten_times_the_speed_is_refused() {
    let field = "observed.download.goodput_bits_per_second";
    let claim = edited(
        "/observed/download/goodput_bits_per_second",
        json!(480_000_000),
    );
    refused_receipt(&claim, "contradiction", field);
    let mut whole = draft(1);
    let download = whole.observed.download.as_mut().unwrap();
    download.bins_bytes = vec![6_000_000; 120];
    download.bytes *= 10;
    download.goodput_bits_per_second = Some(metric::unit::BitRate(480_000_000));
    refused_receipt(&signed(whole), "contradiction", "observed.download.bytes");
    let mut upload = draft(1);
    let claim = upload.observed.upload.as_mut().unwrap();
    claim.goodput_bits_per_second = Some(metric::unit::BitRate(200_000_000));
    let field = "observed.upload.goodput_bits_per_second";
    refused_receipt(&signed(upload), "contradiction", field);
}

#[test]
fn an_expired_receipt_is_refused() {
    let old = moved(draft(1), at("2024-10-01T02:00:00Z"));
    refused_receipt(&signed(old), "expired", "receipt.expires_at");
}

#[test]
fn a_foreign_key_is_refused() {
    let foreign = metric::key::SiteKey::from_seed(&[1; 32]);
    refused_receipt(
        &signed_by(draft(1), &foreign),
        "unknown_key",
        "receipt.key_id",
    );
    let early = moved(draft(1), at("2023-12-01T00:00:00Z"));
    refused_receipt(&signed(early), "key_not_valid", "receipt.key_id");
}

#[test]
fn a_receipt_with_another_nonce_is_refused() {
    let replayed = edited("/nonce", json!("ffeeddccbbaa99887766554433221100"));
    refused_receipt(&replayed, "nonce", "nonce");
}

#[test]
fn a_later_method_is_refused() {
    let mut later = draft(1);
    later.receipt.method = metric::METHOD + 1;
    refused_receipt(&signed(later), "method", "receipt.method");
}

#[test]
fn a_body_that_is_no_submission_is_refused() {
    refused(&vec![b' '; 10_000_000], "body_too_large", None, None);
    refused(b"{\"submission\": \"\xff\"}", "malformed_body", None, None);
    refused(b"not json", "malformed_body", None, None);
    let field = Some("context.device");
    refused(
        &edited("/context/device", json!(5)),
        "malformed_body",
        None,
        field,
    );
    let field = Some("receipt.download.bins_bytes[3]");
    let body = edited("/receipt/download/bins_bytes/3", json!(-1));
    refused(&body, "malformed_body", None, field);
    let version = edited("/submission", json!("2"));
    refused(&version, "version_unsupported", None, Some("submission"));
    let version = edited("/receipt/receipt", json!("2"));
    refused(
        &version,
        "version_unsupported",
        None,
        Some("receipt.receipt"),
    );
}

#[test]
fn a_missing_or_unknown_member_is_named() {
    let mut document: Value = serde_json::from_slice(&signed(draft(1))).unwrap();
    document["context"]
        .as_object_mut()
        .unwrap()
        .remove("device");
    let missing = serde_json::to_vec(&document).unwrap();
    refused(&missing, "malformed_body", None, Some("context.device"));
    document["context"]["evil"] = json!(1);
    let unknown = serde_json::to_vec(&document).unwrap();
    refused(&unknown, "malformed_body", None, Some("context.evil"));
}

#[test]
fn numbers_that_would_fill_the_memory_are_refused() {
    let mut many = draft(1);
    many.observed.idle.as_mut().unwrap().sent = u32::MAX;
    refused(
        &signed(many),
        "malformed_body",
        None,
        Some("observed.idle.sent"),
    );
    let mut much = draft(1);
    let download = much.observed.download.as_mut().unwrap();
    download.bins_bytes = vec![u64::MAX; 120];
    download.bytes = u64::MAX;
    refused(
        &signed(much),
        "malformed_body",
        None,
        Some("observed.download.bytes"),
    );
}

#[test]
fn an_impossible_position_is_refused() {
    let impossible = |to: (f64, f64), field| {
        let change = |s: &mut Submission| s.context.position = Some(position(to));
        refused_draft(change, "position_impossible", field);
    };
    impossible((0.0, 0.0), "context.position.latitude_degrees");
    impossible((10.78, 2.35), "context.position.longitude_degrees");
    impossible((48.85, 106.7), "context.position.latitude_degrees");
    let vague = |s: &mut Submission| s.context.position.as_mut().unwrap().accuracy_metres = 0.0;
    refused_draft(
        vague,
        "position_impossible",
        "context.position.accuracy_metres",
    );
    for no_number in [json!("NaN"), Value::Null] {
        let body = edited("/context/position/latitude_degrees", no_number);
        let field = Some("context.position.latitude_degrees");
        refused(&body, "position_impossible", None, field);
    }
}

#[test]
fn a_clock_two_days_off_is_refused_and_two_minutes_are_not() {
    for days in [-2, 2] {
        let off =
            |s: &mut Submission| s.context.measured_at += SignedDuration::from_hours(24 * days);
        refused_draft(off, "clock_skewed", "context.measured_at");
    }
    let mut near = draft(1);
    near.context.measured_at += SignedDuration::from_mins(2);
    accepted(&Place::new(), &signed(near));
}

#[test]
fn another_circumstance_out_of_range_is_refused() {
    refused_draft(
        |s| s.context.device = "short".into(),
        "context_invalid",
        "context.device",
    );
    refused_draft(
        |s| s.context.operator = Some("x".repeat(65)),
        "context_invalid",
        "context.operator",
    );
    refused_draft(
        |s| s.context.unit = Some("x".repeat(33)),
        "context_invalid",
        "context.unit",
    );
}

#[track_caller]
fn judged(place: &Place, submission: Submission, state: &str, reasons: &[&str]) -> Value {
    let answer = accepted(place, &signed(submission));
    assert_eq!(
        (&answer["state"], &answer["reasons"]),
        (&json!(state), &json!(reasons))
    );
    answer
}

#[test]
fn an_unfinished_test_has_no_speed_and_never_zero() {
    let mut half = draft(1);
    half.receipt.upload = None;
    half.observed.upload = None;
    let answer = judged(&Place::new(), half, "incomplete", &["incomplete"]);
    assert_eq!(answer.get("upload_bits_per_second"), None);
    assert_eq!(answer["counts_for"], json!([]));
}

#[test]
fn a_device_that_could_not_keep_up_is_out_of_the_figures() {
    let mut starved = draft(1);
    let upload = starved.observed.upload.as_mut().unwrap();
    upload.lag_share_per_mille = Some(400);
    let answer = judged(&Place::new(), starved, "limited", &["client_limited"]);
    assert_eq!(answer["counts_for"], json!(["quota"]));
    assert_eq!(answer["download_limited_by"], "unknown");
    assert_eq!(answer["upload_limited_by"], "client_cpu");
}

#[test]
fn a_test_sent_too_late_or_from_the_future_counts_for_nothing() {
    let old = moved(draft(1), at("2024-11-01T02:01:29Z"));
    judged(&Place::new(), old, "excluded", &["too_old"]);
    let ahead = moved(draft(1), at("2024-11-08T02:03:31Z"));
    judged(&Place::new(), ahead, "excluded", &["from_future"]);
}

#[test]
fn a_fixed_line_is_not_mobile() {
    let mut wifi = draft(1);
    wifi.context.network = Some(Network::Wifi);
    let answer = judged(&Place::new(), wifi, "limited", &["not_mobile"]);
    assert_eq!(answer["technology"], "fixed");
    assert_eq!(answer["counts_for"], json!(["ward", "operator", "country"]));
}

#[test]
fn who_declares_nothing_is_mobile_only_by_a_mobile_address() {
    let place = Place::new();
    let mut silent = draft(1);
    silent.context.network = None;
    judged(&place, silent, "limited", &["not_mobile"]);
    let mut mobile = draft(2);
    mobile.context.network = None;
    mobile.context.technology = None;
    mobile.receipt.client_prefix = "198.51.100.0/24".parse().unwrap();
    let answer = judged(&place, mobile.clone(), "accepted", &[]);
    assert_eq!(answer["technology"], "mobile_other");
    assert_eq!(answer["operator"], "vietnamobile");
    let mut wifi = draft(3);
    wifi.receipt.client_prefix = mobile.receipt.client_prefix;
    wifi.context.network = Some(Network::Wifi);
    judged(&place, wifi, "limited", &["not_mobile"]);
}

#[test]
fn the_address_says_more_of_the_operator_than_the_person() {
    let place = Place::new();
    let mut said = draft(1);
    said.context.operator = Some("MOBIFONE".into());
    assert_eq!(
        accepted(&place, &signed(said.clone()))["operator"],
        "viettel"
    );
    said.receipt.test_id = uuid::Uuid::from_u128(2);
    said.context.device = "device-0002".into();
    said.receipt.client_prefix = "192.0.2.0/24".parse().unwrap();
    assert_eq!(
        accepted(&place, &signed(said.clone()))["operator"],
        "mobifone"
    );
    said.receipt.test_id = uuid::Uuid::from_u128(3);
    said.context.operator = Some("nobody".into());
    assert_eq!(accepted(&place, &signed(said)).get("operator"), None);
}

#[test]
fn a_test_without_a_good_position_lies_in_no_ward() {
    let mut nowhere = draft(1);
    nowhere.context.position = None;
    let answer = judged(&Place::new(), nowhere, "limited", &["unlocated"]);
    assert_eq!(answer.get("area"), None);
    let mut vague = draft(1);
    vague.context.position.as_mut().unwrap().accuracy_metres = 101.0;
    judged(&Place::new(), vague, "limited", &["unlocated"]);
}

#[test]
fn a_test_elsewhere_is_outside() {
    let mut hanoi = draft(1);
    hanoi.context.position = Some(position((21.0285, 105.8542)));
    let answer = judged(&Place::new(), hanoi, "limited", &["outside"]);
    assert_eq!(answer.get("area"), None);
}

#[test]
fn the_area_is_that_of_the_measuring_day() {
    let place = Place::new();
    let (from, now) = (at("2025-07-02T02:00:00Z"), at("2025-07-02T02:01:00Z"));
    let body = signed(moved(draft(1), from));
    let stored = collect(&place.store, &place.tables(), now, &body).unwrap();
    let Appended::New(answer) = stored else {
        panic!("not new")
    };
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["area"]["valid_from"], "2025-07-01");
}

/// A second test of the first one's device, changed, at +`minutes`.
fn second(minutes: i64, change: impl FnOnce(&mut Submission)) -> Submission {
    let to = draft(1).receipt.started_at - SignedDuration::from_mins(minutes);
    let mut second = moved(draft(2), to);
    second.context.device = draft(1).context.device;
    change(&mut second);
    second
}

#[test]
fn a_repeat_is_close_in_time_and_place_of_the_same_access() {
    let check = |second: Submission, reasons: &[&str]| {
        let place = Place::new();
        accepted(&place, &signed(draft(1)));
        let state = if reasons.is_empty() {
            "accepted"
        } else {
            "limited"
        };
        judged(&place, second, state, reasons);
        place
    };
    let place = check(second(14, |_| ()), &["repeat"]);
    let counts = place.store.quota_counts(&ben_nghe(), Rule::Raw).unwrap();
    assert_eq!((counts.raw, counts.qualified), (2, 1));
    let not_counted = place
        .store
        .not_counted(&ben_nghe(), Rule::Qualified)
        .unwrap();
    assert_eq!(not_counted.len(), 1);
    check(second(15, |_| ()), &[]);
    check(second(1, |s| s.context.device = "another-one".into()), &[]);
    check(second(1, |s| s.context.technology = None), &[]);
    let far = (BEN_NGHE.0 + 0.001, BEN_NGHE.1);
    check(second(1, |s| s.context.position = Some(position(far))), &[]);
    let near = (BEN_NGHE.0 + 0.0008, BEN_NGHE.1);
    check(
        second(1, |s| s.context.position = Some(position(near))),
        &["repeat"],
    );
}

#[test]
fn a_fixed_line_repeats_itself_too() {
    let place = Place::new();
    let mut first = draft(1);
    first.context.network = Some(Network::Wifi);
    judged(&place, first, "limited", &["not_mobile"]);
    let again = second(1, |s| s.context.network = Some(Network::Wifi));
    let answer = judged(&place, again, "excluded", &["not_mobile", "repeat"]);
    assert_eq!(answer["counts_for"], json!([]));
}

#[test]
fn only_a_test_that_counts_makes_another_a_repeat() {
    let place = Place::new();
    let mut half = draft(1);
    half.receipt.upload = None;
    half.observed.upload = None;
    judged(&place, half, "incomplete", &["incomplete"]);
    judged(&place, second(1, |_| ()), "accepted", &[]);
}

#[test]
fn a_simulation_is_kept_apart() {
    let place = Place::new();
    let mut synthetic = draft(1);
    synthetic.receipt.site = "simulation".into();
    let answer = accepted(&place, &signed_by(synthetic.clone(), &simulation_key()));
    assert_eq!(answer["synthetic"], true);
    let real = place.store.quota_counts(&ben_nghe(), Rule::Raw).unwrap();
    assert_eq!(real.raw, 0);
    let simulated = AreaMonth {
        synthetic: true,
        ..ben_nghe()
    };
    let counts = place.store.quota_counts(&simulated, Rule::Raw).unwrap();
    assert_eq!(counts.raw, 1);
    synthetic.nonce = "x".into();
    synthetic.receipt.test_id = uuid::Uuid::from_u128(2);
    place
        .collect(&signed_by(synthetic, &simulation_key()))
        .unwrap_err();
    assert!(
        place
            .store
            .rejections(november(), false)
            .unwrap()
            .is_empty()
    );
    assert_eq!(place.store.area_rejections(&simulated).unwrap().len(), 1);
}

#[test]
fn a_refusal_is_counted_where_it_claimed_to_be() {
    let place = Place::new();
    place.collect(&edited("/nonce", json!("x"))).unwrap_err();
    let here = place.store.area_rejections(&ben_nghe()).unwrap();
    assert_eq!(here.get("receipt_invalid"), Some(&1));
}

#[test]
fn a_position_expires_and_nothing_else_does() {
    let place = Place::new();
    accepted(&place, &signed(draft(1)));
    let day = |text: &str| place.store.expire_positions(at(text)).unwrap();
    assert_eq!(day("2025-02-06T02:01:29Z"), 0);
    assert_eq!(day("2025-02-06T02:01:30Z"), 1);
    let counts = place.store.quota_counts(&ben_nghe(), Rule::Raw).unwrap();
    assert_eq!(counts.raw, 1);
}

#[test]
fn what_the_kernel_did_not_tell_is_no_obstacle() {
    let mut written = draft(1);
    let download = written.receipt.download.as_mut().unwrap();
    download.counted = Counted::Written;
    download.streams[0].tcp = None;
    accepted(&Place::new(), &signed(written));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_break_the_collector(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let place = Place::new();
        prop_assert!(matches!(place.collect(&bytes), Err(Failure::Refused(_))));
    }

    #[test]
    fn no_damaged_submission_gets_in_changed(at in 0_usize..6_000, byte in any::<u8>()) {
        let mut body = signed(draft(1));
        let honest = serde_json::from_slice::<Submission>(&body).unwrap();
        let at = at % body.len();
        body[at] = byte;
        let place = Place::new();
        if place.collect(&body).is_ok() {
            let got = serde_json::from_slice::<Submission>(&body).unwrap();
            prop_assert_eq!(got.receipt, honest.receipt);
            prop_assert_eq!(got.nonce, honest.nonce);
        }
    }
}
