/* How many packets come together, learnt: see gather.h. */
#include "net/gather.h"

unsigned int net_gather_want(struct net_gather *gather, unsigned int have, unsigned int most)
{
    if (have == 0 || have >= most)
        return 0;
    gather->trying = gather->skip == 0;
    if (gather->trying)
        return most;
    gather->skip--;
    unsigned int want = gather->expect < most ? gather->expect : most;
    return have < want ? want : 0;
}

void net_gather_learn(struct net_gather *gather, unsigned int had, unsigned int want,
                      unsigned int got)
{
    bool paid = gather->trying ? got > had && got > gather->expect : got >= want;
    if (gather->trying || got < want)
        gather->expect = got;
    if (paid)
        gather->pause /= 2;
    else if (gather->pause < NET_GATHER_PAUSE)
        gather->pause = 2 * gather->pause + 1;
    if (gather->trying)
        gather->skip = gather->pause;
}
