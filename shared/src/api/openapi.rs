//! The OpenAPI document of the API.
//!
//! Enters: the types of requests and answers, and the routes. Leaves: the document, OpenAPI 3.1, whose schemas are those of the
//! types (JSON Schema 2020-12). Laws: each route has an operation, with each status that it can answer; the published document, which
//! the function serves, is the one that the types make.
//!
//! After a change, `UPDATE_SCHEMA=1 cargo test -p onlooker-core schema` writes `docs/openapi.json`.

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    problem::{PROBLEM_MEDIA_TYPE, Problem, ProblemKind},
    route::Route,
    status::StatusResponse,
    validate::{ValidateRequest, ValidateResponse},
};
use crate::{dashboard::Dashboard, health::Health, render::json::MEDIA_TYPE, report::Report};

/// The published document.
pub const OPENAPI: &str = include_str!("../../../docs/openapi.json");

/// What the document says about a route.
struct Operation {
    id: &'static str,
    summary: &'static str,
    /// The answer with the status 200.
    description: &'static str,
    media_type: &'static str,
    /// The problems that it can have beside failures and the query parameters that it does not know.
    problems: &'static [ProblemKind],
}

impl Route {
    const fn operation(self) -> Operation {
        const OF_VALIDATE: &[ProblemKind] =
            &[ProblemKind::ContentTooLarge, ProblemKind::UnsupportedMediaType];
        const OF_REPORT: &[ProblemKind] = &[ProblemKind::NoReport, ProblemKind::NotAcceptable];
        let (id, summary, description, media_type, problems) = match self {
            Self::Validate => (
                "validate",
                "Says for each operation whether a read-only principal may call it",
                "The verdicts, which are in the audit trail.",
                MEDIA_TYPE,
                OF_VALIDATE,
            ),
            Self::Status => (
                "status",
                "Says what the deployment claims now, and what its functions did last",
                "The status.",
                MEDIA_TYPE,
                &[] as &[ProblemKind],
            ),
            Self::Dashboard => (
                "dashboard",
                "Gives the figures of the dashboard",
                "The figures, of the last 24 hours and of the last hour.",
                MEDIA_TYPE,
                &[] as &[ProblemKind],
            ),
            Self::Metrics => (
                "metrics",
                "Gives the figures in the format of OpenMetrics",
                "The figures as text.",
                "application/openmetrics-text",
                &[] as &[ProblemKind],
            ),
            Self::Health => (
                "health",
                "Says whether the deployment is healthy",
                "The checks and their results.",
                MEDIA_TYPE,
                &[] as &[ProblemKind],
            ),
            Self::LatestReport => {
                ("latestReport", "Gives the newest report", "The report.", MEDIA_TYPE, OF_REPORT)
            }
            Self::OpenApi => {
                ("openapi", "Gives this document", "The document.", MEDIA_TYPE, &[] as &[ProblemKind])
            }
        };
        Operation { id, summary, description, media_type, problems }
    }
}

/// The document.
pub fn openapi() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let (mut requests, mut answers) =
        (settings.clone().for_deserialize().into_generator(), settings.for_serialize().into_generator());
    let body = schema_of::<ValidateRequest>(&mut requests);
    let problem = schema_of::<Problem>(&mut answers);
    let mut paths = Map::new();
    for route in Route::ALL {
        let Operation { id, summary, description, media_type, problems } = route.operation();
        let mut responses = Map::new();
        let answer = answer_schema(route, &mut answers);
        responses.insert(
            "200".to_owned(),
            json!({ "description": description, "content": { media_type: { "schema": answer } } }),
        );
        let common = [ProblemKind::InvalidRequest, ProblemKind::Failure, ProblemKind::Unavailable];
        for kind in common.iter().chain(problems) {
            let of_kind = Problem::new(*kind, "");
            responses.insert(
                kind.status().to_string(),
                json!({
                    "description": format!("{}.", of_kind.title),
                    "content": { PROBLEM_MEDIA_TYPE: { "schema": problem } },
                }),
            );
        }
        responses.insert(
            "403".to_owned(),
            json!({
                "description": "IAM does not authorize the request, so that it does not reach the function.",
                "content": { MEDIA_TYPE: { "schema": { "type": "object" } } },
            }),
        );
        responses.sort_keys();
        let mut operation = json!({ "operationId": id, "summary": summary, "responses": responses });
        let parameters: Vec<Value> = route.query().iter().map(|name| parameter(name)).collect();
        if let Some(members) = operation.as_object_mut() {
            if !parameters.is_empty() {
                members.insert("parameters".to_owned(), Value::from(parameters));
            }
            if route == Route::Validate {
                let content = json!({ "required": true, "content": { MEDIA_TYPE: { "schema": body } } });
                members.insert("requestBody".to_owned(), content);
            }
        }
        paths.insert(route.path().to_owned(), json!({ route.method().to_ascii_lowercase(): operation }));
    }
    let mut schemas = requests.take_definitions(true);
    schemas.extend(answers.take_definitions(true));
    schemas.sort_keys();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Onlooker",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Proves that AWS principals which are promised to be read-only are.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{
            "url": "https://{id}.lambda-url.{region}.on.aws",
            "description": "The function URL: the output `ApiUrl` of the stack.",
            "variables": { "id": { "default": "id" }, "region": { "default": "us-east-1" } },
        }],
        "security": [{ "sigv4": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "sigv4": {
                "type": "apiKey", "in": "header", "name": "Authorization",
                "description": "Signature Version 4 for the service `lambda`. The caller needs the permissions of `ApiCallerPolicyArn`.",
            } },
        },
    })
}

fn schema_of<T: JsonSchema + ?Sized>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

fn answer_schema(route: Route, generator: &mut SchemaGenerator) -> Value {
    match route {
        Route::Validate => schema_of::<ValidateResponse>(generator),
        Route::Status => schema_of::<StatusResponse>(generator),
        Route::Dashboard => schema_of::<Dashboard>(generator),
        Route::Health => schema_of::<Health>(generator),
        Route::LatestReport => schema_of::<Report>(generator),
        Route::Metrics => json!({ "type": "string" }),
        Route::OpenApi => json!({ "type": "object" }),
    }
}

fn parameter(name: &str) -> Value {
    json!({
        "name": name, "in": "query", "required": false, "schema": { "type": "boolean", "default": false },
        "description": "Whether each verdict has the statement of each source of the catalog.",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::json::{escape_json, tests::assert_document_is_current};

    #[test]
    fn the_published_schema_is_current() {
        let text = serde_json::to_string_pretty(&openapi()).unwrap();
        assert_document_is_current("openapi.json", &escape_json(text));
        let is_served = serde_json::from_str::<Value>(OPENAPI).unwrap() == openapi();
        assert!(
            is_served || std::env::var_os("UPDATE_SCHEMA").is_some(),
            "the function serves an older one: build it again"
        );
    }

    #[test]
    fn every_reference_leads_to_a_schema() {
        fn check(value: &Value, root: &Value) {
            if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
                assert!(root.pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference}");
            }
            match value {
                Value::Object(members) => members.values().for_each(|one| check(one, root)),
                Value::Array(items) => items.iter().for_each(|one| check(one, root)),
                _ => {}
            }
        }
        let document = openapi();
        check(&document, &document);
    }
}
