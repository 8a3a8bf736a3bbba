//! `onlooker permissions --list`: every granted action.
//!
//! Enters: the grants of principals, one after the other. Leaves: a table on a terminal, else lines separated by tabs,
//! JSON lines or CSV. Laws: every grant is one line; text from a policy cannot begin a new line or field; memory does
//! not depend on the number of principals.

use std::{
    io::{IsTerminal as _, Write},
    sync::Arc,
};

use onlooker_core::{
    config::{Config, Diagnostic},
    escape::escape_hidden,
    grants::{Certainty, Grants},
    operation::AccessLevel,
    permissions::{GrantedAction, granted_actions},
    render::permissions::{CSV, GRANTED_ACTIONS, granted_action_row, json_line},
    time::Time,
};

use super::{PermissionsArgs, formats::OutputFormat};
use crate::{
    args::GlobalArgs,
    exit::CommandError,
    output,
    text_table::{self, CellTone, ScreenSettings, TextCell},
};

/// How granted actions are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ListFormat {
    Table,
    Tabs,
    JsonLines,
    Csv,
}

/// Prints granted actions.
pub struct GrantList {
    screen: ScreenSettings,
    format: ListFormat,
    /// Whether a heading was printed.
    has_header: bool,
}

/// Rejects formats that a list does not have.
pub fn validate(args: &PermissionsArgs) -> Result<(), CommandError> {
    let is_list_format = |format: &OutputFormat| match format {
        OutputFormat::Terminal | OutputFormat::JsonLines => true,
        OutputFormat::Report(format) => **format == CSV,
    };
    let fault = |message: String, remedy: &str| {
        Err(CommandError::Usage(Diagnostic { message, remedy: remedy.to_owned() }))
    };
    match (&*args.format, args.json) {
        ([], _) => Ok(()),
        ([_], true) => {
            fault("`--json` and `--format` both print on standard output".to_owned(), "remove one of them")
        }
        ([one], false) if is_list_format(one) => Ok(()),
        ([one], false) => fault(
            format!("the format `{}` is not of a list", one.name()),
            "use `terminal`, `jsonl` or `csv` with `--list`",
        ),
        _ => fault("only one format can be printed on standard output".to_owned(), "name one format"),
    }
}

impl GrantList {
    /// A list without actions.
    pub fn new(global: &GlobalArgs, args: &PermissionsArgs) -> Self {
        let format = match (&*args.format, args.json) {
            (_, true) | ([OutputFormat::JsonLines], _) => ListFormat::JsonLines,
            ([OutputFormat::Report(_)], _) => ListFormat::Csv,
            _ if std::io::stdout().is_terminal() => ListFormat::Table,
            _ => ListFormat::Tabs,
        };
        Self { screen: ScreenSettings::of(global), format, has_header: false }
    }

    /// Prints the actions of one principal.
    pub fn print(
        &mut self,
        principal: &Arc<str>,
        grants: &Grants,
        config: &Config,
        now: Time,
    ) -> Result<(), CommandError> {
        let actions = granted_actions(principal, grants, config, now);
        let (screen, format) = (self.screen, self.format);
        let needs_header = !std::mem::replace(&mut self.has_header, true);
        output::write(|out| match format {
            ListFormat::Table => print_table(out, screen, principal, actions.collect()),
            ListFormat::Tabs => {
                actions.into_iter().try_for_each(|action| writeln!(out, "{}", fields(&action).join("\t")))
            }
            ListFormat::JsonLines => actions.into_iter().try_for_each(|action| {
                out.write_all(json_line(&action).map_err(std::io::Error::other)?.as_bytes())
            }),
            ListFormat::Csv => {
                if needs_header {
                    write!(out, "{}\r\n", GRANTED_ACTIONS.join(","))?;
                }
                actions.into_iter().try_for_each(|action| {
                    out.write_all(granted_action_row(&action).map_err(std::io::Error::other)?.as_bytes())
                })
            }
        })
    }

    /// Writes what a list without principals has.
    pub fn finish(self) -> Result<(), CommandError> {
        match (self.format, self.has_header) {
            (ListFormat::Csv, false) => output::write(|out| write!(out, "{}\r\n", GRANTED_ACTIONS.join(","))),
            (ListFormat::Table, false) => output::write(|out| writeln!(out, "no principal was evaluated")),
            _ => Ok(()),
        }
    }
}

const fn certainty(action: &GrantedAction) -> &'static str {
    match action.certainty {
        Certainty::Unconditional => "unconditional",
        Certainty::Conditional => "conditional",
    }
}

/// The fields of a line: no field is empty, and none has a tab or a line break.
fn fields(action: &GrantedAction) -> [String; 12] {
    let several = |values: Vec<String>| {
        let values: Vec<String> = values.iter().map(|value| value.replace('|', "\\u{7c}")).collect();
        values.join("|")
    };
    let texts =
        |values: &[Arc<str>]| several(values.iter().map(|value| escape_hidden(value).into_owned()).collect());
    let statements = action
        .statements
        .iter()
        .map(|id| format!("{} {}", escape_hidden(&id.policy), escape_hidden(&id.statement)));
    let all = [
        escape_hidden(&action.principal).into_owned(),
        escape_hidden(&action.action).into_owned(),
        action.operation_type.to_string(),
        action.access_level.map_or("", AccessLevel::as_str).to_owned(),
        action.risk_level.to_string(),
        action.capabilities.names().collect::<Vec<_>>().join(","),
        certainty(action).to_owned(),
        texts(&action.conditions),
        several(statements.collect()),
        texts(&action.resources),
        texts(&action.denied_resources),
        action.tolerated_by.as_deref().map(escape_hidden).unwrap_or_default().into_owned(),
    ];
    all.map(|field| if field.is_empty() { "-".to_owned() } else { field })
}

fn print_table(
    out: &mut dyn Write,
    screen: ScreenSettings,
    principal: &str,
    actions: Vec<GrantedAction>,
) -> std::io::Result<()> {
    writeln!(out, "{}", CellTone::Strong.paint(screen.colored, &escape_hidden(principal)))?;
    if actions.is_empty() {
        return writeln!(out, "  nothing is granted\n");
    }
    let titles = ["  action", "classification", "level", "risk", "capabilities", "grant"];
    let mut rows = vec![titles.map(|title| TextCell::new(title, CellTone::Faint)).to_vec()];
    rows.extend(actions.iter().map(|action| {
        let capabilities = action.capabilities.names().collect::<Vec<_>>().join(",");
        let kind = action.operation_type;
        vec![
            TextCell::plain(&format!("  {}", action.action)),
            TextCell::new(kind.as_str(), CellTone::for_operation_type(kind)),
            TextCell::plain(action.access_level.map_or("-", AccessLevel::as_str)),
            TextCell::new(action.risk_level.as_str(), CellTone::for_risk(action.risk_level)),
            TextCell::plain(if capabilities.is_empty() { "-" } else { &capabilities }),
            TextCell::plain(&grant_text(action)),
        ]
    }));
    text_table::print(out, screen, &rows)?;
    writeln!(out)
}

/// `conditional: A; unless B; on C; by P S`.
fn grant_text(action: &GrantedAction) -> String {
    let joined = |values: &[Arc<str>], separator: &str| {
        values.iter().map(|value| &**value).collect::<Vec<_>>().join(separator)
    };
    let mut parts = vec![certainty(action).to_owned()];
    if !action.conditions.is_empty() {
        parts.push(joined(&action.conditions, "; "));
    }
    parts.push(format!("on {}", joined(&action.resources, ", ")));
    if !action.denied_resources.is_empty() {
        parts.push(format!("except {}", joined(&action.denied_resources, ", ")));
    }
    let statements = action.statements.iter().map(|id| format!("{} {}", id.policy, id.statement));
    parts.push(format!("by {}", statements.collect::<Vec<_>>().join(", ")));
    parts.extend(action.tolerated_by.iter().map(|id| format!("tolerated by the override {id}")));
    parts.join("; ")
}
