//! What is recorded of a call.

use super::*;

#[test]
fn each_significant_call_of_a_watched_principal_has_an_entry_of_its_own() {
    let mut records: Vec<Value> = (0..40).map(|n| record(n, "PutObject", json!({}))).collect();
    records.push(record(40, "ListBuckets", json!({})));
    records.push(record(41, "GetObject", json!({ "errorCode": "AccessDenied" })));
    records.push(record(42, "FrobnicateBucket", json!({})));
    let unwatched = json!({ "type": "IAMUser", "accountId": "111122223333", "userName": "bob",
                            "arn": "arn:aws:iam::111122223333:user/bob" });
    records.push(record(43, "DeleteBucket", json!({ "userIdentity": unwatched })));
    let ids = |level: &str| -> Vec<String> {
        let entries = recorded(&config(&format!("[audit]\nlevel = \"{level}\"\n")), &records);
        entries.into_iter().map(|entry| entry.call.unwrap().event_id[34..].to_owned()).collect()
    };
    let significant: Vec<String> = (0..40).chain([41, 42]).map(|n| format!("{n:02}")).collect();
    assert_eq!(ids("significant"), significant);
    assert_eq!(ids("all").len(), 43);
    assert_eq!(ids("runs"), [] as [String; 0]);
}

#[test]
fn an_entry_has_who_called_from_where_and_with_which_key() {
    let [entry] = <[_; 1]>::try_from(recorded(&config(""), &[record(7, "PutObject", json!({}))])).unwrap();
    let call = entry.call.unwrap();
    assert_eq!(
        (&*call.operation, call.outcome, call.severity),
        ("s3:PutObject", Outcome::Succeeded, RiskLevel::High)
    );
    assert_eq!(&*call.user_identity.principal, "arn:aws:iam::111122223333:role/Auditor");
    assert_eq!(call.user_identity.access_key_id.as_deref(), Some("ASIAEXAMPLE"));
    assert_eq!(call.user_identity.mfa_authenticated, Some(true));
    assert_eq!(
        (call.source_ip.as_deref(), call.user_agent.as_deref()),
        (Some("192.0.2.7"), Some("aws-cli/2.31"))
    );
    assert_eq!(call.resource_arns, ["arn:aws:s3:::ledger"]);
    assert_eq!(call.request_parameters, Some(json!({ "bucketName": "ledger" })));
    assert!(!call.is_truncated);
}

#[test]
fn an_override_is_recorded_with_its_reason() {
    let text = "[[override]]\nid = \"report\"\nprincipal = \"arn:aws:iam::111122223333:role/Auditor\"\noperation = \"s3:PutObject\"\nowner = \"ada\"\n\
                reason = \"it writes its report\"\nexpires = \"2027-01-31T00:00:00Z\"\n";
    let entries =
        recorded(&config(text), &[record(1, "PutObject", json!({})), record(2, "DeleteBucket", json!({}))]);
    let kinds: Vec<_> = entries.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [AuditKind::Override, AuditKind::Call]);
    assert_eq!(entries[0].message.as_deref(), Some("an override allows the call: it writes its report"));
}

#[test]
fn a_long_request_is_shortened_and_says_so() {
    let long =
        json!({ "requestParameters": { "text": "x".repeat(50_000) }, "userAgent": "é".repeat(20_000) });
    let many: Vec<Value> =
        (0..100).map(|n| json!({ "ARN": format!("arn:aws:s3:::ledger-{n:04}") })).collect();
    let records = [record(1, "PutObject", long), record(2, "PutObject", json!({ "resources": many }))];
    let entries = recorded(&config("[audit]\nmax_details_size = 1000\n"), &records);
    let named = entries[1].call.as_ref().unwrap();
    assert_eq!(
        (named.resource_arns.len(), named.is_truncated),
        (1_000 / "arn:aws:s3:::ledger-0000".len(), true)
    );
    let call = entries[0].call.as_ref().unwrap();
    assert!(call.is_truncated);
    assert_eq!(call.request_parameters.as_ref().unwrap().as_str().unwrap().len(), 1_000);
    assert_eq!(call.user_agent.as_ref().unwrap().len(), 1_000);
}

#[test]
fn secrets_are_replaced_and_their_names_stay() {
    let request = json!({
        "masterUserPassword": "hunter2", "name": "db", "nextToken": "page-2", "secretId": "prod/db",
        "SecretString": { "user": "ada" }, "environment": { "variables": { "API": "k" } },
        "tags": [{ "key": "client_secret", "value": "kept" }], "publicKey": "-----BEGIN RSA PRIVATE KEY-----\nMII",
        "token": "eyJhbGciOiJI.eyJzdWIi.sig", "manageMasterUserPassword": true,
    });
    let entries = recorded(&config(""), &[record(1, "PutObject", json!({ "requestParameters": request }))]);
    let expected = json!({
        "masterUserPassword": REDACTED, "name": "db", "nextToken": "page-2", "secretId": "prod/db",
        "SecretString": REDACTED, "environment": { "variables": { "API": REDACTED } },
        "tags": [{ "key": "client_secret", "value": "kept" }], "publicKey": REDACTED, "token": REDACTED,
        "manageMasterUserPassword": true,
    });
    assert_eq!(entries[0].call.as_ref().unwrap().request_parameters, Some(expected));
    let kept = recorded(
        &config("[audit]\nredact = false\n"),
        &[record(1, "PutObject", json!({ "requestParameters": { "password": "hunter2" } }))],
    );
    assert_eq!(kept[0].call.as_ref().unwrap().request_parameters, Some(json!({ "password": "hunter2" })));
}

#[test]
fn a_field_that_cannot_be_parsed_hides_no_other_field() {
    let half = "\\ud800";
    let text = |record: Value| record.to_string().replace("HALF", half);
    for (field, more) in [
        ("request", json!({ "requestParameters": { "name": "HALF" } })),
        ("agent", json!({ "userAgent": "HALF" })),
    ] {
        let records = format!("{{\"Records\":[{}]}}", text(record(1, "PutObject", more)));
        let entries = recorded_text(&config(""), records.into_bytes());
        let call = entries[0].call.as_ref().unwrap();
        assert_eq!(call.source_ip.as_deref(), Some("192.0.2.7"), "{field}");
        assert_eq!(call.user_identity.access_key_id.as_deref(), Some("ASIAEXAMPLE"), "{field}");
        let request = call.request_parameters.as_ref().unwrap();
        assert_eq!(*request == json!(UNREADABLE), field == "request");
        assert_eq!(call.user_agent.as_deref() == Some(UNREADABLE), field == "agent");
    }
}
