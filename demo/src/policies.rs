//! The policies of the roles of the scenario.
//!
//! Enters: nothing. Leaves: the output of `aws iam get-account-authorization-details` for all accounts of the
//! scenario together. Law: the policies match the trail: they allow the calls that succeeded and do not allow the
//! calls that AWS denied.
//!
//! - **`AuditReader`** may only list, get and describe.
//! - **`InventoryCollector`** may also read secrets and decrypt with their keys.
//! - **`CiPlan`** still has the policy from when it applied its plans. An inline policy denies the two writes it
//!   tried, and a permissions boundary limits it to reads; the boundary also removes its access to the lock of its
//!   state.
//! - **`OpsAgentReadOnly`** may read and may assume `Deployer`, which is its path to more permissions.
//! - **`Deployer`** may release and may change bucket policies.

use serde_json::{Value, json};

use super::scenario::{AGENT, AUDITOR, DATA, INVENTORY, PLAN, PRODUCTION, SECURITY, account_id, scenario};

/// Reads of configuration that do not return data.
const DESCRIBE_ACTIONS: &[&str] = &[
    "acm:ListCertificates",
    "access-analyzer:ListAnalyzers",
    "autoscaling:Describe*",
    "cloudformation:DescribeStacks",
    "cloudformation:DescribeStackEvents",
    "cloudfront:GetDistribution",
    "cloudtrail:DescribeTrails",
    "cloudtrail:GetTrailStatus",
    "cloudtrail:GetEventSelectors",
    "config:Describe*",
    "ec2:Describe*",
    "ec2:GetEbsEncryptionByDefault",
    "ecs:Describe*",
    "ecs:List*",
    "elasticloadbalancing:Describe*",
    "guardduty:GetDetector",
    "guardduty:ListDetectors",
    "health:DescribeEvents",
    "iam:Get*",
    "iam:List*",
    "kms:DescribeKey",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListAliases",
    "kms:ListKeys",
    "lambda:GetFunctionConcurrency",
    "lambda:GetPolicy",
    "lambda:ListFunctions",
    "lambda:ListVersionsByFunction",
    "logs:DescribeLogGroups",
    "logs:DescribeLogStreams",
    "logs:DescribeMetricFilters",
    "organizations:ListAccounts",
    "rds:Describe*",
    "rds:ListTagsForResource",
    "route53:ListResourceRecordSets",
    "s3:GetAccountPublicAccessBlock",
    "s3:GetBucket*",
    "s3:GetEncryptionConfiguration",
    "s3:ListAllMyBuckets",
    "secretsmanager:ListSecrets",
    "securityhub:DescribeHub",
    "securityhub:GetEnabledStandards",
    "sns:ListTopics",
];

/// Further reads of the inventory.
const INVENTORY_ACTIONS: &[&str] = &[
    "backup:ListProtectedResources",
    "dynamodb:DescribeTable",
    "dynamodb:ListTables",
    "eks:ListClusters",
    "elasticache:DescribeCacheClusters",
    "es:ListDomainNames",
    "redshift:DescribeClusters",
    "sqs:ListQueues",
    "ssm:DescribeParameters",
    "tag:GetResources",
];

/// Reads of the agent.
const MONITORING_ACTIONS: &[&str] = &[
    "autoscaling:Describe*",
    "cloudformation:Describe*",
    "cloudwatch:DescribeAlarmHistory",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:ListMetrics",
    "config:DescribeComplianceByConfigRule",
    "ec2:DescribeInstanceStatus",
    "ec2:DescribeInstances",
    "ecs:Describe*",
    "ecs:List*",
    "elasticloadbalancing:DescribeTargetHealth",
    "health:DescribeEvents",
    "iam:GetRole",
    "lambda:ListFunctions",
    "logs:DescribeLogGroups",
    "logs:DescribeLogStreams",
    "organizations:ListAccounts",
    "securityhub:DescribeHub",
    "sqs:GetQueueAttributes",
    "tag:GetResources",
];

/// A role of the scenario.
struct DemoRole {
    account: usize,
    name: &'static str,
    /// Managed policies, by name.
    attached: &'static [&'static str],
    inline: Option<(&'static str, Value)>,
    permissions_boundary: Option<&'static str>,
    trust_policy: Value,
}

/// The output of `aws iam get-account-authorization-details` for all accounts of the scenario.
pub fn authorization_details() -> String {
    let roles = roles();
    let mut managed: Vec<(usize, &str)> = roles
        .iter()
        .flat_map(|role| {
            role.attached.iter().chain(&role.permissions_boundary).map(|name| (role.account, *name))
        })
        .collect();
    managed.sort_unstable();
    managed.dedup();
    let details = json!({
        "UserDetailList": [],
        "GroupDetailList": [],
        "RoleDetailList": roles.iter().map(DemoRole::details).collect::<Vec<_>>(),
        "Policies": managed.into_iter().map(|(account, name)| json!({
            "PolicyName": name,
            "Arn": policy_arn(account, name),
            "Path": "/",
            "DefaultVersionId": "v1",
            "PolicyVersionList": [{
                "VersionId": "v1", "IsDefaultVersion": true, "CreateDate": "2025-03-11T09:00:00+00:00",
                "Document": document(name),
            }],
        })).collect::<Vec<_>>(),
        "IsTruncated": false,
    });
    // It contains only strings, lists and maps, so serializing it does not fail.
    serde_json::to_string_pretty(&details).unwrap_or_default() + "\n"
}

impl DemoRole {
    fn details(&self) -> Value {
        let mut details = json!({
            "Path": "/",
            "RoleName": self.name,
            "Arn": format!("arn:aws:iam::{}:role/{}", account_id(self.account), self.name),
            "CreateDate": "2025-03-11T09:00:00+00:00",
            "AssumeRolePolicyDocument": self.trust_policy,
            "InstanceProfileList": [],
            "RolePolicyList": self.inline.iter().map(|(name, document)| json!({
                "PolicyName": name, "PolicyDocument": document,
            })).collect::<Vec<_>>(),
            "AttachedManagedPolicies": self.attached.iter().map(|name| json!({
                "PolicyName": name, "PolicyArn": policy_arn(self.account, name),
            })).collect::<Vec<_>>(),
            "Tags": [],
        });
        if let (Some(name), Some(details)) = (self.permissions_boundary, details.as_object_mut()) {
            let boundary = json!({
                "PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": policy_arn(self.account, name),
            });
            details.insert("PermissionsBoundary".to_owned(), boundary);
        }
        details
    }
}

/// The roles, by account.
fn roles() -> Vec<DemoRole> {
    let forge = |account| {
        let id = account_id(account);
        json!({"Federated": format!("arn:aws:iam::{id}:oidc-provider/token.actions.githubusercontent.com")})
    };
    let role = |account, name, attached, trust| DemoRole {
        account,
        name,
        attached,
        inline: None,
        permissions_boundary: None,
        trust_policy: trust,
    };
    let mut roles = Vec::new();
    for account in [SECURITY, PRODUCTION, DATA] {
        let provider = format!("arn:aws:iam::{}:saml-provider/northstar", account_id(account));
        let people = trust_policy("sts:AssumeRoleWithSAML", json!({"Federated": provider}));
        roles.push(role(account, AUDITOR.role, &["DescribeConfiguration"], people));
        let runner = format!("arn:aws:iam::{}:role/service-role/inventory-runner", account_id(SECURITY));
        let runner = trust_policy("sts:AssumeRole", json!({"AWS": runner}));
        roles.push(role(
            account,
            INVENTORY.role,
            &["DescribeConfiguration", "ListInventory", "ReadSecrets"],
            runner,
        ));
    }
    for account in [PRODUCTION, DATA] {
        roles.push(DemoRole {
            inline: Some(("NoChanges", deny(&["ec2:RunInstances", "iam:CreateUser"]))),
            permissions_boundary: Some("ReadOnlyBoundary"),
            ..role(
                account,
                PLAN.role,
                &["PlanAndApply"],
                trust_policy("sts:AssumeRoleWithWebIdentity", forge(account)),
            )
        });
    }
    let function = trust_policy("sts:AssumeRole", json!({"Service": "lambda.amazonaws.com"}));
    roles.push(DemoRole {
        inline: Some(("AssumeDeployer", allow(&["sts:AssumeRole"], scenario().deployer))),
        ..role(SECURITY, AGENT.role, &["ReadMonitoring"], function)
    });
    let agent = format!("arn:aws:iam::{}:role/{}", account_id(SECURITY), AGENT.role);
    let trust = json!({"Version": "2012-10-17", "Statement": [
        statement("sts:AssumeRoleWithWebIdentity", forge(PRODUCTION)),
        statement("sts:AssumeRole", json!({"AWS": agent})),
    ]});
    roles.push(role(PRODUCTION, "Deployer", &["Release"], trust));
    roles
}

/// The document of a managed policy.
fn document(name: &str) -> Value {
    match name {
        "DescribeConfiguration" => allow(DESCRIBE_ACTIONS, "*"),
        "ListInventory" => allow(INVENTORY_ACTIONS, "*"),
        "ReadMonitoring" => allow(MONITORING_ACTIONS, "*"),
        "ReadOnlyBoundary" => allow(&[DESCRIBE_ACTIONS, &["sts:GetCallerIdentity"]].concat(), "*"),
        "PlanAndApply" => {
            let lock = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"];
            allow(&[DESCRIBE_ACTIONS, &["ec2:RunInstances", "iam:CreateUser"], &lock].concat(), "*")
        }
        "ReadSecrets" => json!({"Version": "2012-10-17", "Statement": [
            {"Sid": "Secrets", "Effect": "Allow", "Action": ["secretsmanager:GetSecretValue", "ssm:GetParameter"], "Resource": "*"},
            {"Sid": "Keys", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", "Condition": {"StringLike": {
                "kms:ViaService": ["secretsmanager.*.amazonaws.com", "ssm.*.amazonaws.com"],
            }}},
        ]}),
        "Release" => allow(
            &[
                "cloudformation:*",
                "ecr:PutImage",
                "ecs:DescribeServices",
                "ecs:RegisterTaskDefinition",
                "ecs:UpdateService",
                "iam:PassRole",
                "lambda:PublishVersion",
                "lambda:UpdateFunctionCode",
                "s3:GetBucketPolicy",
                "s3:GetBucketPolicyStatus",
                "s3:PutBucketPolicy",
            ],
            "*",
        ),
        _ => Value::Null,
    }
}

fn policy_arn(account: usize, name: &str) -> String {
    format!("arn:aws:iam::{}:policy/{name}", account_id(account))
}

fn allow(actions: &[&str], resource: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resource}]})
}

fn deny(actions: &[&str]) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": actions, "Resource": "*"}]})
}

fn trust_policy(action: &str, who: Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [statement(action, who)]})
}

fn statement(action: &str, who: Value) -> Value {
    json!({"Effect": "Allow", "Principal": who, "Action": action})
}
