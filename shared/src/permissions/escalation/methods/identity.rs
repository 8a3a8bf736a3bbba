//! Ways that change policies, groups, trust and credentials in IAM itself.
//!
//! Enters and leaves: a table.

use super::EscalationMethod;

pub(super) const METHODS: &[EscalationMethod] = &[
    EscalationMethod::new(
        "create-policy-version",
        &[&["iam:CreatePolicyVersion"]],
        "managed policy",
        "write a new default version of {} with every permission in it, for all it is attached to",
    ),
    EscalationMethod::new(
        "set-default-policy-version",
        &[&["iam:SetDefaultPolicyVersion"]],
        "managed policy",
        "put back in force an older version of {} that grants more",
    ),
    EscalationMethod::new(
        "attach-user-policy",
        &[&["iam:AttachUserPolicy"]],
        "user",
        "attach `AdministratorAccess` to {}, its own among them if it is one",
    ),
    EscalationMethod::new(
        "attach-group-policy",
        &[&["iam:AttachGroupPolicy"]],
        "group",
        "attach `AdministratorAccess` to {}, with effect on every member",
    ),
    EscalationMethod::new(
        "attach-role-policy",
        &[&["iam:AttachRolePolicy"]],
        "role",
        "attach `AdministratorAccess` to {}, its own among them or one it may assume",
    ),
    EscalationMethod::new(
        "put-user-policy",
        &[&["iam:PutUserPolicy"]],
        "user",
        "embed a policy that allows everything in {}",
    ),
    EscalationMethod::new(
        "put-group-policy",
        &[&["iam:PutGroupPolicy"]],
        "group",
        "embed a policy that allows everything in {}, with effect on every member",
    ),
    EscalationMethod::new(
        "put-role-policy",
        &[&["iam:PutRolePolicy"]],
        "role",
        "embed a policy that allows everything in {}, its own among them or one it may assume",
    ),
    EscalationMethod::new(
        "add-user-to-group",
        &[&["iam:AddUserToGroup"]],
        "group",
        "make a user a member of {} and take on what the group may do",
    ),
    EscalationMethod::new(
        "create-access-key",
        &[&["iam:CreateAccessKey"]],
        "user",
        "create an access key of {} and act as that user",
    )
    .only_for_others(),
    EscalationMethod::new(
        "create-login-profile",
        &[&["iam:CreateLoginProfile"]],
        "user",
        "give {} a console password and sign in as that user",
    )
    .only_for_others(),
    EscalationMethod::new(
        "update-login-profile",
        &[&["iam:UpdateLoginProfile"]],
        "user",
        "change the console password of {} and sign in as that user",
    )
    .only_for_others(),
    EscalationMethod::new(
        "create-service-credential",
        &[&["iam:CreateServiceSpecificCredential"], &["iam:ResetServiceSpecificCredential"]],
        "user",
        "make or reset a password for one service of {} and use that service as that user",
    )
    .only_for_others(),
    EscalationMethod::new(
        "upload-user-key",
        &[&["iam:UploadSSHPublicKey"], &["iam:UploadSigningCertificate"]],
        "user",
        "register a key of its own for {} and use what accepts it as that user",
    )
    .only_for_others(),
    EscalationMethod::new(
        "deactivate-mfa",
        &[&["iam:DeactivateMFADevice"]],
        "user",
        "take the second factor away from {}, so that a password or key alone is enough",
    )
    .only_for_others(),
    EscalationMethod::new(
        "update-assume-role-policy",
        &[&["iam:UpdateAssumeRolePolicy"]],
        "role",
        "let itself into the trust policy of {} and assume it",
    ),
    EscalationMethod::new(
        "assume-role",
        &[&["sts:AssumeRole"]],
        "role that trusts it",
        "assume {} and do what that role may do",
    ),
    EscalationMethod::new(
        "assume-root",
        &[&["sts:AssumeRoot"]],
        "member account",
        "take short-term root credentials of {}",
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
        "take away or replace the permissions boundary of {}, so that policies it bounds take full effect",
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
        "take away a policy of {} that denies, so that what another allows takes effect",
    ),
    EscalationMethod::new(
        "create-privileged-role",
        &[&["iam:CreateRole", "iam:AttachRolePolicy"], &["iam:CreateRole", "iam:PutRolePolicy"]],
        "role",
        "create {} that trusts it, give the role every permission, and assume it",
    ),
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
        "change whom {} vouches for, and enter roles that trust it",
    ),
    EscalationMethod::new(
        "tag-for-access",
        &[&["iam:TagRole"], &["iam:TagUser"]],
        "principal",
        "tag {} so that conditions on tags let it pass",
    ),
    EscalationMethod::new(
        "trust-own-certificates",
        &[
            &["rolesanywhere:CreateTrustAnchor", "rolesanywhere:CreateProfile", "iam:PassRole"],
            &["rolesanywhere:UpdateTrustAnchor"],
        ],
        "trust anchor",
        "have IAM Roles Anywhere trust a certificate authority of its own through {}, and take on roles from outside",
    ),
];
