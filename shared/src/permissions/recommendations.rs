//! Recommendations for the permissions of a principal.
//!
//! Enters: a [`PermissionsAssessment`] and its excessive grants. Leaves: sentences, the most urgent first. Law: each
//! recommendation follows from a result, and names the statement, policy or action to change.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{CheckStatus, OverallStatus, PermissionsAssessment, counts, excessive};
use crate::{
    grants::{Grant, MISSING_DOCUMENT, PolicyProblemKind, StatementId},
    operation::RiskLevel,
};

/// Maximum number of entries of one kind that are named one by one.
const MAX_NAMED: usize = 5;
/// Maximum number of examples in a sentence.
const MAX_EXAMPLES: usize = 3;

/// Recommendations, the most urgent first. `excessive` are the grants that are not read-only and not tolerated.
pub(super) fn recommend(permissions: &PermissionsAssessment, excessive: &[&Grant]) -> Vec<String> {
    let mut all = recommend_for_paths(permissions);
    let (unconditional, conditional): (Vec<&Grant>, Vec<&Grant>) =
        excessive.iter().partition(|grant| excessive::is_unconditional(grant));
    all.extend(recommend_for_statements(&unconditional, "remove", "from"));
    if permissions.overall_status == OverallStatus::OverPrivileged {
        all.push(
            "generate a permissions boundary that allows only reads: run `onlooker guardrails`".to_owned(),
        );
    }
    all.extend(recommend_for_problems(permissions));
    all.extend(recommend_for_statements(
        &conditional,
        "check whether the conditions can hold, or remove",
        "from",
    ));
    all.extend(recommend_for_conflicts(permissions));
    all.extend(recommend_for_reads(permissions));
    all
}

/// One recommendation for each action to remove in order to close escalation paths.
fn recommend_for_paths(permissions: &PermissionsAssessment) -> Vec<String> {
    let mut by_action: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for path in permissions.escalation_paths.iter().filter(|path| path.is_unconditional) {
        let first = path.actions.first().map_or("", |action| &**action);
        by_action.entry(first).or_default().push(&path.id);
    }
    let mut ways: Vec<_> = by_action.into_iter().collect();
    ways.sort_by_key(|(_, ids)| Reverse(ids.len()));
    let more = ways.len().saturating_sub(MAX_NAMED);
    let mut recommendations: Vec<String> = (ways.iter().take(MAX_NAMED))
        .map(|(action, ids)| match ids.as_slice() {
            [only] => format!("remove `{action}`: it opens the privilege escalation path `{only}`"),
            ids => format!(
                "remove `{action}`: it opens {} privilege escalation paths, {}",
                ids.len(),
                list_examples(ids)
            ),
        })
        .collect();
    if more > 0 {
        let actions = if more == 1 { "other action opens" } else { "other actions open" };
        recommendations.push(format!("close the privilege escalation paths that {more} {actions}"));
    }
    recommendations
}

/// Statements to change, those with the most severe grants first.
fn recommend_for_statements(grants: &[&Grant], verb: &str, from: &str) -> Vec<String> {
    let mut by_statement: BTreeMap<&StatementId, Vec<&Grant>> = BTreeMap::new();
    for grant in grants {
        for statement in &grant.scope.statements {
            by_statement.entry(statement).or_default().push(grant);
        }
    }
    let mut by_statement: Vec<_> = by_statement.into_iter().collect();
    let max_risk =
        |grants: &[&Grant]| -> Option<RiskLevel> { grants.iter().map(|g| g.action.risk_level).max() };
    by_statement.sort_by_key(|(_, grants)| Reverse((max_risk(grants), grants.len())));
    let more = by_statement.len().saturating_sub(MAX_NAMED);
    let mut recommendations: Vec<String> = by_statement
        .into_iter()
        .take(MAX_NAMED)
        .map(|(id, mut grants)| {
            counts::sort_by_severity(&mut grants);
            let keys: Vec<&str> = grants.iter().map(|grant| &*grant.action.key).collect();
            let what = match keys.as_slice() {
                [only] => format!("`{only}`"),
                keys => format!("{} actions that are not read-only, {},", keys.len(), list_examples(keys)),
            };
            let place = format!("{from} statement `{}` of `{}`", id.statement, id.policy);
            // Only AWS can change an AWS managed policy.
            match id.policy.contains(":iam::aws:policy/") {
                true => {
                    format!("replace `{}` with a policy without {}", id.policy, what.trim_end_matches(','))
                }
                false => format!("{verb} {what} {place}"),
            }
        })
        .collect();
    recommendations.dedup();
    if more > 0 {
        let statements = if more == 1 { "statement" } else { "statements" };
        recommendations.push(format!("review {more} more {statements} in the same way"));
    }
    recommendations
}

fn recommend_for_problems(permissions: &PermissionsAssessment) -> Vec<String> {
    let of = |kind| permissions.problems.iter().filter(move |problem| problem.kind == kind);
    let malformed = of(PolicyProblemKind::Malformed).take(MAX_NAMED).map(|problem| match &*problem.message {
        MISSING_DOCUMENT => export_advice(&problem.policy),
        message => format!("correct `{}`: {message}", problem.policy),
    });
    let unknown = of(PolicyProblemKind::UnknownAction).count();
    let unknown = (unknown > 0).then(|| {
        "check the action names that are not in the catalog: a misspelled one grants nothing, a new one needs a new \
         catalog (`onlooker catalog build`)"
            .to_owned()
    });
    malformed.chain(unknown).collect()
}

/// How to get the document of a managed policy that is in none of the given files.
pub fn export_advice(arn: &str) -> String {
    format!(
        "add a file with the document of `{arn}`: `aws iam get-account-authorization-details --filter \
         LocalManagedPolicy AWSManagedPolicy` writes those of an account, and `aws iam get-policy-version` one \
         (`--managed-policy ARN=FILE`)"
    )
}

fn recommend_for_conflicts(permissions: &PermissionsAssessment) -> Option<String> {
    let conflicts = permissions.simulation.iter().flat_map(|simulation| &simulation.conflicts);
    let more = conflicts
        .filter(|conflict| conflict.simulator_allows_more())
        .map(|conflict| &*conflict.action)
        .collect::<Vec<_>>();
    let sentence = || {
        format!(
            "find out why the IAM policy simulator allows actions that the given policies do not grant: {}",
            list_examples(&more)
        )
    };
    (!more.is_empty()).then(sentence)
}

fn recommend_for_reads(permissions: &PermissionsAssessment) -> Vec<String> {
    let recommendations = permissions.permission_checks.iter().filter_map(|check| {
        let read = format!("`{}:{}`", check.service, check.operation);
        match check.status {
            CheckStatus::Failed => {
                Some(format!("allow the read {read}, or remove it from `permissions.reads`"))
            }
            CheckStatus::Error => Some(format!("check {read} again: {}", check.message)),
            _ => None,
        }
    });
    recommendations.collect()
}

fn list_examples(names: &[&str]) -> String {
    let named: Vec<String> = names.iter().take(MAX_EXAMPLES).map(|name| format!("`{name}`")).collect();
    match names.len() <= MAX_EXAMPLES {
        true => named.join(", "),
        false => format!("such as {}", named.join(", ")),
    }
}
