/* The record of a running guest's configuration (see record.h). */
#include "lib/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIR_PATH "/var/lib/xen"

static void uuid_text(const uint8_t u[16], char out[37])
{
    char *p = out;
    for (int i = 0; i < 16; i++)
        p += sprintf(p, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", u[i]);
}

static void file_name(char out[128], uint32_t domid, const char *uuid)
{
    snprintf(out, 128, DIR_PATH "/userdata-d.%u.%s.libxl-json", domid, uuid);
}

/* Written aside and renamed, so that a reader never sees half a record. */
static int write_whole(const char *path, const char *text, size_t len, struct why *w)
{
    char aside[160];
    snprintf(aside, sizeof aside, "%s.new", path);
    int fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 && errno == ENOENT && mkdir(DIR_PATH, 0755) == 0)
        fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return why(w, -errno, "cannot write %s: %s", aside, strerror(errno));
    ssize_t n = write(fd, text, len);
    int err = n < 0 ? errno : n != (ssize_t)len ? ENOSPC : 0;
    if (close(fd) < 0 && !err)
        err = errno;
    if (!err && rename(aside, path) < 0)
        err = errno;
    if (!err)
        return 0;
    unlink(aside);
    return why(w, -err, "cannot write %s: %s", path, strerror(err));
}

int record_write(uint32_t domid, const struct gconf *g, struct why *w)
{
    char path[128], uuid[37];
    size_t len = 0;
    uuid_text(g->uuid, uuid);
    file_name(path, domid, uuid);
    struct json *j = json_new();
    if (!j)
        return why(w, -ENOMEM, "out of memory");
    gconf_to_json(g, j, NULL);
    const char *text = json_text(j, &len);
    /* libxl counts the terminating NUL into the record. */
    int rc = text ? write_whole(path, text, len + 1, w) : why(w, -ENOMEM, "out of memory");
    json_free(j);
    return rc;
}

static char *read_whole(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    char *text = NULL;
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size < 1 << 20) {
        text = calloc(1, (size_t)st.st_size + 1);
        if (text && read(fd, text, (size_t)st.st_size) != st.st_size) {
            free(text);
            text = NULL;
        }
    }
    if (fd >= 0)
        close(fd);
    return text;
}

/* What may have changed since the record was written. */
static void read_present(struct hyp *h, struct store *s, const hyp_dominfo *d, struct gconf *g)
{
    char *name = store_read(s, "/local/domain/%u/name", d->domain);
    if (name) {
        free(g->name);
        g->name = name;
    }
    g->target_kib = (uint64_t)store_number(s, (int64_t)g->target_kib,
                                           "/local/domain/%u/memory/target", d->domain);
    g->max_kib = (uint64_t)store_number(s, (int64_t)g->max_kib,
                                        "/local/domain/%u/memory/static-max", d->domain);
    struct xen_domctl_sched_credit2 p = {0};
    if (hyp_credit2(h, d->domain, false, &p) >= 0) {
        g->weight = p.weight;
        g->cap = p.cap;
    }
    if (g->max_vcpus > GCONF_VCPUS)
        return;
    uint32_t online = 0;
    for (uint32_t v = 0; v < g->max_vcpus; v++) {
        char *a = store_read(s, "/local/domain/%u/cpu/%u/availability", d->domain, v);
        online += a && strcmp(a, "online") == 0;
        free(a);
    }
    if (online)
        g->vcpus = online;
}

int record_read(struct hyp *h, struct store *s, const hyp_dominfo *d, struct gconf *g,
                struct why *w)
{
    char path[128], uuid[37];
    uuid_text(d->handle, uuid);
    file_name(path, d->domain, uuid);
    char *text = read_whole(path);
    if (!text)
        return why(w, -ENOENT,
                   "there is no record of its configuration (%s); was it made by "
                   "other tools?",
                   path);
    int rc = gconf_from_json(g, path, text, w);
    free(text);
    if (rc)
        return rc;
    memcpy(g->uuid, d->handle, 16);
    g->uuid_set = true;
    read_present(h, s, d, g);
    return 0;
}

int record_emit(struct hyp *h, struct store *s, const hyp_dominfo *d, struct json *j, struct why *w)
{
    struct gconf g;
    gconf_init(&g);
    int rc = 0;
    if (d->domain == 0) {
        g.name = strdup("Domain-0");
        g.max_vcpus = d->max_vcpu_id + 1;
        g.vcpus = d->nr_online_vcpus;
        read_present(h, s, d, &g);
    } else
        rc = record_read(h, s, d, &g, w);
    if (!rc) {
        json_map(j, NULL);
        json_number(j, "domid", d->domain);
        gconf_to_json(&g, j, "config");
        json_map_end(j);
    }
    gconf_free(&g);
    return rc;
}

/* libxl keeps other files of the same name with other endings. */
void record_remove(uint32_t domid, const char *uuid)
{
    char head[96], path[512];
    int n = snprintf(head, sizeof head, "userdata-d.%u.%s.", domid, uuid);
    DIR *dir = opendir(DIR_PATH);
    if (!dir)
        return;
    for (struct dirent *e; (e = readdir(dir));)
        if (strncmp(e->d_name, head, (size_t)n) == 0) {
            snprintf(path, sizeof path, DIR_PATH "/%s", e->d_name);
            unlink(path);
        }
    closedir(dir);
}
