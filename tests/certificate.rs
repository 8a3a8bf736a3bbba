//! The real binary and certificates: who gets one, what it states, and what is found when it or the evidence is changed.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use std::fs;

use fixture::{PRIVATE_KEY, PUBLIC_KEY, RecordedCall, TestDirectory, WATCH_AUDITOR, WRITE_CALL, object};
use serde_json::Value;

const AUDITOR: &str = "arn:aws:iam::111122223333:role/Auditor";

const CERTIFY: [&str; 11] = [
    "certify",
    "--principal",
    AUDITOR,
    "--since",
    "2026-10-06T10:00:00Z",
    "--until",
    "2026-10-06T13:00:00Z",
    "--key",
    "key.pem",
    "--out",
    "certificate.json",
];

const VERIFY: [&str; 5] = ["verify", "certificate", "certificate.json", "--public-key", "public.pem"];

/// A swept trail that proves the promise, and keys.
fn swept() -> TestDirectory {
    let directory = TestDirectory::with_compliant_trail();
    directory.run(&["sweep", "logs", WATCH_AUDITOR]).assert_exit_code(0);
    directory.write("key.pem", PRIVATE_KEY);
    directory.write("public.pem", PUBLIC_KEY);
    directory
}

fn statement(directory: &TestDirectory) -> Value {
    let verified = directory.run(&[&VERIFY[..], &["--json"]].concat());
    serde_json::from_str(&verified.stdout).expect("JSON")
}

#[test]
fn a_principal_that_only_read_has_a_certificate_that_its_evidence_confirms() {
    let directory = swept();
    directory.run(&CERTIFY).assert_exit_code(0);
    let offline = directory.run(&VERIFY).assert_exit_code(0).stdout;
    assert!(
        offline.starts_with("signed: ") && offline.contains("not compared with the evidence"),
        "{offline}"
    );
    let compared =
        directory.run(&[&VERIFY[..], &["--state", ".onlooker"]].concat()).assert_exit_code(0).stdout;
    assert!(compared.ends_with("the evidence gives the same\n"), "{compared}");
    let statement = statement(&directory);
    let predicate = &statement["predicate"];
    assert_eq!((&predicate["status"], &predicate["calls"]["writes"]), (&"COMPLIANT".into(), &0.into()));
    assert_eq!(predicate["principal"], AUDITOR);
    assert_eq!(statement["subject"][0]["digest"]["sha256"], predicate["report_sha256"]);
    assert_eq!(statement["subject"][1]["digest"]["sha256"], predicate["evidence"]["root"]);
    let envelope: Value =
        serde_json::from_slice(&fs::read(directory.join("certificate.json")).expect("a file")).expect("JSON");
    // SHA-256 of the canonical JSON of the public key, as securesystemslib computes it.
    let id = "74c181c7ad8a0855d4b55e44d2ba87aabdddb196832571f15f92fece332e4916";
    assert_eq!(envelope["signatures"][0]["keyid"], id);
}

#[test]
fn the_evidence_of_another_time_gives_something_else() {
    let directory = swept();
    directory.run(&CERTIFY).assert_exit_code(0);
    directory.write("logs/13.json.gz", object(&[RecordedCall { at: "06T12:30", ..WRITE_CALL }]));
    directory.run(&["sweep", "logs", WATCH_AUDITOR]).assert_exit_code(1);
    let compared =
        directory.run(&[&VERIFY[..], &["--state", ".onlooker"]].concat()).assert_exit_code(1).stdout;
    assert!(compared.contains("the evidence gives something else: "), "{compared}");
    let refused = directory.run(&CERTIFY).assert_exit_code(1);
    assert!(refused.stderr.contains("not certified: the principal is NON_COMPLIANT"), "{refused:?}");
}

#[test]
fn incomplete_evidence_is_certified_only_on_request_and_says_so() {
    let directory = swept();
    let mut longer = CERTIFY;
    longer[6] = "2026-10-08T00:00:00Z";
    let refused = directory.run(&longer).assert_exit_code(3);
    assert!(refused.stderr.contains("not certified: the evidence is not complete"), "{refused:?}");
    assert!(!directory.join("certificate.json").exists());
    directory.run(&[&longer[..], &["--incomplete"]].concat()).assert_exit_code(3);
    let verified = directory.run(&VERIFY).assert_exit_code(3).stdout;
    assert!(verified.contains("status: INSUFFICIENT_EVIDENCE\n    "), "{verified}");
    let predicate = statement(&directory)["predicate"].clone();
    assert!(predicate["status_reasons"].as_array().is_some_and(|reasons| !reasons.is_empty()));
    assert!(predicate["coverage"]["gaps"].as_object().is_some_and(|gaps| !gaps.is_empty()));
    let mut other = CERTIFY;
    other[2] = "arn:aws:iam::111122223333:role/Absent";
    assert!(directory.run(&other).assert_exit_code(3).stderr.contains("does not appear"));
}

#[test]
fn a_changed_certificate_and_another_key_are_refused() {
    let directory = swept();
    directory.run(&CERTIFY).assert_exit_code(0);
    let text = fs::read_to_string(directory.join("certificate.json")).expect("a certificate");
    let other_key = PUBLIC_KEY.replace("11qYAYKx", "21qYAYKx");
    let changes: [(&str, String); 5] = [
        ("certificate.json", text.replacen("\"payload\":\"ey", "\"payload\":\"fy", 1)),
        ("certificate.json", text.replacen("\"sig\":\"", "\"sig\":\"AA", 1)),
        ("certificate.json", text.replace("application/vnd.in-toto+json", "application/json")),
        ("certificate.json", "{}".to_owned()),
        ("public.pem", other_key),
    ];
    for (file, content) in changes {
        directory.write("certificate.json", &text);
        directory.write("public.pem", PUBLIC_KEY);
        directory.write(file, &content);
        let refused = directory.run(&VERIFY).assert_exit_code(1).stdout;
        assert!(refused.starts_with("not valid: ") && !refused.contains("status"), "{refused}");
    }
}

#[test]
fn a_key_of_another_kind_is_refused_with_a_remedy() {
    let directory = swept();
    directory.write("key.pem", PUBLIC_KEY);
    let refused = directory.run(&CERTIFY).assert_exit_code(2).stderr;
    assert!(
        refused.contains("is not an Ed25519 private key") && refused.contains("openssl genpkey"),
        "{refused}"
    );
}
