//! Tests of the policies of the scenario against its trail.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::*;
use super::{demo_records, text};
use onlooker_core::{
    catalog::Catalog,
    grants::{Evaluator, Grants},
    permissions::details,
};

fn all_grants() -> BTreeMap<String, Grants> {
    let evaluator = Evaluator::new(Catalog::embedded());
    let snapshots = details::parse(&authorization_details()).unwrap();
    snapshots.iter().map(|snapshot| (snapshot.principal.to_string(), evaluator.grants(snapshot))).collect()
}

#[test]
fn successful_calls_are_granted_and_denied_calls_are_not() {
    let grants = all_grants();
    let (mut successful_calls, mut denied_calls, mut wrong) = (0, 0, BTreeSet::new());
    for record in demo_records() {
        let role = text(record, "/userIdentity/sessionContext/sessionIssuer/arn");
        let Some(grants) = grants.get(role) else { continue };
        let (source, name) = (text(record, "/eventSource"), text(record, "/eventName"));
        let actions = Catalog::embedded().required_iam_actions(source, name);
        let is_granted = actions.iter().any(|action| grants.get(action).is_some());
        // Every caller may call `sts:GetCallerIdentity` without a policy.
        if actions.is_empty() || name == "GetCallerIdentity" {
            continue;
        }
        let denied = matches!(text(record, "/errorCode"), "AccessDenied" | "Client.UnauthorizedOperation");
        *(if denied { &mut denied_calls } else { &mut successful_calls }) += 1;
        if is_granted == denied {
            wrong.insert(format!("{role} {source} {name} {actions:?}"));
        }
    }
    assert_eq!(wrong, BTreeSet::new());
    assert_eq!(denied_calls, 2);
    assert!(successful_calls > 1_500, "{successful_calls}");
}

#[test]
fn every_observed_promised_role_has_policies() {
    let grants = all_grants();
    let patterns = scenario().watch_patterns();
    let seen: BTreeSet<&str> = demo_records()
        .iter()
        .map(|record: &Value| text(record, "/userIdentity/sessionContext/sessionIssuer/arn"))
        .filter(|arn| patterns.iter().any(|pattern| onlooker_core::pattern::matches(pattern, arn)))
        .collect();
    let known: BTreeSet<&str> =
        grants.keys().map(String::as_str).filter(|arn| *arn != scenario().deployer).collect();
    assert_eq!(known, seen);
}

#[test]
fn the_auditor_can_only_read_and_the_agent_can_assume_one_role() {
    let grants = all_grants();
    let excessive = |end: &str| -> BTreeSet<&str> {
        let of_role = grants.iter().filter(|(arn, _)| arn.ends_with(end)).map(|(_, grants)| grants);
        of_role.flat_map(Grants::excessive).map(|grant| &*grant.action.key).collect()
    };
    assert_eq!(excessive(":role/AuditReader"), BTreeSet::new());
    assert_eq!(excessive(":role/OpsAgentReadOnly"), BTreeSet::from(["sts:AssumeRole"]));
    assert!(excessive(":role/Deployer").contains("s3:PutBucketPolicy"));
}
