//! Reads account authorization details from files.
//!
//! Enters: output files of `aws iam get-account-authorization-details`. Leaves: policies that count as in force for
//! the whole period. Laws: a file that is not such an output is an error; no part of a file is skipped; the trust policies
//! of roles are policies of the principals that they name.

use std::path::PathBuf;

use onlooker_core::{
    grants::{DatedSnapshot, PolicyHistory, PolicySnapshot},
    permissions::policy_files::add_trust_policies,
};

use crate::{exit::CommandError, permissions::PolicyReader};

/// The policies of all principals in these files.
pub fn policies(paths: &[PathBuf]) -> Result<PolicyHistory, CommandError> {
    let (mut inputs, mut principals) = (PolicyReader::default(), Vec::new());
    for path in paths {
        principals.append(&mut inputs.details(path)?);
    }
    add_trust_policies([&mut principals]);
    Ok(principals.into_iter().map(PolicySnapshot::canonical).map(DatedSnapshot::always_in_force).collect())
}
