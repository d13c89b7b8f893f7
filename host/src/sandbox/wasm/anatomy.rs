//! What a WebAssembly file is made of: read, and neither compiled nor run.

use std::collections::{BTreeMap, BTreeSet};

use wasmparser::{Encoding, ExternalKind, KnownCustom, Parser, Payload, ProducersSectionReader};

/// What a file is made of, as far as it can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Anatomy {
    /// Whether it is a component. Else it is a core module, of which one is made.
    pub is_component: bool,
    /// What it imports: interfaces, and of each the functions, as far as the file tells them.
    pub imports: Interfaces,
    /// What it exports, likewise.
    pub exports: Interfaces,
    /// Bytes of the sections of a name, the largest first. Those of modules in a component are among them.
    pub sections: Vec<(String, usize)>,
    /// What has made it, with versions.
    pub toolchain: BTreeSet<String>,
}

/// Names of functions, by interface.
pub type Interfaces = BTreeMap<String, BTreeSet<String>>;

/// Before the names of all interfaces of the contract.
const CONTRACT: &str = "lantern:projection/";

impl Anatomy {
    /// Reads a file up to where it can't be read any more.
    pub fn of(bytes: &[u8]) -> Self {
        let (mut anatomy, mut sections, mut depth) = (Self::default(), BTreeMap::new(), 0usize);
        for payload in Parser::new(0).parse_all(bytes).map_while(Result::ok) {
            if let Some((name, size)) = section(&payload) {
                *sections.entry(name).or_default() += size;
            }
            match payload {
                Payload::Version { encoding, .. } => {
                    anatomy.is_component |= depth == 0 && encoding == Encoding::Component;
                    depth += 1;
                }
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::CustomSection(custom) => {
                    if let KnownCustom::Producers(producers) = custom.as_known() {
                        anatomy.toolchain.extend(tools(producers));
                    }
                }
                // Of a component only its own edge counts.
                payload if depth == 1 => anatomy.edge(payload),
                _ => {}
            }
        }
        anatomy.sections = Vec::from_iter(sections);
        anatomy.sections.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
        anatomy
    }

    /// Version of the contract that it is made for, if it names one.
    pub fn contract(&self) -> Option<&str> {
        let names = self.exports.keys().chain(self.imports.keys());
        names.filter(|name| name.starts_with(CONTRACT)).find_map(|name| Some(name.split_once('@')?.1))
    }

    /// Notes what a section says of imports and exports.
    fn edge(&mut self, payload: Payload<'_>) {
        match payload {
            Payload::ImportSection(section) => {
                for import in section.into_imports().map_while(Result::ok) {
                    self.imports.entry(import.module.to_owned()).or_default().insert(import.name.to_owned());
                }
            }
            Payload::ExportSection(section) => {
                let exports = section.into_iter().map_while(Result::ok);
                for export in exports.filter(|export| export.kind == ExternalKind::Func) {
                    // What is not of an interface is between the module and whoever makes a component of it.
                    let of_an_interface =
                        export.name.split_once('#').filter(|(name, _)| !name.starts_with("cabi_"));
                    if let Some((interface, function)) = of_an_interface {
                        self.exports.entry(interface.to_owned()).or_default().insert(function.to_owned());
                    }
                }
            }
            Payload::ComponentImportSection(section) => {
                let names = section.into_iter().map_while(Result::ok).map(|import| import.name.name.to_owned());
                self.imports.extend(names.map(|name| (name, BTreeSet::new())));
            }
            Payload::ComponentExportSection(section) => {
                let names = section.into_iter().map_while(Result::ok).map(|export| export.name.name.to_owned());
                self.exports.extend(names.map(|name| (name, BTreeSet::new())));
            }
            _ => {}
        }
    }
}

/// The name of a section, and its bytes. None of what only has others in it.
fn section(payload: &Payload<'_>) -> Option<(String, usize)> {
    let name = match payload {
        Payload::TypeSection(_) => "type",
        Payload::ImportSection(_) => "import",
        Payload::FunctionSection(_) => "function",
        Payload::TableSection(_) => "table",
        Payload::MemorySection(_) => "memory",
        Payload::GlobalSection(_) => "global",
        Payload::ExportSection(_) => "export",
        Payload::StartSection { .. } => "start",
        Payload::ElementSection(_) => "element",
        Payload::DataCountSection { .. } => "data count",
        Payload::CodeSectionStart { .. } => "code",
        Payload::DataSection(_) => "data",
        Payload::CustomSection(custom) => {
            return Some((format!("custom `{}`", custom.name()), custom.range().len()));
        }
        Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => return None,
        _ => "component",
    };
    payload.as_section().map(|(_, range)| (name.to_owned(), range.len()))
}

/// What a `producers` section names: languages, compilers and libraries.
fn tools(producers: ProducersSectionReader<'_>) -> Vec<String> {
    let fields = producers.into_iter().map_while(Result::ok);
    let values = fields.flat_map(|field| field.values.into_iter().map_while(Result::ok));
    values.map(|tool| format!("{} {}", tool.name, tool.version).trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_far_as_it_goes() {
        // A module of one import, of a custom section, and of one that is cut off.
        let whole = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x02\x07\x01\x01a\x01b\0\0\0\x03\x01xy\x0a\x20";
        let expected = Anatomy {
            imports: [("a".to_owned(), ["b".to_owned()].into())].into(),
            sections: [("import", 7), ("type", 4), ("custom `x`", 3)]
                .map(|(name, size)| (name.to_owned(), size))
                .into(),
            ..Anatomy::default()
        };
        assert_eq!(Anatomy::of(whole), expected);
        assert_eq!(Anatomy::of(b"no module"), Anatomy::default());
    }

    #[test]
    fn the_contract_is_that_of_its_interfaces() {
        let of = |name: &str| {
            let anatomy = Anatomy { exports: [(name.to_owned(), BTreeSet::new())].into(), ..Anatomy::default() };
            anatomy.contract().map(str::to_owned)
        };
        assert_eq!(of("lantern:projection/projection@0.1.0"), Some("0.1.0".to_owned()));
        assert_eq!(of("wasi:cli/run@0.2.0"), None);
    }
}
