/* An interface's address: from the command line, the toolstack or DHCP. */
#include <string.h>

#include <gk/err.h>
#include <gk/kit.h>

#include "lwip/dhcp.h"
#include "lwip/dns.h"
#include "net/if.h"

struct address {
    ip4_addr_t ip, mask;
};

/* "10.0.0.2/24"; without bits /24. What follows a space, a comma or a semicolon does not count. */
static bool parse(const char *text, struct address *address)
{
    char ip[20];
    size_t n = strcspn(text, "/ ,;");
    unsigned long bits = 24;
    if (n == 0 || n >= sizeof ip)
        return false;
    memcpy(ip, text, n);
    ip[n] = '\0';
    if (text[n] == '/') {
        const char *digit = &text[n + 1];
        for (bits = 0; *digit >= '0' && *digit <= '9' && bits < 100; digit++)
            bits = bits * 10 + (unsigned long)(*digit - '0');
        if (digit == &text[n + 1] || bits > 32)
            return false;
    }
    ip4_addr_set_u32(&address->mask, lwip_htonl(bits ? 0xffffffffU << (32 - bits) : 0));
    return ip4addr_aton(ip, &address->ip) == 1;
}

/* The option `name`, or `nameN` for interface N. */
static bool option(const struct net_if *nif, const char *name, char *value, size_t size)
{
    char full[16];
    gk_snprintf(full, sizeof full, nif->index ? "%s%u" : "%s", name, nif->index);
    return gk_option(full, value, size) > 0;
}

static bool given(const struct net_if *nif, struct address *address)
{
    char text[64], path[GK_XB_PATH + 4];
    if (option(nif, "ip", text, sizeof text)) {
        if (!strcmp(text, "dhcp"))
            return false;
        if (parse(text, address))
            return true;
        gk_printf("net%u: ip=%s is no address\n", nif->index, text);
    }
    gk_snprintf(path, sizeof path, "%s/ip", nif->dev.backend);
    return gk_xs_read_into(GK_XS_NONE, path, text, sizeof text) > 0 && parse(text, address);
}

static void set_static(struct net_if *nif, const struct address *address)
{
    char text[20];
    ip4_addr_t router = {0};
    if (option(nif, "gw", text, sizeof text) && !ip4addr_aton(text, &router))
        gk_printf("net%u: gw=%s is no address\n", nif->index, text);
    netif_set_addr(&nif->netif, &address->ip, &address->mask, &router);
    ip_addr_t server;
    if (option(nif, "dns", text, sizeof text) && ip4addr_aton(text, ip_2_ip4(&server)))
        dns_setserver(0, &server);
}

void net_config(struct net_if *nif)
{
    struct address address;
    if (netif_is_up(&nif->netif))
        return; /* it has one, or DHCP looks after it */
    bool is_static = given(nif, &address);
    if (is_static)
        set_static(nif, &address);
    if (!netif_default)
        netif_set_default(&nif->netif);
    netif_set_up(&nif->netif);
    if (!is_static && dhcp_start(&nif->netif) != ERR_OK)
        gk_printf("net%u: no memory for DHCP\n", nif->index);
}
