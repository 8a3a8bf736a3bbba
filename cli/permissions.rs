//! `onlooker permissions`: what principals could do, by their policies.
//!
//! Enters: policies from files, or from AWS where no file is named. Leaves: a verdict on each principal. Laws: where a file is
//! named nothing is asked of AWS; a file that cannot be
//! read in full is refused and never half an answer; who was asked for and is not there is INVALID.

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
Reads policies and says what they allow: from files, without asking AWS, or from
AWS where no file is named. A principal that is
promised to be read-only may be granted reads and nothing else, and the reads of
`permissions.reads` in the configuration have to work.

  VALID            the needed reads work, and nothing but reads is granted
  PARTIAL          nothing but reads, yet some needed reads do not work
  INVALID          nothing but reads, yet no needed read works; or no such principal
  INDETERMINATE    policies alone do not tell: conditions, unknown actions, documents
                   that cannot be read
  OVER_PRIVILEGED  more than reads is granted

Overrides of the configuration tolerate grants that lie within them. What was not
given (SCPs, session policies, policies of resources) is listed. What can only
narrow the rest never makes a verdict better.

Examples:
  aws iam get-account-authorization-details > details.json
  onlooker permissions --authorization-details details.json
                                           every principal that is watched
  onlooker permissions --authorization-details details.json \\
      --principal 'arn:aws:iam::*:role/audit/*' --all
  onlooker permissions --policy auditor.json --boundary boundary.json
                                           a policy of Terraform or CloudFormation,
                                           as plain policy JSON, before it is applied
  onlooker permissions                     what may I do?
  onlooker permissions --principal arn:aws:iam::111122223333:role/Auditor
                                           what may this role do, as AWS says now?
  terraform output -raw auditor_policy | onlooker permissions --policy - --json

Where no file is named, AWS is asked: for the principals of --principal, or for
whoever asks. Their policies are read, reads are tried out as the caller, and IAM's
simulator gives a second opinion; `onlooker` has to be built with AWS for it
(`cargo install --path . --features aws`).

With `--authorization-details` and nothing watched, every principal is judged as if
it were promised to be read-only. One principal is shown in full, several with a
line each; --all shows each in full.

Exit codes:
  0  VALID
  1  OVER_PRIVILEGED, INVALID or PARTIAL
  2  usage, or a file that cannot be read
  3  INDETERMINATE, or somebody was asked for who could not be judged")]
pub struct PermissionsArgs {
    /// Output of `aws iam get-account-authorization-details`; `-` for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "policy")]
    pub authorization_details: Option<PathBuf>,
    /// Policy document; several are judged together, as those of one principal; `-` for standard input
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub policy: Vec<PathBuf>,
    /// Judge the principals this ARN pattern matches, instead of those that are watched; repeatable
    #[arg(long, value_name = "PATTERN", value_parser = args::watch, conflicts_with = "policy")]
    pub principal: Vec<Watch>,
    /// Judge service-linked roles too
    #[arg(long, conflicts_with = "policy")]
    pub service_linked: bool,
    /// Name or ARN of the principal the policies are meant for, for overrides [default: the name of the first file]
    #[arg(long, value_name = "NAME", requires = "policy")]
    pub name: Option<String>,
    /// Permissions boundary of that principal
    #[arg(long, value_name = "FILE", requires = "policy")]
    pub boundary: Option<PathBuf>,
    /// Service control policies of one level of the organization, with commas between files; given again, another level.
    /// A level on which nothing is allowed is taken to have `FullAWSAccess` too
    #[arg(long, value_name = "FILES")]
    pub scp: Vec<String>,
    /// Resource control policies, in the same way
    #[arg(long, value_name = "FILES")]
    pub rcp: Vec<String>,
    /// Policy of a resource; repeatable
    #[arg(long, value_name = "ARN=FILE", value_parser = ResourcePolicyFile::parse)]
    pub resource_policy: Vec<ResourcePolicyFile>,
    /// Show each principal in full
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
    let around = inputs.context_policies(&args)?;
    let whom = match &args.authorization_details {
        Some(path) => {
            PrincipalSelection::select(inputs.details(path)?, config, &args.principal, args.service_linked)
        }
        None => PrincipalSelection::single(inputs.given_principal(&args)?),
    };
    if !global.quiet {
        whom.print_notes();
    }
    let bar = (whom.selected.len() > 1).then(|| ProgressMeter::for_items(global, "judging", "principals"));
    let (evaluator, judge, now) =
        (Evaluator::new(catalog), PermissionsAssessor::new(config, catalog), environment::now());
    let of_all = whom.selected.len() as u64;
    let mut judged = Vec::with_capacity(whom.selected.len());
    for (n, snapshot) in (1..).zip(whom.selected) {
        let snapshot = around.apply_to(snapshot);
        let grants = evaluator.grants(&snapshot);
        let subject = subject(&snapshot, &grants, config);
        judged.push(judge.assess(&subject, now, &[], None));
        bar.iter().for_each(|bar| bar.set_count(n, of_all));
    }
    bar.iter().for_each(ProgressMeter::finish);
    let form = PermissionsDisplay { json: args.json, all: args.all };
    // Who was asked for by name and could not be judged is not proven by others.
    let is_short = !args.principal.is_empty() && !whom.other_accounts.is_empty();
    match show(global, form, &PermissionsReport::of(judged, whom.unmatched, whom.other_accounts))? {
        CommandOutcome::Proven if is_short => Ok(CommandOutcome::InsufficientEvidence),
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

/// The exit code of a verdict: a violation is one, whatever else is not known.
pub fn outcome(verdicts: &PermissionsReport) -> CommandOutcome {
    use onlooker_core::permissions::OverallStatus::{Indeterminate, Invalid, OverPrivileged, Partial, Valid};
    let statuses = || verdicts.principals.iter().map(|one: &PermissionsAssessment| one.overall_status);
    match verdicts.overall {
        Some(Valid) => CommandOutcome::Proven,
        Some(Partial | Invalid | OverPrivileged) => CommandOutcome::Violation,
        // One that is refused a read it needs is a violation beside others that nobody can judge.
        Some(Indeterminate) if statuses().any(|status| matches!(status, Partial | Invalid)) => {
            CommandOutcome::Violation
        }
        Some(Indeterminate) if !verdicts.missing.is_empty() => CommandOutcome::Violation,
        Some(Indeterminate) | None => CommandOutcome::InsufficientEvidence,
    }
}
