//! Methods that change policies, groups, trust and credentials in IAM itself.
//!
//! Enters: nothing. Leaves: a table of methods.

use super::{EscalationMethod, MethodTarget};

pub(super) const METHODS: &[EscalationMethod] = &[
    EscalationMethod::new(
        "create-policy-version",
        &[&["iam:CreatePolicyVersion"]],
        "managed policy",
        "write a new default version of {} with every permission, for every identity that has the policy attached",
    )
    .becoming(MethodTarget::ManagedPolicy),
    EscalationMethod::new(
        "set-default-policy-version",
        &[&["iam:SetDefaultPolicyVersion"]],
        "managed policy",
        "set an older version of {} that grants more as the default",
    ),
    EscalationMethod::new(
        "attach-user-policy",
        &[&["iam:AttachUserPolicy"]],
        "user",
        "attach `AdministratorAccess` to {}, also to the principal itself if the principal is a user",
    )
    .becoming(MethodTarget::UserPolicy),
    EscalationMethod::new(
        "attach-group-policy",
        &[&["iam:AttachGroupPolicy"]],
        "group",
        "attach `AdministratorAccess` to {}, with effect on every member",
    )
    .becoming(MethodTarget::GroupPolicy),
    EscalationMethod::new(
        "attach-role-policy",
        &[&["iam:AttachRolePolicy"]],
        "role",
        "attach `AdministratorAccess` to {}, also to the principal's own role or one that the principal may assume",
    )
    .becoming(MethodTarget::RolePolicy),
    EscalationMethod::new(
        "put-user-policy",
        &[&["iam:PutUserPolicy"]],
        "user",
        "embed a policy that allows everything in {}",
    )
    .becoming(MethodTarget::UserPolicy),
    EscalationMethod::new(
        "put-group-policy",
        &[&["iam:PutGroupPolicy"]],
        "group",
        "embed a policy that allows everything in {}, with effect on every member",
    )
    .becoming(MethodTarget::GroupPolicy),
    EscalationMethod::new(
        "put-role-policy",
        &[&["iam:PutRolePolicy"]],
        "role",
        "embed a policy that allows everything in {}, also in the principal's own role or one that the principal may assume",
    )
    .becoming(MethodTarget::RolePolicy),
    EscalationMethod::new(
        "add-user-to-group",
        &[&["iam:AddUserToGroup"]],
        "group",
        "add a user to {} and get the permissions of the group",
    ),
    EscalationMethod::new(
        "create-access-key",
        &[&["iam:CreateAccessKey"]],
        "user",
        "create an access key for {} and act as that user",
    )
    .becoming(MethodTarget::User)
    .only_for_others(),
    EscalationMethod::new(
        "create-login-profile",
        &[&["iam:CreateLoginProfile"]],
        "user",
        "give {} a console password and sign in as that user",
    )
    .becoming(MethodTarget::User)
    .only_for_others(),
    EscalationMethod::new(
        "update-login-profile",
        &[&["iam:UpdateLoginProfile"]],
        "user",
        "change the console password of {} and sign in as that user",
    )
    .becoming(MethodTarget::User)
    .only_for_others(),
    EscalationMethod::new(
        "create-service-credential",
        &[&["iam:CreateServiceSpecificCredential"], &["iam:ResetServiceSpecificCredential"]],
        "user",
        "create or reset a service-specific credential of {} and use the service as that user",
    )
    .only_for_others(),
    EscalationMethod::new(
        "upload-user-key",
        &[&["iam:UploadSSHPublicKey"], &["iam:UploadSigningCertificate"]],
        "user",
        "register a key of the principal's choice for {} and act as that user with that key",
    )
    .only_for_others(),
    EscalationMethod::new(
        "deactivate-mfa",
        &[&["iam:DeactivateMFADevice"]],
        "user",
        "deactivate the MFA device of {}, so that a password or access key alone is enough",
    )
    .only_for_others(),
    EscalationMethod::new(
        "update-assume-role-policy",
        &[&["iam:UpdateAssumeRolePolicy"]],
        "role",
        "add the principal to the trust policy of {} and assume that role",
    )
    .becoming(MethodTarget::RoleTrust),
    EscalationMethod::new(
        "assume-role",
        &[&["sts:AssumeRole"]],
        "role that trusts the principal",
        "assume {} and use the permissions of that role",
    )
    .becoming(MethodTarget::TrustingRole),
    EscalationMethod::new(
        "assume-root",
        &[&["sts:AssumeRoot"]],
        "member account",
        "get short-term root credentials for {}",
    ),
    EscalationMethod::new(
        "delete-boundary",
        &[
            &["iam:DeleteRolePermissionsBoundary"],
            &["iam:DeleteUserPermissionsBoundary"],
            &["iam:PutRolePermissionsBoundary"],
            &["iam:PutUserPermissionsBoundary"],
        ],
        "principal",
        "delete or replace the permissions boundary of {}, so that the policies that the boundary limits take full effect",
    ),
    EscalationMethod::new(
        "detach-deny",
        &[
            &["iam:DetachRolePolicy"],
            &["iam:DetachUserPolicy"],
            &["iam:DetachGroupPolicy"],
            &["iam:DeleteRolePolicy"],
            &["iam:DeleteUserPolicy"],
            &["iam:DeleteGroupPolicy"],
            &["iam:RemoveUserFromGroup"],
        ],
        "principal",
        "remove a policy of {} that denies, so that what another policy allows takes effect",
    ),
    EscalationMethod::new(
        "create-privileged-role",
        &[&["iam:CreateRole", "iam:AttachRolePolicy"], &["iam:CreateRole", "iam:PutRolePolicy"]],
        "role",
        "create {} that trusts the principal, grant the new role every permission, and assume that role",
    )
    .becoming(MethodTarget::NewRole),
    EscalationMethod::new(
        "trust-own-identity-provider",
        &[
            &["iam:UpdateSAMLProvider"],
            &["iam:UpdateOpenIDConnectProviderThumbprint"],
            &["iam:AddClientIDToOpenIDConnectProvider"],
            &["iam:CreateSAMLProvider", "iam:UpdateAssumeRolePolicy"],
            &["iam:CreateOpenIDConnectProvider", "iam:UpdateAssumeRolePolicy"],
        ],
        "identity provider",
        "change which identities {} accepts, and assume roles that trust that provider",
    ),
    EscalationMethod::new(
        "tag-for-access",
        &[&["iam:TagRole"], &["iam:TagUser"]],
        "principal",
        "tag {} so that conditions on tags allow more",
    ),
    EscalationMethod::new(
        "trust-own-certificates",
        &[
            &["rolesanywhere:CreateTrustAnchor", "rolesanywhere:CreateProfile", "iam:PassRole"],
            &["rolesanywhere:UpdateTrustAnchor"],
        ],
        "trust anchor",
        "make IAM Roles Anywhere trust a certificate authority of the principal's choice through {}, and assume roles from outside AWS",
    ),
];
