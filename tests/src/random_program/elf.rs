//! A minimal ELF writer: header page, code, instruction lengths, data.

/// Where things are, relative to the image's base.
pub mod at {
    /// Code.
    pub const CODE: u64 = 0x1000;
    /// Most bytes of code.
    pub const CODE_BYTES: u64 = 0x2_0000;
    /// The length of the instruction at each byte of the code, zero within one.
    pub const LENGTHS: u64 = CODE + CODE_BYTES;
    /// Data.
    pub const DATA: u64 = LENGTHS + CODE_BYTES;
    /// Bytes of data.
    pub const DATA_BYTES: u64 = 0x5000;
}

/// Base of images at fixed addresses.
pub const FIXED_BASE: u64 = 0x40_0000;

/// What an image holds.
pub struct Image {
    /// The code, which begins with the entry point.
    pub code: Vec<u8>,
    /// The data, [`at::DATA_BYTES`] long.
    pub data: Vec<u8>,
    /// Instruction lengths, as long as the code.
    pub lengths: Vec<u8>,
    /// Whether it may be loaded anywhere.
    pub movable: bool,
    /// Whether its code may be written.
    pub writable_code: bool,
}

/// A loadable segment (elf(5)).
struct Segment<'a> {
    address: u64,
    flags: u32,
    bytes: &'a [u8],
}

impl Image {
    /// The file's bytes.
    pub fn file(&self) -> Vec<u8> {
        let base = if self.movable { 0 } else { FIXED_BASE };
        let code_flags = if self.writable_code { 7 } else { 5 };
        let segments = [
            Segment { address: base + at::CODE, flags: code_flags, bytes: &self.code },
            Segment { address: base + at::LENGTHS, flags: 4, bytes: &self.lengths },
            Segment { address: base + at::DATA, flags: 6, bytes: &self.data },
        ];
        let mut file = header(base + at::CODE, self.movable, segments.len() as u16 + 1);
        let mut offset = 0x1000;
        let mut contents = Vec::new();
        for segment in &segments {
            program_header(&mut file, 1, segment.flags, offset, segment.address, segment.bytes);
            contents.extend_from_slice(segment.bytes);
            contents.resize(contents.len().next_multiple_of(0x1000), 0);
            offset = 0x1000 + contents.len() as u64;
        }
        // PT_GNU_STACK: the stack is not executable.
        program_header(&mut file, 0x6474_e551, 6, 0, 0, &[]);
        file.resize(0x1000, 0);
        file.extend(contents);
        file
    }
}

fn header(entry: u64, movable: bool, segments: u16) -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let kind: u16 = if movable { 3 } else { 2 };
    file.extend(kind.to_le_bytes());
    file.extend(62u16.to_le_bytes());
    file.extend(1u32.to_le_bytes());
    for word in [entry, 64, 0] {
        file.extend(word.to_le_bytes());
    }
    file.extend(0u32.to_le_bytes());
    for half in [64, 56, segments, 64, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    file
}

fn program_header(
    file: &mut Vec<u8>,
    kind: u32,
    flags: u32,
    offset: u64,
    address: u64,
    bytes: &[u8],
) {
    file.extend(kind.to_le_bytes());
    file.extend(flags.to_le_bytes());
    let size = bytes.len() as u64;
    for word in [offset, address, address, size, size, 0x1000] {
        file.extend(word.to_le_bytes());
    }
}
