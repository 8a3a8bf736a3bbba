//! `onlooker ops`: search the operations of AWS.
//!
//! Enters: a pattern and filters. Leaves: the matching operations with their classifications. Laws: operations are
//! sorted by name; `onlooker check` accepts the printed names.

use std::io::{self, Write as _};

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser as _},
};
use onlooker_core::{
    catalog::{Catalog, spelling::split_operation},
    escape::escape_hidden,
    jobs::ops::{OperationMatch, search},
    operation::{AccessLevel, Capabilities, OperationType},
};

use crate::{
    args::GlobalArgs,
    environment,
    exit::{CommandError, CommandOutcome},
    inputs, output,
    text_table::{self, CellTone, ScreenSettings, TextCell},
};

/// Options of `ops`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
A plain word is searched in names and services; several words in quotes must all
match. With `*` or `?`, or with a service before `:`, the whole name must match.
Filters restrict the result. Without a pattern they apply to all operations.

Examples:
  onlooker ops 's3:Get*'
  onlooker ops '*:*Password*' --type read_only
  onlooker ops 'bucket policy'
  onlooker ops kms --level write --json
  onlooker ops --capability issue_credentials      issues credentials
  onlooker ops --conflicting --count               sources disagree

On a terminal the output is a table with a heading. Otherwise each line has
these fields, separated by tabs: operation, classification, level, risk,
capabilities (separated by commas), whether it mutates, and `conflict` or `-`.
An empty field is `-`.

The exit code is 0 even if nothing matches.")]
pub struct OpsArgs {
    /// `service:Operation` with `*` and `?` as wildcards, or a service, or a part of a name
    #[arg(
        value_name = "PATTERN",
        required_unless_present_any = ["types", "level", "capability", "conflicting"]
    )]
    pub pattern: Option<String>,
    /// Only operations with this classification; repeatable, or separated by commas
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', help_heading = "Filters",
          value_parser = PossibleValuesParser::new(TYPES.map(OperationType::as_str)).map(|word| from_word(TYPES, OperationType::as_str, &word)))]
    pub types: Vec<Option<OperationType>>,
    /// Only operations with this access level; repeatable, or separated by commas
    #[arg(long, value_name = "LEVEL", value_delimiter = ',', ignore_case = true, help_heading = "Filters",
          value_parser = PossibleValuesParser::new(LEVELS.map(AccessLevel::as_str)).map(|word| from_word(LEVELS, AccessLevel::as_str, &word)))]
    pub level: Vec<Option<AccessLevel>>,
    /// Only operations with this capability; with several, only operations with all of them
    #[arg(long, value_name = "CAPABILITY", value_delimiter = ',', help_heading = "Filters",
          value_parser = PossibleValuesParser::new(Capabilities::all().names()).map(|word| Capabilities::parse(&word)))]
    pub capability: Vec<Option<Capabilities>>,
    /// Only operations with conflicting sources
    #[arg(long, help_heading = "Filters")]
    pub conflicting: bool,
    /// Print only the number of operations
    #[arg(long, conflicts_with = "json")]
    pub count: bool,
    /// Print a JSON array; its schema is published
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

fn from_word<T: Copy, const N: usize>(all: [T; N], word_of: fn(T) -> &'static str, word: &str) -> Option<T> {
    all.into_iter().find(|one| word_of(*one).eq_ignore_ascii_case(word))
}

/// Runs `ops`.
pub fn run(global: &GlobalArgs, args: OpsArgs) -> Result<CommandOutcome, CommandError> {
    let catalog = inputs::catalog(&environment::configuration(global)?)?;
    let pattern = args.pattern.as_deref().unwrap_or("*");
    let found: Vec<OperationMatch> =
        search(catalog, pattern).into_iter().filter(|one| args.matches(one)).collect();
    if args.count {
        output::write(|out| writeln!(out, "{}", found.len()))?;
    } else if args.json {
        output::json(&found)?;
    } else {
        show(ScreenSettings::of(global), &found)?;
    }
    if found.is_empty() && !args.count && !global.quiet {
        // A write error on standard error is ignored.
        let _ = writeln!(io::stderr(), "{}", no_match_message(catalog, pattern, args.is_filtered()));
    }
    Ok(CommandOutcome::Proven)
}

impl OpsArgs {
    fn is_filtered(&self) -> bool {
        self.conflicting || !(self.types.is_empty() && self.level.is_empty() && self.capability.is_empty())
    }

    fn matches(&self, found: &OperationMatch) -> bool {
        (self.types.is_empty() || self.types.contains(&Some(found.operation_type)))
            && (self.level.is_empty() || self.level.contains(&found.access_level))
            && self.capability.iter().flatten().all(|one| found.capabilities.contains(*one))
            && (!self.conflicting || found.source_conflict)
    }
}

fn show(screen: ScreenSettings, found: &[OperationMatch]) -> Result<(), CommandError> {
    let name = |one: &OperationMatch| format!("{}:{}", one.service, one.operation);
    let level = |one: &OperationMatch| one.access_level.map_or("-", AccessLevel::as_str);
    let capabilities = |one: &OperationMatch| match one.capabilities.is_empty() {
        true => "-".to_owned(),
        false => one.capabilities.names().collect::<Vec<_>>().join(","),
    };
    if screen.width.is_none() {
        return output::write(|out| {
            found.iter().try_for_each(|one| {
                let OperationMatch { operation_type, risk_level, mutates, .. } = one;
                let (name, level, capabilities) = (name(one), level(one), capabilities(one));
                let conflict = if one.source_conflict { "conflict" } else { "-" };
                writeln!(
                    out,
                    "{name}\t{operation_type}\t{level}\t{risk_level}\t{capabilities}\t{mutates}\t{conflict}"
                )
            })
        });
    }
    if found.is_empty() {
        return Ok(());
    }
    let titles = ["operation", "classification", "level", "risk", "capabilities", ""];
    let heading = titles.map(|title| TextCell::new(title, CellTone::Faint)).to_vec();
    let row = |one: &OperationMatch| {
        let mark = match (one.is_event, one.source_conflict) {
            (true, _) => "event, not an API call",
            (_, true) => "sources disagree",
            _ => "",
        };
        vec![
            TextCell::plain(&name(one)),
            TextCell::new(one.operation_type.as_str(), CellTone::for_operation_type(one.operation_type)),
            TextCell::plain(level(one)),
            TextCell::new(one.risk_level.as_str(), CellTone::for_risk(one.risk_level)),
            TextCell::plain(&capabilities(one)),
            TextCell::new(mark, CellTone::Faint),
        ]
    };
    let rows: Vec<_> = std::iter::once(heading).chain(found.iter().map(row)).collect();
    output::write(|out| text_table::print(out, screen, &rows))
}

fn no_match_message(catalog: &Catalog, pattern: &str, is_filtered: bool) -> String {
    let near = split_operation(pattern).map(|(service, name)| catalog.suggest(service, name));
    let near: Vec<String> = near.into_iter().flatten().map(|key| format!("`{key}`")).collect();
    let hint = match near.as_slice() {
        [] if is_filtered => "; try the pattern without filters".to_owned(),
        [] => "; try a part of the name, or wildcards".to_owned(),
        near => format!("; did you mean {}?", near.join(", ")),
    };
    format!("nothing matches `{}`{hint}", escape_hidden(pattern))
}
