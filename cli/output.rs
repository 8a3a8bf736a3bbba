//! Standard output: the results of a command.
//!
//! Enters: what a command prints. Leaves: bytes on standard output. Laws: a reader that closes the pipe (`| head`) is
//! not an error; every other failed write is; JSON holds no character that controls a terminal.

use std::io::{self, BufWriter, IsTerminal as _, Write};

use onlooker_core::render::{json::escape_json, versioned::VersionedValue};

use crate::exit::CommandError;

/// Writes to standard output through a buffer, and flushes it.
pub fn write(print: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), CommandError> {
    let mut out = BufWriter::new(io::stdout().lock());
    let written = print(&mut out).and_then(|()| out.flush());
    // Bytes that could not be written are dropped and not written again.
    drop(out.into_parts());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(CommandError::Output),
    }
}

/// Writes a value as JSON: indented on a terminal, otherwise in one line.
pub fn json(value: &impl serde::Serialize) -> Result<(), CommandError> {
    let pretty = io::stdout().is_terminal();
    write(|out| {
        let text = if pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
        write!(out, "{}", escape_json(text.map_err(io::Error::other)?))
    })
}

/// Writes an object as JSON, as [`json`] does, with the version of its shape as its first field.
pub fn versioned_json(version: &'static str, value: &impl serde::Serialize) -> Result<(), CommandError> {
    json(&VersionedValue { schema_version: version, value })
}

/// Writes a list of objects as JSON, as [`json`] does, each with the version of its shape as its first field.
pub fn versioned_list(version: &'static str, values: &[impl serde::Serialize]) -> Result<(), CommandError> {
    let versioned = |value| VersionedValue { schema_version: version, value };
    json(&values.iter().map(versioned).collect::<Vec<_>>())
}

/// A JSON array on standard output, written item by item: indented on a terminal, otherwise one item in each line.
pub struct JsonArrayWriter {
    pretty: bool,
    items: u64,
}

impl JsonArrayWriter {
    /// Creates a writer of an array without items.
    pub fn new() -> Self {
        Self { pretty: io::stdout().is_terminal(), items: 0 }
    }

    /// Writes the opening bracket.
    pub fn begin(&self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "[")
    }

    /// Writes an item of the array.
    pub fn item(&mut self, out: &mut dyn Write, value: &impl serde::Serialize) -> io::Result<()> {
        let text =
            if self.pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
        let comma = if self.items == 0 { "" } else { "," };
        self.items += 1;
        write!(out, "{comma}\n{}", escape_json(text.map_err(io::Error::other)?).trim_end())
    }

    /// Writes the closing bracket.
    pub fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let line = if self.items == 0 { "" } else { "\n" };
        writeln!(out, "{line}]")
    }
}
