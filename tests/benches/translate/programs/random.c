/* Random numbers (xorshift, a multiplication) that say which elements to exchange. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { ELEMENTS = 1 << 16 };

static uint64_t elements[ELEMENTS];
static uint64_t state = 0x9e3779b97f4a7c15u;

static uint64_t next(void) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1du;
}

static void shuffle(void) {
    for (uint64_t left = ELEMENTS; left > 1; left--) {
        /* The high half of a product: below `left`, without a division. */
        uint64_t other = ((next() >> 32) * left) >> 32;
        uint64_t kept = elements[left - 1];
        elements[left - 1] = elements[other];
        elements[other] = kept;
    }
}

int main(int count, char **words) {
    int rounds = count > 1 ? atoi(words[1]) : 1;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < ELEMENTS; i++)
        elements[i] = next();
    for (int round = 0; round < rounds; round++) {
        shuffle();
        for (int i = 1; i < ELEMENTS; i++) {
            if (elements[i - 1] < elements[i])
                sum += elements[i];
            else
                sum ^= elements[i] >> 7;
        }
    }
    printf("%llu\n", (unsigned long long)sum);
    return 0;
}
