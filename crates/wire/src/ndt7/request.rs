//! What a client asks for in its query.

use serde::{Deserialize, Serialize};

use super::spec;

/// A name and a value, as archives hold them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NameValue {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
}

/// A query that was read.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Request {
    /// The download ends once so many bytes are acknowledged.
    pub early_exit_bytes: Option<u64>,
    /// What the client says of itself: the first value of each name, without
    /// the token and the names that are the server's.
    pub metadata: Vec<NameValue>,
}

impl Request {
    /// Reads a query.
    ///
    /// # Errors
    ///
    /// [`Refused`], which is answered with 400.
    pub fn of_query(query: &str) -> Result<Self, Refused> {
        if query.len() > spec::MAX_QUERY_BYTES {
            return Err(Refused::TooLong(query.len()));
        }
        let mut request = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if name == "early_exit" {
                request.early_exit_bytes = Some(early_exit(&value)?);
            }
            let known = request.metadata.iter().any(|known| known.name == name);
            if known || name == "access_token" || name.starts_with("server_") {
                continue;
            }
            request.metadata.push(NameValue {
                name: name.into_owned(),
                value: value.into_owned(),
            });
        }
        Ok(request)
    }
}

fn early_exit(value: &str) -> Result<u64, Refused> {
    let megabytes = value.parse().ok();
    match megabytes {
        Some(spec::EARLY_EXIT_MEGABYTES) => Ok(spec::EARLY_EXIT_MEGABYTES * 1_000_000),
        _ => Err(Refused::EarlyExit(value.to_owned())),
    }
}

/// A query that is not served.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Longer than [`spec::MAX_QUERY_BYTES`].
    #[error("the query has {0} bytes, at most {most} are taken", most = spec::MAX_QUERY_BYTES)]
    TooLong(usize),
    /// Not the one value that there is.
    #[error("early_exit: {0:?} is not {only}", only = spec::EARLY_EXIT_MEGABYTES)]
    EarlyExit(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn metadata_is_the_first_of_each_name() {
        let query = "client_name=a%20b&client_name=c&access_token=x&server_x=1&early_exit=250";
        let request = Request::of_query(query).unwrap();
        assert_eq!(request.early_exit_bytes, Some(250_000_000));
        let names: Vec<_> = request.metadata.iter().map(|m| m.name.as_str()).collect();
        assert_eq!(names, ["client_name", "early_exit"]);
        assert_eq!(request.metadata[0].value, "a b");
        assert_eq!(Request::of_query(""), Ok(Request::default()));
    }

    #[test]
    fn another_early_exit_is_refused() {
        for value in ["", "100", "250.0", "x"] {
            let refused = Request::of_query(&format!("early_exit={value}"));
            assert_eq!(refused, Err(Refused::EarlyExit(value.into())));
        }
        let long = "a".repeat(4097);
        assert_eq!(Request::of_query(&long), Err(Refused::TooLong(4097)));
    }

    proptest! {
        #[test]
        fn any_query_is_taken_or_refused(query in ".{0,200}") {
            let _ = Request::of_query(&query);
        }
    }
}
