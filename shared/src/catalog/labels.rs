//! The labels of each service.
//!
//! Enters: IAM prefixes, SDK models and the labels that none of the packages states. Leaves: label to catalog
//! services, for bare labels and for event sources. Law: a label of several services gives all of them.

use std::collections::{BTreeMap, BTreeSet};

use super::sources::CatalogSources;
use super::spelling::{event_source_host, label_key};

/// Label keys, each with the services that it names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceLabels {
    /// Bare labels: IAM prefixes, SDK names, service ids.
    pub bare: BTreeMap<String, BTreeSet<String>>,
    /// CloudTrail event sources, without `.amazonaws.com`.
    pub hosts: BTreeMap<String, BTreeSet<String>>,
}

impl ServiceLabels {
    pub(crate) fn derive(prefixes: &BTreeSet<String>, sources: &CatalogSources, groups: &[String]) -> Self {
        let mut strong: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut weak: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let add = |map: &mut BTreeMap<String, BTreeSet<String>>, label: &str, service: &str| {
            if let Some(key) = label_key(label) {
                map.entry(key).or_default().insert(service.to_owned());
            }
        };
        for prefix in prefixes {
            add(&mut strong, prefix, prefix);
        }
        for (api, group) in sources.apis.iter().zip(groups) {
            add(&mut strong, &api.sdk_name, group);
            add(&mut weak, &api.service_id, group);
            add(&mut weak, &api.endpoint_prefix, group);
            add(&mut weak, &api.signing_name, group);
        }
        let mut hosts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (label, services) in strong.iter().chain(&weak) {
            hosts.entry(label.clone()).or_default().extend(services.iter().cloned());
        }
        for fact in &sources.labels {
            add(&mut hosts, &fact.label, &fact.service);
        }
        for event in &sources.events {
            if let Some(key) = label_key(&event.source) {
                hosts.entry(key).or_insert_with(|| BTreeSet::from([event.source.clone()]));
            }
        }
        let mut bare = hosts.clone();
        for (label, services) in weak.into_iter().chain(strong) {
            bare.insert(label, services);
        }
        Self { bare, hosts }
    }

    /// The services of an event source without its `.amazonaws.com`.
    pub fn services_of_host(&self, host: &str) -> Option<Vec<String>> {
        Some(self.hosts.get(&label_key(host)?)?.iter().cloned().collect())
    }

    /// The services of a label, with or without `.amazonaws.com`.
    pub fn services(&self, label: &str) -> Option<Vec<String>> {
        match event_source_host(label) {
            Some(host) => self.services_of_host(host),
            None => Some(self.bare.get(&label_key(label)?)?.iter().cloned().collect()),
        }
    }
}
