//! Enters: a request to the API. Law: it is answered with JSON, or refused with a status of the client; each operation has one verdict and
//! one audit entry.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use onlooker_core::{
    api::{ApiRequest, ApiResponse, ValidationCriteria, route, validate},
    catalog::Catalog,
    config::{Config, Standard},
    controls::ControlPack,
    time::Time,
};

static SETTINGS: OnceLock<(Config, ControlPack)> = OnceLock::new();

fuzz_target!(|request: (&str, &str, bool, &[u8])| {
    let (method, path, is_validation, body) = request;
    let (config, pack) = SETTINGS.get_or_init(|| {
        (Config::default(), ControlPack::built_in(Standard::General).expect("a built-in pack"))
    });
    let (method, path) = if is_validation { ("POST", "/validate") } else { (method, path) };
    let request = ApiRequest { method, path, content_type: Some("application/json"), body, ..ApiRequest::default() };
    let answer = route(method, path).and_then(|_| {
        let criteria = ValidationCriteria {
            catalog: Catalog::embedded(),
            config,
            pack,
            now: Time(1_800_000_000),
            run_id: "run",
            recorded_by: "api",
        };
        let done = validate(&request, &criteria)?;
        assert!(!done.entries.is_empty());
        done.to_response()
    });
    let response = answer.unwrap_or_else(|problem| {
        let response = ApiResponse::from(problem);
        assert!((400..500).contains(&response.status), "{response:?}");
        response
    });
    assert!(serde_json::from_str::<serde_json::Value>(&response.body).is_ok(), "{response:?}");
});
