//! What the engine left to single-stepping, and why.

use crate::engine::code::Prepared;
use iced_x86::{Decoder, Instruction};
use std::collections::HashMap;

/// Counts of stepped tracepoints.
#[derive(Default)]
pub struct Fallbacks {
    /// Instructions the cache cannot run: by block id, with the block's code.
    instructions: HashMap<u32, (u64, Vec<u8>)>,
    others: HashMap<&'static str, u64>,
}

impl Fallbacks {
    /// One more for the sake of its first instruction.
    pub fn instruction(&mut self, prepared: &Prepared) {
        let entry = self.instructions.entry(prepared.id);
        entry.or_insert_with(|| (0, prepared.block.bytes(0).to_vec())).0 += 1;
    }

    /// One more for another reason.
    pub fn other(&mut self, reason: &'static str) {
        *self.others.entry(reason).or_default() += 1;
    }

    /// All reasons with their counts, the most frequent first. Instructions are
    /// named by mnemonic.
    pub fn list(&self) -> Vec<(String, u64)> {
        let mut counts: HashMap<String, u64> = HashMap::new();
        for (count, code) in self.instructions.values() {
            *counts.entry(mnemonic(code)).or_default() += count;
        }
        for (reason, count) in &self.others {
            *counts.entry((*reason).to_owned()).or_default() += count;
        }
        let mut list: Vec<_> = counts.into_iter().collect();
        list.sort_by(|(a, n), (b, m)| m.cmp(n).then_with(|| a.cmp(b)));
        list
    }
}

fn mnemonic(code: &[u8]) -> String {
    let mut instruction = Instruction::default();
    Decoder::new(64, code, 0).decode_out(&mut instruction);
    if instruction.is_invalid() {
        return "code that cannot be decoded".to_owned();
    }
    format!("{:?}", instruction.mnemonic()).to_lowercase()
}
