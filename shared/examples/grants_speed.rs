//! Measures the evaluation of policies: `grants_speed FILE...`.
//!
//! Each file is a policy document, or a JSON object with one under `document`. Prints for each how long its first and
//! its later expansions over the catalog take, then how long a thousand roles take that share these policies and have
//! one distinct policy each.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring tool, not shipped")]

use std::{env, fs, time::Instant};

use onlooker_core::{
    catalog::Catalog,
    grants::{Evaluator, Policy, PolicyOrigin, PolicySnapshot},
};
use serde_json::Value;

fn main() {
    let catalog = Catalog::embedded();
    let start = Instant::now();
    let evaluator = Evaluator::new(catalog);
    println!("index of the catalog: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    let policies: Vec<Policy> = env::args()
        .skip(1)
        .map(|path| {
            let file: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            let text = file.get("document").unwrap_or(&file).to_string();
            Policy { name: path.as_str().into(), origin: PolicyOrigin::Attached, text: text.into() }
        })
        .collect();
    let role = |name: &str, identity: Vec<Policy>| PolicySnapshot {
        principal: format!("arn:aws:iam::111122223333:role/{name}").into(),
        identity_policies: identity,
        ..PolicySnapshot::default()
    };
    for policy in &policies {
        let snapshot = role("one", vec![policy.clone()]);
        let mut times = Vec::new();
        let mut count = 0;
        for _ in 0..3 {
            let start = Instant::now();
            count = evaluator.grants(&snapshot).entries.len();
            times.push(format!("{:.1}", start.elapsed().as_secs_f64() * 1e3));
        }
        println!("{}: {count} actions, {} ms", policy.name, times.join(", "));
    }
    let services = ["s3", "ec2", "iam", "sqs", "kms", "lambda", "logs", "dynamodb", "sns", "ecs"];
    let start = Instant::now();
    let mut total = 0;
    for n in 0..1_000_usize {
        let service = services.get(n % services.len()).unwrap();
        let own = format!(
            r#"{{"Version":"2012-10-17","Statement":[
                {{"Effect":"Allow","Action":["{service}:*","sts:AssumeRole{n}"],"Resource":"arn:aws:{service}:::app-{n}/*"}},
                {{"Effect":"Allow","NotAction":["iam:*","{service}:Put*"],"Resource":"*","Condition":{{"StringEquals":{{"aws:ResourceTag/app":"{n}"}}}}}},
                {{"Effect":"Deny","Action":"{service}:Delete*","Resource":"arn:aws:{service}:::app-{n}/keep/*"}}]}}"#
        );
        let mut identity = policies.clone();
        identity.push(Policy { name: "own".into(), origin: PolicyOrigin::Inline, text: own.into() });
        total += evaluator.grants(&role(&n.to_string(), identity)).entries.len();
    }
    println!("1000 roles: {total} grants, {:.2} s", start.elapsed().as_secs_f64());
}
