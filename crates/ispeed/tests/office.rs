//! The office from the command line and over real sockets: the directory, the
//! roster, accounts and what is refused them, reminders to a real mail server.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail, and says what it skips"
)]

mod running;

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use running::{Server, ispeed};
use serde_json::{Value, json};

/// Runs a command on a store; its status and its JSON.
fn run(data: &Path, args: &[&str]) -> (bool, Value) {
    let output = ispeed(args)
        .arg("--json")
        .arg("--data")
        .arg(data)
        .output()
        .unwrap();
    let value = serde_json::from_slice(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (
        output.status.success(),
        value.unwrap_or(Value::String(said)),
    )
}

fn ok(data: &Path, args: &[&str]) -> Value {
    let (done, value) = run(data, args);
    assert!(done, "{args:?}: {value}");
    value
}

fn file(data: &Path, name: &str, text: &str) -> String {
    let path = data.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_list_is_looked_at_before_it_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let list = file(
        data,
        "them.csv",
        "Mã,Loại,Tên,Trực thuộc\nq1-nd,Trường học,Trường Nguyễn Du,q1-gddt\n",
    );
    let seen = ok(data, &["organisation", "import", &list]);
    assert_eq!(
        (&seen["imported"], seen["added"].as_array().unwrap().len()),
        (&json!(false), 1)
    );
    ok(data, &["organisation", "import", &list, "--confirm"]);
    let again = ok(data, &["organisation", "import", &list, "--confirm"]);
    assert_eq!(again["unchanged"], 1);
    let wrong = file(data, "sai.csv", "Mã,Loại,Tên\nQ1,Trường học,\n");
    let (done, said) = run(data, &["organisation", "import", &wrong, "--confirm"]);
    assert!(!done);
    assert_eq!(said["mistakes"].as_array().unwrap().len(), 2, "{said}");
    let book = data.join("danh-ba.xlsx");
    ok(data, &["organisation", "export", book.to_str().unwrap()]);
    let back = ok(data, &["organisation", "import", book.to_str().unwrap()]);
    assert_eq!(
        (&back["added"], &back["changed"], &back["mistakes"]),
        (&json!([]), &json!([]), &json!([]))
    );
    let trail = ok(data, &["user", "audit"]);
    let actions: Vec<_> = trail["audit"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["action"])
        .collect();
    assert!(
        actions.contains(&&json!("organisations.import")),
        "{actions:?}"
    );
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = ispeed(&["organisation", "list", "--at", "2024-11-08", "--data"]);
    command.arg(directory.path()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_campaign_is_looked_at_before_it_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let definition = include_str!("../../../data/campaigns/district-1.toml");
    let more = file(
        data,
        "c.toml",
        &definition.replace("quota_tests = 300", "quota_tests = 400"),
    );
    let seen = ok(data, &["campaign", "import", &more, "--preview"]);
    assert_eq!(
        seen["changes"].as_array().unwrap().len(),
        14,
        "every area owes more: {seen}"
    );
    let (done, said) = run(data, &["campaign", "import", &more]);
    assert!(
        !done && said.as_str().unwrap().contains("--replace"),
        "{said}"
    );
    ok(data, &["campaign", "import", &more, "--replace"]);
    let shown = ok(
        data,
        &["campaign", "show", "district-1", "--month", "2024-11"],
    );
    assert_eq!(shown["areas"][0]["quota"], 400);
    assert_eq!(shown["last_day"], "2024-12-09");
    for quota in ["0", "-5"] {
        let wrong = definition.replace("quota_tests = 300", &format!("quota_tests = {quota}"));
        let wrong = file(data, "wrong.toml", &wrong);
        let (done, said) = run(data, &["campaign", "import", &wrong, "--preview"]);
        assert!(
            !done
                && said
                    .as_str()
                    .unwrap()
                    .contains(&format!("quota_tests is {quota}")),
            "{said}"
        );
    }
}

/// Invites somebody, who takes it up and signs in; the head that shows it.
fn signed_in(data: &Path, server: &Server, email: &str, rest: &[&str]) -> String {
    let invite = ["user", "invite", email, "--name", "Số 1"];
    let invited = ok(data, &[&invite, rest].concat());
    let password = "mưa rào tháng bảy";
    let token = json!({"token": invited["token"], "password": password}).to_string();
    let (taken, said) = server.request("POST", "/api/v1/office/invitations", token.as_bytes());
    assert_eq!(taken, 204, "{said}");
    let credentials = json!({"email": email, "password": password}).to_string();
    let (status, head, _) = server
        .answer("", "POST", "/api/v1/office/session", credentials.as_bytes())
        .unwrap();
    assert_eq!(status, 200, "{head}");
    let cookie = head
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "));
    let cookie = cookie.unwrap().split(';').next().unwrap();
    format!("Cookie: {cookie}\r\n")
}

#[test]
fn a_member_joins_is_counted_and_is_erased() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let campaign = ["--campaign", "district-1"];
    let before = ["--clock", "2024-11-01T00:00:00Z"];
    let link = ok(
        data,
        &[&["member", "link", "q1-p-ben-nghe"], &campaign[..]].concat(),
    );
    let code = link["code"].as_str().unwrap();
    let join = [
        "member",
        "join",
        code,
        "--device",
        "device-0001",
        "--consent",
        "duty",
    ];
    let welcome = ok(data, &[&join[..], &before].concat());
    assert_eq!(welcome["number"], 1);
    let (done, said) = run(data, &[&join[..], &before].concat());
    assert!(!done && said.as_str().unwrap().contains("device"), "{said}");
    let list = ["member", "list", "q1-p-ben-nghe", "--month", "2024-11"];
    let list = [&list[..], &campaign].concat();
    assert_eq!(ok(data, &list)["total"]["members"], 1);
    let erase = [&["member", "erase", "q1-p-ben-nghe", "1"], &campaign[..]].concat();
    assert_eq!(ok(data, &erase)["erased"], false);
    assert_eq!(ok(data, &list)["total"]["members"], 1, "only looked at");
    ok(data, &[&erase[..], &["--confirm"]].concat());
    assert_eq!(ok(data, &list)["total"]["members"], 0);
}

#[test]
fn what_is_not_a_coordinators_is_refused_over_the_wire() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let server = Server::start(data, "127.0.0.1:0");
    let unit = ["--role", "coordinator", "--unit", "q1-p-ben-nghe"];
    let coordinator = signed_in(data, &server, "bennghe@quan1.example.vn", &unit);
    let office = signed_in(
        data,
        &server,
        "vhtt@quan1.example.vn",
        &["--role", "office"],
    );
    // The demonstration's organisations end with June 2025; reports of then are
    // still shown.
    let base = "/api/v1/office/campaigns/district-1/months/2025-05";
    let status = |who: &str, method: &str, path: &str, body: &str| {
        let (status, _, body) = server.answer(who, method, path, body.as_bytes()).unwrap();
        (status, body)
    };
    let own = format!("{base}/reports/q1-p-ben-nghe");
    let other = format!("{base}/reports/q1-p-da-kao");
    assert_eq!(status(&coordinator, "GET", &own, "").0, 200);
    assert_eq!(status("", "GET", &own, "").0, 401);
    assert_eq!(status(&coordinator, "GET", &other, "").0, 403);
    assert_eq!(
        status(
            &coordinator,
            "GET",
            &format!("{base}/members/q1-p-da-kao"),
            ""
        )
        .0,
        403
    );
    assert_eq!(
        status(
            &coordinator,
            "GET",
            &format!("{base}/members/q1-p-ben-nghe"),
            ""
        )
        .0,
        200
    );
    assert_eq!(
        status(&coordinator, "GET", "/api/v1/office/audit", "").0,
        403
    );
    assert_eq!(status(&office, "GET", &other, "").0, 200);
    let submit = json!({"step": "submit", "after": 0, "written": {"remarks": "Đã phổ biến"}});
    assert_eq!(
        status(&coordinator, "POST", &other, &submit.to_string()).0,
        403
    );
    let (code, form) = status(&coordinator, "POST", &own, &submit.to_string());
    assert_eq!((code, &form["state"]), (200, &json!("submitted")), "{form}");
    let accept = json!({"step": "accept", "after": 1}).to_string();
    assert_eq!(status(&coordinator, "POST", &own, &accept).0, 403);
    assert_eq!(
        status(&office, "POST", &own, &accept).1["state"],
        "accepted"
    );
    let future = own.replace("2025-05", "2099-01");
    let (code, problem) = status(&coordinator, "GET", &future, "");
    assert_eq!((code, &problem["field"]), (422, &json!("month")));
    ok(data, &["user", "disable", "bennghe@quan1.example.vn"]);
    assert_eq!(status(&coordinator, "GET", &own, "").0, 401);
}

/// A real mail server (aiosmtpd), where there is one on the PATH.
struct MailServer {
    child: Child,
    port: u16,
}

impl MailServer {
    /// Keeps what it takes in a Maildir; `None`, and a word, where it is not
    /// installed.
    fn start(inbox: &Path) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut command = Command::new("aiosmtpd");
        command.args([
            "-n",
            "-l",
            &format!("127.0.0.1:{port}"),
            "-c",
            "aiosmtpd.handlers.Mailbox",
        ]);
        command
            .arg(inbox)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let Ok(child) = command.spawn() else {
            println!("skipped: aiosmtpd is not on the PATH (Debian: python3-aiosmtpd)");
            return None;
        };
        let server = Self { child, port };
        for _ in 0..200 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(server);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("aiosmtpd does not listen")
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The messages of a Maildir.
fn messages(inbox: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(inbox.join("new")) else {
        return vec![];
    };
    entries
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect()
}

#[test]
fn reminders_reach_a_real_mail_server_once() {
    let directory = tempfile::tempdir().unwrap();
    let (data, inbox) = (directory.path(), directory.path().join("inbox"));
    let Some(mail) = MailServer::start(&inbox) else {
        return;
    };
    let config = file(
        data,
        "mail.toml",
        &format!(
            "[centre.mail]\nserver = \"smtp://127.0.0.1:{}\"\n\
             from = \"Phòng VH&TT Quận 1 <vhtt@quan1.example.vn>\"\nurl = \"https://do.example.vn\"\n",
            mail.port
        ),
    );
    let list = ok(
        data,
        &[
            "organisation",
            "list",
            "--at",
            "2024-11-08",
            "--under",
            "q1",
        ],
    );
    assert!(list["organisations"].as_array().unwrap().len() > 20);
    let change = "Mã,Loại,Tên,Viết tắt,Trực thuộc,Hết hiệu lực từ,Thư điện tử\n\
                  q1-nv,agency,Phòng Nội vụ Quận 1,NV,q1,2025-07-01,nv@quan1.example.vn\n";
    let change = file(data, "thu.csv", change);
    ok(data, &["organisation", "import", &change, "--confirm"]);
    let remind = [
        "campaign",
        "remind",
        "district-1",
        "--config",
        &config,
        "--clock",
        "2024-12-06T02:00:00Z",
    ];
    let due = ok(data, &remind);
    assert_eq!(due["due"].as_array().unwrap().len(), 32);
    assert!(messages(&inbox).is_empty(), "only looked at");
    let confirm = [&remind[..], &["--confirm"]].concat();
    let sent = ok(data, &confirm);
    assert_eq!(
        (
            &sent["sent"],
            sent["without_address"].as_array().unwrap().len()
        ),
        (&json!(1), 31)
    );
    let again = ok(data, &confirm);
    assert_eq!(again["sent"], 0, "none goes out twice");
    let [message]: [String; 1] = messages(&inbox).try_into().unwrap();
    assert!(message.contains("nv@quan1.example.vn"), "{message}");
    drop(mail);
    let later = "2024-12-08T02:00:00Z";
    let later = confirm.iter().map(|arg| {
        if arg.starts_with("2024-12-06") {
            later
        } else {
            *arg
        }
    });
    let (done, failed) = run(data, &later.collect::<Vec<_>>());
    assert!(!done, "nobody listens any more");
    assert_eq!(failed["failed"].as_array().unwrap().len(), 1, "{failed}");
}
