//! Laws of the matrix, for any evidence and any policies.

use onlooker_core::{
    catalog::Catalog,
    grants::{DatedSnapshot, Evaluator, Grants, PolicySnapshot},
    period::Period,
    permissions::{AssessedPrincipal, PrincipalIdentity, assess},
    report::ReportResult,
    time::{HOUR_SECONDS, Hour, Time},
};
use proptest::{prelude::*, sample::select};

use super::{
    events::{EventExt as _, EvidenceScenario, START, any_scenario, auditor_call},
    policies::{allow, snapshot},
};

fn granted_actions() -> impl Strategy<Value = Vec<(&'static str, Vec<&'static str>)>> {
    let actions = [
        "ec2:Describe*",
        "ec2:RunInstances",
        "s3:*",
        "iam:CreateAccessKey",
        "kms:Decrypt",
        "novel:Frobnicate",
        "secretsmanager:GetSecretValue",
        "sts:AssumeRole",
    ];
    let role = select(&["Auditor", "Inventory", "Builder", "Absent"][..]);
    prop::collection::vec((role, prop::collection::vec(select(actions.to_vec()), 1..5)), 1..4)
}

fn with_policies(scenario: &EvidenceScenario, may: &[(&str, Vec<&str>)]) -> EvidenceScenario {
    scenario.clone().with(|scenario| {
        for (role, actions) in may {
            scenario.policies.add(DatedSnapshot::always_in_force(snapshot(role, allow(actions))));
        }
    })
}

/// Call counts by principal and row, for rows with calls.
fn call_counts(result: &ReportResult) -> Vec<(String, String, [u64; 4])> {
    let rows = result.principals.iter().flat_map(|principal| {
        let matrix = principal.matrix.iter();
        let rows = matrix.flat_map(|matrix| matrix.capabilities.iter().chain(&matrix.services));
        rows.map(|row| {
            (
                principal.arn.to_string(),
                row.name.clone(),
                [row.denied, row.failed, row.used, row.through_roles],
            )
        })
    });
    let mut rows: Vec<_> = rows.filter(|(_, _, counts)| *counts != [0; 4]).collect();
    rows.sort();
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn policies_change_granted_and_never_denied_or_used(scenario in any_scenario(), may in granted_actions()) {
        let (before, after) = (scenario.result(), with_policies(&scenario, &may).result());
        prop_assert_eq!(call_counts(&before), call_counts(&after));
        prop_assert_eq!(before.summary.overall_compliance, after.summary.overall_compliance);
        prop_assert_eq!(before.compliance, after.compliance);
        prop_assert_eq!(&before.risk, &after.risk);
        prop_assert_eq!(&before.coverage, &after.coverage);
        for principal in before.principals.iter().filter_map(|principal| principal.matrix.as_ref()) {
            prop_assert!(principal.capabilities.iter().chain(&principal.services).all(|row| row.granted.is_none()));
            prop_assert_eq!(principal.overall_status, None);
        }
    }

    #[test]
    fn service_rows_add_up_to_all_calls_of_a_principal(scenario in any_scenario(), may in granted_actions()) {
        for result in [scenario.result(), with_policies(&scenario, &may).result()] {
            for principal in &result.principals {
                prop_assert_eq!(principal.matrix.is_some(), principal.watched_as.is_some() && principal.calls + principal.other_events > 0 || principal.matrix.as_ref().is_some_and(|matrix| !matrix.policies.is_empty()));
                let Some(matrix) = &principal.matrix else { continue };
                let calls: u64 = matrix.services.iter().map(|row| row.denied + row.failed + row.used).sum();
                let through: u64 = matrix.services.iter().map(|row| row.through_roles).sum();
                prop_assert_eq!(calls, principal.calls + through);
                let rows = matrix.capabilities.iter().map(|row| row.denied + row.failed + row.used);
                prop_assert!(rows.sum::<u64>() >= calls, "a call is in at least one row");
            }
        }
    }

    #[test]
    fn the_order_of_policies_does_not_change_the_result(scenario in any_scenario(), may in granted_actions()) {
        let mut reversed = may.clone();
        reversed.reverse();
        prop_assert_eq!(with_policies(&scenario, &may).result().id().unwrap(), with_policies(&scenario, &reversed).result().id().unwrap());
    }

    #[test]
    fn the_matrix_status_equals_the_permissions_status(may in granted_actions()) {
        let scenario = with_policies(&EvidenceScenario::of([auditor_call("DescribeInstances"), auditor_call("ListUsers").by_principal("Inventory")]), &may);
        let result = scenario.result();
        for (role, _) in &may {
            let Some(principal) = result.principals.iter().find(|one| one.arn.ends_with(&format!("/{role}"))) else {
                continue;
            };
            let Some(matrix) = &principal.matrix else { continue };
            let held: Vec<PolicySnapshot> = scenario.policies.of(&principal.arn, Period { from: Hour(0), until: Hour(u32::MAX / HOUR_SECONDS) })
                .into_iter().map(|held| held.snapshot.clone()).collect();
            let evaluator = Evaluator::new(Catalog::embedded());
            let grants = held.iter().map(|one| evaluator.grants(one)).reduce(Grants::union).unwrap();
            let identity = PrincipalIdentity {
                arn: principal.arn.clone(), kind: principal.kind, account: principal.account.clone(), watched_as: None,
            };
            let subject = AssessedPrincipal { identity, grants: &grants, policies_sha256: String::new() };
            let assessed = assess(&subject, &scenario.config, Catalog::embedded(), Time(START), &[], None);
            prop_assert_eq!(matrix.overall_status, Some(assessed.overall_status));
        }
    }
}
