//! The extensions whose instructions the other files describe. Not among them: what changes
//! state that `Registers` lacks (AMX, MPX, shadow stacks), transactions, virtualisation, key
//! locker, other vendors' oddities.

use iced_x86::CpuidFeature::{self, *};

// The tables are set by hand: rustfmt would make a line of each name.
const KNOWN: [&[CpuidFeature]; 5] = [VECTOR, MASK, INTEGER, X87, QUIET];

/// SSE and AVX.
#[rustfmt::skip]
const VECTOR: &[CpuidFeature] = &[
    SSE, SSE2, SSE3, SSSE3, SSE4_1, SSE4_2, SSE4A, AES, PCLMULQDQ, SHA, GFNI, VAES, VPCLMULQDQ,
    AVX, AVX2, F16C, FMA, FMA4, XOP, AVX_VNNI, AVX_IFMA, AVX_NE_CONVERT, AVX_VNNI_INT8,
    AVX_VNNI_INT16, SHA512, SM3, SM4,
];

/// AVX-512.
#[rustfmt::skip]
const MASK: &[CpuidFeature] = &[
    AVX512F, AVX512VL, AVX512BW, AVX512DQ, AVX512CD, AVX512ER, AVX512PF, AVX512_4FMAPS,
    AVX512_4VNNIW, AVX512_BF16, AVX512_BITALG, AVX512_IFMA, AVX512_VBMI, AVX512_VBMI2,
    AVX512_VNNI, AVX512_VP2INTERSECT, AVX512_VPOPCNTDQ, AVX512_FP16,
];

/// General registers and flags.
#[rustfmt::skip]
const INTEGER: &[CpuidFeature] = &[
    INTEL8086, INTEL186, INTEL286, INTEL386, INTEL486, X64, ADX, BMI1, BMI2, LZCNT, POPCNT, TBM,
    MOVBE, CMOV, CX8, CMPXCHG16B, CPUID, TSC, RDTSCP, RDPID, RDPMC, RDPRU, RDRAND, RDSEED,
    FSGSBASE, PKU, RAO_INT, CMPCCXADD, MOVDIRI, MOVDIR64B, MCOMMIT,
];

/// x87, MMX and 3DNow!.
#[rustfmt::skip]
const X87: &[CpuidFeature] = &[
    FPU, FPU287, FPU387, MMX, D3NOW, D3NOWEXT,
];

/// Hints, cache control, and what stores whole register files.
#[rustfmt::skip]
const QUIET: &[CpuidFeature] = &[
    CET_IBT, CLDEMOTE, CLFLUSHOPT, CLFSH, CLWB, CLZERO, MULTIBYTENOP, PAUSE, PREFETCHW,
    PREFETCHWT1, PREFETCHITI, PTWRITE, SERIALIZE, TSXLDTRK, WAITPKG, MONITORX, FXSR, XSAVE,
    XSAVEC, XSAVEOPT, XSAVES,
];

/// By number of the extension: whether it is one of those.
const IS_KNOWN: [bool; 256] = {
    let (mut is_known, mut group) = ([false; 256], 0);
    while group < KNOWN.len() {
        let mut index = 0;
        while index < KNOWN[group].len() {
            is_known[KNOWN[group][index] as usize] = true;
            index += 1;
        }
        group += 1;
    }
    is_known
};

/// Whether the instructions of an extension are described.
pub(super) fn is_known(feature: &CpuidFeature) -> bool {
    IS_KNOWN.get(*feature as usize).copied().unwrap_or_default()
}
