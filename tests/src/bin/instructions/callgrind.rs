//! Runs of this program under valgrind.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context, ensure};
use lantern_tests::artefacts::target_dir;
use lantern_tests::micro::boundary::ECHO;
use lantern_tests::micro::{Case, ITEMS};

use crate::measured::{FUNCTION, RUNS};

/// How many instructions an item of the case takes. `echo` is the file of that plugin.
pub fn count(case: &Case, echo: &Path) -> anyhow::Result<f64> {
    let (profile, program) = (profile(case), env::current_exe()?);
    let (folder, name) = program.parent().zip(program.file_name()).context("this program has no file")?;
    let echo = Path::new("..").join(echo.strip_prefix(target_dir()).unwrap_or(echo));
    let output = valgrind()
        .args(["--tool=callgrind", "--collect-atstart=no"])
        .arg(format!("--toggle-collect={FUNCTION}"))
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(Path::new(".").join(name))
        .args(["run", case.name])
        // How large arguments and environment are decides where the stack begins, and that seeds hash tables: so neither
        // tells of where the sources are.
        .current_dir(folder)
        .env_clear()
        .env(ECHO, echo)
        .stdin(Stdio::null())
        .output()
        .context("valgrind does not start")?;
    ensure!(output.status.success(), "{case}: {}", String::from_utf8_lossy(&output.stderr));
    let counted = instructions(&profile).with_context(|| format!("{} is no profile", profile.display()))?;
    Ok(counted as f64 / (RUNS * ITEMS as u64) as f64)
}

/// Whether there is a valgrind.
pub fn is_there() -> bool {
    valgrind().arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Where the profile of a case is kept, to be read by `callgrind_annotate`.
pub fn profile(case: &Case) -> PathBuf {
    folder().join(format!("{}.callgrind", case.name.replace(['/', ' '], "-")))
}

/// The folder of all profiles.
pub fn folder() -> PathBuf {
    target_dir().join("instructions")
}

fn valgrind() -> Command {
    Command::new("valgrind")
}

/// The total of a profile.
fn instructions(profile: &Path) -> Option<u64> {
    let text = fs::read_to_string(profile).ok()?;
    text.lines().find_map(|line| line.strip_prefix("totals: "))?.trim().parse().ok()
}
