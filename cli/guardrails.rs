//! `onlooker guardrails`: generates policies that limit a principal to reads.
//!
//! Enters: policies of a principal and evidence of the actions it used. Leaves: policy documents with their proof,
//! printed or written. Laws: only proven policies are printed; no policy is applied; a file is replaced only on
//! request; a question that is not acknowledged keeps the exit code from being 0.

mod changes;
mod display;
mod policy_files;

use std::path::{Path, PathBuf};

use clap::{
    Args, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use onlooker_core::{
    config::Diagnostic,
    guardrails::{
        Acknowledgment, Guardrail, GuardrailKind, GuardrailOptions, OpenQuestionKind, PrincipalUsage,
        template,
    },
    jobs::guardrails::{Guardrails, GuardrailsTask, UsageQuery, generate_guardrails, usage},
};
use onlooker_local::sweep_state::{SweepState, write_atomically};

use crate::{
    args::GlobalArgs,
    environment,
    exit::{CommandError, CommandOutcome},
    inputs, output,
    progress::ProgressMeter,
    source::SweepSource,
    sweep::{self, EvidencePeriod},
    time_arg::TimeArg,
};

/// Options of `guardrails`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Generates policies and proves them before they are printed: they keep every read
that was used, and they grant only reads that were granted before. Policies are
printed, never applied. Overrides of onlooker.toml that tolerate more than reads
are applied and listed.

  allow     identity-based policies that replace the existing ones: the reads
            that were used, with the resources and conditions of existing
            statements
  boundary  a permissions boundary: the reads that were used, then as many other
            reads as one document holds
  scp       service control policies that deny the principal everything that is
            not read-only

Examples:
  onlooker guardrails --authorization-details iam.json \\
      --principal arn:aws:iam::111122223333:role/Auditor ./AWSLogs
  onlooker guardrails --policy ReadOnlyAccess.json --kind boundary
  onlooker guardrails --authorization-details iam.json --principal ARN \\
      --state .onlooker --since 90d --out guardrails

  onlooker guardrails --authorization-details iam.json --principal ARN \\
      --format terraform --ack-open=unlogged-classes ./AWSLogs > guardrails.tf
  onlooker guardrails --authorization-details iam.json --principal ARN \\
      --kind boundary --check ./AWSLogs

iam.json is the output of `aws iam get-account-authorization-details`.

Open questions say what the evidence does not show. --ack-open accepts those that
are listed; --ack-open=KINDS accepts only those of these kinds, so that a new kind
is not accepted unseen. They stay listed.

Exit codes:
  0  proven, and no open question is left that is not acknowledged
  1  --check: the attached policies do not limit the principal as the guardrails would
  2  usage or invalid configuration
  3  proven as far as the evidence goes; open questions are listed
  4  no proof was found, so no policy is printed")]
pub struct GuardrailsArgs {
    /// Evidence of used actions: files, directories, globs, `-`, or `s3://bucket/prefix`, as for `sweep`
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Policies of all principals of an account: the output of `aws iam get-account-authorization-details`
    #[arg(
        long,
        value_name = "FILE",
        requires = "principal",
        required_unless_present = "policy",
        help_heading = "Policies"
    )]
    pub authorization_details: Option<PathBuf>,
    /// ARN of the user or role
    #[arg(long, value_name = "ARN", value_parser = crate::args::arn, help_heading = "Policies")]
    pub principal: Option<String>,
    /// An identity-based policy of the principal; repeatable
    #[arg(long, value_name = "FILE", conflicts_with = "authorization_details", help_heading = "Policies")]
    pub policy: Vec<PathBuf>,
    /// Permissions boundary of the principal
    #[arg(long, value_name = "FILE", requires = "policy", help_heading = "Policies")]
    pub boundary: Option<PathBuf>,
    /// More evidence of used actions: directory of the state of earlier sweeps
    #[arg(long, value_name = "DIR", help_heading = "Evidence of used actions")]
    pub state: Option<PathBuf>,
    /// Only actions that were used from this time: a time, a date or a span before now such as `90d`
    #[arg(long, value_name = "WHEN", help_heading = "Evidence of used actions")]
    pub since: Option<TimeArg>,
    /// Only actions that were used up to this time
    #[arg(long, value_name = "WHEN", help_heading = "Evidence of used actions")]
    pub until: Option<TimeArg>,
    /// Kinds of guardrails, separated by commas [default: all that can be generated]
    #[arg(long, value_name = "KINDS", value_enum, value_delimiter = ',', help_heading = "Guardrails")]
    pub kind: Vec<GuardrailKindArg>,
    /// No wildcards, so that actions AWS adds later are not allowed; needs more space
    #[arg(long, help_heading = "Guardrails")]
    pub exact: bool,
    /// Keep used actions that are not read-only
    #[arg(long, help_heading = "Guardrails")]
    pub keep_used: bool,
    /// Accept the open questions that are listed, or only those of these kinds, separated by commas
    #[arg(
        long,
        value_name = "KINDS",
        num_args = 0..,
        require_equals = true,
        value_delimiter = ',',
        value_parser = open_question_kind(),
        help_heading = "Guardrails"
    )]
    pub ack_open: Option<Vec<OpenQuestionKind>>,
    /// Say what each guardrail takes away from the policies that are attached now, by statement
    #[arg(long, help_heading = "Guardrails")]
    pub diff: bool,
    /// Print no documents: say whether the policies that are attached now already limit the principal as the guardrails
    /// would, and end with 1 if not
    #[arg(long, conflicts_with_all = ["out", "format"], help_heading = "Guardrails")]
    pub check: bool,
    /// Form of the documents
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, help_heading = "Output")]
    pub format: DocumentFormat,
    /// Directory for one file per document, or one template, and `proof.json`; created if missing
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Replace existing files
    #[arg(long, requires = "out", help_heading = "Output")]
    pub force: bool,
    /// Print documents and proofs as JSON on standard output
    #[arg(long, conflicts_with = "format", help_heading = "Output")]
    pub json: bool,
}

/// Kinds of guardrails, with the names of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GuardrailKindArg {
    /// Identity-based policies that replace the existing ones
    Allow,
    /// A permissions boundary
    Boundary,
    /// Service control policies
    Scp,
}

impl From<GuardrailKindArg> for GuardrailKind {
    fn from(wanted: GuardrailKindArg) -> Self {
        match wanted {
            GuardrailKindArg::Allow => Self::Allow,
            GuardrailKindArg::Boundary => Self::Boundary,
            GuardrailKindArg::Scp => Self::Scp,
        }
    }
}

/// Forms of the documents of guardrails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DocumentFormat {
    /// One policy document in JSON for each policy
    #[default]
    Json,
    /// A Terraform configuration with the policies and what attaches them
    Terraform,
    /// A CloudFormation template with the policies
    Cloudformation,
}

/// Parses the kind of an open question.
fn open_question_kind() -> impl TypedValueParser<Value = OpenQuestionKind> {
    PossibleValuesParser::new(OpenQuestionKind::ALL.map(OpenQuestionKind::as_str)).try_map(|name| {
        let mut kinds = OpenQuestionKind::ALL.into_iter();
        kinds.find(|kind| kind.as_str() == name).ok_or("not a kind of open question")
    })
}

/// The questions that the command line accepts.
fn acknowledgment(kinds: Option<&[OpenQuestionKind]>) -> Acknowledgment {
    match kinds {
        None => Acknowledgment::Nothing,
        Some([]) => Acknowledgment::Everything,
        Some(kinds) => Acknowledgment::Kinds(kinds.iter().copied().collect()),
    }
}

/// Runs `guardrails`.
pub fn run(global: &GlobalArgs, args: GuardrailsArgs) -> Result<CommandOutcome, CommandError> {
    let loaded = environment::configuration(global)?;
    let (config, catalog) = (&loaded.config, inputs::catalog(&loaded)?);
    let snapshot = policy_files::snapshot(&args)?;
    let kinds: Vec<GuardrailKind> = args.kind.iter().copied().map(GuardrailKind::from).collect();
    let span = EvidencePeriod::from_args(args.since, args.until)?;
    let used = match args.paths.is_empty() && args.state.is_none() {
        true if span.since.is_some() || span.until.is_some() => {
            return Err(CommandError::Usage(Diagnostic {
                message: "a period needs evidence".to_owned(),
                remedy: "give log files, or the state of past sweeps (runs) with `--state DIR`".to_owned(),
            }));
        }
        true => None,
        false => Some(read_used(
            global,
            &args,
            &snapshot.principal,
            |gathering| UsageQuery {
                config,
                catalog,
                since: span.since,
                until: span.until,
                gather_options: gathering,
                spill: Some(sweep::spill(config)),
            },
            config,
        )?),
    };
    if used.is_none() && kinds.contains(&GuardrailKind::Allow) {
        return Err(CommandError::Usage(Diagnostic {
            message: "a least-privilege policy needs evidence of used actions".to_owned(),
            remedy: "give log files, or the state of past sweeps (runs) with `--state DIR`".to_owned(),
        }));
    }
    let options =
        GuardrailOptions { exact: args.exact, keep_used: args.keep_used, compare: args.diff || args.check };
    let at = environment::now();
    let made = generate_guardrails(GuardrailsTask {
        config,
        catalog,
        snapshot: &snapshot,
        used,
        kinds: &kinds,
        options,
        acknowledged: acknowledgment(args.ack_open.as_deref()),
        at,
    })?;
    print_or_write(global, &args, &made)?;
    let is_in_place = |one: &Guardrail| one.changes.as_ref().is_some_and(|changes| changes.is_in_place);
    Ok(if args.check && !made.guardrails.iter().all(is_in_place) {
        CommandOutcome::Violation
    } else if made.is_answered {
        CommandOutcome::Proven
    } else {
        CommandOutcome::InsufficientEvidence
    })
}

fn print_or_write(global: &GlobalArgs, args: &GuardrailsArgs, made: &Guardrails) -> Result<(), CommandError> {
    let files = match args.format {
        DocumentFormat::Json => {
            let documents = made.guardrails.iter().flat_map(|one| &one.documents);
            documents.map(|document| (format!("{}.json", document.name), document.text.clone())).collect()
        }
        DocumentFormat::Terraform => {
            vec![("guardrails.tf".to_owned(), template::terraform(&made.principal, &made.guardrails))]
        }
        DocumentFormat::Cloudformation => {
            let text = template::cloudformation(&made.principal, &made.guardrails).map_err(|cause| {
                CommandError::Usage(Diagnostic {
                    message: cause.to_string(),
                    remedy: "take `--format json` or `--format terraform`".to_owned(),
                })
            })?;
            vec![("guardrails.template.json".to_owned(), text)]
        }
    };
    if let Some(dir) = &args.out {
        write_files(dir, &files, made, args.force)?;
    }
    if args.json {
        return output::json(made);
    }
    let documents = match &args.out {
        _ if args.check => display::Documents::Hidden,
        Some(_) if global.quiet => return Ok(()),
        Some(dir) => display::Documents::Written(files.iter().map(|(name, _)| dir.join(name)).collect()),
        None if args.format == DocumentFormat::Json => display::Documents::Printed,
        None => {
            return output::write(|out| {
                files.iter().try_for_each(|(_, text)| out.write_all(text.as_bytes()))
            });
        }
    };
    output::write(|out| display::print(out, made, &documents))
}

fn read_used<'a>(
    global: &GlobalArgs,
    args: &GuardrailsArgs,
    principal: &str,
    looking: impl FnOnce(onlooker_core::jobs::gather::GatherOptions) -> UsageQuery<'a>,
    config: &onlooker_core::config::Config,
) -> Result<PrincipalUsage, CommandError> {
    let state = match &args.state {
        None => None,
        Some(dir) => Some(SweepState::open_existing(dir)?.ok_or_else(|| {
            CommandError::Usage(Diagnostic {
                message: format!("there is no state in `{}`", dir.display()),
                remedy: "sweep log files first with `onlooker sweep PATH`".to_owned(),
            })
        })?),
    };
    let paths = args.paths.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let source = SweepSource::from_paths(paths)?;
    let bar = ProgressMeter::new(global, "reading");
    let gathering = sweep::gathering(config, source.is_remote());
    let found = usage(principal, &source, state.as_ref(), looking(gathering), &|progress| {
        bar.set_progress(progress)
    })?;
    bar.finish();
    Ok(found)
}

/// Writes the documents, and `proof.json` with everything else. Nothing is written if one of the files exists.
fn write_files(
    dir: &Path,
    documents: &[(String, String)],
    made: &Guardrails,
    force: bool,
) -> Result<(), CommandError> {
    let mut files: Vec<(PathBuf, Vec<u8>)> =
        documents.iter().map(|(name, text)| (dir.join(name), text.clone().into_bytes())).collect();
    files.push((dir.join("proof.json"), serde_json::to_vec_pretty(made)?));
    if let Some((path, _)) = files.iter().find(|(path, _)| path.exists() && !force) {
        return Err(CommandError::Usage(Diagnostic {
            message: format!("`{}` exists", path.display()),
            remedy: "give another directory, or replace the file with `--force`".to_owned(),
        }));
    }
    std::fs::create_dir_all(dir).map_err(|source| CommandError::File {
        operation: "create",
        path: dir.to_owned(),
        source,
    })?;
    for (path, bytes) in files {
        write_atomically(&path, &bytes)?;
    }
    Ok(())
}
