//! Tests of the principals of the scenario.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::utc_time::{DAY, HOUR};
use super::super::*;
use super::{demo_records, of_role, text};

#[test]
fn the_auditor_only_reads_and_only_in_business_hours() {
    let records = demo_records();
    let audit = of_role(records, "AuditReader");
    assert!(audit.len() > 400, "{}", audit.len());
    let sources: BTreeSet<&str> = audit.iter().map(|record| text(record, "/eventSource")).collect();
    assert!(sources.len() >= 15, "{sources:?}");
    for record in audit {
        let name = text(record, "/eventName");
        assert!(["List", "Get", "Describe"].iter().any(|verb| name.starts_with(verb)), "{name}");
        assert_eq!((record.get("errorCode"), &record["readOnly"]), (None, &Value::Bool(true)), "{name}");
        let time = text(record, "/eventTime").split_once('T').unwrap().1;
        assert!(("08:00".."18:00").contains(&time), "{record}");
    }
}

#[test]
fn the_inventory_reads_secrets_and_writes_nothing() {
    let records = demo_records();
    let inventory = of_role(records, "InventoryCollector");
    let named = |name: &str| inventory.iter().filter(|record| text(record, "/eventName") == name).count();
    assert!(inventory.len() > 600, "{}", inventory.len());
    assert_eq!((named("GetSecretValue"), named("GetParameter"), named("Decrypt")), (4, 3, 7));
    assert_eq!(named("GetSecretValue") + named("GetParameter"), scenario().secret_reads);
    assert!(inventory.iter().all(|record| record["readOnly"] == Value::Bool(true)));
}

#[test]
fn the_plan_stage_is_denied_both_of_its_writes() {
    let records = demo_records();
    let plan = of_role(records, "CiPlan");
    let writes: Vec<_> = plan.iter().filter(|record| record["readOnly"] == Value::Bool(false)).collect();
    let denied: Vec<&str> = writes.iter().map(|record| text(record, "/errorCode")).collect();
    assert_eq!(writes.len(), 2);
    assert_eq!(BTreeSet::from_iter(denied), BTreeSet::from(["AccessDenied", "Client.UnauthorizedOperation"]));
    let ids: BTreeSet<&str> = writes.iter().map(|record| text(record, "/eventID")).collect();
    assert_eq!(ids, BTreeSet::from(scenario().denied_event_ids));
}

#[test]
fn the_write_is_attributed_to_the_agent_by_access_key_and_source_identity() {
    let (expected, records) = (scenario(), demo_records());
    let by_id = |id: &str| records.iter().find(|record| text(record, "/eventID") == id).unwrap();
    let (assumption, write) = (by_id(expected.assume_role_event_id), by_id(expected.write_event_id));
    assert_eq!(text(assumption, "/userIdentity/sessionContext/sessionIssuer/userName"), "OpsAgentReadOnly");
    assert_eq!(text(write, "/eventName"), "PutBucketPolicy");
    assert_eq!(text(write, "/userIdentity/sessionContext/sessionIssuer/arn"), expected.deployer);
    assert_eq!(text(write, "/userIdentity/sessionContext/sourceIdentity"), "ops-agent");
    let key = text(assumption, "/responseElements/credentials/accessKeyId");
    assert_eq!(text(write, "/userIdentity/accessKeyId"), key);
    let assumed = text(assumption, "/responseElements/assumedRoleUser/arn");
    assert_eq!(text(write, "/userIdentity/arn"), assumed);
    assert_ne!(text(write, "/recipientAccountId"), text(assumption, "/recipientAccountId"));
    let shared = text(assumption, "/sharedEventID");
    let sides: Vec<&Value> =
        records.iter().filter(|record| text(record, "/sharedEventID") == shared).collect();
    assert_eq!(sides.len(), 2);
    assert_eq!(sides.iter().filter(|side| text(side, "/userIdentity/type") == "AWSAccount").count(), 1);
    let same_key = records.iter().filter(|record| text(record, "/userIdentity/accessKeyId") == key);
    assert_eq!(same_key.filter(|record| record["readOnly"] == Value::Bool(false)).count(), 1);
    let deployer = of_role(records, "Deployer");
    assert!(deployer.iter().filter(|record| text(record, "/userIdentity/accessKeyId") != key).count() > 40);
}

#[test]
fn every_kind_of_caller_and_event_occurs() {
    let records = demo_records();
    let all = |pointer: &str| records.iter().map(|record| text(record, pointer)).collect::<BTreeSet<&str>>();
    let kinds = all("/userIdentity/type");
    for kind in [
        "Root",
        "IAMUser",
        "AssumedRole",
        "FederatedUser",
        "SAMLUser",
        "WebIdentityUser",
        "IdentityCenterUser",
        "AWSAccount",
        "AWSService",
        "",
    ] {
        assert!(kinds.contains(kind), "no {kind:?} in {kinds:?}");
    }
    assert_eq!(all("/eventType"), BTreeSet::from(["AwsApiCall", "AwsConsoleSignIn", "AwsServiceEvent"]));
    assert_eq!(all("/eventCategory"), BTreeSet::from(["Data", "Management"]));
    let data: BTreeSet<&str> = records
        .iter()
        .filter(|record| text(record, "/eventCategory") == "Data")
        .map(|record| text(record, "/recipientAccountId"))
        .collect();
    assert_eq!(data, BTreeSet::from([ACCOUNTS[scenario::DATA].id]));
    let unclassified = records.iter().filter(|record| {
        text(record, "/userIdentity/sessionContext/sessionIssuer/arn") == scenario().unclassified
            && record["readOnly"] == Value::Bool(false)
    });
    assert!(unclassified.count() >= 5);
    let root = |record: &&Value| {
        text(record, "/userIdentity/type") == "Root" && text(record, "/eventName") == "ConsoleLogin"
    };
    assert_eq!(records.iter().filter(root).count(), 1);
    for code in [
        "ThrottlingException",
        "Client.RequestLimitExceeded",
        "NoSuchBucketPolicy",
        "ResourceNotFoundException",
    ] {
        assert!(all("/errorCode").contains(code), "no {code}");
    }
}

#[test]
fn all_operations_are_known_and_days_are_busier_than_nights() {
    let script = DemoTrail::demo().script();
    assert_eq!(script.unknown_operations, Vec::<String>::new());
    let between = |from: u64, to: u64| {
        let hour = |at: u64| at % DAY / HOUR;
        script.calls.iter().filter(|call| call.is_background && (from..to).contains(&hour(call.at))).count()
    };
    assert!(between(9, 15) > 4 * between(0, 6), "{} {}", between(9, 15), between(0, 6));
}
