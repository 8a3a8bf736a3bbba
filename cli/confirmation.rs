//! Questions on a terminal.
//!
//! Enters: a question. Leaves: whether the user said yes. Law: without a terminal nothing is confirmed.

use std::io::{self, IsTerminal as _, Write as _};

use crate::exit::CommandError;

/// Asks on standard error and reads the answer from standard input, if that is a terminal.
pub fn confirms(question: &str) -> Result<bool, CommandError> {
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    let mut answer = String::new();
    let asked = write!(io::stderr(), "{question} [y/N] ").and_then(|()| io::stdin().read_line(&mut answer));
    asked.map_err(CommandError::Output)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
