//! What only instructions tell of the CPU: XCR0 and the XSAVE layout.

use std::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};

use rdb_schema::header::XsaveComponent;

/// CPUID.1:ECX.OSXSAVE: the system enabled XGETBV (Intel SDM vol. 1, 13.2).
const OSXSAVE: u32 = 1 << 27;

/// CPUID leaf of the processor extended state (Intel SDM vol. 2, CPUID).
const LEAF_XSAVE: u32 = 0xd;

/// The enabled state components; 0 where XSAVE is not enabled.
pub(super) fn xcr0() -> u64 {
    if __cpuid(1).ecx & OSXSAVE == 0 {
        return 0;
    }
    // SAFETY: OSXSAVE says that XGETBV exists and is enabled; XCR0 always exists then.
    unsafe { read_xcr0() }
}

/// # Safety
/// CPUID.1:ECX.OSXSAVE must be set.
#[target_feature(enable = "xsave")]
unsafe fn read_xcr0() -> u64 {
    // SAFETY: the caller checked OSXSAVE.
    unsafe { _xgetbv(0) }
}

/// Places of the enabled components beyond the legacy region (x87, SSE), whose
/// place is fixed.
pub(super) fn xsave_components(xcr0: u64) -> Vec<XsaveComponent> {
    if __cpuid(0).eax < LEAF_XSAVE {
        return Vec::new();
    }
    (2..63u8).filter(|number| xcr0 >> number & 1 == 1).map(component).collect()
}

fn component(number: u8) -> XsaveComponent {
    let leaf = __cpuid_count(LEAF_XSAVE, u32::from(number));
    XsaveComponent { number, offset: leaf.ebx, size: leaf.eax, flags: leaf.ecx }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn avx_state_stands_after_the_header() {
        let xcr0 = xcr0();
        let components = xsave_components(xcr0);
        if xcr0 & 4 != 0 {
            assert_eq!(
                (components[0].number, components[0].offset, components[0].size),
                (2, 576, 256)
            );
        }
        assert_eq!(components.len() as u32, (xcr0 & !3).count_ones());
    }
}
