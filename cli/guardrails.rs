//! `onlooker guardrails`: generates policies that limit a principal to reads.
//!
//! Enters: policies of a principal and evidence of the actions it used. Leaves: policy documents with their proof,
//! printed or written. Laws: only proven policies are printed; no policy is applied; a file is replaced only on
//! request.

mod display;
mod policy_files;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use onlooker_core::{
    config::Diagnostic,
    guardrails::{GuardrailKind, GuardrailOptions, PrincipalUsage},
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

iam.json is the output of `aws iam get-account-authorization-details`.

Exit codes:
  0  proven
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
    /// Directory for one file per document and `proof.json`; created if missing
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Replace existing files
    #[arg(long, requires = "out", help_heading = "Output")]
    pub force: bool,
    /// Print documents and proofs as JSON on standard output
    #[arg(long, help_heading = "Output")]
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
    let options = GuardrailOptions { exact: args.exact, keep_used: args.keep_used };
    let at = environment::now();
    let made = generate_guardrails(GuardrailsTask {
        config,
        catalog,
        snapshot: &snapshot,
        used,
        kinds: &kinds,
        options,
        at,
    })?;
    if let Some(dir) = &args.out {
        write_files(dir, &made, args.force)?;
    }
    if args.json {
        output::json(&made)?;
    } else if !(global.quiet && args.out.is_some()) {
        output::write(|out| display::print(out, &made, args.out.as_deref()))?;
    }
    Ok(if made.is_complete { CommandOutcome::Proven } else { CommandOutcome::InsufficientEvidence })
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

/// Writes one file for each document, and `proof.json` with everything else. Nothing is written if one of them
/// exists.
fn write_files(dir: &Path, made: &Guardrails, force: bool) -> Result<(), CommandError> {
    let documents = made.guardrails.iter().flat_map(|one| &one.documents);
    let mut files: Vec<(PathBuf, Vec<u8>)> = documents
        .map(|document| (dir.join(format!("{}.json", document.name)), document.text.clone().into_bytes()))
        .collect();
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
