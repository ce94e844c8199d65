/* What system this is. */
#ifndef GK_LIBC_SYS_UTSNAME_H
#define GK_LIBC_SYS_UTSNAME_H

struct utsname {
    char sysname[65], nodename[65], release[65], version[65], machine[65];
};

/* Never blocks; fails only as gethostname() does. */
int uname(struct utsname *name);

#endif
