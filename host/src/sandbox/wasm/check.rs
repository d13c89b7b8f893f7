//! Looks at a plugin's bytes and says, if they are none, in which way they are none.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use wasmparser::{Parser, Payload};
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;
use wasmtime::{Engine, Module};
use wit_component::ComponentEncoder;

use super::abi;
use crate::limits::size;

/// Why a file is not a plugin that can run here.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file can't be read.
    #[error("cannot read {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is larger than a plugin may be.
    #[error("{bytes} bytes are more than the limit `component-size` of {}", size(*limit as u64))]
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// It is not WebAssembly.
    #[error("it is not WebAssembly: it begins with {0}")]
    NotWasm(String),
    /// It is WebAssembly, but broken.
    #[error("it is not a valid component: {0}")]
    Invalid(String),
    /// Compiling it takes too long.
    #[error("compiling it takes longer than the limit `compile-time` of {0:?}")]
    CompileTime(Duration),
    /// Compiling it takes too much memory.
    #[error("compiling it takes more memory than the limit `compile-memory` of {}", size(*limit as u64))]
    CompileMemory {
        /// The limit in bytes.
        limit: usize,
    },
    /// The compiler itself fails.
    #[error("compiling it failed: {0}")]
    Compiler(String),
    /// The machine does not let wasmtime start.
    #[error("wasmtime does not start: {0}")]
    Engine(String),
    /// A module or component without the contract in it.
    #[error("it does not implement the contract {contract}: {0}", contract = contract())]
    WithoutContract(String),
    /// The contract's export is missing.
    #[error("it does not export `{0}`")]
    MissingExport(String),
    /// It needs what a projection cannot have.
    #[error("it imports `{0}`, which a projection cannot have")]
    ForeignImport(String),
    /// It has the right names with other types.
    #[error("it does not fit the contract {contract}: {0}", contract = contract())]
    Mismatch(String),
    /// It could not say what it is.
    #[error("`describe` failed: {0}")]
    Describe(String),
    /// What it says of itself breaks the contract.
    #[error("its description is wrong: {0}")]
    Description(String),
}

impl LoadError {
    /// Whether it is the machine that lacks something, which it may have later.
    pub fn is_passing(&self) -> bool {
        matches!(self, LoadError::Compiler(_) | LoadError::Engine(_))
    }

    /// What the user can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            LoadError::Read { .. } => "check the path",
            LoadError::TooLarge { .. } => {
                "build it with the profile of the plugins, and strip it, or raise the limit with --limit"
            }
            LoadError::NotWasm(_) | LoadError::Invalid(_) => {
                "build the plugin for wasm32-unknown-unknown and name the .wasm file"
            }
            LoadError::WithoutContract(_) | LoadError::MissingExport(_) => {
                "a plugin ends with `lantern_sdk::export!(YourProjection);`"
            }
            // From a later version of the contract.
            LoadError::ForeignImport(name) if name.starts_with("lantern:projection/") => {
                "build it with the lantern-sdk of this version"
            }
            LoadError::ForeignImport(_) => {
                "build for wasm32-unknown-unknown; a projection has no clock, random, files or network"
            }
            LoadError::CompileTime(_) | LoadError::CompileMemory { .. } => {
                "make its functions smaller, or raise the limit with --limit"
            }
            LoadError::Compiler(_) | LoadError::Engine(_) => {
                "look whether the machine has memory and processes to spare"
            }
            LoadError::Mismatch(_) => "build it with the lantern-sdk of this version",
            LoadError::Describe(_) | LoadError::Description(_) => "mend the plugin's declaration",
        }
    }
}

fn contract() -> String {
    format!("lantern:projection@{}", abi::VERSION)
}

/// Checks a core module, if that is what the bytes are: what makes a component of one takes it for a valid one.
pub(super) fn validate(engine: &Engine, bytes: &[u8]) -> Result<(), LoadError> {
    match bytes.get(..8) {
        Some([b'\0', b'a', b's', b'm', 1, 0, 0, 0]) => {
            Module::validate(engine, bytes).map_err(|e| LoadError::Invalid(format!("{e:#}")))
        }
        _ => Ok(()),
    }
}

/// The bytes of a component: those given, or a core module with the contract in it made into one.
pub(super) fn componentize(bytes: &[u8]) -> Result<Cow<'_, [u8]>, LoadError> {
    match bytes.get(..8) {
        Some([b'\0', b'a', b's', b'm', 0x0d, 0, 1, 0]) => Ok(bytes.into()),
        Some([b'\0', b'a', b's', b'm', 1, 0, 0, 0]) => {
            let encode = || ComponentEncoder::default().validate(true).module(bytes)?.encode();
            encode().map(Cow::from).map_err(|e| match foreign_import(bytes) {
                Some(import) => LoadError::ForeignImport(import),
                None => LoadError::WithoutContract(format!("{e:#}")),
            })
        }
        Some([b'\0', b'a', b's', b'm', ..]) => Err(LoadError::Invalid("unknown version of the format".into())),
        _ => Err(LoadError::NotWasm(beginning(bytes))),
    }
}

/// What a core module imports first of all that the contract does not have: its module and name, as the WASI of old is.
fn foreign_import(module: &[u8]) -> Option<String> {
    let sections = Parser::new(0).parse_all(module).map_while(Result::ok);
    let imports = sections.filter_map(|section| match section {
        Payload::ImportSection(imports) => Some(imports.into_imports()),
        _ => None,
    });
    let mut imports = imports.flatten().map_while(Result::ok);
    let import = imports.find(|import| !abi::IMPORTS.contains(&interface(import.module)))?;
    Some(format!("{}::{}", import.module, import.name))
}

fn beginning(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "nothing, it is empty".to_owned();
    }
    format!("`{}`", bytes[..bytes.len().min(8)].escape_ascii())
}

/// Checks that the component exports the contract and imports nothing else.
pub(super) fn check(component: &Component) -> Result<(), LoadError> {
    let engine = component.engine();
    let ty = component.component_type();
    for (name, _) in ty.imports(engine) {
        if !abi::IMPORTS.contains(&interface(name)) {
            return Err(LoadError::ForeignImport(name.to_owned()));
        }
    }
    let exported = ty.exports(engine).find(|(name, _)| interface(name) == abi::PROJECTION);
    let Some((_, export)) = exported else {
        return Err(match ty.exports(engine).next() {
            None if ty.imports(engine).next().is_none() => LoadError::WithoutContract("it exports nothing".into()),
            _ => LoadError::MissingExport(format!("{}@{}", abi::PROJECTION, abi::VERSION)),
        });
    };
    let ComponentItem::ComponentInstance(instance) = export.ty else {
        return Err(LoadError::Mismatch(format!("`{}` is not an interface", abi::PROJECTION)));
    };
    for function in ["describe", "apply"] {
        if !instance.exports(engine).any(|(name, _)| name == function) {
            return Err(LoadError::MissingExport(format!("{}.{function}", abi::PROJECTION)));
        }
    }
    Ok(())
}

/// The name of an interface without its version.
fn interface(name: &str) -> &str {
    name.split_once('@').map_or(name, |(interface, _)| interface)
}
