//! The policies that the command line names.
//!
//! Enters: files, in any mix. Leaves: [`GivenPolicies`]: principals of accounts, and principals that other files
//! declare. Laws: single policies belong to one principal, unless they name theirs; a managed policy of one file gets
//! its document from any other; the trust policies of roles are policies of the principals that they name; a document that
//! no file has is named, with the command that exports it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use onlooker_core::{
    config::Diagnostic,
    grants::{Policy, PolicySnapshot},
    permissions::{
        UnreadDeclaration, export_advice,
        policy_files::{ManagedDocuments, PolicyFile, PolicyFileKind, add_trust_policies, link},
    },
};

use super::{
    ContextArgs, nested_stacks,
    policy_files::{ArnFile, PolicyReader},
};
use crate::{exit::CommandError, report_output::note};

/// Largest number of missing documents that are named.
const MAX_NAMED: usize = 5;

/// Policies from files.
#[derive(Debug, Default)]
pub struct GivenPolicies {
    /// Principals of whole accounts.
    pub accounts: Vec<PolicySnapshot>,
    /// Principals that templates, plans and single policies declare.
    pub declared: Vec<PolicySnapshot>,
    /// Parts of the files that were not read.
    pub unread: Vec<UnreadDeclaration>,
    /// What else the files do not say, for the report.
    pub report_notes: Vec<String>,
    notes: Vec<String>,
}

/// What the command line names.
#[derive(Clone, Copy, Debug, Default)]
pub struct PolicySources<'a> {
    /// Files that are recognized by their content.
    pub files: &'a [PathBuf],
    /// Files of which only the documents of managed policies are used.
    pub documents: &'a [PathBuf],
    /// Account authorization details.
    pub details: &'a [PathBuf],
    /// Policy documents of one principal.
    pub policies: &'a [PathBuf],
    /// Name or ARN of the principal with the single policies.
    pub name: Option<&'a str>,
    /// Permissions boundary of that principal.
    pub boundary: Option<&'a Path>,
}

impl GivenPolicies {
    /// Reads all files.
    pub fn read(
        inputs: &mut PolicyReader,
        sources: PolicySources<'_>,
        context: &ContextArgs,
    ) -> Result<Self, CommandError> {
        let account = context.account.as_deref();
        let mut given = Self::default();
        let mut documents = ManagedDocuments::new();
        let mut singles: Vec<Policy> = Vec::new();
        let mut owned: BTreeMap<Arc<str>, PolicySnapshot> = BTreeMap::new();
        for path in sources.policies {
            singles.push(inputs.policy(path)?);
        }
        for path in sources.details {
            let file = inputs.details_file(path)?;
            given.accounts.extend(file.principals);
            for (arn, texts) in file.documents {
                documents.entry(arn).or_default().extend(texts);
            }
        }
        for file in nested_stacks::read(inputs, sources.files, account)? {
            let PolicyFile { kind, principals, documents: more, policy, unread, notes } = file;
            for (arn, texts) in more {
                documents.entry(arn).or_default().extend(texts);
            }
            singles.extend(policy);
            given.unread.extend(unread);
            given.report_notes.extend(notes);
            match kind {
                PolicyFileKind::Account => given.accounts.extend(principals),
                PolicyFileKind::Declaration => given.declared.extend(principals),
                PolicyFileKind::Policy => {
                    for snapshot in principals {
                        let held = owned.entry(Arc::clone(&snapshot.principal));
                        held.and_modify(|held| {
                            held.identity_policies.extend(snapshot.identity_policies.iter().cloned());
                        })
                        .or_insert(snapshot);
                    }
                }
            }
        }
        for path in sources.documents {
            for (arn, texts) in inputs.file(path, account)?.documents {
                documents.entry(arn).or_default().extend(texts);
            }
        }
        for ArnFile { arn, path } in &context.managed_policy {
            documents.entry(arn.as_str().into()).or_default().insert(inputs.policy(path)?.text);
        }
        given.add_singles(inputs, sources, singles, owned.into_values().collect())?;
        let mut missing = link(&mut given.accounts, &documents);
        missing.append(&mut link(&mut given.declared, &documents));
        add_trust_policies([&mut given.accounts, &mut given.declared]);
        let more = missing.len().saturating_sub(MAX_NAMED);
        given.notes.extend(missing.iter().take(MAX_NAMED).map(|arn| {
            format!("the document of `{arn}` is in none of the given files; {}", export_advice(arn))
        }));
        if more > 0 {
            given.notes.push(format!("the documents of {more} more managed policies are missing too"));
        }
        Ok(given)
    }

    /// Adds the principals of single policies: those that name theirs, and one for all others.
    fn add_singles(
        &mut self,
        inputs: &mut PolicyReader,
        sources: PolicySources<'_>,
        singles: Vec<Policy>,
        mut owned: Vec<PolicySnapshot>,
    ) -> Result<(), CommandError> {
        if let Some(first) = singles.first() {
            let principal: Arc<str> = Arc::clone(&first.name);
            owned.push(PolicySnapshot { principal, identity_policies: singles, ..PolicySnapshot::default() });
        }
        if sources.name.is_some() || sources.boundary.is_some() {
            let [single] = owned.as_mut_slice() else {
                return Err(CommandError::Usage(Diagnostic {
                    message:
                        "`--name` and `--boundary` are of one principal with single policies, and the files \
                              are of none or of several"
                            .to_owned(),
                    remedy: "give the policies of one principal, as policy documents".to_owned(),
                }));
            };
            if let Some(name) = sources.name {
                let account = name.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(3));
                (single.principal, single.account) = (name.into(), account.unwrap_or_default().into());
            }
            if let Some(path) = sources.boundary {
                single.permissions_boundary = Some(inputs.policy(path)?);
                single.is_boundary_known = true;
            }
        }
        self.declared.append(&mut owned);
        Ok(())
    }

    /// Prints which documents are missing.
    pub fn print_notes(&self) {
        self.notes.iter().for_each(|text| note(text));
    }

    /// Prints what the files name and do not hold, for an output without a place for it.
    pub fn print_unread(&self) {
        for UnreadDeclaration { part, .. } in &self.unread {
            note(&format!("{}: {}: {}", part.file, part.name, part.message));
        }
        self.report_notes.iter().for_each(|text| note(text));
    }
}
