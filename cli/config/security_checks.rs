//! Whether the defenses of this program work, by trying them.
//!
//! Enters: nothing. Leaves: a check for each defense, made with an attack of its own. Law: an attack that succeeds is a problem.

use std::{cell::Cell, convert::Infallible};

use onlooker_core::{
    audit::redact_secrets,
    backup::{BackupKind, read_archive},
    escape::{escape_hidden, is_hidden},
    jobs::gather::read_object,
    record::ReadLimits,
    render::json::escape_json,
};
use serde_json::json;

use crate::diagnosis::Check;

const GROUP: &str = "security";

/// The name of a file outside the folder of a restore.
const TRAVERSAL: &str = "../../outside";

/// A compressed log file of 150 bytes that has 100,013 bytes inside: gzip of `{"Records":[`, 100,000 spaces and `]}`.
const COMPRESSED_BOMB: [u8; 46] = [
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xed, 0xc1, 0xb1, 0x0d, 0x00, 0x10, 0x00,
    0x00, 0xb0, 0x57, 0xc4, 0x19, 0xce, 0xb0, 0x8a, 0x09, 0xb3, 0x84, 0x51, 0xfc, 0xee, 0x0d, 0x43, 0xdb,
    0x13, 0xf3, 0x68, 0x73, 0xf5, 0x1d, 0x53, 0x09, 0x00, 0x00, 0x00, 0x00,
];

/// The end of it, after zero bytes.
const COMPRESSED_BOMB_END: [u8; 12] =
    [0xc0, 0xb7, 0xea, 0x7d, 0x8e, 0x69, 0xbf, 0x38, 0xae, 0x86, 0x01, 0x00];

/// Number of zero bytes in the middle of it.
const ZEROS: usize = 92;

/// All of them.
pub fn all() -> Vec<Check> {
    vec![path_traversal(), hidden_characters(), secrets(), size_limits(), webhook_addresses()]
}

fn verdict(name: &str, holds: bool, what: &str) -> Check {
    match holds {
        true => Check::ok(GROUP, name, format!("{what}: refused")),
        false => Check::problem(
            GROUP,
            name,
            format!("{what}: NOT refused"),
            "do not use this build, and report it as SECURITY.md says",
        ),
    }
}

/// A backup whose archive has a name that leads out of the folder.
fn path_traversal() -> Check {
    let visited = Cell::new(false);
    let archive = archive_with(TRAVERSAL);
    let read = read_archive::<Infallible>(BackupKind::State, &*archive, &mut |_, _| {
        visited.set(true);
        Ok(())
    });
    let is_refused = read.is_err() && !visited.get();
    verdict("path-traversal", is_refused, "a backup with a file outside the restored folder")
}

/// A tar archive with one file of this name. POSIX.1-1988 (ustar): name 0-99, mode 100, size 124, checksum 148, type 156, magic 257.
fn archive_with(name: &str) -> Vec<u8> {
    let content = b"attack";
    let mut header = [0_u8; 512];
    let mut put = |at: usize, bytes: &[u8]| {
        for (place, byte) in header.iter_mut().skip(at).zip(bytes) {
            *place = *byte;
        }
    };
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{:011o}\0", content.len()).as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    for (place, byte) in header.iter_mut().skip(148).zip(format!("{sum:06o}\0 ").into_bytes()) {
        *place = byte;
    }
    let mut archive = header.to_vec();
    archive.extend(content);
    archive.resize(512 * 4, 0);
    archive
}

/// Characters that control a terminal or turn text around.
fn hidden_characters() -> Check {
    const ATTACK: &str = "\u{1b}[2Jno finding\u{202e}gnidnif\u{7}";
    let shown = escape_hidden(ATTACK);
    let as_json = escape_json(json!({ "name": ATTACK }).to_string());
    let holds = !shown.chars().any(is_hidden) && !as_json.trim_end().chars().any(is_hidden);
    verdict("hidden-characters", holds, "text that controls the terminal or reverses a name")
}

/// A secret in the parameters of a call.
fn secrets() -> Check {
    const SECRET: &str = "correct horse battery staple";
    let mut parameters =
        json!({ "userName": "a", "password": SECRET, "tags": [{ "secretAccessKey": SECRET }] });
    redact_secrets(&mut parameters);
    verdict("secrets", !parameters.to_string().contains(SECRET), "a password in the audit trail")
}

/// A small log file that is large once it is decompressed.
fn size_limits() -> Check {
    let mut bomb = COMPRESSED_BOMB.to_vec();
    bomb.resize(COMPRESSED_BOMB.len() + ZEROS, 0);
    bomb.extend(COMPRESSED_BOMB_END);
    let read = |max_inflated_bytes| {
        read_object("bomb.json.gz", &bomb, ReadLimits { max_inflated_bytes }).statistics.unreadable
    };
    // With room for it, it is a log file without records, so the limit is what refuses it.
    verdict("size-limits", read(10_000) > 0 && read(1 << 20) == 0, "a log file beyond the limit on its size")
}

/// A webhook whose address is a private one.
fn webhook_addresses() -> Check {
    match refuses_private_webhooks() {
        Some(holds) => verdict("webhook-addresses", holds, "a webhook to a private address"),
        None => Check::not_checked(
            GROUP,
            "webhook-addresses",
            "this program sends no webhooks, or there are no root certificates",
        ),
    }
}

/// Addresses of this machine, of the credentials of a cloud, and of a private network.
#[cfg(feature = "aws")]
const PRIVATE_WEBHOOKS: [&str; 4] =
    ["https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest/", "https://10.0.0.1/"];

/// Whether the client of webhooks refuses private addresses; `None` if it cannot be tried here.
#[cfg(feature = "aws")]
fn refuses_private_webhooks() -> Option<bool> {
    use onlooker_webhook::{PostError, WebhookClient};
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().ok()?;
    let client = WebhookClient::new(std::sync::Arc::new(runtime));
    let mut refuses = true;
    for url in PRIVATE_WEBHOOKS {
        match client.post(url, "{}", std::time::Duration::from_secs(1)) {
            Err(PostError::NotPublic { .. }) => {}
            // A request was sent, or was about to be.
            Ok(()) | Err(PostError::NotConnected { .. } | PostError::Timeout(_)) => refuses = false,
            Err(_) => return None,
        }
    }
    Some(refuses)
}

/// Without AWS there is no client of webhooks.
#[cfg(not(feature = "aws"))]
const fn refuses_private_webhooks() -> Option<bool> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::CheckState;

    #[test]
    fn each_attack_is_made_and_refused() {
        for check in all() {
            // A machine without root certificates cannot try a webhook.
            let may_skip = check.name == "webhook-addresses" && check.state == CheckState::NotChecked;
            assert!(check.state == CheckState::Ok || may_skip, "{check:?}");
        }
        // The archive is read if its name is harmless, so that its name is what is refused.
        let archive = archive_with("inside");
        let names = Cell::new(0);
        let read = read_archive::<Infallible>(BackupKind::State, &*archive, &mut |_, _| {
            names.set(names.get() + 1);
            Ok(())
        });
        assert!(read.is_ok() && names.get() == 1);
    }
}
