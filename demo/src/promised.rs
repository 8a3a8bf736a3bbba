//! Scenes of the four principals that were promised to be read-only.
//!
//! Enters: the script. Leaves: what they looked at, tried and did. Law: the auditor's calls are all
//! plain reads that succeed; every deviation is one of the story's.

use super::assumption::{assume, forge, grant};
use super::identity::{self, RoleSession};
use super::outcome::Outcome;
use super::record::Told;
use super::script::Script;
use super::story::{
    AGENT, AUDITOR, DATA, FRANKFURT, INVENTORY, IRELAND, PLAN, PRODUCTION, SECURITY, VIRGINIA, account_id,
};

const BOTO: &str = "Boto3/1.40.21 md/Botocore#1.40.21 ua/2.1 os/linux#6.1.147 md/arch#aarch64 lang/python#3.12.11 md/pyimpl#CPython m/Z,b,D,e cfg/retry-mode#standard Botocore/1.40.21";
const CLI: &str = "aws-cli/2.28.16 md/awscrt#0.27.6 ua/2.1 os/macos#24.6.0 md/arch#arm64 lang/python#3.13.7 md/pyimpl#CPython m/G,E,b,C cfg/retry-mode#standard md/installer#exe md/prompt#off";
const TERRAFORM: &str = "APN/1.0 HashiCorp/1.0 Terraform/1.13.1 (+https://www.terraform.io) terraform-provider-aws/6.11.0 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.38.3 ua/2.1 os/linux lang/go#1.24.6 md/GOOS#linux md/GOARCH#amd64";
const AGENT_KIT: &str = "Boto3/1.40.21 md/Botocore#1.40.21 ua/2.1 os/linux#6.1.147 md/arch#x86_64 lang/python#3.12.11 cfg/retry-mode#adaptive Botocore/1.40.21 ops-agent/0.9.4";

const AUDIT: &str = "\
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

const COLLECT: &str = "\
    ec2:DescribeInstances ec2:DescribeVolumes ec2:DescribeVpcs ec2:DescribeSubnets ec2:DescribeSnapshots \
    ec2:DescribeAddresses ec2:DescribeImages ec2:DescribeLaunchTemplates s3:ListBuckets \
    s3:GetBucketTagging rds:DescribeDBInstances rds:DescribeDBClusters rds:ListTagsForResource \
    lambda:ListFunctions20150331 dynamodb:ListTables dynamodb:DescribeTable ecs:ListClusters \
    ecs:DescribeServices eks:ListClusters elasticache:DescribeCacheClusters es:ListDomainNames \
    redshift:DescribeClusters sqs:ListQueues sns:ListTopics tagging:GetResources kms:ListKeys \
    ssm:DescribeParameters secretsmanager:ListSecrets backup:ListProtectedResources iam:ListRoles";

const REFRESH: &str = "\
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

const OPERATE: &str = "\
    monitoring:DescribeAlarms monitoring:DescribeAlarmHistory monitoring:ListMetrics \
    logs:DescribeLogGroups logs:DescribeLogStreams ec2:DescribeInstanceStatus ec2:DescribeInstances \
    ecs:ListClusters ecs:DescribeServices ecs:ListTasks lambda:ListFunctions20150331 \
    autoscaling:DescribeScalingActivities health:DescribeEvents organizations:ListAccounts \
    cloudformation:DescribeStacks cloudformation:DescribeStackEvents sqs:GetQueueAttributes \
    elasticloadbalancing:DescribeTargetHealth config:DescribeComplianceByConfigRule \
    securityhub:DescribeHub tagging:GetResources iam:GetRole";

/// The agent's chain comes first, so that its event ids stay when other scenes change.
pub fn agent(script: &mut Script) {
    let created = script.clock(15, 30);
    let session = RoleSession {
        account: account_id(SECURITY),
        role: AGENT.role,
        session: "ops-agent-incident-4127",
        created,
        source_identity: Some("ops-agent"),
        ..RoleSession::default()
    };
    let agent = script.role(SECURITY, &session, "198.51.100.24", AGENT_KIT);
    let at = script.clock(15, 42) + 7;
    let deployer = RoleSession {
        account: account_id(PRODUCTION),
        role: "Deployer",
        session: "ops-agent-incident-4127",
        created: at,
        source_identity: Some("ops-agent"),
        ..RoleSession::default()
    };
    let chained = assume(script, &session, agent, &deployer, IRELAND, "198.51.100.24", AGENT_KIT);
    let bucket = format!("larkspur-invoices-{}", account_id(PRODUCTION));
    script.tell(script.clock(15, 44) + 31, chained, IRELAND, share_bucket(&bucket));
    script.call(script.clock(15, 43) + 2, chained, IRELAND, "s3:GetBucketPolicy", Outcome::Done);
    script.call(script.clock(15, 45) + 12, chained, IRELAND, "s3:GetBucketPolicyStatus", Outcome::Done);
    script.burst(created, 600, agent, IRELAND, OPERATE, 24);
    for hour in 0..script.hours {
        let created = script.clock(hour, 0);
        let watch = RoleSession { session: "ops-agent-watch", created, ..session.clone() };
        let watch = script.role(SECURITY, &watch, "198.51.100.24", AGENT_KIT);
        for region in [VIRGINIA, IRELAND] {
            script.burst(created, 3_000, watch, region, OPERATE, 6);
        }
    }
}

/// The plan stage: reads in six runs, and two writes that were denied.
pub fn plan(script: &mut Script) {
    let runs = [(8, 20), (10, 5), (11, 30), (13, 45), (15, 10), (16, 40)];
    for (run, (hour, minute)) in runs.into_iter().enumerate() {
        for account in [PRODUCTION, DATA] {
            let at = script.clock(hour, minute);
            let name = format!("plan-{}", 8_810 + run);
            let session = forge(script, account, PLAN.role, &name, at, TERRAFORM);
            if run == 3 && account == PRODUCTION {
                script.call(at + 95, session, IRELAND, "ec2:RunInstances", Outcome::Denied);
                script.call(at + 97, session, VIRGINIA, "iam:CreateUser", Outcome::Denied);
            }
            for region in [VIRGINIA, IRELAND] {
                script.burst(at + 2, 180, session, region, REFRESH, 17);
            }
            script.call(at + 60, session, IRELAND, "s3:GetBucketPolicy", Outcome::NotFound);
        }
    }
}

/// The auditors: four sittings a day in each account, nothing but plain reads.
pub fn auditor(script: &mut Script) {
    let (nadia, tomas) = (("nadia.okafor", "192.0.2.41"), ("tomas.lind", "192.0.2.57"));
    for account in [SECURITY, PRODUCTION, DATA] {
        for (sitting, hour) in [9, 11, 13, 15].into_iter().enumerate() {
            let (name, address) = if sitting % 2 == 0 { nadia } else { tomas };
            let at = script.clock(hour, 4 + 3 * account as u64);
            let id = account_id(account);
            let role = RoleSession {
                account: id,
                role: AUDITOR.role,
                session: name,
                created: at,
                mfa: true,
                source_identity: Some(name),
                ..RoleSession::default()
            };
            let key = role.own_key(script.cast.seed);
            let directory = identity::saml("bm9ydGhzdGFyLWlkcA==", name);
            let door = script.session(
                account,
                directory,
                address,
                "AWS Signin, aws-internal/3 aws-sdk-java/1.12.790",
            );
            let request = format!(
                r#"{{"sAMLAssertionID":"_{at:x}","roleSessionName":"{name}","sourceIdentity":"{name}","durationSeconds":3600,"roleArn":"{}","principalArn":"arn:aws:iam::{id}:saml-provider/northstar"}}"#,
                role.role_arn()
            );
            let told = grant(script, &role, &key, "AssumeRoleWithSAML", request);
            script.tell(at, door, VIRGINIA, told);
            let session = script.role(account, &RoleSession { key: Some(&key), ..role }, address, CLI);
            for (region, count) in [(VIRGINIA, 18), (IRELAND, 18), (FRANKFURT, 8)] {
                script.burst(at + 20, 2_700, session, region, AUDIT, count);
            }
        }
    }
}

/// The inventory: four runs over every account and region; one of them reads secrets.
pub fn inventory(script: &mut Script) {
    for (run, hour) in [1, 7, 13, 19].into_iter().enumerate() {
        let at = script.clock(hour, 10);
        let name = format!("inventory-{}", 2_310 + run);
        let runner = RoleSession {
            account: account_id(SECURITY),
            path: "/service-role/",
            role: "inventory-runner",
            session: "inventory-runner",
            created: at,
            ..RoleSession::default()
        };
        let caller = script.role(SECURITY, &runner, "198.51.100.90", BOTO);
        for account in [SECURITY, PRODUCTION, DATA] {
            let began = at + 20 + 90 * account as u64;
            let collector = RoleSession {
                account: account_id(account),
                role: INVENTORY.role,
                session: &name,
                created: began,
                ..RoleSession::default()
            };
            let session = assume(script, &runner, caller, &collector, VIRGINIA, "198.51.100.90", BOTO);
            for region in [VIRGINIA, IRELAND, FRANKFURT] {
                script.burst(began + 5, 400, session, region, COLLECT, 18);
            }
            script.call(began + 200, session, VIRGINIA, "iam:ListRoles", Outcome::Throttled);
            if run == 1 && account == PRODUCTION {
                secrets(script, session, &collector, began + 410);
            }
        }
    }
}

/// Secrets read in one sitting, and the decryptions each of them caused.
fn secrets(script: &mut Script, session: usize, role: &RoleSession<'_>, at: u64) {
    for n in 0..4 {
        script.call(at + 3 * n, session, IRELAND, "secretsmanager:GetSecretValue", Outcome::Done);
    }
    let id = role.account;
    for (n, name) in
        ["/billing/gateway-token", "/orders/database-password", "/customs/api-key"].into_iter().enumerate()
    {
        let told = Told {
            source: "ssm",
            name: "GetParameter",
            read_only: true,
            request: Some(format!(r#"{{"name":"{name}","withDecryption":true}}"#)),
            resources: Some(format!(
                r#"[{{"accountId":"{id}","type":"AWS::SSM::Parameter","ARN":"arn:aws:ssm:eu-west-1:{id}:parameter{name}"}}]"#
            )),
            ..Told::default()
        };
        script.tell(at + 20 + 2 * n as u64, session, IRELAND, told);
    }
    for (service, from, count) in [("secretsmanager.amazonaws.com", 0, 4), ("ssm.amazonaws.com", 20, 3)] {
        // A service that acts for the caller shows the caller's own key.
        let key = role.own_key(script.cast.seed);
        let forwarded = RoleSession { invoked_by: Some(service), key: Some(&key), ..role.clone() };
        let forwarded = script.role(PRODUCTION, &forwarded, service, service);
        for n in 0..count {
            script.call(at + from + 3 * n, forwarded, IRELAND, "kms:Decrypt", Outcome::Done);
        }
    }
}

/// The write: a bucket of invoices, opened to an account outside the organization.
fn share_bucket(bucket: &str) -> Told {
    let id = account_id(PRODUCTION);
    Told {
        source: "s3",
        name: "PutBucketPolicy",
        request: Some(format!(
            r#"{{"bucketPolicy":{{"Version":"2012-10-17","Statement":[{{"Sid":"IncidentExport","Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::999988887777:root"}},"Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::{bucket}","arn:aws:s3:::{bucket}/*"]}}]}},"bucketName":"{bucket}","Host":"{bucket}.s3.eu-west-1.amazonaws.com","policy":""}}"#
        )),
        resources: Some(format!(
            r#"[{{"accountId":"{id}","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::{bucket}"}}]"#
        )),
        ..Told::default()
    }
}
