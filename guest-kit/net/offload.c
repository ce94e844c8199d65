/* Checksum and segmentation offload: the sender's half, on the bytes of a frame. */
#include "net/offload.h"

#define ETHERTYPE_IP 0x0800U
#define PROTO_TCP    6U
#define PROTO_UDP    17U
#define TCP_PSH      0x08U
#define TCP_ACK      0x10U

/* Offsets in an IPv4 header, and in a TCP or UDP header. */
enum { IP_LENGTH = 2, IP_FRAG = 6, IP_PROTO = 9, IP_CHECK = 10, IP_ADDRS = 12, IP_MIN = 20 };
enum { TCP_SEQ = 4, TCP_ACKNO = 8, TCP_OFF = 12, TCP_FLAGS = 13, TCP_WINDOW = 14, TCP_CHECK = 16 };
enum { TCP_MIN = 20, UDP_MIN = 8, UDP_CHECK = 6 };

static unsigned int get16(const uint8_t *p)
{
    return (unsigned int)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, unsigned int value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static unsigned int fold(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    return (sum & 0xffff) + (sum >> 16);
}

bool net_flow_find(const uint8_t *frame, size_t length, size_t total, struct net_flow *flow)
{
    const uint8_t *ip = frame + NET_ETHER;
    if (length < NET_ETHER + IP_MIN || get16(frame + 12) != ETHERTYPE_IP || ip[0] >> 4 != 4)
        return false;
    size_t l4 = NET_ETHER + (ip[0] & 15U) * 4U, headers;
    if (l4 < NET_ETHER + IP_MIN || get16(ip + IP_FRAG) & 0x3fff)
        return false;
    flow->tcp = ip[IP_PROTO] == PROTO_TCP;
    if (flow->tcp) {
        if (length < l4 + TCP_MIN)
            return false;
        headers = l4 + (frame[l4 + TCP_OFF] >> 4) * 4U;
        if (headers < l4 + TCP_MIN)
            return false;
    } else if (ip[IP_PROTO] == PROTO_UDP) {
        headers = l4 + UDP_MIN;
    } else {
        return false;
    }
    if (length < headers || get16(ip + IP_LENGTH) != total - NET_ETHER)
        return false;
    flow->l4 = (uint16_t)l4;
    flow->headers = (uint16_t)headers;
    flow->payload = (uint16_t)(total - headers);
    return true;
}

static bool same(const uint8_t *a, const uint8_t *b, size_t from, size_t to)
{
    return __builtin_memcmp(a + from, b + from, to - from) == 0;
}

bool net_flow_joins(const uint8_t *a, const struct net_flow *a_flow, size_t a_payload,
                    size_t segment, const uint8_t *b, const struct net_flow *b_flow)
{
    size_t l4 = a_flow->l4;
    const uint8_t *ta = a + l4, *tb = b + l4;
    if (!a_flow->tcp || !b_flow->tcp || b_flow->l4 != l4 || b_flow->headers != a_flow->headers)
        return false;
    /* Full parts up to now, and not more than a full one more. */
    if (segment == 0 || a_payload % segment || b_flow->payload == 0 || b_flow->payload > segment)
        return false;
    if (ta[TCP_FLAGS] != TCP_ACK || (tb[TCP_FLAGS] & ~TCP_PSH) != TCP_ACK)
        return false;
    return get32(ta + TCP_SEQ) + (uint32_t)a_payload == get32(tb + TCP_SEQ) &&
           same(a, b, 0, NET_ETHER + IP_LENGTH) &&                  /* link, version, service */
           same(a, b, NET_ETHER + IP_FRAG, NET_ETHER + IP_CHECK) && /* TTL, protocol */
           same(a, b, NET_ETHER + IP_ADDRS, l4 + TCP_SEQ) &&        /* addresses, ports */
           same(a, b, l4 + TCP_ACKNO, l4 + TCP_FLAGS) &&
           same(a, b, l4 + TCP_WINDOW, l4 + TCP_CHECK) &&
           same(a, b, l4 + TCP_MIN, a_flow->headers); /* options */
}

void net_flow_join(uint8_t *a, const struct net_flow *a_flow, const uint8_t *b)
{
    a[a_flow->l4 + TCP_FLAGS] |= b[a_flow->l4 + TCP_FLAGS] & TCP_PSH;
}

void net_flow_seal(uint8_t *frame, const struct net_flow *flow, size_t payload, bool joined)
{
    uint8_t *ip = frame + NET_ETHER;
    size_t ip_header = flow->l4 - NET_ETHER, length = flow->headers - flow->l4 + payload;
    uint32_t sum = 0;
    if (joined) {
        put16(ip + IP_LENGTH, (unsigned int)(ip_header + length));
        put16(ip + IP_CHECK, 0);
        for (size_t i = 0; i < ip_header; i += 2)
            sum += get16(ip + i);
        put16(ip + IP_CHECK, ~fold(sum));
    }
    sum = ip[IP_PROTO] + (uint32_t)length;
    for (size_t i = IP_ADDRS; i < IP_MIN; i += 2)
        sum += get16(ip + i);
    put16(frame + flow->l4 + (flow->tcp ? TCP_CHECK : UDP_CHECK), fold(sum));
}
