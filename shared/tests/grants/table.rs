//! A table by hand.

use shared::{catalog::Catalog, grants::{Certainty, Evaluator}};

#[test]
fn an_allow_allows() {
    let evaluator = Evaluator::new(Catalog::embedded());
    let grants = evaluator.grants(&crate::role(
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Deny","Action":"s3:Put*","Resource":"*"},
        {"Effect":"Deny","Action":"s3:GetObject","Resource":"arn:aws:s3:::a/*"}]}"#,
    ));
    assert_eq!(grants.get("s3:GetObject").unwrap().certainty, Certainty::Granted);
    assert_eq!(&*grants.get("s3:GetObject").unwrap().reach.except[0], "arn:aws:s3:::a/*");
    assert!(grants.get("s3:PutObject").is_none());
}
