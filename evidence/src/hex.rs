//! Bytes as hexadecimal text.
//!
//! Enters: bytes. Leaves: their lower-case hexadecimal digits. Law: two digits for each byte, in order.

/// Bytes in lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
        text
    })
}
