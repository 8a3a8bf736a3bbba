//! What to do about permissions.
//!
//! Enters: [`Permissions`] and the grants they are about. Leaves: sentences, the most urgent first. Law: each follows from
//! something that was found, and names the statement, policy or action to change.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{CheckStatus, OverallStatus, Permissions, counts, excess};
use crate::{
    grants::{Grant, ProblemKind, StatementId},
    operation::RiskLevel,
};

/// Things of one kind that are named one by one.
const NAMED: usize = 5;
/// Examples within a sentence.
const EXAMPLES: usize = 3;

/// What to do, the most urgent first. `excessive` are the grants that are no reads and that nothing tolerates.
pub(super) fn of(permissions: &Permissions, excessive: &[&Grant]) -> Vec<String> {
    let mut all = ways(permissions);
    let (sure, perhaps): (Vec<&Grant>, Vec<&Grant>) =
        excessive.iter().partition(|grant| excess::is_sure(grant));
    all.extend(statements(&sure, "take", "out of"));
    if permissions.overall_status == OverallStatus::OverPrivileged {
        all.push("let `onlooker guardrails` write a boundary that denies what is no read".to_owned());
    }
    all.extend(problems(permissions));
    all.extend(statements(&perhaps, "decide whether its conditions can hold, or take", "out of"));
    all.extend(dissent(permissions));
    all.extend(reads(permissions));
    all
}

/// Escalation paths, by the action without which they are closed.
fn ways(permissions: &Permissions) -> Vec<String> {
    let mut by_action: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for path in permissions.escalation_paths.iter().filter(|path| path.is_sure) {
        let first = path.actions.first().map_or("", |action| &**action);
        by_action.entry(first).or_default().push(&path.id);
    }
    let mut ways: Vec<_> = by_action.into_iter().collect();
    ways.sort_by_key(|(_, ids)| Reverse(ids.len()));
    let more = ways.len().saturating_sub(NAMED);
    let mut told: Vec<String> = (ways.iter().take(NAMED))
        .map(|(action, ids)| match ids.as_slice() {
            [only] => format!("take `{action}` away: it opens the way `{only}` to more privilege"),
            ids => format!(
                "take `{action}` away: it opens {} ways to more privilege, {}",
                ids.len(),
                such_as(ids)
            ),
        })
        .collect();
    if more > 0 {
        told.push(format!("close the ways to more privilege that {more} other actions open"));
    }
    told
}

/// Statements to change, those with the gravest grants first.
fn statements(grants: &[&Grant], verb: &str, from: &str) -> Vec<String> {
    let mut by_statement: BTreeMap<&StatementId, Vec<&Grant>> = BTreeMap::new();
    for grant in grants {
        for statement in &grant.reach.statements {
            by_statement.entry(statement).or_default().push(grant);
        }
    }
    let mut by_statement: Vec<_> = by_statement.into_iter().collect();
    let gravest =
        |grants: &[&Grant]| -> Option<RiskLevel> { grants.iter().map(|g| g.action.risk_level).max() };
    by_statement.sort_by_key(|(_, grants)| Reverse((gravest(grants), grants.len())));
    let more = by_statement.len().saturating_sub(NAMED);
    let mut told: Vec<String> = by_statement
        .into_iter()
        .take(NAMED)
        .map(|(id, mut grants)| {
            counts::gravest_first(&mut grants);
            let keys: Vec<&str> = grants.iter().map(|grant| &*grant.action.key).collect();
            let what = match keys.as_slice() {
                [only] => format!("`{only}`"),
                keys => format!("{} actions that are no reads, {},", keys.len(), such_as(keys)),
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

fn problems(permissions: &Permissions) -> Vec<String> {
    let of = |kind| permissions.problems.iter().filter(move |problem| problem.kind == kind);
    let malformed = of(ProblemKind::Malformed)
        .take(NAMED)
        .map(|problem| format!("correct `{}`: {}", problem.policy, problem.what));
    let unknown = of(ProblemKind::UnknownAction).count();
    let unknown = (unknown > 0).then(|| {
        "look at the action names that no catalog knows: a misspelt one grants nothing, a new one needs a new catalog \
         (`onlooker catalog build`)"
            .to_owned()
    });
    malformed.chain(unknown).collect()
}

fn dissent(permissions: &Permissions) -> Option<String> {
    let dissent = permissions.second_opinion.iter().flat_map(|opinion| &opinion.dissent);
    let more =
        dissent.filter(|dissent| dissent.is_more()).map(|dissent| &*dissent.action).collect::<Vec<_>>();
    let sentence = || {
        format!("find out why IAM's simulator allows what the policies read do not grant, {}", such_as(&more))
    };
    (!more.is_empty()).then(sentence)
}

fn reads(permissions: &Permissions) -> Vec<String> {
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

fn such_as(names: &[&str]) -> String {
    let named: Vec<String> = names.iter().take(EXAMPLES).map(|name| format!("`{name}`")).collect();
    match names.len() <= EXAMPLES {
        true => named.join(", "),
        false => format!("such as {}", named.join(", ")),
    }
}
