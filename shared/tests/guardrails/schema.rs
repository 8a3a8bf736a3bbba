//! The published schema equals the shape of what `onlooker guardrails --json` prints.

use std::{fs, path::Path};

use onlooker_core::jobs::guardrails::Guardrails;

#[test]
fn the_schema_is_published() {
    let schema = schemars::schema_for!(Guardrails);
    let current = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guardrails.schema.json");
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(&path, &current).expect("written");
    }
    let published = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        published == current,
        "docs/guardrails.schema.json is stale: UPDATE_SCHEMA=1 cargo test -p onlooker-core schema"
    );
}
