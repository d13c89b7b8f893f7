//! Files that are no plugins, though some of them look like one: each is refused at deploy, with the reason and a hint.

use std::fs::{self, File};

use insta::assert_snapshot;
use lantern_tests::RedisServer;
use lantern_tests::artefacts::plugin;
use lantern_tests::core_module::{CoreModule, FOR_EVER};
use lantern_tests::operator::{Operator, Said};
use lantern_tests::scratch::Scratch;

struct Desk {
    redis: RedisServer,
    scratch: Scratch,
}

impl Desk {
    fn open() -> Desk {
        Desk { redis: RedisServer::start(), scratch: Scratch::new("files") }
    }

    fn tries(&self, content: impl AsRef<[u8]>) -> Said {
        let file = self.scratch.file("evil.wasm", content);
        Operator::of(&self.redis).tries(&["deploy", file.to_str().unwrap(), "--plan"])
    }

    /// Why the file is refused, in a line.
    #[track_caller]
    fn refusal(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let said = self.tries(content).refused();
        let (_, reason) = said.split_once("evil.wasm: ").unwrap_or_else(|| panic!("{name}: {said}"));
        assert!(said.starts_with("exit code 1\n") && said.contains("\nhint: "), "{name}: {said}");
        format!("{name}: {}", reason.lines().next().unwrap_or_default())
    }
}

/// A component that imports an instance of this name.
fn importing(name: &str) -> Vec<u8> {
    let import = [&[0x01, 0x00, name.len() as u8][..], name.as_bytes(), &[0x05, 0x00]].concat();
    let head = b"\0asm\x0d\0\x01\0\x07\x03\x01\x42\x00\x0a";
    [&head[..], &[import.len() as u8], &import].concat()
}

/// A component with one in it, with one in it, so deep.
fn nested(depth: u32) -> Vec<u8> {
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    for _ in 0..depth {
        let mut length = component.len();
        let mut section = vec![0x04];
        while length >= 0x80 {
            section.push(length as u8 | 0x80);
            length >>= 7;
        }
        section.push(length as u8);
        component = [&b"\0asm\x0d\0\x01\0"[..], &section, &component].concat();
    }
    component
}

#[test]
fn modules_that_misbehave_before_there_is_an_event() {
    let desk = Desk::open();
    let honest = CoreModule::default;
    let said = [
        ("a trap in `describe`", CoreModule { describe: "unreachable".to_owned(), ..honest() }),
        ("a `describe` that loops", CoreModule { describe: FOR_EVER.to_owned(), ..honest() }),
        ("a `describe` that points outside", CoreModule { describe: "(i32.const -8)".to_owned(), ..honest() }),
        ("a start function that loops", CoreModule { start: Some(FOR_EVER.to_owned()), ..honest() }),
        ("many memories", CoreModule { memories: vec![1; 150], ..honest() }),
        ("a large memory", CoreModule { memories: vec![65_536], ..honest() }),
        ("memories that are large together", CoreModule { memories: vec![64; 90], ..honest() }),
        ("a bomb of data", CoreModule { memories: vec![65_536], data_at: Some(u32::MAX), ..honest() }),
        ("a spoilt section", CoreModule { without_contract: true, ..honest() }),
        ("files", CoreModule { import: Some(("wasi_snapshot_preview1", "fd_write")), ..honest() }),
        ("threads", CoreModule { import: Some(("wasi", "thread-spawn")), ..honest() }),
    ];
    let said = said.map(|(name, module)| desk.refusal(name, module.bytes()));
    assert_snapshot!(said.join("\n"), @r"
    a trap in `describe`: `describe` failed: the plugin trapped: wasm trap: wasm `unreachable` instruction executed
    a `describe` that loops: `describe` failed: the plugin took longer than 3s, by its limit `batch-time`
    a `describe` that points outside: `describe` failed: the plugin trapped: pointer out of bounds of memory
    a start function that loops: `describe` failed: the plugin took longer than 3s, by its limit `batch-time`
    many memories: it is not a valid component: memories count exceeds limit of 100 (at offset 0x115)
    a large memory: `describe` failed: the plugin wanted more than its limit `memory` of 256MiB
    memories that are large together: `describe` failed: the plugin wanted more than its limit `memory` of 256MiB
    a bomb of data: `describe` failed: the plugin wanted more than its limit `memory` of 256MiB
    a spoilt section: it does not implement the contract lantern:projection@0.1.1: decoding custom section component-type:wit-bindgen:0.61.1:lantern:projection@0.1.1:plugin:imports and exports: malformed UTF-8 encoding (at offset 0x562)
    files: it imports `wasi_snapshot_preview1::fd_write`, which a projection cannot have
    threads: it imports `wasi::thread-spawn`, which a projection cannot have
    ");
    // So none of them is refused because it was made by hand.
    let said = desk.tries(honest().bytes()).done();
    assert!(said.starts_with("crooked: new (revision 1"), "{said}");
}

#[test]
fn a_module_of_a_world_that_needs_itself() {
    let found = include_bytes!("../../fuzz/found/component/packages-in-a-circle");
    let said = Desk::open().refusal("packages in a circle", found);
    assert_eq!(said, "packages in a circle: it is not a valid component: it nests too deep, or in a circle");
}

#[test]
fn components_of_another_world() {
    let desk = Desk::open();
    let interfaces = ["wasi:filesystem/types@0.2.0", "wasi:sockets/tcp@0.2.0", "wasi:random/random@0.2.0"];
    for interface in interfaces.into_iter().chain(["wasi:clocks/wall-clock@0.2.0", "wasi:cli/environment@0.2.0"]) {
        let expected = format!("{interface}: it imports `{interface}`, which a projection cannot have");
        assert_eq!(desk.refusal(interface, importing(interface)), expected);
    }
    let said = [desk.refusal("a component in one", nested(1)), desk.refusal("many in one another", nested(500))];
    assert_snapshot!(said.join("\n"), @r"
    a component in one: it does not implement the contract lantern:projection@0.1.1: it exports nothing
    many in one another: it does not implement the contract lantern:projection@0.1.1: it exports nothing
    ");
}

#[test]
fn damaged_files() {
    let desk = Desk::open();
    let whole = fs::read(plugin("evil")).unwrap();
    for length in [1, 4, 8, 9, whole.len() / 4, whole.len() / 2, whole.len() - 1] {
        desk.refusal(&format!("the first {length} bytes"), &whole[..length]);
    }
    // A bit that has flipped may be one that does not matter. But whatever it is, it is a plugin or is none.
    for part in 0..16 {
        let mut flipped = whole.clone();
        flipped[whole.len() * part / 16 + part] ^= 1 << (part % 8);
        let said = desk.tries(flipped);
        match said.code {
            Some(0) => {}
            _ => assert!(said.refused().starts_with("exit code 1\nerror: cannot load "), "bit {part}"),
        }
    }
}

#[test]
fn a_file_of_100_mb() {
    let desk = Desk::open();
    let file = desk.scratch.path().join("evil.wasm");
    File::create(&file).unwrap().set_len(100_000_000).unwrap();
    let said = Operator::of(&desk.redis).tries(&["deploy", file.to_str().unwrap()]).refused();
    assert!(said.contains("100000000 bytes are more than the limit `component-size` of 64MiB"), "{said}");
}
