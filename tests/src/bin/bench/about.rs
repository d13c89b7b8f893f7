//! The machine and the versions on it, as the page of results says them. What can't be found out is left out.

use std::fs;
use std::process::Command;
use std::thread::available_parallelism;

use lantern_tests::artefacts;

/// What is measured on which day, under this name.
pub const DATE: &str = "date";

/// All that is known, by name.
pub fn here() -> Vec<(String, String)> {
    let known = [
        (DATE, said("date", &["-u", "+%F"])),
        ("processor", processor()),
        ("processors", available_parallelism().ok().map(|count| count.to_string())),
        ("memory", memory()),
        ("kernel", said("uname", &["-sr"])),
        (
            "build",
            Some(if cfg!(debug_assertions) { "debug: its times mean nothing" } else { "release" }.to_owned()),
        ),
        ("Lantern", said(&artefacts::lantern().to_string_lossy(), &["--version"]).and_then(last_word)),
        ("Kafka", kafka()),
        ("Redis", said("redis-server", &["--version"]).and_then(|said| behind(&said, "v="))),
        ("Java", said("java", &["-version"]).and_then(|said| said.split('"').nth(1).map(str::to_owned))),
        ("rustc", said("rustc", &["--version"]).and_then(|said| behind(&said, "rustc "))),
    ];
    known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// The first line that a command says.
fn said(command: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(command).args(args).output().ok()?;
    // Java says its version on stderr.
    let said = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    let said = String::from_utf8(said).ok()?;
    said.lines().next().map(|line| line.trim().to_owned())
}

/// The word behind some text.
fn behind(said: &str, text: &str) -> Option<String> {
    let (_, rest) = said.split_once(text)?;
    rest.split_whitespace().next().map(str::to_owned)
}

fn last_word(said: String) -> Option<String> {
    said.split_whitespace().last().map(str::to_owned)
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let model = text.lines().find_map(|line| line.strip_prefix("model name"))?;
    Some(model.trim_start_matches([' ', '\t', ':']).to_owned())
}

fn memory() -> Option<String> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = total.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(format!("{} GiB", (kib + (1 << 19)) >> 20))
}

/// The version of the broker, from the name of its jar: `kafka-clients-4.0.0.jar`.
fn kafka() -> Option<String> {
    let jars = fs::read_dir(artefacts::target_dir().join("kafka")).ok()?.flatten();
    let mut names = jars.filter_map(|jar| jar.file_name().into_string().ok());
    names.find_map(|name| Some(name.strip_prefix("kafka-clients-")?.strip_suffix(".jar")?.to_owned()))
}
