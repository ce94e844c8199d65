/*
 * One disk and one network interface as a line of text: xl-disk-configuration(5) and
 * xl-network-configuration(5). Pure.
 */
#include "lib/gconf.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SPEC_BYTES = 4096 };

/* A blank-trimmed copy of [p, end). */
static char *slice(const char *p, const char *end)
{
    while (p < end && isspace((unsigned char)*p))
        p++;
    while (end > p && isspace((unsigned char)end[-1]))
        end--;
    return strndup(p, (size_t)(end - p));
}

static int take(char **field, const char *value, const char *what, struct why *w)
{
    if (*field)
        return why(w, -EINVAL, "%s is given twice", what);
    *field = strdup(value);
    return *field ? 0 : why(w, -ENOMEM, "out of memory");
}

/* --- disks ---------------------------------------------------------------------------------- */

/* State while one disk is read: positional parameters come in the order of this enum. */
enum position { AT_TARGET, AT_FORMAT, AT_VDEV, AT_ACCESS, AT_END };

struct disk_state {
    enum position at;
    bool format_set, access_set, empty, prefixed;
};

static int disk_format(struct disk_state *st, const char *v, struct why *w)
{
    if (st->format_set)
        return why(w, -EINVAL, "the format is given twice");
    st->format_set = true;
    st->empty = strcmp(v, "empty") == 0;
    if (st->empty || strcmp(v, "raw") == 0)
        return 0;
    static const char *const known[] = {"qcow", "qcow2", "vhd", "qed", "vpc"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(v, known[i]) == 0)
            return why(w, -EOPNOTSUPP,
                       "format %s: only raw images are served; convert it (qemu-img "
                       "convert -O raw)",
                       v);
    return why(w, -EINVAL, "format '%s' is not known (raw)", v);
}

static int disk_access(struct gconf_disk *d, struct disk_state *st, const char *v, struct why *w)
{
    if (st->access_set)
        return why(w, -EINVAL, "the access is given twice");
    st->access_set = true;
    if (strcmp(v, "w") == 0 || strcmp(v, "rw") == 0)
        d->readwrite = true;
    else if (strcmp(v, "r") != 0 && strcmp(v, "ro") != 0)
        return why(w, -EINVAL, "access '%s' is not one of ro, r, rw, w", v);
    return 0;
}

static int disk_vdev(struct gconf_disk *d, char *v, struct why *w)
{
    char *colon = strchr(v, ':');
    if (colon) {
        if (strcmp(colon, ":cdrom") == 0)
            d->cdrom = d->removable = true;
        else if (strcmp(colon, ":disk") != 0)
            return why(w, -EINVAL, "vdev '%s': behind ':' may stand cdrom or disk", v);
        *colon = 0;
    }
    if (gconf_vdev_number(v) < 0)
        return why(w, -EINVAL, "vdev '%s' is no name of a virtual disk (such as xvda, xvdb1)", v);
    return take(&d->vdev, v, "vdev", w);
}

static int disk_backendtype(struct gconf_disk *d, const char *v, struct why *w)
{
    if (strcmp(v, "phy") == 0)
        d->backend = BACKEND_PHY;
    else if (strcmp(v, "argon") == 0)
        d->backend = BACKEND_ARGON;
    else
        return why(w, -EOPNOTSUPP, "backendtype '%s' is not supported (phy, argon)", v);
    return 0;
}

static int disk_key(struct gconf_disk *d, struct disk_state *st, const char *key, char *v,
                    struct why *w)
{
    if (strcmp(key, "format") == 0)
        return disk_format(st, v, w);
    if (strcmp(key, "vdev") == 0)
        return disk_vdev(d, v, w);
    if (strcmp(key, "access") == 0)
        return disk_access(d, st, v, w);
    if (strcmp(key, "backendtype") == 0)
        return disk_backendtype(d, v, w);
    if (strcmp(key, "script") == 0)
        return take(&d->script, v, "script", w);
    if (strcmp(key, "backend") == 0)
        return strcmp(v, "0") == 0 || strcmp(v, "Domain-0") == 0
                   ? 0
                   : why(w, -EOPNOTSUPP, "backend=%s: only domain 0 serves disks", v);
    if (strcmp(key, "devtype") == 0) {
        if (strcmp(v, "cdrom") == 0)
            d->cdrom = d->removable = true;
        else if (strcmp(v, "disk") != 0)
            return why(w, -EINVAL, "devtype '%s' is not disk or cdrom", v);
        return 0;
    }
    if (strcmp(key, "trusted") == 0) {
        d->untrusted = strcmp(v, "0") == 0 || strcmp(v, "untrusted") == 0;
        return 0;
    }
    return why(w, -EINVAL, "'%s=' is not known for a disk", key);
}

/* Words that stand alone. 1: it was none. */
static int disk_flag(struct gconf_disk *d, struct disk_state *st, const char *v)
{
    (void)st;
    if (strcmp(v, "cdrom") == 0)
        d->cdrom = d->removable = true;
    else if (strcmp(v, "direct-io-safe") == 0)
        d->direct_io_safe = true;
    else if (strcmp(v, "discard") == 0 || strcmp(v, "no-discard") == 0) {
        d->discard = v[0] == 'd';
        d->discard_set = true;
    } else if (strcmp(v, "trusted") == 0 || strcmp(v, "untrusted") == 0)
        d->untrusted = v[0] == 'u';
    else
        return 1;
    return 0;
}

static int disk_target(struct gconf_disk *d, struct disk_state *st, const char *v, struct why *w)
{
    static const struct {
        const char *text;
        bool raw;
    } prefix[] = {{"phy:", true},  {"file:", true},  {"raw:", true},   {"aio:", true},
                  {"tap:", false}, {"tap2:", false}, {"qcow:", false}, {"qcow2:", false},
                  {"vhd:", false}, {"vpc:", false},  {"qed:", false}};
    for (size_t i = 0; i < sizeof prefix / sizeof prefix[0]; i++) {
        size_t n = strlen(prefix[i].text);
        if (strncmp(v, prefix[i].text, n) != 0)
            continue;
        if (!prefix[i].raw)
            return why(w, -EOPNOTSUPP, "'%s' is not supported; only raw images are served",
                       prefix[i].text);
        st->prefixed = true;
        if (i == 0)
            d->backend = BACKEND_PHY;
        v += n;
        /* "tap:aio:" and the like nest; so may "phy:/dev/". */
        i = (size_t)-1;
    }
    return v[0] ? take(&d->path, v, "the target", w) : 0;
}

static int disk_positional(struct gconf_disk *d, struct disk_state *st, char *v, struct why *w)
{
    switch (st->at++) {
    case AT_TARGET: {
        int rc = disk_target(d, st, v, w);
        /* With a prefix (phy:, file:) the format is not another parameter. */
        if (st->prefixed)
            st->at = AT_VDEV;
        return rc;
    }
    case AT_FORMAT:
        return v[0] ? disk_format(st, v, w) : 0;
    case AT_VDEV:
        return v[0] ? disk_vdev(d, v, w) : 0;
    case AT_ACCESS:
        return v[0] ? disk_access(d, st, v, w) : 0;
    default:
        return why(w, -EINVAL, "'%s' is one parameter too many (target, format, vdev, access)", v);
    }
}

static int disk_part(struct gconf_disk *d, struct disk_state *st, const char *p, const char *end,
                     struct why *w)
{
    char *part = slice(p, end);
    if (!part)
        return why(w, -ENOMEM, "out of memory");
    char *eq = strchr(part, '=');
    int rc;
    /* A key is a plain word; a path with '=' in it is a target. */
    size_t word = strspn(part, "abcdefghijklmnopqrstuvwxyz-");
    if (eq && word && part + word == eq) {
        *eq = 0;
        rc = disk_key(d, st, part, eq + 1, w);
    } else if (disk_flag(d, st, part) == 0)
        rc = 0;
    else
        rc = disk_positional(d, st, part, w);
    free(part);
    return rc;
}

int gconf_disk_parse(struct gconf_disk *d, const char *spec, struct why *w)
{
    struct disk_state st = {0};
    memset(d, 0, sizeof *d);
    if (strlen(spec) > SPEC_BYTES)
        return why(w, -E2BIG, "longer than %d bytes", SPEC_BYTES);
    int rc = 0;
    for (const char *p = spec; !rc; p++) {
        while (isspace((unsigned char)*p))
            p++;
        /* target= takes all that follows, commas too. */
        if (strncmp(p, "target=", 7) == 0) {
            rc = take(&d->path, p + 7, "the target", w);
            break;
        }
        const char *comma = strchrnul(p, ',');
        if (*comma || comma > p)
            rc = disk_part(d, &st, p, comma, w);
        p = comma;
        if (!*comma)
            break;
    }
    if (!rc && !d->vdev)
        rc = why(w, -EINVAL, "no vdev: how the guest is to call it (xvda)");
    if (!rc && !d->path && !st.empty && !d->cdrom)
        rc = why(w, -EINVAL, "no target: a file or block device in dom0");
    if (d->cdrom)
        d->readwrite = false;
    if (!d->discard_set)
        d->discard = d->readwrite;
    if (rc) {
        gconf_disk_free(d);
        return why_in(w, rc, "disk '%.200s'", spec);
    }
    return 0;
}

/* --- network interfaces --------------------------------------------------------------------- */

static bool decimal(const char **p, uint64_t most, uint64_t *out)
{
    uint64_t n = 0;
    if (!isdigit((unsigned char)**p))
        return false;
    for (; isdigit((unsigned char)**p); (*p)++) {
        n = n * 10 + (uint64_t)(**p - '0');
        if (n > most)
            return false;
    }
    *out = n;
    return true;
}

/* "10Mb/s", "250KB/s", "1MB/s@20ms": bytes per interval of 50 ms unless it says otherwise. */
static bool nic_rate(struct gconf_nic *n, const char *p)
{
    uint64_t rate, scale = 1, interval = 50000;
    if (!decimal(&p, UINT64_C(1) << 40, &rate))
        return false;
    if (*p == 'K' || *p == 'M' || *p == 'G')
        scale = *p == 'K' ? 1000 : *p == 'M' ? 1000000 : 1000000000, p++;
    if ((*p != 'b' && *p != 'B') || p[1] != '/' || p[2] != 's')
        return false;
    bool bits = *p == 'b';
    p += 3;
    if (*p == '@') {
        p++;
        if (!decimal(&p, 1000000000, &interval))
            return false;
        if (strcmp(p, "ms") == 0)
            interval *= 1000;
        else if (strcmp(p, "s") == 0)
            interval *= 1000000;
        else if (strcmp(p, "us") != 0)
            return false;
        p = "";
    }
    if (*p || !interval || interval > UINT32_MAX || rate > UINT64_MAX / scale)
        return false;
    uint64_t bytes = bits ? rate * scale / 8 : rate * scale;
    if (bytes > UINT64_MAX / interval)
        return false;
    n->rate_bytes = bytes * interval / 1000000;
    n->rate_usecs = (uint32_t)interval;
    return n->rate_bytes > 0 && n->rate_bytes <= UINT32_MAX;
}

static int nic_number(const char *v, uint64_t most, uint64_t *out, const char *key, struct why *w)
{
    const char *p = v;
    if (!decimal(&p, most, out) || *p)
        return why(w, -EINVAL, "%s '%s' is no number up to %llu", key, v, (unsigned long long)most);
    return 0;
}

static int nic_key(struct gconf_nic *n, const char *key, const char *v, struct why *w)
{
    uint64_t num = 0;
    int rc = 0;
    if (strcmp(key, "mac") == 0) {
        n->mac_set = gconf_mac_parse(v, n->mac);
        if (!n->mac_set)
            return why(w, -EINVAL, "mac '%s' is not six pairs of hexadecimal digits", v);
        if (n->mac[0] & 1)
            return why(w, -EINVAL, "mac '%s' is a multicast address", v);
    } else if (strcmp(key, "bridge") == 0)
        rc = take(&n->bridge, v, "bridge", w);
    else if (strcmp(key, "ip") == 0)
        rc = take(&n->ip, v, "ip", w);
    else if (strcmp(key, "script") == 0)
        rc = take(&n->script, v, "script", w);
    else if (strcmp(key, "vifname") == 0)
        rc = take(&n->ifname, v, "vifname", w);
    else if (strcmp(key, "rate") == 0)
        rc = nic_rate(n, v) ? 0
                            : why(w, -EINVAL,
                                  "rate '%s' is not like 10Mb/s, 250KB/s or "
                                  "1MB/s@20ms",
                                  v);
    else if (strcmp(key, "mtu") == 0) {
        rc = nic_number(v, 65535, &num, key, w);
        if (!rc && num < 68)
            rc = why(w, -EINVAL, "mtu %s is less than 68", v);
        n->mtu = (uint32_t)num;
    } else if (strcmp(key, "devid") == 0) {
        rc = nic_number(v, 65535, &num, key, w);
        n->devid = (int)num;
    } else if (strcmp(key, "backendtype") == 0)
        rc = strcmp(v, "argon") == 0 ? (n->backend = BACKEND_ARGON, 0)
             : strcmp(v, "vif") == 0 || strcmp(v, "phy") == 0
                 ? (n->backend = BACKEND_PHY, 0)
                 : why(w, -EOPNOTSUPP, "backendtype '%s' is not supported (phy, argon)", v);
    else if (strcmp(key, "type") == 0)
        rc = strcmp(v, "vif") == 0 || strcmp(v, "netfront") == 0
                 ? 0
                 : why(w, -EOPNOTSUPP, "type '%s': a PV guest has only vif", v);
    else if (strcmp(key, "backend") == 0)
        rc = strcmp(v, "0") == 0 || strcmp(v, "Domain-0") == 0
                 ? 0
                 : why(w, -EOPNOTSUPP, "backend=%s: only domain 0 serves networks", v);
    else if (strcmp(key, "trusted") == 0)
        n->untrusted = strcmp(v, "0") == 0 || strcmp(v, "untrusted") == 0;
    else if (strcmp(key, "model") == 0)
        rc = why(w, -EOPNOTSUPP, "model=%s is for emulated cards; a PV guest has none", v);
    else
        rc = why(w, -EINVAL, "'%s=' is not known or not supported for a vif", key);
    return rc;
}

int gconf_nic_parse(struct gconf_nic *n, const char *spec, struct why *w)
{
    memset(n, 0, sizeof *n);
    n->devid = -1;
    int rc = strlen(spec) > SPEC_BYTES ? why(w, -E2BIG, "longer than %d bytes", SPEC_BYTES) : 0;
    for (const char *p = spec; !rc;) {
        const char *comma = strchrnul(p, ',');
        char *part = slice(p, comma), *eq = part ? strchr(part, '=') : NULL;
        if (!part)
            rc = why(w, -ENOMEM, "out of memory");
        else if (eq) {
            *eq = 0;
            rc = eq[1] ? nic_key(n, part, eq + 1, w) : why(w, -EINVAL, "%s= has no value", part);
        } else if (part[0])
            rc = why(w, -EINVAL, "'%s' is not KEY=VALUE", part);
        free(part);
        if (!*comma)
            break;
        p = comma + 1;
    }
    if (rc) {
        gconf_nic_free(n);
        return why_in(w, rc, "vif '%.200s'", spec);
    }
    return 0;
}
