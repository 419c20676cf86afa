//! Ookla's older test over HTTP.

use hyper::{Method, Response};
use wire::ookla::{Endpoint, config, servers, spec, upload_reply};

use super::{Asked, Body, bulk, discard, host, text};
use crate::http::Problem;

const XML: &str = "application/xml; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

pub(super) async fn answer(endpoint: Endpoint, asked: Asked) -> Result<Response<Body>, Problem> {
    match endpoint {
        Endpoint::Config => Ok(text(XML, config(asked.peer.address))),
        Endpoint::Servers => {
            let name = &asked.site.config().name;
            Ok(text(XML, servers(name, &reachable(&asked))))
        }
        Endpoint::Latency => Ok(text(PLAIN, spec::LATENCY)),
        Endpoint::Picture(bytes) => bulk(&asked, spec::PROTOCOL, bytes),
        Endpoint::Upload if *asked.request.method() == Method::POST => {
            let bytes = discard(asked, spec::PROTOCOL).await?;
            Ok(text(PLAIN, upload_reply(bytes)))
        }
        // A client that looks for an older installation asks without a body.
        Endpoint::Upload => Ok(text(PLAIN, upload_reply(500))),
    }
}

/// Where a client reaches this site without a proxy: speedtest-cli measures
/// the round trip that way, and may have called us www.speedtest.net.
fn reachable(asked: &Asked) -> String {
    let named = host(asked);
    let local = asked
        .link
        .local()
        .filter(|_| named.ends_with("speedtest.net"));
    local.map_or_else(|| named.to_owned(), |local| local.to_string())
}
