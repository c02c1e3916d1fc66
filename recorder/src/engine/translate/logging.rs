//! What an instruction changed, moved into its block's record.

use super::block::{HEADER_BYTES, Writer};
use super::emitter::{Emitted, SCRATCH, Unencodable, at, log_place};
use super::layout::slot;
use iced_x86::{Code, EncodingKind, Instruction, Register};
use rdb_schema::block::Slot;
use rdb_schema::effects::{Address, Effect};

/// `seto al; lahf`.
const SETO_AL_LAHF: [u8; 4] = [0x0f, 0x90, 0xc0, 0x9f];

impl Writer {
    /// Logs what the instruction changed.
    pub(super) fn log(&mut self, instruction: &Instruction, slots: &[Slot]) -> Emitted {
        let legacy = instruction.code().encoding() == EncodingKind::Legacy;
        for slot in slots.iter().filter(|s| s.effect.slot_bytes() > 0) {
            let place = HEADER_BYTES + slot.offset as usize;
            match slot.effect {
                Effect::Gpr { register, .. } => {
                    self.emitter.log(place, self.substitutes.host(register))?;
                }
                Effect::Vector { register, bytes, .. } => {
                    self.vector(place, register, bytes, legacy)?;
                }
                // Logged before the instruction.
                Effect::Loaded { .. } => {}
                Effect::Mask { register } => self.mask(place, register)?,
                Effect::Mxcsr => {
                    self.emitter.put(&Instruction::with1(Code::Stmxcsr_m32, log_place(place))?)?;
                }
                Effect::X87 => self.x87(place, instruction)?,
                Effect::StatusFlags => self.status_flags(place)?,
                Effect::FsBase => self.segment_base(place, Code::Rdfsbase_r64)?,
                Effect::GsBase => self.segment_base(place, Code::Rdgsbase_r64)?,
                Effect::Store { address, size, .. } => {
                    self.stored(place, &address, size.into())?;
                }
                Effect::StoreBytes { address, bytes } => {
                    self.stored(place, &address, bytes.into())?;
                }
                _ => return Err(Unencodable),
            }
        }
        Ok(())
    }

    fn vector(&mut self, place: usize, number: u8, bytes: u8, legacy: bool) -> Emitted {
        let low = number < 16;
        let (code, first) = match (bytes, legacy && low, low) {
            (16, true, _) => (Code::Movups_xmmm128_xmm, Register::XMM0),
            (16, false, true) => (Code::VEX_Vmovups_xmmm128_xmm, Register::XMM0),
            (16, false, false) => (Code::EVEX_Vmovups_xmmm128_k1z_xmm, Register::XMM0),
            (32, _, true) => (Code::VEX_Vmovups_ymmm256_ymm, Register::YMM0),
            (32, _, false) => (Code::EVEX_Vmovups_ymmm256_k1z_ymm, Register::YMM0),
            _ => (Code::EVEX_Vmovups_zmmm512_k1z_zmm, Register::ZMM0),
        };
        let register = first + u32::from(number);
        self.emitter.put(&Instruction::with2(code, log_place(place), register)?)
    }

    fn mask(&mut self, place: usize, number: u8) -> Emitted {
        let register = Register::K0 + u32::from(number);
        if self.wide_masks {
            return self.emitter.put(&Instruction::with2(
                Code::VEX_Kmovq_m64_kr,
                log_place(place),
                register,
            )?);
        }
        let zero = Instruction::with2(Code::Mov_rm64_imm32, log_place(place), 0)?;
        self.emitter.put(&zero)?;
        self.emitter.put(&Instruction::with2(Code::VEX_Kmovw_m16_kr, log_place(place), register)?)
    }

    /// The row's form of the status flags: what `seto al; lahf` leaves in ax.
    fn status_flags(&mut self, place: usize) -> Emitted {
        self.emitter.copy(SCRATCH, Register::RAX)?;
        self.emitter.bytes(&SETO_AL_LAHF);
        self.emitter.log(place, Register::AX)?;
        self.emitter.copy(Register::RAX, SCRATCH)
    }

    fn segment_base(&mut self, place: usize, code: Code) -> Emitted {
        self.emitter.put(&Instruction::with1(code, SCRATCH)?)?;
        self.emitter.log(place, SCRATCH)
    }

    /// Copies what was stored into the row, in pieces of at most 8 bytes.
    fn stored(&mut self, place: usize, address: &Address, bytes: usize) -> Emitted {
        let mut done = 0;
        while done < bytes {
            let size = [8, 4, 2, 1].into_iter().find(|s| *s <= bytes - done).unwrap_or(1);
            let part = match size {
                8 => SCRATCH,
                4 => Register::R14D,
                2 => Register::R14W,
                _ => Register::R14L,
            };
            self.emitter.restore(SCRATCH, slot::ADDRESS)?;
            self.emitter.load(part, at(SCRATCH, done as i64, address.segment))?;
            self.emitter.store(log_place(place + done), part)?;
            done += size;
        }
        Ok(())
    }
}
