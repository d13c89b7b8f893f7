//! A plain connection to Redis: commands are encoded into one buffer, and sent with one call.

use std::io::{BufReader, Write};
use std::net::TcpStream;

use anyhow::{Context, bail};
use redis::{ConnectionAddr, Parser, Value};

use crate::native::Commands;

/// A connection, and what is to be sent by it.
pub struct Link {
    stream: BufReader<TcpStream>,
    buffer: Vec<u8>,
    parser: Parser,
}

impl Link {
    /// Connects, without TLS and password: it is a benchmark's own server.
    pub fn open(client: &redis::Client) -> anyhow::Result<Link> {
        let ConnectionAddr::Tcp(host, port) = client.get_connection_info().addr() else {
            bail!("this Redis is not reached by plain TCP")
        };
        let stream = TcpStream::connect((&**host, *port)).context("connecting to Redis")?;
        stream.set_nodelay(true)?;
        Ok(Link { stream: BufReader::new(stream), buffer: Vec::new(), parser: Parser::new() })
    }

    /// Encodes a command behind those that wait.
    pub fn push<W: AsRef<[u8]>>(&mut self, words: impl IntoIterator<Item = W, IntoIter: ExactSizeIterator>) {
        let words = words.into_iter();
        self.length(b'*', words.len());
        for word in words {
            let word = word.as_ref();
            self.length(b'$', word.len());
            self.buffer.extend_from_slice(word);
            self.buffer.extend_from_slice(b"\r\n");
        }
    }

    /// Encodes commands likewise.
    pub fn push_all(&mut self, commands: &Commands) {
        commands.iter().for_each(|words| self.push(words));
    }

    /// Sends what waits.
    pub fn send(&mut self) -> anyhow::Result<()> {
        self.stream.get_mut().write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Waits for the next answer. One that is an error, or has one in it, is none.
    pub fn answer(&mut self) -> anyhow::Result<Value> {
        let answer = self.parser.parse_value(&mut self.stream)?;
        Ok(answer.extract_error()?)
    }

    /// `*3\r\n`, with the digits written by hand: there are two such lines for each document.
    fn length(&mut self, kind: u8, length: usize) {
        let (mut digits, mut start, mut left) = ([0; 20], 20, length);
        loop {
            start -= 1;
            digits[start] = b'0' + (left % 10) as u8;
            left /= 10;
            if left == 0 {
                break;
            }
        }
        self.buffer.push(kind);
        self.buffer.extend_from_slice(&digits[start..]);
        self.buffer.extend_from_slice(b"\r\n");
    }
}
