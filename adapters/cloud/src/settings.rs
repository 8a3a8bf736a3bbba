//! Credentials and addresses of the providers, from variables.
//!
//! Enters: a [`BucketUrl`] and the variables of the environment, which a root reads. Leaves: a client. Laws: plain HTTP is used
//! only if a variable names an address with it; objects are written with a condition and with a checksum where the provider
//! verifies one.

use std::sync::{Arc, OnceLock};

use object_store::{
    ClientOptions, ObjectStore,
    aws::{AmazonS3Builder, Checksum, S3ConditionalPut},
    azure::MicrosoftAzureBuilder,
    gcp::GoogleCloudStorageBuilder,
};

use super::bucket_url::{BucketUrl, Provider};

/// Variables of the environment: names and values.
pub type Variables = [(String, String)];

/// Why there is no client for a bucket.
#[derive(Debug, thiserror::Error)]
pub enum CloudSettingsError {
    /// A setting is missing or is not valid.
    #[error("cannot use `{url}`: {cause}")]
    Settings {
        /// The bucket.
        url: String,
        /// What is missing or not valid.
        #[source]
        cause: Box<object_store::Error>,
    },
    /// The connection string of a storage account is not valid.
    #[error(
        "`AZURE_STORAGE_CONNECTION_STRING` is not a connection string: {0}; copy it from `Access keys` of the storage account"
    )]
    ConnectionString(&'static str),
}

/// The client for a bucket.
pub(super) fn client(
    url: &BucketUrl,
    variables: &Variables,
) -> Result<Arc<dyn ObjectStore>, CloudSettingsError> {
    use_ring();
    let failed = |cause| CloudSettingsError::Settings { url: url.to_string(), cause: Box::new(cause) };
    match url.provider {
        Provider::S3 => s3(url, variables).map_err(failed),
        Provider::Azure => {
            let builder = azure(url, variables)?;
            builder.build().map(|client| Arc::new(client) as Arc<dyn ObjectStore>).map_err(failed)
        }
        Provider::Google => google(url, variables).map_err(failed),
    }
}

/// TLS uses ring, as everywhere in the workspace. A process has one choice, and a second one is refused.
fn use_ring() {
    static CHOSEN: OnceLock<()> = OnceLock::new();
    CHOSEN.get_or_init(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

fn s3(url: &BucketUrl, variables: &Variables) -> Result<Arc<dyn ObjectStore>, object_store::Error> {
    let mut builder = AmazonS3Builder::new().with_client_options(options(
        variables,
        &["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"],
    ));
    for (key, value) in settings::<object_store::aws::AmazonS3ConfigKey>(variables, "AWS_") {
        builder = builder.with_config(key, value);
    }
    let client = builder
        .with_bucket_name(&url.bucket)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_checksum_algorithm(Checksum::SHA256)
        // One object is deleted at a time; a request of its own says so in the logs of S3.
        .with_disable_bulk_delete(true)
        .build()?;
    Ok(Arc::new(client))
}

fn azure(url: &BucketUrl, variables: &Variables) -> Result<MicrosoftAzureBuilder, CloudSettingsError> {
    let mut builder = MicrosoftAzureBuilder::new()
        .with_client_options(options(variables, &["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"]))
        .with_container_name(&url.bucket);
    for (key, value) in settings::<object_store::azure::AzureConfigKey>(variables, "AZURE_") {
        builder = builder.with_config(key, value);
    }
    let text =
        variables.iter().find(|(name, value)| name == "AZURE_STORAGE_CONNECTION_STRING" && !value.is_empty());
    match text {
        Some((_, text)) => with_connection_string(builder, text),
        None => Ok(builder),
    }
}

/// Reads a connection string: `AccountName=...;AccountKey=...;EndpointSuffix=core.windows.net`, as
/// <https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string> (2026-11) describes it.
fn with_connection_string(
    mut builder: MicrosoftAzureBuilder,
    text: &str,
) -> Result<MicrosoftAzureBuilder, CloudSettingsError> {
    use object_store::azure::AzureConfigKey::{AccessKey, AccountName, Endpoint, SasKey, UseEmulator};

    let fields: Vec<(&str, &str)> = text
        .split(';')
        .filter(|field| !field.trim().is_empty())
        .filter_map(|field| field.split_once('='))
        .collect();
    let get = |name: &str| {
        fields.iter().find(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    if get("UseDevelopmentStorage").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(builder.with_config(UseEmulator, "true"));
    }
    let endpoint = match (get("BlobEndpoint"), get("AccountName")) {
        (Some(endpoint), _) => endpoint.trim_end_matches('/').to_owned(),
        (None, Some(account)) => {
            let suffix = get("EndpointSuffix").unwrap_or("core.windows.net");
            format!("{}://{account}.blob.{suffix}", get("DefaultEndpointsProtocol").unwrap_or("https"))
        }
        (None, None) => return Err(CloudSettingsError::ConnectionString("it has no `AccountName`")),
    };
    // A string with a shared access signature names the account in its address alone.
    let host = endpoint.split_once("://").map_or(endpoint.as_str(), |(_, rest)| rest);
    let account = get("AccountName").or_else(|| host.split('.').next()).unwrap_or_default();
    builder = builder.with_config(AccountName, account);
    builder = match (get("AccountKey"), get("SharedAccessSignature")) {
        (Some(key), _) => builder.with_config(AccessKey, key),
        (None, Some(signature)) => builder.with_config(SasKey, signature.trim_start_matches('?')),
        (None, None) => {
            let missing = "it has no `AccountKey` and no `SharedAccessSignature`";
            return Err(CloudSettingsError::ConnectionString(missing));
        }
    };
    if endpoint.starts_with("http://") {
        builder = builder.with_client_options(ClientOptions::new().with_allow_http(true));
    }
    Ok(builder.with_config(Endpoint, endpoint))
}

fn google(url: &BucketUrl, variables: &Variables) -> Result<Arc<dyn ObjectStore>, object_store::Error> {
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_client_options(options(variables, &["GOOGLE_BASE_URL"]))
        .with_bucket_name(&url.bucket);
    for (key, value) in settings::<object_store::gcp::GoogleConfigKey>(variables, "GOOGLE_") {
        builder = builder.with_config(key, value);
    }
    Ok(Arc::new(builder.build()?))
}

/// The settings that the variables with this prefix have. Other variables with the prefix belong to other programs.
fn settings<'v, K: std::str::FromStr>(
    variables: &'v Variables,
    prefix: &'v str,
) -> impl Iterator<Item = (K, &'v str)> {
    let ours = variables.iter().filter(move |(name, value)| name.starts_with(prefix) && !value.is_empty());
    ours.filter_map(|(name, value)| Some((name.to_ascii_lowercase().parse().ok()?, value.as_str())))
}

/// Options of the HTTP client, which speaks plain HTTP only to an address that one of these variables names.
fn options(variables: &Variables, addresses: &[&str]) -> ClientOptions {
    let is_plain =
        |(name, value): &(String, String)| addresses.contains(&name.as_str()) && value.starts_with("http://");
    ClientOptions::new().with_allow_http(variables.iter().any(is_plain))
}
