//! `indeterminate-grant`: permissions of a watched principal that cannot be determined from the policies given.

use std::collections::BTreeMap;

use super::{FindingRule, RuleMatch, Severity, count_noun, matches_by_policies, phrases};
use crate::{
    access_matrix::{
        WatchedPrincipal, calls_outside_permissions, sort_most_severe_first, ungranted_operations,
    },
    assessment::{Assessment, PrincipalGrants},
    event::Outcome,
    grants::{Certainty, Grant, PolicyProblem, PolicyProblemKind},
};

/// The rule `indeterminate-grant`.
pub const RULE: FindingRule = FindingRule {
    id: "indeterminate-grant",
    severity: Severity::Medium,
    title: "A watched principal has permissions that cannot be determined from the policies given",
    meaning: "Permissions that the policies leave open count as granted until they are shown not to be.",
    action: "Write policies that can be evaluated: actions that exist, documents that IAM accepts, conditions on values that the caller cannot choose. Provide the policies that were not read.",
    alerts: None,
    needs_policies: true,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    matches_by_policies(assessment, |case, granted| {
        let mut instances: Vec<RuleMatch> =
            conditional_grants(granted).into_iter().chain(unknown_actions(granted)).collect();
        instances.extend(policy_problems(granted));
        instances.extend(used_without_grant(case));
        Some(instances)
    })
}

/// Conditional grants of actions that are not read-only.
fn conditional_grants(granted: &PrincipalGrants) -> Option<RuleMatch> {
    let mut grants: Vec<&Grant> =
        granted.excessive_grants().filter(|grant| grant.certainty == Certainty::Conditional).collect();
    sort_most_severe_first(&mut grants);
    (!grants.is_empty()).then(|| {
        let named = phrases::quote_some(grants.iter().map(|grant| &*grant.action.key), 3);
        let on = phrases::condition_list(&grants);
        let on = if on.is_empty() {
            "conditions that cannot be determined from the policies".to_owned()
        } else {
            on
        };
        RuleMatch {
            subject: "conditional".to_owned(),
            observation: format!(
                "The principal's policies conditionally grant {} beyond reads: {named}, depending on {on}.",
                count_noun(grants.len() as u64, "action")
            ),
            count: grants.len() as u64,
            ..RuleMatch::default()
        }
    })
}

/// Grants by patterns that match no action in the catalog.
fn unknown_actions(granted: &PrincipalGrants) -> Option<RuleMatch> {
    let grants: Vec<&Grant> = granted
        .excessive_grants()
        .filter(|grant| {
            grant.certainty == Certainty::Unconditional && !PrincipalGrants::is_unconditional(grant)
        })
        .collect();
    (!grants.is_empty()).then(|| RuleMatch {
        subject: "unknown actions".to_owned(),
        observation: format!(
            "The principal's policies grant {} without a matching action in the catalog: {}.",
            count_noun(grants.len() as u64, "pattern"),
            phrases::quote_some(grants.iter().map(|grant| &*grant.action.key), 3)
        ),
        count: grants.len() as u64,
        ..RuleMatch::default()
    })
}

/// Problems of the policies, by kind.
fn policy_problems(granted: &PrincipalGrants) -> impl Iterator<Item = RuleMatch> {
    let mut kinds: BTreeMap<PolicyProblemKind, Vec<&PolicyProblem>> = BTreeMap::new();
    for problem in &granted.grants.problems {
        kinds.entry(problem.kind).or_default().push(problem);
    }
    kinds.into_iter().filter_map(|(kind, problems)| {
        let (subject, severity, what) = match kind {
            PolicyProblemKind::Malformed => ("malformed", None, "outside IAM's policy grammar"),
            PolicyProblemKind::Unsupported => ("unsupported", None, "not evaluated"),
            PolicyProblemKind::Ineffective => {
                ("ineffective", Some(Severity::Low), "never about its resources")
            }
            PolicyProblemKind::UnknownAction => ("unknown names", Some(Severity::Low), "not in the catalog"),
        };
        let first = problems.first()?;
        let is = if problems.len() == 1 { "is" } else { "are" };
        let place = match &first.statement {
            Some(statement) => {
                format!("{} of {}", phrases::quote(statement), phrases::quote(&first.policy))
            }
            None => phrases::quote(&first.policy),
        };
        Some(RuleMatch {
            severity,
            subject: subject.to_owned(),
            observation: format!(
                "{} of the principal's policies {is} {what}; the first is in {place}: {}.",
                count_noun(problems.len() as u64, "part"),
                phrases::quote(first.message.trim_end_matches('.'))
            ),
            count: problems.len() as u64,
            ..RuleMatch::default()
        })
    })
}

/// Operations that succeeded although no policy that was read grants them: the principal's permissions are not fully
/// known.
fn used_without_grant(case: &WatchedPrincipal<'_, '_>) -> Vec<RuleMatch> {
    let mut instances = Vec::new();
    for ungranted in ungranted_operations(case) {
        let subject = format!("used:{}", ungranted.operation);
        let mut instance = RuleMatch {
            subject,
            observation: format!(
                "{} succeeded ({}), although no policy that was read grants the call: {}.",
                phrases::quote(&ungranted.operation),
                count_noun(ungranted.count, "call"),
                ungranted.explanation
            ),
            ..RuleMatch::default()
        };
        calls_outside_permissions(case, Outcome::Succeeded)
            .filter(|call| call.operation() == ungranted.operation)
            .for_each(|call| instance.add_call(call));
        instances.push(instance);
    }
    instances
}
