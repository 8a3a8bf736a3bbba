//! `onlooker sweep`: reads CloudTrail files and reports on them.
//!
//! Enters: paths and watched principals. Leaves: a report and, without `--no-state`, the state that the next sweep
//! starts from. Law: unreadable input is shown in the report and in the exit code.

use std::{cell::RefCell, fs, path::PathBuf, time::Instant};

use clap::Args;
use onlooker_core::{
    audit::AuditKind,
    config::{Config, Diagnostic, Watch},
    escape::escape_hidden,
    event_selectors::TrailSelectors,
    grants::PolicyHistory,
    jobs::{
        audit::{AuditTrail, Auditing},
        evaluation::EvaluationCriteria,
        evidence_pool::Spill,
        gather::GatherOptions,
        sweep::{Exclusion, SweepOutcome, SweepTask, sweep},
        sweep_verification::SweepVerification,
    },
    log_integrity::IntegritySummary,
    number_text::count_noun,
    ports::{LogSource, SweepEvidence},
    record::ReadLimits,
    render::{Format, json::json},
    report::{CallerIdentity, Report, ReportRun},
    score::Status,
    time::Time,
};
use onlooker_local::{
    config_file::LoadedConfig,
    directory_store::DirectoryStore,
    local_files::{ExcludeGlobs, LocalFiles},
    rsa_signature::is_signature,
    sweep_state::SweepState,
    temporary_file::TemporaryFile,
};

use crate::{
    args::{self, GlobalArgs},
    authorization_details,
    aws::AwsConnection,
    environment,
    exit::{CommandError, CommandOutcome},
    fail_on::FailOn,
    inputs,
    lookup::{MemoryEvidence, look_up},
    progress::ProgressMeter,
    report_output::{ReportExtent, ReportOutput, conclude, note},
    report_pages,
    source::SweepSource,
    standards::StandardChoice,
    time_arg::TimeArg,
    verify::signing::{KnownKeys, SigningArgs},
};

/// Options of `sweep`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Reads log files as CloudTrail delivers them, digest files, the output of `aws
cloudtrail lookup-events` and `aws logs filter-log-events`, messages of
CloudWatch Logs subscriptions, EventBridge events, JSON lines, and lists of any
of these, all plain or compressed with gzip. Files beside a trail that evidently
are not CloudTrail data, such as AWS Config snapshots, flow logs and documents,
are skipped and counted, unless they are named themselves. If no
principal is watched, here or in onlooker.toml, the sweep is a discovery: it
lists every principal with its calls and makes no statement about compliance.

Examples:
  onlooker sweep ./AWSLogs
  onlooker sweep ./AWSLogs --watch 'arn:aws:iam::*:role/Auditor' --since 7d
  onlooker sweep 'logs/2027/01/*/*.json.gz' --format html,json --out reports
  zcat trail.json.gz | onlooker sweep - --no-state --json
  onlooker sweep s3://bucket/AWSLogs/111122223333/CloudTrail/eu-west-1/2027/
  onlooker sweep ./AWSLogs --authorization-details iam.json
  onlooker sweep --lookup --region eu-west-1 --since 7d
  onlooker sweep ./AWSLogs --fail-on non-compliant,insufficient,high
  onlooker sweep ./AWSLogs --verify-logs --public-keys keys.json

`s3://` and `--lookup` need `cargo install --path . --features aws`. They use
region, credentials, profiles and endpoints like other AWS tools. `s3://` needs
the permissions s3:ListBucket and s3:GetObject, and kms:Decrypt for an encrypted
trail; with --verify-logs also cloudtrail:ListPublicKeys. `--lookup` needs
cloudtrail:LookupEvents. It reads whole hours, up to the last hour for which
CloudTrail has delivered all events, with 1.5 requests of 50 events per second
for each account and region.

Exit codes:
  0  proven, a discovery with evidence, or nothing that --fail-on names
  1  a watched principal did more than read, or a finding is as severe as
     --fail-on names
  2  usage or invalid configuration
  3  not enough evidence: something is missing or unreadable, or a discovery
     found no events or has a coverage of 0 %
  4  the tool failed")]
pub struct SweepArgs {
    /// Files, directories (recursive), globs, `-` for standard input, or `s3://bucket/prefix`
    #[arg(required_unless_present = "lookup", value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Look up CloudTrail's event history instead of reading log files: management events of the last 90 days in this
    /// account or, with `lookup.role` in the configuration, in every `--account`, for every `--region` and the region
    /// of global services
    #[arg(long, conflicts_with = "paths")]
    pub lookup: bool,
    /// Watch principals that match this pattern, in addition to those of the configuration; repeatable
    #[arg(long, value_name = "ARN-PATTERN", value_parser = args::watch, help_heading = "Watched principals")]
    pub watch: Vec<Watch>,
    /// The controls of the report.
    #[command(flatten)]
    pub standard: StandardChoice,
    /// Expect evidence from this time, and skip older events: a time, a date (midnight UTC) or a span before now such
    /// as `24h`
    #[arg(long, value_name = "WHEN", help_heading = "Expected evidence")]
    pub since: Option<TimeArg>,
    /// Expect evidence up to this time, and skip newer events
    #[arg(long, value_name = "WHEN", help_heading = "Expected evidence")]
    pub until: Option<TimeArg>,
    /// Expect evidence of this account, in addition to those of the configuration; repeatable
    #[arg(long, value_name = "ID", value_parser = args::account, help_heading = "Expected evidence")]
    pub account: Vec<String>,
    /// Expect evidence of this region, in addition to those of the configuration; repeatable
    #[arg(long, value_name = "NAME", value_parser = args::region, help_heading = "Expected evidence")]
    pub region: Vec<String>,
    /// Do not read files that match this glob, in which `*` also matches `/`: a path, its end or a folder in it, such as
    /// `*.txt` or `Config`; the report says what was excluded; repeatable
    #[arg(long, value_name = "GLOB", conflicts_with = "lookup", help_heading = "Expected evidence")]
    pub exclude: Vec<String>,
    /// Event selectors of a trail: the output of `aws cloudtrail get-event-selectors`. A class that the trail logs
    /// completely counts as logged, a class that it logs in part is a gap. Add the output of `aws cloudtrail
    /// describe-trails` for a trail of more than one region or account; repeatable
    #[arg(long, value_name = "FILE", help_heading = "Expected evidence")]
    pub selectors: Vec<PathBuf>,
    /// Verify the log files by the digest files beside them, as `onlooker verify trail` does, while they are read. Hours with a
    /// changed or missing file are not observed; the report says which hours are verified
    #[arg(long, conflicts_with = "lookup", help_heading = "Expected evidence")]
    pub verify_logs: bool,
    /// Public keys and signatures, for `--verify-logs`.
    #[command(flatten)]
    pub signing: SigningArgs,
    /// Policies of the principals: the output of `aws iam get-account-authorization-details`, which counts as in
    /// force for the whole period; repeatable, one file for each account
    #[arg(long, value_name = "FILE", help_heading = "Watched principals")]
    pub authorization_details: Vec<PathBuf>,
    /// Formats to write to `--out`, or the format to print; separated by commas [default: terminal]
    #[arg(long, value_name = "FORMATS", value_parser = args::format(), value_delimiter = ',', help_heading = "Output")]
    pub format: Vec<&'static Format>,
    /// Directory for the files `report.json`, `report.html` and so on, created if missing; or, for one format of one file, a
    /// file: a name with an ending, such as `page.html`
    #[arg(long, value_name = "FILE|DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Print the report as JSON on standard output
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// How much is printed.
    #[command(flatten)]
    pub extent: ReportExtent,
    /// What the command fails on.
    #[command(flatten)]
    pub fail_on: FailOn,
    /// Directory of the state that the next sweep starts from
    #[arg(long, value_name = "DIR", default_value = ".onlooker", help_heading = "Processing")]
    pub state: PathBuf,
    /// Read all input and keep no state
    #[arg(long, conflicts_with = "state", help_heading = "Processing")]
    pub no_state: bool,
    /// Number of threads; 0 for one per core [default: as configured]
    #[arg(long, value_name = "NUMBER", help_heading = "Processing",
          value_parser = clap::value_parser!(u16).range(0..=1024))]
    pub threads: Option<u16>,
}

/// Runs `sweep`.
pub fn run(global: &GlobalArgs, args: SweepArgs) -> Result<CommandOutcome, CommandError> {
    let publication = ReportOutput {
        formats: args.format,
        out: args.out,
        json: args.json,
        extent: args.extent,
        again: None,
    };
    publication.validate()?;
    args.fail_on.validate()?;
    let mut loaded = environment::configuration(global)?;
    let config = &mut loaded.config;
    config.watch.extend(args.watch);
    // What the configuration has too is not listed twice.
    let add = |named: &mut Vec<String>, more: Vec<String>| {
        more.into_iter().for_each(|one| {
            if !named.contains(&one) {
                named.push(one)
            }
        });
    };
    add(&mut config.coverage.accounts, args.account);
    add(&mut config.coverage.regions, args.region);
    args.standard.apply(config);
    config.coverage.trails = trail_selectors(&args.selectors)?;
    if let Some(threads) = args.threads {
        config.limits.threads = usize::from(threads);
    }
    config.validate()?;
    let period = EvidencePeriod::from_args(args.since, args.until)?;
    if !args.verify_logs && !args.signing.is_empty() {
        return Err(CommandError::Usage(Diagnostic {
            message: "`--public-keys` and `--signatures` are for verifying log files".to_owned(),
            remedy: "add `--verify-logs`".to_owned(),
        }));
    }
    let exclude = exclude_globs(&args.exclude)?;
    require_paths(&args.paths)?;
    let policies = authorization_details::policies(&args.authorization_details)?;
    let mut state = if args.no_state { None } else { Some(SweepState::open(&args.state, LOG_FILES_ORIGIN)?) };
    let trail_store = DirectoryStore::new(&args.state);
    let trail = (!args.no_state).then(|| audit_trail(&trail_store, &loaded.config, "sweep"));
    let audit = trail.as_ref();
    let mut inputs_sha256 = None;
    let report = if args.lookup {
        sweep_event_history(global, &loaded, &policies, state.as_mut(), period, audit)?
    } else {
        let paths = args.paths.iter().map(|path| path.to_string_lossy().into_owned()).collect();
        let source = SweepSource::from_paths(paths)?;
        if source.is_remote() && loaded.config.limits.threads == 0 {
            loaded.config.limits.threads = threads(&loaded.config).max(REMOTE_THREADS);
        }
        let matches = |name: &str| exclude.matches(name);
        let exclusion = Exclusion { globs: &args.exclude, matches: &matches };
        let scope = SweepScope { exclude: exclusion, audit, reuses_report: true, ..period.into() };
        if args.verify_logs {
            let signatures = args.signing.signatures()?;
            let kept = (!args.no_state).then_some(&*args.state);
            let keys = RefCell::new(KnownKeys::load(kept, &args.signing.public_keys)?);
            let bar = ProgressMeter::for_items(global, "verifying", "files");
            let verification = SweepVerification {
                metadata: Some(&source),
                signatures: &signatures,
                keys: &|unknown| Ok(keys.borrow_mut().complete(source.aws(), unknown)?),
                check: &is_signature,
                now: environment::now(),
                progress: &|done, of| bar.set_count(done, of),
            };
            let scope = SweepScope { verification: Some(verification), ..scope };
            let swept = run_sweep(global, &loaded, &policies, &source, state.as_mut(), scope, None)?;
            bar.finish();
            note_elsewhere(global, swept.from_elsewhere);
            if let (Some(state), Some(integrity)) = (&state, &swept.integrity) {
                state.keep_integrity(integrity)?;
            }
            swept.report
        } else {
            let swept = run_sweep(global, &loaded, &policies, &source, state.as_mut(), scope, None)?;
            inputs_sha256 = swept.inputs_sha256;
            note_elsewhere(global, swept.from_elsewhere);
            swept.report
        }
    };
    let is_failure = args.fail_on.fails_without_evidence();
    if !args.lookup && found_nothing(&report) {
        let nothing = no_log_files(&args.paths);
        if is_failure && publication.is_text_only() {
            return Err(CommandError::NoLogFiles(nothing));
        }
        note(&nothing.message);
    }
    if report.result.totals.events == 0 && report.run.outside_period > 0 && !global.quiet {
        note(&all_outside(period, report.run.outside_period));
    }
    if let Some(trail) = &trail {
        record_in_trail(trail, &report)?;
    }
    let kept = record_run(state.as_mut(), &report)?;
    if let (Some(state), Some(inputs_sha256)) = (&state, &inputs_sha256) {
        // The next sweep reads the evidence then.
        if let Err(error) = state.keep_report_of(inputs_sha256, &report) {
            note(&format!("the report cannot be kept for the next sweep: {error}"));
        }
    }
    publication.write(global, &report, kept.as_slice())?;
    Ok(conclude(global, &report, &args.fail_on))
}

/// Looks up CloudTrail's event history, and sweeps it together with the stored evidence.
fn sweep_event_history(
    global: &GlobalArgs,
    loaded: &LoadedConfig,
    policies: &PolicyHistory,
    state: Option<&mut SweepState>,
    period: EvidencePeriod,
    audit: Option<&AuditTrail<'_>>,
) -> Result<Report, CommandError> {
    fn with<E: SweepEvidence + Send>(
        global: &GlobalArgs,
        loaded: &LoadedConfig,
        policies: &PolicyHistory,
        kept: &mut E,
        period: EvidencePeriod,
        audit: Option<&AuditTrail<'_>>,
    ) -> Result<Report, CommandError> {
        let cloud = AwsConnection::connect("--lookup")?;
        let caller = cloud.caller()?;
        let auditing = audit
            .map(|trail| {
                Ok::<_, CommandError>(Auditing::new(
                    trail,
                    &loaded.config,
                    inputs::catalog(loaded)?,
                    environment::now(),
                ))
            })
            .transpose()?;
        let span = look_up(global, &cloud, loaded, &caller.account, period, kept, auditing)?;
        let period =
            EvidencePeriod { since: period.since.or(span.since), until: period.until.or(span.until) };
        let nothing_else = LocalFiles::new([] as [String; 0]);
        let scope = period.into();
        Ok(run_sweep(global, loaded, policies, &nothing_else, Some(kept), scope, Some(caller))?.report)
    }
    match state {
        Some(state) => with(global, loaded, policies, state, period, audit),
        None => with(global, loaded, policies, &mut MemoryEvidence::default(), period, None),
    }
}

/// The selectors of trails in files.
fn trail_selectors(paths: &[PathBuf]) -> Result<Vec<TrailSelectors>, CommandError> {
    let fault = |path: &PathBuf, cause: String| CommandError::Selectors { path: path.clone(), cause };
    let read = |path| fs::read_to_string(path).map_err(|source| fault(path, source.to_string()));
    let texts = paths.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    TrailSelectors::from_files(&texts).map_err(|(n, cause)| {
        paths
            .get(n)
            .map_or_else(|| fault(&PathBuf::new(), cause.to_string()), |path| fault(path, cause.to_string()))
    })
}

fn exclude_globs(patterns: &[String]) -> Result<ExcludeGlobs, CommandError> {
    ExcludeGlobs::new(patterns).map_err(|(pattern, error)| {
        CommandError::Usage(Diagnostic {
            message: format!("`--exclude {}` is not a glob: {error}", escape_hidden(&pattern)),
            remedy: "write `*` for any text, `?` for one character, `[ab]` for one of several".to_owned(),
        })
    })
}

/// Origin of the evidence in the state of a sweep of files.
pub const LOG_FILES_ORIGIN: &str = "log files";

/// The period of a sweep; an end that is not given is open.
#[derive(Clone, Copy, Debug, Default)]
pub struct EvidencePeriod {
    /// Start of the period, inclusive; `None` if not given.
    pub since: Option<Time>,
    /// End of the period, exclusive; `None` if not given.
    pub until: Option<Time>,
}

impl EvidencePeriod {
    /// The period of two options; an error if it is empty.
    pub fn from_args(since: Option<TimeArg>, until: Option<TimeArg>) -> Result<Self, CommandError> {
        let now = environment::now();
        let (since, until) = (since.map(|at| at.in_past(now)), until.map(|at| at.in_past(now)));
        if let (Some(since), Some(until)) = (since, until)
            && since >= until
        {
            let message = format!("the period from `--since` {since} to `--until` {until} is empty");
            return Err(CommandError::Usage(Diagnostic {
                message,
                remedy: "give an `--until` that is later than `--since`".to_owned(),
            }));
        }
        Ok(Self { since, until })
    }
}

/// What of a source is swept.
#[derive(Clone, Copy, Debug)]
pub struct SweepScope<'a> {
    /// The period of the report.
    pub period: EvidencePeriod,
    /// Files that are not read.
    pub exclude: Exclusion<'a>,
    /// The audit trail, for calls that are read for the first time.
    pub audit: Option<&'a AuditTrail<'a>>,
    /// How the log files are verified, if they are.
    pub verification: Option<SweepVerification<'a>>,
    /// What an earlier sweep verified of the same evidence.
    pub integrity: Option<&'a IntegritySummary>,
    /// Whether the report of an earlier sweep that depended on the same is taken.
    pub reuses_report: bool,
}

/// All files, in a period.
impl From<EvidencePeriod> for SweepScope<'_> {
    fn from(period: EvidencePeriod) -> Self {
        Self {
            period,
            exclude: Exclusion::NONE,
            audit: None,
            verification: None,
            integrity: None,
            reuses_report: false,
        }
    }
}

/// Sweeps a source, compares it with the policies, and stores its evidence if there is a state. `caller` is the
/// identity that AWS returned, if AWS was called.
pub fn run_sweep<E: SweepEvidence + Send>(
    global: &GlobalArgs,
    loaded: &LoadedConfig,
    policies: &PolicyHistory,
    source: &dyn LogSource,
    state: Option<&mut E>,
    scope: SweepScope<'_>,
    caller: Option<CallerIdentity>,
) -> Result<SweepOutcome, CommandError> {
    let config = &loaded.config;
    let pack = inputs::pack(loaded)?;
    let (started, clock) = (environment::now(), Instant::now());
    let catalog = inputs::catalog(loaded)?;
    let task = SweepTask {
        criteria: EvaluationCriteria { config, catalog, pack: &pack, policies, integrity: scope.integrity },
        since: scope.period.since,
        until: scope.period.until,
        gather_options: GatherOptions {
            threads: threads(config),
            limits: limits(config),
            hash_content: false,
        },
        spill: Some(spill(config)),
        exclude: scope.exclude,
        reuses_report: scope.reuses_report,
        verification: scope.verification,
        audit: scope.audit.map(|trail| Auditing::new(trail, config, catalog, started)),
    };
    let run =
        ReportRun { run_id: environment::run_id(), caller, started_at: started, ..ReportRun::default() };
    let bar = ProgressMeter::new(global, "reading");
    let mut swept = sweep(source, state, task, run, &|progress| bar.set_progress(progress))?;
    bar.finish();
    let report = &mut swept.report;
    report.run.generated_at = environment::now();
    report.run.duration_seconds = (clock.elapsed().as_secs_f64() * 1_000.0).round() / 1_000.0;
    report.run.measure(environment::peak_memory());
    tracing::info!(
        run = %report.run.run_id, log_files_read = report.run.log_files_read, reused = report.run.log_files_reused,
        records = report.run.records_seen, seconds = report.run.duration_seconds, "swept"
    );
    Ok(swept)
}

/// The audit trail of this command, a chain of its own.
pub fn audit_trail<'a>(store: &'a DirectoryStore, config: &Config, command: &str) -> AuditTrail<'a> {
    AuditTrail::new(store, &config.audit, config.standard, command, &environment::run_id())
}

/// Adds the run to the audit trail.
pub fn record_in_trail(trail: &AuditTrail<'_>, report: &Report) -> Result<(), CommandError> {
    let status = report.result.summary.overall_compliance.map_or("a discovery", Status::as_str);
    let message = format!(
        "run {} read {} records of {} log files: {status}, report {}",
        report.run.run_id, report.run.records_seen, report.run.log_files_read, report.id
    );
    let now = environment::now();
    trail.add_note(AuditKind::Run, message, now)?;
    Ok(trail.flush(now)?)
}

/// Adds a report to the history of a state, if there is one. Returns the file of the report.
pub fn record_run(state: Option<&mut SweepState>, report: &Report) -> Result<Option<PathBuf>, CommandError> {
    let Some(state) = state else {
        return Ok(None);
    };
    let kept = state.record_run(report, &json(report)?)?;
    // The pages can be made again. What the sweep found is not lost for them.
    if let Err(error) = report_pages::write(state, report) {
        note(&format!("the pages of past sweeps are not up to date: {}", error.message(false)));
    }
    Ok(Some(kept))
}

/// Refuses a path that does not exist, before a state is made for it. Globs and other sources are looked at when they are
/// listed.
fn require_paths(paths: &[PathBuf]) -> Result<(), CommandError> {
    let is_path = |text: &str| text != "-" && !text.contains("://") && !text.contains(['*', '?', '[']);
    let missing = paths.iter().find(|path| is_path(&path.to_string_lossy()) && !path.exists());
    match missing {
        None => Ok(()),
        Some(path) => Err(CommandError::Usage(Diagnostic {
            message: format!(
                "cannot find `{}`: no such file or folder",
                escape_hidden(&path.to_string_lossy())
            ),
            remedy: NO_LOG_FILES_REMEDY.to_owned(),
        })),
    }
}

/// Whether a sweep found neither files nor earlier evidence, so that its report would say nothing.
fn found_nothing(report: &Report) -> bool {
    let (run, totals) = (&report.run, &report.result.totals);
    let found =
        [run.log_files_read, run.log_files_reused, run.excluded_files, run.outside_period, totals.events];
    found.iter().all(|count| *count == 0)
        && run.skipped.is_empty()
        && totals.unreadable_evidence == 0
        && report.result.coverage.observed_hours == 0
}

/// Says that the state has the evidence of other log files.
fn note_elsewhere(global: &GlobalArgs, log_files: u64) {
    if log_files > 0 && !global.quiet {
        let were = if log_files == 1 {
            "1 log file that is"
        } else {
            &*format!("{} that are", count_noun(log_files, "log file"))
        };
        note(&format!(
            "the evidence includes {were} not among these: earlier sweeps read them; `--no-state`, or another `--state`, leaves them out"
        ));
    }
}

/// `12 events are outside the period from ...`
fn all_outside(EvidencePeriod { since, until }: EvidencePeriod, events: u64) -> String {
    let bounds = [("from", since), ("to", until)];
    let bounds = bounds.into_iter().filter_map(|(word, time)| time.map(|time| format!("{word} {time}")));
    format!(
        "{} {} outside the period {}; give the time of the events with `--since` and `--until`",
        count_noun(events, "event"),
        if events == 1 { "is" } else { "are" },
        bounds.collect::<Vec<_>>().join(" ")
    )
}

fn no_log_files(paths: &[PathBuf]) -> Diagnostic {
    let named: Vec<String> =
        paths.iter().map(|path| format!("`{}`", escape_hidden(&path.to_string_lossy()))).collect();
    let has = if named.len() == 1 { "has" } else { "have" };
    Diagnostic {
        message: format!(
            "{} {has} no log files, and there is no evidence of earlier sweeps",
            named.join(", ")
        ),
        remedy: NO_LOG_FILES_REMEDY.to_owned(),
    }
}

/// What to do if there are no log files.
const NO_LOG_FILES_REMEDY: &str = "name the folder that has the log files, such as `./AWSLogs`; `aws s3 sync s3://BUCKET/AWSLogs/ AWSLogs/` \
    copies them from the bucket of the trail, and `onlooker demo` makes some to try";

/// Default number of threads for remote sources, where threads mostly wait.
const REMOTE_THREADS: usize = 8;

/// The options for reading a source.
pub fn gathering(config: &Config, is_remote: bool) -> GatherOptions {
    let least = if is_remote && config.limits.threads == 0 { REMOTE_THREADS } else { 1 };
    GatherOptions { threads: threads(config).max(least), limits: limits(config), hash_content: false }
}

/// When events leave memory.
pub fn spill(config: &Config) -> Spill<'static> {
    Spill { events: config.limits.memory_events, open: &TemporaryFile::open }
}

fn threads(config: &Config) -> usize {
    match config.limits.threads {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        threads => threads,
    }
}

fn limits(config: &Config) -> ReadLimits {
    let bytes = config.limits.log_file_mib.saturating_mul(1 << 20);
    ReadLimits { max_inflated_bytes: usize::try_from(bytes).unwrap_or(usize::MAX) }
}
