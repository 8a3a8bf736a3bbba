//! Calls that are made again when there were too many of them.
//!
//! Enters: a call. Leaves: its answer, or its last failure. Laws: only throttling and silence are tried again; nobody
//! waits longer than the job may live.

use std::time::Duration;

use crate::ports::{Clock, FailureKind, PortError};

/// Tries of a call.
const TRIES: u32 = 5;

/// Time that has to be left for the rest of the job.
const SPARE: Duration = Duration::from_secs(30);

/// Makes a call, and makes it again after one second, two, four, and eight.
pub(super) fn patiently<T>(
    clock: &dyn Clock,
    mut call: impl FnMut() -> Result<T, PortError>,
) -> Result<T, PortError> {
    let mut attempt = 1;
    loop {
        let error = match call() {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let pause = Duration::from_secs(1 << (attempt - 1));
        let is_passing = matches!(error.kind, FailureKind::Throttled | FailureKind::Unavailable);
        if !is_passing || attempt == TRIES || clock.remaining() < pause + SPARE {
            return Err(error);
        }
        clock.pause(pause);
        attempt += 1;
    }
}
