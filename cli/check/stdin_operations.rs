//! Reads operations from standard input.
//!
//! Enters: lines of any bytes and any length. Leaves: the operations and the numbers of their lines. Laws: every line
//! that is neither blank nor a comment is an operation; only the first [`MAX_LINE_BYTES`] of a line are kept.

use std::io::{self, BufRead, BufReader, IsTerminal as _, Read as _, Stdin};

use crate::{args::GlobalArgs, report_output::note};

/// Longest line. Operations are much shorter, and a longer line is classified as unknown.
const MAX_LINE_BYTES: u64 = 4096;

/// Standard input, line by line.
pub struct OperationLines {
    input: BufReader<Stdin>,
    number: u64,
}

impl OperationLines {
    /// Standard input. On a terminal, a note explains the expected input.
    pub fn from_stdin(global: &GlobalArgs) -> Self {
        let stdin = io::stdin();
        if stdin.is_terminal() && !global.quiet {
            note("reading operations from the terminal, one per line; end with Ctrl-D");
        }
        Self { input: BufReader::with_capacity(1 << 16, stdin), number: 0 }
    }

    /// The next operation and its line; none at the end.
    pub fn next(&mut self) -> io::Result<Option<(String, u64)>> {
        let mut line = Vec::new();
        loop {
            line.clear();
            if (&mut self.input).take(MAX_LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            if line.last() != Some(&b'\n') {
                self.skip_line()?;
            }
            let text = String::from_utf8_lossy(&line);
            let text = if self.number == 1 { text.trim_start_matches('\u{feff}') } else { &text };
            let text = text.trim();
            if !text.is_empty() && !text.starts_with('#') {
                return Ok(Some((text.to_owned(), self.number)));
            }
        }
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(());
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(buffer.len(), |at| at + 1);
            self.input.consume(used);
            if end.is_some() {
                return Ok(());
            }
        }
    }

    /// Whether reading the next line may block, because no complete line is buffered.
    pub fn would_block(&self) -> bool {
        !self.input.buffer().contains(&b'\n')
    }
}
