//! Checks keys that depend on each other.
//!
//! Enters: a configuration in which each value is valid. Leaves: the conflicts between values. Law: no key is ignored
//! because of another; two keys that cannot both apply are an error.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{
    calendar,
    diagnostic::{Diagnostic, quoted},
    reader::{ConfigReader, location_of},
};
use crate::time::Time;

/// Checks a configuration from the reader. A `null` value was invalid and is skipped.
pub(super) fn check(config: &Json, reader: &mut ConfigReader) {
    check_standard(config, reader);
    check_unique(config, "override", "id", reader);
    check_starts(config, reader);
    check_unique(config, "watch", "principal", reader);
    check_unique(config, "alerts.webhook", "name", reader);
    check_hours(config.get("business_hours"), "business_hours", reader);
    check_whole_hour(config, reader);
    for (n, watch) in entries(config, "watch").enumerate() {
        check_hours(watch.get("business_hours"), &format!("watch[{n}].business_hours"), reader);
    }
}

/// The log files become authoritative at a whole hour, so that all evidence of one hour has one source.
fn check_whole_hour(config: &Json, reader: &mut ConfigReader) {
    let text = config.pointer("/delivery/authoritative_from").and_then(Json::as_str);
    let Some(time) = text.and_then(Time::parse) else { return };
    if time != time.hour().start() {
        let message = format!("{time} is not the start of an hour");
        let remedy = format!("write {}", time.hour().end());
        report(reader, "delivery.authoritative_from", Diagnostic::new(message, remedy));
    }
}

fn entries<'a>(config: &'a Json, list: &str) -> impl Iterator<Item = &'a Json> {
    let pointer = format!("/{}", list.replace('.', "/"));
    config.pointer(&pointer).and_then(Json::as_array).into_iter().flatten()
}

fn report(reader: &mut ConfigReader, path: &str, fault: Diagnostic) {
    let place = location_of(&reader.locations, path);
    reader.problems.push(fault.at(&place));
}

fn check_standard(config: &Json, reader: &mut ConfigReader) {
    let standard = match config.get("standard") {
        None => "GENERAL",
        Some(Json::String(name)) => name,
        Some(_) => return,
    };
    match (standard, config.get("standard_file")) {
        ("CUSTOM", None) => report(
            reader,
            "standard",
            Diagnostic::new(
                "the standard `CUSTOM` needs a control pack",
                "set `standard_file`; a sample is `standard_file = \"docs/packs/gcc-2-0.toml\"`",
            ),
        ),
        (other, Some(_)) if other != "CUSTOM" => report(
            reader,
            "standard_file",
            Diagnostic::new(
                format!("`standard_file` is set, but the standard is {}", quoted(other)),
                "set `standard = \"CUSTOM\"`, or remove `standard_file`",
            ),
        ),
        _ => {}
    }
}

fn check_unique(config: &Json, list: &str, key: &str, reader: &mut ConfigReader) {
    let mut seen = BTreeMap::new();
    for (n, entry) in entries(config, list).enumerate() {
        let Some(text) = entry.get(key).and_then(Json::as_str) else { continue };
        let path = format!("{list}[{n}].{key}");
        if let Some(first) = seen.insert(text, path.clone()) {
            let first = location_of(&reader.locations, &first);
            let message = format!("two `{list}` entries have the {key} {}", quoted(text));
            report(
                reader,
                &path,
                Diagnostic::new(message, format!("change or remove one; the other is at {first}")),
            );
        }
    }
}

/// An override that expires before it begins would allow nothing.
fn check_starts(config: &Json, reader: &mut ConfigReader) {
    for (n, entry) in entries(config, "override").enumerate() {
        let time = |key: &str| entry.get(key).and_then(Json::as_str).and_then(Time::parse);
        if let (Some(from), Some(expires)) = (time("from"), time("expires"))
            && from >= expires
        {
            let message = format!("the override begins {from} and expires {expires}");
            let remedy = "write a `from` that is before `expires`";
            report(reader, &format!("override[{n}].from"), Diagnostic::new(message, remedy));
        }
    }
}

fn check_hours(hours: Option<&Json>, path: &str, reader: &mut ConfigReader) {
    let text = |key: &str| hours.and_then(|hours| hours.get(key)).and_then(Json::as_str);
    let (Some(start), Some(end)) = (text("start"), text("end")) else { return };
    if start == end || start == "24:00" {
        report(reader, &format!("{path}.start"), calendar::empty_hours(start, end));
    }
}
