//! From sites in order to the answer.

use std::collections::BTreeMap;

use super::message::{Location, Nearest, Target};
use super::{Service, spec};

/// A site that may be named, in order of preference.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Candidate {
    /// Name of the site.
    pub machine: String,
    /// `host[:port]` of plain WebSockets; `None` when it has none.
    pub plain: Option<String>,
    /// `host[:port]` of WebSockets over TLS; `None` when it has none.
    pub secure: Option<String>,
    /// City; may be empty.
    pub city: String,
    /// ISO 3166-1 country; may be empty.
    pub country: String,
    /// Token for this site; `None` where the site is open to all.
    pub access_token: Option<String>,
}

/// What was asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The service.
    pub service: Service,
    /// The query: its `client_…` members are passed on, as a client expects to
    /// see them in the URLs.
    pub query: Option<&'a str>,
    /// A name that no other measurement has, in letters, digits and hyphens.
    pub mid: &'a str,
}

/// The answer that names `candidates` in their order, the first four; `None`
/// when none can be reached by any scheme, which is answered with 204.
pub fn nearest(question: &Question<'_>, candidates: &[Candidate]) -> Option<Nearest> {
    let Question { service, mid, .. } = *question;
    let mut passed = passed_on(question.query.unwrap_or_default());
    let named = format!("{}={mid}", spec::MEASUREMENT);
    if service.named {
        passed.insert(0, &named);
    }
    let results: Vec<_> = candidates
        .iter()
        .filter(|c| c.plain.is_some() || c.secure.is_some())
        .take(spec::MAX_TARGETS)
        .map(|c| target(service, c, &passed))
        .collect();
    (!results.is_empty()).then_some(Nearest { results })
}

fn target(service: Service, candidate: &Candidate, passed: &[&str]) -> Target {
    let schemes = [("ws", &candidate.plain), ("wss", &candidate.secure)];
    let mut urls = BTreeMap::new();
    for (scheme, authority) in schemes {
        let Some(authority) = authority else { continue };
        for path in service.paths {
            let key = format!("{scheme}://{path}");
            let query = query(candidate.access_token.as_deref(), passed);
            urls.insert(key, format!("{scheme}://{authority}{path}{query}"));
        }
    }
    let authority = candidate.secure.as_ref().or(candidate.plain.as_ref());
    Target {
        machine: candidate.machine.clone(),
        hostname: authority.map_or("", |a| host(a)).to_owned(),
        location: Location {
            city: candidate.city.clone(),
            country: candidate.country.clone(),
        },
        urls,
    }
}

/// `?access_token=…&client_…`, or nothing.
fn query(token: Option<&str>, passed: &[&str]) -> String {
    let token = token.map(|token| format!("{}={token}", spec::ACCESS_TOKEN));
    let members: Vec<_> = token
        .as_deref()
        .into_iter()
        .chain(passed.iter().copied())
        .collect();
    if members.is_empty() {
        return String::new();
    }
    format!("?{}", members.join("&"))
}

/// The members of a query that go on to the site. They stay percent-encoded;
/// one with a character that a URL cannot hold is left out.
fn passed_on(query: &str) -> Vec<&str> {
    let safe = |pair: &&str| pair.bytes().all(|b| b.is_ascii_graphic() && !is_unsafe(b));
    if query.len() > spec::MAX_PASSED_BYTES {
        return vec![];
    }
    let members = query.split('&');
    members
        .filter(|pair| pair.starts_with(spec::CLIENT_MEMBER))
        .filter(safe)
        .collect()
}

const fn is_unsafe(byte: u8) -> bool {
    matches!(
        byte,
        b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'#'
    )
}

/// The host of `host[:port]`, without brackets.
fn host(authority: &str) -> &str {
    let named = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => authority,
    };
    named.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::locate::SERVICES;

    fn site(name: &str, plain: Option<&str>, secure: Option<&str>) -> Candidate {
        Candidate {
            machine: name.into(),
            plain: plain.map(Into::into),
            secure: secure.map(Into::into),
            city: "Hà Nội".into(),
            country: "VN".into(),
            access_token: None,
        }
    }

    fn ask(query: Option<&str>) -> Question<'_> {
        Question {
            service: SERVICES[0],
            query,
            mid: "m-1",
        }
    }

    #[test]
    fn a_measurement_of_several_streams_is_named() {
        let question = Question {
            service: SERVICES[1],
            ..ask(Some("client_name=x"))
        };
        let answer = nearest(&question, &[site("a", Some("h"), None)]).unwrap();
        assert_eq!(
            answer.results[0].urls["ws:///throughput/v1/upload"],
            "ws://h/throughput/v1/upload?mid=m-1&client_name=x"
        );
    }

    #[test]
    fn the_answer_is_what_clients_read() {
        let mut first = site("hni-1", Some("hni1.example.vn:80"), Some("hni1.example.vn"));
        first.access_token = Some("JWT".into());
        let second = site("sgn-1", Some("[2001:db8::1]:8080"), None);
        let query = Some("client_name=ndt7-js&country=VN&client_version=0.1%2B4");
        let answer = nearest(&ask(query), &[first, second]).unwrap();
        let golden = include_str!("../../../../testdata/locate/nearest.json");
        let text = serde_json::to_string_pretty(&answer).unwrap();
        assert_eq!(text, golden.trim_end());
        assert_eq!(serde_json::from_str::<Nearest>(golden).unwrap(), answer);
    }

    #[test]
    fn without_capacity_there_is_no_answer() {
        assert_eq!(nearest(&ask(None), &[]), None);
        let unreachable = site("x", None, None);
        assert_eq!(nearest(&ask(None), &[unreachable]), None);
    }

    #[test]
    fn four_are_named_and_no_more() {
        let sites: Vec<_> = (0..9)
            .map(|n| site(&n.to_string(), Some("h"), None))
            .collect();
        let answer = nearest(&ask(None), &sites).unwrap();
        let names: Vec<_> = answer.results.iter().map(|t| t.machine.as_str()).collect();
        assert_eq!(names, ["0", "1", "2", "3"]);
    }

    proptest! {
        #[test]
        fn any_query_leaves_urls_that_stand_in_a_request(query in ".{0,200}") {
            let answer = nearest(&ask(Some(&query)), &[site("a", Some("h"), None)]);
            for url in answer.unwrap().results[0].urls.values() {
                prop_assert!(url.bytes().all(|b| b.is_ascii_graphic()), "{}", url);
                prop_assert!(url.starts_with("ws://h/ndt/v7/"));
            }
        }
    }
}
