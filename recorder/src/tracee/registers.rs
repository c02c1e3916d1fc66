//! The kernel's register layouts as schema's [`Registers`].

use rdb_schema::header::XsaveComponent;
use rdb_schema::registers::{Gpr, RESUME_FLAG, Registers};

/// Largest XSAVE area read: AMX's tiles take it to about 11 KiB.
pub const MAX_XSAVE_BYTES: usize = 16 << 10;

/// Where an XSAVE area says which components it has: its header.
pub const XSTATE_BV: u64 = 512;

/// Where an XSAVE area's components begin, behind its header.
const COMPONENTS: u64 = 576;

/// In a component's flags: it is aligned to 64 bytes when compacted (CPUID leaf 0xD, ECX).
const ALIGNED: u32 = 2;

/// Where an XSAVE area has the pointer to the last x87 instruction.
pub const X87_POINTER: std::ops::Range<usize> = 8..16;

/// Copies PTRACE_GETREGS' layout (sys/user.h).
pub fn set_general(out: &mut Registers, raw: &libc::user_regs_struct) {
    out.gpr = [
        raw.rax, raw.rcx, raw.rdx, raw.rbx, raw.rsp, raw.rbp, raw.rsi, raw.rdi, raw.r8, raw.r9,
        raw.r10, raw.r11, raw.r12, raw.r13, raw.r14, raw.r15,
    ];
    out.rip = raw.rip;
    out.rflags = raw.eflags & !RESUME_FLAG;
    out.fs_base = raw.fs_base;
    out.gs_base = raw.gs_base;
    let selectors = [raw.cs, raw.ss, raw.ds, raw.es, raw.fs, raw.gs];
    for (slot, selector) in out.selectors.iter_mut().zip(selectors) {
        *slot = selector as u16;
    }
}

/// A tracee's general registers, as ptrace reads and writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeneralRegisters(pub(super) libc::user_regs_struct);

impl GeneralRegisters {
    /// Those of `from`, of a tracee that is not in a syscall.
    pub fn of(from: &Registers) -> Self {
        let [rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15] =
            from.gpr;
        let [cs, ss, ds, es, fs, gs, ..] = from.selectors.map(u64::from);
        Self(libc::user_regs_struct {
            r15,
            r14,
            r13,
            r12,
            rbp,
            rbx,
            r11,
            r10,
            r9,
            r8,
            rax,
            rcx,
            rdx,
            rsi,
            rdi,
            orig_rax: u64::MAX,
            rip: from.rip,
            cs,
            eflags: from.rflags,
            rsp,
            ss,
            fs_base: from.fs_base,
            gs_base: from.gs_base,
            ds,
            es,
            fs,
            gs,
        })
    }

    fn slot(&mut self, register: Gpr) -> &mut u64 {
        let raw = &mut self.0;
        match register.index() {
            0 => &mut raw.rax,
            1 => &mut raw.rcx,
            2 => &mut raw.rdx,
            3 => &mut raw.rbx,
            4 => &mut raw.rsp,
            5 => &mut raw.rbp,
            6 => &mut raw.rsi,
            7 => &mut raw.rdi,
            8 => &mut raw.r8,
            9 => &mut raw.r9,
            10 => &mut raw.r10,
            11 => &mut raw.r11,
            12 => &mut raw.r12,
            13 => &mut raw.r13,
            14 => &mut raw.r14,
            _ => &mut raw.r15,
        }
    }

    /// A register's value.
    pub fn get(&self, register: Gpr) -> u64 {
        let mut copy = *self;
        *copy.slot(register)
    }

    /// Gives a register a value.
    pub fn set(&mut self, register: Gpr, value: u64) {
        *self.slot(register) = value;
    }

    /// rip.
    pub fn pc(&self) -> u64 {
        self.0.rip
    }

    /// Sets rip. A syscall that the kernel meant to run again is given up.
    pub fn jump(&mut self, pc: u64) {
        self.0.rip = pc;
        self.0.orig_rax = u64::MAX;
    }

    /// Makes these the registers in which the kernel looks for a syscall to run again:
    /// the one that `from` were left by.
    pub fn keep_call_of(&mut self, from: &Self) {
        self.0.orig_rax = from.0.orig_rax;
    }

    /// Copies them to `out`.
    pub fn copy_to(&self, out: &mut Registers) {
        set_general(out, &self.0);
    }
}

/// Where this CPU keeps the state components (CPUID leaf 0xD).
#[derive(Clone, Debug, Default)]
pub struct XsaveLayout {
    avx: Option<usize>,
    opmask: Option<usize>,
    zmm_high: Option<usize>,
    zmm_upper: Option<usize>,
    pkru: Option<usize>,
    components: Vec<XsaveComponent>,
}

impl XsaveLayout {
    /// The layout from the CPU's component list.
    pub fn new(components: &[XsaveComponent]) -> Self {
        let offset =
            |number: u8| components.iter().find(|c| c.number == number).map(|c| c.offset as usize);
        Self {
            avx: offset(2),
            opmask: offset(5),
            zmm_high: offset(6),
            zmm_upper: offset(7),
            pkru: offset(9),
            components: components.to_vec(),
        }
    }

    /// What an instruction that saves the components in `asked` writes, if of them only those
    /// in `written` are not left out: offsets in the area, and lengths (Intel SDM vol. 1, 13.4,
    /// 13.7 and 13.10).
    pub fn parts(&self, asked: u64, written: u64, compacted: bool) -> Vec<(u64, usize)> {
        let (x87, sse, avx) = (1, 2, 4);
        let saved = asked & written;
        let header = if compacted { 16 } else { 8 };
        let legacy = [
            (saved & x87 != 0, 0, 24),
            (asked & (sse | avx) != 0, 24, 8),
            (saved & x87 != 0, 32, 128),
            (saved & sse != 0, 160, 256),
            (true, XSTATE_BV, header),
        ];
        let fixed = legacy.into_iter().filter(|(is, ..)| *is).map(|(_, at, length)| (at, length));
        let mut parts: Vec<(u64, usize)> = fixed.collect();
        let mut end = COMPONENTS;
        for component in self.components.iter().filter(|c| asked >> c.number & 1 != 0) {
            let aligned =
                if component.flags & ALIGNED != 0 { end.next_multiple_of(64) } else { end };
            let at = if compacted { aligned } else { component.offset.into() };
            end = aligned + u64::from(component.size);
            if saved >> component.number & 1 != 0 {
                parts.push((at, component.size as usize));
            }
        }
        parts
    }

    /// Mends what the kernel shows at the exit from exec: it has loaded its
    /// default PKRU (access to key 0 only, `init_pkru_value` in
    /// arch/x86/mm/pkeys.c) but shows the component as never used.
    pub fn mend_after_exec(&self, registers: &mut Registers) {
        if self.pkru.is_some() && registers.pkru == 0 {
            registers.pkru = 0x5555_5554;
        }
    }

    /// Copies an XSAVE area (Intel SDM vol. 1, 13.4) into `out`. Components the
    /// area is too short for become zero.
    pub fn parse(&self, area: &[u8], out: &mut Registers) {
        let (head, st) = bytemuck::bytes_of_mut(&mut out.x87).split_at_mut(24);
        copy(area, 0, head);
        for (i, register) in st.chunks_mut(16).enumerate() {
            copy(area, 32 + i * 16, &mut register[..10]);
        }
        out.mxcsr = word(area, 24);
        out.pkru = self.pkru.map_or(0, |at| word(area, at));
        for (i, vector) in out.vector.iter_mut().enumerate() {
            vector.fill(0);
            if i < 16 {
                copy(area, 160 + i * 16, &mut vector[..16]);
                copy_at(area, self.avx, i * 16, &mut vector[16..32]);
                copy_at(area, self.zmm_high, i * 32, &mut vector[32..]);
            } else {
                copy_at(area, self.zmm_upper, (i - 16) * 64, vector);
            }
        }
        for (i, mask) in out.mask.iter_mut().enumerate() {
            let mut bytes = [0; 8];
            copy_at(area, self.opmask, i * 8, &mut bytes);
            *mask = u64::from_le_bytes(bytes);
        }
    }
}

fn copy(area: &[u8], from: usize, to: &mut [u8]) {
    if let Some(bytes) = area.get(from..from + to.len()) {
        to.copy_from_slice(bytes);
    }
}

fn copy_at(area: &[u8], component: Option<usize>, from: usize, to: &mut [u8]) {
    if let Some(start) = component {
        copy(area, start + from, to);
    }
}

fn word(area: &[u8], at: usize) -> u32 {
    let mut bytes = [0; 4];
    copy(area, at, &mut bytes);
    u32::from_le_bytes(bytes)
}
