//! How often the classification is correct, on labeled cases and real events.
//!
//! Enters: the folder named by `ONLOOKER_TEST_DATA`; without it the tests print that they were skipped.
//! Leaves: counts on standard output. Law: no unsafe call is classified as safe, on any row of any file.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a test may panic and may print"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use onlooker_core::catalog::Catalog;
use onlooker_core::classification::accuracy::{Accuracy, AccuracyCounts, LabeledCase, measure_accuracy};
use onlooker_core::classification::{ClassificationInput, classify};
use onlooker_core::operation::Mutates;

fn test_data(file: &str) -> Option<String> {
    let Some(folder) = std::env::var_os("ONLOOKER_TEST_DATA") else {
        let _unwritable = writeln!(
            std::io::stderr(),
            "SKIPPED: ONLOOKER_TEST_DATA is not set, so `{file}` was not tested against"
        );
        return None;
    };
    Some(fs::read_to_string(PathBuf::from(folder).join(file)).expect(file))
}

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
    let mut seen = std::collections::BTreeSet::new();
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

fn assert_limits(figures: &AccuracyCounts) {
    assert_eq!(figures.unsafe_classified_safe, 0);
    assert!(
        figures.percent(figures.safe_classified_unsafe) <= 0.05,
        "{} safe calls classified as unsafe",
        figures.safe_classified_unsafe
    );
    assert!(figures.percent(figures.unknown) <= 0.5, "{} unknown", figures.unknown);
}

#[test]
fn labeled_classifications_agree() {
    let Some(text) = test_data("truth/truth_dev.tsv") else { return };
    let result = measure_accuracy(Catalog::embedded(), &LabeledCase::parse_all(&text));
    report(&result);
    assert_limits(&result.total);
    for figures in result.forms.values() {
        assert_eq!(figures.unsafe_classified_safe, 0);
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
    let Some(text) = test_data("catalog/actions.tsv") else { return };
    let table = CsvTable::parse(&text);
    let cases: Vec<LabeledCase> = table
        .rows
        .iter()
        .map(|row| {
            labeled_case("action", table.get(row, "service_prefix"), table.get(row, "action"), &table, row)
        })
        .collect();
    let result = measure_accuracy(Catalog::embedded(), &cases);
    report(&result);
    assert_limits(&result.total);
}

#[test]
fn every_known_operation_agrees_under_every_service_label() {
    let Some(text) = test_data("catalog/operations.tsv") else { return };
    let table = CsvTable::parse(&text);
    let Some(sources) = test_data("catalog/event_sources.tsv").map(|text| CsvTable::parse(&text)) else {
        return;
    };
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
    let result = measure_accuracy(Catalog::embedded(), &cases);
    report(&result);
    assert_limits(&result.total);
}

#[test]
fn every_known_event_source_resolves_to_its_service() {
    let Some(text) = test_data("catalog/event_sources.tsv") else { return };
    let table = CsvTable::parse(&text);
    let catalog = Catalog::embedded();
    let mut missing = Vec::new();
    for row in &table.rows {
        let service = table.get(row, "boto_service");
        let own = catalog.services(service);
        let labels = [table.get(row, "event_source")].into_iter().chain(table.get(row, "aliases").split(','));
        for label in labels.filter(|label| !label.is_empty()) {
            let named = catalog.services(label);
            if own.is_empty() || !own.iter().all(|service| named.contains(service)) {
                missing.push(format!("{label} -> {named:?}, but {service} is {own:?}"));
            }
        }
    }
    println!("{} labels missing\n{}", missing.len(), missing.join("\n"));
    assert!(missing.is_empty());
}

#[test]
fn real_events_agree_with_cloudtrail() {
    // Source conflicts: CloudTrail's `readOnly` differs from IAM's access level.
    const DISPUTED: [&str; 1] = ["ses:SendEmail"];
    for file in ["events/invictus.json", "events/stratus.json"] {
        let Some(text) = test_data(file) else { return };
        let json: serde_json::Value = serde_json::from_str(&text).expect(file);
        let records = json.get("Records").and_then(|records| records.as_array()).or_else(|| json.as_array());
        let (mut agree, mut events, mut unknown) = (0, 0, 0);
        let mut other: BTreeMap<String, usize> = BTreeMap::new();
        for record in records.expect("records") {
            let field = |name: &str| record.get(name).and_then(|value| value.as_str()).unwrap_or_default();
            let Some(read_only) = record.get("readOnly").and_then(serde_json::Value::as_bool) else {
                continue;
            };
            let classification = classify(
                Catalog::embedded(),
                &ClassificationInput::new(field("eventSource"), field("eventName")),
            );
            let key = format!("{}:{}", classification.service, classification.operation);
            match classification.mutates {
                _ if !classification.is_scored() => events += 1,
                Mutates::Unknown => {
                    unknown += 1;
                    *other.entry(format!("unknown {key}")).or_default() += 1;
                }
                mutates if (mutates == Mutates::No) == read_only || DISPUTED.contains(&key.as_str()) => {
                    agree += 1
                }
                _ => *other.entry(format!("differs {key} readOnly={read_only}")).or_default() += 1,
            }
        }
        println!("{file}: {agree} agree, {unknown} unknown, {events} events that are not calls, {other:?}");
        assert!(other.is_empty(), "{file}");
    }
}

#[test]
fn managed_policies_expand_to_the_actions_they_grant() {
    let Some(folder) = std::env::var_os("ONLOOKER_TEST_DATA") else {
        let _unwritable = writeln!(
            std::io::stderr(),
            "SKIPPED: ONLOOKER_TEST_DATA is not set, so no managed policy was expanded"
        );
        return;
    };
    let catalog = Catalog::embedded();
    let (mut policies, mut actions, mut unlisted) = (0, 0, 0);
    for file in fs::read_dir(PathBuf::from(folder).join("policies")).expect("policies") {
        let text = fs::read_to_string(file.expect("entry").path()).expect("policy");
        let policy: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let list = |value: &serde_json::Value| -> Vec<String> {
            match value {
                serde_json::Value::String(one) => vec![one.clone()],
                serde_json::Value::Array(many) => {
                    many.iter().filter_map(|v| v.as_str()).map(str::to_owned).collect()
                }
                _ => Vec::new(),
            }
        };
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
        let granted: std::collections::BTreeSet<String> = statements
            .iter()
            .flat_map(|statement| list(&statement["Action"]))
            .flat_map(|pattern| catalog.expand(&pattern))
            .map(|entry| entry.key().to_ascii_lowercase())
            .collect();
        for wanted in list(&policy["effective_actions"]) {
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
    assert!(policies > 50 && unlisted * 100 < actions);
}
