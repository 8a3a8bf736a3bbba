use aws_lambda_events::{
    s3::{S3Event, S3EventRecord},
    sns::SnsMessage,
};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn s3(name: &str, key: &str) -> Value {
    json!({
        "eventVersion": "2.1", "eventSource": "aws:s3", "eventTime": "2023-11-10T05:06:07.123Z", "eventName": name,
        "s3": {
            "bucket": { "name": "trail", "arn": "arn:aws:s3:::trail" },
            "object": { "key": key, "size": 1024, "eTag": "d41d8", "versionId": "096f", "sequencer": "0055AED6DCD90281E5" }
        }
    })
}

fn event_bridge(kind: &str, key: &str) -> Value {
    json!({
        "version": "0", "detail-type": kind, "source": "aws.s3", "account": "111122223333", "time": "2023-11-10T05:06:07Z",
        "detail": {
            "version": "0", "bucket": { "name": "trail" },
            "object": { "key": key, "size": 1024, "etag": "d41d8", "version-id": "096f", "sequencer": "617f" }
        }
    })
}

fn sns(message: &Value) -> Value {
    json!({ "Type": "Notification", "MessageId": "m", "TopicArn": "arn", "Message": message.to_string() })
}

fn names(text: &str) -> Vec<String> {
    parse(text).unwrap().objects.into_iter().map(|one| one.object.name).collect()
}

#[test]
fn every_message_format_names_the_same_object() {
    let (encoded, plain) =
        ("AWSLogs/1/CloudTrail/a+b%2Bc%C3%BC.json.gz", "AWSLogs/1/CloudTrail/a b+cü.json.gz");
    let records = json!({ "Records": [s3("ObjectCreated:Put", encoded)] });
    let event = event_bridge("Object Created", plain);
    let first = parse(&records.to_string()).unwrap();
    let one = ObjectCreated {
        object: StoredObject {
            name: format!("s3://trail/{plain}"),
            size: 1024,
            version: "d41d8/096f".to_owned(),
        },
        key: plain.to_owned(),
        created_at: Time::parse("2023-11-10T05:06:07Z"),
    };
    assert_eq!(first, S3EventMessage { objects: vec![one], skipped: 0 });
    for other in [event.clone(), sns(&records), sns(&event)] {
        assert_eq!(parse(&other.to_string()).unwrap(), first);
    }
    let item = json!({ "bucket": "trail", "key": plain, "etag": "\"d41d8\"", "size": 1024 });
    let listed = json!({ "BatchInput": { "bucket": "trail" }, "Items": [{ "Key": plain, "Etag": "d41d8", "Size": 1024 }] });
    assert_eq!(parse(&item.to_string()), parse(&listed.to_string()));
    assert_eq!(parse(&item.to_string()).unwrap().objects[0].object.version, "d41d8");
    let own = json!({ "s3Bucket": "trail", "s3ObjectKey": [plain, "x"] });
    assert_eq!(names(&sns(&own).to_string()), [format!("s3://trail/{plain}"), "s3://trail/x".to_owned()]);
}

#[test]
fn messages_with_all_fields_of_aws_are_read() {
    let mut record = S3EventRecord::default();
    record.event_source = Some("aws:s3".to_owned());
    record.event_name = Some("ObjectCreated:Put".to_owned());
    record.s3.bucket.name = Some("trail".to_owned());
    record.s3.object.key = Some("a+b".to_owned());
    record.s3.object.size = Some(7);
    let mut event = S3Event::default();
    event.records.push(record);
    let mut notification = SnsMessage::default();
    notification.sns_message_type = "Notification".to_owned();
    notification.message = serde_json::to_string(&event).unwrap();
    let object = StoredObject { name: "s3://trail/a b".to_owned(), size: 7, version: String::new() };
    let one = ObjectCreated { object, key: "a b".to_owned(), created_at: Some(Time(0)) };
    for text in [serde_json::to_string(&event), serde_json::to_string(&notification)] {
        assert_eq!(parse(&text.unwrap()).unwrap().objects, std::slice::from_ref(&one));
    }
}

#[test]
fn messages_without_a_new_object_are_skipped_and_counted() {
    let records = json!({ "Records": [
        s3("ObjectRemoved:Delete", "a"), s3("ObjectCreated:CompleteMultipartUpload", "b"), s3("ObjectRestore:Post", "c")
    ] });
    let parsed = parse(&records.to_string()).unwrap();
    assert_eq!((parsed.objects.len(), parsed.skipped), (1, 2));
    assert_eq!(parse(&event_bridge("Object Deleted", "a").to_string()).unwrap().skipped, 1);
    let test =
        json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "trail", "RequestId": "r" });
    for quiet in [test.clone(), sns(&test), json!({ "message": "CloudTrail validation message." })] {
        assert_eq!(parse(&quiet.to_string()).unwrap(), S3EventMessage::default());
    }
}

#[test]
fn errors_name_what_is_wrong_with_a_message() {
    let mut nameless = s3("ObjectCreated:Put", "a");
    nameless["s3"]["object"]["key"] = Value::Null;
    for (text, wrong) in [
        ("".to_owned(), "not valid JSON"),
        ("[]".to_owned(), "it is not a JSON object"),
        ("{}".to_owned(), "the message format is not known"),
        (json!({ "Records": [nameless] }).to_string(), "`Records[0].s3.object.key` is not a string"),
        (
            json!({ "Records": [s3("ObjectCreated:Put", "%zz")] }).to_string(),
            "the key `%zz` is not URL-encoded",
        ),
        (json!({ "Records": [{ "eventSource": "aws:sqs" }] }).to_string(), "`aws:sqs`, not `aws:s3`"),
        (json!({ "Items": [{ "key": "a" }] }).to_string(), "`Items[0].bucket` is missing"),
        (json!({ "Type": "Notification", "Message": "hello" }).to_string(), "`Message` is not valid JSON"),
        (json!({ "detail-type": "x", "source": "aws.ec2" }).to_string(), "`aws.ec2`, not `aws.s3`"),
    ] {
        let error = parse(&text).unwrap_err().to_string();
        assert!(error.contains(wrong), "{text}: {error}");
    }
}

#[test]
fn keys_of_other_services_are_recognized() {
    for ours in [
        "AWSLogs/111122223333/CloudTrail/us-east-1/2023/11/10/x.json.gz",
        "some/prefix/AWSLogs/o-abc123/111122223333/CloudTrail/us-east-1/2023/11/10/x.json.gz",
        "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2023/11/10/x.json.gz",
        "AWSLogs/111122223333/CloudTrail-Insight/us-east-1/2023/11/10/x.json.gz",
        "copied/by/hand.json",
        "AWSLogs/x.json",
    ] {
        assert!(!is_other_service(ours), "{ours}");
    }
    for other in [
        "AWSLogs/111122223333/Config/us-east-1/2023/11/10/ConfigSnapshot/x.json.gz",
        "p/AWSLogs/o-abc123/111122223333/vpcflowlogs/us-east-1/x.log.gz",
        "AWSLogs/111122223333/Config/ConfigWritabilityCheckFile",
        "AWSLogs/111122223333/CloudTrail/",
    ] {
        assert!(is_other_service(other), "{other}");
    }
}

#[test]
fn the_delivery_time_is_read_from_the_key() {
    let at = |text| delivery_time(text).map(|time| time.to_string());
    let log = "AWSLogs/1/CloudTrail/us-east-1/2023/11/10/111122223333_CloudTrail_us-east-1_20231110T0505Z_AbC1.json.gz";
    assert_eq!(at(log).as_deref(), Some("2023-11-10T05:05:00Z"));
    let digest = "x/111122223333_CloudTrail-Digest_us-east-1_trail_us-east-1_20231110T050508Z.json.gz";
    assert_eq!(at(digest).as_deref(), Some("2023-11-10T05:05:08Z"));
    for other in ["x", "20231110T0505Z/x", "x_20231310T0505Z_y", "x_20231110T05Z", "x_2023111ÄT0505Z_y"] {
        assert_eq!(at(other), None, "{other}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,200}", cut in 0..2_000_usize, other in any::<char>()) {
        drop(parse(&text));
        let _ = (is_other_service(&text), delivery_time(&text));
        let records = json!({ "Records": [s3("ObjectCreated:Put", &text), s3(&text, "%41")] });
        for message in [records.clone(), sns(&records), event_bridge("Object Created", &text), json!({ "Items": [{ "key": text }] })] {
            drop(parse(&message.to_string()));
            let mut damaged: Vec<char> = message.to_string().chars().collect();
            let at = cut % damaged.len();
            damaged[at] = other;
            drop(parse(&damaged.iter().collect::<String>()));
            damaged.truncate(at);
            drop(parse(&damaged.into_iter().collect::<String>()));
        }
    }

    #[test]
    fn an_encoded_key_round_trips(key in "\\PC{1,40}") {
        let encoded: String = key.bytes().map(|byte| match byte {
            b' ' => "+".to_owned(),
            b'a'..=b'z' | b'/' => char::from(byte).to_string(),
            _ => format!("%{byte:02x}"),
        }).collect();
        prop_assert_eq!(url_decoded(&encoded), Ok(key));
    }
}
