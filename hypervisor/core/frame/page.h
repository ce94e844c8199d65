/* Single frames for the hypervisor's own use, by address in the direct map. */
#ifndef CORE_FRAME_PAGE_H
#define CORE_FRAME_PAGE_H

/* One zeroed frame; NULL: none left. Any lock below RANK_FRAME may be held. */
void *hv_page_alloc(void);
/* Gives it back; NULL does nothing. */
void hv_page_free(void *page);

#endif
