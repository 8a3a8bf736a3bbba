//! What the stack stores, how long, and which stack uses it.

use super::*;

#[test]
fn stored_data_is_retained_when_the_stack_is_deleted() {
    let stack = StackTemplate::read();
    for name in ["Bucket", "Table"] {
        let resource = &stack.0["Resources"][name];
        assert_eq!(
            (&resource["DeletionPolicy"], &resource["UpdateReplacePolicy"]),
            (&json!("Retain"), &json!("Retain"))
        );
    }
    let retained = stack.0["Resources"].as_object().expect("resources").values();
    assert_eq!(
        retained.filter(|one| one["DeletionPolicy"] == "Retain").count(),
        2,
        "the stack retains nothing else"
    );
}

#[test]
fn the_table_has_ttl_and_point_in_time_recovery() {
    let stack = StackTemplate::read();
    let table = stack.properties("Table");
    assert_eq!(table["TimeToLiveSpecification"], json!({ "AttributeName": "ttl", "Enabled": true }));
    assert_eq!(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true);
    assert_eq!(table["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(table["SSESpecification"]["SSEEnabled"], true);
}

#[test]
fn the_bucket_is_private_encrypted_versioned_and_lockable() {
    let stack = StackTemplate::read();
    let bucket = stack.properties("Bucket");
    assert_eq!(bucket["VersioningConfiguration"]["Status"], "Enabled");
    let block = bucket["PublicAccessBlockConfiguration"].as_object().expect("a block");
    assert_eq!((block.len(), block.values().all(|one| *one == true)), (4, true));
    let encryption =
        &bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]["ServerSideEncryptionByDefault"];
    assert_eq!(encryption["SSEAlgorithm"], json!({ "Fn::If": ["HasKey", "aws:kms", "AES256"] }));
    let lock = &bucket["ObjectLockConfiguration"]["Fn::If"];
    assert_eq!(lock[0], "HasObjectLock");
    assert_eq!(
        lock[1]["Rule"]["DefaultRetention"],
        json!({ "Mode": { "Ref": "ObjectLockMode" }, "Days": { "Ref": "ObjectLockDays" } })
    );
    assert_eq!(
        string_values(&stack.parameter("ObjectLockMode")["AllowedValues"]),
        ["NONE", "GOVERNANCE", "COMPLIANCE"]
    );
    let policy = all_statements(stack.properties("BucketPolicy"));
    let deny = |sid: &str| policy.iter().find(|one| one["Sid"] == sid && one["Effect"] == "Deny").cloned();
    let in_transit = deny("DenyInsecureTransport").expect("TLS only");
    assert_eq!(in_transit["Condition"], json!({ "Bool": { "aws:SecureTransport": "false" } }));
    let overwrite = deny("DenyOverwrite").expect("no object is overwritten").to_string();
    for prefix in [
        "evidence/",
        "segments/",
        "reports/",
        "summaries/",
        "findings/",
        "policies/",
        "permissions/",
        "cache/",
        "audit/",
        "backups/",
        "drill/",
    ] {
        assert!(overwrite.contains(&format!("/{prefix}*")), "{prefix}");
    }
}

#[test]
fn every_object_in_the_bucket_expires() {
    let stack = StackTemplate::read();
    let rules = stack.properties("Bucket")["LifecycleConfiguration"]["Rules"].as_array().expect("rules");
    let ends = |prefix: &str| {
        rules.iter().find(|rule| rule["Prefix"] == prefix).map(|rule| &rule["ExpirationInDays"])
    };
    for (prefix, days) in [
        ("evidence/", json!({ "Ref": "EvidenceDays" })),
        ("segments/", json!({ "Ref": "EvidenceDays" })),
        ("reports/", json!({ "Ref": "ReportDays" })),
        ("summaries/", json!({ "Ref": "ReportDays" })),
        ("latest/", json!({ "Ref": "ReportDays" })),
        ("findings/", json!({ "Ref": "ReportDays" })),
        ("permissions/", json!({ "Ref": "ReportDays" })),
        ("cache/", json!(35)),
        ("athena/", json!(7)),
        ("drill/", json!(1)),
    ] {
        assert_eq!(ends(prefix), Some(&days), "{prefix}");
    }
    assert_eq!(ends("policies/"), None, "a policy in force may be older than any expiration");
    assert_eq!(ends("backups/"), None, "the function maintain keeps the newest, also when it makes no more");
    assert_eq!(ends("audit/"), None, "a chain without its first batches does not verify");
    let all = rules.iter().find(|rule| rule.get("Prefix").is_none()).expect("a rule for all objects");
    assert_eq!(all["NoncurrentVersionExpiration"]["NoncurrentDays"], 30);
    assert!(rules.iter().all(|rule| rule["Status"] == "Enabled"));
}

#[test]
fn the_table_cannot_be_deleted_by_mistake() {
    assert_eq!(StackTemplate::read().properties("Table")["DeletionProtectionEnabled"], true);
}

/// Places in a value that name a resource directly.
fn direct_references(name: &str, value: &Value) -> usize {
    match value {
        Value::Object(entries) => entries
            .iter()
            .map(|(key, inner)| match (key.as_str(), inner) {
                ("Ref", Value::String(named)) => usize::from(named == name),
                ("Fn::GetAtt", Value::String(named)) => usize::from(named.split('.').next() == Some(name)),
                ("Fn::Sub", Value::String(text)) => {
                    text.matches(&format!("${{{name}}}")).count()
                        + text.matches(&format!("${{{name}.")).count()
                }
                _ => direct_references(name, inner),
            })
            .sum(),
        Value::Array(items) => items.iter().map(|one| direct_references(name, one)).sum(),
        _ => 0,
    }
}

#[test]
fn a_stack_on_existing_storage_creates_no_bucket_and_no_table() {
    let stack = StackTemplate::read();
    let is_empty = |parameter: &str| json!({ "Fn::Equals": [{ "Ref": parameter }, ""] });
    let both = json!({ "Fn::And": [is_empty("ExistingBucket"), is_empty("ExistingTable")] });
    assert_eq!(stack.0["Conditions"]["CreatesStorage"], both);
    let is_given = |parameter: &str| json!({ "Fn::Not": [is_empty(parameter)] });
    assert_eq!(
        stack.0["Rules"]["BucketAndTableBelongTogether"]["Assertions"][0]["Assert"],
        json!({ "Fn::Or": [both, { "Fn::And": [is_given("ExistingBucket"), is_given("ExistingTable")] }] })
    );
    let resources = stack.0["Resources"].as_object().expect("resources");
    let created = resources.iter().filter(|(_, one)| one["Condition"] == "CreatesStorage");
    assert_eq!(
        created.map(|(name, _)| name.as_str()).collect::<BTreeSet<_>>(),
        BTreeSet::from(["Bucket", "Table"])
    );
}

#[test]
fn roles_functions_queries_and_outputs_name_the_storage_that_the_stack_uses() {
    let stack = StackTemplate::read();
    for (name, parameter) in [("Bucket", "ExistingBucket"), ("Table", "ExistingTable")] {
        let holder = format!("{name}Name");
        let used = json!({ "Fn::If": ["CreatesStorage", { "Ref": name }, { "Ref": parameter }] });
        assert_eq!(stack.properties(&holder)["Value"], used);
        let in_holder = direct_references(name, stack.properties(&holder));
        assert_eq!(
            (in_holder, direct_references(name, &stack.0)),
            (2, 2),
            "{name}: name it by {holder}.Value"
        );
        assert_eq!(stack.0["Outputs"][name]["Value"], json!({ "Fn::GetAtt": format!("{holder}.Value") }));
    }
}

/// Systems Manager refuses a second parameter of a name (API reference, PutParameter without `Overwrite`, read 2026-11).
#[test]
fn one_stack_at_a_time_uses_a_bucket_and_a_table() {
    let stack = StackTemplate::read();
    for (holder, kind) in [("BucketName", "bucket"), ("TableName", "table")] {
        let resource = &stack.0["Resources"][holder];
        assert_eq!(
            (&resource["Type"], &resource["Condition"]),
            (&json!("AWS::SSM::Parameter"), &Value::Null)
        );
        let properties = stack.properties(holder);
        assert_eq!(
            properties["Name"],
            json!({ "Fn::Sub": [format!("/onlooker/{kind}/${{Name}}"), { "Name": properties["Value"] }] })
        );
        assert_ne!(resource["DeletionPolicy"], "Retain", "a deleted stack gives its storage to the next one");
    }
}
