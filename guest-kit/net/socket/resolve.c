/* Addresses as text, and names of hosts through DNS. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gk/net.h>
#include <gk/thread.h>
#include <gk/time.h>

#include "lwip/dns.h"
#include "net/stack.h"

/* ---- text ---- */

int inet_aton(const char *text, struct in_addr *address)
{
    ip4_addr_t ip;
    if (!ip4addr_aton(text, &ip))
        return 0;
    address->s_addr = ip4_addr_get_u32(&ip);
    return 1;
}

in_addr_t inet_addr(const char *text)
{
    struct in_addr address;
    return inet_aton(text, &address) ? address.s_addr : INADDR_NONE;
}

const char *inet_ntop(int family, const void *address, char *text, socklen_t size)
{
    const uint8_t *b = address;
    char buffer[INET_ADDRSTRLEN];
    if (family != AF_INET) {
        errno = EAFNOSUPPORT;
        return NULL;
    }
    if (snprintf(buffer, sizeof buffer, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]) >= (int)size) {
        errno = ENOSPC;
        return NULL;
    }
    return strcpy(text, buffer);
}

char *inet_ntoa(struct in_addr address)
{
    static char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &address, text, sizeof text);
    return text;
}

int inet_pton(int family, const char *text, void *address)
{
    if (family != AF_INET) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    unsigned int dots = 0;
    for (const char *c = text; *c; c++)
        dots += *c == '.';
    return dots == 3 && inet_aton(text, address);
}

/* ---- names ---- */

struct question {
    struct gk_waitq asker;
    bool answered, found;
    uint32_t address;
};

static void on_answer(const char *name, const ip_addr_t *ip, void *argument)
{
    struct question *question = argument;
    (void)name;
    if (ip) {
        question->found = true;
        question->address = ip4_addr_get_u32(ip_2_ip4(ip));
    }
    question->answered = true;
    gk_waitq_wake(&question->asker);
}

/* 0 or one of EAI_. lwIP always answers in the end, if only that nobody else did. */
static int resolve(const char *name, uint32_t *address)
{
    struct question question = {0};
    ip_addr_t ip;
    if (!strcmp(name, "localhost")) {
        *address = htonl(INADDR_LOOPBACK);
        return 0;
    }
    if (gk_net_start() || !gk_net_wait(gk_time_mono() + 30 * GK_S))
        return EAI_AGAIN;
    err_t error = dns_gethostbyname(name, &ip, on_answer, &question);
    if (error == ERR_OK) {
        *address = ip4_addr_get_u32(ip_2_ip4(&ip));
        return 0;
    }
    if (error != ERR_INPROGRESS)
        return error == ERR_MEM ? EAI_MEMORY : EAI_FAIL;
    net_flush();
    GK_WAIT_FOR(&question.asker, question.answered, GK_FOREVER);
    *address = question.address;
    return question.found ? 0 : EAI_NONAME;
}

/* A service is a number, or one of the few names that a small server asks for. */
static int service_port(const char *service, uint16_t *port)
{
    static const struct {
        const char *name;
        uint16_t port;
    } known[] = {{"http", 80}, {"domain", 53}, {"echo", 7}, {"https", 443}, {"ntp", 123}};
    char *end;
    unsigned long value = service ? strtoul(service, &end, 10) : 0;
    *port = (uint16_t)value;
    if (!service || (*service && !*end && value <= 0xffff))
        return 0;
    for (unsigned int i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(service, known[i].name)) {
            *port = known[i].port;
            return 0;
        }
    return EAI_SERVICE;
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    static const struct addrinfo none;
    struct in_addr address = {0};
    uint16_t port;
    hints = hints ? hints : &none;
    if (!host && !service)
        return EAI_NONAME;
    if (hints->ai_family != AF_UNSPEC && hints->ai_family != AF_INET)
        return EAI_FAMILY;
    int error = service_port(service, &port);
    if (error)
        return error;
    if (!host)
        address.s_addr = hints->ai_flags & AI_PASSIVE ? INADDR_ANY : htonl(INADDR_LOOPBACK);
    else if (!inet_aton(host, &address))
        error = hints->ai_flags & AI_NUMERICHOST ? EAI_NONAME : resolve(host, &address.s_addr);
    if (error)
        return error;
    struct both {
        struct addrinfo info;
        struct sockaddr_in in;
    } *both = calloc(1, sizeof *both);
    if (!both)
        return EAI_MEMORY;
    both->in =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = address};
    both->info = (struct addrinfo){
        .ai_family = AF_INET,
        .ai_socktype = hints->ai_socktype ? hints->ai_socktype : SOCK_STREAM,
        .ai_protocol = hints->ai_protocol,
        .ai_addrlen = sizeof both->in,
        .ai_addr = (struct sockaddr *)(void *)&both->in,
    };
    *result = &both->info;
    return 0;
}

void freeaddrinfo(struct addrinfo *result)
{
    free(result); /* one block: the address stands behind it */
}

int getnameinfo(const struct sockaddr *address, socklen_t length, char *host, socklen_t host_size,
                char *service, socklen_t service_size, int flags)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
    (void)flags; /* numbers, always */
    if (length < sizeof *in || in->sin_family != AF_INET)
        return EAI_FAMILY;
    if (host && host_size && !inet_ntop(AF_INET, &in->sin_addr, host, host_size))
        return EAI_OVERFLOW;
    if (service && service_size &&
        snprintf(service, service_size, "%u", ntohs(in->sin_port)) >= (int)service_size)
        return EAI_OVERFLOW;
    return 0;
}

struct hostent *gethostbyname(const char *name)
{
    static struct in_addr address;
    static char *addresses[2] = {(char *)&address, NULL}, *aliases[1];
    static struct hostent host = {.h_aliases = aliases,
                                  .h_addrtype = AF_INET,
                                  .h_length = sizeof address,
                                  .h_addr_list = addresses};
    if (!inet_aton(name, &address) && resolve(name, &address.s_addr))
        return NULL;
    host.h_name = (char *)(uintptr_t)name;
    return &host;
}

const char *gai_strerror(int error)
{
    switch (error) {
    case 0:
        return "no error";
    case EAI_NONAME:
        return "no such host";
    case EAI_AGAIN:
        return "the network is not up";
    case EAI_FAMILY:
        return "address family not supported";
    case EAI_SERVICE:
        return "no such service";
    case EAI_MEMORY:
        return "out of memory";
    default:
        return "the name servers failed";
    }
}
