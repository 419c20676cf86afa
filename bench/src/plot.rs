//! The dot plot: the error of every run, a line for each link and direction.

use std::fmt::Write as _;

use crate::row::Row;

const LEFT: f64 = 200.0;
const WIDTH: f64 = 640.0;
const TOP: f64 = 64.0;
/// Height of a client's dots.
const DOTS: f64 = 8.0;
/// Errors beyond are drawn at the edge.
const EDGE: f64 = 0.30;

/// Dark enough for print, apart without colour by their shape.
const INKS: [&str; 7] = [
    "#0b5394", "#b45f06", "#38761d", "#741b47", "#444444", "#00838f", "#8d6e00",
];

/// An SVG of all rows that count.
pub(crate) fn errors(rows: &[Row]) -> String {
    let mut clients: Vec<&str> = vec![];
    let mut lines: Vec<(&str, &String)> = vec![];
    for row in rows.iter().filter(|row| row.counts()) {
        add(&mut clients, &row.client);
        add(&mut lines, (&row.link, &row.direction));
    }
    lines.sort_by_key(|line| rows.iter().position(|row| row.link == line.0));
    let line_height = DOTS * clients.len() as f64 + 8.0;
    let height = TOP + line_height * lines.len() as f64 + 50.0;
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"#111\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"10\" y=\"20\" font-size=\"15\" font-weight=\"bold\">Error of each run: reported / truth − 1</text>",
        LEFT + WIDTH + 20.0
    );
    axis(&mut svg, height);
    for (at, client) in clients.iter().enumerate() {
        let x = 20.0 + 130.0 * at as f64;
        mark(&mut svg, at, x, 40.0, client);
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"44\">{}</text>",
            x + 10.0,
            escaped(client)
        );
    }
    for (at, (link, direction)) in lines.iter().enumerate() {
        let y = TOP + line_height * (at as f64 + 0.5);
        let (from, to) = (LEFT, LEFT + WIDTH);
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{} {}</text>\n\
             <line x1=\"{from}\" x2=\"{to}\" y1=\"{y}\" y2=\"{y}\" stroke=\"#eee\"/>",
            LEFT - 10.0,
            y + 4.0,
            escaped(link),
            if **direction == "download" {
                "↓"
            } else {
                "↑"
            },
        );
        let here = |row: &&Row| row.link == *link && row.direction == **direction && row.counts();
        for row in rows.iter().filter(here) {
            let client = clients
                .iter()
                .position(|client| *client == row.client)
                .unwrap_or(0);
            let apart = (client as f64 - (clients.len() as f64 - 1.0) / 2.0) * DOTS;
            let error = row.error.unwrap_or(0.0);
            let title = format!("{} run {}: {:+.1} %", row.client, row.run, error * 100.0);
            mark(&mut svg, client, x(error), y + apart, &title);
        }
    }
    svg + "</svg>\n"
}

fn add<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

fn x(error: f64) -> f64 {
    LEFT + WIDTH * (error.clamp(-EDGE, EDGE) + EDGE) / (2.0 * EDGE)
}

fn axis(svg: &mut String, height: f64) {
    let bottom = height - 40.0;
    for percent in (-30..=30).step_by(5) {
        let at = x(f64::from(percent) / 100.0);
        let ink = if percent == 0 { "#111" } else { "#ccc" };
        let label = match percent {
            -30 => "≤ −30 %".into(),
            30 => "≥ 30 %".into(),
            _ => format!("{percent}").replace('-', "−"),
        };
        let _ = writeln!(
            svg,
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{bottom}\" stroke=\"{ink}\"/>\n\
             <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
            bottom + 18.0
        );
    }
}

/// A client's mark: its own shape and ink.
pub(crate) fn mark(svg: &mut String, client: usize, x: f64, y: f64, title: &str) {
    let ink = INKS[client % INKS.len()];
    let shape = match client % 3 {
        0 => format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\""),
        1 => format!(
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"6\" height=\"6\"",
            x - 3.0,
            y - 3.0
        ),
        _ => format!("<path d=\"M{x:.1} {:.1} l4 7 h-8 z\"", y - 4.0),
    };
    let title = escaped(title);
    let _ = writeln!(
        svg,
        "{shape} fill=\"{ink}\" fill-opacity=\"0.75\"><title>{title}</title>{}",
        close(client)
    );
}

const fn close(client: usize) -> &'static str {
    match client % 3 {
        0 => "</circle>",
        1 => "</rect>",
        _ => "</path>",
    }
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::row;

    #[test]
    fn every_run_that_counts_is_a_dot() {
        let rows = [
            row("a", "x", Some(0.01)),
            row("a", "x", Some(-0.9)),
            row("b", "y<", Some(0.0)),
            row("b", "y<", None),
        ];
        let svg = errors(&rows);
        // Two clients in the legend, three runs.
        assert_eq!(svg.matches("<title>").count(), 5);
        assert!(svg.contains("x run 1: -90.0 %") && svg.contains("y&lt;"));
        assert_eq!(
            svg.matches("<circle").count(),
            svg.matches("</circle>").count()
        );
    }
}
