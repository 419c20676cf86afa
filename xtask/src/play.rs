//! `cargo xtask play district-1`: District 1's November 2024 from nothing to
//! the signed-off month, by the program's own commands, with a simulated month.
//!
//! Every number that a document shows of a ward is held against the store.

mod mail;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use mail::MailServer;

/// Members of the roster.
const MEMBERS: usize = 120;
/// Each second member agrees to be reminded and has an address.
const REMINDED: usize = 2;
/// The month's wards that report late, by their place in the list.
const LATE: [usize; 2] = [8, 9];
/// The ward whose report is returned once.
const RETURNED: usize = 3;

const CAMPAIGN: [&str; 2] = ["--campaign", "district-1"];
const MONTH: [&str; 3] = ["--month", "2024-11", "--synthetic"];
/// The clocks of the rehearsal: before the month, in time for the report, an evening of it,
/// when the late ones report, at the end.
const BEFORE: &str = "2024-10-31T02:00:00Z";
const IN_TIME: &str = "2024-12-05T03:00:00Z";
const REMIND: &str = "2024-11-20T13:00:00Z";
const TOO_LATE: &str = "2024-12-11T03:00:00Z";
const END: &str = "2024-12-12T03:00:00Z";

/// Plays the month into `folder`, which must be empty or absent.
///
/// # Errors
///
/// The command that failed with what it said, or the number that differs.
pub fn run(ispeed: &Path, root: &Path, folder: &Path) -> anyhow::Result<()> {
    let taken = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    ensure!(
        !taken,
        "{} is not empty: name another folder",
        folder.display()
    );
    std::fs::create_dir_all(folder)?;
    let play = Play {
        ispeed: ispeed.to_owned(),
        root: root.to_owned(),
        folder: folder.canonicalize()?,
        began: now(),
    };
    let wards = play.directory()?;
    play.members()?;
    play.month()?;
    play.reminders()?;
    play.reports(&wards)?;
    play.reconcile(&wards)?;
    play.documents(&wards)?;
    play.kits(&wards)?;
    play.check(&wards)?;
    play.say(
        "done: look into the folder",
        &play.folder.display().to_string(),
    );
    Ok(())
}

struct Play {
    ispeed: PathBuf,
    root: PathBuf,
    folder: PathBuf,
    began: Instant,
}

/// A ward as the month's report has it.
struct Ward {
    code: String,
    name: String,
    counted: u64,
}

impl Play {
    /// The directory and the campaign.
    fn directory(&self) -> anyhow::Result<Vec<Ward>> {
        let list = self.root.join("data/organisations/district-1.csv");
        let read = self.json(&["organisation", "import", text(&list)?, "--confirm"])?;
        self.say("directory", &counts(&read));
        let campaign = self.root.join("data/campaigns/district-1.toml");
        self.json(&["campaign", "import", text(&campaign)?, "--replace"])?;
        let shown = self.json(&["campaign", "show", "district-1", "--month", "2024-11"])?;
        let wards = shown["areas"].as_array().context("no areas")?;
        self.say(
            "campaign",
            &format!("{} wards, last day {}", wards.len(), shown["last_day"]),
        );
        self.wards(false)
    }

    /// The wards with what counted so far.
    fn wards(&self, counted: bool) -> anyhow::Result<Vec<Ward>> {
        let month = self.report()?;
        let rows = month["rows"].as_array().context("no rows")?;
        let ward = |row: &Value| {
            Some(Ward {
                code: row["area"]["code"].as_str()?.to_owned(),
                name: row["area"]["name"].as_str()?.to_owned(),
                counted: row["counted"].as_u64().filter(|_| counted).unwrap_or(0),
            })
        };
        let wards: Option<Vec<_>> = rows.iter().map(ward).collect();
        wards.with_context(|| format!("a row of the report lacks something: {}", rows[0]))
    }

    fn report(&self) -> anyhow::Result<Value> {
        let words = [
            &["report", "month"],
            &CAMPAIGN[..],
            &MONTH,
            &["--format", "json"],
        ]
        .concat();
        Ok(serde_json::from_str(&self.run(&words)?)?)
    }

    /// A roster of numbered members over the units, and their joining.
    fn members(&self) -> anyhow::Result<()> {
        let listed = self.json(&[
            "organisation",
            "list",
            "--at",
            "2024-11-08",
            "--under",
            "q1",
        ])?;
        let units = listed["organisations"]
            .as_array()
            .context("no organisations")?;
        let units: Vec<_> = units
            .iter()
            .filter_map(|unit| unit["code"].as_str())
            .collect();
        let mut roster = String::from("Mã đơn vị,Mã thành viên,Thư điện tử\n");
        for number in 1..=MEMBERS {
            let unit = units[number % units.len()];
            let address = match number % REMINDED {
                0 => format!("tv{number:03}@quan1.example.vn"),
                _ => String::new(),
            };
            roster += &format!("{unit},TV-{number:03},{address}\n");
        }
        let file = self.folder.join("danh-sach.csv");
        std::fs::write(&file, roster)?;
        let import = [
            "member",
            "import",
            text(&file)?,
            "--confirm",
            "--clock",
            BEFORE,
        ];
        let taken = self.json(&[&import[..], &CAMPAIGN].concat())?;
        let mut joined = 0;
        for unit in units {
            joined += self.join(unit)?;
        }
        let how = format!("{}; {joined} joined by their links", counts(&taken));
        self.say("roster", &how);
        Ok(())
    }

    /// Everybody of a unit opens the personal link; who has an address agrees
    /// to be reminded.
    fn join(&self, unit: &str) -> anyhow::Result<usize> {
        let list = [&["member", "list", unit], &CAMPAIGN[..], &MONTH].concat();
        let listed = self.json(&list)?;
        let members = listed["members"].as_array().context("no members")?;
        for member in members {
            let path = member["path"].as_str().context("no link")?;
            let staff_code = member["staff_code"].as_str().context("no code")?;
            let device = format!("thiet-bi-{staff_code}");
            let code = path.trim_start_matches("/j/");
            let mut join = vec!["member", "join", code, "--device", &device];
            join.extend(["--consent", "duty", "--clock", BEFORE]);
            let number: usize = staff_code.trim_start_matches("TV-").parse()?;
            if number.is_multiple_of(REMINDED) {
                join.extend(["--consent", "reminder_email"]);
            }
            self.json(&join)?;
        }
        Ok(members.len())
    }

    fn month(&self) -> anyhow::Result<()> {
        self.run(&["simulate", "--month", "2024-11", "--seed", "1"])?;
        let rows = self.wards(true)?;
        let short = rows.iter().filter(|ward| ward.counted < 300).count();
        ensure!(short == 3, "{short} wards fall short, expected 3");
        let all: u64 = rows.iter().map(|ward| ward.counted).sum();
        self.say(
            "month",
            &format!("{all} tests counted, {short} wards short"),
        );
        self.run(&[
            "statistics",
            "compute",
            "--period",
            "2024-11",
            "--synthetic",
        ])?;
        Ok(())
    }

    /// To a real mail server, where there is one.
    fn reminders(&self) -> anyhow::Result<()> {
        let inbox = self.folder.join("inbox");
        let Some(server) = MailServer::start(&inbox)? else {
            self.say(
                "reminders",
                "skipped: aiosmtpd is not on the PATH (Debian: python3-aiosmtpd)",
            );
            return Ok(());
        };
        let config = self.folder.join("mail.toml");
        std::fs::write(&config, server.config())?;
        let remind = [
            "campaign",
            "remind",
            "district-1",
            "--config",
            text(&config)?,
            "--synthetic",
        ];
        let sent = self.json(&[&remind[..], &["--confirm", "--clock", REMIND]].concat())?;
        let kept = server.messages();
        ensure!(
            kept > 0 && sent["sent"].as_u64() == Some(kept),
            "{kept} arrived of {}",
            sent["sent"]
        );
        self.say("reminders", &format!("{kept} sent and arrived"));
        Ok(())
    }

    /// Eight in time, one of them returned and corrected; two late.
    fn reports(&self, wards: &[Ward]) -> anyhow::Result<()> {
        let listed = self.json(&[&["campaign", "reports", "district-1"], &MONTH[..]].concat())?;
        let reports = listed["units"].as_array().context("no reports")?;
        let units = reports.iter().filter_map(|report| report["unit"].as_str());
        let units: Vec<_> = units.filter(|code| code.starts_with("q1-p-")).collect();
        ensure!(
            units.len() == wards.len(),
            "{} wards report: {listed}",
            units.len()
        );
        for (at, unit) in units.iter().enumerate() {
            let clock = if LATE.contains(&at) {
                TOO_LATE
            } else {
                IN_TIME
            };
            self.step(
                unit,
                clock,
                &["--submit", "--remarks", "Đã phổ biến đến các tổ dân phố"],
            )?;
            if at == RETURNED {
                self.step(unit, IN_TIME, &["--return", "Ghi rõ khó khăn"])?;
                let more = ["--submit", "--difficulties", "Một số hẻm sóng yếu"];
                self.step(unit, IN_TIME, &more)?;
            }
            self.step(unit, END, &["--accept"])?;
        }
        let on_day = |clock| -> anyhow::Result<usize> {
            let late = [
                "campaign",
                "reports",
                "district-1",
                "--late",
                "--clock",
                clock,
            ];
            let late = self.json(&[&late[..], &MONTH].concat())?;
            Ok(late["units"].as_array().map_or(0, Vec::len))
        };
        self.say(
            "reports",
            &format!(
                "{} accepted, 1 returned and corrected, {} units late",
                units.len(),
                on_day(END)?
            ),
        );
        Ok(())
    }

    fn step(&self, unit: &str, clock: &str, step: &[&str]) -> anyhow::Result<Value> {
        let report = ["campaign", "report", "district-1", unit, "--clock", clock];
        self.json(&[&report[..], &MONTH, step].concat())
    }

    /// Official counts that differ a little, as they do.
    fn reconcile(&self, wards: &[Ward]) -> anyhow::Result<()> {
        let counted = self.wards(true)?;
        let mut official = String::from("Mã,Số mẫu\n");
        for (at, ward) in counted.iter().enumerate() {
            official += &format!("{},{}\n", ward.code, ward.counted + at as u64 % 4);
        }
        let file = self.folder.join("so-lieu-so.csv");
        std::fs::write(&file, official)?;
        let mapping = self.folder.join("so-lieu-so.toml");
        let columns = "source = \"VNNIC (mô phỏng)\"\nmonth = \"2024-11\"\n[columns]\narea = \"Mã\"\ntests = \"Số mẫu\"\n";
        std::fs::write(&mapping, columns)?;
        let import = [
            "import",
            "official",
            text(&file)?,
            "--mapping",
            text(&mapping)?,
            "--confirm",
        ];
        self.json(&import)?;
        let said = self.json(&[&["campaign", "reconcile", "district-1"], &MONTH[..]].concat())?;
        let rows = said["counts"].as_array().map_or(0, Vec::len);
        ensure!(rows == wards.len(), "{rows} wards are reconciled: {said}");
        self.say(
            "reconciliation",
            &format!("{rows} wards beside the official counts"),
        );
        Ok(())
    }

    fn documents(&self, wards: &[Ward]) -> anyhow::Result<()> {
        let office = self.root.join("data/offices/district-1.toml");
        let ward_office = self.root.join("data/offices/ward.toml");
        let (office, ward_office) = (text(&office)?, text(&ward_office)?);
        for (kind, name, format) in [
            ("launch", "trien-khai.pdf", "pdf"),
            ("letter", "cong-van.pdf", "pdf"),
            ("letter", "cong-van.docx", "docx"),
            ("report", "bao-cao.pdf", "pdf"),
            ("report", "bao-cao.docx", "docx"),
            ("report", "phu-luc.xlsx", "xlsx"),
        ] {
            let number = if kind == "report" {
                "/BC-UBND"
            } else {
                "/UBND-VHTT"
            };
            let how = ["--office", office, "--number", number, "--format", format];
            self.document(kind, name, &how)?;
        }
        for ward in wards {
            let unit = ["--unit", &ward.code, "--office", ward_office];
            self.document("report", &format!("bao-cao-{}.pdf", ward.code), &unit)?;
            self.document("bulletin", &format!("ban-tin-{}.pdf", ward.code), &unit)?;
        }
        self.say("documents", &format!("{} files", 6 + 2 * wards.len()));
        Ok(())
    }

    fn document(&self, kind: &str, name: &str, how: &[&str]) -> anyhow::Result<()> {
        let output = self.folder.join(name);
        let write = ["document", kind, "--output", text(&output)?];
        self.run(&[&write[..], &CAMPAIGN, &MONTH, how].concat())?;
        Ok(())
    }

    fn kits(&self, wards: &[Ward]) -> anyhow::Result<()> {
        for ward in wards {
            let output = self.folder.join(format!("bo-tai-lieu-{}", ward.code));
            let kit = [
                "kit",
                "--unit",
                &ward.code,
                "--centre",
                "https://do.example.vn",
            ];
            let kit = [&kit[..], &["--output", text(&output)?], &CAMPAIGN, &MONTH].concat();
            self.run(&kit)?;
        }
        self.say("kits", &format!("{} wards", wards.len()));
        Ok(())
    }

    /// Every ward's count in the annexes is the store's, and every page says
    /// that the figures are simulated.
    fn check(&self, wards: &[Ward]) -> anyhow::Result<()> {
        let counted = self.wards(true)?;
        let Some(report) = self.words_of("bao-cao.pdf")? else {
            self.say(
                "check",
                "skipped: pdftotext is not on the PATH (Debian: poppler-utils)",
            );
            return Ok(());
        };
        let letter = self.words_of("cong-van.pdf")?.context("no letter")?;
        for ward in &counted {
            let number = grouped(ward.counted);
            ensure!(
                report.contains(&number),
                "bao-cao.pdf: no {number} of {}",
                ward.name
            );
            if ward.counted < 300 {
                ensure!(
                    letter.contains(&number),
                    "cong-van.pdf: no {number} of {}",
                    ward.name
                );
            }
            let own = self
                .words_of(&format!("bao-cao-{}.pdf", ward.code))?
                .context("no report")?;
            ensure!(
                own.contains(&number),
                "bao-cao-{}.pdf: no {number}",
                ward.code
            );
        }
        for (name, words) in [("bao-cao.pdf", &report), ("cong-van.pdf", &letter)] {
            for (at, page) in words
                .split('\u{c}')
                .enumerate()
                .filter(|(_, page)| !page.is_empty())
            {
                let said = page.contains("SỐ LIỆU MÔ PHỎNG");
                ensure!(
                    said,
                    "{name}, page {}: it does not say that it is simulated",
                    at + 1
                );
            }
        }
        self.say(
            "check",
            &format!("the counts of {} wards agree in all documents", wards.len()),
        );
        Ok(())
    }

    fn words_of(&self, name: &str) -> anyhow::Result<Option<String>> {
        let mut pdftotext = Command::new("pdftotext");
        match pdftotext
            .arg("-layout")
            .arg(self.folder.join(name))
            .arg("-")
            .output()
        {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            output => Ok(Some(String::from_utf8(output?.stdout)?)),
        }
    }

    fn json(&self, words: &[&str]) -> anyhow::Result<Value> {
        let said = self.run(&[words, &["--json"]].concat())?;
        serde_json::from_str(&said).with_context(|| format!("{words:?} said {said:?}"))
    }

    fn run(&self, words: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(&self.ispeed);
        command
            .args(words)
            .arg("--data")
            .arg(self.folder.join("data"));
        let output = command.output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let told = String::from_utf8_lossy(&output.stdout);
            bail!("ispeed {}: {said}{told}", words.join(" "));
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    #[expect(clippy::print_stdout, reason = "the play is for people")]
    fn say(&self, what: &str, how: &str) {
        let seconds = now().duration_since(self.began).as_secs();
        println!("{seconds:>4} s  {what}: {how}");
    }
}

/// How many rows a list added, changed and left.
fn counts(read: &Value) -> String {
    let length = |name: &str| match &read[name] {
        Value::Array(rows) => rows.len().to_string(),
        other => other.to_string(),
    };
    format!(
        "{} added, {} changed, {} unchanged",
        length("added"),
        length("changed"),
        length("unchanged")
    )
}

/// A number as Vietnamese documents write it: 1.412.
fn grouped(number: u64) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{}.{:03}", number / 1000, number % 1000),
    }
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str()
        .with_context(|| format!("{}: no UTF-8", path.display()))
}

#[expect(clippy::disallowed_methods, reason = "automation runs in real time")]
fn now() -> Instant {
    Instant::now()
}
