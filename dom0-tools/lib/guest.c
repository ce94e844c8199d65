/* A guest's life from outside: its end (see guest.h). */
#include "lib/guest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/dev.h"
#include "lib/record.h"

static void uuid_text(const uint8_t u[16], char out[37])
{
    char *p = out;
    for (int i = 0; i < 16; i++)
        p += sprintf(p, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", u[i]);
}

int guest_forget(struct hyp *h, struct store *s, uint32_t domid, const char *uuid, struct why *w)
{
    (void)h;
    int rc = dev_remove_all(s, domid, w);
    store_remove(s, "/local/domain/%u", domid);
    store_remove(s, "/local/domain/0/backend/console/%u", domid);
    store_remove(s, "/libxl/%u", domid);
    if (uuid[0])
        store_remove(s, "/vm/%s", uuid);
    struct why second;
    int rc2 = store_commit(s, false, &second);
    if (rc2 && !rc)
        *w = second;
    if (uuid[0])
        record_remove(domid, uuid);
    return rc ? rc : rc2;
}

/*
 * Others may hold a page of it yet (its console's, a ring): they let go as soon as they have seen
 * that it is gone. Who destroys it wants its memory back, but is not kept for ever.
 */
static void await_gone(struct hyp *h, uint32_t domid)
{
    hyp_dominfo d;
    for (int i = 0; i < 100 && hyp_info(h, domid, &d) != -ESRCH; i++) {
        const struct timespec pause = {.tv_nsec = 1000000L * (i < 20 ? i + 1 : 20)};
        nanosleep(&pause, NULL);
    }
}

int guest_destroy(struct hyp *h, struct store *s, uint32_t domid, struct why *w)
{
    hyp_dominfo d;
    char uuid[37] = "";
    struct why first;
    int rc = hyp_info(h, domid, &d);
    if (rc < 0)
        return why(w, rc, "there is no such domain");
    uuid_text(d.handle, uuid);
    /* Paused, it makes no more requests while its devices go. */
    hyp_pause(h, domid);
    int dev_rc = dev_remove_all(s, domid, &first);
    rc = hyp_destroy(h, domid);
    if (rc < 0 && rc != -ESRCH)
        return why(w, rc, "the hypervisor does not destroy it: %s", strerror(-rc));
    /* A guest that was renamed for a restart shares its uuid with the next one. */
    char *vm = store_read(s, "/local/domain/%u/vm", domid);
    bool ours = !vm || strstr(vm, uuid);
    free(vm);
    rc = guest_forget(h, s, domid, ours ? uuid : "", w);
    await_gone(h, domid);
    if (dev_rc) {
        *w = first;
        return dev_rc;
    }
    return rc;
}

int guest_await_end(struct hyp *h, struct store *s, uint32_t domid, int seconds, struct why *w)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t end = now.tv_sec + seconds;
    store_watch(s, "end", "@releaseDomain");
    int rc;
    for (;;) {
        hyp_dominfo d;
        rc = hyp_info(h, domid, &d);
        if (rc == -ESRCH || (rc == 0 && d.flags & XEN_DOMINF_dying)) {
            rc = 2;
            break;
        }
        if (rc < 0) {
            why(w, rc, "cannot learn its state: %s", strerror(-rc));
            break;
        }
        if (d.flags & XEN_DOMINF_shutdown) {
            rc = 1;
            break;
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec >= end) {
            rc = why(w, -ETIMEDOUT,
                     "still running %d s after it was asked to stop; does it "
                     "heed its control/shutdown node? `destroy` ends it",
                     seconds);
            break;
        }
        rc = store_wait(s, (int)(end - now.tv_sec) * 1000);
        if (rc < 0) {
            why(w, rc, "lost the xenstore while waiting for its end");
            break;
        }
    }
    store_unwatch(s, "end", "@releaseDomain");
    return rc;
}
