//! A Redis with a replica, and the proxies by which all others come to whichever of both is the master.

use std::time::Duration;

use super::proxy::Proxy;
use super::stop::Stop;
use crate::eventually::{NET, eventually};
use crate::redis_server::RedisServer;

/// The two servers, and the ways to the master.
pub struct RedisPair {
    master: RedisServer,
    replica: RedisServer,
    /// One for each host, …
    hosts: Vec<Proxy>,
    /// … and those of the operator and of whoever watches, which are never disturbed.
    operator: Proxy,
    watcher: Proxy,
}

impl RedisPair {
    /// Starts both, and a way for each of so many hosts.
    pub fn start(hosts: usize) -> RedisPair {
        let (master, replica) = (RedisServer::start_durable(), RedisServer::start_durable());
        let hosts = (0..hosts).map(|_| Proxy::start()).collect();
        let pair = RedisPair { master, replica, hosts, operator: Proxy::start(), watcher: Proxy::start() };
        pair.lead();
        pair.replica.follow(Some(&pair.master));
        eventually("the replica follows", NET, || {
            if pair.is_replicated() { Ok(()) } else { Err("it does not yet".to_owned()) }
        });
        pair
    }

    /// The master itself.
    pub fn master(&self) -> &RedisServer {
        &self.master
    }

    /// The way of each host.
    pub fn hosts(&self) -> &[Proxy] {
        &self.hosts
    }

    /// What the operator's `--redis` takes.
    pub fn operators_url(&self) -> String {
        url(&self.operator)
    }

    /// Where checkpoints are watched.
    pub fn watchers_url(&self) -> String {
        url(&self.watcher)
    }

    /// Whether the replica follows the master.
    pub fn is_replicated(&self) -> bool {
        self.replica.is_following()
    }

    /// Kills the master, and after a while starts it again with its data.
    pub fn restart(&mut self, away: Duration, stop: &Stop) {
        self.master.kill();
        stop.pause(away);
        self.master.start_again();
    }

    /// Kills the master with all that it has, and after a while starts it again; `meanwhile` is done before that.
    pub fn restart_empty(&mut self, away: Duration, stop: &Stop, meanwhile: impl FnOnce()) {
        self.master.kill();
        self.master.forget();
        meanwhile();
        stop.pause(away);
        self.master.start_again();
    }

    /// The replica hears nothing more for so long; then the master dies, and the replica takes its place as it is. If the
    /// parting is slow, those who are connected go on with the old master until it dies, while others come to the new one.
    pub fn fail_over(&mut self, lag: Duration, slow_parting: Option<Duration>, stop: &Stop) {
        self.replica.follow(None);
        stop.pause(lag);
        std::mem::swap(&mut self.master, &mut self.replica);
        if let Some(parting) = slow_parting {
            self.lead();
            stop.pause(parting);
        }
        self.replica.kill();
        self.lead();
        self.all().for_each(Proxy::cut);
        self.replica.forget();
        self.replica.start_again();
        self.replica.follow(Some(&self.master));
    }

    fn lead(&self) {
        self.all().for_each(|proxy| proxy.lead_to(self.master.port()));
    }

    fn all(&self) -> impl Iterator<Item = &Proxy> {
        self.hosts.iter().chain([&self.operator, &self.watcher])
    }
}

/// What `--redis` takes for the Redis behind a proxy.
pub fn url(proxy: &Proxy) -> String {
    format!("redis://127.0.0.1:{}", proxy.port())
}
