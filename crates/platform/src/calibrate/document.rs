//! The results as a page and a picture.

use std::fmt::Write as _;

use super::coverage::Coverage;
use super::gaming;

/// Rows of a Markdown page in `docs/calibration/`.
pub fn markdown(coverage: &[Coverage], gaming: &[gaming::Row], runs: u32, seed: u64) -> String {
    let mut page = format!(
        "# Calibration\n\nMade by `ispeed method calibrate --runs {runs} --seed {seed}`; the same \
         command gives the same numbers. `docs/METHODOLOGY.md` §4 says what is claimed.\n\n\
         ## Coverage\n\nShare of {runs} simulated wards whose 95 % interval holds the truth (Monte \
         Carlo error ±{:.1} points). Four operators of different speed, slower evenings, one to \
         nine days a device and one to three tests a day (`days` 1: one test a device). `naive` is \
         the rank interval that takes every test as independent. The claim of 93 to 97 % is for 30 \
         devices and more.\n\n![coverage](coverage.svg)\n\n",
        196.0 * (0.95_f64 * 0.05 / f64::from(runs)).sqrt()
    );
    page += "| devices | σ | ρ | days | device-days | median | naive | mean | p5 | p95 | half width, ln |\n\
             |---|---|---|---|---|---|---|---|---|---|---|\n";
    for c in coverage {
        let _ = writeln!(page, "{}", line(c));
    }
    page += "\n## Gaming\n\nOne ward with 300 honest tests (100 devices, median 40 Mbit/s, σ 0.9, \
             ρ 0.4) and what is added to them. Before: median and mean over all tests as they came. \
             After: the figure of edition 2.\n\n\
             | trick | median before | mean before | taken out | median after | mean after | 95 % interval |\n\
             |---|---|---|---|---|---|---|\n";
    for row in gaming {
        let _ = writeln!(
            page,
            "| {} | {:.1} | {:.1} | {} | {:.1} | {:.1} | {:.1}–{:.1} |",
            row.trick,
            row.before[0],
            row.before[1],
            row.out,
            row.after[0],
            row.after[1],
            row.interval[0],
            row.interval[1]
        );
    }
    page += "\nWhat no rule of one centre can see is an invented test with a device, a place and a \
             trace of its own: the first line of defence against those is the site's signature over \
             what its own kernel saw, the second is the median.\n";
    page
}

fn line(c: &Coverage) -> String {
    let percent = |share: f64| format!("{:.1}", share * 100.0);
    let some = |share: Option<f64>| share.map_or_else(|| "–".into(), percent);
    format!(
        "| {} | {:.1} | {:.1} | {} | {:.0} | {} | {} | {} | {} | {} | {:.3} |",
        c.case.devices,
        c.case.log_sd,
        c.case.rho,
        c.case.most_days,
        c.device_days,
        percent(c.median),
        percent(c.naive),
        percent(c.mean),
        some(c.p5),
        some(c.p95),
        c.half_width
    )
}

/// Coverage by number of devices: dots for the figure, crosses for the naive
/// interval, a band from 93 to 97 %. Told apart by shape, not by colour alone.
pub fn svg(coverage: &[Coverage]) -> String {
    let counts: Vec<u32> = {
        let mut counts: Vec<_> = coverage.iter().map(|c| c.case.devices).collect();
        counts.sort_unstable();
        counts.dedup();
        counts
    };
    let step = 620.0 / f64::from(u32::try_from(counts.len().max(1)).unwrap_or(1));
    let y = |share: f64| (1.0 - share.max(0.4)).mul_add(500.0, 30.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 400\" font-family=\"sans-serif\" \
         font-size=\"12\"><rect width=\"720\" height=\"400\" fill=\"white\"/>\
         <rect x=\"60\" y=\"{:.1}\" width=\"640\" height=\"{:.1}\" fill=\"#cfe3d4\"/>",
        y(0.97),
        y(0.93) - y(0.97)
    );
    for tenth in 4..=10_u8 {
        let share = f64::from(tenth) / 10.0;
        let at = y(share);
        let _ = write!(
            svg,
            "<line x1=\"60\" x2=\"700\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>\
             <text x=\"52\" y=\"{:.1}\" text-anchor=\"end\">{} %</text>",
            at + 4.0,
            u32::from(tenth) * 10
        );
    }
    for (column, devices) in (0_u32..).zip(&counts) {
        let left = f64::from(column).mul_add(step, 70.0);
        let here: Vec<_> = coverage
            .iter()
            .filter(|c| c.case.devices == *devices)
            .collect();
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"350\" text-anchor=\"middle\">{devices}</text>",
            left + step / 2.0
        );
        let gap = (step - 20.0) / f64::from(u32::try_from(here.len().max(1)).unwrap_or(1));
        for (at, c) in (0_u32..).zip(here) {
            let x = f64::from(at).mul_add(gap, left + 8.0);
            let (figure, naive) = (y(c.median), y(c.naive));
            let _ = write!(
                svg,
                "<circle cx=\"{x:.1}\" cy=\"{figure:.1}\" r=\"3.5\" fill=\"#14532d\"/>\
                 <path d=\"M{:.1} {:.1}l6 6m0 -6l-6 6\" stroke=\"#b45309\" stroke-width=\"1.5\"/>",
                x - 3.0,
                naive - 3.0
            );
        }
    }
    svg + "<text x=\"380\" y=\"372\" text-anchor=\"middle\">devices of a ward</text>\
           <text x=\"60\" y=\"392\">● interval of the figure   ✕ rank interval over tests   \
           band: 93–97 %</text></svg>\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::coverage::NAIVE_CASE;

    #[test]
    fn every_case_is_a_line_and_a_dot() {
        let coverage = [Coverage {
            case: NAIVE_CASE,
            median: 0.95,
            naive: 0.73,
            mean: 0.93,
            p5: None,
            p95: Some(0.95),
            half_width: 0.3,
            device_days: 300.0,
        }];
        let page = markdown(&coverage, &[], 1_000, 1);
        assert!(
            page.contains("| 30 | 0.9 | 0.4 | 10 | 300 | 95.0 | 73.0 | 93.0 | – | 95.0 | 0.300 |")
        );
        let svg = svg(&coverage);
        assert_eq!(svg.matches("<circle").count(), 1);
        assert!(svg.ends_with("</svg>\n"));
    }
}
