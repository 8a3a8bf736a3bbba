//! `unreadable-evidence`: log objects or records that could not be read.

use super::{Instance, Rule, Severity};
use crate::assessment::Assessment;

/// The rule.
pub const RULE: Rule = Rule {
    id: "unreadable-evidence",
    severity: Severity::High,
    title: "Evidence that could not be read",
    meaning: "Whatever it says was not looked at; the positions are listed with the run.",
    action: "Fetch the objects again from the bucket, and check them against the digest files: a damaged log may be an attempt to hide something.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<Instance> {
    let instance = |(reason, count): (&String, &u64)| Instance {
        subject: reason.clone(),
        seen: format!(
            "{} could not be read: {reason}.",
            if *count == 1 {
                "1 piece of evidence".to_owned()
            } else {
                format!("{count} pieces of evidence")
            }
        ),
        count: *count,
        ..Instance::default()
    };
    assessment.evidence.unreadable.iter().map(instance).collect()
}
