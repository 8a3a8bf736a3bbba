//! Names of event classes.
//!
//! Enters: a name from the configuration. Leaves: the name, or what is wrong with it. Law: an accepted name is a class
//! or a family of classes that CloudTrail can log.

use super::diagnostic::{Diagnostic, quoted};
use crate::suggest::suggest;

const CLASS_NAMES: [&str; 6] =
    ["management-read", "management-write", "data", "data-read", "data-write", "network"];

/// Checks the name of an event class or of a family of classes: `data` is every read and write of every resource type,
/// `data:TYPE` of one, `data-read:TYPE` only its reads.
pub(super) fn check_event_class(text: &str) -> Result<(), Diagnostic> {
    if CLASS_NAMES.contains(&text) {
        return Ok(());
    }
    let fault = |remedy: String| Diagnostic::new(format!("{} is not an event class", quoted(text)), remedy);
    if let Some((_, kind)) =
        text.split_once(':').filter(|(family, _)| matches!(*family, "data" | "data-read" | "data-write"))
    {
        let parts: Vec<&str> = kind.split("::").collect();
        let word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
        return match parts.as_slice() {
            ["AWS", _, _] if parts.iter().all(word) => Ok(()),
            _ => Err(fault(
                "write the resource type as CloudTrail does, such as `data:AWS::S3::Object`".into(),
            )),
        };
    }
    Err(fault(match text {
        "management" => "write both `management-read` and `management-write`".into(),
        _ => suggest(text, CLASS_NAMES).map_or_else(
            || {
                "write one of `management-read`, `management-write`, `data`, `data-read`, `data-write`, `data:TYPE`, `network`"
                    .into()
            },
            |word| format!("did you mean `{word}`?"),
        ),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_classes_and_families_are_accepted() {
        for word in [
            "management-read",
            "management-write",
            "data",
            "data-write",
            "data:AWS::S3::Object",
            "data-read:AWS::S3::Object",
            "network",
        ] {
            assert!(check_event_class(word).is_ok(), "{word}");
        }
        for word in
            ["", "managment-read", "management", "data:", "data:AWS::S3", "data:S3", "Data", "network:ec2"]
        {
            assert!(check_event_class(word).is_err(), "{word}");
        }
    }
}
