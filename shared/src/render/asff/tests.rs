//! What the findings of Security Hub say, and the limits of the format, which its readers do not check.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::{render::sample, time::Time};

fn findings(report: &Report) -> Vec<Value> {
    batches(report, None).into_iter().flatten().collect()
}

fn of_rule(report: &Report, rule: &str) -> Value {
    let wanted = format!("onlooker/{rule}");
    findings(report).into_iter().find(|finding| finding["GeneratorId"] == wanted.as_str()).unwrap()
}

fn characters(value: &Value) -> usize {
    value.as_str().map_or(0, |text| text.chars().count())
}

#[test]
fn the_findings_of_the_broken_promise_are_as_reviewed() {
    insta::assert_json_snapshot!("asff_non_compliant", batches(&sample::non_compliant(), None));
    assert_eq!(asff(&sample::empty()).unwrap(), "[]\n");
}

#[test]
fn a_batch_has_at_most_a_hundred_findings_of_one_account_and_region() {
    let report = sample::many_findings(250);
    let mut ids = BTreeSet::new();
    for batch in batches(&report, None) {
        assert!((1..=MAX_BATCH).contains(&batch.len()));
        let products: BTreeSet<String> = batch.iter().map(|one| one["ProductArn"].to_string()).collect();
        assert_eq!(products.len(), 1);
        ids.extend(batch.iter().map(|one| one["Id"].to_string()));
    }
    assert_eq!(ids.len(), report.result.findings.len() + report.result.controls.len());
}

#[test]
fn every_finding_keeps_within_the_limits_of_the_format() {
    const REQUIRED: [&str; 10] = [
        "SchemaVersion",
        "Id",
        "ProductArn",
        "GeneratorId",
        "AwsAccountId",
        "CreatedAt",
        "UpdatedAt",
        "Title",
        "Description",
        "Resources",
    ];
    const LENGTHS: [(&str, usize); 8] = [
        ("/Id", 512),
        ("/ProductArn", 2_048),
        ("/GeneratorId", 512),
        ("/AwsAccountId", 12),
        ("/Title", 256),
        ("/Description", 1_024),
        ("/Remediation/Recommendation/Text", 512),
        ("/ProductName", 128),
    ];
    let mut long = sample::hostile();
    for finding in &mut long.result.findings {
        finding.title = "\u{1b}é".repeat(400);
        finding.description = " ".to_owned();
        finding.recommendation = "r".repeat(600);
        finding.resources = vec!["a".repeat(5_000).into()];
        finding.controls = (0..40).map(|n| format!("C{n}")).collect();
    }
    for (name, report) in
        sample::all().into_iter().chain([("many", sample::many_findings(250)), ("long", long)])
    {
        for finding in findings(&report) {
            assert!(REQUIRED.iter().all(|key| finding.get(key).is_some()), "{name}: {finding}");
            for (pointer, most) in LENGTHS {
                let length = finding.pointer(pointer).map_or(0, characters);
                assert!(length <= most, "{name}: {pointer} has {length} characters");
            }
            let account = finding["AwsAccountId"].as_str().unwrap();
            assert!(account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()), "{account}");
            assert!((1..=32).contains(&finding["Resources"].as_array().unwrap().len()));
            let requirements = finding.pointer("/Compliance/RelatedRequirements");
            assert!(requirements.and_then(Value::as_array).is_none_or(|all| all.len() <= 32));
            let fields = finding["ProductFields"].as_object().unwrap();
            assert!(fields.len() <= 50 && fields.values().all(|value| characters(value) <= 2_048));
            assert!(finding.to_string().len() < 240_000);
            let time = |key: &str| finding[key].as_str().map(|text| Time::parse(text).unwrap());
            assert!(time("CreatedAt").unwrap() <= time("UpdatedAt").unwrap(), "{name}");
            assert_eq!(time("FirstObservedAt").is_some(), time("LastObservedAt").is_some());
        }
    }
}

#[test]
fn nothing_of_the_customers_workflow_is_set() {
    for finding in findings(&sample::non_compliant()) {
        for key in ["Workflow", "WorkflowState", "Note", "UserDefinedFields", "VerificationState"] {
            assert!(finding.get(key).is_none(), "{key}");
        }
        for key in ["Severity", "Types", "Confidence", "Criticality", "RelatedFindings"] {
            assert!(finding.get(key).is_none(), "{key} is not in FindingProviderFields");
        }
        let provided = &finding["FindingProviderFields"];
        assert!(provided["Severity"]["Label"].is_string() && provided["Types"].is_array());
    }
}

#[test]
fn a_finding_keeps_id_and_creation_in_a_later_report() {
    let (before, mut after) = (sample::non_compliant(), sample::non_compliant());
    after.run.generated_at = Time(after.run.generated_at.0 + 3_600);
    after.run.run_id = "later".to_owned();
    let (before, after) = (of_rule(&before, "write-succeeded"), of_rule(&after, "write-succeeded"));
    for key in ["Id", "ProductArn", "CreatedAt"] {
        assert_eq!(before[key], after[key]);
    }
    assert!(before["UpdatedAt"].as_str() < after["UpdatedAt"].as_str());
}

#[test]
fn a_finding_is_in_the_account_and_region_of_its_calls() {
    let report = sample::non_compliant();
    let write = of_rule(&report, "write-succeeded");
    assert_eq!(write["AwsAccountId"], "777788889999");
    assert_eq!(
        write["ProductArn"],
        "arn:aws:securityhub:us-east-1:777788889999:product/777788889999/default"
    );
    assert_eq!(write["Resources"][0]["Type"], "AwsIamRole");
}

#[test]
fn a_control_without_evidence_is_a_warning() {
    let report = sample::non_compliant();
    let controls = findings(&report).into_iter().filter(|one| one["GeneratorId"] == "onlooker/control/SOC2");
    let statuses: Vec<Value> = controls.map(|one| one["Compliance"]["Status"].clone()).collect();
    assert_eq!(statuses, [json!("FAILED"), json!("WARNING"), json!("PASSED")]);
}

#[test]
fn all_findings_can_be_for_one_account_and_region() {
    let report = sample::non_compliant();
    let target = SecurityHubTarget::new("999999999999", "us-gov-west-1");
    let batches = batches(&report, Some(&target));
    assert_eq!(batches.len(), 1);
    for finding in &batches[0] {
        assert_eq!(finding["AwsAccountId"], "999999999999");
        assert_eq!(
            finding["ProductArn"],
            "arn:aws-us-gov:securityhub:us-gov-west-1:999999999999:product/999999999999/default"
        );
    }
    // What a finding is about stays in its resources.
    let write = batches[0].iter().find(|one| one["GeneratorId"] == "onlooker/write-succeeded").unwrap();
    assert_eq!(write["Resources"][0]["Region"], "us-east-1");
    assert_eq!(write["Resources"][0]["Id"], "arn:aws:iam::777788889999:role/ai/ReleaseNotesAgent");
}
