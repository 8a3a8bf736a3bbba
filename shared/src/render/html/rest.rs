//! Rows that the script shows on demand.
//!
//! Enters: cells of text. Leaves: [`DataRows`]: the rows as JSON, for an element that no browser runs. Laws: the JSON has
//! no `<`, so it cannot end its element; a cell has no hidden character, as between tags.

use crate::{escape::escape_hidden, finding::phrases::truncate};

/// Maximum number of characters of a cell.
const MAX_CELL_CHARS: usize = 300;

/// Rows of a table beyond those in it, as JSON.
#[derive(Debug)]
pub struct DataRows {
    json: String,
    count: usize,
}

impl DataRows {
    /// The rows of these cells.
    pub fn of<const N: usize>(rows: impl Iterator<Item = [String; N]>) -> Self {
        let rows: Vec<Vec<String>> = rows.map(|row| row.iter().map(|cell| shown(cell)).collect()).collect();
        // A list of strings is always written.
        let json = serde_json::to_string(&rows).unwrap_or_default();
        let json = json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
        Self { count: rows.len(), json }
    }

    /// Number of rows.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The rows as JSON, without a character that HTML gives a meaning.
    pub fn json(&self) -> &str {
        &self.json
    }
}

fn shown(cell: &str) -> String {
    escape_hidden(&truncate(cell, MAX_CELL_CHARS)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_cannot_end_the_element() {
        let text = "</script><!--\u{202e}\"&".to_owned();
        let rows = DataRows::of([[text]].into_iter());
        assert_eq!(rows.count(), 1);
        assert!(!rows.json().contains(['<', '>', '&', '\u{202e}']));
        let read: Vec<Vec<String>> = serde_json::from_str(rows.json()).unwrap();
        assert_eq!(read, [["</script><!--\\u{202e}\"&"]]);
    }
}
