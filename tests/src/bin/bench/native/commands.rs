//! What one transaction writes, as Redis commands: their words stand one behind the other in one buffer, which is used
//! again and again.

use std::fmt::Display;
use std::io::Write;

use serde::Serialize;

/// Commands in their order.
#[derive(Debug, Default)]
pub struct Commands {
    bytes: Vec<u8>,
    /// Where each word ends in `bytes`.
    words: Vec<usize>,
    /// Where each command ends in `words`.
    commands: Vec<usize>,
}

impl Commands {
    /// Appends a command: its name, its key, and the words that `elements` appends; no command without any.
    pub fn add(
        &mut self,
        name: &str,
        key: &str,
        elements: impl FnOnce(&mut Self) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let (bytes, words) = (self.bytes.len(), self.words.len());
        self.word(name);
        self.word(key);
        elements(self)?;
        if self.words.len() == words + 2 {
            self.words.truncate(words);
            self.bytes.truncate(bytes);
        } else {
            self.commands.push(self.words.len());
        }
        Ok(())
    }

    /// Appends a word to the command.
    pub fn word(&mut self, word: &str) {
        self.bytes.extend_from_slice(word.as_bytes());
        self.words.push(self.bytes.len());
    }

    /// Appends a number, or what else can be shown, to the command.
    pub fn text(&mut self, text: impl Display) -> anyhow::Result<()> {
        write!(self.bytes, "{text}")?;
        self.words.push(self.bytes.len());
        Ok(())
    }

    /// Appends a document to the command, as JSON.
    pub fn json(&mut self, document: &impl Serialize) -> anyhow::Result<()> {
        serde_json::to_writer(&mut self.bytes, document)?;
        self.words.push(self.bytes.len());
        Ok(())
    }

    /// How many commands there are.
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// The commands, each with its words.
    pub fn iter(&self) -> impl Iterator<Item = impl ExactSizeIterator<Item = &[u8]>> {
        self.commands.iter().enumerate().map(move |(number, end)| {
            let first = number.checked_sub(1).map_or(0, |before| self.commands[before]);
            (first..*end).map(move |word| self.word_at(word))
        })
    }

    /// Forgets all, and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.words.clear();
        self.commands.clear();
    }

    fn word_at(&self, word: usize) -> &[u8] {
        let start = word.checked_sub(1).map_or(0, |before| self.words[before]);
        &self.bytes[start..self.words[word]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_without_elements_is_none() -> anyhow::Result<()> {
        let mut commands = Commands::default();
        commands.add("HDEL", "empty", |_| Ok(()))?;
        commands.add("HSET", "numbers", |set| {
            set.word("one");
            set.text(1)
        })?;
        commands.add("HDEL", "empty", |_| Ok(()))?;
        let texts: Vec<Vec<_>> =
            commands.iter().map(|words| words.map(String::from_utf8_lossy).collect()).collect();
        assert_eq!(texts, [["HSET", "numbers", "one", "1"]]);
        Ok(())
    }
}
