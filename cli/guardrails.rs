//! `onlooker guardrails`: policies that leave a principal its reads.
//!
//! Enters: policies of a principal and evidence of what it used. Leaves: policy documents with their proof, printed or
//! written. Laws: what is not proven is not printed; nothing is applied; no file is written over unasked.

mod policies;
mod shown;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use onlooker_core::{
    config::Fault,
    guardrails::{Kind, Options, Used},
    jobs::guardrails::{Guardrails, Looking, Task, guardrails, used},
};
use onlooker_local::state::{State, write_whole};

use crate::{
    args::Global,
    basis,
    failure::{Answer, Failure},
    moment::Moment,
    output,
    progress::Bar,
    source::Everything,
    surroundings,
    sweep::{self, Span},
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
    pub since: Option<Moment>,
    /// Look at what was used up to here
    #[arg(long, value_name = "WHEN", help_heading = "What was used")]
    pub until: Option<Moment>,
    /// Which guardrails, separated by commas [default: all that can be made]
    #[arg(long, value_name = "KINDS", value_enum, value_delimiter = ',', help_heading = "Which guardrails")]
    pub kind: Vec<Wanted>,
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
pub enum Wanted {
    /// Identity policies in place of those there are
    Allow,
    /// A permissions boundary
    Boundary,
    /// Service control policies
    Scp,
}

impl From<Wanted> for Kind {
    fn from(wanted: Wanted) -> Self {
        match wanted {
            Wanted::Allow => Self::Allow,
            Wanted::Boundary => Self::Boundary,
            Wanted::Scp => Self::Scp,
        }
    }
}

/// Runs `guardrails`.
pub fn run(global: &Global, args: GuardrailsArgs) -> Result<Answer, Failure> {
    let loaded = surroundings::configuration(global)?;
    let (config, catalog) = (&loaded.config, basis::catalog(&loaded)?);
    let snapshot = policies::snapshot(&args)?;
    let kinds: Vec<Kind> = args.kind.iter().copied().map(Kind::from).collect();
    let span = Span::asked_for(args.since, args.until)?;
    let used = match args.paths.is_empty() && args.state.is_none() {
        true if span.since.is_some() || span.until.is_some() => {
            return Err(Failure::Usage(Fault {
                message: "a period is given and no evidence".to_owned(),
                remedy: "name log objects, or the state of earlier sweeps with `--state DIR`".to_owned(),
            }));
        }
        true => None,
        false => Some(evidence(
            global,
            &args,
            &snapshot.principal,
            |gathering| Looking { config, catalog, since: span.since, until: span.until, gathering },
            config,
        )?),
    };
    if used.is_none() && kinds.contains(&Kind::Allow) {
        return Err(Failure::Usage(Fault {
            message: "a least-privilege policy is made of what was used".to_owned(),
            remedy: "name log objects, or the state of earlier sweeps with `--state DIR`".to_owned(),
        }));
    }
    let options = Options { exact: args.exact, keep_used: args.keep_used };
    let at = surroundings::now();
    let made = guardrails(Task { config, catalog, snapshot: &snapshot, used, kinds: &kinds, options, at })?;
    if let Some(dir) = &args.out {
        write_files(dir, &made, args.force)?;
    }
    if args.json {
        output::json(&made)?;
    } else if !(global.quiet && args.out.is_some()) {
        output::write(|out| shown::print(out, &made, args.out.as_deref()))?;
    }
    Ok(if made.is_complete { Answer::Proven } else { Answer::NotEnoughEvidence })
}

fn evidence<'a>(
    global: &Global,
    args: &GuardrailsArgs,
    principal: &str,
    looking: impl FnOnce(onlooker_core::jobs::gather::Gathering) -> Looking<'a>,
    config: &onlooker_core::config::Config,
) -> Result<Used, Failure> {
    let state = match &args.state {
        None => None,
        Some(dir) => Some(State::find(dir)?.ok_or_else(|| {
            Failure::Usage(Fault {
                message: format!("there is no state in `{}`", dir.display()),
                remedy: "sweep log objects first with `onlooker sweep PATH`".to_owned(),
            })
        })?),
    };
    let paths = args.paths.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let source = Everything::named(paths)?;
    let bar = Bar::new(global, "reading");
    let gathering = sweep::gathering(config, source.is_far());
    let found = used(principal, &source, state.as_ref(), looking(gathering), &|progress| bar.show(progress))?;
    bar.finish();
    Ok(found)
}

/// One file a document, and everything else beside them. Nothing is written if one of them is in the way.
fn write_files(dir: &Path, made: &Guardrails, force: bool) -> Result<(), Failure> {
    let documents = made.guardrails.iter().flat_map(|one| &one.documents);
    let mut files: Vec<(PathBuf, Vec<u8>)> = documents
        .map(|document| (dir.join(format!("{}.json", document.name)), document.text.clone().into_bytes()))
        .collect();
    files.push((dir.join("proof.json"), serde_json::to_vec_pretty(made)?));
    if let Some((path, _)) = files.iter().find(|(path, _)| path.exists() && !force) {
        return Err(Failure::Usage(Fault {
            message: format!("`{}` is there already", path.display()),
            remedy: "name another directory, or write over it with `--force`".to_owned(),
        }));
    }
    std::fs::create_dir_all(dir).map_err(|source| Failure::File {
        what: "make",
        path: dir.to_owned(),
        source,
    })?;
    for (path, bytes) in files {
        write_whole(&path, &bytes)?;
    }
    Ok(())
}
