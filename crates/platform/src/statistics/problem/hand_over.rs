//! What an operator is given of a problem area: cells and counts, no test and
//! no device.

use std::fmt::Write as _;

use serde_json::json;

use super::ProblemArea;

/// A line for each cell.
pub fn csv(area: &ProblemArea) -> String {
    let share = area.evidence.share();
    let interval = share.map_or([0.0, 1.0], |share| share.interval);
    let mut csv = String::from(
        "problem_id,operator,technology,h3_cell,months,limit_bits_per_second,\
         median_bits_per_second,tests,devices,device_days,below,below_low,below_high\n",
    );
    let months: Vec<_> = area.months.iter().map(ToString::to_string).collect();
    for cell in &area.cells {
        let _ = writeln!(
            csv,
            "{},{},{},{cell},{},{},{},{},{},{},{},{},{}",
            area.problem_id,
            area.operator,
            area.technology,
            months.join(" "),
            area.limit_bits_per_second,
            area.median_bits_per_second,
            area.evidence.tests,
            area.evidence.devices,
            area.evidence.device_days,
            area.evidence.below,
            interval[0],
            interval[1]
        );
    }
    csv
}

/// The hexagons with what is said of them, GeoJSON.
pub fn geojson(area: &ProblemArea) -> String {
    let collection = json!({"type": "FeatureCollection", "features": [area.feature()]});
    format!("{collection:#}\n")
}
