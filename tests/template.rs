//! The laws of the stack that no emulator shows, checked in its templates.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use std::{collections::BTreeSet, fs};

use onlooker_core::{
    catalog::Catalog,
    config::{RESERVED_VARIABLES, variables},
    operation::OperationType,
};
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// A template as JSON, with its short function tags in their long form.
fn template(name: &str) -> Value {
    let path = format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).expect("a template");
    let documents = Yaml::load_from_str(&text).expect("YAML");
    yaml_to_json(&documents[0])
}

fn yaml_to_json(node: &Yaml<'_>) -> Value {
    match node {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(truth)) => json!(truth),
        Yaml::Value(Scalar::Integer(number)) => json!(number),
        Yaml::Value(Scalar::FloatingPoint(number)) => json!(number.0),
        Yaml::Value(Scalar::String(text)) => json!(text),
        Yaml::Sequence(items) => items.iter().map(yaml_to_json).collect(),
        Yaml::Mapping(entries) => entries
            .iter()
            .map(|(name, value)| (name_of(name), yaml_to_json(value)))
            .collect::<Map<_, _>>()
            .into(),
        Yaml::Tagged(tag, inner) => {
            let name = match tag.suffix.as_str() {
                short @ ("Ref" | "Condition") => short.to_owned(),
                short => format!("Fn::{short}"),
            };
            json!({ name: yaml_to_json(inner) })
        }
        other => panic!("not a part of a template: {other:?}"),
    }
}

fn name_of(node: &Yaml<'_>) -> String {
    match yaml_to_json(node) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

struct StackTemplate(Value);

impl StackTemplate {
    fn read() -> Self {
        Self(template("template.yaml"))
    }

    fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> + 'a {
        let resources = self.0["Resources"].as_object().expect("resources");
        resources.iter().filter(move |(_, one)| one["Type"] == kind).map(|(name, one)| (name.as_str(), one))
    }

    fn properties(&self, name: &str) -> &Value {
        let properties = &self.0["Resources"][name]["Properties"];
        assert!(properties.is_object(), "no resource `{name}`");
        properties
    }

    /// The functions, each with the name of its resource: one for each folder of `functions`.
    fn functions(&self) -> Vec<(&str, &Value)> {
        let functions: Vec<_> =
            self.of_type("AWS::Serverless::Function").map(|(name, one)| (name, &one["Properties"])).collect();
        let folders = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/functions")).expect("functions");
        let folders =
            folders.map(|folder| folder.expect("a folder").file_name().to_string_lossy().into_owned());
        let named = functions.iter().map(|(name, _)| name.to_lowercase());
        assert_eq!(named.collect::<BTreeSet<_>>(), folders.collect::<BTreeSet<_>>());
        functions
    }

    fn parameter(&self, name: &str) -> &Value {
        let parameter = &self.0["Parameters"][name];
        assert!(parameter.is_object(), "no parameter `{name}`");
        parameter
    }
}

/// All policy statements in a value, also those behind a condition.
fn statements(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Object(entries) if entries.contains_key("Effect") => found.push(value.clone()),
        Value::Object(entries) => entries.values().for_each(|one| statements(one, found)),
        Value::Array(items) => items.iter().for_each(|one| statements(one, found)),
        _ => {}
    }
}

fn all_statements(value: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    statements(value, &mut found);
    found
}

/// A string, or the strings of a list.
fn string_values(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The JSON of `!GetAtt Name.Arn`.
fn get_att_arn(name: &str) -> Value {
    json!({ "Fn::GetAtt": format!("{name}.Arn") })
}

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
    ] {
        assert_eq!(ends(prefix), Some(&days), "{prefix}");
    }
    assert_eq!(ends("policies/"), None, "a policy in force may be older than any expiration");
    let all = rules.iter().find(|rule| rule.get("Prefix").is_none()).expect("a rule for all objects");
    assert_eq!(all["NoncurrentVersionExpiration"]["NoncurrentDays"], 30);
    assert!(rules.iter().all(|rule| rule["Status"] == "Enabled"));
}

/// Whether the catalog classifies an action as a read.
fn is_read_only_action(action: &str) -> bool {
    let (service, name) = action.split_once(':').expect("an action");
    let entry = Catalog::embedded().lookup(service, name);
    entry.is_some_and(|entry| entry.facts.operation_type == OperationType::ReadOnly)
}

#[test]
fn a_role_names_its_actions_and_has_no_wildcards() {
    let stack = StackTemplate::read();
    for (name, role) in stack.of_type("AWS::IAM::Role") {
        let properties = &role["Properties"];
        assert!(
            properties.get("ManagedPolicyArns").is_none(),
            "{name}: the actions of a managed policy are not in the template"
        );
        for statement in all_statements(&properties["Policies"]) {
            assert_eq!(statement["Effect"], "Allow", "{name}");
            assert!(statement.get("NotAction").is_none() && statement.get("NotResource").is_none(), "{name}");
            let actions = string_values(&statement["Action"]);
            assert!(
                !actions.is_empty() && actions.iter().all(|one| one.contains(':') && !one.contains('*')),
                "{name}: {statement}"
            );
            // LookupEvents and the lists of an account support no resource-level permissions, and the template cannot know
            // the principals that the user watches:
            // https://docs.aws.amazon.com/service-authorization/latest/reference/
            let all_resources = statement["Resource"] == "*";
            let reads = ["ReadPolicies", "ReadOrganization", "ProbeReads"].map(Some);
            let is_exception = actions == ["cloudtrail:LookupEvents"]
                || name == "PermissionsRole" && reads.contains(&statement["Sid"].as_str());
            assert!(
                !all_resources || is_exception && actions.iter().all(|one| is_read_only_action(one)),
                "{name}: {statement}"
            );
        }
    }
    let actions = |role: &str| -> BTreeSet<String> {
        let found = all_statements(&stack.properties(role)["Policies"]);
        found.iter().flat_map(|one| string_values(&one["Action"])).map(str::to_owned).collect()
    };
    let may = |role: &str, some: &[&str]| some.iter().any(|one| actions(role).contains(*one));
    assert!(!may("PullRole", &["sns:Publish", "events:PutEvents", "sqs:ReceiveMessage"]));
    assert!(!may(
        "IngestRole",
        &["sns:Publish", "events:PutEvents", "cloudtrail:LookupEvents", "sts:AssumeRole"]
    ));
    assert!(!may(
        "WatchRole",
        &["s3:PutObject", "s3:ListBucket", "cloudtrail:LookupEvents", "sts:AssumeRole"]
    ));
    assert!(!may("ReportRole", &["cloudtrail:LookupEvents", "sts:AssumeRole", "sqs:ReceiveMessage"]));
    assert!(!may("PermissionsRole", &["s3:ListBucket", "cloudtrail:LookupEvents", "sqs:ReceiveMessage"]));
    for (function, _) in stack.functions() {
        let role = format!("{function}Role");
        assert!(
            !may(&role, &["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutBucketPolicy", "iam:PassRole"]),
            "{role}"
        );
    }
}

#[test]
fn a_role_in_another_account_is_limited_to_its_name_and_account() {
    let stack = StackTemplate::read();
    for role in ["PullRole", "PermissionsRole"] {
        let found = all_statements(&stack.properties(role)["Policies"]);
        let assume = found.iter().find(|one| one["Action"] == "sts:AssumeRole").expect("a statement");
        assert_eq!(
            assume["Resource"],
            json!({ "Fn::Sub": "arn:${AWS::Partition}:iam::*:role/${LookupRole}" })
        );
        assert_eq!(assume["Condition"]["StringEquals"]["aws:ResourceAccount"], json!({ "Ref": "Accounts" }));
    }
    let member = template("member.yaml");
    let granted: Vec<_> = all_statements(&member["Resources"]["Role"]["Properties"]["Policies"]);
    assert_eq!(granted.len(), 2);
    assert_eq!(granted[0]["Action"], "cloudtrail:LookupEvents");
    // Onlooker reads the same policies in every account.
    let own = all_statements(&stack.properties("PermissionsRole")["Policies"]);
    let of =
        |all: &[Value]| all.iter().find(|one| one["Sid"] == "ReadPolicies").map(|one| one["Action"].clone());
    assert!(of(&own).is_some());
    assert_eq!(of(&own), of(&granted));
}

#[test]
fn a_service_assumes_a_role_only_for_this_account() {
    for name in ["template.yaml", "member.yaml"] {
        let read = StackTemplate(template(name));
        let mut services = 0;
        for (role, body) in read.of_type("AWS::IAM::Role") {
            let properties = &body["Properties"];
            assert_eq!(
                properties["PermissionsBoundary"],
                json!({ "Fn::If": [
                    "HasPermissionsBoundary", { "Ref": "PermissionsBoundaryArn" }, { "Ref": "AWS::NoValue" }
                ] }),
                "{name}: {role}"
            );
            for statement in all_statements(&properties["AssumeRolePolicyDocument"]) {
                if statement["Principal"]["Service"].is_null() {
                    continue;
                }
                services += 1;
                assert_eq!(
                    statement["Condition"],
                    json!({ "StringEquals": { "aws:SourceAccount": { "Ref": "AWS::AccountId" } } }),
                    "{name}: {role}"
                );
            }
        }
        assert!(services >= 1, "{name}");
    }
}

#[test]
fn the_key_of_the_state_reaches_table_queues_and_logs_and_the_roles_that_use_them() {
    let stack = StackTemplate::read();
    let key = json!({ "Fn::If": ["HasStateKey", { "Ref": "StateKmsKeyArn" }, { "Ref": "AWS::NoValue" }] });
    assert_eq!(stack.properties("Table")["SSESpecification"]["KMSMasterKeyId"], key);
    let logs: Vec<_> = stack.of_type("AWS::Logs::LogGroup").collect();
    assert_eq!(logs.len(), stack.functions().len());
    for (name, log) in logs {
        assert_eq!(log["Properties"]["KmsKeyId"], key, "{name}");
    }
    for (name, queue) in stack.of_type("AWS::SQS::Queue") {
        assert_eq!(queue["Properties"]["KmsMasterKeyId"], key, "{name}");
        // SQS accepts one kind of encryption.
        assert_eq!(
            queue["Properties"]["SqsManagedSseEnabled"],
            json!({ "Fn::If": ["HasStateKey", { "Ref": "AWS::NoValue" }, true] }),
            "{name}"
        );
    }
    for (name, role) in stack.of_type("AWS::IAM::Role") {
        let found = all_statements(&role["Properties"]["Policies"]);
        let uses = |action: &str| {
            found.iter().any(|one| string_values(&one["Action"]).iter().any(|used| used.starts_with(action)))
        };
        let is_allowed = found.iter().any(|one| {
            one["Resource"] == json!({ "Ref": "StateKmsKeyArn" })
                && string_values(&one["Action"]) == ["kms:GenerateDataKey", "kms:Decrypt"]
        });
        assert_eq!(uses("dynamodb:") || uses("sqs:"), is_allowed, "{name}");
    }
}

#[test]
fn the_table_cannot_be_deleted_by_mistake() {
    assert_eq!(StackTemplate::read().properties("Table")["DeletionProtectionEnabled"], true);
}

/// What Lambda needs to poll a queue (Lambda developer guide, "Using Lambda with Amazon SQS", read 2026-11).
#[test]
fn the_role_of_ingest_has_the_actions_that_lambda_needs_for_the_queue() {
    let stack = StackTemplate::read();
    let found = all_statements(&stack.properties("IngestRole")["Policies"]);
    let receive = found.iter().find(|one| one["Sid"] == "ReceiveMessages").expect("a statement");
    assert_eq!(
        string_values(&receive["Action"]),
        ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    );
}

/// CloudFormation cannot limit the name of a stack, so the documentation names the limit.
#[test]
fn names_made_of_the_longest_documented_stack_name_are_valid() {
    const LONGEST: usize = 52;
    let page =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/deployment.md")).expect("a page");
    assert!(page.contains(&format!("at most {LONGEST} characters")));
    let stack = StackTemplate::read();
    let length = |name: &Value| {
        let text = name["Fn::Sub"].as_str().expect("a name");
        text.replace("${AWS::StackName}", &"x".repeat(LONGEST)).len()
    };
    let functions: Vec<usize> =
        stack.functions().iter().map(|(_, function)| length(&function["FunctionName"])).collect();
    // AWS::Lambda::Function: a function name has at most 64 characters; Step Functions: 80.
    assert_eq!(functions.iter().max(), Some(&64));
    assert!(length(&stack.properties("Backfill")["StateMachineName"]) <= 80);
}

#[test]
fn the_application_in_the_serverless_repository_is_described_completely() {
    let stack = StackTemplate::read();
    let application = &stack.0["Metadata"]["AWS::ServerlessRepo::Application"];
    let text = |key: &str| application[key].as_str().unwrap_or_default();
    for (key, most) in [("Name", 140), ("Description", 256), ("Author", 127)] {
        assert!((1..=most).contains(&text(key).len()), "{key}");
    }
    assert_eq!((text("SpdxLicenseId"), text("SemanticVersion")), ("Apache-2.0", env!("CARGO_PKG_VERSION")));
    for key in ["LicenseUrl", "ReadmeUrl"] {
        let path = format!("{}/{}", env!("CARGO_MANIFEST_DIR"), text(key));
        assert!(!text(key).is_empty() && fs::metadata(path).is_ok_and(|file| file.is_file()), "{key}");
    }
    assert!((1..=10).contains(&string_values(&application["Labels"]).len()));
}

#[test]
fn only_the_report_function_replaces_objects_and_only_the_newest_report() {
    let stack = StackTemplate::read();
    let overwrite = all_statements(stack.properties("BucketPolicy"));
    let denied = overwrite.iter().find(|one| one["Sid"] == "DenyOverwrite").expect("a statement").to_string();
    assert!(!denied.contains("/latest/"));
    let mut replacing = Vec::new();
    for (name, role) in stack.of_type("AWS::IAM::Role") {
        for statement in all_statements(&role["Properties"]["Policies"]) {
            let resources: Vec<&Value> = match &statement["Resource"] {
                Value::Array(all) => all.iter().collect(),
                one => vec![one],
            };
            if statement["Action"] != "s3:PutObject" {
                continue;
            }
            for resource in resources {
                let path = resource["Fn::Sub"].as_str().expect("a path");
                let prefix = path.strip_prefix("${Bucket.Arn}").expect("the bucket of the stack");
                // What may be written is protected from being written again, or is the newest report.
                if !denied.contains(prefix) && prefix != "/evidence/merged/*" {
                    replacing.push((name, prefix.to_owned()));
                }
            }
        }
    }
    assert_eq!(replacing, [("ReportRole", "/latest/*".to_owned())]);
    let output = stack.0["Outputs"]["NewestReport"]["Value"]["Fn::Sub"].as_str().expect("a command");
    assert!(output.contains(&format!("s3://${{Bucket}}/{}", onlooker_core::jobs::publish::LATEST_HTML)));
}

#[test]
fn the_policy_of_readers_only_reads_and_is_attached_to_nothing() {
    let stack = StackTemplate::read();
    let properties = stack.properties("ReaderPolicy");
    for attachment in ["Roles", "Users", "Groups", "ManagedPolicyName"] {
        assert!(properties.get(attachment).is_none(), "{attachment}");
    }
    for statement in all_statements(&properties["PolicyDocument"]) {
        assert_ne!(statement["Resource"], "*");
        for action in string_values(&statement["Action"]) {
            assert!(is_read_only_action(action) || action == "kms:Decrypt", "{action}");
        }
    }
}

#[test]
fn every_failure_reaches_an_alarm() {
    let stack = StackTemplate::read();
    for (name, function) in stack.functions() {
        let failure = &function["EventInvokeConfig"]["DestinationConfig"]["OnFailure"];
        assert_eq!(
            *failure,
            json!({ "Type": "SQS", "Destination": get_att_arn("DeadLetterQueue") }),
            "{name}"
        );
    }
    for (name, timer) in stack.of_type("AWS::Scheduler::Schedule") {
        assert_eq!(
            timer["Properties"]["Target"]["DeadLetterConfig"]["Arn"],
            get_att_arn("DeadLetterQueue"),
            "{name}"
        );
    }
    for (name, rule) in stack.of_type("AWS::Events::Rule") {
        for target in rule["Properties"]["Targets"].as_array().expect("targets") {
            assert!(target["DeadLetterConfig"]["Arn"].is_object(), "{name}");
        }
    }
    let redrive = &stack.properties("LogQueue")["RedrivePolicy"];
    assert_eq!(
        *redrive,
        json!({ "deadLetterTargetArn": get_att_arn("LogDeadLetterQueue"), "maxReceiveCount": 3 })
    );
    for queue in ["LogDeadLetterQueue", "DeadLetterQueue"] {
        assert_eq!(stack.properties(queue)["MessageRetentionPeriod"], 1_209_600);
        let alarm = stack.properties(&format!("{queue}Alarm"));
        assert_eq!(
            (&alarm["Threshold"], &alarm["MetricName"]),
            (&json!(0), &json!("ApproximateNumberOfMessagesVisible"))
        );
    }
}

#[test]
fn the_visibility_timeout_is_six_times_the_function_timeout() {
    let stack = StackTemplate::read();
    let timeout = stack.properties("Ingest")["Timeout"].as_u64().expect("a timeout");
    let visibility =
        stack.properties("LogQueue")["VisibilityTimeout"].as_u64().expect("a visibility timeout");
    let event = &stack.properties("Ingest")["Events"]["LogQueueMessages"]["Properties"];
    assert_eq!(event["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
    // Lambda takes a batch of more than ten messages only with a batching window.
    for (name, profile) in stack.0["Mappings"]["Profiles"].as_object().expect("profiles") {
        let number = |key: &str| profile[key].as_u64().expect("a number");
        assert!(number("Batch") <= 10 || number("Window") >= 1, "{name}");
        assert!(visibility >= 6 * timeout + number("Window"), "{name}");
        assert!(number("Concurrency") >= 2, "{name}");
    }
}

/// Lambda ends a function that runs out of memory before it can record anything.
#[test]
fn an_oversized_log_file_is_unreadable_before_the_function_runs_out_of_memory() {
    let stack = StackTemplate::read();
    let ingest = stack.properties("Ingest");
    let of_profile = |key: &str| json!({ "Fn::FindInMap": ["Profiles", { "Ref": "Profile" }, key] });
    assert_eq!(ingest["MemorySize"], of_profile("Memory"));
    let limit = &ingest["Environment"]["Variables"]["ONLOOKER_LIMITS_LOG_FILE_MIB"];
    assert_eq!(*limit, of_profile("LogFileMib"));
    for (name, profile) in stack.0["Mappings"]["Profiles"].as_object().expect("profiles") {
        // The values of environment variables are strings.
        let log_file: u64 = profile["LogFileMib"].as_str().expect("a string").parse().expect("a number");
        let memory = profile["Memory"].as_u64().expect("a number");
        assert!(log_file >= 100 && 4 * log_file <= memory, "{name}");
    }
}

#[test]
fn alarms_notify_the_topic_of_failures_and_of_silence() {
    let stack = StackTemplate::read();
    let alarms: Vec<_> = stack.of_type("AWS::CloudWatch::Alarm").collect();
    for (name, alarm) in &alarms {
        assert_eq!(alarm["Properties"]["AlarmActions"], json!([{ "Ref": "Topic" }]), "{name}");
        assert!(alarm["Properties"]["TreatMissingData"].is_string(), "{name}");
    }
    // An alarm that treats missing data as breaching fires minutes after the first deployment, before the first run. One that
    // treats it as missing begins with INSUFFICIENT_DATA, and notifies when it returns to that state.
    let heartbeats: BTreeSet<&str> = alarms
        .iter()
        .filter(|(_, alarm)| !alarm["Properties"]["InsufficientDataActions"].is_null())
        .map(|(name, _)| *name)
        .collect();
    assert_eq!(
        heartbeats,
        BTreeSet::from(["PullHeartbeatAlarm", "ReportHeartbeatAlarm", "PermissionsHeartbeatAlarm"])
    );
    for (name, alarm) in &alarms {
        let properties = &alarm["Properties"];
        assert_ne!(properties["TreatMissingData"], "breaching", "{name}");
        if heartbeats.contains(name) {
            assert_eq!(properties["TreatMissingData"], "missing", "{name}");
            assert_eq!(properties["InsufficientDataActions"], json!([{ "Ref": "Topic" }]), "{name}");
            assert_eq!(properties["OKActions"], json!([{ "Ref": "Topic" }]), "{name}");
        }
    }
    for (function, _) in stack.functions() {
        for metric in ["Errors", "Throttles"] {
            let alarm = stack.properties(&format!("{function}{metric}Alarm"));
            assert_eq!(alarm["MetricName"], metric);
            assert_eq!(
                alarm["Dimensions"],
                json!([{ "Name": "FunctionName", "Value": { "Ref": function } }])
            );
        }
    }
    for (alarm, metric) in
        [("IngestMessagesAlarm", "messages_failed"), ("ConfigurationAlarm", "configuration_unusable")]
    {
        let alarm = stack.properties(alarm);
        let seconds = alarm["Period"].as_u64().unwrap() * alarm["EvaluationPeriods"].as_u64().unwrap();
        assert_eq!((alarm["MetricName"].as_str(), seconds <= 600), (Some(metric), true));
    }
    for function in ["Pull", "Report", "Permissions"] {
        // A run that failed does not count as a sign of life.
        let alarm = stack.properties(&format!("{function}HeartbeatAlarm"));
        assert_eq!(
            (alarm["MetricName"].as_str(), alarm["Statistic"].as_str()),
            (Some("failed"), Some("Minimum"))
        );
    }
    // Between two reports there is no value: the alarm keeps its state, however rare reports are.
    let alarm = stack.properties("StatusAlarm");
    assert_eq!(
        (&alarm["MetricName"], &alarm["TreatMissingData"], &alarm["Threshold"]),
        (&json!("status"), &json!("ignore"), &json!(0))
    );
    assert_eq!(stack.properties("LogQueueAgeAlarm")["MetricName"], "ApproximateAgeOfOldestMessage");
    for function in ["Pull", "Ingest"] {
        let alarm = stack.properties(&format!("{function}LagAlarm"));
        assert_eq!((&alarm["Namespace"], &alarm["MetricName"]), (&json!("Onlooker"), &json!("lag")));
    }
}

/// The description of an alarm ends with the name of its entry, because the template knows no URL of the documents.
#[test]
fn each_alarm_has_an_entry_in_the_runbook_and_each_entry_an_alarm() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/runbook.md")).expect("a page");
    let mut entries: BTreeSet<(String, String)> = BTreeSet::new();
    for entry in page.split("\n## ").skip(1) {
        let (name, body) = entry.split_once('\n').expect("a heading");
        let first = body.trim_start().lines().next().unwrap_or_default();
        assert!(first.starts_with("Alarm: `") || first.starts_with("Alarms: `"), "{name}: {first}");
        let paragraph = body.trim_start().split("\n\n").next().unwrap_or_default();
        let alarms = paragraph.split('`').skip(1).step_by(2).filter(|word| word.ends_with("Alarm"));
        entries.extend(alarms.map(|alarm| (alarm.to_owned(), name.to_owned())));
        assert!(body.contains("\n```sh\n"), "{name}: commands");
        assert!(body.contains("\nOver: "), "{name}: how to see that it is over");
    }
    let stack = StackTemplate::read();
    let named: BTreeSet<(String, String)> = stack
        .of_type("AWS::CloudWatch::Alarm")
        .map(|(alarm, body)| {
            let description = &body["Properties"]["AlarmDescription"];
            let text = description.as_str().or(description["Fn::Sub"].as_str()).expect("a description");
            let (_, entry) = text.rsplit_once("See docs/runbook.md, ").expect("the name of an entry");
            (alarm.to_owned(), entry.trim_matches('"').to_owned())
        })
        .collect();
    assert_eq!(named, entries);
}

/// What commands in the documents name exists, and a payload is not taken for base64 (AWS CLI v2).
#[test]
fn commands_in_the_documents_name_outputs_parameters_and_functions_that_exist() {
    let stack = StackTemplate::read();
    let member = template("member.yaml");
    let outputs = stack.0["Outputs"].as_object().expect("outputs");
    let functions: BTreeSet<String> = stack.functions().iter().map(|(name, _)| name.to_lowercase()).collect();
    for file in ["deployment.md", "runbook.md"] {
        let path = format!("{}/docs/{file}", env!("CARGO_MANIFEST_DIR"));
        let page = fs::read_to_string(path).expect("a page");
        let commands: Vec<&str> =
            page.split("```").skip(1).step_by(2).filter(|one| one.starts_with("sh\n")).collect();
        let text = commands.concat();
        let word_after = |start: &str| -> Vec<String> {
            let end = |c: char| !c.is_ascii_alphanumeric();
            text.split(start)
                .skip(1)
                .map(|rest| rest.split(end).next().unwrap_or_default().to_owned())
                .collect()
        };
        let used = word_after("$(output ");
        assert!(used.len() > 4, "{file}");
        for output in used {
            assert!(outputs.contains_key(&output), "{file}: output `{output}`");
        }
        for function in word_after("\nrun ") {
            assert!(functions.contains(&function), "{file}: function `{function}`");
        }
        for parameter in word_after("ParameterKey=").into_iter().filter(|one| !one.is_empty()) {
            assert!(member["Parameters"][&parameter].is_object(), "{file}: parameter `{parameter}`");
        }
        for line in text.replace("\\\n", " ").lines() {
            if line.contains("lambda invoke") {
                assert!(line.contains("--cli-binary-format raw-in-base64-out"), "{file}: {line}");
            }
            let Some((_, overrides)) = line.split_once("--parameter-overrides ") else { continue };
            for pair in overrides.split_whitespace() {
                let name = pair.trim_matches('\'').split('=').next().unwrap_or_default();
                stack.parameter(name);
            }
        }
    }
}

/// Hours after which an alarm tells of silence are parameters, because CloudFormation cannot compute with a schedule.
#[test]
fn silence_is_told_when_the_current_status_expires() {
    let stack = StackTemplate::read();
    for (function, default_schedule, hours) in
        [("Report", "rate(1 hour)", 2), ("Permissions", "rate(1 day)", 48)]
    {
        let alarm = stack.properties(&format!("{function}HeartbeatAlarm"));
        let parameter = format!("{function}SilenceHours");
        assert_eq!(
            (&alarm["Period"], &alarm["EvaluationPeriods"]),
            (&json!(3_600), &json!({ "Ref": parameter }))
        );
        assert_eq!(stack.parameter(&format!("{function}Schedule"))["Default"], default_schedule);
        let parameter = stack.parameter(&parameter);
        // Twice the interval. CloudWatch evaluates seven days at most; zero is for rarer schedules.
        assert_eq!(
            (&parameter["Default"], &parameter["MaxValue"], &parameter["MinValue"]),
            (&json!(hours), &json!(168), &json!(0))
        );
        let condition = format!("Has{function}Heartbeat");
        assert_eq!(stack.0["Resources"][format!("{function}HeartbeatAlarm")]["Condition"], json!(condition));
        assert_eq!(
            stack.0["Conditions"][condition],
            json!({ "Fn::Not": [{ "Fn::Equals": [{ "Ref": format!("{function}SilenceHours") }, "0"] }] })
        );
    }
}

/// An alarm on three consecutive periods never fires if runs are further apart than a period.
#[test]
fn each_period_of_an_alarm_on_a_scheduled_function_has_a_run() {
    let stack = StackTemplate::read();
    for metric in ["Errors", "Throttles"] {
        let alarm = stack.properties(&format!("Pull{metric}Alarm"));
        assert_eq!(
            alarm["Period"],
            json!({ "Fn::FindInMap": ["PullIntervals", { "Ref": "PullIntervalMinutes" }, "AlarmPeriod"] })
        );
        for function in ["Report", "Permissions"] {
            let alarm = stack.properties(&format!("{function}{metric}Alarm"));
            assert_eq!(alarm["EvaluationPeriods"], 1, "{function}");
        }
    }
    for (minutes, interval) in stack.0["Mappings"]["PullIntervals"].as_object().expect("intervals") {
        let seconds: u64 = interval["Seconds"].as_str().expect("a string").parse().expect("a number");
        assert_eq!(interval["AlarmPeriod"], seconds.max(300), "{minutes}");
    }
}

/// Metrics that a source file emits: the names in `.count("name"`, `.with("name"` and `.score("name"`.
fn emitted_by(file: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).expect("a source file");
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let calls = [".count(", ".with(", ".score("].iter().flat_map(|call| code.split(*call).skip(1));
    let name = |rest: &str| rest.trim_start().strip_prefix('"')?.split('"').next().map(str::to_owned);
    calls.filter_map(name).collect()
}

/// The metrics of each function, from the code.
fn emitted_metrics() -> BTreeSet<(String, String)> {
    let own = [
        ("pull", "functions/pull/main.rs"),
        ("ingest", "functions/ingest/main.rs"),
        ("watch", "functions/watch/main.rs"),
        ("report", "functions/report/main.rs"),
        ("report", "shared/src/jobs/publish.rs"),
        ("permissions", "shared/src/jobs/permissions/outcome.rs"),
    ];
    let of_all = emitted_by("adapters/lambda/src/lib.rs");
    assert!(of_all.contains("failed"), "{of_all:?}");
    own.iter()
        .flat_map(|(function, file)| {
            let found = emitted_by(file);
            assert!(!found.is_empty(), "{file}");
            found.into_iter().chain(of_all.clone()).map(|name| ((*function).to_owned(), name))
        })
        .collect()
}

#[test]
fn alarms_dashboard_and_documentation_name_the_metrics_that_functions_emit() {
    let stack = StackTemplate::read();
    let emitted = emitted_metrics();
    let mut named: BTreeSet<(String, String)> = BTreeSet::new();
    for (alarm, body) in stack.of_type("AWS::CloudWatch::Alarm") {
        let properties = &body["Properties"];
        if properties["Namespace"] != "Onlooker" {
            continue;
        }
        let dimensions = properties["Dimensions"].as_array().expect("dimensions");
        let function = dimensions.iter().find(|one| one["Name"] == "Function").expect(alarm);
        let text = |value: &Value| value.as_str().expect("a name").to_owned();
        named.insert((text(&function["Value"]), text(&properties["MetricName"])));
    }
    let body = stack.properties("Dashboard")["DashboardBody"]["Fn::Sub"].as_str().expect("a dashboard");
    let body: Value = serde_json::from_str(body).expect("the dashboard is JSON");
    for widget in body["widgets"].as_array().expect("widgets") {
        for metric in widget["properties"]["metrics"].as_array().expect("metrics") {
            let words = string_values(metric);
            if let ["Onlooker", name, "Deployment", _, "Function", function] = words[..] {
                named.insert((function.to_owned(), name.to_owned()));
            }
        }
    }
    let not_emitted: Vec<_> = named.difference(&emitted).collect();
    assert!(not_emitted.is_empty(), "named in the template and emitted by no function: {not_emitted:?}");
    let shown = |function: &str, name: &str| named.contains(&(function.to_owned(), name.to_owned()));
    for (function, name) in [
        ("report", "status"),
        ("report", "risk"),
        ("report", "score"),
        ("report", "findings"),
        ("watch", "alerts"),
        ("ingest", "objects_missing"),
    ] {
        assert!(shown(function, name), "{name} of {function}");
    }
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md")).expect("a page");
    let functions: BTreeSet<String> = emitted.iter().map(|(function, _)| function.clone()).collect();
    let mut documented = BTreeSet::new();
    for row in page.lines().filter(|line| line.starts_with("| `") || line.starts_with("| all |")) {
        let cells: Vec<&str> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let of = if cells[1] == "all" { functions.clone() } else { BTreeSet::from([cells[1].to_owned()]) };
        documented.extend(of.into_iter().map(|function| (function, cells[2].to_owned())));
    }
    assert_eq!(documented, emitted);
}

#[test]
fn each_function_has_a_watched_role_and_its_lines_on_the_dashboard() {
    let stack = StackTemplate::read();
    let roles = stack.0["Globals"]["Function"]["Environment"]["Variables"]["ONLOOKER_ROLES"].to_string();
    let dashboard = stack.properties("Dashboard")["DashboardBody"].to_string();
    for (name, function) in stack.functions() {
        let own = name.to_lowercase();
        assert_eq!(function["Role"], get_att_arn(&format!("{name}Role")));
        assert!(roles.contains(&format!("{own}=${{{name}Role.Arn}}")), "{name} is not in {roles}");
        assert_eq!(
            dashboard.matches(&format!("${{AWS::StackName}}-{own}")).count(),
            2,
            "errors and throttles of {name}"
        );
    }
}

#[test]
fn each_function_has_its_own_log_group_with_retention() {
    let stack = StackTemplate::read();
    for (name, function) in stack.functions() {
        let log = format!("{name}Logs");
        assert_eq!(function["LoggingConfig"]["LogGroup"], json!({ "Ref": log }));
        assert_eq!(stack.properties(&log)["RetentionInDays"], json!({ "Ref": "LogDays" }));
        assert_eq!(function["Role"], get_att_arn(&format!("{name}Role")));
    }
}

#[test]
fn functions_are_built_for_both_architectures_on_amazon_linux_2023() {
    let stack = StackTemplate::read();
    let globals = &stack.0["Globals"]["Function"];
    assert_eq!(globals["Runtime"], "provided.al2023");
    assert_eq!(globals["Architectures"], json!([{ "Ref": "Architecture" }]));
    assert_eq!(string_values(&stack.parameter("Architecture")["AllowedValues"]), ["x86_64", "arm64"]);
    for (name, function) in stack.of_type("AWS::Serverless::Function") {
        assert_eq!(function["Metadata"], json!({ "BuildMethod": "rust-cargolambda" }), "{name}");
        let folder = function["Properties"]["CodeUri"].as_str().expect("a folder");
        assert_eq!(folder, format!("functions/{}", name.to_lowercase()));
    }
}

#[test]
fn every_variable_is_a_configuration_key_and_every_key_is_covered() {
    let stack = StackTemplate::read();
    let set = stack.0["Globals"]["Function"]["Environment"]["Variables"].as_object().expect("variables");
    let keys: BTreeSet<String> = variables().into_iter().map(|variable| variable.name).collect();
    for name in set.keys() {
        let reserved = RESERVED_VARIABLES.iter().any(|(reserved, _)| reserved == name);
        assert!(reserved || keys.contains(name), "`{name}` is not a configuration key");
    }
    let left: Vec<&str> = keys.iter().filter(|key| !set.contains_key(*key)).map(String::as_str).collect();
    // These keys have no parameter. The configuration object can set them.
    let without_parameter = [
        "ONLOOKER_BUSINESS_HOURS_DAYS",
        "ONLOOKER_BUSINESS_HOURS_END",
        "ONLOOKER_BUSINESS_HOURS_START",
        "ONLOOKER_BUSINESS_HOURS_TIME_ZONE",
        "ONLOOKER_CATALOG",
        "ONLOOKER_COVERAGE_DELIVERED_THROUGH",
        "ONLOOKER_COVERAGE_LOG_BUCKETS",
        "ONLOOKER_LIMITS_LOG_FILE_MIB",
        "ONLOOKER_LIMITS_THREADS",
        "ONLOOKER_LOOKUP_SLICE_MINUTES",
        "ONLOOKER_PERMISSIONS_READS",
        "ONLOOKER_PERMISSIONS_SIMULATE",
        "ONLOOKER_REDACTION_ACCOUNTS",
        "ONLOOKER_REDACTION_SESSIONS",
        "ONLOOKER_STANDARD_FILE",
        "ONLOOKER_THRESHOLDS_ERROR_RATE",
        "ONLOOKER_THRESHOLDS_ERROR_RATE_MIN_CALLS",
    ];
    assert_eq!(left, without_parameter);
    for (reserved, _) in RESERVED_VARIABLES {
        assert!(set.contains_key(reserved) || reserved == "ONLOOKER_TEST_DATA", "`{reserved}` is not set");
    }
}

#[test]
fn parameters_have_descriptions_and_constraints() {
    for name in ["template.yaml", "member.yaml"] {
        let read = template(name);
        for (parameter, body) in read["Parameters"].as_object().expect("parameters") {
            assert!(body["Description"].as_str().is_some_and(|text| text.len() > 15), "{parameter}");
            assert!(body.get("Default").is_some(), "{parameter}: the stack deploys with defaults alone");
            let bounded =
                ["AllowedValues", "AllowedPattern", "MinValue"].iter().any(|key| body.get(*key).is_some());
            assert!(bounded || body["Type"] == "CommaDelimitedList", "{parameter}");
        }
    }
    let stack = StackTemplate::read();
    let shown: BTreeSet<&str> = stack.0["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        .as_array()
        .expect("groups")
        .iter()
        .flat_map(|group| string_values(&group["Parameters"]))
        .collect();
    let all: BTreeSet<&str> =
        stack.0["Parameters"].as_object().expect("parameters").keys().map(String::as_str).collect();
    assert_eq!(shown, all);
}

#[test]
fn intervals_in_seconds_equal_their_schedule_expressions() {
    let stack = StackTemplate::read();
    for (minutes, both) in stack.0["Mappings"]["PullIntervals"].as_object().expect("intervals") {
        let number: u64 = minutes.parse().expect("a number");
        assert_eq!(
            *both,
            json!({
                "Expression": format!("rate({number} minutes)"), "Seconds": (number * 60).to_string(),
                "AlarmPeriod": (number * 60).max(300),
            })
        );
    }
    let offered: Vec<&str> = string_values(&stack.parameter("PullIntervalMinutes")["AllowedValues"]);
    assert_eq!(offered.len(), stack.0["Mappings"]["PullIntervals"].as_object().expect("intervals").len());
}

/// EventBridge Scheduler: a rate without a start date begins at once (user guide, "Schedule types", read 2026-11). So the
/// first report is started when the stack has been created, and the first run of the schedule makes none.
#[test]
fn a_created_stack_starts_its_first_report_after_the_evidence() {
    let stack = StackTemplate::read();
    let rule = stack.properties("FirstReportRule");
    assert_eq!(
        rule["EventPattern"],
        json!({
            "source": ["aws.cloudformation"],
            "detail-type": ["CloudFormation Stack Status Change"],
            "detail": {
                "stack-id": [{ "Ref": "AWS::StackId" }],
                "status-details": { "status": ["CREATE_COMPLETE"] },
            },
        })
    );
    assert_eq!(rule["State"], json!({ "Ref": "ScheduleState" }));
    assert!(rule.get("EventBusName").is_none(), "CloudFormation puts its events on the default bus");
    assert_eq!(rule["Targets"][0]["Arn"], json!({ "Ref": "FirstReport" }));
    let machine = stack.properties("FirstReport");
    let states = &machine["Definition"]["States"];
    let branches = states["Evidence"]["Branches"].as_array().expect("branches");
    let first: Vec<&Value> = branches.iter().map(|one| &one["StartAt"]).collect();
    assert_eq!(first, ["Pull", "Permissions", "Settle"]);
    assert!(branches[2]["States"]["Settle"]["Seconds"].as_u64().is_some_and(|wait| wait <= 900));
    for (branch, end) in [(0, "Pulled"), (1, "Evaluated")] {
        let name = first[branch].as_str().expect("a name");
        assert_eq!(branches[branch]["States"][name]["Catch"][0]["Next"], end, "{name}");
        assert_eq!(machine["DefinitionSubstitutions"][name], get_att_arn(name));
    }
    assert_eq!(states["Evidence"]["Next"], "Report");
    assert_eq!(states["Report"]["Parameters"], json!({ "schedule": "${Schedule}" }));
    let timer = stack.properties("ReportTimer")["Target"]["Input"]["Fn::Sub"].as_str().expect("an input");
    let input: Value = serde_json::from_str(timer).expect("JSON");
    assert_eq!(input["skip_first"], true);
}

#[test]
fn secret_reads_reach_the_watch_function() {
    let stack = StackTemplate::read();
    let parameter = stack.parameter("RuleState");
    assert_eq!(parameter["Default"], "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS");
    let kinds =
        ["API Call", "Console Action", "Service Event"].map(|kind| format!("AWS {kind} via CloudTrail"));
    for rule in ["WatchRule", "ForwardedRule"] {
        let properties = stack.properties(rule);
        assert_eq!(properties["State"], json!({ "Ref": "RuleState" }));
        assert_eq!(properties["EventPattern"]["detail-type"], json!(kinds));
    }
    let forwarded = template("member.yaml")["Resources"]["Rule"]["Properties"]["EventPattern"].clone();
    assert_eq!(forwarded, stack.properties("WatchRule")["EventPattern"]);
}

#[test]
fn a_backfill_sends_batches_to_the_ingest_function() {
    let stack = StackTemplate::read();
    let backfill = stack.properties("Backfill");
    assert_eq!(backfill["DefinitionSubstitutions"]["Function"], get_att_arn("Ingest"));
    let map = &backfill["Definition"]["States"]["Objects"];
    assert_eq!(map["ItemProcessor"]["ProcessorConfig"]["Mode"], "DISTRIBUTED");
    assert_eq!(map["ItemReader"]["Resource"], "arn:${Partition}:states:::s3:listObjectsV2");
    assert!(map["ItemBatcher"]["MaxItemsPerBatch"].as_u64().is_some_and(|most| most > 1));
    let keys: BTreeSet<&str> =
        map["ItemSelector"].as_object().expect("a selector").keys().map(String::as_str).collect();
    assert_eq!(keys, BTreeSet::from(["bucket", "etag.$", "key.$", "size.$"]));
    // AWS Step Functions ends an express workflow after five minutes, retries included.
    assert!(stack.properties("Ingest")["Timeout"].as_u64().is_some_and(|seconds| seconds < 300));
}
