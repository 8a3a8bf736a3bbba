//! Files compared and hashed while they are copied.
//!
//! Enters: bytes as they come from a backup, and the file that is there. Leaves: whether they are equal, and a hash. Law: no file
//! is in memory as a whole.

use std::{
    fs::File,
    io::{self, Read, Write},
};

use onlooker_core::hex::hex;
use sha2::{Digest, Sha256};

/// Passes bytes on and hashes them.
pub(super) struct HashedCopy<W> {
    /// Where the bytes go.
    pub to: W,
    sha256: Sha256,
}

impl<W: Write> HashedCopy<W> {
    /// A copy without bytes.
    pub fn new(to: W) -> Self {
        Self { to, sha256: Sha256::new() }
    }

    /// SHA-256 of the bytes so far, in hex.
    pub fn sha256(&self) -> String {
        hex(&self.sha256.clone().finalize())
    }
}

impl<W: Write> Write for HashedCopy<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.sha256.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Compares what is written to it with a file.
pub(super) struct FileComparison {
    /// The file, if there is one.
    pub here: Option<File>,
    is_equal: bool,
}

impl FileComparison {
    /// A comparison with this file.
    pub const fn with(here: Option<File>) -> Self {
        Self { here, is_equal: true }
    }

    /// Whether the file ends here and everything was equal.
    pub fn ends(&mut self) -> io::Result<bool> {
        match &mut self.here {
            Some(file) => Ok(self.is_equal && file.read(&mut [0])? == 0),
            None => Ok(false),
        }
    }
}

impl Write for FileComparison {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let (Some(file), true) = (&mut self.here, self.is_equal) {
            let mut here = Vec::with_capacity(bytes.len());
            file.take(bytes.len() as u64).read_to_end(&mut here)?;
            self.is_equal = here == bytes;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether two files have the same content.
pub(super) fn same_content(here: File, mut other: File) -> io::Result<bool> {
    let mut comparison = FileComparison::with(Some(here));
    io::copy(&mut other, &mut comparison)?;
    comparison.ends()
}
