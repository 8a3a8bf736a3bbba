//! Archives that are refused: each row changes an intact backup, and names the reason.

use onlooker_core::backup::{BackupProblemKind, PART_BYTES};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;

    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A backup of which objects are replaced.
struct Forgery {
    world: World,
    manifest: Value,
}

impl Forgery {
    fn new() -> Self {
        let world = World::usual();
        let manifest = world.create(&name(0)).unwrap();
        Self { world, manifest: serde_json::to_value(manifest).unwrap() }
    }

    fn key(object: &str) -> String {
        format!("backups/{}/{object}", name(0))
    }

    /// Replaces the archive of evidence, and makes the manifest fit.
    fn with_evidence(mut self, archive: &[u8], entries: u64) -> Self {
        let stored = gzip(archive);
        self.world.backups.port.damage(&Self::key("evidence-000001.tar.gz"), Some(stored.clone()));
        let part = &mut self.manifest["parts"][0];
        part["sha256"] = hex(&Sha256::digest(&stored)).into();
        part["bytes"] = archive.len().into();
        part["compressed_bytes"] = stored.len().into();
        part["entries"] = entries.into();
        self.with_sums()
    }

    fn with_sums(mut self) -> Self {
        let parts = self.manifest["parts"].as_array().unwrap().clone();
        let sum = |field: &str| parts.iter().map(|part| part[field].as_u64().unwrap()).sum::<u64>();
        let (bytes, compressed) = (sum("bytes"), sum("compressed_bytes"));
        self.manifest["entries"] = sum("entries").into();
        self.manifest["bytes"] = bytes.into();
        self.manifest["compressed_bytes"] = compressed.into();
        self.manifest["ratio"] = ((bytes as f64 / compressed as f64 * 100.0).round() / 100.0).into();
        self
    }

    /// Verifies the forgery, which is refused by every command that reads it.
    #[track_caller]
    fn assert_refused(self, kind: BackupProblemKind, reason: &str) {
        let text = serde_json::to_vec(&self.manifest).unwrap();
        self.world.backups.port.damage(&Self::key("manifest.json"), Some(text));
        let world = self.world.elsewhere(MemoryState::default());
        let found = world.verify(&name(0)).unwrap();
        let problem = found.problems.first().unwrap_or_else(|| panic!("not refused: {reason}"));
        assert_eq!(problem.kind, kind, "{problem}");
        assert!(problem.to_string().contains(reason), "`{problem}` does not say `{reason}`");
        let error = world.restore(&name(0)).unwrap_err();
        assert!(matches!(error, BackupError::Refused { .. }), "{error}");
        assert_eq!(world.state.content(), BTreeMap::new(), "nothing is restored");
        assert_eq!(world.trail_content(), []);
        assert_eq!(world.state.unfinished().unwrap(), None);
    }
}

/// A tar archive with one entry.
fn archive_of(entry_type: tar::EntryType, path: &[u8], content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..path.len()].copy_from_slice(path);
    header.set_size(content.len() as u64);
    header.set_mode(0o777);
    header.set_entry_type(entry_type);
    if entry_type == tar::EntryType::Symlink || entry_type == tar::EntryType::Link {
        header.set_link_name("/etc/passwd").unwrap();
    }
    header.set_cksum();
    let mut builder = tar::Builder::new(Vec::new());
    builder.append(&header, content).unwrap();
    builder.into_inner().unwrap()
}

fn regular(path: &str) -> Vec<u8> {
    archive_of(tar::EntryType::Regular, path.as_bytes(), b"content")
}

#[test]
fn entries_that_lead_out_of_the_folder_are_refused() {
    for path in
        ["../x", "a/../../x", "/etc/passwd", "a//b", "./a", "a/", "..", "C:x", "a\\..\\b", "a\u{1b}[2Jb", "ä"]
    {
        Forgery::new()
            .with_evidence(&regular(path), 1)
            .assert_refused(BackupProblemKind::Damaged, "is not a name of an entry");
    }
}

#[test]
fn what_is_not_a_regular_file_is_refused() {
    for (entry_type, reason) in [
        (tar::EntryType::Symlink, "is a link"),
        (tar::EntryType::Link, "is a link"),
        (tar::EntryType::Directory, "is a directory"),
        (tar::EntryType::Fifo, "is not a regular file"),
        (tar::EntryType::Char, "is not a regular file"),
        (tar::EntryType::Block, "is not a regular file"),
        (tar::EntryType::GNUSparse, "is not a regular file"),
        (tar::EntryType::GNULongName, "is not a regular file"),
        (tar::EntryType::XHeader, "is not a regular file"),
        (tar::EntryType::XGlobalHeader, "is not a regular file"),
        (tar::EntryType::Continuous, "is not a regular file"),
    ] {
        Forgery::new()
            .with_evidence(&archive_of(entry_type, b"segments/aa/1.seg", b""), 1)
            .assert_refused(BackupProblemKind::Damaged, reason);
    }
}

#[test]
fn archives_of_another_shape_are_refused() {
    let one = regular("segments/aa/1.seg");
    let block = &one[..1_024];
    let twice = [block, block, &[0; 1_024]].concat();
    let mut bad_checksum = one.clone();
    bad_checksum[0] = b'x';
    let huge = {
        let mut header = tar::Header::new_ustar();
        header.set_path("segments/aa/1.seg").unwrap();
        header.set_size(1 << 40);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_cksum();
        [header.as_bytes().as_slice(), &[0; 2_048]].concat()
    };
    for (archive, reason) in [
        (twice, "comes twice or is out of order"),
        (bad_checksum, "cannot be unpacked"),
        (huge, "ends within a file"),
        (one[..515].to_vec(), "ends within a file"),
        (one[..600].to_vec(), "cannot be unpacked"),
        (block.to_vec(), "does not end where its archive ends"),
        ([&*one, b"more"].concat(), "does not end where its archive ends"),
        ([&*one, &[0; 512]].concat(), "does not end where its archive ends"),
        (b"not an archive at all, but long enough to look at".repeat(20), "cannot be unpacked"),
    ] {
        Forgery::new().with_evidence(&archive, 1).assert_refused(BackupProblemKind::Damaged, reason);
    }
    Forgery::new()
        .with_evidence(&one, 2)
        .assert_refused(BackupProblemKind::Damaged, "has 1 entries and not the 2");
}

#[test]
fn parts_that_differ_from_the_manifest_are_refused() {
    let part = Forgery::key("state-000001.tar.gz");
    let stored = |forgery: &Forgery| forgery.world.backups.read(&part, None).unwrap();
    let changed = Forgery::new();
    let mut bytes = stored(&changed);
    bytes[20] ^= 1;
    changed.world.backups.port.damage(&part, Some(bytes));
    changed.assert_refused(BackupProblemKind::Damaged, "SHA-256");
    let longer = Forgery::new();
    let bytes = [stored(&longer), vec![0]].concat();
    longer.world.backups.port.damage(&part, Some(bytes));
    longer.assert_refused(BackupProblemKind::Damaged, "bytes of the manifest");
    let missing = Forgery::new();
    missing.world.backups.port.damage(&part, None);
    missing.assert_refused(BackupProblemKind::Missing, "is missing");
    let extra = Forgery::new();
    extra.world.backups.create(&Forgery::key("state-000002.tar.gz"), b"x", "").unwrap();
    extra.assert_refused(BackupProblemKind::Damaged, "is not in the manifest");
}

#[test]
fn a_part_that_inflates_to_more_than_the_manifest_says_is_refused() {
    let mut bomb = Forgery::new();
    let stored = gzip(&vec![0; 4 * PART_BYTES]);
    bomb.world.backups.port.damage(&Forgery::key("evidence-000001.tar.gz"), Some(stored.clone()));
    let part = &mut bomb.manifest["parts"][0];
    part["sha256"] = hex(&Sha256::digest(&stored)).into();
    part["compressed_bytes"] = stored.len().into();
    bomb.with_sums().assert_refused(BackupProblemKind::Damaged, "cannot be inflated");
}

#[test]
fn manifests_that_onlooker_does_not_write_are_refused() {
    use BackupProblemKind::{Damaged, Unsupported};

    let oversized = PART_BYTES + 1;
    for (pointer, value, kind, reason) in [
        ("/schema_version", json!(2), Unsupported, "was written by Onlooker 1.2.3"),
        ("/schema_version", json!("1"), Damaged, "is not a manifest"),
        ("/name", json!(name(1).as_str()), Damaged, "is the manifest of"),
        ("/name", json!("../../etc"), Damaged, "is not a manifest"),
        ("/created_at", json!("2020-01-01T00:00:00Z"), Damaged, "not the time in its name"),
        ("/parts/0/name", json!("../../../etc/cron.d/x"), Damaged, "names a part `../../../etc/cron.d/x`"),
        ("/parts/0/name", json!("evidence-000002.tar.gz"), Damaged, "names a part"),
        ("/parts/0/kind", json!("reports"), Damaged, "names a part"),
        ("/parts/0/bytes", json!(oversized), Damaged, "a part has at most"),
        ("/parts/0/bytes", json!(0), Damaged, "a part has at most"),
        ("/parts/0/compressed_bytes", json!(u64::MAX), Damaged, "a part has at most"),
        ("/parts/0/sha256", json!("x"), Damaged, "has no SHA-256"),
        ("/parts/0/entries", json!(9), Damaged, "other sums"),
        ("/bytes", json!(1), Damaged, "other sums"),
        ("/ratio", json!(99.0), Damaged, "other sums"),
        ("/parts", json!("none"), Damaged, "is not a manifest"),
    ] {
        let mut forgery = Forgery::new();
        *forgery.manifest.pointer_mut(pointer).unwrap() = value;
        forgery.assert_refused(kind, reason);
    }
    let mut unordered = Forgery::new();
    unordered.manifest["parts"].as_array_mut().unwrap().swap(0, 1);
    unordered.assert_refused(Damaged, "in two places");
    let mut unknown = Forgery::new();
    unknown.manifest["more"] = json!(1);
    unknown.assert_refused(Damaged, "is not a manifest");
}

#[test]
fn what_a_forged_archive_says_is_escaped() {
    let forgery = Forgery::new().with_evidence(&regular("a\u{1b}[2J\u{202e}b"), 1);
    let text = serde_json::to_vec(&forgery.manifest).unwrap();
    forgery.world.backups.port.damage(&Forgery::key("manifest.json"), Some(text));
    let problem = forgery.world.verify(&name(0)).unwrap().problems.remove(0).to_string();
    assert!(problem.contains("\\u{1b}") && !problem.contains(['\u{1b}', '\u{202e}']), "{problem}");
}

#[test]
fn objects_that_do_not_belong_to_an_audit_trail_are_refused() {
    let world = World::of(MemoryState::with(&[(BackupKind::Audit, "reports/latest.json", b"forged")]));
    // The source is asked for entries of the trail only here, to make an archive that no Onlooker makes.
    struct Forged<'a>(&'a MemoryState);
    impl BackupSource for Forged<'_> {
        fn entries(
            &self,
            kind: BackupKind,
            visit: &mut EntryVisitor<'_>,
        ) -> Result<SkippedEntries, PortError> {
            match kind {
                BackupKind::Evidence => self.0.entries(BackupKind::Audit, &mut |entry, content| {
                    visit(&BackupEntry { kind, ..entry.clone() }, content)
                }),
                _ => Ok(SkippedEntries::default()),
            }
        }
    }
    let contents = BackupContents { source: &Forged(&world.state), audit: None, journal: &*world.state };
    let backup = name(0);
    let new = NewBackup { name: &backup, run_id: "run", tool_version: "1.2.3" };
    let manifest = create(world.repository(), contents, new, &|_, _| ()).unwrap();
    let part = world.backups.read(&Forgery::key("evidence-000001.tar.gz"), None).unwrap();
    world.backups.create(&Forgery::key("audit-000001.tar.gz"), &part, "").unwrap();
    world.backups.port.damage(&Forgery::key("evidence-000001.tar.gz"), None);
    let text = manifest.to_json().unwrap().replace("evidence", "audit");
    world.backups.port.damage(&Forgery::key("manifest.json"), Some(text.into_bytes()));
    let error = world.restore(&backup).unwrap_err();
    assert!(matches!(error, BackupError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("is not an object of an audit trail"), "{error}");
    assert_eq!(world.trail_content(), []);
}
