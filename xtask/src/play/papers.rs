//! The documents of the month, and what each of them must say.

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use super::numbers::{Account, account};
use super::pieces::{Form, Given, Of, expected, kit};
use super::read::{cells, read};
use super::truth::Truth;
use super::{CAMPAIGN, MONTH, Play, Ward, text};

/// A document of the play.
pub(super) struct Paper {
    /// Command of `ispeed document`.
    kind: &'static str,
    /// File of its template in `data/templates`.
    template: &'static str,
    /// Name of its file.
    pub(super) file: String,
    /// Place of its ward in the month's table.
    ward: Option<usize>,
    /// File of the office's fields in `data/offices`.
    office: &'static str,
    /// Fields given beside the file.
    fields: Vec<(&'static str, String)>,
    /// Fields of its template without which it would be of no use.
    must: &'static [&'static str],
}

/// The address that kits lead to.
const CENTRE: &str = "https://do.example.vn";

const LETTER: &[&str] = &["total_counted", "quota", "reached_areas", "total_shortfall"];
const REPORT: &[&str] = &[
    "total_counted",
    "total_raw",
    "total_quota",
    "total_shortfall",
    "total_not_counted",
    "total_download",
    "total_upload",
    "total_idle_rtt",
];
const UNIT: &[&str] = &[
    "counted",
    "quota",
    "share",
    "devices",
    "not_counted",
    "download",
    "upload",
    "idle_rtt",
];
const BULLETIN: &[&str] = &["counted", "quota", "share", "devices", "download"];

/// All documents of the month.
pub(super) fn papers(wards: &[Ward]) -> Vec<Paper> {
    let office = |kind, template, file: &str, must, fields| Paper {
        kind,
        template,
        file: file.into(),
        ward: None,
        office: "district-1.toml",
        fields,
        must,
    };
    let letter = "reminder-letter.toml";
    let report = "consolidated-report.toml";
    // Number and day are for the records clerk, where a letter goes out; here a
    // report has them, so that both ways are seen.
    let numbered = || {
        vec![
            ("number", "5/BC-UBND".to_owned()),
            ("date", "2024-12-12".to_owned()),
        ]
    };
    let mut papers = vec![
        office(
            "launch",
            "launch-letter.toml",
            "trien-khai.pdf",
            &["quota", "deadline"],
            vec![],
        ),
        office("letter", letter, "cong-van.pdf", LETTER, vec![]),
        office("letter", letter, "cong-van.docx", LETTER, vec![]),
        office("report", report, "bao-cao.pdf", REPORT, numbered()),
        office("report", report, "bao-cao.docx", REPORT, numbered()),
        office("report", report, "phu-luc.xlsx", &[], numbered()),
    ];
    for (at, ward) in wards.iter().enumerate() {
        let of = |kind, template, file: String, must| Paper {
            kind,
            template,
            file,
            ward: Some(at),
            office: "ward.toml",
            fields: vec![
                ("number", format!("{}/BC-UBND", 40 + at)),
                ("date", "2024-12-05".into()),
                ("issuer", format!("Ủy ban nhân dân {}", ward.full_name)),
                ("place", ward.name.clone()),
            ],
            must,
        };
        let code = &ward.code;
        papers.push(of(
            "report",
            "unit-report.toml",
            format!("bao-cao-{code}.pdf"),
            UNIT,
        ));
        papers.push(of(
            "bulletin",
            "bulletin.toml",
            format!("ban-tin-{code}.pdf"),
            BULLETIN,
        ));
    }
    papers
}

impl Play {
    pub(super) fn documents(&self, wards: &[Ward]) -> anyhow::Result<()> {
        let papers = papers(wards);
        for paper in &papers {
            self.write(paper, wards)?;
        }
        for format in ["csv", "xlsx"] {
            let output = self.folder.join(format!("bang-tong-hop.{format}"));
            let month = [
                "report",
                "month",
                "--format",
                format,
                "--output",
                text(&output)?,
            ];
            self.run(&[&month[..], &CAMPAIGN, &MONTH].concat())?;
        }
        self.say("documents", &format!("{} files", papers.len() + 2));
        Ok(())
    }

    fn write(&self, paper: &Paper, wards: &[Ward]) -> anyhow::Result<()> {
        let output = self.folder.join(&paper.file);
        let office = self.root.join("data/offices").join(paper.office);
        let format = paper.file.rsplit('.').next().unwrap_or_default();
        let mut words = vec!["document", paper.kind, "--output", text(&output)?];
        words.extend(["--office", text(&office)?, "--format", format]);
        words.extend(CAMPAIGN.iter().chain(&MONTH));
        let options: Vec<_> = paper
            .fields
            .iter()
            .map(|(name, _)| format!("--{name}"))
            .collect();
        for (option, (_, value)) in options.iter().zip(&paper.fields) {
            words.extend([option.as_str(), value.as_str()]);
        }
        if let Some(ward) = paper.ward {
            words.extend(["--unit", &wards[ward].code]);
        }
        self.run(&words)?;
        Ok(())
    }

    pub(super) fn kits(&self, wards: &[Ward]) -> anyhow::Result<()> {
        for ward in wards {
            let output = self.kit_of(ward);
            let kit = ["kit", "--unit", &ward.code, "--centre", CENTRE];
            let kit = [&kit[..], &["--output", text(&output)?], &CAMPAIGN, &MONTH].concat();
            self.run(&kit)?;
        }
        self.say("kits", &format!("{} wards", wards.len()));
        Ok(())
    }

    fn kit_of(&self, ward: &Ward) -> PathBuf {
        self.folder.join(format!("bo-tai-lieu-{}", ward.code))
    }

    /// Every number of every document is the store's, given by hand or of the
    /// template's own words; and each says what it must.
    pub(super) fn check(&self, wards: &[Ward]) -> anyhow::Result<()> {
        let truth = Truth::gather(self)?;
        let mut sum = Sum::default();
        for paper in papers(wards) {
            let (expected, must) = self.expected(&paper, &truth)?;
            let path = self.folder.join(&paper.file);
            sum.document(&path, &expected, &must, paper.kind == "bulletin")?;
        }
        for (at, ward) in wards.iter().enumerate() {
            let words = self.toml("data/templates/kit.toml")?;
            let link = format!("{CENTRE}/areas/{}", ward.code);
            for (file, expected) in kit(&words, &truth, at, &link)? {
                let path = self.kit_of(ward).join(file);
                sum.document(&path, &expected, &[], false)?;
            }
        }
        sum.table(&truth, &cells(&self.folder.join("bang-tong-hop.xlsx"))?[0])?;
        if sum.complaints.is_empty() {
            self.say("check", &sum.said());
            return Ok(());
        }
        let more = sum.complaints.len().saturating_sub(20);
        sum.complaints.truncate(20);
        bail!("{}\nand {more} more", sum.complaints.join("\n"))
    }

    /// What a document must say, and the figures that it must have.
    fn expected(&self, paper: &Paper, truth: &Truth) -> anyhow::Result<(Vec<String>, Vec<String>)> {
        let office = self.root.join("data/offices").join(paper.office);
        let fields: Vec<_> = paper
            .fields
            .iter()
            .map(|(name, v)| (*name, v.as_str()))
            .collect();
        let form = if paper.file.ends_with(".xlsx") {
            Form::Workbook
        } else {
            Form::Paper
        };
        let of = Of {
            truth,
            ward: paper.ward,
            given: &Given::of(&std::fs::read_to_string(office)?, &fields)?,
            form,
        };
        let template = self.toml(&format!("data/templates/{}", paper.template))?;
        let known = truth.fields(paper.ward);
        let must = paper.must.iter().map(|name| {
            let value = known.get(*name).with_context(|| format!("no field {name}"));
            value.cloned()
        });
        Ok((expected(&template, &of)?, must.collect::<Result<_, _>>()?))
    }

    fn toml(&self, path: &str) -> anyhow::Result<toml::Table> {
        let text = std::fs::read_to_string(self.root.join(path))?;
        text.parse().with_context(|| path.to_owned())
    }
}

/// What came of all documents.
#[derive(Default)]
struct Sum {
    documents: usize,
    unread: usize,
    numbers: usize,
    complaints: Vec<String>,
}

impl Sum {
    fn document(
        &mut self,
        path: &std::path::Path,
        expected: &[String],
        must: &[String],
        scales: bool,
    ) -> anyhow::Result<()> {
        let Some(read) = read(path)? else {
            self.unread += 1;
            return Ok(());
        };
        for figure in must {
            let said = expected.iter().any(|piece| piece.contains(figure.as_str()));
            ensure!(said, "{}: its template no longer says {figure}", read.name);
        }
        let Account {
            numbers,
            complaints,
        } = account(&read, expected, scales);
        self.documents += 1;
        self.numbers += numbers;
        self.complaints.extend(complaints);
        Ok(())
    }

    /// The table of the month as CSV against the answer, and as XLSX against the CSV.
    fn table(&mut self, truth: &Truth, book: &[Vec<String>]) -> anyhow::Result<()> {
        for (row, line) in truth.rows().iter().zip(&truth.csv[1..]) {
            self.complaints.extend(differences(truth, row, line));
        }
        let total = &truth.month["total"];
        let last = &truth.csv[truth.csv.len() - 1];
        for (column, name) in [(4, "counted"), (5, "raw"), (6, "qualified")] {
            let held: Option<u64> = last[column].parse().ok();
            if held.is_none() || held != total[name].as_u64() {
                let line = format!("bang-tong-hop.csv: {name} of all is {}", last[column]);
                self.complaints.push(line);
            }
        }
        let header = book.iter().position(|row| row[0] == truth.csv[0][0]);
        let from = header.context("bang-tong-hop.xlsx has no header")?;
        for (csv, held) in truth.csv.iter().zip(&book[from..]) {
            for (csv, held) in csv.iter().zip(held) {
                self.numbers += 2 * usize::from(csv.parse::<f64>().is_ok());
                if !same(csv, held) {
                    let line = format!("bang-tong-hop.xlsx has {held:?}, the CSV {csv:?}");
                    self.complaints.push(line);
                }
            }
        }
        self.documents += 2;
        Ok(())
    }

    fn said(&self) -> String {
        let (numbers, documents) = (self.numbers, self.documents);
        let mut said = format!("{numbers} numbers in {documents} documents are the store's");
        if self.unread > 0 {
            said += &format!(
                "; {} PDF not read: pdftotext is not on the PATH (Debian: poppler-utils)",
                self.unread
            );
        }
        said
    }
}

/// The columns of a ward's line of the CSV that are not what the answer says.
fn differences(truth: &Truth, row: &Value, line: &[String]) -> Vec<String> {
    let mut wanted: Vec<String> = vec![
        row["area"]["code"].as_str().unwrap_or_default().into(),
        row["area"]["full_name"].as_str().unwrap_or_default().into(),
        truth.quota().to_string(),
    ];
    for name in ["counted", "raw", "qualified", "devices", "shortfall"] {
        wanted.push(row[name].to_string());
    }
    wanted.push(
        if row["reached"] == true {
            "Đạt"
        } else {
            "Chưa đạt"
        }
        .into(),
    );
    for (name, scale) in [
        ("download_bits_per_second", 1e6),
        ("upload_bits_per_second", 1e6),
        ("idle_rtt_us", 1e3),
    ] {
        let figure = &row[name];
        let ends = &figure["median_interval"];
        for value in [&figure["median"], &ends[0], &ends[1]] {
            let shown = value.as_f64().map(|value| format!("{:.2}", value / scale));
            wanted.push(shown.unwrap_or_default());
        }
    }
    let columns = wanted.iter().zip(&line[1..]).zip(&truth.csv[0][1..]);
    let differ = columns.filter(|((wanted, found), _)| wanted != found);
    let mut found: Vec<_> = differ
        .map(|((wanted, found), column)| {
            format!(
                "bang-tong-hop.csv, {column} of {}: {found}, not {wanted}",
                line[2]
            )
        })
        .collect();
    let reasons = row["not_counted"].as_object();
    let refused: u64 = reasons
        .into_iter()
        .flat_map(|of| of.values())
        .filter_map(Value::as_u64)
        .sum();
    let said = line[1 + wanted.len()..]
        .iter()
        .filter_map(|cell| cell.parse::<u64>().ok());
    let said: u64 = said.sum();
    if said != refused {
        found.push(format!(
            "bang-tong-hop.csv: {said} of {} do not count, not {refused}",
            line[2]
        ));
    }
    found
}

/// Whether two cells hold the same; numbers to the decimals of the first.
fn same(csv: &str, held: &str) -> bool {
    match (csv.parse::<f64>(), held.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= 0.005 + 1e-9,
        _ => csv == held,
    }
}
