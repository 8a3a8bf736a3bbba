//! The operations that a trail's principals call.
//!
//! Enters: the table `operations.tsv`. Leaves: operations with templates of request, response and resource, which
//! have named placeholders. Law: a placeholder has the same value everywhere in one record, because its value depends
//! only on the seed, the record's number and the placeholder.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::random::SeededRandom;
use super::utc_time::UtcTime;

/// Operations of these sources are recorded in us-east-1 only.
const GLOBAL_SERVICES: [&str; 7] =
    ["iam", "organizations", "route53", "cloudfront", "support", "health", "ce"];
/// Workloads of the fictional organization; buckets, functions, tables and roles are named after them.
const WORKLOAD_NAMES: [&str; 24] = [
    "orders",
    "billing",
    "invoices",
    "pricing",
    "routing",
    "tracking",
    "customs",
    "manifest",
    "fleet",
    "depot",
    "payments",
    "search",
    "catalogue",
    "quotes",
    "partners",
    "notify",
    "ledger",
    "reports",
    "identity",
    "gateway",
    "weather",
    "telemetry",
    "archive",
    "returns",
];
const USER_NAMES: [&str; 8] = ["amara", "bjorn", "chidi", "delphine", "emeka", "freya", "goran", "hanna"];

/// The access of an operation, as CloudTrail categorizes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationAccess {
    /// A management event that reads.
    Read,
    /// A management event that writes.
    Write,
    /// A data event that reads.
    Data,
}

/// One operation and the templates of its records.
#[derive(Clone, Debug)]
pub struct DemoOperation {
    /// First label of the event source: `ec2` of `ec2.amazonaws.com`.
    pub source: &'static str,
    /// The event name, with the version suffix that some services add.
    pub name: &'static str,
    /// Access that the operation needs.
    pub access: OperationAccess,
    /// `requestParameters` of the record; `None` if it has none.
    pub request: Option<RecordTemplate>,
    /// `responseElements` of the record; `None` if it has none.
    pub response: Option<RecordTemplate>,
    /// Type and ARN of the resource, if the service records one.
    pub resource: Option<(&'static str, RecordTemplate)>,
}

impl DemoOperation {
    /// Whether its records are delivered in us-east-1 only.
    pub fn is_global(&self) -> bool {
        GLOBAL_SERVICES.contains(&self.source)
    }
}

/// Every operation of the table, in its order.
#[derive(Clone, Debug)]
pub struct DemoOperations {
    operations: Vec<DemoOperation>,
    by_name: HashMap<(&'static str, &'static str), usize>,
}

impl DemoOperations {
    /// The embedded table. A malformed line is skipped; a test ensures that there is none.
    pub fn embedded() -> Self {
        let operations: Vec<DemoOperation> = TABLE.lines().filter_map(parse).flatten().collect();
        let by_name = operations.iter().enumerate().map(|(at, one)| ((one.source, one.name), at)).collect();
        Self { operations, by_name }
    }

    /// The operation at an index.
    pub fn get(&self, index: usize) -> Option<&DemoOperation> {
        self.operations.get(index)
    }

    /// The index of `source:name`.
    pub fn find(&self, name: &str) -> Option<usize> {
        let (source, name) = name.split_once(':')?;
        self.by_name.get(&(source, name)).copied()
    }

    /// The indexes of management operations, most frequent first; global ones only if asked for.
    pub fn by_frequency(&self, with_global: bool) -> Vec<usize> {
        let wanted =
            |one: &DemoOperation| one.access != OperationAccess::Data && (with_global || !one.is_global());
        self.operations.iter().enumerate().filter(|(_, one)| wanted(one)).map(|(at, _)| at).collect()
    }
}

/// The table; its first lines describe the columns.
const TABLE: &str = include_str!("operations.tsv");

/// The operations of one line; `None` for a comment.
fn parse(line: &'static str) -> Option<impl Iterator<Item = DemoOperation>> {
    let mut columns = line.split('\t');
    let source = columns.next().filter(|source| !source.starts_with('#'))?;
    let access = match columns.next()? {
        "R" => OperationAccess::Read,
        "W" => OperationAccess::Write,
        "D" => OperationAccess::Data,
        _ => return None,
    };
    let names = columns.next()?;
    let (request, response) =
        (RecordTemplate::parse(columns.next()?), RecordTemplate::parse(columns.next()?));
    let resource =
        columns.next()?.split_once(' ').and_then(|(kind, arn)| Some((kind, RecordTemplate::parse(arn)?)));
    Some(names.split(',').map(move |name| DemoOperation {
        source,
        name,
        access,
        request: request.clone(),
        response: response.clone(),
        resource: resource.clone(),
    }))
}

/// The values for the placeholders of a template.
#[derive(Clone, Copy, Debug)]
pub struct TemplateValues<'a> {
    /// Seed of the trail.
    pub seed: u64,
    /// Number of the record.
    pub number: u64,
    /// Account id.
    pub account: &'a str,
    /// Region name.
    pub region: &'a str,
    /// Time of the event.
    pub at: u64,
}

/// Text with placeholders.
#[derive(Clone, Debug)]
pub struct RecordTemplate(Vec<TemplatePart>);

#[derive(Clone, Copy, Debug)]
enum TemplatePart {
    Text(&'static str),
    Placeholder(&'static str),
}

impl RecordTemplate {
    /// Parses a template; `None` for `-`.
    pub fn parse(text: &'static str) -> Option<Self> {
        if text == "-" {
            return None;
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, (placeholder, after))) =
            rest.split_once('<').and_then(|(before, after)| Some((before, after.split_once('>')?)))
        {
            parts.extend([TemplatePart::Text(before), TemplatePart::Placeholder(placeholder)]);
            rest = after;
        }
        parts.push(TemplatePart::Text(rest));
        Some(Self(parts))
    }

    /// Appends the text with its placeholders filled.
    pub fn fill(&self, out: &mut String, values: &TemplateValues<'_>) {
        for part in &self.0 {
            match *part {
                TemplatePart::Text(text) => out.push_str(text),
                TemplatePart::Placeholder(placeholder) => fill_placeholder(out, placeholder, values),
            }
        }
    }

    /// Placeholders without a value.
    #[cfg(test)]
    pub fn unknown_placeholders(&self) -> Vec<&'static str> {
        let values = TemplateValues { seed: 0, number: 0, account: "a", region: "r", at: 0 };
        let empty = |placeholder: &&'static str| {
            let mut out = String::new();
            fill_placeholder(&mut out, placeholder, &values);
            out.is_empty()
        };
        let placeholders = self.0.iter().filter_map(|part| match *part {
            TemplatePart::Placeholder(placeholder) => Some(placeholder),
            TemplatePart::Text(_) => None,
        });
        placeholders.filter(empty).collect()
    }
}

/// Appends the value of one placeholder.
fn fill_placeholder(out: &mut String, placeholder: &str, values: &TemplateValues<'_>) {
    let stream =
        placeholder.bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(131).wrapping_add(u64::from(byte)));
    let mut chance = SeededRandom::of(values.seed, stream, values.number);
    match placeholder {
        "account" => out.push_str(values.account),
        "region" => out.push_str(values.region),
        "app" => out.push_str(chance.pick(&WORKLOAD_NAMES)),
        "user" => out.push_str(chance.pick(&USER_NAMES)),
        "bucket" => {
            let name = chance.pick(&WORKLOAD_NAMES);
            let _ = write!(out, "larkspur-{name}-{}-{}", values.account, values.region);
        }
        "time" => UtcTime::from_seconds(values.at).push_iso(out),
        "later" => UtcTime::from_seconds(values.at + 3_600).push_english(out),
        "english" => UtcTime::from_seconds(values.at).push_english(out),
        "day" => out.push_str(&UtcTime::from_seconds(values.at).date_path()),
        "millis" => {
            let _ = write!(out, "{}", values.at * 1_000);
        }
        "number" => {
            let _ = write!(out, "{}", chance.between(1_000, 99_999));
        }
        "ip" => {
            let _ = write!(out, "203.0.113.{}", chance.between(1, 254));
        }
        "private" => {
            let _ =
                write!(out, "10.{}.{}.{}", chance.between(16, 31), chance.below(256), chance.between(4, 254));
        }
        "uuid" => chance.uuid(out),
        "hash" => chance.hex(out, 64),
        "hex" => chance.hex(out, 8),
        "hex16" => chance.hex(out, 16),
        "hex32" => chance.hex(out, 32),
        "six" => chance.alnum(out, 6),
        "b64" => {
            chance.base64(out, 43);
            out.push('=');
        }
        "token" => {
            out.push_str("IQoJb3JpZ2luX2Vj");
            chance.base64(out, 520);
        }
        "key" => push_unique_id(out, &mut chance, "ASIA", 16),
        "roleid" => push_unique_id(out, &mut chance, "AROA", 17),
        "instance" => push_resource_id(out, &mut chance, "i-0"),
        "volume" => push_resource_id(out, &mut chance, "vol-0"),
        "snapshot" => push_resource_id(out, &mut chance, "snap-0"),
        "group" => push_resource_id(out, &mut chance, "sg-0"),
        "subnet" => push_resource_id(out, &mut chance, "subnet-0"),
        "vpc" => push_resource_id(out, &mut chance, "vpc-0"),
        "eni" => push_resource_id(out, &mut chance, "eni-0"),
        "ami" => push_resource_id(out, &mut chance, "ami-0"),
        _ => {}
    }
}

fn push_unique_id(out: &mut String, chance: &mut SeededRandom, prefix: &str, letters: usize) {
    out.push_str(prefix);
    chance.base32(out, letters);
}

fn push_resource_id(out: &mut String, chance: &mut SeededRandom, prefix: &str) {
    out.push_str(prefix);
    chance.hex(out, 16);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_an_operation_with_known_placeholders() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        let named: usize = lines.map(|line| line.split('\t').nth(2).unwrap().split(',').count()).sum();
        let table = DemoOperations::embedded();
        assert_eq!(table.operations.len(), named);
        assert_eq!(table.by_name.len(), named, "an operation is listed twice");
        assert!(named > 300, "{named}");
        for operation in &table.operations {
            let resource = operation.resource.as_ref().map(|(_, arn)| arn);
            for template in
                [operation.request.as_ref(), operation.response.as_ref(), resource].into_iter().flatten()
            {
                assert_eq!(
                    template.unknown_placeholders(),
                    Vec::<&str>::new(),
                    "{}:{}",
                    operation.source,
                    operation.name
                );
            }
        }
    }
}
