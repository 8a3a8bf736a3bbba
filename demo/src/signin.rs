//! Scenes at the door: people who sign in.
//!
//! Enters: the script. Leaves: sign-in events of the root user, an IAM user and the directory, and
//! what those people then do in the console. Law: a sign-in is not an API call, and its `readOnly` is
//! false although it changes nothing.

use super::identity::{self, RoleSession};
use super::moment::Moment;
use super::outcome::Outcome;
use super::record::Told;
use super::script::Script;
use super::story::{DATA, IRELAND, PRODUCTION, SECURITY, VIRGINIA, account_id};

const BROWSER: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
const CONSOLE: &str = "AWS Internal";
/// The identity store of the directory.
const STORE: &str = "arn:aws:identitystore::111122223333:identitystore/d-9067f0c1e2";
/// Suffix that Identity Center gives the role of a permission set.
const POWER: &str = "AWSReservedSSO_PowerUserAccess_3f9c21d07ab4e865";

const BROWSE: &str = "\
    ec2:DescribeInstances ec2:DescribeInstanceStatus ec2:DescribeVolumes ec2:DescribeSecurityGroups \
    ec2:DescribeRegions ec2:DescribeVpcs ec2:DescribeAccountAttributes health:DescribeEventAggregates \
    monitoring:DescribeAlarms monitoring:ListMetrics logs:DescribeLogGroups logs:FilterLogEvents \
    lambda:ListFunctions20150331 lambda:GetFunction20150331v2 ecs:ListClusters ecs:DescribeServices \
    ecs:DescribeTasks s3:ListBuckets s3:GetBucketVersioning rds:DescribeDBInstances iam:ListRoles \
    iam:ListAccountAliases cloudformation:DescribeStacks cloudformation:DescribeStackEvents \
    tagging:GetResources cloudtrail:LookupEvents";
const CHANGE: &str = "\
    ec2:CreateTags ec2:RebootInstances ecs:UpdateService lambda:UpdateFunctionConfiguration20150331v2 \
    monitoring:PutMetricAlarm ssm:PutParameter logs:PutRetentionPolicy events:DisableRule";

/// A sign-in event; `complaint` makes it a failed one.
fn login(to: &str, mfa: bool, complaint: Option<&'static str>) -> Told {
    let (word, used) =
        (if complaint.is_some() { "Failure" } else { "Success" }, if mfa { "Yes" } else { "No" });
    Told {
        source: "signin",
        name: "ConsoleLogin",
        kind: "AwsConsoleSignIn",
        response: Some(format!(r#"{{"ConsoleLogin":"{word}"}}"#)),
        additional: Some(format!(
            r#"{{"LoginTo":"https://console.aws.amazon.com/{to}","MobileVersion":"No","MFAUsed":"{used}"}}"#
        )),
        complaint,
        ..Told::default()
    }
}

/// The root user signs in early and looks around.
pub fn root(script: &mut Script) {
    let (id, at) = (account_id(SECURITY), script.clock(6, 12));
    let door = script.session(SECURITY, identity::root(id, None), "192.0.2.200", BROWSER);
    script.tell(at, door, VIRGINIA, login("console/home?region=us-east-1", true, None));
    let inside = script.session(SECURITY, identity::root(id, Some(at)), "192.0.2.200", CONSOLE);
    for (after, name) in
        [(8, "iam:GetAccountSummary"), (9, "organizations:DescribeOrganization"), (31, "iam:ListUsers")]
    {
        script.call(at + after, inside, VIRGINIA, name, Outcome::Done);
    }
}

/// An IAM user mistypes the password twice, gets in, and looks around.
pub fn user(script: &mut Script) {
    let (id, at, seed) = (account_id(DATA), script.clock(9, 51), script.cast.seed);
    let door = script.session(DATA, identity::user_at_sign_in(seed, id, "freya"), "192.0.2.77", BROWSER);
    let refused = Some("Failed authentication");
    for (after, complaint) in [(0, refused), (14, refused), (40, None)] {
        script.tell(at + after, door, VIRGINIA, login("athena/home?region=us-east-1", false, complaint));
    }
    let inside = script.session(DATA, identity::user(seed, id, "freya"), "192.0.2.77", CONSOLE);
    script.burst(at + 60, 1_500, inside, VIRGINIA, "athena:ListWorkGroups athena:ListQueryExecutions", 9);
}

/// Engineers come in through Identity Center, look a lot and change a little.
pub fn engineers(script: &mut Script) {
    let people = [
        ("amara@larkspur.example", "b1c7a2f0-40d1-70aa-9f21-6f1d3c55e001", 8),
        ("goran@larkspur.example", "b1c7a2f0-40d1-70aa-9f21-6f1d3c55e002", 9),
        ("hanna@larkspur.example", "b1c7a2f0-40d1-70aa-9f21-6f1d3c55e003", 10),
        ("emeka@larkspur.example", "b1c7a2f0-40d1-70aa-9f21-6f1d3c55e004", 13),
    ];
    for (n, (name, user, hour)) in people.into_iter().enumerate() {
        let (at, address) = (script.clock(hour, 7 + 9 * n as u64), format!("192.0.2.{}", 100 + n));
        let directory = identity::directory_user(account_id(SECURITY), user, STORE);
        let door = script.session(SECURITY, directory, &address, BROWSER);
        for (after, source, event) in
            [(0, "signin", "UserAuthentication"), (2, "sso", "Authenticate"), (5, "sso", "Federate")]
        {
            script.tell(at + after, door, VIRGINIA, portal(source, event, name));
        }
        for account in [PRODUCTION, DATA] {
            let role = RoleSession {
                account: account_id(account),
                path: "/aws-reserved/sso.amazonaws.com/eu-west-1/",
                role: POWER,
                session: name,
                created: at + 6,
                on_behalf_of: (n == 2).then_some((user, STORE)),
                ..RoleSession::default()
            };
            let door = script.role(account, &role, &address, BROWSER);
            script.tell(at + 7, door, VIRGINIA, login("console/home?region=eu-west-1", false, None));
            let inside = script.role(account, &role, &address, CONSOLE);
            if let Some(session) = script.cast.sessions.get_mut(inside) {
                (session.console, session.remote) = (true, false);
            }
            for region in [VIRGINIA, IRELAND] {
                script.burst(at + 20, 12_000, inside, region, BROWSE, 26);
            }
            script.burst(at + 600, 9_000, inside, IRELAND, CHANGE, 5);
        }
    }
}

/// What the sign-in portal of Identity Center records.
fn portal(source: &'static str, name: &'static str, user: &str) -> Told {
    Told {
        source,
        name,
        kind: "AwsServiceEvent",
        additional: (source == "signin").then(|| {
            format!(r#"{{"AuthWorkflowID":"{user}","LoginTo":"https://d-9067f0c1e2.awsapps.com/start","CredentialType":"PASSWORD"}}"#)
        }),
        details: Some(format!(r#"{{"{name}":"Success"}}"#)),
        ..Told::default()
    }
}

/// Partners who read through a portal, as federated users, and the user that vends their sessions.
pub fn partners(script: &mut Script) {
    let (id, at, seed) = (account_id(DATA), script.clock(12, 5), script.cast.seed);
    let portal = identity::user(seed, id, "partner-portal");
    let portal = script.session(
        DATA,
        portal,
        "198.51.100.140",
        "aws-sdk-java/2.33.4 md/io#sync ua/2.1 os/Linux#6.1 lang/java#21.0.8",
    );
    let mut expiration = String::new();
    Moment::of(at + 3_600).push_english(&mut expiration);
    let told = Told {
        source: "sts",
        name: "GetFederationToken",
        read_only: true,
        request: Some(r#"{"name":"acme-freight","durationSeconds":3600}"#.to_owned()),
        response: Some(format!(
            r#"{{"credentials":{{"accessKeyId":"{}","expiration":"{expiration}"}},"federatedUser":{{"federatedUserId":"{id}:acme-freight","arn":"arn:aws:sts::{id}:federated-user/acme-freight"}},"packedPolicySize":8}}"#,
            identity::unique_id(seed, "ASIA", 16, &format!("arn:aws:sts::{id}:federated-user/acme-freight"))
        )),
        ..Told::default()
    };
    script.tell(at, portal, VIRGINIA, told);
    let partner = identity::federated(seed, id, "partner-portal", "acme-freight", at);
    let partner =
        script.session(DATA, partner, "198.51.100.140", "Boto3/1.40.9 md/Botocore#1.40.9 lang/python#3.11.9");
    let names = "athena:GetWorkGroup athena:StartQueryExecution athena:GetQueryExecution glue:GetTables";
    script.burst(at + 10, 3_000, partner, VIRGINIA, names, 34);
}
