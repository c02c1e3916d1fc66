//! Writes the code of one translation, at its final address.
//!
//! Between a program's instructions only moves, `lea`, `lahf` and `seto` stand:
//! they leave its flags alone.

use super::layout::{Layout, slot};
use iced_x86::{Code, Encoder, IcedError, Instruction, MemoryOperand, Register};
use rdb_schema::effects::{Address, Form, Segment};
use rdb_schema::registers::Gpr;

/// Where the next record is written.
pub const CURSOR: Register = Register::R15;

/// Free for the translation's own use.
pub const SCRATCH: Register = Register::R14;

/// An instruction cannot be encoded here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unencodable;

impl From<IcedError> for Unencodable {
    fn from(_: IcedError) -> Self {
        Self
    }
}

/// What writing code gives.
pub type Emitted<T = ()> = Result<T, Unencodable>;

/// The writer.
pub struct Emitter {
    encoder: Encoder,
    start: u64,
    length: usize,
    /// Where the region is.
    pub layout: Layout,
}

impl Emitter {
    /// A writer without code yet.
    ///
    /// # Errors
    /// None in practice: 64 is a bitness.
    pub fn new(layout: Layout) -> Emitted<Self> {
        Ok(Self { encoder: Encoder::try_new(64)?, start: layout.cache().start, length: 0, layout })
    }

    /// Begins anew at `start`, reusing `buffer`.
    pub fn begin(&mut self, start: u64, mut buffer: Vec<u8>) {
        buffer.clear();
        self.encoder.set_buffer(buffer);
        (self.start, self.length) = (start, 0);
    }

    /// Address of the next byte.
    pub fn here(&self) -> u64 {
        self.start + self.length as u64
    }

    /// Bytes written since [`Self::begin`].
    pub fn length(&self) -> usize {
        self.length
    }

    /// The code.
    pub fn finish(&mut self) -> Vec<u8> {
        self.encoder.take_buffer()
    }

    /// Writes one instruction.
    ///
    /// # Errors
    /// [`Unencodable`]; nothing of it is written.
    pub fn put(&mut self, instruction: &Instruction) -> Emitted {
        let here = self.here();
        self.length += self.encoder.encode(instruction, here)?;
        Ok(())
    }

    /// `lea to, [place]`.
    pub fn lea(&mut self, to: Register, place: MemoryOperand) -> Emitted {
        self.put(&Instruction::with2(Code::Lea_r64_m, to, place)?)
    }

    /// Writes code that is the same at any address.
    pub fn bytes(&mut self, code: &[u8]) {
        code.iter().for_each(|byte| self.encoder.write_u8(*byte));
        self.length += code.len();
    }

    /// `mov to, [place]`, of `to`'s width.
    pub fn load(&mut self, to: Register, place: MemoryOperand) -> Emitted {
        let code = match to.size() {
            1 => Code::Mov_r8_rm8,
            2 => Code::Mov_r16_rm16,
            4 => Code::Mov_r32_rm32,
            _ => Code::Mov_r64_rm64,
        };
        self.put(&Instruction::with2(code, to, place)?)
    }

    /// `mov [place], from`, of `from`'s width.
    pub fn store(&mut self, place: MemoryOperand, from: Register) -> Emitted {
        let code = match from.size() {
            1 => Code::Mov_rm8_r8,
            2 => Code::Mov_rm16_r16,
            4 => Code::Mov_rm32_r32,
            _ => Code::Mov_rm64_r64,
        };
        self.put(&Instruction::with2(code, place, from)?)
    }

    /// The address of a store, without its segment base, into the scratch
    /// register. `name` says which host register holds a program's.
    pub fn address(&mut self, address: &Address, name: impl Fn(Gpr) -> Register) -> Emitted {
        let Form { base, index, scale, disp, width, .. } = address.form;
        let narrow = width == 4;
        if base.is_none() && index.is_none() {
            let value = if narrow { disp as u64 & 0xffff_ffff } else { disp as u64 };
            return self.constant(SCRATCH, value);
        }
        let register = |r: Option<Gpr>| r.map_or(Register::None, &name);
        i32::try_from(disp).map_err(|_| Unencodable)?;
        let place = MemoryOperand::with_base_index_scale_displ_size(
            register(base),
            register(index),
            scale.into(),
            disp,
            1,
        );
        if narrow {
            let to = SCRATCH.full_register32();
            return self.put(&Instruction::with2(Code::Lea_r32_m, to, place)?);
        }
        self.lea(SCRATCH, place)
    }

    /// A short branch over the next `bytes` bytes (jrcxz has no long form).
    pub fn skip(&mut self, code: Code, bytes: u64) -> Emitted {
        let target = self.here() + 2 + bytes;
        self.put(&Instruction::with_branch(code, target)?)
    }

    /// The context's slot as an operand.
    pub fn context(&self, slot: usize) -> MemoryOperand {
        absolute(self.layout.context(slot))
    }

    /// A short branch forward; [`Self::land`] says where to.
    pub fn branch_ahead(&mut self, code: Code) -> Emitted<usize> {
        self.skip(code, 0)?;
        Ok(self.length)
    }

    /// The short branch that ends at `from` goes to here.
    pub fn land(&mut self, from: usize) -> Emitted {
        let distance = i8::try_from(self.length - from).map_err(|_| Unencodable)?;
        let mut code = self.encoder.take_buffer();
        let place = from.checked_sub(1).and_then(|at| code.get_mut(at));
        *place.ok_or(Unencodable)? = distance as u8;
        self.encoder.set_buffer(code);
        Ok(())
    }

    /// The long jump whose displacement stands at `site` goes to here.
    pub fn arrive(&mut self, site: u64) -> Emitted {
        let distance =
            i32::try_from(self.here().wrapping_sub(site + 4)).map_err(|_| Unencodable)?;
        let mut code = self.encoder.take_buffer();
        let from = site.wrapping_sub(self.start) as usize;
        let place = code.get_mut(from..).and_then(<[u8]>::first_chunk_mut);
        *place.ok_or(Unencodable)? = distance.to_le_bytes();
        self.encoder.set_buffer(code);
        Ok(())
    }

    /// To the translation of the program address in the scratch register, by
    /// way of the table. rcx is borrowed; the other end gives it back.
    pub fn look_up(&mut self) -> Emitted {
        self.save(slot::RCX, Register::RCX)?;
        self.jump_by_table()
    }
}

/// `[r15+offset]`.
pub fn log_place(offset: usize) -> MemoryOperand {
    MemoryOperand::with_base_displ_size(CURSOR, offset as i64, 1)
}

/// `[register]`, in the address's segment.
pub fn at(register: Register, displacement: i64, segment: Option<Segment>) -> MemoryOperand {
    let segment = match segment {
        None => Register::None,
        Some(Segment::Fs) => Register::FS,
        Some(Segment::Gs) => Register::GS,
    };
    MemoryOperand::new(register, Register::None, 1, displacement, 1, false, segment)
}

/// An absolute 32-bit address.
pub fn absolute(address: u64) -> MemoryOperand {
    MemoryOperand::with_displ(address, 8)
}

/// The 64-bit host register of a program's general register's number.
pub fn host(register: Gpr) -> Register {
    Register::RAX + u32::from(register.number())
}
