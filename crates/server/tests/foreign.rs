//! Clients of other projects, as they write on the wire.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod running;

use std::io::{Read as _, Write as _};
use std::time::Duration;

use metric::receipt::{Counted, ReceiptV1};
use running::{Answer, ask, ask_on, connect, read_head, start, start_with};
use server::SiteConfig;

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h:8080")
}

fn post(path: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: h:8080")
}

#[track_caller]
fn open_to_every_page(answer: &Answer) {
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("timing-allow-origin"), Some("*"));
    assert!(answer.header("cache-control").unwrap().contains("no-store"));
}

#[test]
fn librespeed_is_served_at_both_places_with_and_without_php() {
    let site = start(SiteConfig::default());
    for folder in ["", "/backend"] {
        for ending in ["", ".php"] {
            let path = |name: &str| format!("{folder}/{name}{ending}");
            let stream = &mut connect(site);
            let garbage = ask_on(
                stream,
                &get(&format!("{}?ckSize=2&r=0.1", path("garbage"))),
                b"",
            );
            assert_eq!((garbage.status, garbage.body.len()), (200, 2 << 20));
            open_to_every_page(&garbage);
            assert_eq!(
                garbage.header("content-type"),
                Some("application/octet-stream")
            );
            let same = garbage.body.windows(2).filter(|w| w[0] == w[1]).count();
            assert!(same < garbage.body.len() / 2, "compressible");

            let upload = ask_on(stream, &post(&path("empty")), &[0; 300_000]);
            assert_eq!((upload.status, upload.body.len()), (200, 0));
            let ping = ask_on(stream, &get(&path("empty")), b"");
            assert_eq!((ping.status, ping.body.len()), (200, 0));
            let address = ask_on(stream, &get(&format!("{}?isp=true", path("getIP"))), b"").json();
            assert_eq!(address["processedString"], "127.0.0.1");
        }
    }
}

#[test]
fn a_chunked_upload_is_taken() {
    let site = start(SiteConfig::default());
    let mut stream = connect(site);
    let head = "POST /empty.php HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    for _ in 0..10 {
        stream.write_all(b"4\r\nabcd\r\n").unwrap();
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    assert_eq!(read_head(&mut stream).status, 200);
    // The connection lives on.
    assert_eq!(ask_on(&mut stream, &get("/empty"), b"").status, 200);
}

#[test]
fn both_lists_of_servers_name_this_one() {
    let site = start(SiteConfig::default());
    for path in ["/servers.json", "/backend-servers/servers.php"] {
        let list = ask(site, &get(path), b"").json();
        assert_eq!(list[0]["server"], "//h:8080/", "{path}");
        assert_eq!(list[0]["dlURL"], "backend/garbage.php");
    }
    let list = ask(site, &get("/get-servers"), b"").json();
    assert_eq!(list[0]["baseUrl"], "http://h:8080");
    let download = list[0]["downloadUrl"].as_str().unwrap();
    let chunk = ask(site, &get(&format!("{download}?ckSize=1")), b"");
    assert_eq!(chunk.body.len(), 1 << 20);
    let who = ask(site, &get("/get-ip-info?isp=true"), b"").json();
    assert_eq!(who["ip"], "127.0.0.1");
    assert_eq!(who["isp"], "");
}

#[test]
fn telemetry_comes_back_as_figures() {
    let site = start(SiteConfig::default());
    let head = format!(
        "{}\r\nContent-Type: application/x-www-form-urlencoded",
        post("/results/telemetry.php")
    );
    let reply = ask(site, &head, b"dl=93.5&ul=20&ping=3&jitter=1&log=secret").text();
    let id = reply.strip_prefix("id ").unwrap();
    let result = ask(site, &get(&format!("/results/json.php?id={id}")), b"");
    assert_eq!(result.json()["dl"], "93.5");
    assert!(!result.text().contains("secret"));
    let image = ask(site, &get(&format!("/results/?id={id}")), b"");
    assert_eq!(image.header("content-type"), Some("image/svg+xml"));
    let unknown = ask(site, &get("/results/?id=x"), b"");
    assert_eq!(unknown.status, 404);
    assert!(unknown.text().contains("result_unknown"));
    let asked = ask(site, &get("/results/telemetry.php"), b"");
    assert_eq!(asked.status, 405);
}

#[test]
fn cloudflare_gives_bytes_and_its_own_time() {
    let site = start(SiteConfig::default());
    let stream = &mut connect(site);
    for bytes in [0, 1, 100_000, 3_000_000] {
        let down = ask_on(
            stream,
            &get(&format!("/__down?bytes={bytes}&measId=1&during=download")),
            b"",
        );
        assert_eq!((down.status, down.body.len()), (200, bytes));
        open_to_every_page(&down);
        let timing = down.header("server-timing").unwrap();
        let took = timing.strip_prefix("cfrequestduration;dur=").unwrap();
        assert!(took.parse::<f64>().unwrap() < 1000.0, "{timing}");
        assert_eq!(
            down.header("access-control-expose-headers"),
            Some("server-timing")
        );
    }
    let up = ask_on(stream, &post("/__up?measId=1"), &[b'0'; 200_000]);
    assert_eq!((up.status, up.body.len()), (200, 0));
    assert!(up.header("server-timing").is_some());
    let options = ask_on(stream, "OPTIONS /__up HTTP/1.1\r\nHost: h", b"");
    assert_eq!(options.status, 204);
    open_to_every_page(&options);
    assert!(
        options
            .header("access-control-allow-methods")
            .unwrap()
            .contains("post")
    );
    let trace = ask_on(stream, &get("/cdn-cgi/trace"), b"").text();
    assert!(trace.contains("ip=127.0.0.1\n"));
}

#[test]
fn what_is_asked_wrongly_is_named() {
    let site = start(SiteConfig::default());
    for path in [
        "/__down?bytes=x",
        "/__down?bytes=-1",
        "/__down?bytes=99999999999999",
    ] {
        let answer = ask(site, &get(path), b"");
        assert_eq!(answer.status, 400, "{path}");
        assert!(
            answer.json()["detail"]
                .as_str()
                .unwrap()
                .starts_with("bytes:")
        );
        open_to_every_page(&answer);
    }
}

#[test]
fn openspeedtest_has_its_file_and_its_upload() {
    let site = start(SiteConfig::default());
    let stream = &mut connect(site);
    let file = ask_on(stream, &get("/downloading?n=0.1"), b"");
    assert_eq!(file.body.len(), 30 << 20);
    assert_eq!(
        ask_on(stream, "HEAD /upload HTTP/1.1\r\nHost: h", b"").status,
        200
    );
    assert_eq!(
        ask_on(stream, &post("/upload?n=1"), &[0; 1_000_000]).status,
        200
    );
}

#[test]
fn a_client_that_does_not_read_is_cut_off() {
    let site = start(SiteConfig {
        max_subtest_seconds: 1,
        ..SiteConfig::default()
    });
    let mut stream = connect(site);
    write!(stream, "{}\r\n\r\n", get("/garbage?ckSize=1024")).unwrap();
    // Until the site has gone, which is when writing to it fails.
    while stream.write_all(b"x").is_ok() {
        std::thread::sleep(Duration::from_millis(20));
    }
    let (mut read, mut buffer) = (0, vec![0; 1 << 20]);
    while let Ok(n @ 1..) = stream.read(&mut buffer) {
        read += n;
    }
    assert!(read < 1 << 30, "{read}");
}

#[test]
fn a_full_site_says_when_to_come_back() {
    let site = start(SiteConfig {
        max_sessions: 0,
        ..SiteConfig::default()
    });
    let answer = ask(site, &get("/garbage"), b"");
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), Some("10"));
    open_to_every_page(&answer);
}

#[test]
fn locate_names_the_site_itself() {
    let site = start(SiteConfig::default());
    let answer = ask(site, &get("/v2/nearest/ndt/ndt7?client_name=x"), b"");
    open_to_every_page(&answer);
    let url = &answer.json()["results"][0]["urls"]["ws:///ndt/v7/download"];
    assert_eq!(url, "ws://h:8080/ndt/v7/download?client_name=x");
    let full = start(SiteConfig {
        max_sessions: 0,
        ..SiteConfig::default()
    });
    assert_eq!(ask(full, &get("/v2/nearest/ndt/ndt7"), b"").status, 204);
}

#[test]
fn ookla_answers_for_whatever_host_it_is_asked() {
    let site = start(SiteConfig::default());
    let stream = &mut connect(site);
    let head =
        "GET http://www.speedtest.net/speedtest-config.php HTTP/1.1\r\nHost: www.speedtest.net";
    let config = ask_on(stream, head, b"");
    assert!(config.text().contains("<client ip=\"127.0.0.1\""));
    let servers = ask_on(stream, &get("/speedtest-servers-static.php"), b"").text();
    assert!(servers.contains("url=\"http://h:8080/speedtest/upload.php\""));
    // Called by another's name, it gives the address that it is reached at.
    let head = "GET http://www.speedtest.net/speedtest-servers-static.php HTTP/1.1\r\nHost: x";
    let servers = ask_on(stream, head, b"").text();
    assert!(servers.contains(&format!("url=\"http://{site}/speedtest/upload.php\"")));
    let latency = ask_on(stream, &get("/speedtest/latency.txt?x=1"), b"");
    assert_eq!(latency.text(), "test=test\n");
    let picture = ask_on(stream, &get("/speedtest/random350x350.jpg?x=1"), b"");
    assert_eq!(picture.body.len(), 245_388);
    let upload = ask_on(stream, &post("/speedtest/upload.php"), &[b'0'; 70_000]);
    assert_eq!(upload.text(), "size=70000");
    assert!(
        ask_on(stream, &get("/speedtest/upload.php"), b"")
            .text()
            .starts_with("size=")
    );
}

#[test]
fn requests_of_one_client_are_kept_as_one_test() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().to_owned();
    let site = start_with(SiteConfig::default(), |site| site.keeping(spool));
    let (first, second) = (&mut connect(site), &mut connect(site));
    ask_on(first, &get("/backend/empty.php"), b"");
    for stream in [first, second] {
        ask_on(stream, &get("/backend/garbage.php?ckSize=1"), b"");
        ask_on(stream, &get("/backend/garbage.php?ckSize=1"), b"");
        ask_on(stream, &post("/backend/empty.php"), &[0; 500_000]);
    }
    // More connections than a receipt has lines for.
    for _ in 0..20 {
        ask(site, &get("/backend/garbage.php?ckSize=1"), b"");
    }
    // A few bytes are no test.
    ask(site, &get("/__down?bytes=1000"), b"");
    let receipt = wait_for_line(&folder.path().join("foreign"));
    assert_eq!(receipt.lines().count(), 1);
    let receipt: ReceiptV1 = serde_json::from_str(receipt.trim_end()).unwrap();
    assert!(receipt.is_well_formed());
    assert_eq!(
        (receipt.protocol.as_str(), receipt.mode.as_str()),
        ("librespeed", "foreign")
    );
    let (download, upload) = (receipt.download.unwrap(), receipt.upload.unwrap());
    assert_eq!((download.bytes(), download.streams.len()), (24 << 20, 16));
    assert_eq!(download.counted, Counted::Written);
    assert_eq!((upload.bytes(), upload.streams.len()), (1_000_000, 2));
    assert_eq!(upload.counted, Counted::Received);
}

fn wait_for_line(folder: &std::path::Path) -> String {
    for _ in 0..1500 {
        let mut entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let text = entries
            .next()
            .and_then(|e| std::fs::read_to_string(e.path()).ok());
        if let Some(text) = text.filter(|text| text.ends_with('\n')) {
            return text;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("nothing was kept");
}
