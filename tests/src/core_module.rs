//! Plugins that no compiler would make: core modules written by hand, which keep the contract or break it on purpose.

use std::fmt::Write;
use std::fs;

use crate::artefacts::plugin;

/// Leaves the address of a result that says that all is well.
pub const WELL: &str = "(i32.const 1300)";
/// Leaves the address of a result that blames event 99,999.
pub const BLAME: &str = "(i32.const 1320)";
/// Leaves the address of what `describe` says: a projection `crooked` of the topic `deeds`, with the counters `deeds` and the
/// table `rows`.
pub const DESCRIPTION: &str = "(i32.const 1024)";
/// Does nothing for ever, where an address is wanted.
pub const FOR_EVER: &str = "(loop $for-ever (br $for-ever)) unreachable";

/// What differs from an honest plugin. Code is in WebAssembly's text format; it may use the local `$n`, and call `$hincrby`,
/// `$hset`, `$write`, `$log` and `$config` of the contract.
pub struct CoreModule {
    /// Pages that each of its memories has from the beginning; the first is the one that it uses.
    pub memories: Vec<u64>,
    /// What `describe` does; it leaves an address.
    pub describe: String,
    /// What `apply` does; it leaves an address.
    pub apply: String,
    /// What it does before anybody calls it.
    pub start: Option<String>,
    /// A module and a function that it imports beside those of the contract.
    pub import: Option<(&'static str, &'static str)>,
    /// Where another data segment stands, of one byte.
    pub data_at: Option<u32>,
    /// Whether the section that names the contract is spoilt.
    pub without_contract: bool,
}

impl Default for CoreModule {
    fn default() -> Self {
        Self {
            memories: vec![2],
            describe: DESCRIPTION.to_owned(),
            apply: WELL.to_owned(),
            start: None,
            import: None,
            data_at: None,
            without_contract: false,
        }
    }
}

impl CoreModule {
    /// The module's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut module = wat::parse_str(self.text()).expect("it is in WebAssembly's text format");
        let mut contract = component_type();
        if self.without_contract {
            contract.iter_mut().rev().take(100).for_each(|byte| *byte = 0xff);
        }
        module.extend(contract);
        module
    }

    fn text(&self) -> String {
        const VIEWS: &str = "lantern:projection/views@0.1.1";
        const PROJECTION: &str = "lantern:projection/projection@0.1.1";
        let Self { describe, apply, .. } = self;
        let mut text = format!(
            r#"(module
            (import "{VIEWS}" "hincrby" (func $hincrby (param i32 i32 i32 i32 i32 i64)))
            (import "{VIEWS}" "write" (func $write (param i32 i32 i32 i32)))
            (import "lantern:projection/log@0.1.1" "log" (func $log (param i32 i32 i32 i32 i32)))
            (import "lantern:projection/config@0.1.1" "get" (func $config (param i32 i32 i32)))
            (import "{VIEWS}" "hset" (func $hset (param i32 i32 i32 i32 i32 i32 i32)))
            "#
        );
        let mut line = |line: String| writeln!(text, "{line}").expect("a string takes any text");
        if let Some((module, name)) = self.import {
            line(format!(r#"(import "{module}" "{name}" (func))"#));
        }
        self.memories.iter().for_each(|pages| line(format!("(memory {pages})")));
        line(format!(
            r#"
            (global $free (mut i32) (i32.const 65536))
            (export "memory" (memory 0))
            (func (export "{PROJECTION}#describe") (result i32) {describe})
            (func (export "{PROJECTION}#apply") (param i32 i32 i32 i32 i32 i32) (result i32) (local $n i32) {apply})
            ;; Gives memory that nobody has had, and never takes any back.
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $given i32)
                (local.set $given (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
                (global.set $free (i32.add (local.get $given) (local.get 3)))
                (local.get $given))"#
        ));
        if let Some(start) = &self.start {
            line(format!("(func $start (local $n i32) {start}) (start $start)"));
        }
        for (at, bytes) in data() {
            let bytes: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
            line(format!(r#"(data (i32.const {at}) "{bytes}")"#));
        }
        if let Some(at) = self.data_at {
            line(format!(r#"(data (i32.const {at}) "x")"#));
        }
        line(")".to_owned());
        text
    }
}

/// What stands in the first memory from the beginning.
fn data() -> [(u32, Vec<u8>); 10] {
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    [
        // Name, revision, one topic, ordering by partition, two views.
        (1024, words(&[1200, 7, 1, 1100, 1, 0, 1120, 2])),
        (1100, words(&[1220, 5])),
        // Name, kind and not keyed, no capacity: counters, and a table.
        (1120, words(&[1220, 5, 1, 0, 1240, 4, 0, 0])),
        (1200, b"crooked".to_vec()),
        (1220, b"deeds".to_vec()),
        (1240, b"rows".to_vec()),
        (1300, words(&[0, 0, 0, 0])),
        // An error: the event, and a message.
        (1320, words(&[1, 99_999, 1340, 8])),
        (1340, b"not mine".to_vec()),
        // A key of one byte.
        (1400, b"k".to_vec()),
    ]
}

/// The section of a true plugin that says which world it is of.
fn component_type() -> Vec<u8> {
    let plugin = fs::read(plugin("evil")).expect("the plugin is built");
    let mut rest = &plugin[8..];
    loop {
        let (id, mut body) = (rest[0], &rest[1..]);
        let length = length(&mut body);
        let end = rest.len() - body.len() + length;
        if id == 0 && body[1..].starts_with(b"component-type") {
            return rest[..end].to_vec();
        }
        rest = &rest[end..];
    }
}

/// Takes a number in LEB128, as sections have it, from the front.
fn length(bytes: &mut &[u8]) -> usize {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        value |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            return value;
        }
    }
}
