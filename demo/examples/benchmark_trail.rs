//! Writes the trail that `make bench` measures: `benchmark_trail DIR RECORDS`.

#![expect(clippy::print_stderr, reason = "an example writes to the terminal")]

use std::{env, path::Path, process::ExitCode};

use onlooker_demo::DemoTrail;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [dir, records] = &*arguments else {
        eprintln!("usage: benchmark_trail DIR RECORDS");
        return ExitCode::from(2);
    };
    let Ok(records) = records.parse() else {
        eprintln!("`{records}` is not a number of records");
        return ExitCode::from(2);
    };
    match DemoTrail::benchmark(records, 8, 1).write(Path::new(dir), |_, _| ()) {
        Ok(written) => {
            eprintln!(
                "{dir}: {} records in {} objects, {} of them duplicates",
                written.records, written.objects, written.duplicates
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
