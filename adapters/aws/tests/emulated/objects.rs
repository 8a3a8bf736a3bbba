//! `S3Source` lists log files once, reads the named object version, and finds buckets in other regions.

use onlooker_aws::{S3Source, S3Uri, object_version};
use onlooker_core::ports::{LogSource, PortErrorKind, StoredObject};

use super::{AwsFixture, fake_aws::etag};

fn source_of(fixture: &AwsFixture, uris: &[&str]) -> S3Source {
    let uris: Vec<S3Uri> = uris.iter().map(|uri| uri.parse().unwrap()).collect();
    S3Source::new(fixture.aws.clone(), uris)
}

fn fetched(source: &S3Source, object: &StoredObject, most: u64) -> Vec<u8> {
    let mut bytes = b"left over".to_vec();
    source.fetch(object, most, &mut bytes).unwrap();
    bytes
}

#[test]
fn every_object_under_the_prefix_is_listed_once_in_order() {
    let fixture = AwsFixture::with_table_and_bucket();
    let keys = [
        "AWSLogs/1/z.json.gz",
        "AWSLogs/1/a b+c.json.gz",
        "AWSLogs/2/ü&<.json.gz",
        "AWSLogs/2/2",
        "AWSLogs/",
        "other",
    ];
    for key in keys {
        fixture.fake_aws.state().bucket("b").put(key, key);
    }
    let source = source_of(&fixture, &["s3://b/AWSLogs/", "s3://b/AWSLogs/2"]);
    let objects = source.list().unwrap();
    let mut expected: Vec<String> = keys[..5].iter().map(|key| format!("s3://b/{key}")).collect();
    expected.sort();
    assert_eq!(objects.iter().map(|object| object.name.clone()).collect::<Vec<_>>(), expected);
    for object in &objects {
        let key = object.name.strip_prefix("s3://b/").unwrap();
        assert_eq!((object.size, &*object.version), (key.len() as u64, &*etag(key.as_bytes())));
        assert_eq!(fetched(&source, object, 1 << 20), key.as_bytes());
        assert_eq!(fetched(&source, object, 4), &key.as_bytes()[..4]);
    }
    assert_eq!(source_of(&fixture, &["s3://b"]).list().unwrap().len(), 6);
}

#[test]
fn the_named_object_version_is_read() {
    let fixture = AwsFixture::with_table_and_bucket();
    fixture.fake_aws.state().bucket("b").put("k", "first");
    let source = source_of(&fixture, &["s3://b/k"]);
    let listed = source.list().unwrap().remove(0);
    fixture.fake_aws.state().bucket("b").put("k", "second");
    let error = source.fetch(&listed, 99, &mut Vec::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read (s3:GetObject) `s3://b/k`: the object changed after it was listed"
    );
    let old = StoredObject {
        version: object_version(&format!("\"{}\"", etag(b"first")), Some("v0")),
        ..listed.clone()
    };
    assert_eq!(fetched(&source, &old, 99), b"first");
    let any = StoredObject { version: String::new(), ..listed.clone() };
    assert_eq!(fetched(&source, &any, 99), b"second");
    assert_eq!(
        source.fetch(&any, 99, &mut Vec::new()).unwrap(),
        etag(b"second"),
        "the version that was read"
    );
    let gone = StoredObject { version: object_version("", Some("v7")), ..listed };
    assert_eq!(source.fetch(&gone, 99, &mut Vec::new()).unwrap_err().kind, PortErrorKind::NotFound);
}

#[test]
fn a_bucket_in_another_region_is_found() {
    let fixture = AwsFixture::with_table_and_bucket();
    fixture.fake_aws.state().bucket("far").region = "us-west-2".to_owned();
    fixture.fake_aws.state().bucket("far").put("k", "there");
    let source = source_of(&fixture, &["s3://far/"]);
    let object = source.list().unwrap().remove(0);
    assert_eq!(fetched(&source, &object, 99), b"there");
    assert_eq!(
        fixture.fake_aws.request_count("ListObjectsV2"),
        2,
        "in the home region, then in the bucket's"
    );
    assert_eq!(fixture.fake_aws.request_count("GetObject"), 1, "the region of the bucket is cached");
}

#[test]
fn an_invalid_s3_uri_is_rejected() {
    for text in ["s3://", "s3:///k", "https://b/k", "b/k"] {
        assert!(text.parse::<S3Uri>().is_err(), "{text}");
    }
    let fixture = AwsFixture::with_table_and_bucket();
    let error = source_of(&fixture, &["s3://none/x"]).list().unwrap_err();
    assert_eq!(error.kind, PortErrorKind::NotFound);
    assert!(
        error.to_string().starts_with("cannot list (s3:ListBucket) `s3://none/x`: NoSuchBucket"),
        "{error}"
    );
}
