//! `onlooker permissions graph`: which principals can become which others?
//!
//! Enters: policies of principals of one or several accounts, in any file that `permissions` reads. Leaves: for each
//! source the principals that it can become, with the steps. Laws: AWS is not called; the exit code is 1 if a source can
//! become a principal that is granted more than reads, and 3 if it can only on conditions or if that cannot be determined.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::{
    Args,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};
use onlooker_core::{
    config::{Diagnostic, Watch},
    escape::escape_hidden,
    grants::Evaluator,
    permissions::principal_graph::{GraphNode, GraphPath, GraphRequest, PathResult, PrincipalGraph},
    render::{
        Format,
        format::{count_noun, thousands},
        principal_graph::{self, FORMATS},
    },
};

use super::{
    ContextArgs, PolicyReader, detail,
    given::{GivenPolicies, PolicySources},
};
use crate::{
    args::{self, GlobalArgs},
    environment,
    exit::{CommandError, CommandOutcome},
    inputs, output,
    output_path::OutputFiles,
    report_output::note,
    text_table::{CellTone, ScreenSettings},
};

/// Largest number of paths of one source that are shown as text.
const MAX_PATHS: usize = 50;
const TERMINAL: &str = "terminal";

/// Options of `permissions graph`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Finds the paths by which a principal can become another one, and then the next:
by assuming a role, by new credentials of a user, by a role's trust policy, by
passing a role to a service, by compute that runs as a role, or by giving itself
every permission of its account. A path can lead through several accounts; give
the files of all of them.

  PATH           a source can become a principal that is granted more than reads
  INDETERMINATE  it can only on conditions; or what is granted to a principal
                 that it can become, or who may assume a role, is not known;
                 or a part of the files was not read
  NO_PATH        no source can

The sources are the principals of the files that the configuration watches; if it
watches none, all principals; with --from, those that match. Of several paths to
one principal, the one with the fewest conditional steps is shown, then the
shortest.

Examples:
  onlooker permissions graph security.json workload.json data.json
  onlooker permissions graph *.json --from 'arn:aws:iam::*:role/AuditHub'
                                           which others can this role become?
  onlooker permissions graph *.json --to 'arn:aws:iam::*:role/Admin*'
                                           who can become an administrator role?
  onlooker permissions graph plan.json details.json --format html --out graph
                                           a page with a drawing
  onlooker permissions graph *.json --format markdown > comment.md
                                           a Mermaid graph for a pull request
  onlooker permissions graph *.json --json
  onlooker permissions graph \\
      --authorization-details one.json --authorization-details two.json

Exit codes:
  0  NO_PATH
  1  PATH
  2  usage, or a file that cannot be read
  3  INDETERMINATE, or a pattern matches no principal of the files")]
pub struct GraphArgs {
    /// Files with policies, recognized by their content, as for `onlooker permissions`; `-` for standard input
    #[arg(value_name = "FILE", required_unless_present = "authorization_details")]
    pub files: Vec<PathBuf>,
    /// Output of `aws iam get-account-authorization-details`; repeatable for other accounts
    #[arg(long, value_name = "FILE")]
    pub authorization_details: Vec<PathBuf>,
    /// Begin with the principals that match this ARN pattern, instead of the watched ones; repeatable
    #[arg(long, value_name = "PATTERN", value_parser = args::watch)]
    pub from: Vec<Watch>,
    /// Show only paths to principals that match this ARN pattern; repeatable
    #[arg(long, value_name = "PATTERN", value_parser = args::watch)]
    pub to: Vec<Watch>,
    /// Further policies of all principals, and the account.
    #[command(flatten)]
    pub context: ContextArgs,
    /// Formats to write to `--out`, or the format to print; separated by commas [default: terminal]
    #[arg(long, value_name = "FORMATS", value_parser = format(), value_delimiter = ',', help_heading = "Output")]
    pub format: Vec<GraphFormat>,
    /// Directory for the files `principal-graph.json`, `principal-graph.html` and so on, created if missing; or, for one format of one file, a
    /// file: a name with an ending, such as `page.html`
    #[arg(long, value_name = "FILE|DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Print JSON; its schema is published
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// A format of the graph.
#[derive(Clone, Copy, Debug)]
pub enum GraphFormat {
    /// A format of files.
    File(&'static Format<PrincipalGraph>),
    /// Text for a terminal.
    Terminal,
}

fn format() -> impl TypedValueParser<Value = GraphFormat> {
    let own = FORMATS.iter().map(|format| (format.name, format.help));
    let names = own.chain([(TERMINAL, "For this screen")]);
    PossibleValuesParser::new(names.map(|(name, help)| PossibleValue::new(name).help(help))).try_map(|name| {
        match name.as_str() {
            TERMINAL => Ok(GraphFormat::Terminal),
            name => {
                let found = FORMATS.iter().copied().find(|format| format.name == name);
                found.map(GraphFormat::File).ok_or("the format does not exist")
            }
        }
    })
}

/// Runs `permissions graph`.
pub fn run(global: &GlobalArgs, args: &GraphArgs) -> Result<CommandOutcome, CommandError> {
    validate(args)?;
    let loaded = environment::configuration(global)?;
    let catalog = inputs::catalog(&loaded)?;
    let mut inputs = PolicyReader::default();
    let sources = PolicySources {
        files: &args.files,
        details: &args.authorization_details,
        ..PolicySources::default()
    };
    let mut given = GivenPolicies::read(&mut inputs, sources, &args.context)?;
    let context = inputs.context_policies(&args.context)?;
    let all = std::mem::take(&mut given.accounts).into_iter().chain(std::mem::take(&mut given.declared));
    let principals: Vec<_> = all.map(|snapshot| context.apply_to(snapshot)).collect();
    let now = environment::now();
    let evaluator = Evaluator::new(catalog).at(now);
    let patterns =
        |watches: &[Watch]| -> Vec<String> { watches.iter().map(|watch| watch.principal.clone()).collect() };
    let graph = PrincipalGraph::of(
        principals,
        &GraphRequest {
            evaluator: &evaluator,
            config: &loaded.config,
            at: now,
            from: &patterns(&args.from),
            to: &patterns(&args.to),
        },
    );
    let unread = std::mem::take(&mut given.unread).into_iter().map(|one| one.part).collect();
    let graph = graph.with_unread(unread, std::mem::take(&mut given.report_notes));
    if !global.quiet {
        given.print_notes();
        for pattern in &graph.missing {
            note(&format!("`{}` matches no principal of the files", escape_hidden(pattern)));
        }
    }
    print(global, args, &graph)?;
    Ok(match graph.result {
        PathResult::NoPath => CommandOutcome::Proven,
        PathResult::Path => CommandOutcome::Violation,
        PathResult::Indeterminate => CommandOutcome::InsufficientEvidence,
    })
}

/// Rejects invalid combinations before any work is done.
fn validate(args: &GraphArgs) -> Result<(), CommandError> {
    let fault = |message: &str, remedy: &str| {
        Err(CommandError::Usage(Diagnostic { message: message.to_owned(), remedy: remedy.to_owned() }))
    };
    let has_terminal = args.format.iter().any(|format| matches!(format, GraphFormat::Terminal));
    match (&args.out, args.format.as_slice()) {
        (None, [_, _, ..]) => {
            fault("only one format can be printed on standard output", "give a directory with `--out DIR`")
        }
        (None, [_]) if args.json => {
            fault("`--json` and `--format` both print on standard output", "remove one of them")
        }
        (Some(_), _) if has_terminal => fault(
            "the format `terminal` is for standard output",
            "leave it out: with `--out DIR` it is printed too",
        ),
        _ => Ok(files(args).map(|_| ())?),
    }
}

/// The files to write, if there are any: JSON and HTML if no format is requested.
fn files(args: &GraphArgs) -> Result<Option<OutputFiles<PrincipalGraph>>, Diagnostic> {
    let of_file = |format: &GraphFormat| match format {
        GraphFormat::File(format) => Some(*format),
        GraphFormat::Terminal => None,
    };
    let chosen: Vec<_> = args.format.iter().filter_map(of_file).collect();
    let defaults = [&principal_graph::JSON, &principal_graph::HTML];
    let choose = |path: &PathBuf| OutputFiles::choose(path, &chosen, FORMATS, &defaults);
    args.out.as_ref().map(choose).transpose()
}

fn print(global: &GlobalArgs, args: &GraphArgs, graph: &PrincipalGraph) -> Result<(), CommandError> {
    let written = match files(args)? {
        Some(files) => files.write(graph)?,
        None => Vec::new(),
    };
    let to_print = match (args.json, &args.out, args.format.as_slice()) {
        (true, ..) => Some(&principal_graph::JSON),
        (_, None, [GraphFormat::File(format)]) => Some(*format),
        _ => None,
    };
    if let Some(format) = to_print {
        let files = format.files(graph)?;
        return output::write(|out| files.iter().try_for_each(|file| out.write_all(&file.bytes)));
    }
    if args.out.is_some() && global.quiet {
        return Ok(());
    }
    let screen = ScreenSettings::of(global);
    output::write(|out| {
        print_text(out, screen, graph)?;
        written.iter().try_for_each(|path| writeln!(out, "wrote {}", escape_hidden(&path.to_string_lossy())))
    })
}

const fn tone(result: PathResult) -> CellTone {
    match result {
        PathResult::NoPath => CellTone::Good,
        PathResult::Indeterminate => CellTone::Warn,
        PathResult::Path => CellTone::Bad,
    }
}

fn print_text(out: &mut dyn Write, screen: ScreenSettings, graph: &PrincipalGraph) -> io::Result<()> {
    let word = tone(graph.result).paint(screen.colored, principal_graph::word(graph.result));
    writeln!(out, "{word}  {}", principal_graph::sentence(graph.result))?;
    let mut without = 0_u64;
    for source in &graph.sources {
        let paths = graph.paths_from(source);
        if paths.is_empty() && graph.sources.len() > 1 {
            without += 1;
            continue;
        }
        let name = CellTone::Strong.paint(screen.colored, &escape_hidden(source));
        writeln!(out, "\n{name}\n  {}", principal_graph::reach_text(paths.len()))?;
        for path in paths.iter().take(MAX_PATHS) {
            print_path(out, screen, graph, path)?;
        }
        match paths.len().saturating_sub(MAX_PATHS) {
            0 => {}
            more => writeln!(out, "\n  and {} more (--json has all)", thousands(more as u64))?,
        }
    }
    if without > 0 {
        let noun = count_noun(without, if graph.paths.is_empty() { "source" } else { "other source" });
        writeln!(out, "\n{noun} can become no other principal")?;
    }
    if graph.sources.is_empty() {
        writeln!(out, "no principal of the files is a source")?;
    }
    writeln!(out, "\n{}", CellTone::Strong.paint(screen.colored, "limitations"))?;
    graph.limitations.iter().try_for_each(|sentence| writeln!(out, "  - {}", escape_hidden(sentence)))
}

fn print_path(
    out: &mut dyn Write,
    screen: ScreenSettings,
    graph: &PrincipalGraph,
    path: &GraphPath,
) -> io::Result<()> {
    let status = match graph.node(&path.to) {
        Some(GraphNode::Principal(node)) => detail::painted(screen.colored, node.overall_status),
        _ => CellTone::Bad.paint(screen.colored, "ADMINISTRATOR"),
    };
    let how = match path.is_unconditional {
        true => "",
        false => ", on conditions",
    };
    writeln!(out, "\n  {status}  {}{how}", escape_hidden(&path.to))?;
    for (n, step) in (1..).zip(graph.steps(path)) {
        let tone = if step.is_unconditional { CellTone::Bad } else { CellTone::Warn };
        let method = tone.paint(screen.colored, &escape_hidden(&step.method));
        writeln!(out, "    {n}. {method}: {}", escape_hidden(&step.description))?;
        for condition in &step.conditions {
            writeln!(out, "         if {}", escape_hidden(condition))?;
        }
    }
    if let Some(GraphNode::Administrator(node)) = graph.node(&path.to) {
        writeln!(
            out,
            "       This includes {} of the account in the files.",
            count_noun(node.principals, "principal")
        )?;
    }
    Ok(())
}
