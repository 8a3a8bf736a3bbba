//! Reads account authorization details from files.
//!
//! Enters: output files of `aws iam get-account-authorization-details`. Leaves: policies that count as in force for
//! the whole period. Law: a file that is not such an output is an error; no part of a file is skipped.

use std::path::PathBuf;

use onlooker_core::grants::{DatedSnapshot, PolicyHistory};

use crate::{exit::CommandError, permissions::PolicyReader};

/// The policies of all principals in these files.
pub fn policies(paths: &[PathBuf]) -> Result<PolicyHistory, CommandError> {
    let (mut inputs, mut policies) = (PolicyReader::default(), PolicyHistory::default());
    for path in paths {
        inputs
            .details(path)?
            .into_iter()
            .map(DatedSnapshot::always_in_force)
            .for_each(|held| policies.add(held));
    }
    Ok(policies)
}
