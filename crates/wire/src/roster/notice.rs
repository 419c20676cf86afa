//! What a site tells its centre, signed.

use jiff::Timestamp;
use metric::canonical::{self, NotCanonical};
use metric::key::{PublicKey, SiteKey};
use serde::{Deserialize, Serialize};

use super::address::SiteUrl;
use super::spec;

/// Version of a notice.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Version {
    /// First version.
    #[serde(rename = "1")]
    V1,
}

/// A notice as it is sent. Integers only, like a receipt.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// Version of the format.
    pub roster: Version,
    /// When it was signed, by the site's clock; later than the one before.
    pub sent_at: Timestamp,
    /// The site's public key.
    pub public_key: String,
    /// What it says.
    pub notice: Notice,
    /// Ed25519 over the canonical JSON of the others.
    pub signature: String,
}

/// What a site says.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Notice {
    /// It wants to be known, as described.
    Join(Box<Description>),
    /// It lives.
    Heartbeat(Heartbeat),
    /// It goes.
    Leave(Leave),
}

/// A site as its operator describes it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// Its name in receipts.
    pub name: String,
    /// City.
    pub city: String,
    /// Province; absent when it is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub province: Option<String>,
    /// ISO 3166-1 country.
    pub country: String,
    /// Autonomous system it stands in; absent at an exchange of many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asn: Option<u32>,
    /// Operator whose network it stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Exchange it stands at, so that it is off-net for every operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<String>,
    /// What its line carries each way.
    pub capacity_bits_per_second: u64,
    /// Where it is reached: one URL, or one `http` and one `https`.
    pub urls: Vec<SiteUrl>,
    /// Where it is reached over IPv4 alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv4_url: Option<SiteUrl>,
    /// Where it is reached over IPv6 alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6_url: Option<SiteUrl>,
}

/// How a site is at the moment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// Whether it takes tests.
    pub health: Health,
    /// Load of its line, per cent of its capacity, the busier way.
    pub utilisation_percent: u32,
    /// Payload it sends.
    pub sent_bits_per_second: u64,
    /// Payload it receives.
    pub received_bits_per_second: u64,
    /// Sessions that run.
    pub sessions: u32,
    /// Version of its software.
    pub version: String,
}

/// Whether a site takes tests.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It does.
    Ok,
    /// It has as many as it can take, or its line is full.
    Full,
}

/// How a site goes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Leave {
    /// Whether it wants to be approved anew should it come back; a restart
    /// does not.
    pub for_good: bool,
}

impl Signed {
    /// Signs a notice.
    ///
    /// # Errors
    ///
    /// Never for these types, which hold no floating-point number.
    pub fn new(notice: Notice, sent_at: Timestamp, key: &SiteKey) -> Result<Self, NotCanonical> {
        let mut signed = Self {
            roster: Version::V1,
            sent_at,
            public_key: key.public().to_string(),
            notice,
            signature: String::new(),
        };
        signed.signature = key.sign(&canonical::to_bytes(&signed)?);
        Ok(signed)
    }

    /// The key that signed exactly these members; `None` when the named one
    /// did not.
    pub fn signer(&self) -> Option<PublicKey> {
        let key = PublicKey::parse(&self.public_key)?;
        let mut unsigned = self.clone();
        unsigned.signature.clear();
        let bytes = canonical::to_bytes(&unsigned).ok()?;
        key.verifies(&bytes, &self.signature).then_some(key)
    }

    /// Whether it was signed about `now`.
    pub fn is_timely(&self, now: Timestamp) -> bool {
        let apart = now.duration_since(self.sent_at).as_secs();
        apart.abs() <= spec::CLOCK_SECONDS
    }
}

impl Description {
    /// The URL of a scheme.
    pub fn url(&self, secure: bool) -> Option<&SiteUrl> {
        self.urls.iter().find(|url| url.is_secure() == secure)
    }

    /// Checks what the types cannot.
    ///
    /// # Errors
    ///
    /// [`Wrong`] names the member, its value and what is expected.
    pub fn check(&self) -> Result<(), Wrong> {
        require(is_site_name(&self.name), "name", &self.name, NAME)?;
        require(is_text(&self.city), "city", &self.city, TEXT)?;
        let texts = [
            ("province", &self.province),
            ("operator", &self.operator),
            ("exchange", &self.exchange),
        ];
        for (field, text) in texts {
            let text = text.as_deref();
            require(
                text.is_none_or(is_text),
                field,
                text.unwrap_or_default(),
                TEXT,
            )?;
        }
        let country =
            self.country.len() == 2 && self.country.bytes().all(|b| b.is_ascii_uppercase());
        require(
            country,
            "country",
            &self.country,
            "two letters, for example VN",
        )?;
        self.check_numbers()
    }

    fn check_numbers(&self) -> Result<(), Wrong> {
        let placed = self.asn.is_some() || self.exchange.is_some() || self.operator.is_some();
        require(placed, "asn", "", "an asn, an operator or an exchange")?;
        let capacity = (1_000_000..=100_000_000_000_000).contains(&self.capacity_bits_per_second);
        let given = self.capacity_bits_per_second.to_string();
        require(capacity, "capacity_bits_per_second", &given, "1M to 100T")?;
        require(self.asn != Some(0), "asn", "0", "1 to 4294967295")?;
        let of = |secure| self.urls.iter().filter(|u| u.is_secure() == secure).count();
        let urls = !self.urls.is_empty() && of(true) <= 1 && of(false) <= 1;
        let given = format!(
            "{:?}",
            self.urls
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        );
        require(urls, "urls", &given, "one URL, or one http and one https")
    }
}

const NAME: &str = "1 to 63 of a-z, 0-9 and -, beginning with a letter";
const TEXT: &str = "1 to 64 characters, none of them control characters";

fn is_site_name(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_text(text: &str) -> bool {
    (1..=64).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

fn require(
    holds: bool,
    field: &'static str,
    value: &str,
    expected: &'static str,
) -> Result<(), Wrong> {
    if holds {
        return Ok(());
    }
    Err(Wrong {
        field,
        value: value.into(),
        expected,
    })
}

/// A member out of its range.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{field} is {value:?}, expected {expected}")]
pub struct Wrong {
    /// Name of the member.
    pub field: &'static str,
    /// Its value.
    pub value: String,
    /// What was expected.
    pub expected: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use metric::key::SiteKey;

    fn description() -> Description {
        Description {
            name: "hcm-1".into(),
            city: "Hồ Chí Minh".into(),
            province: Some("Hồ Chí Minh".into()),
            country: "VN".into(),
            asn: Some(7552),
            operator: Some("viettel".into()),
            exchange: None,
            capacity_bits_per_second: 10_000_000_000,
            urls: vec!["https://hcm1.example.vn".parse().unwrap()],
            ipv4_url: None,
            ipv6_url: Some("https://v6.hcm1.example.vn".parse().unwrap()),
        }
    }

    fn signed() -> Signed {
        let notice = Notice::Join(Box::new(description()));
        let at = "2024-11-08T02:00:00Z".parse().unwrap();
        Signed::new(notice, at, &SiteKey::from_seed(&[5; 32])).unwrap()
    }

    #[test]
    fn every_version_still_reads_and_is_signed() {
        let golden = include_str!("../../../../testdata/roster/v1.json");
        let read: Signed = serde_json::from_str(golden).unwrap();
        assert_eq!(read, signed());
        assert_eq!(
            serde_json::to_string_pretty(&read).unwrap(),
            golden.trim_end()
        );
        assert_eq!(read.signer(), Some(SiteKey::from_seed(&[5; 32]).public()));
    }

    #[test]
    fn an_altered_notice_has_no_signer() {
        let mut altered = signed();
        let Notice::Join(description) = &mut altered.notice else {
            unreachable!()
        };
        description.capacity_bits_per_second += 1;
        assert_eq!(altered.signer(), None);
        let mut later = signed();
        later.sent_at = "2024-11-08T02:00:01Z".parse().unwrap();
        assert_eq!(later.signer(), None);
        let mut other = signed();
        other.public_key = SiteKey::from_seed(&[6; 32]).public().to_string();
        assert_eq!(other.signer(), None);
    }

    #[test]
    fn a_notice_is_of_its_time() {
        let timely = |at: &str| signed().is_timely(at.parse().unwrap());
        assert!(timely("2024-11-08T02:02:00Z") && timely("2024-11-08T01:58:00Z"));
        assert!(!timely("2024-11-08T02:02:01Z") && !timely("2024-11-08T01:57:59Z"));
    }

    #[test]
    fn what_is_wrong_with_a_description_is_named() {
        type Change = fn(&mut Description);
        let cases: [(Change, &str); 9] = [
            (|d| d.name = "HCM 1".into(), "name"),
            (|d| d.name = String::new(), "name"),
            (|d| d.city = "\u{7}".into(), "city"),
            (|d| d.exchange = Some(String::new()), "exchange"),
            (|d| d.country = "Vietnam".into(), "country"),
            (
                |d| d.capacity_bits_per_second = 0,
                "capacity_bits_per_second",
            ),
            (|d| d.asn = Some(0), "asn"),
            (|d| d.urls.clear(), "urls"),
            (|d| d.urls.push(d.urls[0].clone()), "urls"),
        ];
        assert_eq!(description().check(), Ok(()));
        for (change, field) in cases {
            let mut wrong = description();
            change(&mut wrong);
            assert_eq!(wrong.check().unwrap_err().field, field);
        }
    }
}
