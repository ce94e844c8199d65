/* What hc/mca.c asks of the machine. */
#ifndef HC_MCA_H
#define HC_MCA_H

#include "abi/abi.h"

/* Numbers, vendor, family and so on of an online CPU; *out is zero before. */
void x86_describe_cpu(unsigned int cpu, struct mcinfo_logical_cpu *out);

#endif
