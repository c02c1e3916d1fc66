//! What an ELF file says about itself: segments, sections, identity.

use std::sync::Arc;

use object::LittleEndian;
use object::elf;
use object::read::elf::{ElfFile64, FileHeader, ProgramHeader};
use object::read::{CompressionFormat, Object, ObjectSection};

use super::bytes::Bytes;
use super::layout::{Layout, Segment};

/// Largest size a compressed section may state.
const MAX_DECOMPRESSED: u64 = 1 << 30;

/// Largest ratio of stated to compressed size.
const MAX_RATIO: u64 = 100;

/// The parser's view, made anew for each use: it borrows and is cheap.
pub(crate) type ElfView<'a> = ElfFile64<'a, LittleEndian>;

/// An ELF file for x86-64 that parses at least as far as its headers.
#[derive(Debug)]
pub(crate) struct Elf {
    pub data: Arc<[u8]>,
    pub layout: Layout,
    /// PT_GNU_EH_FRAME: address and bytes of `.eh_frame_hdr`.
    pub eh_frame_hdr: Option<(u64, Bytes)>,
    /// PT_TLS: bytes of a thread's copy, and their alignment.
    pub thread_local: Option<(u64, u64)>,
}

impl Elf {
    /// Reads the headers; the error says why there are no symbols.
    pub fn parse(data: Arc<[u8]>) -> Result<Self, String> {
        let view = ElfView::parse(&*data).map_err(|e| format!("not a usable ELF file: {e}"))?;
        let endian = LittleEndian;
        if view.elf_header().e_machine(endian) != elf::EM_X86_64 {
            return Err("not an x86-64 ELF file".to_owned());
        }
        let (mut segments, mut eh_frame_hdr, mut thread_local) = (Vec::new(), None, None);
        for header in view.elf_program_headers() {
            let (address, offset) = (header.p_vaddr(endian), header.p_offset(endian));
            let file_size = header.p_filesz(endian);
            match header.p_type(endian) {
                elf::PT_LOAD => segments.push(Segment {
                    address,
                    memory_size: header.p_memsz(endian),
                    offset,
                    file_size,
                    executable: header.p_flags(endian).contains(elf::PF_X),
                }),
                elf::PT_GNU_EH_FRAME => {
                    eh_frame_hdr = file_range(&data, offset, file_size).map(|b| (address, b));
                }
                elf::PT_TLS => {
                    thread_local = Some((header.p_memsz(endian), header.p_align(endian)));
                }
                _ => {}
            }
        }
        let layout = Layout::new(segments);
        Ok(Self { layout, eh_frame_hdr, thread_local, data })
    }

    /// The parser over the whole file.
    pub fn view(&self) -> Option<ElfView<'_>> {
        ElfView::parse(&*self.data).ok()
    }

    /// The bytes of a section, decompressed; `Ok(None)` if absent or empty.
    pub fn section(&self, name: &str) -> Result<Option<Bytes>, String> {
        let Some(view) = self.view() else { return Ok(None) };
        let Some(section) = view.section_by_name(name) else { return Ok(None) };
        let compressed = section.compressed_data().map_err(|e| format!("section {name}: {e}"))?;
        if compressed.format == CompressionFormat::None {
            return Ok(Bytes::part_of(&self.data, compressed.data).filter(|b| !b.is_empty()));
        }
        let stated = compressed.uncompressed_size;
        let most = (compressed.data.len() as u64).saturating_mul(MAX_RATIO);
        if stated > MAX_DECOMPRESSED || stated > most {
            return Err(format!("section {name}: compressed section claims {stated} bytes"));
        }
        let bytes = compressed.decompress().map_err(|e| format!("section {name}: {e}"))?;
        Ok(Some(Bytes::whole(Arc::from(bytes.into_owned()))))
    }

    /// As [`Elf::section`] with its address; errors count as absence.
    pub fn placed_section(&self, name: &str) -> Option<(u64, Bytes)> {
        let bytes = self.section(name).ok()??;
        let address = self.view()?.section_by_name(name)?.address();
        Some((address, bytes))
    }

    /// From an address to the end of what the file holds of its segment.
    pub fn bytes_at(&self, address: u64) -> Option<Bytes> {
        let segment = self.layout.segment_at(address)?;
        let skipped = address.checked_sub(segment.address)?;
        let size = segment.file_size.checked_sub(skipped)?;
        file_range(&self.data, segment.offset.checked_add(skipped)?, size)
    }

    /// Whether there is DWARF in this file.
    pub fn has_debug_info(&self) -> bool {
        self.view()
            .is_some_and(|view| view.section_by_name(".debug_info").is_some_and(|s| s.size() > 0))
    }

    /// The GNU build-id.
    pub fn build_id(&self) -> Option<Vec<u8>> {
        let view = self.view()?;
        view.build_id().ok().flatten().map(<[u8]>::to_vec)
    }

    /// File name and CRC of the separate debug file (`.gnu_debuglink`).
    pub fn debug_link(&self) -> Option<(String, u32)> {
        let view = self.view()?;
        let (name, crc) = view.gnu_debuglink().ok().flatten()?;
        Some((String::from_utf8_lossy(name).into_owned(), crc))
    }

    /// File name and build-id of the supplementary file (`.gnu_debugaltlink`).
    pub fn debug_alt_link(&self) -> Option<(String, Vec<u8>)> {
        let view = self.view()?;
        let (name, id) = view.gnu_debugaltlink().ok().flatten()?;
        Some((String::from_utf8_lossy(name).into_owned(), id.to_vec()))
    }
}

fn file_range(data: &Arc<[u8]>, offset: u64, size: u64) -> Option<Bytes> {
    let start = usize::try_from(offset).ok()?;
    // A file cut short still has the first part of the range.
    let end = start.checked_add(usize::try_from(size).ok()?)?.min(data.len());
    Bytes::range_of(data, start..end)
}
