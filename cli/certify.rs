//! `onlooker certify`: a signed certificate that a principal only read.
//!
//! Enters: the evidence of earlier sweeps, a principal, a period and a private key. Leaves: a certificate. Laws: nothing is
//! certified that a report on the same evidence does not show; a principal that wrote has no certificate; on incomplete evidence
//! there is one only with `--incomplete`, and it says so.

use std::{collections::BTreeSet, fs, io, path::PathBuf};

use clap::Args;
use onlooker_core::{
    certificate::{CertificateError, EvidenceLeaf, ReadOnlyCertificate, Statement},
    config::{Diagnostic, Watch},
    ports::SweepEvidence as _,
    report::Report,
    score::Status,
};
use onlooker_local::{ed25519_key::PrivateKey, local_files::LocalFiles, sweep_state::SweepState};

use crate::{
    args::{self, GlobalArgs},
    authorization_details, environment,
    exit::{CommandError, CommandOutcome},
    output,
    sweep::{EvidencePeriod, SweepScope, run_sweep},
    time_arg::TimeArg,
};

/// Options of `certify`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Makes a report about one principal from the evidence of earlier sweeps, and signs
what it says: calls, overrides, coverage with its gaps, and hashes of evidence,
catalog, configuration, policies and report. The certificate is an in-toto
statement in a DSSE envelope; docs/certificate.md describes it.

Examples:
  openssl genpkey -algorithm ed25519 -out key.pem
  openssl pkey -in key.pem -pubout -out public.pem
  onlooker certify --principal arn:aws:iam::111122223333:role/Auditor \\
      --since 2026-10-01 --until 2026-11-01 --key key.pem --out auditor.json
  onlooker verify certificate auditor.json --public-key public.pem

Exit codes:
  0  certified: the principal is COMPLIANT
  1  not certified: the principal did more than read
  2  usage or invalid configuration
  3  not certified, because evidence is missing; or certified with --incomplete
  4  the tool failed")]
pub struct CertifyArgs {
    /// ARN of the principal
    #[arg(long, value_name = "ARN", value_parser = args::arn)]
    pub principal: String,
    /// Certify from this time on: a time, a date (midnight UTC) or a span before now such as `30d`
    #[arg(long, value_name = "WHEN")]
    pub since: TimeArg,
    /// Certify up to this time
    #[arg(long, value_name = "WHEN")]
    pub until: TimeArg,
    /// Ed25519 private key in PEM
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// File for the certificate [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Certify although evidence is missing; the certificate says what
    #[arg(long)]
    pub incomplete: bool,
    /// Policies of the principal: the output of `aws iam get-account-authorization-details`; repeatable
    #[arg(long, value_name = "FILE")]
    pub authorization_details: Vec<PathBuf>,
    /// Directory of the state of earlier sweeps
    #[arg(long, value_name = "DIR", default_value = ".onlooker")]
    pub state: PathBuf,
}

/// Runs `certify`.
pub fn run(global: &GlobalArgs, args: CertifyArgs) -> Result<CommandOutcome, CommandError> {
    let key = PrivateKey::read(&args.key)?;
    let period = EvidencePeriod::from_args(Some(args.since), Some(args.until))?;
    let task = CertificationTask {
        principal: &args.principal,
        period,
        authorization_details: &args.authorization_details,
        state: &args.state,
        catalog: None,
    };
    let (report, leaves) = task.report(global)?;
    let now = environment::now();
    let certificate =
        ReadOnlyCertificate::from_report(&report, &args.principal, &leaves, args.incomplete, now);
    let certificate = match certificate {
        Ok(certificate) => certificate,
        Err(error) => return Ok(refused(&error)),
    };
    let outcome = if certificate.status == Status::Compliant {
        CommandOutcome::Proven
    } else {
        CommandOutcome::InsufficientEvidence
    };
    let envelope = certificate.statement().sign(&key)?;
    let text = serde_json::to_string(&envelope)?;
    match &args.out {
        None => output::write(|out| writeln!(out, "{text}"))?,
        Some(path) => fs::write(path, format!("{text}\n")).map_err(|source| CommandError::File {
            operation: "write",
            path: path.clone(),
            source,
        })?,
    }
    Ok(outcome)
}

/// Tells why the principal is not certified.
fn refused(error: &CertificateError) -> CommandOutcome {
    use io::Write as _;
    // A write error on standard error is ignored.
    let _ =
        writeln!(io::stderr(), "not certified: {}", onlooker_core::escape::escape_hidden(&error.to_string()));
    match error {
        CertificateError::NotReadOnly(_) => CommandOutcome::Violation,
        _ => CommandOutcome::InsufficientEvidence,
    }
}

/// What is certified, and from which evidence.
pub struct CertificationTask<'a> {
    /// ARN of the principal.
    pub principal: &'a str,
    /// The period.
    pub period: EvidencePeriod,
    /// Files with the policies of the principal.
    pub authorization_details: &'a [PathBuf],
    /// Directory of the state.
    pub state: &'a std::path::Path,
    /// Catalog to use instead of the one in force.
    pub catalog: Option<&'a str>,
}

impl CertificationTask<'_> {
    /// The report about the principal alone, and the log files that it was made from.
    pub fn report(&self, global: &GlobalArgs) -> Result<(Report, BTreeSet<EvidenceLeaf>), CommandError> {
        let Some(mut state) = SweepState::open_existing(self.state)? else {
            return Err(CommandError::Usage(Diagnostic {
                message: format!("`{}` has no state of a sweep", self.state.display()),
                remedy:
                    "sweep log files first with `onlooker sweep PATH`, or give the state with `--state DIR`"
                        .to_owned(),
            }));
        };
        let leaves = state.processed_objects()?.into_values().map(|read| EvidenceLeaf {
            sha256: read.sha256,
            file: read.object.name,
            records: read.records,
        });
        let leaves: BTreeSet<EvidenceLeaf> = leaves.collect();
        let policies = authorization_details::policies(self.authorization_details)?;
        let mut loaded = environment::configuration(global)?;
        loaded.config.watch = vec![Watch::new(self.principal)?];
        loaded.config.catalog = self.catalog.map(str::to_owned).or(loaded.config.catalog);
        let nothing_else = LocalFiles::new([] as [String; 0]);
        let integrity = state.integrity()?;
        let scope = SweepScope { integrity: integrity.as_ref(), ..self.period.into() };
        let report =
            run_sweep(global, &loaded, &policies, &nothing_else, Some(&mut state), scope, None)?.report;
        Ok((report, leaves))
    }
}

/// A statement about a principal.
pub type CertificateStatement = Statement<ReadOnlyCertificate>;
