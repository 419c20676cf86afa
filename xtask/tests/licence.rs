//! Everything we build on may be passed on under Apache-2.0.

use std::process::Command;

use serde_json::{Value, json};

/// Licences (SPDX) that may be built on without a word.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Packages under another licence that were argued for in docs/DESIGN.md:
/// name, licence. MPL-2.0 comes in here only.
const EXCEPTIONS: &[(&str, &str)] = &[];

/// Packages that may not be built on.
fn complaints(packages: &[Value], exceptions: &[(&str, &str)]) -> Vec<String> {
    let refused = packages.iter().filter(|package| {
        let licence = package["license"].as_str().unwrap_or_default();
        let name = package["name"].as_str().unwrap_or_default();
        let of_package =
            |(named, licence): &(&str, &str)| (*named == name).then(|| (*licence).to_string());
        let argued: Vec<_> = exceptions.iter().filter_map(of_package).collect();
        !is_allowed(licence, &|id| {
            ALLOWED.contains(&id) || argued.iter().any(|a| a == id)
        })
    });
    let line = |p: &Value| format!("{} {}: {}", p["name"], p["version"], p["license"]);
    refused.map(line).collect()
}

/// Whether an SPDX expression leaves a choice of which every part is allowed.
fn is_allowed(expression: &str, allowed: &dyn Fn(&str) -> bool) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    any_of(&mut words, allowed) && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any_of(words: &mut Words<'_>, allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut holds = all_of(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        holds |= all_of(words, allowed);
    }
    holds
}

fn all_of(words: &mut Words<'_>, allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut holds = single(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        holds &= single(words, allowed);
    }
    holds
}

fn single(words: &mut Words<'_>, allowed: &dyn Fn(&str) -> bool) -> bool {
    if words.next_if_eq(&"(").is_some() {
        let holds = any_of(words, allowed);
        return holds && words.next() == Some(")");
    }
    let holds = words.next().is_some_and(allowed);
    // An exception (`WITH`) only ever permits more.
    if words.next_if_eq(&"WITH").is_some() {
        words.next();
    }
    holds
}

#[test]
fn every_dependency_may_be_passed_on() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata: {told}");
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        complaints(metadata["packages"].as_array().unwrap(), EXCEPTIONS),
        [""; 0]
    );
}

#[test]
fn expressions_are_read_as_spdx_writes_them() {
    let check = |expression, want| {
        let found = is_allowed(expression, &|id| ALLOWED.contains(&id));
        assert_eq!(found, want, "{expression}");
    };
    check("MIT", true);
    check("MIT/Apache-2.0", true);
    check("GPL-3.0-only OR MIT", true);
    check("MIT AND GPL-3.0-only", false);
    check("(MIT OR GPL-2.0-only) AND Unicode-3.0", true);
    check("MPL-2.0 OR (LGPL-3.0-only AND MIT)", false);
    check("Apache-2.0 WITH LLVM-exception", true);
    check("GPL-2.0-only WITH Classpath-exception-2.0", false);
    check("", false);
    check("MIT extra", false);
}

#[test]
fn a_licence_that_binds_us_is_caught() {
    let package = |name, licence| json!({"name": name, "version": "1.0.0", "license": licence});
    let packages = [
        package("free", "ISC"),
        package("bound", "AGPL-3.0-only"),
        package("soft", "MPL-2.0"),
    ];
    let bound = "\"bound\" \"1.0.0\": \"AGPL-3.0-only\"";
    let soft = "\"soft\" \"1.0.0\": \"MPL-2.0\"";
    assert_eq!(complaints(&packages, &[]), [bound, soft]);
    assert_eq!(complaints(&packages, &[("soft", "MPL-2.0")]), [bound]);
    assert_eq!(complaints(&packages, &[("free", "MPL-2.0")]), [bound, soft]);
    let silent = [json!({"name": "silent", "version": "1.0.0", "license": null})];
    assert_eq!(complaints(&silent, &[]).len(), 1);
}
