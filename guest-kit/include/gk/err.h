/* Error numbers: those of the Xen ABI, XEN_EPERM to XEN_ENOTCONN, returned negated. */
#ifndef GK_ERR_H
#define GK_ERR_H

#include <xen/errno.h>

/* "ENOMEM" for -XEN_ENOMEM or XEN_ENOMEM; "E?" for a number that is none. Static text. */
const char *gk_err_name(int error);

#endif
