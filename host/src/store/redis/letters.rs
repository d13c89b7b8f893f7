//! Dead letters in Redis: a hash for each lane, from the number of a letter to the letter, and a set of the numbers that are
//! to be tried again.

use std::collections::BTreeMap;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisError, cmd, pipe};

use crate::letter::{Change, Letter, SetAside};

/// Letters that are read with one command: one may have some hundred kilobytes.
const CHUNK: usize = 100;

/// Why letters could not be read.
pub(super) enum Failure {
    Redis(RedisError),
    /// One is not in our format.
    Format(String),
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        Failure::Redis(error)
    }
}

/// Gives each letter of a lane to `take`, with its number. At no moment it holds more than some of them.
pub(super) async fn scan(
    connection: &mut MultiplexedConnection,
    dead: &str,
    mut take: impl FnMut(u64, Letter),
) -> Result<(), Failure> {
    let mut cursor = 0u64;
    loop {
        let mut scan = cmd("HSCAN");
        scan.arg(dead).arg(cursor).arg("COUNT").arg(CHUNK);
        let (next, some): (u64, BTreeMap<String, Vec<u8>>) = scan.query_async(connection).await?;
        for (number, letter) in some {
            let number = number.parse().map_err(|_| foreign(dead, &number))?;
            take(number, parse(dead, number, &letter)?);
        }
        cursor = next;
        if cursor == 0 {
            return Ok(());
        }
    }
}

/// What a lane is to know of its letters, after so many changes of them.
pub(super) async fn set_aside(
    connection: &mut MultiplexedConnection,
    dead: &str,
    retry: &str,
    changes: u64,
) -> Result<SetAside, Failure> {
    let mut set_aside = SetAside { next: SetAside::first_number(changes), ..SetAside::default() };
    scan(connection, dead, |number, letter| drop(set_aside.heads.insert(number, letter.head()))).await?;
    let mut rest = pipe();
    rest.cmd("SMEMBERS").arg(retry).cmd("TIME");
    let (numbers, (seconds, micros)): (Vec<u64>, (i64, i64)) = rest.query_async(connection).await?;
    set_aside.retry = numbers.into_iter().filter(|number| set_aside.heads.contains_key(number)).collect();
    set_aside.now = seconds * 1000 + micros / 1000;
    Ok(set_aside)
}

/// Those of these letters that are there, in the same order.
pub(super) async fn read(
    connection: &mut MultiplexedConnection,
    dead: &str,
    numbers: &[u64],
) -> Result<Vec<(u64, Letter)>, Failure> {
    let letters: Vec<Option<Vec<u8>>> = cmd("HMGET").arg(dead).arg(numbers).query_async(connection).await?;
    let there = numbers.iter().zip(letters).filter_map(|(number, letter)| Some((*number, letter?)));
    there.map(|(number, letter)| Ok((number, parse(dead, number, &letter)?))).collect()
}

fn parse(dead: &str, number: u64, letter: &[u8]) -> Result<Letter, Failure> {
    serde_json::from_slice(letter).map_err(|_| foreign(dead, &number.to_string()))
}

fn foreign(dead: &str, number: &str) -> Failure {
    Failure::Format(format!("letter {number} of key `{dead}` is not in Lantern's format"))
}

/// The commands that make the changes, with the key of each.
pub(super) fn commands<'a>(changes: &'a [Change], dead: &'a str, retry: &'a str) -> Vec<(Cmd, &'a str)> {
    let (mut put, mut remove, mut settle) = (cmd("HSET"), cmd("HDEL"), cmd("SREM"));
    put.arg(dead);
    remove.arg(dead);
    settle.arg(retry);
    let (mut puts, mut removes, mut settles) = (false, false, false);
    for change in changes {
        let number = match change {
            Change::Put(number, letter) => {
                put.arg(number).arg(serde_json::to_vec(letter).expect("a letter is plain data"));
                puts = true;
                number
            }
            Change::Remove(number) => {
                remove.arg(number);
                removes = true;
                number
            }
            Change::Leave(number) => number,
        };
        settle.arg(number);
        settles = true;
    }
    let commands = [(puts, put, dead), (removes, remove, dead), (settles, settle, retry)];
    commands.into_iter().filter(|(any, ..)| *any).map(|(_, command, key)| (command, key)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_what_is_applied_and_leaves_the_rest() {
        let changes = [Change::Remove(3), Change::Leave(4), Change::Remove(5)];
        let text = |command: &Cmd| String::from_utf8_lossy(&command.get_packed_command()).replace("\r\n", " ");
        let commands: Vec<_> =
            commands(&changes, "d", "r").iter().map(|(command, key)| (text(command), *key)).collect();
        let expected =
            [("*4 $4 HDEL $1 d $1 3 $1 5 ".to_owned(), "d"), ("*5 $4 SREM $1 r $1 3 $1 4 $1 5 ".to_owned(), "r")];
        assert_eq!(commands, expected);
        assert!(super::commands(&[], "d", "r").is_empty());
    }
}
