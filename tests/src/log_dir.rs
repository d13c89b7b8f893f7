//! The embedded log's files, written by hand as a person would: `DIR/<topic>/<partition>.jsonl`, one event a line.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::event::Event;
use crate::scratch::Scratch;

/// An embedded log in a scratch folder.
pub struct LogDir(Scratch);

impl LogDir {
    /// An empty one.
    pub fn new() -> LogDir {
        LogDir(Scratch::new("log"))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// What `--source` takes.
    pub fn url(&self) -> String {
        format!("log:{}", self.path().display())
    }

    /// Makes a topic of empty partitions.
    pub fn create_topic(&self, topic: &str, partitions: u32) {
        fs::create_dir_all(self.path().join(topic)).expect("the scratch folder is writable");
        for partition in 0..partitions {
            self.append_raw(topic, partition, "");
        }
    }

    /// Appends events, one write a partition.
    pub fn append(&self, topic: &str, events: &[Event]) {
        let mut texts: BTreeMap<u32, String> = BTreeMap::new();
        for event in events {
            let text = texts.entry(event.partition).or_default();
            text.push_str(&line(event));
            text.push('\n');
        }
        for (partition, text) in texts {
            self.append_raw(topic, partition, &text);
        }
    }

    /// Appends text as it is: a torn line, a broken one.
    pub fn append_raw(&self, topic: &str, partition: u32, text: &str) {
        let file = self.partition_file(topic, partition);
        let mut file =
            OpenOptions::new().create(true).append(true).open(file).expect("the topic's folder is there");
        file.write_all(text.as_bytes()).expect("the scratch folder is writable");
    }

    /// The file of a partition.
    pub fn partition_file(&self, topic: &str, partition: u32) -> PathBuf {
        self.path().join(topic).join(format!("{partition}.jsonl"))
    }
}

impl Default for LogDir {
    fn default() -> LogDir {
        LogDir::new()
    }
}

/// An event as a line of the log. What is not text, or not JSON, stands there in base64.
fn line(event: &Event) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        key_base64: Option<String>,
        timestamp: i64,
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<&'a str, Option<&'a str>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        payload_base64: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<&'a RawValue>,
    }
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let (key, bytes) = (event.key.as_deref(), event.payload.as_deref().unwrap_or(b"null"));
    let payload: Option<&RawValue> = serde_json::from_slice(bytes).ok();
    let plain = |bytes| text(bytes).expect("headers here are text");
    let headers = event.headers.iter().map(|(name, value)| (plain(name), value.as_deref().map(plain)));
    let line = Line {
        key: key.and_then(text),
        key_base64: key.filter(|key| text(key).is_none()).map(|key| STANDARD.encode(key)),
        timestamp: event.timestamp,
        headers: headers.collect(),
        payload_base64: payload.is_none().then(|| STANDARD.encode(bytes)),
        payload,
    };
    serde_json::to_string(&line).expect("a line is plain data")
}
