//! Action patterns against a scan of all known actions. Law: patterns match the required actions, and beyond them
//! only permitted ones.

use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
};

use onlooker_core::{
    catalog::Catalog,
    guardrails::{ActionPattern, CoverTarget, KnownActions, WildcardScope, cover_actions},
    pattern::matches,
};
use proptest::prelude::*;

static KNOWN_ACTIONS: LazyLock<KnownActions<'static>> =
    LazyLock::new(|| KnownActions::of(Catalog::embedded()));

/// Services of different sizes and spellings.
const SERVICES: [&str; 8] = ["s3", "ec2", "iam", "kms", "apigateway", "sqs", "secretsmanager", "execute-api"];

type ActionSet = BTreeSet<Arc<str>>;

fn actions_of_services(reads: Option<bool>) -> Vec<Arc<str>> {
    let own = |key: &str| SERVICES.contains(&key.split_once(':').expect("a service").0);
    let all = KNOWN_ACTIONS
        .actions()
        .filter(|(key, is_read)| own(key) && reads.is_none_or(|reads| reads == *is_read));
    all.map(|(key, _)| Arc::clone(key)).collect()
}

/// The actions that patterns match, by a scan of all known actions.
fn expand_by_scan(patterns: &[ActionPattern]) -> ActionSet {
    let lower: Vec<String> = patterns.iter().map(|pattern| pattern.text.to_ascii_lowercase()).collect();
    let is_matched = |key: &str| lower.iter().any(|pattern| matches(pattern, &key.to_ascii_lowercase()));
    KNOWN_ACTIONS.actions().filter(|(key, _)| is_matched(key)).map(|(key, _)| Arc::clone(key)).collect()
}

/// The same, by the catalog's expansion.
fn expand_by_catalog(patterns: &[ActionPattern]) -> ActionSet {
    let entries = patterns.iter().flat_map(|pattern| Catalog::embedded().expand(&pattern.text));
    entries.map(|entry| entry.key().into()).collect()
}

fn subset_of(all: Vec<Arc<str>>) -> impl Strategy<Value = ActionSet> {
    // Sometimes all actions of a verb: random picks alone never make a whole group.
    let verbs = proptest::collection::vec("(Get|List|Describe|Put|Create|Delete)", 0..3);
    let picks = proptest::collection::vec(any::<proptest::sample::Index>(), 0..80);
    (verbs, picks).prop_map(move |(verbs, picks)| {
        let begins = |key: &Arc<str>| verbs.iter().any(|verb| key.contains(&format!(":{verb}")));
        let group = all.iter().filter(|key| begins(key)).cloned();
        group.chain(picks.iter().map(|pick| pick.get(&all).clone())).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn compressing_and_expanding_a_set_round_trips(wanted in subset_of(actions_of_services(None)), openness in 0..4_u8) {
        let wildcards = [WildcardScope::NoWildcards, WildcardScope::ReadOnly, WildcardScope::AnyAction, WildcardScope::AnyPrefix][usize::from(openness)];
        let patterns = cover_actions(&KNOWN_ACTIONS, CoverTarget { required: &wanted, permitted: &ActionSet::new(), wildcards });
        prop_assert_eq!(&expand_by_scan(&patterns), &wanted);
        prop_assert_eq!(&expand_by_catalog(&patterns), &wanted);
        prop_assert_eq!(patterns.clone(), cover_actions(&KNOWN_ACTIONS, CoverTarget { required: &wanted, permitted: &ActionSet::new(), wildcards }));
        let spelt: usize = wanted.iter().map(|key| key.len() + 3).sum();
        prop_assert!(patterns.iter().map(ActionPattern::list_characters).sum::<usize>() <= spelt);
    }

    #[test]
    fn patterns_add_only_harmless_actions(wanted in subset_of(actions_of_services(Some(true)))) {
        let harmless: ActionSet = actions_of_services(Some(true)).into_iter().collect();
        let wish = CoverTarget { required: &wanted, permitted: &harmless, wildcards: WildcardScope::ReadOnly };
        let matched = expand_by_scan(&cover_actions(&KNOWN_ACTIONS, wish));
        prop_assert!(wanted.is_subset(&matched));
        prop_assert!(matched.iter().all(|key| wanted.contains(key) || harmless.contains(key)));
    }

    #[test]
    fn a_read_wildcard_starts_with_a_read_verb(wanted in subset_of(actions_of_services(None))) {
        let wish = CoverTarget { required: &wanted, permitted: &ActionSet::new(), wildcards: WildcardScope::ReadOnly };
        for pattern in cover_actions(&KNOWN_ACTIONS, wish).iter().filter(|pattern| pattern.has_wildcard()) {
            let name = pattern.text.split_once(':').expect("a service").1;
            prop_assert!(["Get", "List", "Describe", "Batch"].iter().any(|verb| name.starts_with(verb)), "{}", name);
        }
    }
}

#[test]
fn all_reads_of_a_service_are_a_few_patterns() {
    let wanted: ActionSet =
        actions_of_services(Some(true)).into_iter().filter(|key| key.starts_with("ec2:")).collect();
    let patterns = cover_actions(
        &KNOWN_ACTIONS,
        CoverTarget { required: &wanted, permitted: &ActionSet::new(), wildcards: WildcardScope::ReadOnly },
    );
    assert!(patterns.iter().any(|pattern| &*pattern.text == "ec2:Describe*"), "{patterns:#?}");
    assert!(patterns.len() * 10 < wanted.len(), "{} of {}", patterns.len(), wanted.len());
}

#[test]
fn an_unknown_action_is_not_covered() {
    let wanted: ActionSet = ["novel:*".into(), "s3:*".into(), "s3:GetObject".into()].into();
    let patterns = cover_actions(
        &KNOWN_ACTIONS,
        CoverTarget { required: &wanted, permitted: &ActionSet::new(), wildcards: WildcardScope::AnyAction },
    );
    assert_eq!(expand_by_scan(&patterns), ActionSet::from(["s3:GetObject".into()]));
}
