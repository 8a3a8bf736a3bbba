//! The temporary file for events that do not fit in memory.
//!
//! Enters: bytes. Leaves: the same bytes. Laws: the file has no name, so nothing else reads it and nothing is left of it when the
//! process ends; an error names the folder and what to do.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
};

use onlooker_core::ports::{PortError, PortErrorKind, SpillFile};

/// A file in the folder for temporary files (`TMPDIR`).
#[derive(Debug)]
pub struct TemporaryFile(File);

impl TemporaryFile {
    /// Makes the file.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn open() -> Result<Box<dyn SpillFile>, PortError> {
        let file = tempfile::tempfile().map_err(failed("make a temporary file in"))?;
        Ok(Box::new(Self(file)))
    }
}

impl SpillFile for TemporaryFile {
    fn append(&mut self, bytes: &[u8]) -> Result<(), PortError> {
        let mut write = || self.0.seek(SeekFrom::End(0)).and_then(|_| self.0.write_all(bytes));
        write().map_err(failed("write a temporary file in"))
    }

    fn read(&mut self, offset: u64, bytes: &mut [u8]) -> Result<(), PortError> {
        let mut read = || self.0.seek(SeekFrom::Start(offset)).and_then(|_| self.0.read_exact(bytes));
        read().map_err(failed("read a temporary file in"))
    }
}

fn failed(operation: &'static str) -> impl Fn(io::Error) -> PortError {
    move |cause| PortError {
        operation,
        name: std::env::temp_dir().display().to_string(),
        kind: PortErrorKind::Other,
        cause: format!(
            "{cause}; free some space there, name another folder with TMPDIR, or raise `limits.memory_events`"
        )
        .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_from_any_offset() {
        let mut file = TemporaryFile::open().unwrap();
        file.append(b"one ").unwrap();
        file.append(b"two three").unwrap();
        let mut bytes = [0; 3];
        file.read(4, &mut bytes).unwrap();
        assert_eq!(&bytes, b"two");
        file.append(b"!").unwrap();
        file.read(11, &mut bytes).unwrap();
        assert_eq!(&bytes, b"ee!");
        let error = file.read(12, &mut bytes).unwrap_err().to_string();
        assert!(error.contains("read a temporary file in") && error.contains("TMPDIR"), "{error}");
    }
}
