//! Retries calls with exponential backoff.
//!
//! Enters: a call. Leaves: its result, or its last error. Laws: only throttled calls and calls to an unavailable
//! service are retried; a pause never leaves the job less than [`RESERVED_TIME`].

use std::time::Duration;

use crate::ports::{Clock, PortError, PortErrorKind};

/// Maximum number of attempts of a call.
const MAX_ATTEMPTS: u32 = 5;

/// Time reserved for the rest of the job.
const RESERVED_TIME: Duration = Duration::from_secs(30);

/// Makes a call and retries it after one, two, four and eight seconds.
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
