/* A search tree of names: inserted, walked, sorted, printed into strings, freed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 20000 };

struct node {
    struct node *left, *right;
    int key;
    char name[20];
};

static unsigned state = 12345;

static int next_key(void) {
    state = state * 1103515245u + 12345u;
    return (int)((state >> 8) % (5 * KEYS));
}

static struct node *insert(struct node *tree, int key) {
    if (!tree) {
        tree = calloc(1, sizeof *tree);
        if (!tree)
            abort();
        tree->key = key;
        snprintf(tree->name, sizeof tree->name, "node-%d", key);
    } else if (key < tree->key) {
        tree->left = insert(tree->left, key);
    } else if (key > tree->key) {
        tree->right = insert(tree->right, key);
    }
    return tree;
}

static size_t walk(const struct node *tree, int *keys, int *count) {
    if (!tree)
        return 0;
    size_t length = walk(tree->left, keys, count);
    keys[(*count)++] = tree->key ^ 0x55;
    return length + strlen(tree->name) + walk(tree->right, keys, count);
}

static void release(struct node *tree) {
    if (!tree)
        return;
    release(tree->left);
    release(tree->right);
    free(tree);
}

static int compare(const void *left, const void *right) {
    int a = *(const int *)left, b = *(const int *)right;
    return (a > b) - (a < b);
}

int main(int count, char **words) {
    static int keys[KEYS];
    int rounds = count > 1 ? atoi(words[1]) : 1;
    size_t sum = 0;
    for (int round = 0; round < rounds; round++) {
        struct node *tree = NULL;
        for (int i = 0; i < KEYS; i++)
            tree = insert(tree, next_key());
        int found = 0;
        sum += walk(tree, keys, &found);
        qsort(keys, (size_t)found, sizeof *keys, compare);
        sum += (size_t)keys[found / 2];
        release(tree);
    }
    printf("%zu\n", sum);
    return 0;
}
