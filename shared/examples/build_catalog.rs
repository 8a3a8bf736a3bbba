//! Builds the catalog file: `build_catalog PACKAGES DATA OUT [SERVICE_REFERENCE]`.
//!
//! Enters: directories on the command line. Leaves: the catalog file and one line on standard error.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use shared::local::packages::{Inputs, build_catalog};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut stderr = std::io::stderr();
    let [packages, data, out, rest @ ..] = arguments.as_slice() else {
        let _unwritable = writeln!(stderr, "usage: build_catalog PACKAGES DATA OUT [SERVICE_REFERENCE]");
        return ExitCode::from(2);
    };
    let inputs = Inputs {
        packages: PathBuf::from(packages),
        service_reference: rest.first().map(PathBuf::from),
        data: PathBuf::from(data),
    };
    match build_catalog(&inputs, Path::new(out)) {
        Ok(plain) => {
            let _unwritable =
                writeln!(stderr, "{}: {} keys, version {}", out, plain.rows.len(), plain.version);
            for index in plain.unused_corrections {
                if let Some(unused) = plain.corrections.get(index) {
                    let _unwritable = writeln!(stderr, "no effect: {}:{}", unused.service, unused.operation);
                }
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            let mut cause: Option<&dyn std::error::Error> = Some(&error);
            while let Some(found) = cause {
                let _unwritable = writeln!(stderr, "{found}");
                cause = found.source();
            }
            ExitCode::from(4)
        }
    }
}
