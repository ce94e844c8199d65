/* Grant table of our own, version 1, first frame mapped. */
#include "pvk.h"

struct grant_entry_v1 *grant_table;
static uint8_t window[PAGE_SIZE] __attribute__((aligned(4096)));

long grants_init(void)
{
    xen_pfn_t frame = 0;
    struct gnttab_setup_table op = {.dom = DOMID_SELF, .nr_frames = 1};

    if (grant_table)
        return 0;
    set_xen_guest_handle(op.frame_list, &frame);
    long rc = HC(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, &op, 1);
    if (!rc)
        rc = op.status;
    if (!rc)
        rc = pte_try(window, frame << 12 | PTE_RW, UVMF_INVLPG);
    if (!rc)
        grant_table = (struct grant_entry_v1 *)window;
    return rc;
}
