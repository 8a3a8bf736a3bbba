//! Condition operators.
//!
//! Enters: the values of a key in a request, and those of a policy. Leaves: true, false, or nothing where it cannot be
//! told. Laws: an operator and its negation never say the same; a set operator looks at each value of the request.
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Set operators for multivalued context
//! keys", read 2026-11.

use std::net::IpAddr;

use super::variable::Resolved;
use crate::pattern::Shape;

/// What is compared, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Base {
    Text { folds: bool, is_wild: bool },
    Number(Order),
    Date(Order),
    Bool,
    Binary,
    Ip,
    Arn,
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Set {
    /// `ForAllValues:`
    All,
    /// `ForAnyValue:`
    Any,
}

/// An operator with its prefix and suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Operator {
    base: Base,
    negates: bool,
    if_exists: bool,
    set: Option<Set>,
}

/// True, false, or not known.
pub(super) type Truth = Option<bool>;

/// Whether all are true.
pub(super) fn all(truths: impl IntoIterator<Item = Truth>) -> Truth {
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

/// Whether any is true.
pub(super) fn any(truths: impl IntoIterator<Item = Truth>) -> Truth {
    not(all(truths.into_iter().map(not)))
}

/// The contrary.
pub(super) fn not(truth: Truth) -> Truth {
    truth.map(|truth| !truth)
}

impl Operator {
    /// The operator of a name; none for a name that is not one.
    pub fn named(name: &str) -> Option<Self> {
        let (set, name) = match name.split_once(':') {
            Some(("ForAllValues", name)) => (Some(Set::All), name),
            Some(("ForAnyValue", name)) => (Some(Set::Any), name),
            Some(_) => return None,
            None => (None, name),
        };
        let (if_exists, name) = name.strip_suffix("IfExists").map_or((false, name), |name| (true, name));
        let text = |folds, is_wild| Base::Text { folds, is_wild };
        let (base, negates) = match name {
            "StringEquals" => (text(false, false), false),
            "StringNotEquals" => (text(false, false), true),
            "StringEqualsIgnoreCase" => (text(true, false), false),
            "StringNotEqualsIgnoreCase" => (text(true, false), true),
            "StringLike" => (text(false, true), false),
            "StringNotLike" => (text(false, true), true),
            "NumericEquals" => (Base::Number(Order::Equal), false),
            "NumericNotEquals" => (Base::Number(Order::Equal), true),
            "NumericLessThan" => (Base::Number(Order::Less), false),
            "NumericLessThanEquals" => (Base::Number(Order::LessOrEqual), false),
            "NumericGreaterThan" => (Base::Number(Order::Greater), false),
            "NumericGreaterThanEquals" => (Base::Number(Order::GreaterOrEqual), false),
            "DateEquals" => (Base::Date(Order::Equal), false),
            "DateNotEquals" => (Base::Date(Order::Equal), true),
            "DateLessThan" => (Base::Date(Order::Less), false),
            "DateLessThanEquals" => (Base::Date(Order::LessOrEqual), false),
            "DateGreaterThan" => (Base::Date(Order::Greater), false),
            "DateGreaterThanEquals" => (Base::Date(Order::GreaterOrEqual), false),
            "Bool" => (Base::Bool, false),
            "BinaryEquals" => (Base::Binary, false),
            "IpAddress" => (Base::Ip, false),
            "NotIpAddress" => (Base::Ip, true),
            "ArnEquals" | "ArnLike" => (Base::Arn, false),
            "ArnNotEquals" | "ArnNotLike" => (Base::Arn, true),
            "Null" if set.is_none() && !if_exists => (Base::Null, false),
            _ => return None,
        };
        Some(Self { base, negates, if_exists, set })
    }

    /// Whether `*` and `?` in its values are wildcards.
    pub const fn is_wild(self) -> bool {
        matches!(self.base, Base::Text { is_wild: true, .. } | Base::Arn)
    }

    /// What it says of a key with these values, none of which means that the key is absent.
    pub fn test(self, found: &[String], wanted: &[Resolved]) -> Truth {
        if self.base == Base::Null {
            return any(wanted.iter().map(|wanted| {
                let wants_absence = boolean(wanted.text.as_deref()?)?;
                Some(wants_absence == found.is_empty())
            }));
        }
        if found.is_empty() {
            return match (self.if_exists, self.set) {
                (true, _) | (_, Some(Set::All)) => Some(true),
                (_, Some(Set::Any)) => Some(false),
                _ => Some(self.negates),
            };
        }
        let mut each = found.iter().map(|value| self.one(value, wanted));
        match self.set {
            // Empty texts count as no values, says the guide.
            Some(set) => {
                let mut filled =
                    found.iter().filter(|value| !value.is_empty()).map(|value| self.one(value, wanted));
                match set {
                    Set::All => all(filled),
                    Set::Any => any(&mut filled),
                }
            }
            // Several values where one is expected: undocumented unless they all say the same.
            None => {
                let first = each.next()?;
                each.all(|truth| truth == first).then_some(first).flatten()
            }
        }
    }

    /// Whether one value of the request is one of the policy's, or none of them.
    fn one(self, value: &str, wanted: &[Resolved]) -> Truth {
        let matched = any(wanted.iter().map(|wanted| match (&wanted.text, wanted.is_never) {
            // A variable that stands for nothing: no value is equal to it, and what is unequal to it is not said.
            (_, true) => (!self.negates).then_some(false),
            (None, _) => None,
            (Some(text), _) => self.base.equal(value, text, &wanted.sure),
        }));
        if self.negates { not(matched) } else { matched }
    }
}

impl Base {
    fn equal(self, value: &str, text: &str, shape: &Shape) -> Truth {
        match self {
            Self::Text { folds: true, .. } => Some(value.to_lowercase() == text.to_lowercase()),
            Self::Text { is_wild: true, .. } => Some(shape.matches(value)),
            Self::Text { .. } => Some(value == text),
            Self::Number(order) => {
                let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
                order.holds(number(value)?.partial_cmp(&number(text)?)?)
            }
            Self::Date(order) => order.holds(instant(value)?.cmp(&instant(text)?)),
            Self::Bool => Some(boolean(value)? == boolean(text)?),
            Self::Binary => Some(value == text),
            Self::Ip => within(value, text),
            Self::Arn => arn(value, text, shape),
            Self::Null => None,
        }
    }
}

impl Order {
    fn holds(self, found: std::cmp::Ordering) -> Truth {
        Some(match self {
            Self::Equal => found.is_eq(),
            Self::Less => found.is_lt(),
            Self::LessOrEqual => found.is_le(),
            Self::Greater => found.is_gt(),
            Self::GreaterOrEqual => found.is_ge(),
        })
    }
}

fn boolean(text: &str) -> Truth {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

// ISO 8601 with a zone, a date alone, or seconds since 1970.
fn instant(text: &str) -> Option<jiff::Timestamp> {
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

// An address in a block of addresses. Addresses of the two families are never equal.
fn within(value: &str, text: &str) -> Truth {
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
fn arn(value: &str, text: &str, shape: &Shape) -> Truth {
    if !shape.matches(value) {
        // What a pattern does not match as a whole it does not match part by part.
        return Some(false);
    }
    // With a wildcard taken literally somewhere, the text no longer tells which.
    if *shape != Shape::of(text) {
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
    Some(values.iter().zip(patterns).all(|(value, pattern)| Shape::of(pattern).matches(value)))
}
