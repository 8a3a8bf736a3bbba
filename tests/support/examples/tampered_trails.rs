//! Writes the trails of the tampering cases, for a comparison with other verifiers.
//!
//! Enters: a folder. Leaves: for each case `CASE/bucket/KEY`, the metadata of the objects in `CASE/metadata.json`, and the
//! public key in `CASE/keys.json`; the names of the cases in `cases.txt`.

#![allow(clippy::unwrap_used, reason = "for tests")]

use std::{collections::BTreeMap, fs, path::PathBuf};

use test_support::signed_trail::{
    SignedTrail,
    signing::TestKey,
    tampering::{CASES, untouched},
};

fn main() {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "tampered-trails".into()));
    for case in CASES {
        let mut trail = untouched();
        (case.tamper)(&mut trail);
        write(&folder.join(case.name), &trail);
    }
    let names: Vec<&str> = CASES.iter().map(|case| case.name).collect();
    fs::write(folder.join("cases.txt"), names.join("\n")).unwrap();
}

fn write(folder: &std::path::Path, trail: &SignedTrail) {
    fs::create_dir_all(folder.join("bucket")).unwrap();
    trail.write(&folder.join("bucket"));
    let metadata: BTreeMap<_, _> =
        trail.objects.iter().map(|(key, object)| (key, &object.metadata)).collect();
    fs::write(folder.join("metadata.json"), serde_json::to_string(&metadata).unwrap()).unwrap();
    fs::write(folder.join("signatures.json"), trail.head_objects()).unwrap();
    fs::write(folder.join("keys.json"), TestKey::cloudtrail().published().to_json()).unwrap();
}
