//! Components assembled by hand: as small as can be, wrong where a test wants.
//!
//! The core module is text; its contract is put around it as `wit-component`
//! would, from the contract of this repository or from a changed one.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Where a manifest is in linear memory; its result area is below.
const AT: usize = 1_024;

/// Says what it is at 1024, passes, and does nothing else.
#[derive(Clone, Debug)]
pub(crate) struct Core {
    /// Imports, as fields of the module.
    pub(crate) imports: String,
    /// Further fields of the module.
    pub(crate) more: String,
    /// Pages of memory at the start, at least as many as are needed.
    pub(crate) pages: usize,
    /// Bodies of the start function, of the allocator, of `describe` and of `run`.
    pub(crate) start: String,
    pub(crate) realloc: String,
    pub(crate) describe: String,
    pub(crate) run: String,
    pub(crate) manifest: Manifest,
}

impl Default for Core {
    fn default() -> Self {
        Self {
            imports: String::new(),
            more: String::new(),
            pages: 1,
            start: String::new(),
            realloc: String::new(),
            describe: String::new(),
            run: String::new(),
            manifest: Manifest::default(),
        }
    }
}

impl Core {
    /// A component of this repository's contract.
    pub(crate) fn component(&self) -> Vec<u8> {
        self.component_of(&contract(), "0.1.0", "plugin")
    }

    /// A component of `world` in the package in `folder`, which has `version`.
    pub(crate) fn component_of(&self, folder: &Path, version: &str, world: &str) -> Vec<u8> {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(folder).unwrap();
        let world = resolve.select_world(&[package], Some(world)).unwrap();
        let mut module = wat::parse_str(self.text(version)).unwrap();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)
            .unwrap();
        ComponentEncoder::default()
            .validate(true)
            .module(&module)
            .and_then(|encoder| encoder.encode())
            .unwrap()
    }

    fn text(&self, version: &str) -> String {
        let data = self.manifest.bytes();
        let heap = (AT + data.len()).next_multiple_of(16);
        let pages = self.pages.max(heap / 65_536 + 2);
        let data = data.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "\\{byte:02x}");
            text
        });
        let Self {
            imports,
            more,
            start,
            realloc,
            describe,
            run,
            ..
        } = self;
        format!(
            r#"(module {imports}
              (memory (export "memory") {pages})
              (data (i32.const {AT}) "{data}")
              (global $heap (mut i32) (i32.const {heap}))
              {more}
              (func $start {start})
              (start $start)
              (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                {realloc}
                global.get $heap
                global.get $heap local.get 3 i32.add i32.const 15 i32.add i32.const -16 i32.and
                global.set $heap)
              (func $describe (export "proscenium:scenario/scenario@{version}#describe") (result i32)
                {describe} i32.const {AT})
              (func (export "proscenium:scenario/scenario@{version}#run")
                (param i32 i32 i64 i64 i32 i32 i32 i32 i32) (result i32)
                {run} i32.const 512))"#
        )
    }
}

/// The contract of this repository.
pub(crate) fn contract() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit")
}

/// What a component says of itself, in the memory layout of the component model.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    pub(crate) name: Vec<u8>,
    pub(crate) version: Vec<u8>,
    pub(crate) summary: Vec<u8>,
    /// Name, default and help.
    pub(crate) parameters: Vec<[Vec<u8>; 3]>,
    pub(crate) duration: u64,
    /// Words that are overwritten afterwards: offset and value.
    pub(crate) forged: Vec<(usize, u32)>,
}

impl Default for Manifest {
    fn default() -> Self {
        Self {
            name: b"fixture".to_vec(),
            version: b"0.1.0".to_vec(),
            summary: b"A fixture".to_vec(),
            parameters: vec![],
            duration: 1_000_000_000,
            forged: vec![],
        }
    }
}

impl Manifest {
    /// Offset of the pointer of `summary`, its length follows.
    pub(crate) const SUMMARY: usize = 16;
    /// Offset of the pointer of `parameters`, their number follows.
    pub(crate) const PARAMETERS: usize = 24;
    /// Offset of the flag `smt`.
    pub(crate) const SMT: usize = 44;
    /// Offset of the tag of `min-kernel`.
    pub(crate) const MIN_KERNEL: usize = 48;
    /// Offset of the request, in which all bytes zero ask for nothing.
    pub(crate) const REQUEST: usize = 72;
    const SIZE: usize = 168;
    const PARAMETER: usize = 28;

    /// The record, then the list, then the texts.
    fn bytes(&self) -> Vec<u8> {
        let list = Self::SIZE;
        let mut image = vec![0; list + self.parameters.len() * Self::PARAMETER];
        put_text(&mut image, 0, &self.name);
        put_text(&mut image, 8, &self.version);
        put_text(&mut image, Self::SUMMARY, &self.summary);
        put(&mut image, Self::PARAMETERS, AT + list);
        put(&mut image, Self::PARAMETERS + 4, self.parameters.len());
        put(&mut image, 32, 1);
        image[64..72].copy_from_slice(&self.duration.to_le_bytes());
        for (at, [name, default, help]) in self.parameters.iter().enumerate() {
            let at = list + at * Self::PARAMETER;
            put_text(&mut image, at, name);
            put(&mut image, at + 8, 1);
            put_text(&mut image, at + 12, default);
            put_text(&mut image, at + 20, help);
        }
        for (at, value) in &self.forged {
            image[*at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        image
    }
}

fn put(image: &mut [u8], at: usize, value: usize) {
    let value = u32::try_from(value).unwrap();
    image[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// Appends a text and puts its address and length to `at`.
fn put_text(image: &mut Vec<u8>, at: usize, text: &[u8]) {
    let address = AT + image.len();
    image.extend_from_slice(text);
    put(image, at, address);
    put(image, at + 4, text.len());
}
