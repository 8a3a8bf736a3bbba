//! The known ways from permissions to more of them.
//!
//! Enters: nothing. Leaves: [`all`] methods. Laws: an id is permanent; every action is one the catalog knows.
//!
//! Sources, read 2026-11: S. Gietzen, "AWS IAM Privilege Escalation – Methods and Mitigation", Rhino Security Labs 2018 and
//! 2019; pathfinding.cloud, Datadog Security Labs 2025 and 2026; cloudsplaining, Salesforce; the Service Authorization
//! Reference and user guides of AWS. The facts are theirs, the words ours.

mod identity;
mod other_services;
mod pass_role;
mod running_compute;

/// A way to more.
#[derive(Clone, Copy, Debug)]
pub(super) struct EscalationMethod {
    /// Kebab-case and permanent.
    pub id: &'static str,
    /// Sets of actions, each enough by itself. The way leads through the resources of the first of each.
    pub action_sets: &'static [&'static [&'static str]],
    /// What those resources are, for a sentence about any of them.
    pub noun: &'static str,
    /// The way in a sentence, with `{}` for the resources.
    pub description: &'static str,
    /// Whom a role is passed to: what `iam:PassedToService` holds then holds one of these; none if no role is passed.
    pub passed_to_services: &'static [&'static str],
    /// Whether it is one only if it reaches others than the caller.
    pub only_for_others: bool,
}

impl EscalationMethod {
    const fn new(
        id: &'static str,
        ways: &'static [&'static [&'static str]],
        noun: &'static str,
        path: &'static str,
    ) -> Self {
        Self {
            id,
            action_sets: ways,
            noun,
            description: path,
            passed_to_services: &[],
            only_for_others: false,
        }
    }

    const fn only_for_others(self) -> Self {
        Self { only_for_others: true, ..self }
    }

    const fn pass_role(
        id: &'static str,
        passed_to: &'static [&'static str],
        ways: &'static [&'static [&'static str]],
        path: &'static str,
    ) -> Self {
        Self {
            id,
            action_sets: ways,
            noun: "role",
            description: path,
            passed_to_services: passed_to,
            only_for_others: false,
        }
    }
}

/// The known ways.
pub(super) fn all() -> impl Iterator<Item = &'static EscalationMethod> {
    [identity::METHODS, pass_role::METHODS, running_compute::METHODS, other_services::METHODS]
        .into_iter()
        .flatten()
}
