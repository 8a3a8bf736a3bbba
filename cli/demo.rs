//! `onlooker demo`: a trail of a fictional organisation, swept.
//!
//! Enters: a seed. Leaves: log objects as CloudTrail lays them out, what IAM says of the accounts, a report on both, and
//! the state of the sweep. Law: the same seed makes the same trail.

use std::path::{Path, PathBuf};

use clap::Args;
use onlooker_core::config::{BusinessHours, Config, Day, Expected, Watch};
use onlooker_demo::{Promise, Story, Trail, story};
use onlooker_local::{config_file::Loaded, objects::Files, state::State};

use crate::{
    args::Global,
    authorization,
    failure::{Answer, Failure},
    output,
    progress::Bar,
    publish::Publication,
    sweep::{Span, remembered, swept},
};

/// Options of `demo`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Needs no AWS account and no configuration. Writes the trail, `report.html` and
`report.json` into the directory and the state of the sweep into `./.onlooker`,
and replaces what an earlier demo left there.

Examples:
  onlooker demo
  onlooker demo --out /tmp/demo --seed 7")]
pub struct DemoArgs {
    /// Where to write the trail and the reports
    #[arg(long, value_name = "DIR", default_value = "onlooker-demo")]
    pub out: PathBuf,
    /// Seed of ids, times and background traffic; the story stays the same
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
}

/// Runs `demo`.
pub fn run(global: &Global, args: DemoArgs) -> Result<Answer, Failure> {
    let told = story();
    let trail = Trail { seed: args.seed.unwrap_or(Trail::demo().seed), ..Trail::demo() };
    let bar = Bar::new(global, "writing");
    let written = trail.write(&args.out, |objects, records| bar.written(objects, records))?;
    bar.finish();
    let dir = Path::new(".onlooker");
    forget_demo(dir)?;
    let mut state = State::open(dir, ORIGIN)?;
    let logs = Files::new([args.out.join("AWSLogs").to_string_lossy().into_owned()]);
    let loaded = Loaded { config: promises(&told), path: None };
    let policies = authorization::policies(&[args.out.join(POLICIES)])?;
    let report = swept(global, &loaded, &policies, &logs, Some(&mut state), Span::default(), None)?;
    let kept = remembered(Some(&mut state), &report)?;
    if !global.quiet {
        let (name, accounts, regions) = (told.organisation, told.accounts.len(), told.regions.len());
        output::write(|out| {
            writeln!(
                out,
                "The trail of {name}, a fictional organisation: {} records in {} objects, {accounts} accounts, {regions} regions, 24 hours.\n",
                trail.records, written.objects
            )
        })?;
    }
    let publication = Publication { out: Some(args.out), ..Publication::default() };
    publication.publish(global, &report, kept.as_slice())?;
    // The demo's answer is that it ran; what its organisation did is no failure of the reader's.
    Ok(Answer::Proven)
}

/// What IAM says of the story's accounts, beside its trail.
const POLICIES: &str = "authorization-details.json";

/// What the state of the demo holds.
const ORIGIN: &str = "the demo";

/// Removes the state an earlier demo left; one that holds anything else is refused when it is opened.
fn forget_demo(dir: &Path) -> Result<(), Failure> {
    let is_demo =
        State::find(dir)?.map(|state| state.origin()).transpose()?.flatten().as_deref() == Some(ORIGIN);
    if is_demo {
        let failed = |source| Failure::File { what: "remove", path: dir.to_owned(), source };
        std::fs::remove_dir_all(dir).map_err(failed)?;
    }
    Ok(())
}

/// The promises of the story, as a configuration.
fn promises(story: &Story) -> Config {
    let hours = BusinessHours {
        time_zone: "UTC".to_owned(),
        days: vec![Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri],
        start: "07:00".to_owned(),
        end: "19:00".to_owned(),
    };
    let watch = |promise: &Promise| Watch {
        principal: promise.pattern.to_owned(),
        reason: Some(promise.truth.to_owned()),
        machine: false,
        business_hours: None,
        own: false,
    };
    let auditors = |watch: Watch| Watch {
        business_hours: watch.principal.contains("Audit").then(|| hours.clone()),
        ..watch
    };
    let classes = ["management-read", "management-write"];
    Config {
        watch: story.promises.iter().map(watch).map(auditors).collect(),
        coverage: Expected { event_classes: classes.map(str::to_owned).to_vec(), ..Expected::default() },
        ..Config::default()
    }
}
