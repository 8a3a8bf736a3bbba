//! `onlooker demo`: sweeps the trail of a fictional organization.
//!
//! Enters: a seed. Leaves: log files in CloudTrail's layout, the authorization details of the accounts, a report on
//! both, and the state of the sweep. Laws: the same seed gives the same trail; the demo leaves the state of real sweeps alone.

use std::path::{Path, PathBuf};

use clap::Args;
use onlooker_core::{
    config::{BusinessHours, Config, ExpectedCoverage, Watch, Weekday},
    render::escape::is_shell_word,
    score::Status,
    time::{HOUR_SECONDS, Time},
};
use onlooker_demo::{DemoScenario, DemoTrail, PromisedRole, scenario};
use onlooker_local::{
    config_file::LoadedConfig, directory_store::DirectoryStore, local_files::LocalFiles,
    sweep_state::SweepState,
};

use crate::{
    args::GlobalArgs,
    authorization_details,
    exit::{CommandError, CommandOutcome},
    output,
    progress::ProgressMeter,
    report_output::{ReportExtent, ReportOutput},
    sweep::{EvidencePeriod, SweepScope, audit_trail, record_in_trail, record_run, run_sweep},
};

/// Options of `demo`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Needs no AWS account and no configuration. Writes the trail, `report.html`,
`report.json` and the state of the sweep to the directory. They replace those of
an earlier demo. Your own sweeps keep their state in `./.onlooker`.

Examples:
  onlooker demo
  onlooker demo --out /tmp/demo --seed 7
  onlooker report --state onlooker-demo/state --full
                                           the report again, all of it")]
pub struct DemoArgs {
    /// Directory for the trail and the reports
    #[arg(long, value_name = "DIR", default_value = "onlooker-demo")]
    pub out: PathBuf,
    /// Seed of ids, times and background traffic; the scenario stays the same
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// How much is printed.
    #[command(flatten)]
    pub extent: ReportExtent,
}

/// Folder of the state, in the directory of the demo.
const STATE_FOLDER: &str = "state";

/// Runs `demo`.
pub fn run(global: &GlobalArgs, args: DemoArgs) -> Result<CommandOutcome, CommandError> {
    let demo = scenario();
    let trail = DemoTrail { seed: args.seed.unwrap_or(DemoTrail::demo().seed), ..DemoTrail::demo() };
    let bar = ProgressMeter::for_writing(global, "writing");
    let written = trail.write(&args.out, |objects, records| bar.set_written(objects, records))?;
    bar.finish();
    let dir = &args.out.join(STATE_FOLDER);
    // Earlier versions kept it where real sweeps keep theirs.
    for earlier in [dir, Path::new(".onlooker")] {
        remove_demo_state(earlier)?;
    }
    let mut state = SweepState::open(dir, DEMO_ORIGIN)?;
    let logs = LocalFiles::new([args.out.join("AWSLogs").to_string_lossy().into_owned()]);
    let loaded = LoadedConfig { config: demo_config(&demo), path: None };
    let policies = authorization_details::policies(&[args.out.join(AUTHORIZATION_DETAILS_FILE)])?;
    let store = DirectoryStore::new(dir);
    let audit = audit_trail(&store, &loaded.config, "demo");
    let scope = SweepScope { audit: Some(&audit), ..period_of(&trail).into() };
    let report = run_sweep(global, &loaded, &policies, &logs, Some(&mut state), scope, None)?.report;
    record_in_trail(&audit, &report)?;
    record_run(Some(&mut state), &report)?;
    if !global.quiet {
        let (name, accounts, regions) = (demo.organization, demo.accounts.len(), demo.regions.len());
        output::write(|out| {
            writeln!(
                out,
                "The trail of {name}, a fictional organization: {} records in {} log files, {accounts} accounts, \
                 {regions} regions, 24 hours.\n",
                trail.records, written.objects
            )
        })?;
    }
    let page = args.out.join("report.html");
    let again =
        dir.to_str().filter(|dir| is_shell_word(dir)).map(|dir| format!("onlooker report --state {dir}"));
    let publication =
        ReportOutput { out: Some(args.out), extent: args.extent, again, ..ReportOutput::default() };
    publication.write(global, &report, &[])?;
    if global.quiet {
        let status = report.result.status().map_or("no status", Status::as_str);
        let findings = report.result.findings.len();
        output::write(|out| writeln!(out, "{status}, {findings} findings: open `{}`", page.display()))?;
    }
    // The demo succeeds if it ran, independent of the findings on its organization.
    Ok(CommandOutcome::Proven)
}

/// The authorization details of the accounts, in the same directory as the trail.
const AUTHORIZATION_DETAILS_FILE: &str = "authorization-details.json";

/// Origin of the evidence in the state of the demo.
const DEMO_ORIGIN: &str = "the demo";

/// Removes the state of an earlier demo. A state with other evidence is an error when it is opened.
fn remove_demo_state(dir: &Path) -> Result<(), CommandError> {
    let is_demo =
        SweepState::open_existing(dir)?.map(|state| state.origin()).transpose()?.flatten().as_deref()
            == Some(DEMO_ORIGIN);
    if is_demo {
        let failed = |source| CommandError::File { operation: "remove", path: dir.to_owned(), source };
        std::fs::remove_dir_all(dir).map_err(failed)?;
    }
    Ok(())
}

/// The period of the trail.
fn period_of(trail: &DemoTrail) -> EvidencePeriod {
    let end = trail.start.saturating_add(u64::from(trail.hours) * u64::from(HOUR_SECONDS));
    let time = |seconds: u64| u32::try_from(seconds).ok().map(Time);
    EvidencePeriod { since: time(trail.start), until: time(end) }
}

/// The configuration of the demo scenario.
fn demo_config(scenario: &DemoScenario) -> Config {
    let hours = BusinessHours {
        time_zone: "UTC".to_owned(),
        days: vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri],
        start: "07:00".to_owned(),
        end: "19:00".to_owned(),
    };
    let watch = |promise: &PromisedRole| Watch {
        principal: promise.pattern.to_owned(),
        reason: Some(promise.observed.to_owned()),
        machine: false,
        business_hours: None,
        is_own_role: false,
    };
    let auditors = |watch: Watch| Watch {
        business_hours: watch.principal.contains("Audit").then(|| hours.clone()),
        ..watch
    };
    let classes = ["management-read", "management-write"];
    Config {
        watch: scenario.promised_roles.iter().map(watch).map(auditors).collect(),
        coverage: ExpectedCoverage {
            accounts: scenario.accounts.iter().map(|account| account.id.to_owned()).collect(),
            regions: scenario.regions.map(str::to_owned).to_vec(),
            event_classes: classes.map(str::to_owned).to_vec(),
            ..ExpectedCoverage::default()
        },
        ..Config::default()
    }
}
