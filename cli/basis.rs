//! What every judgement rests on: the operation catalog and the control pack.
//!
//! Enters: the configuration. Leaves: both, read and checked. Law: a file the configuration names is used or refused,
//! never passed over.

use std::{
    fs,
    path::{Path, PathBuf},
};

use onlooker_core::{
    catalog::Catalog,
    config::{ConfigError, Fault, Place, Problem, Standard},
    plain::plain,
    standard::Pack,
};
use onlooker_local::config_file::Loaded;

use crate::failure::Failure;

/// The catalog in force: the one the configuration names, else the built-in one.
pub fn catalog(loaded: &Loaded) -> Result<&'static Catalog, Failure> {
    let Some(name) = &loaded.config.catalog else {
        return Ok(Catalog::embedded());
    };
    let path = loaded.resolve(name);
    // One catalog is in use from here to the end of the process.
    Ok(Box::leak(Box::new(open("catalog", path)?)))
}

/// The catalog of a file the command line names.
pub fn catalog_file(path: &Path) -> Result<Catalog, Failure> {
    let bytes = fs::read(path).map_err(|source| Failure::Input { path: path.to_owned(), source })?;
    Catalog::from_bytes(&bytes).map_err(|source| Failure::Catalog { path: path.to_owned(), source })
}

fn open(key: &str, path: PathBuf) -> Result<Catalog, Failure> {
    Catalog::from_bytes(&read(key, &path)?).map_err(|source| Failure::Catalog { path, source })
}

/// The control pack in force.
pub fn pack(loaded: &Loaded) -> Result<Pack, Failure> {
    match (loaded.config.standard, &loaded.config.standard_file) {
        (Standard::Custom, Some(name)) => {
            let path = loaded.resolve(name);
            let text = String::from_utf8_lossy(&read("standard_file", &path)?).into_owned();
            Ok(Pack::from_toml(&text, &path.display().to_string())?)
        }
        (standard, _) => Ok(Pack::shipped(standard)?),
    }
}

fn read(key: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| {
        let fault = Fault {
            message: format!("cannot read `{}`: {error}", plain(&path.to_string_lossy())),
            remedy: "correct the path; in a configuration it is relative to that file".into(),
        };
        ConfigError { problems: vec![Problem { place: Place::Key { key: key.into() }, fault }] }.into()
    })
}
