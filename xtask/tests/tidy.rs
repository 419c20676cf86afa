//! House rules that no linter knows.
//!
//! Each rule is a function over one file, so that a file that breaks it on
//! purpose shows that it is caught.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of the repository.
struct File {
    /// Path from the root, with `/`.
    path: String,
    text: String,
}

/// What is wrong with a file; one line for each finding.
type Rule = fn(&File) -> Vec<String>;

const RULES: &[(&str, Rule)] = &[
    ("files are short", short),
    ("files are named after what they hold", named),
    ("stages meet in the store only", apart),
    ("only net is unsafe", safe),
    ("metric and wire are pure", pure),
    ("no path of a machine", portable),
    ("logs hold nothing personal", discreet),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every text file that is tracked, or new and not ignored.
fn files() -> Vec<File> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "these rules look at what git tracks"
    );
    let names = String::from_utf8(output.stdout).unwrap();
    let read = |path: &str| {
        let text = fs::read_to_string(root().join(path)).ok()?;
        Some(File {
            path: path.into(),
            text,
        })
    };
    names
        .split('\0')
        .filter(|name| !name.is_empty())
        .filter_map(read)
        .collect()
}

#[test]
fn the_house_is_tidy() {
    let files = files();
    assert!(files.len() > 50, "only {} files found", files.len());
    let mut found = vec![];
    for (name, rule) in RULES {
        let complaints = files.iter().flat_map(|file| {
            let lines = rule(file).into_iter();
            lines.map(|line| format!("{name}: {}: {line}", file.path))
        });
        found.extend(complaints);
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Lines of a file of code.
const MAX_LINES: usize = 600;

fn is_code(path: &str) -> bool {
    [".rs", ".ts", ".svelte"]
        .iter()
        .any(|ending| path.ends_with(ending))
}

fn short(file: &File) -> Vec<String> {
    let lines = file.text.lines().count();
    let long = is_code(&file.path) && lines > MAX_LINES;
    long.then(|| format!("{lines} lines, at most {MAX_LINES}"))
        .into_iter()
        .collect()
}

/// Names that say nothing.
const VAGUE: &[&str] = &[
    "util", "utils", "helper", "helpers", "common", "misc", "manager", "base",
];

fn named(file: &File) -> Vec<String> {
    let stem = |part: &str| part.split('.').next().unwrap_or_default().to_lowercase();
    let vague = file
        .path
        .split('/')
        .map(stem)
        .filter(|part| VAGUE.contains(&part.as_str()));
    let code = is_code(&file.path);
    vague
        .filter(|_| code)
        .map(|part| format!("`{part}` could hold anything"))
        .collect()
}

/// Stages of the platform. They meet in `store` and in `metric`, never directly.
const STAGES: &[&str] = &["campaign", "collect", "statistics", "publish", "report"];

fn apart(file: &File) -> Vec<String> {
    let inside = file
        .path
        .strip_prefix("crates/platform/src/")
        .unwrap_or_default();
    let part = inside.split(['/', '.']).next().unwrap_or_default();
    if !STAGES.contains(&part) {
        return vec![];
    }
    let code = without_comments(&file.text);
    let used = used_of_crate(&code);
    let others = used
        .iter()
        .filter(|used| **used != part && STAGES.contains(used));
    others
        .map(|other| format!("{part} must not use {other}"))
        .collect()
}

/// The modules that follow `crate::`, alone or in braces.
fn used_of_crate(code: &str) -> Vec<&str> {
    let word = |text: &'_ str| {
        text.find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(text.len())
    };
    let mut used = vec![];
    for (at, start) in code.match_indices("crate::") {
        let rest = &code[at + start.len()..];
        match rest.strip_prefix('{') {
            Some(list) => {
                let list = list.split(';').next().unwrap_or_default();
                used.extend(
                    list.split([',', '{', '}'])
                        .map(str::trim)
                        .map(|name| &name[..word(name)]),
                );
            }
            None => used.push(&rest[..word(rest)]),
        }
    }
    used
}

fn safe(file: &File) -> Vec<String> {
    let ours = file.path.starts_with("crates/") && file.path.ends_with(".rs");
    if !ours || file.path.starts_with("crates/net/") {
        return vec![];
    }
    let code = without_comments(&file.text);
    let words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
    let found = words.filter(|word| ["unsafe", "unsafe_code"].contains(word));
    found
        .map(|word| format!("`{word}` belongs into crates/net"))
        .collect()
}

/// What would make a law depend on the world.
const WORLD: &[&str] = &[
    "tokio",
    "std::fs",
    "std::time::Instant",
    "SystemTime",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "getrandom",
    "rand::",
    "tracing::",
];

fn pure(file: &File) -> Vec<String> {
    let law = ["crates/metric/src/", "crates/wire/src/"]
        .iter()
        .any(|law| file.path.starts_with(law));
    if !law {
        return vec![];
    }
    let code = without_comments(&file.text);
    let found = WORLD.iter().filter(|name| names(&code, name));
    found
        .map(|name| format!("`{name}` is not for a law"))
        .collect()
}

/// Whether a name stands in code, not as the end of a longer one.
fn names(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// First parts of paths that only the machine of an author has.
const MACHINE: &[&str] = &["work", "root"];

fn portable(file: &File) -> Vec<String> {
    let lines = file.text.lines().enumerate();
    let bad = lines.filter(|(_, line)| MACHINE.iter().any(|part| has_machine_path(line, part)));
    bad.map(|(at, _)| format!("line {} names a path of one machine", at + 1))
        .collect()
}

/// Whether a line holds `/part/` at the start of a path.
fn has_machine_path(line: &str, part: &str) -> bool {
    line.match_indices(&format!("/{part}/")).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._~-}*)".contains(c))
    })
}

/// Names of log fields that would tell who or where somebody is.
const PERSONAL: &[&str] = &["address", "position", "token", "body"];
const LOGGING: &[&str] = &[
    "trace",
    "debug",
    "info",
    "warn",
    "error",
    "event",
    "span",
    "info_span",
    "debug_span",
];

fn discreet(file: &File) -> Vec<String> {
    if !file.path.ends_with(".rs") || !file.path.starts_with("crates/") {
        return vec![];
    }
    let code = without_comments(&file.text);
    let fields = logged(&code);
    let personal = fields
        .iter()
        .filter(|field| PERSONAL.contains(&field.as_str()));
    personal
        .map(|field| format!("logs a field named `{field}`"))
        .collect()
}

/// Every part of every field name in calls of the logging macros.
fn logged(code: &str) -> Vec<String> {
    let mut fields = vec![];
    for (at, _) in code.match_indices("!(") {
        let before = code[..at]
            .rsplit(|c: char| !c.is_alphanumeric() && c != '_')
            .next();
        if before.is_some_and(|name| LOGGING.contains(&name)) {
            let arguments = arguments(&code[at + 2..]);
            fields.extend(arguments.iter().flat_map(|argument| field_names(argument)));
        }
    }
    fields
}

/// Arguments of a call, from behind its opening parenthesis.
fn arguments(text: &str) -> Vec<String> {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    let mut found = vec![String::new()];
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted && depth == 0 => break,
            ')' | ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                found.push(String::new());
                continue;
            }
            _ => {}
        }
        found.last_mut().unwrap().push(c);
    }
    found
}

/// The names that an argument gives to what it logs: the field, or what a
/// format string captures.
fn field_names(argument: &str) -> Vec<String> {
    let argument = argument.trim();
    let whole = |text: &str| {
        text.split([':', '}'])
            .next()
            .unwrap_or_default()
            .trim()
            .to_string()
    };
    if argument.starts_with('"') {
        return argument.split('{').skip(1).map(whole).collect();
    }
    let field = argument.split('=').next().unwrap_or_default();
    let field = field.trim().trim_start_matches(['%', '?', '&']);
    field
        .split('.')
        .map(|part| part.trim().to_string())
        .collect()
}

/// Rust code without its comments; text in quotes stays.
fn without_comments(text: &str) -> String {
    text.lines()
        .map(code_of_line)
        .collect::<Vec<_>>()
        .join("\n")
}

fn code_of_line(line: &str) -> &str {
    let (mut quoted, mut before) = (false, ' ');
    for (at, c) in line.char_indices() {
        match c {
            '"' if before != '\\' && before != '\'' => quoted = !quoted,
            '/' if !quoted && before == '/' => return &line[..at - 1],
            _ => {}
        }
        before = c;
    }
    line
}

/// What a rule says about a file of these lines.
fn said(rule: Rule, path: &str, text: &str) -> Vec<String> {
    rule(&File {
        path: path.into(),
        text: text.into(),
    })
}

#[track_caller]
fn caught(rule: Rule, path: &str, text: &str) {
    assert!(!said(rule, path, text).is_empty(), "{path} was not caught");
}

#[track_caller]
fn passes(rule: Rule, path: &str, text: &str) {
    assert_eq!(said(rule, path, text), [""; 0]);
}

#[test]
fn a_long_file_is_caught() {
    caught(short, "web/src/a.svelte", &"x\n".repeat(601));
    passes(short, "web/src/a.svelte", &"x\n".repeat(600));
    passes(short, "Cargo.lock", &"x\n".repeat(6000));
}

#[test]
fn a_vague_name_is_caught() {
    caught(named, "crates/net/src/utils.rs", "");
    caught(named, "web/src/common/format.ts", "");
    caught(named, "web/src/helpers.test.ts", "");
    passes(named, "crates/platform/src/database.rs", "");
    passes(named, "docs/common.md", "");
}

#[test]
fn a_stage_that_reaches_over_is_caught() {
    caught(
        apart,
        "crates/platform/src/report/table.rs",
        "use crate::statistics::Figure;",
    );
    caught(
        apart,
        "crates/platform/src/collect.rs",
        "use crate::{\n  store::Store,\n  publish,\n};",
    );
    passes(
        apart,
        "crates/platform/src/report/table.rs",
        "use crate::store; // not crate::collect",
    );
    passes(
        apart,
        "crates/platform/src/report/table.rs",
        "use crate::report::Row;",
    );
    passes(
        apart,
        "crates/platform/src/http.rs",
        "use crate::{collect, publish};",
    );
}

#[test]
fn unsafe_outside_net_is_caught() {
    caught(safe, "crates/server/src/lib.rs", "let x = unsafe { *p };");
    caught(safe, "crates/client/src/lib.rs", "#[allow(unsafe_code)]");
    passes(
        safe,
        "crates/net/src/tcp_info.rs",
        "unsafe { getsockopt() }",
    );
    passes(safe, "crates/client/src/lib.rs", "// nothing unsafe here");
}

#[test]
fn a_law_that_touches_the_world_is_caught() {
    caught(pure, "crates/wire/src/lib.rs", "use tokio::net::TcpStream;");
    caught(pure, "crates/metric/src/lib.rs", "let x = rand::random();");
    caught(pure, "crates/wire/src/lib.rs", "use std::net::UdpSocket;");
    passes(
        pure,
        "crates/metric/src/prefix.rs",
        "use std::net::IpAddr; // no tokio",
    );
    passes(
        pure,
        "crates/metric/src/prefix.rs",
        "let brand::X = operand::y;",
    );
    passes(pure, "crates/net/src/lib.rs", "use tokio::net::TcpStream;");
}

#[test]
fn a_path_of_a_machine_is_caught() {
    for part in MACHINE {
        caught(portable, "docs/a.md", &format!("see /{part}/notes.md"));
        caught(portable, "a.toml", &format!("path = \"/{part}/x\""));
        passes(
            portable,
            "docs/a.md",
            &format!("https://example.org/{part}/x, net{part}/x"),
        );
    }
}

#[test]
fn a_personal_log_field_is_caught() {
    let server = "crates/server/src/lib.rs";
    caught(
        discreet,
        server,
        "info!(session.address = %peer, \"Began\");",
    );
    caught(discreet, server, "tracing::warn!(?token, \"Refused\");");
    caught(discreet, server, "debug!(\"Read {body:?}\");");
    caught(
        discreet,
        server,
        "error!(\n    id,\n    position = 1,\n    \"x\"\n);",
    );
    caught(discreet, server, "info!(\"Read {}\", request.body);");
    passes(
        discreet,
        server,
        "info!(site.addresses = n, \"token, address (x), body\");",
    );
    passes(discreet, server, "panic!(\"{address}\"); // info!(address)");
}
