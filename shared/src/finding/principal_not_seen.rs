//! `principal-not-seen`: a watch entry that no principal in the evidence matches.

use std::collections::BTreeSet;

use super::{FindingRule, RuleMatch, Severity, phrases};
use crate::{assessment::Assessment, suggest::suggest};

/// Most patterns and most principals that are compared: each pattern is compared with all of them.
const MAX_COMPARED: (usize, usize) = (20, 2_000);

/// The rule `principal-not-seen`.
pub const RULE: FindingRule = FindingRule {
    id: "principal-not-seen",
    severity: Severity::Medium,
    title: "A watched principal does not appear in the evidence",
    meaning: "The evidence holds no event of the principal, so nothing is proven about the principal: the principal may be unused, misspelled in the configuration, or active where no trail logs.",
    action: "Check the watch pattern against the role, and the trail against the accounts the role works in; delete the role if the role is unused.",
    alerts: None,
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let unseen: Vec<_> = assessment.unseen_watches().collect();
    // A principal that another entry is about is not the one that is meant.
    let mut others: BTreeSet<&str> = BTreeSet::new();
    if !unseen.is_empty() {
        others.extend(
            assessment.calls().filter(|call| call.watch.is_none()).map(|call| &*call.principal().arn),
        );
    }
    let (patterns, principals) = MAX_COMPARED;
    let others: Vec<PrincipalName<'_>> = match others.len() <= principals {
        true => others.into_iter().filter_map(PrincipalName::of).collect(),
        false => Vec::new(),
    };
    let similar = |(position, pattern): (usize, &str)| {
        let found = PrincipalName::of(pattern).filter(|_| position < patterns)?.most_similar(&others)?;
        Some(format!(" The evidence has {}: is it meant?", phrases::quote(found)))
    };
    let matches = unseen.into_iter().enumerate().map(|(position, watch)| {
        let pattern = watch.principal.as_str();
        let similar = similar((position, pattern)).unwrap_or_default();
        RuleMatch {
            principal: Some(pattern.into()),
            subject: "promise".to_owned(),
            observation: format!("No event in the evidence matches this pattern.{similar}"),
            ..RuleMatch::default()
        }
    });
    matches.collect()
}

/// The parts of the ARN of a principal, or of a pattern: `arn:PARTITION:SERVICE::ACCOUNT:KIND/NAME`.
struct PrincipalName<'a> {
    arn: &'a str,
    account: &'a str,
    service: &'a str,
    kind: &'a str,
    name: &'a str,
}

impl<'a> PrincipalName<'a> {
    fn of(arn: &'a str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':').skip(2);
        let (service, _, account, resource) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let (kind, name) = resource.split_once('/')?;
        Some(Self { arn, account, service, kind, name })
    }

    /// The principal of the same kind whose name this one may misspell.
    fn most_similar(&self, others: &[PrincipalName<'a>]) -> Option<&'a str> {
        let is_candidate = |other: &&PrincipalName<'_>| {
            (self.account == "*" || self.account == other.account)
                && (self.service, self.kind) == (other.service, other.kind)
        };
        let candidates = || others.iter().filter(is_candidate);
        let name = suggest(self.name, candidates().map(|other| other.name))?;
        candidates().find(|other| other.name == name).map(|other| other.arn)
    }
}
