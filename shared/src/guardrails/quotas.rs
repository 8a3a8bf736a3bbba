//! AWS quotas for the size and number of policies.
//!
//! Enters: nothing. Leaves: the quotas, and how AWS counts characters. Sources, read 2026-11: "IAM and AWS STS
//! quotas" (docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html); "Quotas for AWS Organizations"
//! (docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html) with AWS's announcement of
//! 2026-05-15 that doubled both quotas of service control policies
//! (aws.amazon.com/about-aws/whats-new/2026/05/aws-organizations-increased-scp-quotas).

/// Number of characters of a managed policy or permissions boundary; white space is not counted.
pub const MANAGED_POLICY: usize = 6_144;

/// Number of characters of all inline policies of a role together; white space is not counted.
pub const INLINE_POLICIES_OF_ROLE: usize = 10_240;

/// Number of characters of all inline policies of a user together; white space is not counted.
pub const INLINE_POLICIES_OF_USER: usize = 2_048;

/// Number of characters of all inline policies of a group together; white space is not counted.
pub const INLINE_POLICIES_OF_GROUP: usize = 5_120;

/// Managed policies attached to one user, role or group, unless AWS raises the quota (to 20 at most).
pub const ATTACHED_MANAGED_POLICIES: usize = 10;

/// Number of characters of a service control policy, including white space: AWS stores it as it is sent.
pub const SERVICE_CONTROL_POLICY: usize = 10_240;

/// Service control policies of one root, organizational unit or account, including `FullAWSAccess`.
pub const SERVICE_CONTROL_POLICIES_PER_TARGET: usize = 10;

/// Number of characters as IAM counts them: white space is free.
pub fn count_without_whitespace(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// Characters that AWS Organizations counts.
pub fn count_with_whitespace(text: &str) -> usize {
    text.chars().count()
}
