//! What principals may do, as AWS says now.
//!
//! Enters: ARNs and patterns; without any, we ourselves are meant. Leaves: a verdict on each. Laws: nothing is changed and
//! nothing kept; one that could not be read ends as a failure once the others are shown, and never as a verdict.

use onlooker_core::{
    config::{Config, Fault},
    jobs::permissions::{Desk, Failed, Question, Told, tell},
    permissions::Verdicts,
    ports::PortError,
};

use super::{Form, PermissionsArgs, show};
use crate::{
    args::Global,
    basis,
    cloud::Cloud,
    failure::{Answer, Failure},
    surroundings,
};

/// Reads and judges them.
pub fn run(global: &Global, args: &PermissionsArgs) -> Result<Answer, Failure> {
    refuse_files(args)?;
    let loaded = surroundings::configuration(global)?;
    let config: &Config = &loaded.config;
    let catalog = basis::catalog(&loaded)?;
    let cloud = Cloud::connect("permissions` without `--policy` or `--authorization-details")?;
    let caller = cloud.caller()?;
    let asked: Vec<String> = match &*args.principal {
        [] => vec![caller.arn.clone()],
        named => named.iter().map(|watch| watch.principal.clone()).collect(),
    };
    let policies = cloud.policies(&caller.account, config.lookup.role.clone());
    let (organization, reads, clock) = (cloud.organization(), cloud.reads(), cloud.clock());
    let desk =
        Desk { authorizations: &*policies, organization: &*organization, prober: &*reads, clock: &*clock };
    let told = tell(&desk, &Question { config, catalog, caller: &caller, asked: &asked });
    let Told { judged, failed, unjudged, unmatched } = told;
    if let Some(one) = unjudged.first() {
        let message = format!("the permissions of `{}` cannot be judged: {}", one.principal, one.why);
        let remedy = "name a user, a role or the root user of an account".to_owned();
        return Err(Failure::Usage(Fault { message, remedy }));
    }
    let is_nobody = judged.is_empty() && unmatched.is_empty();
    let verdicts = Verdicts::of(judged, unmatched, Default::default());
    let form = Form { json: args.json, all: args.all };
    let answer = if is_nobody { Answer::NotEnoughEvidence } else { show(global, form, &verdicts)? };
    match failed.into_iter().next() {
        Some(Failed { principal, kind, cause }) => {
            Err(Failure::Cloud(PortError { operation: "judge", name: principal, kind, cause: cause.into() }))
        }
        None => Ok(answer),
    }
}

/// What is given in files belongs to policies that are given in files.
fn refuse_files(args: &PermissionsArgs) -> Result<(), Failure> {
    let given = [
        ("--scp", !args.scp.is_empty()),
        ("--rcp", !args.rcp.is_empty()),
        ("--resource-policy", !args.resource_policy.is_empty()),
    ];
    let Some((option, _)) = given.into_iter().find(|(_, is_given)| *is_given) else { return Ok(()) };
    Err(Failure::Usage(Fault {
        message: format!("`{option}` belongs to policies that are given in files"),
        remedy: "add `--policy FILE` or `--authorization-details FILE`, or leave it out to ask AWS"
            .to_owned(),
    }))
}
