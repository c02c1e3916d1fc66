/* Fused multiply-adds over arrays, stored where a mask says so, and their sum. */
#include <immintrin.h>
#include <stdio.h>
#include <stdlib.h>

enum { ELEMENTS = 4096, LANES = 16 };

static _Alignas(64) float left[ELEMENTS], right[ELEMENTS], out[ELEMENTS];

static __m512 pass(__m512 sum, float threshold) {
    __m512 limit = _mm512_set1_ps(threshold);
    for (int i = 0; i < ELEMENTS; i += LANES) {
        __m512 x = _mm512_load_ps(left + i), y = _mm512_load_ps(right + i);
        __mmask16 above = _mm512_cmp_ps_mask(x, limit, _CMP_GT_OQ);
        __m512 product = _mm512_fmadd_ps(x, y, limit);
        product = _mm512_mask_sub_ps(product, above, product, y);
        _mm512_mask_store_ps(out + i, above, product);
        sum = _mm512_add_ps(sum, product);
    }
    return sum;
}

int main(int count, char **words) {
    int rounds = count > 1 ? atoi(words[1]) : 1;
    for (int i = 0; i < ELEMENTS; i++) {
        left[i] = (float)i * 0.5f;
        right[i] = 1.0f / (float)(i + 1);
    }
    __m512 sum = _mm512_setzero_ps();
    for (int round = 0; round < rounds; round++)
        sum = pass(sum, (float)(round & 1023));
    float total = _mm512_reduce_add_ps(sum);
    for (int i = 0; i < ELEMENTS; i++)
        total += out[i];
    printf("%g\n", (double)total);
    return 0;
}
