//! Policies with the actions and exposures that a reference found in them.
//!
//! Enters: the policies in `tests/data`; and 90 AWS managed policies, when `ONLOOKER_TEST_DATA` names the folder that
//! holds them. Leaves: nothing. Laws: in the repository there is no difference; outside it every difference has a
//! reason that the data shows, and the count of each reason stays within its limit.

use std::collections::{BTreeMap, BTreeSet};

use onlooker_core::{
    catalog::Catalog,
    grants::{Certainty, Evaluator, Grants, PolicyProblemKind},
    operation::{AccessLevel, Capabilities},
    pattern::matches,
};
use serde_json::Value;
use test_support::test_data::TestData;

/// How far the grants may differ from the reference.
struct Limits {
    /// Fewest policies with exactly the actions of the reference.
    exact: usize,
    /// Fewest actions that both find.
    agreed: usize,
    /// Most actions that the reference does not know at all.
    not_in_reference: usize,
    /// Most actions that the catalog does not know.
    not_in_catalog: usize,
    /// Most actions that a deny takes and the reference grants.
    denied: usize,
    /// Most actions that the policy names with resources of types that they do not take.
    other_resources: usize,
}

const IN_REPOSITORY: Limits =
    Limits { exact: 11, agreed: 50, not_in_reference: 0, not_in_catalog: 0, denied: 0, other_resources: 0 };

/// Services added actions between the reference and the catalog; the reference ignores a deny with `NotAction`.
const OUTSIDE: Limits = Limits {
    exact: 72,
    agreed: 26_652,
    not_in_reference: 566,
    not_in_catalog: 4,
    denied: 108,
    other_resources: 45,
};

/// A flag of the reference, what stands for it in the catalog, and how many policies may have only one of them.
struct Exposure {
    flag: &'static str,
    capabilities: Capabilities,
    most_missed: usize,
    most_more: usize,
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

// Whether each allow that names an action names resources, and none of a type that the action takes.
fn names_other_resources(catalog: &Catalog, document: &Value, action: &str) -> bool {
    let statements = &document["Statement"];
    let all = statements.as_array().cloned().unwrap_or_else(|| vec![statements.clone()]);
    let (service, name) = action.split_once(':').unwrap();
    let Some(reference) = catalog.action_reference(&catalog.lookup(service, name).unwrap()) else {
        return false;
    };
    // The type of a resource stands between the fifth colon and the next divider.
    let kind =
        |arn: &str| arn.splitn(6, ':').nth(5).unwrap_or("*").split(['/', ':']).next().unwrap().to_owned();
    let taken: BTreeSet<String> =
        reference.resources.iter().map(|arn| kind(&arn.to_ascii_lowercase())).collect();
    all.iter()
        .filter(|one| {
            one["Effect"] == "Allow" && texts(&one["Action"]).iter().any(|pattern| matches(pattern, action))
        })
        .flat_map(|one| texts(&one["Resource"]))
        .all(|arn| arn != "*" && !taken.contains(&kind(&arn)))
}

fn expanded(evaluator: &Evaluator<'_>, file: &Value) -> Grants {
    evaluator.grants(&crate::role(&file["document"].to_string()))
}

#[test]
fn allowed_actions_agree_with_the_reference_data() {
    for data in TestData::all("managed policies") {
        let limits = if data.in_repository { IN_REPOSITORY } else { OUTSIDE };
        allowed_actions_agree(&data.policies(), &limits);
    }
}

fn allowed_actions_agree(files: &[Value], limits: &Limits) {
    let catalog = Catalog::embedded();
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
    for file in files {
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
                () if names_other_resources(catalog, &file["document"], action) => "other resources",
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
    assert!(exact >= limits.exact && agreed >= limits.agreed, "{exact} exact, {agreed} agreed");
    assert!(count("not in the reference") <= limits.not_in_reference, "{reasons:#?}");
    assert!(count("not in the catalog") <= limits.not_in_catalog, "{reasons:#?}");
    assert!(count("denied without condition") <= limits.denied, "{reasons:#?}");
    assert!(count("other resources") <= limits.other_resources, "{reasons:#?}");
    assert_eq!((count("granted here only"), count("granted by the reference only")), (0, 0), "{reasons:#?}");
}

#[test]
fn exposed_resources_agree_with_the_reference_data() {
    for data in TestData::all("managed policies") {
        // The catalog knows more secrets and content than the reference outside the repository. Resource exposure
        // there is any permissions management; in the catalog it is access from outside.
        let limit = |most: usize| if data.in_repository { 0 } else { most };
        let exposures = [
            ("credentials_exposure", Capabilities::READ_SECRETS | Capabilities::ISSUE_CREDENTIALS, 0, 6),
            ("data_access", Capabilities::READ_DATA, 0, 4),
            ("privesc", Capabilities::PRIVILEGE_ESCALATION, 0, 0),
            ("resource_exposure", Capabilities::EXPOSE_RESOURCE, 14, 0),
        ];
        let files = data.policies();
        for (flag, capabilities, most_missed, most_more) in exposures {
            let (most_missed, most_more) = (limit(most_missed), limit(most_more));
            exposed_resources_agree(&files, &Exposure { flag, capabilities, most_missed, most_more });
        }
    }
}

// Whether the policy names an action with such a capability, and only with resources of types that it does not take.
fn grants_elsewhere_only(file: &Value, capabilities: Capabilities) -> bool {
    let catalog = Catalog::embedded();
    texts(&file["effective_actions"]).iter().any(|action| {
        let (service, name) = action.split_once(':').unwrap();
        catalog.lookup(service, name).is_some_and(|entry| entry.facts.capabilities.intersects(capabilities))
            && names_other_resources(catalog, &file["document"], action)
    })
}

fn exposed_resources_agree(files: &[Value], exposure: &Exposure) {
    let Exposure { flag, capabilities, most_missed, most_more } = *exposure;
    let evaluator = Evaluator::new(Catalog::embedded());
    let (mut both, mut neither) = (0, 0);
    let (mut missed, mut more, mut elsewhere) = (Vec::new(), Vec::new(), Vec::new());
    for file in files {
        let grants = expanded(&evaluator, file);
        let found = grants.entries.iter().find(|grant| grant.action.capabilities.intersects(capabilities));
        let name = file["name"].as_str().unwrap();
        match (found, file[flag].as_bool().unwrap()) {
            (Some(_), true) => both += 1,
            (None, false) => neither += 1,
            (None, true) if grants_elsewhere_only(file, capabilities) => elsewhere.push(name.to_owned()),
            (None, true) => {
                let level = Some(AccessLevel::PermissionsManagement);
                assert!(grants.entries.iter().any(|grant| grant.action.access_level == level), "{name}");
                missed.push(name.to_owned());
            }
            (Some(grant), false) => more.push(format!("{name} {}", grant.action.key)),
        }
    }
    println!(
        "{flag}: both {both}, neither {neither}, reference only {missed:?}, here only {more:?}, \
         on resources of other types {elsewhere:?}"
    );
    assert!(both > 0 && missed.len() <= most_missed && more.len() <= most_more, "{flag} {missed:?} {more:?}");
}
