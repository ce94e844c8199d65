/* Property: vm_assist: which assists exist, on and off, and what is refused. */
#include "pvk.h"

static long assist(unsigned int cmd, unsigned int type)
{
    return HC(__HYPERVISOR_vm_assist, cmd, type);
}

static void run(void)
{
    static const char *const names[] = {"4gb_segments",        "4gb_segments_notify",
                                        "writable_pagetables", "pae_extended_cr3",
                                        "architectural_iopl",  "runstate_update_flag"};

    for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
        if (i == 4)
            continue;
        say("%s: on %s, on again %s, off %s", names[i], rc_name(assist(VMASST_CMD_enable, i)),
            rc_name(assist(VMASST_CMD_enable, i)), rc_name(assist(VMASST_CMD_disable, i)));
    }
    assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables);
    say("type 6: %s", rc_name(assist(VMASST_CMD_enable, 6)));
    say("type 40: %s, -1: %s", rc_name(assist(VMASST_CMD_enable, 40)),
        rc_name(assist(VMASST_CMD_enable, ~0u)));
    say("command 2: %s", rc_name(assist(2, 0)));
    /* m2p_strict takes the table away from user tables; on and off must work. */
    note("m2p_strict: on %s, off %s", rc_name(assist(VMASST_CMD_enable, 32)),
         rc_name(assist(VMASST_CMD_disable, 32)));
    note("architectural_iopl: on %s, off %s", rc_name(assist(VMASST_CMD_enable, 4)),
         rc_name(assist(VMASST_CMD_disable, 4)));
}
PROPERTY(vm_assist, "vm-assist", run);
