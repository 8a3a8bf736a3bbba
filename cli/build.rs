//! Build script of the command line: the commit that `onlooker --version` names.
//!
//! Enters: the variable `SOURCE_COMMIT`, or the git repository of the sources. Leaves: `ONLOOKER_SOURCE_COMMIT` for the compiler, if
//! there is a commit. Laws: the same commit makes the same bytes, because nothing else of the machine or the time goes in; a
//! development build names no commit, so that a commit compiles nothing anew.

#![allow(clippy::print_stdout, reason = "cargo reads it")]

mod commit;

use std::{env, path::Path};

fn main() {
    println!("cargo::rerun-if-changed=cli/build.rs");
    println!("cargo::rerun-if-changed=cli/commit.rs");
    println!("cargo::rerun-if-env-changed=SOURCE_COMMIT");
    let given = env::var("SOURCE_COMMIT").ok().and_then(|text| commit::commit(&text));
    // The profiles `release` and `dist` are both of this kind.
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let checkout = || {
        let root = env::var("CARGO_MANIFEST_DIR").ok()?;
        let (commit, files) = commit::checkout(Path::new(&root))?;
        files.iter().for_each(|file| println!("cargo::rerun-if-changed={}", file.display()));
        Some(commit)
    };
    if let Some(commit) = given.or_else(|| if is_release { checkout() } else { None }) {
        println!("cargo::rustc-env=ONLOOKER_SOURCE_COMMIT={commit}");
    }
}
