//! Calls that are made again when there were too many of them.
//!
//! Enters: a call. Leaves: its answer, or its last failure. Laws: only throttling and silence are tried again; nobody
//! waits longer than the job may live.

use std::time::Duration;

use crate::ports::{Clock, PortError, PortErrorKind};

/// Tries of a call.
const MAX_ATTEMPTS: u32 = 5;

/// Time that has to be left for the rest of the job.
const RESERVED_TIME: Duration = Duration::from_secs(30);

/// Makes a call, and makes it again after one second, two, four, and eight.
pub(super) fn with_retries<T>(
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
        let is_passing = matches!(error.kind, PortErrorKind::Throttled | PortErrorKind::Unavailable);
        if !is_passing || attempt == MAX_ATTEMPTS || clock.remaining() < pause + RESERVED_TIME {
            return Err(error);
        }
        clock.sleep(pause);
        attempt += 1;
    }
}
