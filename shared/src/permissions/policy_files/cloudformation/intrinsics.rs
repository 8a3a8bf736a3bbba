//! Intrinsic functions of CloudFormation.
//!
//! Enters: a value of a template. Leaves: [`SourceValue`]. Laws: a function is replaced by its value only if the
//! template itself says it; every other function is a value that is not known; a parameter has its default, and a
//! pseudo parameter no value, except the account that the user names; a condition on a parameter is not decided.
//!
//! Source: CloudFormation User Guide, "Intrinsic function reference" and "Pseudo parameters reference", read 2026-11.

use std::sync::Arc;

use super::{
    super::value::{SourceValue, TextPart, joined, with_hash},
    Template,
};
use crate::grants::json::Json;

/// Deepest nesting of functions, through conditions and names of resources too.
const MAX_DEPTH: usize = 200;
/// Bytes of a text that count as one step.
const TEXT_STEP_BYTES: usize = 64;

impl Template<'_> {
    /// The value of a part of the template; none for `AWS::NoValue`.
    pub fn resolve(&self, json: &Json) -> Option<SourceValue> {
        self.resolve_at(json, 0)
    }

    pub(super) fn resolve_at(&self, json: &Json, depth: usize) -> Option<SourceValue> {
        if depth > MAX_DEPTH || !self.take_steps(1 + json.text().map_or(0, str::len) / TEXT_STEP_BYTES) {
            return Some(unknown("a value that takes too many steps", json));
        }
        match json {
            Json::List(items) => Some(SourceValue::List(
                items.iter().filter_map(|item| self.resolve_at(item, depth + 1)).collect(),
            )),
            Json::Object(members) => match members.as_slice() {
                [(name, argument)] if name == "Ref" || name.starts_with("Fn::") => {
                    self.function(name, argument, depth + 1)
                }
                // A macro may change the members beside it.
                members if members.iter().any(|(name, _)| name.starts_with("Fn::")) => {
                    Some(unknown("Fn::Transform", json))
                }
                members => {
                    let resolved = members
                        .iter()
                        .filter_map(|(name, value)| Some((name.clone(), self.resolve_at(value, depth + 1)?)));
                    Some(SourceValue::Object(resolved.collect()))
                }
            },
            literal => Some(SourceValue::of(literal)),
        }
    }

    fn function(&self, name: &str, argument: &Json, depth: usize) -> Option<SourceValue> {
        let not_known = || unknown(name, argument);
        let value = match name {
            "Ref" => match argument.text() {
                Some("AWS::NoValue") => return None,
                Some(name) => self.reference(name, depth),
                None => not_known(),
            },
            "Fn::GetAtt" => self.attribute(argument, depth).unwrap_or_else(not_known),
            "Fn::Sub" => self.substitute(argument, depth).unwrap_or_else(not_known),
            "Fn::Join" => self.join(argument, depth).unwrap_or_else(not_known),
            "Fn::Split" => self.split(argument, depth).unwrap_or_else(not_known),
            "Fn::Select" => self.select(argument, depth).unwrap_or_else(not_known),
            "Fn::FindInMap" => self.find_in_map(argument, depth).unwrap_or_else(not_known),
            "Fn::If" => return self.if_else(argument, depth).unwrap_or_else(|| Some(not_known())),
            _ => not_known(),
        };
        Some(value)
    }

    /// The value of `Ref`: of a parameter, a pseudo parameter or a resource.
    fn reference(&self, name: &str, depth: usize) -> SourceValue {
        if let Some(parameter) = self.parameters.and_then(|all| all.get(name)) {
            return self.parameter(name, parameter);
        }
        match (name, self.account) {
            ("AWS::AccountId", Some(account)) => SourceValue::text(account),
            _ => self.named(name, depth).unwrap_or_else(|| SourceValue::Unknown(name.into())),
        }
    }

    fn parameter(&self, name: &str, parameter: &Json) -> SourceValue {
        let kind = parameter.get("Type").and_then(Json::text).unwrap_or_default();
        let default = match self.given.get(name) {
            Some(value) => value.clone(),
            None => parameter.get("Default").and_then(Json::scalar),
        };
        match default {
            // The default names a parameter of Systems Manager, not the value.
            _ if kind.starts_with("AWS::SSM::Parameter::Value") => SourceValue::Unknown(name.into()),
            Some(text) if kind == "CommaDelimitedList" || kind.starts_with("List<") => SourceValue::List(
                text.split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(SourceValue::text)
                    .collect(),
            ),
            Some(text) => SourceValue::text(text),
            None => SourceValue::Unknown(name.into()),
        }
    }

    /// The name that a resource is given, for types of which `Ref` returns the name.
    fn named(&self, id: &str, depth: usize) -> Option<SourceValue> {
        let (kind, properties) = self.resource(id)?;
        let property = match kind {
            "AWS::IAM::Role" => "RoleName",
            "AWS::IAM::User" => "UserName",
            "AWS::IAM::Group" => "GroupName",
            "AWS::S3::Bucket" => "BucketName",
            "AWS::DynamoDB::Table" => "TableName",
            "AWS::Lambda::Function" => "FunctionName",
            _ => return None,
        };
        self.resolve_at(properties.get(property)?, depth + 1)
    }

    /// `Fn::GetAtt`, as a list or as `Resource.Attribute`.
    fn attribute(&self, argument: &Json, depth: usize) -> Option<SourceValue> {
        let (id, attribute) = match argument {
            Json::Text(text) => text.split_once('.')?,
            Json::List(items) => match items.as_slice() {
                [id, attribute] => (id.text()?, attribute.text()?),
                _ => return None,
            },
            _ => return None,
        };
        let not_known = || SourceValue::Unknown(format!("{id}.{attribute}").into());
        let (kind, properties) = self.resource(id)?;
        let place = match (kind, attribute) {
            ("AWS::S3::Bucket", "Arn") => ":s3:::",
            ("AWS::IAM::Role", "Arn") => return self.principal_arn("role", id, properties, depth),
            ("AWS::IAM::User", "Arn") => return self.principal_arn("user", id, properties, depth),
            _ => return Some(not_known()),
        };
        let Some(name) = self.named(id, depth).and_then(|name| name.text_parts()) else {
            return Some(not_known());
        };
        let partition = [TextPart::Known("arn:".into()), TextPart::Unknown("AWS::Partition".into())];
        Some(joined(partition.into_iter().chain([TextPart::Known(place.into())]).chain(name)))
    }

    /// The ARN of a role or user of the template. Without a name, the name is a value that only a deployment generates.
    fn principal_arn(&self, word: &str, id: &str, properties: &Json, depth: usize) -> Option<SourceValue> {
        let path = match properties.get("Path") {
            Some(path) => self.resolve_at(path, depth + 1)?.text_parts()?,
            None => vec![TextPart::Known("/".to_owned())],
        };
        let name = match self.named(id, depth) {
            Some(name) => name.text_parts()?,
            None => vec![TextPart::Unknown(id.into())],
        };
        let account = match self.account {
            Some(account) => TextPart::Known(account.to_owned()),
            None => TextPart::Unknown("AWS::AccountId".into()),
        };
        let known = |text: &str| TextPart::Known(text.to_owned());
        let arn = [known("arn:"), TextPart::Unknown("AWS::Partition".into()), known(":iam::"), account];
        Some(joined(arn.into_iter().chain([known(&format!(":{word}"))]).chain(path).chain(name)))
    }

    /// `Fn::Sub`, with or without variables of its own.
    fn substitute(&self, argument: &Json, depth: usize) -> Option<SourceValue> {
        let (text, own) = match argument {
            Json::Text(text) => (text.as_str(), &[][..]),
            Json::List(items) => match items.as_slice() {
                [text] => (text.text()?, &[][..]),
                [text, own @ Json::Object(_)] => (text.text()?, own.members()),
                _ => return None,
            },
            _ => return None,
        };
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            parts.push(TextPart::Known(before.to_owned()));
            let (name, after) = after.split_once('}')?;
            rest = after;
            // `${!Literal}` is the text `${Literal}`.
            if let Some(literal) = name.strip_prefix('!') {
                parts.push(TextPart::Known(format!("${{{literal}}}")));
                continue;
            }
            let name = name.trim();
            let value = match own.iter().find(|(own, _)| own == name) {
                Some((_, value)) => self.resolve_at(value, depth + 1)?,
                None if name.contains('.') => {
                    let argument = Json::Text(name.to_owned());
                    self.attribute(&argument, depth).unwrap_or_else(|| SourceValue::Unknown(name.into()))
                }
                None => self.reference(name, depth),
            };
            parts.extend(value.text_parts()?);
        }
        parts.push(TextPart::Known(rest.to_owned()));
        Some(joined(parts.into_iter().filter(|part| *part != TextPart::Known(String::new()))))
    }

    fn join(&self, argument: &Json, depth: usize) -> Option<SourceValue> {
        let Json::List(items) = argument else { return None };
        let [divider, items] = items.as_slice() else { return None };
        let divider = divider.text()?;
        let SourceValue::List(items) = self.resolve_at(items, depth)? else { return None };
        let mut parts = Vec::new();
        for (n, item) in items.iter().enumerate() {
            if n > 0 && !divider.is_empty() {
                parts.push(TextPart::Known(divider.to_owned()));
            }
            parts.extend(item.text_parts()?);
        }
        Some(joined(parts.into_iter().filter(|part| *part != TextPart::Known(String::new()))))
    }

    fn split(&self, argument: &Json, depth: usize) -> Option<SourceValue> {
        let Json::List(items) = argument else { return None };
        let [divider, text] = items.as_slice() else { return None };
        let divider = divider.text().filter(|divider| !divider.is_empty())?;
        let text = self.resolve_at(text, depth)?.known_text()?;
        Some(SourceValue::List(text.split(divider).map(SourceValue::text).collect()))
    }

    fn select(&self, argument: &Json, depth: usize) -> Option<SourceValue> {
        let Json::List(items) = argument else { return None };
        let [index, items] = items.as_slice() else { return None };
        let index: usize = self.resolve_at(index, depth)?.known_text()?.parse().ok()?;
        let SourceValue::List(items) = self.resolve_at(items, depth)? else { return None };
        items.into_iter().nth(index)
    }

    fn find_in_map(&self, argument: &Json, depth: usize) -> Option<SourceValue> {
        let Json::List(items) = argument else { return None };
        let [map, first, second] = items.as_slice() else { return None };
        let key = |json: &Json| self.resolve_at(json, depth)?.known_text();
        let found = self.mappings?.get(&key(map)?)?.get(&key(first)?)?.get(&key(second)?)?;
        self.resolve_at(found, depth)
    }

    /// `Fn::If`; the outer option is none if the function is not well formed.
    fn if_else(&self, argument: &Json, depth: usize) -> Option<Option<SourceValue>> {
        let Json::List(items) = argument else { return None };
        let [condition, then, otherwise] = items.as_slice() else { return None };
        let condition = condition.text()?;
        let branch = |json: &Json| self.resolve_at(json, depth);
        Some(match self.condition(condition) {
            Some(true) => branch(then),
            Some(false) => branch(otherwise),
            None => {
                let name: Arc<str> = condition.into();
                match (branch(then), branch(otherwise)) {
                    (None, None) => None,
                    (a, b) if a == b => a,
                    branches => Some(SourceValue::Choice(name, Box::new(branches.into()))),
                }
            }
        })
    }

    /// Whether a condition of the template holds; none if the template does not decide it.
    pub fn condition(&self, name: &str) -> Option<bool> {
        self.decide(self.conditions?.get(name)?, 0)
    }

    fn decide(&self, json: &Json, depth: usize) -> Option<bool> {
        let [(name, argument)] = json.members() else { return None };
        if depth > MAX_DEPTH || !self.take_steps(1) {
            return None;
        }
        let arguments = match argument {
            Json::List(items) => items.as_slice(),
            _ => &[],
        };
        let each = || arguments.iter().map(|one| self.decide(one, depth + 1)).collect::<Vec<_>>();
        match (name.as_str(), arguments) {
            ("Condition", _) => self.decide(self.conditions?.get(argument.text()?)?, depth + 1),
            ("Fn::Not", [one]) => self.decide(one, depth + 1).map(|truth| !truth),
            ("Fn::And", [_, ..]) => match each() {
                all if all.contains(&Some(false)) => Some(false),
                all => all.iter().all(Option::is_some).then_some(true),
            },
            ("Fn::Or", [_, ..]) => match each() {
                all if all.contains(&Some(true)) => Some(true),
                all => all.iter().all(Option::is_some).then_some(false),
            },
            // A default is a value, and not the value of every deployment: a condition would hide the other.
            ("Fn::Equals", [a, b]) if self.names_a_parameter(a) || self.names_a_parameter(b) => None,
            ("Fn::Equals", [a, b]) => {
                let text = |json: &Json| self.resolve_at(json, depth + 1)?.known_text();
                Some(text(a)? == text(b)?)
            }
            _ => None,
        }
    }
}

impl Template<'_> {
    /// Whether a text of a value is the name of a parameter, or has it as a variable of `Fn::Sub`.
    fn names_a_parameter(&self, json: &Json) -> bool {
        let parameters = self.parameters.map(Json::members).unwrap_or_default();
        match json {
            Json::Text(text) => {
                parameters.iter().any(|(name, _)| name == text || text.contains(&format!("${{{name}}}")))
            }
            Json::List(items) => items.iter().any(|item| self.names_a_parameter(item)),
            Json::Object(members) => members.iter().any(|(_, value)| self.names_a_parameter(value)),
            _ => false,
        }
    }
}

/// A function without a known value. Functions with different arguments have different names.
fn unknown(name: &str, argument: &Json) -> SourceValue {
    SourceValue::Unknown(with_hash(name, &serde_json::to_string(argument).unwrap_or_default()).into())
}
