//! Labeled operations, policies and records: those in the repository, and those outside it.
//!
//! Enters: `tests/data`, and the folder named by `ONLOOKER_TEST_DATA`, if it is set. Leaves: [`TestData`]. Laws: a test
//! always runs on the data of the repository; what it does not run on, it says on standard error, also when it passes.
//!
//! Both folders have the files of `tests/data/README.md`.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use serde_json::Value;

const VARIABLE: &str = "ONLOOKER_TEST_DATA";

/// A folder of test data.
#[derive(Clone, Debug)]
pub struct TestData {
    folder: PathBuf,
    /// Whether it is the one in the repository, which is small and in which every label is checked.
    pub in_repository: bool,
}

impl TestData {
    /// The folder in the repository.
    pub fn of_repository() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data");
        Self { folder: folder.canonicalize().expect("tests/data"), in_repository: true }
    }

    /// The folder named by the variable. Without it, prints that `what` is skipped.
    pub fn external(what: &str) -> Option<Self> {
        if let Some(folder) = std::env::var_os(VARIABLE).filter(|folder| !folder.is_empty()) {
            return Some(Self { folder: folder.into(), in_repository: false });
        }
        // The macros for printing would hide this line in a test that passes.
        let _unwritable =
            writeln!(std::io::stderr(), "SKIPPED: {VARIABLE} is not set, so {what} is not tested");
        None
    }

    /// Both folders. Without the variable, the one in the repository, and a line that says so.
    pub fn all(what: &str) -> Vec<Self> {
        let external = Self::external(&format!("{what} outside the repository"));
        [Self::of_repository()].into_iter().chain(external).collect()
    }

    /// A file or folder below this one.
    pub fn join(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    /// The text of a file.
    #[track_caller]
    pub fn read(&self, file: &str) -> String {
        let path = self.join(file);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// All policies, by name.
    #[track_caller]
    pub fn policies(&self) -> Vec<Value> {
        let entries = fs::read_dir(self.join("policies")).expect("policies");
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        let read =
            |path: &PathBuf| serde_json::from_slice(&fs::read(path).expect("a readable file")).expect("JSON");
        paths.iter().map(read).collect()
    }

    /// The document of one policy.
    #[track_caller]
    pub fn policy_document(&self, name: &str) -> Value {
        let mut policy: Value =
            serde_json::from_str(&self.read(&format!("policies/{name}.json"))).expect("JSON");
        policy["document"].take()
    }
}
