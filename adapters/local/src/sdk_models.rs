//! The API models of the SDK in the botocore package.
//!
//! Enters: the opened package. Leaves: one fact for each API, from its newest version. Law: a model that
//! cannot be parsed is an error that names it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::archive::gunzip;
use super::packages::{PackageError, SourcePackage, parse};
use onlooker_core::catalog::sources::{ApiFact, OperationFact};

#[derive(Deserialize)]
struct SdkModel {
    metadata: ModelMetadata,
    operations: BTreeMap<String, ModelOperation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ModelMetadata {
    endpoint_prefix: String,
    service_id: String,
    service_full_name: String,
    signing_name: Option<String>,
}

#[derive(Deserialize)]
struct ModelOperation {
    http: ModelHttp,
    #[serde(default)]
    readonly: bool,
    #[serde(default)]
    deprecated: bool,
}

#[derive(Deserialize)]
struct ModelHttp {
    method: String,
}

pub(super) fn read_apis(package: &SourcePackage) -> Result<Vec<ApiFact>, PackageError> {
    let mut latest: BTreeMap<String, String> = BTreeMap::new();
    for file in package.names("botocore/data/", "/service-2.json.gz") {
        let mut parts = file.split('/').skip(2);
        if let Some(service) = parts.next() {
            // Names are sorted and the directory of a version is a date, so the last version is the newest.
            latest.insert(service.to_owned(), file.clone());
        }
    }
    let mut apis = Vec::new();
    for (sdk_name, file) in latest {
        let bytes = gunzip(&package.file(&file)?, &file)
            .map_err(|source| PackageError::Archive { file: file.clone(), source })?;
        let model: SdkModel = parse(&bytes, &file)?;
        let operations = model
            .operations
            .into_iter()
            .map(|(name, operation)| OperationFact {
                name,
                http_method: operation.http.method.to_ascii_uppercase(),
                read_only: operation.readonly,
                deprecated: operation.deprecated,
            })
            .collect();
        apis.push(ApiFact {
            sdk_name,
            signing_name: model
                .metadata
                .signing_name
                .unwrap_or_else(|| model.metadata.endpoint_prefix.clone()),
            service_id: model.metadata.service_id,
            endpoint_prefix: model.metadata.endpoint_prefix,
            full_name: model.metadata.service_full_name,
            operations,
        });
    }
    Ok(apis)
}
