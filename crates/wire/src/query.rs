//! Queries and form bodies (`application/x-www-form-urlencoded`, WHATWG URL §5).

/// The first value of `name`, decoded.
pub fn value(query: &str, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(n, _)| n == name).map(|(_, v)| v.into_owned())
}

/// The first value of `name` as a number; `None` when it is absent.
///
/// # Errors
///
/// [`NotANumber`] when it is there and is not one.
pub fn number(query: &str, name: &'static str) -> Result<Option<u64>, NotANumber> {
    value(query, name)
        .map(|text| text.parse().map_err(|_| NotANumber { name, text }))
        .transpose()
}

/// A value that should be a whole number.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{name}: {text:?} is not a whole number")]
pub struct NotANumber {
    /// Name of the parameter.
    pub name: &'static str,
    /// What stood there.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_value_is_found_by_its_whole_name_and_decoded() {
        assert_eq!(value("xa=1&a=b%20c+d&a=2", "a").as_deref(), Some("b c d"));
        assert_eq!(value("a", "a").as_deref(), Some(""));
        assert_eq!(value("", "a"), None);
        assert_eq!(number("bytes=10", "bytes"), Ok(Some(10)));
        assert_eq!(number("", "bytes"), Ok(None));
        assert!(number("bytes=-1", "bytes").is_err());
        assert!(number("bytes=1e9", "bytes").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused(query in ".{0,80}", name in ".{0,4}") {
            let _ = value(&query, &name);
            let _ = number(&query, "a");
        }
    }
}
