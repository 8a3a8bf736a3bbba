//! Policies out of files.
//!
//! Enters: paths, `-` for standard input. Leaves: [`Snapshot`]s. Laws: what is no JSON is refused with its line and column,
//! what is no policy with what to give instead; standard input is read once.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use onlooker_core::{
    config::Fault,
    grants::{Origin, Policy, ResourcePolicy, Snapshot},
    permissions::details::{self, DetailsError},
};
use serde_json::Value;

use super::PermissionsArgs;
use crate::failure::Failure;

/// Most bytes of a file: larger than the details of any account, smaller than memory.
const LARGEST: u64 = 1 << 30;

const DETAILS: &str = "write it with `aws iam get-account-authorization-details`";
const DOCUMENT: &str = "give the policy document itself, an object with `Version` and `Statement`";
/// What AWS attaches to every level of an organization, by name and text (Organizations User Guide, read 2026-11).
const FULL_ACCESS: (&str, &str) = (
    "FullAWSAccess",
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
);
const FULL_ACCESS_TO_RESOURCES: (&str, &str) = (
    "RCPFullAWSAccess",
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#,
);

const STANDARD_INPUT: &str = "standard input";

/// `ARN=FILE`.
#[derive(Clone, Debug)]
pub struct ResourceFile {
    arn: String,
    path: PathBuf,
}

impl ResourceFile {
    /// Reads an option.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (arn, path) = text.split_once('=').ok_or("write the ARN of the resource, `=` and the file")?;
        Ok(Self { arn: crate::args::arn(arn)?, path: path.into() })
    }
}

/// Policies that surround those of a principal.
#[derive(Debug, Default)]
pub struct Around {
    service_control: Option<Vec<Vec<Policy>>>,
    resource_control: Option<Vec<Vec<Policy>>>,
    resources: Vec<ResourcePolicy>,
}

impl Around {
    /// The snapshot with these policies around it.
    pub fn over(&self, mut snapshot: Snapshot) -> Snapshot {
        snapshot.service_control.clone_from(&self.service_control);
        snapshot.resource_control.clone_from(&self.resource_control);
        snapshot.resources.clone_from(&self.resources);
        snapshot.canonical()
    }
}

/// What is read.
#[derive(Debug, Default)]
pub struct Inputs {
    stdin_is_read: bool,
}

impl Inputs {
    /// The principals of an account.
    pub fn details(&mut self, path: &Path) -> Result<Vec<Snapshot>, Failure> {
        let text = self.text(path)?;
        details::read(&text).map_err(|error: DetailsError| refused(path, &error.to_string(), DETAILS))
    }

    /// One principal, of the policies that are given.
    pub fn given(&mut self, args: &PermissionsArgs) -> Result<Snapshot, Failure> {
        let mut identity = Vec::new();
        for path in &args.policy {
            identity.push(self.policy(path)?);
        }
        let boundary = args.boundary.as_deref().map(|path| self.policy(path)).transpose()?;
        let first = || identity.first().map_or_else(|| "policy".to_owned(), |policy| policy.name.to_string());
        let principal = args.name.clone().unwrap_or_else(first);
        let account =
            principal.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(3)).unwrap_or_default();
        Ok(Snapshot {
            account: account.into(),
            principal: principal.as_str().into(),
            boundary_read: boundary.is_some(),
            boundary,
            identity,
            ..Snapshot::default()
        })
    }

    /// What surrounds them.
    pub fn around(&mut self, args: &PermissionsArgs) -> Result<Around, Failure> {
        let mut resources = Vec::new();
        for ResourceFile { arn, path } in &args.resource_policy {
            resources.push(ResourcePolicy { resource: arn.as_str().into(), policy: self.policy(path)? });
        }
        Ok(Around {
            service_control: self.levels(&args.scp, FULL_ACCESS)?,
            resource_control: self.levels(&args.rcp, FULL_ACCESS_TO_RESOURCES)?,
            resources,
        })
    }

    /// Levels of an organization. AWS attaches a policy that allows everything to each, and denies stand beside it: where
    /// no file allows anything, that one is meant to be there.
    fn levels(&mut self, levels: &[String], full: (&str, &str)) -> Result<Option<Vec<Vec<Policy>>>, Failure> {
        if levels.is_empty() {
            return Ok(None);
        }
        let mut read = Vec::new();
        for level in levels {
            let mut policies = Vec::new();
            for path in level.split(',') {
                policies.push(self.policy(Path::new(path))?);
            }
            if !policies.iter().any(allows) {
                policies.push(Policy { name: full.0.into(), origin: Origin::Given, text: full.1.into() });
            }
            read.push(policies);
        }
        Ok(Some(read))
    }

    fn policy(&mut self, path: &Path) -> Result<Policy, Failure> {
        let text = self.text(path)?;
        let document: Value = serde_json::from_str(&text).map_err(|error| {
            let said = error.to_string();
            let what = said.rsplit_once(" at line ").map_or(said.as_str(), |(what, _)| what);
            let place = format!("line {}, column {}: {what}", error.line(), error.column());
            refused(path, &place, "correct the JSON")
        })?;
        if document.get("Statement").is_none() {
            return Err(refused(path, "it is JSON, but has no `Statement`", DOCUMENT));
        }
        let name = match is_standard_input(path) {
            true => STANDARD_INPUT.into(),
            false => path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy()),
        };
        Ok(Policy { name: Arc::from(name), origin: Origin::Given, text: text.into() })
    }

    fn text(&mut self, path: &Path) -> Result<String, Failure> {
        let failed = |source| Failure::Input { path: shown(path), source };
        let mut bytes = Vec::new();
        let read = if is_standard_input(path) {
            if std::mem::replace(&mut self.stdin_is_read, true) {
                return Err(Failure::Usage(Fault {
                    message: "standard input is asked for twice".into(),
                    remedy: "write `-` once, and name files for the others".into(),
                }));
            }
            io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes)
        } else {
            fs::File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        };
        let size = read.map_err(failed)?;
        if size as u64 > LARGEST {
            return Err(refused(path, "it is larger than 1 GiB", "give it in parts"));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let before = error.as_bytes().get(..valid).unwrap_or_default();
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            refused(path, &format!("line {line} is not UTF-8 text"), "write it as UTF-8")
        })?;
        Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
    }
}

/// Whether a policy allows anything, or cannot be told not to.
fn allows(policy: &Policy) -> bool {
    let document: Value = serde_json::from_str(&policy.text).unwrap_or_default();
    let denies = |statement: &Value| statement.get("Effect").and_then(Value::as_str) == Some("Deny");
    match document.get("Statement") {
        Some(Value::Array(statements)) => !statements.iter().all(denies),
        Some(statement) => !denies(statement),
        None => true,
    }
}

fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn shown(path: &Path) -> PathBuf {
    if is_standard_input(path) { STANDARD_INPUT.into() } else { path.to_owned() }
}

fn refused(path: &Path, cause: &str, remedy: &'static str) -> Failure {
    Failure::Policies { path: shown(path), cause: cause.to_owned(), remedy }
}
