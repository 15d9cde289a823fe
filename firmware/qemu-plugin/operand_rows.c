/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief Rows of encodings, in the order of the manuals (operands.h names them).
 */
#include "operand_rows.h"

#define READ(field) ((field) | OPERAND_READ)
#define ADDRESS(field) (READ(field) | OPERAND_ADDRESS)
#define LATE(field) (READ(field) | OPERAND_LATE)
#define SHIFTED(field) (READ(field) | OPERAND_SHIFTED)
#define WRITE(field) ((field) | OPERAND_WRITE)
#define MODIFY(field) (READ(field) | OPERAND_WRITE)
#define ACCUMULATE(field) (LATE(field) | OPERAND_WRITE)
#define BASE(field) (WRITE(field) | OPERAND_BASE)
/** The base of an access that always moves it on. */
#define MOVED(field) (ADDRESS(field) | BASE(field))
/** N, Z, C and V of 16-bit data processing. */
#define FLAGS_16 (WRITE(FLAGS) | OPERAND_OUTSIDE_IT)

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

const operand_row operand_rows_16[] = {
    {0xFFC0, 0x0000, {READ(RN3), WRITE(RD0), FLAGS_16}},               /* MOVS */
    {0xFC00, 0x1800, {READ(RN3), READ(RM6), WRITE(RD0), FLAGS_16}},    /* ADDS, SUBS */
    {0xFC00, 0x1C00, {READ(RN3), WRITE(RD0), FLAGS_16}},               /* ADDS, SUBS #imm3 */
    {0xE000, 0x0000, {SHIFTED(RN3), WRITE(RD0), FLAGS_16}},            /* LSLS, LSRS, ASRS #imm5 */
    {0xF800, 0x2000, {WRITE(RD8), FLAGS_16}},                          /* MOVS #imm8 */
    {0xF800, 0x2800, {READ(RD8), WRITE(FLAGS)}},                       /* CMP #imm8 */
    {0xF000, 0x3000, {MODIFY(RD8), FLAGS_16}},                         /* ADDS, SUBS #imm8 */
    {0xFF80, 0x4000, {MODIFY(RD0), READ(RN3), FLAGS_16}},              /* ANDS, EORS */
    {0xFFC0, 0x4140, {MODIFY(RD0), READ(RN3), READ(FLAGS), FLAGS_16}}, /* ADCS */
    {0xFFC0, 0x4180, {MODIFY(RD0), READ(RN3), READ(FLAGS), FLAGS_16}}, /* SBCS */
    {0xFFC0, 0x4200, {READ(RD0), READ(RN3), WRITE(FLAGS)}},            /* TST */
    {0xFFC0, 0x4240, {READ(RN3), WRITE(RD0), FLAGS_16}},               /* RSBS #0 */
    {0xFF80, 0x4280, {READ(RD0), READ(RN3), WRITE(FLAGS)}},            /* CMP, CMN */
    {0xFFC0, 0x43C0, {READ(RN3), WRITE(RD0), FLAGS_16}},               /* MVNS */
    {0xFF00, 0x4300, {MODIFY(RD0), READ(RN3), FLAGS_16}},              /* ORRS, MULS, BICS */
    {0xFE00, 0x4000, {SHIFTED(RD0), READ(RN3), WRITE(RD0), FLAGS_16}},
    {0xFF87, 0x4487, {READ(RM_HIGH), WRITE(PC)}},                    /* ADD to PC */
    {0xFF00, 0x4400, {MODIFY(RDN_HIGH), READ(RM_HIGH)}},             /* ADD */
    {0xFF00, 0x4500, {READ(RDN_HIGH), READ(RM_HIGH), WRITE(FLAGS)}}, /* CMP */
    {0xFF00, 0x4600, {READ(RM_HIGH), WRITE(RDN_HIGH)}},              /* MOV */
    {0xFF80, 0x4700, {READ(RM_HIGH), WRITE(PC)}},                    /* BX */
    {0xFF80, 0x4780, {READ(RM_HIGH), WRITE(LR), WRITE(PC)}},         /* BLX */
    {0xF800, 0x4800, {WRITE(RD8)}},                                  /* LDR literal */
    {0xFE00, 0x5600, {ADDRESS(RN3), ADDRESS(RM6), WRITE(RD0)}},      /* LDRSB */
    {0xF800, 0x5800, {ADDRESS(RN3), ADDRESS(RM6), WRITE(RD0)}},      /* LDR to LDRSH */
    {0xF000, 0x5000, {ADDRESS(RN3), ADDRESS(RM6), LATE(RD0)}},       /* STR, STRH, STRB */
    {0xE800, 0x6000, {ADDRESS(RN3), LATE(RD0)}},                     /* STR, STRB */
    {0xE800, 0x6800, {ADDRESS(RN3), WRITE(RD0)}},                    /* LDR, LDRB */
    {0xF800, 0x8000, {ADDRESS(RN3), LATE(RD0)}},                     /* STRH */
    {0xF800, 0x8800, {ADDRESS(RN3), WRITE(RD0)}},                    /* LDRH */
    {0xF800, 0x9000, {ADDRESS(SP), LATE(RD8)}},                      /* STR [sp] */
    {0xF800, 0x9800, {ADDRESS(SP), WRITE(RD8)}},                     /* LDR [sp] */
    {0xF800, 0xA000, {WRITE(RD8)}},                                  /* ADR */
    {0xF800, 0xA800, {READ(SP), WRITE(RD8)}},                        /* ADD rd, sp */
    {0xFF00, 0xB000, {MODIFY(SP)}},                                  /* ADD, SUB sp */
    {0xF500, 0xB100, {READ(RD0), WRITE(PC)}},                        /* CBZ, CBNZ */
    {0xFF00, 0xB200, {SHIFTED(RN3), WRITE(RD0)}},                    /* SXTH to UXTB */
    {0xFE00, 0xB400, {MOVED(SP), LATE(PUSH_LIST)}},                  /* PUSH */
    {0xFFE0, 0xB660, {NOTHING}},                                     /* CPS */
    {0xFF00, 0xBA00, {SHIFTED(RN3), WRITE(RD0)}},                    /* REV, REV16, REVSH */
    {0xFE00, 0xBC00, {MOVED(SP), WRITE(POP_LIST)}},                  /* POP */
    {0xFF00, 0xBE00, {NOTHING}},                                     /* BKPT */
    {0xFF00, 0xBF00, {NOTHING}},                                     /* IT, hints */
    {0xF800, 0xC000, {ADDRESS(RD8), LATE(LIST8), BASE(RD8)}},        /* STM */
    {0xF800, 0xC800, {ADDRESS(RD8), WRITE(LIST8), BASE(BASE8)}},     /* LDM */
    {0xFE00, 0xDE00, {NOTHING}},                                     /* UDF, SVC */
    {0xF000, 0xD000, {READ(FLAGS), WRITE(PC)}},                      /* B on condition */
    {0xF800, 0xE000, {WRITE(PC)}},                                   /* B */
};
const size_t operand_rows_16_count = COUNT(operand_rows_16);

const operand_row operand_rows_32[] = {
    /* Load and store multiple, dual, exclusive; table branch. */
    {0xFFFF0000, 0xE89F0000, {WRITE(CLEAR_LIST)}},                         /* CLRM */
    {0xFE500000, 0xE8100000, {ADDRESS(RN), WRITE(LIST16), BASE(RN_IF_W)}}, /* LDM */
    {0xFE500000, 0xE8000000, {ADDRESS(RN), LATE(LIST16), BASE(RN_IF_W)}},  /* STM */
    {0xFFFFFFFF, 0xE97FE97F, {NOTHING}},                                   /* SG */
    {0xFFF0F03F, 0xE840F000, {READ(RN), WRITE(RD)}},                       /* TT */
    {0xFFF00000, 0xE8400000, {ADDRESS(RN), LATE(RT), WRITE(RD)}},          /* STREX */
    {0xFFF00000, 0xE8500000, {ADDRESS(RN), WRITE(RT)}},                    /* LDREX */
    {0xFFF000E0, 0xE8C00040, {ADDRESS(RN), LATE(RT), WRITE(RM)}},          /* STREXB, STREXH */
    {0xFFF000E0, 0xE8D00040, {ADDRESS(RN), WRITE(RT)}},                    /* LDREXB, LDREXH */
    {0xFFF000C0, 0xE8C00080, {ADDRESS(RN), LATE(RT)}},                     /* STL */
    {0xFFF000C0, 0xE8D00080, {ADDRESS(RN), WRITE(RT)}},                    /* LDA */
    {0xFFF000C0, 0xE8C000C0, {ADDRESS(RN), LATE(RT), WRITE(RM)}},          /* STLEX */
    {0xFFF000C0, 0xE8D000C0, {ADDRESS(RN), WRITE(RT)}},                    /* LDAEX */
    {0xFFF000E0, 0xE8D00000, {ADDRESS(RN), ADDRESS(RM), WRITE(PC)}},       /* TBB, TBH */
    {0xFF500000, 0xE9500000, {ADDRESS(RN), WRITE(RT), WRITE(RD), BASE(RN_IF_W)}}, /* LDRD */
    {0xFF700000, 0xE8700000, {ADDRESS(RN), WRITE(RT), WRITE(RD), BASE(RN_IF_W)}},
    {0xFF500000, 0xE9400000, {ADDRESS(RN), LATE(RT), LATE(RD), BASE(RN_IF_W)}}, /* STRD */
    {0xFF700000, 0xE8600000, {ADDRESS(RN), LATE(RT), LATE(RD), BASE(RN_IF_W)}},
    /* Data processing on registers; CSEL and shifts of 64 bits have taken ORR's space. */
    {0xFFF08F0F, 0xEA500F0F, {MODIFY(RN), WRITE(SATURATION)}}, /* SQSHL, SRSHR, UQSHL, URSHR */
    {0xFFF00F0F, 0xEA500F0D, {MODIFY(RN), READ(RT), WRITE(SATURATION)}}, /* SQRSHR, UQRSHL */
    {0xFFF0810F, 0xEA50010F, {MODIFY(RN_EVEN), MODIFY(RD_ODD), WRITE(SATURATION)}}, /* LSLL #imm */
    {0xFFF0010F, 0xEA50010D, {MODIFY(RN_EVEN), MODIFY(RD_ODD), READ(RT), WRITE(SATURATION)}},
    {0xFFF0C000, 0xEA508000, {READ(RN), READ(RM), READ(FLAGS), WRITE(RD)}}, /* CSEL and kin */
    {0xFFF00000, 0xEAC00000, {READ(RN), SHIFTED(RM), WRITE(RD)}},           /* PKHBT, PKHTB */
    {0xFFC070F0, 0xEB400000, {READ(RN), READ(RM), READ(FLAGS), WRITE(RD), WRITE(FLAGS_IF_S)}},
    {0xFFC00000, 0xEB400000, {READ(RN), SHIFTED(RM), READ(FLAGS), WRITE(RD), WRITE(FLAGS_IF_S)}},
    {0xFE0070F0, 0xEA000000, {READ(RN), READ(RM), WRITE(RD), WRITE(FLAGS_IF_S)}},
    {0xFE0070F0, 0xEA000030, {READ(RN), SHIFTED(RM), READ(FLAGS), WRITE(RD), WRITE(FLAGS_IF_S)}},
    {0xFE000000, 0xEA000000, {READ(RN), SHIFTED(RM), WRITE(RD), WRITE(FLAGS_IF_S)}},
    /* Data processing with a constant. */
    {0xFBE08000, 0xF1400000, {READ(RN), READ(FLAGS), WRITE(RD), WRITE(FLAGS_IF_S)}}, /* ADC */
    {0xFBE08000, 0xF1600000, {READ(RN), READ(FLAGS), WRITE(RD), WRITE(FLAGS_IF_S)}}, /* SBC */
    {0xFA008000, 0xF0000000, {READ(RN), WRITE(RD), WRITE(FLAGS_IF_S)}},
    {0xFB508000, 0xF2000000, {READ(RN), WRITE(RD)}},                       /* ADDW, SUBW, ADR */
    {0xFBF08000, 0xF2400000, {WRITE(RD)}},                                 /* MOVW */
    {0xFBF08000, 0xF2C00000, {MODIFY(RD)}},                                /* MOVT */
    {0xFBF08000, 0xF3600000, {SHIFTED(RN), MODIFY(RD)}},                   /* BFI, BFC */
    {0xFB708000, 0xF3400000, {SHIFTED(RN), WRITE(RD)}},                    /* SBFX, UBFX */
    {0xFB508000, 0xF3000000, {SHIFTED(RN), WRITE(RD), WRITE(SATURATION)}}, /* SSAT, USAT */
    /* Branches, system, low-overhead loops. */
    {0xFFE0D000, 0xF3808000, {READ(RN), WRITE(FLAGS), WRITE(SATURATION), WRITE(GE)}}, /* MSR */
    {0xFFE0D000, 0xF3E08000, {READ(FLAGS), READ(SATURATION), READ(GE), WRITE(RD)}},   /* MRS */
    {0xFFE0D000, 0xF3A08000, {NOTHING}},                        /* hints, barriers */
    {0xFFF0F000, 0xF7F0A000, {NOTHING}},                        /* UDF */
    {0xF800D000, 0xF0008000, {READ(FLAGS), WRITE(PC)}},         /* B on condition */
    {0xF800D000, 0xF0009000, {WRITE(PC)}},                      /* B */
    {0xF800D000, 0xF000D000, {WRITE(LR), WRITE(PC)}},           /* BL */
    {0xFFFFFFFF, 0xF00FE001, {NOTHING}},                        /* LCTP */
    {0xFF80FFFF, 0xF000E001, {READ(RN), WRITE(LR)}},            /* DLS, DLSTP */
    {0xFFFFF001, 0xF02FC001, {WRITE(PC)}},                      /* LE without count */
    {0xFFEFF001, 0xF00FC001, {MODIFY(LR), WRITE(PC)}},          /* LE, LETP */
    {0xFF80F001, 0xF000C001, {READ(RN), WRITE(LR), WRITE(PC)}}, /* WLS, WLSTP */
    {0xFFC0FFFF, 0xF000E801, {READ(RN), WRITE(PREDICATE)}},     /* VCTP */
    /* Single loads and stores. */
    {0xFF1FF000, 0xF81FF000, {NOTHING}},     /* PLD literal */
    {0xFED0F000, 0xF890F000, {ADDRESS(RN)}}, /* PLD, PLI */
    {0xFED0FFC0, 0xF810F000, {ADDRESS(RN), ADDRESS(RM)}},
    {0xFED0FF00, 0xF810FC00, {ADDRESS(RN)}},
    {0xFE1F0000, 0xF81F0000, {WRITE(RT)}},                              /* LDR literal */
    {0xFE900000, 0xF8900000, {ADDRESS(RN), WRITE(RT)}},                 /* LDR #imm12 */
    {0xFE900800, 0xF8100800, {ADDRESS(RN), WRITE(RT), BASE(RN_IF_W8)}}, /* LDR #imm8 */
    {0xFE900FC0, 0xF8100000, {ADDRESS(RN), ADDRESS(RM), WRITE(RT)}},    /* LDR register */
    {0xFF900000, 0xF8800000, {ADDRESS(RN), LATE(RT)}},                  /* STR #imm12 */
    {0xFF900800, 0xF8000800, {ADDRESS(RN), LATE(RT), BASE(RN_IF_W8)}},  /* STR #imm8 */
    {0xFF900FC0, 0xF8000000, {ADDRESS(RN), ADDRESS(RM), LATE(RT)}},     /* STR register */
    /* Data processing on registers, second part. */
    {0xFF80F0F0,
     0xFA00F000,
     {SHIFTED(RN), READ(RM), WRITE(RD), WRITE(FLAGS_IF_S)}},              /* LSL to ROR */
    {0xFF80F080, 0xFA00F080, {READ(RN), SHIFTED(RM), WRITE(RD)}},         /* SXTAH to UXTB16 */
    {0xFF80F0B0, 0xFA80F000, {READ(RN), READ(RM), WRITE(RD), WRITE(GE)}}, /* SADD16, UADD8 ... */
    {0xFF80F080, 0xFA80F000, {READ(RN), READ(RM), WRITE(RD)}},            /* QADD8, SHADD16 ... */
    {0xFFF0F0C0, 0xFA80F080, {READ(RN), READ(RM), WRITE(RD), WRITE(SATURATION)}}, /* QADD ... */
    {0xFFF0F0C0, 0xFA90F080, {SHIFTED(RM), WRITE(RD)}},                  /* REV, RBIT ... */
    {0xFFF0F0F0, 0xFAA0F080, {READ(RN), READ(RM), READ(GE), WRITE(RD)}}, /* SEL */
    {0xFFF0F0F0, 0xFAB0F080, {READ(RM), WRITE(RD)}},                     /* CLZ */
    /* Multiplications and divisions. */
    {0xFFF000E0, 0xFB000000, {READ(RN), READ(RM), LATE(RT), WRITE(RD)}}, /* MLA, MLS */
    {0xFFC000C0, 0xFB000000, {READ(RN), READ(RM), LATE(RT), WRITE(RD), WRITE(SATURATION)}},
    {0xFFF000C0, 0xFB400000, {READ(RN), READ(RM), LATE(RT), WRITE(RD), WRITE(SATURATION)}},
    {0xFF8000C0, 0xFB000000, {READ(RN), READ(RM), LATE(RT), WRITE(RD)}},  /* SMMLA, SMMLS, USADA8 */
    {0xFFF000F0, 0xFB9000F0, {READ(RN), READ(RM), WRITE(RD)}},            /* SDIV */
    {0xFFF000F0, 0xFBB000F0, {READ(RN), READ(RM), WRITE(RD)}},            /* UDIV */
    {0xFFD000F0, 0xFB800000, {READ(RN), READ(RM), WRITE(RT), WRITE(RD)}}, /* SMULL, UMULL */
    {0xFFC00000, 0xFBC00000, {READ(RN), READ(RM), ACCUMULATE(RT), ACCUMULATE(RD)}}, /* SMLAL ... */
    /* Transfers between core, floating-point and vector registers. */
    {0xFFF00FD0, 0xEC400A10, {READ(RT), READ(RN), WRITE(SINGLE_PAIR)}}, /* VMOV of a pair */
    {0xFFF00FD0, 0xEC500A10, {READ(SINGLE_PAIR), WRITE(RT), WRITE(RN)}},
    {0xFFF00FD0, 0xEC400B10, {READ(RT), READ(RN), WRITE(DOUBLE_M)}},
    {0xFFF00FD0, 0xEC500B10, {READ(DOUBLE_M), WRITE(RT), WRITE(RN)}},
    {0xFFB01FE0, 0xEC000F00, {READ(LANES), WRITE(RM), WRITE(RN)}},
    {0xFFB01FE0, 0xEC100F00, {READ(RM), READ(RN), WRITE(LANES)}},
    {0xFFF00F7F, 0xEE000A10, {READ(RT), WRITE(SINGLE_N)}}, /* VMOV of one */
    {0xFFF00F7F, 0xEE100A10, {READ(SINGLE_N), WRITE(RT)}},
    {0xFFF00F7F, 0xEE000910, {READ(RT), WRITE(SINGLE_N)}}, /* VMOV.F16 */
    {0xFFF00F7F, 0xEE100910, {READ(SINGLE_N), WRITE(RT)}},
    {0xFFD00F7F, 0xEE000B10, {READ(RT), WRITE(LANE)}},  /* VMOV.32 to a lane */
    {0xFF900F1F, 0xEE000B10, {READ(RT), MODIFY(LANE)}}, /* VMOV.8, VMOV.16 to a lane */
    {0xFF100F1F, 0xEE100B10, {READ(LANE), WRITE(RT)}},
    {0xFFB10F5F, 0xEEA00B10, {READ(RT), WRITE(QN)}}, /* VDUP */
    {0xFFFFFFFF, 0xEEF1FA10, {READ(FP_STATUS), WRITE(FLAGS)}},
    {0xFFFE0FFF, 0xEEFC0A10, {READ(PREDICATE), WRITE(RT)}}, /* VMRS of VPR, P0 */
    {0xFFFE0FFF, 0xEEEC0A10, {READ(RT), WRITE(PREDICATE)}}, /* VMSR */
    {0xFFF00FFF, 0xEEF00A10, {READ(FP_STATUS), WRITE(RT)}},
    {0xFFF00FFF, 0xEEE00A10, {READ(RT), WRITE(FP_STATUS)}},
    /* Floating-point loads and stores. */
    {0xFF300C00, 0xED100800, {ADDRESS(RN), WRITE(FLOAT_D)}},                   /* VLDR */
    {0xFF300C00, 0xED000800, {ADDRESS(RN), LATE(FLOAT_D)}},                    /* VSTR */
    {0xFE100E00, 0xEC100A00, {ADDRESS(RN), WRITE(FLOAT_LIST), BASE(RN_IF_W)}}, /* VLDM, VPOP */
    {0xFE100E00, 0xEC000A00, {ADDRESS(RN), LATE(FLOAT_LIST), BASE(RN_IF_W)}},  /* VSTM, VPUSH */
    /* Floating-point data processing. */
    {0xFFB00C10, 0xEE200800, {READ(FLOAT_N), READ(FLOAT_M), WRITE(FLOAT_D)}},      /* VMUL */
    {0xFFB00C10, 0xEE300800, {READ(FLOAT_N), READ(FLOAT_M), WRITE(FLOAT_D)}},      /* VADD, VSUB */
    {0xFFB00C10, 0xEE800800, {READ(FLOAT_N), READ(FLOAT_M), WRITE(FLOAT_D)}},      /* VDIV */
    {0xFFA00C10, 0xEE000800, {READ(FLOAT_N), READ(FLOAT_M), ACCUMULATE(FLOAT_D)}}, /* VMLA ... */
    {0xFFB00C10, 0xEE900800, {READ(FLOAT_N), READ(FLOAT_M), ACCUMULATE(FLOAT_D)}}, /* VFNMA ... */
    {0xFFB00C10, 0xEEA00800, {READ(FLOAT_N), READ(FLOAT_M), ACCUMULATE(FLOAT_D)}}, /* VFMA ... */
    {0xFFB00C50, 0xEEB00800, {WRITE(FLOAT_D)}},                                    /* VMOV #imm */
    {0xFFBF0C50, 0xEEB40840, {READ(FLOAT_D), READ(FLOAT_M), WRITE(FP_STATUS)}},    /* VCMP */
    {0xFFBF0C50, 0xEEB50840, {READ(FLOAT_D), WRITE(FP_STATUS)}},                   /* VCMP #0 */
    {0xFFBF0CD0, 0xEEB708C0, {READ(FLOAT_M), WRITE(FLOAT_OTHER_D)}}, /* VCVT of precisions */
    {0xFFBF0C50, 0xEEB80840, {READ(SINGLE_M), WRITE(FLOAT_D)}},      /* VCVT from integer */
    {0xFFBE0C50, 0xEEBC0840, {READ(FLOAT_M), WRITE(SINGLE_D)}},      /* VCVT to integer */
    {0xFFBA0C50, 0xEEBA0840, {MODIFY(FLOAT_D)}},                     /* VCVT, fixed point */
    {0xFFBF0C50, 0xEEB20840, {READ(SINGLE_M), WRITE(FLOAT_D)}},      /* VCVTB from half precision */
    {0xFFBF0C50, 0xEEB30840, {READ(FLOAT_M), MODIFY(SINGLE_D)}},     /* VCVTB to half precision */
    {0xFFB00C50, 0xEEB00840, {READ(FLOAT_M), WRITE(FLOAT_D)}},       /* VMOV, VABS, VSQRT ... */
    {0xFF800C50, 0xFE000800, {READ(FLOAT_N), READ(FLOAT_M), READ(FLAGS), WRITE(FLOAT_D)}},
    {0xFFB00C10, 0xFE800800, {READ(FLOAT_N), READ(FLOAT_M), WRITE(FLOAT_D)}}, /* VMAXNM, VMINNM */
    {0xFFBC0C50, 0xFEBC0840, {READ(FLOAT_M), WRITE(SINGLE_D)}},               /* VCVTA to VCVTM */
    {0xFFB00C50, 0xFEB00840, {READ(FLOAT_M), WRITE(FLOAT_D)}},                /* VRINTA to VRINTM */
    /* Vector loads and stores. */
    {0xFE101F80, 0xEC100F80, {ADDRESS(RN), WRITE(PREDICATE), WRITE(FP_STATUS), BASE(RN_IF_W)}},
    {0xFE101F80, 0xEC000F80, {ADDRESS(RN), LATE(PREDICATE), LATE(FP_STATUS), BASE(RN_IF_W)}},
    {0xEFB01E00, 0xEC900E00, {ADDRESS(RN), ADDRESS(QM), WRITE(QD)}},               /* gathers */
    {0xFFB01E00, 0xEC800E00, {ADDRESS(RN), ADDRESS(QM), LATE(QD)}},                /* scatters */
    {0xEE101E00, 0xEC100E00, {ADDRESS(RN_THREE), WRITE(QD), BASE(RN_THREE_IF_W)}}, /* widening */
    {0xFE101E00, 0xEC000E00, {ADDRESS(RN_THREE), LATE(QD), BASE(RN_THREE_IF_W)}},  /* narrowing */
    {0xFE101E00, 0xEC101E00, {ADDRESS(RN), WRITE(QD), BASE(RN_IF_W)}},             /* VLDR */
    {0xFE101E00, 0xEC001E00, {ADDRESS(RN), LATE(QD), BASE(RN_IF_W)}},              /* VSTR */
    {0xFF101E00, 0xFD101E00, {ADDRESS(QN), WRITE(QD), BASE(QN_IF_W)}},             /* gathers */
    {0xFF101E00, 0xFD001E00, {ADDRESS(QN), LATE(QD), BASE(QN_IF_W)}},              /* scatters */
    {0xFF901E1F, 0xFC901E00, {ADDRESS(RN), ACCUMULATE(QD_TWO), BASE(RN_IF_W)}},  /* VLD2: a part */
    {0xFF901E1F, 0xFC901E01, {ADDRESS(RN), ACCUMULATE(QD_FOUR), BASE(RN_IF_W)}}, /* VLD4: a part */
    {0xFF901E1F, 0xFC801E00, {ADDRESS(RN), LATE(QD_TWO), BASE(RN_IF_W)}},        /* VST2 */
    {0xFF901E1F, 0xFC801E01, {ADDRESS(RN), LATE(QD_FOUR), BASE(RN_IF_W)}},       /* VST4 */
    /* Vectors: three registers. */
    {0xEF811F51, 0xEF000C50, {READ(QN), READ(QM), ACCUMULATE(QD)}}, /* VFMA, VFMS */
    {0xEF811041, 0xEF000040, {READ(QN), READ(QM), WRITE(QD)}},
    {0xFEA11F51, 0xFC800840, {READ(QN), READ(QM), WRITE(QD)}},      /* VCADD.F */
    {0xFE211F51, 0xFC200840, {READ(QN), READ(QM), ACCUMULATE(QD)}}, /* VCMLA */
    /* Vectors: a constant, shifts by one, one operand. */
    {0xEFB819D0, 0xEF800150, {MODIFY(QD)}}, /* VORR, VBIC */
    {0xEFB81DD0, 0xEF800950, {MODIFY(QD)}},
    {0xEFB810D0, 0xEF800050, {WRITE(QD)}},            /* VMOV, VMVN */
    {0xFF801ED1, 0xFF800450, {READ(QM), MODIFY(QD)}}, /* VSRI, VSLI */
    {0xEF8010D1, 0xEF800050, {READ(QM), WRITE(QD)}},  /* VSHL, VSHR, VCVT of fixed point ... */
    {0xFFB01051, 0xFFB00040, {READ(QM), WRITE(QD)}},  /* VREV, VABS, VNEG, VCVT ... */
    /* Vectors: widening, narrowing, saturating products. */
    {0xEFB30FD1, 0xEE310E01, {READ(QM), WRITE(QD)}},            /* VSHLL by the element's size */
    {0xFFBF0FD1, 0xFE3F0E01, {READ(QM), WRITE(QD)}},            /* VCVT.F32.F16 */
    {0xEFB10F51, 0xEE310E01, {READ(QM), MODIFY(QD)}},           /* VMOVN, VQMOVN, VMAXA ... */
    {0xEF810F50, 0xEE010E00, {READ(QN), READ(QM), WRITE(QD)}},  /* VMULL, VMULH, VRMULH */
    {0xEFB10F50, 0xEE300E00, {READ(QN), READ(QM), WRITE(QD)}},  /* VCMUL */
    {0xEF810F50, 0xEE000E00, {READ(QN), READ(QM), MODIFY(QD)}}, /* VQDMLADH ... */
    {0xEFB10F51, 0xEE300F01, {READ(QN), READ(QM), WRITE(QD)}},  /* VQDMULL */
    {0xEFB11F51, 0xEE300F00, {READ(QN), READ(QM), MODIFY(FP_STATUS), WRITE(QD)}}, /* VADC, VSBC */
    {0xEFB11F51, 0xEE301F00, {READ(QN), READ(QM), WRITE(FP_STATUS), WRITE(QD)}},  /* VADCI */
    {0xEF810F51, 0xEE000F00, {READ(QN), READ(QM), WRITE(QD)}}, /* VCADD, VHCADD */
    /* Vectors: comparisons and predicates. */
    {0xFFFFFFFF, 0xFE310F4D, {MODIFY(PREDICATE)}},                              /* VPNOT */
    {0xFFBF1FFF, 0xFE310F4D, {MODIFY(PREDICATE)}},                              /* VPST */
    {0xFFB11F51, 0xFE310F01, {READ(QN), READ(QM), READ(PREDICATE), WRITE(QD)}}, /* VPSEL */
    {0xEF810F50, 0xEE010F00, {READ(QN), READ(QM), WRITE(PREDICATE)}},           /* VCMP, VPT */
    {0xFF810F50, 0xFE010F40, {READ(QN), READ(RM), WRITE(PREDICATE)}}, /* with a core register */
    {0xFFB10F70, 0xEE310F40, {READ(QN), READ(RM), WRITE(PREDICATE)}},
    {0xFFB11F70, 0xEE311F60, {READ(QN), READ(RM), WRITE(PREDICATE)}},
    /* Vectors and a core register. */
    {0xFF810F7E, 0xEE010F6E, {MODIFY(RN_EVEN), WRITE(QD)}},               /* VIDUP, VDDUP */
    {0xFF810F70, 0xEE010F60, {MODIFY(RN_EVEN), READ(RM_ODD), WRITE(QD)}}, /* VIWDUP, VDWDUP */
    {0xFF810F70, 0xEE010F40, {READ(QN), READ(RM), WRITE(QD)}},            /* VADD, VSUB */
    {0xEF810F50, 0xEE000F40, {READ(QN), READ(RM), WRITE(QD)}},            /* VHADD, VQADD ... */
    {0xEFB11F70, 0xEE311E60, {READ(RM), MODIFY(QD)}},                     /* VSHL, VQRSHL ... */
    {0xEF810F70, 0xEE010E60, {READ(QN), READ(RM), WRITE(QD)}},            /* VMUL, VQDMULH, VBRSR */
    {0xEF811F70, 0xEE010E40, {READ(QN), READ(RM), ACCUMULATE(QD)}},       /* VMLA, VFMA */
    {0xEF811F70, 0xEE011E40, {READ(QN), LATE(RM), MODIFY(QD)}},           /* VMLAS, VFMAS */
    {0xEF811F50, 0xEE000E40, {READ(QN), READ(RM), ACCUMULATE(QD)}},       /* VQDMLAH, VQRDMLAH */
    {0xEF811F50, 0xEE001E40, {READ(QN), LATE(RM), MODIFY(QD)}},           /* VQDMLASH, VQRDMLASH */
    /* Vectors: reductions, with and without something to add to. */
    {0xEFF31FF1, 0xEEF10F20, {READ(QM), ACCUMULATE(RDA)}}, /* VADDVA */
    {0xEFF31FF1, 0xEEF10F00, {READ(QM), WRITE(RDA)}},
    {0xEF8F1FF1, 0xEE890F20, {READ(QM), ACCUMULATE(RDA), ACCUMULATE(RDA_HIGH)}}, /* VADDLVA */
    {0xEF8F1FF1, 0xEE890F00, {READ(QM), WRITE(RDA), WRITE(RDA_HIGH)}},
    {0xEFF10F51, 0xEEE00F00, {READ(QM), MODIFY(RT)}},                /* VMAXV, VMINV ... */
    {0xEFC10F51, 0xEE800F01, {READ(QN), READ(QM), ACCUMULATE(RT)}},  /* VABAV */
    {0xEFF00E70, 0xEEF00E20, {READ(QN), READ(QM), ACCUMULATE(RDA)}}, /* VMLADAVA ... */
    {0xEFF00E70, 0xEEF00E00, {READ(QN), READ(QM), WRITE(RDA)}},
    {0xEF800E70, 0xEE800E20, {READ(QN), READ(QM), ACCUMULATE(RDA), ACCUMULATE(RDA_HIGH)}},
    {0xEF800E70, 0xEE800E00, {READ(QN), READ(QM), WRITE(RDA), WRITE(RDA_HIGH)}}, /* VMLALDAV */
    /* Vectors: long shifts. */
    {0xFFA01FF0, 0xEEA00FC0, {MODIFY(QD), MODIFY(RM)}}, /* VSHLC */
    {0xEFA00FD1, 0xEEA00F40, {READ(QM), WRITE(QD)}},    /* VSHLL, VMOVL */
    {0xEF800F50, 0xEE800F40, {READ(QM), MODIFY(QD)}},   /* VSHRN, VQRSHRN ... */
};
const size_t operand_rows_32_count = COUNT(operand_rows_32);
