//! Spans and sizes for people.
//!
//! Enters: seconds or bytes. Leaves: a short text.

use crate::time::HOUR_SECONDS;

/// A span for people, in its two largest units.
pub fn span(seconds: u64) -> String {
    const DAY: u64 = 86_400;
    const HOUR: u64 = HOUR_SECONDS as u64;
    let two = |large: u64, unit: &str, small: u64, smaller: &str| match small {
        0 => format!("{large} {unit}"),
        small => format!("{large} {unit} {small} {smaller}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..HOUR => two(seconds / 60, "min", seconds % 60, "s"),
        HOUR..DAY => two(seconds / HOUR, "h", seconds % HOUR / 60, "min"),
        _ => two(seconds / DAY, "d", seconds % DAY / HOUR, "h"),
    }
}

/// A size for people, in decimal units.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    let (mut number, mut unit) = (bytes as f64, "B");
    for next in UNITS {
        if number < 999.95 {
            break;
        }
        (number, unit) = (number / 1_000.0, next);
    }
    format!("{number:.1} {unit}")
}
