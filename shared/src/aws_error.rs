//! What an error of AWS means for the one who made the call.
//!
//! Enters: the error code and the HTTP status of a response, or why there was no response. Leaves: an [`AwsErrorKind`] with its
//! severity, its impact and what to do. Laws: a code that `evidence/data/outcomes.tsv` lists as a denial is
//! [`AwsErrorKind::AccessDenied`]; a code decides before the status; every kind says what to do.
//!
//! `data/aws_errors.tsv` lists the codes, each with its source.

use std::{fmt, sync::LazyLock};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    event::may_be_denial,
    pattern::{has_wildcard, matches},
    severity::Severity,
};

/// Kind of an error of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AwsErrorKind {
    /// No credentials were found.
    MissingCredentials,
    /// AWS does not accept the credentials.
    InvalidCredentials,
    /// The credentials have expired.
    ExpiredCredentials,
    /// A permission is missing.
    AccessDenied,
    /// The account is not subscribed to the service.
    NotSubscribed,
    /// The name of the endpoint could not be resolved.
    NameNotResolved,
    /// No TLS connection could be made.
    TlsFailed,
    /// No connection could be made, or it broke.
    ConnectionFailed,
    /// AWS did not respond in time.
    TimedOut,
    /// AWS failed.
    ServiceError,
    /// Too many requests.
    Throttled,
    /// A quota of the account is used up.
    QuotaExceeded,
    /// The request is not valid.
    InvalidRequest,
    /// The thing does not exist.
    NotFound,
    /// The thing is in a state that does not allow the call, or another call changed it.
    Conflict,
    /// The token of a page is no longer valid.
    PageExpired,
    /// Any other error.
    Unknown,
}

impl AwsErrorKind {
    /// All kinds.
    pub const ALL: [Self; 17] = [
        Self::MissingCredentials,
        Self::InvalidCredentials,
        Self::ExpiredCredentials,
        Self::AccessDenied,
        Self::NotSubscribed,
        Self::NameNotResolved,
        Self::TlsFailed,
        Self::ConnectionFailed,
        Self::TimedOut,
        Self::ServiceError,
        Self::Throttled,
        Self::QuotaExceeded,
        Self::InvalidRequest,
        Self::NotFound,
        Self::Conflict,
        Self::PageExpired,
        Self::Unknown,
    ];

    /// The kind of a response. `service` is the name in `eventSource`, such as `s3`; `code` may begin with `Client.` or `Server.`.
    pub fn of_response(service: &str, code: Option<&str>, status: Option<u16>) -> Self {
        let plain = code.map(|code| {
            code.strip_prefix("Client.").or_else(|| code.strip_prefix("Server.")).unwrap_or(code)
        });
        let by_status = || status.map_or(Self::Unknown, Self::of_status);
        match plain.and_then(|code| Self::of_code(service, code)) {
            // Some services say so of a rate.
            Some(Self::QuotaExceeded) if status == Some(429) => Self::Throttled,
            Some(kind) => kind,
            None => by_status(),
        }
    }

    /// The kind of an error code; `None` if no table has it.
    pub fn of_code(service: &str, code: &str) -> Option<Self> {
        if may_be_denial(service, code) {
            return Some(Self::AccessDenied);
        }
        let exact = CODES.iter().find(|(pattern, _)| *pattern == code);
        let by_pattern = || CODES.iter().find(|(pattern, _)| has_wildcard(pattern) && matches(pattern, code));
        exact.or_else(by_pattern).map(|(_, kind)| *kind)
    }

    /// The kind of an HTTP status without a known code.
    pub const fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::AccessDenied,
            402 => Self::QuotaExceeded,
            404 => Self::NotFound,
            408 => Self::TimedOut,
            409 | 412 => Self::Conflict,
            429 => Self::Throttled,
            500.. => Self::ServiceError,
            400.. => Self::InvalidRequest,
            _ => Self::Unknown,
        }
    }

    /// The snake-case name used in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingCredentials => "missing_credentials",
            Self::InvalidCredentials => "invalid_credentials",
            Self::ExpiredCredentials => "expired_credentials",
            Self::AccessDenied => "access_denied",
            Self::NotSubscribed => "not_subscribed",
            Self::NameNotResolved => "name_not_resolved",
            Self::TlsFailed => "tls_failed",
            Self::ConnectionFailed => "connection_failed",
            Self::TimedOut => "timed_out",
            Self::ServiceError => "service_error",
            Self::Throttled => "throttled",
            Self::QuotaExceeded => "quota_exceeded",
            Self::InvalidRequest => "invalid_request",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::PageExpired => "page_expired",
            Self::Unknown => "unknown",
        }
    }

    /// How soon the error needs attention.
    pub const fn severity(self) -> Severity {
        match self {
            Self::MissingCredentials | Self::InvalidCredentials => Severity::Critical,
            Self::ExpiredCredentials
            | Self::AccessDenied
            | Self::NotSubscribed
            | Self::NameNotResolved
            | Self::TlsFailed
            | Self::ConnectionFailed => Severity::High,
            Self::TimedOut
            | Self::ServiceError
            | Self::Throttled
            | Self::QuotaExceeded
            | Self::InvalidRequest
            | Self::Unknown => Severity::Medium,
            Self::NotFound | Self::Conflict => Severity::Low,
            Self::PageExpired => Severity::Info,
        }
    }

    /// Whether the same call may succeed later, with nothing changed.
    pub const fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::NameNotResolved
                | Self::ConnectionFailed
                | Self::TimedOut
                | Self::ServiceError
                | Self::Throttled
        )
    }

    /// Whether the error shows that the operation does not work, so that more calls of it would fail too. Errors that the caller
    /// causes, such as a denial or a request that is not valid, do not; nor does a quota, for which the caller slows down.
    pub const fn is_failure_of_service(self) -> bool {
        matches!(
            self,
            Self::NameNotResolved
                | Self::TlsFailed
                | Self::ConnectionFailed
                | Self::TimedOut
                | Self::ServiceError
        )
    }

    /// What the error means for the user of the program that made the call, as a sentence.
    pub const fn user_impact(self) -> &'static str {
        match self {
            Self::MissingCredentials => "No call of AWS can be made.",
            Self::InvalidCredentials => "AWS refuses every call with these credentials.",
            Self::ExpiredCredentials => "AWS refuses every call until the credentials are renewed.",
            Self::AccessDenied => "What the call reads or stores is missing from the result.",
            Self::NotSubscribed => "The account cannot use this service, so its data is missing.",
            Self::NameNotResolved | Self::TlsFailed | Self::ConnectionFailed => {
                "The service cannot be reached, so its data is missing."
            }
            Self::TimedOut => "The call took too long, and its data may be missing.",
            Self::ServiceError => "The service failed, and the data of the call may be missing.",
            Self::Throttled => "The work is slower, and may not be finished in time.",
            Self::QuotaExceeded => "Nothing more of this kind can be created or stored.",
            Self::InvalidRequest => "The call is never accepted as it is, so its data is missing.",
            Self::NotFound => "The thing that the call names is missing from the result.",
            Self::Conflict => "The change was not made; what another call stored stays.",
            Self::PageExpired => "The pages are read again from the first one.",
            Self::Unknown => "The call failed, and its data may be missing.",
        }
    }

    /// What to do, as a sentence.
    pub const fn recovery_action(self) -> &'static str {
        match self {
            Self::MissingCredentials => {
                "Give the program credentials: a role, `AWS_PROFILE`, or the variables `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`."
            }
            Self::InvalidCredentials => {
                "Check that the access key exists, that it is active, and that the clock of the machine is right."
            }
            Self::ExpiredCredentials => {
                "Sign in again, or let the program take credentials that renew themselves."
            }
            Self::AccessDenied => {
                "Grant the principal the action that the message names, or remove the policy that denies it."
            }
            Self::NotSubscribed => "Enable the service for the account, or leave the service out.",
            Self::NameNotResolved => "Check the Region, the endpoint and the DNS of the network.",
            Self::TlsFailed => "Check the endpoint, and proxies that end TLS.",
            Self::ConnectionFailed => "Check the network, the route to the endpoint and its security groups.",
            Self::TimedOut => "Try again; if it lasts, check the network and raise the timeout.",
            Self::ServiceError => "Try again; if it lasts, look at the AWS Health Dashboard.",
            Self::Throttled => "Make fewer calls at once, or request a higher quota.",
            Self::QuotaExceeded => "Remove what is not needed, or request a higher quota.",
            Self::InvalidRequest => "Correct the request; the message says what is not valid.",
            Self::NotFound => "Check the name, the account and the Region.",
            Self::Conflict => "Read the current state, and decide again.",
            Self::PageExpired => "Start again at the first page.",
            Self::Unknown => "Read the message, and look up the code in the documentation of the service.",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for AwsErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Codes and patterns of codes, in the order of the table.
static CODES: LazyLock<Vec<(&'static str, AwsErrorKind)>> = LazyLock::new(|| {
    let row = |columns: Vec<&'static str>| match *columns {
        [kind, code, _source] => Some((code, AwsErrorKind::parse(kind)?)),
        _ => None,
    };
    table_rows().filter_map(row).collect()
});

/// The columns of the rows, without comments and header.
fn table_rows() -> impl Iterator<Item = Vec<&'static str>> {
    let lines = include_str!("../data/aws_errors.tsv").lines();
    lines.filter(|line| !line.starts_with('#')).skip(1).map(|line| line.split('\t').collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_of_the_table_gives_its_kind() {
        let mut codes = BTreeSet::new();
        let mut rows = 0;
        for columns in table_rows() {
            let [kind, code, source] = *columns else { panic!("{columns:?}") };
            assert!(!source.trim().is_empty() && codes.insert(code), "{code}");
            let kind = AwsErrorKind::parse(kind).unwrap_or_else(|| panic!("{kind}"));
            // A pattern stands for its own text.
            assert_eq!(AwsErrorKind::of_code("any", &code.replace('*', "")), Some(kind), "{code}");
            rows += 1;
        }
        assert_eq!(rows, CODES.len());
    }

    #[test]
    fn what_the_table_of_outcomes_calls_a_denial_is_access_denied() {
        let table = include_str!("../../evidence/data/outcomes.tsv");
        let mut denials = 0;
        for row in table.lines().filter(|line| !line.starts_with('#')).skip(1) {
            let columns: Vec<&str> = row.split('\t').collect();
            let [service, code, "-", outcome, ..] = *columns else { continue };
            let kind = AwsErrorKind::of_code(service, code);
            match outcome {
                "failed" => assert!(kind.is_some(), "{code} is in no table of errors"),
                _ => assert_eq!(kind, Some(AwsErrorKind::AccessDenied), "{service} {code}"),
            }
            denials += usize::from(outcome != "failed");
        }
        assert!(denials > 20, "{denials}");
    }

    #[test]
    fn codes_decide_before_the_status() {
        use AwsErrorKind as Kind;
        for (service, code, status, kind) in [
            ("s3", Some("AccessDenied"), 403, Kind::AccessDenied),
            ("s3", Some("ExpiredToken"), 400, Kind::ExpiredCredentials),
            ("sts", Some("InvalidClientTokenId"), 403, Kind::InvalidCredentials),
            ("ec2", Some("Client.UnauthorizedOperation"), 403, Kind::AccessDenied),
            ("dynamodb", Some("ThrottlingException"), 400, Kind::Throttled),
            ("dynamodb", Some("ProvisionedThroughputExceededException"), 400, Kind::Throttled),
            ("lambda", Some("EC2ThrottledException"), 502, Kind::Throttled),
            ("kms", Some("KMSThrottlingFault"), 400, Kind::Throttled),
            ("s3", Some("SlowDown"), 503, Kind::Throttled),
            ("iam", Some("LimitExceeded"), 409, Kind::QuotaExceeded),
            ("xray", Some("LimitExceededException"), 429, Kind::Throttled),
            ("ec2", Some("RequestLimitExceeded"), 503, Kind::Throttled),
            ("cloudtrail", Some("InvalidNextTokenException"), 400, Kind::PageExpired),
            ("s3", Some("NoSuchKey"), 404, Kind::NotFound),
            ("ec2", Some("InvalidInstanceID.NotFound"), 400, Kind::NotFound),
            ("dynamodb", Some("ConditionalCheckFailedException"), 400, Kind::Conflict),
            ("sns", Some("InvalidParameterValue"), 400, Kind::InvalidRequest),
            ("s3", Some("InternalError"), 500, Kind::ServiceError),
            ("x", Some("SomethingNew"), 500, Kind::ServiceError),
            ("x", Some("SomethingNew"), 429, Kind::Throttled),
            ("x", Some("SomethingNew"), 403, Kind::AccessDenied),
            ("x", Some("SomethingNew"), 402, Kind::QuotaExceeded),
            ("x", None, 418, Kind::InvalidRequest),
            ("x", None, 304, Kind::Unknown),
        ] {
            assert_eq!(Kind::of_response(service, code, Some(status)), kind, "{service} {code:?} {status}");
        }
        assert_eq!(Kind::of_response("x", Some("SomethingNew"), None), Kind::Unknown);
    }

    #[test]
    fn every_severity_is_given_and_every_kind_says_what_to_do() {
        let given: BTreeSet<Severity> = AwsErrorKind::ALL.iter().map(|kind| kind.severity()).collect();
        assert_eq!(given.len(), 5);
        for kind in AwsErrorKind::ALL {
            for sentence in [kind.user_impact(), kind.recovery_action()] {
                assert!(sentence.ends_with('.') && sentence.chars().next().is_some_and(char::is_uppercase));
            }
            assert_eq!(AwsErrorKind::parse(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert_eq!(AwsErrorKind::AccessDenied.severity(), Severity::High);
    }
}
