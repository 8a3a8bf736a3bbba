//! The order of findings on the page.
//!
//! Enters: findings and the operations of the report. Leaves: the findings, most severe first, and within a severity those
//! that matter most first. Laws: what was done comes before what could be done by the same means; the order depends only on
//! the report.

use std::{cmp::Reverse, collections::HashMap};

use crate::{
    finding::{Finding, RULES},
    operation::{Capabilities, RiskLevel},
    report::{OperationSummary, ReportResult},
};

/// Looks up what the operation of a finding lets its caller do.
pub(super) struct FindingOrder<'a> {
    operations: HashMap<String, &'a OperationSummary>,
    rules: HashMap<&'static str, usize>,
}

/// `service:Operation` of the subject of a finding; `None` if it is about something else.
pub(super) fn operation_of(finding: &Finding) -> Option<(&str, &str)> {
    let subject = finding.subject.split(" through ").next()?;
    let (service, name) = subject.split_once(':')?;
    let is_name = |text: &str| !text.is_empty() && !text.contains([':', ' ']);
    (is_name(service) && is_name(name)).then_some((service, name))
}

impl<'a> FindingOrder<'a> {
    /// The order of the findings of a result.
    pub fn of(result: &'a ReportResult) -> Self {
        let key = |operation: &OperationSummary| format!("{}:{}", operation.service, operation.operation);
        Self {
            operations: result.operations.iter().map(|operation| (key(operation), operation)).collect(),
            rules: RULES.iter().enumerate().map(|(place, rule)| (rule.id, place)).collect(),
        }
    }

    /// The findings in this order.
    pub fn sorted(&self, findings: &'a [Finding]) -> Vec<&'a Finding> {
        let mut sorted: Vec<&Finding> = findings.iter().collect();
        // Stable: equal findings keep the order of the report.
        sorted.sort_by_cached_key(|finding| {
            let operation = self.operation(finding);
            let risk = operation.map_or(RiskLevel::Low, |operation| operation.risk_level);
            let rule = self.rules.get(finding.id.as_str()).copied().unwrap_or(usize::MAX);
            (Reverse(finding.severity), reach(finding, operation), rule, Reverse(risk))
        });
        sorted
    }

    fn operation(&self, finding: &Finding) -> Option<&'a OperationSummary> {
        let (service, name) = operation_of(finding)?;
        self.operations.get(&format!("{service}:{name}")).copied()
    }
}

/// How far what was found reaches, farthest first: calls that give permissions, that open resources or run code, a path to
/// permissions, other severe calls, permissions that were not used, and the rest.
fn reach(finding: &Finding, operation: Option<&OperationSummary>) -> u8 {
    let capabilities = operation.map_or(Capabilities::empty(), |operation| operation.capabilities);
    let gives = Capabilities::PRIVILEGE_ESCALATION | Capabilities::ISSUE_CREDENTIALS;
    let opens = Capabilities::EXPOSE_RESOURCE | Capabilities::RUN_CODE;
    match finding.id.as_str() {
        "escalation-path" => 2,
        "tampered-log-files" => 1,
        "over-privileged" | "can-issue-credentials" | "indeterminate-grant" | "unused-grant" => 4,
        "secret-read" | "root-use" => 3,
        _ if capabilities.intersects(gives) => 0,
        _ if capabilities.intersects(opens) => 1,
        _ if operation.is_some_and(|operation| operation.risk_level >= RiskLevel::High) => 3,
        _ => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{finding::Severity, render::sample};

    #[test]
    fn a_call_that_escalates_privileges_comes_before_a_tag() {
        let mut report = sample::non_compliant();
        let result = &mut report.result;
        let (finding, operation) = (result.findings[0].clone(), result.operations[0].clone());
        let called = |rule: &str, service: &str, name: &str, capabilities, risk_level| {
            let found = Finding {
                id: rule.to_owned(),
                severity: Severity::Critical,
                subject: format!("{service}:{name}"),
                ..finding.clone()
            };
            let operation = OperationSummary {
                service: service.to_owned(),
                operation: name.to_owned(),
                capabilities,
                risk_level,
                ..operation.clone()
            };
            (found, operation)
        };
        let path = Finding {
            id: "escalation-path".to_owned(),
            subject: "assume-role".to_owned(),
            ..finding.clone()
        };
        let (tag, tags) =
            called("write-succeeded", "ec2", "CreateTags", Capabilities::MUTATE, RiskLevel::Low);
        let all = Capabilities::MUTATE | Capabilities::PRIVILEGE_ESCALATION;
        let (attach, attaches) =
            called("write-succeeded", "iam", "AttachRolePolicy", all, RiskLevel::Critical);
        result.operations = vec![tags, attaches];
        result.findings = vec![tag, path, attach];
        let order = FindingOrder::of(result);
        let subjects: Vec<&str> =
            order.sorted(&result.findings).into_iter().map(|found| found.subject.as_str()).collect();
        assert_eq!(subjects, ["iam:AttachRolePolicy", "assume-role", "ec2:CreateTags"]);
    }

    #[test]
    fn the_operation_is_the_subject_without_the_roles() {
        let mut finding = sample::non_compliant().result.findings[0].clone();
        finding.subject = "s3:PutObject through arn:aws:iam::111122223333:role/Deployer".to_owned();
        assert_eq!(operation_of(&finding), Some(("s3", "PutObject")));
        for other in ["policies", "444455556666 eu-west-1", "arn:aws:iam::1:role/a", ""] {
            finding.subject = other.to_owned();
            assert_eq!(operation_of(&finding), None, "{other}");
        }
    }
}
