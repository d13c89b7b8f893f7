//! The `lantern` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    lantern::cli::main()
}
