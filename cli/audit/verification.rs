//! `onlooker audit verify`, `seal` and `prune`.
//!
//! Enters: the trail. Leaves: what is wrong with it; a seal; or fewer batches. Law: the exit code of `verify` is 0 only if
//! nothing is wrong.

use std::io;

use clap::Args;
use onlooker_core::{
    audit::AuditVerification,
    config::Diagnostic,
    escape::escape_hidden,
    jobs::audit::{plan_pruning, prune as prune_trail, seal_trail, verify_trail},
    render::format::{count_noun, thousands},
};

use super::{TrailPlace, find::entries_noun};
use crate::{
    args::GlobalArgs,
    confirmation::confirms,
    environment,
    exit::{CommandError, CommandOutcome},
    output,
    progress::ProgressMeter,
    time_arg::TimeArg,
};

/// Options of `audit verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Print the verification as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: TrailPlace,
}

/// Options of `audit seal`.
#[derive(Debug, Args)]
pub struct SealArgs {
    #[command(flatten)]
    place: TrailPlace,
}

/// Options of `audit prune`.
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Remove batches that were written before this time: a time, a date or a span before now such as `90d`
    #[arg(long, value_name = "WHEN")]
    older_than: TimeArg,
    /// Only show what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    place: TrailPlace,
}

/// Runs `audit verify`.
pub fn verify(global: &GlobalArgs, args: VerifyArgs) -> Result<CommandOutcome, CommandError> {
    let trail = args.place.open()?;
    let bar = ProgressMeter::for_items(global, "checking", "objects");
    let found = verify_trail(&*trail.store, &|number, total| bar.set_count(number, total))
        .map_err(CommandError::AuditTrail)?;
    bar.finish();
    if args.json {
        output::json(&found)?;
    } else {
        output::write(|out| print(out, &found))?;
    }
    Ok(if found.is_tampered() {
        CommandOutcome::Violation
    } else if found.is_incomplete() || found.batches == 0 && found.pruned_at.is_none() {
        CommandOutcome::InsufficientEvidence
    } else {
        CommandOutcome::Proven
    })
}

fn print(out: &mut dyn io::Write, found: &AuditVerification) -> io::Result<()> {
    for problem in &found.problems {
        writeln!(
            out,
            "{}  {}\n    {}",
            problem.kind.as_str(),
            escape_hidden(&problem.subject),
            escape_hidden(&problem.detail)
        )?;
    }
    let verdict = match (found.is_tampered(), found.is_incomplete(), found.batches) {
        (true, ..) => "changed",
        (false, true, _) => "incomplete",
        (false, false, 0) => "nothing found",
        (false, false, _) => "intact",
    };
    writeln!(
        out,
        "{verdict}: {} in {} of {}, {}, {}",
        entries_noun(found.entries),
        batches_noun(found.batches),
        count_noun(found.chains.len() as u64, "chain"),
        count_noun(found.seals, "seal"),
        count_noun(found.problems.len() as u64, "problem")
    )?;
    if let Some(at) = found.pruned_at {
        writeln!(out, "{} were pruned, the last on {at}", entries_noun(found.pruned_entries))?;
    }
    if found.unprotected_entries > 0 {
        writeln!(
            out,
            "the last batches of chains, with {}, are in no seal: if they were changed or removed, this check would not \
             show it; `onlooker audit seal` seals them",
            entries_noun(found.unprotected_entries)
        )?;
    }
    Ok(())
}

/// Runs `audit seal`.
pub fn seal(args: SealArgs) -> Result<CommandOutcome, CommandError> {
    let trail = args.place.open()?;
    let (_, text) = seal_trail(&*trail.store, environment::now()).map_err(CommandError::TrailChange)?;
    output::write(|out| writeln!(out, "{text}"))?;
    Ok(CommandOutcome::Proven)
}

/// Runs `audit prune`.
pub fn prune(global: &GlobalArgs, args: PruneArgs) -> Result<CommandOutcome, CommandError> {
    if args.place.bucket.is_some() {
        return Err(CommandError::Usage(Diagnostic {
            message: "`audit prune` does not remove from a bucket".to_owned(),
            remedy: "let a lifecycle rule of the bucket expire the prefix `audit/dt=`".to_owned(),
        }));
    }
    let store = args.place.directory();
    let now = environment::now();
    let plan = plan_pruning(&store, args.older_than.in_past(now), now).map_err(CommandError::TrailChange)?;
    let what = format!(
        "{} in {} of {}, {} bytes, written before {}",
        entries_noun(plan.pruning.entries),
        batches_noun(plan.pruning.batches),
        count_noun(plan.pruning.chains.len() as u64, "chain"),
        plan.bytes,
        plan.pruning.older_than
    );
    if args.dry_run || plan.keys.is_empty() {
        output::write(|out| writeln!(out, "would remove {what}"))?;
        return Ok(CommandOutcome::Proven);
    }
    if !args.force && !confirms(&format!("remove {what}?"))? {
        return Err(CommandError::Usage(Diagnostic {
            message: "nothing was removed".to_owned(),
            remedy: "confirm with `y`, or give `--force`".to_owned(),
        }));
    }
    prune_trail(&store, &store, &plan, &environment::run_id()).map_err(CommandError::AuditTrail)?;
    if !global.quiet {
        output::write(|out| writeln!(out, "removed {what}"))?;
    }
    Ok(CommandOutcome::Proven)
}

fn batches_noun(number: u64) -> String {
    let noun = if number == 1 { "batch" } else { "batches" };
    format!("{} {noun}", thousands(number))
}
