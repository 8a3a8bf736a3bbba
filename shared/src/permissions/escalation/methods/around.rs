//! Ways around policies: the organization, Identity Center, clusters, keys and the policies of resources.
//!
//! Enters and leaves: a table.

use super::Method;

pub(super) const METHODS: &[Method] = &[
    Method::new(
        "assign-permission-set",
        &[&["sso:CreateAccountAssignment"]],
        "permission set",
        "assign {} to itself in any account of the organization, an administrator's among them",
    ),
    Method::new(
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
    Method::new(
        "join-directory-group",
        &[&["identitystore:CreateGroupMembership"]],
        "group",
        "make a user of Identity Center a member of {} and take on the permission sets of that group",
    ),
    Method::new(
        "loosen-organization-policies",
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
    Method::new(
        "enter-cluster",
        &[
            &["eks:CreateAccessEntry", "eks:AssociateAccessPolicy"],
            &["eks:UpdateAccessEntry"],
            &["eks:AssociateAccessPolicy"],
        ],
        "cluster",
        "make itself an administrator of {} and act as the roles of its nodes and pods",
    ),
    Method::new(
        "grant-key",
        &[&["kms:CreateGrant"], &["kms:PutKeyPolicy"]],
        "key",
        "grant itself the use of {} and decrypt what it protects",
    ),
    Method::new(
        "open-function",
        &[&["lambda:AddPermission"], &["lambda:CreateFunctionUrlConfig"]],
        "function",
        "let anybody call {}, and so act through the function's role",
    ),
    Method::new(
        "open-resource-policy",
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
    Method::new(
        "hand-out-identity-pool",
        &[&["cognito-identity:SetIdentityPoolRoles"], &["cognito-identity:UpdateIdentityPool"]],
        "identity pool",
        "change whom {} hands credentials to, and take them",
    ),
    Method::new(
        "join-codestar-team",
        &[&["codestar:AssociateTeamMember"]],
        "project",
        "make itself an owner of {} and take on what the project may do",
    ),
    Method::new(
        "provision-product",
        &[&["servicecatalog:ProvisionProduct"], &["servicecatalog:UpdateProvisionedProduct"]],
        "product",
        "have {} set up by the role it is launched with, with parameters of its own",
    ),
    Method::new(
        "add-role-to-database",
        &[&["rds:AddRoleToDBInstance", "iam:PassRole"], &["rds:AddRoleToDBCluster", "iam:PassRole"]],
        "database",
        "give {} a role and reach with it, from within the database, what that role may reach",
    ),
];
