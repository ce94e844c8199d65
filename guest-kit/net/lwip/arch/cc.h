/* The compiler and the last resort, for lwIP. */
#ifndef GUEST_KIT_NET_LWIP_ARCH_CC_H
#define GUEST_KIT_NET_LWIP_ARCH_CC_H

#include <sys/types.h>

int gk_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void gk_panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define LWIP_PLATFORM_DIAG(message)   gk_printf message
#define LWIP_PLATFORM_ASSERT(message) gk_panic("lwIP: %s", message)
#define LWIP_NO_UNISTD_H              1
/* Where these are calls, they are a third of a short packet's way. */
#define lwip_htons(x)             __builtin_bswap16(x)
#define lwip_htonl(x)             __builtin_bswap32(x)
#define MEMCPY(to, from, length)  __builtin_memcpy(to, from, length)
#define SMEMCPY(to, from, length) __builtin_memcpy(to, from, length)
#define MEMMOVE(to, from, length) __builtin_memmove(to, from, length)
/* Says that ssize_t is there. */
#ifndef SSIZE_MAX
#define SSIZE_MAX INT64_MAX
#endif

#endif
