//! Texts with code and long names, as HTML.
//!
//! Enters: a sentence in which backticks mark code, or a name such as an ARN. Leaves: HTML in which code is an element
//! and a long name may break after its separators. Laws: every part is escaped by the escaper of all templates; the text
//! between the tags is the text that entered, without the pairs of backticks.

use askama::filters::Escaper;

use super::escape::{HtmlEscaper, MAX_VALUE_CHARS};

/// Number of characters above which a part of a name may also break after a hyphen, a dot or an underscore.
const LONG_PART: usize = 26;

/// A sentence with its code as elements. A backtick without a second one stays.
pub fn prose(text: &str) -> String {
    if text.len() > MAX_VALUE_CHARS {
        return escaped(text);
    }
    let mut html = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some((before, (code, after))) =
        rest.split_once('`').and_then(|(before, rest)| Some((before, rest.split_once('`')?)))
    {
        html.push_str(&words(before));
        html.push_str("<code>");
        html.push_str(&breakable(code));
        html.push_str("</code>");
        rest = after;
    }
    html.push_str(&words(rest));
    html
}

/// Words, of which ARNs may break.
fn words(text: &str) -> String {
    let word = |word: &str| if word.starts_with("arn:") { breakable(word) } else { escaped(word) };
    text.split_inclusive(' ').map(word).collect()
}

/// A name that breaks after a colon or a slash, and in a long part after another separator, but not elsewhere.
pub fn breakable(name: &str) -> String {
    if name.len() > MAX_VALUE_CHARS {
        return escaped(name);
    }
    let mut html = String::with_capacity(name.len() + 64);
    for part in name.split_inclusive([':', '/']) {
        if part.len() <= LONG_PART {
            html.push_str(&escaped(part));
        } else {
            let pieces: Vec<String> = part.split_inclusive(['-', '.', '_', '=', ',']).map(escaped).collect();
            html.push_str(&pieces.join("<wbr>"));
        }
        html.push_str("<wbr>");
    }
    html.truncate(html.strip_suffix("<wbr>").map_or(0, str::len));
    html
}

fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    // Writing to a string does not fail.
    let _ = HtmlEscaper.write_escaped_str(&mut html, text);
    html
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pair_of_backticks_is_an_element() {
        assert_eq!(prose("run `a<b` or `c`."), "run <code>a&lt;b</code> or <code>c</code>.");
        assert_eq!(prose("one ` alone & none"), "one ` alone &amp; none");
        assert_eq!(
            prose("of arn:aws:iam::1:role/A."),
            "of arn:<wbr>aws:<wbr>iam:<wbr>:<wbr>1:<wbr>role/<wbr>A."
        );
    }

    #[test]
    fn an_arn_breaks_after_its_separators_and_an_account_id_does_not_break() {
        assert_eq!(
            breakable("arn:aws:iam::111122223333:role/Auditor"),
            "arn:<wbr>aws:<wbr>iam:<wbr>:<wbr>111122223333:<wbr>role/<wbr>Auditor"
        );
        assert_eq!(
            breakable("AWSReservedSSO_PowerUserAccess_3f9c21d07ab4e865"),
            "AWSReservedSSO_<wbr>PowerUserAccess_<wbr>3f9c21d07ab4e865"
        );
        assert_eq!(breakable(""), "");
    }

    proptest! {
        #[test]
        fn no_other_markup_leaves(text in any::<String>()) {
            for html in [prose(&text), breakable(&text)] {
                let bare = html.replace("<code>", "").replace("</code>", "").replace("<wbr>", "");
                prop_assert!(!bare.contains(['<', '>', '"', '\'']));
                prop_assert!(!bare.chars().any(crate::escape::is_hidden));
            }
        }
    }
}
