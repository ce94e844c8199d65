/* The handshake of a front-end with its back-end: states, features, waiting for the other side. */
#include <gk/err.h>
#include <gk/time.h>
#include "xenbus/xb.h"

static void below(char *path, size_t size, const char *directory, const char *name)
{
    gk_snprintf(path, size, "%s/%s", directory, name);
}

/* `node` may be the device's own: it is read before anything is written. */
int gk_xb_open(struct gk_xb_dev *dev, const char *node_given)
{
    char path[GK_XB_PATH + 16], node[GK_XB_PATH];
    uint64_t id;

    if ((size_t)gk_snprintf(node, sizeof(node), "%s", node_given) >= sizeof(node))
        return -XEN_EINVAL;
    *dev = (struct gk_xb_dev){.state = GK_XB_UNKNOWN};
    gk_snprintf(dev->node, sizeof(dev->node), "%s", node);
    below(path, sizeof(path), node, "backend");
    int rc = gk_xs_read_into(GK_XS_NONE, path, dev->backend, sizeof(dev->backend));
    if (rc < 0)
        return rc;
    if (!rc || (size_t)rc >= sizeof(dev->backend))
        return -XEN_EINVAL;
    below(path, sizeof(path), node, "backend-id");
    rc = gk_xs_read_u64(GK_XS_NONE, path, &id);
    if (rc || id > UINT16_MAX)
        return rc ? rc : -XEN_EINVAL;
    dev->backend_id = (uint16_t)id;
    below(path, sizeof(path), node, "state");
    dev->state = (enum gk_xb_state)gk_xs_read_or(path, GK_XB_UNKNOWN);
    return 0;
}

enum gk_xb_state gk_xb_backend_state(const struct gk_xb_dev *dev)
{
    uint64_t state = gk_xb_feature(dev, "state", GK_XB_UNKNOWN);

    return state <= GK_XB_RECONFIGURED ? (enum gk_xb_state)state : GK_XB_UNKNOWN;
}

uint64_t gk_xb_feature(const struct gk_xb_dev *dev, const char *name, uint64_t otherwise)
{
    char path[GK_XB_PATH + 64];

    below(path, sizeof(path), dev->backend, name);
    return gk_xs_read_or(path, otherwise);
}

int gk_xb_put(const struct gk_xb_dev *dev, gk_xs_tx tx, const char *name, const char *format, ...)
{
    char path[GK_XB_PATH + 64], value[256];
    va_list args;

    below(path, sizeof(path), dev->node, name);
    va_start(args, format);
    int n = gk_vsnprintf(value, sizeof(value), format, args);
    va_end(args);
    return (size_t)n < sizeof(value) ? gk_xs_write(tx, path, value) : -XEN_E2BIG;
}

int gk_xb_set_state(struct gk_xb_dev *dev, enum gk_xb_state state)
{
    if (dev->state == state)
        return 0;
    int rc = gk_xb_put(dev, GK_XS_NONE, "state", "%d", (int)state);
    if (!rc)
        dev->state = state;
    return rc;
}

int gk_xb_watch_backend(const struct gk_xb_dev *dev, void (*call)(const char *path, void *argument),
                        void *argument, struct gk_xs_watch **watch)
{
    char path[GK_XB_PATH + 16];

    below(path, sizeof(path), dev->backend, "state");
    return gk_xs_watch(path, call, argument, watch);
}

/* The state is read by whoever waits: the watch only wakes it. */
struct waiting {
    bool changed;
    struct gk_waitq queue;
};

static void changed(const char *path, void *argument)
{
    struct waiting *w = argument;

    (void)path;
    w->changed = true;
    gk_waitq_wake_all(&w->queue);
}

/* In the xenstore thread itself no watch would be called: there the state is looked at now and
 * then. */
static bool wait_change(struct waiting *w, bool polled, uint64_t deadline)
{
    if (!polled)
        return GK_WAIT_FOR(&w->queue, w->changed, deadline);
    gk_sleep(10 * GK_MS);
    return gk_time_mono() < deadline;
}

int gk_xb_wait_backend(const struct gk_xb_dev *dev, unsigned int states, uint64_t deadline)
{
    struct waiting w = {.changed = false};
    struct gk_xs_watch *watch = NULL;
    bool polled = kit_in_xenstore_thread();
    int rc = polled ? 0 : gk_xb_watch_backend(dev, changed, &w, &watch);

    if (rc)
        return rc;
    do {
        w.changed = false;
        rc = (int)gk_xb_backend_state(dev);
    } while (!(states >> rc & 1) && wait_change(&w, polled, deadline));
    if (watch)
        gk_xs_unwatch(watch);
    return states >> rc & 1 ? rc : -XEN_EBUSY;
}
