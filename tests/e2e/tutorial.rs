//! The tutorial, played: every command and every edit of `docs/tutorial.md`, in its order, by a reader who types what stands
//! there; and what is printed must be what the page shows.
//!
//! On the page, a block `console` is a terminal: a line `$ …` is a command, the lines below it are what it prints. `…` stands for
//! any text in a line, and alone for any lines. `console second` is another terminal, whose last command goes on running while
//! others work; `^C` there ends it. A block `diff FILE` is an edit, in parts divided by `@@`.

use std::collections::BTreeMap;
use std::fs;

use lantern_tests::artefacts::repository;
use lantern_tests::eventually::NET;
use lantern_tests::{Author, Process, RedisServer, eventually};
use rustix::process::Signal;

/// The port that the page gives to Redis.
const REDIS_PORT: &str = "6390";
/// The port that `lantern dev` chooses on the page.
const DEV_PORT: &str = "46081";

#[test]
fn every_command_of_the_tutorial_does_what_the_page_says() {
    let page = fs::read_to_string(repository().join("docs/tutorial.md")).unwrap();
    let mut reader = Reader::new();
    for block in blocks(&page) {
        match (block.language, block.rest) {
            ("console", "") => reader.runs(&block.lines),
            ("console", terminal) => reader.watches(terminal, &block.lines),
            ("diff", file) => reader.edits(file, &block.lines),
            (other, _) => {
                assert!(!block.lines.iter().any(|line| line.starts_with("$ ")), "a command in `{other}`")
            }
        }
    }
    assert!(reader.commands > 20, "the page has more than {} commands", reader.commands);
    let terminals: Vec<_> = reader.running.keys().collect();
    assert!(terminals.is_empty(), "the page leaves something running in {terminals:?}");
}

/// A fenced block: what stands behind its fence, in two parts, and its lines.
struct Block<'a> {
    language: &'a str,
    rest: &'a str,
    lines: Vec<&'a str>,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let (mut blocks, mut open) = (Vec::new(), None);
    for line in page.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(info), None) => {
                let (language, rest) = info.split_once(' ').unwrap_or((info, ""));
                open = Some(Block { language, rest, lines: Vec::new() });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.lines.push(line),
            (None, None) => assert!(!line.trim_start().starts_with("$ "), "a command outside of a block: {line}"),
        }
    }
    assert!(open.is_none(), "the last block has no end");
    blocks
}

/// Whoever reads the page, with some terminals before them.
struct Reader {
    author: Author,
    /// What the page says where something else is the case here.
    really: Vec<(&'static str, String)>,
    /// What runs in other terminals.
    running: BTreeMap<String, Process>,
    commands: usize,
}

impl Reader {
    fn new() -> Self {
        let author = Author::new("tutorial");
        let port = RedisServer::away().port().to_string();
        Self { author, really: vec![(REDIS_PORT, port)], running: BTreeMap::new(), commands: 0 }
    }

    /// Runs commands one after the other, each to its end.
    fn runs(&mut self, lines: &[&str]) {
        for (command, shown) in commands(lines) {
            self.runs_one("first", &command, &shown);
        }
    }

    fn runs_one(&mut self, terminal: &str, command: &str, shown: &[&str]) {
        self.commands += 1;
        let (command, shown) = (self.here(command), shown.iter().map(|line| self.here(line)).collect::<Vec<_>>());
        let said = || {
            let mut shell = self.author.starts_shell(&in_terminal(terminal, &command));
            let status = shell.wait(NET);
            assert!(status.success(), "$ {command}\n{}", shell.tail());
            let said = shell.stdout();
            let lines: Vec<_> = said.lines().collect();
            if are_as_shown(&shown, &lines) { Ok(()) } else { Err(format!("\n{said}")) }
        };
        let what = format!("$ {command}\n{}", shown.join("\n"));
        // A view follows its events, so it is read until it has.
        if command.starts_with("redis-cli") {
            eventually(&what, NET, said);
        } else if let Err(said) = said() {
            panic!("the page shows\n{what}\nbut it is{said}");
        }
    }

    /// Does what a block says in another terminal, whose last command goes on.
    fn watches(&mut self, terminal: &str, lines: &[&str]) {
        let (more, commands) =
            (lines.split(|line| line.starts_with("$ ")).next().unwrap_or_default(), commands(lines));
        for line in more {
            match *line {
                "^C" => {
                    let mut process = self.running.remove(terminal).expect("something runs there");
                    process.signal(Signal::INT);
                    let status = process.wait(NET);
                    assert!(status.success(), "{status}: {}", process.tail());
                }
                line => self.sees(terminal, line),
            }
        }
        let Some(((last, shown), before)) = commands.split_last() else { return };
        before.iter().for_each(|(command, shown)| self.runs_one(terminal, command, shown));
        self.commands += 1;
        let process = self.author.starts_shell(&in_terminal(terminal, &format!("exec {}", self.here(last))));
        let earlier = self.running.insert(terminal.to_owned(), process);
        assert!(earlier.is_none(), "something else runs in the {terminal} terminal");
        shown.iter().for_each(|line| self.sees(terminal, line));
    }

    /// Waits for a line in another terminal.
    fn sees(&mut self, terminal: &str, line: &str) {
        if line.trim() == "…" {
            return;
        }
        let process = &self.running[terminal];
        match line.split_once(DEV_PORT) {
            Some((before, after)) if !self.really.iter().any(|(page, _)| *page == DEV_PORT) => {
                let port = |said: &str| Some(said.strip_prefix(before)?.strip_suffix(after)?.to_owned());
                let said = process.wait_for_line(line, NET, |said| port(said).is_some());
                self.really.push((DEV_PORT, port(&said).unwrap()));
            }
            _ => {
                let shown = self.here(line);
                process.wait_for_line(&shown, NET, |said| is_as_shown(&shown, said));
            }
        }
    }

    /// Makes an edit.
    fn edits(&mut self, file: &str, lines: &[&str]) {
        let path = self.author.folder().join(file);
        let mut text = fs::read_to_string(&path).unwrap();
        for part in lines.split(|line| *line == "@@") {
            let side = |other: char| {
                part.iter()
                    .filter(|line| !line.starts_with(other))
                    .map(|line| line[1..].to_owned() + "\n")
                    .collect::<String>()
            };
            let (old, new) = (side('+'), side('-'));
            assert_eq!(text.matches(&old).count(), 1, "{file} has this once:\n{old}\nbut it is\n{text}");
            text = text.replace(&old, &new);
        }
        fs::write(path, text).unwrap();
    }

    /// A line of the page as it is here.
    fn here(&self, line: &str) -> String {
        self.really.iter().fold(line.to_owned(), |line, (page, here)| line.replace(page, here))
    }
}

/// A script that runs a command where the ones before it have left that terminal: in their folder, with their variables.
fn in_terminal(terminal: &str, command: &str) -> String {
    format!(
        "exec 2>&1; here=$PWD/.{terminal}; [ ! -f $here ] || . $here; export here=${{here}}\n{command}\n\
         status=$?; {{ export -p; printf 'cd %q\\n' \"$PWD\"; }} >$here; exit $status"
    )
}

/// The commands of a block, each with what it prints.
fn commands<'a>(lines: &[&'a str]) -> Vec<(String, Vec<&'a str>)> {
    let mut commands: Vec<(String, Vec<&str>)> = Vec::new();
    for line in lines {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_owned(), Vec::new())),
            (None, Some((command, shown))) if shown.is_empty() && line.starts_with("> ") => {
                *command += &format!("\n{}", &line[2..]);
            }
            (None, Some((_, shown))) => shown.push(line),
            (None, None) => {}
        }
    }
    commands
}

/// Whether lines are what the page shows, where `…` alone is any number of them.
fn are_as_shown(shown: &[String], said: &[&str]) -> bool {
    match shown {
        [] => said.is_empty(),
        [any, rest @ ..] if any.trim() == "…" => (0..=said.len()).any(|from| are_as_shown(rest, &said[from..])),
        [line, rest @ ..] => {
            said.split_first().is_some_and(|(first, said)| is_as_shown(line, first) && are_as_shown(rest, said))
        }
    }
}

/// Whether a line is what the page shows, where `…` is any text.
fn is_as_shown(shown: &str, said: &str) -> bool {
    let (first, rest) = shown.split_once('…').map_or((shown, None), |(first, rest)| (first, Some(rest)));
    match (said.strip_prefix(first), rest) {
        (None, _) => false,
        (Some(said), None) => said.is_empty(),
        (Some(said), Some(rest)) => {
            said.char_indices().map(|(at, _)| at).chain([said.len()]).any(|at| is_as_shown(rest, &said[at..]))
        }
    }
}

#[test]
fn what_varies_is_marked() {
    assert!(is_as_shown("built … in … s", "built a.wasm in 4.2 s"));
    assert!(!is_as_shown("built … in … s", "built a.wasm in 4.2 s more"));
    let shown = ["a", "  …", "z"].map(str::to_owned);
    assert!(are_as_shown(&shown, &["a", "z"]) && are_as_shown(&shown, &["a", "b", "c", "z"]));
    assert!(!are_as_shown(&shown, &["a", "z", "y"]) && !are_as_shown(&shown, &["b", "z"]));
}
