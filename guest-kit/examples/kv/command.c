/* kv's commands. */
#include "examples/kv/command.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "examples/kv/log.h"
#include "examples/kv/table.h"

#define WORDS 1024 /* of a request; all words of a request fit into KV_BATCH bytes */

struct word {
    char *at;
    size_t size;
};
static struct word words[WORDS];
static unsigned int word_count;

/* ---- replies ---- */

static bool failed; /* no memory for a reply */

static void put(struct kv_reply *reply, const char *from, size_t size)
{
    if (reply->length + size > reply->room) {
        size_t room = 2 * reply->room + size + 512;
        char *bigger = realloc(reply->bytes, room);
        if (!bigger) {
            failed = true;
            return;
        }
        reply->bytes = bigger;
        reply->room = room;
    }
    memcpy(reply->bytes + reply->length, from, size);
    reply->length += size;
}

static void put_text(struct kv_reply *reply, const char *text)
{
    put(reply, text, strlen(text));
}

/* ":1\r\n", "$5\r\n", "*2\r\n" */
static void put_number(struct kv_reply *reply, char kind, long long value)
{
    char text[32], *at = text + sizeof text;
    unsigned long long left = value < 0 ? -(unsigned long long)value : (unsigned long long)value;
    *--at = '\n';
    *--at = '\r';
    do
        *--at = (char)('0' + left % 10);
    while (left /= 10);
    if (value < 0)
        *--at = '-';
    *--at = kind;
    put(reply, at, (size_t)(text + sizeof text - at));
}

static void put_bulk(struct kv_reply *reply, const char *bytes, size_t size)
{
    put_number(reply, '$', (long long)size);
    put(reply, bytes, size);
    put(reply, "\r\n", 2);
}

static void put_item(struct kv_reply *reply, struct kv_item *item)
{
    if (item)
        put_bulk(reply, kv_value(item), item->value_size);
    else
        put_text(reply, "$-1\r\n");
}

/* ---- commands ---- */

/* Changes the table, then the log; a refusal is told to the client. */
static bool change(struct kv_reply *reply, const struct word *key, const char *value, size_t size)
{
    if (!kv_set(key->at, key->size, value, size)) {
        put_text(reply, "-OOM no memory\r\n");
        return false;
    }
    if (kv_log_add(KV_SET, key->at, key->size, value, size)) {
        put_text(reply, "-ERR the disk does not take it\r\n");
        return false;
    }
    return true;
}

static void cmd_ping(struct kv_reply *reply)
{
    if (word_count > 1)
        put_bulk(reply, words[1].at, words[1].size);
    else
        put_text(reply, "+PONG\r\n");
}

static void cmd_echo(struct kv_reply *reply)
{
    put_bulk(reply, words[1].at, words[1].size);
}

static void cmd_get(struct kv_reply *reply)
{
    put_item(reply, kv_find(words[1].at, words[1].size));
}

static void cmd_set(struct kv_reply *reply)
{
    if (word_count > 3)
        put_text(reply, "-ERR syntax error: no options here\r\n");
    else if (change(reply, &words[1], words[2].at, words[2].size))
        put_text(reply, "+OK\r\n");
}

static void cmd_mset(struct kv_reply *reply)
{
    if (word_count % 2 == 0) {
        put_text(reply, "-ERR wrong number of arguments\r\n");
        return;
    }
    for (unsigned int i = 1; i < word_count; i += 2)
        if (!change(reply, &words[i], words[i + 1].at, words[i + 1].size))
            return;
    put_text(reply, "+OK\r\n");
}

static void cmd_mget(struct kv_reply *reply)
{
    put_number(reply, '*', word_count - 1);
    for (unsigned int i = 1; i < word_count; i++)
        put_item(reply, kv_find(words[i].at, words[i].size));
}

static void cmd_del(struct kv_reply *reply)
{
    long long gone = 0;
    for (unsigned int i = 1; i < word_count; i++)
        if (kv_del(words[i].at, words[i].size)) {
            gone++;
            kv_log_add(KV_DEL, words[i].at, words[i].size, NULL, 0);
        }
    put_number(reply, ':', gone);
}

static void cmd_exists(struct kv_reply *reply)
{
    long long there = 0;
    for (unsigned int i = 1; i < word_count; i++)
        there += kv_find(words[i].at, words[i].size) != NULL;
    put_number(reply, ':', there);
}

static void cmd_strlen(struct kv_reply *reply)
{
    struct kv_item *item = kv_find(words[1].at, words[1].size);
    put_number(reply, ':', item ? item->value_size : 0);
}

static bool parse(const char *text, size_t size, long long *value)
{
    char copy[24], *end;
    if (size == 0 || size >= sizeof copy || !(isdigit((unsigned char)*text) || *text == '-'))
        return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    *value = strtoll(copy, &end, 10);
    return end == copy + size;
}

static void add_to(struct kv_reply *reply, long long by)
{
    struct kv_item *item = kv_find(words[1].at, words[1].size);
    long long value = 0;
    if ((item && !parse(kv_value(item), item->value_size, &value)) ||
        __builtin_add_overflow(value, by, &value)) {
        put_text(reply, "-ERR value is not an integer or out of range\r\n");
        return;
    }
    char text[24];
    int n = snprintf(text, sizeof text, "%lld", value);
    if (change(reply, &words[1], text, (size_t)n))
        put_number(reply, ':', value);
}

static void cmd_incr(struct kv_reply *reply)
{
    add_to(reply, 1);
}

static void cmd_decr(struct kv_reply *reply)
{
    add_to(reply, -1);
}

static void cmd_incrby(struct kv_reply *reply)
{
    long long by;
    if (parse(words[2].at, words[2].size, &by))
        add_to(reply, by);
    else
        put_text(reply, "-ERR value is not an integer or out of range\r\n");
}

static void cmd_dbsize(struct kv_reply *reply)
{
    put_number(reply, ':', (long long)kv_count());
}

static bool put_key(struct kv_item *item, void *reply)
{
    put_bulk(reply, item->bytes, item->key_size);
    return true;
}

static void cmd_keys(struct kv_reply *reply)
{
    if (words[1].size != 1 || words[1].at[0] != '*') {
        put_text(reply, "-ERR only KEYS *\r\n");
        return;
    }
    put_number(reply, '*', (long long)kv_count());
    kv_each(put_key, reply);
}

static void cmd_flush(struct kv_reply *reply)
{
    kv_clear();
    kv_log_add(KV_CLEAR, NULL, 0, NULL, 0);
    put_text(reply, "+OK\r\n");
}

static void cmd_ok(struct kv_reply *reply)
{
    put_text(reply, "+OK\r\n");
}

/* COMMAND and CONFIG GET: clients ask, and go on without an answer of substance. */
static void cmd_nothing(struct kv_reply *reply)
{
    put_text(reply, "*0\r\n");
}

static void cmd_info(struct kv_reply *reply)
{
    char text[96];
    int n = snprintf(text, sizeof text,
                     "# Server\r\nserver:guest-kit kv\r\n# Keyspace\r\nkeys:%zu\r\n", kv_count());
    put_bulk(reply, text, (size_t)n);
}

static const struct {
    const char *name;
    unsigned int least; /* words, the name included */
    void (*run)(struct kv_reply *reply);
} commands[] = {
    {"GET", 2, cmd_get},        {"SET", 3, cmd_set},   {"INCR", 2, cmd_incr},
    {"MSET", 3, cmd_mset},      {"MGET", 2, cmd_mget}, {"DEL", 2, cmd_del},
    {"EXISTS", 2, cmd_exists},  {"DECR", 2, cmd_decr}, {"INCRBY", 3, cmd_incrby},
    {"PING", 1, cmd_ping},      {"ECHO", 2, cmd_echo}, {"STRLEN", 2, cmd_strlen},
    {"DBSIZE", 1, cmd_dbsize},  {"KEYS", 2, cmd_keys}, {"FLUSHALL", 1, cmd_flush},
    {"FLUSHDB", 1, cmd_flush},  {"SELECT", 2, cmd_ok}, {"COMMAND", 1, cmd_nothing},
    {"CONFIG", 1, cmd_nothing}, {"CLIENT", 1, cmd_ok}, {"INFO", 1, cmd_info},
};

static void run(struct kv_reply *reply)
{
    if (word_count == 0)
        return;
    for (unsigned int i = 0; i < sizeof commands / sizeof *commands; i++) {
        const char *name = commands[i].name;
        if (words[0].size != strlen(name) || strncasecmp(words[0].at, name, words[0].size))
            continue;
        if (word_count < commands[i].least)
            put_text(reply, "-ERR wrong number of arguments\r\n");
        else
            commands[i].run(reply);
        return;
    }
    put_text(reply, "-ERR unknown command\r\n");
}

/* ---- requests ---- */

/* "<digits>\r\n" at *at: the number, and *at behind it. 1; 0: not all there; -1: none. */
static int number(char **at, const char *end, long *value)
{
    char *p = *at;
    *value = 0;
    for (; p < end && *p >= '0' && *p <= '9'; p++)
        if ((*value = *value * 10 + (*p - '0')) > 1 << 24)
            return -1;
    if (p == end || (p + 1 == end && *p == '\r'))
        return 0;
    if (p == *at || p[0] != '\r' || p[1] != '\n')
        return -1;
    *at = p + 2;
    return 1;
}

/* "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n" */
static int read_array(char *input, const char *end, char **behind)
{
    char *at = input + 1;
    long count, size;
    int got = number(&at, end, &count);
    if (got <= 0)
        return got;
    if (count > WORDS)
        return -1;
    for (word_count = 0; word_count < (unsigned long)count; word_count++) {
        if (at == end)
            return 0;
        if (*at++ != '$')
            return -1;
        got = number(&at, end, &size);
        if (got <= 0)
            return got;
        if (size > (long)KV_BATCH)
            return -1;
        if (end - at < size + 2)
            return 0;
        words[word_count] = (struct word){at, (size_t)size};
        at += size + 2;
    }
    *behind = at;
    return 1;
}

/* "GET k\r\n", as typed by hand. */
static int read_line(char *input, const char *end, char **behind)
{
    char *stop = memchr(input, '\n', (size_t)(end - input));
    if (!stop)
        return 0;
    *behind = stop + 1;
    word_count = 0;
    for (char *at = input; at < stop && word_count < WORDS;) {
        char *from = at;
        while (at < stop && *at != ' ' && *at != '\r')
            at++;
        if (at > from)
            words[word_count++] = (struct word){from, (size_t)(at - from)};
        at++;
    }
    return 1;
}

int kv_command(char *input, size_t size, struct kv_reply *reply)
{
    char *behind = input, *end = input + size;
    int got = *input == '*' ? read_array(input, end, &behind) : read_line(input, end, &behind);
    if (got < 0)
        put_text(reply, "-ERR Protocol error\r\n");
    if (got <= 0)
        return got;
    run(reply);
    if (failed) {
        failed = false;
        return -1;
    }
    return (int)(behind - input);
}
