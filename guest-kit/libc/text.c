/* Text in the one locale that there is, and the search of a word in it. */
#include <string.h>

/* fnmatch()'s ranges go by bytes: there is no table of a language's order. */
extern int __collate_load_error;
extern int __collate_range_cmp(int a, int b);
int __collate_load_error = 1;
int __collate_range_cmp(int a, int b)
{
    return a - b;
}

/*
 * strstr(), in place of newlib's, for what servers look for: short words in short texts. Where its
 * first byte stands the rest is compared; longer words, of which a text could be made that costs
 * their length at each byte, are memmem()'s.
 */
#define SHORT 16

char *strstr(const char *text, const char *word)
{
    size_t length = strlen(word);
    if (length > SHORT)
        return memmem(text, strlen(text), word, length);
    if (length == 0)
        return (char *)(unsigned long)text;
    for (const char *at = text; (at = strchr(at, *word)); at++) {
        size_t same = 1;
        while (word[same] && at[same] == word[same])
            same++;
        if (same == length)
            return (char *)(unsigned long)at;
    }
    return NULL;
}
