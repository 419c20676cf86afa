//! The telemetry form: `multipart/form-data` (RFC 7578) or url-encoded.

use super::spec;

/// The text fields of a form in order; longer values are cut at
/// [`spec::MAX_FIELD_BYTES`].
///
/// # Errors
///
/// [`NotAForm`] when the content type is neither of the two, or the parts do
/// not begin as RFC 7578 has them.
pub fn fields(content_type: &str, body: &[u8]) -> Result<Vec<(String, String)>, NotAForm> {
    let media = content_type.split(';').next().unwrap_or_default().trim();
    if media.eq_ignore_ascii_case("multipart/form-data") {
        let boundary = boundary(content_type).ok_or(NotAForm::Boundary)?;
        return multipart(boundary, body);
    }
    if media.is_empty() || media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        let pairs = form_urlencoded::parse(body);
        return Ok(pairs.map(|(n, v)| (cut(&n), cut(&v))).collect());
    }
    Err(NotAForm::MediaType(cut(media)))
}

fn boundary(content_type: &str) -> Option<&str> {
    let parameters = content_type.split(';').skip(1).map(str::trim);
    let mut values = parameters.filter_map(|p| p.strip_prefix("boundary="));
    let boundary = values.next()?.trim_matches('"');
    (1..=70).contains(&boundary.len()).then_some(boundary)
}

fn multipart(boundary: &str, body: &[u8]) -> Result<Vec<(String, String)>, NotAForm> {
    let delimiter = format!("--{boundary}");
    let mut fields = vec![];
    let mut rest = skip_past(body, delimiter.as_bytes()).ok_or(NotAForm::Boundary)?;
    while let Some(part) = rest.strip_prefix(b"\r\n") {
        let Some(end) = find(part, delimiter.as_bytes()) else {
            return Err(NotAForm::Unfinished);
        };
        let whole = part[..end].strip_suffix(b"\r\n").unwrap_or(&part[..end]);
        let head = find(whole, b"\r\n\r\n").ok_or(NotAForm::Unfinished)?;
        if let Some(name) = name(&String::from_utf8_lossy(&whole[..head])) {
            fields.push((
                cut(&name),
                cut(&String::from_utf8_lossy(&whole[head + 4..])),
            ));
        }
        rest = &part[end + delimiter.len()..];
    }
    Ok(fields)
}

/// `name` of a part's Content-Disposition.
fn name(head: &str) -> Option<String> {
    let line = head.lines().find(|line| {
        let name = line.split(':').next().unwrap_or_default();
        name.eq_ignore_ascii_case("content-disposition")
    })?;
    let (_, rest) = line.split_once("; name=\"")?;
    Some(rest.split('"').next()?.to_owned())
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|w| w == needle)
}

fn skip_past<'a>(haystack: &'a [u8], needle: &[u8]) -> Option<&'a [u8]> {
    find(haystack, needle).map(|at| &haystack[at + needle.len()..])
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(spec::MAX_FIELD_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// Bytes that are no form.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAForm {
    /// Neither of the two encodings.
    #[error(
        "content type {0:?} is neither multipart/form-data nor application/x-www-form-urlencoded"
    )]
    MediaType(String),
    /// The boundary is absent, too long, or not in the body.
    #[error("the multipart boundary is missing")]
    Boundary,
    /// A part does not end.
    #[error("a part of the form does not end")]
    Unfinished,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let own = |&(n, v): &(&str, &str)| (n.to_owned(), v.to_owned());
        pairs.iter().map(own).collect()
    }

    fn encoded(boundary: &str, pairs: &[(String, String)]) -> Vec<u8> {
        let part = |(n, v): &(String, String)| {
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{n}\"\r\n\r\n{v}\r\n")
        };
        let parts: String = pairs.iter().map(part).collect();
        format!("{parts}--{boundary}--\r\n").into_bytes()
    }

    #[test]
    fn both_encodings_hold_the_same() {
        let want = owned(&[("dl", "93.5"), ("log", "a b\r\nc")]);
        let parts = fields(
            "multipart/form-data; boundary=\"X-1\"",
            &encoded("X-1", &want),
        );
        assert_eq!(parts, Ok(want.clone()));
        let pairs = fields(
            "application/x-www-form-urlencoded; charset=UTF-8",
            b"dl=93.5&log=a+b%0D%0Ac",
        );
        assert_eq!(pairs, Ok(want));
    }

    #[test]
    fn what_is_no_form_is_refused() {
        assert_eq!(
            fields("text/plain", b""),
            Err(NotAForm::MediaType("text/plain".into()))
        );
        assert_eq!(fields("multipart/form-data", b""), Err(NotAForm::Boundary));
        let unfinished = b"--X\r\nContent-Disposition: form-data; name=\"dl\"\r\n\r\n93";
        assert_eq!(
            fields("multipart/form-data; boundary=X", unfinished),
            Err(NotAForm::Unfinished)
        );
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(pairs in proptest::collection::vec(("[a-z]{1,9}", "[ -,.-~]{0,40}"), 0..6)) {
            let body = encoded("----b", &pairs);
            prop_assert_eq!(fields("multipart/form-data; boundary=----b", &body), Ok(pairs));
        }

        #[test]
        fn any_bytes_are_taken_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = fields("multipart/form-data; boundary=-", &body);
            let _ = fields("", &body);
        }
    }
}
