/* Grant tables, version 1. */
#ifndef CORE_GNT_GNT_H
#define CORE_GNT_GNT_H
#include "base/num.h"
struct gnt_table {
    int placeholder;
};
#endif
