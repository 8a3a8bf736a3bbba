//! Known operations whose names resemble an unknown one.
//!
//! Enters: a service label and a name the catalog does not know. Leaves: up to three keys it does know.
//! Law: a suggestion is never a classification; only an exact name is looked up.

use super::Catalog;
use super::spelling::{event_source_host, label_key, name_key};

const MAX_SUGGESTIONS: usize = 3;

impl Catalog {
    /// The known operations with the most similar names, most similar first, as `service:Name`.
    pub fn suggest(&self, service: &str, name: &str) -> Vec<String> {
        let mut services: Vec<String> = self.services(service).into_iter().map(str::to_owned).collect();
        if services.is_empty() {
            services = self.near_services(service);
        }
        let Some(wanted) = name_key(name) else { return Vec::new() };
        let reach = wanted.len().div_ceil(4).min(4);
        let mut near: Vec<(usize, String)> = services
            .iter()
            .flat_map(|service| self.matching(&format!("{service}:*")))
            .filter_map(|entry| {
                let known = name_key(&entry.name)?;
                // The distance is at least the difference of the lengths.
                if wanted.len().abs_diff(known.len()) > reach {
                    return None;
                }
                let distance = strsim::damerau_levenshtein(&wanted, &known);
                (distance <= reach).then(|| (distance, entry.key()))
            })
            .collect();
        near.sort_unstable();
        near.dedup();
        near.into_iter().take(MAX_SUGGESTIONS).map(|(_, key)| key).collect()
    }

    fn near_services(&self, label: &str) -> Vec<String> {
        let Some(wanted) = label_key(event_source_host(label).unwrap_or(label)) else { return Vec::new() };
        let reach = wanted.len().div_ceil(4).min(2);
        let mut near: Vec<(usize, String)> = self
            .labels()
            .into_iter()
            .filter(|(label, _)| label.trim_start_matches('@').len().abs_diff(wanted.len()) <= reach)
            .map(|(label, services)| {
                (strsim::damerau_levenshtein(&wanted, label.trim_start_matches('@')), services)
            })
            .filter(|(distance, _)| *distance <= reach)
            .flat_map(|(distance, services)| {
                services.into_iter().map(move |service| (distance, service.to_owned()))
            })
            .collect();
        near.sort_unstable();
        near.dedup_by(|a, b| a.1 == b.1);
        near.into_iter().take(MAX_SUGGESTIONS).map(|(_, service)| service).collect()
    }
}
