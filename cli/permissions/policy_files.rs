//! Reads policies from files.
//!
//! Enters: paths, `-` for standard input. Leaves: [`PolicySnapshot`]s and [`PolicyFile`]s. Laws: invalid JSON is an
//! error with its line and column; a file that has no policies is an error with a remedy; standard input is read at
//! most once.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use onlooker_core::{
    config::Diagnostic,
    grants::{Policy, PolicyOrigin, PolicySnapshot, ResourceBasedPolicy},
    permissions::{
        details::{self, AccountDetails, DetailsError},
        policy_files::{self, PolicyFile},
    },
};
use serde_json::Value;

use super::ContextArgs;
use crate::exit::CommandError;

/// Largest file, in bytes. The details of every account are smaller.
const MAX_FILE_BYTES: u64 = 1 << 30;

const DETAILS_HELP: &str = "write the file with `aws iam get-account-authorization-details`";
const DOCUMENT_HELP: &str = "give the policy document, an object with `Version` and `Statement`";
/// The policies that AWS attaches to the root, to every organizational unit (OU) and to every account of an
/// organization: name and text (Organizations User Guide, read 2026-11).
const FULL_ACCESS: (&str, &str) = (
    "FullAWSAccess",
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
);
const FULL_ACCESS_TO_RESOURCES: (&str, &str) = (
    "RCPFullAWSAccess",
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#,
);

/// How a ZIP archive begins.
const ZIP: &[u8] = b"PK\x03\x04";

const STANDARD_INPUT: &str = "standard input";

/// A policy on the command line, as `ARN=FILE`: the ARN of a resource or of a managed policy, and the policy file.
#[derive(Clone, Debug)]
pub struct ArnFile {
    /// The ARN before the first `=`.
    pub arn: String,
    /// The file.
    pub path: PathBuf,
}

impl ArnFile {
    /// Reads the option's value, `ARN=FILE`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (arn, path) = text.split_once('=').ok_or("write the ARN, `=` and the file")?;
        Ok(Self { arn: crate::args::arn(arn)?, path: path.into() })
    }
}

/// Policies that apply to a principal in addition to its own.
#[derive(Debug, Default)]
pub struct ContextPolicies {
    service_control: Option<Vec<Vec<Policy>>>,
    resource_control: Option<Vec<Vec<Policy>>>,
    resource_policies: Vec<ResourceBasedPolicy>,
}

impl ContextPolicies {
    /// The snapshot with these policies added.
    pub fn apply_to(&self, mut snapshot: PolicySnapshot) -> PolicySnapshot {
        snapshot.service_control_policies.clone_from(&self.service_control);
        snapshot.resource_control_policies.clone_from(&self.resource_control);
        snapshot.resource_based_policies.extend(self.resource_policies.iter().cloned());
        snapshot.canonical()
    }
}

/// Reads policy files and standard input.
#[derive(Debug, Default)]
pub struct PolicyReader {
    stdin_is_read: bool,
}

impl PolicyReader {
    /// The principals of an account.
    pub fn details(&mut self, path: &Path) -> Result<Vec<PolicySnapshot>, CommandError> {
        self.details_file(path).map(|account| account.principals)
    }

    /// The principals and managed policies of an account.
    pub fn details_file(&mut self, path: &Path) -> Result<AccountDetails, CommandError> {
        let text = self.text(path)?;
        details::parse_account(&text)
            .map_err(|error: DetailsError| policy_error(path, &error.to_string(), DETAILS_HELP))
    }

    /// The content of a file, recognized by what it holds.
    pub fn file(&mut self, path: &Path, account: Option<&str>) -> Result<PolicyFile, CommandError> {
        let text = self.text(path)?;
        policy_files::parse(&file_name(path), &text, account)
            .map_err(|error| policy_error(path, &error.cause, error.remedy))
    }

    /// The content of a template, with the values of parameters that its parent passes.
    pub fn stack(
        &mut self,
        path: &Path,
        account: Option<&str>,
        parameters: &BTreeMap<String, Option<String>>,
    ) -> Result<PolicyFile, CommandError> {
        let text = self.text(path)?;
        policy_files::parse_stack(&file_name(path), &text, account, parameters)
            .map_err(|error| policy_error(path, &error.cause, error.remedy))
    }

    /// The policies that apply in addition.
    pub fn context_policies(&mut self, args: &ContextArgs) -> Result<ContextPolicies, CommandError> {
        let mut resources = Vec::new();
        for ArnFile { arn, path } in &args.resource_policy {
            resources.push(ResourceBasedPolicy { resource: arn.as_str().into(), policy: self.policy(path)? });
        }
        Ok(ContextPolicies {
            service_control: self.levels(&args.scp, FULL_ACCESS)?,
            resource_control: self.levels(&args.rcp, FULL_ACCESS_TO_RESOURCES)?,
            resource_policies: resources,
        })
    }

    /// Levels of an organization: the root, OUs and the account. AWS attaches a policy that allows everything to each
    /// of them. It is added to a level if no file of the level allows anything.
    fn levels(
        &mut self,
        levels: &[String],
        full: (&str, &str),
    ) -> Result<Option<Vec<Vec<Policy>>>, CommandError> {
        if levels.is_empty() {
            return Ok(None);
        }
        let mut read = Vec::new();
        for level in levels {
            let mut policies = Vec::new();
            for path in level.split(',') {
                policies.push(self.policy(Path::new(path))?);
            }
            if !policies.iter().any(may_allow) {
                policies.push(Policy {
                    name: full.0.into(),
                    origin: PolicyOrigin::Given,
                    text: full.1.into(),
                });
            }
            read.push(policies);
        }
        Ok(Some(read))
    }

    /// The policy document of a file, or of the output of `aws iam get-policy-version`.
    pub fn policy(&mut self, path: &Path) -> Result<Policy, CommandError> {
        let text = self.text(path)?;
        let document: Value = serde_json::from_str(&text).map_err(|error| {
            let message = error.to_string();
            let what = message.rsplit_once(" at line ").map_or(message.as_str(), |(what, _)| what);
            let place = format!("line {}, column {}: {what}", error.line(), error.column());
            policy_error(path, &place, "correct the JSON")
        })?;
        let name: Arc<str> = file_name(path).into();
        if document.pointer("/PolicyVersion/Document").is_some()
            && let Ok(PolicyFile { policy: Some(policy), .. }) = policy_files::parse(&name, &text, None)
        {
            return Ok(policy);
        }
        if document.get("Statement").is_none() {
            return Err(policy_error(path, "the JSON has no `Statement`", DOCUMENT_HELP));
        }
        Ok(Policy { name, origin: PolicyOrigin::Given, text: text.into() })
    }

    fn text(&mut self, path: &Path) -> Result<String, CommandError> {
        let failed = |source| CommandError::Input { path: display_path(path), source };
        let mut bytes = Vec::new();
        let read = if is_standard_input(path) {
            if std::mem::replace(&mut self.stdin_is_read, true) {
                return Err(CommandError::Usage(Diagnostic {
                    message: "standard input is named twice".into(),
                    remedy: "write `-` once, and name files for the other options".into(),
                }));
            }
            io::stdin().lock().take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)
        } else {
            if path.is_dir() {
                let help = "name files in it; of a cloud assembly of the CDK the files `*.template.json`";
                return Err(policy_error(path, "it is a directory", help));
            }
            fs::File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
        };
        let size = read.map_err(failed)?;
        if size as u64 > MAX_FILE_BYTES {
            return Err(policy_error(
                path,
                "the file is larger than 1 GiB",
                "split the file into several files",
            ));
        }
        if bytes.starts_with(ZIP) {
            let help = "for a plan of Terraform, give the output of `terraform show -json PLAN`";
            return Err(policy_error(
                path,
                "the file is a ZIP archive, as a saved plan of Terraform is",
                help,
            ));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let before = error.as_bytes().get(..valid).unwrap_or_default();
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            policy_error(path, &format!("line {line} is not UTF-8 text"), "save the file as UTF-8")
        })?;
        Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
    }
}

/// Whether a policy allows anything, or could.
fn may_allow(policy: &Policy) -> bool {
    let document: Value = serde_json::from_str(&policy.text).unwrap_or_default();
    let denies = |statement: &Value| statement.get("Effect").and_then(Value::as_str) == Some("Deny");
    match document.get("Statement") {
        Some(Value::Array(statements)) => !statements.iter().all(denies),
        Some(statement) => !denies(statement),
        None => true,
    }
}

/// The name of a file without its folder.
fn file_name(path: &Path) -> String {
    match is_standard_input(path) {
        true => STANDARD_INPUT.to_owned(),
        false => path
            .file_name()
            .map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy())
            .into_owned(),
    }
}

fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn display_path(path: &Path) -> PathBuf {
    if is_standard_input(path) { STANDARD_INPUT.into() } else { path.to_owned() }
}

fn policy_error(path: &Path, cause: &str, remedy: &'static str) -> CommandError {
    CommandError::Policies { path: display_path(path), cause: cause.to_owned(), remedy }
}
