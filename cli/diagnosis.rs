//! What was checked, and what to do about it.
//!
//! Enters: checks. Leaves: one line for each, or JSON, and an exit code: 0 without a warning, 1 with one, 2 with a problem. Law: what
//! cannot be checked here is said, and neither counts as in order nor as a problem.

use onlooker_core::{escape::escape_hidden, health::HealthStatus};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    exit::{CommandError, CommandOutcome},
    output,
};

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// What was looked for is in order.
    Ok,
    /// It cannot be checked here.
    NotChecked,
    /// It works, and should be changed.
    Warning,
    /// It does not work.
    Problem,
}

impl CheckState {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotChecked => "not checked",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Check {
    /// What kind of thing it is, such as `permissions`.
    pub group: &'static str,
    /// What was checked, in kebab-case.
    pub name: String,
    /// The result.
    pub state: CheckState,
    /// What was found.
    pub found: String,
    /// What to do; absent if there is nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Check {
    /// In order.
    pub fn ok(group: &'static str, name: &str, found: impl Into<String>) -> Self {
        Self { group, name: name.to_owned(), state: CheckState::Ok, found: found.into(), fix: None }
    }

    /// Cannot be checked here, and what it takes.
    pub fn not_checked(group: &'static str, name: &str, why: impl Into<String>) -> Self {
        Self { state: CheckState::NotChecked, ..Self::ok(group, name, why) }
    }

    /// Should be changed.
    pub fn warning(
        group: &'static str,
        name: &str,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { state: CheckState::Warning, fix: Some(fix.into()), ..Self::ok(group, name, found) }
    }

    /// Does not work.
    pub fn problem(
        group: &'static str,
        name: &str,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { state: CheckState::Problem, fix: Some(fix.into()), ..Self::ok(group, name, found) }
    }

    /// A problem that an error describes.
    pub fn failed(group: &'static str, name: &str, error: &CommandError, fix: impl Into<String>) -> Self {
        let message = error.message(false);
        let mut lines = message.lines().map(str::trim);
        let found = lines.next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let own_fix = lines.find_map(|line| line.strip_prefix("help: ")).map(str::to_owned);
        Self::problem(group, name, found, own_fix.unwrap_or_else(|| fix.into()))
    }
}

/// All checks of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Diagnosis {
    /// The checks, in the order in which they were made.
    pub checks: Vec<Check>,
}

impl Diagnosis {
    /// The worst result; `Ok` if nothing was checked.
    pub fn worst(&self) -> CheckState {
        self.checks.iter().map(|check| check.state).max().unwrap_or(CheckState::Ok)
    }

    /// How the command ends.
    pub fn outcome(&self) -> CommandOutcome {
        match self.worst() {
            CheckState::Ok | CheckState::NotChecked => CommandOutcome::Proven,
            CheckState::Warning => CommandOutcome::Health(HealthStatus::Warning),
            CheckState::Problem => CommandOutcome::Health(HealthStatus::Critical),
        }
    }

    fn count(&self, state: CheckState) -> usize {
        self.checks.iter().filter(|check| check.state == state).count()
    }

    /// `12 ok, 1 warning, 0 problems, 2 not checked`
    pub fn summary(&self) -> String {
        let noun = |count: usize, noun: &str| match count {
            1 => format!("1 {noun}"),
            _ => format!("{count} {noun}s"),
        };
        format!(
            "{} ok, {}, {}, {} not checked",
            self.count(CheckState::Ok),
            noun(self.count(CheckState::Warning), "warning"),
            noun(self.count(CheckState::Problem), "problem"),
            self.count(CheckState::NotChecked)
        )
    }

    /// Prints the checks in their groups, and the summary. With `quiet` only what has to be changed.
    pub fn print(&self, quiet: bool) -> Result<(), CommandError> {
        output::write(|out| {
            let mut group = "";
            for check in &self.checks {
                if quiet && check.fix.is_none() {
                    continue;
                }
                if check.group != group {
                    group = check.group;
                    writeln!(out, "{group}")?;
                }
                let (state, found) = (check.state.word(), escape_hidden(&check.found));
                writeln!(out, "  {state:11}  {:26}  {found}", check.name)?;
                if let Some(fix) = &check.fix {
                    writeln!(out, "  {:11}  {:26}  fix: {}", "", "", escape_hidden(fix))?;
                }
            }
            if quiet { Ok(()) } else { writeln!(out, "{}", self.summary()) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_check_decides_and_what_was_not_checked_does_not() {
        let ok = Check::ok("g", "a", "fine");
        let unknown = Check::not_checked("g", "b", "no network");
        let warning = Check::warning("g", "c", "slow", "wait");
        let problem = Check::problem("g", "d", "broken", "repair it");
        let outcome = |checks: &[&Check]| {
            Diagnosis { checks: checks.iter().map(|check| (*check).clone()).collect() }.outcome()
        };
        assert_eq!(outcome(&[]), CommandOutcome::Proven);
        assert_eq!(outcome(&[&ok, &unknown]), CommandOutcome::Proven);
        assert_eq!(outcome(&[&warning, &ok]), CommandOutcome::Health(HealthStatus::Warning));
        assert_eq!(outcome(&[&problem, &warning, &unknown]), CommandOutcome::Health(HealthStatus::Critical));
        let all = Diagnosis { checks: vec![ok, unknown, warning, problem] };
        assert_eq!(all.summary(), "1 ok, 1 warning, 1 problem, 1 not checked");
    }
}
