//! The URL of a bucket or container, with a prefix.
//!
//! Enters: text such as `s3://bucket/prefix`. Leaves: a [`BucketUrl`]. Law: a prefix is empty or ends with `/`, and has no
//! part that a provider could read in another way.

use std::{fmt, str::FromStr};

/// Who stores the objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// Amazon S3.
    S3,
    /// Azure Blob Storage.
    Azure,
    /// Google Cloud Storage.
    Google,
}

impl Provider {
    /// Every provider.
    pub const ALL: [Self; 3] = [Self::S3, Self::Azure, Self::Google];

    /// The scheme of its URLs.
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Azure => "az",
            Self::Google => "gs",
        }
    }
}

/// A bucket or container, and the prefix of the keys in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketUrl {
    /// Who stores it.
    pub provider: Provider,
    /// Name of the bucket or container.
    pub bucket: String,
    /// Prefix of all keys: empty, or a text that ends with `/`.
    pub prefix: String,
}

/// Why a text is not the URL of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write `s3://BUCKET/PREFIX`, `az://CONTAINER/PREFIX` or `gs://BUCKET/PREFIX`, with letters, digits and `-_.=` in the parts \
     of the prefix"
)]
pub struct BucketUrlError;

impl FromStr for BucketUrl {
    type Err = BucketUrlError;

    fn from_str(text: &str) -> Result<Self, BucketUrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(BucketUrlError)?;
        let provider = Provider::ALL.into_iter().find(|provider| provider.scheme() == scheme);
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_name = |part: &str| {
            let allowed =
                |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'=');
            !part.is_empty() && !matches!(part, "." | "..") && part.bytes().all(allowed)
        };
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        if !is_name(bucket) || !(prefix.is_empty() || prefix.split('/').all(is_name)) {
            return Err(BucketUrlError);
        }
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        Ok(Self { provider: provider.ok_or(BucketUrlError)?, bucket: bucket.to_owned(), prefix })
    }
}

impl fmt::Display for BucketUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}/{}", self.provider.scheme(), self.bucket, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn urls_are_read() {
        for (text, provider, bucket, prefix) in [
            ("s3://bucket", Provider::S3, "bucket", ""),
            ("s3://bucket/", Provider::S3, "bucket", ""),
            ("az://container/a/b", Provider::Azure, "container", "a/b/"),
            ("gs://my_bucket.example/a=1/", Provider::Google, "my_bucket.example", "a=1/"),
        ] {
            let url: BucketUrl = text.parse().unwrap();
            assert_eq!((url.provider, &*url.bucket, &*url.prefix), (provider, bucket, prefix), "{text}");
            assert_eq!(url.to_string().parse::<BucketUrl>().unwrap(), url);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "bucket",
            "s3:bucket",
            "s3://",
            "s3:///a",
            "ftp://a/b",
            "s3://a//b",
            "s3://a/../b",
            "s3://a/b c",
            "s3://a/%2e%2e",
            "s3://a/b?x=1",
            "az://a/b#c",
            "gs://user@a/b",
            "s3://a/./b",
            "S3://a",
        ] {
            assert_eq!(text.parse::<BucketUrl>(), Err(BucketUrlError), "{text}");
        }
    }
}
