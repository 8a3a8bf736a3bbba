//! A fake DynamoDB: the requests that Onlooker's table makes.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{FakeAwsState, HttpRequest, HttpResponse};

/// Items by partition and sort key.
pub type TableItems = BTreeMap<(String, String), Map<String, Value>>;

/// Items on a page: few, so that there are pages.
const PAGE_SIZE: usize = 3;

pub fn serve(state: &mut FakeAwsState, name: &str, request: &HttpRequest) -> HttpResponse {
    let asked = request.json();
    let Some(table) = asked["TableName"].as_str().and_then(|name| state.tables.get_mut(name)) else {
        return HttpResponse::error(400, "ResourceNotFoundException", "Requested resource not found");
    };
    match name {
        "Query" => query(table, &asked),
        "Scan" => scan(table, &asked),
        "DescribeTable" => {
            let mut described = json!({ "TableId": "table-1" });
            if let Some(time) = state.restored_to {
                described["RestoreSummary"] = json!({ "RestoreDateTime": time, "RestoreInProgress": false });
            }
            HttpResponse::json(200, &json!({ "Table": described }))
        }
        "UpdateItem" => update(table, &asked),
        _ => {
            table.remove(&key(&asked["Key"]));
            HttpResponse::json(200, &json!({}))
        }
    }
}

fn key(of: &Value) -> (String, String) {
    let text = |name: &str| of[name]["S"].as_str().expect("a text").to_owned();
    (text("pk"), text("sk"))
}

fn query(table: &TableItems, asked: &Value) -> HttpResponse {
    assert_eq!(asked["ConsistentRead"], json!(true), "reads are consistent");
    let values = &asked["ExpressionAttributeValues"];
    let text = |name: &str| values[name]["S"].as_str();
    let (pk, sk) = match asked["KeyConditionExpression"].as_str() {
        Some("pk = :pk") => (text(":pk").expect("pk"), ""),
        Some("pk = :pk AND begins_with(sk, :sk)") => (text(":pk").expect("pk"), text(":sk").expect("sk")),
        other => panic!("unknown condition {other:?}"),
    };
    if text(":sk") == Some("") {
        return HttpResponse::error(400, "ValidationException", "One or more parameter values are not valid");
    }
    let begin = asked.get("ExclusiveStartKey").map(key);
    let found: Vec<_> = table
        .iter()
        .filter(|((p, s), _)| p == pk && s.starts_with(sk))
        .filter(|(at, _)| begin.as_ref().is_none_or(|begin| *at > begin))
        .collect();
    let items: Vec<_> = found.iter().take(PAGE_SIZE).map(|(_, item)| item).collect();
    let mut answer = json!({ "Items": items, "Count": items.len(), "ScannedCount": items.len() });
    if let Some((pk, sk)) = found.get(PAGE_SIZE - 1).map(|(at, _)| at) {
        // As in DynamoDB, a full page has a next page, even if that page is empty.
        answer["LastEvaluatedKey"] = json!({ "pk": { "S": pk }, "sk": { "S": sk } });
    }
    HttpResponse::json(200, &answer)
}

fn scan(table: &TableItems, asked: &Value) -> HttpResponse {
    assert_eq!(asked["ConsistentRead"], json!(true), "reads are consistent");
    let begin = asked.get("ExclusiveStartKey").map(key);
    let found: Vec<_> = table
        .iter()
        .filter(|(at, _)| begin.as_ref().is_none_or(|begin| *at > begin))
        .take(PAGE_SIZE)
        .collect();
    let items: Vec<_> = found.iter().map(|(_, item)| item).collect();
    let mut answer = json!({ "Items": items, "Count": items.len(), "ScannedCount": items.len() });
    if let Some((pk, sk)) = found.get(PAGE_SIZE - 1).map(|(at, _)| at) {
        answer["LastEvaluatedKey"] = json!({ "pk": { "S": pk }, "sk": { "S": sk } });
    }
    HttpResponse::json(200, &answer)
}

fn update(table: &mut TableItems, asked: &Value) -> HttpResponse {
    let (key, values) = (key(&asked["Key"]), &asked["ExpressionAttributeValues"]);
    if key.1.is_empty() {
        return HttpResponse::error(400, "ValidationException", "One or more parameter values are not valid");
    }
    let old = table.get(&key).cloned();
    let revision = |item: &Map<String, Value>| item["rev"]["N"].as_str().expect("a number").to_owned();
    let holds = match asked["ConditionExpression"].as_str() {
        None => true,
        Some("attribute_not_exists(#rev)") => old.is_none(),
        Some("#rev = :rev") => old.as_ref().map(revision).as_deref() == values[":rev"]["N"].as_str(),
        other => panic!("unknown condition {other:?}"),
    };
    if !holds {
        let mut body = json!({
            "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
            "message": "The conditional request failed",
        });
        if let (Some(old), Some("ALL_OLD")) = (old, asked["ReturnValuesOnConditionCheckFailure"].as_str()) {
            body["Item"] = Value::Object(old);
        }
        return HttpResponse::json(400, &body);
    }
    let mut item = old.unwrap_or_default();
    let before: u64 = item.get("rev").map_or(0, |rev| rev["N"].as_str().unwrap().parse().unwrap());
    item.insert("pk".to_owned(), json!({ "S": key.0 }));
    item.insert("sk".to_owned(), json!({ "S": key.1 }));
    item.insert("rev".to_owned(), json!({ "N": (before + 1).to_string() }));
    for (name, given) in [("body", ":body"), ("write", ":write")] {
        item.insert(name.to_owned(), normalized(&values[given]));
    }
    match asked["UpdateExpression"].as_str().expect("an expression") {
        "SET #body = :body, #write = :write, #ttl = :ttl ADD #rev :one" => {
            item.insert("ttl".to_owned(), values[":ttl"].clone());
        }
        "SET #body = :body, #write = :write REMOVE #ttl ADD #rev :one" => {
            item.remove("ttl");
        }
        other => panic!("unknown change {other}"),
    }
    table.insert(key, item);
    HttpResponse::json(200, &json!({}))
}

/// A value as DynamoDB stores it: numbers lose a trailing `.0`.
fn normalized(value: &Value) -> Value {
    match value {
        Value::Object(fields) if fields.len() == 1 && fields.contains_key("N") => {
            let text = fields["N"].as_str().expect("a number");
            json!({ "N": text.strip_suffix(".0").unwrap_or(text) })
        }
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), normalized(value))).collect()
        }
        Value::Array(items) => items.iter().map(normalized).collect(),
        other => other.clone(),
    }
}
