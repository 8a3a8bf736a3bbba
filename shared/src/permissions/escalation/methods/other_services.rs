//! Methods that use the organization, Identity Center, clusters, keys and resource-based policies.
//!
//! Enters: nothing. Leaves: a table of methods.

use super::EscalationMethod;

pub(super) const METHODS: &[EscalationMethod] = &[
    EscalationMethod::new(
        "assign-permission-set",
        &[&["sso:CreateAccountAssignment"]],
        "permission set",
        "assign {} to the principal's own user in any account of the organization, including one with administrator permissions",
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
        "grant {} every permission, for all users to whom the permission set is assigned",
    ),
    EscalationMethod::new(
        "join-directory-group",
        &[&["identitystore:CreateGroupMembership"]],
        "group",
        "add an Identity Center user to {} and get the permission sets of that group",
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
        "detach, change or leave the scope of {}, so that what the policy denies is allowed",
    ),
    EscalationMethod::new(
        "grant-cluster-access",
        &[
            &["eks:CreateAccessEntry", "eks:AssociateAccessPolicy"],
            &["eks:UpdateAccessEntry"],
            &["eks:AssociateAccessPolicy"],
        ],
        "cluster",
        "make the principal an administrator of {} and act with the roles of the cluster's nodes and pods",
    ),
    EscalationMethod::new(
        "create-key-grant",
        &[&["kms:CreateGrant"], &["kms:PutKeyPolicy"]],
        "key",
        "grant the principal the use of {} and decrypt the data that the key protects",
    ),
    EscalationMethod::new(
        "expose-function",
        &[&["lambda:AddPermission"], &["lambda:CreateFunctionUrlConfig"]],
        "function",
        "allow any caller to invoke {}, and act with the function's role",
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
        "write a resource-based policy of {} that grants access to any principal, even in another account",
    ),
    EscalationMethod::new(
        "set-identity-pool-roles",
        &[&["cognito-identity:SetIdentityPoolRoles"], &["cognito-identity:UpdateIdentityPool"]],
        "identity pool",
        "change the roles for which {} issues credentials, and get those credentials",
    ),
    EscalationMethod::new(
        "join-codestar-team",
        &[&["codestar:AssociateTeamMember"]],
        "project",
        "make the principal an owner of {} and get the permissions of the project",
    ),
    EscalationMethod::new(
        "provision-product",
        &[&["servicecatalog:ProvisionProduct"], &["servicecatalog:UpdateProvisionedProduct"]],
        "product",
        "launch {} with parameters of the principal's choice, which Service Catalog applies with the product's launch role",
    ),
    EscalationMethod::new(
        "add-role-to-database",
        &[&["rds:AddRoleToDBInstance", "iam:PassRole"], &["rds:AddRoleToDBCluster", "iam:PassRole"]],
        "database",
        "add a role to {} and use the permissions of that role from within the database",
    ),
];
