//! The principals of the benchmark.
//!
//! Enters: a seed, accounts, and the number of principals. Leaves: their sessions, by account. Law: the kinds have
//! the proportions of a large organization: mostly roles, some IAM users and Identity Center users, AWS services in
//! every account, one root user in each account.

use super::random::SeededRandom;
use super::record::{CallerSession, DemoContext};
use super::user_identity::{self, RoleSession};

/// Random stream of the principals.
const PRINCIPALS_STREAM: u64 = 7;

const ROLE_NAMES: [&str; 16] = [
    "app",
    "deploy",
    "audit",
    "lambda-exec",
    "eks-node",
    "ecs-task",
    "data",
    "glue",
    "batch",
    "monitoring",
    "backup",
    "inventory",
    "terraform",
    "scanner",
    "replicator",
    "gateway",
];
const USER_NAMES: [&str; 8] = ["amara", "bjorn", "chidi", "delphine", "emeka", "freya", "goran", "hanna"];
const SERVICES: [&str; 6] = [
    "lambda.amazonaws.com",
    "ecs-tasks.amazonaws.com",
    "ec2.amazonaws.com",
    "config.amazonaws.com",
    "dynamodb.amazonaws.com",
    "cloudtrail.amazonaws.com",
];
const USER_AGENTS: [&str; 6] = [
    "Boto3/1.40.21 md/Botocore#1.40.21 ua/2.1 os/linux#6.1.147 md/arch#x86_64 lang/python#3.12.11 md/pyimpl#CPython cfg/retry-mode#standard Botocore/1.40.21",
    "aws-sdk-go-v2/1.38.3 ua/2.1 os/linux lang/go#1.24.6 md/GOOS#linux md/GOARCH#arm64 m/E,g",
    "aws-sdk-java/2.33.4 md/io#sync md/http#Apache ua/2.1 os/Linux#6.1.147 lang/java#21.0.8 md/OpenJDK_64-Bit_Server_VM#21.0.8 md/vendor#Amazon.com_Inc. exec-env/AWS_ECS_FARGATE m/D,N",
    "aws-sdk-js/3.879.0 ua/2.1 os/linux#5.10.240 lang/js md/nodejs#22.19.0 exec-env/AWS_Lambda_nodejs22.x m/E,b",
    "APN/1.0 HashiCorp/1.0 Terraform/1.13.1 (+https://www.terraform.io) terraform-provider-aws/6.11.0 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.38.3 ua/2.1 os/linux lang/go#1.24.6 md/GOOS#linux md/GOARCH#amd64",
    "aws-cli/2.28.16 md/awscrt#0.27.6 ua/2.1 os/macos#24.6.0 md/arch#arm64 lang/python#3.13.7 md/pyimpl#CPython m/G,E,b,C cfg/retry-mode#standard md/installer#exe md/prompt#off",
];

/// One principal of the benchmark.
#[derive(Clone, Debug)]
pub struct BenchmarkPrincipal {
    /// Indexes of the principal's sessions.
    pub sessions: Vec<usize>,
    /// Whether the principal is an AWS service, which calls only a few operations.
    pub is_service: bool,
}

/// Creates the principals of each account, most active first; `count` in all accounts together, at least two in each.
pub fn create_principals(
    cast: &mut DemoContext,
    start: u64,
    span: u64,
    count: usize,
) -> Vec<Vec<BenchmarkPrincipal>> {
    let accounts = cast.accounts.len();
    let each = count.checked_div(accounts).unwrap_or(0).max(2);
    (0..accounts)
        .map(|account| {
            (0..each).map(|rank| create_principal(cast, account, rank, each, start, span)).collect()
        })
        .collect()
}

fn create_principal(
    cast: &mut DemoContext,
    account: usize,
    rank: usize,
    each: usize,
    start: u64,
    span: u64,
) -> BenchmarkPrincipal {
    let mut chance = SeededRandom::of(cast.seed, PRINCIPALS_STREAM, (account * each + rank) as u64);
    let (id, seed) = (cast.account(account).to_owned(), cast.seed);
    let address = format!("198.51.{}.{}", chance.below(256), chance.between(1, 254));
    let agent = chance.pick(&USER_AGENTS);
    let mut join = |identity, arn, address: &str, agent: &str, remote, console| {
        let (address, agent) = (address.to_owned(), agent.to_owned());
        cast.add_session(CallerSession {
            account,
            identity,
            arn,
            source_ip_address: address,
            user_agent: agent,
            has_tls_details: remote,
            is_console: console,
        })
    };
    let person = chance.pick(&USER_NAMES);
    if rank + 1 == each {
        let root = join(
            user_identity::root(&id, Some(start)),
            format!("arn:aws:iam::{id}:root"),
            &address,
            agent,
            true,
            false,
        );
        return BenchmarkPrincipal { sessions: vec![root], is_service: false };
    }
    match rank % 12 {
        1 => {
            let service = chance.pick(&SERVICES);
            let only = join(user_identity::service(service), String::new(), service, service, false, false);
            BenchmarkPrincipal { sessions: vec![only], is_service: true }
        }
        4 | 8 => {
            let name = format!("{person}-{rank:03}");
            let arn = format!("arn:aws:iam::{id}:user/{name}");
            let only = join(user_identity::user(seed, &id, &name), arn, &address, agent, true, false);
            BenchmarkPrincipal { sessions: vec![only], is_service: false }
        }
        11 => {
            let identity =
                user_identity::federated(seed, &id, "portal", &format!("partner-{rank:03}"), start);
            BenchmarkPrincipal {
                sessions: vec![join(identity, String::new(), &address, agent, true, false)],
                is_service: false,
            }
        }
        kind => {
            let directory = kind == 6;
            let role = format!("{}-role-{rank:03}", chance.pick(&ROLE_NAMES));
            let role =
                if directory { format!("AWSReservedSSO_Engineer{rank:03}_3f9c21d07ab4e865") } else { role };
            let path = if directory { "/aws-reserved/sso.amazonaws.com/" } else { "/" };
            // The most active principals have the most sessions.
            let most = 2 + 10 * (each - rank) as u64 / each as u64;
            let sessions = (0..chance.between(1, most))
                .map(|_| {
                    let mut name = String::new();
                    if directory {
                        name = format!("{}@larkspur.example", chance.pick(&USER_NAMES));
                    } else {
                        name.push_str("i-0");
                        chance.hex(&mut name, 16);
                    }
                    let created = start + chance.below(span);
                    let mut key = String::from("ASIA");
                    chance.base32(&mut key, 16);
                    let session = RoleSession {
                        account: &id,
                        path,
                        role: &role,
                        session: &name,
                        created_at: created,
                        access_key_id: Some(&key),
                        ..RoleSession::default()
                    };
                    let agent = if directory { "AWS Internal" } else { agent };
                    join(session.user_identity(seed), session.arn(), &address, agent, !directory, directory)
                })
                .collect();
            BenchmarkPrincipal { sessions, is_service: false }
        }
    }
}
