//! `indeterminate-grant`: what nobody can tell whether a watched principal could do.

use std::collections::BTreeMap;

use super::{Instance, Rule, Severity, counted, policies, words};
use crate::{
    assessment::{Assessment, Could},
    event::Outcome,
    grants::{Certainty, Grant, Problem, ProblemKind},
    report::matrix::{Case, beyond, gravest_first, ungranted},
};

/// The rule.
pub const RULE: Rule = Rule {
    id: "indeterminate-grant",
    severity: Severity::Medium,
    title: "Nobody can tell whether a watched principal could do this",
    meaning: "What policies leave open has to be taken for allowed until somebody shows that it is not.",
    action: "Write the policies so that they can be judged: actions that exist, documents IAM accepts, conditions on what the caller cannot choose; give the policies that were not read.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<Instance> {
    policies(assessment, |case, could| {
        let mut instances: Vec<Instance> = conditional(could).into_iter().chain(vague(could)).collect();
        instances.extend(problems(could));
        instances.extend(done(case));
        Some(instances)
    })
}

/// What is no read and granted on conditions.
fn conditional(could: &Could) -> Option<Instance> {
    let mut grants: Vec<&Grant> =
        could.excessive().filter(|grant| grant.certainty == Certainty::Conditional).collect();
    gravest_first(&mut grants);
    (!grants.is_empty()).then(|| {
        let named = words::some(grants.iter().map(|grant| &*grant.action.key), 3);
        let on = words::conditions(&grants);
        let on = if on.is_empty() { "what policies alone do not tell".to_owned() } else { on };
        Instance {
            subject: "conditional".to_owned(),
            seen: format!(
                "{} beyond reads granted on conditions: {named}, depending on {on}.",
                counted(grants.len() as u64, "action")
            ),
            count: grants.len() as u64,
            ..Instance::default()
        }
    })
}

/// What is granted by patterns that match nothing anybody knows.
fn vague(could: &Could) -> Option<Instance> {
    let grants: Vec<&Grant> = could
        .excessive()
        .filter(|grant| grant.certainty == Certainty::Granted && !Could::is_sure(grant))
        .collect();
    (!grants.is_empty()).then(|| Instance {
        subject: "unknown actions".to_owned(),
        seen: format!(
            "{} granted that matches no action the catalog knows: {}.",
            counted(grants.len() as u64, "pattern"),
            words::some(grants.iter().map(|grant| &*grant.action.key), 3)
        ),
        count: grants.len() as u64,
        ..Instance::default()
    })
}

/// What is wrong with the policies, by kind.
fn problems(could: &Could) -> impl Iterator<Item = Instance> {
    let mut kinds: BTreeMap<ProblemKind, Vec<&Problem>> = BTreeMap::new();
    for problem in &could.grants.problems {
        kinds.entry(problem.kind).or_default().push(problem);
    }
    kinds.into_iter().filter_map(|(kind, problems)| {
        let (subject, severity, what) = match kind {
            ProblemKind::Malformed => ("malformed", None, "no policy of IAM's grammar"),
            ProblemKind::Unsupported => ("unsupported", None, "not evaluated"),
            ProblemKind::UnknownAction => ("unknown names", Some(Severity::Low), "not known to the catalog"),
        };
        let first = problems.first()?;
        let place = match &first.statement {
            Some(statement) => {
                format!("{} of {}", words::quoted(statement), words::quoted(&first.policy))
            }
            None => words::quoted(&first.policy),
        };
        Some(Instance {
            severity,
            subject: subject.to_owned(),
            seen: format!(
                "{} of policies {what}, the first in {place}: {}.",
                counted(problems.len() as u64, "part"),
                words::quoted(first.what.trim_end_matches('.'))
            ),
            count: problems.len() as u64,
            ..Instance::default()
        })
    })
}

/// What was done although no policy that was read grants it: what the principal could do is not wholly known.
fn done(case: &Case<'_, '_>) -> Vec<Instance> {
    let mut instances = Vec::new();
    for told in ungranted(case) {
        let subject = format!("did:{}", told.operation);
        let mut instance = Instance {
            subject,
            seen: format!(
                "{} succeeded ({}), and no policy that was read grants it: {}.",
                words::quoted(&told.operation),
                counted(told.count, "call"),
                told.because
            ),
            ..Instance::default()
        };
        beyond(case, Outcome::Succeeded)
            .filter(|judged| judged.operation() == told.operation)
            .for_each(|judged| instance.absorb(judged));
        instances.push(instance);
    }
    instances
}
