//! What error costs how much data: a picture for each family of links.

use std::fmt::Write as _;

use crate::plot::{escaped, mark};
use crate::summary::{Group, Summary};

const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 64.0;
const TOP: f64 = 60.0;
const GAP: f64 = 96.0;
/// Both axes are logarithmic.
const DATA: [f64; 2] = [0.1, 4.0];
const ERROR: [f64; 2] = [0.0001, 1.0];

/// An SVG: median data against the error's median (mark) and 90th percentile
/// (end of the line above it), a mark for each client.
pub(crate) fn frontier(summary: &Summary) -> String {
    let mut svg = String::new();
    let (width, height) = (2.0 * (LEFT + WIDTH) + GAP, TOP + HEIGHT + 60.0);
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"#111\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"10\" y=\"22\" font-size=\"15\" font-weight=\"bold\">Error against data: \
         median, and the line up to the 90th percentile</text>"
    );
    for (at, family) in ["constant", "varying"].into_iter().enumerate() {
        let left = LEFT + at as f64 * (WIDTH + GAP);
        axes(&mut svg, left, family);
        let groups = summary.families.iter().filter(|group| group.of == family);
        for (client, group) in groups.enumerate() {
            point(&mut svg, left, client, group);
        }
    }
    svg + "</svg>\n"
}

fn point(svg: &mut String, left: f64, client: usize, group: &Group) {
    let figures = &group.figures;
    let (Some(data), Some(median), Some(p90)) = (
        figures.median_data_ratio,
        figures.median_abs_error,
        figures.p90_abs_error,
    ) else {
        return;
    };
    let (x, y, top) = (left + across(data), down(median), down(p90));
    let title = format!(
        "{}: {:.2} of the data, {:.2} % / {:.1} %",
        group.client,
        data,
        median * 100.0,
        p90 * 100.0
    );
    let _ = writeln!(
        svg,
        "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{y:.1}\" y2=\"{top:.1}\" stroke=\"#777\"/>\n\
         <line x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{top:.1}\" y2=\"{top:.1}\" stroke=\"#777\"/>\n\
         <text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
        x - 4.0,
        x + 4.0,
        x + 7.0,
        y + 4.0,
        escaped(&group.client)
    );
    mark(svg, client, x, y, &title);
}

fn axes(svg: &mut String, left: f64, family: &str) {
    let (right, bottom) = (left + WIDTH, TOP + HEIGHT);
    let _ = writeln!(
        svg,
        "<text x=\"{left}\" y=\"{}\" font-weight=\"bold\">{family} links</text>\n\
         <text x=\"{right}\" y=\"{}\" text-anchor=\"end\">data of the run / ten seconds of the line</text>",
        TOP - 12.0,
        bottom + 40.0
    );
    for error in [0.0001, 0.001, 0.01, 0.1, 1.0] {
        let y = down(error);
        let _ = writeln!(
            svg,
            "<line x1=\"{left}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>\n\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{} %</text>",
            left - 6.0,
            y + 4.0,
            error * 100.0
        );
    }
    for data in [0.1, 0.2, 0.5, 1.0, 2.0, 4.0] {
        let x = left + across(data);
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom}\" stroke=\"#ddd\"/>\n\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{data}</text>",
            bottom + 18.0
        );
    }
}

fn across(data: f64) -> f64 {
    WIDTH * share(data, DATA)
}

fn down(error: f64) -> f64 {
    TOP + HEIGHT * (1.0 - share(error, ERROR))
}

/// Where a value lies on a logarithmic axis, 0 to 1; at its end when beyond.
fn share(value: f64, [from, to]: [f64; 2]) -> f64 {
    (value.clamp(from, to) / from).ln() / (to / from).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::row;

    #[test]
    fn every_client_is_a_mark_and_axes_end_where_they_end() {
        let rows = [row("a", "x", Some(0.01)), row("a", "y<", Some(-0.5))];
        let svg = frontier(&Summary::of(&rows, &[]));
        assert_eq!(svg.matches("<title>").count(), 2);
        assert!(svg.contains("y&lt;"));
        assert!(down(1e-9) == TOP + HEIGHT && down(7.0) == TOP);
        assert!(across(0.01) == 0.0 && across(100.0) == WIDTH);
    }
}
