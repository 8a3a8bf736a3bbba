//! Encodes a merged catalog as a catalog file.
//!
//! Enters: a [`MergedCatalog`]. Leaves: the bytes of the file. Law: equal catalogs give equal bytes.

use std::collections::BTreeMap;

use thiserror::Error;

use super::catalog_file::CatalogSections;
use super::merge::MergedCatalog;
use super::rationale::{CatalogMetadata, EntryRationale, RationaleTable};
use super::service_reference::{ActionReference, ServiceReference};

/// Why a catalog cannot be written.
#[derive(Debug, Error)]
pub enum EncodeError {
    /// The key automaton did not accept a key.
    #[error("cannot build the key automaton")]
    Automaton(#[from] fst::Error),
    /// There are more distinct sets of facts than one byte can number.
    #[error("cannot encode {found} distinct sets of facts: the format holds 256")]
    Palette {
        /// Number of distinct sets of facts; the format holds 256.
        found: usize,
    },
    /// The table of resource types and condition keys could not be compressed, or has more than 65,535 distinct entries.
    #[error("cannot compress the table of resource types and condition keys")]
    Reference,
    /// The rationale table could not be compressed.
    #[error("cannot compress the rationale table")]
    Rationale,
}

impl MergedCatalog {
    /// The bytes of the catalog file.
    ///
    /// # Errors
    /// When the catalog is too large for the format.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut ordered: Vec<(String, &(String, String))> =
            self.rows.iter().map(|(place, row)| (format!("{}:{}", place.0, row.name), place)).collect();
        ordered.sort_unstable();
        ordered.dedup_by(|a, b| a.0 == b.0);

        let mut keys = fst::MapBuilder::memory();
        let mut indexes: BTreeMap<u32, u8> = BTreeMap::new();
        let words: Vec<u32> = ordered
            .iter()
            .filter_map(|(_, place)| self.rows.get(*place))
            .map(|row| row.facts.pack())
            .collect();
        let mut distinct = words.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let mut palette = Vec::with_capacity(distinct.len() * 4);
        for (index, word) in distinct.iter().enumerate() {
            let index = u8::try_from(index).map_err(|_| EncodeError::Palette { found: distinct.len() })?;
            indexes.insert(*word, index);
            palette.extend_from_slice(&word.to_le_bytes());
        }
        let rows: Vec<u8> = words.iter().filter_map(|word| indexes.get(word).copied()).collect();
        for (number, (key, _)) in (0_u64..).zip(&ordered) {
            keys.insert(key, number)?;
        }

        let (labels, groups) = self.encode_labels()?;
        let rationale = self.encode_rationale(&ordered).ok_or(EncodeError::Rationale)?;
        let references: Vec<Option<ActionReference>> = ordered
            .iter()
            .filter_map(|(_, place)| self.rows.get(*place))
            .map(|row| row.reference.clone())
            .collect();
        let reference = ServiceReference::encode(&references).ok_or(EncodeError::Reference)?;
        let keys = keys.into_inner()?;
        Ok(CatalogSections::encode([
            self.version.as_bytes(),
            &keys,
            &rows,
            &palette,
            &labels,
            groups.as_bytes(),
            &rationale,
            &reference,
        ]))
    }

    // The value of a label is the offset of its services in `groups`, shifted left by 16 bits, and their length.
    fn encode_labels(&self) -> Result<(Vec<u8>, String), EncodeError> {
        let mut groups = String::new();
        let mut places: BTreeMap<String, u64> = BTreeMap::new();
        let mut all: BTreeMap<String, u64> = BTreeMap::new();
        let bare = self.labels.bare.iter().map(|(label, services)| (label.clone(), services));
        let hosts = self
            .labels
            .hosts
            .iter()
            .filter(|(label, services)| self.labels.bare.get(*label) != Some(services))
            .map(|(label, services)| (format!("@{label}"), services));
        for (label, services) in bare.chain(hosts) {
            let joined = services.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
            let place = *places.entry(joined.clone()).or_insert_with(|| {
                let start = groups.len() as u64;
                groups.push_str(&joined);
                start << 16 | joined.len() as u64
            });
            all.insert(label, place);
        }
        let mut labels = fst::MapBuilder::memory();
        for (label, place) in all {
            labels.insert(label, place)?;
        }
        Ok((labels.into_inner()?, groups))
    }

    fn encode_rationale(&self, ordered: &[(String, &(String, String))]) -> Option<Vec<u8>> {
        let rows: Vec<_> = ordered
            .iter()
            .filter_map(|(_, place)| self.rows.get(*place))
            .map(|row| row.rationale.clone())
            .collect();
        let metadata = CatalogMetadata {
            origins: self.origins.clone(),
            service_names: self.service_names.clone(),
            corrections: self.corrections.clone(),
            events: self
                .events
                .iter()
                .filter_map(|(place, meaning)| {
                    Some((format!("{}:{}", place.0, self.rows.get(place)?.name), meaning.clone()))
                })
                .collect(),
        };
        let rows: Vec<EntryRationale> = rows;
        RationaleTable::encode(&metadata, &rows)
    }
}
