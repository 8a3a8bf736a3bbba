//! Policy documents, by the grammar of IAM.
//!
//! Enters: the text of a document. Leaves: [`PolicyDocument`]. Laws: a statement that breaks the grammar is a problem
//! and is not evaluated; an unknown element is a problem and makes its statement conditional; a document or statement
//! that is not known says why.
//!
//! Grammar: IAM User Guide, "Grammar of the IAM JSON policy language", read 2026-11.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    PolicyProblemKind,
    json::Json,
    operator::Operator,
    statement::{Condition, Effect, PatternList, PolicyStatement, PrincipalElement},
};

/// The type of a policy, which decides which elements a document must have and must not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum PolicyType {
    /// Identity-based policy, permissions boundary or service control policy.
    Identity,
    /// Resource-based policy.
    Resource,
    /// Resource control policy.
    ResourceControl,
}

/// A problem in a document or in one of its statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DocumentProblem {
    pub statement: Option<Arc<str>>,
    pub kind: PolicyProblemKind,
    pub message: String,
    /// Whether an allow may have been lost to the problem.
    pub may_lose_allow: bool,
}

/// A parsed document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PolicyDocument {
    pub statements: Vec<PolicyStatement>,
    pub problems: Vec<DocumentProblem>,
}

/// The problem of a document with an empty text.
pub(crate) const MISSING_DOCUMENT: &str = "the document is in none of the given files";

/// The beginning of a text in the place of a document or statement that is not known.
const UNDETERMINED: &str = "undetermined: ";

/// A text in the place of a document or statement that is not known, with the reason. It is malformed, so that it is
/// never taken as the absence of a policy.
pub fn undetermined_text(reason: &str) -> String {
    format!("{UNDETERMINED}{reason}")
}

/// What a text in the place of a document or statement says about it; none for any other text.
fn undetermined_reason(text: &str) -> Option<String> {
    let reason = text.strip_prefix(UNDETERMINED)?;
    let short: String = reason.chars().take(300).collect();
    Some(format!("it cannot be determined from the given files: {short}"))
}

/// Longest text of a document; IAM's own limits are below 32 KiB for all policy types.
const MAX_DOCUMENT_BYTES: usize = 256 * 1024;
/// Longest name or pattern; an ARN has at most 2,048 characters.
const MAX_TEXT_BYTES: usize = 2_048;

impl PolicyDocument {
    /// Parses the text of a policy document.
    pub fn parse(text: &str, kind: PolicyType) -> Self {
        Self::try_parse(text, kind).unwrap_or_else(|what| Self {
            statements: Vec::new(),
            problems: vec![DocumentProblem {
                statement: None,
                kind: PolicyProblemKind::Malformed,
                message: what,
                may_lose_allow: true,
            }],
        })
    }

    fn try_parse(text: &str, kind: PolicyType) -> Result<Self, String> {
        if text.len() > MAX_DOCUMENT_BYTES {
            return Err(format!("the document is longer than {MAX_DOCUMENT_BYTES} bytes"));
        }
        if text.is_empty() {
            return Err(MISSING_DOCUMENT.to_owned());
        }
        if let Some(reason) = undetermined_reason(text) {
            return Err(reason);
        }
        let json: Json =
            serde_json::from_str(text).map_err(|error| format!("the document is not valid JSON: {error}"))?;
        let Json::Object(members) = json else { return Err("the document is not a JSON object".to_owned()) };
        check_unique_names(&members)?;
        let mut has_variables = false;
        let mut statements = None;
        for (name, value) in &members {
            match (name.as_str(), value) {
                ("Version", Json::Text(version)) => match version.as_str() {
                    "2012-10-17" => has_variables = true,
                    "2008-10-17" => {}
                    other => {
                        return Err(format!(
                            "`{}` is not a version of the policy language",
                            truncated(other)
                        ));
                    }
                },
                ("Id", Json::Text(_)) => {}
                ("Statement", Json::Object(_) | Json::List(_)) => statements = Some(value.as_list()),
                ("Version" | "Id" | "Statement", _) => {
                    return Err(format!("`{name}` has the wrong type"));
                }
                _ => return Err(format!("`{}` is not an element of a policy document", truncated(name))),
            }
        }
        let statements = statements.ok_or("the document has no `Statement`")?;
        let mut document = Self::default();
        let mut labels = BTreeSet::new();
        for (n, json) in statements.iter().enumerate() {
            document.add_statement(json, n + 1, kind, has_variables, &mut labels);
        }
        Ok(document)
    }

    fn add_statement(
        &mut self,
        json: &Json,
        position: usize,
        kind: PolicyType,
        has_variables: bool,
        labels: &mut BTreeSet<Arc<str>>,
    ) {
        let label = label(json, position, labels);
        let problem = |kind, what, may_allow| DocumentProblem {
            statement: Some(Arc::clone(&label)),
            kind,
            message: what,
            may_lose_allow: may_allow,
        };
        match statement(json, kind, has_variables, &label) {
            Ok(statement) => {
                let may_allow = statement.effect == Effect::Allow;
                let open = statement.unevaluated.iter();
                self.problems.extend(
                    open.map(|what| problem(PolicyProblemKind::Unsupported, what.to_string(), may_allow)),
                );
                self.statements.push(statement);
            }
            Err(what) => {
                let denies = matches!(json, Json::Object(members) if members.iter().filter(|(name, _)| name == "Effect")
                    .all(|(_, effect)| *effect == Json::Text("Deny".to_owned()))
                    && members.iter().any(|(name, _)| name == "Effect"));
                self.problems.push(problem(PolicyProblemKind::Malformed, what, !denies));
            }
        }
    }
}

// The `Sid` if it is unique and does not start with `#`; otherwise the position, followed by the `Sid`.
fn label(json: &Json, position: usize, taken: &mut BTreeSet<Arc<str>>) -> Arc<str> {
    let sid = match json {
        Json::Object(members) => members.iter().find_map(|(name, value)| match value {
            Json::Text(sid) if name == "Sid" && !sid.is_empty() && sid.len() <= 128 => Some(sid.as_str()),
            _ => None,
        }),
        _ => None,
    };
    let label: Arc<str> = match sid {
        Some(sid) if !sid.starts_with('#') && !taken.contains(sid) => sid.into(),
        Some(sid) => format!("#{position} {sid}").into(),
        None => format!("#{position}").into(),
    };
    taken.insert(Arc::clone(&label));
    label
}

fn check_unique_names(members: &[(String, Json)]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    match members.iter().find(|(name, _)| !seen.insert(name)) {
        Some((name, _)) => Err(format!("`{}` is given twice", truncated(name))),
        None => Ok(()),
    }
}

fn statement(
    json: &Json,
    kind: PolicyType,
    has_variables: bool,
    label: &Arc<str>,
) -> Result<PolicyStatement, String> {
    let Json::Object(members) = json else {
        let reason = json.text().and_then(undetermined_reason);
        return Err(reason.unwrap_or_else(|| "the statement is not a JSON object".to_owned()));
    };
    check_unique_names(members)?;
    let (mut effect, mut actions, mut resources, mut principals) = (None, None, None, None);
    let (mut conditions, mut open) = (Vec::new(), Vec::new());
    for (name, value) in members {
        match name.as_str() {
            "Sid" => drop(value.scalar().ok_or("`Sid` is not a string")?),
            "Effect" => {
                effect = Some(match value {
                    Json::Text(word) if word == "Allow" => Effect::Allow,
                    Json::Text(word) if word == "Deny" => Effect::Deny,
                    _ => return Err("`Effect` is not `Allow` or `Deny`".to_owned()),
                });
            }
            "Action" | "NotAction" => {
                check_absent(&actions, "Action")?;
                let patterns = patterns(name, value)?;
                if let Some(pattern) = patterns.iter().find(|pattern| has_wildcard_service(pattern)) {
                    return Err(format!(
                        "`{}` in `{name}` has a wildcard in its service prefix; IAM accepts one only in `*` and `*:*`",
                        truncated(pattern)
                    ));
                }
                actions = Some(PatternList { is_negated: name != "Action", patterns });
            }
            "Resource" | "NotResource" => {
                check_absent(&resources, "Resource")?;
                resources =
                    Some(PatternList { is_negated: name != "Resource", patterns: patterns(name, value)? });
            }
            "Principal" | "NotPrincipal" => {
                check_absent(&principals, "Principal")?;
                principals = Some(principal(name != "Principal", value)?);
            }
            "Condition" => conditions = self::conditions(value, &mut open)?,
            // With the wrong case, whether AWS takes it as the element cannot be determined.
            other if ELEMENTS.iter().any(|element| element.eq_ignore_ascii_case(other)) => {
                return Err(format!("`{}` is an element in the wrong case", truncated(other)));
            }
            other => open.push(format!("element `{}` is not evaluated", truncated(other)).into()),
        }
    }
    if kind == PolicyType::Identity && principals.is_some() {
        return Err("`Principal` is allowed only in a resource-based policy".to_owned());
    }
    if kind == PolicyType::Resource && principals.is_none() {
        return Err("the statement has no `Principal`".to_owned());
    }
    if kind != PolicyType::Resource && resources.is_none() {
        return Err("the statement has no `Resource`".to_owned());
    }
    Ok(PolicyStatement {
        label: Arc::clone(label),
        effect: effect.ok_or("the statement has no `Effect`")?,
        actions: actions.ok_or("the statement has no `Action`")?,
        resources,
        principals,
        conditions,
        unevaluated: open,
        has_variables,
    })
}

const ELEMENTS: [&str; 9] = [
    "Sid",
    "Effect",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Principal",
    "NotPrincipal",
    "Condition",
];

/// Whether a pattern of actions has a wildcard before its colon. `*` and `*:*` mean every action.
fn has_wildcard_service(pattern: &str) -> bool {
    pattern != "*:*" && pattern.split_once(':').is_some_and(|(service, _)| service.contains(['*', '?']))
}

fn check_absent<T>(found: &Option<T>, name: &str) -> Result<(), String> {
    match found {
        Some(_) => Err(format!("the statement has both `{name}` and `Not{name}`")),
        None => Ok(()),
    }
}

fn patterns(name: &str, value: &Json) -> Result<Vec<Arc<str>>, String> {
    let patterns: Option<Vec<Arc<str>>> = value
        .as_list()
        .iter()
        .map(|item| match item {
            Json::Text(text) if !text.is_empty() && text.len() <= MAX_TEXT_BYTES => {
                Some(text.as_str().into())
            }
            _ => None,
        })
        .collect();
    match patterns {
        Some(patterns) if !patterns.is_empty() => Ok(patterns),
        _ => Err(format!("`{name}` is not a pattern or a list of patterns")),
    }
}

fn principal(is_not: bool, value: &Json) -> Result<PrincipalElement, String> {
    let wrong = || "`Principal` is not `*` or an object of known principal types".to_owned();
    let mut principals = PrincipalElement {
        is_negated: is_not,
        aws: Vec::new(),
        services: Vec::new(),
        providers: Vec::new(),
        has_canonical_user: false,
    };
    match value {
        Json::Text(text) if text == "*" => principals.aws.push("*".into()),
        Json::Object(members) if !members.is_empty() => {
            check_unique_names(members)?;
            for (name, value) in members {
                let list = patterns("Principal", value)?;
                match name.as_str() {
                    "AWS" => principals.aws.extend(list),
                    "CanonicalUser" => principals.has_canonical_user = true,
                    "Service" => principals.services.extend(list),
                    "Federated" => principals.providers.extend(list),
                    _ => return Err(wrong()),
                }
            }
        }
        _ => return Err(wrong()),
    }
    Ok(principals)
}

fn conditions(value: &Json, open: &mut Vec<Arc<str>>) -> Result<Vec<Condition>, String> {
    let Json::Object(operators) = value else { return Err("`Condition` is not a JSON object".to_owned()) };
    check_unique_names(operators)?;
    let mut conditions = Vec::new();
    for (name, keys) in operators {
        let Json::Object(keys) = keys else {
            return Err(format!("the value of operator `{}` is not a JSON object", truncated(name)));
        };
        let lower: Vec<(String, Json)> =
            keys.iter().map(|(key, _)| (key.to_ascii_lowercase(), Json::Null)).collect();
        check_unique_names(&lower)?;
        let operator = Operator::parse(name);
        if operator.is_none() {
            open.push(format!("operator `{}` is not evaluated", truncated(name)).into());
        }
        for (key, values) in keys {
            let texts: Option<Vec<Arc<str>>> =
                values.as_list().iter().map(|value| value.scalar().map(Into::into)).collect();
            let values = texts.ok_or_else(|| {
                format!("a value of `{}` is not a string, number or Boolean", truncated(key))
            })?;
            if key.len() > MAX_TEXT_BYTES || values.iter().any(|value| value.len() > MAX_TEXT_BYTES) {
                return Err("a condition key or value is longer than 2048 bytes".to_owned());
            }
            let Some(operator) = operator else { continue };
            if values.is_empty() {
                open.push(format!("`{}` without values is not evaluated", truncated(key)).into());
                continue;
            }
            conditions.push(Condition {
                operator,
                operator_name: name.as_str().into(),
                lowercase_key: key.to_ascii_lowercase(),
                key: key.as_str().into(),
                values,
            });
        }
    }
    Ok(conditions)
}

/// The first 64 characters of a text, for a message.
fn truncated(text: &str) -> String {
    let mut short: String = text.chars().take(64).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
