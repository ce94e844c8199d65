/* The kit's memory functions, under other names: each size, alignment and overlap, with what lies
 * around. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gk/files.h>

size_t kit_strlen(const char *s);
char *kit_strchr(const char *s, int byte);
size_t kit_strcspn(const char *s, const char *set);
char *kit_strstr(const char *text, const char *word);
void *kit_memcpy(void *to, const void *from, size_t size);
void *kit_memmove(void *to, const void *from, size_t size);
void *kit_memset(void *to, int byte, size_t size);

enum { ROOM = 2048 };
static uint8_t got[ROOM], want[ROOM];

static void fresh(void)
{
    for (unsigned int i = 0; i < ROOM; i++)
        got[i] = want[i] = (uint8_t)(i * 167 + (i >> 8));
}

static void same(const char *what, size_t to, size_t from, size_t size)
{
    for (unsigned int i = 0; i < ROOM; i++)
        if (got[i] != want[i]) {
            printf("%s(%zu, %zu, %zu): byte %u is %u, not %u\n", what, to, from, size, i, got[i],
                   want[i]);
            exit(1);
        }
}

/* As slow as it can be, and right. */
static void move(size_t to, size_t from, size_t size)
{
    uint8_t copy[ROOM];
    for (size_t i = 0; i < size; i++)
        copy[i] = want[from + i];
    for (size_t i = 0; i < size; i++)
        want[to + i] = copy[i];
}

static void one(size_t to, size_t from, size_t size)
{
    fresh();
    move(to, from, size);
    if (kit_memmove(got + to, got + from, size) != got + to)
        exit(1);
    same("memmove", to, from, size);
    if (to + size > from && from + size > to)
        return;
    fresh();
    move(to, from, size);
    if (kit_memcpy(got + to, got + from, size) != got + to)
        exit(1);
    same("memcpy", to, from, size);
}

static void require(int holds, const char *what)
{
    if (!holds) {
        printf("wrong: %s\n", what);
        exit(1);
    }
}

/* Texts of few different bytes, some above 127, wherever they begin, against the host's own
 * functions. */
static void texts(void)
{
    static const char letters[] = {'a', 'b', '\r', (char)0x80, (char)0xff, '\n', 'a', 'a'};
    char room[96], word[24];
    srandom(1);
    for (unsigned int n = 0; n < 200000; n++) {
        size_t at = (size_t)random() % 16, length = (size_t)random() % 64, w = (size_t)random() % 5;
        for (size_t i = 0; i < sizeof room; i++)
            room[i] = letters[random() % 8];
        room[at + length] = '\0';
        if (n % 16 == 0)
            w = 15 + n / 16 % 4;
        for (size_t i = 0; i < w; i++)
            word[i] = n % 32 ? letters[random() % 8] : room[at + (length > w ? length - w : 0) + i];
        word[w] = '\0';
        const char *s = room + at;
        require(kit_strlen(s) == strlen(s), "strlen");
        for (size_t i = 0; i < sizeof letters; i++)
            require(kit_strchr(s, letters[i]) == strchr(s, letters[i]), "strchr");
        require(kit_strchr(s, 0) == s + length && !kit_strchr(s, 'z'), "strchr of the end");
        require(kit_strcspn(s, word) == strcspn(s, word), "strcspn");
        require(kit_strstr(s, word) == strstr(s, word), "strstr");
    }
}

enum { FILES = 300 };
extern struct gk_file gk_packed_files[FILES];
extern size_t gk_packed_files_count;
struct gk_file gk_packed_files[FILES];
size_t gk_packed_files_count;

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct gk_file *)a)->path, ((const struct gk_file *)b)->path);
}

/* Tables of all sizes, of names that share much or little; every second name is not in them. */
static void files(void)
{
    static char names[2 * FILES][32];
    for (unsigned int n = 0; n < 2 * FILES; n++)
        snprintf(names[n], sizeof names[n], n % 7 ? "/d%u/f%03u%s" : "/%u%.0u%s", n * 37 % 11, n,
                 n % 5 ? "" : "\xff");
    for (unsigned int count = 0; count <= FILES; count += count < 20 ? 1 : 70) {
        gk_packed_files_count = count;
        for (unsigned int n = 0; n < count; n++)
            gk_packed_files[n] = (struct gk_file){.path = names[2 * n]};
        qsort(gk_packed_files, count, sizeof *gk_packed_files, by_path);
        for (unsigned int n = 0; n < 2 * FILES; n++) {
            const struct gk_file *found = gk_file_find(names[n]);
            require(n % 2 == 0 && n / 2 < count ? found && !strcmp(found->path, names[n]) : !found,
                    names[n]);
        }
        require(!gk_file_find("") && !gk_file_find("/") && !gk_file_find("\xff"), "no such file");
    }
}

int main(void)
{
    texts();
    files();
    /* Sizes around the steps of the loops and around where string instructions begin. */
    for (size_t size = 0; size < 600; size += size < 80 || (size > 240 && size < 280) ? 1 : 37)
        for (size_t at = 0; at < 8; at++) {
            for (size_t shift = 0; shift < 40; shift++) {
                one(64 + at, 64 + at + shift, size);
                one(64 + at + shift, 64 + at, size);
            }
            one(64 + at, 1024 + 3, size);
            fresh();
            for (size_t i = 0; i < size; i++)
                want[64 + at + i] = 0xa5;
            kit_memset(got + 64 + at, 0x3a5, size);
            same("memset", 64 + at, 0, size);
        }
    puts("every byte is where it belongs");
    return 0;
}
