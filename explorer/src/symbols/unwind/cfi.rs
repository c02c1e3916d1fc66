//! Call frame information: `.eh_frame` and `.debug_frame`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use gimli::{
    BaseAddresses, CfaRule, CieOrFde, DebugFrame, EhFrame, EhFrameHdr, LittleEndian, Register,
    RegisterRule, UnwindContext, UnwindOffset, UnwindSection,
};

use super::expression::{evaluate, word};
use super::registers::{DWARF_REGISTERS, number};
use super::{CallerFrame, FrameRegisters, Memory, Method, UnwindEnd};
use crate::symbols::address::{CodeAddr, ModuleAddr};
use crate::symbols::bytes::{Bytes, Slice};
use crate::symbols::elf::Elf;
use crate::symbols::ranges::RangeMap;

/// Most entries indexed of a section without a search table.
const MAX_ENTRIES: usize = 4 << 20;

/// Most addresses whose rules are kept.
const MAX_KEPT: usize = 4096;

type Fde<'a> = gimli::FrameDescriptionEntry<Slice<'a>>;

/// The sections, and an index for those that bring none.
#[derive(Debug, Default)]
pub(crate) struct Cfi {
    bases: BaseAddresses,
    header: Option<Bytes>,
    eh_frame: Bytes,
    debug_frame: Bytes,
    eh_index: OnceLock<RangeMap>,
    debug_index: OnceLock<RangeMap>,
    /// The rules for addresses that were asked for; `None` where there is no entry.
    rules: Mutex<HashMap<u64, Option<Arc<Rules>>>>,
}

/// How registers are restored at an address.
#[derive(Debug)]
struct Rules {
    /// Whether they are of `.debug_frame`.
    debug: bool,
    /// `None` if they make no sense.
    row: Option<Row>,
}

#[derive(Debug)]
struct Row {
    cfa: CfaRule<usize>,
    registers: Vec<(Register, RegisterRule<usize>)>,
    encoding: gimli::Encoding,
    return_column: u16,
    signal: bool,
}

impl Row {
    fn of<'a, S: UnwindSection<Slice<'a>>>(
        section: &S,
        bases: &BaseAddresses,
        fde: &Fde<'a>,
        address: u64,
    ) -> Option<Self> {
        let mut context = UnwindContext::new();
        let row = fde.unwind_info_for_address(section, bases, &mut context, address).ok()?;
        Some(Self {
            cfa: row.cfa().clone(),
            registers: row.registers().cloned().collect(),
            encoding: fde.cie().encoding(),
            return_column: fde.cie().return_address_register().0,
            signal: fde.is_signal_trampoline(),
        })
    }

    fn register(&self, number: u16) -> Option<RegisterRule<usize>> {
        let mut all = self.registers.iter();
        all.find(|(register, _)| register.0 == number).map(|(_, rule)| rule.clone())
    }
}

impl Cfi {
    /// Finds the sections; `.debug_frame` may be in the separate file.
    pub fn load(elf: &Elf, separate: Option<&Elf>) -> Self {
        let mut bases = BaseAddresses::default();
        let header = elf.placed_section(".eh_frame_hdr").or_else(|| elf.eh_frame_hdr.clone());
        if let Some((address, _)) = &header {
            bases = bases.set_eh_frame_hdr(*address);
        }
        let pointed = || {
            // Without section headers, the header still points to it.
            let (_, header) = header.as_ref()?;
            let header = EhFrameHdr::new(header, LittleEndian).parse(&bases, 8).ok()?;
            let address = header.eh_frame_ptr().direct().ok()?;
            Some((address, elf.bytes_at(address)?))
        };
        let eh_frame = elf.placed_section(".eh_frame").or_else(pointed);
        let (address, eh_frame) = eh_frame.unwrap_or_default();
        bases = bases.set_eh_frame(address);
        for (name, set) in
            [(".text", BaseAddresses::set_text as fn(_, _) -> _), (".got", BaseAddresses::set_got)]
        {
            if let Some((address, _)) = elf.placed_section(name) {
                bases = set(bases, address);
            }
        }
        let files = [Some(elf), separate];
        let debug_frame =
            files.into_iter().flatten().find_map(|elf| elf.section(".debug_frame").ok()?);
        Self {
            bases,
            header: header.map(|(_, bytes)| bytes),
            eh_frame,
            debug_frame: debug_frame.unwrap_or_default(),
            eh_index: OnceLock::new(),
            debug_index: OnceLock::new(),
            rules: Mutex::default(),
        }
    }

    /// The caller of a frame; `None` without information for its address.
    pub fn unwind(
        &self,
        pc: CodeAddr,
        bias: u64,
        registers: &FrameRegisters,
        memory: Memory<'_>,
    ) -> Option<Result<CallerFrame, UnwindEnd>> {
        let frame = Unwinding::new(pc, bias, registers);
        let rules = self.rules(frame.address)?;
        let Some(row) = &rules.row else { return Some(Err(frame.bad())) };
        Some(match rules.debug {
            false => frame.by(&self.eh_frame(), row, memory),
            true => frame.by(&self.debug_frame(), row, memory),
        })
    }

    /// The canonical frame address of a frame, if it can be computed.
    pub fn canonical_frame_address(
        &self,
        pc: CodeAddr,
        bias: u64,
        registers: &FrameRegisters,
        memory: Memory<'_>,
    ) -> Option<u64> {
        let frame = Unwinding::new(pc, bias, registers);
        let rules = self.rules(frame.address)?;
        let row = rules.row.as_ref()?;
        let cfa = match rules.debug {
            false => frame.cfa(&self.eh_frame(), row, memory),
            true => frame.cfa(&self.debug_frame(), row, memory),
        };
        cfa.ok()
    }

    /// The rules for a module address, read once; `None` without an entry.
    fn rules(&self, address: u64) -> Option<Arc<Rules>> {
        // Every change leaves it consistent, so a panic elsewhere does no harm.
        let kept = || self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept().get(&address) {
            return known.clone();
        }
        let read = self.with_entry(address, |section, bases| match section {
            Found::EhFrame(eh_frame, fde) => (false, Row::of(eh_frame, bases, &fde, address)),
            Found::DebugFrame(section, fde) => (true, Row::of(section, bases, &fde, address)),
        });
        let rules = read.map(|(debug, row)| Arc::new(Rules { debug, row }));
        let mut kept = kept();
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(address, rules.clone());
        rules
    }

    fn eh_frame(&self) -> EhFrame<Slice<'_>> {
        let mut eh_frame = EhFrame::new(&self.eh_frame, LittleEndian);
        eh_frame.set_address_size(8);
        eh_frame
    }

    fn debug_frame(&self) -> DebugFrame<Slice<'_>> {
        let mut debug_frame = DebugFrame::new(&self.debug_frame, LittleEndian);
        debug_frame.set_address_size(8);
        debug_frame
    }

    /// The code that the entry for a module address is about: mostly one function.
    pub fn range(&self, address: u64) -> Option<std::ops::Range<u64>> {
        let start_and_end = |start: u64, length: u64| Some(start..start.checked_add(length)?);
        self.with_entry(address, |section, _| match section {
            Found::EhFrame(_, fde) => start_and_end(fde.initial_address(), fde.len()),
            Found::DebugFrame(_, fde) => start_and_end(fde.initial_address(), fde.len()),
        })?
    }

    /// Whether the entry for a module address is of a signal trampoline; `None` without one.
    pub fn is_signal_trampoline(&self, address: u64) -> Option<bool> {
        self.with_entry(address, |section, _| match section {
            Found::EhFrame(_, fde) => fde.is_signal_trampoline(),
            Found::DebugFrame(_, fde) => fde.is_signal_trampoline(),
        })
    }

    /// Calls `use_it` with the entry for a module address, if there is one.
    fn with_entry<T>(
        &self,
        address: u64,
        use_it: impl FnOnce(Found<'_, '_>, &BaseAddresses) -> T,
    ) -> Option<T> {
        let eh_frame = self.eh_frame();
        let found = self.by_header(&eh_frame, address);
        let index = || self.eh_index.get_or_init(|| index(&eh_frame, &self.bases));
        let found = found.or_else(|| by_index(&eh_frame, &self.bases, index(), address));
        if let Some(fde) = found {
            return Some(use_it(Found::EhFrame(&eh_frame, fde), &self.bases));
        }
        let debug_frame = self.debug_frame();
        let index = self.debug_index.get_or_init(|| index_of(&debug_frame, &self.bases));
        let fde = by_index(&debug_frame, &self.bases, index, address)?;
        Some(use_it(Found::DebugFrame(&debug_frame, fde), &self.bases))
    }

    /// By the search table of `.eh_frame_hdr`.
    fn by_header<'a>(&'a self, eh_frame: &EhFrame<Slice<'a>>, address: u64) -> Option<Fde<'a>> {
        let header = EhFrameHdr::new(self.header.as_deref()?, LittleEndian);
        let header = header.parse(&self.bases, 8).ok()?;
        let place = header.table()?.lookup(address, &self.bases).ok()?.direct().ok()?;
        let offset = place.checked_sub(header.eh_frame_ptr().direct().ok()?)?;
        let offset = gimli::EhFrameOffset(usize::try_from(offset).ok()?);
        let fde = eh_frame.fde_from_offset(&self.bases, offset, EhFrame::cie_from_offset).ok()?;
        fde.contains(address).then_some(fde)
    }
}

fn index(eh_frame: &EhFrame<Slice<'_>>, bases: &BaseAddresses) -> RangeMap {
    index_of(eh_frame, bases)
}

/// Where each entry's code is; owners are offsets of the section.
fn index_of<'a, S>(section: &S, bases: &BaseAddresses) -> RangeMap
where
    S: UnwindSection<Slice<'a>>,
    S::Offset: UnwindOffset<usize>,
{
    let mut ranges = Vec::new();
    let mut entries = section.entries(bases);
    while let Ok(Some(entry)) = entries.next() {
        let CieOrFde::Fde(partial) = entry else { continue };
        let Ok(fde) = partial.parse(S::cie_from_offset) else { continue };
        let start = fde.initial_address();
        if let (Some(end), Ok(offset)) = (start.checked_add(fde.len()), u32::try_from(fde.offset()))
            && start != 0
        {
            ranges.push((start, end, offset));
        }
        if ranges.len() >= MAX_ENTRIES {
            break;
        }
    }
    RangeMap::new(ranges)
}

fn by_index<'a, S>(
    section: &S,
    bases: &BaseAddresses,
    index: &RangeMap,
    address: u64,
) -> Option<Fde<'a>>
where
    S: UnwindSection<Slice<'a>>,
    S::Offset: UnwindOffset<usize>,
{
    let (_, _, offset) = index.around(address).next()?;
    let offset = S::Offset::from(offset as usize);
    section.fde_from_offset(bases, offset, S::cie_from_offset).ok()
}

/// An entry, and the section it is in.
enum Found<'s, 'a> {
    EhFrame(&'s EhFrame<Slice<'a>>, Fde<'a>),
    DebugFrame(&'s DebugFrame<Slice<'a>>, Fde<'a>),
}

/// One step outwards.
struct Unwinding<'r> {
    /// Module address to look up.
    address: u64,
    pc: CodeAddr,
    bias: u64,
    registers: &'r FrameRegisters,
}

impl<'r> Unwinding<'r> {
    fn new(pc: CodeAddr, bias: u64, registers: &'r FrameRegisters) -> Self {
        let address = ModuleAddr::of_runtime(pc.for_lookup(), bias).0;
        Self { address, pc, bias, registers }
    }

    fn by<'a, S: UnwindSection<Slice<'a>>>(
        &self,
        section: &S,
        row: &Row,
        memory: Memory<'_>,
    ) -> Result<CallerFrame, UnwindEnd> {
        let cfa = self.cfa(section, row, memory)?;
        let mut caller = FrameRegisters::default();
        for number in 0..DWARF_REGISTERS as u16 {
            caller.set(number, self.register(section, row, number, cfa, memory)?);
        }
        let return_address = match row.return_column {
            number::RIP => caller.rip(),
            other => self.register(section, row, other, cfa, memory)?,
        };
        let Some(return_address) = return_address else { return Err(UnwindEnd::Outermost) };
        caller.set(number::RIP, Some(return_address));
        // Where a signal interrupted, the address is that of the next
        // instruction, not one behind a call.
        let signal = row.signal;
        let exact = if signal { CodeAddr::Pc } else { CodeAddr::Return };
        let method = if signal { Method::SignalFrame } else { Method::Cfi };
        // In longjmp and setcontext the canonical frame address is that of the saved context.
        let resumed = caller.rsp().filter(|rsp| !signal && *rsp != cfa);
        let cfa = resumed.unwrap_or(cfa);
        let pc = exact(return_address);
        Ok(CallerFrame { pc, registers: caller, cfa, method, resumes: resumed.is_some() })
    }

    fn bad(&self) -> UnwindEnd {
        UnwindEnd::BadCfi(self.pc.value())
    }

    fn known(&self, number: u16) -> Result<u64, UnwindEnd> {
        self.registers.get(number).ok_or(UnwindEnd::RegisterUnknown(number))
    }

    fn cfa<'a, S: UnwindSection<Slice<'a>>>(
        &self,
        section: &S,
        row: &Row,
        memory: Memory<'_>,
    ) -> Result<u64, UnwindEnd> {
        match &row.cfa {
            CfaRule::RegisterAndOffset { register, offset } => {
                Ok(self.known(register.0)?.wrapping_add_signed(*offset))
            }
            CfaRule::Expression(expression) => {
                let expression = expression.get(section).map_err(|_| self.bad())?;
                evaluate(expression, row.encoding, None, self.bias, self.registers, memory)
            }
        }
    }

    fn register<'a, S: UnwindSection<Slice<'a>>>(
        &self,
        section: &S,
        row: &Row,
        number: u16,
        cfa: u64,
        memory: Memory<'_>,
    ) -> Result<Option<u64>, UnwindEnd> {
        let Some(rule) = row.register(number) else {
            return Ok(match number {
                number::RSP => Some(cfa),
                _ => self.registers.preserved().get(number),
            });
        };
        let eval = |expression: gimli::UnwindExpression<usize>, memory: Memory<'_>| {
            let expression = expression.get(section).map_err(|_| self.bad())?;
            evaluate(expression, row.encoding, Some(cfa), self.bias, self.registers, memory)
        };
        // A register saved where memory is unknown is itself unknown; only
        // without the return address there is no caller.
        let saved = |address: u64, memory: Memory<'_>| match word(address, memory) {
            Ok(value) => Ok(Some(value)),
            Err(end) if number == number::RIP => Err(end),
            Err(_) => Ok(None),
        };
        match rule {
            RegisterRule::SameValue => Ok(self.registers.get(number)),
            RegisterRule::Offset(offset) => saved(cfa.wrapping_add_signed(offset), memory),
            RegisterRule::ValOffset(offset) => Ok(Some(cfa.wrapping_add_signed(offset))),
            RegisterRule::Register(other) => Ok(self.registers.get(other.0)),
            RegisterRule::Expression(expression) => {
                let address = eval(expression, &mut *memory)?;
                saved(address, memory)
            }
            RegisterRule::ValExpression(expression) => eval(expression, memory).map(Some),
            RegisterRule::Constant(value) => Ok(Some(value)),
            _ => Ok(None),
        }
    }
}
