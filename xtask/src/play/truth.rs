//! What the store says of the month, by its own JSON answers, and the fields and
//! tables that documents may make of it.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::Play;
use super::said::{QUANTITIES, Quantity, WITHHELD, count, day, decimal, month};

/// The answers.
pub(super) struct Truth {
    /// `report month`.
    pub(super) month: Value,
    /// `campaign show`.
    campaign: Value,
    /// `report figures`: rows of operators of all wards together.
    together: Vec<Value>,
    /// `statistics show` of each ward, in rows of the same form.
    wards: Vec<Vec<Value>>,
    /// `report month --format csv`: header, wards, total.
    pub(super) csv: Vec<Vec<String>>,
    /// Brands of operators by id.
    brands: BTreeMap<String, String>,
    /// Day of the next month before which units report.
    deadline_day: Option<u32>,
    /// Edition of the methodology.
    pub(super) edition: u64,
}

/// A cell of a table: as documents write it, and as a workbook holds it.
pub(super) struct Cell {
    pub(super) written: String,
    pub(super) held: String,
}

impl Cell {
    fn text(text: &str) -> Self {
        Self {
            written: text.into(),
            held: text.into(),
        }
    }

    fn count(number: u64) -> Self {
        Self {
            written: count(number),
            held: number.to_string(),
        }
    }

    fn median(quantity: Quantity, figure: &Value) -> Self {
        let held = quantity.median(figure);
        Self {
            written: quantity.written(figure),
            held: held.map_or_else(|| WITHHELD.into(), |value| value.to_string()),
        }
    }
}

impl Truth {
    pub(super) fn gather(play: &Play) -> anyhow::Result<Self> {
        let month = play.report()?;
        let figures = [&["report", "figures"], &super::CAMPAIGN[..], &super::MONTH].concat();
        let together = play.json(&figures)?["figures"].take();
        let mut wards = vec![];
        let mut edition = 0;
        for row in month["rows"].as_array().context("no rows")? {
            let place = row["area"]["code"].as_str().context("no code")?;
            let show = ["statistics", "show", "--period", "2024-11", "--synthetic"];
            let shown = play.json(&[&show[..], &["--place", place]].concat())?;
            edition = shown["edition"].as_u64().context("no edition")?;
            wards.push(rows_of(&shown));
        }
        let csv = [&["report", "month"], &super::CAMPAIGN[..], &super::MONTH].concat();
        let file = play.root.join("data/campaigns/district-1.toml");
        let given: toml::Table = std::fs::read_to_string(file)?.parse()?;
        let deadline = given.get("deadline_day").and_then(toml::Value::as_integer);
        Ok(Self {
            campaign: play.json(&["campaign", "show", "district-1", "--month", "2024-11"])?,
            together: together.as_array().cloned().unwrap_or_default(),
            wards,
            csv: sheet(&play.run(&csv)?)?,
            brands: brands(&std::fs::read_to_string(
                play.root.join("data/operators.csv"),
            )?)?,
            deadline_day: deadline.and_then(|day| u32::try_from(day).ok()),
            edition,
            month,
        })
    }

    /// The rows of the wards.
    pub(super) fn rows(&self) -> &[Value] {
        self.month["rows"].as_array().map_or(&[], Vec::as_slice)
    }

    pub(super) fn short(&self) -> impl Iterator<Item = &Value> {
        self.rows().iter().filter(|row| row["reached"] == false)
    }

    /// The fields of a template, for one ward or for all.
    pub(super) fn fields(&self, ward: Option<usize>) -> BTreeMap<String, String> {
        let mut fields = BTreeMap::new();
        let mut set = |name: &str, value: String| fields.insert(name.to_owned(), value);
        let (total, quota) = (&self.month["total"], self.quota());
        let (year, number) = self.year_and_month();
        set("month", month(number));
        set("year", year.to_string());
        set(
            "month_end",
            day(&format!("{}-{}", self.text("month"), days(year, number))),
        );
        set("campaign", self.text("name").to_owned());
        set("quota", count(quota));
        set("rule", "phép đo di động hợp lệ, không trùng lặp".into());
        let (areas, reached) = (whole(&total["areas"]), whole(&total["reached_areas"]));
        set("areas", count(areas));
        set("reached_areas", count(reached));
        set("short_areas", count(areas - reached));
        set("total_counted", count(whole(&total["counted"])));
        set("total_raw", count(whole(&total["raw"])));
        set("total_quota", count(quota * areas));
        set(
            "total_shortfall",
            count(self.sum("shortfall", self.rows().iter())),
        );
        set("total_not_counted", count(sum_of(&total["not_counted"])));
        let names: Vec<_> = self
            .short()
            .filter_map(|row| row["area"]["name"].as_str())
            .collect();
        set("short_wards", names.join(", "));
        if let Some(day_of) = self.deadline_day {
            set("deadline_day", format!("{day_of:02}"));
            set("deadline", day(&format!("{year}-{}-{day_of}", number + 1)));
        }
        let bases: Vec<_> = self.bases().map(cited).collect();
        set("basis_1", bases[0].clone());
        set("other_bases", bases[1..].join("; "));
        let all = self
            .together
            .iter()
            .find(|row| row["operator"] == "all" && mobile(row));
        for quantity in QUANTITIES {
            let figure = all.map_or(&Value::Null, |row| &row[quantity.json]);
            set(
                &format!("total_{}", quantity.field),
                quantity.sentence(figure),
            );
        }
        if let Some(ward) = ward {
            fields.extend(self.of_ward(&self.rows()[ward]));
        }
        fields
    }

    /// The fields of a ward's row.
    pub(super) fn of_ward(&self, row: &Value) -> BTreeMap<String, String> {
        let mut fields = BTreeMap::new();
        let mut set = |name: &str, value: String| fields.insert(name.to_owned(), value);
        let full_name = row["area"]["full_name"].as_str().unwrap_or_default();
        set("ward", full_name.to_owned());
        set(
            "ward_code",
            row["area"]["code"].as_str().unwrap_or_default().to_owned(),
        );
        for name in ["counted", "raw", "devices", "shortfall"] {
            set(name, count(whole(&row[name])));
        }
        set("not_counted", count(sum_of(&row["not_counted"])));
        #[expect(clippy::cast_precision_loss, reason = "counts of a ward")]
        let share = whole(&row["counted"]) as f64 / self.quota() as f64 * 100.0;
        set("share", format!("{}%", decimal(share, 1)));
        for quantity in QUANTITIES {
            set(quantity.field, quantity.sentence(&row[quantity.json]));
        }
        fields
    }

    /// The rows of a table of a template; the total last where it has one.
    pub(super) fn table(&self, name: &str, ward: Option<usize>) -> Vec<Vec<Cell>> {
        let own = |at: usize| &self.rows()[at];
        match (name, ward) {
            ("counts", _) => self.counts(&self.rows().iter().collect::<Vec<_>>()),
            ("short", _) => self.counts(&self.short().collect::<Vec<_>>()),
            ("figures", _) => self.figures(),
            ("reasons", _) => self.reasons(self.csv.len() - 1),
            ("operators", _) => self.operators(&self.together),
            ("unit", Some(at)) => self.unit(own(at)),
            ("unit_reasons", Some(at)) => self.reasons(at + 1),
            ("unit_operators", Some(at)) => self.operators(&self.wards[at]),
            _ => vec![],
        }
    }

    fn counts(&self, rows: &[&Value]) -> Vec<Vec<Cell>> {
        let line = |(number, row): (u64, &&Value)| {
            let mut line = vec![
                Cell::count(number),
                full_name(row),
                Cell::count(self.quota()),
            ];
            let names = ["counted", "devices", "shortfall"];
            line.extend(names.map(|name| Cell::count(whole(&row[name]))));
            let reached = row["reached"] == true;
            line.push(Cell::text(if reached { "Đạt" } else { "Chưa đạt" }));
            line
        };
        let mut lines: Vec<_> = (1..).zip(rows).map(line).collect();
        let reached = rows.iter().filter(|row| row["reached"] == true).count();
        let sum = |name: &str| Cell::count(self.sum(name, rows.iter().copied()));
        lines.push(vec![
            Cell::text("Tổng cộng"),
            Cell::count(self.quota() * rows.len() as u64),
            sum("counted"),
            sum("shortfall"),
            Cell::text(&format!("Đạt {reached}/{}", rows.len())),
        ]);
        lines
    }

    fn figures(&self) -> Vec<Vec<Cell>> {
        let line = |(number, row): (u64, &Value)| {
            let counted = Cell::count(whole(&row["counted"]));
            let mut line = vec![Cell::count(number), full_name(row), counted];
            line.extend(medians(row));
            line
        };
        let mut lines: Vec<_> = (1..).zip(self.rows()).map(line).collect();
        let counted = Cell::count(whole(&self.month["total"]["counted"]));
        let mut total = vec![Cell::text("Toàn địa bàn"), counted];
        let all = self
            .together
            .iter()
            .find(|row| row["operator"] == "all" && mobile(row));
        total.extend(all.map(medians).unwrap_or_default());
        lines.push(total);
        lines
    }

    fn operators(&self, rows: &[Value]) -> Vec<Vec<Cell>> {
        let line = |(number, row): (u64, &Value)| {
            let tests = Cell::count(whole(&row["tests"]));
            let mut line = vec![Cell::count(number), Cell::text(&self.brand(row)), tests];
            line.extend(medians(row));
            line
        };
        (1..).zip(by_tests(rows)).map(line).collect()
    }

    /// Operators of a ward with the figure that its chart shows of each.
    pub(super) fn compared(&self, ward: usize) -> Vec<String> {
        let line = |row: &Value| {
            let quantity = QUANTITIES[0];
            let figure = &row[quantity.json];
            let ends = quantity.interval(figure);
            let ends = ends.map_or_else(String::new, |ends| format!(" ({ends})"));
            let name = format!("{} n = {}", self.brand(row), count(whole(&row["tests"])));
            format!("{name} {}{ends}", quantity.written(figure))
        };
        by_tests(&self.wards[ward]).into_iter().map(line).collect()
    }

    /// The reasons of a row of the CSV, the most frequent first.
    fn reasons(&self, row: usize) -> Vec<Vec<Cell>> {
        let columns = self.csv[0].iter().zip(&self.csv[row]);
        let named = columns.filter_map(|(header, value)| {
            let name = header.strip_prefix("Không tính: ")?;
            Some((value.parse().ok()?, name)).filter(|(count, _)| *count > 0)
        });
        let mut named: Vec<(u64, &str)> = named.collect();
        named.sort_by_key(|(count, name)| (std::cmp::Reverse(*count), *name));
        let line = |(number, (count, name)): (u64, (u64, &str))| {
            vec![Cell::count(number), Cell::text(name), Cell::count(count)]
        };
        (1..).zip(named).map(line).collect()
    }

    fn unit(&self, row: &Value) -> Vec<Vec<Cell>> {
        let line = |name: &str, cell: Cell| vec![Cell::text(name), cell];
        let of = |name: &str| Cell::count(whole(&row[name]));
        let mut lines = vec![
            line("Chỉ tiêu (mẫu/tháng)", Cell::count(self.quota())),
            line("Số mẫu được tính", of("counted")),
            line("Toàn bộ số mẫu đo di động", of("raw")),
            line("Số thiết bị tham gia đo", of("devices")),
            line("Còn thiếu so với chỉ tiêu", of("shortfall")),
        ];
        let titles = ["Tải xuống", "Tải lên", "Độ trễ"];
        for (title, quantity) in titles.into_iter().zip(QUANTITIES) {
            let name = format!("{title}, trung vị ({})", quantity.unit);
            lines.push(line(&name, Cell::median(quantity, &row[quantity.json])));
        }
        lines
    }

    pub(super) fn quota(&self) -> u64 {
        whole(&self.month["quota"])
    }

    fn brand(&self, row: &Value) -> String {
        let id = row["operator"].as_str().unwrap_or_default();
        let brand = self.brands.get(id).cloned();
        brand.unwrap_or_else(|| {
            if id == "unknown" {
                "Không rõ".into()
            } else {
                id.into()
            }
        })
    }

    fn bases(&self) -> impl Iterator<Item = &Value> {
        self.campaign["legal_bases"]
            .as_array()
            .into_iter()
            .flatten()
    }

    fn text(&self, name: &str) -> &str {
        self.month[name].as_str().unwrap_or_default()
    }

    fn year_and_month(&self) -> (u32, u32) {
        let parts = self.text("month").split_once('-').unwrap_or_default();
        (parts.0.parse().unwrap_or(0), parts.1.parse().unwrap_or(0))
    }

    fn sum<'a>(&self, name: &str, rows: impl Iterator<Item = &'a Value>) -> u64 {
        rows.map(|row| whole(&row[name])).sum()
    }
}

/// The rows of a place in the form of `report figures`.
fn rows_of(shown: &Value) -> Vec<Value> {
    let rows = shown["rows"].as_array().into_iter().flatten();
    let row = |row: &Value| {
        let mut flat = json!({"operator": row["operator"], "technology": row["technology"], "tests": row["tests"]});
        for quantity in QUANTITIES {
            flat[quantity.json] = row["metrics"][quantity.json]["figure"].clone();
        }
        flat
    };
    rows.filter(|row| row["origin"] == "both")
        .map(row)
        .collect()
}

fn mobile(row: &Value) -> bool {
    row["technology"] == "mobile"
}

fn by_tests(rows: &[Value]) -> Vec<&Value> {
    let single = |row: &&Value| mobile(row) && row["operator"] != "all";
    let mut rows: Vec<_> = rows.iter().filter(single).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(whole(&row["tests"])));
    rows
}

fn medians(row: &Value) -> Vec<Cell> {
    let mut cells = vec![];
    for quantity in QUANTITIES {
        let figure = &row[quantity.json];
        cells.push(Cell::median(quantity, figure));
        cells.extend(quantity.interval(figure).as_deref().map(Cell::text));
    }
    cells
}

fn full_name(row: &Value) -> Cell {
    Cell::text(row["area"]["full_name"].as_str().unwrap_or_default())
}

/// A document as it is cited: type, number, day, issuer, abstract.
fn cited(basis: &Value) -> String {
    let text = |name: &str| basis[name].as_str().unwrap_or_default();
    let about = text("abstract").replacen("Về việc", "về việc", 1);
    format!(
        "Công văn số {} {} của {} {about}",
        text("number"),
        day(text("date")),
        text("issuer")
    )
}

pub(super) fn whole(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn sum_of(counts: &Value) -> u64 {
    let counts = counts
        .as_object()
        .into_iter()
        .flat_map(serde_json::Map::values);
    counts.map(whole).sum()
}

/// Days of a month.
pub(super) const fn days(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) => 29,
        2 => 28,
        _ => 31,
    }
}

/// The cells of a CSV.
pub(super) fn sheet(text: &str) -> anyhow::Result<Vec<Vec<String>>> {
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text.as_bytes());
    let rows = reader.records().map(|record| {
        let record = record?;
        Ok(record.iter().map(str::to_owned).collect())
    });
    rows.collect()
}

fn brands(list: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let rows = sheet(list)?;
    let named = rows.into_iter().skip(1);
    Ok(named.map(|row| (row[0].clone(), row[1].clone())).collect())
}
