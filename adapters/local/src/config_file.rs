//! `onlooker.toml` on disk.
//!
//! Enters: a path or a directory to search from, variables, edits. Leaves: a [`LoadedConfig`], or the file with an
//! override added or removed. Laws: an edit keeps every comment and every other line; a file is replaced completely
//! or not at all, and only with a valid configuration.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, Value};

use onlooker_core::config::{Config, ConfigError, Override};

/// Name of the configuration file.
pub const CONFIG_FILE_NAME: &str = "onlooker.toml";

/// A configuration and its source.
#[derive(Clone, Debug)]
pub struct LoadedConfig {
    /// The configuration in force, with the variables applied.
    pub config: Config,
    /// The file, if there is one.
    pub path: Option<PathBuf>,
}

/// Why a configuration file could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFileError {
    /// The file could not be read.
    #[error("cannot read the configuration `{}`\n  help: {}", path.display(), read_help(source))]
    Read {
        /// Path of the file that could not be read.
        path: PathBuf,
        /// Why the file could not be read.
        source: io::Error,
    },
    /// The file is not a valid configuration.
    #[error(transparent)]
    Invalid(#[from] ConfigError),
    /// There is no configuration file to change.
    #[error(
        "found no `{CONFIG_FILE_NAME}` here or in a directory above\n  help: create one with `onlooker config init`"
    )]
    NotFound,
    /// The file to create exists already.
    #[error("cannot create `{}`: the file exists\n  help: choose another name, or replace the file with `--force`", .0.display())]
    AlreadyExists(PathBuf),
    /// The overrides are not written as `[[override]]` entries.
    #[error("cannot change `override` in `{}`: it is written as one list\n  help: write each entry as a section `[[override]]`", .0.display())]
    InlineOverrides(PathBuf),
    /// An override with this id exists.
    #[error(
        "an override with the id `{0}` exists\n  help: choose another id, or remove the override with `onlooker override remove {0}`"
    )]
    DuplicateId(String),
    /// No override has this id.
    #[error("no override has the id `{id}`\n  help: {known}")]
    UnknownId {
        /// The requested id of an override.
        id: String,
        /// The existing ids, as text.
        known: String,
    },
    /// The file could not be written.
    #[error("cannot write the configuration `{}`", path.display())]
    Write {
        /// Path of the file that could not be written.
        path: PathBuf,
        /// Why the file could not be written.
        source: io::Error,
    },
}

fn read_help(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file; create one with `onlooker config init`".into(),
        io::ErrorKind::InvalidData => "the file is not UTF-8 text; save the file as UTF-8".into(),
        _ => "check that the path is a file and that you have permission to read the file".into(),
    }
}

/// The `onlooker.toml` in `directory` or the nearest directory above it.
pub fn discover(directory: &Path) -> Option<PathBuf> {
    directory.ancestors().map(|above| above.join(CONFIG_FILE_NAME)).find(|path| path.is_file())
}

/// Reads `path`, or the file that [`discover`] finds from `directory`, or the defaults. `vars` take precedence.
pub fn load(
    path: Option<&Path>,
    directory: &Path,
    vars: impl IntoIterator<Item = (String, String)>,
) -> Result<LoadedConfig, ConfigFileError> {
    let path = path.map(Path::to_path_buf).or_else(|| discover(directory));
    let text = path.as_deref().map(read).transpose()?;
    let name = path.as_deref().map(|path| display_path(path, directory));
    let file = name.as_deref().zip(text.as_deref());
    Ok(LoadedConfig { config: Config::read(file, vars)?, path })
}

impl LoadedConfig {
    /// Resolves a path in the configuration relative to its file, or to the working directory if there is no file.
    pub fn resolve(&self, path: &str) -> PathBuf {
        self.path
            .as_deref()
            .and_then(Path::parent)
            .map_or_else(|| PathBuf::from(path), |base| base.join(path))
    }
}

/// Writes a new file with `text`, which must be a valid configuration. `force` replaces an existing file.
pub fn create(path: &Path, text: &str, force: bool) -> Result<(), ConfigFileError> {
    Config::from_toml(text, &path.to_string_lossy())?;
    if !force && path.symlink_metadata().is_ok() {
        return Err(ConfigFileError::AlreadyExists(path.to_path_buf()));
    }
    replace(path, text, force)
}

/// Appends an override to the file.
pub fn add_override(path: &Path, entry: &Override) -> Result<(), ConfigFileError> {
    edit(path, |document| {
        let list = document.entry("override").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
        // An empty list counts as absent.
        if list.as_array().is_some_and(toml_edit::Array::is_empty) {
            *list = Item::ArrayOfTables(ArrayOfTables::new());
        }
        let list = list
            .as_array_of_tables_mut()
            .ok_or_else(|| ConfigFileError::InlineOverrides(path.to_path_buf()))?;
        if ids(list).any(|id| id == entry.id) {
            return Err(ConfigFileError::DuplicateId(entry.id.clone()));
        }
        list.push(table(entry));
        Ok(())
    })
}

/// Removes the override with this id from the file.
pub fn remove_override(path: &Path, id: &str) -> Result<(), ConfigFileError> {
    edit(path, |document| {
        let known: Vec<String> = match document.get("override") {
            None => Vec::new(),
            Some(Item::ArrayOfTables(list)) => ids(list).map(str::to_owned).collect(),
            Some(list) if list.as_array().is_some_and(toml_edit::Array::is_empty) => Vec::new(),
            Some(_) => return Err(ConfigFileError::InlineOverrides(path.to_path_buf())),
        };
        let Some(at) = known.iter().position(|known| known == id) else {
            let known = match onlooker_core::suggest::suggest(id, known.iter().map(String::as_str)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if known.is_empty() => "there are no overrides".into(),
                None => format!(
                    "the existing ids are {}",
                    known.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")
                ),
            };
            return Err(ConfigFileError::UnknownId { id: id.to_owned(), known });
        };
        if let Some(list) = document.get_mut("override").and_then(Item::as_array_of_tables_mut) {
            list.remove(at);
        }
        Ok(())
    })
}

fn ids(list: &ArrayOfTables) -> impl Iterator<Item = &str> {
    list.iter().map(|entry| entry.get("id").and_then(Item::as_str).unwrap_or_default())
}

fn table(entry: &Override) -> Table {
    let mut table = Table::new();
    let mut set = |key: &str, text: &str| {
        table.insert(key, Item::Value(Value::from(text)));
    };
    set("id", &entry.id);
    set("principal", &entry.principal);
    set("operation", &entry.operation);
    if let Some(resource) = &entry.resource {
        set("resource", resource);
    }
    set("owner", &entry.owner);
    set("reason", &entry.reason);
    if let Some(from) = entry.from {
        set("from", &from.to_string());
    }
    set("expires", &entry.expires.to_string());
    table.decor_mut().set_prefix("\n");
    table
}

fn edit(
    path: &Path,
    change: impl FnOnce(&mut DocumentMut) -> Result<(), ConfigFileError>,
) -> Result<(), ConfigFileError> {
    let name = path.to_string_lossy();
    let before = read(path)?;
    // This checks all rules of a configuration, so every problem is reported with its location.
    Config::from_toml(&before, &name)?;
    let write = |error: toml_edit::TomlError| ConfigFileError::Write {
        path: path.to_path_buf(),
        source: io::Error::new(io::ErrorKind::InvalidData, error),
    };
    let mut document: DocumentMut = before.parse().map_err(write)?;
    change(&mut document)?;
    let after = document.to_string();
    Config::from_toml(&after, &name)?;
    replace(path, &after, true)
}

fn read(path: &Path) -> Result<String, ConfigFileError> {
    fs::read_to_string(path).map_err(|source| ConfigFileError::Read { path: path.to_path_buf(), source })
}

/// The path for messages: relative if the file is in the working directory.
fn display_path(path: &Path, directory: &Path) -> String {
    path.strip_prefix(directory).unwrap_or(path).display().to_string()
}

/// Writes a temporary file in the same directory, then renames it over the file. A symbolic link is kept.
fn replace(path: &Path, text: &str, over: bool) -> Result<(), ConfigFileError> {
    let target = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let directory = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let write = || -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".onlooker.").tempfile_in(directory)?;
        file.write_all(text.as_bytes())?;
        match fs::metadata(&target) {
            Ok(before) => file.as_file().set_permissions(before.permissions())?,
            Err(_) => make_readable(file.as_file())?,
        }
        file.as_file().sync_all()?;
        if over {
            file.persist(&target)?
        } else {
            file.persist_noclobber(&target)?
        };
        Ok(())
    };
    write().map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => ConfigFileError::AlreadyExists(path.to_path_buf()),
        _ => ConfigFileError::Write { path: path.to_path_buf(), source },
    })
}

/// Gives a new configuration the usual permissions, which are wider than those of a temporary file.
#[cfg(unix)]
fn make_readable(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &fs::File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use onlooker_core::time::Time;

    const FILE: &str = "\
# ours
[[watch]]  # the auditors
principal = \"arn:aws:iam::*:role/Auditor\"

# why this one: see the review
[[override]]
id = \"first\"
principal = \"arn:aws:iam::*:role/Auditor\"
operation = \"ssm:StartSession\"   # read-only document
owner = \"me\"
reason = \"because\"
expires = 2027-01-31T00:00:00Z

[limits]
threads = 2 # keep the other cores free
";

    fn entry(id: &str) -> Override {
        Override {
            id: id.into(),
            principal: "arn:aws:iam::*:role/ci".into(),
            operation: "s3:PutObject".into(),
            resource: Some("arn:aws:s3:::artifacts/*".into()),
            owner: "build \"team\"".into(),
            reason: "uploads".into(),
            from: Time::parse("2027-01-30T00:00:00Z"),
            expires: Time::parse("2027-06-30T00:00:00Z").expect("a time"),
        }
    }

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join(CONFIG_FILE_NAME);
        fs::write(&path, text).expect("written");
        (directory, path)
    }

    #[test]
    fn adding_and_removing_an_override_leaves_the_file_as_it_was() {
        let (_directory, path) = file(FILE);
        add_override(&path, &entry("second")).expect("added");
        let text = fs::read_to_string(&path).expect("text");
        for line in FILE.lines() {
            assert!(text.lines().any(|other| other == line), "{line} is missing:\n{text}");
        }
        let config = Config::from_toml(&text, CONFIG_FILE_NAME).expect("valid");
        assert_eq!(config.overrides.get(1), Some(&entry("second")));
        remove_override(&path, "second").expect("removed");
        assert_eq!(fs::read_to_string(&path).expect("text"), FILE);
    }

    #[test]
    fn an_override_can_be_the_first() {
        for text in ["", "# nothing yet\n", "override = []\n", &onlooker_core::config::template()] {
            let (_directory, path) = file(text);
            add_override(&path, &entry("first")).expect("added");
            let loaded = load(Some(&path), Path::new("/"), []).expect("valid");
            assert_eq!(loaded.config.overrides, [entry("first")]);
        }
    }

    #[test]
    fn an_edit_that_would_break_the_file_leaves_it_alone() {
        let (directory, path) = file(FILE);
        let error = add_override(&path, &entry("first")).expect_err("taken");
        assert!(error.to_string().contains("an override with the id `first` exists"), "{error}");
        assert!(add_override(&path, &Override { owner: String::new(), ..entry("x") }).is_err());
        let error = remove_override(&path, "frist").expect_err("unknown");
        assert!(error.to_string().contains("did you mean `first`?"), "{error}");
        assert_eq!(fs::read_to_string(&path).expect("text"), FILE);
        assert_eq!(fs::read_dir(directory.path()).expect("listed").count(), 1, "a temporary file remains");
    }

    #[test]
    fn the_nearest_file_above_is_found() {
        let (directory, path) = file(FILE);
        let below = directory.path().join("a/b");
        fs::create_dir_all(&below).expect("made");
        assert_eq!(discover(&below), Some(path));
        let nearer = directory.path().join("a").join(CONFIG_FILE_NAME);
        fs::write(&nearer, "").expect("written");
        assert_eq!(discover(&below), Some(nearer));
        let loaded = load(None, &below, []).expect("valid");
        assert_eq!(loaded.resolve("packs/own.toml"), directory.path().join("a/packs/own.toml"));
    }

    #[test]
    fn a_new_file_replaces_another_only_with_force() {
        let (directory, path) = file(FILE);
        assert!(matches!(create(&path, "", false), Err(ConfigFileError::AlreadyExists(_))));
        assert_eq!(fs::read_to_string(&path).expect("text"), FILE);
        create(&path, "", true).expect("replaced");
        create(&directory.path().join("other.toml"), "", false).expect("made");
        assert!(create(&path, "wach = 1", true).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_symlink_and_file_permissions_are_preserved() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let (directory, path) = file(FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
        let link = directory.path().join("link.toml");
        symlink(&path, &link).expect("linked");
        add_override(&link, &entry("second")).expect("added");
        assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn an_unreadable_or_missing_file_is_reported() {
        let (directory, path) = file("");
        fs::write(&path, b"\xff\xfe").expect("written");
        let message = |path: &Path| load(Some(path), Path::new("/"), []).expect_err("refused").to_string();
        assert!(message(&path).contains("not UTF-8"));
        assert!(message(&directory.path().join("none.toml")).contains("no such file"));
        assert!(message(directory.path()).contains("cannot read"));
    }
}
