//! What to do about permissions.
//!
//! Enters: [`PermissionsAssessment`] and the grants they are about. Leaves: sentences, the most urgent first. Law: each follows from
//! something that was found, and names the statement, policy or action to change.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{CheckStatus, OverallStatus, PermissionsAssessment, counts, excessive};
use crate::{
    grants::{Grant, PolicyProblemKind, StatementId},
    operation::RiskLevel,
};

/// Things of one kind that are named one by one.
const MAX_NAMED: usize = 5;
/// Examples within a sentence.
const MAX_EXAMPLES: usize = 3;

/// What to do, the most urgent first. `excessive` are the grants that are no reads and that nothing tolerates.
pub(super) fn recommend(permissions: &PermissionsAssessment, excessive: &[&Grant]) -> Vec<String> {
    let mut all = recommend_for_paths(permissions);
    let (sure, perhaps): (Vec<&Grant>, Vec<&Grant>) =
        excessive.iter().partition(|grant| excessive::is_unconditional(grant));
    all.extend(recommend_for_statements(&sure, "take", "out of"));
    if permissions.overall_status == OverallStatus::OverPrivileged {
        all.push("let `onlooker guardrails` write a boundary that denies what is no read".to_owned());
    }
    all.extend(recommend_for_problems(permissions));
    all.extend(recommend_for_statements(
        &perhaps,
        "decide whether its conditions can hold, or take",
        "out of",
    ));
    all.extend(recommend_for_conflicts(permissions));
    all.extend(recommend_for_reads(permissions));
    all
}

/// Escalation paths, by the action without which they are closed.
fn recommend_for_paths(permissions: &PermissionsAssessment) -> Vec<String> {
    let mut by_action: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for path in permissions.escalation_paths.iter().filter(|path| path.is_unconditional) {
        let first = path.actions.first().map_or("", |action| &**action);
        by_action.entry(first).or_default().push(&path.id);
    }
    let mut ways: Vec<_> = by_action.into_iter().collect();
    ways.sort_by_key(|(_, ids)| Reverse(ids.len()));
    let more = ways.len().saturating_sub(MAX_NAMED);
    let mut told: Vec<String> = (ways.iter().take(MAX_NAMED))
        .map(|(action, ids)| match ids.as_slice() {
            [only] => format!("take `{action}` away: it opens the way `{only}` to more privilege"),
            ids => format!(
                "take `{action}` away: it opens {} ways to more privilege, {}",
                ids.len(),
                list_examples(ids)
            ),
        })
        .collect();
    if more > 0 {
        told.push(format!("close the ways to more privilege that {more} other actions open"));
    }
    told
}

/// Statements to change, those with the gravest grants first.
fn recommend_for_statements(grants: &[&Grant], verb: &str, from: &str) -> Vec<String> {
    let mut by_statement: BTreeMap<&StatementId, Vec<&Grant>> = BTreeMap::new();
    for grant in grants {
        for statement in &grant.scope.statements {
            by_statement.entry(statement).or_default().push(grant);
        }
    }
    let mut by_statement: Vec<_> = by_statement.into_iter().collect();
    let gravest =
        |grants: &[&Grant]| -> Option<RiskLevel> { grants.iter().map(|g| g.action.risk_level).max() };
    by_statement.sort_by_key(|(_, grants)| Reverse((gravest(grants), grants.len())));
    let more = by_statement.len().saturating_sub(MAX_NAMED);
    let mut told: Vec<String> = by_statement
        .into_iter()
        .take(MAX_NAMED)
        .map(|(id, mut grants)| {
            counts::sort_by_severity(&mut grants);
            let keys: Vec<&str> = grants.iter().map(|grant| &*grant.action.key).collect();
            let what = match keys.as_slice() {
                [only] => format!("`{only}`"),
                keys => format!("{} actions that are no reads, {},", keys.len(), list_examples(keys)),
            };
            let place = format!("{from} statement `{}` of `{}`", id.statement, id.policy);
            // Nobody but AWS can change its own policies.
            match id.policy.contains(":iam::aws:policy/") {
                true => format!("replace `{}` by a policy without {}", id.policy, what.trim_end_matches(',')),
                false => format!("{verb} {what} {place}"),
            }
        })
        .collect();
    told.dedup();
    if more > 0 {
        told.push(format!("go through {more} more statements in the same way"));
    }
    told
}

fn recommend_for_problems(permissions: &PermissionsAssessment) -> Vec<String> {
    let of = |kind| permissions.problems.iter().filter(move |problem| problem.kind == kind);
    let malformed = of(PolicyProblemKind::Malformed)
        .take(MAX_NAMED)
        .map(|problem| format!("correct `{}`: {}", problem.policy, problem.message));
    let unknown = of(PolicyProblemKind::UnknownAction).count();
    let unknown = (unknown > 0).then(|| {
        "look at the action names that no catalog knows: a misspelt one grants nothing, a new one needs a new catalog \
         (`onlooker catalog build`)"
            .to_owned()
    });
    malformed.chain(unknown).collect()
}

fn recommend_for_conflicts(permissions: &PermissionsAssessment) -> Option<String> {
    let dissent = permissions.simulation.iter().flat_map(|opinion| &opinion.conflicts);
    let more = dissent
        .filter(|dissent| dissent.simulator_allows_more())
        .map(|dissent| &*dissent.action)
        .collect::<Vec<_>>();
    let sentence = || {
        format!(
            "find out why IAM's simulator allows what the policies read do not grant, {}",
            list_examples(&more)
        )
    };
    (!more.is_empty()).then(sentence)
}

fn recommend_for_reads(permissions: &PermissionsAssessment) -> Vec<String> {
    let told = permissions.permission_checks.iter().filter_map(|check| {
        let read = format!("`{}:{}`", check.service, check.operation);
        match check.status {
            CheckStatus::Failed => {
                Some(format!("allow the read {read}, or take it out of `permissions.reads`"))
            }
            CheckStatus::Error => Some(format!("ask again for {read}: {}", check.message)),
            _ => None,
        }
    });
    told.collect()
}

fn list_examples(names: &[&str]) -> String {
    let named: Vec<String> = names.iter().take(MAX_EXAMPLES).map(|name| format!("`{name}`")).collect();
    match names.len() <= MAX_EXAMPLES {
        true => named.join(", "),
        false => format!("such as {}", named.join(", ")),
    }
}
