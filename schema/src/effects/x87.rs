//! x87 and MMX state.

use super::draft::Draft;
use super::effect::Effect;
use super::subject::Subject;
use iced_x86::{CpuidFeature, Mnemonic};

/// All x87, MMX and 3DNow! instructions log the whole state: each moves TOP,
/// tags, the status word or the last instruction's pointers.
pub(super) fn x87(subject: &Subject, draft: &mut Draft) {
    if by_feature(subject) || has_mmx_operand(subject) {
        draft.add(Effect::X87);
    }
}

fn by_feature(subject: &Subject) -> bool {
    let features = subject.instruction.cpuid_features();
    subject.mnemonic() == Mnemonic::Fisttp
        || features.iter().any(|feature| {
            matches!(
                feature,
                CpuidFeature::FPU
                    | CpuidFeature::FPU287
                    | CpuidFeature::FPU387
                    | CpuidFeature::MMX
                    | CpuidFeature::D3NOW
                    | CpuidFeature::D3NOWEXT
            )
        })
}

/// SSE has MMX forms too, and even reading one (cvtpi2ps, movq2dq) resets TOP
/// and the tags (Intel SDM vol. 1, 9.6.2).
fn has_mmx_operand(subject: &Subject) -> bool {
    (0..subject.instruction.op_count()).any(|operand| subject.register(operand).is_mm())
}
