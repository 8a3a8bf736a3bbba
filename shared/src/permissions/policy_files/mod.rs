//! Files with policies, recognized by their content.
//!
//! Enters: the text of a file: the output of commands of the AWS CLI, a policy document, a plan or state of Terraform, a
//! template of CloudFormation. Leaves: a [`PolicyFile`]: the principals that it declares, and documents. Laws: a text
//! that is none of these is an error that says what it is and what to give instead; no policy of a file is dropped; a
//! managed policy without a document stays a malformed policy until another file has the document; a trust policy that
//! names a principal of the files is a policy of this principal.

mod cloudformation;
mod document;
mod principals;
mod resource_policies;
mod terraform;
mod value;
mod yaml;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use self::cloudformation::TemplateSource;
use super::{
    UnreadDeclaration,
    details::{self, DetailsError},
};
use crate::{
    grants::{Policy, PolicyOrigin, PolicySnapshot, TrustPolicies, json::Json},
    pattern::matches,
};

/// Documents of managed policies by ARN.
pub type ManagedDocuments = BTreeMap<Arc<str>, BTreeSet<Arc<str>>>;

/// What a file is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PolicyFileKind {
    /// All principals of an account.
    Account,
    /// The principals of a template, plan or state.
    #[default]
    Declaration,
    /// One policy, of a principal or without one.
    Policy,
}

/// The content of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyFile {
    /// What the file is.
    pub kind: PolicyFileKind,
    /// Principals that the file declares. The account in an ARN is `*` if the file does not say it.
    pub principals: Vec<PolicySnapshot>,
    /// Documents of managed policies.
    pub documents: ManagedDocuments,
    /// The document of a file that is one policy without a principal.
    pub policy: Option<Policy>,
    /// Parts of the file that are not read, and may declare principals or policies.
    pub unread: Vec<UnreadDeclaration>,
    /// What else the file names and does not hold, in sentences.
    pub notes: Vec<String>,
}

/// Why a text cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct PolicyFileError {
    /// The reason, with the position if there is one.
    pub cause: String,
    /// What to do about it.
    pub remedy: &'static str,
}

/// A position in a text, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq)]
struct TextPosition {
    line: usize,
    column: usize,
    message: String,
}

const REMEDY: &str = "give the output of `aws iam get-account-authorization-details`, `get-policy-version`, \
                      `get-role-policy`, `get-user-policy` or `get-group-policy`, a policy document, the output of \
                      `terraform show -json`, or a CloudFormation template";
const DETAILS_REMEDY: &str = "write the file with `aws iam get-account-authorization-details`";
const PLAN_REMEDY: &str = "write the file with `terraform show -json PLAN`, or without PLAN for the state";
const VERSION_REMEDY: &str =
    "write the file with `aws iam get-policy-version --policy-arn ARN --version-id VERSION`";

/// Reads a file. `name` names a policy without a name of its own; `account` is the account of principals that the file
/// declares without one.
///
/// # Errors
/// If the text is none of the known files, or is one and cannot be read.
pub fn parse(name: &str, text: &str, account: Option<&str>) -> Result<PolicyFile, PolicyFileError> {
    parse_stack(name, text, account, &BTreeMap::new())
}

/// Reads a file as [`parse`] does. If it is a template, `parameters` are the values that a parent stack passes; none for
/// a value that is not known.
///
/// # Errors
/// If the text is none of the known files, or is one and cannot be read.
pub fn parse_stack(
    name: &str,
    text: &str,
    account: Option<&str>,
    parameters: &BTreeMap<String, Option<String>>,
) -> Result<PolicyFile, PolicyFileError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let values = values(text)?;
    let is_details = |json: &Json| DETAIL_LISTS.iter().any(|list| json.get(list).is_some());
    match values.as_slice() {
        [Json::List(pages)] if pages.iter().any(is_details) => account_details(text, &values),
        [_, _, ..] | [_] if values.iter().any(is_details) => account_details(text, &values),
        [one] => recognize(name, one, account, parameters, true),
        [] => Err(PolicyFileError { cause: "the file is empty".to_owned(), remedy: REMEDY }),
        several => Err(unrecognized(several.first().unwrap_or(&Json::Null))),
    }
}

const DETAIL_LISTS: [&str; 4] = ["UserDetailList", "RoleDetailList", "GroupDetailList", "Policies"];

/// The JSON values of a text, or the one value of a YAML document.
fn values(text: &str) -> Result<Vec<Json>, PolicyFileError> {
    let is_json = is_json(text);
    let read = match is_json {
        true => serde_json::Deserializer::from_str(text)
            .into_iter()
            .collect::<Result<Vec<Json>, _>>()
            .map_err(|error| {
                let said = error.to_string();
                let what = said.rsplit_once(" at line ").map_or(said.as_str(), |(what, _)| what).to_owned();
                TextPosition { line: error.line(), column: error.column(), message: what }
            }),
        false if text.trim().is_empty() => Ok(Vec::new()),
        false if is_terraform_language(text) => {
            return Err(PolicyFileError {
                cause: "the file is a configuration of Terraform, which does not have the values".to_owned(),
                remedy: "plan it with `terraform plan -out PLAN`, and give the output of `terraform show -json PLAN`",
            });
        }
        false => yaml::parse(text).map(|value| vec![value]),
    };
    read.map_err(|TextPosition { line, column, message }| PolicyFileError {
        cause: format!("line {line}, column {column}: {message}"),
        remedy: if is_json { "correct the JSON" } else { "correct the YAML" },
    })
}

fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

/// Whether a text is in the configuration language of Terraform: its first line beside comments opens a block.
fn is_terraform_language(text: &str) -> bool {
    const BLOCKS: [&str; 11] = [
        "check",
        "data",
        "import",
        "locals",
        "module",
        "moved",
        "output",
        "provider",
        "resource",
        "terraform",
        "variable",
    ];
    let is_code = |line: &&str| !line.is_empty() && !line.starts_with(['#', '/', '*']);
    let first = text.lines().map(str::trim).find(is_code).unwrap_or_default();
    let (head, _) = first.split_once('{').unwrap_or_default();
    let mut words = head.split_whitespace();
    let is_block = words.next().is_some_and(|word| BLOCKS.contains(&word));
    is_block && words.all(|word| word.starts_with('"') && word.ends_with('"'))
}

fn recognize(
    name: &str,
    json: &Json,
    account: Option<&str>,
    parameters: &BTreeMap<String, Option<String>>,
    may_wrap: bool,
) -> Result<PolicyFile, PolicyFileError> {
    let has = |member: &str| json.get(member).is_some();
    if has("Statement") {
        return Ok(one_policy(name, text_of(json)));
    }
    if let Some(document) = json.get("PolicyVersion").and_then(|version| version.get("Document")) {
        return Ok(one_policy(name, text_of(document)));
    }
    if let (Some(document), Some(policy)) = (json.get("PolicyDocument"), json.get("PolicyName")) {
        let policy = policy.text().unwrap_or(name);
        for (member, kind) in [("RoleName", "role"), ("UserName", "user"), ("GroupName", "group")] {
            if let Some(principal) = json.get(member).and_then(Json::text) {
                return Ok(policy_of(kind, principal, policy, text_of(document), account));
            }
        }
        return Ok(one_policy(policy, text_of(document)));
    }
    if has("planned_values") || has("values") && has("format_version") {
        return Ok(terraform::parse(json, name, account));
    }
    if json.get("Resources").is_some_and(|resources| matches!(resources, Json::Object(_))) {
        let source = TemplateSource { file: name, account, parameters: parameters.clone(), depth: 0 };
        return Ok(cloudformation::parse(json, &source));
    }
    match json.get("TemplateBody").filter(|_| may_wrap) {
        Some(Json::Text(text)) => match values(text)?.as_slice() {
            [template] => recognize(name, template, account, parameters, false),
            _ => Err(unrecognized(json)),
        },
        Some(template) => recognize(name, template, account, parameters, false),
        None => Err(unrecognized(json)),
    }
}

/// The text of a document within JSON: an object, or a text that may be URL-encoded.
fn text_of(document: &Json) -> Arc<str> {
    match document {
        Json::Text(text) => details::document::decoded(text.clone()).into(),
        // Strings, lists and objects can always be written.
        json => serde_json::to_string(json).unwrap_or_default().into(),
    }
}

fn one_policy(name: &str, text: Arc<str>) -> PolicyFile {
    let policy = Policy { name: name.into(), origin: PolicyOrigin::Given, text };
    PolicyFile { kind: PolicyFileKind::Policy, policy: Some(policy), ..PolicyFile::default() }
}

/// One inline policy of a principal.
fn policy_of(kind: &str, principal: &str, name: &str, text: Arc<str>, account: Option<&str>) -> PolicyFile {
    let snapshot = PolicySnapshot {
        principal: format!("arn:aws:iam::{}:{kind}/{principal}", account.unwrap_or("*")).into(),
        account: account.unwrap_or_default().into(),
        identity_policies: vec![Policy { name: name.into(), origin: PolicyOrigin::Inline, text }],
        ..PolicySnapshot::default()
    };
    PolicyFile { kind: PolicyFileKind::Policy, principals: vec![snapshot], ..PolicyFile::default() }
}

/// Reads account details. The AWS CLI also writes them as YAML.
fn account_details(text: &str, values: &[Json]) -> Result<PolicyFile, PolicyFileError> {
    let json: String;
    let text = match is_json(text) {
        true => text,
        false => {
            // Strings, lists and objects can always be written.
            json = values.iter().filter_map(|value| serde_json::to_string(value).ok()).collect();
            &json
        }
    };
    let account = details::parse_account(text).map_err(|error: DetailsError| PolicyFileError {
        cause: error.to_string(),
        remedy: DETAILS_REMEDY,
    })?;
    Ok(PolicyFile {
        kind: PolicyFileKind::Account,
        principals: account.principals,
        documents: account.documents,
        ..PolicyFile::default()
    })
}

/// The error for a text that is none of the known files.
fn unrecognized(json: &Json) -> PolicyFileError {
    let has = |member: &str| json.get(member).is_some();
    let (cause, remedy) = if has("Policy") {
        ("the output of `aws iam get-policy` has no document", VERSION_REMEDY)
    } else if has("Role") || has("User") || has("Group") {
        ("the output of `aws iam get-role`, `get-user` or `get-group` has no policies", DETAILS_REMEDY)
    } else if has("lineage") || has("@level") || has("terraform_version") {
        ("the file is of Terraform, but not of `terraform show -json`", PLAN_REMEDY)
    } else if has("artifacts") {
        (
            "the file is the manifest of a cloud assembly of the CDK",
            "give the files `*.template.json` beside it",
        )
    } else if has("Records") {
        ("the file has records of CloudTrail", "read it with `onlooker sweep`")
    } else {
        ("the content is not recognized", REMEDY)
    };
    PolicyFileError { cause: cause.to_owned(), remedy }
}

/// Gives the managed policies of principals their documents. Returns the names of those that have none.
pub fn link(principals: &mut [PolicySnapshot], documents: &ManagedDocuments) -> BTreeSet<Arc<str>> {
    let mut missing = BTreeSet::new();
    for snapshot in principals {
        let policies = std::mem::take(&mut snapshot.identity_policies);
        for policy in policies {
            match documents_of(&policy, documents) {
                Some(texts) => snapshot
                    .identity_policies
                    .extend(texts.iter().map(|text| Policy { text: Arc::clone(text), ..policy.clone() })),
                None => snapshot.identity_policies.push(policy),
            }
        }
        // Of two documents of a boundary, which one limits is not known.
        if let Some(boundary) = &mut snapshot.permissions_boundary
            && let Some(texts) = documents_of(boundary, documents)
            && let (Some(text), 1) = (texts.first(), texts.len())
        {
            boundary.text = Arc::clone(text);
        }
        let held = snapshot.identity_policies.iter().chain(&snapshot.permissions_boundary);
        missing.extend(held.filter(|policy| is_open(policy)).map(|policy| Arc::clone(&policy.name)));
        snapshot.identity_policies.sort_unstable();
        snapshot.identity_policies.dedup();
    }
    missing
}

/// Gives each principal the trust policies of roles that name it. `lists` are the principals of one set of files.
pub fn add_trust_policies<const N: usize>(mut lists: [&mut [PolicySnapshot]; N]) {
    let trust = TrustPolicies::of(lists.iter().flat_map(|list| list.iter()));
    for snapshot in lists.iter_mut().flat_map(|list| list.iter_mut()) {
        snapshot.resource_based_policies.extend(trust.naming(snapshot));
    }
}

/// Whether it is a managed policy without a document.
fn is_open(policy: &Policy) -> bool {
    policy.text.is_empty() && policy.name.contains(":policy/")
}

/// The documents of a managed policy without one; none if there are none, or if it is not clear which ARN it has.
fn documents_of<'d>(policy: &Policy, documents: &'d ManagedDocuments) -> Option<&'d BTreeSet<Arc<str>>> {
    if !is_open(policy) {
        return None;
    }
    let exact = documents.get(&policy.name);
    let similar = || {
        let pattern = with_wildcards(&policy.name)?;
        let mut found = documents.iter().filter(|(arn, _)| matches(&pattern, arn));
        let (_, texts) = found.next()?;
        found.next().is_none().then_some(texts)
    };
    exact.or_else(similar).filter(|texts| !texts.is_empty())
}

/// The pattern of an ARN with parts that are not known; none if it is known in full.
fn with_wildcards(arn: &str) -> Option<String> {
    let pattern = wildcards(arn);
    (pattern != arn && !pattern.ends_with('*')).then_some(pattern)
}

/// A text with `*` for each part that is not known.
fn wildcards(text: &str) -> String {
    let mut pattern = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        pattern.push_str(before);
        pattern.push('*');
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    pattern.push_str(rest);
    pattern
}

#[cfg(test)]
mod tests;
