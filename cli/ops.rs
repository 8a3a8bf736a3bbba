//! `onlooker ops`: search the operations of AWS.
//!
//! Enters: a pattern and filters. Leaves: the operations they match, with their verdicts. Laws: the order is that of the
//! names; what is printed can be given to `onlooker check` as it is.

use std::io::{self, Write as _};

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser as _},
};
use onlooker_core::{
    catalog::{Catalog, Entry, Kind, spelling::split_operation},
    operation::{AccessLevel, Capabilities, Mutates, OperationType, RiskLevel},
    plain::plain,
    verdict::Verdict,
};
use serde::Serialize;

use crate::{
    args::Global,
    basis,
    failure::{Answer, Failure},
    output, surroundings,
    table::{self, Cell, Screen, Tone},
};

/// Options of `ops`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
A plain word is looked for in names and services; several words in quotes must
all be there. With `*` or `?`, or with a service before `:`, the whole name must
match. Filters narrow that down, or search everything when there is no pattern.

Examples:
  onlooker ops 's3:Get*'
  onlooker ops '*:*Password*' --type read_only     reads that a name gives away
  onlooker ops 'bucket policy'
  onlooker ops kms --level write --json
  onlooker ops --capability mint_credentials       who hands out credentials
  onlooker ops --dissent --count                   where AWS's sources disagree

On a terminal there are columns with a heading. Elsewhere each line has, between
tabs: operation, verdict, level, risk, capabilities (between commas), whether it
mutates, and `dissent` or `-`. An empty field is `-`.

Finding nothing is an answer: the exit code is 0.")]
pub struct OpsArgs {
    /// `service:Operation` with `*` and `?` as wildcards, or a service, or a part of a name
    #[arg(value_name = "PATTERN", required_unless_present_any = ["types", "level", "capability", "dissent"])]
    pub pattern: Option<String>,
    /// Only with this verdict; repeatable, or separated by commas
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', help_heading = "Filters",
          value_parser = PossibleValuesParser::new(TYPES.map(OperationType::as_str)).map(|word| of_word(TYPES, OperationType::as_str, &word)))]
    pub types: Vec<Option<OperationType>>,
    /// Only of this access level; repeatable, or separated by commas
    #[arg(long, value_name = "LEVEL", value_delimiter = ',', ignore_case = true, help_heading = "Filters",
          value_parser = PossibleValuesParser::new(LEVELS.map(AccessLevel::as_str)).map(|word| of_word(LEVELS, AccessLevel::as_str, &word)))]
    pub level: Vec<Option<AccessLevel>>,
    /// Only what carries this capability; given again, all of them
    #[arg(long, value_name = "CAPABILITY", value_delimiter = ',', help_heading = "Filters",
          value_parser = PossibleValuesParser::new(Capabilities::all().words()).map(|word| Capabilities::from_word(&word)))]
    pub capability: Vec<Option<Capabilities>>,
    /// Only where the sources disagree
    #[arg(long, help_heading = "Filters")]
    pub dissent: bool,
    /// Print how many there are
    #[arg(long, conflicts_with = "json")]
    pub count: bool,
    /// Print a JSON array
    #[arg(long)]
    pub json: bool,
}

const TYPES: [OperationType; 4] =
    [OperationType::ReadOnly, OperationType::Privileged, OperationType::Unknown, OperationType::Mutating];
const LEVELS: [AccessLevel; 5] = [
    AccessLevel::List,
    AccessLevel::Read,
    AccessLevel::Tagging,
    AccessLevel::Write,
    AccessLevel::PermissionsManagement,
];

fn of_word<T: Copy, const N: usize>(all: [T; N], word_of: fn(T) -> &'static str, word: &str) -> Option<T> {
    all.into_iter().find(|one| word_of(*one).eq_ignore_ascii_case(word))
}

/// Runs `ops`.
pub fn run(global: &Global, args: OpsArgs) -> Result<Answer, Failure> {
    let catalog = basis::catalog(&surroundings::configuration(global)?)?;
    let pattern = args.pattern.as_deref().unwrap_or("*");
    let found: Vec<Found> =
        search(catalog, pattern).into_iter().map(Found::from).filter(|one| args.admits(one)).collect();
    if args.count {
        output::write(|out| writeln!(out, "{}", found.len()))?;
    } else if args.json {
        output::json(&found)?;
    } else {
        show(Screen::of(global), &found)?;
    }
    if found.is_empty() && !args.count && !global.quiet {
        // Nobody may be reading; that there is nothing is the answer.
        let _ = writeln!(io::stderr(), "{}", nothing(catalog, pattern, args.is_filtered()));
    }
    Ok(Answer::Proven)
}

impl OpsArgs {
    fn is_filtered(&self) -> bool {
        self.dissent || !(self.types.is_empty() && self.level.is_empty() && self.capability.is_empty())
    }

    fn admits(&self, found: &Found) -> bool {
        (self.types.is_empty() || self.types.contains(&Some(found.operation_type)))
            && (self.level.is_empty() || self.level.contains(&found.access_level))
            && self.capability.iter().flatten().all(|one| found.capabilities.contains(*one))
            && (!self.dissent || found.dissent)
    }
}

/// One operation, in the words `check` uses.
#[derive(Debug, Serialize)]
struct Found {
    service: String,
    operation: String,
    is_valid: bool,
    operation_type: OperationType,
    mutates: Mutates,
    access_level: Option<AccessLevel>,
    capabilities: Capabilities,
    risk_level: RiskLevel,
    dissent: bool,
    is_iam_action: bool,
    is_api_operation: bool,
    is_event: bool,
}

impl From<Entry> for Found {
    fn from(entry: Entry) -> Self {
        let Kind { action, operation, non_api_event } = entry.facts.kind;
        let verdict = Verdict::from(entry);
        Self {
            is_valid: verdict.is_valid(),
            service: verdict.service,
            operation: verdict.operation,
            operation_type: verdict.operation_type,
            mutates: verdict.mutates,
            access_level: verdict.access_level,
            capabilities: verdict.capabilities,
            risk_level: verdict.risk_level,
            dissent: verdict.dissent,
            is_iam_action: action,
            is_api_operation: operation,
            is_event: non_api_event,
        }
    }
}

/// What matches as written, or else with the operation in AWS's own spelling, without `-` and `_`; of several words,
/// what matches each.
fn search(catalog: &Catalog, pattern: &str) -> Vec<Entry> {
    let mut found = catalog.search(pattern);
    found.sort_unstable_by_key(|entry| entry.row);
    if !found.is_empty() {
        return found;
    }
    if let Some((service, name)) = pattern.split_once(':') {
        return catalog.search(&format!("{service}:{}", name.replace(['-', '_'], "")));
    }
    let mut words = pattern.split_whitespace().map(|word| catalog.search(word));
    let first = words.next().unwrap_or_default();
    words.fold(first, |mut kept, found| {
        kept.retain(|entry| found.binary_search_by_key(&entry.row, |other| other.row).is_ok());
        kept
    })
}

fn show(screen: Screen, found: &[Found]) -> Result<(), Failure> {
    let name = |one: &Found| format!("{}:{}", one.service, one.operation);
    let level = |one: &Found| one.access_level.map_or("-", AccessLevel::as_str);
    let capabilities = |one: &Found| match one.capabilities.is_empty() {
        true => "-".to_owned(),
        false => one.capabilities.words().collect::<Vec<_>>().join(","),
    };
    if screen.width.is_none() {
        return output::write(|out| {
            found.iter().try_for_each(|one| {
                let Found { operation_type, risk_level, mutates, .. } = one;
                let (name, level, capabilities) = (name(one), level(one), capabilities(one));
                let dissent = if one.dissent { "dissent" } else { "-" };
                writeln!(
                    out,
                    "{name}\t{operation_type}\t{level}\t{risk_level}\t{capabilities}\t{mutates}\t{dissent}"
                )
            })
        });
    }
    if found.is_empty() {
        return Ok(());
    }
    let titles = ["operation", "verdict", "level", "risk", "capabilities", ""];
    let heading = titles.map(|title| Cell::new(title, Tone::Faint)).to_vec();
    let row = |one: &Found| {
        let mark = match (one.is_event, one.dissent) {
            (true, _) => "event, not a call",
            (_, true) => "sources disagree",
            _ => "",
        };
        vec![
            Cell::plain(&name(one)),
            Cell::new(one.operation_type.as_str(), Tone::of_type(one.operation_type)),
            Cell::plain(level(one)),
            Cell::new(one.risk_level.as_str(), Tone::of_risk(one.risk_level)),
            Cell::plain(&capabilities(one)),
            Cell::new(mark, Tone::Faint),
        ]
    };
    let rows: Vec<_> = std::iter::once(heading).chain(found.iter().map(row)).collect();
    output::write(|out| table::print(out, screen, &rows))
}

fn nothing(catalog: &Catalog, pattern: &str, is_filtered: bool) -> String {
    let near = split_operation(pattern).map(|(service, name)| catalog.suggest(service, name));
    let near: Vec<String> = near.into_iter().flatten().map(|key| format!("`{key}`")).collect();
    let hint = match near.as_slice() {
        [] if is_filtered => "; try it without filters".to_owned(),
        [] => "; try a part of the name, or wildcards".to_owned(),
        near => format!("; did you mean {}?", near.join(", ")),
    };
    format!("nothing matches `{}`{hint}", plain(pattern))
}
