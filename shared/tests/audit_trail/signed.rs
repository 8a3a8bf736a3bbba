//! Signed seals and prunings.

use onlooker_core::{
    attestation::{Signer, SigningError},
    audit::{AuditPruning, PRUNINGS_PREFIX, SEALS_PREFIX, SignatureState, TrailRecord as _},
    jobs::audit::seal_trail,
};

use super::{pruned::stored, *};

/// Signs with a hash, so that a test that knows the name can check it.
struct NamedKey(&'static str);

impl NamedKey {
    fn signature(&self, bytes: &[u8]) -> Vec<u8> {
        sha256(&[self.0.as_bytes(), bytes].concat()).into_bytes()
    }
}

impl Signer for NamedKey {
    fn key_id(&self) -> String {
        self.0.to_owned()
    }

    fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, SigningError> {
        match self.0 {
            "" => Err(SigningError::Key("the key is disabled".into())),
            _ => Ok(self.signature(bytes)),
        }
    }
}

const KEY: NamedKey = NamedKey("key");

/// What verification with the key finds: kinds of problems and their subjects.
fn found(store: &Objects, key: Option<&NamedKey>) -> Vec<(AuditProblemKind, String)> {
    let check = |text: &[u8], signature: &[u8]| key.is_some_and(|key| key.signature(text) == signature);
    let found = verify_trail(store, key.is_some().then_some(&check as _), &|_, _| ()).unwrap();
    found.problems.into_iter().map(|problem| (problem.kind, problem.subject)).collect()
}

fn states(store: &Objects, key: Option<&NamedKey>) -> Vec<SignatureState> {
    let check = |text: &[u8], signature: &[u8]| key.is_some_and(|key| key.signature(text) == signature);
    let found = verify_trail(store, key.is_some().then_some(&check as _), &|_, _| ()).unwrap();
    found.records.into_iter().map(|record| record.signature.state).collect()
}

/// Two chains of five batches, without seals.
fn unsealed() -> Objects {
    let mut trail = objects(&chain(CHAIN, 5));
    trail.extend(objects(&chain(OTHER_CHAIN, 5)));
    stored(trail)
}

fn keys(store: &Objects, prefix: &str) -> Vec<String> {
    store.stored.lock().unwrap().keys().filter(|key| key.starts_with(prefix)).cloned().collect()
}

/// Replaces an object.
fn replace(store: &Objects, key: &str, with: impl Into<Vec<u8>>) {
    store.stored.lock().unwrap().insert(key.to_owned(), with.into());
}

fn content(store: &Objects, key: &str) -> Vec<u8> {
    store.stored.lock().unwrap()[key].clone()
}

#[test]
fn a_signed_trail_verifies_with_its_key_and_says_without_one_that_it_was_not_checked() {
    let store = unsealed();
    let (seal, text) = seal_trail(&store, Some(&KEY), NOW).unwrap();
    seal_trail(&store, Some(&KEY), NOW).unwrap();
    let plan = plan_pruning(&store, Time(NOW.0 + 6 * 3_600), &AuditSettings::default(), NOW).unwrap();
    prune(&store, &store, &plan, "run", Some(&KEY)).unwrap();
    assert_eq!(found(&store, Some(&KEY)), []);
    assert_eq!(states(&store, Some(&KEY)), [SignatureState::Valid; 3]);
    assert_eq!(
        (found(&store, None), states(&store, None)),
        (Vec::new(), vec![SignatureState::NotChecked; 3])
    );
    // The statement is about the root over the heads, in the envelope that certificates use.
    let envelope: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&envelope["payloadType"], &envelope["signatures"][0]["keyid"]),
        (&"application/vnd.in-toto+json".into(), &"key".into())
    );
    assert_eq!(seal.root().len(), 64);
    let other = NamedKey("other");
    let wrong: Vec<_> = found(&store, Some(&other))
        .into_iter()
        .filter(|(kind, _)| *kind == AuditProblemKind::SignatureInvalid)
        .collect();
    assert_eq!(wrong.len(), 3);
}

#[test]
fn a_seal_without_a_valid_signature_is_named_where_a_key_is_given() {
    let store = unsealed();
    seal_trail(&store, Some(&KEY), NOW).unwrap();
    seal_trail(&store, Some(&KEY), NOW).unwrap();
    let last = keys(&store, SEALS_PREFIX).pop().unwrap();
    let signed = content(&store, &last);
    // The end is cut off, and the newest seal is made again without a signature.
    store.remove(&key(4)).unwrap();
    store.remove(&last).unwrap();
    let shorter = found(&store, Some(&KEY));
    assert_eq!(shorter, [(AuditProblemKind::EndMissing, CHAIN.to_owned())], "the first seal names the end");
    let store = unsealed();
    seal_trail(&store, Some(&KEY), NOW).unwrap();
    seal_trail(&store, None, NOW).unwrap();
    assert_eq!(found(&store, None), []);
    assert_eq!(found(&store, Some(&KEY)), [(AuditProblemKind::Unsigned, last.clone())]);
    // A signature that belongs to another text.
    let text = String::from_utf8(signed).unwrap();
    let (begin, end) = text.split_once("\"payload\":\"").unwrap();
    replace(&store, &last, format!("{begin}\"payload\":\"e30{end}"));
    assert_eq!(found(&store, Some(&KEY)), [(AuditProblemKind::SealUnreadable, last.clone())]);
    seal_by_other(&store, &last);
    assert_eq!(found(&store, Some(&KEY)), [(AuditProblemKind::SignatureInvalid, last)]);
}

/// Stores a seal of the trail that another key signed.
fn seal_by_other(store: &Objects, at: &str) {
    store.remove(at).unwrap();
    seal_trail(store, Some(&NamedKey("other")), NOW).unwrap();
}

#[test]
fn seals_from_before_signing_began_are_covered_by_the_first_signed_one() {
    let store = unsealed();
    seal_trail(&store, None, NOW).unwrap();
    seal_trail(&store, None, NOW).unwrap();
    assert_eq!(found(&store, Some(&KEY)).len(), 2, "no seal is signed");
    seal_trail(&store, Some(&KEY), NOW).unwrap();
    assert_eq!(found(&store, Some(&KEY)), []);
    // The signed seal names the hash of the one before it.
    let second = keys(&store, SEALS_PREFIX).remove(1);
    let changed =
        String::from_utf8(content(&store, &second)).unwrap().replace("\"sequence\":4", "\"sequence\":3");
    replace(&store, &second, changed);
    assert!(found(&store, Some(&KEY)).iter().any(|(kind, _)| *kind == AuditProblemKind::SealMissing));
}

#[test]
fn an_unsigned_removal_at_the_beginning_of_a_chain_is_found() {
    let store = unsealed();
    seal_trail(&store, Some(&KEY), NOW).unwrap();
    let plan = plan_pruning(&store, Time(NOW.0 + 6 * 3_600), &AuditSettings::default(), NOW).unwrap();
    prune(&store, &store, &plan, "run", None).unwrap();
    let pruning = keys(&store, PRUNINGS_PREFIX).remove(0);
    assert_eq!(found(&store, None), [], "without a key the record explains it");
    let named = found(&store, Some(&KEY));
    assert!(named.contains(&(AuditProblemKind::Unsigned, pruning.clone())), "{named:?}");
    assert!(named.contains(&(AuditProblemKind::BeginningMissing, CHAIN.to_owned())), "{named:?}");
    // A signed record with other heads than those that were signed.
    let mut other: AuditPruning = serde_json::from_slice(&content(&store, &pruning)).unwrap();
    let signed = other.to_object(Some(&KEY)).unwrap();
    replace(&store, &pruning, signed.clone());
    assert_eq!(found(&store, Some(&KEY)), []);
    other.entries += 1;
    let mut envelope: Value = serde_json::from_str(&signed).unwrap();
    let resigned: Value = serde_json::from_str(&other.to_object(Some(&KEY)).unwrap()).unwrap();
    envelope["payload"] = resigned["payload"].clone();
    replace(&store, &pruning, envelope.to_string());
    assert!(found(&store, Some(&KEY)).contains(&(AuditProblemKind::SignatureInvalid, pruning)));
}

#[test]
fn a_key_that_does_not_sign_changes_nothing() {
    let store = unsealed();
    let disabled = NamedKey("");
    let before = store.stored.lock().unwrap().clone();
    let error = seal_trail(&store, Some(&disabled), NOW).unwrap_err();
    assert_eq!(error.to_string(), "cannot sign: the key is disabled");
    let plan = plan_pruning(&store, Time(NOW.0 + 6 * 3_600), &AuditSettings::default(), NOW).unwrap();
    let error = prune(&store, &store, &plan, "run", Some(&disabled)).unwrap_err();
    assert!(matches!(error, TrailChangeError::Signing(_)), "{error}");
    assert_eq!(*store.stored.lock().unwrap(), before);
}
