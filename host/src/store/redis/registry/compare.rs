//! Compares the views of two generations whose lanes stand still: counts, keys that one lacks, values that differ.

use std::collections::BTreeMap;

use redis::{Value, cmd};

use super::RedisRegistry;
use crate::control::{Deployment, Error};
use crate::projection::{Kind, View};
use crate::store::redis::keys;

/// Elements that are read with one command.
const CHUNK: usize = 1000;
/// Differences that are told.
const TOLD: usize = 3;

/// What differs so far.
#[derive(Default)]
struct Findings {
    lines: Vec<String>,
    missing: u64,
    extra: u64,
    different: u64,
}

/// A walk over the keys of a keyed view, a chunk at a time, so that Redis answers others in between.
struct Members<'a> {
    index: &'a str,
    /// Where the walk goes on; none if it is through.
    cursor: Option<u64>,
}

impl<'a> Members<'a> {
    fn of(index: &'a str) -> Self {
        Self { index, cursor: Some(0) }
    }
}

/// The elements of a structure, or a part of them: name and value.
type Elements = BTreeMap<Vec<u8>, Vec<u8>>;

impl RedisRegistry {
    /// None if they are the same; else what differs, in a few words.
    pub(super) async fn compare_views(
        &self,
        deployment: &Deployment,
        (before, after): (u64, u64),
    ) -> Result<Option<String>, Error> {
        let generation = |number| deployment.generations.get(&number);
        let (Some(old), Some(new)) = (generation(before), generation(after)) else { return Ok(None) };
        let mut findings = Findings::default();
        for view in &old.views {
            let Some(same) = new.views.iter().find(|other| other.name == view.name) else {
                findings.lines.push(format!("view `{}` is gone", view.name));
                continue;
            };
            if (same.kind, same.keyed) != (view.kind, view.keyed) {
                findings.lines.push(format!("view `{}` was {view} and is {same}", view.name));
                continue;
            }
            let sides = [format!("{}{}", old.prefix, view.name), format!("{}{}", new.prefix, view.name)];
            if view.keyed {
                let indexes = [before, after].map(|number| keys::view_keys(&deployment.name, number, &view.name));
                self.compare_keyed(view, sides, indexes, &mut findings).await?;
            } else {
                let [old, new] = sides.map(String::into_bytes);
                self.compare_structure(view, &view.name, old, new, &mut findings).await?;
            }
        }
        for view in &new.views {
            if !old.views.iter().any(|other| other.name == view.name) {
                findings.lines.push(format!("view `{}` is new", view.name));
            }
        }
        Ok(findings.text())
    }

    async fn compare_keyed(
        &self,
        view: &View,
        sides: [String; 2],
        indexes: [String; 2],
        findings: &mut Findings,
    ) -> Result<(), Error> {
        let [old_index, new_index] = indexes;
        let mut members = Members::of(&old_index);
        while let Some(some) = self.next_members(&mut members).await? {
            self.compare_members(view, &sides, &some, findings).await?;
        }
        let mut members = Members::of(&new_index);
        while let Some(some) = self.next_members(&mut members).await? {
            if some.is_empty() {
                continue;
            }
            let known: Vec<bool> = self.ask(cmd("SMISMEMBER").arg(&old_index).arg(&some)).await?;
            let only_new = some.into_iter().zip(known).filter(|(_, known)| !known);
            let only_new: Vec<Vec<u8>> = only_new.map(|(member, _)| member).collect();
            self.compare_members(view, &sides, &only_new, findings).await?;
        }
        Ok(())
    }

    async fn compare_members(
        &self,
        view: &View,
        sides: &[String; 2],
        members: &[Vec<u8>],
        findings: &mut Findings,
    ) -> Result<(), Error> {
        for member in members {
            let [old, new] = sides.each_ref().map(|side| [side.as_bytes(), b":", member].concat());
            let name = format!("{}:{}", view.name, String::from_utf8_lossy(member));
            self.compare_structure(view, &name, old, new, findings).await?;
        }
        Ok(())
    }

    /// Some more keys of a keyed view, perhaps none this time; `None` after the last.
    async fn next_members(&self, members: &mut Members<'_>) -> Result<Option<Vec<Vec<u8>>>, Error> {
        let Some(cursor) = members.cursor else { return Ok(None) };
        let (next, some): (u64, Vec<Vec<u8>>) =
            self.ask(cmd("SSCAN").arg(members.index).arg(cursor).arg("COUNT").arg(CHUNK)).await?;
        members.cursor = (next != 0).then_some(next);
        Ok(Some(some))
    }

    async fn compare_structure(
        &self,
        view: &View,
        name: &str,
        old: Vec<u8>,
        new: Vec<u8>,
        findings: &mut Findings,
    ) -> Result<(), Error> {
        if matches!(view.kind, Kind::List | Kind::Value) {
            let [old, new] = [self.whole(view.kind, &old).await?, self.whole(view.kind, &new).await?];
            findings.compare(name, &old, &new);
            return Ok(());
        }
        let mut cursor = Some(0);
        while let Some(from) = cursor {
            let (next, elements) = self.chunk(view.kind, &old, from).await?;
            let other = self.same_elements(view.kind, &new, &elements).await?;
            findings.compare(name, &elements, &other);
            cursor = next;
        }
        cursor = Some(0);
        while let Some(from) = cursor {
            let (next, elements) = self.chunk(view.kind, &new, from).await?;
            let other = self.same_elements(view.kind, &old, &elements).await?;
            findings.extras(name, &elements, &other);
            cursor = next;
        }
        Ok(())
    }

    /// A list or a string as elements.
    async fn whole(&self, kind: Kind, key: &[u8]) -> Result<Elements, Error> {
        let values: Vec<Vec<u8>> = match kind {
            Kind::List => self.ask(cmd("LRANGE").arg(key).arg(0).arg(-1)).await?,
            _ => self.ask::<Option<Vec<u8>>>(cmd("GET").arg(key)).await?.into_iter().collect(),
        };
        Ok((0..).zip(values).map(|(index, value)| (format!("{index}").into_bytes(), value)).collect())
    }

    /// Some elements of a structure from a cursor on, and the next cursor unless it is through.
    async fn chunk(&self, kind: Kind, key: &[u8], cursor: u64) -> Result<(Option<u64>, Elements), Error> {
        let scan = match kind {
            Kind::Ranking => "ZSCAN",
            Kind::Set => "SSCAN",
            _ => "HSCAN",
        };
        let (next, flat): (u64, Vec<Vec<u8>>) =
            self.ask(cmd(scan).arg(key).arg(cursor).arg("COUNT").arg(CHUNK)).await?;
        let elements = match kind {
            Kind::Set => flat.into_iter().map(|member| (member, Vec::new())).collect(),
            _ => flat.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect(),
        };
        Ok(((next != 0).then_some(next), elements))
    }

    /// What another structure has under the same names.
    async fn same_elements(&self, kind: Kind, key: &[u8], elements: &Elements) -> Result<Elements, Error> {
        if elements.is_empty() {
            return Ok(Elements::new());
        }
        let name = match kind {
            Kind::Ranking => "ZMSCORE",
            Kind::Set => "SMISMEMBER",
            _ => "HMGET",
        };
        let mut command = cmd(name);
        command.arg(key);
        elements.keys().for_each(|element| _ = command.arg(element));
        let values: Vec<Value> = self.ask(&command).await?;
        let value = |value: Value| match value {
            Value::Nil | Value::Int(0) => None,
            Value::Int(_) => Some(Vec::new()),
            Value::BulkString(bytes) => Some(bytes),
            other => redis::from_redis_value(other).ok(),
        };
        let found =
            elements.keys().zip(values).filter_map(|(element, found)| Some((element.clone(), value(found)?)));
        Ok(found.collect())
    }
}

impl Findings {
    fn compare(&mut self, view: &str, old: &Elements, new: &Elements) {
        for (element, value) in old {
            match new.get(element) {
                Some(other) if other == value => {}
                Some(other) => {
                    self.different += 1;
                    let (was, is) = unlike(value, other);
                    self.tell(format!("{view} {}: {was} became {is}", text(element)));
                }
                None => {
                    self.missing += 1;
                    self.tell(format!("{view} {} is missing, it was {}", text(element), text(value)));
                }
            }
        }
    }

    fn extras(&mut self, view: &str, new: &Elements, old: &Elements) {
        for (element, value) in new.iter().filter(|(element, _)| !old.contains_key(*element)) {
            self.extra += 1;
            self.tell(format!("{view} {} is new: {}", text(element), text(value)));
        }
    }

    fn tell(&mut self, line: String) {
        if self.lines.len() < TOLD {
            self.lines.push(line);
        }
    }

    fn text(&self) -> Option<String> {
        if self.lines.is_empty() {
            return None;
        }
        let Self { missing, extra, different, lines } = self;
        Some(format!("{missing} missing, {extra} extra, {different} different: {}", lines.join("; ")))
    }
}

/// How many bytes of a value are shown.
const SHOWN: usize = 80;

/// Bytes for people, cut off where they would fill the screen.
fn text(bytes: &[u8]) -> String {
    window(bytes, 0)
}

/// Two values for people, cut off to where they differ.
fn unlike(old: &[u8], new: &[u8]) -> (String, String) {
    let alike = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let is_whole = old.len().max(new.len()) <= SHOWN;
    let mut from = if is_whole { 0 } else { alike.saturating_sub(SHOWN / 2) };
    // Not from within a character.
    while from > 0 && old.get(from).or(new.get(from)).is_some_and(|byte| byte & 0xc0 == 0x80) {
        from -= 1;
    }
    (window(old, from), window(new, from))
}

/// So many bytes from there on, with a sign where some are left out.
fn window(bytes: &[u8], from: usize) -> String {
    let to = bytes.len().min(from + SHOWN);
    let before = if from > 0 { "…" } else { "" };
    let after = if to < bytes.len() { "…" } else { "" };
    format!("{before}{}{after}", String::from_utf8_lossy(&bytes[from..to]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_values_are_shown_where_they_differ() {
        let unlike = |old: &str, new: &str| unlike(old.as_bytes(), new.as_bytes());
        assert_eq!(unlike("1", "2"), ("1".to_owned(), "2".to_owned()));
        let long = |end: &str| format!("{}{end}", "a".repeat(200));
        let shown = |end: &str| format!("…{}{end}", "a".repeat(40));
        assert_eq!(unlike(&long("EUR"), &long("CHF")), (shown("EUR"), shown("CHF")));
        assert_eq!(unlike(&long(""), &long("more")), (shown(""), shown("more")));
        let (was, is) = unlike(&format!("1{}", long("")), &format!("2{}", long("")));
        assert_eq!((was, is), (format!("1{}…", "a".repeat(79)), format!("2{}…", "a".repeat(79))));
        let (was, _) = unlike(&format!("{}1", "€".repeat(100)), &format!("{}2", "€".repeat(100)));
        assert_eq!(was, format!("…{}1", "€".repeat(14)));
    }
}
