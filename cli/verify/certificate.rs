//! `onlooker verify certificate`.
//!
//! Enters: a certificate and a public key; with a state, also the evidence. Leaves: what the certificate states, and whether the
//! evidence still gives it. Laws: without a valid signature nothing of the certificate is shown; the network is not used.

use std::{fs, io, path::PathBuf};

use clap::Args;
use onlooker_core::{
    certificate::{PREDICATE_TYPE, ReadOnlyCertificate},
    escape::escape_hidden,
    render::format::{count_noun, format_period},
    score::Status,
};
use onlooker_local::signing_key::PublicKey;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    args::GlobalArgs,
    certify::{CertificateStatement, CertificationTask},
    exit::{CommandError, CommandOutcome},
    output,
    sweep::EvidencePeriod,
};

/// Options of `verify certificate`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Checks the signature offline. With --state it makes the report again from the
evidence there, and compares everything that the certificate states.

Examples:
  onlooker verify certificate auditor.json --public-key public.pem
  onlooker verify certificate auditor.json --public-key public.pem --state .onlooker

Exit codes:
  0  signed, and COMPLIANT
  1  not signed with this key, or the evidence gives something else
  2  usage or invalid configuration
  3  signed, and made on incomplete evidence
  4  the tool failed")]
pub struct CertificateArgs {
    /// The certificate
    #[arg(value_name = "FILE")]
    pub certificate: PathBuf,
    /// Public key in PEM of who signed it: Ed25519 or ECDSA P-256
    #[arg(long, value_name = "FILE")]
    pub public_key: PathBuf,
    /// Compare with the evidence in the state of sweeps
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Policies that the certificate was made with; repeatable
    #[arg(long, value_name = "FILE", requires = "state")]
    pub authorization_details: Vec<PathBuf>,
    /// Print the result as JSON: `valid`, and the statement
    #[arg(long)]
    pub json: bool,
}

/// What `onlooker verify certificate --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
struct CertificateVerification {
    /// Whether the certificate was signed with the key and was not changed.
    valid: bool,
    /// Why it is not valid.
    problem: Option<String>,
    /// Fields that the evidence gives otherwise; absent without `--state`.
    differences: Option<Vec<String>>,
    /// What a valid certificate states.
    #[serde(flatten)]
    statement: Option<CertificateStatement>,
}

impl CertificateVerification {
    /// Of a certificate that is not valid.
    const fn invalid(problem: String) -> Self {
        Self { valid: false, problem: Some(problem), differences: None, statement: None }
    }
}

/// Version of the shape of what `onlooker verify certificate --json` prints.
const SCHEMA_VERSION: &str = "1.0";

/// Runs `verify certificate`.
pub fn run(global: &GlobalArgs, args: CertificateArgs) -> Result<CommandOutcome, CommandError> {
    let key = PublicKey::read(&args.public_key)?;
    let text = fs::read(&args.certificate)
        .map_err(|source| CommandError::Input { path: args.certificate.clone(), source })?;
    let is_signature = |text: &[u8], signature: &[u8]| key.is_signature(text, signature);
    let statement = match CertificateStatement::open(&text, PREDICATE_TYPE, &is_signature) {
        Ok(statement) => statement,
        Err(error) => {
            let problem = error.to_string();
            if args.json {
                output::versioned_json(SCHEMA_VERSION, &CertificateVerification::invalid(problem))?;
            } else {
                output::write(|out| writeln!(out, "not valid: {}", escape_hidden(&problem)))?;
            }
            return Ok(CommandOutcome::Violation);
        }
    };
    let differences = match &args.state {
        None => None,
        Some(state) => Some(differences(global, &args, state, &statement.predicate)?),
    };
    if args.json {
        let verification = CertificateVerification {
            valid: true,
            problem: None,
            differences: differences.clone(),
            statement: Some(statement.clone()),
        };
        output::versioned_json(SCHEMA_VERSION, &verification)?;
    } else {
        output::write(|out| print(out, &statement.predicate, differences.as_deref()))?;
    }
    Ok(match (&differences, statement.predicate.status) {
        (Some(differences), _) if !differences.is_empty() => CommandOutcome::Violation,
        (_, Status::Compliant) => CommandOutcome::Proven,
        _ => CommandOutcome::InsufficientEvidence,
    })
}

/// What the evidence gives otherwise than the certificate states, by field.
fn differences(
    global: &GlobalArgs,
    args: &CertificateArgs,
    state: &std::path::Path,
    stated: &ReadOnlyCertificate,
) -> Result<Vec<String>, CommandError> {
    let period =
        EvidencePeriod { since: Some(stated.period.from.start()), until: Some(stated.period.until.start()) };
    let (principal, authorization_details) =
        (stated.principal.as_str(), args.authorization_details.as_slice());
    let task = CertificationTask { principal, period, authorization_details, state, catalog: None };
    let (report, leaves) = task.report(global)?;
    let again = ReadOnlyCertificate::from_report(&report, principal, &leaves, true, stated.issued_at);
    let again = match again {
        Ok(again) => serde_json::to_value(again)?,
        Err(error) => return Ok(vec![format!("status: {error}")]),
    };
    let stated = serde_json::to_value(stated)?;
    let (Some(stated), Some(again)) = (stated.as_object(), again.as_object()) else { return Ok(Vec::new()) };
    let differ = stated.iter().filter(|(name, value)| again.get(*name) != Some(value));
    Ok(differ.map(|(name, _)| name.clone()).collect())
}

fn print(
    out: &mut dyn io::Write,
    stated: &ReadOnlyCertificate,
    differences: Option<&[String]>,
) -> io::Result<()> {
    writeln!(out, "signed: {}", escape_hidden(&stated.principal))?;
    writeln!(out, "status: {}", stated.status)?;
    for reason in &stated.status_reasons {
        writeln!(out, "    {}", escape_hidden(reason))?;
    }
    let calls = &stated.calls;
    writeln!(out, "period: {}", format_period(stated.period))?;
    writeln!(
        out,
        "calls: {}, {} reads, {} writes, {} denied, {} allowed by overrides",
        calls.all, calls.reads, calls.writes, calls.denied, calls.allowed_by_overrides
    )?;
    writeln!(
        out,
        "coverage: {} of {} observed",
        stated.coverage.observed_hours,
        count_noun(stated.coverage.expected_hours, "hour")
    )?;
    writeln!(
        out,
        "evidence: {}, root {}",
        count_noun(stated.evidence.files, "log file"),
        stated.evidence.root
    )?;
    writeln!(out, "report: {}", stated.report_sha256)?;
    writeln!(out, "issued: {}", stated.issued_at)?;
    match differences {
        None => writeln!(out, "not compared with the evidence: give it with --state"),
        Some([]) => writeln!(out, "the evidence gives the same"),
        Some(fields) => {
            writeln!(out, "the evidence gives something else: {}", escape_hidden(&fields.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use onlooker_core::render::versioned::versioned_schema;
    use test_support::schemas::assert_published;

    use super::*;

    #[test]
    fn the_published_schema_is_current() {
        assert_published(
            "certificate-verification",
            SCHEMA_VERSION,
            &versioned_schema::<CertificateVerification>(),
        );
    }
}
