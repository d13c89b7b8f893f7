//! `lantern new`: begins a project, which builds, has a test and sample events, and needs nothing of Lantern but the binary.

mod name;
mod project;

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::{Printer, UserError};
use crate::source::embedded::layout;
use project::Project;

/// Begin a projection: a small Rust project that builds, with a test and sample events
///
/// The SDK's sources come with it, under vendor, so that it fits this version of Lantern and needs no clone of it.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lantern new visits
  lantern new visits --topic page-events
  lantern new visits --path projections/visits --sdk ../lantern/guest-sdk")]
pub(crate) struct Args {
    /// Give the projection, and its crate, this name
    name: String,

    /// Let it read this topic [default: NAME-events]
    #[arg(long)]
    topic: Option<String>,

    /// Make it in this directory, which must be empty or not there yet [default: NAME]
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,

    /// Depend on the SDK in this directory, instead of a copy under vendor
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

pub(crate) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    let Args { name, topic, path, sdk } = args;
    if let Some(fault) = name::fault(&name) {
        let hint = "take lower-case letters, digits, `-` and `_`, a letter first: lantern new page-visits";
        return Err(UserError::usage(format!("the name `{name}` {fault}"), hint).into());
    }
    let topic = topic.unwrap_or_else(|| format!("{name}-events"));
    layout::check_name(&topic).map_err(|error| UserError::usage(error.to_string(), error.hint()))?;
    let sdk = sdk.map(|folder| find_sdk(&folder)).transpose()?;
    let folder = path.unwrap_or_else(|| PathBuf::from(&name));
    check_free(&folder)?;
    for (file, content) in (Project { name: &name, topic: &topic, sdk: sdk.as_deref() }).files() {
        write(&folder.join(file), &content)?;
    }
    printer.out(folder.display());
    next_steps(&folder, &name, &topic).iter().for_each(|line| printer.note(line));
    Ok(())
}

/// A folder that is not there, or has nothing in it.
fn check_free(folder: &Path) -> Result<(), UserError> {
    let taken = |what: String| {
        UserError::refused(what, "name another directory with --path, or another project; nothing was written")
    };
    match fs::read_dir(folder).map(|mut entries| entries.next().is_some()) {
        Ok(true) => Err(taken(format!("{} is there already, and not empty", folder.display()))),
        Ok(false) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            Err(taken(format!("{} is there already, and no directory", folder.display())))
        }
        Err(error) => Err(cannot("look into", folder, &error)),
    }
}

/// The absolute path of a folder with the SDK in it.
fn find_sdk(folder: &Path) -> Result<PathBuf, UserError> {
    let hint = "name the folder guest-sdk of a clone of Lantern, or leave --sdk out";
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    if !manifest.lines().any(|line| line == "name = \"lantern-sdk\"") {
        return Err(UserError::usage(format!("{} is not lantern-sdk", folder.display()), hint));
    }
    fs::canonicalize(folder).map_err(|error| cannot("find", folder, &error))
}

fn write(file: &Path, content: &str) -> Result<(), UserError> {
    let folder = file.parent().unwrap_or(file);
    fs::create_dir_all(folder).map_err(|error| cannot("make", folder, &error))?;
    fs::write(file, content).map_err(|error| cannot("write", file, &error))
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> UserError {
    UserError::failure(
        format!("cannot {what} {}: {error}", path.display()),
        "check its permissions and the room on its disk; what was written can be removed",
    )
}

/// What an author may want to do now.
fn next_steps(folder: &Path, name: &str, topic: &str) -> Vec<String> {
    vec![
        format!("a projection that reads topic {topic}, with sample events. What next:"),
        format!("  cd {}", folder.display()),
        "  cargo test       # its logic, natively".to_owned(),
        format!("  lantern build    # makes {name}.wasm"),
        "  lantern dev      # runs it on the sample events, and shows what changes whenever you edit it"
            .to_owned(),
        format!("  lantern test {name}.wasm --events {topic}=events/{topic}.jsonl"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(name: &str, folder: &Path, topic: Option<&str>, sdk: Option<&Path>) -> Result<(), String> {
        let args = Args {
            name: name.to_owned(),
            topic: topic.map(str::to_owned),
            path: Some(folder.to_owned()),
            sdk: sdk.map(Path::to_owned),
        };
        let result = run(args, &mut Printer::default());
        result.map_err(|error| match error.downcast_ref::<UserError>() {
            Some(user) => format!("{error} (hint: {})", user.hint()).replace(folder.to_str().unwrap(), "DIR"),
            None => error.to_string(),
        })
    }

    #[test]
    fn writes_a_project_into_a_folder_that_is_free() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a/b");
        new("visits", &folder, Some("page-events"), None).unwrap();
        for file in
            ["src/lib.rs", "src/tests.rs", "events/page-events.jsonl", ".gitignore", "README.md", "Cargo.lock"]
        {
            assert!(folder.join(file).is_file(), "{file} is missing");
        }
        let error = new("visits", &folder, None, None).unwrap_err();
        assert!(error.starts_with("DIR is there already, and not empty (hint: name another directory"), "{error}");
        let file = folder.join("README.md");
        let error = new("visits", &file, None, None).unwrap_err();
        assert!(error.starts_with("DIR is there already, and no directory"), "{error}");
    }

    #[test]
    fn refuses_names_before_anything_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("p");
        for (name, topic, reason) in [
            ("Visits", None, "the name `Visits` may only have lower-case letters, digits, `-` and `_`"),
            ("7up", None, "the name `7up` begins with no letter"),
            ("match", None, "the name `match` is a word of Rust"),
            ("serde", None, "the name `serde` is that of a crate that it needs"),
            ("visits", Some("a/b"), "`a/b` can't be the name of a topic: only letters"),
        ] {
            let error = new(name, &folder, topic, None).unwrap_err();
            assert!(error.starts_with(reason), "{error}");
        }
        let error = new("visits", &folder, None, Some(dir.path())).unwrap_err();
        assert!(
            error.ends_with(
                "is not lantern-sdk (hint: name the folder guest-sdk of a clone of Lantern, or leave --sdk out)"
            ),
            "{error}"
        );
        assert!(!folder.exists());
    }

    #[test]
    fn a_project_may_take_the_sdk_from_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("p");
        let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-sdk");
        new("visits", &folder, None, Some(&sdk)).unwrap();
        assert!(!folder.join("vendor").exists());
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let path = fs::canonicalize(sdk).unwrap();
        assert!(manifest.contains(&format!("lantern-sdk = {{ path = \"{}\" }}", path.display())), "{manifest}");
    }
}
