//! What a request that is not signed yet says about its call.
//!
//! Enters: the service, and the request with its endpoint. Leaves: the features that change the IAM actions of the call, and
//! the resources that it accesses. Law: a resource is named only if the request is certain to access it and no other, so that
//! an override for some resources allows no call to others. Requests of S3 say both; of a few operations of other services the
//! resource is read.

mod named_resource;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use onlooker_core::record::RequestFeatures;
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// What a request says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SentRequest {
    pub(crate) features: RequestFeatures,
    /// ARNs; empty if they are not known.
    pub(crate) resources: Vec<String>,
}

impl SentRequest {
    /// `service` and `operation` are names of the SDK.
    pub(crate) fn of(service: &str, operation: &str, request: &HttpRequest, sender: Sender<'_>) -> Self {
        if service != "S3" {
            let resources = named_resource::resources(service, operation, request, sender);
            return Self { resources: resources.unwrap_or_default(), ..Self::default() };
        }
        let headers: Vec<(&str, &str)> = request.headers().iter().collect();
        let uri = request.uri();
        Self { features: features(&headers, uri), resources: resources(&headers, uri).unwrap_or_default() }
    }
}

/// Who sends a request, which completes the name of a resource to an ARN.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sender<'a> {
    /// ARN of the principal; empty if it is not known.
    pub(crate) principal: &'a str,
    /// Region of the client; empty if it is not known.
    pub(crate) region: &'a str,
}

/// What makes a request one of its operation: method, path, query and `x-amz-target`, as the SDK serialized them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SerializedOperation {
    method: String,
    path: String,
    query: String,
    target: Option<String>,
}

impl SerializedOperation {
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let uri = request.uri();
        let (uri, query) = uri.split_once('?').unwrap_or((uri, ""));
        let path = uri.split_once("://").map_or(uri, |(_, rest)| rest);
        let path = path.find('/').and_then(|begin| path.get(begin..)).unwrap_or("/");
        Self {
            method: request.method().to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            target: request.headers().get("x-amz-target").map(str::to_owned),
        }
    }

    /// Whether a request, which has its endpoint now, is still of the operation: the endpoint may only add to the beginning of
    /// the path.
    pub(crate) fn is_kept_by(&self, request: &HttpRequest) -> bool {
        let now = Self::of(request);
        let path = self.path.trim_start_matches('/');
        now.method == self.method
            && now.query == self.query
            && now.target == self.target
            && now.path.ends_with(path)
    }
}

/// S3 logs headers and query parameters under their own names.
fn features(headers: &[(&str, &str)], uri: &str) -> RequestFeatures {
    let query = uri.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let query = query.split('&').map(|part| part.split_once('=').unwrap_or((part, "")));
    let said: Vec<(&str, Value)> =
        headers.iter().copied().chain(query).map(|(name, value)| (name, Value::from(value))).collect();
    RequestFeatures::of_request("s3", said.iter().map(|(name, value)| (*name, value)))
}

/// The object, or the bucket, and the source of a copy. A list of objects in the body is not read: its bucket stands for it.
fn resources(headers: &[(&str, &str)], uri: &str) -> Option<Vec<String>> {
    let (_, rest) = uri.split_once("://")?;
    let (authority, path) = rest.split_once(['/', '?']).unwrap_or((rest, ""));
    let path = path.split('?').next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let (partition, bucket) = bucket_of_host(host)?;
    let path = match bucket {
        Some(bucket) => format!("{bucket}/{path}"),
        None => path.to_owned(),
    };
    let arn = |path: &str| {
        let path = percent_decode_str(path).decode_utf8().ok()?;
        let path = path.strip_suffix('/').filter(|bucket| !bucket.contains('/')).unwrap_or(&path);
        let bucket = path.split('/').next().unwrap_or_default();
        (!bucket.is_empty() && !is_alias(bucket)).then(|| format!("arn:{partition}:s3:::{path}"))
    };
    let source = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-amz-copy-source"));
    match source {
        None => Some(vec![arn(&path)?]),
        Some((_, source)) => {
            let source = source.trim_start_matches('/').split("?versionId=").next()?;
            // The source may be an access point.
            Some(vec![arn(&path)?, arn(source).filter(|arn| !arn.contains(":s3:::arn:"))?])
        }
    }
}

/// Whether the name of a bucket is that of an access point, which may belong to any bucket ("Access point aliases", "Rules for
/// naming buckets", S3 User Guide, read 2026-11).
fn is_alias(bucket: &str) -> bool {
    ["-s3alias", "--ol-s3", "--op-s3", "--xa-s3", "--table-s3", ".mrap"]
        .iter()
        .any(|suffix| bucket.ends_with(suffix))
}

/// Partition and bucket of a host of S3. The bucket is absent if the path begins with it. `None` for a host that may lead
/// elsewhere, such as that of an access point.
fn bucket_of_host(host: &str) -> Option<(&'static str, Option<&str>)> {
    let is_local = host == "localhost" || host.parse::<std::net::Ipv4Addr>().is_ok();
    if is_local {
        return Some(("aws", None));
    }
    let (name, is_china) = match host.strip_suffix(".amazonaws.com.cn") {
        Some(name) => (name, true),
        None => (host.strip_suffix(".amazonaws.com")?, false),
    };
    // Buckets of a FIPS endpoint are the same buckets.
    let (bucket, region) = if let Some(region) =
        name.strip_prefix("s3.").or_else(|| name.strip_prefix("s3-fips."))
    {
        (None, region)
    } else if name == "s3" {
        (None, "")
    } else if let Some((bucket, region)) = name.rsplit_once(".s3.").or_else(|| name.rsplit_once(".s3-fips."))
    {
        (Some(bucket), region)
    } else {
        (Some(name.strip_suffix(".s3")?), "")
    };
    let region = region.strip_prefix("dualstack.").unwrap_or(region);
    let is_region = region.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    let partition = match (is_china, region.starts_with("us-gov-")) {
        (true, _) => "aws-cn",
        (false, true) => "aws-us-gov",
        (false, false) => "aws",
    };
    is_region.then_some((partition, bucket))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uri: &str, headers: &[(&str, &str)]) -> Option<Vec<String>> {
        resources(headers, uri)
    }

    #[test]
    fn the_host_and_the_path_name_the_object() {
        let object = Some(vec!["arn:aws:s3:::b/a key/2".to_owned()]);
        for uri in [
            "https://b.s3.eu-west-1.amazonaws.com/a%20key/2?x-id=PutObject",
            "https://s3.eu-west-1.amazonaws.com/b/a%20key/2",
            "https://s3.amazonaws.com/b/a%20key/2",
            "https://b.s3.dualstack.eu-west-1.amazonaws.com:443/a%20key/2",
            "https://b.s3-fips.eu-west-1.amazonaws.com/a%20key/2",
            "https://s3-fips.dualstack.eu-west-1.amazonaws.com/b/a%20key/2",
            "http://127.0.0.1:4566/b/a%20key/2?versionId=1",
        ] {
            assert_eq!(of(uri, &[]), object, "{uri}");
        }
        assert_eq!(
            of("https://my.logs.s3.cn-north-1.amazonaws.com.cn/k", &[]),
            Some(vec!["arn:aws-cn:s3:::my.logs/k".to_owned()])
        );
        assert_eq!(
            of("https://b.s3.us-gov-west-1.amazonaws.com/", &[]),
            Some(vec!["arn:aws-us-gov:s3:::b".to_owned()])
        );
    }

    #[test]
    fn a_host_that_may_lead_elsewhere_names_nothing() {
        for uri in [
            "https://ap-111122223333.s3-accesspoint.eu-west-1.amazonaws.com/k",
            "https://b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com/k",
            "https://b.s3.eu-west-1.amazonaws.com.example.com/k",
            "https://results-1a2b3c-s3alias.s3.eu-west-1.amazonaws.com/k",
            "https://s3.eu-west-1.amazonaws.com/results-1a2b3c-s3alias/k",
            "https://b.s3.eu-west-1.example.com/k",
            "https://s3.eu-west-1.amazonaws.com/",
            "b/k",
        ] {
            assert_eq!(of(uri, &[]), None, "{uri}");
        }
    }

    #[test]
    fn a_copy_names_its_source_too() {
        let copy = |source| of("https://b.s3.eu-west-1.amazonaws.com/k", &[("x-amz-copy-source", source)]);
        let both = Some(vec!["arn:aws:s3:::b/k".to_owned(), "arn:aws:s3:::from/o".to_owned()]);
        assert_eq!(copy("from/o"), both);
        assert_eq!(copy("/from/o?versionId=7"), both);
        for source in [
            "arn:aws:s3:eu-west-1:111122223333:accesspoint/ap/object/o",
            "arn%3aaws%3As3:eu-west-1:111122223333:accesspoint/ap/object/o",
            "results-1a2b3c-s3alias/o",
        ] {
            assert_eq!(copy(source), None, "{source}");
        }
    }

    #[test]
    fn headers_and_query_say_what_a_request_needs() {
        let said = |name, value| features(&[(name, value)], "https://b.s3.amazonaws.com/k?x-id=PutObject");
        assert_eq!(said("x-amz-acl", "public-read"), RequestFeatures::ACL | RequestFeatures::SHARED_ACL);
        assert_eq!(said("x-amz-meta-acl", "public-read"), RequestFeatures::empty());
        assert_eq!(features(&[], "https://b.s3.amazonaws.com/k?versionId=7"), RequestFeatures::VERSION);
        assert_eq!(features(&[], "https://b.s3.amazonaws.com/versionId=7"), RequestFeatures::empty());
    }
}
