//! The operation catalog: facts about every AWS API operation and IAM action.
//!
//! Enters: a service label and a name, in any spelling. Leaves: a [`CatalogEntry`], or nothing. Laws: the compiled-in
//! catalog is read in place, without parsing; where a label names several services, all are searched and the
//! strictest entry is returned; an operation that is not found is unknown.

pub mod catalog_file;
pub mod corrections;
mod encode;
mod entry;
mod explanation;
mod key_search;
mod labels;
pub mod merge;
pub mod rationale;
mod request_actions;
pub mod rules;
pub mod service_reference;
pub mod sources;
pub mod spelling;
mod suggestion;
mod verbs;

use std::borrow::Cow;
use std::sync::OnceLock;

use fst::raw::Fst;

pub use self::catalog_file::CatalogError;
use self::catalog_file::CatalogSections;
pub use self::encode::EncodeError;
pub use self::entry::{CatalogEntry, CatalogFacts, EntryKinds};
pub use self::explanation::{Explanation, SourceClaim};
pub use self::key_search::Glob;
use self::key_search::KeyAutomaton;
pub use self::labels::ServiceLabels;
use self::rationale::RationaleTable;
pub use self::service_reference::ActionReference;
pub(crate) use self::service_reference::ServiceReference;
use self::spelling::{catalog_name, event_source_host, label_key, name_key, without_version};
use self::verbs::FirstWords;
use crate::hex::hex;

static EMBEDDED: &[u8] = include_bytes!("../../data/catalog.bin");

/// An operation catalog, compiled into the program or read from a file.
pub struct Catalog {
    sections: CatalogSections,
    keys: KeyAutomaton,
    labels: KeyAutomaton,
    hash: String,
    rationale: OnceLock<RationaleTable>,
    reference: OnceLock<ServiceReference>,
    first_words: OnceLock<FirstWords>,
    services: OnceLock<Vec<String>>,
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalog")
            .field("version", &self.version())
            .field("hash", &self.hash)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// A difference between two catalogs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogChange {
    /// Key of the operation: `service:Name`.
    pub key: String,
    /// Facts in the first catalog.
    pub before: Option<CatalogFacts>,
    /// Facts in the second catalog.
    pub after: Option<CatalogFacts>,
}

impl Catalog {
    /// The catalog compiled into the program.
    #[expect(clippy::expect_used, reason = "the file is compiled in, and the tests of the build open it")]
    pub fn embedded() -> &'static Self {
        static CATALOG: OnceLock<Catalog> = OnceLock::new();
        CATALOG.get_or_init(|| {
            CatalogSections::from_static(EMBEDDED)
                .and_then(Self::from_sections)
                .expect("the compiled-in catalog is well formed")
        })
    }

    /// A catalog from the bytes of a catalog file.
    ///
    /// # Errors
    /// If the bytes are not a catalog, are truncated or changed, or are inconsistent.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CatalogError> {
        let catalog = Self::from_sections(CatalogSections::from_bytes(bytes)?)?;
        catalog.verify()?;
        Ok(catalog)
    }

    fn from_sections(sections: CatalogSections) -> Result<Self, CatalogError> {
        let keys = open_automaton("keys", sections.keys.clone())?;
        let labels = open_automaton("labels", sections.labels.clone())?;
        let hash = hex(&sections.hash);
        Ok(Self {
            sections,
            keys,
            labels,
            hash,
            rationale: OnceLock::new(),
            reference: OnceLock::new(),
            first_words: OnceLock::new(),
            services: OnceLock::new(),
        })
    }

    fn verify(&self) -> Result<(), CatalogError> {
        let unusable = |section, reason: String| Err(CatalogError::Section { section, reason });
        for (section, automaton) in [("keys", &self.keys), ("labels", &self.labels)] {
            if let Err(error) = automaton.verify() {
                return unusable(section, error.to_string());
            }
        }
        if std::str::from_utf8(&self.sections.version).is_err() {
            return unusable("version", "not UTF-8".to_owned());
        }
        if self.sections.rows.len() != self.keys.len() {
            return unusable(
                "rows",
                format!("{} rows for {} keys", self.sections.rows.len(), self.keys.len()),
            );
        }
        for row in 0..self.sections.rows.len() {
            if u32::try_from(row).ok().and_then(|row| self.facts(u64::from(row))).is_none() {
                return unusable("palette", format!("row {row} has no facts"));
            }
        }
        let rows = self.rationale().len();
        if rows != self.keys.len() {
            return unusable("rationale", format!("{rows} rows for {} keys", self.keys.len()));
        }
        let rows = self.service_reference().len();
        if rows != self.keys.len() {
            return unusable("reference", format!("{rows} rows for {} keys", self.keys.len()));
        }
        Ok(())
    }

    /// Version: the date of the source of the levels, with additions for further sources.
    pub fn version(&self) -> &str {
        std::str::from_utf8(&self.sections.version).unwrap_or_default()
    }

    /// SHA-256 of the contents, in hexadecimal.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Number of keys in the catalog.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether the catalog is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sizes in bytes: what a lookup can read, and the compressed rationale table.
    pub fn sizes(&self) -> (usize, usize) {
        (self.sections.lookup_len(), self.sections.rationale.len())
    }

    /// The catalog services of a label: an IAM prefix, an SDK service or an event source. Empty if unknown.
    pub fn services(&self, label: &str) -> Vec<&str> {
        if let Some(host) = event_source_host(label) {
            return self.services_of_event_source(host);
        }
        label_key(label).map(|key| self.services_of_label(&key)).unwrap_or_default()
    }

    // The services of an event source. They are stored only where they differ from those of the bare label.
    fn services_of_event_source(&self, host: &str) -> Vec<&str> {
        let Some(key) = label_key(host) else { return Vec::new() };
        let services = self.services_of_label(&format!("@{key}"));
        if services.is_empty() { self.services_of_label(&key) } else { services }
    }

    fn services_of_label(&self, key: &str) -> Vec<&str> {
        let place = self.labels.get(key).and_then(|place| self.group_at(place.value()));
        let mut services: Vec<&str> = place.map(|text| text.split(' ').collect()).unwrap_or_default();
        // The service with the same name as the label comes first.
        services.sort_by_key(|service| label_key(service).as_deref() != Some(key.trim_start_matches('@')));
        services
    }

    fn group_at(&self, place: u64) -> Option<&str> {
        let (start, length) = (usize::try_from(place >> 16).ok()?, usize::try_from(place & 0xFFFF).ok()?);
        std::str::from_utf8(self.sections.groups.get(start..start.checked_add(length)?)?).ok()
    }

    fn facts(&self, row: u64) -> Option<CatalogFacts> {
        let index = usize::from(*self.sections.rows.get(usize::try_from(row).ok()?)?);
        let word = self.sections.palette.get(index * 4..)?.first_chunk::<4>()?;
        CatalogFacts::unpack(u32::from_le_bytes(*word))
    }

    fn entry(&self, key: &str, row: u64) -> Option<CatalogEntry> {
        let (service, name) = key.split_once(':')?;
        Some(CatalogEntry {
            service: service.to_owned(),
            name: name.to_owned(),
            facts: self.facts(row)?,
            row: u32::try_from(row).ok()?,
        })
    }

    /// The entry of an operation, by any label of its service and any spelling of its name.
    ///
    /// A date version (`ListFunctions20150331`) is ignored if the catalog does not contain the name with it.
    pub fn lookup(&self, service: &str, name: &str) -> Option<CatalogEntry> {
        let key = name_key(&catalog_name(service, name))?;
        // A bare label names its own service first, then every service with the event source of that name.
        let own = self.services(service);
        let sharing = if event_source_host(service).is_none() {
            self.services_of_event_source(service)
        } else {
            Vec::new()
        };
        let plain = without_version(&key);
        [Some(key.as_str()), plain]
            .into_iter()
            .flatten()
            .find_map(|key| self.strictest(&own, key).or_else(|| self.strictest(&sharing, key)))
    }

    fn strictest(&self, services: &[&str], key: &str) -> Option<CatalogEntry> {
        services
            .iter()
            .filter_map(|service| key_search::find(&self.keys, service, key))
            .filter_map(|(key, row)| self.entry(&key, row))
            .reduce(stricter_entry)
    }

    /// All IAM actions that match a policy pattern such as `s3:Get*`, in key order. Case is ignored, as in IAM.
    pub fn expand(&self, pattern: &str) -> Vec<CatalogEntry> {
        if !pattern.contains(['*', '?'])
            && let Some((service, name)) = pattern.split_once(':')
        {
            let exact = |name: &str| {
                let (key, row) =
                    key_search::find(&self.keys, &service.to_ascii_lowercase(), &name_key(name)?)?;
                let entry = self.entry(&key, row)?;
                (entry.facts.kinds.action && entry.name.eq_ignore_ascii_case(name)).then_some(entry)
            };
            return exact(name).into_iter().collect();
        }
        let mut found = self.matching(pattern);
        found.retain(|entry| entry.facts.kinds.action);
        found
    }

    /// All keys that match a search: `service:pattern` with any label of the service, or a part of a key.
    pub fn search(&self, pattern: &str) -> Vec<CatalogEntry> {
        let pattern = pattern.trim();
        if let Some((service, name)) = pattern.split_once(':')
            && !service.contains(['*', '?'])
        {
            let name = if name.is_empty() { "*" } else { name };
            return self
                .services(service)
                .iter()
                .flat_map(|service| self.matching(&format!("{service}:{name}")))
                .collect();
        }
        if pattern.contains(['*', '?']) {
            let anywhere = if pattern.contains(':') { pattern.to_owned() } else { format!("*:{pattern}") };
            return self.matching(&anywhere);
        }
        let squashed = pattern.replace(['_', '-', ' '], "");
        let mut found = self.matching(&format!("*{pattern}*"));
        if squashed != pattern {
            found.extend(self.matching(&format!("*:*{squashed}*")));
            found.sort_unstable_by_key(|entry| entry.row);
            found.dedup_by_key(|entry| entry.row);
        }
        found
    }

    /// The operations of this name in all services, in key order: what a search for `*:name` finds, without a walk through all keys.
    pub fn operations_named(&self, name: &str) -> Vec<CatalogEntry> {
        let Some(key) = name_key(name) else { return Vec::new() };
        let all = self.services.get_or_init(|| {
            let mut all: Vec<String> =
                self.labels().into_iter().flat_map(|(_, services)| services).map(str::to_owned).collect();
            all.sort_unstable();
            all.dedup();
            all
        });
        let found = all.iter().filter_map(|service| key_search::find(&self.keys, service, &key));
        let mut found: Vec<CatalogEntry> = found.filter_map(|(key, row)| self.entry(&key, row)).collect();
        found.sort_unstable_by_key(|entry| entry.row);
        found
    }

    fn matching(&self, pattern: &str) -> Vec<CatalogEntry> {
        let mut found = Vec::new();
        if let Some(glob) = Glob::new(pattern) {
            key_search::matching(&self.keys, &glob, &mut |key, row| found.extend(self.entry(key, row)));
        }
        found
    }

    /// Calls `visit` with the key and the row of every IAM action, in key order.
    pub(crate) fn visit_actions(&self, visit: &mut impl FnMut(&str, u32)) {
        key_search::all(&self.keys, &mut |key, row| {
            if let (Some(facts), Ok(number)) = (self.facts(row), u32::try_from(row))
                && facts.kinds.action
            {
                visit(key, number);
            }
        });
    }

    /// The facts of a row.
    pub(crate) fn facts_of_row(&self, row: u32) -> Option<CatalogFacts> {
        self.facts(row.into())
    }

    /// The facts of every key, in the order of their rows.
    pub(crate) fn all_facts(&self) -> impl Iterator<Item = CatalogFacts> {
        (0..).map_while(|row| self.facts(row))
    }

    /// Every key, in key order.
    pub fn iter(&self) -> impl Iterator<Item = CatalogEntry> + use<> {
        self.matching("*").into_iter()
    }

    /// Every label key with the services that it names. The key of an event source begins with `@` where it names
    /// other services than the bare label.
    pub fn labels(&self) -> Vec<(String, Vec<&str>)> {
        let mut found = Vec::new();
        if let Some(glob) = Glob::new("*") {
            key_search::matching(&self.labels, &glob, &mut |label, place| {
                let services = self.group_at(place).map(|text| text.split(' ').collect()).unwrap_or_default();
                found.push((label.to_owned(), services));
            });
        }
        found
    }

    /// The rationale table; empty if it cannot be read.
    pub(crate) fn rationale(&self) -> &RationaleTable {
        self.rationale.get_or_init(|| RationaleTable::open(&self.sections.rationale).unwrap_or_default())
    }

    /// Resource types and condition keys of the actions; empty if the table cannot be read.
    pub(crate) fn service_reference(&self) -> &ServiceReference {
        self.reference.get_or_init(|| ServiceReference::open(&self.sections.reference).unwrap_or_default())
    }

    /// Resource types and condition keys of an action; `None` if the Service Authorization Reference does not list it.
    pub fn action_reference(&self, entry: &CatalogEntry) -> Option<ActionReference> {
        self.service_reference().row(entry.row)
    }

    /// The differences between two catalogs, in key order.
    pub fn diff(before: &Self, after: &Self) -> Vec<CatalogChange> {
        let collect = |catalog: &Self| -> std::collections::BTreeMap<String, CatalogFacts> {
            catalog.iter().map(|entry| (entry.key(), entry.facts)).collect()
        };
        let (old, new) = (collect(before), collect(after));
        let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter()
            .map(|key| CatalogChange {
                key: key.clone(),
                before: old.get(key).copied(),
                after: new.get(key).copied(),
            })
            .filter(|change| change.before != change.after)
            .collect()
    }
}

fn open_automaton(section: &'static str, bytes: Cow<'static, [u8]>) -> Result<KeyAutomaton, CatalogError> {
    Fst::new(bytes).map_err(|error| CatalogError::Section { section, reason: error.to_string() })
}

// Joins entries of several services: the strictest facts, with the name of the strictest service.
fn stricter_entry(a: CatalogEntry, b: CatalogEntry) -> CatalogEntry {
    let facts = a.facts.stricter(b.facts);
    let rank = |entry: &CatalogEntry| {
        (
            !entry.facts.is_event_only(),
            entry.facts.operation_type,
            entry.facts.mutates,
            entry.facts.capabilities,
        )
    };
    let base = if rank(&b) > rank(&a) { b } else { a };
    CatalogEntry { facts, ..base }
}
