//! `onlooker standards`: the standards and their control packs.
//!
//! Enters: the name of a standard, or the file of a pack. Leaves: the list of standards, the controls of one, or the
//! problems of a file with their lines. Law: `validate` calls exactly those packs invalid that every other command refuses.

use std::{fs, io, path::PathBuf};

use clap::{Args, Subcommand};
use onlooker_core::{
    config::{Config, Diagnostic, Standard},
    controls::{
        Control, ControlPack, ControlRequirement, PackDocument, PackValidation, STANDARDS_SCHEMA_VERSION,
        StandardSummary, StandardsList,
    },
    escape::escape_hidden,
};
use onlooker_local::config_file::LoadedConfig;

use crate::{
    args::{self, GlobalArgs},
    environment,
    exit::{CommandError, CommandOutcome},
    inputs, output,
    report_output::note,
    text_table::{self, CellTone, ScreenSettings, TextCell, wrap},
};

/// The standard of a report on the command line.
#[derive(Debug, Args)]
pub struct StandardChoice {
    /// Standard with the controls of the report: GENERAL, SOC2, ISO27001, CIS_AWS, NIST_800_53 or CUSTOM [default: as
    /// configured]
    #[arg(long, value_name = "NAME", value_parser = args::standard(), hide_possible_values = true,
          help_heading = "Controls")]
    pub standard: Option<Standard>,
    /// Your own control pack; implies `--standard CUSTOM`
    #[arg(long, value_name = "FILE", conflicts_with = "standard", help_heading = "Controls")]
    pub pack: Option<PathBuf>,
}

impl StandardChoice {
    /// Whether a standard or a pack is named.
    pub const fn is_given(&self) -> bool {
        self.standard.is_some() || self.pack.is_some()
    }

    /// Puts the choice into the configuration. The path of a pack is relative to the working directory.
    pub fn apply(self, config: &mut Config) {
        config.standard = self.standard.unwrap_or(config.standard);
        if let Some(pack) = self.pack {
            config.standard = Standard::Custom;
            config.standard_file = Some(environment::directory().join(pack).to_string_lossy().into_owned());
        }
    }
}

/// Options of `standards`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  onlooker standards list
  onlooker standards show SOC2             what each control shows, and what not
  onlooker standards show CUSTOM           the pack of `standard_file`
  onlooker standards validate mine.toml    problems with line and remedy

docs/standards.md says how to write a control pack and what an auditor may
conclude from one; docs/control-pack.schema.json is its schema, for editors.

Exit codes of validate:
  0  valid
  2  not valid")]
pub struct StandardsArgs {
    #[command(subcommand)]
    command: StandardsCommand,
}

#[derive(Debug, Subcommand)]
enum StandardsCommand {
    /// List the standards, and say which one reports use
    List {
        /// Print JSON; its schema is published
        #[arg(long)]
        json: bool,
    },
    /// Show the controls of a standard: what decides each, what a pass shows and what it does not
    Show {
        /// Name of the standard; `CUSTOM` is the pack of `standard_file`
        #[arg(value_name = "NAME", value_parser = args::standard(), hide_possible_values = true)]
        name: Standard,
        /// Print JSON; its schema is published
        #[arg(long)]
        json: bool,
    },
    /// Check a control pack of your own
    Validate {
        /// File of the pack, in TOML
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Print JSON; its schema is published
        #[arg(long)]
        json: bool,
    },
}

/// Runs `standards`.
pub fn run(global: &GlobalArgs, args: StandardsArgs) -> Result<CommandOutcome, CommandError> {
    match args.command {
        StandardsCommand::List { json } => list(global, json)?,
        StandardsCommand::Show { name, json } => show(global, name, json)?,
        StandardsCommand::Validate { file, json } => validate(global, &file, json)?,
    }
    Ok(CommandOutcome::Proven)
}

/// The pack of a standard; `None` for `CUSTOM` if the configuration has no `standard_file`.
fn pack_of(loaded: &LoadedConfig, standard: Standard) -> Result<Option<ControlPack>, CommandError> {
    match standard {
        Standard::Custom if loaded.config.standard_file.is_none() => Ok(None),
        Standard::Custom => Ok(Some(inputs::pack(loaded)?)),
        other => Ok(Some(ControlPack::built_in(other)?)),
    }
}

fn list(global: &GlobalArgs, json: bool) -> Result<(), CommandError> {
    let loaded = environment::configuration(global)?;
    let summary = |standard| {
        let pack = pack_of(&loaded, standard)?;
        Ok(StandardSummary::of(standard, pack.as_ref(), standard == loaded.config.standard))
    };
    let standards =
        Standard::ALL.into_iter().map(summary).collect::<Result<Vec<StandardSummary>, CommandError>>()?;
    if json {
        return output::json(&StandardsList { schema_version: STANDARDS_SCHEMA_VERSION, standards });
    }
    let heading = ["standard", "controls", "title"].map(|title| TextCell::new(title, CellTone::Faint));
    let row = |standard: &StandardSummary| {
        let title = standard.title.as_deref().unwrap_or("a control pack of your own: see docs/standards.md");
        let mark = if standard.in_force { " (in force)" } else { "" };
        vec![
            TextCell::new(standard.name.as_str(), CellTone::Strong),
            TextCell::plain(&standard.controls.map_or_else(|| "-".to_owned(), |count| count.to_string())),
            TextCell::plain(&format!("{title}{mark}")),
        ]
    };
    let rows: Vec<_> = std::iter::once(heading.to_vec()).chain(standards.iter().map(row)).collect();
    output::write(|out| text_table::print(out, ScreenSettings::of(global), &rows))
}

fn show(global: &GlobalArgs, standard: Standard, json: bool) -> Result<(), CommandError> {
    let loaded = environment::configuration(global)?;
    let Some(pack) = pack_of(&loaded, standard)? else {
        return Err(CommandError::Usage(Diagnostic {
            message: "the configuration has no control pack for `CUSTOM`".to_owned(),
            remedy: "set `standard = \"CUSTOM\"` and `standard_file = \"FILE\"`; docs/standards.md says how to write \
                     one, and `docs/packs/gcc-2-0.toml` is a sample"
                .to_owned(),
        }));
    };
    if json {
        let schema_version = STANDARDS_SCHEMA_VERSION;
        return output::json(&PackDocument { schema_version, standard, pack: &pack });
    }
    let screen = ScreenSettings::of(global);
    output::write(|out| {
        let title = format!("{}  {}", pack.id, pack.title);
        heading(out, screen, &title)?;
        let about = [("reference", &pack.reference), ("does not show", &pack.does_not_show)];
        for (name, text) in about {
            field(out, screen, name, text.as_deref().unwrap_or("the pack does not say"))?;
        }
        pack.controls.iter().try_for_each(|control| show_control(out, screen, control))
    })
}

fn show_control(out: &mut dyn io::Write, screen: ScreenSettings, control: &Control) -> io::Result<()> {
    let title = format!("{}  {}", control.id, control.title);
    writeln!(out)?;
    heading(out, screen, &title)?;
    let requires: Vec<&str> = control.requires.iter().map(|one| ControlRequirement::title(*one)).collect();
    let rules: Vec<&str> = control.failing_rules.iter().map(String::as_str).collect();
    let rules = if rules.is_empty() { "no finding".to_owned() } else { rules.join(", ") };
    field(out, screen, "requires", &requires.join("; "))?;
    field(out, screen, "fails on", &rules)?;
    for (name, text) in [("shows", &control.shows), ("does not show", &control.does_not_show)] {
        field(out, screen, name, text.as_deref().unwrap_or("the pack does not say"))?;
    }
    Ok(())
}

/// A title, wrapped.
fn heading(out: &mut dyn io::Write, screen: ScreenSettings, text: &str) -> io::Result<()> {
    let width = screen.width.unwrap_or(100).saturating_sub(4).max(20);
    for (n, line) in wrap(&escape_hidden(text), width).iter().enumerate() {
        let indent = if n == 0 { "" } else { "    " };
        writeln!(out, "{indent}{}", CellTone::Strong.paint(screen.colored, line))?;
    }
    Ok(())
}

/// A named text, wrapped.
fn field(out: &mut dyn io::Write, screen: ScreenSettings, name: &str, text: &str) -> io::Result<()> {
    const INDENT: usize = 17;
    let width = screen.width.unwrap_or(100).saturating_sub(INDENT).max(20);
    for (n, line) in wrap(&escape_hidden(text), width).iter().enumerate() {
        let name = if n == 0 { name } else { "" };
        let name = CellTone::Faint.paint(screen.colored, &format!("{name:<13}"));
        writeln!(out, "  {name}  {line}")?;
    }
    Ok(())
}

fn validate(global: &GlobalArgs, file: &std::path::Path, json: bool) -> Result<(), CommandError> {
    let bytes = fs::read(file).map_err(|error| Diagnostic {
        message: format!("cannot read `{}`: {error}", escape_hidden(&file.to_string_lossy())),
        remedy: "give the path of a control pack in TOML, such as `docs/packs/gcc-2-0.toml`".to_owned(),
    })?;
    let name = file.display().to_string();
    let read = ControlPack::from_toml(&String::from_utf8_lossy(&bytes), &name);
    let validation = PackValidation::of(&name, &read);
    if json {
        output::json(&validation)?;
    }
    let pack = read?;
    if json || global.quiet {
        return Ok(());
    }
    output::write(|out| {
        let controls = pack.controls.len();
        let noun = if controls == 1 { "control" } else { "controls" };
        let named = escape_hidden(&name);
        writeln!(out, "{named}: valid; {} has {controls} {noun}", escape_hidden(&pack.id))
    })?;
    validation.notes.iter().for_each(|text| note(text));
    Ok(())
}
