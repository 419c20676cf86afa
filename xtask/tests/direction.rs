//! The shape of the house: who may build on whom. Read it as the diagram in ARCHITECTURE.md.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::process::Command;

use serde_json::{Value, json};

/// Each crate, and every crate of ours it may depend on (tests excepted).
const MAY_USE: &[(&str, &[&str])] = &[
    ("metric", &[]),
    ("wire", &["metric"]),
    ("net", &[]),
    ("client", &["metric", "wire", "net"]),
    ("server", &["metric", "wire", "net"]),
    ("platform", &["metric", "wire"]),
    (
        "ispeed",
        &["metric", "wire", "net", "client", "server", "platform"],
    ),
    ("xtask", &[]),
    ("bench", &["net"]),
];

/// What is wrong with the dependencies among the packages of a workspace.
fn complaints(packages: &[Value]) -> Vec<String> {
    let names: Vec<_> = packages.iter().map(name).collect();
    let gone = MAY_USE.iter().filter(|(name, _)| !names.contains(name));
    let mut found: Vec<_> = gone
        .map(|(name, _)| format!("{name} is listed but gone"))
        .collect();
    for package in packages {
        let name = name(package);
        let Some((_, allowed)) = MAY_USE.iter().find(|(listed, _)| *listed == name) else {
            found.push(format!(
                "{name} needs a line here, and a reason in docs/DESIGN.md"
            ));
            continue;
        };
        let used = package["dependencies"].as_array().unwrap().iter();
        let used = used.filter(|used| used["kind"] != "dev").map(self::name);
        let wrong = used.filter(|used| names.contains(used) && !allowed.contains(used));
        found.extend(wrong.map(|used| format!("{name} must not depend on {used}")));
    }
    found
}

fn name(package: &Value) -> &str {
    package["name"].as_str().unwrap()
}

#[test]
fn dependencies_point_one_way() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        complaints(metadata["packages"].as_array().unwrap()),
        [""; 0]
    );
}

/// A workspace in which every crate stands alone, but for one dependency.
fn workspace(from: &str, to: &str, kind: &Value) -> Vec<Value> {
    let package = |(name, _): &(&str, _)| {
        let used = json!([{"name": to, "kind": kind}, {"name": "serde", "kind": null}]);
        json!({"name": name, "dependencies": if *name == from { used } else { json!([]) }})
    };
    MAY_USE.iter().map(package).collect()
}

#[test]
fn a_wrong_dependency_is_caught() {
    let check = |from, to, kind| complaints(&workspace(from, to, &kind));
    assert_eq!(
        check("platform", "server", Value::Null),
        ["platform must not depend on server"]
    );
    assert_eq!(
        check("metric", "wire", Value::Null),
        ["metric must not depend on wire"]
    );
    assert_eq!(
        check("net", "metric", json!("build")),
        ["net must not depend on metric"]
    );
    assert_eq!(check("platform", "server", json!("dev")), [""; 0]);
    assert_eq!(check("ispeed", "server", Value::Null), [""; 0]);
}

#[test]
fn a_crate_that_nobody_argued_for_is_caught() {
    let mut packages = workspace("ispeed", "metric", &Value::Null);
    packages.push(json!({"name": "shared", "dependencies": []}));
    packages.retain(|package| name(package) != "wire");
    let want = [
        "wire is listed but gone",
        "shared needs a line here, and a reason in docs/DESIGN.md",
    ];
    assert_eq!(complaints(&packages), want);
}
