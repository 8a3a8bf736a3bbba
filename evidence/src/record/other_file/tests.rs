//! Files beside a trail, in the shapes of AWS; and what must not be taken for one.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;

use super::{super::*, *};

/// Counts of what was passed on.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    records: usize,
    unreadable: usize,
}

impl RecordVisitor for Counts {
    fn visit_record(&mut self, _: &Record<'_>, _: &[u8]) -> Result<(), RecordError> {
        self.records += 1;
        Ok(())
    }

    fn visit_insight(&mut self, _: Fingerprint) {
        self.records += 1;
    }

    fn visit_digest_window(&mut self, _: DigestWindow) {
        self.records += 1;
    }

    fn visit_unreadable(&mut self, _: UnreadablePiece) {
        self.unreadable += 1;
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// What a file is, or the counts of what was read.
fn read(name: &str, stored: &[u8]) -> Result<Counts, OtherFile> {
    let mut counts = Counts::default();
    read_unless_other(name, stored, ReadLimits::default(), &mut Inflater::default(), &mut counts)?;
    Ok(counts)
}

const CLAIMED: &str = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/10/06/111122223333_CloudTrail_us-east-1_20261006T1005Z_a.json.gz";
const RECORD: &str =
    r#"{"eventVersion":"1.11","userIdentity":{},"eventID":"1","eventName":"x","eventSource":"y"}"#;

#[test]
fn files_beside_a_trail_are_recognized_by_their_content() {
    use OtherFile as File;

    let alb = "https 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 \"GET https://www.example.com:443/ HTTP/1.1\"";
    let s3 = format!(
        "{} amzn-s3-demo-bucket [06/Feb/2019:00:00:38 +0000] 192.0.2.3 - 3E57427F3EXAMPLE REST.GET.VERSIONING",
        "7".repeat(64)
    );
    for (content, kind) in [
        (
            r#"{"fileVersion":"1.0","configSnapshotId":"1","configurationItems":[{"resourceType":"AWS::S3::Bucket"}]}"#,
            File::ConfigSnapshot,
        ),
        (r#"{"fileVersion": "1.0", "requestId": "1", "configurationItems": []}"#, File::ConfigHistory),
        (
            r#"{"configurationItems":[{"configuration":{"eventVersion":1,"userIdentity":"eventSource"}}],"fileVersion":"1.0"}"#,
            File::ConfigHistory,
        ),
        (r#"{"fileVersion":"1.0","configurationItems":[{"resourceType":"#, File::ConfigHistory),
        (
            "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n2 111122223333 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 40 1 2 ACCEPT OK\n",
            File::VpcFlowLog,
        ),
        ("version account-id\n2 111122223333\n", File::VpcFlowLog),
        ("account-id action az-id bytes dstaddr\n", File::VpcFlowLog),
        ("2 111122223333 eni-0a 10.0.0.1 10.0.0.2 443 49152 6 1 40 1 2 ACCEPT OK", File::VpcFlowLog),
        (alb, File::LoadBalancerLog),
        (
            "tls 2.0 2018-12-20T02:59:40 net/my-network-loadbalancer/c6e77e28c25b2234 g3d4b5e8bb8464cd 72.21.218.154:51341",
            File::LoadBalancerLog,
        ),
        (
            "2015-05-13T23:39:43.945958Z my-loadbalancer 192.168.131.39:2817 10.0.0.1:80 0.000073 200 200 0 29",
            File::LoadBalancerLog,
        ),
        (&s3, File::S3AccessLog),
        (
            "#Version: 1.0\n#Fields: date time x-edge-location\n2019-12-04\t21:02:31\tLAX1",
            File::CloudFrontLog,
        ),
        (
            r#"{"schemaVersion":"2.0","accountId":"1","region":"r","id":"1","arn":"a","type":"Recon:EC2/x","resource":{},"service":{"serviceName":"guardduty"}}"#,
            File::Findings,
        ),
        (r#"{"Findings":[{"SchemaVersion":"2018-10-08","ProductArn":"a"}]}"#, File::Findings),
        (r#"[{"SchemaVersion":"2018-10-08","ProductArn":"a"}]"#, File::Findings),
        (r#"{"timestamp":1,"formatVersion":1,"webaclId":"a","action":"ALLOW"}"#, File::WafLog),
        (r#"{"version":"1.1","account_id":"1","query_name":"x.","query_type":"A"}"#, File::ResolverQueryLog),
        ("", File::Empty),
        (" \n", File::Empty),
        ("%PDF-1.7\nx", File::Document),
        ("<!DOCTYPE html><p>x", File::Document),
        ("PK\u{3}\u{4}x", File::Archive),
        ("PAR1x", File::Table),
        ("GIF89a", File::Image),
        (r#"{"hello":"world"}"#, File::Json),
        (r#"[1,"x",null]"#, File::Json),
        (
            r#"{"messageType":"DATA_MESSAGE","logGroup":"/aws/lambda/f","logEvents":[{"message":"START"},{"message":"{\"level\":\"info\"}"}]}"#,
            File::Json,
        ),
    ] {
        for name in ["logs/file.json.gz", "file", "s3://b/x/y.log"] {
            // What is named as JSON is that, or a known log, or damaged.
            let is_damaged = name.contains(".json")
                && matches!(kind, File::Document | File::Archive | File::Table | File::Image);
            for stored in [content.as_bytes(), &gzip(content.as_bytes())] {
                let found = read(name, stored);
                if is_damaged {
                    assert!(found.is_ok_and(|counts| counts.unreadable > 0), "{name}: {content}");
                } else {
                    assert_eq!(found, Err(kind), "{name}: {content}");
                }
            }
        }
        // The same content under the name of a log file is damaged evidence.
        assert!(read(CLAIMED, content.as_bytes()).unwrap().unreadable > 0, "{content}");
    }
    for (content, kind) in [
        (&b"\x89PNG\r\n\x1a\n"[..], File::Image),
        (b"\xff\xd8\xff\xe0", File::Image),
        (b"\x28\xb5\x2f\xfdx", File::Archive),
        (b"\x00\x01\x02", File::Binary),
        (b"plain words", File::Text),
    ] {
        assert_eq!(read("logs/file", content), Err(kind), "{content:?}");
    }
    let flow = gzip(alb.repeat(100).as_bytes());
    assert_eq!(read("logs/file.gz", flow.split_at(flow.len() - 9).0), Err(File::LoadBalancerLog));
}

#[test]
fn files_beside_a_trail_are_recognized_by_their_name_if_nothing_in_them_is_a_record() {
    use OtherFile as File;

    for (name, kind) in [
        ("logs/README.md", File::Document),
        ("logs/README", File::Document),
        ("AWSLogs/111122223333/CloudTrail/notes.TXT", File::Document),
        ("logs/CloudTrail/index.html", File::Document),
        ("logs/_SUCCESS", File::Text),
        ("AWSLogs/111122223333/Config/ConfigWritabilityCheckFile", File::Config),
        ("AWSLogs/o-x/111122223333/Config/us-east-1/x", File::Config),
        ("p/o-x/AWSLogs/o-x/111122223333/elasticloadbalancing/x.json", File::LoadBalancerLog),
        ("CloudTrail/AWSLogs/111122223333/vpcflowlogs/x", File::VpcFlowLog),
        ("AWSLogs/111122223333/GuardDuty/x", File::Findings),
        ("AWSLogs/111122223333/redshift/x", File::OtherService),
    ] {
        assert_eq!(read(name, b"some text, maybe {damaged"), Err(kind), "{name}");
        assert_eq!(read(name, RECORD.as_bytes()), Ok(Counts { records: 1, unreadable: 0 }), "{name}");
        let file = format!("{{\"Records\":[{RECORD}]}}");
        assert_eq!(read(name, &gzip(file.as_bytes())), Ok(Counts { records: 1, unreadable: 0 }), "{name}");
    }
    for (name, kind) in [
        ("logs/.DS_Store", Some(File::Hidden)),
        (
            "AWSLogs/111122223333/CloudTrail/._111122223333_CloudTrail_r_20261006T1005Z_a.json.gz",
            Some(File::Hidden),
        ),
        ("s3://b/AWSLogs/", Some(File::Folder)),
        ("s3://b/logs_$folder$", Some(File::Folder)),
        (CLAIMED, None),
        ("-", None),
    ] {
        assert_eq!(kind_without_content(name), kind, "{name}");
    }
}

#[test]
fn what_claims_to_be_a_log_file_stays_evidence_however_damaged() {
    let file = format!("{{\"Records\":[{}]}}", [RECORD; 9].join(","));
    let stored = gzip(file.as_bytes());
    for name in [
        CLAIMED,
        "111122223333_CloudTrail_us-east-1_20261006T1005Z_a.json.gz",
        "copy/111122223333_CloudTrail_us-east-1_20261006T1005Z_a.json.gz",
        "AWSLogs/111122223333/Config/111122223333_CloudTrail_us-east-1_20261006T1005Z_a.json.gz",
        "AWSLogs/o-x/111122223333/CloudTrail-Digest/us-east-1/x.json.gz",
        "archive/CloudTrail/x.json.gz",
    ] {
        assert!(claims_cloudtrail(name), "{name}");
        for damaged in [b"".as_slice(), b"\x00", b"text", b"{}", b"%PDF", stored.split_at(12).0] {
            let counts = read(name, damaged).unwrap();
            assert!(counts.unreadable > 0, "{name}: {damaged:?}");
        }
    }
    for name in
        ["CloudTrail", "x/README", "AWSLogs/111122223333/Config/x", "MyCloudTrail/x.json", "a/b_CloudTrail_c"]
    {
        assert!(!claims_cloudtrail(name), "{name}");
    }
    // By its content, whatever its name.
    for name in ["trail", "trail.json.gz", "notes/README.md", "AWSLogs/111122223333/Config/x"] {
        for (text, least) in [
            (file.as_str(), 0),
            (file.split_at(9).0, 1),
            (file.split_at(11).0, 1),
            (file.split_at(60).0, 1),
            (RECORD.split_at(70).0, 1),
            (&file.replacen("\"Records\":[", "\"Rexords\":[", 1), 1),
            (&file.replacen("\"Records\":[", "\"Records\"?[", 1), 1),
            (&file.replacen("{\"Records\"", "{Records\"", 1), 1),
        ] {
            let counts =
                read(name, text.as_bytes()).unwrap_or_else(|kind| panic!("{name}: {kind}: {text:.40}"));
            assert!(counts.unreadable >= least, "{name}: {text:.40}");
        }
    }
    // A name that promises what the content is not.
    for (name, content) in [
        ("trail.json", &b"nonsense"[..]),
        ("trail.json.gz", b"nonsense"),
        ("trail.jsonl", b"{\"a\":"),
        ("trail.gz", b"\x00\x1f\x8b"),
        ("trail", stored.split_at(12).0),
        ("trail.log", stored.split_at(12).0),
    ] {
        assert!(read(name, content).unwrap().unreadable > 0, "{name}");
    }
}

#[test]
fn a_record_anywhere_in_a_file_makes_it_evidence() {
    for text in [
        format!("{}\n{RECORD}", "{\"hello\":\"world\"}\n".repeat(1_000)),
        format!("version account-id\n{RECORD}").replacen("version account-id", "2 2", 1),
        format!("{{\"configurationItems\":[]}}{RECORD}"),
        format!("[{{\"Findings\":[]}},{RECORD}]"),
    ] {
        let counts = read("notes.txt", text.as_bytes()).unwrap();
        assert!(counts.records == 1 && counts.unreadable > 0, "{text:.60}");
    }
}

/// The errors of what could not be read, in words.
#[derive(Default)]
struct Reasons(Vec<String>);

impl RecordVisitor for Reasons {
    fn visit_record(&mut self, _: &Record<'_>, _: &[u8]) -> Result<(), RecordError> {
        Ok(())
    }

    fn visit_insight(&mut self, _: Fingerprint) {}

    fn visit_digest_window(&mut self, _: DigestWindow) {}

    fn visit_unreadable(&mut self, piece: UnreadablePiece) {
        self.0.push(piece.error.to_string());
    }
}

#[track_caller]
fn assert_other_form(name: &str, content: &[u8], form: &str) {
    for stored in [content.to_vec(), gzip(content)] {
        let mut reasons = Reasons::default();
        let read =
            read_unless_other(name, &stored, ReadLimits::default(), &mut Inflater::default(), &mut reasons);
        let text = String::from_utf8_lossy(content);
        assert_eq!(read, Ok(content.len()), "{name}: {text}");
        let reason = format!("holds CloudTrail fields in a form that is not read: {form}");
        assert_eq!(reasons.0, [reason], "{name}: {text}");
    }
}

#[test]
fn fields_of_records_in_a_form_that_is_not_read_are_unreadable_evidence() {
    let record = RECORD.replacen("\"userIdentity\":{}", "\"userIdentity\":{\"type\":\"Root\"}", 1);
    let text = serde_json::Value::String(record.clone()).to_string();
    let tail = format!("2026-10-06T09:20:00+00:00 111122223333_CloudTrail_us-east-1 {record}\n");
    let tar = "logs/111122223333_CloudTrail_us-east-1_20261006T1005Z_a.json.gz\0\0\x1f";
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(tail.bytes().flat_map(|byte| [byte, 0])).collect();
    for (name, content, form) in [
        ("tail.log", tail.as_str(), "text"),
        ("tail.txt", &tail, "a document"),
        ("short", &format!("2026-10-06T09:20:00 {record}\n"), "text"),
        ("events.yaml", &format!("Events:\n- CloudTrailEvent: {text}\n"), "text"),
        ("events.txt", &format!("EVENTS\t{record}\tDeleteBucket\n"), "a document"),
        ("README.md", &format!("# A record\n\n    {record}\n"), "a document"),
        ("export.csv", "eventtime,eventname,useridentity\n2026,DeleteBucket,x\n", "a document"),
        ("history.csv", "Event ID,AWS region,Event name,Event source\n1,r,DeleteBucket,s3\n", "a document"),
        ("table", "PAR1\0\0eventsource\0eventname\0", "a Parquet, ORC or Avro file"),
        ("logs.tar", tar, "an archive or a compression other than gzip"),
        ("logs", tar, "an unknown format"),
        (
            "lake.json",
            r#"{"QueryStatus":"FINISHED","QueryResultRows":[[{"eventTime":"t"},{"eventName":"DeleteBucket"}]]}"#,
            "JSON",
        ),
        ("lake.json", r#"{"QueryResultRows":[[{"a":"b"}]]}"#, "JSON"),
        (
            "insights.json",
            r#"{"results":[[{"field":"eventSource","value":"s3.amazonaws.com"},{"field":"eventName","value":"DeleteBucket"}]]}"#,
            "JSON",
        ),
        ("pattern.json", r#"{"detail":{"eventSource":["x"],"eventName":["y"]}}"#, "JSON"),
        ("config.json", &format!(r#"{{"configurationItems":[],"x":{record}}}"#), "an AWS Config history"),
        (
            "x.json",
            &format!(r#"{{"findings":[{{"schemaVersion":"1"}},{record}]}}"#),
            "a file of GuardDuty or Security Hub findings",
        ),
        ("AWSLogs/111122223333/elasticloadbalancing/x.log", &tail, "a load balancer log"),
        ("notes", "eventName and userIdentity", "text"),
    ] {
        assert_other_form(name, content.as_bytes(), form);
    }
    assert_other_form("tail.log", &utf16, "an unknown format");
    // Not a finding of any service, and not JSON of another kind.
    for content in [format!(r#"{{"findings":[{record}]}}"#), format!(r#"{{"findings":[{text}]}}"#)] {
        assert!(read("x.json", content.as_bytes()).unwrap().unreadable > 0, "{content}");
    }
}

/// Base64 with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |part: &[u8]| {
        let byte = |at: usize| u32::from(part.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        (0..4_u32).map(move |at| DIGITS[(bits >> (18 - 6 * at) & 63) as usize] as char).collect::<String>()
    };
    let groups = bytes.chunks(3).map(|part| {
        let digits = group(part);
        format!("{:=<4}", digits.get(..=part.len()).unwrap())
    });
    groups.collect()
}

#[test]
fn records_in_gzip_that_is_written_as_base64_are_unreadable_evidence() {
    let message = format!(r#"{{"messageType":"DATA_MESSAGE","logEvents":[{{"message":{RECORD:?}}}]}}"#);
    for stored in [gzip(message.as_bytes()), gzip(&gzip(message.as_bytes()))] {
        let data = base64(&stored);
        let lines: Vec<&str> = data.as_bytes().chunks(76).map(|line| str::from_utf8(line).unwrap()).collect();
        for (name, content, form) in [
            ("event.json", format!(r#"{{"awslogs":{{"data":"{data}"}}}}"#), "JSON"),
            ("event.json", format!(r#"{{"awslogs":{{"data":"{}"}}}}"#, data.replace('/', "\\/")), "JSON"),
            ("event.json", format!(r#"{{"data":"{}"}}"#, lines.join("\\n")), "JSON"),
            ("20261006T0920Z.b64", lines.join("\n"), "text"),
            ("notes.txt", format!("H4sI is not gzip; {data} is"), "a document"),
        ] {
            assert_other_form(name, content.as_bytes(), form);
        }
    }
    let other =
        base64(&gzip(br#"{"messageType":"DATA_MESSAGE","logEvents":[{"message":"START RequestId"}]}"#));
    let event = format!(r#"{{"awslogs":{{"data":"{other}"}}}}"#);
    assert_eq!(read("event.json", event.as_bytes()), Err(OtherFile::Json), "the log of a function");
}

#[test]
fn what_has_a_structure_of_its_own_may_name_fields_of_records() {
    use OtherFile as File;

    let said = r#"{ ($.eventSource = s3.amazonaws.com) && ($.eventName = PutBucketPolicy) }"#;
    let said = serde_json::Value::String(said.to_owned());
    for (name, content, kind) in [
        (
            "a.json",
            format!(
                r#"{{"fileVersion":"1.0","configSnapshotId":"1","configurationItems":[{{"configuration":{{"filterPattern":{said},"eventPattern":{{"userIdentity":{{}}}}}}}}]}}"#
            ),
            File::ConfigSnapshot,
        ),
        (
            "a.json",
            format!(r#"{{"Findings":[{{"SchemaVersion":"2018-10-08","Description":{said}}}]}}"#),
            File::Findings,
        ),
        (
            "a.json",
            format!(r#"{{"schemaVersion":"2.0","service":{{"action":{{"eventSource":"x","eventName":"y"}}}},"d":{said}}}"#),
            File::Findings,
        ),
        (
            "selectors.json",
            r#"{"TrailARN":"x","AdvancedEventSelectors":[{"FieldSelectors":[{"Field":"eventName"},{"Field":"userIdentity.arn"}]}]}"#.to_owned(),
            File::Json,
        ),
        (
            "a.log",
            "https 2018-07-02T22:23:00.186641Z app/a/5 192.0.2.1:2817 \"GET https://x/?eventSource=a&eventName=b\"".to_owned(),
            File::LoadBalancerLog,
        ),
        ("AWSLogs/111122223333/Config/x", format!("rule {said}"), File::Config),
        ("a.png", format!("x {said}"), File::Image),
        ("notes", "the field eventName".to_owned(), File::Text),
    ] {
        assert_eq!(read(name, content.as_bytes()), Err(kind), "{name}: {content}");
    }
}

#[test]
fn a_name_that_promises_json_is_evidence_whatever_the_content_is() {
    for (name, content) in [
        ("trail-09.json", &b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>"[..]),
        ("trail.json.gz", b"%PDF-1.7"),
        ("more.json.zst", b"\x28\xb5\x2f\xfd0000"),
        ("more.jsonl.bz2", b"BZh9"),
        ("more.ndjson.zip", b"PK\x03\x04"),
        ("more.json.lz4", b"\x04\x22\x4d\x18"),
        ("trail.json.bak", b"nonsense"),
        ("trail.json", b"PAR1"),
        ("AWSLogs/111122223333/CloudTrail/2026.zip", b"PK\x03\x04"),
    ] {
        assert!(read(name, content).is_ok_and(|counts| counts.unreadable > 0), "{name}");
    }
    for (name, content, kind) in [
        ("package.json", &b"{}"[..], OtherFile::Json),
        ("empty.json", b"", OtherFile::Empty),
        ("about.json.html", b"<p>", OtherFile::Document),
        ("more.zip", b"PK\x03\x04", OtherFile::Archive),
        ("BM.txt", b"BM words", OtherFile::Document),
    ] {
        assert_eq!(read(name, content), Err(kind), "{name}");
    }
}

proptest! {
    #[test]
    fn no_name_or_content_panics(name in "\\PC{0,60}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(read(&name, &bytes));
        let _ = (claims_cloudtrail(&name), kind_without_content(&name), kind_of_service_folder(&name));
    }

    #[test]
    fn a_log_file_cut_or_changed_anywhere_is_read_or_unreadable(at in 0..2_000_usize, bit in 0..8_u8, cut in any::<bool>(), zip in any::<bool>()) {
        let file = format!("{{\"Records\":[{}]}}", [RECORD; 3].join(","));
        let mut stored = if zip { gzip(file.as_bytes()) } else { file.into_bytes() };
        let at = 1 + at % (stored.len() - 1);
        if cut {
            stored.truncate(at);
        } else {
            stored[at] ^= 1 << bit;
        }
        for name in [CLAIMED, "trail.json.gz", "trail.json"] {
            let counts = read(name, &stored);
            prop_assert!(counts.as_ref().is_ok_and(|counts| counts.records + counts.unreadable > 0), "{name} {counts:?}");
        }
    }
}
