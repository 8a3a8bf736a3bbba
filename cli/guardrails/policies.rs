//! The policies of one principal, from files.
//!
//! Enters: what the command line names. Leaves: a [`Snapshot`]. Law: a file that is no policy is refused, not passed over.

use std::{fs, path::Path, sync::Arc};

use onlooker_core::{
    config::Fault,
    grants::{Origin, Policy, Snapshot},
    permissions::details,
};

use super::GuardrailsArgs;
use crate::failure::Failure;

/// The policies asked for.
pub fn snapshot(args: &GuardrailsArgs) -> Result<Snapshot, Failure> {
    match &args.authorization_details {
        Some(path) => of_account(path, args.principal.as_deref().unwrap_or_default()),
        None => of_files(args),
    }
}

fn of_account(path: &Path, principal: &str) -> Result<Snapshot, Failure> {
    let all = details::read(&text(path)?).map_err(|cause| {
        Failure::Usage(Fault {
            message: format!("cannot use the authorization details `{}`: {cause}", path.display()),
            remedy: "write them with `aws iam get-account-authorization-details`".to_owned(),
        })
    })?;
    all.into_iter().find(|snapshot| &*snapshot.principal == principal).ok_or_else(|| {
        Failure::Usage(Fault {
            message: format!("`{}` knows no user or role `{principal}`", path.display()),
            remedy: "write its whole ARN, its path included".to_owned(),
        })
    })
}

fn of_files(args: &GuardrailsArgs) -> Result<Snapshot, Failure> {
    let identity = args.policy.iter().map(|path| policy(path)).collect::<Result<Vec<_>, _>>()?;
    let principal = args.principal.as_deref().unwrap_or("given policies");
    let snapshot = Snapshot {
        principal: principal.into(),
        account: principal.split(':').nth(4).unwrap_or_default().into(),
        identity,
        boundary: args.boundary.as_deref().map(policy).transpose()?,
        boundary_read: args.boundary.is_some(),
        ..Snapshot::default()
    };
    Ok(snapshot.canonical())
}

fn policy(path: &Path) -> Result<Policy, Failure> {
    let text = text(path)?;
    if !serde_json::from_str::<serde_json::Value>(&text).is_ok_and(|value| value.get("Statement").is_some()) {
        return Err(Failure::Usage(Fault {
            message: format!("`{}` is no policy: it is no JSON with a `Statement`", path.display()),
            remedy: "name the policy document itself".to_owned(),
        }));
    }
    let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
    Ok(Policy { name: Arc::from(&*name), origin: Origin::Given, text: text.into() })
}

fn text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|source| Failure::Input { path: path.to_owned(), source })
}
