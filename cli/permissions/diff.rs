//! `onlooker permissions diff`: what does a change of policies grant?
//!
//! Enters: policies before and after a change, in any file that `permissions` reads. Leaves: for each principal the
//! actions that are granted, revoked and changed. Laws: AWS is not called; overrides of the configuration apply; the
//! exit code is 1 if the change grants more that is not read-only, and 3 if that cannot be decided.

use std::{
    io::{self, Write},
    path::PathBuf,
    slice,
    sync::Arc,
};

use clap::{Args, ValueEnum};
use onlooker_core::{
    config::Watch,
    escape::escape_hidden,
    grants::{Evaluator, PolicySnapshot},
    pattern::matches,
    permissions::diff::{
        AccessChange, ActionChange, DiffSide, PermissionsDiff, PrincipalDiff, PrincipalPair, compare, pair,
    },
    render::{
        format::{count_noun, thousands},
        permissions_diff::{self, by_severity, grant_text},
    },
};

use super::{
    ContextArgs, PolicyReader,
    given::{GivenPolicies, PolicySources},
};
use crate::{
    args::{self, GlobalArgs},
    environment,
    exit::{CommandError, CommandOutcome},
    inputs, output,
    text_table::{self, CellTone, ScreenSettings, TextCell},
};

/// Largest number of actions of one kind that are shown as text.
const MAX_ROWS: usize = 30;

/// Options of `permissions diff`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Compares what two states of policies grant. OLD and NEW are any files that
`onlooker permissions` reads: account authorization details, policy documents,
plans and states of Terraform, templates of CloudFormation.

  granted   actions that only NEW grants
  revoked   actions that only OLD grants
  changed   actions that both grant, on other resources or conditions

  NO_NEW_ACCESS  NEW grants nothing more that is not read-only
  INDETERMINATE  that cannot be decided: a new grant is conditional, conditions
                 changed, a document or value is not known, a part of NEW is
                 not read
  NEW_ACCESS     NEW grants an action that is not read-only, or grants one on
                 more resources or without a condition that OLD has

Actions that an override in the configuration tolerates do not count. Principals
are compared by ARN; if one side does not say the account, by kind and name. A
policy without a principal is compared with the only principal of the other side.

Examples:
  terraform show -json > old.json
  terraform show -json plan > new.json
  onlooker permissions diff old.json new.json
  onlooker permissions diff main.yaml branch.yaml --format markdown > comment.md
                                           a comment for a pull request
  onlooker permissions diff old.json new.json --with details.json
                                           details.json has the documents of
                                           AWS managed policies
  onlooker permissions diff before.json after.json --json

Exit codes:
  0  NO_NEW_ACCESS
  1  NEW_ACCESS
  2  usage, or a file that cannot be read
  3  INDETERMINATE, or neither side has a principal")]
pub struct DiffArgs {
    /// Policies before the change; `-` for standard input
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// Policies after the change
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// File with documents of managed policies for both sides; its principals are not compared; repeatable
    #[arg(long = "with", value_name = "FILE")]
    pub also: Vec<PathBuf>,
    /// Compare only the principals that match this ARN pattern; repeatable
    #[arg(long, value_name = "PATTERN", value_parser = args::watch)]
    pub principal: Vec<Watch>,
    /// Name or ARN of the principal of single policies, for overrides
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Further policies of both sides, and the account.
    #[command(flatten)]
    pub context: ContextArgs,
    /// Format to print
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = DiffFormat::Terminal, help_heading = "Output")]
    pub format: DiffFormat,
    /// Print JSON; its schema is published
    #[arg(long, conflicts_with = "format", help_heading = "Output")]
    pub json: bool,
}

/// A format of the changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// For this screen
    Terminal,
    /// All changes, for programs; its schema is published
    Json,
    /// For a pull request
    Markdown,
}

/// Runs `permissions diff`.
pub fn run(global: &GlobalArgs, args: &DiffArgs) -> Result<CommandOutcome, CommandError> {
    let loaded = environment::configuration(global)?;
    let config = &loaded.config;
    let catalog = inputs::catalog(&loaded)?;
    let mut inputs = PolicyReader::default();
    let old = principals(global, args, &args.old, &mut inputs)?;
    let new = principals(global, args, &args.new, &mut inputs)?;
    let (old_unread, new_unread) = (old.unread, new.unread);
    let context = inputs.context_policies(&args.context)?;
    let now = environment::now();
    let evaluator = Evaluator::new(catalog).at(now);
    let is_requested = |pair: &PrincipalPair| {
        let principal = pair.principal();
        args.principal.is_empty() || args.principal.iter().any(|watch| matches(&watch.principal, &principal))
    };
    let pairs = pair(old.accounts, new.accounts).into_iter().filter(is_requested);
    let compared = pairs.map(|pair| {
        let principal = args.name.as_deref().filter(|_| !pair.principal().starts_with("arn:"));
        let principal: Arc<str> = principal.map_or_else(|| pair.principal(), Into::into);
        let (old, new) = (as_principal(pair.old, &principal), as_principal(pair.new, &principal));
        let evaluated =
            |side: Option<PolicySnapshot>| side.map(|one| DiffSide::of(&evaluator, context.apply_to(one)));
        compare(&principal, evaluated(old).as_ref(), evaluated(new).as_ref(), config, now)
    });
    let diff = PermissionsDiff::of(compared.collect(), catalog.version()).with_unread(
        &old_unread,
        &new_unread,
        new.report_notes,
    );
    match (args.json, args.format) {
        (true, _) | (_, DiffFormat::Json) => {
            let text = permissions_diff::json(&diff)?;
            output::write(|out| out.write_all(text.as_bytes()))?;
        }
        (_, DiffFormat::Markdown) => {
            let text = permissions_diff::markdown(&diff);
            output::write(|out| out.write_all(text.as_bytes()))?;
        }
        (_, DiffFormat::Terminal) => {
            let screen = ScreenSettings::of(global);
            output::write(|out| print(out, screen, &diff))?;
        }
    }
    Ok(match diff.access_change {
        Some(AccessChange::NoNewAccess) => CommandOutcome::Proven,
        Some(AccessChange::NewAccess) => CommandOutcome::Violation,
        Some(AccessChange::Indeterminate) | None => CommandOutcome::InsufficientEvidence,
    })
}

/// Both sides are evaluated as one principal, in the account that one of them may say.
fn as_principal(snapshot: Option<PolicySnapshot>, principal: &Arc<str>) -> Option<PolicySnapshot> {
    let account = principal.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(3));
    snapshot.map(|snapshot| PolicySnapshot {
        principal: Arc::clone(principal),
        account: account.filter(|account| *account != "*").map_or(snapshot.account, Into::into),
        ..snapshot
    })
}

/// The policies of one side, with all principals in `accounts`.
fn principals(
    global: &GlobalArgs,
    args: &DiffArgs,
    path: &PathBuf,
    inputs: &mut PolicyReader,
) -> Result<GivenPolicies, CommandError> {
    let sources =
        PolicySources { files: slice::from_ref(path), documents: &args.also, ..PolicySources::default() };
    let mut given = GivenPolicies::read(inputs, sources, &args.context)?;
    if !global.quiet {
        given.print_notes();
    }
    given.accounts.append(&mut given.declared);
    Ok(given)
}

fn tone(change: AccessChange) -> CellTone {
    match change {
        AccessChange::NoNewAccess => CellTone::Good,
        AccessChange::Indeterminate => CellTone::Warn,
        AccessChange::NewAccess => CellTone::Bad,
    }
}

const fn word(change: AccessChange) -> &'static str {
    match change {
        AccessChange::NoNewAccess => "NO_NEW_ACCESS",
        AccessChange::Indeterminate => "INDETERMINATE",
        AccessChange::NewAccess => "NEW_ACCESS",
    }
}

fn print(out: &mut dyn Write, screen: ScreenSettings, diff: &PermissionsDiff) -> io::Result<()> {
    let sentence = permissions_diff::sentence(diff.access_change);
    match diff.access_change {
        Some(change) => writeln!(out, "{}  {sentence}", tone(change).paint(screen.colored, word(change)))?,
        None => writeln!(out, "{sentence}")?,
    }
    let unread: Vec<Vec<TextCell>> = diff
        .unread
        .iter()
        .map(|part| {
            let place = format!("  ? {}: {}", part.file, part.name);
            vec![TextCell::new(&place, CellTone::Warn), TextCell::plain(&part.message)]
        })
        .collect();
    text_table::print(out, screen, &unread)?;
    diff.notes.iter().try_for_each(|text| writeln!(out, "note: {}", escape_hidden(text)))?;
    for one in &diff.principals {
        print_principal(out, screen, one)?;
    }
    if diff.unchanged > 0 {
        writeln!(out, "\n{} without a change", count_noun(diff.unchanged, "principal"))?;
    }
    Ok(())
}

fn print_principal(out: &mut dyn Write, screen: ScreenSettings, one: &PrincipalDiff) -> io::Result<()> {
    let status = tone(one.access_change).paint(screen.colored, word(one.access_change));
    let name = CellTone::Strong.paint(screen.colored, &escape_hidden(&one.principal));
    writeln!(out, "\n{status}  {name}\n  {}", permissions_diff::summary(one))?;
    let rows: Vec<Vec<TextCell>> = one
        .undecided
        .iter()
        .map(|problem| {
            let place = match &problem.statement {
                Some(statement) => format!("  ? {} {statement}", problem.policy),
                None => format!("  ? {}", problem.policy),
            };
            vec![TextCell::new(&place, CellTone::Warn), TextCell::plain(&problem.message)]
        })
        .collect();
    text_table::print(out, screen, &rows)?;
    for (sign, changes) in [("+", &one.granted), ("~", &one.changed), ("-", &one.revoked)] {
        print_actions(out, screen, sign, changes)?;
    }
    Ok(())
}

fn print_actions(
    out: &mut dyn Write,
    screen: ScreenSettings,
    sign: &str,
    changes: &[ActionChange],
) -> io::Result<()> {
    let row = |one: &ActionChange| {
        let how = match (sign, &one.tolerated_by) {
            ("+", None) => grant_text(one.new.as_ref()),
            ("-", _) => grant_text(one.old.as_ref()),
            ("+", Some(id)) => format!("{}, tolerated by the override {id}", grant_text(one.new.as_ref())),
            (_, id) => {
                let id =
                    id.as_ref().map_or_else(String::new, |id| format!(", tolerated by the override {id}"));
                let (old, new) = (grant_text(one.old.as_ref()), grant_text(one.new.as_ref()));
                match old == new {
                    true => format!(
                        "{new}{id}; what decides it changed: the trust policy, the tags or another statement"
                    ),
                    false => format!("{old} -> {new}{id}"),
                }
            }
        };
        let tone = match one.access_change {
            AccessChange::NoNewAccess => CellTone::Plain,
            other => tone(other),
        };
        vec![
            TextCell::new(&format!("  {sign} {}", one.action), tone),
            TextCell::new(one.operation_type.as_str(), CellTone::for_operation_type(one.operation_type)),
            TextCell::new(one.risk_level.as_str(), CellTone::for_risk(one.risk_level)),
            TextCell::plain(&how),
        ]
    };
    let rows: Vec<Vec<TextCell>> = by_severity(changes).into_iter().take(MAX_ROWS).map(row).collect();
    text_table::print(out, screen, &rows)?;
    match changes.len().saturating_sub(MAX_ROWS) {
        0 => Ok(()),
        more => writeln!(out, "  {sign} and {} more (--json lists all)", thousands(more as u64)),
    }
}
