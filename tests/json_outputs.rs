//! The JSON of each command: it fits a published schema, and no command prints JSON that is not in the list.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use std::{collections::BTreeSet, fs};

use fixture::{PRIVATE_KEY, PUBLIC_KEY, RecordedCall, TestDirectory, WATCH_AUDITOR, WRITE_CALL, object};
use serde_json::Value;
use test_support::schemas::{published_path, schema_violation};

/// The catalog that is built in.
const CATALOG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/shared/data/catalog.bin");

/// How the text of a command follows its schema.
#[derive(Clone, Copy, Debug)]
enum JsonForm {
    /// One value.
    Value,
    /// A list of values.
    Items,
    /// A value in each line.
    Lines,
}
use JsonForm::{Items, Lines, Value as One};

/// Command lines that print JSON: arguments separated by spaces, the name of the schema, and the form. `CATALOG`, `BEFORE` and `AFTER` are files.
const PRINTED: &[(&str, &str, JsonForm)] = &[
    ("sweep logs --no-state --json", "report", One),
    ("sweep logs --no-state --format json", "report", One),
    ("report --json", "report", One),
    ("report --format json", "report", One),
    ("report --list --json", "sweep-list", One),
    ("report --diff BEFORE AFTER --json", "report-diff", One),
    ("verify trail logs --format json", "trail-integrity", One),
    ("verify certificate certificate.json --public-key public.pem --json", "certificate-verification", One),
    (
        "verify certificate certificate.json --public-key public.pem --state .onlooker --json",
        "certificate-verification",
        One,
    ),
    ("verify certificate key.pem --public-key public.pem --json", "certificate-verification", One),
    ("gate --format json", "gate", One),
    ("health --json", "health", One),
    ("check s3:GetObject s3:PutObject s3:GetObjcet --json", "check", One),
    ("check --explain s3:GetObject --json", "check", One),
    ("permissions --policy policy.json --json", "permissions", One),
    ("permissions --policy policy.json --format json", "permissions", One),
    ("permissions --policy policy.json --list --json", "granted-action", Lines),
    ("permissions --policy policy.json --list --format jsonl", "granted-action", Lines),
    ("permissions diff policy.json wider.json --json", "permissions-diff", One),
    ("permissions diff policy.json wider.json --format json", "permissions-diff", One),
    (
        "permissions graph security.json workload.json data.json --from arn:aws:iam::*:role/AuditHub --json",
        "principal-graph",
        One,
    ),
    (
        "permissions graph security.json workload.json data.json --from arn:aws:iam::*:role/AuditHub --format json",
        "principal-graph",
        One,
    ),
    ("guardrails --policy policy.json --kind boundary --json", "guardrails", One),
    ("replay --catalog CATALOG --json", "replay", One),
    ("replay --catalog CATALOG --certificate key.pem --public-key public.pem --json", "replay", One),
    ("audit query --format json", "audit-entry", Items),
    ("audit export", "audit-entry", Lines),
    ("audit summary --json", "audit-summary", One),
    ("audit verify --json", "audit-verification", One),
    ("audit seal", "audit-seal", One),
    ("backup create --to backups --json", "backup-manifest", One),
    ("backup list backups --json", "backup-list", One),
    ("backup verify backups --json", "backup-verification", One),
    ("backup restore backups latest --dry-run --json", "restore-plan", One),
    ("backup prune backups --keep 1 --dry-run --json", "backup-rotation", One),
    ("ops kms --json", "ops", One),
    ("catalog show --json", "catalog", One),
    ("catalog diff CATALOG CATALOG --json", "catalog-diff", One),
    ("catalog accuracy cases.tsv --json", "catalog-accuracy", One),
    ("catalog accuracy cases.tsv --misses --json", "catalog-accuracy", One),
    ("config validate --quick --json", "config-validation", One),
    ("config validate --quick --json --config wrong.toml", "config-validation", One),
    ("config validate --quick --json --config absent-catalog.toml", "config-validation", One),
    ("config show --json", "configuration", One),
    ("doctor --json", "doctor", One),
    ("standards list --json", "standards", One),
    ("standards show SOC2 --json", "standards", One),
    ("standards validate pack.toml --json", "standards", One),
    ("override list --json", "override-list", One),
];

/// Options with JSON in a form of others: policy documents of IAM.
const NOT_OURS: &[(&str, &str)] = &[("guardrails", "--format")];

/// Two sweeps with their state, and files for each command.
fn prepared() -> (TestDirectory, [String; 2]) {
    let directory = TestDirectory::with_compliant_trail();
    let overrides = [("live", "2027-01-01", "2099-01-01"), ("over", "2026-01-01", "2026-02-01")].map(
        |(id, from, expires)| {
            format!(
                "[[override]]\nid = \"{id}\"\nprincipal = \"arn:aws:iam::*:role/Auditor\"\noperation = \"ssm:StartSession\"\n\
                 owner = \"a\"\nreason = \"b\"\nfrom = \"{from}T00:00:00Z\"\nexpires = \"{expires}T00:00:00Z\"\n"
            )
        },
    );
    directory.write("onlooker.toml", format!("{}{}", fixture::MANAGEMENT_ONLY_CONFIG, overrides.concat()));
    let swept = |code| {
        directory.run(&["sweep", "logs", "--json", WATCH_AUDITOR]).assert_exit_code(code).report().run.run_id
    };
    let first = swept(0);
    directory.write("key.pem", PRIVATE_KEY);
    directory.write("public.pem", PUBLIC_KEY);
    let certify = "certify --principal arn:aws:iam::111122223333:role/Auditor --key key.pem --out certificate.json \
                   --since 2026-10-06T10:00:00Z --until 2026-10-06T13:00:00Z";
    directory.run(&certify.split_whitespace().collect::<Vec<_>>()).assert_exit_code(0);
    directory.write("logs/13.json.gz", object(&[RecordedCall { at: "06T13:00", ..WRITE_CALL }]));
    let second = swept(1);
    let policy = |actions: &str| {
        format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": [{actions}], "Resource": "*"}}]}}"#
        )
    };
    directory.write("policy.json", policy(r#""s3:Get*", "ec2:Describe*""#));
    directory.write("wider.json", policy(r#""s3:Get*", "s3:PutObject", "ec2:Describe*""#));
    for name in ["security.json", "workload.json", "data.json"] {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/principal_graph");
        directory.write(name, fs::read(format!("{path}/{name}")).expect("a file"));
    }
    directory.write(
        "cases.tsv",
        "form\tsource\tname\texpected\tsensitive\tmutates\niam\ts3\tPutObject\tsafe\t0\t0\niam\ts3\tGetObject\tsafe\t1\t0\n",
    );
    directory.write("wrong.toml", "watch = 1\n[thresholds]\nunknown = 1\n");
    directory.write("absent-catalog.toml", "catalog = \"absent.bin\"\n");
    directory.write("pack.toml", "id = 1\n");
    (directory, [first, second])
}

/// The schema of this name.
fn schema(name: &str) -> Value {
    let path = published_path(&format!("{name}.schema.json"));
    serde_json::from_slice(&fs::read(&path).unwrap_or_else(|_| panic!("no {}", path.display())))
        .expect("JSON")
}

/// The values that a text has; the error is the reason why it has none.
fn values(text: &str, form: JsonForm) -> Result<Vec<Value>, String> {
    let read = |text: &str| serde_json::from_str::<Value>(text).map_err(|error| format!("{error}: {text}"));
    let values = match form {
        One => vec![read(text)?],
        Items => read(text)?.as_array().cloned().unwrap_or_default(),
        Lines => text.lines().map(read).collect::<Result<_, _>>()?,
    };
    if values.is_empty() { Err("it printed nothing".to_owned()) } else { Ok(values) }
}

/// Whether a value, or each item of a list, names the version of its shape.
fn names_its_version(value: &Value, schema: &Value) -> bool {
    let comment = schema["$comment"].as_str().and_then(|comment| comment.strip_prefix("version "));
    let version = |one: &Value| {
        let found = ["schema_version", "version"].map(|field| &one[field]);
        found.into_iter().any(|found| {
            found
                .as_str()
                .map(str::to_owned)
                .or_else(|| found.as_u64().map(|number| number.to_string()))
                .as_deref()
                == comment
        })
    };
    match value.as_array() {
        Some(items) => !items.is_empty() && items.iter().all(version),
        None => version(value),
    }
}

#[test]
fn the_json_of_each_command_fits_its_published_schema() {
    let (directory, [first, second]) = prepared();
    let report = |run: &str| format!(".onlooker/reports/{run}.json");
    let mut wrong = Vec::new();
    for &(line, name, form) in PRINTED {
        let line = line
            .replace("CATALOG", CATALOG)
            .replace("BEFORE", &report(&first))
            .replace("AFTER", &report(&second));
        let ran = directory.run(&line.split_whitespace().collect::<Vec<_>>());
        let schema = schema(name);
        match values(&ran.stdout, form) {
            Err(why) => wrong.push(format!("{line}: {why} {}", ran.stderr)),
            Ok(values) => {
                for value in values {
                    wrong.extend(
                        schema_violation(&value, &schema, &schema, "$").map(|at| format!("{line}: {at}")),
                    );
                    if !names_its_version(&value, &schema) {
                        wrong.push(format!("{line}: no version in {value}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each option of a command and its subcommands that prints JSON, as `PATH --json` or `PATH --format`.
fn json_options(directory: &TestDirectory, path: &[String], found: &mut BTreeSet<(String, &'static str)>) {
    let mut args: Vec<&str> = path.iter().map(String::as_str).collect();
    args.push("--help");
    let help = directory.run(&args).assert_exit_code(0).stdout;
    let mut option = None;
    let mut is_list = false;
    for line in help.lines() {
        let text = line.trim_start();
        let indented = line.len() - text.len();
        match line {
            "Commands:" => is_list = true,
            "" => is_list = false,
            _ if is_list && indented == 2 => {
                let name = text.split_whitespace().next().expect("a name").to_owned();
                if name != "help" {
                    json_options(directory, &[path, &[name]].concat(), found);
                }
            }
            _ if text.starts_with('-') && indented < 8 => {
                option = ["--json", "--format"]
                    .into_iter()
                    .find(|option| text.split([' ', ',']).any(|word| word == *option));
                if option == Some("--json") {
                    found.insert((path.join(" "), "--json"));
                }
            }
            _ if indented == 0 => option = None,
            _ if option == Some("--format")
                && text
                    .split(|c: char| !c.is_alphanumeric())
                    .any(|word| matches!(word, "json" | "jsonl")) =>
            {
                found.insert((path.join(" "), "--format"));
            }
            _ => {}
        }
    }
}

#[test]
fn each_option_that_prints_json_is_in_the_list() {
    let mut found = BTreeSet::new();
    json_options(&TestDirectory::new(), &[], &mut found);
    assert!(found.len() > 35, "{found:?}");
    // A line belongs to the longest path that it begins with.
    let listed: BTreeSet<(&str, &str)> = PRINTED
        .iter()
        .flat_map(|(line, ..)| {
            let begins = |path: &&str| line.strip_prefix(*path).is_some_and(|rest| rest.starts_with(' '));
            let path =
                found.iter().map(|(path, _)| path.as_str()).filter(begins).max_by_key(|path| path.len());
            line.split(' ').filter_map(move |word| path.map(|path| (path, word)))
        })
        .collect();
    let missing: Vec<_> = found
        .iter()
        .map(|(path, option)| (path.as_str(), *option))
        .filter(|one| !listed.contains(one) && !NOT_OURS.contains(one))
        .collect();
    assert!(
        missing.is_empty(),
        "{missing:?}: give the JSON a `schema_version` and a schema in docs/, and add a line to PRINTED in tests/json_outputs.rs"
    );
}

#[test]
fn the_index_of_the_documents_lists_each_schema() {
    let index = fs::read_to_string(published_path("README.md")).expect("the index");
    for entry in fs::read_dir(published_path("")).expect("a folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("text");
        assert!(!name.ends_with(".schema.json") || index.contains(&format!("({name})")), "{name}");
    }
}
