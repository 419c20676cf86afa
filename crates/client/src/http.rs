//! Requests to a site or a centre: HTTP/1.1, one connection each.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use net::transport::Transport;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use wire::native::message::Problem;

use crate::{Error, Trust};

/// How long anything may take to answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// Longest answer read.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// Where a site or a centre is.
#[derive(Clone, Debug)]
pub struct Base {
    host: String,
    port: u16,
    /// The address that every connection goes to; the name's when absent.
    address: Option<SocketAddr>,
    /// Whom to trust; absent when TLS is not spoken.
    trust: Option<Trust>,
}

impl Base {
    /// Reads `http://host[:port]` or `https://host[:port]`, whose certificate
    /// the system has to trust.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] when it is not such a URL.
    pub fn parse(url: &str) -> Result<Self, Error> {
        Self::parse_with(url, Trust::system)
    }

    /// The same with a choice of whom to trust, asked only when TLS is spoken.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] when it is not such a URL, and those of `trust`.
    pub fn parse_with(
        url: &str,
        trust: impl FnOnce() -> Result<Trust, Error>,
    ) -> Result<Self, Error> {
        let usage = |why: &str| {
            Error::Usage(format!(
                "--site {url}: {why}, for example http://127.0.0.1:8080"
            ))
        };
        let uri: Uri = url.parse().map_err(|_| usage("expected a URL"))?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(usage("expected http:// or https://")),
        };
        let host = uri
            .host()
            .ok_or_else(|| usage("expected a host"))?
            .to_owned();
        if uri.path() != "/" && !uri.path().is_empty() {
            return Err(usage("expected no path"));
        }
        Ok(Self {
            host,
            port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            address: None,
            trust: tls.then(trust).transpose()?,
        })
    }

    /// The same place, reached at one of its addresses only.
    pub fn at(&self, address: SocketAddr) -> Self {
        Self {
            address: Some(address),
            ..self.clone()
        }
    }

    /// The addresses of the host, in the order of the system's resolver.
    ///
    /// # Errors
    ///
    /// [`Error`] where the name has none.
    pub async fn addresses(&self) -> Result<Vec<SocketAddr>, Error> {
        if let Some(address) = self.address {
            return Ok(vec![address]);
        }
        let found = within(tokio::net::lookup_host((self.bare_host(), self.port))).await??;
        Ok(found.collect())
    }

    fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Opens a connection and speaks HTTP on it.
    pub(crate) async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Error> {
        let stream = match self.address {
            Some(address) => within(TcpStream::connect(address)).await??,
            None => within(TcpStream::connect((self.bare_host(), self.port))).await??,
        };
        stream.set_nodelay(true)?;
        let stream = match &self.trust {
            None => Transport::plain(stream),
            Some(trust) => within(trust.connect(stream, self.bare_host())).await??,
        };
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        tokio::spawn(connection.with_upgrades());
        Ok(sender)
    }

    /// Posts JSON and reads JSON, with the status; all of it within
    /// [`PATIENCE`], however slowly the answer drips.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        bearer: Option<&str>,
        body: &impl Serialize,
    ) -> Result<(StatusCode, T), Error> {
        within(Box::pin(self.post_and_read(path, bearer, body))).await?
    }

    async fn post_and_read<T: DeserializeOwned>(
        &self,
        path: &str,
        bearer: Option<&str>,
        body: &impl Serialize,
    ) -> Result<(StatusCode, T), Error> {
        let body = serde_json::to_vec(body).map_err(std::io::Error::other)?;
        let mut request = Request::post(path)
            .header(HOST, self.authority())
            .header(USER_AGENT, concat!("ispeed/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/json");
        if let Some(token) = bearer {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request
            .body(Full::from(body))
            .map_err(std::io::Error::other)?;
        let mut sender = self.connect().await?;
        ask(&mut sender, request).await
    }

    /// Gets JSON.
    ///
    /// # Errors
    ///
    /// [`Error`]; a problem of the other end is [`Error::Refused`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let mut sender = self.connect().await?;
        Ok(ask(&mut sender, self.getting(path)?).await?.1)
    }

    /// Posts bytes with lines of one's own in the head; of the answer only the
    /// status is read.
    ///
    /// # Errors
    ///
    /// [`Error`] where nobody answers in time, or not in HTTP.
    pub async fn send(
        &self,
        path: &str,
        headers: &[(&str, String)],
        body: Vec<u8>,
    ) -> Result<u16, Error> {
        let request = Request::post(path)
            .header(HOST, self.authority())
            .header(USER_AGENT, concat!("ispeed/", env!("CARGO_PKG_VERSION")));
        let add = |request: hyper::http::request::Builder, (name, value): &(&str, String)| {
            request.header(*name, value)
        };
        let request = headers.iter().fold(request, add).body(Full::from(body));
        let request = request.map_err(std::io::Error::other)?;
        let mut sender = self.connect().await?;
        let answer = within(sender.send_request(request))
            .await?
            .map_err(broken)?;
        Ok(answer.status().as_u16())
    }

    /// A request for a path.
    pub(crate) fn getting(&self, path: &str) -> Result<Request<Full<Bytes>>, Error> {
        let request = Request::get(path)
            .header(HOST, self.authority())
            .header(USER_AGENT, concat!("ispeed/", env!("CARGO_PKG_VERSION")))
            .body(Full::default());
        Ok(request.map_err(std::io::Error::other)?)
    }
}

/// Sends a request on an open connection and reads the JSON of the answer.
pub(crate) async fn ask<T: DeserializeOwned>(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, T), Error> {
    let answer = within(sender.send_request(request))
        .await?
        .map_err(broken)?;
    let (head, body) = answer.into_parts();
    let body = within(whole(body)).await??;
    read(head.status, &head.headers, &body)
}

/// The body of an answer, up to [`MAX_ANSWER_BYTES`].
pub(crate) async fn whole(body: Incoming) -> Result<Bytes, Error> {
    let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
    Ok(body.map_err(std::io::Error::other)?.to_bytes())
}

pub(crate) fn read<T: DeserializeOwned>(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(StatusCode, T), Error> {
    if status.is_success() {
        let value = serde_json::from_slice(body);
        return value
            .map(|value| (status, value))
            .map_err(|_| foreign(headers));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(Error::Busy {
            retry_after: retry_after(headers),
        });
    }
    let problem: Problem = serde_json::from_slice(body).map_err(|_| foreign(headers))?;
    Err(Error::Refused(Box::new(problem)))
}

/// An answer that no site of ours gives.
fn foreign(headers: &HeaderMap) -> Error {
    let kind = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    Error::Blocked(format!(
        "the answer is {}, not ours",
        kind.unwrap_or("of no type")
    ))
}

fn retry_after(headers: &HeaderMap) -> Duration {
    let seconds = headers
        .get(RETRY_AFTER)
        .and_then(|v: &HeaderValue| v.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or(10))
}

/// Anything that takes longer than [`PATIENCE`] has failed.
pub(crate) async fn within<T>(work: impl Future<Output = T>) -> Result<T, Error> {
    let done = tokio::time::timeout(PATIENCE, work).await;
    done.map_err(|_| Error::Silent(PATIENCE))
}

/// HTTP that broke: the connection, or something on it that is not HTTP.
pub(crate) fn broken(error: hyper::Error) -> Error {
    if error.is_parse() {
        Error::Blocked(format!("the answer is not HTTP ({error})"))
    } else {
        Error::Network(std::io::Error::other(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_a_url_without_a_path() {
        let base = Base::parse("http://127.0.0.1:8080").unwrap();
        assert_eq!(base.authority(), "127.0.0.1:8080");
        assert_eq!(
            Base::parse("http://[::1]:81/").unwrap().authority(),
            "[::1]:81"
        );
        assert_eq!(
            Base::parse("http://site.example").unwrap().authority(),
            "site.example:80"
        );
        let base = Base::parse("https://site.example").unwrap();
        assert_eq!(base.authority(), "site.example:443");
        for bad in [
            "127.0.0.1:8080",
            "ftp://x",
            "http://x/path",
            "https://x/path",
            "",
        ] {
            let error = Base::parse(bad).unwrap_err();
            assert_eq!(error.exit_status(), 64, "{bad}");
        }
    }

    #[test]
    fn a_captive_portal_is_not_a_result() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        for status in [StatusCode::OK, StatusCode::FOUND, StatusCode::NOT_FOUND] {
            let got = read::<Problem>(status, &headers, b"<html>sign in</html>");
            assert!(matches!(got, Err(Error::Blocked(_))), "{status}");
        }
    }
}
