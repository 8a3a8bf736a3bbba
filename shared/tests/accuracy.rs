//! How often the classification is correct, on labeled cases and real events.
//!
//! Enters: `tests/data`, and the folder named by `ONLOOKER_TEST_DATA`; without it the tests print that they were skipped
//! there. Leaves: counts on standard output. Laws: no unsafe call is classified as safe, on any row of any file; in the
//! repository every label agrees.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a test may panic and may print"
)]

use std::collections::{BTreeMap, BTreeSet};

use onlooker_core::catalog::Catalog;
use onlooker_core::classification::accuracy::{Accuracy, AccuracyCounts, LabeledCase, measure_accuracy};
use onlooker_core::classification::{ClassificationInput, classify};
use onlooker_core::jobs::gather::{GatherOptions, gather};
use onlooker_core::operation::{Capabilities, Mutates};
use onlooker_core::record::ReadLimits;
use onlooker_local::local_files::LocalFiles;
use test_support::test_data::TestData;

fn print(what: &str, figures: &AccuracyCounts) {
    println!(
        "{what:24} cases {:6}  unsafe classified safe {:3}  safe classified unsafe {:3} ({:.3} %)  unknown {:3} ({:.3} %)  \
         by pattern {:3}  mutates {}/{}  sensitive {}/{} (missed {})",
        figures.cases,
        figures.unsafe_classified_safe,
        figures.safe_classified_unsafe,
        figures.percent(figures.safe_classified_unsafe),
        figures.unknown,
        figures.percent(figures.unknown),
        figures.by_pattern,
        figures.mutates_agree,
        figures.mutates_cases,
        figures.sensitive_agree,
        figures.sensitive_cases,
        figures.sensitive_missed,
    );
}

fn report(result: &Accuracy) {
    for (form, figures) in &result.forms {
        print(form, figures);
    }
    print("all", &result.total);
    let verbose = std::env::var_os("ONLOOKER_TEST_MISSES").is_some();
    let limit = if verbose { usize::MAX } else { 20 };
    let mut seen = BTreeSet::new();
    for (what, misses) in [
        ("SAFE", &result.misses),
        ("MUTATES", &result.mutates_misses),
        ("SENSITIVE", &result.sensitive_misses),
    ] {
        for miss in misses.iter().take(limit) {
            let case = &miss.case;
            let classification = &miss.classification;
            if seen.insert(format!(
                "{what}{}:{}{}",
                classification.service, classification.operation, case.is_read_only
            )) {
                println!(
                    "  {what} {} {}:{} safe={} mutates={:?} sensitive={:?} -> {}:{} {} {} {:?} {}",
                    case.form,
                    case.service,
                    case.name,
                    case.is_read_only,
                    case.mutates,
                    case.sensitive,
                    classification.service,
                    classification.operation,
                    classification.operation_type,
                    classification.mutates,
                    classification.provenance,
                    classification.reason,
                );
            }
        }
    }
}

/// Operations that answer with a credential of a principal by AWS's API reference. The labels have the access level of
/// AWS, which is `Read`, so these are not counted as errors; each is checked to issue credentials.
const LABELED_BY_LEVEL: [&str; 6] = [
    "bedrock-agentcore:GetResourceOauth2Token",
    "emr-serverless:GetSessionEndpoint",
    "gamelift:GetComputeAuthToken",
    "glue:GetSessionEndpoint",
    "license-manager:GetAccessToken",
    "quicksight:GetSessionEmbedUrl",
];

/// The cases without those of [`LABELED_BY_LEVEL`].
fn without_disputed(cases: Vec<LabeledCase>) -> Vec<LabeledCase> {
    let is_disputed = |case: &LabeledCase| {
        let found = classify(Catalog::embedded(), &ClassificationInput::new(&case.service, &case.name));
        let key = format!("{}:{}", found.service, found.operation);
        let is_listed = LABELED_BY_LEVEL.contains(&key.as_str());
        assert!(!is_listed || found.capabilities.contains(Capabilities::ISSUE_CREDENTIALS), "{key}");
        is_listed
    };
    cases.into_iter().filter(|case| !is_disputed(case)).collect()
}

fn assert_limits(data: &TestData, result: &Accuracy) {
    let figures = &result.total;
    assert!(figures.cases > 0);
    assert_eq!(figures.unsafe_classified_safe, 0);
    if data.in_repository {
        assert_eq!(result.misses, []);
        assert_eq!(result.mutates_misses, []);
        assert_eq!(result.sensitive_misses, []);
    }
    assert!(
        figures.percent(figures.safe_classified_unsafe) <= 0.05,
        "{} safe calls classified as unsafe",
        figures.safe_classified_unsafe
    );
    assert!(figures.percent(figures.unknown) <= 0.5, "{} unknown", figures.unknown);
}

#[test]
fn labeled_classifications_agree() {
    for data in TestData::all("labeled operations") {
        let text = data.read("truth/truth_dev.tsv");
        let mut cases = LabeledCase::parse_all(&text);
        assert_eq!(cases.len() + 1, text.lines().count(), "a row without a label");
        // Rows of the second file replace those of the same name.
        if data.join("truth/corrections.tsv").exists() {
            let corrected = LabeledCase::parse_all(&data.read("truth/corrections.tsv"));
            let key = |case: &LabeledCase| (case.form.clone(), case.service.clone(), case.name.clone());
            let replaced: BTreeSet<_> = corrected.iter().map(key).collect();
            cases.retain(|case| !replaced.contains(&key(case)));
            cases.extend(corrected);
        }
        let result = measure_accuracy(Catalog::embedded(), &without_disputed(cases));
        report(&result);
        assert_limits(&data, &result);
        for figures in result.forms.values() {
            assert_eq!(figures.unsafe_classified_safe, 0);
        }
    }
}

struct CsvTable {
    columns: BTreeMap<String, usize>,
    rows: Vec<Vec<String>>,
}

impl CsvTable {
    fn parse(text: &str) -> Self {
        let mut lines = text.lines().map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
        let columns = lines.next().unwrap_or_default().into_iter().zip(0..).collect();
        Self { columns, rows: lines.collect() }
    }

    fn get<'a>(&self, row: &'a [String], column: &str) -> &'a str {
        row.get(self.columns[column]).map_or("", String::as_str)
    }
}

fn labeled_case(form: &str, source: &str, name: &str, table: &CsvTable, row: &[String]) -> LabeledCase {
    let level = table.get(row, "access_level");
    let on = |column: &str| table.get(row, column) == "1";
    LabeledCase {
        form: form.to_owned(),
        service: source.to_owned(),
        name: name.to_owned(),
        is_read_only: matches!(level, "Read" | "List"),
        sensitive: Some(on("credential_exposure") || on("data_access")),
        mutates: None,
    }
}

#[test]
fn every_known_action_agrees() {
    for data in TestData::all("known actions") {
        let table = CsvTable::parse(&data.read("catalog/actions.tsv"));
        let case = |row: &Vec<String>| {
            labeled_case("action", table.get(row, "service_prefix"), table.get(row, "action"), &table, row)
        };
        let cases: Vec<LabeledCase> = table.rows.iter().map(case).collect();
        let result = measure_accuracy(Catalog::embedded(), &without_disputed(cases));
        report(&result);
        assert_limits(&data, &result);
    }
}

#[test]
fn every_known_operation_agrees_under_every_service_label() {
    for data in TestData::all("known operations") {
        let table = CsvTable::parse(&data.read("catalog/operations.tsv"));
        let sources = CsvTable::parse(&data.read("catalog/event_sources.tsv"));
        let aliases: BTreeMap<&str, Vec<&str>> = sources
            .rows
            .iter()
            .map(|row| (sources.get(row, "boto_service"), sources.get(row, "aliases").split(',').collect()))
            .collect();
        let mut cases = Vec::new();
        for row in &table.rows {
            let others = aliases.get(table.get(row, "boto_service")).into_iter().flatten();
            for alias in others.filter(|alias| !alias.is_empty()) {
                cases.push(labeled_case("alias", alias, table.get(row, "operation"), &table, row));
            }
            for (form, column) in
                [("sdk", "boto_service"), ("event source", "event_source"), ("prefix", "iam_prefix")]
            {
                let label = table.get(row, column);
                if !label.is_empty() {
                    cases.push(labeled_case(form, label, table.get(row, "operation"), &table, row));
                }
            }
        }
        let result = measure_accuracy(Catalog::embedded(), &without_disputed(cases));
        report(&result);
        assert_limits(&data, &result);
    }
}

#[test]
fn every_known_event_source_resolves_to_its_service() {
    let catalog = Catalog::embedded();
    for data in TestData::all("known event sources") {
        let table = CsvTable::parse(&data.read("catalog/event_sources.tsv"));
        let mut missing = Vec::new();
        for row in &table.rows {
            let service = table.get(row, "boto_service");
            let own = catalog.services(service);
            let aliases = table.get(row, "aliases").split(',');
            let labels = [table.get(row, "event_source")].into_iter().chain(aliases);
            for label in labels.filter(|label| !label.is_empty()) {
                let named = catalog.services(label);
                if own.is_empty() || !own.iter().all(|service| named.contains(service)) {
                    missing.push(format!("{label} -> {named:?}, but {service} is {own:?}"));
                }
            }
        }
        println!("{} services, {} labels missing\n{}", table.rows.len(), missing.len(), missing.join("\n"));
        assert!(!table.rows.is_empty() && missing.is_empty());
    }
}

#[test]
fn recorded_calls_agree_with_cloudtrail() {
    // Source conflicts: CloudTrail's `readOnly` differs from IAM's access level.
    const DISPUTED: [&str; 1] = ["ses:SendEmail"];
    for data in TestData::all("real records") {
        let files = LocalFiles::new([data.join("events").to_string_lossy()]);
        let options = GatherOptions { threads: 2, limits: ReadLimits::default(), hash_content: false };
        let segment = gather(&files, options, &|_| {}).expect("records").segment;
        let (mut agree, mut events) = (0, 0);
        let mut other: BTreeMap<String, usize> = BTreeMap::new();
        for (.., call_key) in segment.events() {
            let Some(read_only) = call_key.read_only else { continue };
            let classification =
                classify(Catalog::embedded(), &ClassificationInput::new(&call_key.source, &call_key.name));
            let key = format!("{}:{}", classification.service, classification.operation);
            match classification.mutates {
                _ if !classification.is_scored() => events += 1,
                Mutates::Unknown => *other.entry(format!("unknown {key}")).or_default() += 1,
                mutates if (mutates == Mutates::No) == read_only || DISPUTED.contains(&key.as_str()) => {
                    agree += 1;
                }
                _ => *other.entry(format!("differs {key} readOnly={read_only}")).or_default() += 1,
            }
        }
        println!("{agree} agree, {events} events that are not calls, {other:?}");
        assert!(other.is_empty(), "{other:?}");
        assert!(agree > if data.in_repository { 70 } else { 3_000 }, "{agree}");
    }
}

fn texts(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::String(one) => vec![one.clone()],
        serde_json::Value::Array(many) => {
            many.iter().filter_map(|one| one.as_str()).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn policies_expand_to_the_actions_they_grant() {
    let catalog = Catalog::embedded();
    for data in TestData::all("managed policies") {
        let (mut policies, mut actions, mut unlisted) = (0, 0, 0);
        for policy in data.policies() {
            let statements = match &policy["document"]["Statement"] {
                serde_json::Value::Array(many) => many.clone(),
                one => vec![one.clone()],
            };
            if statements
                .iter()
                .any(|statement| statement["Effect"] != "Allow" || statement.get("NotAction").is_some())
            {
                continue;
            }
            let granted: BTreeSet<String> = statements
                .iter()
                .flat_map(|statement| texts(&statement["Action"]))
                .flat_map(|pattern| catalog.expand(&pattern))
                .map(|entry| entry.key().to_ascii_lowercase())
                .collect();
            for wanted in texts(&policy["effective_actions"]) {
                actions += 1;
                // Policies may name actions that no source lists.
                let known = !catalog.expand(&wanted).is_empty();
                assert!(
                    !known || granted.contains(&wanted.to_ascii_lowercase()),
                    "{} grants {wanted}",
                    policy["name"]
                );
                unlisted += usize::from(!known);
            }
            policies += 1;
        }
        println!("{policies} policies, {actions} actions, {unlisted} of them in no source");
        let least = if data.in_repository { 9 } else { 51 };
        assert!(policies >= least && unlisted * 100 < actions);
        assert!(!data.in_repository || unlisted == 0);
    }
}

#[test]
fn names_that_published_rules_and_documents_have_are_in_the_catalog() {
    // No source says what the operation does, or which service of the catalog it belongs to.
    const LACKING: [&str; 2] =
        ["discovery-marketplace.amazonaws.com:GetListingView", "ec2messages.amazonaws.com:SendHeartbeat"];
    let text = TestData::of_repository().read("catalog/cloudtrail_names.tsv");
    let table = CsvTable::parse(&text);
    let missing: Vec<String> = table
        .rows
        .iter()
        .map(|row| (table.get(row, "event_source"), table.get(row, "event_name")))
        .filter(|(source, name)| Catalog::embedded().lookup(source, name).is_none())
        .map(|(source, name)| format!("{source}:{name}"))
        .collect();
    println!("{} names, {} lacking: {missing:?}", table.rows.len(), missing.len());
    assert!(table.rows.len() > 600 && table.rows.iter().all(|row| !table.get(row, "source").is_empty()));
    assert_eq!(missing, LACKING);
}
