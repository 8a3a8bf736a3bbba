//! What a responder needs of one finding: its calls, commands that fetch their records, and a fix.
//!
//! Enters: a finding, the sample calls and the role chains of the report. Leaves: [`FindingDetail`]. Laws: a call is listed
//! as the report has it; the policy of a fix denies only what the finding is about; calls that are not listed are counted.

use std::collections::HashMap;

use crate::{
    catalog::Catalog,
    finding::{Finding, Severity, rule},
    guardrails::denial_policy,
    permissions::{EscalationPath, escalation::MAX_RESOURCES},
    render::{
        escape::is_shell_word,
        html::{
            badge::{self, Badge},
            finding_order::operation_of,
            lookup,
        },
    },
    report::{AuditEntry, ReportResult},
};

/// The sample calls of a report, by their ids, and the privilege escalation paths of its principals.
pub struct FindingSources<'a> {
    calls: HashMap<&'a str, &'a AuditEntry>,
    paths: HashMap<&'a str, &'a [EscalationPath]>,
}

/// The calls and the fix of one finding.
#[derive(Debug)]
pub struct FindingDetail<'a> {
    /// Its earliest calls.
    pub calls: Vec<FindingCall<'a>>,
    /// Ids of its earliest calls that the report has no more about.
    pub other_events: Vec<&'a str>,
    /// Number of calls that are neither listed nor named.
    pub more_calls: u64,
    /// Commands that fetch the records, each with what it does.
    pub commands: Vec<(&'static str, String)>,
    /// A policy that denies what the finding is about, and what it does.
    pub policy: Option<(&'static str, String)>,
    /// A command that makes policies for the principal.
    pub guardrails: Option<String>,
}

/// One call.
#[derive(Debug)]
pub struct FindingCall<'a> {
    /// The call that the report lists.
    pub entry: &'a AuditEntry,
    /// Badge of its outcome.
    pub outcome: Badge,
    /// Whether another principal than that of the finding made it, which is a role that it assumed.
    pub is_by_role: bool,
}

impl<'a> FindingSources<'a> {
    /// The sample calls of a result.
    pub fn of(result: &'a ReportResult) -> Self {
        let paths = result.principals.iter().filter_map(|principal| {
            Some((&*principal.arn, principal.matrix.as_ref()?.escalation_paths.as_slice()))
        });
        Self {
            calls: result.audit_entries.iter().map(|call| (call.event_id.as_str(), call)).collect(),
            paths: paths.collect(),
        }
    }

    /// The detail of a finding.
    pub fn detail(&self, finding: &'a Finding) -> FindingDetail<'a> {
        let mut calls = Vec::new();
        let mut other_events = Vec::new();
        for id in &finding.sample_event_ids {
            match self.calls.get(id.as_str()) {
                Some(entry) => calls.push(FindingCall {
                    entry,
                    outcome: badge::outcome(entry.outcome),
                    is_by_role: finding.principal.as_ref().is_some_and(|arn| *arn != entry.user_identity),
                }),
                None => other_events.push(id.as_str()),
            }
        }
        let named = finding.sample_event_ids.len().try_into().unwrap_or(u64::MAX);
        FindingDetail {
            more_calls: if named > 0 { finding.count.saturating_sub(named) } else { 0 },
            commands: commands(finding, &calls),
            policy: policy(finding).or_else(|| self.policy_against_path(finding)),
            guardrails: guardrails(finding),
            calls,
            other_events,
        }
    }
}

impl FindingSources<'_> {
    /// A policy that denies the action of a path, or the first of several.
    fn policy_against_path(&self, finding: &Finding) -> Option<(&'static str, String)> {
        let is_meant = |path: &&EscalationPath| {
            path.id == finding.subject && finding.resources.iter().all(|arn| path.resources.contains(arn))
        };
        let path = self.paths.get(finding.principal.as_deref()?)?.iter().find(is_meant)?;
        if finding.id != "escalation-path" {
            return None;
        }
        match path.actions.as_slice() {
            [action] => {
                // A path names a part of many resources, so all are denied.
                let named = Some(&path.resources).filter(|all| all.len() < MAX_RESOURCES);
                let resources: Vec<&str> = named.into_iter().flatten().map(|arn| &**arn).collect();
                let policy = denial_policy("OnlookerDenyPath", &[&**action], &resources)?;
                Some((
                    "Attach to the principal: it denies this step. onlooker permissions shows whether another one is left",
                    policy,
                ))
            }
            [action, ..] => Some((
                "Attach to the principal, if it does not need this action: it denies this step. `onlooker permissions` shows whether \
                 another one is left",
                denial_policy("OnlookerDenyPath", &[&**action], &[])?,
            )),
            [] => None,
        }
    }
}

fn commands(finding: &Finding, calls: &[FindingCall<'_>]) -> Vec<(&'static str, String)> {
    let Some(first) = calls.first().map(|call| call.entry) else { return Vec::new() };
    let span = finding.first_seen.zip(finding.last_seen).filter(|_| finding.count > 1);
    let all = span.filter(|_| operation_of(finding).is_some());
    let all = all.and_then(|(since, until)| lookup::all_events(first, since, until));
    [
        (
            "Source IP, user agent, MFA and parameters of the first call (management events of the last 90 days)",
            lookup::one_event(first),
        ),
        ("Every call of the operation in that time and Region", all),
        ("The record of the first call in log files below this folder", lookup::in_log_files(first)),
    ]
    .into_iter()
    .filter_map(|(what, line)| Some((what, line?)))
    .collect()
}

/// A policy that ends what the finding is about: it denies the first role of the chain, or the actions of the operation.
fn policy(finding: &Finding) -> Option<(&'static str, String)> {
    if finding.severity == Severity::Info || finding.principal.is_none() {
        return None;
    }
    let first_role = || finding.subject.split_once(" through ")?.1.split(", then ").next();
    let (service, name) = operation_of(finding)?;
    if let Some(role) = first_role() {
        let policy = denial_policy("OnlookerDenyRole", &["sts:AssumeRole"], &[role])?;
        return Some((
            "Attach to the principal: it can no longer assume the role that made the calls",
            policy,
        ));
    }
    let actions = Catalog::embedded().required_iam_actions(service, name);
    let own = format!("{service}:{name}");
    let actions: Vec<&str> = match actions.contains(&own) {
        true => vec![&own],
        false => actions.iter().map(String::as_str).collect(),
    };
    let policy = denial_policy(&format!("OnlookerDeny{name}"), &actions, &[])?;
    Some(("Attach to the principal, if it does not need the operation", policy))
}

/// The command that makes policies of reads for the principal of a finding about its policies.
fn guardrails(finding: &Finding) -> Option<String> {
    let arn = finding.principal.as_deref()?;
    let is_arn = arn.starts_with("arn:") && arn.split(':').count() == 6;
    let is_word = arn.split(':').filter(|part| !part.is_empty()).all(is_shell_word);
    let is_about_policies = rule(&finding.id).is_some_and(|rule| rule.needs_policies);
    (is_about_policies && is_arn && is_word).then(|| {
        format!(
            "aws iam get-account-authorization-details > iam.json && \
             onlooker guardrails --authorization-details iam.json --principal {arn} --state .onlooker"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    fn finding() -> Finding {
        sample::non_compliant().result.findings.remove(0)
    }

    #[test]
    fn the_policy_denies_the_operation() {
        let (_, policy) = policy(&finding()).unwrap();
        assert!(policy.contains("\"s3:PutObject\"") && policy.contains("\"Deny\""), "{policy}");
    }

    #[test]
    fn the_policy_against_calls_through_a_role_denies_the_role() {
        let subject =
            "s3:PutObject through arn:aws:iam::444455556666:role/Deployer, then arn:aws:iam::1:role/B";
        let (_, policy) = policy(&Finding { subject: subject.to_owned(), ..finding() }).unwrap();
        assert!(
            policy.contains("\"sts:AssumeRole\"") && policy.contains("444455556666:role/Deployer\""),
            "{policy}"
        );
        assert!(!policy.contains("s3:PutObject") && !policy.contains("role/B"), "{policy}");
    }

    #[test]
    fn a_hostile_subject_has_no_policy_and_a_hostile_principal_no_command() {
        for subject in ["s3:*", "nosuch:Operation", "s3:PutObject through *", "s3:Put\"", "policies"] {
            assert_eq!(policy(&Finding { subject: subject.to_owned(), ..finding() }), None, "{subject}");
        }
        let about_policies = |arn: &str| Finding {
            id: "over-privileged".to_owned(),
            principal: Some(arn.into()),
            ..finding()
        };
        assert!(guardrails(&about_policies("arn:aws:iam::111122223333:role/a/B")).is_some());
        for arn in
            ["arn:aws:iam::1:role/$(id)", "arn:aws:iam::1:role/a b", "--state", "arn:aws:iam::*:role/A"]
        {
            assert_eq!(guardrails(&about_policies(arn)), None, "{arn}");
        }
    }

    #[test]
    fn the_policy_against_a_path_denies_its_first_action() {
        let mut report = sample::non_compliant();
        let principal = report.result.principals.iter().find(|one| {
            one.matrix
                .as_ref()
                .is_some_and(|matrix| matrix.escalation_paths.iter().any(|path| path.actions.len() > 1))
        });
        let principal = principal.unwrap();
        let path =
            principal.matrix.as_ref().unwrap().escalation_paths.iter().find(|path| path.actions.len() > 1);
        let path = path.unwrap().clone();
        let found = Finding {
            id: "escalation-path".to_owned(),
            subject: path.id.clone(),
            principal: Some(principal.arn.clone()),
            resources: path.resources.clone(),
            ..finding()
        };
        report.result.findings = vec![found];
        let (_, policy) =
            FindingSources::of(&report.result).detail(&report.result.findings[0]).policy.unwrap();
        assert!(policy.contains(&*path.actions[0]) && !policy.contains(&*path.actions[1]), "{policy}");
    }

    #[test]
    fn calls_that_are_not_listed_are_counted() {
        let report = sample::non_compliant();
        let finding = &report.result.findings[0];
        let detail = FindingSources::of(&report.result).detail(finding);
        assert_eq!((detail.calls.len(), detail.other_events.len(), detail.more_calls), (1, 1, 1));
        assert_eq!(detail.commands.len(), 3);
    }
}
