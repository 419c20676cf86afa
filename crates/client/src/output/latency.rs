//! Delay and loss of a result, for people and for programs.

use metric::delay::{Probes, UdpProbes};
use metric::latency::{Latency, responsiveness, working_increase};
use metric::loss::{Loss, Reading};
use metric::submission::{Observed, UDP, WEBSOCKET};
use metric::unit::Micros;
use serde_json::{Map, Value, json};

/// The `latency` object: what carried the probes, and the statistics of every
/// sample that was taken.
pub(super) fn latency(observed: &Observed) -> Value {
    let mut out = Map::new();
    out.insert("connection".into(), json!(connection(observed)));
    for (name, probes) in samples(observed) {
        out.insert(name.into(), sample(&probes));
    }
    let working = observed.working_rtt();
    if let Some(increase) = working_increase(observed.idle_rtt(), working) {
        out.insert("working_increase_us".into(), json!(increase));
    }
    if let Some(rpm) = responsiveness(working) {
        out.insert("responsiveness_rpm".into(), json!(rpm));
    }
    Value::Object(out)
}

fn connection(observed: &Observed) -> &str {
    observed.connection.as_deref().unwrap_or(WEBSOCKET)
}

fn samples(observed: &Observed) -> impl Iterator<Item = (&'static str, Probes)> {
    let [down, up] = observed.working_probes();
    let named = [
        ("idle", observed.idle_probes()),
        ("working_download", down),
        ("working_upload", up),
    ];
    named
        .into_iter()
        .filter_map(|(name, probes)| Some((name, probes?)))
}

fn sample(probes: &Probes) -> Value {
    let counts = json!({"sent": probes.sent, "received": probes.received});
    let mut out = counts.as_object().cloned().unwrap_or_default();
    if let Value::Object(statistics) = json!(Latency::of(probes)) {
        out.extend(statistics);
    }
    Value::Object(out)
}

/// The `loss` object, by sample and direction; `None` without UDP.
pub(super) fn loss(observed: &Observed) -> Option<Value> {
    let mut out = Map::new();
    for (name, probes) in observed.by_udp() {
        if let Some(probes) = probes {
            let name = name.strip_prefix("udp_").unwrap_or(name);
            out.insert(name.into(), directions(probes));
        }
    }
    (!out.is_empty()).then_some(Value::Object(out))
}

fn directions(probes: &UdpProbes) -> Value {
    let mut out = Map::new();
    let named = [
        ("round_trip", probes.loss()),
        ("forward", probes.forward_loss()),
        ("backward", probes.backward_loss()),
    ];
    for (name, loss) in named {
        if let Some(loss) = loss {
            out.insert(name.into(), of_counts(loss));
        }
    }
    Value::Object(out)
}

fn of_counts(loss: Loss) -> Value {
    json!({"sent": loss.sent, "lost": loss.lost, "interval_ratio": loss.interval()})
}

/// The lines of a terminal: name and value, in order.
pub(super) fn lines(observed: &Observed, english: bool) -> Vec<(&'static str, String)> {
    let say = |vi: &'static str, en: &'static str| if english { en } else { vi };
    let [down, up] = observed.working_probes();
    let mut lines = vec![
        (
            say("Độ trễ khi rảnh", "Idle latency"),
            delays(observed.idle_probes().as_ref(), english),
        ),
        (
            say("Độ trễ khi tải xuống", "Latency, download"),
            delays(down.as_ref(), english),
        ),
        (
            say("Độ trễ khi tải lên", "Latency, upload"),
            delays(up.as_ref(), english),
        ),
        (
            say("Khi tải, cả hai chiều", "Working, both ways"),
            working(observed, english),
        ),
    ];
    let without_load = [&observed.udp_idle, &observed.udp_train];
    let loaded = [&observed.udp_working_download, &observed.udp_working_upload];
    let lost = [
        (say("Mất gói khi rảnh", "Loss, idle"), without_load),
        (say("Mất gói khi tải", "Loss, working"), loaded),
    ];
    lines.extend(
        lost.into_iter()
            .filter_map(|(name, probes)| Some((name, lost_both_ways(probes, english)?))),
    );
    lines.push((
        say("Độ trễ đo bằng", "Latency carried by"),
        carrier(observed, english),
    ));
    lines
}

fn carrier(observed: &Observed, english: bool) -> String {
    let say = |vi: &str, en: &str| String::from(if english { en } else { vi });
    let tried = observed.by_udp().iter().any(|(_, probes)| probes.is_some());
    match connection(observed) {
        UDP => "UDP (STAMP, RFC 8762)".into(),
        WEBSOCKET if tried => say(
            "WebSocket (UDP không qua được hoặc mất quá nửa)",
            "WebSocket (UDP blocked, or more than half lost)",
        ),
        WEBSOCKET => say(
            "WebSocket (điểm đo không có UDP)",
            "WebSocket (the site has no UDP)",
        ),
        other => other.into(),
    }
}

/// The median, and in brackets the least, p95 and both variations.
fn delays(probes: Option<&Probes>, english: bool) -> String {
    let of = probes.map(Latency::of).unwrap_or_default();
    let Some(median) = of.median_us else {
        let none = if english {
            "not measured"
        } else {
            "không đo được"
        };
        return none.into();
    };
    let least = if english { "min" } else { "nhỏ nhất" };
    let parts = [
        (least, of.min_us),
        ("p95", of.p95_us),
        ("ipdv", of.ipdv_mean_abs_us),
        ("pdv p95", of.pdv_p95_us),
    ];
    let parts: Vec<_> = parts
        .into_iter()
        .filter_map(|(name, us)| Some(format!("{name} {}", milliseconds(us?, english))))
        .collect();
    format!(
        "{} ms  ({})",
        milliseconds(median, english),
        parts.join("; ")
    )
}

fn working(observed: &Observed, english: bool) -> String {
    let say = |vi: &'static str, en: &'static str| if english { en } else { vi };
    let Some(rtt) = observed.working_rtt() else {
        return say("không đo được", "not measured").into();
    };
    let mut out = format!("{} ms", milliseconds(rtt, english));
    if let Some(increase) = working_increase(observed.idle_rtt(), Some(rtt)) {
        let sign = if increase < 0 { "−" } else { "+" };
        let size = milliseconds(Micros(increase.unsigned_abs()), english);
        out += &format!(
            "  ({} {sign}{size} ms)",
            say("so với khi rảnh", "over idle")
        );
    }
    if let Some(rpm) = responsiveness(Some(rtt)) {
        let unit = say("lượt khứ hồi/phút", "round trips/min");
        out += &format!("; {rpm} {unit}");
    }
    out
}

fn lost_both_ways(probes: [&Option<UdpProbes>; 2], english: bool) -> Option<String> {
    let say = |vi: &'static str, en: &'static str| if english { en } else { vi };
    let sum = |of: fn(&UdpProbes) -> Option<Loss>| together(probes, of);
    let ways = [
        (say("lên", "up"), sum(UdpProbes::forward_loss)),
        (say("xuống", "down"), sum(UdpProbes::backward_loss)),
    ];
    let ways: Vec<_> = ways
        .into_iter()
        .filter_map(|(way, loss)| Some(format!("{way} {}", share(loss?, english)?)))
        .collect();
    if !ways.is_empty() {
        return Some(ways.join(" · "));
    }
    let both = share(sum(UdpProbes::loss)?, english)?;
    Some(format!("{} {both}", say("khứ hồi", "round trip")))
}

fn together(probes: [&Option<UdpProbes>; 2], of: fn(&UdpProbes) -> Option<Loss>) -> Option<Loss> {
    let losses = probes.into_iter().flatten().filter_map(of);
    let (sent, lost) = losses.fold((0, 0), |(sent, lost), loss| {
        (
            loss.sent.saturating_add(sent),
            loss.lost.saturating_add(lost),
        )
    });
    Loss::new(sent, lost)
}

/// A loss ratio in words; "< 3/n" where nothing was lost of too few for a zero.
fn share(loss: Loss, english: bool) -> Option<String> {
    let per_cent = |ratio: f64| decimal(format!("{:.2}", ratio * 100.0), english);
    let [low, high] = loss.interval()?;
    Some(match loss.reading()? {
        Reading::Below { sent } => format!("< 3/{sent}"),
        Reading::Ratio(ratio) => format!(
            "{} % ({}/{}; 95 %: {} – {} %)",
            per_cent(ratio),
            loss.lost,
            loss.sent,
            per_cent(low),
            per_cent(high)
        ),
    })
}

/// Milliseconds with one decimal, two below ten.
pub(super) fn milliseconds(span: Micros, english: bool) -> String {
    let (whole, rest) = (span.0 / 1000, span.0 % 1000);
    let text = if whole < 10 {
        format!("{whole}.{:02}", rest / 10)
    } else {
        format!("{whole}.{}", rest / 100)
    };
    decimal(text, english)
}

/// Text of a number with the language's decimal mark.
pub(super) fn decimal(text: String, english: bool) -> String {
    if english {
        text
    } else {
        text.replace('.', ",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probes(received: u32, forward: u32, backward: u32) -> UdpProbes {
        UdpProbes {
            sent: received + forward + backward,
            received,
            rtt_us: (0..received).map(|k| 24_000 + 100 * (k % 2)).collect(),
            lost_forward: Some(forward),
            lost_backward: Some(backward),
        }
    }

    fn observed(idle: UdpProbes) -> Observed {
        Observed {
            udp_idle: Some(idle),
            udp_working_upload: Some(probes(10, 0, 0)),
            connection: Some(UDP.into()),
            ..Observed::default()
        }
    }

    #[test]
    fn nothing_lost_of_few_is_not_zero() {
        let text = lines(&observed(probes(20, 0, 0)), false);
        let lost = text.iter().find(|(name, _)| *name == "Mất gói khi rảnh");
        assert_eq!(lost.unwrap().1, "lên < 3/20 · xuống < 3/20");
    }

    #[test]
    fn loss_of_many_has_counts_and_an_interval() {
        let text = lines(&observed(probes(249, 0, 1)), true);
        let lost = &text
            .iter()
            .find(|(name, _)| *name == "Loss, idle")
            .unwrap()
            .1;
        assert_eq!(
            lost,
            "up 0.00 % (0/250; 95 %: 0.00 – 1.51 %) · down 0.40 % (1/250; 95 %: 0.07 – 2.23 %)"
        );
    }

    #[test]
    fn a_program_reads_counts_and_never_a_bare_zero() {
        let json = loss(&observed(probes(20, 0, 0))).unwrap();
        assert_eq!(json["idle"]["forward"]["sent"], 20);
        assert_eq!(json["idle"]["forward"]["lost"], 0);
        assert!(
            json["idle"]["forward"]["interval_ratio"][1]
                .as_f64()
                .unwrap()
                > 0.1
        );
        assert_eq!(loss(&Observed::default()), None);
    }

    #[test]
    fn latency_tells_its_carrier_and_leaves_out_what_is_unknown() {
        let json = latency(&observed(probes(20, 0, 0)));
        assert_eq!(json["connection"], "udp");
        assert_eq!(json["idle"]["ipdv_mean_abs_us"], 100);
        assert_eq!(json["responsiveness_rpm"], 2500);
        assert!(json.get("working_download").is_none());
        let none = latency(&Observed::default());
        assert_eq!(none, json!({"connection": "websocket"}));
    }

    #[test]
    fn milliseconds_keep_what_counts() {
        assert_eq!(milliseconds(Micros(24_160), false), "24,1");
        assert_eq!(milliseconds(Micros(462), true), "0.46");
    }
}
