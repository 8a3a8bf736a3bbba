//! `onlooker guardrails`: policies that leave a principal its reads.
//!
//! Enters: policies of a principal and evidence of what it used. Leaves: policy documents with their proof, printed or
//! written. Laws: what is not proven is not printed; nothing is applied; no file is written over unasked.

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
Makes policies and proves them before they are printed: everything that was used
stays, nothing that is no read is granted, nothing is granted that was not
before. They are printed, never applied. Overrides of onlooker.toml that
tolerate more than reads are honoured and listed.

  allow     identity policies in place of those there are: the reads that were
            used, on the resources and conditions of the statements there are
  boundary  a permissions boundary: reads, those that were used first, as many
            as one document holds
  scp       service control policies that deny the principal what is no read

Examples:
  onlooker guardrails --authorization-details iam.json \\
      --principal arn:aws:iam::111122223333:role/Auditor ./AWSLogs
  onlooker guardrails --policy ReadOnlyAccess.json --kind boundary
  onlooker guardrails --authorization-details iam.json --principal ARN \\
      --state .onlooker --since 90d --out guardrails

iam.json is what `aws iam get-account-authorization-details` prints.

Exit codes:
  0  proven
  2  usage or invalid configuration
  3  proven as far as the evidence goes; what is left open is named
  4  there is no proof, and so no policy")]
pub struct GuardrailsArgs {
    /// What was used: files, directories, globs, `-`, or `s3://bucket/prefix`, as `sweep` reads them
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Policies of all principals of an account: the output of `aws iam get-account-authorization-details`
    #[arg(
        long,
        value_name = "FILE",
        requires = "principal",
        required_unless_present = "policy",
        help_heading = "Whose policies"
    )]
    pub authorization_details: Option<PathBuf>,
    /// ARN of the user or role
    #[arg(long, value_name = "ARN", value_parser = crate::args::arn, help_heading = "Whose policies")]
    pub principal: Option<String>,
    /// An identity policy of the principal; repeatable
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "authorization_details",
        help_heading = "Whose policies"
    )]
    pub policy: Vec<PathBuf>,
    /// Permissions boundary of the principal
    #[arg(long, value_name = "FILE", requires = "policy", help_heading = "Whose policies")]
    pub boundary: Option<PathBuf>,
    /// What was used as well: the state that earlier sweeps left in this directory
    #[arg(long, value_name = "DIR", help_heading = "What was used")]
    pub state: Option<PathBuf>,
    /// Look at what was used from here on: a time, a date or a span before now such as `90d`
    #[arg(long, value_name = "WHEN", help_heading = "What was used")]
    pub since: Option<TimeArg>,
    /// Look at what was used up to here
    #[arg(long, value_name = "WHEN", help_heading = "What was used")]
    pub until: Option<TimeArg>,
    /// Which guardrails, separated by commas [default: all that can be made]
    #[arg(long, value_name = "KINDS", value_enum, value_delimiter = ',', help_heading = "Which guardrails")]
    pub kind: Vec<GuardrailKindArg>,
    /// No wildcards, so that nothing AWS adds later is allowed; takes more room
    #[arg(long, help_heading = "Which guardrails")]
    pub exact: bool,
    /// Keep what was used although it is no read
    #[arg(long, help_heading = "Which guardrails")]
    pub keep_used: bool,
    /// Directory for one file a document and `proof.json`; made if missing
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Write over files that are there
    #[arg(long, requires = "out", help_heading = "Output")]
    pub force: bool,
    /// Print documents and proofs as JSON on standard output
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// Kinds, as the command line names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GuardrailKindArg {
    /// Identity policies in place of those there are
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
                message: "a period is given and no evidence".to_owned(),
                remedy: "name log objects, or the state of earlier sweeps with `--state DIR`".to_owned(),
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
            message: "a least-privilege policy is made of what was used".to_owned(),
            remedy: "name log objects, or the state of earlier sweeps with `--state DIR`".to_owned(),
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
                remedy: "sweep log objects first with `onlooker sweep PATH`".to_owned(),
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

/// One file a document, and everything else beside them. Nothing is written if one of them is in the way.
fn write_files(dir: &Path, made: &Guardrails, force: bool) -> Result<(), CommandError> {
    let documents = made.guardrails.iter().flat_map(|one| &one.documents);
    let mut files: Vec<(PathBuf, Vec<u8>)> = documents
        .map(|document| (dir.join(format!("{}.json", document.name)), document.text.clone().into_bytes()))
        .collect();
    files.push((dir.join("proof.json"), serde_json::to_vec_pretty(made)?));
    if let Some((path, _)) = files.iter().find(|(path, _)| path.exists() && !force) {
        return Err(CommandError::Usage(Diagnostic {
            message: format!("`{}` is there already", path.display()),
            remedy: "name another directory, or write over it with `--force`".to_owned(),
        }));
    }
    std::fs::create_dir_all(dir).map_err(|source| CommandError::File {
        operation: "make",
        path: dir.to_owned(),
        source,
    })?;
    for (path, bytes) in files {
        write_atomically(&path, &bytes)?;
    }
    Ok(())
}
