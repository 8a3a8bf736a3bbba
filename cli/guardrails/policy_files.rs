//! Reads the policies of one principal from files.
//!
//! Enters: what the command line names. Leaves: a [`PolicySnapshot`]. Law: a file that is not a
//! policy is an error, and never skipped.

use std::{fs, path::Path, sync::Arc};

use onlooker_core::{
    config::Diagnostic,
    grants::{Policy, PolicyOrigin, PolicySnapshot},
    permissions::details,
};

use super::GuardrailsArgs;
use crate::exit::CommandError;

/// The policies that the command line names.
pub fn snapshot(args: &GuardrailsArgs) -> Result<PolicySnapshot, CommandError> {
    match &args.authorization_details {
        Some(path) => of_account(path, args.principal.as_deref().unwrap_or_default()),
        None => of_files(args),
    }
}

fn of_account(path: &Path, principal: &str) -> Result<PolicySnapshot, CommandError> {
    let all = details::parse(&text(path)?).map_err(|cause| {
        CommandError::Usage(Diagnostic {
            message: format!("cannot use the authorization details `{}`: {cause}", path.display()),
            remedy: "write them with `aws iam get-account-authorization-details`".to_owned(),
        })
    })?;
    all.into_iter().find(|snapshot| &*snapshot.principal == principal).ok_or_else(|| {
        CommandError::Usage(Diagnostic {
            message: format!("`{}` contains no user or role `{principal}`", path.display()),
            remedy: "write its complete ARN, with its path".to_owned(),
        })
    })
}

fn of_files(args: &GuardrailsArgs) -> Result<PolicySnapshot, CommandError> {
    let identity = args.policy.iter().map(|path| policy(path)).collect::<Result<Vec<_>, _>>()?;
    let principal = args.principal.as_deref().unwrap_or("given policies");
    let snapshot = PolicySnapshot {
        principal: principal.into(),
        account: principal.split(':').nth(4).unwrap_or_default().into(),
        identity_policies: identity,
        permissions_boundary: args.boundary.as_deref().map(policy).transpose()?,
        is_boundary_known: args.boundary.is_some(),
        ..PolicySnapshot::default()
    };
    Ok(snapshot.canonical())
}

fn policy(path: &Path) -> Result<Policy, CommandError> {
    let text = text(path)?;
    if !serde_json::from_str::<serde_json::Value>(&text).is_ok_and(|value| value.get("Statement").is_some()) {
        return Err(CommandError::Usage(Diagnostic {
            message: format!("`{}` is not a policy: it is not JSON with a `Statement`", path.display()),
            remedy: "give the policy document".to_owned(),
        }));
    }
    let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
    Ok(Policy { name: Arc::from(&*name), origin: PolicyOrigin::Given, text: text.into() })
}

fn text(path: &Path) -> Result<String, CommandError> {
    fs::read_to_string(path).map_err(|source| CommandError::Input { path: path.to_owned(), source })
}
