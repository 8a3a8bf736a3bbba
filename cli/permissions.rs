//! `onlooker permissions`: what the policies of principals grant.
//!
//! Enters: policies from files, or from AWS if no file is named. Leaves: a status for each principal. Laws: with a
//! file, AWS is not called; a file that cannot be read completely is an error; a requested principal that does not
//! exist is INVALID.

mod detail;
mod display;
mod from_aws;
mod policy_files;
mod selection;

use std::path::PathBuf;

use clap::Args;
use onlooker_core::{
    config::{Config, Watch},
    grants::{Evaluator, PolicySnapshot},
    permissions::{
        AssessedPrincipal, PermissionsAssessment, PermissionsAssessor, PermissionsReport, PrincipalIdentity,
    },
};

pub use self::display::{PermissionsDisplay, show};
pub use self::policy_files::PolicyReader;
use self::{policy_files::ResourcePolicyFile, selection::PrincipalSelection};
use crate::{
    args::{self, GlobalArgs},
    environment,
    exit::{CommandError, CommandOutcome},
    inputs,
    progress::ProgressMeter,
};

/// Options of `permissions`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Reads policies from files, or from AWS if no file is named, and shows what they
grant. A principal that is promised to be read-only may be granted only reads,
and the reads of `permissions.reads` in the configuration must work.

  VALID            only reads are granted, and all required reads work
  PARTIAL          only reads are granted, and some required reads do not work
  INVALID          only reads are granted, and no required read works; or the
                   principal does not exist
  INDETERMINATE    the policies alone do not show whether the principal is
                   read-only: conditions, unknown actions, documents that
                   cannot be read
  OVER_PRIVILEGED  more than reads is granted

Grants that an override in the configuration allows do not worsen the status.
Policies that were not given (SCPs, session policies, resource-based policies)
are listed. A missing policy that could only deny is taken to deny nothing.

Examples:
  aws iam get-account-authorization-details > details.json
  onlooker permissions --authorization-details details.json
                                           every principal that is watched
  onlooker permissions --authorization-details details.json \\
      --principal 'arn:aws:iam::*:role/audit/*' --all
  onlooker permissions --policy auditor.json --boundary boundary.json
                                           a policy of Terraform or
                                           CloudFormation, as JSON, before it
                                           is applied
  onlooker permissions                     what may the caller do?
  onlooker permissions --principal arn:aws:iam::111122223333:role/Auditor
                                           what may this role do now?
  terraform output -raw auditor_policy | onlooker permissions --policy - --json

Without a file, AWS is called for the principals of --principal, or for the
caller: their policies are read, the required reads are tried with the caller's
credentials, and the result is compared with IAM's policy simulator. This needs an `onlooker`
with AWS (`cargo install --path . --features aws`).

With `--authorization-details` and no watched principal, every principal is
evaluated as if it were promised to be read-only. One principal is shown with
details, several with one line each; --all shows the details of each.

Exit codes:
  0  VALID
  1  OVER_PRIVILEGED, INVALID or PARTIAL
  2  usage, or a file that cannot be read
  3  INDETERMINATE, or a requested principal could not be evaluated")]
pub struct PermissionsArgs {
    /// Output of `aws iam get-account-authorization-details`; `-` for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "policy")]
    pub authorization_details: Option<PathBuf>,
    /// Policy document; several are evaluated together, as those of one principal; `-` for standard input
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub policy: Vec<PathBuf>,
    /// Evaluate the principals that match this ARN pattern, instead of the watched ones; repeatable
    #[arg(long, value_name = "PATTERN", value_parser = args::watch, conflicts_with = "policy")]
    pub principal: Vec<Watch>,
    /// Evaluate service-linked roles too
    #[arg(long, conflicts_with = "policy")]
    pub service_linked: bool,
    /// Name or ARN of the principal with these policies, for overrides [default: the name of the first file]
    #[arg(long, value_name = "NAME", requires = "policy")]
    pub name: Option<String>,
    /// Permissions boundary of that principal
    #[arg(long, value_name = "FILE", requires = "policy")]
    pub boundary: Option<PathBuf>,
    /// Service control policies of one level of the organization (root, OU or account), separated by commas;
    /// repeatable for other levels. A level that allows nothing also gets `FullAWSAccess`
    #[arg(long, value_name = "FILES")]
    pub scp: Vec<String>,
    /// Resource control policies, in the same form
    #[arg(long, value_name = "FILES")]
    pub rcp: Vec<String>,
    /// Resource-based policy; repeatable
    #[arg(long, value_name = "ARN=FILE", value_parser = ResourcePolicyFile::parse)]
    pub resource_policy: Vec<ResourcePolicyFile>,
    /// Show the details of each principal
    #[arg(long, conflicts_with = "json")]
    pub all: bool,
    /// Print JSON; its schema is published
    #[arg(long)]
    pub json: bool,
}

/// Runs `permissions`.
pub fn run(global: &GlobalArgs, args: PermissionsArgs) -> Result<CommandOutcome, CommandError> {
    if args.authorization_details.is_none() && args.policy.is_empty() {
        return from_aws::run(global, &args);
    }
    let loaded = environment::configuration(global)?;
    let config = &loaded.config;
    let catalog = inputs::catalog(&loaded)?;
    let mut inputs = PolicyReader::default();
    let context = inputs.context_policies(&args)?;
    let selection = match &args.authorization_details {
        Some(path) => {
            PrincipalSelection::select(inputs.details(path)?, config, &args.principal, args.service_linked)
        }
        None => PrincipalSelection::single(inputs.given_principal(&args)?),
    };
    if !global.quiet {
        selection.print_notes();
    }
    let bar =
        (selection.selected.len() > 1).then(|| ProgressMeter::for_items(global, "evaluating", "principals"));
    let now = environment::now();
    let (evaluator, assessor) = (Evaluator::new(catalog).at(now), PermissionsAssessor::new(config, catalog));
    let of_all = selection.selected.len() as u64;
    let mut assessments = Vec::with_capacity(selection.selected.len());
    for (n, snapshot) in (1..).zip(selection.selected) {
        let snapshot = context.apply_to(snapshot);
        let grants = evaluator.grants(&snapshot);
        let subject = subject(&snapshot, &grants, config);
        assessments.push(assessor.assess(&subject, now, &[], None));
        bar.iter().for_each(|bar| bar.set_count(n, of_all));
    }
    bar.iter().for_each(ProgressMeter::finish);
    let form = PermissionsDisplay { json: args.json, all: args.all };
    // A requested principal that could not be evaluated is not proven by the others.
    let is_incomplete = !args.principal.is_empty() && !selection.other_accounts.is_empty();
    let report = PermissionsReport::of(assessments, selection.unmatched, selection.other_accounts);
    match show(global, form, &report)? {
        CommandOutcome::Proven if is_incomplete => Ok(CommandOutcome::InsufficientEvidence),
        answer => Ok(answer),
    }
}

fn subject<'g>(
    snapshot: &PolicySnapshot,
    grants: &'g onlooker_core::grants::Grants,
    config: &Config,
) -> AssessedPrincipal<'g> {
    AssessedPrincipal {
        identity: PrincipalIdentity::of(&snapshot.principal, &snapshot.account, config),
        grants,
        policies_sha256: snapshot.sha256(),
    }
}

/// The outcome of a report. A violation takes precedence over everything that is unknown.
pub fn outcome(report: &PermissionsReport) -> CommandOutcome {
    use onlooker_core::permissions::OverallStatus::{Indeterminate, Invalid, OverPrivileged, Partial, Valid};
    let statuses = || report.principals.iter().map(|one: &PermissionsAssessment| one.overall_status);
    match report.overall {
        Some(Valid) => CommandOutcome::Proven,
        Some(Partial | Invalid | OverPrivileged) => CommandOutcome::Violation,
        // A principal without a required read is a violation, even if others are indeterminate.
        Some(Indeterminate) if statuses().any(|status| matches!(status, Partial | Invalid)) => {
            CommandOutcome::Violation
        }
        Some(Indeterminate) if !report.missing.is_empty() => CommandOutcome::Violation,
        Some(Indeterminate) | None => CommandOutcome::InsufficientEvidence,
    }
}
