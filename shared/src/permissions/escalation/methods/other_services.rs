//! Ways around policies: the organization, Identity Center, clusters, keys and the policies of resources.
//!
//! Enters and leaves: a table.

use super::EscalationMethod;

pub(super) const METHODS: &[EscalationMethod] = &[
    EscalationMethod::new(
        "assign-permission-set",
        &[&["sso:CreateAccountAssignment"]],
        "permission set",
        "assign {} to itself in any account of the organization, an administrator's among them",
    ),
    EscalationMethod::new(
        "change-permission-set",
        &[
            &["sso:AttachManagedPolicyToPermissionSet"],
            &["sso:AttachCustomerManagedPolicyReferenceToPermissionSet"],
            &["sso:PutInlinePolicyToPermissionSet"],
            &["sso:DeletePermissionsBoundaryFromPermissionSet"],
        ],
        "permission set",
        "give {} every permission, for all whom it is assigned to",
    ),
    EscalationMethod::new(
        "join-directory-group",
        &[&["identitystore:CreateGroupMembership"]],
        "group",
        "make a user of Identity Center a member of {} and take on the permission sets of that group",
    ),
    EscalationMethod::new(
        "weaken-organization-policies",
        &[
            &["organizations:DetachPolicy"],
            &["organizations:DeletePolicy"],
            &["organizations:UpdatePolicy"],
            &["organizations:DisablePolicyType"],
            &["organizations:MoveAccount"],
            &["organizations:LeaveOrganization"],
        ],
        "policy of the organization",
        "take away, change or leave behind {}, so that what it denies is allowed",
    ),
    EscalationMethod::new(
        "grant-cluster-access",
        &[
            &["eks:CreateAccessEntry", "eks:AssociateAccessPolicy"],
            &["eks:UpdateAccessEntry"],
            &["eks:AssociateAccessPolicy"],
        ],
        "cluster",
        "make itself an administrator of {} and act as the roles of its nodes and pods",
    ),
    EscalationMethod::new(
        "create-key-grant",
        &[&["kms:CreateGrant"], &["kms:PutKeyPolicy"]],
        "key",
        "grant itself the use of {} and decrypt what it protects",
    ),
    EscalationMethod::new(
        "expose-function",
        &[&["lambda:AddPermission"], &["lambda:CreateFunctionUrlConfig"]],
        "function",
        "let anybody call {}, and so act through the function's role",
    ),
    EscalationMethod::new(
        "put-resource-policy",
        &[
            &["s3:PutBucketPolicy"],
            &["secretsmanager:PutResourcePolicy"],
            &["ecr:SetRepositoryPolicy"],
            &["sqs:SetQueueAttributes"],
            &["sns:SetTopicAttributes"],
            &["dynamodb:PutResourcePolicy"],
        ],
        "resource",
        "write a policy of {} that lets in whom it likes, itself from another account among them",
    ),
    EscalationMethod::new(
        "set-identity-pool-roles",
        &[&["cognito-identity:SetIdentityPoolRoles"], &["cognito-identity:UpdateIdentityPool"]],
        "identity pool",
        "change whom {} hands credentials to, and take them",
    ),
    EscalationMethod::new(
        "join-codestar-team",
        &[&["codestar:AssociateTeamMember"]],
        "project",
        "make itself an owner of {} and take on what the project may do",
    ),
    EscalationMethod::new(
        "provision-product",
        &[&["servicecatalog:ProvisionProduct"], &["servicecatalog:UpdateProvisionedProduct"]],
        "product",
        "have {} set up by the role it is launched with, with parameters of its own",
    ),
    EscalationMethod::new(
        "add-role-to-database",
        &[&["rds:AddRoleToDBInstance", "iam:PassRole"], &["rds:AddRoleToDBCluster", "iam:PassRole"]],
        "database",
        "give {} a role and reach with it, from within the database, what that role may reach",
    ),
];
