//! The hosts' reports, which expire when they are not repeated.

use std::time::Duration;

use redis::{cmd, pipe};

use super::RedisRegistry;
use crate::control::{Error, HostReport};
use crate::store::Unwilling;
use crate::store::redis::keys;

/// How long a host counts as alive after its last report.
const ALIVE: Duration = Duration::from_secs(5);

impl RedisRegistry {
    pub(super) async fn read_hosts(&self) -> Result<Vec<HostReport>, Error> {
        let ids: Vec<String> = self.ask(cmd("SMEMBERS").arg(keys::HOSTS)).await?;
        let mut pipeline = pipe();
        ids.iter().for_each(|id| _ = pipeline.cmd("GET").arg(keys::host(id)));
        let reports: Vec<Option<String>> = self.ask_all(&pipeline).await?;
        let mut hosts = Vec::new();
        for (id, report) in ids.iter().zip(reports) {
            match report.as_deref().map(serde_json::from_str) {
                Some(Ok(report)) => hosts.push(report),
                Some(Err(e)) => return Err(Error::Format { key: keys::host(id), reason: e.to_string() }),
                // It has died without a word. Whoever may only read leaves its name to others.
                None => drop(self.ask::<()>(cmd("SREM").arg(keys::HOSTS).arg(id)).await),
            }
        }
        hosts.sort_by(|a: &HostReport, b| a.id.cmp(&b.id));
        Ok(hosts)
    }

    pub(super) async fn write_host(&self, report: &HostReport) -> Result<(), Error> {
        let text = serde_json::to_string(report).expect("a report is plain data");
        let mut pipeline = pipe();
        pipeline.cmd("SET").arg(keys::host(&report.id)).arg(text).arg("PX").arg(ALIVE.as_millis() as u64).ignore();
        pipeline.cmd("SADD").arg(keys::HOSTS).arg(&report.id).ignore();
        let told = self.ask_all::<()>(&pipeline).await.map(drop);
        if matches!(told, Err(Error::Unwilling { why: Unwilling::Full, .. })) {
            // What there is no room for is said no more, but the host lives.
            let keep = cmd("PEXPIRE").arg(keys::host(&report.id)).arg(ALIVE.as_millis() as u64).to_owned();
            self.ask::<()>(&keep).await?;
        }
        told
    }

    pub(super) async fn remove_host(&self, id: &str) -> Result<(), Error> {
        let mut pipeline = pipe();
        pipeline.cmd("DEL").arg(keys::host(id)).ignore();
        pipeline.cmd("SREM").arg(keys::HOSTS).arg(id).ignore();
        self.ask_all::<()>(&pipeline).await.map(drop)
    }
}
