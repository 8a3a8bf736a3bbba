//! The API models of the SDK in the botocore package.
//!
//! Enters: the opened package. Leaves: one fact for each API, from its newest version. Law: a model that
//! cannot be parsed is an error that names it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::archive::gunzip;
use super::packages::{PackageError, SourcePackage, parse};
use onlooker_core::catalog::sources::{ApiFact, OperationFact};

#[derive(Deserialize)]
struct SdkModel {
    metadata: ModelMetadata,
    operations: BTreeMap<String, ModelOperation>,
    #[serde(default)]
    shapes: BTreeMap<String, ModelShape>,
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
    output: Option<ShapeReference>,
}

#[derive(Deserialize)]
struct ShapeReference {
    shape: String,
}

/// A shape with its type and what it refers to: the members of a structure, the items of a list, the values of a map.
#[derive(Deserialize)]
struct ModelShape {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    members: BTreeMap<String, ShapeReference>,
    member: Option<ShapeReference>,
    value: Option<ShapeReference>,
    #[serde(default)]
    sensitive: bool,
}

/// Names of members that hold a token with which its bearer acts as the principal that the token is for.
const BEARER_TOKENS: [&str; 5] = ["accesstoken", "authtoken", "bearertoken", "idtoken", "webidentitytoken"];

/// Whether the response holds the credentials of a principal: in one structure a secret access key with a session token,
/// or an access token with a refresh token, if the model marks both tokens as sensitive; or a bearer token as the answer
/// itself or, in a structure within it, beside the time at which it expires. A bearer token elsewhere in the response is
/// a stored setting.
fn returns_credentials(output: Option<&ShapeReference>, shapes: &BTreeMap<String, ModelShape>) -> bool {
    let mut open: Vec<(&str, bool)> =
        output.map(|output| (output.shape.as_str(), true)).into_iter().collect();
    let mut seen = BTreeSet::new();
    while let Some((name, is_answer)) = open.pop() {
        let Some(shape) = shapes.get(name).filter(|_| seen.insert(name)) else { continue };
        let key_of = |member: &str| member.replace(['-', '_'], "").to_ascii_lowercase();
        let member = |wanted: &str| {
            shape.members.iter().find(|(name, _)| key_of(name) == wanted).map(|(_, reference)| reference)
        };
        let shape_of = |wanted: &str| member(wanted).and_then(|reference| shapes.get(&reference.shape));
        let is_sensitive = |wanted: &str| shape_of(wanted).is_some_and(|shape| shape.sensitive);
        let has_keys = member("secretaccesskey").is_some() && member("sessiontoken").is_some();
        let has_bearer_token = || {
            let is_text = |wanted: &&str| shape_of(wanted).is_some_and(|shape| shape.kind == "string");
            let expires = || shape.members.keys().any(|name| key_of(name).contains("expir"));
            BEARER_TOKENS.iter().any(is_text) && (is_answer || expires())
        };
        if has_keys || is_sensitive("accesstoken") && is_sensitive("refreshtoken") || has_bearer_token() {
            return true;
        }
        let inner = shape.members.values().chain(&shape.member).chain(&shape.value);
        open.extend(inner.map(|reference| (reference.shape.as_str(), false)));
    }
    false
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
                returns_credentials: returns_credentials(operation.output.as_ref(), &model.shapes),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn has_credentials(output: &str) -> bool {
        let shapes = r#"{
            "Text": {"type": "string"},
            "Secret": {"type": "string", "sensitive": true},
            "Number": {"type": "integer"},
            "Token": {"type": "structure", "members": {"AccessToken": {"shape": "Text"}}},
            "Units": {"type": "structure", "members": {"AccessToken": {"shape": "Number"}}},
            "Job": {"type": "structure", "members": {"Source": {"shape": "Source"}}},
            "Source": {"type": "structure", "members": {"AuthToken": {"shape": "Secret"}}},
            "Endpoint": {"type": "structure", "members": {"Spark": {"shape": "Spark"}}},
            "Spark": {"type": "structure", "members": {"AuthToken": {"shape": "Secret"}, "AuthTokenExpirationTime": {"shape": "Number"}}},
            "Keys": {"type": "structure", "members": {"Items": {"shape": "KeyList"}}},
            "KeyList": {"type": "list", "member": {"shape": "Key"}},
            "Key": {"type": "structure", "members": {"secret-access-key": {"shape": "Text"}, "session_token": {"shape": "Text"}}},
            "Page": {"type": "structure", "members": {"NextToken": {"shape": "Text"}}}
        }"#;
        returns_credentials(
            Some(&ShapeReference { shape: output.to_owned() }),
            &serde_json::from_str(shapes).unwrap(),
        )
    }

    #[test]
    fn a_token_that_is_the_answer_or_expires_is_a_credential() {
        for output in ["Token", "Endpoint", "Keys"] {
            assert!(has_credentials(output), "{output}");
        }
        for output in ["Job", "Units", "Page"] {
            assert!(!has_credentials(output), "{output}");
        }
    }
}
