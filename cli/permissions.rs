//! `onlooker permissions`: what the policies of principals grant.
//!
//! Enters: policies from files, or from AWS if no file is named. Leaves: a status for each principal. Laws: with a
//! file, AWS is not called; a file that cannot be read completely is an error; a requested principal that does not
//! exist is INVALID.

mod detail;
mod diff;
mod display;
mod formats;
mod from_aws;
mod given;
mod graph;
mod list;
mod nested_stacks;
mod policy_files;
mod selection;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use onlooker_core::{
    config::{Config, Diagnostic, Watch},
    grants::{Evaluator, PolicySnapshot},
    permissions::{
        AssessedPrincipal, PermissionsAssessment, PermissionsAssessor, PermissionsReport, PrincipalIdentity,
    },
};

pub use self::display::{PermissionsDisplay, show};
pub use self::policy_files::PolicyReader;
use self::{
    diff::DiffArgs,
    formats::OutputFormat,
    given::{GivenPolicies, PolicySources},
    graph::GraphArgs,
    list::GrantList,
    policy_files::ArnFile,
    selection::PrincipalSelection,
};
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
and the reads of `permissions.reads` in the configuration, if there are any,
must work.

  VALID            only reads are granted, and all required reads work
  PARTIAL          only reads are granted, and some required reads do not work
  INVALID          only reads are granted, and no required read works; or the
                   principal does not exist
  INDETERMINATE    the policies alone do not show whether the principal is
                   read-only: conditions, actions that neither the catalog nor
                   their names classify, documents or values that are not known
  OVER_PRIVILEGED  more than reads is granted

Grants that an override in the configuration allows do not worsen the status.
Policies that were not given (SCPs, session policies, resource-based policies)
are listed. A missing policy that could only deny is taken to deny nothing. A
trust policy in the files grants sts:AssumeRole to the principals that it names.

A FILE is recognized by its content:
  aws iam get-account-authorization-details        users and roles of an account
  aws iam get-policy-version                       one policy
  aws iam get-role-policy, get-user-policy, get-group-policy
  a policy document
  terraform show -json, of a plan or a state
  a CloudFormation template, JSON or YAML; what `cdk synth` writes; what
  `aws cloudformation get-template` prints

Policy documents without a principal are evaluated together, as those of one
principal. A value that a template or plan does not say (a parameter without a
default, `known after apply`) is not guessed: what depends on it is conditional.
A managed policy that is named by its ARN alone has no document; give a file
that has it, or `--managed-policy ARN=FILE`.

Examples:
  aws iam get-account-authorization-details > details.json
  onlooker permissions details.json        every principal that is watched
  onlooker permissions details.json \\
      --principal 'arn:aws:iam::*:role/audit/*' --all
  terraform plan -out plan && terraform show -json plan > plan.json
  onlooker permissions plan.json           what will the roles of the plan be
                                           able to do?
  onlooker permissions template.yaml details.json
                                           AWS managed policies that the
                                           template names are in details.json
  onlooker permissions --policy auditor.json --boundary boundary.json
                                           a policy before it is applied
  onlooker permissions details.json --list --json
                                           every granted action, a line each
  onlooker permissions plan.json --format html,csv --out permissions
  onlooker permissions diff old.json plan.json
                                           what does a change grant?
  onlooker permissions graph a.json b.json c.json
                                           which principals can become which others, across accounts?
  onlooker permissions                     what may the caller do?
  onlooker permissions --principal arn:aws:iam::111122223333:role/Auditor
                                           what may this role do now?
  terraform output -raw auditor_policy | onlooker permissions --policy - --json

Without a file, AWS is called for the principals of --principal, or for the
caller: their policies are read, the required reads are tried with the caller's
credentials, and the result is compared with IAM's policy simulator. This needs an `onlooker`
with AWS (`cargo install --path . --features aws`).

Of an account without a watched principal, every principal is evaluated as if it
were promised to be read-only; of another file always, unless --principal names
some. One principal is shown with details, several with one line each; --all
shows the details of each.

--list prints a table on a terminal. Otherwise each line has these fields,
separated by tabs: principal, action, classification, access level, risk,
capabilities (separated by commas), certainty, conditions, statements (as
POLICY STATEMENT), resources, denied resources, override that tolerates it. `|`
separates several values; an empty field is `-`. The exit code of --list is that
of the status.

Exit codes:
  0  VALID
  1  OVER_PRIVILEGED, INVALID or PARTIAL
  2  usage, or a file that cannot be read
  3  INDETERMINATE, a part of a file was not read, or a requested principal
     could not be evaluated")]
pub struct PermissionsArgs {
    /// Another task.
    #[command(subcommand)]
    pub command: Option<PermissionsCommand>,
    /// Files with policies, recognized by their content; `-` for standard input
    #[arg(value_name = "FILE", conflicts_with = "policy")]
    pub files: Vec<PathBuf>,
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
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Permissions boundary of that principal
    #[arg(long, value_name = "FILE")]
    pub boundary: Option<PathBuf>,
    /// Further policies and the account.
    #[command(flatten)]
    pub context: ContextArgs,
    /// Show the details of each principal
    #[arg(long, conflicts_with_all = ["json", "list"], help_heading = "Output")]
    pub all: bool,
    /// List every granted action with its access level, capabilities, conditions and statements
    #[arg(long, conflicts_with = "out", help_heading = "Output")]
    pub list: bool,
    /// Formats to write to `--out`, or the format to print; separated by commas; with --list: `terminal`, `jsonl` or
    /// `csv` [default: terminal]
    #[arg(long, value_name = "FORMATS", value_parser = formats::format(), value_delimiter = ',', help_heading = "Output")]
    pub format: Vec<OutputFormat>,
    /// Directory for the files `permissions.json`, `permissions.html` and so on, created if missing; or, for one format of one file, a
    /// file: a name with an ending, such as `page.html`
    #[arg(long, value_name = "FILE|DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Print JSON, its schema is published; with --list: one line for each granted action
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// Policies beside those of the principals, and the account of principals that a file declares without one.
#[derive(Debug, Args)]
pub struct ContextArgs {
    /// Account of principals that a template, plan or single policy declares; also `AWS::AccountId` of a template
    #[arg(long, value_name = "ID", value_parser = args::account)]
    pub account: Option<String>,
    /// Document of a managed policy that a file names by its ARN alone: a policy document, or the output of
    /// `aws iam get-policy-version`; repeatable
    #[arg(long, value_name = "ARN=FILE", value_parser = ArnFile::parse)]
    pub managed_policy: Vec<ArnFile>,
    /// Service control policies of one level of the organization (root, OU or account), separated by commas;
    /// repeatable for other levels. A level that allows nothing also gets `FullAWSAccess`
    #[arg(long, value_name = "FILES")]
    pub scp: Vec<String>,
    /// Resource control policies, in the same form
    #[arg(long, value_name = "FILES")]
    pub rcp: Vec<String>,
    /// Resource-based policy; repeatable
    #[arg(long, value_name = "ARN=FILE", value_parser = ArnFile::parse)]
    pub resource_policy: Vec<ArnFile>,
}

/// Other tasks with permissions.
#[derive(Debug, Subcommand)]
pub enum PermissionsCommand {
    /// Show which actions a change of policies grants and takes away
    Diff(DiffArgs),
    /// Show which principals can become which others, across accounts
    Graph(GraphArgs),
}

impl PermissionsArgs {
    /// Whether a file with policies is named.
    fn names_a_file(&self) -> bool {
        !self.files.is_empty() || self.authorization_details.is_some() || !self.policy.is_empty()
    }

    fn display(&self) -> PermissionsDisplay {
        PermissionsDisplay {
            json: self.json,
            all: self.all,
            formats: self.format.clone(),
            out: self.out.clone(),
        }
    }
}

/// Runs `permissions`.
pub fn run(global: &GlobalArgs, mut args: PermissionsArgs) -> Result<CommandOutcome, CommandError> {
    match args.command.take() {
        Some(PermissionsCommand::Diff(diff_args)) => {
            refuse_before_command(&args, "diff")?;
            return diff::run(global, &diff_args);
        }
        Some(PermissionsCommand::Graph(graph_args)) => {
            refuse_before_command(&args, "graph")?;
            return graph::run(global, &graph_args);
        }
        None => {}
    }
    let form = args.display();
    match args.list {
        true => list::validate(&args)?,
        false => form.validate()?,
    }
    if !args.names_a_file() {
        return from_aws::run(global, &args);
    }
    let loaded = environment::configuration(global)?;
    let config = &loaded.config;
    let catalog = inputs::catalog(&loaded)?;
    let mut inputs = PolicyReader::default();
    let sources = PolicySources {
        files: &args.files,
        documents: &[],
        details: args.authorization_details.as_slice(),
        policies: &args.policy,
        name: args.name.as_deref(),
        boundary: args.boundary.as_deref(),
    };
    let mut given = GivenPolicies::read(&mut inputs, sources, &args.context)?;
    let context = inputs.context_policies(&args.context)?;
    let (accounts, declared) = (std::mem::take(&mut given.accounts), std::mem::take(&mut given.declared));
    let selection =
        PrincipalSelection::select(accounts, declared, config, &args.principal, args.service_linked);
    if !global.quiet {
        selection.print_notes();
        given.print_notes();
        if args.list {
            given.print_unread();
        }
    }
    let bar =
        (selection.selected.len() > 1).then(|| ProgressMeter::for_items(global, "evaluating", "principals"));
    let now = environment::now();
    let (evaluator, assessor) = (Evaluator::new(catalog).at(now), PermissionsAssessor::new(config, catalog));
    let of_all = selection.selected.len() as u64;
    let mut assessments = Vec::with_capacity(selection.selected.len());
    let mut listing = args.list.then(|| GrantList::new(global, &args));
    for (n, snapshot) in (1..).zip(selection.selected) {
        let snapshot = context.apply_to(snapshot);
        let grants = evaluator.grants(&snapshot);
        let subject = subject(&snapshot, &grants, config);
        if let Some(listing) = &mut listing {
            listing.print(&subject.identity.arn, &grants, config, now)?;
        }
        assessments.push(assessor.assess(&subject, now, &[], None));
        bar.iter().for_each(|bar| bar.set_count(n, of_all));
    }
    bar.iter().for_each(ProgressMeter::finish);
    // A requested principal that could not be evaluated is not proven by the others.
    let is_incomplete = !args.principal.is_empty() && !selection.other_accounts.is_empty();
    let unread = given.unread.into_iter().map(|one| one.part).collect();
    let report = PermissionsReport::of(assessments, selection.unmatched, selection.other_accounts)
        .with_unread(unread, given.report_notes);
    let answer = match listing {
        Some(listing) => {
            listing.finish()?;
            outcome(&report)
        }
        None => show(global, &form, &report)?,
    };
    match answer {
        CommandOutcome::Proven if is_incomplete => Ok(CommandOutcome::InsufficientEvidence),
        answer => Ok(answer),
    }
}

/// Rejects options before a command, which it would ignore.
fn refuse_before_command(args: &PermissionsArgs, command: &str) -> Result<(), CommandError> {
    let ContextArgs { account, managed_policy, scp, rcp, resource_policy } = &args.context;
    let is_given = args.names_a_file()
        || args.service_linked
        || args.all
        || args.list
        || args.json
        || args.name.is_some()
        || args.boundary.is_some()
        || args.out.is_some()
        || account.is_some()
        || !(args.principal.is_empty() && args.format.is_empty() && managed_policy.is_empty())
        || !(scp.is_empty() && rcp.is_empty() && resource_policy.is_empty());
    match is_given {
        false => Ok(()),
        true => Err(CommandError::Usage(Diagnostic {
            message: format!("an option or file stands before `{command}`"),
            remedy: format!(
                "write it after `onlooker permissions {command}`; write `./{command}` for a file of that name"
            ),
        })),
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
