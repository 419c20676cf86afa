//! The steps of the month, each by the program's own commands.

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::mail::MailServer;
use super::{CAMPAIGN, MONTH, Play, Ward, text};

/// Members of the roster.
const MEMBERS: usize = 120;
/// Each second member agrees to be reminded and has an address.
const REMINDED: usize = 2;
/// The month's wards that report late, by their place in the list.
const LATE: [usize; 2] = [8, 9];
/// The ward whose report is returned once.
const RETURNED: usize = 3;

/// The clocks of the rehearsal: before the month, in time for the report, an evening of it,
/// when the late ones report, at the end.
const BEFORE: &str = "2024-10-31T02:00:00Z";
const IN_TIME: &str = "2024-12-05T03:00:00Z";
const REMIND: &str = "2024-11-20T13:00:00Z";
const TOO_LATE: &str = "2024-12-11T03:00:00Z";
const END: &str = "2024-12-12T03:00:00Z";

impl Play {
    /// The directory and the campaign.
    pub(super) fn directory(&self) -> anyhow::Result<Vec<Ward>> {
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

    /// A roster of numbered members over the units, and their joining.
    pub(super) fn members(&self) -> anyhow::Result<()> {
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

    pub(super) fn month(&self) -> anyhow::Result<()> {
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
    pub(super) fn reminders(&self) -> anyhow::Result<()> {
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
    pub(super) fn reports(&self, wards: &[Ward]) -> anyhow::Result<()> {
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
    pub(super) fn reconcile(&self, wards: &[Ward]) -> anyhow::Result<()> {
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
