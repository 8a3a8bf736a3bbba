//! Replaces account ids and session names in a report by pseudonyms.
//!
//! Enters: a result and a run, and what to redact. Leaves: the same with pseudonyms; equal names have equal
//! pseudonyms. Law: a pseudonym hides a name from a reader, and does not protect it from a reader who can hash a list
//! of candidates.

use std::collections::BTreeSet;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{ReportResult, ReportRun};
use crate::{config::Redaction, hex::hex};

/// Fields that name sessions and their users.
const SESSION_FIELDS: [&str; 6] =
    ["session", "session_name", "session_names", "source_identity", "source_identities", "on_behalf_of"];

/// Redacts a result and its run. `known` are accounts that the evidence names, of which the lists of the result may leave some out.
///
/// # Errors
/// When a value cannot be converted to JSON and back.
pub fn redact(
    result: ReportResult,
    run: ReportRun,
    redaction: &Redaction,
    known: &BTreeSet<String>,
) -> Result<(ReportResult, ReportRun), serde_json::Error> {
    if !redaction.sessions && !redaction.accounts {
        return Ok((result, run));
    }
    let mut hidden = BTreeSet::new();
    if redaction.accounts {
        hidden = accounts(&result);
        hidden.extend(known.iter().filter(|text| is_account(&text.as_str())).cloned());
    }
    let accounts = hidden;
    let sessions = redaction.sessions;
    Ok((redact_json(&result, &accounts, sessions)?, redact_json(&run, &accounts, sessions)?))
}

/// Redacts a value other than a report. Account ids are redacted by themselves and within ARNs.
///
/// # Errors
/// When the value cannot be converted to JSON and back.
pub fn redact_value<T: Serialize + DeserializeOwned>(
    value: T,
    redaction: &Redaction,
) -> Result<T, serde_json::Error> {
    if !redaction.sessions && !redaction.accounts {
        return Ok(value);
    }
    let mut written = serde_json::to_value(&value)?;
    let mut accounts = BTreeSet::new();
    if redaction.accounts {
        collect_accounts(&written, &mut accounts);
    }
    redact_in_place(&mut written, &accounts, redaction.sessions);
    serde_json::from_value(written)
}

fn collect_accounts(value: &Value, accounts: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => accounts.extend(text.split(':').filter(is_account).map(str::to_owned)),
        Value::Array(items) => items.iter().for_each(|item| collect_accounts(item, accounts)),
        Value::Object(fields) => fields.values().for_each(|field| collect_accounts(field, accounts)),
        _ => {}
    }
}

fn is_account(text: &&str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn redact_json<T: Serialize + DeserializeOwned>(
    value: &T,
    accounts: &BTreeSet<String>,
    sessions: bool,
) -> Result<T, serde_json::Error> {
    let mut value = serde_json::to_value(value)?;
    redact_in_place(&mut value, accounts, sessions);
    serde_json::from_value(value)
}

/// Account ids in the result: of principals, coverage, watch entries, resources and policies.
fn accounts(result: &ReportResult) -> BTreeSet<String> {
    let places = result.coverage.account_regions.iter().map(|place| place.account.as_ref());
    let principals = result.principals.iter().flat_map(|principal| {
        let own = std::iter::once(principal.account.as_ref());
        own.chain(principal.accounts.iter().map(AsRef::as_ref)).chain(principal.arn.split(':'))
    });
    let patterns = result.inputs.watched.iter().flat_map(|pattern| pattern.split(':'));
    let resources = result.audit_entries.iter().flat_map(|entry| &entry.resource_arns);
    let resources = resources.chain(result.findings.iter().flat_map(|finding| &finding.resources));
    let all = places.chain(principals).chain(patterns).chain(resources.flat_map(|arn| arn.split(':')));
    let verified = result.coverage.log_integrity.iter().flat_map(|integrity| &integrity.verification.places);
    let all = all.chain(verified.map(|place| &*place.account));
    let mut accounts: BTreeSet<String> = all.filter(is_account).map(str::to_owned).collect();
    for text in policy_texts(result) {
        let parts = text.split(|c: char| !c.is_ascii_alphanumeric());
        accounts.extend(parts.filter(is_account).map(str::to_owned));
    }
    accounts
}

/// Texts that repeat parts of policies, and names of files, which may contain any account id.
fn policy_texts(result: &ReportResult) -> impl Iterator<Item = &str> {
    let findings = result.findings.iter().flat_map(|finding| [&*finding.description, &*finding.subject]);
    let matrices = result.principals.iter().filter_map(|principal| principal.matrix.as_ref());
    let matrix_texts = matrices.flat_map(|matrix| {
        let through = matrix.role_chains.iter().flat_map(|through| &through.path);
        let counts =
            matrix.capabilities.iter().chain(&matrix.services).filter_map(|row| row.granted.as_ref());
        let examples = counts.flat_map(|count| &count.examples);
        let unused = matrix.unused_services.iter().flat_map(|unused| &unused.examples);
        let paths = matrix.escalation_paths.iter().flat_map(|path| {
            path.resources.iter().chain(&path.actions).map(|text| &**text).chain([&*path.description])
        });
        through.chain(examples).chain(unused).map(|text| &**text).chain(paths)
    });
    let integrity = result.coverage.log_integrity.iter();
    let files =
        integrity.flat_map(|integrity| &integrity.verification.problems).map(|problem| &*problem.file);
    findings.chain(matrix_texts).chain(files).chain(result.limitations.iter().map(String::as_str))
}

fn redact_in_place(value: &mut Value, accounts: &BTreeSet<String>, sessions: bool) {
    match value {
        Value::String(text) => {
            for account in accounts {
                if text.contains(account.as_str()) {
                    *text = text.replace(account.as_str(), &pseudonym("account", account));
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redact_in_place(item, accounts, sessions)),
        Value::Object(fields) => {
            for (name, field) in fields {
                if sessions && SESSION_FIELDS.contains(&name.as_str()) {
                    pseudonymize(field);
                } else {
                    redact_in_place(field, accounts, sessions);
                }
            }
        }
        _ => {}
    }
}

fn pseudonymize(value: &mut Value) {
    match value {
        Value::String(text) => *text = pseudonym("session", text),
        Value::Array(items) => items.iter_mut().for_each(pseudonymize),
        _ => {}
    }
}

fn pseudonym(kind: &str, name: &str) -> String {
    let hash = Sha256::new().chain_update(kind).chain_update([0]).chain_update(name).finalize();
    format!("{kind}-{}", hex(hash.get(..6).unwrap_or_default()))
}
