//! What one instruction may change, as data.

use super::masked::StoreMask;
use crate::derive::{
    Computation, DerivedVector, FlagRule, FloatVector, Inputs, Known, low_bytes, sign,
};
use crate::registers::{Gpr, Registers};

/// How a form's low `width` bytes become a register's 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extend {
    /// Bits above the width are zero.
    Zero,
    /// Bits above the width are the destination's old ones.
    Merge,
    /// Sign-extended to 32 bits, above those zero.
    Sign32,
    /// Sign-extended to 64 bits.
    Sign64,
}

impl Extend {
    /// What a register that held `old` holds after a write of `value`'s low `width`
    /// bytes, above which it has zeros.
    #[inline]
    pub fn apply(self, value: u64, width: u8, old: u64) -> u64 {
        match self {
            Self::Zero => value,
            Self::Merge => (old & !low_bytes(width)) | value,
            Self::Sign32 => u64::from(sign(value, width) as u32),
            Self::Sign64 => sign(value, width) as u64,
        }
    }
}

/// A linear form over general registers: `base + index × scale + disp`, modulo
/// 2^64, cut to `width` bytes. Registers are read as they stand *before* the
/// instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Form {
    /// First register.
    pub base: Option<Gpr>,
    /// Second register.
    pub index: Option<Gpr>,
    /// Multiplier of `index`: 1, 2, 4 or 8.
    pub scale: u8,
    /// Constant part.
    pub disp: i64,
    /// Bytes of the result that count: 1, 2, 4 or 8.
    pub width: u8,
    /// What happens above them (meaningless in an address or a store).
    pub extend: Extend,
}

impl Form {
    /// `base + disp`, all 64 bits.
    pub const fn offset(base: Gpr, disp: i64) -> Self {
        Self { base: Some(base), index: None, scale: 1, disp, width: 8, extend: Extend::Zero }
    }

    /// Its value cut to `width` bytes, zero-extended.
    pub fn value(&self, registers: &Registers) -> u64 {
        let register = |r: Option<Gpr>| r.map_or(0, |r| registers.gpr[r.index()]);
        register(self.base)
            .wrapping_add(register(self.index).wrapping_mul(u64::from(self.scale)))
            .wrapping_add(self.disp as u64)
            & low_bytes(self.width)
    }

    /// What a destination register that held `old` holds after taking the value.
    pub fn extended(&self, registers: &Registers, old: u64) -> u64 {
        self.extend.apply(self.value(registers), self.width, old)
    }
}

/// The segment whose base an address adds; the others have base 0 in 64-bit mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// FS.
    Fs,
    /// GS.
    Gs,
}

/// Where a store goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// The offset; its width is the address size (8, or 4 with a 67h prefix).
    pub form: Form,
    /// The segment whose base is added.
    pub segment: Option<Segment>,
}

impl Address {
    /// The linear address, from the registers before the instruction.
    pub fn value(&self, registers: &Registers) -> u64 {
        let base = match self.segment {
            None => 0,
            Some(Segment::Fs) => registers.fs_base,
            Some(Segment::Gs) => registers.gs_base,
        };
        base.wrapping_add(self.form.value(registers))
    }
}

/// Where a value comes from: the log, or what is known already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// Written to the log.
    Logged,
    /// The same at every execution.
    Const(u64),
    /// Derived from the registers before the instruction.
    Form(Form),
    /// Derived from them in other ways.
    Computed(Computation),
}

impl Source {
    /// A destination register's 64 bits, of which the log has `logged` if it has
    /// any; before, the register held `old`.
    #[inline]
    pub fn register(&self, known: &Known, old: u64, logged: u64) -> u64 {
        match self {
            Self::Logged => logged,
            Self::Const(value) => *value,
            Self::Form(form) => form.extended(known.before, old),
            Self::Computed(computation) => computation.extended(known, old),
        }
    }

    /// A stored value, of which the log has `logged` if it has any.
    #[inline]
    pub fn stored(&self, known: &Known, logged: u64) -> u64 {
        match self {
            Self::Logged => logged,
            Self::Const(value) => *value,
            Self::Form(form) => form.value(known.before),
            Self::Computed(computation) => computation.value(known),
        }
    }
}

/// One thing an instruction changes. All are evaluated against the state before
/// the instruction, and take effect together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// A general register's full 64 bits.
    Gpr {
        /// Destination.
        register: Gpr,
        /// Its new value (logged: the full 64 bits).
        source: Source,
    },
    /// The six status flags, logged as `seto al; lahf` leaves them in ax: OF in
    /// the first byte, the others in the second.
    StatusFlags,
    /// The six status flags, derived.
    FlagsOf {
        /// How.
        rule: FlagRule,
        /// From what.
        inputs: Inputs,
    },
    /// All of RFLAGS, logged as four bytes.
    Flags,
    /// `rflags = rflags & !mask | value`: cld, std, clc, stc.
    FlagsConst {
        /// Bits written.
        mask: u32,
        /// Their new values.
        value: u32,
    },
    /// fs base, logged.
    FsBase,
    /// gs base, logged.
    GsBase,
    /// The low `bytes` of a vector register, logged.
    Vector {
        /// Number, 0–31.
        register: u8,
        /// 16, 32 or 64.
        bytes: u8,
        /// VEX and EVEX: the bytes above become zero. Legacy SSE: they stay.
        zero_upper: bool,
    },
    /// vzeroupper (`keep` = 16) and vzeroall (`keep` = 0): of vectors 0–15 the
    /// bytes from `keep` up become zero.
    ZeroVectors {
        /// Low bytes that stay.
        keep: u8,
    },
    /// A mask register, logged.
    Mask {
        /// Number, 0–7.
        register: u8,
    },
    /// A vector register, derived.
    VectorOf(DerivedVector),
    /// A mask register, derived.
    MaskOf {
        /// Number, 0–7.
        register: u8,
        /// Of what.
        elements: FloatVector,
    },
    /// What the instruction loads from memory, logged: it changes nothing by itself,
    /// and stands before what is derived from it.
    Loaded {
        /// From where.
        address: Address,
        /// The mask register that chooses elements, the others are logged as zero;
        /// 0: all of them.
        mask: u8,
        /// Bytes of an element: 4 or 8.
        element: u8,
        /// Bytes: 4, 8, 16, 32 or 64.
        bytes: u8,
    },
    /// The whole x87 state (MMX too), logged.
    X87,
    /// MXCSR, logged.
    Mxcsr,
    /// PKRU, logged.
    Pkru,
    /// A store of 1–8 bytes.
    Store {
        /// Where.
        address: Address,
        /// Bytes: 1, 2, 4 or 8.
        size: u8,
        /// The value, of which the low `size` bytes are stored.
        source: Source,
    },
    /// A store of the low bytes of a vector register.
    StoreVector {
        /// Where.
        address: Address,
        /// Number, 0–31.
        register: u8,
        /// Bytes: 4, 8, 16, 32 or 64.
        bytes: u8,
    },
    /// A store of those elements of a vector register whose bits are set in a
    /// mask register (Intel SDM vol. 2, 2.7.4).
    StoreMasked {
        /// Where element 0 goes.
        address: Address,
        /// The vector's number, 0–31.
        register: u8,
        /// The mask's number, 1–7.
        mask: u8,
        /// Bytes of one element: 1, 2, 4 or 8.
        element: u8,
        /// Bytes of all elements: 4, 8, 16, 32 or 64.
        bytes: u8,
    },
    /// A store of a fixed number of bytes, logged (fxsave, cmpxchg16b, fst …).
    StoreBytes {
        /// Where.
        address: Address,
        /// Bytes, at most 1024.
        bytes: u16,
    },
    /// Stores whose places or lengths vary; they are in the bulk column.
    StoreBulk,
}

/// How an engine finds the bytes of an [`Effect::StoreBulk`]. Superset ranges
/// are exact: bytes the instruction left alone are logged as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bulk {
    /// `stos`, `movs`, `ins` with a rep prefix: from rdi before to rdi after.
    RepString {
        /// Bytes of one element: 1, 2, 4 or 8.
        element: u8,
        /// Address size in bytes: 8 or 4.
        address_size: u8,
    },
    /// A masked store: at most `bytes` from `address`, of which some pages may
    /// not be mapped.
    Masked {
        /// Where.
        address: Address,
        /// Upper bound of the length.
        bytes: u8,
        /// Which of them.
        mask: StoreMask,
    },
    /// A scatter: one element at each index whose mask bit is set beforehand.
    Scatter {
        /// Base and displacement; the index is a vector and not part of it.
        address: Address,
        /// Vector register of the indexes.
        index: u8,
        /// Bytes of one index: 4 or 8.
        index_bytes: u8,
        /// Multiplier of the index.
        scale: u8,
        /// Bytes stored at each.
        element: u8,
        /// Number of elements.
        count: u8,
        /// Mask register, 1–7.
        mask: u8,
    },
    /// `bts`, `btr`, `btc` with a register as bit offset: the one operand that
    /// [`super::bit_string_address`] finds.
    BitString {
        /// Where bit 0 is.
        address: Address,
        /// Register of the signed bit offset, of which `bytes` bytes count.
        index: Gpr,
        /// Bytes of the operand: 2, 4 or 8.
        bytes: u8,
    },
    /// xsave and its kin: of an area, the state components that edx:eax ask for.
    Xsave {
        /// Where the area is.
        address: Address,
        /// Whether they lie one behind the other, and those in their initial state are left
        /// out (Intel SDM vol. 1, 13.4.3 and 13.10).
        compacted: bool,
    },
}

/// What kind of care an instruction needs from an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Its effects say everything.
    Plain,
    /// `syscall`: the kernel's further effects come with the event.
    Syscall,
    /// A rep-prefixed string instruction: one tracepoint for all iterations.
    RepString,
    /// Its effects are not known beforehand (not decodable, xrstor, far
    /// branches, `int n` …): whatever differs afterwards is a patch.
    Opaque,
}

/// What becomes of flags that the manuals leave undefined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Undefined {
    /// What the rules that [`FlagRule::is_empirical`] names say.
    #[default]
    Foretold,
    /// Not known: they are logged.
    Logged,
}

/// What one instruction changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effects {
    /// The care it needs.
    pub kind: Kind,
    /// What it changes, each part once.
    pub list: Vec<Effect>,
    /// How to find its bulk stores, when `list` has [`Effect::StoreBulk`].
    pub bulk: Option<Bulk>,
}

/// Bytes of an x87 slot: [`crate::registers::X87`].
pub const X87_BYTES: usize = size_of::<crate::registers::X87>();

impl Effect {
    /// Whether it changes memory.
    pub fn stores(&self) -> bool {
        matches!(
            self,
            Self::Store { .. }
                | Self::StoreVector { .. }
                | Self::StoreMasked { .. }
                | Self::StoreBytes { .. }
                | Self::StoreBulk
        )
    }

    /// Bytes its log slot takes in a row; bulk stores take none there.
    pub fn slot_bytes(&self) -> usize {
        match self {
            Self::Gpr { source: Source::Logged, .. } | Self::FsBase | Self::GsBase => 8,
            Self::Store { source: Source::Logged, size, .. } => usize::from(*size),
            Self::Mask { .. } => 8,
            Self::StatusFlags => 2,
            Self::Flags | Self::Mxcsr | Self::Pkru => 4,
            Self::Vector { bytes, .. } | Self::Loaded { bytes, .. } => usize::from(*bytes),
            Self::X87 => X87_BYTES,
            Self::StoreBytes { bytes, .. } => usize::from(*bytes),
            Self::Gpr { .. }
            | Self::Store { .. }
            | Self::StoreVector { .. }
            | Self::StoreMasked { .. }
            | Self::FlagsConst { .. }
            | Self::FlagsOf { .. }
            | Self::ZeroVectors { .. }
            | Self::VectorOf(_)
            | Self::MaskOf { .. }
            | Self::StoreBulk => 0,
        }
    }
}
