//! Why a webhook did not take a notification.
//!
//! Enters: what a request met. Leaves: a [`PostError`], and the [`PortErrorKind`] by which a job acts. Law: of a URL only the host is
//! named, and nothing of an answer but its status and one word of Slack.

use std::{net::IpAddr, time::Duration};

use onlooker_core::ports::PortErrorKind;

/// Why a webhook did not take a notification.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The URL cannot be used.
    #[error("its URL is not one with `https` and a host; correct it in the configuration")]
    Url,
    /// A redirect leads to something else than `https`.
    #[error("`{host}` redirects to a URL that is not one with `https` and a host")]
    RedirectUrl {
        /// The host that sent the redirect.
        host: String,
    },
    /// More redirects than are followed.
    #[error("`{host}` redirects once more after {most} redirects")]
    TooManyRedirects {
        /// The host of the last redirect.
        host: String,
        /// Number of redirects that are followed.
        most: usize,
    },
    /// The host has an address that is not public.
    #[error("`{host}` has the address {address}, which is not public; nothing was sent")]
    NotPublic {
        /// The host.
        host: String,
        /// The first of its addresses that is not public.
        address: IpAddr,
    },
    /// The name of the host has no address.
    #[error("the name `{host}` cannot be resolved: {cause}")]
    NotResolved {
        /// The host.
        host: String,
        /// Error of the resolver.
        #[source]
        cause: std::io::Error,
    },
    /// No connection, or it ended early.
    #[error("no answer from `{host}`: {cause}")]
    NotConnected {
        /// The host.
        host: String,
        /// Error of the connection.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No answer in time.
    #[error("no answer within {} seconds", .0.as_secs_f32())]
    Timeout(Duration),
    /// The answer is not a success.
    #[error("`{host}` answered {status}{}", word.as_ref().map(|word| format!(" ({word})")).unwrap_or_default())]
    Status {
        /// The host.
        host: String,
        /// The HTTP status.
        status: u16,
        /// The error code in the answer, if it is one word of lower-case letters.
        word: Option<String>,
        /// How long to wait, by `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// The operating system has no root certificates.
    #[error("no root certificates were found on this machine: {0}")]
    Roots(String),
}

impl PostError {
    /// Whether a later attempt may succeed.
    pub const fn is_temporary(&self) -> bool {
        match self {
            Self::NotResolved { .. } | Self::NotConnected { .. } | Self::Timeout(_) => true,
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            _ => false,
        }
    }

    /// How long the service asks to wait.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The kind, as a job sees it. A webhook that is not allowed does not mean that AWS denied a permission.
    pub const fn kind(&self) -> PortErrorKind {
        match self {
            Self::Status { status: 429, .. } => PortErrorKind::Throttled,
            _ if self.is_temporary() => PortErrorKind::Unavailable,
            _ => PortErrorKind::Other,
        }
    }
}
