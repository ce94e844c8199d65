/* Machine frames as the hypervisor reaches them: the direct map and the per-frame words. */
#ifndef PORT_FRAME_H
#define PORT_FRAME_H

#include "base/num.h"

#include "port_frame.h"
/* void *mfn_ptr(mfn_t m);            the frame's contents, writable, in the direct map (RAM only)
 * mfn_t ptr_mfn(const void *p);      of an address in the direct map uint64_t *m2p_slot(mfn_t m);
 * the M2P entry, writable uint64_t *frame_words;             what core/frame keeps per frame */

#endif
