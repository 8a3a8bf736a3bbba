//! Why a call was not sent.
//!
//! Enters: the verdict. Leaves: an error for the caller of the SDK. Law: a refusal says what decided it and how to allow the call.

use std::{error::Error, sync::Arc};

use onlooker_core::{
    escape::escape_hidden,
    jobs::{breakers::BreakerOpen, check::CheckResult},
};

/// The reason for which the guard stopped a call.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refusal {
    /// A read-only principal may not make the call.
    #[error("{operation} was not sent: {}; {remedy}", escape_hidden(&verdict.validation_message))]
    NotPermitted {
        /// `service:Operation`, as the catalog spells it.
        operation: String,
        /// How to allow the call.
        remedy: String,
        /// The verdict.
        verdict: Arc<CheckResult>,
    },
    /// The SDK did not say which operation the call is, so it cannot be judged.
    #[error("the call was not sent: the SDK did not say which operation it is")]
    Unidentified,
    /// Another interceptor made another operation of the request.
    #[error(
        "{operation} was not sent: another interceptor changed the method, the path, the query or `x-amz-target` of its request"
    )]
    Changed {
        /// `service:Operation`, as the catalog spells it.
        operation: String,
    },
    /// The operation failed before, and its circuit breaker is open.
    #[error(transparent)]
    BreakerOpen(#[from] BreakerOpen),
    /// The log of decisions did not take the decision.
    #[error("{operation} was not sent: the decision could not be written to the log: {cause}")]
    NotLogged {
        /// `service:Operation`, as the catalog spells it.
        operation: String,
        /// Error of the log.
        cause: String,
    },
}

impl Refusal {
    /// The refusal in an error of the SDK, which wraps it: in `SdkError::ConstructionFailure` or `SdkError::DispatchFailure`.
    /// `None` if the guard did not cause the error.
    pub fn of<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(refusal) = error.downcast_ref::<Self>() {
                return Some(refusal);
            }
            cause = error.source();
        }
        None
    }
}
