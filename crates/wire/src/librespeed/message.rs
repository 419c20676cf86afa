//! What is said in JSON and plain text.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// One server in the list that `LibreSpeed` clients read.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Server {
    /// Number in the list, for the command line's `--server`.
    pub id: u32,
    /// Name shown.
    pub name: String,
    /// Where the paths below begin.
    pub server: String,
    /// Download.
    #[serde(rename = "dlURL")]
    pub download: String,
    /// Upload.
    #[serde(rename = "ulURL")]
    pub upload: String,
    /// Ping.
    #[serde(rename = "pingURL")]
    pub ping: String,
    /// The client's address.
    #[serde(rename = "getIpURL")]
    pub address: String,
    /// Who runs it.
    #[serde(rename = "sponsorName", default)]
    pub sponsor: String,
    /// Their page.
    #[serde(rename = "sponsorURL", default)]
    pub sponsor_url: String,
}

impl Server {
    /// A server of ours: `base` is its address with the last slash.
    pub fn ours(id: u32, name: &str, base: &str) -> Self {
        Self {
            id,
            name: name.into(),
            server: base.into(),
            download: "backend/garbage.php".into(),
            upload: "backend/empty.php".into(),
            ping: "backend/empty.php".into(),
            address: "backend/getIP.php".into(),
            sponsor: name.into(),
            sponsor_url: base.into(),
        }
    }
}

/// Answer of `getIP`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// What is shown.
    pub processed_string: String,
    /// What an address registry said; a site asks none, so it is empty.
    pub raw_isp_info: String,
}

impl Address {
    /// The answer to a client at `address`.
    pub fn of(address: IpAddr) -> Self {
        Self {
            processed_string: address.to_string(),
            raw_isp_info: String::new(),
        }
    }
}

/// One server in i-Speed's list.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ISpeedServer {
    /// Name shown.
    pub name: String,
    /// City shown.
    pub city: String,
    /// Where the paths begin, without a last slash.
    pub base_url: String,
    /// Download; takes `ckSize` in mebibytes.
    pub download_url: String,
    /// Upload, by POST.
    pub upload_url: String,
}

impl ISpeedServer {
    /// A server of ours: `base` is its address with the last slash.
    pub fn ours(name: &str, city: &str, base: &str) -> Self {
        Self {
            name: name.into(),
            city: city.into(),
            base_url: base.trim_end_matches('/').into(),
            download_url: "/garbage".into(),
            upload_url: "/empty".into(),
        }
    }
}

/// i-Speed's account of the client's address.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ISpeedAddress {
    /// The address.
    pub ip: IpAddr,
    /// Name of the operator; a site does not know it, so it is empty.
    pub isp: String,
}

/// What a `LibreSpeed` client says it measured, as it wrote it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Telemetry {
    /// Download in Mbit/s.
    pub dl: String,
    /// Upload in Mbit/s.
    pub ul: String,
    /// Round trip in ms.
    pub ping: String,
    /// Jitter in ms.
    pub jitter: String,
}

impl Telemetry {
    /// The claims in a form; `ispinfo`, `log` and `extra`, which may hold an
    /// address or a place, are not kept.
    pub fn of_form(fields: &[(String, String)]) -> Self {
        let field = |name: &str| {
            let found = fields.iter().find(|(n, _)| n == name);
            // Figures only: what comes back in an answer is nobody's text.
            let figure = found.filter(|(_, v)| v.parse::<f64>().is_ok_and(f64::is_finite));
            figure.map(|(_, v)| v.clone()).unwrap_or_default()
        };
        Self {
            dl: field("dl"),
            ul: field("ul"),
            ping: field("ping"),
            jitter: field("jitter"),
        }
    }

    /// The answer to the form: how the result is called from now on.
    pub fn reply(id: &str) -> String {
        format!("id {id}")
    }

    /// A small picture of the result, as SVG.
    pub fn image(&self) -> String {
        let or_dash = |text: &str| {
            if text.is_empty() {
                "–".into()
            } else {
                text.to_owned()
            }
        };
        format!(
            concat!(
                r#"<svg xmlns="http://www.w3.org/2000/svg" width="400" height="120" font-family="sans-serif">"#,
                r##"<rect width="400" height="120" fill="#fff"/>"##,
                r#"<text x="20" y="35">Ping {} ms</text><text x="220" y="35">Jitter {} ms</text>"#,
                r#"<text x="20" y="70">Download {} Mbit/s</text><text x="220" y="70">Upload {} Mbit/s</text>"#,
                r#"<text x="20" y="105" font-size="12">LibreSpeed, as the client computed it</text></svg>"#
            ),
            or_dash(&self.ping),
            or_dash(&self.jitter),
            or_dash(&self.dl),
            or_dash(&self.ul),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_what_both_clients_need() {
        let server = Server::ours(1, "hcm-1", "http://h:8080/");
        let json = serde_json::to_value(&server).unwrap();
        for name in ["name", "server", "dlURL", "ulURL", "pingURL", "getIpURL"] {
            assert!(json[name].is_string(), "{name}");
        }
        assert_eq!(json["id"], 1);
        let ispeed = ISpeedServer::ours("hcm-1", "", "http://h:8080/");
        let json = serde_json::to_value(&ispeed).unwrap();
        assert_eq!(json["baseUrl"], "http://h:8080");
        assert_eq!(json["downloadUrl"], "/garbage");
    }

    #[test]
    fn telemetry_keeps_figures_only() {
        let form = [
            ("dl", "93.50"),
            ("ul", "<script>"),
            ("ping", "NaN"),
            ("log", "x"),
        ];
        let form = form.map(|(n, v)| (n.to_owned(), v.to_owned()));
        let kept = Telemetry::of_form(&form);
        assert_eq!(kept.dl, "93.50");
        assert_eq!((kept.ul.as_str(), kept.ping.as_str()), ("", ""));
        assert!(kept.image().contains("Download 93.50 Mbit/s"));
    }
}
