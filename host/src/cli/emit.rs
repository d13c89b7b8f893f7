//! `lantern emit`: appends events to a topic of the embedded log. Nothing invalid is ever written.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::clock::now;
use super::{Printer, UserError};
use crate::event::encode_header;
use crate::source::embedded::{Appender, Decoded, EmbeddedLog, Record, append, compact_json, layout};

/// Bytes of input that are appended together if they are there at once.
const INPUT_BYTES: usize = 1024 * 1024;

/// How to write a payload.
const PAYLOAD_HINT: &str =
    "quote JSON for the shell: '{\"amount\":1}'; a string has quotes of its own: '\"text\"'";

/// How to write an event.
const EVENT_HINT: &str = "one event a line: {\"key\":…,\"timestamp\":…,\"headers\":{…},\"payload\":…}";

/// Append events to a topic of the embedded log
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Append to this topic, which is created if it does not exist
    topic: String,

    /// Append this payload, any JSON value; `null` makes a tombstone, `-` reads payloads from standard input, one a
    /// line, and appends them as they come
    #[arg(value_name = "JSON", required_unless_present = "events", allow_negative_numbers = true)]
    json: Option<String>,

    /// Give each event this key, which decides its partition
    #[arg(long)]
    key: Option<String>,

    /// Give each event this header; repeat it for more
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = header)]
    headers: Vec<(String, String)>,

    /// Give each event this time, in milliseconds since 1970, instead of the present
    #[arg(long, value_name = "MS", allow_negative_numbers = true)]
    timestamp: Option<i64>,

    /// Take whole events in the log's own form, such as {"key":"acc-42","payload":{…}}, instead of payloads, from
    /// standard input unless one is given; none is appended if any is invalid
    #[arg(long, conflicts_with_all = ["key", "headers", "timestamp"])]
    events: bool,

    /// Create the topic with this many partitions, instead of one
    #[arg(long, value_name = "N")]
    partitions: Option<u32>,

    /// Append to the log in this directory
    #[arg(long, value_name = "DIR", env = "LANTERN_LOG", default_value = ".lantern/log")]
    log: PathBuf,
}

pub(crate) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    run_on(args, io::stdin(), printer)
}

fn run_on(args: Args, stdin: impl Read, printer: &mut Printer) -> anyhow::Result<()> {
    let target = Target { log: EmbeddedLog::new(args.log), topic: args.topic, partitions: args.partitions };
    let mut headers = Vec::new();
    args.headers.iter().for_each(|(name, value)| {
        encode_header(&mut headers, name.as_bytes(), Some(value.as_bytes()));
    });
    let stamp = Stamp { key: args.key, headers, timestamp: args.timestamp };
    let mut form =
        if args.events { Form::Events(Decoded::default()) } else { Form::Payloads { stamp, payload: None } };
    match args.json.as_deref() {
        Some(json) if json != "-" => append_one(&target, &mut form, json, printer),
        _ if args.events => append_all(&target, &mut form, stdin, printer),
        _ => append_lines(&target, &mut form, stdin, printer),
    }
}

/// Appends the events of a file in the log's own form, or none if one is invalid. Its topic is there.
pub(super) fn append_file(
    log: &EmbeddedLog,
    topic: &str,
    file: &Path,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let target = Target { log: log.clone(), topic: topic.to_owned(), partitions: None };
    let fails = |why: &dyn std::fmt::Display| {
        UserError::failure(format!("cannot append the events of {}: {why}", file.display()), EVENT_HINT)
    };
    let events = File::open(file).map_err(|error| fails(&error))?;
    append_all(&target, &mut Form::Events(Decoded::default()), events, printer)
        .map_err(|error| fails(&error).into())
}

fn append_one(target: &Target, form: &mut Form, text: &str, printer: &mut Printer) -> anyhow::Result<()> {
    let hint = form.hint();
    let record = form.read(text).map_err(|reason| UserError::usage(reason, hint))?;
    for reference in target.open(printer)?.append([record]).map_err(append_failure)? {
        printer.out(reference);
    }
    Ok(())
}

/// Appends the events of all lines, or none if one is invalid.
fn append_all(
    target: &Target,
    form: &mut Form,
    mut input: impl Read,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let mut text = Vec::new();
    input.read_to_end(&mut text)?;
    for (line, number) in text.split(|b| *b == b'\n').zip(1..) {
        read_line(form, line, number, 0)?;
    }
    append_lines(target, form, text.as_slice(), printer)
}

/// Appends the events of all lines as they come, up to one that is invalid.
fn append_lines(target: &Target, form: &mut Form, input: impl Read, printer: &mut Printer) -> anyhow::Result<()> {
    let mut input = BufReader::with_capacity(INPUT_BYTES, input);
    let mut appender = None;
    let (mut line, mut appended) = (Vec::new(), 0);
    for number in 1.. {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        match read_line(form, &line, number, appended) {
            Ok(Some(record)) => {
                let appender = match &mut appender {
                    Some(appender) => appender,
                    None => appender.insert(target.open(printer)?),
                };
                appender.add(&record).map_err(append_failure)?;
                appended += 1;
            }
            Ok(None) => {}
            Err(invalid) => {
                flush(appender.as_mut())?;
                return Err(invalid.into());
            }
        }
        if !input.buffer().contains(&b'\n') {
            flush(appender.as_mut())?; // the next line is not here yet
        }
    }
    flush(appender.as_mut())?;
    printer.note(format_args!("{appended} {} appended to `{}`", plural(appended, "event"), target.topic));
    Ok(())
}

fn flush(appender: Option<&mut Appender>) -> anyhow::Result<()> {
    appender.map_or(Ok(()), |appender| appender.flush().map(drop).map_err(append_failure))
}

/// The event of a line, none if the line is blank.
fn read_line<'a>(
    form: &'a mut Form,
    line: &[u8],
    number: u64,
    appended: u64,
) -> Result<Option<Record<'a>>, UserError> {
    let hint = form.hint();
    let read = match str::from_utf8(line.trim_ascii_end()) {
        Ok("") => Ok(None),
        Ok(text) => form.read(text).map(Some),
        Err(e) => Err(format!("not UTF-8 (column {})", e.valid_up_to() + 1)),
    };
    read.map_err(|reason| {
        let before = match appended {
            0 => "nothing was appended".to_owned(),
            n => format!("{n} {} before it appended", plural(n, "event")),
        };
        UserError::failure(format!("line {number} of the input: {reason}; {before}"), hint)
    })
}

/// Where events go.
struct Target {
    log: EmbeddedLog,
    topic: String,
    /// As asked for, which matters when the topic is created.
    partitions: Option<u32>,
}

impl Target {
    fn open(&self, printer: &mut Printer) -> anyhow::Result<Appender> {
        match self.log.appender(&self.topic) {
            Ok(appender) => self.check_partitions(appender),
            Err(layout::Error::NoSuchTopic { .. }) => self.create(printer),
            Err(error) => Err(layout_failure(error)),
        }
    }

    fn create(&self, printer: &mut Printer) -> anyhow::Result<Appender> {
        let count = self.partitions.unwrap_or(1);
        match self.log.create(&self.topic, count) {
            Ok(()) => printer.note(format_args!(
                "created topic `{}` with {count} {} in {}",
                self.topic,
                plural(count.into(), "partition"),
                self.log.dir().display(),
            )),
            Err(layout::Error::TopicExists { .. }) => {} // by another, just now
            Err(error) => return Err(layout_failure(error)),
        }
        self.check_partitions(self.log.appender(&self.topic).map_err(layout_failure)?)
    }

    fn check_partitions(&self, appender: Appender) -> anyhow::Result<Appender> {
        match (self.partitions, appender.partitions()) {
            (Some(asked), has) if asked != has => Err(UserError::usage(
                format!("topic `{}` has {has} {}, not {asked}", self.topic, plural(has.into(), "partition")),
                "leave --partitions away; the number is fixed when the topic is created",
            )
            .into()),
            _ => Ok(appender),
        }
    }
}

/// What a text is read as.
enum Form {
    Payloads { stamp: Stamp, payload: Option<Vec<u8>> },
    Events(Decoded),
}

/// What each payload gets to be an event.
struct Stamp {
    key: Option<String>,
    headers: Vec<u8>,
    timestamp: Option<i64>,
}

impl Form {
    /// The event that the text is. Otherwise says what is wrong with it.
    fn read(&mut self, text: &str) -> Result<Record<'_>, String> {
        match self {
            Form::Payloads { stamp, payload } => {
                *payload = compact_json(text).map_err(|reason| format!("the payload is not JSON: {reason}"))?;
                Ok(Record {
                    key: stamp.key.as_deref().map(str::as_bytes),
                    timestamp: stamp.timestamp.unwrap_or_else(now),
                    headers: &stamp.headers,
                    payload: payload.as_deref(),
                })
            }
            Form::Events(decoded) => {
                decoded.decode(text.as_bytes()).map_err(|reason| format!("not an event: {reason}"))?;
                let record = decoded.record();
                let timestamp = if record.timestamp == -1 { now() } else { record.timestamp };
                Ok(Record { timestamp, ..record })
            }
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Form::Payloads { .. } => PAYLOAD_HINT,
            Form::Events(_) => EVENT_HINT,
        }
    }
}

pub(super) fn header(argument: &str) -> Result<(String, String), &'static str> {
    let (name, value) = argument.split_once('=').ok_or("a header is NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn plural(count: u64, noun: &str) -> String {
    if count == 1 { noun.to_owned() } else { format!("{noun}s") }
}

fn layout_failure(error: layout::Error) -> anyhow::Error {
    let hint = error.hint();
    let is_usage = matches!(error, layout::Error::IllegalName { .. } | layout::Error::Count(_));
    let message = format!("{:#}", anyhow::Error::new(error));
    if is_usage { UserError::usage(message, hint).into() } else { UserError::failure(message, hint).into() }
}

fn append_failure(error: append::Error) -> anyhow::Error {
    let hint = error.hint();
    UserError::failure(format!("{:#}", anyhow::Error::new(error)), hint).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::fs;
    use std::path::Path;

    #[derive(clap::Parser)]
    struct Command {
        #[command(flatten)]
        args: Args,
    }

    /// Runs the command on the log in `dir` and gives what its topic has, line by line, with 1 for each time.
    fn emit(dir: &Path, arguments: &[&str], stdin: impl Read) -> Result<Vec<String>, String> {
        let log = dir.to_str().unwrap();
        let arguments = ["emit", "t", "--log", log].into_iter().chain(arguments.iter().copied());
        let args = Command::try_parse_from(arguments).map_err(|e| e.to_string())?.args;
        run_on(args, stdin, &mut Printer::default()).map_err(|e| format!("{e:#}"))?;
        Ok(lines(dir))
    }

    fn lines(dir: &Path) -> Vec<String> {
        let text = fs::read_to_string(dir.join("t/0.jsonl")).unwrap_or_default();
        text.lines().map(without_present).collect()
    }

    /// A line with the present time, if it has that, as 1.
    fn without_present(line: &str) -> String {
        let (before, after) = line.split_once("\"timestamp\":").unwrap_or((line, ""));
        let time: String = after.chars().take_while(char::is_ascii_digit).collect();
        match time.parse::<i64>() {
            Ok(ms) if (now() - ms) < 3_600_000 => {
                line.replace(&format!("{before}\"timestamp\":{time}"), &format!("{before}\"timestamp\":1"))
            }
            _ => line.to_owned(),
        }
    }

    #[test]
    fn appends_one_payload() {
        let dir = tempfile::tempdir().unwrap();
        emit(dir.path(), &["{ \"amount\": 1.50 }", "--key", "acc-42"], io::empty()).unwrap();
        emit(dir.path(), &["-5", "--timestamp", "7", "--header", "a=b=c", "--header", "a="], io::empty()).unwrap();
        let all = emit(dir.path(), &["null", "--key", "acc-42"], io::empty()).unwrap();
        assert_eq!(
            all,
            [
                r#"{"key":"acc-42","timestamp":1,"payload":{"amount":1.50}}"#,
                r#"{"timestamp":7,"headers":{"a":"b=c","a":""},"payload":-5}"#,
                r#"{"key":"acc-42","timestamp":1,"payload":null}"#,
            ]
        );
    }

    #[test]
    fn payloads_from_standard_input_are_appended_up_to_one_that_is_invalid() {
        let dir = tempfile::tempdir().unwrap();
        let expected = [1, 2].map(|n| format!("{{\"key\":\"k\",\"timestamp\":1,\"payload\":{n}}}"));
        assert_eq!(emit(dir.path(), &["-", "--key", "k"], "1\n\n2".as_bytes()).unwrap(), expected);

        let error = emit(dir.path(), &["-"], "3\n{\n4\n".as_bytes()).unwrap_err();
        let reason = "line 2 of the input: the payload is not JSON: EOF while parsing an object (column 1)";
        assert!(error.contains(&format!("{reason}; 1 event before it appended")), "{error}");
        assert_eq!(lines(dir.path()).len(), 3);
    }

    #[test]
    fn payloads_are_appended_before_the_next_ones_come() {
        let dir = tempfile::tempdir().unwrap();
        struct Pipe<'a>(&'a Path, usize);
        impl Read for Pipe<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let text = ["1\n2\n3", "33\n", ""][self.1];
                assert_eq!(lines(self.0).len(), [0, 2, 3][self.1]);
                self.1 += 1;
                buffer[..text.len()].copy_from_slice(text.as_bytes());
                Ok(text.len())
            }
        }
        let all = emit(dir.path(), &["-"], Pipe(dir.path(), 0)).unwrap();
        assert_eq!(all[2], r#"{"timestamp":1,"payload":333}"#);
    }

    #[test]
    fn whole_events_are_appended_all_or_none() {
        let dir = tempfile::tempdir().unwrap();
        let error = emit(dir.path(), &["--events"], "{\"payload\":1}\n{\"paylaod\":2}\n".as_bytes()).unwrap_err();
        assert!(error.contains("line 2 of the input: not an event: unknown field `paylaod`"), "{error}");
        assert!(error.contains("; nothing was appended"), "{error}");
        assert!(!dir.path().join("t").exists());

        let events = "{\"payload\":1,\"timestamp\":9}\n{ \"payload\":[ 2 ],\"headers\":{\"a\":null}}\n";
        emit(dir.path(), &["--events", "-"], events.as_bytes()).unwrap();
        assert_eq!(
            emit(dir.path(), &["--events", r#"{"payload_base64":"AA=="}"#], io::empty()).unwrap(),
            [
                r#"{"timestamp":9,"payload":1}"#,
                r#"{"timestamp":1,"headers":{"a":null},"payload":[2]}"#,
                r#"{"timestamp":1,"payload_base64":"AA=="}"#,
            ]
        );
    }

    #[test]
    fn partitions_are_for_a_topic_that_is_created() {
        let dir = tempfile::tempdir().unwrap();
        emit(dir.path(), &["1", "--partitions", "3"], io::empty()).unwrap();
        assert_eq!(fs::read_dir(dir.path().join("t")).unwrap().count(), 3);
        emit(dir.path(), &["1", "--partitions", "3"], io::empty()).unwrap();
        let error = emit(dir.path(), &["1", "--partitions", "4"], io::empty()).unwrap_err();
        assert!(error.contains("topic `t` has 3 partitions, not 4"), "{error}");
    }

    #[test]
    fn what_is_invalid_is_refused_before_a_topic_is_created() {
        let dir = tempfile::tempdir().unwrap();
        for (arguments, reason) in [
            (&["{amount:1}"][..], "the payload is not JSON: key must be a string (column 2)"),
            (&["1", "--partitions", "0"], "a topic can't have 0 partitions"),
            (&["1", "--header", "novalue"], "a header is NAME=VALUE"),
            (&[], "required arguments were not provided"),
            (&["--events", "--key", "k"], "cannot be used with"),
        ] {
            let error = emit(dir.path(), arguments, io::empty()).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        assert!(!dir.path().join("t").exists());
    }
}
