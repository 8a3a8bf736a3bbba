//! Condition operators, with their set prefixes and `IfExists`.
//!
//! Enters: the values of a key in a request, and those of a policy. Leaves: true, false, or none if it cannot be
//! determined. Laws: for one value of a request, an operator and its negation are never both true; a set operator
//! tests each value of the request.
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Set operators for multivalued context
//! keys", read 2026-11.

use std::net::IpAddr;

use super::variable::ResolvedPattern;
use crate::pattern::CompiledPattern;

/// The type of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Comparison {
    Text { ignores_case: bool, allows_wildcards: bool },
    Number(Relation),
    Date(Relation),
    Bool,
    Binary,
    Ip,
    Arn,
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Relation {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum SetOperator {
    /// The prefix `ForAllValues:`: every value in the request must match.
    All,
    /// The prefix `ForAnyValue:`: at least one value in the request must match.
    Any,
}

/// An operator with its prefix and suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Operator {
    comparison: Comparison,
    is_negated: bool,
    if_exists: bool,
    set: Option<SetOperator>,
}

/// How texts are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextComparison {
    /// Letter by letter, with wildcards if the operator has them.
    Exact,
    /// Letter by letter, with case ignored.
    IgnoringCase,
    /// Part by part of an ARN, with wildcards.
    Arn,
}

/// True, false, or unknown (`None`).
pub(super) type OptionalTruth = Option<bool>;

/// Whether all are true: false if one is false, else unknown if one is unknown.
pub(super) fn all(truths: impl IntoIterator<Item = OptionalTruth>) -> OptionalTruth {
    let mut result = Some(true);
    for truth in truths {
        match truth {
            Some(false) => return Some(false),
            None => result = None,
            Some(true) => {}
        }
    }
    result
}

/// Whether any is true: true if one is true, else unknown if one is unknown.
pub(super) fn any(truths: impl IntoIterator<Item = OptionalTruth>) -> OptionalTruth {
    not(all(truths.into_iter().map(not)))
}

/// The negation of a truth value; not known stays not known.
pub(super) fn not(truth: OptionalTruth) -> OptionalTruth {
    truth.map(|truth| !truth)
}

impl Operator {
    /// The operator of this name; none if there is none.
    pub fn parse(name: &str) -> Option<Self> {
        let (set, name) = match name.split_once(':') {
            Some(("ForAllValues", name)) => (Some(SetOperator::All), name),
            Some(("ForAnyValue", name)) => (Some(SetOperator::Any), name),
            Some(_) => return None,
            None => (None, name),
        };
        let (if_exists, name) = name.strip_suffix("IfExists").map_or((false, name), |name| (true, name));
        let text = |folds, is_wild| Comparison::Text { ignores_case: folds, allows_wildcards: is_wild };
        let (base, negates) = match name {
            "StringEquals" => (text(false, false), false),
            "StringNotEquals" => (text(false, false), true),
            "StringEqualsIgnoreCase" => (text(true, false), false),
            "StringNotEqualsIgnoreCase" => (text(true, false), true),
            "StringLike" => (text(false, true), false),
            "StringNotLike" => (text(false, true), true),
            "NumericEquals" => (Comparison::Number(Relation::Equal), false),
            "NumericNotEquals" => (Comparison::Number(Relation::Equal), true),
            "NumericLessThan" => (Comparison::Number(Relation::Less), false),
            "NumericLessThanEquals" => (Comparison::Number(Relation::LessOrEqual), false),
            "NumericGreaterThan" => (Comparison::Number(Relation::Greater), false),
            "NumericGreaterThanEquals" => (Comparison::Number(Relation::GreaterOrEqual), false),
            "DateEquals" => (Comparison::Date(Relation::Equal), false),
            "DateNotEquals" => (Comparison::Date(Relation::Equal), true),
            "DateLessThan" => (Comparison::Date(Relation::Less), false),
            "DateLessThanEquals" => (Comparison::Date(Relation::LessOrEqual), false),
            "DateGreaterThan" => (Comparison::Date(Relation::Greater), false),
            "DateGreaterThanEquals" => (Comparison::Date(Relation::GreaterOrEqual), false),
            "Bool" => (Comparison::Bool, false),
            "BinaryEquals" => (Comparison::Binary, false),
            "IpAddress" => (Comparison::Ip, false),
            "NotIpAddress" => (Comparison::Ip, true),
            "ArnEquals" | "ArnLike" => (Comparison::Arn, false),
            "ArnNotEquals" | "ArnNotLike" => (Comparison::Arn, true),
            "Null" if set.is_none() && !if_exists => (Comparison::Null, false),
            _ => return None,
        };
        Some(Self { comparison: base, is_negated: negates, if_exists, set })
    }

    /// Whether it tests only whether the key is present.
    pub fn tests_presence(self) -> bool {
        self.comparison == Comparison::Null
    }

    /// Whether it compares addresses with networks.
    pub fn is_network(self) -> bool {
        self.comparison == Comparison::Ip
    }

    /// Whether it compares numbers.
    pub const fn is_number(self) -> bool {
        matches!(self.comparison, Comparison::Number(_))
    }

    /// Whether a value may match none of those of the policy.
    pub const fn is_negated(self) -> bool {
        self.is_negated
    }

    /// Whether it has a set prefix.
    pub const fn is_set(self) -> bool {
        self.set.is_some()
    }

    /// Whether a request without the key can meet it.
    pub fn is_met_without_the_key(self) -> bool {
        self.is_negated || self.if_exists || self.set == Some(SetOperator::All) || self.tests_presence()
    }

    /// How it compares texts; none for other comparisons.
    pub const fn text_comparison(self) -> Option<TextComparison> {
        match self.comparison {
            Comparison::Text { ignores_case: true, .. } | Comparison::Bool => {
                Some(TextComparison::IgnoringCase)
            }
            Comparison::Text { .. } | Comparison::Binary => Some(TextComparison::Exact),
            Comparison::Arn => Some(TextComparison::Arn),
            Comparison::Number(_) | Comparison::Date(_) | Comparison::Ip | Comparison::Null => None,
        }
    }

    /// Whether `*` and `?` in its values are wildcards.
    pub const fn allows_wildcards(self) -> bool {
        matches!(self.comparison, Comparison::Text { allows_wildcards: true, .. } | Comparison::Arn)
    }

    /// Tests a key with these values; an empty list means that the key is absent.
    pub fn test(self, found: &[String], wanted: &[ResolvedPattern]) -> OptionalTruth {
        if self.comparison == Comparison::Null {
            return any(wanted.iter().map(|wanted| {
                let wants_absence = parse_bool(wanted.text.as_deref()?)?;
                Some(wants_absence == found.is_empty())
            }));
        }
        if found.is_empty() {
            return match (self.if_exists, self.set) {
                // The guide says both that `IfExists` is true of an absent key and that `ForAnyValue` is false of it.
                (true, Some(SetOperator::Any)) => None,
                (true, _) | (_, Some(SetOperator::All)) => Some(true),
                (_, Some(SetOperator::Any)) => Some(false),
                _ => Some(self.is_negated),
            };
        }
        let mut each = found.iter().map(|value| self.test_value(value, wanted));
        match self.set {
            // By the guide, an empty string counts as no value.
            Some(set) => {
                let mut filled = found
                    .iter()
                    .filter(|value| !value.is_empty())
                    .map(|value| self.test_value(value, wanted));
                match set {
                    SetOperator::All => all(filled),
                    SetOperator::Any => any(&mut filled),
                }
            }
            // Several values where one is expected: not documented, so unknown unless all give the same result.
            None => {
                let first = each.next()?;
                each.all(|truth| truth == first).then_some(first).flatten()
            }
        }
    }

    /// Whether one value of the request matches a value of the policy, or, if negated, matches none.
    fn test_value(self, value: &str, wanted: &[ResolvedPattern]) -> OptionalTruth {
        let matched = any(wanted.iter().map(|wanted| match (&wanted.text, wanted.matches_nothing) {
            // A variable without a value: no value equals it. For a negated operator the result is not documented.
            (_, true) => (!self.is_negated).then_some(false),
            (None, _) => None,
            (Some(text), _) => self.comparison.matches(value, text, &wanted.certain),
        }));
        if self.is_negated { not(matched) } else { matched }
    }
}

impl Comparison {
    fn matches(self, value: &str, text: &str, shape: &CompiledPattern) -> OptionalTruth {
        match self {
            Self::Text { ignores_case: true, .. } => Some(value.to_lowercase() == text.to_lowercase()),
            Self::Text { allows_wildcards: true, .. } => Some(shape.matches(value)),
            Self::Text { .. } => Some(value == text),
            Self::Number(order) => order.holds(parse_number(value)?.partial_cmp(&parse_number(text)?)?),
            Self::Date(order) => order.holds(parse_date(value)?.cmp(&parse_date(text)?)),
            Self::Bool => Some(parse_bool(value)? == parse_bool(text)?),
            Self::Binary => Some(value == text),
            Self::Ip => ip_in_range(value, text),
            Self::Arn => arn_matches(value, text, shape),
            Self::Null => None,
        }
    }
}

impl Relation {
    fn holds(self, found: std::cmp::Ordering) -> OptionalTruth {
        Some(match self {
            Self::Equal => found.is_eq(),
            Self::Less => found.is_lt(),
            Self::LessOrEqual => found.is_le(),
            Self::Greater => found.is_gt(),
            Self::GreaterOrEqual => found.is_ge(),
        })
    }
}

fn parse_bool(text: &str) -> OptionalTruth {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A finite number.
pub(super) fn parse_number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite())
}

// ISO 8601 with a zone, a date alone, or seconds since 1970.
pub(super) fn parse_date(text: &str) -> Option<jiff::Timestamp> {
    if let Ok(seconds) = text.parse::<i64>()
        && text.len() > 4
    {
        return jiff::Timestamp::from_second(seconds).ok();
    }
    text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let day = text.parse::<jiff::civil::Date>().ok()?;
        day.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|day| day.timestamp())
    })
}

// Whether an address is in a CIDR block. An IPv4 address is never in an IPv6 block, and the reverse.
fn ip_in_range(value: &str, text: &str) -> OptionalTruth {
    let address: IpAddr = value.parse().ok()?;
    let (block, length) = match text.split_once('/') {
        Some((block, length)) => (block.parse::<IpAddr>().ok()?, Some(length.parse::<u32>().ok()?)),
        None => (text.parse::<IpAddr>().ok()?, None),
    };
    let (a, b, bits): (_, _, u32) = match (address, block) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits()), u128::from(b.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
        _ => return Some(false),
    };
    let rest = bits.checked_sub(length.unwrap_or(bits))?;
    Some(a.checked_shr(rest).unwrap_or(0) == b.checked_shr(rest).unwrap_or(0))
}

// Each of the six parts of an ARN is compared with its own pattern.
fn arn_matches(value: &str, text: &str, shape: &CompiledPattern) -> OptionalTruth {
    if !shape.matches(value) {
        // A pattern that does not match the whole ARN does not match it part by part.
        return Some(false);
    }
    // If the value of a variable has a literal wildcard, the text does not show which characters are wildcards.
    if *shape != CompiledPattern::of(text) {
        return None;
    }
    if text == "*" || text == value {
        return Some(true);
    }
    let (values, patterns): (Vec<&str>, Vec<&str>) =
        (value.splitn(6, ':').collect(), text.splitn(6, ':').collect());
    if values.len() < 6 || patterns.len() < 6 {
        return None;
    }
    Some(values.iter().zip(patterns).all(|(value, pattern)| CompiledPattern::of(pattern).matches(value)))
}
