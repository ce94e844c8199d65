/*
 * math: the C library's mathematical functions in a guest: a value of each kind, what is said of
 * arguments that have none, and that threads do not disturb each other's registers.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include <gk/thread.h>

static int wrong;

static void near(const char *what, double is, double should)
{
    if (fabs(is - should) <= 1e-12 * (1 + fabs(should)))
        return;
    printf("math: %s: %.17g, not %.17g\n", what, is, should);
    wrong++;
}

static void series(void *of)
{
    volatile double sum = 0;
    double x = *(double *)of;

    for (int n = 1; n <= 2000; n++) {
        sum += pow(x, n) / n;
        if (n % 100 == 0)
            gk_yield();
    }
    near("-log(1-x)", sum, -log1p(-x));
}

int main(void)
{
    volatile double two = 2, half = 0.5, minus = -1;
    static double each[4] = {0.5, 0.25, -0.5, 0.9};
    struct gk_thread *t[4];

    near("sqrt", sqrt(two), 1.41421356237309505);
    near("exp", exp(half), 1.64872127070012815);
    near("log", log(two), 0.693147180559945309);
    near("log10", log10(two), 0.301029995663981195);
    near("pow", pow(two, half), 1.41421356237309505);
    near("sin", sin(two), 0.909297426825681695);
    near("cos", cos(two), -0.416146836547142387);
    near("tan", tan(half), 0.546302489843790513);
    near("atan2", atan2(minus, minus), -2.35619449019234493);
    near("sinh", sinh(half), 0.521095305493747361);
    near("asinh", asinh(half), 0.481211825059603447);
    near("fmod", fmod(7.5 + half, two + 1), 2);
    near("hypot", hypot(two + 1, two + two), 5);
    near("tgamma", tgamma(two + half), 1.32934038817913702);
    near("erf", erf(half), 0.520499877813046538);
    near("cbrt", cbrt(two + 25), 3);
    near("round", round(half), 1);
    near("floor", floor(minus - half), -2);
    near("sinf", (double)floorf(1e6f * sinf((float)two)), 909297);
    errno = 0;
    if (!isnan(sqrt(minus)) || errno != EDOM || !isinf(exp(two * 1000)) || errno != ERANGE) {
        printf("math: errors: errno %d\n", errno);
        wrong++;
    }
    for (int i = 0; i < 4; i++)
        t[i] = gk_thread_create("series", series, &each[i], GK_STACK_DEFAULT);
    for (int i = 0; i < 4; i++)
        if (t[i])
            gk_thread_join(t[i]);
        else
            wrong++;
    printf("math: %s\n", wrong ? "wrong" : "right");
    return wrong;
}
