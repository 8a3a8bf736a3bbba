//! AWS managed policies, with the actions and exposures that a reference found in them.
//!
//! Enters: 90 policies outside the repository. Leaves: nothing. Law: every difference has a reason that the data
//! shows, and the count of each reason stays within its limit.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use onlooker_core::{
    catalog::Catalog,
    grants::{Certainty, Evaluator, Grants, PolicyProblemKind},
    operation::{AccessLevel, Capabilities},
    pattern::matches,
};
use serde_json::Value;

fn files() -> Vec<Value> {
    let Some(root) = std::env::var_os("ONLOOKER_TEST_DATA").map(PathBuf::from) else { return Vec::new() };
    let Ok(entries) = fs::read_dir(root.join("policies")) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()).collect()
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(|item| item.as_str().unwrap().to_ascii_lowercase()).collect(),
        Value::Null => Vec::new(),
        one => vec![one.as_str().unwrap().to_ascii_lowercase()],
    }
}

// Whether an unconditional deny on all resources names an action.
fn denies(document: &Value, action: &str) -> bool {
    let statements = &document["Statement"];
    let all = statements.as_array().cloned().unwrap_or_else(|| vec![statements.clone()]);
    all.iter().filter(|one| one["Effect"] == "Deny" && one["Condition"].is_null()).any(|one| {
        let named = |list: &str| texts(&one[list]).iter().any(|pattern| matches(pattern, action));
        texts(&one["Resource"]) == ["*"]
            && if one["NotAction"].is_null() { named("Action") } else { !named("NotAction") }
    })
}

fn expanded(evaluator: &Evaluator<'_>, file: &Value) -> Grants {
    evaluator.grants(&crate::role(&file["document"].to_string()))
}

#[test]
fn allowed_actions_agree_with_the_reference_data() {
    let (files, catalog) = (files(), Catalog::embedded());
    if files.is_empty() {
        return;
    }
    let evaluator = Evaluator::new(catalog);
    let known: BTreeSet<String> = catalog
        .iter()
        .filter(|entry| entry.facts.kinds.action)
        .map(|entry| entry.key().to_ascii_lowercase())
        .collect();
    let known_to_reference: BTreeSet<String> =
        files.iter().flat_map(|file| texts(&file["effective_actions"])).collect();
    let (mut exact, mut agreed, mut conditional) = (0, 0, 0);
    let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for file in &files {
        let name = file["name"].as_str().unwrap();
        let grants = expanded(&evaluator, file);
        let understood =
            grants.problems.iter().all(|problem| problem.kind == PolicyProblemKind::UnknownAction);
        assert!(understood, "{name}: {:?}", grants.problems);
        let granted: BTreeSet<String> = grants
            .entries
            .iter()
            .filter(|grant| grant.action.is_known)
            .map(|grant| grant.action.key.to_ascii_lowercase())
            .collect();
        conditional +=
            grants.entries.iter().filter(|grant| grant.certainty == Certainty::Conditional).count();
        let expected: BTreeSet<String> = texts(&file["effective_actions"]).into_iter().collect();
        agreed += granted.intersection(&expected).count();
        exact += usize::from(granted == expected);
        for action in granted.difference(&expected) {
            let reason = if known_to_reference.contains(action) {
                "granted here only"
            } else {
                "not in the reference"
            };
            reasons.entry(reason).or_default().push(format!("{name} {action}"));
        }
        for action in expected.difference(&granted) {
            let reason = match () {
                () if !known.contains(action) => "not in the catalog",
                () if denies(&file["document"], action) => "denied without condition",
                () => "granted by the reference only",
            };
            reasons.entry(reason).or_default().push(format!("{name} {action}"));
        }
    }
    println!(
        "{} policies, {exact} exactly; {agreed} actions in both, {conditional} on conditions",
        files.len()
    );
    for (reason, all) in &reasons {
        println!("{reason}: {}, such as {:?}", all.len(), &all[..all.len().min(4)]);
    }
    let count = |reason| reasons.get(reason).map_or(0, Vec::len);
    // Services added actions between the reference and the catalog; the reference ignores a deny with `NotAction`.
    assert!(exact >= 76 && agreed >= 26_697, "{exact} exact, {agreed} agreed");
    assert!(count("not in the reference") <= 566 && count("not in the catalog") <= 4);
    assert!(count("denied without condition") <= 108);
    assert_eq!((count("granted here only"), count("granted by the reference only")), (0, 0), "{reasons:#?}");
}

#[test]
fn exposed_resources_agree_with_the_reference_data() {
    let files = files();
    if files.is_empty() {
        return;
    }
    let evaluator = Evaluator::new(Catalog::embedded());
    // The catalog knows more secrets and content than the reference. Resource exposure in the reference is any
    // permissions management; in the catalog it is access from outside.
    let exposures = [
        ("credentials_exposure", Capabilities::READ_SECRETS | Capabilities::ISSUE_CREDENTIALS, 0, 4),
        ("data_access", Capabilities::READ_DATA, 0, 4),
        ("privesc", Capabilities::PRIVILEGE_ESCALATION, 0, 0),
        ("resource_exposure", Capabilities::EXPOSE_RESOURCE, 14, 0),
    ];
    for (flag, capability, most_missed, most_more) in exposures {
        let (mut both, mut neither) = (0, 0);
        let (mut missed, mut more) = (Vec::new(), Vec::new());
        for file in &files {
            let grants = expanded(&evaluator, file);
            let found = grants.entries.iter().find(|grant| grant.action.capabilities.intersects(capability));
            let name = file["name"].as_str().unwrap();
            match (found, file[flag].as_bool().unwrap()) {
                (Some(_), true) => both += 1,
                (None, false) => neither += 1,
                (None, true) => {
                    let level = Some(AccessLevel::PermissionsManagement);
                    assert!(grants.entries.iter().any(|grant| grant.action.access_level == level), "{name}");
                    missed.push(name.to_owned());
                }
                (Some(grant), false) => more.push(format!("{name} {}", grant.action.key)),
            }
        }
        println!("{flag}: both {both}, neither {neither}, reference only {missed:?}, here only {more:?}");
        assert!(missed.len() <= most_missed && more.len() <= most_more, "{flag}");
    }
}
