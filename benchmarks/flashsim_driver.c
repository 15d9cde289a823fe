/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs another simulator of flash, the file FLASHSIM, as a QEMU plugin: for the inferences of a
 * program that has no marks in it. QEMU 7.2. Argument: the address of invoke.
 */
#define qemu_plugin_install flashsim_install
#include FLASHSIM
#undef qemu_plugin_install

static uint64_t invoke, after_invoke, previous_end;

typedef struct {
    uint64_t start, end;
    Tb *instructions;
} Block;

static void on_block(unsigned cpu, void *data)
{
    const Block *block = data;

    if (block->start == invoke) {
        after_invoke = previous_end;
        on = true;
    } else if (block->start == after_invoke && on) {
        on = false;
        fin(0, NULL); /* what it counted since the start; caches stay as they are */
    }
    previous_end = block->end;
    tbex(cpu, block->instructions);
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    const size_t count = qemu_plugin_tb_n_insns(tb);
    Block *block = calloc(1, sizeof *block);

    (void)id;
    block->instructions = calloc(1, sizeof(Tb) + count * sizeof(uint32_t));
    block->instructions->n = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(tb, i);
        const uint64_t address = qemu_plugin_insn_vaddr(instruction);

        block->start = i == 0 ? address : block->start;
        block->end = address + qemu_plugin_insn_size(instruction);
        block->instructions->a[i] = (uint32_t)address;
        qemu_plugin_register_vcpu_mem_cb(instruction, mem, NOREGS, MRW, NULL);
    }
    qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, NOREGS, block);
}

__attribute__((visibility("default"))) int
qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
    (void)trans; /* ours stands in its place */
    if (argc != 1 || sscanf(argv[0], "invoke=%" SCNx64, &invoke) != 1 ||
        flashsim_install(id, info, argc, argv) != 0) {
        return 1;
    }
    /* Registering again replaces flashsim's. */
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    return 0;
}
