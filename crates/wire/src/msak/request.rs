//! What a client asks for in its query.

use metric::unit::Micros;

use super::spec;
use crate::ndt7::request::NameValue;

/// A query that was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    /// Name of the measurement that the stream belongs to.
    pub mid: String,
    /// How long the stream is to run, at most [`spec::MAX_RUNTIME`].
    pub runtime: Micros,
    /// The congestion control asked for.
    pub congestion: Option<&'static str>,
    /// The stream ends after so many bytes.
    pub most_bytes: Option<u64>,
    /// The options as the client wrote them, in the order of the protocol.
    pub options: Vec<NameValue>,
    /// What else the client says of itself: the first value of each name,
    /// without the token and the names that are the server's.
    pub metadata: Vec<NameValue>,
}

/// Options in the order in which archives hold them; `mid` has a member of its own.
const OPTIONS: [&str; 5] = ["streams", "duration", "cc", "delay", "bytes"];

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
        let (options, metadata) = members(query)?;
        let option = |name: &str| {
            let found = options.iter().find(|option| option.name == name);
            found.map(|option| option.value.as_str())
        };
        let streams = option("streams").ok_or(Refused::Missing("streams"))?;
        number("streams", streams, 1, spec::MAX_STREAMS)?;
        let milliseconds = option("duration")
            .map(|text| number("duration", text, 1, u64::from(u32::MAX)))
            .transpose()?;
        let runtime = milliseconds.map_or(spec::DEFAULT_RUNTIME, |ms| Micros(ms * 1000));
        let bytes = option("bytes").map(|text| number("bytes", text, 0, u64::MAX));
        Ok(Self {
            mid: mid(query)?,
            runtime: runtime.min(spec::MAX_RUNTIME),
            congestion: option("cc").map(congestion).transpose()?,
            most_bytes: bytes.transpose()?.filter(|&bytes| bytes > 0),
            options,
            metadata,
        })
    }
}

/// The members of a query, first of each name: options and the others.
fn members(query: &str) -> Result<(Vec<NameValue>, Vec<NameValue>), Refused> {
    let (mut options, mut others) = (vec![], vec![]);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let into = if OPTIONS.contains(&&*name) {
            &mut options
        } else {
            &mut others
        };
        let known = into.iter().any(|known: &NameValue| known.name == name);
        let ours = name == "mid" || name == "access_token" || name.starts_with("server_");
        if known || ours || OPTIONS.contains(&&*name) && value.is_empty() {
            continue;
        }
        if name.len() > spec::MAX_NAME_BYTES || value.len() > spec::MAX_VALUE_BYTES {
            return Err(Refused::Member(
                name.chars().take(spec::MAX_NAME_BYTES).collect(),
            ));
        }
        into.push(NameValue {
            name: name.into_owned(),
            value: value.into_owned(),
        });
    }
    options.sort_by_key(|option| OPTIONS.iter().position(|&name| name == option.name));
    Ok((options, others))
}

fn mid(query: &str) -> Result<String, Refused> {
    let mid = crate::query::value(query, "mid").unwrap_or_default();
    match mid.len() {
        0 => Err(Refused::Missing("mid")),
        1..=spec::MAX_VALUE_BYTES => Ok(mid),
        _ => Err(Refused::Member("mid".into())),
    }
}

fn number(name: &'static str, text: &str, least: u64, most: u64) -> Result<u64, Refused> {
    let number = text.parse().ok();
    let number = number.filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| Refused::Number {
        name,
        text: text.to_owned(),
        least,
        most,
    })
}

fn congestion(text: &str) -> Result<&'static str, Refused> {
    let known = spec::CONGESTIONS.into_iter().find(|&known| known == text);
    known.ok_or_else(|| Refused::Congestion(text.to_owned()))
}

/// A query that is not served.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Longer than [`spec::MAX_QUERY_BYTES`].
    #[error("the query has {0} bytes, at most {most} are taken", most = spec::MAX_QUERY_BYTES)]
    TooLong(usize),
    /// A member that has to be there is not.
    #[error("{0}: missing")]
    Missing(&'static str),
    /// A member with a name or value that is too long.
    #[error(
        "{0}: a name of at most {names} and a value of at most {values} bytes are taken",
        names = spec::MAX_NAME_BYTES,
        values = spec::MAX_VALUE_BYTES
    )]
    Member(String),
    /// Not a whole number within bounds.
    #[error("{name}: {text:?} is no whole number from {least} to {most}")]
    Number {
        /// Name of the member.
        name: &'static str,
        /// What stood there.
        text: String,
        /// Least value.
        least: u64,
        /// Most.
        most: u64,
    },
    /// No congestion control that may be asked for.
    #[error("cc: {0:?} is none of {known}", known = spec::CONGESTIONS.join(", "))]
    Congestion(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn options_are_read_and_the_rest_is_metadata() {
        let query = "mid=m%201&cc=cubic&streams=3&client_name=a&client_name=b&duration=2500\
            &delay=0&bytes=0&access_token=x&server_x=1";
        let request = Request::of_query(query).unwrap();
        assert_eq!(
            (request.mid.as_str(), request.runtime),
            ("m 1", Micros(2_500_000))
        );
        assert_eq!(
            (request.congestion, request.most_bytes),
            (Some("cubic"), None)
        );
        let names: Vec<_> = request.options.iter().map(|o| o.name.as_str()).collect();
        assert_eq!(names, ["streams", "duration", "cc", "delay", "bytes"]);
        assert_eq!(request.metadata.len(), 1);
        assert_eq!(request.metadata[0].value, "a");
    }

    #[test]
    fn what_is_not_said_has_its_default_and_no_run_is_endless() {
        let request = Request::of_query("mid=m&streams=1").unwrap();
        assert_eq!(request.runtime, spec::DEFAULT_RUNTIME);
        let request = Request::of_query("mid=m&streams=1&duration=90000&bytes=150000").unwrap();
        assert_eq!(request.runtime, spec::MAX_RUNTIME);
        assert_eq!(request.most_bytes, Some(150_000));
    }

    #[test]
    fn a_wrong_query_names_its_member() {
        let named = |query: &str| Request::of_query(query).unwrap_err().to_string();
        assert_eq!(named("streams=1"), "mid: missing");
        assert_eq!(named("mid=&streams=1"), "mid: missing");
        assert_eq!(named("mid=a"), "streams: missing");
        assert!(named("mid=a&streams=17").starts_with("streams: \"17\""));
        assert!(named("mid=a&streams=1&duration=-5").starts_with("duration: \"-5\""));
        assert!(named("mid=a&streams=1&bytes=1e6").starts_with("bytes: \"1e6\""));
        assert!(named("mid=a&streams=1&cc=vegas").starts_with("cc: \"vegas\""));
        let long = format!("mid=a&streams=1&x={}", "y".repeat(513));
        assert!(named(&long).starts_with("x: a name"));
    }

    proptest! {
        #[test]
        fn any_query_is_taken_or_refused(query in ".{0,200}") {
            let _ = Request::of_query(&query);
        }
    }
}
