//! `onlooker verify`: whether files are as they were delivered.
//!
//! Enters: log files and digest files of CloudTrail, public keys, signatures. Leaves: what was verified, what is missing and
//! what was tampered with. Laws: the exit code is 0 only if every file in the window is verified; the clock is read here and
//! nowhere below.

mod certificate;
mod printer;
pub mod signing;

use std::{collections::BTreeSet, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use onlooker_core::{
    jobs::verify_trail::TrailReader,
    log_integrity::{IntegrityResult, PublicKeys, Selection, VerificationTask, verify},
};
use onlooker_local::rsa_signature::is_signature;

use crate::{
    args::{self, GlobalArgs},
    environment,
    exit::{CommandError, CommandOutcome},
    output,
    progress::ProgressMeter,
    source::SweepSource,
    sweep::{EvidencePeriod, gathering},
    time_arg::TimeArg,
};
use signing::{KnownKeys, SigningArgs};

/// Options of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(subcommand)]
    command: VerifyCommand,
}

#[derive(Debug, Subcommand)]
enum VerifyCommand {
    /// Verify the log files of a trail by its digest files
    Trail(Box<TrailArgs>),
    /// Verify a certificate that a principal only read
    Certificate(certificate::CertificateArgs),
}

/// Options of `verify trail`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Reads log files and digest files as CloudTrail delivers them, of any number of
accounts, regions and trails. Verifies the signature of each digest file, the
chain of the digest files, and the hash of each log file that they list. Names
every hour without a digest file, and the log files that no digest file lists.

The signature of a digest file is in the metadata of its object, which a copy
of a bucket lacks, and in the digest file that follows it. So of a copy only
the newest digest file of each chain needs its metadata, with --signatures.

Examples:
  aws cloudtrail list-public-keys --region eu-west-1 \\
      --start-time 2026-10-01 --end-time 2026-11-01 > keys.json
  onlooker verify trail ./AWSLogs --public-keys keys.json
  onlooker verify trail ./AWSLogs --since 2026-10-01 --until 2026-11-01
  onlooker verify trail s3://bucket/AWSLogs/111122223333/ --since 7d
  onlooker verify trail ./AWSLogs --region eu-west-1 --region us-east-1

Public keys are kept in the state, so that later runs need neither --public-keys
nor AWS. `s3://` needs `cargo install --path . --features aws`, and the
permissions s3:ListBucket, s3:GetObject and cloudtrail:ListPublicKeys.

Exit codes:
  0  verified
  1  tampered
  2  usage or invalid configuration
  3  a gap, nothing found, or not everything could be verified
  4  the tool failed")]
pub struct TrailArgs {
    /// Directories (recursive), files, globs, or `s3://bucket/prefix`
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Verify the digest files that overlap the time from here: a time, a date (midnight UTC) or a span before now such
    /// as `24h` [default: each chain from its oldest digest file]
    #[arg(long, value_name = "WHEN", help_heading = "Window")]
    pub since: Option<TimeArg>,
    /// Verify up to this time; digest files are expected up to here, or up to two hours ago [default: now]
    #[arg(long, value_name = "WHEN", help_heading = "Window")]
    pub until: Option<TimeArg>,
    /// Verify this account, and expect its files; repeatable [default: every account that is found]
    #[arg(long, value_name = "ID", value_parser = args::account, help_heading = "Window")]
    pub account: Vec<String>,
    /// Verify this region, and expect its files; repeatable [default: every region that is found]
    #[arg(long, value_name = "NAME", value_parser = args::region, help_heading = "Window")]
    pub region: Vec<String>,
    /// Verify the trail of this name; repeatable [default: every trail that is found]
    #[arg(long, value_name = "NAME", help_heading = "Window")]
    pub trail: Vec<String>,
    /// Public keys and signatures.
    #[command(flatten)]
    pub signing: SigningArgs,
    /// How to print the result
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ResultFormat::Text, help_heading = "Output")]
    pub format: ResultFormat,
    /// Directory of the state, where public keys are kept
    #[arg(long, value_name = "DIR", default_value = ".onlooker", help_heading = "Processing")]
    pub state: PathBuf,
    /// Use and keep no state
    #[arg(long, conflicts_with = "state", help_heading = "Processing")]
    pub no_state: bool,
    /// Number of threads; 0 for one per core [default: as configured]
    #[arg(long, value_name = "NUMBER", help_heading = "Processing",
          value_parser = clap::value_parser!(u16).range(0..=1024))]
    pub threads: Option<u16>,
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ResultFormat {
    /// Text for people
    Text,
    /// JSON with a published schema
    Json,
}

/// Runs `verify`.
pub fn run(global: &GlobalArgs, args: VerifyArgs) -> Result<CommandOutcome, CommandError> {
    match args.command {
        VerifyCommand::Trail(args) => verify_trail(global, *args),
        VerifyCommand::Certificate(args) => certificate::run(global, args),
    }
}

fn verify_trail(global: &GlobalArgs, args: TrailArgs) -> Result<CommandOutcome, CommandError> {
    let mut loaded = environment::configuration(global)?;
    if let Some(threads) = args.threads {
        loaded.config.limits.threads = usize::from(threads);
    }
    let period = EvidencePeriod::from_args(args.since, args.until)?;
    let now = environment::now();
    let signatures = args.signing.signatures()?;
    let mut keys = KnownKeys::load((!args.no_state).then_some(&*args.state), &args.signing.public_keys)?;
    let selection = Selection {
        accounts: args.account.into_iter().collect(),
        regions: args.region.into_iter().collect(),
        trails: args.trail.into_iter().collect(),
    };
    let paths = args.paths.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let source = SweepSource::from_paths(paths)?;
    let options = gathering(&loaded.config, source.is_remote());
    let until = period.until.unwrap_or(now);
    let bar = ProgressMeter::for_items(global, "reading", "digest files");
    let reader = TrailReader::open(&source, Some(&source), period.since, until, options, &|done, of| {
        bar.set_count(done, of);
    });
    bar.finish();
    let mut reader = reader.map_err(CommandError::ListSource)?;
    reader.files.add_metadata(signatures);
    let (no_key, no_region) = (PublicKeys::default(), BTreeSet::new());
    let task = VerificationTask {
        since: period.since,
        until: period.until,
        now,
        selection: &selection,
        keys: &no_key,
        listed_regions: &no_region,
        check: &is_signature,
    };
    let unknown = |known: &PublicKeys| reader.files.unknown_keys(VerificationTask { keys: known, ..task });
    let (keys, listed_regions) = keys.complete(source.aws(), unknown)?;
    let task = VerificationTask { keys: &keys, listed_regions: &listed_regions, ..task };
    let bar = ProgressMeter::for_items(global, "hashing", "log files");
    let hashes = reader.hash_log_files(task, &|done, of| bar.set_count(done, of));
    bar.finish();
    let result = verify(&reader.files, &hashes, task);
    match args.format {
        ResultFormat::Json => output::json(&result)?,
        ResultFormat::Text => output::write(|out| printer::print(out, global, &result))?,
    }
    Ok(match result.result {
        IntegrityResult::Verified => CommandOutcome::Proven,
        IntegrityResult::Tampered => CommandOutcome::Violation,
        IntegrityResult::Unverified | IntegrityResult::Gap | IntegrityResult::NothingFound => {
            CommandOutcome::InsufficientEvidence
        }
    })
}
