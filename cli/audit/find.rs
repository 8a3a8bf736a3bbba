//! `onlooker audit query`, `summary` and `export`.
//!
//! Enters: what to look for. Leaves: entries as a table, JSON or CSV, or counts. Law: a batch that cannot be read is told on
//! standard error, and the exit code is 3.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use clap::{Args, ValueEnum};
use onlooker_core::{
    audit::{
        AUDIT_ENTRY_SCHEMA_VERSION, AUDIT_SUMMARY_SCHEMA_VERSION, AuditKind, AuditQuery, BatchCounts,
        StoredEntry,
    },
    escape::escape_hidden,
    event::Outcome,
    jobs::audit::AuditReader,
    operation::RiskLevel,
    render::{audit_trail, format::thousands, json::escape_json, versioned::VersionedValue},
};

use super::TrailPlace;
use crate::{
    args::{self, GlobalArgs},
    environment,
    exit::{CommandError, CommandOutcome},
    output,
    text_table::{self, CellTone, ScreenSettings, TextCell},
    time_arg::TimeArg,
};

/// What entries are looked for.
#[derive(Debug, Args)]
pub struct Filters {
    /// Entries from this time on: a time, a date (midnight UTC) or a span before now such as `24h`
    #[arg(long, value_name = "WHEN", help_heading = "Filters")]
    since: Option<TimeArg>,
    /// Entries before this time
    #[arg(long, value_name = "WHEN", help_heading = "Filters")]
    until: Option<TimeArg>,
    /// Entries of principals with an ARN that matches, such as `*:role/Auditor`
    #[arg(long, value_name = "ARN-PATTERN", help_heading = "Filters")]
    principal: Option<String>,
    /// Entries of operations that match, such as `s3:Put*`
    #[arg(long, value_name = "PATTERN", help_heading = "Filters")]
    operation: Option<String>,
    /// Entries about a resource with an ARN that matches
    #[arg(long, value_name = "ARN-PATTERN", help_heading = "Filters")]
    resource: Option<String>,
    /// Entries with this outcome
    #[arg(long, value_name = "OUTCOME", value_parser = args::one_of(OUTCOMES, audit_trail::outcome),
          help_heading = "Filters")]
    outcome: Option<Outcome>,
    /// Entries of at least this severity
    #[arg(long, value_name = "SEVERITY", value_parser = args::one_of(SEVERITIES, RiskLevel::as_str),
          ignore_case = true, help_heading = "Filters")]
    severity: Option<RiskLevel>,
    /// Entries of this kind
    #[arg(long, value_name = "KIND", value_parser = args::one_of(KINDS, AuditKind::as_str),
          help_heading = "Filters")]
    kind: Option<AuditKind>,
}

const KINDS: [AuditKind; 6] = [
    AuditKind::Call,
    AuditKind::Override,
    AuditKind::Decision,
    AuditKind::Run,
    AuditKind::ConfigurationChange,
    AuditKind::RateLimit,
];
const OUTCOMES: [Outcome; 3] = [Outcome::Succeeded, Outcome::Failed, Outcome::Denied];
const SEVERITIES: [RiskLevel; 4] = [RiskLevel::Low, RiskLevel::Medium, RiskLevel::High, RiskLevel::Critical];

impl Filters {
    fn query(self) -> AuditQuery {
        let now = environment::now();
        AuditQuery {
            since: self.since.map(|since| since.in_past(now)),
            until: self.until.map(|until| until.in_past(now)),
            principal: self.principal,
            operation: self.operation,
            resource: self.resource,
            outcome: self.outcome,
            severity: self.severity,
            kind: self.kind,
        }
    }
}

/// How entries are printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum EntryFormat {
    /// A line for each entry, for people
    Table,
    /// A JSON array of entries
    Json,
    /// CSV with a heading
    Csv,
}

/// Options of `audit query`.
#[derive(Debug, Args)]
pub struct QueryArgs {
    #[command(flatten)]
    filters: Filters,
    /// Print at most this number of entries, the newest
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
    /// How to print the entries
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = EntryFormat::Table)]
    format: EntryFormat,
    #[command(flatten)]
    place: TrailPlace,
}

/// Options of `audit summary`.
#[derive(Debug, Args)]
pub struct SummaryArgs {
    #[command(flatten)]
    filters: Filters,
    /// Print the counts as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: TrailPlace,
}

/// Options of `audit export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    place: TrailPlace,
}

/// The entries that match, and how the command ends because of what could not be read.
fn find(filters: Filters, place: &TrailPlace) -> Result<(Vec<StoredEntry>, CommandOutcome), CommandError> {
    let trail = place.open()?;
    // One query needs no cache.
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let answer = AuditReader::new(&*trail.store, 0, threads).query(&filters.query());
    let answer = std::sync::Arc::unwrap_or_clone(answer.map_err(CommandError::AuditTrail)?);
    let outcome = tell_unreadable(&answer.unreadable);
    Ok((answer.entries, outcome))
}

/// Runs `audit query`.
pub fn query(global: &GlobalArgs, args: QueryArgs) -> Result<CommandOutcome, CommandError> {
    let (mut entries, outcome) = find(args.filters, &args.place)?;
    let omitted = args.limit.map_or(0, |limit| entries.len().saturating_sub(limit));
    entries.drain(..omitted);
    match args.format {
        EntryFormat::Json => output::versioned_list(AUDIT_ENTRY_SCHEMA_VERSION, &entries)?,
        EntryFormat::Csv => {
            let text =
                audit_trail::csv(&entries).map_err(|cause| CommandError::Output(io::Error::other(cause)))?;
            output::write(|out| out.write_all(text.as_bytes()))?;
        }
        EntryFormat::Table => print_table(ScreenSettings::of(global), &entries)?,
    }
    if !global.quiet {
        let omitted =
            if omitted > 0 { format!(", {omitted} older ones are not shown") } else { String::new() };
        note(&format!("{}{omitted}", entries_noun(entries.len() as u64)));
    }
    Ok(outcome)
}

fn print_table(screen: ScreenSettings, entries: &[StoredEntry]) -> Result<(), CommandError> {
    let titles = ["time", "kind", "severity", "outcome", "principal", "operation", "what"];
    let mut rows = vec![titles.map(|title| TextCell::new(title, CellTone::Faint)).to_vec()];
    rows.extend(entries.iter().map(row));
    if entries.is_empty() {
        return Ok(());
    }
    output::write(|out| text_table::print(out, screen, &rows))
}

fn row(stored: &StoredEntry) -> Vec<TextCell> {
    let entry = &stored.entry;
    let time = TextCell::plain(&entry.timestamp.to_string());
    let kind = TextCell::plain(entry.kind.as_str());
    let message = entry.message.as_deref().unwrap_or_default();
    let Some(call) = &entry.call else {
        let nothing = || TextCell::new("-", CellTone::Faint);
        let by = TextCell::plain(&entry.recorded_by);
        return vec![time, kind, nothing(), nothing(), by, nothing(), TextCell::plain(message)];
    };
    let from = call.source_ip.as_deref().map(|address| format!("from {address}"));
    let parts = [call.resource_arns.join(", "), from.unwrap_or_default(), message.to_owned()];
    let what: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    vec![
        time,
        kind,
        TextCell::new(call.severity.as_str(), CellTone::for_risk(call.severity)),
        TextCell::plain(audit_trail::outcome(call.outcome)),
        TextCell::plain(&call.user_identity.principal),
        TextCell::plain(&call.operation),
        TextCell::plain(&what.join(" ")),
    ]
}

/// Runs `audit summary`.
pub fn summary(global: &GlobalArgs, args: SummaryArgs) -> Result<CommandOutcome, CommandError> {
    let (entries, outcome) = find(args.filters, &args.place)?;
    let counts = audit_trail::counts(&entries);
    if args.json {
        output::versioned_json(AUDIT_SUMMARY_SCHEMA_VERSION, &counts)?;
        return Ok(outcome);
    }
    let screen = ScreenSettings::of(global);
    output::write(|out| print_counts(out, screen, &counts))?;
    Ok(outcome)
}

fn print_counts(out: &mut dyn Write, screen: ScreenSettings, counts: &BatchCounts) -> io::Result<()> {
    writeln!(out, "{}", entries_noun(counts.entries))?;
    if counts.entries == 0 {
        return Ok(());
    }
    writeln!(out, "from {} to {}", counts.first, counts.last)?;
    let words = |counts: Vec<(String, u64)>| -> Vec<(String, u64)> {
        let mut counts = counts;
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        counts
    };
    let texts = |counts: &BTreeMap<std::sync::Arc<str>, u64>| {
        words(counts.iter().map(|(text, count)| (text.to_string(), *count)).collect())
    };
    let groups = [
        (
            "Kind",
            words(counts.kinds.iter().map(|(kind, count)| (kind.as_str().to_owned(), *count)).collect()),
        ),
        (
            "Outcome",
            words(
                counts
                    .outcomes
                    .iter()
                    .map(|(one, count)| (audit_trail::outcome(*one).to_owned(), *count))
                    .collect(),
            ),
        ),
        (
            "Severity",
            words(counts.severities.iter().map(|(one, count)| (one.as_str().to_owned(), *count)).collect()),
        ),
        ("Principal", texts(&counts.principals)),
        ("Operation", texts(&counts.operations)),
    ];
    for (title, counted) in groups.into_iter().filter(|(_, counted)| !counted.is_empty()) {
        writeln!(out)?;
        let mut rows =
            vec![vec![TextCell::new(title, CellTone::Strong), TextCell::new("entries", CellTone::Faint)]];
        rows.extend(
            counted
                .iter()
                .map(|(text, count)| vec![TextCell::plain(text), TextCell::plain(&count.to_string())]),
        );
        text_table::print(out, screen, &rows)?;
    }
    Ok(())
}

/// Runs `audit export`.
pub fn export(args: ExportArgs) -> Result<CommandOutcome, CommandError> {
    let (entries, outcome) = find(args.filters, &args.place)?;
    output::write(|out| {
        entries.iter().try_for_each(|entry| {
            let entry = VersionedValue { schema_version: AUDIT_ENTRY_SCHEMA_VERSION, value: entry };
            let text = serde_json::to_string(&entry).map_err(io::Error::other)?;
            writeln!(out, "{}", escape_json(text).trim_end())
        })
    })?;
    Ok(outcome)
}

/// Tells what could not be read.
fn tell_unreadable(unreadable: &[String]) -> CommandOutcome {
    for problem in unreadable {
        note(&format!("cannot read a part of the audit trail: {}", escape_hidden(problem)));
    }
    if unreadable.is_empty() { CommandOutcome::Proven } else { CommandOutcome::InsufficientEvidence }
}

/// `1 entry`, `2 entries`.
pub(super) fn entries_noun(number: u64) -> String {
    let noun = if number == 1 { "entry" } else { "entries" };
    format!("{} {noun}", thousands(number))
}

fn note(text: &str) {
    // A write error on standard error is ignored.
    let _ = writeln!(io::stderr(), "note: {text}");
}
