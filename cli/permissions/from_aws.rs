//! What principals may do, as AWS says now.
//!
//! Enters: ARNs and patterns; without any, we ourselves are meant. Leaves: a verdict on each. Laws: nothing is changed and
//! nothing kept; one that could not be read ends as a failure once the others are shown, and never as a verdict.

use onlooker_core::{
    config::{Config, Diagnostic},
    jobs::permissions::{IamPorts, PermissionsEvaluation, PermissionsRequest, PrincipalFailure, evaluate},
    permissions::PermissionsReport,
    ports::PortError,
};

use super::{PermissionsArgs, PermissionsDisplay, show};
use crate::{
    args::GlobalArgs,
    aws::AwsConnection,
    environment,
    exit::{CommandError, CommandOutcome},
    inputs,
};

/// Reads and judges them.
pub fn run(global: &GlobalArgs, args: &PermissionsArgs) -> Result<CommandOutcome, CommandError> {
    refuse_files(args)?;
    let loaded = environment::configuration(global)?;
    let config: &Config = &loaded.config;
    let catalog = inputs::catalog(&loaded)?;
    let cloud = AwsConnection::connect("permissions` without `--policy` or `--authorization-details")?;
    let caller = cloud.caller()?;
    let asked: Vec<String> = match &*args.principal {
        [] => vec![caller.arn.clone()],
        named => named.iter().map(|watch| watch.principal.clone()).collect(),
    };
    let policies = cloud.authorizations(&caller.account, config.lookup.role.clone());
    let (organization, reads, clock) = (cloud.organization(), cloud.prober(), cloud.clock());
    let desk = IamPorts { iam: &*policies, organizations: &*organization, prober: &*reads, clock: &*clock };
    let told = evaluate(&desk, &PermissionsRequest { config, catalog, caller: &caller, principals: &asked });
    let PermissionsEvaluation { evaluated: judged, failed, unsupported: unjudged, unmatched } = told;
    if let Some(one) = unjudged.first() {
        let message = format!("the permissions of `{}` cannot be judged: {}", one.principal, one.reason);
        let remedy = "name a user, a role or the root user of an account".to_owned();
        return Err(CommandError::Usage(Diagnostic { message, remedy }));
    }
    let is_nobody = judged.is_empty() && unmatched.is_empty();
    let verdicts = PermissionsReport::of(judged, unmatched, Default::default());
    let form = PermissionsDisplay { json: args.json, all: args.all };
    let answer =
        if is_nobody { CommandOutcome::InsufficientEvidence } else { show(global, form, &verdicts)? };
    match failed.into_iter().next() {
        Some(PrincipalFailure { principal, kind, cause }) => Err(CommandError::Aws(PortError {
            operation: "judge",
            name: principal,
            kind,
            cause: cause.into(),
        })),
        None => Ok(answer),
    }
}

/// What is given in files belongs to policies that are given in files.
fn refuse_files(args: &PermissionsArgs) -> Result<(), CommandError> {
    let given = [
        ("--scp", !args.scp.is_empty()),
        ("--rcp", !args.rcp.is_empty()),
        ("--resource-policy", !args.resource_policy.is_empty()),
    ];
    let Some((option, _)) = given.into_iter().find(|(_, is_given)| *is_given) else { return Ok(()) };
    Err(CommandError::Usage(Diagnostic {
        message: format!("`{option}` belongs to policies that are given in files"),
        remedy: "add `--policy FILE` or `--authorization-details FILE`, or leave it out to ask AWS"
            .to_owned(),
    }))
}
