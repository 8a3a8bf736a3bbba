//! The form of a backup, read by other programs' code.

use std::io::Read as _;

use super::*;

#[test]
fn the_joined_parts_of_a_kind_are_a_gzipped_tar_archive() {
    let world = World::usual();
    world.create(&name(0)).unwrap();
    let mut joined = Vec::new();
    for (key, bytes) in content_of(&world.backups) {
        if key.contains("/evidence-") {
            joined.extend(bytes);
        }
    }
    let mut archive = tar::Archive::new(flate2::read::MultiGzDecoder::new(&*joined));
    let mut found = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        assert_eq!(entry.header().mtime().unwrap(), u64::from(NOW.0));
        found.push((entry.path().unwrap().to_str().unwrap().to_owned(), bytes));
    }
    let expected = [
        ("segments/aa/1.seg".to_owned(), b"first".to_vec()),
        ("segments/ab/2.seg".to_owned(), b"second".to_vec()),
        ("segments/ff/3.seg".to_owned(), vec![7; 5_000]),
    ];
    assert_eq!(found, expected);
}

#[test]
fn the_manifest_is_plain_json_that_names_each_part_with_its_sha256() {
    use sha2::{Digest as _, Sha256};

    let world = World::usual();
    world.create(&name(0)).unwrap();
    let read = |object: &str| world.backups.read(&format!("backups/{}/{object}", name(0)), None).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&read("manifest.json")).unwrap();
    assert_eq!(manifest["name"], name(0).as_str());
    let parts = manifest["parts"].as_array().unwrap();
    assert_eq!(parts.len(), 5);
    for part in parts {
        let bytes = read(part["name"].as_str().unwrap());
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(part["sha256"], digest);
        assert_eq!(part["compressed_bytes"], bytes.len());
    }
}
