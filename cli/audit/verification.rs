//! `onlooker audit verify`, `seal` and `prune`.
//!
//! Enters: the trail. Leaves: what is wrong with it; a seal; or fewer batches. Law: the exit code of `verify` is 0 only if
//! nothing is wrong.

use std::{io, path::PathBuf};

use clap::Args;
use onlooker_core::{
    attestation::StatementCheck,
    audit::{AUDIT_VERIFICATION_SCHEMA_VERSION, AuditVerification, SignatureState},
    config::Diagnostic,
    escape::escape_hidden,
    jobs::audit::{plan_pruning, prune as prune_trail, seal_trail, verify_trail},
    render::format::{count_noun, thousands},
};

use super::{TrailPlace, find::entries_noun};
use onlooker_local::signing_key::PublicKey;

use crate::{
    args::GlobalArgs,
    confirmation::confirms,
    environment,
    exit::{CommandError, CommandOutcome},
    output,
    progress::ProgressMeter,
    signing_key::{SigningKey, SigningKeyArgs},
    time_arg::TimeArg,
};

/// Seals and prunings that are named in text.
const MAX_RECORDS: usize = 5;

/// Options of `audit verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Check the signatures with this public key in PEM, Ed25519 or ECDSA P-256; repeatable
    #[arg(long, value_name = "FILE")]
    public_key: Vec<PathBuf>,
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
    key: SigningKeyArgs,
    #[command(flatten)]
    place: TrailPlace,
}

/// Options of `audit prune`.
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Remove batches that were written before this time: a time, a date or a span before now such as `90d` [default: that of
    /// `audit.retention_days`]
    #[arg(long, value_name = "WHEN")]
    older_than: Option<TimeArg>,
    /// Only show what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    key: SigningKeyArgs,
    #[command(flatten)]
    place: TrailPlace,
}

/// Runs `audit verify`.
pub fn verify(global: &GlobalArgs, args: VerifyArgs) -> Result<CommandOutcome, CommandError> {
    let trail = args.place.open()?;
    let bar = ProgressMeter::for_items(global, "checking", "objects");
    let keys: Vec<PublicKey> =
        args.public_key.iter().map(|path| PublicKey::read(path)).collect::<Result<_, _>>()?;
    let check = |text: &[u8], signature: &[u8]| keys.iter().any(|key| key.is_signature(text, signature));
    let check: Option<&StatementCheck<'_>> = if keys.is_empty() { None } else { Some(&check) };
    let found = verify_trail(&*trail.store, check, &|number, total| bar.set_count(number, total))
        .map_err(CommandError::AuditTrail)?;
    bar.finish();
    if args.json {
        output::versioned_json(AUDIT_VERIFICATION_SCHEMA_VERSION, &found)?;
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
    print_signatures(out, found)
}

/// Says how many seals and prunings are signed, and which signatures were not checked.
fn print_signatures(out: &mut dyn io::Write, found: &AuditVerification) -> io::Result<()> {
    let number = |state| thousands(found.records_with(state));
    let of_all = format!("of {} seals and prunings", thousands(found.records.len() as u64));
    if found.records_with(SignatureState::Valid) > 0 {
        writeln!(out, "{} {of_all} have a valid signature", number(SignatureState::Valid))?;
    }
    let unchecked: Vec<_> =
        found.records.iter().filter(|one| one.signature.state == SignatureState::NotChecked).collect();
    if unchecked.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "{} {of_all} are signed, and the signatures were not checked: give the key with `--public-key`",
        number(SignatureState::NotChecked)
    )?;
    for record in unchecked.iter().take(MAX_RECORDS) {
        let keys = record.signature.key_ids.join(", ");
        writeln!(out, "    {}  key {}", escape_hidden(&record.object), escape_hidden(&keys))?;
    }
    match unchecked.len().saturating_sub(MAX_RECORDS) {
        0 => Ok(()),
        more => writeln!(out, "    and {}; `--json` names all", thousands(more as u64)),
    }
}

/// Runs `audit seal`.
pub fn seal(args: SealArgs) -> Result<CommandOutcome, CommandError> {
    let trail = args.place.open()?;
    let key = args.key.open()?;
    let signer = key.as_ref().map(SigningKey::signer);
    let (_, text) =
        seal_trail(&*trail.store, signer, environment::now()).map_err(CommandError::TrailChange)?;
    output::write(|out| writeln!(out, "{text}"))?;
    Ok(CommandOutcome::Proven)
}

/// Runs `audit prune`.
pub fn prune(global: &GlobalArgs, args: PruneArgs) -> Result<CommandOutcome, CommandError> {
    if args.place.bucket.is_some() {
        return Err(CommandError::Usage(Diagnostic {
            message: "`audit prune` does not remove from a bucket".to_owned(),
            remedy: "set the parameter `AuditDays` of the stack: its function `maintain` prunes the trail"
                .to_owned(),
        }));
    }
    // Before anything is removed, so that a key that cannot be used changes nothing.
    let key = args.key.open()?;
    let store = args.place.directory();
    let now = environment::now();
    let settings = environment::configuration(global)?.config.audit;
    let older_than = args.older_than.map_or_else(|| settings.retained_since(now), |time| time.in_past(now));
    let plan = plan_pruning(&store, older_than, &settings, now).map_err(CommandError::TrailChange)?;
    if plan.held_chains > 0 {
        let chains = count_noun(plan.held_chains, "chain");
        output::write(|out| {
            writeln!(out, "{chains} with older batches kept by the legal hold (`audit.legal_hold`)")
        })?;
    }
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
    let signer = key.as_ref().map(SigningKey::signer);
    let outcome = prune_trail(&store, &store, &plan, &environment::run_id(), signer)
        .map_err(CommandError::TrailChange)?;
    for (_, error) in &outcome.refused {
        output::write(|out| {
            writeln!(
                out,
                "not removed, nor later batches of its chain: {}",
                escape_hidden(&error.to_string())
            )
        })?;
    }
    if !global.quiet && outcome.refused.is_empty() {
        output::write(|out| writeln!(out, "removed {what}"))?;
    } else if !global.quiet {
        output::write(|out| writeln!(out, "removed {}", batches_noun(outcome.removed)))?;
    }
    Ok(CommandOutcome::Proven)
}

fn batches_noun(number: u64) -> String {
    let noun = if number == 1 { "batch" } else { "batches" };
    format!("{} {noun}", thousands(number))
}
