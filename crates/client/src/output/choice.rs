//! How the site was chosen and reached, for people.

use metric::selection::{Asked, Reachable, Selection, Why};
use metric::submission::Observed;
use metric::unit::Micros;

use super::latency::decimal;

/// Lines of name and value; none for what is not known.
pub(super) fn lines(observed: &Observed, english: bool) -> Vec<(&'static str, String)> {
    let say = |vi: &'static str, en: &'static str| if english { en } else { vi };
    let mut lines = vec![];
    if let Some(selection) = &observed.selection {
        lines.push((say("Cách chọn", "Chosen"), chosen(selection, english)));
    }
    for (name, family) in [("IPv4", observed.ipv4), ("IPv6", observed.ipv6)] {
        lines.push((name, reach(family, english)));
    }
    lines
}

fn chosen(selection: &Selection, english: bool) -> String {
    let say = |vi: &'static str, en: &'static str| if english { en } else { vi };
    let why = match selection.reason {
        Why::Forced => say("do người đo chỉ định", "named by you"),
        Why::Only => say("điểm đo duy nhất", "the only one"),
        Why::LeastRtt => say("gần nhất", "the nearest"),
        Why::Tie => say(
            "ngẫu nhiên giữa các điểm gần như nhau",
            "at random among equals",
        ),
    };
    let asked: Vec<_> = selection
        .candidates
        .iter()
        .map(|candidate| asked(candidate, english))
        .collect();
    if asked.is_empty() {
        return why.into();
    }
    format!("{why} ({})", asked.join("; "))
}

fn asked(candidate: &Asked, english: bool) -> String {
    let none = if english {
        "no answer"
    } else {
        "không trả lời"
    };
    let rtt = candidate.rtt_us;
    let rtt = rtt.map_or_else(|| none.into(), |rtt| milliseconds(rtt, english));
    format!("{} {rtt}", candidate.site)
}

fn reach(family: Option<Reachable>, english: bool) -> String {
    let say = |vi: &str, en: &str| String::from(if english { en } else { vi });
    match family {
        None => say("chưa biết", "not known"),
        Some(Reachable {
            available: false, ..
        }) => say("không tới được", "not available"),
        Some(Reachable { rtt_us: None, .. }) => say("có", "available"),
        Some(Reachable {
            rtt_us: Some(rtt), ..
        }) => milliseconds(rtt, english),
    }
}

fn milliseconds(rtt: Micros, english: bool) -> String {
    let text = format!("{}.{} ms", rtt.0 / 1000, rtt.0 % 1000 / 100);
    decimal(text, english)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_asked_is_named_and_the_unknown_is_not_absent() {
        let asked = |site: &str, rtt: Option<u64>| Asked {
            site: site.into(),
            reason: "load".into(),
            on_net: None,
            rtt_us: rtt.map(Micros),
        };
        let tie = Micros(5000);
        let selection =
            metric::selection::choose(vec![asked("a", Some(2_140)), asked("b", None)], tie, 0);
        let observed = Observed {
            selection: Some(selection),
            ipv6: Some(Reachable {
                available: false,
                rtt_us: None,
            }),
            ..Observed::default()
        };
        let text = |english| {
            let lines = lines(&observed, english).into_iter();
            lines.map(|(_, value)| value).collect::<Vec<_>>()
        };
        let vi = [
            "gần nhất (a 2,1 ms; b không trả lời)",
            "chưa biết",
            "không tới được",
        ];
        assert_eq!(text(false), vi);
        let en = [
            "the nearest (a 2.1 ms; b no answer)",
            "not known",
            "not available",
        ];
        assert_eq!(text(true), en);
    }
}
