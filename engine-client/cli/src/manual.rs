//! `engine completions` and `engine man`: what follows from the arguments alone, without a database.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::{Shell, generate};
use clap_mangen::{Man, generate_to};

use crate::failure::Failure;

const NAME: &str = "engine";

#[derive(Args)]
pub struct CompletionArguments {
    /// The shell
    shell: Shell,
}

#[derive(Args)]
pub struct ManArguments {
    /// Write the pages of all commands to this directory, instead of printing the first one
    #[arg(long, value_name = "DIRECTORY")]
    into: Option<PathBuf>,
}

/// Prints the script by which a shell completes what is typed.
pub fn completions(
    mut command: Command,
    arguments: &CompletionArguments,
) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    generate(arguments.shell, &mut command, NAME, &mut script);
    print(&script)
}

/// Prints the manual page, or writes a page for each command.
pub fn man(command: Command, arguments: &ManArguments) -> Result<ExitCode, Failure> {
    if let Some(directory) = &arguments.into {
        generate_to(command, directory)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    print(&page)
}

/// A reader that is gone is an error, not a panic.
fn print(text: &[u8]) -> Result<ExitCode, Failure> {
    let mut output = io::stdout().lock();
    output.write_all(text)?;
    output.flush()?;
    Ok(ExitCode::SUCCESS)
}
