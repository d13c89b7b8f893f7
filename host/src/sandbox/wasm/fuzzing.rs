//! What of the sandbox the fuzz targets reach: a block of writes as a plugin hands it over, and a plugin's file before any of
//! it runs.

use std::cell::LazyCell;

use wasmtime::component::Component;
use wasmtime::{Config, Engine, OptLevel};

use super::check::{check, componentize, validate};
use super::imports::write_apart;
use crate::limits::Limits;
use crate::op::Refused;
use crate::sandbox::Views;
use crate::trust::{Signer, Trust};

/// A component of more bytes is not compiled: that would take the fuzzer's time.
const COMPILED_BYTES_MAX: usize = 2 << 10;

/// Does what `views.write` does in a call with one event.
pub(crate) fn write<V: Views>(views: &mut V, limits: &Limits, heads: &[u32], data: &[u8]) -> Result<(), Refused> {
    write_apart(views, limits, heads, data)
}

/// A file: a plugin, or a key that signs or is trusted. Whether it is one of these.
pub fn component(bytes: &[u8]) -> bool {
    let is_key = Trust::default().add(bytes).is_ok() | Signer::read(bytes).is_ok();
    signatures(bytes);
    is_plugin(bytes) || is_key
}

/// A module that is signed is trusted by who trusts the signer; and what is refused before it is signed is refused behind that.
fn signatures(module: &[u8]) {
    let mut trust = Trust::default();
    trust.add(include_bytes!("../../../../tests/fixtures/signer.pub")).expect("it is a public key");
    let before = trust.check(module);
    let signer =
        Signer::read(include_bytes!("../../../../tests/fixtures/signer.pem")).expect("it is a private key");
    if let Ok(signed) = signer.sign(module) {
        assert_eq!(trust.check(&signed), Ok(()), "what was {before:?} is trusted once it is signed");
    }
}

fn is_plugin(bytes: &[u8]) -> bool {
    thread_local! {
        static ENGINE: LazyCell<Engine> = LazyCell::new(|| {
            let mut config = Config::new();
            config.cranelift_opt_level(OptLevel::None).parallel_compilation(false);
            Engine::new(&config).expect("the engine starts")
        });
    }
    let is_one = |engine: &Engine| {
        validate(engine, bytes).ok()?;
        let component = componentize(bytes).ok()?;
        if component.len() > COMPILED_BYTES_MAX {
            return Some(());
        }
        check(&Component::new(engine, &component).ok()?).ok()
    };
    is_bounded(bytes) && ENGINE.with(|engine| is_one(engine)).is_some()
}

/// Whether the sections that say of which world a module is, if it has any, are those of the seed. On others the encoder may
/// call itself without end (`tests/fuzz/found/component/packages-in-a-circle`). That ends only the process that compiles, but
/// here it would end all.
fn is_bounded(bytes: &[u8]) -> bool {
    const SECTION: &[u8] = b"component-type";
    const SEED: &[u8] = include_bytes!("../../../../tests/fuzz/seeds/component/good-core-module");
    let sections = |bytes: &[u8]| {
        let at = bytes.windows(SECTION.len()).position(|window| window == SECTION)?;
        Some(bytes[at..].to_vec())
    };
    sections(bytes).is_none_or(|found| Some(found) == sections(SEED))
}
