//! `event-class-not-logged`: an event class that is part of the promise and is not known to be logged.

use super::{FindingRule, RuleMatch, Severity, count_noun, phrases};
use crate::{
    access_matrix::{principals_without_policies, watched_principals},
    assessment::{Assessment, ReportMode},
    coverage::EventClassCoverage,
};

/// The rule `event-class-not-logged`.
pub const RULE: FindingRule = FindingRule {
    id: "event-class-not-logged",
    severity: Severity::High,
    title: "An event class is not known to be logged",
    meaning: "Calls of this class leave no trace in the evidence, so their absence proves nothing.",
    action: "Log the class in the trail and give its selectors with `--selectors`, or name the class in `coverage.logged`, or narrow the promise with `coverage.event_classes`.",
    alerts: None,
    needs_policies: false,
    inactive: Some(no_principal_is_watched),
    find,
};

fn no_principal_is_watched(assessment: &Assessment<'_>) -> Option<&'static str> {
    (assessment.mode == ReportMode::Discovery).then_some("no principal is watched")
}

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    if no_principal_is_watched(assessment).is_some() {
        return Vec::new();
    }
    let gap = |class: &EventClassCoverage| {
        let seen = match class.accounts.len() as u64 {
            0 => "no account".to_owned(),
            n => count_noun(n, "account"),
        };
        RuleMatch {
            subject: class.class.clone(),
            observation: format!(
                "Events of the class `{}` were seen in {seen} and are not known to be logged in every account{}.",
                class.class,
                policies_about_class(assessment, &class.class)
            ),
            count: 1,
            ..RuleMatch::default()
        }
    };
    assessment.coverage.class_gaps().map(gap).collect()
}

/// What the policies that were read grant in a class that is not logged. Grants of reads only do not close the gap:
/// resource-based policies were not read, and they can grant more.
fn policies_about_class(assessment: &Assessment<'_>, class: &str) -> String {
    let granted = phrases::granted_in_class(assessment, class);
    let cases = watched_principals(assessment);
    if granted.is_empty() && !cases.is_empty() && principals_without_policies(assessment, &cases).is_empty() {
        return "; in this class the policies of the watched principals grant only reads".to_owned();
    }
    granted
}
