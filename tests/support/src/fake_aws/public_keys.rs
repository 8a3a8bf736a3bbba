//! ListPublicKeys: the keys of a region, page by page.

use serde_json::{Value, json};

use super::{FakeAwsState, HttpRequest, HttpResponse};

pub fn list_public_keys(state: &FakeAwsState, request: &HttpRequest) -> HttpResponse {
    let asked = request.json();
    assert!(asked["StartTime"].is_number() && asked["EndTime"].is_number(), "{asked}");
    let page = asked["NextToken"].as_str().map_or(0, |token| token.parse().expect("a page"));
    let pages = state.public_keys.get(&request.region()).map(Vec::as_slice).unwrap_or_default();
    let Some(keys) = pages.get(page) else { return HttpResponse::json(200, &json!({"PublicKeyList": []})) };
    let mut answer: Value = serde_json::from_str(&keys.to_json()).expect("JSON");
    for key in answer["PublicKeyList"].as_array_mut().expect("a list") {
        // The service writes times as seconds.
        for name in ["ValidityStartTime", "ValidityEndTime"] {
            let time = key[name].as_str().and_then(onlooker_core::time::Time::parse).expect("a time");
            key[name] = json!(time.0);
        }
    }
    if page + 1 < pages.len() {
        answer["NextToken"] = json!((page + 1).to_string());
    }
    HttpResponse::json(200, &answer)
}
