//! Enters: text of a CloudFormation template, a Terraform plan, or the output of an IAM command. Law: the text is read or refused with a
//! cause; a policy that was read can be evaluated.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use onlooker_core::{catalog::Catalog, grants::Evaluator, permissions::policy_files};

static EVALUATOR: OnceLock<Evaluator<'static>> = OnceLock::new();

fuzz_target!(|text: &str| {
    match policy_files::parse("file", text, Some("111122223333")) {
        Ok(file) => {
            let evaluator = EVALUATOR.get_or_init(|| Evaluator::new(Catalog::embedded()));
            if let Some(principal) = file.principals.first() {
                let grants = evaluator.grants(principal);
                assert!(grants.entries.is_sorted_by(|a, b| a.action.key < b.action.key));
            }
        }
        Err(error) => assert!(!error.cause.is_empty()),
    }
});
