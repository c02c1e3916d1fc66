//! Encodings of the few instructions that make up most of a translation: the
//! general encoder takes ten times as long (Intel SDM vol. 2, 2.1 and 2.2.1).

use super::emitter::{CURSOR, Emitted, Emitter, SCRATCH, Unencodable};
use iced_x86::{Code, ConditionCode, Register};

/// `mov r/m, r` and `mov r, r/m`, not of bytes.
const MOV_STORE: u8 = 0x89;
const MOV_LOAD: u8 = 0x8b;

const REX: u8 = 0x40;
const REX_W: u8 = 8;
const REX_R: u8 = 4;
const REX_B: u8 = 1;

/// A ModRM byte, without the high bits of its registers.
fn modrm(mode: u8, register: u8, rm: u8) -> u8 {
    mode << 6 | (register & 7) << 3 | rm & 7
}

/// The number of a general register.
fn number(register: Register) -> u8 {
    register.number() as u8
}

/// `bit` if the register needs one of a REX prefix.
fn high(register: u8, bit: u8) -> u8 {
    if register > 7 { bit } else { 0 }
}

impl Emitter {
    /// `mov [r15+offset], register`, of the register's own width: 2, 4 or 8 bytes.
    pub fn log(&mut self, offset: usize, register: Register) -> Emitted {
        let wide = if register.size() == 8 { REX_W } else { 0 };
        if register.size() == 2 {
            self.bytes(&[0x66]);
        }
        let register = number(register);
        self.bytes(&[REX | wide | REX_B | high(register, REX_R), MOV_STORE]);
        self.cursor_operand(register, offset)
    }

    /// Stores an instruction's own 4 bytes at `[r15+offset]`.
    pub fn log_constant(&mut self, offset: usize, value: u32) -> Emitted {
        self.bytes(&[REX | REX_B, 0xc7]);
        self.cursor_operand(0, offset)?;
        self.bytes(&value.to_le_bytes());
        Ok(())
    }

    /// Ends a record of `length` bytes: `lea r15, [r15+length]`.
    pub fn advance(&mut self, length: usize) -> Emitted {
        self.bytes(&[REX | REX_W | REX_R | REX_B, 0x8d]);
        self.cursor_operand(number(CURSOR), length)
    }

    /// ModRM and displacement of `[r15+offset]`.
    fn cursor_operand(&mut self, register: u8, offset: usize) -> Emitted {
        let base = number(CURSOR);
        if let Ok(short) = i8::try_from(offset) {
            self.bytes(&[modrm(1, register, base), short.cast_unsigned()]);
        } else {
            let long = i32::try_from(offset).map_err(|_| Unencodable)?;
            self.bytes(&[modrm(2, register, base)]);
            self.bytes(&long.to_le_bytes());
        }
        Ok(())
    }

    /// Saves a 64-bit register in the context.
    pub fn save(&mut self, slot: usize, register: Register) -> Emitted {
        self.context_move(MOV_STORE, register, slot)
    }

    /// Loads a 64-bit register from the context.
    pub fn restore(&mut self, register: Register, slot: usize) -> Emitted {
        self.context_move(MOV_LOAD, register, slot)
    }

    /// The context lies in the lowest 2 GiB: an absolute 32-bit address.
    fn context_move(&mut self, opcode: u8, register: Register, slot: usize) -> Emitted {
        let place = i32::try_from(self.layout.context(slot)).map_err(|_| Unencodable)?;
        let register = number(register);
        self.bytes(&[REX | REX_W | high(register, REX_R), opcode, modrm(0, register, 4), 0x25]);
        self.bytes(&place.to_le_bytes());
        Ok(())
    }

    /// `mov to, from`, 64 bits.
    pub fn copy(&mut self, to: Register, from: Register) -> Emitted {
        let (to, from) = (number(to), number(from));
        let rex = REX | REX_W | high(to, REX_R) | high(from, REX_B);
        self.bytes(&[rex, MOV_LOAD, modrm(3, to, from)]);
        Ok(())
    }

    /// `mov to, value`, all 64 bits.
    pub fn constant(&mut self, to: Register, value: u64) -> Emitted {
        let to = number(to);
        let opcode = 0xb8 | to & 7;
        match u32::try_from(value) {
            Ok(value) => {
                self.bytes(&[REX | high(to, REX_B), opcode]);
                self.bytes(&value.to_le_bytes());
            }
            Err(_) => {
                self.bytes(&[REX | REX_W | high(to, REX_B), opcode]);
                self.bytes(&value.to_le_bytes());
            }
        }
        Ok(())
    }

    /// `jmp target`; where its 4-byte displacement stands.
    pub fn jump(&mut self, target: u64) -> Emitted<u64> {
        self.bytes(&[0xe9]);
        self.displacement(target)
    }

    /// A conditional branch; where its 4-byte displacement stands.
    pub fn branch(&mut self, code: Code, target: u64) -> Emitted<u64> {
        let condition = code.condition_code();
        if condition == ConditionCode::None {
            return Err(Unencodable);
        }
        // The enum has the hardware's order, behind `None`.
        self.bytes(&[0x0f, 0x80 | (condition as u8 - 1)]);
        self.displacement(target)
    }

    fn displacement(&mut self, target: u64) -> Emitted<u64> {
        let site = self.here();
        let distance = target.wrapping_sub(site + 4).cast_signed();
        let distance = i32::try_from(distance).map_err(|_| Unencodable)?;
        self.bytes(&distance.to_le_bytes());
        Ok(site)
    }

    /// `int3`.
    pub fn trap(&mut self) -> Emitted {
        self.bytes(&[0xcc]);
        Ok(())
    }

    /// `movzx ecx, r14w; jmp [rcx*8+table]`.
    pub(super) fn jump_by_table(&mut self) -> Emitted {
        let table = i32::try_from(self.layout.table()).map_err(|_| Unencodable)?;
        self.bytes(&[REX | REX_B, 0x0f, 0xb7, modrm(3, 1, number(SCRATCH))]);
        self.bytes(&[0xff, modrm(0, 4, 4), 0xcd]);
        self.bytes(&table.to_le_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::Layout;
    use super::*;
    use iced_x86::{Decoder, Formatter, IntelFormatter};

    /// What a disassembler makes of the code that `write` writes at the cache's start.
    fn written(write: impl FnOnce(&mut Emitter)) -> Vec<String> {
        let layout = Layout { base: 0x3800_0000 };
        let mut emitter = Emitter::new(layout).unwrap();
        emitter.begin(layout.cache().start, Vec::new());
        write(&mut emitter);
        let length = emitter.length();
        let code = emitter.finish();
        assert_eq!(code.len(), length);
        let mut formatter = IntelFormatter::new();
        let decoder = Decoder::with_ip(64, &code, layout.cache().start, 0);
        decoder
            .into_iter()
            .map(|instruction| {
                let mut text = String::new();
                formatter.format(&instruction, &mut text);
                text
            })
            .collect()
    }

    #[test]
    fn the_log_is_written_at_any_offset_from_any_register() {
        let code = written(|e| {
            e.log(4, Register::RAX).unwrap();
            e.log(127, Register::R13).unwrap();
            e.log(128, Register::R9D).unwrap();
            e.log(7000, Register::AX).unwrap();
            e.log(0, Register::R14W).unwrap();
            e.log_constant(200, 0x8000_0001).unwrap();
            e.log_constant(0, 5).unwrap();
            e.advance(12).unwrap();
            e.advance(4096).unwrap();
        });
        let expected = [
            "mov [r15+4],rax",
            "mov [r15+7Fh],r13",
            "mov [r15+80h],r9d",
            "mov [r15+1B58h],ax",
            "mov [r15],r14w",
            "mov dword ptr [r15+0C8h],80000001h",
            "mov dword ptr [r15],5",
            "lea r15,[r15+0Ch]",
            "lea r15,[r15+1000h]",
        ];
        assert_eq!(code, expected);
    }

    #[test]
    fn registers_move_between_themselves_and_the_context() {
        let code = written(|e| {
            e.save(8, Register::R11).unwrap();
            e.restore(Register::RSP, 24).unwrap();
            e.copy(Register::R14, Register::RAX).unwrap();
            e.copy(Register::RAX, Register::R14).unwrap();
            e.constant(Register::R14, 0x1234).unwrap();
            e.constant(Register::RCX, u64::MAX - 1).unwrap();
        });
        let expected = [
            "mov [38000008h],r11",
            "mov rsp,[38000018h]",
            "mov r14,rax",
            "mov rax,r14",
            "mov r14d,1234h",
            "mov rcx,0FFFFFFFFFFFFFFFEh",
        ];
        assert_eq!(code, expected);
    }

    #[test]
    fn branches_reach_their_targets_in_every_condition() {
        use iced_x86::Code as C;
        let conditions = [
            (C::Jo_rel32_64, "jo"),
            (C::Jno_rel32_64, "jno"),
            (C::Jb_rel32_64, "jb"),
            (C::Jae_rel32_64, "jae"),
            (C::Je_rel32_64, "je"),
            (C::Jne_rel32_64, "jne"),
            (C::Jbe_rel32_64, "jbe"),
            (C::Ja_rel32_64, "ja"),
            (C::Js_rel32_64, "js"),
            (C::Jns_rel32_64, "jns"),
            (C::Jp_rel32_64, "jp"),
            (C::Jnp_rel32_64, "jnp"),
            (C::Jl_rel32_64, "jl"),
            (C::Jge_rel32_64, "jge"),
            (C::Jle_rel32_64, "jle"),
            (C::Jg_rel32_64, "jg"),
        ];
        for (code, name) in conditions {
            let code = written(|e| {
                e.branch(code, 0x3820_1000).unwrap();
                e.jump(0x3820_0000).unwrap();
                e.trap().unwrap();
                e.jump_by_table().unwrap();
            });
            let jump = format!("{name} 0000000038201000h");
            let rest = [
                "jmp 0000000038200000h",
                "int3",
                "movzx ecx,r14w",
                "jmp qword ptr [rcx*8+38001000h]",
            ];
            assert_eq!(code[0], jump);
            assert_eq!(code[1..], rest);
        }
    }
}
