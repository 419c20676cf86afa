//! A certificate of the site's own making.
//!
//! It lives 13 days and holds a key on P-256, which is what a browser wants of
//! a certificate that it is told to accept by its hash (W3C WebTransport,
//! `serverCertificateHashes`: at most two weeks, ECDSA).

use std::io;
use std::time::Duration;

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;

use super::certificate::certified;

/// When the next one is made.
pub(super) const RENEWED: Duration = Duration::from_secs(6 * 24 * 3600);
/// Its last day, counted from today.
const LAST_DAY: i64 = 12;

/// Makes one for names or addresses.
pub(super) fn make(names: &[String]) -> io::Result<CertifiedKey> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(io::Error::other)?;
    let mut params = CertificateParams::new(names).map_err(|why| {
        let text = format!("tls.self_signed: {why}; expected names such as do.example.vn");
        io::Error::new(io::ErrorKind::InvalidInput, text)
    })?;
    // A clock that is a day slow still accepts it.
    let now = net::wall_clock();
    let [from, to] = [-1, LAST_DAY].map(|days| now + SignedDuration::from_hours(24 * days));
    let [(y0, m0, d0), (y1, m1, d1)] = [day(from), day(to)];
    params.not_before = rcgen::date_time_ymd(y0, m0, d0);
    params.not_after = rcgen::date_time_ymd(y1, m1, d1);
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "ispeed, self-signed");
    let certificate = params.self_signed(&key).map_err(io::Error::other)?;
    let chain = vec![certificate.der().clone()];
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    certified(chain, key).map_err(io::Error::other)
}

/// Year, month and day of a moment (UTC).
fn day(at: Timestamp) -> (i32, u8, u8) {
    let date = Offset::UTC.to_datetime(at).date();
    let [month, day] = [date.month(), date.day()].map(i8::unsigned_abs);
    (date.year().into(), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_none_is_an_error() {
        let error = make(&["không phải tên".into()]).unwrap_err().to_string();
        assert!(error.contains("tls.self_signed"), "{error}");
        make(&["localhost".into(), "127.0.0.1".into(), "::1".into()]).unwrap();
    }
}
