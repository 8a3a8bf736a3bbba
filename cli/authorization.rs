//! What IAM says of an account, from files.
//!
//! Enters: files that `aws iam get-account-authorization-details` wrote. Leaves: policies, as if they had always been in
//! force. Law: a file that is no such output is refused; nothing in it is passed over.

use std::{fs, path::PathBuf};

use shared::{
    grants::{Held, Policies},
    permissions::details,
};

use crate::failure::Failure;

/// The policies of all principals in these files.
pub fn policies(paths: &[PathBuf]) -> Result<Policies, Failure> {
    let mut policies = Policies::default();
    for path in paths {
        let refused = |cause: String| Failure::Details { path: path.clone(), cause };
        let text = fs::read_to_string(path).map_err(|source| refused(source.to_string()))?;
        let snapshots = details::read(&text).map_err(|cause| refused(cause.to_string()))?;
        snapshots.into_iter().map(Held::always).for_each(|held| policies.add(held));
    }
    Ok(policies)
}
