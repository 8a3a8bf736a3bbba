//! The recipes of `docs/compliant.md`: each ends with `COMPLIANT`, and without any one of its parts it ends with another
//! exit code, names what is missing and says what mends it.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use fixture::{ACCOUNT, OTHER_ACCOUNT, READ_CALL, RecordedCall, TestDirectory, WRITE_CALL, gzip};
use serde_json::{Value, json};

/// The Region of most calls; events of global services are in `us-east-1`.
const HOME_REGION: &str = "eu-west-1";

/// What a recipe ends with.
#[derive(Clone, Copy)]
struct Removal {
    what: &'static str,
    exit_code: i32,
    /// Words of the report that name what is missing.
    named: &'static str,
    /// Words of the report that say what mends it.
    mended_by: &'static str,
}

/// The evidence and configuration of a recipe: the files, and the changes of the configuration.
#[derive(Clone)]
struct Recipe {
    profile: &'static str,
    /// Lines of the profile, and what they are replaced with.
    edits: Vec<(String, String)>,
    files: Vec<(String, Vec<u8>)>,
    arguments: Vec<&'static str>,
}

impl Recipe {
    /// Three hours, of which the second and the last are quiet, in these accounts and two Regions.
    fn new(profile: &'static str, accounts: &[&'static str]) -> Self {
        let mut files = Vec::new();
        for (n, account) in (0..).zip(accounts) {
            for (m, region) in (0..).zip(["us-east-1", HOME_REGION]) {
                let read =
                    RecordedCall { id: 100 + 10 * n + m, at: "06T21:30", account, region, ..READ_CALL };
                let write = RecordedCall { id: read.id + 500, role: "Builder", ..WRITE_CALL };
                let write = RecordedCall { at: read.at, account, region, ..write };
                files.push((log_file(account, region, "06T21"), log_of(&[read.json(), write.json()])));
                for (hour, until) in [("06T21", "06T22"), ("06T22", "06T23"), ("06T23", "07T00")] {
                    let listed = if hour == "06T21" { Some("21:30:00") } else { None };
                    files.push((
                        digest_file(account, region, until),
                        digest_of(account, region, hour, until, listed),
                    ));
                }
            }
        }
        Self {
            profile,
            edits: vec![(
                "regions = [\"us-east-1\"]".to_owned(),
                format!("regions = [\"us-east-1\", \"{HOME_REGION}\"]"),
            )],
            files,
            arguments: vec!["--since=2026-10-06T21:00:00Z", "--until=2026-10-07T00:00:00Z"],
        }
    }

    fn with_log(mut self, account: &str, region: &str, records: &[Value]) -> Self {
        let name = log_file(account, region, "06T21").replace("_a.json", "_b.json");
        self.files.push((name, log_of(records)));
        self
    }

    fn edited(mut self, line: &str, by: impl Into<String>) -> Self {
        self.edits.push((line.to_owned(), by.into()));
        self
    }

    fn with_file(mut self, name: &str, text: &Value) -> Self {
        self.files.push((name.to_owned(), text.to_string().into_bytes()));
        self
    }

    fn without_files(mut self, part: &str) -> Self {
        let before = self.files.len();
        self.files.retain(|(name, _)| !name.contains(part));
        assert!(self.files.len() < before, "no file of `{part}`");
        self
    }

    fn without_edit(mut self, line: &str) -> Self {
        let before = self.edits.len();
        self.edits.retain(|(edited, _)| *edited != line);
        assert!(self.edits.len() < before, "no edit of `{line}`");
        self
    }

    fn without_argument(mut self, argument: &str) -> Self {
        let before = self.arguments.len();
        self.arguments.retain(|one| *one != argument);
        assert!(self.arguments.len() < before, "no argument `{argument}`");
        self
    }

    /// The report, after the exit code was checked.
    fn report(&self, exit_code: i32) -> String {
        let home = TestDirectory::new();
        home.run(&["config", "init", "--profile", self.profile]).assert_exit_code(0);
        let mut config = std::fs::read_to_string(home.join("onlooker.toml")).expect("a configuration");
        for (line, by) in &self.edits {
            assert!(config.contains(&**line), "no `{line}` in the profile {}", self.profile);
            config = config.replace(&**line, by);
        }
        // The values of the examples are right here.
        home.write("onlooker.toml", config.replace("# EDIT: ", "# "));
        home.run(&["config", "validate"]).assert_exit_code(0);
        for (name, bytes) in &self.files {
            home.write(name, bytes);
        }
        let arguments = [&["sweep", "logs", "--no-state", "--json"], &*self.arguments].concat();
        let ran = home.run(&arguments);
        assert_eq!(
            ran.exit_code,
            exit_code,
            "{} {}",
            ran.report().result.summary.status_reasons.join("; "),
            ran.stderr
        );
        ran.stdout
    }

    #[track_caller]
    fn check(&self, removals: &[(Self, Removal)]) {
        self.report(0);
        for (recipe, Removal { what, exit_code, named, mended_by }) in removals {
            let report = recipe.report(*exit_code);
            assert!(report.contains(named), "without {what}: `{named}` is not said");
            assert!(report.contains(mended_by), "without {what}: `{mended_by}` is not said");
        }
    }
}

fn log_file(account: &str, region: &str, hour: &str) -> String {
    let (day, hour) = hour.split_once('T').expect("a day and an hour");
    format!(
        "logs/AWSLogs/{account}/CloudTrail/{region}/2026/10/{day}/{account}_CloudTrail_{region}_202610{day}T{hour}35Z_a.json.gz"
    )
}

/// A digest file is in the folder of the day in which it is delivered: that of the last hour of a day, in the next one.
fn digest_file(account: &str, region: &str, until: &str) -> String {
    let (day, hour) = until.split_once('T').expect("a day and an hour");
    format!(
        "logs/AWSLogs/{account}/CloudTrail-Digest/{region}/2026/10/{day}/{account}_CloudTrail-Digest_{region}_trail_{region}_202610{day}T{hour}0000Z.json.gz"
    )
}

fn log_of(records: &[Value]) -> Vec<u8> {
    gzip(json!({ "Records": records }).to_string().as_bytes())
}

fn digest_of(account: &str, region: &str, hour: &str, until: &str, listed: Option<&str>) -> Vec<u8> {
    let (name, time) = (log_file(account, region, "06T21"), |at| format!("2026-10-06T{at}Z"));
    let files = listed.map(|at| json!({
        "s3Bucket": "audit-logs", "s3Object": name.trim_start_matches("logs/"), "hashValue": "00", "hashAlgorithm": "SHA-256",
        "oldestEventTime": time(at), "newestEventTime": time(at),
    }));
    let digest = json!({
        "awsAccountId": account,
        "digestStartTime": format!("2026-10-{hour}:00:00Z"),
        "digestEndTime": format!("2026-10-{until}:00:00Z"),
        "digestS3Bucket": "audit-logs",
        "digestS3Object": digest_file(account, region, until).trim_start_matches("logs/"),
        "logFiles": files.into_iter().collect::<Vec<_>>(),
    });
    gzip(digest.to_string().as_bytes())
}

const QUIET_HOUR: &str = "_trail_eu-west-1_20261006T230000Z";
const NEXT_DAY: &str = "CloudTrail-Digest/eu-west-1/2026/10/07";

/// What every recipe needs: the logs of each Region, and digest files of quiet hours, also those of the next day.
fn parts_of_the_trail(recipe: &Recipe) -> Vec<(Recipe, Removal)> {
    let hours = |what, named| Removal {
        what,
        exit_code: 3,
        named,
        mended_by: "Copy the log files and the digest files",
    };
    let of_region = "CloudTrail/eu-west-1/";
    vec![
        (
            recipe.clone().without_files(of_region),
            Removal {
                named: "1 log file that digest files list",
                mended_by: "Fetch the log files of this account, Region and time",
                ..hours("the log files of a region", "")
            },
        ),
        (
            recipe.clone().without_files(of_region).without_files("CloudTrail-Digest/eu-west-1/"),
            hours("a region", "3 hours in 111122223333 eu-west-1"),
        ),
        (
            recipe
                .clone()
                .without_files("CloudTrail/us-east-1/")
                .without_files("CloudTrail-Digest/us-east-1/"),
            hours("the region of global services", "3 hours in 111122223333 us-east-1"),
        ),
        (
            recipe.clone().without_files(QUIET_HOUR),
            hours("a digest file", "1 hour in 111122223333 eu-west-1"),
        ),
        (
            recipe.clone().without_files(NEXT_DAY),
            hours("the digest of the next day", "1 hour in 111122223333 eu-west-1"),
        ),
    ]
}

#[test]
fn a_promise_about_management_events() {
    let recipe = Recipe::new("management-only", &[ACCOUNT]);
    let mut removals = parts_of_the_trail(&recipe);
    removals.push((
        recipe.clone().edited("event_classes = [\"management-read\", \"management-write\"]", ""),
        Removal {
            what: "the event classes of the promise",
            exit_code: 3,
            named: "the event class `data` is not known to be logged",
            mended_by: "narrow the promise with `coverage.event_classes`",
        },
    ));
    removals.push((
        recipe.clone().edited("role/Auditor", "role/Auditer"),
        Removal {
            what: "the principal",
            exit_code: 3,
            named: "the evidence has no principal of the watch entry `arn:aws:iam::",
            mended_by: "pattern",
        },
    ));
    recipe.check(&removals);
}

/// The output of `get-event-selectors` and `describe-trails` for a trail in this account.
fn selectors(of_organization: bool) -> [(&'static str, Value); 2] {
    let arn = format!("arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/audit");
    let field = |name: &str, value: &str| json!({ "Field": name, "Equals": [value] });
    let data = ["AWS::S3::Object", "AWS::Lambda::Function", "AWS::DynamoDB::Table"].map(|resource| {
        json!({ "FieldSelectors": [field("eventCategory", "Data"), field("resources.type", resource)] })
    });
    let management = json!({ "FieldSelectors": [field("eventCategory", "Management")] });
    let all: Vec<Value> = std::iter::once(management).chain(data).collect();
    let trail =
        json!({ "TrailARN": arn, "IsMultiRegionTrail": true, "IsOrganizationTrail": of_organization });
    [
        ("selectors.json", json!({ "TrailARN": arn, "AdvancedEventSelectors": all })),
        ("trails.json", json!({ "trailList": [trail] })),
    ]
}

#[test]
fn a_promise_about_data_events() {
    let [(selectors_name, selectors), (trails_name, trails)] = selectors(false);
    let mut recipe =
        Recipe::new("full", &[ACCOUNT]).with_file(selectors_name, &selectors).with_file(trails_name, &trails);
    recipe.arguments.extend(["--selectors=selectors.json", "--selectors=trails.json"]);
    let mut removals = parts_of_the_trail(&recipe);
    for (argument, what) in [
        ("--selectors=selectors.json", "the selectors of the trail"),
        ("--selectors=trails.json", "the description of the trail"),
    ] {
        removals.push((
            recipe.clone().without_argument(argument),
            Removal {
                what,
                exit_code: 3,
                named: "are not known to be logged",
                mended_by: "give its selectors with `--selectors`",
            },
        ));
    }
    recipe.check(&removals);
}

#[test]
fn an_organization() {
    let recipe = Recipe::new("organization", &[ACCOUNT, OTHER_ACCOUNT]);
    let mut removals = parts_of_the_trail(&recipe);
    removals.push((
        recipe.clone().without_files(&format!("AWSLogs/{OTHER_ACCOUNT}/")),
        Removal {
            what: "the logs of an account",
            exit_code: 3,
            named: "3 hours in 444455556666 eu-west-1",
            mended_by: "Copy the log files and the digest files",
        },
    ));
    recipe.check(&removals);
}

/// An assumption of a role of the other account, as an account records it.
fn assume_role(id: u32, account: &str) -> Value {
    let call =
        RecordedCall { id, at: "06T21:10", role: "CiPlan", source: "sts", name: "AssumeRole", ..READ_CALL };
    let mut record = call.json();
    record["recipientAccountId"] = account.into();
    record["resources"] =
        json!([{ "ARN": format!("arn:aws:iam::{OTHER_ACCOUNT}:role/Inventory"), "type": "AWS::IAM::Role" }]);
    record["responseElements"] = json!({ "assumedRoleUser": {
        "arn": format!("arn:aws:sts::{OTHER_ACCOUNT}:assumed-role/Inventory/session"), "assumedRoleId": "AROAEXAMPLE:session",
    } });
    if account != ACCOUNT {
        record["userIdentity"] =
            json!({ "type": "AWSAccount", "accountId": ACCOUNT, "principalId": "AROAEXAMPLE:CiPlan" });
    }
    record
}

#[test]
fn a_machine_role_that_reads_another_account() {
    let by_inventory =
        RecordedCall { id: 302, at: "06T21:20", account: OTHER_ACCOUNT, role: "Inventory", ..READ_CALL };
    let plan = RecordedCall { id: 303, at: "06T21:05", role: "CiPlan", ..READ_CALL };
    let watch = "principal = \"arn:aws:iam::*:role/Auditor\"\nreason = \"reads for the audit\"";
    let watches = format!(
        "principal = \"arn:aws:iam::{ACCOUNT}:role/CiPlan\"\nmachine = true\n\n[[watch]]\nprincipal = \"arn:aws:iam::{OTHER_ACCOUNT}:role/Inventory\"\nmachine = true"
    );
    let overrides = "\n[[override]]\nid = \"plan-reads-inventory\"\nprincipal = \"arn:aws:iam::111122223333:role/CiPlan\"\noperation = \"sts:AssumeRole\"\nresource = \"arn:aws:iam::444455556666:role/Inventory\"\nowner = \"platform\"\nreason = \"reads the inventory of the other account\"\nexpires = \"2027-06-30T00:00:00Z\"\n";
    let end = "\n# What people do besides reading";
    let recipe = Recipe::new("organization", &[ACCOUNT, OTHER_ACCOUNT])
        .with_log(ACCOUNT, "us-east-1", &[plan.json(), assume_role(300, ACCOUNT)])
        .with_log(OTHER_ACCOUNT, "us-east-1", &[assume_role(301, OTHER_ACCOUNT), by_inventory.json()])
        .edited(watch, watches)
        .edited(end, format!("{overrides}{end}"));
    let mut removals = parts_of_the_trail(&recipe);
    removals.push((
        recipe.clone().without_edit(end),
        Removal {
            what: "the override",
            exit_code: 1,
            named: "sts:AssumeRole",
            mended_by: "onlooker override add",
        },
    ));
    removals.push((
        recipe.clone().without_files(&format!("AWSLogs/{OTHER_ACCOUNT}/")),
        Removal {
            what: "the logs of the other account",
            exit_code: 3,
            named: "444455556666",
            mended_by: "Copy the log files and the digest files",
        },
    ));
    recipe.check(&removals);
}

/// A call of a user at the console.
fn by_jane(id: u32, source: &str, name: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut record = RecordedCall { id, at: "06T21:15", read_only: false, ..READ_CALL }.json();
    record["eventSource"] = format!("{source}.amazonaws.com").into();
    record["eventName"] = name.into();
    record["userIdentity"] = json!({
        "type": "IAMUser", "principalId": "AIDAEXAMPLE", "arn": format!("arn:aws:iam::{ACCOUNT}:user/jane"),
        "accountId": ACCOUNT, "userName": "jane",
    });
    change(&mut record);
    record
}

#[test]
fn a_person_at_the_console() {
    // The override of an IAM action allows the calls that need this action and no other.
    const BLOCKS: [(&str, &str); 13] = [
        ("mfa-session", "sts:GetSessionToken"),
        ("athena-query", "athena:StartQueryExecution"),
        ("athena-result", "s3:PutObject"),
        ("athena-result", "s3:CreateMultipartUpload"),
        ("athena-result", "s3:UploadPart"),
        ("athena-result", "s3:CompleteMultipartUpload"),
        ("cloudshell-environment", "cloudshell:CreateEnvironment"),
        ("cloudshell-start", "cloudshell:StartEnvironment"),
        ("cloudshell-session", "cloudshell:CreateSession"),
        ("cloudshell-session", "cloudshell:SendHeartBeat"),
        ("cloudshell-session", "cloudshell:DeleteSession"),
        ("cloudshell-credentials", "cloudshell:PutCredentials"),
        ("cloudshell-credentials", "cloudshell:RedeemCode"),
    ];
    let mut records = vec![by_jane(400, "signin", "ConsoleLogin", |record| {
        record["eventType"] = "AwsConsoleSignIn".into();
        record["responseElements"] = json!({ "ConsoleLogin": "Success" });
    })];
    for (id, (_, operation)) in (401..).zip(BLOCKS) {
        let (source, name) = operation.split_once(':').expect("a service");
        records.push(by_jane(id, source, name, |record| {
            if source == "s3" {
                record["managementEvent"] = false.into();
                record["eventCategory"] = "Data".into();
                record["resources"] = json!([
                    { "type": "AWS::S3::Object", "ARN": "arn:aws:s3:::athena-results-111122223333/q.csv" },
                    { "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::athena-results-111122223333", "accountId": ACCOUNT },
                ]);
            }
        }));
    }
    let template = onlooker_core::config::ConfigProfile::ManagementOnly.template();
    let all = Recipe::new("management-only", &[ACCOUNT])
        .with_log(ACCOUNT, "us-east-1", &records)
        .edited("arn:aws:iam::111122223333:role/Auditor", "arn:aws:iam::111122223333:user/jane")
        .edited("reason = \"reads for the audit\"", "reason = \"a person\"");
    let with_blocks = |left_out: &str| {
        let mut recipe = all.clone();
        let blocks = template.split("#[[override]]").skip(1);
        for block in blocks.filter(|block| !block.contains(&format!("\"{left_out}\""))) {
            let block: Vec<&str> = block.lines().take_while(|line| line.len() != 1).collect();
            let block = format!("#[[override]]{}", block.join("\n"));
            let active = block.replace("\n#", "\n").trim_start_matches('#').replace("EDIT: ", "");
            let active = active.replace("2027-06-30T00:00:00Z, at most a year away", "2027-06-30T00:00:00Z");
            recipe.edits.push((block, active));
        }
        recipe
    };
    let removals: Vec<(Recipe, Removal)> = BLOCKS
        .into_iter()
        .map(|(id, operation)| {
            let removal =
                Removal { what: id, exit_code: 1, named: operation, mended_by: "onlooker override add" };
            (with_blocks(id), removal)
        })
        .collect();
    with_blocks("none").check(&removals);
}
