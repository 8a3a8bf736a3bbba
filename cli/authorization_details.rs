//! What IAM says of an account, from files.
//!
//! Enters: files that `aws iam get-account-authorization-details` wrote. Leaves: policies, as if they had always been in
//! force. Law: a file that is no such output is refused; nothing in it is passed over.

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
