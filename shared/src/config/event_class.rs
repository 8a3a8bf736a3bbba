//! Names of event classes.
//!
//! Enters: a name from the configuration. Leaves: an [`EventClassPattern`] that matches event classes. Law: an empty
//! list of expected classes means management events and data events of every resource type.

use std::fmt;

use super::{
    ExpectedCoverage,
    diagnostic::{Diagnostic, quoted},
};
use crate::{event::EventClass, suggest::suggest};

/// One name of the configuration: an event class, or all data events.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventClassPattern {
    /// `management-read`.
    ManagementRead,
    /// `management-write`.
    ManagementWrite,
    /// `data`: data events of every resource type.
    AnyData,
    /// `data:TYPE`: data events of one resource type.
    Data(String),
    /// `network`: network activity events of every source.
    Network,
}

const CLASS_NAMES: [&str; 4] = ["management-read", "management-write", "data", "network"];

impl EventClassPattern {
    /// Reads the name of an event class or of a family of classes.
    pub fn parse(text: &str) -> Result<Self, Diagnostic> {
        match text {
            "management-read" => return Ok(Self::ManagementRead),
            "management-write" => return Ok(Self::ManagementWrite),
            "data" => return Ok(Self::AnyData),
            "network" => return Ok(Self::Network),
            _ => {}
        }
        let fault =
            |remedy: String| Diagnostic::new(format!("{} is not an event class", quoted(text)), remedy);
        if let Some(kind) = text.strip_prefix("data:") {
            let parts: Vec<&str> = kind.split("::").collect();
            let word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
            return match parts.as_slice() {
                ["AWS", _, _] if parts.iter().all(word) => Ok(Self::Data(kind.to_owned())),
                _ => Err(fault(
                    "write the resource type as CloudTrail does, such as `data:AWS::S3::Object`".into(),
                )),
            };
        }
        let meant = match text {
            "management" => "write both `management-read` and `management-write`".into(),
            _ => suggest(text, CLASS_NAMES).map_or_else(
                || {
                    "write one of `management-read`, `management-write`, `data`, `data:TYPE`, `network`"
                        .into()
                },
                |word| format!("did you mean `{word}`?"),
            ),
        };
        Err(fault(meant))
    }

    /// Whether the pattern matches this event class.
    pub fn covers(&self, class: &EventClass) -> bool {
        match (self, class) {
            (Self::ManagementRead, EventClass::ManagementRead)
            | (Self::ManagementWrite, EventClass::ManagementWrite)
            | (Self::AnyData, EventClass::Data(_))
            | (Self::Network, EventClass::Network(_)) => true,
            (Self::Data(kind), EventClass::Data(of)) => **kind == **of,
            _ => false,
        }
    }
}

impl fmt::Display for EventClassPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ManagementRead => f.write_str("management-read"),
            Self::ManagementWrite => f.write_str("management-write"),
            Self::AnyData => f.write_str("data"),
            Self::Data(kind) => write!(f, "data:{kind}"),
            Self::Network => f.write_str("network"),
        }
    }
}

impl ExpectedCoverage {
    /// Classes that must be covered; the default if the list is empty.
    pub fn promised_classes(&self) -> Vec<EventClassPattern> {
        if self.event_classes.is_empty() {
            return vec![
                EventClassPattern::ManagementRead,
                EventClassPattern::ManagementWrite,
                EventClassPattern::AnyData,
            ];
        }
        parse_patterns(&self.event_classes)
    }

    /// Classes that count as logged, independent of the evidence.
    pub fn logged_classes(&self) -> Vec<EventClassPattern> {
        parse_patterns(&self.logged)
    }
}

/// All names of a validated configuration can be read.
fn parse_patterns(words: &[String]) -> Vec<EventClassPattern> {
    words.iter().filter_map(|word| EventClassPattern::parse(word).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_class_names_round_trip() {
        for word in ["management-read", "management-write", "data", "data:AWS::S3::Object", "network"] {
            assert_eq!(EventClassPattern::parse(word).map(|class| class.to_string()).as_deref(), Ok(word));
        }
        for word in
            ["", "managment-read", "management", "data:", "data:AWS::S3", "data:S3", "Data", "network:ec2"]
        {
            assert!(EventClassPattern::parse(word).is_err(), "{word}");
        }
    }

    #[test]
    fn data_covers_every_resource_type_and_a_type_only_itself() {
        let object = EventClass::Data("AWS::S3::Object".into());
        assert!(EventClassPattern::AnyData.covers(&object));
        assert!(EventClassPattern::Data("AWS::S3::Object".into()).covers(&object));
        assert!(!EventClassPattern::Data("AWS::DynamoDB::Table".into()).covers(&object));
        assert!(!EventClassPattern::Network.covers(&object));
        assert!(!ExpectedCoverage::default().promised_classes().contains(&EventClassPattern::Network));
    }
}
