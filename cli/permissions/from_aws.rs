//! Evaluates the current permissions of principals in AWS.
//!
//! Enters: ARNs and patterns; without any, the caller is evaluated. Leaves: a status for each principal. Laws:
//! nothing is changed or stored; a principal that cannot be read is an error after the others are printed, and gets
//! no status.

use onlooker_core::{
    config::{Config, Diagnostic},
    jobs::permissions::{IamPorts, PermissionsEvaluation, PermissionsRequest, PrincipalFailure, evaluate},
    permissions::PermissionsReport,
    ports::PortError,
};

use super::{PermissionsArgs, show};
use crate::{
    args::GlobalArgs,
    aws::AwsConnection,
    environment,
    exit::{CommandError, CommandOutcome},
    inputs,
};

/// Reads the policies from AWS and evaluates the principals.
pub fn run(global: &GlobalArgs, args: &PermissionsArgs) -> Result<CommandOutcome, CommandError> {
    refuse_files(args)?;
    let loaded = environment::configuration(global)?;
    let config: &Config = &loaded.config;
    let catalog = inputs::catalog(&loaded)?;
    let cloud = AwsConnection::connect("permissions` without a file")?;
    let caller = cloud.caller()?;
    let requested: Vec<String> = match &*args.principal {
        [] => vec![caller.arn.clone()],
        named => named.iter().map(|watch| watch.principal.clone()).collect(),
    };
    let policies = cloud.authorizations(&caller.account, config.lookup.role.clone());
    let (organization, reads, clock) = (cloud.organization(), cloud.prober(), cloud.clock());
    let ports = IamPorts { iam: &*policies, organizations: &*organization, prober: &*reads, clock: &*clock };
    let request = PermissionsRequest { config, catalog, caller: &caller, principals: &requested };
    let evaluation = evaluate(&ports, &request);
    let PermissionsEvaluation { evaluated, failed, unsupported, unmatched } = evaluation;
    if let Some(one) = unsupported.first() {
        let message = format!("cannot evaluate the permissions of `{}`: {}", one.principal, one.reason);
        let remedy = "name a user, a role or the root user of an account".to_owned();
        return Err(CommandError::Usage(Diagnostic { message, remedy }));
    }
    let is_empty = evaluated.is_empty() && unmatched.is_empty();
    let report = PermissionsReport::of(evaluated, unmatched, Default::default());
    let answer = match is_empty {
        true => CommandOutcome::InsufficientEvidence,
        false => show(global, &args.display(), &report)?,
    };
    match failed.into_iter().next() {
        Some(PrincipalFailure { principal, kind, cause }) => Err(CommandError::Aws(PortError {
            operation: "evaluate",
            name: principal,
            kind,
            cause: cause.into(),
        })),
        None => Ok(answer),
    }
}

/// Rejects options that apply only to policies from files.
fn refuse_files(args: &PermissionsArgs) -> Result<(), CommandError> {
    let given = [
        ("--name", args.name.is_some()),
        ("--boundary", args.boundary.is_some()),
        ("--account", args.context.account.is_some()),
        ("--managed-policy", !args.context.managed_policy.is_empty()),
        ("--scp", !args.context.scp.is_empty()),
        ("--rcp", !args.context.rcp.is_empty()),
        ("--resource-policy", !args.context.resource_policy.is_empty()),
        ("--list", args.list),
    ];
    let Some((option, _)) = given.into_iter().find(|(_, is_given)| *is_given) else { return Ok(()) };
    Err(CommandError::Usage(Diagnostic {
        message: format!("`{option}` applies only to policies from files"),
        remedy: "name a file with policies, or leave that option out to read from AWS".to_owned(),
    }))
}
