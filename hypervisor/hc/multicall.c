/* multicall: a list of hypercalls in one.
 *
 * Each entry is copied in whole, run, and only its result written back (checklist B11: the list
 * ends when an entry has left guest kernel mode). When an entry is to be continued, its rewritten
 * arguments go back into the guest's entry and the multicall starts again at that entry. */
#include "hc/hc.h"
#include "port/clock.h"

#define PREEMPT_EVERY 32 /* entries between two looks */

static long run_entry(struct vcpu *v, uint64_t at, bool *again)
{
    struct multicall_entry entry;
    long result;

    if (unlikely(guest_get(&entry, at)))
        return -XEN_EFAULT;
    if (unlikely(entry.op == __HYPERVISOR_multicall))
        result = -XEN_EINVAL;
    else
        result = hc_call(v, (uint64_t *)entry.args, entry.op);
    if (unlikely(result == HC_AGAIN)) {
        *again = true;
        return guest_write(at + offsetof(struct multicall_entry, args), entry.args,
                           sizeof(entry.args));
    }
    return guest_write64(at + offsetof(struct multicall_entry, result), (uint64_t)result);
}

long hc_multicall(struct vcpu *v, uint64_t *arg)
{
    bool again = false;

    arg[1] = (uint32_t)arg[1];
    for (uint32_t done = 0; arg[1]; done++) {
        if (unlikely((done & (PREEMPT_EVERY - 1)) == PREEMPT_EVERY - 1) && preempt_wanted())
            return HC_AGAIN;
        long error = run_entry(v, arg[0], &again);
        if (unlikely(error) || unlikely(!v->arch.in_kernel))
            return error;
        if (unlikely(again))
            return HC_AGAIN;
        arg[0] += sizeof(struct multicall_entry);
        arg[1]--;
    }
    return 0;
}
