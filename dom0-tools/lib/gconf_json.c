/*
 * A guest's configuration as libxl's JSON, both ways (see gconf.h).
 *
 * Fields at their default are left out, as libxl does. What is read and means nothing to a PV
 * guest here is passed over, so that every file stock xl wrote for a PV guest is accepted.
 */
#include "lib/gconf.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"

/* libxl's enum names have '_' where xl.cfg has '-'. */
static void action_name(enum gconf_action a, char out[32])
{
    snprintf(out, 32, "%s", gconf_action_names[a]);
    for (char *p = out; *p; p++)
        if (*p == '-')
            *p = '_';
}

/* --- out ------------------------------------------------------------------------------------ */

static void put_affinity(struct json *j, const char *key, const struct cpus *c, uint32_t n,
                         uint32_t max_vcpus)
{
    if (!n)
        return;
    json_array(j, key);
    for (uint32_t v = 0; v < n && v < max_vcpus; v++) {
        json_array(j, NULL);
        for (unsigned i = 0; i < CPUS_MAX; i++)
            if (cpus_has(&c[v], i))
                json_number(j, NULL, i);
        json_array_end(j);
    }
    json_array_end(j);
}

static void put_default_number(struct json *j, const char *key, int64_t v)
{
    if (v >= 0)
        json_number(j, key, v);
}

static void put_opt(struct json *j, const char *key, const char *v)
{
    if (v)
        json_string(j, key, v);
}

static void put_build(const struct gconf *g, struct json *j)
{
    json_map(j, "b_info");
    json_number(j, "max_vcpus", g->max_vcpus);
    json_array(j, "avail_vcpus");
    for (uint32_t i = 0; i < g->vcpus; i++)
        json_number(j, NULL, i);
    json_array_end(j);
    put_affinity(j, "vcpu_hard_affinity", g->hard, g->nr_hard, g->max_vcpus);
    put_affinity(j, "vcpu_soft_affinity", g->soft, g->nr_soft, g->max_vcpus);
    if (g->tsc)
        json_string(j, "tsc_mode", gconf_tsc_names[g->tsc]);
    json_number(j, "max_memkb", (int64_t)g->max_kib);
    json_number(j, "target_memkb", (int64_t)g->target_kib);
    json_number(j, "video_memkb", 0);
    if (g->rtc_offset)
        json_number(j, "rtc_timeoffset", (uint32_t)g->rtc_offset); /* as libxl has it */
    if (g->localtime)
        json_string(j, "localtime", "True");
    if (g->nomigrate)
        json_string(j, "disable_migrate", "True");
    json_map(j, "sched_params");
    if (g->weight >= 0)
        json_string(j, "sched", "credit2");
    put_default_number(j, "weight", g->weight);
    put_default_number(j, "cap", g->cap);
    json_map_end(j);
    json_string(j, "claim_mode", "True");
    put_default_number(j, "event_channels", g->event_channels);
    put_opt(j, "kernel", g->kernel);
    put_opt(j, "cmdline", g->cmdline);
    put_opt(j, "ramdisk", g->ramdisk);
    put_default_number(j, "max_grant_frames", g->max_grant_frames);
    put_default_number(j, "max_maptrack_frames", g->max_maptrack_frames);
    put_default_number(j, "max_grant_version", g->max_grant_version);
    if (g->cpuid.nr)
        cpuid_to_json(&g->cpuid, j, "cpuid");
    json_map(j, "type.pv");
    json_map_end(j);
    json_map(j, "arch_arm");
    json_map_end(j);
    json_map(j, "arch_x86");
    json_map_end(j);
    json_map_end(j);
}

static void put_disk(const struct gconf_disk *d, struct json *j)
{
    json_map(j, NULL);
    put_opt(j, "backend_domname", d->backend_name);
    put_opt(j, "pdev_path", d->path);
    json_string(j, "vdev", d->vdev);
    if (d->backend == BACKEND_PHY)
        json_string(j, "backend", "phy");
    json_string(j, "format", d->path ? "raw" : "empty");
    put_opt(j, "script", d->script);
    if (d->removable)
        json_number(j, "removable", 1);
    if (d->readwrite)
        json_number(j, "readwrite", 1);
    if (d->cdrom)
        json_number(j, "is_cdrom", 1);
    if (d->direct_io_safe)
        json_bool(j, "direct_io_safe", true);
    if (d->discard_set)
        json_string(j, "discard_enable", d->discard ? "True" : "False");
    json_string(j, "colo_restore_enable", "False");
    if (d->untrusted)
        json_string(j, "trusted", "False");
    if (d->backend == BACKEND_ARGON)
        json_string(j, "argon_backend", "argon");
    json_map_end(j);
}

static void put_nic(const struct gconf_nic *n, struct json *j)
{
    char mac[18];
    snprintf(mac, sizeof mac, "%02x:%02x:%02x:%02x:%02x:%02x", n->mac[0], n->mac[1], n->mac[2],
             n->mac[3], n->mac[4], n->mac[5]);
    json_map(j, NULL);
    put_opt(j, "backend_domname", n->backend_name);
    if (n->devid >= 0)
        json_number(j, "devid", n->devid);
    if (n->mtu)
        json_number(j, "mtu", n->mtu);
    if (n->mac_set)
        json_string(j, "mac", mac);
    put_opt(j, "ip", n->ip);
    put_opt(j, "bridge", n->bridge);
    put_opt(j, "ifname", n->ifname);
    put_opt(j, "script", n->script);
    json_string(j, "nictype", "vif");
    if (n->rate_bytes) {
        json_number(j, "rate_bytes_per_interval", (int64_t)n->rate_bytes);
        json_number(j, "rate_interval_usecs", n->rate_usecs);
    }
    if (n->untrusted)
        json_string(j, "trusted", "False");
    if (n->backend != BACKEND_AUTO)
        json_string(j, "argon_backend", n->backend == BACKEND_ARGON ? "argon" : "phy");
    json_map_end(j);
}

static void put_action(struct json *j, const char *key, enum gconf_action a)
{
    char name[32];
    action_name(a, name);
    if (a != ACTION_DESTROY)
        json_string(j, key, name);
}

static void uuid_text(const uint8_t u[16], char out[37])
{
    char *p = out;
    for (int i = 0; i < 16; i++)
        p += sprintf(p, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", u[i]);
}

void gconf_to_json(const struct gconf *g, struct json *j, const char *key)
{
    char uuid[37];
    uuid_text(g->uuid, uuid);
    json_map(j, key);
    json_map(j, "c_info");
    json_string(j, "type", "pv");
    put_opt(j, "name", g->name);
    if (g->uuid_set)
        json_string(j, "uuid", uuid);
    put_opt(j, "pool_name", g->pool);
    json_string(j, "run_hotplug_scripts", "True");
    json_map_end(j);
    put_build(g, j);
    if (g->nr_disks) {
        json_array(j, "disks");
        for (uint32_t i = 0; i < g->nr_disks; i++)
            put_disk(&g->disk[i], j);
        json_array_end(j);
    }
    if (g->nr_nics) {
        json_array(j, "nics");
        for (uint32_t i = 0; i < g->nr_nics; i++)
            put_nic(&g->nic[i], j);
        json_array_end(j);
    }
    put_action(j, "on_poweroff", g->on_poweroff);
    put_action(j, "on_reboot", g->on_reboot);
    put_action(j, "on_watchdog", g->on_watchdog);
    put_action(j, "on_crash", g->on_crash);
    put_action(j, "on_soft_reset", g->on_soft_reset);
    json_map_end(j);
}

/* --- in ------------------------------------------------------------------------------------- */

static int bad(struct why *w, const char *key, const char *must)
{
    return why(w, -EINVAL, "%s: must be %s", key, must);
}

static int get_text(yajl_val m, const char *key, char **out, struct why *w)
{
    yajl_val v = json_get(m, key);
    if (!v || YAJL_IS_NULL(v))
        return 0;
    if (!YAJL_IS_STRING(v))
        return bad(w, key, "a text");
    free(*out);
    *out = json_strdup(v);
    return *out ? 0 : why(w, -ENOMEM, "out of memory");
}

static int get_number(yajl_val m, const char *key, int64_t lo, int64_t hi, int64_t *out,
                      struct why *w)
{
    yajl_val v = json_get(m, key);
    if (!v || YAJL_IS_NULL(v))
        return 0;
    if (!YAJL_IS_INTEGER(v))
        return bad(w, key, "a whole number");
    long long n = YAJL_GET_INTEGER(v);
    if (n < lo || n > hi)
        return why(w, -EINVAL, "%s: %lld is outside %lld to %lld", key, n, (long long)lo,
                   (long long)hi);
    *out = n;
    return 0;
}

static int get_u32(yajl_val m, const char *key, uint32_t hi, uint32_t *out, struct why *w)
{
    int64_t n = *out;
    int rc = get_number(m, key, 0, hi, &n, w);
    *out = (uint32_t)n;
    return rc;
}

/* libxl writes true as "True", true or 1. */
static int get_bool(yajl_val m, const char *key, bool *out, bool *given, struct why *w)
{
    yajl_val v = json_get(m, key);
    if (!v || YAJL_IS_NULL(v))
        return 0;
    if (YAJL_IS_TRUE(v) || YAJL_IS_FALSE(v))
        *out = YAJL_IS_TRUE(v);
    else if (YAJL_IS_INTEGER(v))
        *out = YAJL_GET_INTEGER(v) != 0;
    else if (YAJL_IS_STRING(v) && strcmp(json_str(v), "<default>") == 0)
        return 0;
    else if (YAJL_IS_STRING(v))
        *out = strcmp(json_str(v), "True") == 0;
    else
        return bad(w, key, "true or false");
    if (given)
        *given = true;
    return 0;
}

static int get_action(yajl_val m, const char *key, enum gconf_action *out, struct why *w)
{
    yajl_val v = json_get(m, key);
    *out = ACTION_DESTROY; /* what leaving it out stands for */
    if (!v)
        return 0;
    for (int i = 0; YAJL_IS_STRING(v) && i < ACTION_NR; i++) {
        char name[32];
        action_name((enum gconf_action)i, name);
        if (strcmp(json_str(v), name) == 0) {
            *out = (enum gconf_action)i;
            return 0;
        }
    }
    return bad(w, key, "an action such as destroy, restart or preserve");
}

static int get_affinity(yajl_val m, const char *key, struct cpus **out, uint32_t *nr, struct why *w)
{
    yajl_val v = json_get(m, key);
    if (!v)
        return 0;
    if (!YAJL_IS_ARRAY(v) || v->u.array.len > GCONF_VCPUS)
        return bad(w, key, "a list of lists of cpus");
    struct cpus *c = calloc(v->u.array.len + 1, sizeof *c);
    if (!c)
        return why(w, -ENOMEM, "out of memory");
    free(*out);
    *out = c;
    *nr = (uint32_t)v->u.array.len;
    for (uint32_t i = 0; i < *nr; i++) {
        yajl_val e = v->u.array.values[i];
        if (!YAJL_IS_ARRAY(e))
            return bad(w, key, "a list of lists of cpus");
        for (size_t k = 0; k < e->u.array.len; k++) {
            yajl_val n = e->u.array.values[k];
            if (!YAJL_IS_INTEGER(n) || YAJL_GET_INTEGER(n) < 0 || YAJL_GET_INTEGER(n) >= CPUS_MAX)
                return bad(w, key, "a list of lists of cpus");
            cpus_add(&c[i], (unsigned)YAJL_GET_INTEGER(n));
        }
    }
    return 0;
}

static int get_sched(yajl_val b, struct gconf *g, struct why *w)
{
    yajl_val s = json_get(b, "sched_params");
    int64_t weight = -1, cap = -1;
    int rc = get_number(s, "weight", -1, 65535, &weight, w);
    if (!rc)
        rc = get_number(s, "cap", -1, 65535, &cap, w);
    /* 0 is what libxl has where nothing was asked for. */
    g->weight = weight > 0 ? (int32_t)weight : -1;
    g->cap = (int32_t)cap;
    return rc;
}

static int get_build(yajl_val b, struct gconf *g, struct why *w)
{
    int64_t max_kib = 0, target = 0, version = -1, offset = 0;
    int rc;
    if ((rc = get_u32(b, "max_vcpus", GCONF_VCPUS, &g->max_vcpus, w)) ||
        (rc = get_affinity(b, "vcpu_hard_affinity", &g->hard, &g->nr_hard, w)) ||
        (rc = get_affinity(b, "vcpu_soft_affinity", &g->soft, &g->nr_soft, w)) ||
        (rc = get_number(b, "max_memkb", 0, 1ll << 36, &max_kib, w)) ||
        (rc = get_number(b, "target_memkb", 0, 1ll << 36, &target, w)) ||
        (rc = get_bool(b, "disable_migrate", &g->nomigrate, NULL, w)) ||
        (rc = get_bool(b, "localtime", &g->localtime, NULL, w)) ||
        (rc = get_number(b, "rtc_timeoffset", INT32_MIN, UINT32_MAX, &offset, w)) ||
        (rc = get_sched(b, g, w)) ||
        (rc = get_number(b, "event_channels", -1, 1 << 20, &g->event_channels, w)) ||
        (rc = get_text(b, "kernel", &g->kernel, w)) ||
        (rc = get_text(b, "cmdline", &g->cmdline, w)) ||
        (rc = get_text(b, "ramdisk", &g->ramdisk, w)) ||
        (rc = get_number(b, "max_grant_frames", -1, UINT32_MAX, &g->max_grant_frames, w)) ||
        (rc = get_number(b, "max_maptrack_frames", -1, UINT32_MAX, &g->max_maptrack_frames, w)) ||
        (rc = get_number(b, "max_grant_version", -1, 15, &version, w)) ||
        (rc = cpuid_from_json(&g->cpuid, json_get(b, "cpuid"), w)))
        return rc;
    /* libxl's "default" for the two is all ones. */
    if (g->max_grant_frames == UINT32_MAX)
        g->max_grant_frames = -1;
    if (g->max_maptrack_frames == UINT32_MAX)
        g->max_maptrack_frames = -1;
    if (!g->max_vcpus)
        g->max_vcpus = 1; /* libxl's default, left out */
    g->max_kib = (uint64_t)max_kib;
    g->target_kib = (uint64_t)target;
    g->max_grant_version = (int32_t)version;
    g->rtc_offset = (int32_t)offset;
    yajl_val avail = json_get(b, "avail_vcpus"), tsc = json_get(b, "tsc_mode");
    if (avail && YAJL_IS_ARRAY(avail) && avail->u.array.len && avail->u.array.len <= GCONF_VCPUS)
        g->vcpus = (uint32_t)avail->u.array.len;
    for (int i = 0; tsc && YAJL_IS_STRING(tsc) && i < TSC_NR; i++)
        if (strcmp(json_str(tsc), gconf_tsc_names[i]) == 0)
            g->tsc = (enum gconf_tsc)i;
    return 0;
}

static int get_argon(yajl_val m, enum gconf_backend *b)
{
    yajl_val v = json_get(m, "backend"), a = json_get(m, "argon_backend");
    if (v && YAJL_IS_STRING(v) && strcmp(json_str(v), "phy") == 0)
        *b = BACKEND_PHY;
    if (a && YAJL_IS_STRING(a))
        *b = strcmp(json_str(a), "phy") == 0 ? BACKEND_PHY : BACKEND_ARGON;
    return 0;
}

static int get_disk(yajl_val m, struct gconf_disk *d, struct why *w)
{
    bool trusted = true;
    int rc;
    if ((rc = get_text(m, "backend_domname", &d->backend_name, w)) ||
        (rc = get_text(m, "pdev_path", &d->path, w)) || (rc = get_text(m, "vdev", &d->vdev, w)) ||
        (rc = get_text(m, "script", &d->script, w)) || (rc = get_argon(m, &d->backend)) ||
        (rc = get_bool(m, "removable", &d->removable, NULL, w)) ||
        (rc = get_bool(m, "readwrite", &d->readwrite, NULL, w)) ||
        (rc = get_bool(m, "is_cdrom", &d->cdrom, NULL, w)) ||
        (rc = get_bool(m, "direct_io_safe", &d->direct_io_safe, NULL, w)) ||
        (rc = get_bool(m, "discard_enable", &d->discard, &d->discard_set, w)) ||
        (rc = get_bool(m, "trusted", &trusted, NULL, w)))
        return rc;
    d->untrusted = !trusted;
    if (!d->discard_set)
        d->discard = d->readwrite;
    if (!d->vdev || gconf_vdev_number(d->vdev) < 0)
        return bad(w, "vdev", "a device name such as xvda");
    yajl_val f = json_get(m, "format");
    if (f && (!YAJL_IS_STRING(f) ||
              (strcmp(json_str(f), "raw") != 0 && strcmp(json_str(f), "empty") != 0)))
        return bad(w, "format", "raw; convert other images, or serve them by NBD");
    return 0;
}

static int get_nic(yajl_val m, struct gconf_nic *n, struct why *w)
{
    char *mac = NULL;
    int64_t devid = -1, rate = 0;
    bool trusted = true;
    int rc = get_text(m, "mac", &mac, w);
    if (!rc && mac) {
        n->mac_set = gconf_mac_parse(mac, n->mac);
        if (!n->mac_set)
            rc = bad(w, "mac", "six pairs of hexadecimal digits");
    }
    free(mac);
    if (rc || (rc = get_text(m, "backend_domname", &n->backend_name, w)) ||
        (rc = get_number(m, "devid", -1, 65535, &devid, w)) ||
        (rc = get_u32(m, "mtu", 65535, &n->mtu, w)) || (rc = get_text(m, "ip", &n->ip, w)) ||
        (rc = get_text(m, "bridge", &n->bridge, w)) ||
        (rc = get_text(m, "ifname", &n->ifname, w)) ||
        (rc = get_text(m, "script", &n->script, w)) || (rc = get_argon(m, &n->backend)) ||
        (rc = get_number(m, "rate_bytes_per_interval", 0, INT64_MAX, &rate, w)) ||
        (rc = get_u32(m, "rate_interval_usecs", UINT32_MAX, &n->rate_usecs, w)) ||
        (rc = get_bool(m, "trusted", &trusted, NULL, w)))
        return rc;
    n->untrusted = !trusted;
    n->devid = (int)devid;
    n->rate_bytes = (uint64_t)rate;
    return 0;
}

static int get_devices(yajl_val c, struct gconf *g, struct why *w)
{
    yajl_val d = json_get(c, "disks"), n = json_get(c, "nics");
    if ((d && (!YAJL_IS_ARRAY(d) || d->u.array.len > GCONF_DISKS)) ||
        (n && (!YAJL_IS_ARRAY(n) || n->u.array.len > GCONF_NICS)))
        return why(w, -EINVAL, "disks, nics: must be lists of at most %d and %d", GCONF_DISKS,
                   GCONF_NICS);
    for (size_t i = 0; d && i < d->u.array.len; i++) {
        int rc = get_disk(d->u.array.values[i], &g->disk[g->nr_disks++], w);
        if (rc)
            return why_in(w, rc, "disks[%zu]", i);
    }
    for (size_t i = 0; n && i < n->u.array.len; i++) {
        int rc = get_nic(n->u.array.values[i], &g->nic[g->nr_nics++], w);
        if (rc)
            return why_in(w, rc, "nics[%zu]", i);
    }
    static const char *const others[] = {"pcidevs", "vfbs",       "vtpms",
                                         "p9s",     "pvcallsifs", "usbctrls"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        yajl_val o = json_get(c, others[i]);
        if (o && YAJL_IS_ARRAY(o) && o->u.array.len)
            return why(w, -EOPNOTSUPP, "%s: devices of this kind are not supported", others[i]);
    }
    return 0;
}

static int get_config(yajl_val c, struct gconf *g, struct why *w)
{
    yajl_val ci = json_get(c, "c_info"), b = json_get(c, "b_info"), t = json_get(ci, "type");
    char *uuid = NULL;
    int rc;
    if (!ci || !b)
        return why(w, -EINVAL, "this JSON is no guest configuration (no c_info and b_info)");
    if (t && (!YAJL_IS_STRING(t) || strcmp(json_str(t), "pv") != 0))
        return why(w, -EOPNOTSUPP, "type \"%s\": only PV guests are supported",
                   YAJL_IS_STRING(t) ? json_str(t) : "?");
    if ((rc = get_text(ci, "name", &g->name, w)) || (rc = get_text(ci, "pool_name", &g->pool, w)) ||
        (rc = get_text(ci, "uuid", &uuid, w)))
        return rc;
    if (uuid) {
        g->uuid_set = gconf_uuid_parse(uuid, g->uuid);
        free(uuid);
        if (!g->uuid_set)
            return bad(w, "uuid", "32 hexadecimal digits with dashes");
    }
    if ((rc = get_build(b, g, w)) || (rc = get_devices(c, g, w)) ||
        (rc = get_action(c, "on_poweroff", &g->on_poweroff, w)) ||
        (rc = get_action(c, "on_reboot", &g->on_reboot, w)) ||
        (rc = get_action(c, "on_watchdog", &g->on_watchdog, w)) ||
        (rc = get_action(c, "on_crash", &g->on_crash, w)))
        return rc;
    return get_action(c, "on_soft_reset", &g->on_soft_reset, w);
}

int gconf_from_json(struct gconf *g, const char *file, const char *text, struct why *w)
{
    yajl_val v = json_parse(text, w);
    if (!v)
        return why_in(w, -EINVAL, "%s", file);
    yajl_val c = v;
    int rc = 0;
    if (YAJL_IS_ARRAY(c)) {
        if (c->u.array.len != 1)
            rc = why(w, -EINVAL, "holds %zu configurations; one is needed", c->u.array.len);
        else
            c = c->u.array.values[0];
    }
    if (!rc && json_get(c, "config"))
        c = json_get(c, "config");
    if (!rc)
        rc = get_config(c, g, w);
    yajl_tree_free(v);
    return rc ? why_in(w, rc, "%s", file) : 0;
}
