//! The known methods of privilege escalation.
//!
//! Enters: nothing. Leaves: [`all`] methods. Laws: an id is permanent; every action is in the catalog.
//!
//! Sources, read 2026-11: S. Gietzen, "AWS IAM Privilege Escalation – Methods and Mitigation", Rhino Security Labs
//! 2018 and 2019; pathfinding.cloud, Datadog Security Labs 2025 and 2026; cloudsplaining, Salesforce; the Service
//! Authorization Reference and user guides of AWS. The descriptions are our own wording.

mod identity;
mod other_services;
mod pass_role;
mod running_compute;

/// What a method makes the principal that uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::permissions) enum MethodTarget {
    /// A principal with more permissions; which principal it can become does not follow from the policies.
    Permissions,
    /// A role that trusts the principal.
    TrustingRole,
    /// A user, with credentials of this user.
    User,
    /// A role, after a change of its trust policy.
    RoleTrust,
    /// The role that is passed to one of `passed_to_services`.
    PassedRole,
    /// The role of running compute. The role trusts one of these services.
    ComputeRole(&'static [&'static str]),
    /// An administrator, by a policy of a user.
    UserPolicy,
    /// An administrator, by a policy of a group.
    GroupPolicy,
    /// An administrator, by a policy of a role.
    RolePolicy,
    /// An administrator, by the document of a managed policy.
    ManagedPolicy,
    /// An administrator, as a new role.
    NewRole,
}

/// A method of privilege escalation.
#[derive(Clone, Copy, Debug)]
pub(in crate::permissions) struct EscalationMethod {
    /// Id of the method: kebab-case and permanent.
    pub id: &'static str,
    /// Sets of actions, each sufficient by itself. The first action of a set decides the resources of the path.
    pub action_sets: &'static [&'static [&'static str]],
    /// Noun for the resources in the description of a path.
    pub noun: &'static str,
    /// The method in a sentence, with `{}` for the resources.
    pub description: &'static str,
    /// Services a role is passed to: `iam:PassedToService` then contains one of these. Empty if no role is passed.
    pub passed_to_services: &'static [&'static str],
    /// Whether the method escalates only through principals other than the caller.
    pub only_for_others: bool,
    /// What the method makes the principal.
    pub target: MethodTarget,
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
            target: MethodTarget::Permissions,
        }
    }

    /// A method that makes the principal such another one.
    const fn becoming(self, target: MethodTarget) -> Self {
        Self { target, ..self }
    }

    /// A method that acts as the role of compute, which trusts one of these services.
    const fn runs_as(self, services: &'static [&'static str]) -> Self {
        self.becoming(MethodTarget::ComputeRole(services))
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
            target: MethodTarget::PassedRole,
        }
    }
}

/// All known escalation methods.
pub(in crate::permissions) fn all() -> impl Iterator<Item = &'static EscalationMethod> {
    [identity::METHODS, pass_role::METHODS, running_compute::METHODS, other_services::METHODS]
        .into_iter()
        .flatten()
}
