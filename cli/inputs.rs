//! Reads the operation catalog and the control pack.
//!
//! Enters: the configuration. Leaves: both, validated. Law: a file that the configuration names is used, or it is an
//! error; it is never skipped.

use std::{
    fs,
    path::{Path, PathBuf},
};

use onlooker_core::{
    catalog::Catalog,
    config::{ConfigError, ConfigLocation, ConfigProblem, Diagnostic, Standard},
    controls::ControlPack,
    escape::escape_hidden,
};
use onlooker_local::config_file::LoadedConfig;

use crate::exit::CommandError;

/// The catalog in force: the one that the configuration names, otherwise the built-in one.
pub fn catalog(loaded: &LoadedConfig) -> Result<&'static Catalog, CommandError> {
    let Some(name) = &loaded.config.catalog else {
        return Ok(Catalog::embedded());
    };
    let path = loaded.resolve(name);
    // The catalog is used until the process ends.
    Ok(Box::leak(Box::new(open("catalog", path)?)))
}

/// The catalog of a file that the command line names.
pub fn catalog_file(path: &Path) -> Result<Catalog, CommandError> {
    let bytes = fs::read(path).map_err(|source| CommandError::Input { path: path.to_owned(), source })?;
    Catalog::from_bytes(&bytes).map_err(|source| CommandError::Catalog { path: path.to_owned(), source })
}

fn open(key: &str, path: PathBuf) -> Result<Catalog, CommandError> {
    Catalog::from_bytes(&read(key, &path)?).map_err(|source| CommandError::Catalog { path, source })
}

/// The control pack in force.
pub fn pack(loaded: &LoadedConfig) -> Result<ControlPack, CommandError> {
    match (loaded.config.standard, &loaded.config.standard_file) {
        (Standard::Custom, Some(name)) => {
            let path = loaded.resolve(name);
            let text = String::from_utf8_lossy(&read("standard_file", &path)?).into_owned();
            Ok(ControlPack::from_toml(&text, &path.display().to_string())?)
        }
        (standard, _) => Ok(ControlPack::built_in(standard)?),
    }
}

fn read(key: &str, path: &Path) -> Result<Vec<u8>, CommandError> {
    fs::read(path).map_err(|error| {
        let diagnostic = Diagnostic {
            message: format!("cannot read `{}`: {error}", escape_hidden(&path.to_string_lossy())),
            remedy: "correct the path; a path in a configuration is relative to its file".into(),
        };
        ConfigError {
            problems: vec![ConfigProblem { location: ConfigLocation::Key { key: key.into() }, diagnostic }],
        }
        .into()
    })
}
