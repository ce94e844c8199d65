/* Event channels. */
#ifndef CORE_EVT_EVT_H
#define CORE_EVT_EVT_H
#include "base/num.h"
struct evt_vcpu {
    uint32_t virq_port[24];
};
struct evt_table {
    int placeholder;
};
#endif
