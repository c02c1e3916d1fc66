//! The XSAVE area as ptrace hands it over (Intel SDM vol. 1, 13.4).

use rdb_schema::registers::Registers;
use std::arch::x86_64::__cpuid_count;

const HEADER: usize = 512;
const YMM: usize = 2;
const MASK: usize = 5;
const ZMM_HIGH: usize = 6;
const ZMM_16: usize = 7;
const PKRU: usize = 9;

/// Offsets of the components that `Registers` has; they differ between makers.
pub struct Layout {
    offset: [Option<usize>; 10],
}

impl Layout {
    pub fn of_cpu() -> Self {
        let offset = std::array::from_fn(|component| {
            let leaf = __cpuid_count(0xd, component as u32);
            let present = [YMM, MASK, ZMM_HIGH, ZMM_16, PKRU].contains(&component) && leaf.eax > 0;
            present.then_some(leaf.ebx as usize)
        });
        Self { offset }
    }

    /// All but general registers. The x87's last-instruction fields stay zero:
    /// AMD keeps them only while an exception is pending.
    pub fn read(&self, area: &[u8]) -> Registers {
        let mut r = Registers::default();
        r.x87.control = u16::from_le_bytes([area[0], area[1]]);
        r.x87.status = u16::from_le_bytes([area[2], area[3]]);
        r.x87.tag = area[4];
        r.mxcsr = u32::from_le_bytes(bytes(area, 24));
        for n in 0..8 {
            r.x87.st[n][..10].copy_from_slice(&area[32 + 16 * n..][..10]);
        }
        self.each_part(area.len(), |n, part, at| {
            r.vector[n][part.clone()].copy_from_slice(&area[at..][..part.len()]);
        });
        if let Some(at) = self.offset[MASK] {
            for n in 0..8 {
                r.mask[n] = u64::from_le_bytes(bytes(area, at + 8 * n));
            }
        }
        if let Some(at) = self.offset[PKRU].filter(|at| at + 4 <= area.len()) {
            r.pkru = u32::from_le_bytes(bytes(area, at));
        }
        r
    }

    pub fn write(&self, r: &Registers, area: &mut [u8]) {
        area[..HEADER - 48].fill(0);
        area[..2].copy_from_slice(&r.x87.control.to_le_bytes());
        area[2..4].copy_from_slice(&r.x87.status.to_le_bytes());
        area[4] = r.x87.tag;
        area[24..28].copy_from_slice(&r.mxcsr.to_le_bytes());
        for n in 0..8 {
            area[32 + 16 * n..][..10].copy_from_slice(&r.x87.st[n][..10]);
        }
        let length = area.len();
        self.each_part(length, |n, part, at| {
            area[at..][..part.len()].copy_from_slice(&r.vector[n][part]);
        });
        if let Some(at) = self.offset[MASK] {
            for n in 0..8 {
                area[at + 8 * n..][..8].copy_from_slice(&r.mask[n].to_le_bytes());
            }
        }
        let present = self.offset.iter().enumerate().filter(|(_, offset)| offset.is_some());
        // Rights stay as they are: a random PKRU would hide all memory.
        let bits: u64 = present.map(|(n, _)| 1 << n).filter(|bit| *bit != 1 << PKRU).sum();
        area[HEADER..HEADER + 8].copy_from_slice(&(bits | 3).to_le_bytes());
    }

    /// Where the parts of the vectors are: (number, bytes of it, offset).
    fn each_part(&self, end: usize, mut part: impl FnMut(usize, std::ops::Range<usize>, usize)) {
        for n in 0..16 {
            part(n, 0..16, 160 + 16 * n);
            let parts = [(YMM, n, 16..32), (ZMM_HIGH, n, 32..64), (ZMM_16, n + 16, 0..64)];
            for (component, register, range) in parts {
                if let Some(at) = self.offset[component].map(|at| at + range.len() * n)
                    && at + range.len() <= end
                {
                    part(register, range, at);
                }
            }
        }
    }
}

fn bytes<const N: usize>(area: &[u8], at: usize) -> [u8; N] {
    std::array::from_fn(|n| area[at + n])
}
