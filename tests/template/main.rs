//! The laws of the stack that no emulator shows, checked in its templates.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod access;
mod alarms;
mod documents;
mod storage;

use std::{collections::BTreeSet, fs};

use onlooker_core::{
    catalog::Catalog,
    config::{RESERVED_VARIABLES, ReportFormat, variables},
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

/// ARN of the bucket, as the template's `Fn::Sub` has it.
const BUCKET_ARN: &str = "arn:${AWS::Partition}:s3:::${BucketName.Value}";

/// The JSON of `!GetAtt Name.Arn`.
fn get_att_arn(name: &str) -> Value {
    json!({ "Fn::GetAtt": format!("{name}.Arn") })
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
        "ONLOOKER_ALERTS_DEDUPLICATION_SECONDS",
        "ONLOOKER_ALERTS_DIGEST_MINUTES",
        "ONLOOKER_ALERTS_MINIMUM_SEVERITY",
        "ONLOOKER_AUDIT_COMPRESSION_LEVEL",
        "ONLOOKER_AUDIT_LEGAL_HOLD",
        "ONLOOKER_AUDIT_MAX_DETAILS_SIZE",
        "ONLOOKER_AUDIT_MAX_MEMORY_EVENTS",
        "ONLOOKER_AUDIT_QUERY_CACHE_SIZE",
        "ONLOOKER_AUDIT_RATE_LIMIT",
        "ONLOOKER_AUDIT_REDACT",
        "ONLOOKER_AUDIT_WRITE_BUFFER_SIZE",
        "ONLOOKER_AUDIT_WRITE_FLUSH_INTERVAL",
        "ONLOOKER_BUSINESS_HOURS_DAYS",
        "ONLOOKER_BUSINESS_HOURS_END",
        "ONLOOKER_BUSINESS_HOURS_START",
        "ONLOOKER_BUSINESS_HOURS_TIME_ZONE",
        "ONLOOKER_CATALOG",
        "ONLOOKER_COVERAGE_DELIVERED_THROUGH",
        "ONLOOKER_COVERAGE_LOG_BUCKETS",
        "ONLOOKER_COVERAGE_LOG_INTEGRITY",
        "ONLOOKER_LIMITS_LOG_FILE_MIB",
        "ONLOOKER_LIMITS_MEMORY_EVENTS",
        "ONLOOKER_LIMITS_THREADS",
        "ONLOOKER_LOOKUP_SLICE_MINUTES",
        "ONLOOKER_MONITORING_ERROR_WINDOW",
        "ONLOOKER_MONITORING_SLOW_OPERATION",
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
fn the_formats_of_reports_are_those_that_the_functions_have() {
    let stack = StackTemplate::read();
    let parameter = stack.parameter("ReportFormats");
    let pattern = parameter["AllowedPattern"].as_str().expect("a pattern");
    let names = pattern.split(['(', ')']).nth(1).expect("a group");
    assert_eq!(pattern, format!("^$|^({names})(,({names}))*$"));
    // The writer of Parquet is part of the command line alone.
    let of_functions = ReportFormat::ALL.into_iter().filter(|format| *format != ReportFormat::Parquet);
    let of_functions: Vec<&str> = of_functions.map(ReportFormat::as_str).collect();
    assert_eq!(names.split('|').collect::<Vec<_>>(), of_functions);
    let described = parameter["ConstraintDescription"].as_str().expect("a description");
    assert!(of_functions.iter().all(|name| described.contains(name)), "{described}");
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
