//! The HTML report, seen from outside.

mod sample;

use shared::{render::html::html, report::Report};

fn page(report: &Report) -> String {
    let mut bytes = Vec::new();
    html(report, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Writes the samples where a browser can open them: `cargo test -p shared --test html -- --ignored`.
#[test]
#[ignore = "writes files to look at"]
fn samples_are_written() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("html");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, report) in [
        ("broken", sample::broken()),
        ("kept", sample::kept()),
        ("gaps", sample::gaps()),
        ("discovery", sample::discovery()),
        ("empty", sample::empty()),
        ("large", sample::large()),
    ] {
        let page = page(&report);
        println!("{name}: {} KiB", page.len() / 1024);
        std::fs::write(folder.join(format!("{name}.html")), page).unwrap();
    }
}
