//! `indeterminate-grant`: what nobody can tell whether a watched principal could do.

use std::collections::BTreeMap;

use super::{FindingRule, RuleMatch, Severity, count_noun, matches_by_policies, phrases};
use crate::{
    assessment::{Assessment, PrincipalGrants},
    event::Outcome,
    grants::{Certainty, Grant, PolicyProblem, PolicyProblemKind},
    report::matrix::{
        WatchedPrincipal, calls_outside_permissions, sort_most_severe_first, ungranted_operations,
    },
};

/// The rule.
pub const RULE: FindingRule = FindingRule {
    id: "indeterminate-grant",
    severity: Severity::Medium,
    title: "Nobody can tell whether a watched principal could do this",
    meaning: "What policies leave open has to be taken for allowed until somebody shows that it is not.",
    action: "Write the policies so that they can be judged: actions that exist, documents IAM accepts, conditions on what the caller cannot choose; give the policies that were not read.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    matches_by_policies(assessment, |case, could| {
        let mut instances: Vec<RuleMatch> =
            conditional_grants(could).into_iter().chain(unknown_actions(could)).collect();
        instances.extend(policy_problems(could));
        instances.extend(used_without_grant(case));
        Some(instances)
    })
}

/// What is no read and granted on conditions.
fn conditional_grants(could: &PrincipalGrants) -> Option<RuleMatch> {
    let mut grants: Vec<&Grant> =
        could.excessive_grants().filter(|grant| grant.certainty == Certainty::Conditional).collect();
    sort_most_severe_first(&mut grants);
    (!grants.is_empty()).then(|| {
        let named = phrases::quote_some(grants.iter().map(|grant| &*grant.action.key), 3);
        let on = phrases::condition_list(&grants);
        let on = if on.is_empty() { "what policies alone do not tell".to_owned() } else { on };
        RuleMatch {
            subject: "conditional".to_owned(),
            observation: format!(
                "{} beyond reads granted on conditions: {named}, depending on {on}.",
                count_noun(grants.len() as u64, "action")
            ),
            count: grants.len() as u64,
            ..RuleMatch::default()
        }
    })
}

/// What is granted by patterns that match nothing anybody knows.
fn unknown_actions(could: &PrincipalGrants) -> Option<RuleMatch> {
    let grants: Vec<&Grant> = could
        .excessive_grants()
        .filter(|grant| {
            grant.certainty == Certainty::Unconditional && !PrincipalGrants::is_unconditional(grant)
        })
        .collect();
    (!grants.is_empty()).then(|| RuleMatch {
        subject: "unknown actions".to_owned(),
        observation: format!(
            "{} granted that matches no action the catalog knows: {}.",
            count_noun(grants.len() as u64, "pattern"),
            phrases::quote_some(grants.iter().map(|grant| &*grant.action.key), 3)
        ),
        count: grants.len() as u64,
        ..RuleMatch::default()
    })
}

/// What is wrong with the policies, by kind.
fn policy_problems(could: &PrincipalGrants) -> impl Iterator<Item = RuleMatch> {
    let mut kinds: BTreeMap<PolicyProblemKind, Vec<&PolicyProblem>> = BTreeMap::new();
    for problem in &could.grants.problems {
        kinds.entry(problem.kind).or_default().push(problem);
    }
    kinds.into_iter().filter_map(|(kind, problems)| {
        let (subject, severity, what) = match kind {
            PolicyProblemKind::Malformed => ("malformed", None, "no policy of IAM's grammar"),
            PolicyProblemKind::Unsupported => ("unsupported", None, "not evaluated"),
            PolicyProblemKind::UnknownAction => {
                ("unknown names", Some(Severity::Low), "not known to the catalog")
            }
        };
        let first = problems.first()?;
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
                "{} of policies {what}, the first in {place}: {}.",
                count_noun(problems.len() as u64, "part"),
                phrases::quote(first.message.trim_end_matches('.'))
            ),
            count: problems.len() as u64,
            ..RuleMatch::default()
        })
    })
}

/// What was done although no policy that was read grants it: what the principal could do is not wholly known.
fn used_without_grant(case: &WatchedPrincipal<'_, '_>) -> Vec<RuleMatch> {
    let mut instances = Vec::new();
    for told in ungranted_operations(case) {
        let subject = format!("did:{}", told.operation);
        let mut instance = RuleMatch {
            subject,
            observation: format!(
                "{} succeeded ({}), and no policy that was read grants it: {}.",
                phrases::quote(&told.operation),
                count_noun(told.count, "call"),
                told.explanation
            ),
            ..RuleMatch::default()
        };
        calls_outside_permissions(case, Outcome::Succeeded)
            .filter(|judged| judged.operation() == told.operation)
            .for_each(|judged| instance.add_call(judged));
        instances.push(instance);
    }
    instances
}
