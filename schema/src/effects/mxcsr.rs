//! MXCSR: which instructions may set its exception bits.

use super::draft::Draft;
use super::effect::Effect;
use super::subject::Subject;
use iced_x86::{CpuidFeature, EncodingKind, Mnemonic};

/// Beginnings of names, without the V, of vector instructions that raise no
/// SIMD floating-point exception (Intel SDM vol. 2, each one's "SIMD
/// Floating-Point Exceptions"). What is not here may set MXCSR.
pub(super) const QUIET: &[&str] = &[
    "Aes",
    "Align",
    "And",
    "Blend",
    "Broadcast",
    "Compress",
    "Dbpsad",
    "Expand",
    "Extr",
    "Fisttp",
    "Fpclass",
    "Gather",
    "Gf2p8",
    "Insert",
    "K",
    "Lddqu",
    "Lfence",
    "Maskmov",
    "Mfence",
    "Mov",
    "Mpsadbw",
    "Or",
    "P",
    "Rcp14",
    "Rcpp",
    "Rcps",
    "Rsqrt14",
    "Rsqrtp",
    "Rsqrts",
    "Scatter",
    "Sfence",
    "Sha",
    "Shuf",
    "Sm3",
    "Sm4",
    "Stmxcsr",
    "Test",
    "Unpck",
    "Xor",
    "Zero",
];

/// Integer instructions that are VEX- or XOP-encoded all the same.
const INTEGER: [CpuidFeature; 4] =
    [CpuidFeature::BMI1, CpuidFeature::BMI2, CpuidFeature::TBM, CpuidFeature::CMPCCXADD];

/// MXCSR, if the instruction may change it. A superset.
pub(super) fn mxcsr(subject: &Subject, draft: &mut Draft) {
    if is_vector(subject) && !is_quiet(subject.mnemonic()) {
        draft.add(Effect::Mxcsr);
    }
}

fn is_vector(subject: &Subject) -> bool {
    use CpuidFeature as F;
    let features = subject.instruction.cpuid_features();
    let legacy = subject.instruction.encoding() == EncodingKind::Legacy;
    let sse = |f: &F| matches!(f, F::SSE | F::SSE2 | F::SSE3 | F::SSE4_1 | F::SSE4A);
    if legacy { features.iter().any(sse) } else { !features.iter().any(|f| INTEGER.contains(f)) }
}

fn is_quiet(mnemonic: Mnemonic) -> bool {
    let full = format!("{mnemonic:?}");
    let name = bare(&full);
    QUIET.iter().any(|start| starts_with(name, start))
}

/// A name without the V of its VEX and EVEX forms.
pub(super) fn bare(name: &str) -> &str {
    name.strip_prefix('V').unwrap_or(name)
}

/// `start` is capitalised, `name` only if it had no V.
pub(super) fn starts_with(name: &str, start: &str) -> bool {
    name.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}
