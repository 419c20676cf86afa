//! From when to when a certificate is valid (RFC 5280 §4.1.2.5), read from its
//! bytes: the one thing we need of them that rustls does not tell.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use rustls::sign::CertifiedKey;

/// A span of time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Validity {
    from: Timestamp,
    to: Timestamp,
}

impl Validity {
    /// Of the site's own certificate; `None` when its bytes are no certificate.
    pub(super) fn of(key: &CertifiedKey) -> Option<Self> {
        Self::read(key.cert.first()?)
    }

    fn read(certificate: &[u8]) -> Option<Self> {
        let (SEQUENCE, outer, _) = element(certificate)? else {
            return None;
        };
        let (SEQUENCE, mut fields, _) = element(outer)? else {
            return None;
        };
        // TBSCertificate: version (where it is not the first), serial number,
        // signature, issuer, and then the validity.
        if fields.first() == Some(&VERSION) {
            fields = element(fields)?.2;
        }
        for _ in 0..3 {
            fields = element(fields)?.2;
        }
        let (SEQUENCE, validity, _) = element(fields)? else {
            return None;
        };
        let (kind, from, rest) = element(validity)?;
        let from = time(kind, from)?;
        let (kind, to, _) = element(rest)?;
        Some(Self {
            from,
            to: time(kind, to)?,
        })
    }

    /// Whether less than a third of it is left.
    pub(super) fn is_nearly_over(self, now: Timestamp) -> bool {
        let whole = self.to.duration_since(self.from);
        self.to.duration_since(now) < whole / 3
    }
}

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Tag, content and what follows of a DER element (X.690 §8.1).
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&length, mut rest) = rest.split_first()?;
    let mut content = usize::from(length);
    if length & 0x80 != 0 {
        let (digits, after) = rest.split_at_checked(usize::from(length & 0x7f))?;
        if digits.len() > 4 {
            return None;
        }
        content = digits
            .iter()
            .fold(0, |n, digit| n << 8 | usize::from(*digit));
        rest = after;
    }
    let (content, rest) = rest.split_at_checked(content)?;
    Some((tag, content, rest))
}

/// `YYMMDDHHMMSSZ` until 2049, `YYYYMMDDHHMMSSZ` after.
fn time(tag: u8, text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?;
    let text = match (tag, text.get(..2)?.parse::<u8>().ok()?) {
        (UTC_TIME, 50..) => format!("19{text}"),
        (UTC_TIME, _) => format!("20{text}"),
        (GENERALIZED_TIME, _) => text.to_owned(),
        _ => return None,
    };
    let time = DateTime::strptime("%Y%m%d%H%M%SZ", text).ok()?;
    Offset::UTC.to_timestamp(time).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    fn of_years(from: i32, to: i32) -> Validity {
        let mut params = CertificateParams::new(["x.example".to_owned()]).unwrap();
        params.not_before = date_time_ymd(from, 2, 3);
        params.not_after = date_time_ymd(to, 12, 31);
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        Validity::read(made.der()).unwrap()
    }

    #[test]
    fn both_kinds_of_time_are_read() {
        let early = of_years(1999, 2049);
        assert_eq!(early.from, "1999-02-03T00:00:00Z".parse().unwrap());
        assert_eq!(early.to, "2049-12-31T00:00:00Z".parse().unwrap());
        let late = of_years(2024, 2050);
        assert_eq!(late.to, "2050-12-31T00:00:00Z".parse().unwrap());
    }

    #[test]
    fn the_last_third_is_near_the_end() {
        let validity = of_years(2024, 2024);
        assert!(!validity.is_nearly_over("2024-08-01T00:00:00Z".parse().unwrap()));
        assert!(validity.is_nearly_over("2024-10-01T00:00:00Z".parse().unwrap()));
        assert!(validity.is_nearly_over("2030-01-01T00:00:00Z".parse().unwrap()));
    }

    #[test]
    fn bytes_that_are_no_certificate_are_refused() {
        let mut params = CertificateParams::new(["x.example".to_owned()]).unwrap();
        params.not_after = date_time_ymd(2030, 1, 1);
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        for end in 0..made.der().len() {
            assert_eq!(Validity::read(&made.der()[..end]), None);
        }
        assert_eq!(Validity::read(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
        assert_eq!(Validity::read(&[0x30, 0xff]), None);
    }
}
