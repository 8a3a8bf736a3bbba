//! Scenes of everyday work: deployments, backups, a migration nobody announced, and applications.
//!
//! Enters: the script. Leaves: what keeps an organization's trail busy by day and quiet by night.
//! Law: applications fill up to the size asked for, and only their calls count as background.

use super::assumption;
use super::chance::{Chance, Ranks};
use super::identity::{self, RoleSession};
use super::moment::HOUR;
use super::outcome::Outcome;
use super::script::{LAG, Script};
use super::story::{DATA, FRANKFURT, IRELAND, PRODUCTION, SECURITY, VIRGINIA, account_id};

const GO: &str = "aws-sdk-go-v2/1.38.3 ua/2.1 os/linux lang/go#1.24.6 md/GOOS#linux md/GOARCH#arm64 m/E,g";
const JAVA: &str = "aws-sdk-java/2.33.4 md/io#sync md/http#Apache ua/2.1 os/Linux#6.1.147 lang/java#21.0.8 md/OpenJDK_64-Bit_Server_VM#21.0.8 md/vendor#Amazon.com_Inc. exec-env/AWS_ECS_FARGATE m/D,N";
const NODE: &str = "aws-sdk-js/3.879.0 ua/2.1 os/linux#5.10.240 lang/js md/nodejs#22.19.0 exec-env/AWS_Lambda_nodejs22.x m/E,b";
const PYTHON: &str = "Boto3/1.40.21 md/Botocore#1.40.21 ua/2.1 os/linux#6.1.147 md/arch#x86_64 lang/python#3.13.7 md/pyimpl#CPython exec-env/AWS_Lambda_python3.13 cfg/retry-mode#legacy Botocore/1.40.21";
const OLD_CLI: &str = "aws-cli/1.29.57 Python/3.8.10 Linux/5.4.0-155-generic botocore/1.31.57";

/// Share of the day's work in each hour, UTC.
const CURVE: [u64; 24] = [3, 2, 2, 2, 3, 4, 7, 11, 15, 17, 17, 16, 15, 16, 17, 16, 14, 11, 8, 6, 5, 4, 4, 3];

/// An application: account, role, user agent, share of the traffic, what it calls.
struct Application {
    account: usize,
    role: &'static str,
    agent: &'static str,
    share: u64,
    names: &'static str,
}

const APPLICATIONS: [Application; 8] = [
    Application {
        account: PRODUCTION,
        role: "orders-api-task",
        agent: JAVA,
        share: 22,
        names: "\
            kms:Decrypt ssm:GetParameter secretsmanager:GetSecretValue dynamodb:DescribeTable \
            sts:AssumeRole sqs:GetQueueAttributes states:StartExecution kms:GenerateDataKey",
    },
    Application {
        account: PRODUCTION,
        role: "tracking-worker",
        agent: NODE,
        share: 20,
        names: "\
            logs:CreateLogStream kms:Decrypt ec2:CreateNetworkInterface ssm:GetParameter \
            ec2:DescribeNetworkInterfaces ec2:DeleteNetworkInterface dynamodb:DescribeTable",
    },
    Application {
        account: PRODUCTION,
        role: "eks-platform-node",
        agent: GO,
        share: 20,
        names: "\
            ec2:DescribeInstances ecr:GetAuthorizationToken ecr:BatchGetImage ec2:DescribeVolumes \
            ssm:UpdateInstanceInformation autoscaling:DescribeAutoScalingGroups ec2:AttachVolume \
            elasticloadbalancing:DescribeTargetHealth elasticloadbalancing:RegisterTargets \
            ec2:DescribeTags autoscaling:SetDesiredCapacity ec2:CreateTags",
    },
    Application {
        account: PRODUCTION,
        role: "observability-poller",
        agent: GO,
        share: 14,
        names: "\
            monitoring:ListMetrics tagging:GetResources monitoring:DescribeAlarms ec2:DescribeInstances \
            rds:DescribeDBInstances sqs:ListQueues elasticloadbalancing:DescribeLoadBalancers \
            lambda:ListFunctions20150331 ecs:DescribeServices logs:DescribeLogGroups",
    },
    Application {
        account: DATA,
        role: "reports-etl",
        agent: PYTHON,
        share: 14,
        names: "\
            s3:GetObject glue:GetPartitions glue:GetTable kms:GenerateDataKey glue:BatchCreatePartition \
            athena:StartQueryExecution athena:GetQueryExecution glue:StartJobRun glue:GetJobRuns",
    },
    Application {
        account: DATA,
        role: "warehouse-loader",
        agent: JAVA,
        share: 9,
        names: "\
            kms:Decrypt s3:GetObject redshift:DescribeClusters secretsmanager:GetSecretValue \
            sts:GetCallerIdentity kinesis:DescribeStreamSummary firehose:DescribeDeliveryStream",
    },
    Application {
        account: SECURITY,
        role: "findings-forwarder",
        agent: PYTHON,
        share: 7,
        names: "\
            securityhub:GetFindings guardduty:ListFindings guardduty:GetFindings logs:CreateLogStream \
            kms:Decrypt config:GetComplianceDetailsByConfigRule access-analyzer:ListFindings",
    },
    Application {
        account: SECURITY,
        role: "cost-explorer-export",
        agent: PYTHON,
        share: 2,
        names: "ce:GetCostAndUsage organizations:ListAccounts sts:GetCallerIdentity",
    },
];

const RELEASE: &str = "\
    ecr:PutImage ecs:RegisterTaskDefinition ecs:UpdateService ecs:DescribeServices \
    lambda:UpdateFunctionCode20150331v2 lambda:PublishVersion20150331 cloudformation:DescribeStackEvents \
    cloudformation:DescribeStacks";

/// Releases: the same deployment role that the agent assumed, in rightful use.
pub fn releases(script: &mut Script) {
    for (run, (hour, minute)) in [(10, 20), (14, 10)].into_iter().enumerate() {
        let at = script.clock(hour, minute);
        let name = format!("release-{}", 512 + run);
        let session = assumption::forge(script, PRODUCTION, "Deployer", &name, at, NODE);
        script.call(at + 4, session, IRELAND, "cloudformation:CreateChangeSet", Outcome::Done);
        script.call(at + 19, session, IRELAND, "cloudformation:ExecuteChangeSet", Outcome::Done);
        script.burst(at + 25, 400, session, IRELAND, RELEASE, 24);
    }
}

/// An IAM user with a long-lived key that backs databases up by night.
pub fn backups(script: &mut Script) {
    let identity = identity::user(script.cast.seed, account_id(DATA), "svc-backup");
    let session = script.session(DATA, identity, "10.20.4.17", OLD_CLI);
    for hour in [0, 22, 23] {
        let at = script.clock(hour, 6);
        script.burst(at, 1_800, session, IRELAND, "rds:DescribeDBInstances rds:DescribeDBSnapshots", 16);
        script.burst(at + 60, 1_800, session, IRELAND, "rds:CreateDBSnapshot rds:DeleteDBSnapshot", 6);
    }
}

/// A role nobody named: it looks around in the night, then changes things.
pub fn migration(script: &mut Script) {
    let role = RoleSession {
        account: account_id(DATA),
        role: "tmp-migration",
        session: "laptop",
        created: script.clock(2, 8),
        ..RoleSession::default()
    };
    let session = script.role(DATA, &role, "203.0.113.77", OLD_CLI);
    let look = "rds:DescribeDBInstances ec2:DescribeSecurityGroups iam:ListRoles s3:ListBuckets";
    script.burst(script.clock(2, 10), 2_400, session, IRELAND, look, 38);
    for (hour, minute, name) in [
        (2, 51, "rds:CreateDBSnapshot"),
        (2, 58, "ec2:AuthorizeSecurityGroupIngress"),
        (3, 6, "rds:ModifyDBInstance"),
        (3, 9, "rds:ModifyDBInstance"),
        (3, 24, "iam:AttachRolePolicy"),
        (3, 40, "s3:PutBucketLifecycle"),
    ] {
        script.call(script.clock(hour, minute), session, IRELAND, name, Outcome::Done);
    }
}

/// Applications, until the script has `total` calls.
pub fn applications(script: &mut Script, total: usize) {
    let seed = script.cast.seed;
    let mut crews = Vec::new();
    for application in &APPLICATIONS {
        let mut operations = Vec::new();
        for name in application.names.split_whitespace() {
            match script.cast.repertoire.find(name) {
                Some(index) => operations.push(index),
                None => script.absent.push(name.to_owned()),
            }
        }
        let sessions: Vec<usize> = (0..script.hours.div_ceil(6))
            .map(|part| {
                let name = instance(&mut Chance::named(seed, &format!("{} {part}", application.role)));
                let role = RoleSession {
                    account: account_id(application.account),
                    role: application.role,
                    session: &name,
                    created: script.start + part * 6 * HOUR,
                    ..RoleSession::default()
                };
                script.role(application.account, &role, &format!("10.20.{part}.31"), application.agent)
            })
            .collect();
        crews.push((application, Ranks::new(operations.len()), operations, sessions));
    }
    let shares: Vec<usize> = share_out(crews.iter().map(|crew| crew.0.share));
    while script.calls.len() < total {
        let at = moment(script);
        let crew = script.chance.pick(&shares);
        let Some((application, ranks, operations, sessions)) = crews.get(crew) else { break };
        let part = usize::try_from((at - script.start) / (6 * HOUR)).unwrap_or(0);
        let (Some(&session), Some(&operation)) =
            (sessions.get(part), operations.get(ranks.draw(&mut script.chance)))
        else {
            break;
        };
        let region = region(script, application, at);
        // The missing hour took its calls with it: draw another.
        if !script.is_missing(at, session, region) {
            let outcome = outcome(&mut script.chance);
            script.listed(at, session, region, operation, outcome, true);
        }
    }
}

/// Indexes, each as often as its share.
fn share_out(shares: impl Iterator<Item = u64>) -> Vec<usize> {
    let times = |share| usize::try_from(share).unwrap_or(1);
    shares.enumerate().flat_map(|(index, share)| std::iter::repeat_n(index, times(share))).collect()
}

/// A moment of the trail, more often by day.
fn moment(script: &mut Script) -> u64 {
    loop {
        let at = script.chance.below(script.hours * HOUR - LAG);
        let hour = usize::try_from(at / HOUR % 24).unwrap_or(0);
        if script.chance.below(17) < CURVE.get(hour).copied().unwrap_or(0) {
            return script.start + at;
        }
    }
}

/// Where an application calls: mostly Ireland, and in Frankfurt only production's, and only by day.
fn region(script: &mut Script, application: &Application, at: u64) -> usize {
    let day = (7..19).contains(&((at - script.start) / HOUR % 24));
    match script.chance.below(100) {
        0..56 => IRELAND,
        56..92 => VIRGINIA,
        _ if day && application.account == PRODUCTION => FRANKFURT,
        _ => IRELAND,
    }
}

/// How everyday calls end: nearly always well.
fn outcome(chance: &mut Chance) -> Outcome {
    match chance.below(1_000) {
        0..13 => Outcome::Throttled,
        13..21 => Outcome::NotFound,
        21..24 => Outcome::Denied,
        _ => Outcome::Done,
    }
}

/// The name of an instance, which is the name of its session.
fn instance(chance: &mut Chance) -> String {
    let mut name = String::from("i-0");
    chance.hex(&mut name, 16);
    name
}
