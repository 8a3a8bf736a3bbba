//! Where `--out` puts the files of formats: one file, or a directory.
//!
//! Enters: the path of `--out`, the chosen formats and a report. Leaves: files. Laws: a path is a file only for one format of one
//! file; every format is rendered before the first file is written; a file is written completely or not at all.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use onlooker_core::{config::Diagnostic, render::Format};
use onlooker_local::sweep_state::write_atomically;

use crate::exit::CommandError;

/// The formats that are written, and where.
#[derive(Debug)]
pub struct OutputFiles<R: 'static> {
    path: OutputPath,
    formats: Vec<&'static Format<R>>,
}

/// A place for files.
#[derive(Clone, Debug, PartialEq, Eq)]
enum OutputPath {
    /// The file of the one format.
    File(PathBuf),
    /// A directory for files with the names of the formats; created if missing.
    Directory(PathBuf),
}

impl<R> OutputFiles<R> {
    /// The files of the chosen formats. Without a choice, the name of a file tells the format, and `defaults` are written to a
    /// directory.
    ///
    /// # Errors
    /// When the formats do not fit into the path, with the remedy.
    pub fn choose(
        path: &Path,
        chosen: &[&'static Format<R>],
        registry: &[&'static Format<R>],
        defaults: &[&'static Format<R>],
    ) -> Result<Self, Diagnostic> {
        let mut formats: Vec<&'static Format<R>> = Vec::new();
        for format in chosen {
            if !formats.contains(format) {
                formats.push(format);
            }
        }
        if !names_a_file(path)? {
            let formats = if formats.is_empty() { defaults.to_vec() } else { formats };
            return Ok(Self { path: OutputPath::Directory(path.to_owned()), formats });
        }
        if formats.is_empty() {
            formats.extend(registry.iter().find(|format| path.extension() == Some(OsStr::new(format.name))));
        }
        let file = path.display();
        match &*formats {
            [format] if format.fits_standard_output => {
                Ok(Self { path: OutputPath::File(path.to_owned()), formats })
            }
            [] => Err(Diagnostic {
                message: format!("the name of the file `{file}` tells no format"),
                remedy: format!(
                    "name one with `--format`, or write `{file}/` for a directory with the default formats"
                ),
            }),
            [format] => Err(Diagnostic {
                message: format!("the format `{}` has several files, and `{file}` is one", format.name),
                remedy: suggest_directory(path),
            }),
            [..] => Err(Diagnostic {
                message: format!("several formats are chosen, and `{file}` is one file"),
                remedy: suggest_directory(path),
            }),
        }
    }

    /// Writes the files of a report, and returns their paths.
    ///
    /// # Errors
    /// When a format cannot be rendered, or a file cannot be written.
    pub fn write(&self, report: &R) -> Result<Vec<PathBuf>, CommandError> {
        let mut files = Vec::new();
        for format in &self.formats {
            for file in format.files(report)? {
                let path = match &self.path {
                    OutputPath::File(path) => path.clone(),
                    OutputPath::Directory(directory) => directory.join(file.name),
                };
                files.push((path, file.bytes));
            }
        }
        for (path, bytes) in &files {
            write_atomically(path, bytes)?;
        }
        Ok(files.into_iter().map(|(path, _)| path).collect())
    }
}

/// Whether a path is that of a file: one that exists, or a new one with an ending in its name.
fn names_a_file(path: &Path) -> Result<bool, Diagnostic> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Ok(false),
        Ok(found) if found.is_file() => Ok(true),
        Ok(_) => Err(Diagnostic {
            message: format!("`--out {}` is neither a file nor a directory", path.display()),
            remedy: "leave `--out` out to print one format on standard output".to_owned(),
        }),
        Err(_) => {
            let is_folder = path.as_os_str().to_string_lossy().ends_with(std::path::is_separator);
            Ok(!is_folder && path.extension().is_some())
        }
    }
}

fn suggest_directory(path: &Path) -> String {
    match path.extension() {
        Some(_) => format!("give a directory, such as `{}/`", path.with_extension("").display()),
        None => "give a directory".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use onlooker_core::{
        render::{FORMATS, csv, html, json, markdown, terminal},
        report::Report,
    };

    use super::*;

    const DEFAULTS: [&Format; 2] = [&json::FORMAT, &html::FORMAT];

    fn choose(path: &Path, chosen: &[&'static Format]) -> Result<OutputFiles<Report>, Diagnostic> {
        OutputFiles::choose(path, chosen, FORMATS, &DEFAULTS)
    }

    fn names(files: &OutputFiles<Report>) -> Vec<&'static str> {
        files.formats.iter().map(|format| format.name).collect()
    }

    #[test]
    fn a_name_with_an_ending_is_a_file_and_any_other_a_directory() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        fs::create_dir(at("made.d")).unwrap();
        fs::write(at("plain"), "before").unwrap();
        for (name, is_file) in [
            ("page.html", true),
            ("comment", false),
            ("new.d/", false),
            ("made.d", false),
            ("plain", true),
            (".hidden", false),
        ] {
            let path = PathBuf::from(format!("{}/{name}", home.path().display()));
            let files = choose(&path, &[&markdown::FORMAT]).unwrap();
            assert_eq!(matches!(files.path, OutputPath::File(_)), is_file, "{name}");
        }
        assert_eq!(names(&choose(&at("out"), &[]).unwrap()), ["json", "html"]);
    }

    #[test]
    fn the_name_of_a_file_tells_the_format_if_none_is_chosen() {
        assert_eq!(names(&choose(Path::new("x/page.html"), &[]).unwrap()), ["html"]);
        assert_eq!(names(&choose(Path::new("x/page.html"), &[&json::FORMAT]).unwrap()), ["json"]);
        let unknown = choose(Path::new("x/page.doc"), &[]).unwrap_err();
        assert!(unknown.remedy.contains("`--format`") && unknown.remedy.contains("`x/page.doc/`"));
    }

    #[test]
    fn several_files_do_not_go_into_one_and_the_error_names_a_directory() {
        for chosen in [&[&csv::FORMAT][..], &[&json::FORMAT, &html::FORMAT]] {
            let fault = choose(Path::new("x/all.zip"), chosen).unwrap_err();
            assert!(fault.message.contains("several") && fault.remedy.contains("`x/all/`"), "{fault:?}");
        }
        assert_eq!(names(&choose(Path::new("a.txt"), &[&terminal::FORMAT; 2]).unwrap()), ["terminal"]);
    }

    #[test]
    #[cfg(unix)]
    fn a_device_is_not_replaced_by_a_file() {
        let fault = choose(Path::new("/dev/null"), &[&json::FORMAT]).unwrap_err();
        assert!(fault.message.contains("neither a file nor a directory"));
    }
}
