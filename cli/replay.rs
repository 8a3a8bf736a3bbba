//! `onlooker replay`: what another catalog would change in past results.
//!
//! Enters: the evidence of earlier sweeps, and a catalog. Leaves: statuses, classifications, findings and certificates that differ
//! from those by the catalog in force. Law: the state is not changed.

use std::{fs, io, path::PathBuf};

use clap::Args;
use onlooker_core::{
    certificate::{PREDICATE_TYPE, ReadOnlyCertificate},
    config::Diagnostic,
    escape::escape_hidden,
    render::report_diff,
    report::{DifferenceResult, Report, ReportDifference},
    score::Status,
};
use onlooker_local::{
    config_file::LoadedConfig, local_files::LocalFiles, signing_key::PublicKey, sweep_state::SweepState,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    args::GlobalArgs,
    authorization_details,
    certify::{CertificateStatement, CertificationTask},
    environment,
    exit::{CommandError, CommandOutcome},
    output,
    report::diff::require_whole_lists,
    sweep::{EvidencePeriod, SweepScope, run_sweep},
    time_arg::TimeArg,
};

/// Options of `replay`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Makes the report on the evidence of earlier sweeps twice, by the catalog in force
and by another one, and shows what differs. With certificates it also shows which
of them the other catalog would not give.

Examples:
  onlooker catalog build --from ./packages --out new.bin
  onlooker replay --catalog new.bin
  onlooker replay --catalog new.bin --since 2026-10-01 --until 2026-11-01 --json
  onlooker replay --catalog new.bin --certificate auditor.json --public-key public.pem

Exit codes:
  0  nothing gets worse
  1  a watched principal would be NON_COMPLIANT, or a certificate would not be
     given
  2  usage or invalid configuration
  3  a watched principal would be INSUFFICIENT_EVIDENCE instead of COMPLIANT
  4  the tool failed")]
pub struct ReplayArgs {
    /// The other catalog
    #[arg(long, value_name = "FILE")]
    pub catalog: PathBuf,
    /// Compare the evidence from this time on: a time, a date (midnight UTC) or a span before now such as `30d`
    #[arg(long, value_name = "WHEN")]
    pub since: Option<TimeArg>,
    /// Compare the evidence up to this time
    #[arg(long, value_name = "WHEN")]
    pub until: Option<TimeArg>,
    /// A certificate to compare too; repeatable
    #[arg(long, value_name = "FILE", requires = "public_key")]
    pub certificate: Vec<PathBuf>,
    /// Public key in PEM of who signed the certificates: Ed25519 or ECDSA P-256
    #[arg(long, value_name = "FILE")]
    pub public_key: Option<PathBuf>,
    /// Policies of the principals: the output of `aws iam get-account-authorization-details`; repeatable
    #[arg(long, value_name = "FILE")]
    pub authorization_details: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Directory of the state of earlier sweeps
    #[arg(long, value_name = "DIR", default_value = ".onlooker")]
    pub state: PathBuf,
}

/// Version of the shape of what `onlooker replay --json` prints; it takes the place of the version of the difference alone.
const SCHEMA_VERSION: &str = "1.0";

/// What another catalog would change.
#[derive(Debug, Serialize, JsonSchema)]
struct Replay {
    /// What differs in the report.
    #[serde(flatten)]
    difference: ReportDifference,
    /// Certificates that the other catalog would not give, and why.
    lost_certificates: Vec<LostCertificate>,
}

/// A certificate that would not be given.
#[derive(Debug, Serialize, JsonSchema)]
struct LostCertificate {
    /// Name of the file, as given by the user.
    file: String,
    /// ARN of the principal; empty if the file is not a valid certificate.
    principal: String,
    /// Why it would not be given.
    reason: String,
}

/// Runs `replay`.
pub fn run(global: &GlobalArgs, args: ReplayArgs) -> Result<CommandOutcome, CommandError> {
    let period = EvidencePeriod::from_args(args.since, args.until)?;
    let loaded = environment::configuration(global)?;
    let mut other = environment::configuration(global)?;
    // The path is relative to the working directory, not to the configuration file.
    let catalog = environment::directory().join(&args.catalog).to_string_lossy().into_owned();
    other.config.catalog = Some(catalog.clone());
    let before = report(global, &args, &loaded, period)?;
    let after = report(global, &args, &other, period)?;
    require_whole_lists([&before, &after])?;
    let replay = Replay {
        difference: ReportDifference {
            schema_version: SCHEMA_VERSION.to_owned(),
            ..ReportDifference::between(&before, &after)
        },
        lost_certificates: lost_certificates(global, &args, &catalog)?,
    };
    if args.json {
        output::json(&replay)?;
    } else {
        output::write(|out| print(out, &replay))?;
    }
    Ok(outcome(&replay))
}

fn report(
    global: &GlobalArgs,
    args: &ReplayArgs,
    loaded: &LoadedConfig,
    period: EvidencePeriod,
) -> Result<Report, CommandError> {
    let Some(mut state) = SweepState::open_existing(&args.state)? else {
        return Err(CommandError::Usage(Diagnostic {
            message: format!("`{}` has no state of a sweep", args.state.display()),
            remedy: "sweep log files first with `onlooker sweep PATH`, or give the state with `--state DIR`"
                .to_owned(),
        }));
    };
    let policies = authorization_details::policies(&args.authorization_details)?;
    let nothing_else = LocalFiles::new([] as [String; 0]);
    let integrity = state.integrity()?;
    let scope = SweepScope { integrity: integrity.as_ref(), ..period.into() };
    Ok(run_sweep(global, loaded, &policies, &nothing_else, Some(&mut state), scope, None)?.report)
}

/// The certificates that the other catalog would not give.
fn lost_certificates(
    global: &GlobalArgs,
    args: &ReplayArgs,
    catalog: &str,
) -> Result<Vec<LostCertificate>, CommandError> {
    let Some(key) = &args.public_key else { return Ok(Vec::new()) };
    let key = PublicKey::read(key)?;
    let is_signature = |text: &[u8], signature: &[u8]| key.is_signature(text, signature);
    let mut lost = Vec::new();
    for path in &args.certificate {
        let text = fs::read(path).map_err(|source| CommandError::Input { path: path.clone(), source })?;
        let stated = CertificateStatement::open(&text, PREDICATE_TYPE, &is_signature);
        let file = path.to_string_lossy().into_owned();
        let stated = match stated {
            Ok(statement) => statement.predicate,
            Err(error) => {
                lost.push(LostCertificate { file, principal: String::new(), reason: error.to_string() });
                continue;
            }
        };
        let period = EvidencePeriod {
            since: Some(stated.period.from.start()),
            until: Some(stated.period.until.start()),
        };
        let task = CertificationTask {
            principal: &stated.principal,
            period,
            authorization_details: &args.authorization_details,
            state: &args.state,
            catalog: Some(catalog),
        };
        let (report, leaves) = task.report(global)?;
        let is_partial = stated.status != Status::Compliant;
        let again = ReadOnlyCertificate::from_report(
            &report,
            &stated.principal,
            &leaves,
            is_partial,
            stated.issued_at,
        );
        if let Err(error) = again {
            lost.push(LostCertificate { file, principal: stated.principal, reason: error.to_string() });
        }
    }
    Ok(lost)
}

fn outcome(replay: &Replay) -> CommandOutcome {
    match replay.difference.result() {
        _ if !replay.lost_certificates.is_empty() => CommandOutcome::Violation,
        DifferenceResult::NewViolation => CommandOutcome::Violation,
        DifferenceResult::LessEvidence => CommandOutcome::InsufficientEvidence,
        DifferenceResult::NotWorse => CommandOutcome::Proven,
    }
}

fn print(out: &mut dyn io::Write, replay: &Replay) -> io::Result<()> {
    let difference = &replay.difference;
    let [from, to] = &difference.catalogs;
    writeln!(out, "catalog {from} -> {to}")?;
    if !difference.is_empty() || replay.lost_certificates.is_empty() {
        write!(out, "{}", report_diff::changes_text(difference, "a plain read"))?;
    }
    for lost in &replay.lost_certificates {
        writeln!(
            out,
            "certificate  {}  would not be given: {}",
            escape_hidden(&lost.file),
            escape_hidden(&lost.reason)
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use test_support::schemas::assert_published;

    use super::*;

    #[test]
    fn the_published_schema_is_current() {
        assert_published("replay", SCHEMA_VERSION, &schemars::schema_for!(Replay));
    }
}
