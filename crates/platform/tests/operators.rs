//! The operators against a full table of addresses, where one is at hand
//! beside the repository.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use platform::operator::OperatorTable;

#[test]
fn a_full_table_of_addresses_is_read() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let Ok(prefixes) = fs::read_to_string(repository.join("../shared/data/ipasn/vn_ip_asn.csv"))
    else {
        eprintln!("not checked: no table of addresses beside the repository");
        return;
    };
    let operators = fs::read_to_string(repository.join("data/operators.csv")).unwrap();
    let table = OperatorTable::parse(&operators, &prefixes).unwrap_or_else(|e| panic!("{e}"));
    let of = |address: &str| {
        let found = table.of_address(address.parse().unwrap())?;
        Some((found.operator?.id.as_str(), found.mobile_only))
    };
    assert_eq!(of("171.224.10.1"), Some(("viettel", false)));
    assert_eq!(of("113.161.1.1"), Some(("vinaphone", false)));
    assert_eq!(of("59.153.240.1"), Some(("mobifone", true)));
    assert_eq!(of("42.115.1.1"), Some(("fpt", false)));
    assert_eq!(of("2402:800:1::1"), Some(("viettel", false)));
    assert_eq!(of("8.8.8.8"), None);
}
