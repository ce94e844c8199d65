/*
 * <xen/io/libxenvchan.h> asks for this header and uses nothing of it. Searched last (-idirafter),
 * so that a C library's own comes first where there is one.
 */
#ifndef CHAN_BARE_SYS_TYPES_H
#define CHAN_BARE_SYS_TYPES_H

#endif
