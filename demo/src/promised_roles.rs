//! The calls of the four promised roles.
//!
//! Enters: the script. Leaves: the calls of these roles. Law: all calls of the auditor are read-only and succeed; the
//! other roles deviate only as the scenario describes.

use super::outcome::DemoOutcome;
use super::record::EventBody;
use super::role_assumption::{assume_role, assume_role_with_web_identity, credentials_event};
use super::scenario::{
    AGENT, AUDITOR, DATA, FRANKFURT, INVENTORY, IRELAND, PLAN, PRODUCTION, SECURITY, VIRGINIA, account_id,
};
use super::script::DemoScript;
use super::user_identity::{self, RoleSession};

const BOTO_USER_AGENT: &str = "Boto3/1.40.21 md/Botocore#1.40.21 ua/2.1 os/linux#6.1.147 md/arch#aarch64 lang/python#3.12.11 md/pyimpl#CPython m/Z,b,D,e cfg/retry-mode#standard Botocore/1.40.21";
const CLI_USER_AGENT: &str = "aws-cli/2.28.16 md/awscrt#0.27.6 ua/2.1 os/macos#24.6.0 md/arch#arm64 lang/python#3.13.7 md/pyimpl#CPython m/G,E,b,C cfg/retry-mode#standard md/installer#exe md/prompt#off";
const TERRAFORM_USER_AGENT: &str = "APN/1.0 HashiCorp/1.0 Terraform/1.13.1 (+https://www.terraform.io) terraform-provider-aws/6.11.0 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.38.3 ua/2.1 os/linux lang/go#1.24.6 md/GOOS#linux md/GOARCH#amd64";
const AGENT_USER_AGENT: &str = "Boto3/1.40.21 md/Botocore#1.40.21 ua/2.1 os/linux#6.1.147 md/arch#x86_64 lang/python#3.12.11 cfg/retry-mode#adaptive Botocore/1.40.21 ops-agent/0.9.4";

const AUDITOR_OPERATIONS: &str = "\
    iam:ListUsers iam:ListRoles iam:ListPolicies iam:GetAccountSummary iam:GetAccountPasswordPolicy \
    iam:ListAttachedRolePolicies iam:ListRolePolicies iam:GetRolePolicy iam:GetPolicyVersion \
    iam:ListMFADevices iam:ListAccessKeys iam:ListEntitiesForPolicy iam:GetRole s3:ListBuckets \
    s3:GetBucketAcl s3:GetBucketPolicyStatus s3:GetBucketVersioning s3:GetBucketLogging \
    s3:GetBucketEncryption s3:GetBucketPublicAccessBlock s3:GetBucketLocation ec2:DescribeInstances \
    ec2:DescribeSecurityGroups ec2:DescribeVpcs ec2:DescribeSubnets ec2:DescribeNetworkAcls \
    ec2:DescribeFlowLogs ec2:DescribeVolumes ec2:DescribeRegions ec2:GetEbsEncryptionByDefault \
    cloudtrail:DescribeTrails cloudtrail:GetTrailStatus cloudtrail:GetEventSelectors \
    config:DescribeConfigurationRecorders config:DescribeConfigRules \
    config:DescribeComplianceByConfigRule guardduty:ListDetectors guardduty:GetDetector \
    securityhub:DescribeHub securityhub:GetEnabledStandards kms:ListKeys kms:ListAliases kms:DescribeKey \
    kms:GetKeyRotationStatus kms:GetKeyPolicy rds:DescribeDBInstances rds:DescribeDBSnapshots \
    lambda:ListFunctions20150331 lambda:GetPolicy20150331v2 elasticloadbalancing:DescribeLoadBalancers \
    elasticloadbalancing:DescribeListeners logs:DescribeLogGroups logs:DescribeMetricFilters \
    sns:ListTopics acm:ListCertificates access-analyzer:ListAnalyzers organizations:ListAccounts \
    secretsmanager:ListSecrets";

const INVENTORY_OPERATIONS: &str = "\
    ec2:DescribeInstances ec2:DescribeVolumes ec2:DescribeVpcs ec2:DescribeSubnets ec2:DescribeSnapshots \
    ec2:DescribeAddresses ec2:DescribeImages ec2:DescribeLaunchTemplates s3:ListBuckets \
    s3:GetBucketTagging rds:DescribeDBInstances rds:DescribeDBClusters rds:ListTagsForResource \
    lambda:ListFunctions20150331 dynamodb:ListTables dynamodb:DescribeTable ecs:ListClusters \
    ecs:DescribeServices eks:ListClusters elasticache:DescribeCacheClusters es:ListDomainNames \
    redshift:DescribeClusters sqs:ListQueues sns:ListTopics tagging:GetResources kms:ListKeys \
    ssm:DescribeParameters secretsmanager:ListSecrets backup:ListProtectedResources iam:ListRoles";

const PLAN_OPERATIONS: &str = "\
    sts:GetCallerIdentity ec2:DescribeVpcs ec2:DescribeSubnets ec2:DescribeRouteTables \
    ec2:DescribeSecurityGroups ec2:DescribeSecurityGroupRules ec2:DescribeNatGateways \
    ec2:DescribeInternetGateways ec2:DescribeInstances ec2:DescribeInstanceTypes \
    ec2:DescribeLaunchTemplates ec2:DescribeTags iam:GetRole iam:GetRolePolicy iam:ListRolePolicies \
    iam:ListAttachedRolePolicies iam:GetPolicy iam:GetPolicyVersion s3:GetBucketPolicy \
    s3:GetBucketVersioning s3:GetBucketTagging s3:GetBucketEncryption lambda:GetFunctionConcurrency \
    lambda:ListVersionsByFunction20150331 rds:DescribeDBInstances rds:DescribeDBSubnetGroups \
    kms:DescribeKey kms:GetKeyPolicy logs:DescribeLogGroups elasticloadbalancing:DescribeLoadBalancers \
    elasticloadbalancing:DescribeTargetGroups ecs:DescribeTaskDefinition route53:ListResourceRecordSets \
    cloudfront:GetDistribution";

const AGENT_OPERATIONS: &str = "\
    monitoring:DescribeAlarms monitoring:DescribeAlarmHistory monitoring:ListMetrics \
    logs:DescribeLogGroups logs:DescribeLogStreams ec2:DescribeInstanceStatus ec2:DescribeInstances \
    ecs:ListClusters ecs:DescribeServices ecs:ListTasks lambda:ListFunctions20150331 \
    autoscaling:DescribeScalingActivities health:DescribeEvents organizations:ListAccounts \
    cloudformation:DescribeStacks cloudformation:DescribeStackEvents sqs:GetQueueAttributes \
    elasticloadbalancing:DescribeTargetHealth config:DescribeComplianceByConfigRule \
    securityhub:DescribeHub tagging:GetResources iam:GetRole";

/// The AI agent. Its role chain is added first, so that its event ids stay the same when other calls change.
pub fn agent(script: &mut DemoScript) {
    let created = script.time_at(15, 30);
    let session = RoleSession {
        account: account_id(SECURITY),
        role: AGENT.role,
        session: "ops-agent-incident-4127",
        created_at: created,
        source_identity: Some("ops-agent"),
        ..RoleSession::default()
    };
    let agent = script.add_role_session(SECURITY, &session, "198.51.100.24", AGENT_USER_AGENT);
    let at = script.time_at(15, 42) + 7;
    let deployer = RoleSession {
        account: account_id(PRODUCTION),
        role: "Deployer",
        session: "ops-agent-incident-4127",
        created_at: at,
        source_identity: Some("ops-agent"),
        ..RoleSession::default()
    };
    let chained = assume_role(script, &session, agent, &deployer, IRELAND, "198.51.100.24", AGENT_USER_AGENT);
    let bucket = format!("larkspur-invoices-{}", account_id(PRODUCTION));
    script.add_event(script.time_at(15, 44) + 31, chained, IRELAND, share_bucket(&bucket));
    script.add_call(
        script.time_at(15, 43) + 2,
        chained,
        IRELAND,
        "s3:GetBucketPolicy",
        DemoOutcome::Succeeded,
    );
    script.add_call(
        script.time_at(15, 45) + 12,
        chained,
        IRELAND,
        "s3:GetBucketPolicyStatus",
        DemoOutcome::Succeeded,
    );
    script.add_calls(created, 600, agent, IRELAND, AGENT_OPERATIONS, 24);
    for hour in 0..script.hours {
        let created = script.time_at(hour, 0);
        let watch = RoleSession { session: "ops-agent-watch", created_at: created, ..session.clone() };
        let watch = script.add_role_session(SECURITY, &watch, "198.51.100.24", AGENT_USER_AGENT);
        for region in [VIRGINIA, IRELAND] {
            script.add_calls(created, 3_000, watch, region, AGENT_OPERATIONS, 6);
        }
    }
}

/// The plan stage: reads in six runs, and two denied writes.
pub fn ci_plan(script: &mut DemoScript) {
    let runs = [(8, 20), (10, 5), (11, 30), (13, 45), (15, 10), (16, 40)];
    for (run, (hour, minute)) in runs.into_iter().enumerate() {
        for account in [PRODUCTION, DATA] {
            let at = script.time_at(hour, minute);
            let name = format!("plan-{}", 8_810 + run);
            let session =
                assume_role_with_web_identity(script, account, PLAN.role, &name, at, TERRAFORM_USER_AGENT);
            if run == 3 && account == PRODUCTION {
                script.add_call(at + 95, session, IRELAND, "ec2:RunInstances", DemoOutcome::Denied);
                script.add_call(at + 97, session, VIRGINIA, "iam:CreateUser", DemoOutcome::Denied);
            }
            for region in [VIRGINIA, IRELAND] {
                script.add_calls(at + 2, 180, session, region, PLAN_OPERATIONS, 17);
            }
            script.add_call(at + 60, session, IRELAND, "s3:GetBucketPolicy", DemoOutcome::NotFound);
        }
    }
}

/// The auditors: four sessions a day in each account, with read-only calls only.
pub fn auditor(script: &mut DemoScript) {
    let (nadia, tomas) = (("nadia.okafor", "192.0.2.41"), ("tomas.lind", "192.0.2.57"));
    for account in [SECURITY, PRODUCTION, DATA] {
        for (sitting, hour) in [9, 11, 13, 15].into_iter().enumerate() {
            let (name, address) = if sitting % 2 == 0 { nadia } else { tomas };
            let at = script.time_at(hour, 4 + 3 * account as u64);
            let id = account_id(account);
            let role = RoleSession {
                account: id,
                role: AUDITOR.role,
                session: name,
                created_at: at,
                is_mfa_authenticated: true,
                source_identity: Some(name),
                ..RoleSession::default()
            };
            let key = role.derived_access_key_id(script.cast.seed);
            let directory = user_identity::saml("bm9ydGhzdGFyLWlkcA==", name);
            let door = script.add_session(
                account,
                directory,
                address,
                "AWS Signin, aws-internal/3 aws-sdk-java/1.12.790",
            );
            let request = format!(
                r#"{{"sAMLAssertionID":"_{at:x}","roleSessionName":"{name}","sourceIdentity":"{name}","durationSeconds":3600,"roleArn":"{}","principalArn":"arn:aws:iam::{id}:saml-provider/northstar"}}"#,
                role.role_arn()
            );
            let body = credentials_event(script, &role, &key, "AssumeRoleWithSAML", request);
            script.add_event(at, door, VIRGINIA, body);
            let session = script.add_role_session(
                account,
                &RoleSession { access_key_id: Some(&key), ..role },
                address,
                CLI_USER_AGENT,
            );
            for (region, count) in [(VIRGINIA, 18), (IRELAND, 18), (FRANKFURT, 8)] {
                script.add_calls(at + 20, 2_700, session, region, AUDITOR_OPERATIONS, count);
            }
        }
    }
}

/// The inventory: four runs over every account and region; one of them reads secrets.
pub fn inventory(script: &mut DemoScript) {
    for (run, hour) in [1, 7, 13, 19].into_iter().enumerate() {
        let at = script.time_at(hour, 10);
        let name = format!("inventory-{}", 2_310 + run);
        let runner = RoleSession {
            account: account_id(SECURITY),
            path: "/service-role/",
            role: "inventory-runner",
            session: "inventory-runner",
            created_at: at,
            ..RoleSession::default()
        };
        let caller = script.add_role_session(SECURITY, &runner, "198.51.100.90", BOTO_USER_AGENT);
        for account in [SECURITY, PRODUCTION, DATA] {
            let began = at + 20 + 90 * account as u64;
            let collector = RoleSession {
                account: account_id(account),
                role: INVENTORY.role,
                session: &name,
                created_at: began,
                ..RoleSession::default()
            };
            let session =
                assume_role(script, &runner, caller, &collector, VIRGINIA, "198.51.100.90", BOTO_USER_AGENT);
            for region in [VIRGINIA, IRELAND, FRANKFURT] {
                script.add_calls(began + 5, 400, session, region, INVENTORY_OPERATIONS, 18);
            }
            script.add_call(began + 200, session, VIRGINIA, "iam:ListRoles", DemoOutcome::Throttled);
            if run == 1 && account == PRODUCTION {
                read_secrets(script, session, &collector, began + 410);
            }
        }
    }
}

/// Reads of secrets in one session, and the decryptions that they cause.
fn read_secrets(script: &mut DemoScript, session: usize, role: &RoleSession<'_>, at: u64) {
    for n in 0..4 {
        script.add_call(
            at + 3 * n,
            session,
            IRELAND,
            "secretsmanager:GetSecretValue",
            DemoOutcome::Succeeded,
        );
    }
    let id = role.account;
    for (n, name) in
        ["/billing/gateway-token", "/orders/database-password", "/customs/api-key"].into_iter().enumerate()
    {
        let body = EventBody {
            source: "ssm",
            name: "GetParameter",
            read_only: true,
            request_parameters: Some(format!(r#"{{"name":"{name}","withDecryption":true}}"#)),
            resources: Some(format!(
                r#"[{{"accountId":"{id}","type":"AWS::SSM::Parameter","ARN":"arn:aws:ssm:eu-west-1:{id}:parameter{name}"}}]"#
            )),
            ..EventBody::default()
        };
        script.add_event(at + 20 + 2 * n as u64, session, IRELAND, body);
    }
    for (service, from, count) in [("secretsmanager.amazonaws.com", 0, 4), ("ssm.amazonaws.com", 20, 3)] {
        // A service that acts for the caller records the caller's access key.
        let key = role.derived_access_key_id(script.cast.seed);
        let forwarded = RoleSession { invoked_by: Some(service), access_key_id: Some(&key), ..role.clone() };
        let forwarded = script.add_role_session(PRODUCTION, &forwarded, service, service);
        for n in 0..count {
            script.add_call(at + from + 3 * n, forwarded, IRELAND, "kms:Decrypt", DemoOutcome::Succeeded);
        }
    }
}

/// The write: a policy that opens a bucket of invoices to an account outside the organization.
fn share_bucket(bucket: &str) -> EventBody {
    let id = account_id(PRODUCTION);
    EventBody {
        source: "s3",
        name: "PutBucketPolicy",
        request_parameters: Some(format!(
            r#"{{"bucketPolicy":{{"Version":"2012-10-17","Statement":[{{"Sid":"IncidentExport","Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::999988887777:root"}},"Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::{bucket}","arn:aws:s3:::{bucket}/*"]}}]}},"bucketName":"{bucket}","Host":"{bucket}.s3.eu-west-1.amazonaws.com","policy":""}}"#
        )),
        resources: Some(format!(
            r#"[{{"accountId":"{id}","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::{bucket}"}}]"#
        )),
        ..EventBody::default()
    }
}
