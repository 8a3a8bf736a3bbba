//! Words for classes of events.
//!
//! Enters: a word of the configuration. Leaves: a [`ClassPattern`], which says what it covers. Law: an empty list of
//! expected classes means management events and data events of every kind.

use std::fmt;

use super::{
    Expected,
    problem::{Fault, quoted},
};
use crate::{event::EventClass, nearest::nearest};

/// One word of the configuration: a class of events, or all data events at once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClassPattern {
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

const WORDS: [&str; 4] = ["management-read", "management-write", "data", "network"];

impl ClassPattern {
    /// Reads a word.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        match text {
            "management-read" => return Ok(Self::ManagementRead),
            "management-write" => return Ok(Self::ManagementWrite),
            "data" => return Ok(Self::AnyData),
            "network" => return Ok(Self::Network),
            _ => {}
        }
        let fault = |remedy: String| Fault::new(format!("{} is not an event class", quoted(text)), remedy);
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
            _ => nearest(text, WORDS).map_or_else(
                || {
                    "write one of `management-read`, `management-write`, `data`, `data:TYPE`, `network`"
                        .into()
                },
                |word| format!("did you mean `{word}`?"),
            ),
        };
        Err(fault(meant))
    }

    /// Whether events of that class are meant.
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

impl fmt::Display for ClassPattern {
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

impl Expected {
    /// Classes the promise is about, with the default in place of an empty list.
    pub fn classes(&self) -> Vec<ClassPattern> {
        if self.event_classes.is_empty() {
            return vec![ClassPattern::ManagementRead, ClassPattern::ManagementWrite, ClassPattern::AnyData];
        }
        patterns(&self.event_classes)
    }

    /// Classes that count as logged whatever the evidence holds.
    pub fn logged_classes(&self) -> Vec<ClassPattern> {
        patterns(&self.logged)
    }
}

/// A configuration holds only words that can be read: it was validated.
fn patterns(words: &[String]) -> Vec<ClassPattern> {
    words.iter().filter_map(|word| ClassPattern::parse(word).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_and_written_alike() {
        for word in ["management-read", "management-write", "data", "data:AWS::S3::Object", "network"] {
            assert_eq!(ClassPattern::parse(word).map(|class| class.to_string()).as_deref(), Ok(word));
        }
        for word in
            ["", "managment-read", "management", "data:", "data:AWS::S3", "data:S3", "Data", "network:ec2"]
        {
            assert!(ClassPattern::parse(word).is_err(), "{word}");
        }
    }

    #[test]
    fn data_covers_every_type_and_a_type_only_itself() {
        let object = EventClass::Data("AWS::S3::Object".into());
        assert!(ClassPattern::AnyData.covers(&object));
        assert!(ClassPattern::Data("AWS::S3::Object".into()).covers(&object));
        assert!(!ClassPattern::Data("AWS::DynamoDB::Table".into()).covers(&object));
        assert!(!ClassPattern::Network.covers(&object));
        assert!(!Expected::default().classes().contains(&ClassPattern::Network));
    }
}
