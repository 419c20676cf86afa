//! Questions of a dashboard over HTTP, and how long the answers take.

use std::fmt;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, ensure};

/// Questions of each kind.
const QUESTIONS: usize = 2_000;
/// People who ask at the same time.
const CONNECTIONS: usize = 2;

/// The address of a question about an area.
type Question<'a> = Box<dyn Fn(&str) -> String + 'a>;

/// Times of many answers.
pub(super) struct Times(Vec<Duration>);

impl Times {
    fn at(&self, per_mille: usize) -> f64 {
        let at = (self.0.len().saturating_sub(1)) * per_mille / 1000;
        self.0
            .get(at)
            .map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, p99, most] = [500, 990, 1000].map(|p| self.at(p));
        write!(
            f,
            "median {median:.2} ms, p99 {p99:.2} ms, most {most:.1} ms"
        )
    }
}

/// Asks every kind of question about areas in turn: each has been asked by
/// nobody before, so the answer comes from the kept figures and not from a kept
/// answer; last the map, which is answered from there after the first time.
pub(super) fn all(
    server: SocketAddr,
    codes: &[String],
    month: &str,
) -> anyhow::Result<Vec<(String, Times)>> {
    let area =
        |code: &str, what: &str| format!("/api/v1/areas/{code}/{what}month={month}&synthetic=true");
    let kinds: [(&str, Question<'_>); 5] = [
        ("an area's figures", Box::new(|code| area(code, "figures?"))),
        ("an area's quota", Box::new(|code| area(code, "quota?"))),
        (
            "an area's operators compared",
            Box::new(|code| format!("/api/v1/compare?month={month}&synthetic=true&code={code}")),
        ),
        (
            "an area's chart of operators",
            Box::new(|code| area(code, "charts/operators.svg?")),
        ),
        (
            "an area's chart of the quota",
            Box::new(|code| area(code, "charts/quota.svg?")),
        ),
    ];
    let mut rows = vec![];
    for (what, path) in &kinds {
        let paths: Vec<_> = spread(codes).map(|code| path(code)).collect();
        let what = format!("{what}, {} questions of {CONNECTIONS} at once", paths.len());
        rows.push((what, ask_all(server, &paths)?));
    }
    let map = format!("/api/v1/map?month={month}&synthetic=true");
    let first = ask_all(server, std::slice::from_ref(&map))?;
    rows.push(("the map of all areas, first time".into(), first));
    rows.push((
        "the map of all areas, kept answer".into(),
        ask_all(server, &vec![map; 200])?,
    ));
    Ok(rows)
}

/// As many areas as there are questions, from all over the list, none twice.
fn spread(codes: &[String]) -> impl Iterator<Item = &String> {
    let most = QUESTIONS.min(codes.len());
    (0..most).filter_map(move |k| codes.get(k * codes.len() / most))
}

/// Asks every question, some at a time; the times in order.
fn ask_all(server: SocketAddr, paths: &[String]) -> anyhow::Result<Times> {
    let share = paths.len().div_ceil(CONNECTIONS);
    let parts = std::thread::scope(|scope| {
        let threads: Vec<_> = paths
            .chunks(share.max(1))
            .map(|part| scope.spawn(move || ask_each(server, part)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().ok().context("a thread ended early")?)
            .collect::<anyhow::Result<Vec<_>>>()
    })?;
    let mut times = parts.concat();
    times.sort_unstable();
    Ok(Times(times))
}

fn ask_each(server: SocketAddr, paths: &[String]) -> anyhow::Result<Vec<Duration>> {
    let stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(120)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    paths
        .iter()
        .map(|path| ask(&stream, &mut reader, path))
        .collect()
}

/// One question on a connection that is kept, until the last byte of its answer.
fn ask(
    mut stream: &TcpStream,
    reader: &mut BufReader<TcpStream>,
    path: &str,
) -> anyhow::Result<Duration> {
    let began = net::now();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n").as_bytes())?;
    let mut length = None;
    let mut status = String::new();
    reader.read_line(&mut status)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = Some(value.trim().parse()?);
        }
    }
    let length = length.with_context(|| format!("{path}: an answer without a length"))?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let took = net::now().duration_since(began);
    ensure!(status.contains(" 200 "), "{path}: {}", status.trim());
    Ok(took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_99th_of_a_hundred_is_not_the_slowest() {
        let times = Times((1..=101).map(Duration::from_millis).collect());
        assert!((times.at(990) - 100.0).abs() < 1e-9);
        assert_eq!(
            times.to_string(),
            "median 51.00 ms, p99 100.00 ms, most 101.0 ms"
        );
    }

    #[test]
    fn areas_are_asked_once_each() {
        let codes: Vec<_> = (0..3000).map(|n| n.to_string()).collect();
        let asked: std::collections::BTreeSet<_> = spread(&codes).collect();
        assert_eq!(asked.len(), QUESTIONS);
        assert_eq!(spread(&codes[..3]).count(), 3);
    }
}
