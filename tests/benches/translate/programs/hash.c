/* Compresses text by references to what came before, and hashes the result. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES = 1 << 20, SLOTS = 1 << 14, FAR = 1 << 16, LONGEST = 255, ESCAPE = 255 };

static uint32_t crc_table[256];
static unsigned char text[BYTES], packed[2 * BYTES];

static void make_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++)
            value = value & 1 ? 0xedb88320u ^ (value >> 1) : value >> 1;
        crc_table[i] = value;
    }
}

static uint32_t crc(const unsigned char *bytes, size_t length) {
    uint32_t value = ~0u;
    while (length--)
        value = crc_table[(value ^ *bytes++) & 255] ^ (value >> 8);
    return ~value;
}

static void make_text(void) {
    static const char *const words[] = {"alpha ", "beta ", "gamma delta ", "epsilon",
                                        "\n", " zeta ", "0123", "the quick brown fox "};
    uint32_t state = 1;
    for (size_t at = 0; at < BYTES;) {
        state = state * 1664525u + 1013904223u;
        const char *word = words[state >> 29];
        for (; *word && at < BYTES; word++)
            text[at++] = (unsigned char)*word;
        if ((state >> 13 & 7) == 0 && at < BYTES)
            text[at++] = (unsigned char)(state >> 16);
    }
}

static uint32_t slot(const unsigned char *bytes) {
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
    return (word * 2654435761u) >> 18;
}

/* How many bytes at `at` stand at `before` as well. */
static size_t match(size_t before, size_t at) {
    size_t length = 0;
    while (at + length < BYTES && length < LONGEST && text[before + length] == text[at + length])
        length++;
    return length;
}

static size_t compress(void) {
    static uint32_t latest[SLOTS];
    size_t length = 0, at = 0;
    memset(latest, 0, sizeof latest);
    while (at + 4 < BYTES) {
        uint32_t *seen = &latest[slot(text + at)];
        size_t before = *seen, same = 0;
        *seen = (uint32_t)at;
        if (before < at && at - before < FAR)
            same = match(before, at);
        if (same >= 4) {
            size_t back = at - before;
            packed[length++] = ESCAPE;
            packed[length++] = (unsigned char)same;
            packed[length++] = (unsigned char)back;
            packed[length++] = (unsigned char)(back >> 8);
            at += same;
        } else {
            if (text[at] == ESCAPE)
                packed[length++] = ESCAPE;
            packed[length++] = text[at++];
        }
    }
    while (at < BYTES)
        packed[length++] = text[at++];
    return length;
}

int main(int count, char **words) {
    int rounds = count > 1 ? atoi(words[1]) : 1;
    uint32_t sum = 0;
    make_table();
    make_text();
    for (int round = 0; round < rounds; round++) {
        text[round * 4099 % BYTES] ^= (unsigned char)round;
        size_t length = compress();
        sum = sum * 31 + (crc(packed, length) ^ (uint32_t)length);
    }
    printf("%u\n", sum);
    return 0;
}
