//! The real binary and another catalog: which past statuses, findings and certificates it would change.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use std::fs;

use fixture::{MANAGEMENT_ONLY_CONFIG, TestDirectory, WATCH_AUDITOR};
use onlooker_core::{
    catalog::{
        merge::merge,
        sources::{ActionFact, CatalogSources},
    },
    operation::AccessLevel,
};
use serde_json::Value;

const AUDITOR: &str = "arn:aws:iam::111122223333:role/Auditor";

/// Writes a catalog that knows one operation, which the auditor called.
fn write_catalog(directory: &TestDirectory, file: &str, version: &str, level: AccessLevel) {
    let fact = ActionFact {
        service: "ec2".to_owned(),
        name: "DescribeInstances".to_owned(),
        level,
        reference: None,
    };
    let sources = CatalogSources {
        version: version.to_owned(),
        origins: vec![("a test".to_owned(), "1".to_owned())],
        service_reference: vec![fact],
        ..CatalogSources::default()
    };
    let path = directory.join(file);
    fs::write(path, merge(&sources, &[]).encode().expect("encodes")).expect("written");
}

/// A swept trail with a catalog by which the auditor only read, and one by which it wrote.
fn swept() -> TestDirectory {
    let directory = TestDirectory::with_compliant_trail();
    write_catalog(&directory, "old.bin", "1", AccessLevel::List);
    write_catalog(&directory, "new.bin", "2", AccessLevel::Write);
    let watch =
        format!("catalog = \"old.bin\"\nwatch = [{{ principal = \"{AUDITOR}\" }}]\n{MANAGEMENT_ONLY_CONFIG}");
    directory.write("onlooker.toml", watch);
    directory.run(&["sweep", "logs", WATCH_AUDITOR]).assert_exit_code(0);
    directory
}

#[test]
fn the_same_catalog_changes_nothing() {
    let directory = swept();
    let same = directory.run(&["replay", "--catalog", "old.bin"]).assert_exit_code(0).stdout;
    assert_eq!(same, "catalog 1 -> 1\nnothing changes\n");
}

#[test]
fn a_catalog_that_knows_a_write_changes_status_operation_and_findings() {
    let directory = swept();
    let text = directory.run(&["replay", "--catalog", "new.bin"]).assert_exit_code(1).stdout;
    for line in [
        "catalog 1 -> 2\n",
        "status  COMPLIANT -> NON_COMPLIANT\n",
        "principal  arn:aws:iam::111122223333:role/Auditor  COMPLIANT -> NON_COMPLIANT\n",
        "operation  ec2:DescribeInstances  a plain read -> mutating HIGH\n",
        "new finding  CRITICAL  ",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let json: Value = serde_json::from_str(
        &directory.run(&["replay", "--catalog", "new.bin", "--json"]).assert_exit_code(1).stdout,
    )
    .expect("JSON");
    assert_eq!(json["principals"][AUDITOR], serde_json::json!(["COMPLIANT", "NON_COMPLIANT"]));
    // The state is not changed: the report by the catalog in force is what it was.
    directory.run(&["report"]).assert_exit_code(0);
    directory.run(&["replay", "--catalog", "absent.bin"]).assert_exit_code(2);
}

#[test]
fn a_certificate_that_the_other_catalog_would_not_give_is_named() {
    let directory = swept();
    directory.write("key.pem", fixture::PRIVATE_KEY);
    directory.write("public.pem", fixture::PUBLIC_KEY);
    let period = ["--since", "2026-10-06T10:00:00Z", "--until", "2026-10-06T13:00:00Z"];
    let certify = ["certify", "--principal", AUDITOR, "--key", "key.pem", "--out", "certificate.json"];
    directory.run(&[&certify[..], &period].concat()).assert_exit_code(0);
    let certificates = ["--certificate", "certificate.json", "--public-key", "public.pem"];
    let same = [&["replay", "--catalog", "old.bin"][..], &certificates].concat();
    assert!(directory.run(&same).assert_exit_code(0).stdout.contains("nothing changes"));
    let lost = [&["replay", "--catalog", "new.bin"][..], &certificates].concat();
    let lost = directory.run(&lost).assert_exit_code(1).stdout;
    assert!(
        lost.contains("certificate  certificate.json  would not be given: the principal is NON_COMPLIANT"),
        "{lost}"
    );
}
