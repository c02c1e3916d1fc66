/* Writes to a hundred pages all the time and to ten thousand now and then; calls one function
   once, in the middle. About a million instructions a round. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAGE_WORDS = 512, HOT = 100 * PAGE_WORDS, COLD = 10000 * PAGE_WORDS, STEPS = 30000 };

uint64_t hot[HOT], cold[COLD], counter;

static uint64_t seed = 88172645463325252u;

static uint64_t next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

__attribute__((noinline)) void once(uint64_t round)
{
    printf("once, in round %lu\n", round);
}

__attribute__((noinline)) static uint64_t step(uint64_t i)
{
    uint64_t number = next();
    hot[number % HOT] += i;
    counter++;
    if (i % 64 == 0)
        cold[(number >> 20) % COLD] = number;
    return number;
}

int main(int count, char **words)
{
    uint64_t rounds = count > 1 ? strtoul(words[1], 0, 10) : 1, sum = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        if (round == rounds / 2)
            once(round);
        for (uint64_t i = 0; i < STEPS; i++)
            sum += step(i);
    }
    printf("%lu %lu\n", sum, counter);
    return 0;
}
