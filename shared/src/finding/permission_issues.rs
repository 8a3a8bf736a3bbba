//! `permission-issues`: calls of a watched principal that failed because something else than the principal lacks access.

use super::{FindingRule, RuleMatch, Severity, count_noun, group_calls};
use crate::{
    assessment::{Assessment, ClassifiedCall},
    aws_error::AwsErrorKind,
    event::Outcome,
};

/// The rule `permission-issues`.
pub const RULE: FindingRule = FindingRule {
    id: "permission-issues",
    severity: Severity::Low,
    title: "Calls of a watched principal failed for lack of access",
    meaning: "The error codes say that access is missing, and not that a policy of the principal denied the call: a role of the \
              service, a key, or a subscription of the account is what lacks it. A tool that needs the call reports less than there is.",
    action: "Read the message of the error, and give access to what lacks it; or stop the calls.",
    alerts: None,
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let lacks_access = |call: &&ClassifiedCall<'_>| {
        let kind = call.error_kind();
        call.outcome() == Outcome::Failed
            && matches!(kind, Some(AwsErrorKind::AccessDenied | AwsErrorKind::NotSubscribed))
    };
    group_calls(assessment.watched_calls().filter(lacks_access), ClassifiedCall::operation, |found| {
        format!("`{}` failed for lack of access: {}.", found.subject, count_noun(found.count, "call"))
    })
}
