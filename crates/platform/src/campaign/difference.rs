//! What a new definition changes of a campaign.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::store::campaign::Campaign;

/// A key that changes.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Difference {
    /// Which.
    pub key: String,
    /// As it is; empty where there is nothing.
    pub before: String,
    /// As it would be; empty where there is nothing.
    pub after: String,
}

/// What changes from one definition to another, by key.
pub fn differences(before: &Campaign, after: &Campaign) -> Vec<Difference> {
    let (before, after) = (written(before), written(after));
    let mut keys: Vec<_> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    let value =
        |of: &BTreeMap<String, String>, key: &String| of.get(key).cloned().unwrap_or_default();
    let all = keys.into_iter().map(|key| Difference {
        key: key.clone(),
        before: value(&before, key),
        after: value(&after, key),
    });
    all.filter(|difference| difference.before != difference.after)
        .collect()
}

/// Every key with its value as text.
fn written(campaign: &Campaign) -> BTreeMap<String, String> {
    let json = |value: serde_json::Result<String>| value.unwrap_or_default();
    let terms = serde_json::to_value(&campaign.terms).unwrap_or_default();
    let mut keys: BTreeMap<_, _> = terms
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), value.to_string()))
        .collect();
    let day = campaign.deadline_day.map(|day| day.to_string());
    keys.insert("name".into(), campaign.name.clone());
    keys.insert("rule".into(), json(serde_json::to_string(&campaign.rule)));
    keys.insert("deadline_day".into(), day.unwrap_or_default());
    keys.insert(
        "legal_bases".into(),
        json(serde_json::to_string(&campaign.legal_bases)),
    );
    for area in &campaign.areas {
        keys.insert(
            format!("quota of {area}"),
            campaign.quota_of(area).to_string(),
        );
    }
    keys
}
