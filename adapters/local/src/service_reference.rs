//! AWS's Service Reference as AWS publishes it: one JSON file for each service.
//!
//! Enters: a directory of such files. Leaves: levels of IAM actions and the actions of SDK operations. Laws:
//! a file that cannot be parsed is an error; an action without properties does not count as a read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::packages::{PackageError, directory_entries, parse};
use onlooker_core::catalog::sources::ActionFact;
use onlooker_core::operation::AccessLevel;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReferenceFile {
    name: String,
    #[serde(default)]
    actions: Vec<ReferenceAction>,
    #[serde(default)]
    operations: Vec<ReferenceOperation>,
    #[serde(default)]
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReferenceAction {
    name: String,
    #[serde(default)]
    annotations: ReferenceAnnotations,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ReferenceAnnotations {
    properties: Option<ReferenceProperties>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ReferenceProperties {
    is_list: bool,
    is_permission_management: bool,
    is_tagging_only: bool,
    is_write: bool,
}

impl ReferenceProperties {
    const fn level(&self) -> AccessLevel {
        if self.is_permission_management {
            AccessLevel::PermissionsManagement
        } else if self.is_tagging_only {
            AccessLevel::Tagging
        } else if self.is_write {
            AccessLevel::Write
        } else if self.is_list {
            AccessLevel::List
        } else {
            AccessLevel::Read
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReferenceOperation {
    name: String,
    #[serde(default)]
    authorized_actions: Vec<AuthorizedAction>,
    #[serde(default, rename = "SDK")]
    sdk: Vec<SdkMethod>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AuthorizedAction {
    name: String,
    service: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SdkMethod {
    name: String,
    #[serde(default)]
    package: String,
}

/// (squashed SDK service, squashed operation) to IAM actions.
pub type SdkActions = BTreeMap<(String, String), BTreeSet<String>>;

/// The contents of AWS's Service Reference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceReference {
    /// Levels of IAM actions.
    pub actions: Vec<ActionFact>,
    /// IAM actions of SDK operations.
    pub operations: SdkActions,
    /// Versions that the files state.
    pub versions: Vec<String>,
}

/// Reads a directory of Service Reference files, one JSON file for each service, as AWS publishes them. An index file
/// (a JSON list) is skipped.
///
/// # Errors
/// If a file cannot be read or parsed, or the directory has none.
pub fn read_service_reference(directory: &Path) -> Result<ServiceReference, PackageError> {
    let mut found = ServiceReference::default();
    let mut versions = BTreeSet::new();
    let squash = |text: &str| text.to_ascii_lowercase().replace([' ', '-'], "");
    for path in json_files(directory)? {
        let bytes = fs::read(&path).map_err(|source| PackageError::File { path: path.clone(), source })?;
        if bytes.trim_ascii_start().starts_with(b"[") {
            continue;
        }
        let reference: ReferenceFile = parse(&bytes, &path.display().to_string())?;
        versions.insert(reference.version);
        for operation in &reference.operations {
            let actions: BTreeSet<String> = operation
                .authorized_actions
                .iter()
                .map(|action| format!("{}:{}", action.service.to_ascii_lowercase(), action.name))
                .collect();
            let boto = operation.sdk.iter().filter(|sdk| sdk.package.eq_ignore_ascii_case("boto3"));
            for sdk in boto.filter(|_| !actions.is_empty()) {
                found.operations.insert((squash(&sdk.name), squash(&operation.name)), actions.clone());
            }
        }
        // An action without properties does not count as a read.
        found.actions.extend(reference.actions.into_iter().map(|action| ActionFact {
            service: reference.name.to_ascii_lowercase(),
            name: action.name,
            level: action.annotations.properties.map_or(AccessLevel::Write, |properties| properties.level()),
            reference: None,
        }));
    }
    if found.actions.is_empty() {
        return Err(PackageError::MissingPackage {
            package: "Service Reference JSON",
            directory: directory.to_owned(),
        });
    }
    found.versions = versions.into_iter().filter(|version| !version.is_empty()).collect();
    Ok(found)
}

fn json_files(directory: &Path) -> Result<Vec<PathBuf>, PackageError> {
    let mut files = Vec::new();
    for name in directory_entries(directory)? {
        let path = directory.join(&name);
        if path.is_dir() {
            files.extend(json_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
            files.push(path);
        }
    }
    Ok(files)
}
