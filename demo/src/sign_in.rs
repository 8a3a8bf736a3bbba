//! Sign-in events and console sessions.
//!
//! Enters: the script. Leaves: sign-in events of the root user, an IAM user and Identity Center users, and their
//! calls in the console. Law: a sign-in is not an API call, and its `readOnly` is false although it changes nothing.

use super::outcome::DemoOutcome;
use super::record::EventBody;
use super::scenario::{DATA, IRELAND, PRODUCTION, SECURITY, VIRGINIA, account_id};
use super::script::DemoScript;
use super::user_identity::{self, RoleSession};
use super::utc_time::UtcTime;

const BROWSER_USER_AGENT: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
const CONSOLE_USER_AGENT: &str = "AWS Internal";
/// The identity store of Identity Center.
const IDENTITY_STORE: &str = "arn:aws:identitystore::111122223333:identitystore/d-9067f0c1e2";
/// The role that Identity Center creates for a permission set.
const POWER_USER_ROLE: &str = "AWSReservedSSO_PowerUserAccess_3f9c21d07ab4e865";

const CONSOLE_READS: &str = "\
    ec2:DescribeInstances ec2:DescribeInstanceStatus ec2:DescribeVolumes ec2:DescribeSecurityGroups \
    ec2:DescribeRegions ec2:DescribeVpcs ec2:DescribeAccountAttributes health:DescribeEventAggregates \
    monitoring:DescribeAlarms monitoring:ListMetrics logs:DescribeLogGroups logs:FilterLogEvents \
    lambda:ListFunctions20150331 lambda:GetFunction20150331v2 ecs:ListClusters ecs:DescribeServices \
    ecs:DescribeTasks s3:ListBuckets s3:GetBucketVersioning rds:DescribeDBInstances iam:ListRoles \
    iam:ListAccountAliases cloudformation:DescribeStacks cloudformation:DescribeStackEvents \
    tagging:GetResources cloudtrail:LookupEvents";
const CONSOLE_WRITES: &str = "\
    ec2:CreateTags ec2:RebootInstances ecs:UpdateService lambda:UpdateFunctionConfiguration20150331v2 \
    monitoring:PutMetricAlarm ssm:PutParameter logs:PutRetentionPolicy events:DisableRule";

/// A sign-in event; with an `error_message` it is a failed one.
fn sign_in_event(to: &str, mfa: bool, error_message: Option<&'static str>) -> EventBody {
    let (word, used) =
        (if error_message.is_some() { "Failure" } else { "Success" }, if mfa { "Yes" } else { "No" });
    EventBody {
        source: "signin",
        name: "ConsoleLogin",
        event_type: "AwsConsoleSignIn",
        response_elements: Some(format!(r#"{{"ConsoleLogin":"{word}"}}"#)),
        additional_event_data: Some(format!(
            r#"{{"LoginTo":"https://console.aws.amazon.com/{to}","MobileVersion":"No","MFAUsed":"{used}"}}"#
        )),
        error_message,
        ..EventBody::default()
    }
}

/// The root user signs in early and makes some reads.
pub fn root_user(script: &mut DemoScript) {
    let (id, at) = (account_id(SECURITY), script.time_at(6, 12));
    let door = script.add_session(SECURITY, user_identity::root(id, None), "192.0.2.200", BROWSER_USER_AGENT);
    script.add_event(at, door, VIRGINIA, sign_in_event("console/home?region=us-east-1", true, None));
    let inside =
        script.add_session(SECURITY, user_identity::root(id, Some(at)), "192.0.2.200", CONSOLE_USER_AGENT);
    for (after, name) in
        [(8, "iam:GetAccountSummary"), (9, "organizations:DescribeOrganization"), (31, "iam:ListUsers")]
    {
        script.add_call(at + after, inside, VIRGINIA, name, DemoOutcome::Succeeded);
    }
}

/// An IAM user mistypes the password twice, signs in, and makes some reads.
pub fn iam_user(script: &mut DemoScript) {
    let (id, at, seed) = (account_id(DATA), script.time_at(9, 51), script.cast.seed);
    let door = script.add_session(
        DATA,
        user_identity::user_at_sign_in(seed, id, "freya"),
        "192.0.2.77",
        BROWSER_USER_AGENT,
    );
    let failed = Some("Failed authentication");
    for (after, error_message) in [(0, failed), (14, failed), (40, None)] {
        script.add_event(
            at + after,
            door,
            VIRGINIA,
            sign_in_event("athena/home?region=us-east-1", false, error_message),
        );
    }
    let inside =
        script.add_session(DATA, user_identity::user(seed, id, "freya"), "192.0.2.77", CONSOLE_USER_AGENT);
    script.add_calls(at + 60, 1_500, inside, VIRGINIA, "athena:ListWorkGroups athena:ListQueryExecutions", 9);
}

/// Engineers sign in through Identity Center; they make many reads and a few writes.
pub fn engineers(script: &mut DemoScript) {
    let people = [
        ("amara@larkspur.example", "b1c7a2f0-40d1-70aa-9f21-6f1d3c55e001", 8),
        ("goran@larkspur.example", "b1c7a2f0-40d1-70aa-9f21-6f1d3c55e002", 9),
        ("hanna@larkspur.example", "b1c7a2f0-40d1-70aa-9f21-6f1d3c55e003", 10),
        ("emeka@larkspur.example", "b1c7a2f0-40d1-70aa-9f21-6f1d3c55e004", 13),
    ];
    for (n, (name, user, hour)) in people.into_iter().enumerate() {
        let (at, address) = (script.time_at(hour, 7 + 9 * n as u64), format!("192.0.2.{}", 100 + n));
        let directory = user_identity::directory_user(account_id(SECURITY), user, IDENTITY_STORE);
        let door = script.add_session(SECURITY, directory, &address, BROWSER_USER_AGENT);
        for (after, source, event) in
            [(0, "signin", "UserAuthentication"), (2, "sso", "Authenticate"), (5, "sso", "Federate")]
        {
            script.add_event(at + after, door, VIRGINIA, portal_event(source, event, name));
        }
        for account in [PRODUCTION, DATA] {
            let role = RoleSession {
                account: account_id(account),
                path: "/aws-reserved/sso.amazonaws.com/eu-west-1/",
                role: POWER_USER_ROLE,
                session: name,
                created_at: at + 6,
                on_behalf_of: (n == 2).then_some((user, IDENTITY_STORE)),
                ..RoleSession::default()
            };
            let door = script.add_role_session(account, &role, &address, BROWSER_USER_AGENT);
            script.add_event(
                at + 7,
                door,
                VIRGINIA,
                sign_in_event("console/home?region=eu-west-1", false, None),
            );
            let inside = script.add_role_session(account, &role, &address, CONSOLE_USER_AGENT);
            if let Some(session) = script.cast.sessions.get_mut(inside) {
                (session.is_console, session.has_tls_details) = (true, false);
            }
            for region in [VIRGINIA, IRELAND] {
                script.add_calls(at + 20, 12_000, inside, region, CONSOLE_READS, 26);
            }
            script.add_calls(at + 600, 9_000, inside, IRELAND, CONSOLE_WRITES, 5);
        }
    }
}

/// An event of the sign-in portal of Identity Center.
fn portal_event(source: &'static str, name: &'static str, user: &str) -> EventBody {
    EventBody {
        source,
        name,
        event_type: "AwsServiceEvent",
        additional_event_data: (source == "signin").then(|| {
            format!(r#"{{"AuthWorkflowID":"{user}","LoginTo":"https://d-9067f0c1e2.awsapps.com/start","CredentialType":"PASSWORD"}}"#)
        }),
        service_event_details: Some(format!(r#"{{"{name}":"Success"}}"#)),
        ..EventBody::default()
    }
}

/// A partner that reads as a federated user, and the IAM user of the portal that issues the partner's session.
pub fn federated_users(script: &mut DemoScript) {
    let (id, at, seed) = (account_id(DATA), script.time_at(12, 5), script.cast.seed);
    let portal = user_identity::user(seed, id, "partner-portal");
    let portal = script.add_session(
        DATA,
        portal,
        "198.51.100.140",
        "aws-sdk-java/2.33.4 md/io#sync ua/2.1 os/Linux#6.1 lang/java#21.0.8",
    );
    let mut expiration = String::new();
    UtcTime::from_seconds(at + 3_600).push_english(&mut expiration);
    let body = EventBody {
        source: "sts",
        name: "GetFederationToken",
        read_only: true,
        request_parameters: Some(r#"{"name":"acme-freight","durationSeconds":3600}"#.to_owned()),
        response_elements: Some(format!(
            r#"{{"credentials":{{"accessKeyId":"{}","expiration":"{expiration}"}},"federatedUser":{{"federatedUserId":"{id}:acme-freight","arn":"arn:aws:sts::{id}:federated-user/acme-freight"}},"packedPolicySize":8}}"#,
            user_identity::unique_id(
                seed,
                "ASIA",
                16,
                &format!("arn:aws:sts::{id}:federated-user/acme-freight")
            )
        )),
        ..EventBody::default()
    };
    script.add_event(at, portal, VIRGINIA, body);
    let partner = user_identity::federated(seed, id, "partner-portal", "acme-freight", at);
    let partner = script.add_session(
        DATA,
        partner,
        "198.51.100.140",
        "Boto3/1.40.9 md/Botocore#1.40.9 lang/python#3.11.9",
    );
    let names = "athena:GetWorkGroup athena:StartQueryExecution athena:GetQueryExecution glue:GetTables";
    script.add_calls(at + 10, 3_000, partner, VIRGINIA, names, 34);
}
