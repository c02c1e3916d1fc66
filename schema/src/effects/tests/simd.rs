//! SSE, AVX, AVX-512, masks, gathers and scatters.

use super::super::{Bulk, StoreMask, masked_runs, scatter_addresses};
use super::*;
use crate::registers::Registers;
use iced_x86::code_asm::*;

const BX: Gpr = Gpr::RBX;

#[test]
fn legacy_keeps_the_upper_part_and_vex_zeroes_it() {
    let cases = [
        (assemble(|a| a.paddb(xmm1, xmm2)), vector(1, 16, false)),
        (assemble(|a| a.movss(xmm1, xmm2)), vector(1, 16, false)),
        (assemble(|a| a.vpaddb(xmm1, xmm2, xmm3)), vector(1, 16, true)),
        (assemble(|a| a.vpaddb(ymm1, ymm2, ymm3)), vector(1, 32, true)),
        (assemble(|a| a.vpaddb(zmm17.k1(), zmm2, zmm3)), vector(17, 64, true)),
        (assemble(|a| a.vmovd(xmm1, eax)), vector(1, 16, true)),
        (assemble(|a| a.pcmpistrm(xmm1, xmm2, 0)), vector(0, 16, false)),
        (assemble(|a| a.vpcmpistrm(xmm1, xmm2, 0)), vector(0, 16, true)),
    ];
    for (effects, expected) in cases {
        let list = plain(effects);
        assert!(list.contains(&expected), "{list:?}");
        assert!(!list.contains(&Effect::Mxcsr));
    }
    assert_eq!(plain(assemble(|a| a.vzeroupper())), [Effect::ZeroVectors { keep: 16 }]);
    assert_eq!(plain(assemble(|a| a.vzeroall())), [Effect::ZeroVectors { keep: 0 }]);
}

#[test]
fn floating_point_may_set_exception_bits() {
    let cases = [
        assemble(|a| a.addps(xmm1, xmm2)),
        assemble(|a| a.vfmadd231pd(ymm1, ymm2, ymm3)),
        assemble(|a| a.comiss(xmm1, xmm2)),
        assemble(|a| a.cvttsd2si(eax, qword_ptr(rbx))),
        assemble(|a| a.cvtps2pi(mm1, qword_ptr(rbx))),
        assemble(|a| a.vcvtph2ps(ymm1, xmm2)),
        assemble(|a| a.vgetexpps(zmm1, zmm2)),
        assemble(|a| a.roundsd(xmm1, xmm2, 0)),
        assemble(|a| a.ldmxcsr(dword_ptr(rbx))),
    ];
    for effects in cases {
        assert!(plain(effects).contains(&Effect::Mxcsr));
    }
    for effects in [assemble(|a| a.pext(rax, rbx, rcx)), assemble(|a| a.andn(rax, rbx, rcx))] {
        assert!(!plain(effects).contains(&Effect::Mxcsr));
    }
}

#[test]
fn every_quiet_name_is_one() {
    use super::super::mxcsr::{QUIET, bare, starts_with};
    let names: Vec<String> = iced_x86::Mnemonic::values().map(|m| format!("{m:?}")).collect();
    for start in QUIET {
        assert!(names.iter().any(|name| starts_with(bare(name), start)), "{start}");
    }
}

#[test]
fn whole_vectors_are_stored_from_the_register() {
    let stored = |register, bytes| [Effect::StoreVector { address: at(BX, 0), register, bytes }];
    assert_eq!(plain(assemble(|a| a.movaps(xmmword_ptr(rbx), xmm3))), stored(3, 16));
    assert_eq!(plain(assemble(|a| a.vmovdqu(ymmword_ptr(rbx), ymm3))), stored(3, 32));
    assert_eq!(plain(assemble(|a| a.vmovdqu64(zmmword_ptr(rbx), zmm19))), stored(19, 64));
    assert_eq!(plain(assemble(|a| a.movsd_2(qword_ptr(rbx), xmm3))), stored(3, 8));
    assert_eq!(plain(assemble(|a| a.movd(dword_ptr(rbx), xmm3))), stored(3, 4));
    let high = store(at(BX, 0), 8, Source::Logged);
    assert_eq!(plain(assemble(|a| a.movhps(qword_ptr(rbx), xmm3))), [high]);
    let part = Effect::StoreBytes { address: at(BX, 0), bytes: 16 };
    assert_eq!(plain(assemble(|a| a.vextracti128(xmmword_ptr(rbx), ymm3, 1))), [part]);
}

#[test]
fn masked_stores_are_bulk() {
    let masked = |bytes, mask| Some(Bulk::Masked { address: at(BX, 0), bytes, mask });
    let signs = |register, element| StoreMask::Signs { register, element };
    let cases = [
        (assemble(|a| a.vmaskmovps(ymmword_ptr(rbx), ymm1, ymm2)), masked(32, signs(1, 4))),
        (assemble(|a| a.vpmaskmovq(xmmword_ptr(rbx), xmm1, xmm2)), masked(16, signs(1, 8))),
        (
            assemble(|a| a.vpcompressd(zmmword_ptr(rbx).k1(), zmm2)),
            masked(64, StoreMask::Count { mask: 1, element: 4, count: 16 }),
        ),
        (
            assemble(|a| a.vpmovqb(qword_ptr(rbx).k1(), zmm2)),
            masked(8, StoreMask::Bits { mask: 1, element: 1 }),
        ),
    ];
    for (effects, bulk) in cases {
        assert_eq!((effects.list.as_slice(), effects.bulk), (&[Effect::StoreBulk][..], bulk));
    }
    let halves = assemble(|a| a.vcvtps2ph(ymmword_ptr(rbx).k2(), zmm2, 0));
    assert_eq!(halves.bulk, masked(32, StoreMask::Bits { mask: 2, element: 2 }));
    let implied = |mask, bytes| Some(Bulk::Masked { address: at(Gpr::RDI, 0), bytes, mask });
    assert_eq!(assemble(|a| a.maskmovdqu(xmm1, xmm2)).bulk, implied(signs(2, 1), 16));
    let packed = StoreMask::MmxSigns { register: 2 };
    assert_eq!(assemble(|a| a.maskmovq(mm1, mm2)).bulk, implied(packed, 8));
    // A masked load writes its register only.
    let load = assemble(|a| a.vmaskmovps(ymm1, ymm2, ymmword_ptr(rbx)));
    assert_eq!(plain(load), [vector(1, 32, true)]);
}

#[test]
fn masked_stores_store_what_their_masks_say() {
    let mut registers = Registers::default();
    registers.gpr[3] = 0x1010;
    registers.mask[1] = 0xffff_0000_0000_010c;
    registers.vector[1][3] = 0x80;
    registers.vector[1][7] = 0x7f;
    registers.vector[1][15] = 0xff;
    // mm2 is st(3) where the top is register 7.
    registers.x87.status = 7 << 11;
    registers.x87.st[3][5] = 0x80;
    registers.x87.st[3][9] = 0x80;
    let runs = |mask: StoreMask, bytes| mask.runs(&at(BX, 0), bytes, &registers);
    let signs = |element| StoreMask::Signs { register: 1, element };
    assert_eq!(runs(signs(4), 16), [(0x1010, 4), (0x101c, 4)]);
    assert_eq!(runs(signs(8), 16), [(0x1018, 8)]);
    assert_eq!(runs(signs(1), 16), [(0x1013, 1), (0x101f, 1)]);
    assert_eq!(runs(StoreMask::MmxSigns { register: 2 }, 8), [(0x1015, 1)]);
    let bits = StoreMask::Bits { mask: 1, element: 2 };
    assert_eq!(runs(bits, 16), [(0x1014, 4)]);
    let count = |count| StoreMask::Count { mask: 1, element: 4, count };
    assert_eq!(runs(count(16), 64), [(0x1010, 12)]);
    assert_eq!(runs(count(8), 32), [(0x1010, 8)]);
    assert_eq!(runs(StoreMask::Line, 64), [(0x1000, 64)]);
}

#[test]
fn masked_moves_store_what_their_registers_say() {
    let masked = |element, bytes| {
        [Effect::StoreMasked { address: at(BX, 0), register: 2, mask: 1, element, bytes }]
    };
    assert_eq!(plain(assemble(|a| a.vmovups(zmmword_ptr(rbx).k1(), zmm2))), masked(4, 64));
    assert_eq!(plain(assemble(|a| a.vmovdqu8(ymmword_ptr(rbx).k1(), ymm2))), masked(1, 32));
    assert_eq!(plain(assemble(|a| a.vmovapd(zmmword_ptr(rbx).k1(), zmm2))), masked(8, 64));
    // vmovss [rbx]{k1}, xmm2
    assert_eq!(plain(of(&[0x62, 0xf1, 0x7e, 0x09, 0x11, 0x13])), masked(4, 4));
}

#[test]
fn runs_of_a_mask_are_maximal_and_within_the_store() {
    let runs = |mask, element, bytes| masked_runs(mask, element, bytes).collect::<Vec<_>>();
    assert_eq!(runs(0b1011_0110, 4, 32), [(4, 8), (16, 8), (28, 4)]);
    assert_eq!(runs(u64::MAX, 1, 64), [(0, 64)]);
    assert_eq!(runs(u64::MAX, 4, 16), [(0, 16)]);
    assert_eq!(runs(!0xf, 4, 16), []);
    assert_eq!(runs(1 << 63, 1, 64), [(63, 1)]);
}

#[test]
fn mask_registers_are_logged() {
    let mask = |register| Effect::Mask { register };
    assert_eq!(plain(assemble(|a| a.kmovw(k1, eax))), [mask(1)]);
    assert_eq!(plain(assemble(|a| a.vpcmpeqd(k2.k1(), zmm1, zmm2))), [mask(2)]);
    let pair = plain(of(&[0x62, 0xf2, 0x6f, 0x48, 0x68, 0xd3]));
    assert!(pair.contains(&mask(2)) && pair.contains(&mask(3)));
    assert_eq!(
        plain(assemble(|a| a.kmovq(qword_ptr(rbx), k1))),
        [store(at(BX, 0), 8, Source::Logged)]
    );
}

#[test]
fn gathers_clear_their_mask() {
    // vpgatherdd ymm1, [rbx + ymm2*4], ymm3
    let list = plain(of(&[0xc4, 0xe2, 0x65, 0x90, 0x0c, 0x93]));
    assert_eq!(list, [vector(1, 32, true), vector(3, 32, true)]);
    // vgatherdpd zmm1{k3}, [rbx + ymm2*8]
    let list = plain(of(&[0x62, 0xf2, 0xfd, 0x4b, 0x92, 0x0c, 0xd3]));
    assert_eq!(list, [Effect::Mask { register: 3 }, vector(1, 64, true)]);
}

#[test]
fn scatters_store_where_the_mask_says() {
    // vscatterdpd [rbx + ymm2*8 + 16]{k3}, zmm1
    let effects = of(&[0x62, 0xf2, 0xfd, 0x4b, 0xa2, 0x4c, 0xd3, 0x02]);
    assert_eq!(effects.list, [Effect::Mask { register: 3 }, Effect::StoreBulk]);
    let bulk = effects.bulk.unwrap();
    let expected = Bulk::Scatter {
        address: at(BX, 16),
        index: 2,
        index_bytes: 4,
        scale: 8,
        element: 8,
        count: 8,
        mask: 3,
    };
    assert_eq!(bulk, expected);
    let mut registers = Registers::default();
    registers.gpr[3] = 0x1000;
    registers.mask[3] = 0b101;
    registers.vector[2][..4].copy_from_slice(&(-1i32).to_le_bytes());
    registers.vector[2][8..12].copy_from_slice(&4i32.to_le_bytes());
    assert_eq!(scatter_addresses(&bulk, &registers), [0x1008, 0x1030]);
    // vpscatterqd [rbx + zmm2*4]{k1}, ymm1
    let narrow = of(&[0x62, 0xf2, 0x7d, 0x49, 0xa1, 0x0c, 0x93]);
    assert!(matches!(
        narrow.bulk,
        Some(Bulk::Scatter { index_bytes: 8, element: 4, count: 8, .. })
    ));
}
