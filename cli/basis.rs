//! What every judgement rests on: the operation catalog and the control pack.
//!
//! Enters: the configuration. Leaves: both, read and checked. Law: a file the configuration names is used or refused,
//! never passed over.

use std::{fs, path::Path};

use shared::{
    catalog::Catalog,
    config::{Fault, Standard},
    local::config_file::Loaded,
    plain::plain,
    standard::Pack,
};

use crate::failure::Failure;

/// The catalog in force: the one the configuration names, else the built-in one.
pub fn catalog(loaded: &Loaded) -> Result<&'static Catalog, Failure> {
    let Some(name) = &loaded.config.catalog else {
        return Ok(Catalog::embedded());
    };
    let path = loaded.resolve(name);
    let bytes = read(&path)?;
    match Catalog::from_bytes(&bytes) {
        // One catalog is in use from here to the end of the process.
        Ok(catalog) => Ok(Box::leak(Box::new(catalog))),
        Err(source) => Err(Failure::Catalog { path, source }),
    }
}

/// The control pack in force.
pub fn pack(loaded: &Loaded) -> Result<Pack, Failure> {
    match (loaded.config.standard, &loaded.config.standard_file) {
        (Standard::Custom, Some(name)) => {
            let path = loaded.resolve(name);
            let text = String::from_utf8_lossy(&read(&path)?).into_owned();
            Ok(Pack::from_toml(&text, &path.display().to_string())?)
        }
        (standard, _) => Ok(Pack::shipped(standard)?),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|cause| {
        let message = format!("cannot read `{}`: {cause}", plain(&path.display().to_string()));
        Failure::Usage(Fault { message, remedy: "correct the path, or leave the file out".to_owned() })
    })
}
