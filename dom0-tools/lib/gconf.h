/*
 * What a guest is to be: the typed form of a configuration, from xl.cfg(5) text (gconf_cfg.c),
 * from and to libxl's JSON (gconf_json.c: `list -l`, save files, the record in /var/lib/xen).
 */
#ifndef LIB_GCONF_H
#define LIB_GCONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/cpuid.h"
#include "lib/cpus.h"
#include "lib/why.h"

enum { GCONF_DISKS = 64, GCONF_NICS = 32, GCONF_VCPUS = 512 };

enum gconf_action {
    ACTION_DESTROY,
    ACTION_RESTART,
    ACTION_RENAME_RESTART,
    ACTION_PRESERVE,
    ACTION_CORE_DESTROY,
    ACTION_CORE_RESTART,
    ACTION_SOFT_RESET,
    ACTION_NR
};
extern const char *const gconf_action_names[ACTION_NR];

enum gconf_tsc { TSC_DEFAULT, TSC_ALWAYS, TSC_NEVER, TSC_NATIVE_PARAVIRT, TSC_NR };
extern const char *const gconf_tsc_names[TSC_NR];

enum gconf_backend { BACKEND_AUTO, BACKEND_PHY, BACKEND_ARGON };

struct gconf_disk {
    char *path;         /* target; NULL: an empty drive */
    char *vdev;         /* "xvda" */
    char *script;       /* NULL: axl does it itself */
    char *backend_name; /* driver domain, NULL: 0 */
    enum gconf_backend backend;
    bool readwrite, removable, cdrom, direct_io_safe;
    bool discard;     /* default: as writable */
    bool discard_set; /* the user said so */
    bool untrusted;
};

struct gconf_nic {
    int devid; /* -1: not chosen yet */
    uint8_t mac[6];
    bool mac_set;
    char *bridge, *ip, *script, *ifname, *backend_name;
    uint32_t mtu;        /* 0: the default */
    uint64_t rate_bytes; /* per interval; 0: no limit */
    uint32_t rate_usecs;
    enum gconf_backend backend;
    bool untrusted;
};

struct gconf {
    char *name;
    uint8_t uuid[16];
    bool uuid_set;
    char *pool;
    uint32_t vcpus, max_vcpus;
    struct cpus *hard, *soft; /* per vcpu, as many as given; later vcpus: all */
    uint32_t nr_hard, nr_soft;
    enum gconf_tsc tsc;
    struct cpuid_rules cpuid;
    uint64_t max_kib, target_kib;
    int32_t weight, cap; /* -1: the default */
    char *kernel, *ramdisk, *cmdline;
    int64_t event_channels, max_grant_frames, max_maptrack_frames; /* -1: default */
    int32_t max_grant_version;                                     /* -1: default */
    bool nomigrate;
    bool localtime;     /* its clock shows dom0's local time, not UTC */
    int32_t rtc_offset; /* seconds added to it */
    enum gconf_action on_poweroff, on_reboot, on_watchdog, on_crash, on_soft_reset;
    struct gconf_disk disk[GCONF_DISKS];
    uint32_t nr_disks;
    struct gconf_nic nic[GCONF_NICS];
    uint32_t nr_nics;
};

/* Sets what a configuration that says nothing means. */
void gconf_init(struct gconf *g);
void gconf_free(struct gconf *g);

/*
 * Reads xl.cfg text; `file` is only for messages ("file:line: key: ..."). A key that is unknown
 * or not supported for PV guests is an error. Warnings (keys without effect here) are printed
 * through `warn` if not NULL.
 */
int gconf_from_cfg(struct gconf *g, const char *file, const char *text, size_t len,
                   void (*warn)(const char *text), struct why *w);

/* Reads libxl's JSON: a configuration, or list -l's array with one domain. */
int gconf_from_json(struct gconf *g, const char *file, const char *text, struct why *w);
struct json;
/* Writes it as a JSON map under `key` (NULL: no key). */
void gconf_to_json(const struct gconf *g, struct json *j, const char *key);

/* What is needed before it can be built: a name, a kernel, sane sizes; picks uuid and MACs. */
int gconf_complete(struct gconf *g, bool need_kernel, struct why *w);

/* One disk and one vif, as on the command line of block-attach and network-attach. */
int gconf_disk_parse(struct gconf_disk *d, const char *spec, struct why *w);
int gconf_nic_parse(struct gconf_nic *n, const char *spec, struct why *w);
void gconf_disk_free(struct gconf_disk *d);
void gconf_nic_free(struct gconf_nic *n);
/* "xvda1" -> 51713; -1: no such name. */
long gconf_vdev_number(const char *vdev);
/* "39a24477-d377-4c5d-958a-f2c4932582e1" with or without dashes. */
bool gconf_uuid_parse(const char *text, uint8_t out[16]);
/* "00:16:3e:11:22:33" */
bool gconf_mac_parse(const char *text, uint8_t out[6]);

#endif
