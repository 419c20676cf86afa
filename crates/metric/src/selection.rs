//! Which site a test is run against, and what is kept of the choice
//! (docs/METHODOLOGY.md; formats in `docs/protocol/roster-v1.md`).

use serde::{Deserialize, Serialize};

use crate::unit::Micros;

/// Most candidates that are kept.
pub const MAX_CANDIDATES: usize = 4;

/// How a site was chosen.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Why the chosen one was.
    pub reason: Why,
    /// Name of the chosen site; absent when none answered, or when it was not
    /// known by name before the test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<String>,
    /// Those that were asked, in the order the centre named them; at most four.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Asked>,
}

/// Why a site was chosen.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The person named it.
    Forced,
    /// There was no other.
    Only,
    /// It answered first, by 5 ms or more.
    LeastRtt,
    /// Others answered within 5 ms; it was taken at random among them.
    Tie,
}

/// A candidate that was asked.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Its name.
    pub site: String,
    /// Why the centre named it.
    pub reason: String,
    /// Whether it stands in the client's own network, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_net: Option<bool>,
    /// Least of three round trips; absent when it did not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_us: Option<Micros>,
}

/// How one family of addresses reaches the site; absent from a submission when
/// there was nothing to try.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reachable {
    /// Whether the site answered over it.
    pub available: bool,
    /// Median of ten pings one after another; absent when half or more were lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_us: Option<Micros>,
}

impl Reachable {
    /// Whether it claims no delay where nothing answered.
    pub const fn is_consistent(&self) -> bool {
        self.available || self.rtt_us.is_none()
    }
}

impl Selection {
    /// The choice of someone who names a site.
    pub const fn forced() -> Self {
        Self {
            reason: Why::Forced,
            chosen: None,
            candidates: vec![],
        }
    }

    /// The choice where there is none.
    pub const fn only(chosen: Option<String>) -> Self {
        Self {
            reason: Why::Only,
            chosen,
            candidates: vec![],
        }
    }

    /// Whether it is such as a client makes.
    pub fn is_consistent(&self) -> bool {
        let text = |text: &str, most| {
            (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control)
        };
        let names = self.candidates.iter().map(|asked| asked.site.as_str());
        let names = names.chain(self.chosen.as_deref());
        let mut named = self.candidates.iter().map(|asked| &asked.site);
        let chosen = self.chosen.as_ref();
        self.candidates.len() <= MAX_CANDIDATES
            && names.into_iter().all(|name| text(name, 64))
            && self.candidates.iter().all(|asked| text(&asked.reason, 32))
            && (self.candidates.is_empty() || chosen.is_none_or(|c| named.any(|n| n == c)))
    }
}

/// Chooses among candidates.
///
/// - The least round trip wins; those less than `tie` behind it are as good,
///   and `chance`, any number, picks one of them.
/// - Who did not answer is not chosen; `chosen` is absent when nobody did.
/// - Twin: `web/src/measure/selection.ts`, held to `testdata/method/selection.json`.
pub fn choose(candidates: Vec<Asked>, tie: Micros, chance: u64) -> Selection {
    let answered = || candidates.iter().filter_map(|c| Some((c, c.rtt_us?)));
    let least = answered().map(|(_, rtt)| rtt.0).min().unwrap_or(0);
    let near: Vec<_> = answered()
        .filter(|(_, rtt)| rtt.0 - least < tie.0 || rtt.0 == least)
        .map(|(candidate, _)| candidate.site.clone())
        .collect();
    let pick = chance.checked_rem(near.len() as u64).unwrap_or(0);
    let chosen = usize::try_from(pick).ok().and_then(|pick| near.get(pick));
    Selection {
        reason: match (candidates.len(), near.len()) {
            (1, _) => Why::Only,
            (_, 2..) => Why::Tie,
            _ => Why::LeastRtt,
        },
        chosen: chosen.cloned(),
        candidates,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TIE: Micros = Micros(5000);

    #[derive(Deserialize)]
    struct Case {
        name: String,
        rtt_us: Vec<Option<u64>>,
        chance: u64,
        chosen: Option<usize>,
        reason: Why,
    }

    fn asked(rtts: &[Option<u64>]) -> Vec<Asked> {
        let site = |(n, rtt): (usize, &Option<u64>)| Asked {
            site: format!("site-{n}"),
            reason: "load".into(),
            on_net: None,
            rtt_us: rtt.map(Micros),
        };
        rtts.iter().enumerate().map(site).collect()
    }

    #[test]
    fn the_twins_choose_alike() {
        let cases = include_str!("../../../testdata/method/selection.json");
        let cases: Vec<Case> = serde_json::from_str(cases).unwrap();
        assert!(cases.len() >= 6);
        for case in cases {
            let selection = choose(asked(&case.rtt_us), TIE, case.chance);
            let chosen = case.chosen.map(|n| format!("site-{n}"));
            assert_eq!(selection.chosen, chosen, "{}", case.name);
            assert_eq!(selection.reason, case.reason, "{}", case.name);
            assert!(selection.is_consistent(), "{}", case.name);
        }
    }

    #[test]
    fn what_no_client_makes_is_not_consistent() {
        let mut many = choose(asked(&[Some(1); 5]), TIE, 0);
        assert!(!many.is_consistent());
        many.candidates.truncate(4);
        assert!(many.is_consistent());
        many.chosen = Some("somebody".into());
        assert!(!many.is_consistent());
        many.chosen = Some(String::new());
        many.candidates.clear();
        assert!(!many.is_consistent());
    }

    proptest! {
        #[test]
        fn nobody_slower_by_the_tie_is_chosen(
            rtts in prop::collection::vec(prop::option::of(0_u64..100_000), 0..5),
            chance: u64,
        ) {
            let selection = choose(asked(&rtts), TIE, chance);
            let least = rtts.iter().flatten().min();
            let rtt = selection.chosen.as_ref().map(|chosen| {
                let found = selection.candidates.iter().find(|c| c.site == *chosen);
                found.unwrap().rtt_us.unwrap().0
            });
            match (least, rtt) {
                (None, None) => {}
                (Some(least), Some(rtt)) => prop_assert!(rtt - least < TIE.0),
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }
}
