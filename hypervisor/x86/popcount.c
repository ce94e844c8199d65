/* The one function of the compiler's library that the hypervisor's code makes it call. */
int __popcountdi2(unsigned long v);

int __popcountdi2(unsigned long v)
{
    int n = 0;

    for (; v; v &= v - 1)
        n++;
    return n;
}
