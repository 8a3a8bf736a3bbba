//! Formats of the texts in a configuration.
//!
//! Enters: a text and the format of its key. Leaves: nothing, or a [`Diagnostic`] that says how to write it. Law: the
//! published schema and the reader use the same formats, because each format is one type here.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{alerts, arn, calendar, diagnostic::Diagnostic, diagnostic::quoted, event_class};
use crate::time::Time;

macro_rules! formats {
    ($($(#[$doc:meta])* $name:ident, $format:literal, $check:expr;)+) => {
        $(
            $(#[$doc])*
            pub(super) struct $name;

            impl JsonSchema for $name {
                fn schema_name() -> Cow<'static, str> {
                    stringify!($name).into()
                }

                fn inline_schema() -> bool {
                    true
                }

                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!({ "type": "string", "format": $format })
                }
            }
        )+

        /// Checks a text against a format of the schema. `None` if the format is unknown.
        pub(super) fn check(format: &str, text: &str) -> Option<Result<(), Diagnostic>> {
            match format {
                $($format => Some(($check)(text)),)+
                "date-time" => Some(date_time(text)),
                _ => None,
            }
        }
    };
}

formats! {
    /// Pattern for the ARNs of principals.
    PrincipalPattern, "principal-pattern", arn::principal;
    /// Pattern for the ARNs of principals, or `*` for everything.
    HeldPrincipals, "held-principals", |text| if text == "*" { Ok(()) } else { arn::principal(text) };
    /// Pattern for ARNs of any kind.
    ArnPattern, "arn-pattern", arn::resource;
    /// Account id.
    AccountId, "aws-account", account;
    /// Region name.
    RegionName, "aws-region", region;
    /// Event class.
    EventClassName, "event-class", event_class::check_event_class;
    /// IANA time zone.
    TimeZoneName, "time-zone", |text| calendar::time_zone(text).map(|_| ());
    /// Time of day, including `24:00`.
    TimeOfDay, "clock", |text| calendar::minute_of_day(text).map(|_| ());
    /// `service:Operation`.
    OperationPattern, "operation-pattern", operation;
    /// Name without spaces.
    OverrideId, "id", id;
    /// One line of text.
    SingleLine, "line", line;
    /// Name of an IAM role.
    RoleName, "role-name", role_name;
    /// Name of a file.
    FileName, "file-name", line;
    /// URL that is a secret.
    SecretUrl, "secret-url", alerts::secret_url;
}

/// Checks an account id: twelve digits.
pub fn account(text: &str) -> Result<(), Diagnostic> {
    if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(());
    }
    let remedy = "write the twelve digits in quotes, such as `\"111122223333\"`, leading zeros included";
    Err(Diagnostic::new(format!("{} is not an account id", quoted(text)), remedy))
}

/// Checks a log filter: a level, or levels of targets. A word that is not a level would be read as a target, and
/// everything of that target would be logged.
pub fn log_filter(text: &str) -> Result<(), Diagnostic> {
    let is_filter = text.split(',').all(|piece| {
        let level = piece.rsplit('=').next().unwrap_or(piece).trim();
        ["error", "warn", "info", "debug", "trace", "off"]
            .iter()
            .any(|known| level.eq_ignore_ascii_case(known))
    });
    if is_filter {
        return Ok(());
    }
    Err(Diagnostic::new(
        format!("{} is not a log level", quoted(text)),
        "write `error`, `warn`, `info`, `debug`, `trace` or `off`, or `warn,onlooker_core=debug` for one target",
    ))
}

/// Checks the form of a region name. Names of future regions pass.
pub fn region(text: &str) -> Result<(), Diagnostic> {
    let parts: Vec<&str> = text.split('-').collect();
    let (well_formed, number) = match parts.as_slice() {
        [first, middle @ .., number] => (
            (2..=4).contains(&first.len())
                && !middle.is_empty()
                && parts.len() <= 5
                && std::iter::once(first)
                    .chain(middle)
                    .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase())),
            *number,
        ),
        _ => (false, ""),
    };
    if well_formed && (1..=2).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(());
    }
    let remedy = match text {
        "global" | "aws-global" => "write `us-east-1`, where global services log",
        _ => "write the name that AWS uses, such as `eu-central-1`",
    };
    Err(Diagnostic::new(format!("{} is not a region", quoted(text)), remedy))
}

/// The regions of all partitions, in order. Source: `partitions.json` of botocore 1.43.106, without the pseudo-regions of global services.
pub const KNOWN_REGIONS: [&str; 46] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-isoe-west-1",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eusc-de-east-1",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-iso-east-1",
    "us-iso-west-1",
    "us-isob-east-1",
    "us-isob-west-1",
    "us-isof-east-1",
    "us-isof-south-1",
    "us-west-1",
    "us-west-2",
];

/// Whether a region is one of [`KNOWN_REGIONS`].
pub fn is_known_region(name: &str) -> bool {
    KNOWN_REGIONS.binary_search(&name).is_ok()
}

fn operation(text: &str) -> Result<(), Diagnostic> {
    let fault = |remedy: &str| Err(Diagnostic::new(format!("{} is not an operation", quoted(text)), remedy));
    let Some((service, operation)) = text.split_once(':') else {
        return fault("write `service:Operation`, such as `s3:PutObject` or `ssm:Start*`");
    };
    let in_service = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let in_operation = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'*' | b'?');
    if service.is_empty() || !service.bytes().all(in_service) {
        return fault(
            "write the IAM prefix of one service in lower case, such as `s3`; wildcards go in the operation",
        );
    }
    if operation.is_empty() || !operation.bytes().all(in_operation) {
        return fault("write the name of one operation after the `:`, with `*` and `?` as wildcards");
    }
    Ok(())
}

fn id(text: &str) -> Result<(), Diagnostic> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
        return Ok(());
    }
    Err(Diagnostic::new(
        format!("{} is not an id", quoted(text)),
        "write 1 to 64 letters, digits, `-`, `_` or `.`, such as `session-manager-audit`",
    ))
}

fn role_name(text: &str) -> Result<(), Diagnostic> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"+=,.@_-/".contains(&b);
    if (1..=576).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('/') {
        return Ok(());
    }
    Err(Diagnostic::new(
        format!("{} is not a role name", quoted(text)),
        "write the name of the role, with its path if it has one, such as `OnlookerReadTrail`; not its ARN",
    ))
}

fn line(text: &str) -> Result<(), Diagnostic> {
    if text.trim().is_empty() {
        return Err(Diagnostic::new(
            "the text is empty",
            "write a text, or remove the key if it is optional",
        ));
    }
    if text.contains(char::is_control) {
        return Err(Diagnostic::new(
            format!("{} contains a control character", quoted(text)),
            "write it on one line",
        ));
    }
    Ok(())
}

fn date_time(text: &str) -> Result<(), Diagnostic> {
    if Time::parse(text).is_some() {
        return Ok(());
    }
    let as_midnight = format!("{text}T00:00:00Z");
    let remedy = if Time::parse(&as_midnight).is_some() {
        format!("add the time and its offset: `{as_midnight}`")
    } else {
        "write date, time and offset, such as `2027-01-31T00:00:00Z`, between 1970 and 2106".into()
    };
    Err(Diagnostic::new(format!("{} is not a point in time", quoted(text)), remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_regions_are_in_order_and_well_formed() {
        assert!(KNOWN_REGIONS.is_sorted());
        assert!(KNOWN_REGIONS.iter().all(|name| region(name).is_ok() && is_known_region(name)));
        assert!(!is_known_region("us-east-9"));
    }

    #[test]
    fn regions_of_every_partition_pass() {
        for name in [
            "us-east-1",
            "ap-southeast-7",
            "cn-northwest-1",
            "us-gov-west-1",
            "us-isob-east-1",
            "eusc-de-east-1",
            "mx-central-1",
            "il-central-1",
        ] {
            assert_eq!(region(name), Ok(()), "{name}");
        }
        for name in [
            "",
            "us-east",
            "us-east1",
            "US-EAST-1",
            "useast-1-",
            "global",
            "us--1",
            "*",
            "us-east-*",
            "-east-1",
        ] {
            assert!(region(name).is_err(), "{name}");
        }
    }

    #[test]
    fn operations_name_one_service() {
        for name in
            ["s3:PutObject", "ssm:*", "ec2:run_instances", "access-analyzer:Validate?olicy", "s3:put-object"]
        {
            assert_eq!(operation(name), Ok(()), "{name}");
        }
        for name in ["", "s3", ":Put", "s3:", "*:*", "S3:PutObject", "s3:Put Object", "s3:Put:Object"] {
            assert!(operation(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_bare_date_gets_a_remedy_with_a_time() {
        assert!(date_time("2027-01-31").is_err_and(|fault| fault.remedy.contains("`2027-01-31T00:00:00Z`")));
    }
}
