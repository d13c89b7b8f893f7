//! A private redis-server on a loopback port, and the few questions that tests ask of it.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::net::TcpListener;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::{Cmd, Connection, ConnectionLike, FromRedisValue, RedisResult, cmd};

use serde_json::Value;

use crate::eventually::{NET, eventually};
use crate::process::Process;
use crate::scratch::Scratch;

/// Another process may take a port between our look and the server's bind.
const ATTEMPTS: usize = 3;

/// A redis-server of one's own, empty, gone when this is dropped.
pub struct RedisServer {
    port: u16,
    scratch: Scratch,
    durable: bool,
    settings: Vec<String>,
    process: Option<Process>,
    connection: Mutex<Option<Connection>>,
}

impl RedisServer {
    /// Starts one that keeps nothing on disk.
    pub fn start() -> RedisServer {
        RedisServer::with_durability(false)
    }

    /// Starts one that has written every change down before it answers, so that a kill loses nothing.
    pub fn start_durable() -> RedisServer {
        RedisServer::with_durability(true)
    }

    /// Reserves a port, but starts nothing: a server that is away.
    pub fn away() -> RedisServer {
        let (scratch, connection) = (Scratch::new("redis"), Mutex::default());
        RedisServer { port: free_port(), scratch, durable: false, settings: Vec::new(), process: None, connection }
    }

    /// Starts one that keeps nothing on disk, with these settings beside, such as `["--maxmemory", "20mb"]`.
    pub fn start_with(settings: &[&str]) -> RedisServer {
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let mut server = RedisServer { settings, ..RedisServer::away() };
        server.start_again();
        server
    }

    /// Starts a replica of this one, which has come up to it when this returns.
    pub fn replica(&self) -> RedisServer {
        let replica = RedisServer::start_with(&["--replicaof", "127.0.0.1", &self.port.to_string()]);
        eventually("the replica follows", NET, || {
            let role: String = replica.ask(cmd("INFO").arg("replication"));
            if role.contains("master_link_status:up") { Ok(()) } else { Err(role) }
        });
        replica
    }

    /// What `--redis` takes for a user of its own.
    pub fn url_of(&self, user: &str, password: &str) -> String {
        format!("redis://{user}:{password}@127.0.0.1:{}", self.port)
    }

    /// Changes a setting while it runs.
    pub fn set(&self, setting: &str, value: &str) {
        self.ask::<()>(cmd("CONFIG").arg("SET").arg(setting).arg(value));
    }

    /// Lets a user have these rights, and no others, by the password `secret`.
    pub fn let_user(&self, user: &str, rights: &[&str]) {
        self.ask::<()>(cmd("ACL").arg("SETUSER").arg(user).arg(&["reset", "on", ">secret"]).arg(rights));
    }

    fn with_durability(durable: bool) -> RedisServer {
        let mut attempt = 1;
        loop {
            let mut server = RedisServer { durable, ..RedisServer::away() };
            match server.boot() {
                Ok(()) => return server,
                Err(log) if attempt == ATTEMPTS => panic!("redis-server does not start: {log}"),
                Err(_) => attempt += 1,
            }
        }
    }

    /// Where it listens on the loopback device.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What `--redis` takes.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// SIGKILL: away, and without persistence empty after the next start.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Removes what a killed one has on disk.
    pub fn forget(&mut self) {
        assert!(self.process.is_none(), "it would write it again");
        let _ = fs::remove_dir_all(self.scratch.path().join("appendonlydir"));
    }

    /// Makes it a replica of another one, or a master again.
    pub fn follow(&self, master: Option<&RedisServer>) {
        let mut command = cmd("REPLICAOF");
        match master {
            Some(master) => command.arg("127.0.0.1").arg(master.port),
            None => command.arg("NO").arg("ONE"),
        };
        self.ask::<()>(&command);
    }

    /// Whether it is a replica that follows its master at this moment.
    pub fn is_following(&self) -> bool {
        let info: String = self.ask(cmd("INFO").arg("replication"));
        info.contains("role:slave") && info.contains("master_link_status:up")
    }

    /// Starts it on the same port.
    pub fn start_again(&mut self) {
        self.boot().unwrap_or_else(|log| panic!("redis-server does not start again: {log}"));
    }

    /// Returns when it answers, or with its log when it ended before.
    fn boot(&mut self) -> Result<(), String> {
        let mut command = Command::new("redis-server");
        let appendonly = if self.durable { "yes" } else { "no" };
        command.args(["--bind", "127.0.0.1", "--save", "", "--daemonize", "no", "--loglevel", "warning"]);
        command.args(["--appendonly", appendonly, "--appendfsync", "always", "--dir"]).arg(self.scratch.path());
        command.args(["--port", &self.port.to_string(), "--repl-diskless-sync-delay", "0"]).args(&self.settings);
        let mut process = Process::spawn("redis-server", command);
        eventually("redis-server answers", NET, || match process.ended() {
            Some(status) => Ok(Err(format!("{status}\n{}", process.tail()))),
            None => self.query::<String>(&cmd("PING")).map(|_| Ok(())).map_err(|error| error.to_string()),
        })?;
        self.process = Some(process);
        Ok(())
    }

    /// Kills it and starts it again on the same port.
    pub fn restart(&mut self) {
        self.kill();
        self.start_again();
    }

    /// The process, to pause or to signal it.
    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("the server was started")
    }

    /// The CPU time that it has used since it was started last.
    pub fn cpu_time(&self) -> Duration {
        self.process.as_ref().map(Process::cpu_time).unwrap_or_default()
    }

    /// A connection of one's own.
    pub fn connect(&self) -> Connection {
        let client = redis::Client::open(self.url()).expect("this is a URL");
        client.get_connection().expect("the test's own redis-server must answer")
    }

    /// Sends any command. A connection that broke since the last one is made anew.
    pub fn query<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = connection.as_mut().filter(|open| open.is_open())
            && let Ok(answer) = command.query(open)
        {
            return Ok(answer);
        }
        let open = connection.insert(redis::Client::open(self.url())?.get_connection()?);
        command.query(open)
    }

    /// FLUSHALL: all is lost at once.
    pub fn flush_all(&self) {
        self.ask::<()>(&cmd("FLUSHALL"));
    }

    /// All keys of the server.
    pub fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.ask(cmd("KEYS").arg("*"));
        keys.sort();
        keys
    }

    /// A whole hash.
    pub fn hash(&self, key: &str) -> BTreeMap<String, String> {
        self.ask::<HashMap<String, String>>(cmd("HGETALL").arg(key)).into_iter().collect()
    }

    /// The lists under keys that begin so, by what follows; none of these keys may be anything else.
    pub fn lists(&self, prefix: &str) -> BTreeMap<String, Vec<String>> {
        self.under(prefix, |key| cmd("LRANGE").arg(key).arg(0).arg(-1).to_owned())
    }

    /// The strings under keys that begin so, likewise.
    pub fn strings(&self, prefix: &str) -> BTreeMap<String, String> {
        self.under(prefix, |key| cmd("GET").arg(key).to_owned())
    }

    fn under<T: FromRedisValue>(&self, prefix: &str, read: impl Fn(&str) -> Cmd) -> BTreeMap<String, T> {
        let keys = self.keys().into_iter().filter(|key| key.starts_with(prefix));
        keys.filter_map(|key| Some((key[prefix.len()..].to_owned(), self.ask::<Option<T>>(&read(&key))?)))
            .collect()
    }

    /// A field of a hash.
    pub fn field(&self, key: &str, field: &str) -> Option<String> {
        self.ask(cmd("HGET").arg(key).arg(field))
    }

    /// A whole sorted set.
    pub fn ranking(&self, key: &str) -> BTreeMap<String, f64> {
        self.ask::<HashMap<String, f64>>(cmd("ZRANGE").arg(key).arg(0).arg(-1).arg("WITHSCORES"))
            .into_iter()
            .collect()
    }

    /// The checkpoints that readers see: `<topic>/<partition>` → the next offset to apply.
    pub fn checkpoints(&self, projection: &str) -> BTreeMap<String, u64> {
        let fields = self.hash(&format!("lantern:checkpoints:{projection}")).into_iter();
        let offsets = fields.filter(|(field, _)| field.contains('/') && !field.ends_with("/time"));
        offsets.map(|(field, offset)| (field, offset.parse().expect("a checkpoint is an offset"))).collect()
    }

    /// How many offsets a projection has got over, in all partitions.
    pub fn progress(&self, projection: &str) -> u64 {
        self.checkpoints(projection).values().sum()
    }

    /// The newest event time that a projection has applied in each partition.
    pub fn newest(&self, projection: &str) -> BTreeMap<String, i64> {
        let fields = self.hash(&format!("lantern:checkpoints:{projection}")).into_iter();
        let times = fields.filter_map(|(field, time)| Some((field.strip_suffix("/time")?.to_owned(), time)));
        times.map(|(at, time)| (at, time.parse().expect("a time is in milliseconds"))).collect()
    }

    /// The generation of a projection that readers read.
    pub fn generation(&self, projection: &str) -> Option<u64> {
        let generation = self.field(&format!("lantern:checkpoints:{projection}"), "generation");
        generation.map(|number| number.parse().expect("a generation is a number"))
    }

    /// How many offsets the lanes of a generation have got over, whether readers read it or not.
    pub fn built(&self, projection: &str, generation: u64) -> u64 {
        let lanes: Vec<String> = self.ask(cmd("SMEMBERS").arg(format!("lantern:lanes:{projection}:{generation}")));
        let marks =
            lanes.iter().flat_map(|lane| self.hash(&format!("lantern:lane:{projection}:{generation}:{lane}")));
        let next = |(field, mark): (String, String)| {
            let (next, _newest) = mark.split_once(' ').filter(|_| field.contains('/'))?;
            Some(next.parse::<u64>().expect("a mark begins with an offset"))
        };
        marks.filter_map(next).sum()
    }

    /// What the hosts say of themselves.
    pub fn host_reports(&self) -> Vec<Value> {
        let reports = self.strings("lantern:host:").into_values();
        reports.map(|report| serde_json::from_str(&report).expect("a report is JSON")).collect()
    }

    #[track_caller]
    fn ask<T: FromRedisValue>(&self, command: &Cmd) -> T {
        self.query(command).unwrap_or_else(|error| panic!("the test's own redis-server must answer: {error}"))
    }
}

/// A loopback port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback device has free ports");
    listener.local_addr().expect("a bound socket has an address").port()
}
