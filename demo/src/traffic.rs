//! Everyday traffic: releases, backups, an unannounced migration, and applications.
//!
//! Enters: the script. Leaves: the calls of a usual day, with more traffic by day than by night. Law: applications
//! fill the trail up to the requested size, and only their calls count as background.

use super::outcome::DemoOutcome;
use super::random::{SeededRandom, ZipfRanks};
use super::role_assumption;
use super::scenario::{DATA, FRANKFURT, IRELAND, PRODUCTION, SECURITY, VIRGINIA, account_id};
use super::script::{DELIVERY_LAG, DemoScript};
use super::user_identity::{self, RoleSession};
use super::utc_time::HOUR;

const GO_USER_AGENT: &str =
    "aws-sdk-go-v2/1.38.3 ua/2.1 os/linux lang/go#1.24.6 md/GOOS#linux md/GOARCH#arm64 m/E,g";
const JAVA_USER_AGENT: &str = "aws-sdk-java/2.33.4 md/io#sync md/http#Apache ua/2.1 os/Linux#6.1.147 lang/java#21.0.8 md/OpenJDK_64-Bit_Server_VM#21.0.8 md/vendor#Amazon.com_Inc. exec-env/AWS_ECS_FARGATE m/D,N";
const NODE_USER_AGENT: &str = "aws-sdk-js/3.879.0 ua/2.1 os/linux#5.10.240 lang/js md/nodejs#22.19.0 exec-env/AWS_Lambda_nodejs22.x m/E,b";
const PYTHON_USER_AGENT: &str = "Boto3/1.40.21 md/Botocore#1.40.21 ua/2.1 os/linux#6.1.147 md/arch#x86_64 lang/python#3.13.7 md/pyimpl#CPython exec-env/AWS_Lambda_python3.13 cfg/retry-mode#legacy Botocore/1.40.21";
const OLD_CLI_USER_AGENT: &str = "aws-cli/1.29.57 Python/3.8.10 Linux/5.4.0-155-generic botocore/1.31.57";

/// Relative traffic of each hour, UTC.
const HOURLY_SHARES: [u64; 24] =
    [3, 2, 2, 2, 3, 4, 7, 11, 15, 17, 17, 16, 15, 16, 17, 16, 14, 11, 8, 6, 5, 4, 4, 3];

/// An application: account, role, user agent, share of the traffic, called operations.
struct DemoApplication {
    account: usize,
    role: &'static str,
    user_agent: &'static str,
    share: u64,
    operations: &'static str,
}

const APPLICATIONS: [DemoApplication; 8] = [
    DemoApplication {
        account: PRODUCTION,
        role: "orders-api-task",
        user_agent: JAVA_USER_AGENT,
        share: 22,
        operations: "\
            kms:Decrypt ssm:GetParameter secretsmanager:GetSecretValue dynamodb:DescribeTable \
            sts:AssumeRole sqs:GetQueueAttributes states:StartExecution kms:GenerateDataKey",
    },
    DemoApplication {
        account: PRODUCTION,
        role: "tracking-worker",
        user_agent: NODE_USER_AGENT,
        share: 20,
        operations: "\
            logs:CreateLogStream kms:Decrypt ec2:CreateNetworkInterface ssm:GetParameter \
            ec2:DescribeNetworkInterfaces ec2:DeleteNetworkInterface dynamodb:DescribeTable",
    },
    DemoApplication {
        account: PRODUCTION,
        role: "eks-platform-node",
        user_agent: GO_USER_AGENT,
        share: 20,
        operations: "\
            ec2:DescribeInstances ecr:GetAuthorizationToken ecr:BatchGetImage ec2:DescribeVolumes \
            ssm:UpdateInstanceInformation autoscaling:DescribeAutoScalingGroups ec2:AttachVolume \
            elasticloadbalancing:DescribeTargetHealth elasticloadbalancing:RegisterTargets \
            ec2:DescribeTags autoscaling:SetDesiredCapacity ec2:CreateTags",
    },
    DemoApplication {
        account: PRODUCTION,
        role: "observability-poller",
        user_agent: GO_USER_AGENT,
        share: 14,
        operations: "\
            monitoring:ListMetrics tagging:GetResources monitoring:DescribeAlarms ec2:DescribeInstances \
            rds:DescribeDBInstances sqs:ListQueues elasticloadbalancing:DescribeLoadBalancers \
            lambda:ListFunctions20150331 ecs:DescribeServices logs:DescribeLogGroups",
    },
    DemoApplication {
        account: DATA,
        role: "reports-etl",
        user_agent: PYTHON_USER_AGENT,
        share: 14,
        operations: "\
            s3:GetObject glue:GetPartitions glue:GetTable kms:GenerateDataKey glue:BatchCreatePartition \
            athena:StartQueryExecution athena:GetQueryExecution glue:StartJobRun glue:GetJobRuns",
    },
    DemoApplication {
        account: DATA,
        role: "warehouse-loader",
        user_agent: JAVA_USER_AGENT,
        share: 9,
        operations: "\
            kms:Decrypt s3:GetObject redshift:DescribeClusters secretsmanager:GetSecretValue \
            sts:GetCallerIdentity kinesis:DescribeStreamSummary firehose:DescribeDeliveryStream",
    },
    DemoApplication {
        account: SECURITY,
        role: "findings-forwarder",
        user_agent: PYTHON_USER_AGENT,
        share: 7,
        operations: "\
            securityhub:GetFindings guardduty:ListFindings guardduty:GetFindings logs:CreateLogStream \
            kms:Decrypt config:GetComplianceDetailsByConfigRule access-analyzer:ListFindings",
    },
    DemoApplication {
        account: SECURITY,
        role: "cost-explorer-export",
        user_agent: PYTHON_USER_AGENT,
        share: 2,
        operations: "ce:GetCostAndUsage organizations:ListAccounts sts:GetCallerIdentity",
    },
];

const RELEASE_OPERATIONS: &str = "\
    ecr:PutImage ecs:RegisterTaskDefinition ecs:UpdateService ecs:DescribeServices \
    lambda:UpdateFunctionCode20150331v2 lambda:PublishVersion20150331 cloudformation:DescribeStackEvents \
    cloudformation:DescribeStacks";

/// Releases: the intended use of the deployment role that the agent also assumes.
pub fn releases(script: &mut DemoScript) {
    for (run, (hour, minute)) in [(10, 20), (14, 10)].into_iter().enumerate() {
        let at = script.time_at(hour, minute);
        let name = format!("release-{}", 512 + run);
        let session = role_assumption::assume_role_with_web_identity(
            script,
            PRODUCTION,
            "Deployer",
            &name,
            at,
            NODE_USER_AGENT,
        );
        script.add_call(at + 4, session, IRELAND, "cloudformation:CreateChangeSet", DemoOutcome::Succeeded);
        script.add_call(at + 19, session, IRELAND, "cloudformation:ExecuteChangeSet", DemoOutcome::Succeeded);
        script.add_calls(at + 25, 400, session, IRELAND, RELEASE_OPERATIONS, 24);
    }
}

/// An IAM user with a long-lived access key that backs up databases at night.
pub fn backups(script: &mut DemoScript) {
    let identity = user_identity::user(script.cast.seed, account_id(DATA), "svc-backup");
    let session = script.add_session(DATA, identity, "10.20.4.17", OLD_CLI_USER_AGENT);
    for hour in [0, 22, 23] {
        let at = script.time_at(hour, 6);
        script.add_calls(at, 1_800, session, IRELAND, "rds:DescribeDBInstances rds:DescribeDBSnapshots", 16);
        script.add_calls(at + 60, 1_800, session, IRELAND, "rds:CreateDBSnapshot rds:DeleteDBSnapshot", 6);
    }
}

/// A role that is not classified: it makes reads at night and then changes resources.
pub fn migration(script: &mut DemoScript) {
    let role = RoleSession {
        account: account_id(DATA),
        role: "tmp-migration",
        session: "laptop",
        created_at: script.time_at(2, 8),
        ..RoleSession::default()
    };
    let session = script.add_role_session(DATA, &role, "203.0.113.77", OLD_CLI_USER_AGENT);
    let look = "rds:DescribeDBInstances ec2:DescribeSecurityGroups iam:ListRoles s3:ListBuckets";
    script.add_calls(script.time_at(2, 10), 2_400, session, IRELAND, look, 38);
    for (hour, minute, name) in [
        (2, 51, "rds:CreateDBSnapshot"),
        (2, 58, "ec2:AuthorizeSecurityGroupIngress"),
        (3, 6, "rds:ModifyDBInstance"),
        (3, 9, "rds:ModifyDBInstance"),
        (3, 24, "iam:AttachRolePolicy"),
        (3, 40, "s3:PutBucketLifecycle"),
    ] {
        script.add_call(script.time_at(hour, minute), session, IRELAND, name, DemoOutcome::Succeeded);
    }
}

/// Applications, until the script has `total` calls.
pub fn applications(script: &mut DemoScript, total: usize) {
    let seed = script.cast.seed;
    let mut crews = Vec::new();
    for application in &APPLICATIONS {
        let mut operations = Vec::new();
        for name in application.operations.split_whitespace() {
            match script.cast.operations.find(name) {
                Some(index) => operations.push(index),
                None => script.unknown_operations.push(name.to_owned()),
            }
        }
        let sessions: Vec<usize> = (0..script.hours.div_ceil(6))
            .map(|part| {
                let name =
                    draw_instance_id(&mut SeededRandom::named(seed, &format!("{} {part}", application.role)));
                let role = RoleSession {
                    account: account_id(application.account),
                    role: application.role,
                    session: &name,
                    created_at: script.start + part * 6 * HOUR,
                    ..RoleSession::default()
                };
                script.add_role_session(
                    application.account,
                    &role,
                    &format!("10.20.{part}.31"),
                    application.user_agent,
                )
            })
            .collect();
        crews.push((application, ZipfRanks::new(operations.len()), operations, sessions));
    }
    let shares: Vec<usize> = expand_shares(crews.iter().map(|crew| crew.0.share));
    while script.calls.len() < total {
        let at = draw_time(script);
        let crew = script.chance.pick(&shares);
        let Some((application, ranks, operations, sessions)) = crews.get(crew) else { break };
        let part = usize::try_from((at - script.start) / (6 * HOUR)).unwrap_or(0);
        let (Some(&session), Some(&operation)) =
            (sessions.get(part), operations.get(ranks.draw(&mut script.chance)))
        else {
            break;
        };
        let region = draw_region(script, application, at);
        // No call may fall in the missing hour: draw another one.
        if !script.is_missing(at, session, region) {
            let outcome = draw_outcome(&mut script.chance);
            script.add_call_by_index(at, session, region, operation, outcome, true);
        }
    }
}

/// Each index, repeated as often as its share.
fn expand_shares(shares: impl Iterator<Item = u64>) -> Vec<usize> {
    let times = |share| usize::try_from(share).unwrap_or(1);
    shares.enumerate().flat_map(|(index, share)| std::iter::repeat_n(index, times(share))).collect()
}

/// A random time of the trail, more often by day.
fn draw_time(script: &mut DemoScript) -> u64 {
    loop {
        let at = script.chance.below(script.hours * HOUR - DELIVERY_LAG);
        let hour = usize::try_from(at / HOUR % 24).unwrap_or(0);
        if script.chance.below(17) < HOURLY_SHARES.get(hour).copied().unwrap_or(0) {
            return script.start + at;
        }
    }
}

/// The region of a call: mostly Ireland; Frankfurt only for applications of production and only by day.
fn draw_region(script: &mut DemoScript, application: &DemoApplication, at: u64) -> usize {
    let day = (7..19).contains(&((at - script.start) / HOUR % 24));
    match script.chance.below(100) {
        0..56 => IRELAND,
        56..92 => VIRGINIA,
        _ if day && application.account == PRODUCTION => FRANKFURT,
        _ => IRELAND,
    }
}

/// The outcome of an everyday call: nearly always success.
fn draw_outcome(chance: &mut SeededRandom) -> DemoOutcome {
    match chance.below(1_000) {
        0..13 => DemoOutcome::Throttled,
        13..21 => DemoOutcome::NotFound,
        21..24 => DemoOutcome::Denied,
        _ => DemoOutcome::Succeeded,
    }
}

/// An instance id, which is also the name of the instance's role session.
fn draw_instance_id(chance: &mut SeededRandom) -> String {
    let mut name = String::from("i-0");
    chance.hex(&mut name, 16);
    name
}
