//! Every IAM action, by service.
//!
//! Enters: a catalog. Leaves: [`KnownActions`]. Law: it holds each action of the catalog once, with whether the
//! action is read-only.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    catalog::Catalog,
    classification::{ClassificationInput, Provenance, classify},
    operation::OperationType,
};

/// An IAM action of the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownAction {
    /// `service:Name` as AWS spells it.
    pub key: Arc<str>,
    /// Name without the service, in lower case: IAM ignores case.
    pub lowercase_name: String,
    /// Whether the action is read-only.
    pub is_read_only: bool,
}

impl KnownAction {
    /// Name without the service, as AWS spells it.
    pub fn name(&self) -> &str {
        self.key.split_once(':').map_or(&*self.key, |(_, name)| name)
    }
}

/// Every IAM action, by service.
#[derive(Clone, Debug)]
pub struct KnownActions<'c> {
    catalog: &'c Catalog,
    services: BTreeMap<Arc<str>, Vec<KnownAction>>,
    /// Whether each action is a read, by key.
    actions: BTreeMap<Arc<str>, bool>,
}

impl<'c> KnownActions<'c> {
    /// Every action of a catalog.
    pub fn of(catalog: &'c Catalog) -> Self {
        let mut this = Self { catalog, services: BTreeMap::new(), actions: BTreeMap::new() };
        for entry in catalog.iter().filter(|entry| entry.facts.kinds.action) {
            let is_read = entry.facts.operation_type == OperationType::ReadOnly;
            let key: Arc<str> = entry.key().into();
            this.actions.insert(Arc::clone(&key), is_read);
            let name =
                KnownAction { key, lowercase_name: entry.name.to_ascii_lowercase(), is_read_only: is_read };
            this.services.entry(entry.service.into()).or_default().push(name);
        }
        for names in this.services.values_mut() {
            names.sort_unstable_by(|a, b| (&a.lowercase_name, &a.key).cmp(&(&b.lowercase_name, &b.key)));
        }
        this
    }

    /// The catalog of AWS operations and their classification.
    pub const fn catalog(&self) -> &'c Catalog {
        self.catalog
    }

    /// Actions of a service, in order of their names, ignoring case.
    pub fn actions_of_service(&self, service: &str) -> &[KnownAction] {
        self.services.get(service).map_or(&[], Vec::as_slice)
    }

    /// All services with known actions.
    pub fn services(&self) -> impl Iterator<Item = &Arc<str>> {
        self.services.keys()
    }

    /// All actions in order of their keys, each with whether it is read-only.
    pub fn actions(&self) -> impl Iterator<Item = (&Arc<str>, bool)> {
        self.actions.iter().map(|(key, is_read)| (key, *is_read))
    }

    /// Whether an action is known and read-only.
    pub fn is_read_only(&self, key: &str) -> bool {
        self.actions.get(key).copied().unwrap_or(false)
    }

    /// Whether an action is known.
    pub fn contains(&self, key: &str) -> bool {
        self.actions.contains_key(key)
    }

    /// Number of known actions.
    pub fn len(&self) -> usize {
        self.actions.len()
    }

    /// Whether there are no actions.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// Whether an unknown action of this service with this name prefix would be classified as read-only.
    pub fn classifies_as_read_only(&self, service: &str, beginning: &str) -> bool {
        // No operation has this name, so the prefix decides the classification.
        let name = format!("{beginning}Xylophones");
        let classification = classify(self.catalog, &ClassificationInput::new(service, &name));
        classification.provenance == Provenance::Pattern && classification.is_read_only()
    }
}
