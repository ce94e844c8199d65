/* Machine memory of native tests: an array (fake.h: fake_ram_init). */
#ifndef TESTS_PORT_FRAME_H
#define TESTS_PORT_FRAME_H

#include <stdint.h>

extern uint8_t *fake_ram;
extern uint64_t fake_ram_frames;
extern uint64_t *fake_m2p;
extern uint64_t *frame_words; /* of core/frame: words, then marks */

static inline void *mfn_ptr(mfn_t m)
{
    return fake_ram + (m.n << FRAME_SHIFT);
}

static inline mfn_t ptr_mfn(const void *p)
{
    return (mfn_t){(uint64_t)((const uint8_t *)p - fake_ram) >> FRAME_SHIFT};
}

static inline uint64_t *m2p_slot(mfn_t m)
{
    return &fake_m2p[m.n];
}

#endif
